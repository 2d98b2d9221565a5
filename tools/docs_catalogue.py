"""Reference pages for the installers that are recognized, and for the shipped allowlist."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from docs_markdown import anchor, block, codes, escaped, folded, page, table

LOOKUPS = Path(__file__).resolve().parent.parent / "package" / "lookups"
Row = dict[str, str]

ROLES = {
    "root": "begins a tree",
    "service": "begins a tree, and works for the requests of others, which are tied to it",
    "stage": "a stage of an install that another process asked for",
    "carrier": "installs nothing, but runs what an install left; a tree only with something below",
}
ALLOWANCE_SCOPES = {
    "requester": "the install as a whole, by who started it",
    "root": "the install as a whole, by the installer",
    "process": "what the process itself did",
    "subtree": "what the process and those below it did",
}

ROOTS = """
An installer tree begins at a process that one of these rows recognizes. A row matches by the name
of the process or by its original file name, in any case, with `*` for anything; where it has
patterns for path, arguments or the parent's name, they must match too, and one for exclusions must
not. The first row that matches counts. Package managers written in a language, such as pip, npm
and gem, appear under the name of its interpreter and are told by their arguments; queries such as
`dpkg -l` and `pip list` are no installs. `installer_family` is the first family of the row.
"""

ALLOWLIST = """
An entry makes the signals that it covers weigh less where it applies; it never hides a tree. What
it takes off is bounded by the allowlist bound of the configuration page, 60% as shipped, and
`allowlist` and `score_json` say in each row which entries applied. Entries of your own belong on
the configuration page, not into this file, which an upgrade replaces.
"""


def rows(name: str) -> list[Row]:
    """Return the rows of a lookup file."""
    with (LOOKUPS / f"installerscore_{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pages() -> dict[str, str]:
    """Return the text of both pages, by their path below docs/reference."""
    return {"roots.md": _roots(), "allowlist.md": _allowlist()}


def _roots() -> str:
    by_system: dict[str, list[Row]] = {}
    for row in rows("roots"):
        by_system.setdefault(row["os"], []).append(row)
    lines: list[str] = []
    for system, found in by_system.items():
        lines += [f"## {'Any system' if system == 'any' else _SYSTEMS[system]}", ""]
        for row in found:
            lines += [*_root(row), ""]
    source = "package/lookups/installerscore_roots.csv"
    return page("Installers that are recognized", source, ROOTS, lines)


_SYSTEMS = {"windows": "Windows", "macos": "macOS", "linux": "Linux"}


def _root(row: Row) -> list[str]:
    names = row["process_name"].split("|") if row["process_name"] else []
    facts = [
        ("names", codes(names)),
        ("original names", codes(filter(None, row["original_file_name"].split("|")))),
        ("families", codes(row["family"].split())),
        ("role", ROLES[row["role"]]),
        ("source", escaped(row["source"])),
    ]
    lines = [anchor(row["root_id"]), "", f"### {row['root_id'].replace('_', ' ')}", ""]
    note = escaped(row["note"])
    lines += [f"{note[0].upper()}{note[1:]}.", ""] if note else []
    lines += table(("", ""), (fact for fact in facts if fact[1]))
    columns = "path args exclude parent package".split()
    patterns = [f"{c}: {row[f'{c}_pattern']}" for c in columns if row.get(f"{c}_pattern")]
    if patterns:
        lines += ["", *folded("Patterns", block("\n".join(patterns)))]
    return lines


def _allowlist() -> str:
    lines: list[str] = []
    for row in rows("allowlist"):
        lines += [*_allowance(row), ""]
    source = "package/lookups/installerscore_allowlist.csv"
    return page("Shipped allowlist", source, ALLOWLIST, lines)


def _allowance(row: Row) -> list[str]:
    everything = row["signals"] == "*"
    facts: Iterable[tuple[str, str]] = [
        ("takes off", f"{row['reduction']}% of {ALLOWANCE_SCOPES[row['scope']]}"),
        ("signals", "all" if everything else codes(row["signals"].split())),
        ("installers", "all" if row["family"] == "any" else codes(row["family"].split())),
        ("systems", row["os"]),
        ("expires", row["expires"] or "never"),
        ("source", escaped(row["source"])),
    ]
    lines = [anchor(row["allow_id"]), "", f"## {row['allow_id']}: {escaped(row['title'])}", ""]
    lines += [escaped(row["reason"]), "", *table(("", ""), facts), ""]
    return lines + folded("Pattern", block(f"{row['field']} ~ {row['pattern']}"))
