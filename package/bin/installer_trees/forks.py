"""What a process of an install did after a fork that no sensor told.

Many sensors tell exec calls only. A fork that goes on with the program it is a copy of has a GUID
of its own then, which no event of its beginning has: its children name that GUID, and the command
line of the process that forked. Where there are no GUIDs, `parents.py` bridges such forks by the
command line alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Container, Iterable
from itertools import chain

from .alike import of_windows
from .events import Process
from .identity import History
from .key_index import KeyIndex
from .links import Branch, Linker
from .parents import PARENT_FIELDS
from .rows import RowStore

GENERATIONS = 8
"""Forks of what forks started are followed so far."""

_ANYBODY = re.compile(
    r"-?(?:/\S{0,60}/)?(?:(?:ba|da|z|k|a|tc|c|fi)?sh(?:\s+-[il]{1,2})?|systemd(?:\s+--user)?|init"
    r"|launchd)\s*$"
)
"""What may run more than once on any host: the line does not tell which one it is."""


def bridge(linker: Linker, branches: list[Branch]) -> None:
    """Take in what grew from forks of the processes of installs.

    Args:
        linker: What the branches were grown with; it learns whose forks the unknown GUIDs are.
        branches: All installs; they are changed in place.
    """
    store = linker.store
    if not any(store.own_guid):
        return
    branch_of = {row: branch for branch in branches for row in branch.members}
    claimed = set(branch_of)
    index = KeyIndex(store.parent_command, linker.events)
    rows_of: dict[int, list[int]] = defaultdict(list)
    new = [row for row in claimed if row >= 0]
    for _ in range(GENERATIONS):
        lines = _note(store, new, rows_of)
        index.expect(lines)
        strangers = {
            linker.canonical(row)
            for row in chain.from_iterable(map(index.rows, lines))
            if store.parent_guid[row] and row not in claimed
        }
        strangers -= claimed
        linker.tops(strangers)  # which cuts circles
        new, forkers = [], {}
        for row in linker.sort(strangers):
            told = next(copy for copy in linker.copies(row) if _tells_a_fork(store, copy, rows_of))
            line = store.parent_command[told]
            if line not in forkers:
                known = linker.sort(rows_of[line])
                forkers[line] = [store.time[row] for row in known], known
            forker = _forker_of(linker, row, forkers[line])
            if forker == -1 or row in claimed:
                continue
            branch = branch_of[forker]
            if store.time[row] - linker.process(branch.top).time <= linker.lifetime:
                grown = linker.grow(row, claimed)
                branch.hang(grown.parent, row, forker, PARENT_FIELDS)
                branch_of.update(dict.fromkeys(grown.members, branch))
                linker.forks.setdefault(store.parent_guid[told], forker)
                new += grown.members


def _note(store: RowStore, rows: Iterable[int], rows_of: dict[int, list[int]]) -> set[int]:
    """Note the rows that have a GUID by the key of their command line; return these keys."""
    lines = set()
    for row in rows:
        line = store.own_command[row]
        if line and store.own_guid[row]:
            lines.add(line)
            rows_of[line].append(row)
    return lines


def _tells_a_fork(store: RowStore, row: int, forkers: Container[int]) -> bool:
    """Tell whether a row names a parent by GUID, and the command line of a known process."""
    return bool(store.parent_guid[row]) and store.parent_command[row] in forkers


def _forker_of(linker: Linker, row: int, forkers: History) -> int:
    """Return the last of some processes before a row of which its parent is a fork, -1 for none."""
    times, rows = forkers
    place = bisect_right(times, linker.store.time[row]) - 1
    if place < 0 or linker.parent_of(row)[0] != -1:
        return -1
    of_init = linker.process(row).parent_process_id == "1"
    return rows[place] if not of_init and _may_fork(linker.process(rows[place])) else -1


def _may_fork(process: Process) -> bool:
    """Tell whether the line of a process tells it from others; Windows has no fork."""
    return not of_windows(process) and not _ANYBODY.match(process.process)
