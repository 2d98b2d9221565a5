"""What the saved searches must find, as sample files for pytest-splunk-addon.

The data are those of tests/searches, one host for each case, moved to the time of this run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sample_events import KINDS, SOURCETYPE, raw
from spl.cases import FOLDER, NOW, Case, load
from spl.conf import stanzas

ROOT = Path(__file__).resolve().parents[2]
SEARCHES = set(stanzas(ROOT / "package" / "default" / "savedsearches.conf"))
SUMMARY = "summary"
HOST_FIELDS = ("dest", "dvc", "src", "Computer")


def write(folder: Path, now: float) -> None:
    """Write samples, and the file that describes them to the plugin, into an empty folder."""
    (folder / "samples").mkdir()
    stanza_texts = []
    for number, ((kind, source, index), lines) in enumerate(sorted(_lines(now).items())):
        name = f"{kind}-{number}.sample"
        (folder / "samples" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        stanza_texts.append(
            f"[{name}]\nsourcetype = {SOURCETYPE}{kind}\nsource = {source}\n"
            f"host = knowledge-{int(now)}-{number}\nexpected_event_count = {len(lines)}\n"
            f"index = {index}\ninput_type = default\ntimestamp_type = plugin\n"
        )
    conf = folder / "pytest-splunk-addon-data.conf"
    conf.write_text("\n".join(stanza_texts), encoding="utf-8")


def _lines(now: float) -> dict[tuple[str, str, str], list[str]]:
    """Return the events of all hits, by the end of their source type, by source and by index."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for case, hosts in _cases():
        for data_set, rows in case.data.items():
            kind = KINDS[data_set]
            for row in rows:
                moved = {**row, **{f: hosts[row[f]] for f in HOST_FIELDS if row.get(f) in hosts}}
                index = SUMMARY if row.get("index") == SUMMARY else "main"
                key = kind, str(row.get("source", "knowledge")), index
                found.setdefault(key, []).append(raw(moved, kind, now - NOW))
    return found


def _cases() -> list[tuple[Case, dict[str, str]]]:
    """Return all hits, each with new names for its hosts."""
    hits = [c for path in sorted(FOLDER.glob("*.yml")) for c in load(path) if c.kind == "hits"]
    return [(case, {h: f"{h}-{n}" for h in _hosts(case)}) for n, case in enumerate(hits)]


def _hosts(case: Case) -> set[Any]:
    """Return what owns events; the remote end of a connection does not."""
    owners = {"Network_Traffic.All_Traffic": ("dvc", "src"), "events": ("dest", "Computer")}
    found = {
        row.get(field)
        for name, rows in case.data.items()
        for row in rows
        for field in owners.get(name, ("dest",))
    }
    return found - {None, "unknown"}
