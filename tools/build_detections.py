"""Write package/default/{savedsearches,macros}.conf from detections/ and the roots lookup.

Each search is one file, detections/searches/<name>.yml; macros that are no search's filter are in
detections/macros.conf. Run it after a change there or in package/lookups/installerscore_roots.csv;
a test fails when the conf files are not what it writes.

    python tools/build_detections.py [--check]
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

import roots_filter
import yaml
from savedsearch_keys import SOURCE, Search, keys, line, slug, stanza_name

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "package" / "default"
ROOTS = ROOT / "package" / "lookups" / "installerscore_roots.csv"

HEADER = "# Written by tools/build_detections.py from detections/: change it there.\n"
FILTER_DESCRIPTION = "Update this macro to limit the output results to filter out false positives."
ROOT_DESCRIPTIONS = {
    "process_installer": "installers of an operating system or desktop",
    "process_package_manager": "package managers of Linux and of programming languages",
    "installer_children": "children of installers of an operating system or desktop",
    "installer_package_manager_children": "children of package managers",
}
APP_LOCAL = {
    "process_msiexec": "(Processes.process_name=msiexec.exe "
    "OR Processes.original_file_name=msiexec.exe)",
    "security_content_summariesonly": "`installer_tstats`",
    "security_content_ctime": 'convert timeformat="%Y-%m-%dT%H:%M:%S" ctime({0})',
    "drop_dm_object_name": 'rename "{0}.*" as *',
}
"""Macros that other apps do not see, and what stands for them in a drilldown."""


def searches() -> list[Search]:
    """Return all searches, in the order of their names.

    Raises:
        ValueError: A file's name is not that of its search.
    """
    found = []
    for path in sorted(SOURCE.glob("searches/*.yml")):
        search = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.stem != slug(search["name"]):
            raise ValueError(f"{path.name} should be {slug(search['name'])}.yml")
        found.append(search)
    return found


def savedsearches_conf() -> str:
    """Return the text of savedsearches.conf."""
    text = HEADER
    for search in searches():
        text += f"\n[{stanza_name(search)}]\n"
        for key, value in keys(search, drilldown_base(search)).items():
            text += f"{key} = {_continued(value)}\n"
    return text


def macros_conf() -> str:
    """Return the text of macros.conf."""
    with ROOTS.open(encoding="utf-8", newline="") as file:
        filters = roots_filter.definitions(csv.DictReader(file))
    text = HEADER + "\n" + (SOURCE / "macros.conf").read_text(encoding="utf-8")
    for name, definition in filters.items():
        text += f"\n[{name}]\ndefinition = {definition}\n"
        text += "description = CIM filter for process creations that may be "
        text += f"{ROOT_DESCRIPTIONS[name]}. Made from installerscore_roots.csv.\n"
    for search in searches():
        text += f"\n[{slug(search['name'])}_filter]\ndefinition = search *\n"
        text += f"description = {FILTER_DESCRIPTION}\n"
    return text


def drilldown_base(search: Search) -> str:
    """Return a search on one line, without its filter and without macros of this app only.

    A drilldown takes what stands between two `$` for a token, so patterns say it otherwise there.
    It reads the time range of the finding, so that of a part of the search, counted from now, goes.
    """
    own_filter = f"| `{slug(search['name'])}_filter`"
    text = line(search["search"].strip().removesuffix(own_filter))
    text = re.sub(r"\bearliest=\S+ latest=\S+ ", "", text)
    text = re.sub(r"`(\w+)(?:\((\w+)\))?`", _exported, text)
    return text.replace("\\$", "\\x24").replace("$", "\\Z")


def _exported(call: re.Match[str]) -> str:
    stands_for = APP_LOCAL.get(call[1])
    return call[0] if stands_for is None else stands_for.format(call[2])


def _continued(value: str) -> str:
    return " \\\n".join(part.rstrip() for part in value.splitlines())


def main() -> int:
    """Write the conf files, or with --check say which would change."""
    check, stale = "--check" in sys.argv, 0
    for path, text in (
        (DEFAULT / "macros.conf", macros_conf()),
        (DEFAULT / "savedsearches.conf", savedsearches_conf()),
    ):
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{path.relative_to(ROOT)} {'is stale' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
