"""The signal reference: a page for each group of ids, with examples from tests/cases."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docs_markdown import anchor, block, code, codes, escaped, folded, page, table, techniques
from installer_trees.regex import MATCH_CHARS
from installer_trees.texts import cut

ROOT = Path(__file__).resolve().parent.parent
SIGNALS = ROOT / "package" / "lookups" / "installerscore_signals.csv"
CASES = ROOT / "tests" / "cases"
SOURCE = "package/lookups/installerscore_signals.csv and tests/cases"
LINE_CHARS = 160
Row = dict[str, str]

PAGES = {
    "windows-installer": (
        "Windows Installer, MSIX, updates and package managers of Windows",
        "MSI MSX MSU COM WNG CHO SQR STR",
    ),
    "windows": ("Processes under installers on Windows", "WIN"),
    "unix": ("Processes under installers on Linux and macOS", "LNX"),
    "macos": ("macOS packages", "MAC"),
    "packages": ("Package managers of programming languages", "PKG"),
    "events": ("Network, file, registry and service events", "NET FIL REG SVC"),
}
"""Pages by name: what they are about, and the first letters of the ids on them."""

SCOPES = {
    "root": "an installer's own process",
    "child": "a child of an installer",
    "descendant": "any process below an installer",
    "any": "any process of an installer tree",
    "tree": "the tree as a whole",
}

EVENTS = {
    "network": (("dest_ip", "url"), ("action", "app", "url", "dest_ip", "dest_port")),
    "file": (("file_path",), ("action", "file_path")),
    "registry": (("registry_path",), ("registry_path", "registry_value_data")),
    "service": (("service_name",), ("service_name", "service_path", "start_mode")),
}
"""Kinds of events that processes own: fields that tell them, and fields to show."""

INTRODUCTION = """
A signal is one thing that a process tree under an installer should not do, or seldom does. Signals
that are found in a tree combine to its score as `100 * (1 - product(1 - weight/100))`: each adds a
share of what the ones before it left open. A signal counts once a tree, with a gain of 5% for each
further match, 20% at most. Of signals in one group that match the same process, only the strongest
counts. `output=trees` names the signals in `signal`, and their points, processes and matched text
in `signal_detail`.

A signal looks at one field of one kind of row, in one place of the tree. Patterns are regular
expressions of Python, searched in the first {chars:,} characters of a value. Weights can be changed
and signals switched off without touching these files: see [Tune](../../tune.md).
"""


def rows() -> list[Row]:
    """Return the rows of the catalogue."""
    with SIGNALS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def pages() -> dict[str, str]:
    """Return the text of each page of the reference, by its path below docs/reference.

    Raises:
        ValueError: The first letters of an id belong to no page.
    """
    prefixes = {p: name for name, (_, letters) in PAGES.items() for p in letters.split()}
    grouped: dict[str, list[Row]] = {name: [] for name in PAGES}
    for row in rows():
        prefix = row["signal_id"][:3]
        if prefix not in prefixes:
            raise ValueError(f"{row['signal_id']}: add {prefix} to PAGES in tools/docs_signals.py")
        grouped[prefixes[prefix]].append(row)
    written = {f"signals/{n}.md": _group_page(n, found) for n, found in grouped.items()}
    return {"signals/index.md": _overview(grouped), **written}


def _overview(grouped: dict[str, list[Row]]) -> str:
    lines = []
    for name, found in grouped.items():
        lines += [f"## {PAGES[name][0]}", ""]
        header = ("signal", "what it finds", "weight", "systems", "ATT&CK")
        cells = (
            (
                f"[{row['signal_id']}]({name}.md#{row['signal_id'].lower()})",
                escaped(row["title"]),
                row["weight"],
                row["os"],
                techniques(row["mitre_technique_id"].split()),
            )
            for row in found
        )
        lines += [*table(header, cells), ""]
    count = sum(map(len, grouped.values()))
    terms = INTRODUCTION.format(chars=MATCH_CHARS)
    return page("Signals", SOURCE, f"{count} signals ship with the add-on.\n{terms}", lines)


def _group_page(name: str, found: Iterable[Row]) -> str:
    lines: list[str] = []
    for row in found:
        lines += [*_signal(row), ""]
    introduction = "What the terms mean is in the [overview of all signals](index.md)."
    return page(f"Signals: {PAGES[name][0]}", SOURCE, introduction, lines)


def _signal(row: Row) -> list[str]:
    signal_id = row["signal_id"]
    cases = json.loads((CASES / f"{signal_id}.json").read_text(encoding="utf-8"))
    facts = [("weight", row["weight"])]
    if row["group"]:
        facts.append(("group", code(row["group"])))
    facts += [
        ("installers", _installers(row["family"])),
        ("systems", row["os"]),
        ("looks at", _looks_at(row)),
        ("ATT&CK", techniques(row["mitre_technique_id"].split())),
        ("source", escaped(row["source"])),
    ]
    lines = [anchor(signal_id), "", f"## {signal_id}: {escaped(row['title'])}", ""]
    lines += [f"**Why:** {escaped(row['rationale'])}", ""]
    lines += [f"**Known false positives:** {escaped(row['known_false_positives'])}", ""]
    lines += [*table(("", ""), facts), ""]
    lines += _example("Matches", cases["match"], signal_id)
    lines += _example("Looks alike and does not match", cases["near_miss"], signal_id)
    return lines + folded("Pattern and conditions", _pattern(row))


def _installers(family: str) -> str:
    words = [word.partition(":") for word in family.split()]
    named = [word for word, _, bound in words if word != "any" and bound == ""]
    but = [word for word, _, bound in words if bound == "0"]
    said = codes(named) if named else "all"
    if but:
        said += f" but {codes(but)}"
    for word, _, bound in words:
        if bound not in ("", "0"):
            said += f", below {code(word)} at most {bound} points"
    return said


def _looks_at(row: Row) -> str:
    kind = "" if row["kind"] == "process" else f"{row['kind']} events of "
    return f"{code(row['field'])} of {kind}{SCOPES[row['scope']]}"


def _pattern(row: Row) -> list[str]:
    lines = block(f"{row['field']} ~ {row['pattern']}")
    if row["conditions"]:
        conditions = row["conditions"].replace(" && ", "\n")
        lines += ["", "and all of:", "", *block(conditions)]
    if int(row["min_distinct"] or 1) > 1:
        where = "below one parent" if row["distinct_within"] == "parent" else "in one tree"
        lines += ["", f"at least {row['min_distinct']} different texts {where}"]
    return lines


def _example(title: str, cases: list[dict[str, Any]], signal_id: str) -> list[str]:
    more = len(cases) - 1
    rest = f" (one of {more + 1} in `tests/cases/{signal_id}.json`)" if more else ""
    return [f"{title}{rest}:", "", *block("\n".join(_drawn(cases[0]["events"]))), ""]


def _drawn(events: list[dict[str, Any]]) -> list[str]:
    """Draw the events of a case: children below their parents, other events below their owner."""
    below: dict[int | None, list[int]] = {}
    for i, event in enumerate(events):
        below.setdefault(event.get("by", event.get("parent")), []).append(i)
    lines: list[str] = []
    waiting = [(i, 0) for i in reversed(below.get(None, []))]
    while waiting:
        i, depth = waiting.pop()
        lines.append("   " * depth + ("└─ " if depth else "") + _label(events[i]))
        waiting += [(child, depth + 1) for child in reversed(below.get(i, []))]
    return lines


def _label(event: dict[str, Any]) -> str:
    for kind, (marks, fields) in EVENTS.items():
        if any(mark in event for mark in marks):
            said = " ".join(str(event[field]) for field in fields if event.get(field))
            return cut(f"{kind} event: {said}", LINE_CHARS)
    process = str(event.get("process", ""))
    name = str(event.get("process_name", ""))
    first = process.strip('"').replace("\\", "/").split('"', 1)[0].split(" ", 1)[0]
    said = first.rsplit("/", 1)[-1].lower()
    prefix = f"{name}: " if name and process and said != name.lower() else ""
    parent = event.get("parent_process_name")
    under = f"   (started by {parent})" if parent and "parent" not in event else ""
    return cut(prefix + (process or name), LINE_CHARS) + under
