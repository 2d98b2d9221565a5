"""What the command said to each set of installs before anything was mended with it.

The figures were written down when a set came, and cannot be measured again: the catalogue has seen
the sets since. Each is of authors who had not seen the catalogue.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from .tables import Table, as_markdown

FILE = Path(__file__).with_name("first_sight.csv")
UNSEEN, RECORDED = "unseen", "recorded"
KINDS = {
    "found": ("malicious", "malicious, medium or above"),
    "high": ("malicious", "high or above"),
    "quiet_found": ("quiet", "quiet or disguised ones besides, medium or above"),
    "flagged": ("benign", "benign, medium or above"),
    "hard_flagged": ("hard", "hard ones besides, medium or above"),
}
"""Columns of the file: how many of them, and what a table calls them."""

SETS = {
    UNSEEN: "Written and transcribed traces of all systems, most of Windows and macOS "
    "(`tests/unseen`)",
    RECORDED: "Recorded installs on Linux (`tests/recorded`)",
}
INTRODUCTION = """\
Each set came from authors who had not seen the catalogue; what it said to them at once is this.
Afterwards misses and false alarms were explained with them (never with those of *unseen, held
out*), so that the tables of today say more of most sets. In the written traces quiet malicious ones
and hard benign ones, which do what malware does, are counted with the others."""

Round = dict[str, str]


def rounds(name: str) -> list[Round]:
    """Return the sets of `UNSEEN` or `RECORDED` installs, in the order in which they came."""
    with FILE.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["set"] == name]


def total(name: str, kind: str) -> tuple[int, int]:
    """Return how many of one of the `KINDS` there are in all sets that tell it, and of how many."""
    of, _ = KINDS[kind]
    known = [r for r in rounds(name) if r[kind]]
    return sum(int(r[kind]) for r in known), sum(int(r[of]) for r in known)


def table(name: str) -> Table:
    """Return one row a set and one for all together; only the columns that some set fills."""
    kinds = [kind for kind in KINDS if total(name, kind)[1]]
    header = ["round", "what", *(KINDS[kind][1] for kind in kinds)]
    rows = [
        [r["round"], r["what"], *(_share(r[kind], r[KINDS[kind][0]]) for kind in kinds)]
        for r in rounds(name)
    ]
    sums = [_share(*map(str, total(name, kind))) for kind in kinds]
    return header, [*rows, ["all", "", *sums]]


def _share(found: str, of: str) -> str:
    return f"{found} of {int(of):,}" if found else ""


def lines() -> Iterator[str]:
    """Yield the section of docs/quality.md."""
    yield from ("## At first sight", "", INTRODUCTION, "")
    for name, said in SETS.items():
        yield from (f"{said}:", "", as_markdown(table(name)), "")
