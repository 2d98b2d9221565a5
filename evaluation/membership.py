"""Which tree a row belongs to, so that a rule's hit on it counts for that tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .model import FoundTree, Row

Key = tuple[str, str, str]
SLACK_SECONDS = 5.0


def tree_of_rows(rows: Sequence[Row], trees: Sequence[FoundTree]) -> list[int]:
    """Return for each row the index of its tree, -1 for none.

    Process creations are in the tree that the command put them in. Other events, and second copies
    of a process, belong to the tree of the process that they name: by GUID, else by host and
    process id, the last one that started before (or up to five seconds after).
    """
    owner = [-1] * len(rows)
    for number, tree in enumerate(trees):
        for member in tree.members:
            owner[member] = number
    starts: dict[Key, list[tuple[float, int]]] = {}
    for number, row in enumerate(rows):
        if owner[number] >= 0 or "parent_process_id" in row or "parent_process_guid" in row:
            for key in _keys(row):
                starts.setdefault(key, []).append((_time(row), owner[number]))
    for times in starts.values():
        times.sort()
    for number, row in enumerate(rows):
        if owner[number] < 0:
            owner[number] = _lookup(row, starts)
    return owner


def _lookup(row: Row, starts: dict[Key, list[tuple[float, int]]]) -> int:
    for key in _keys(row):
        before = [tree for time, tree in starts.get(key, ()) if time <= _time(row) + SLACK_SECONDS]
        if before:
            return before[-1]
    return -1


def _keys(row: Row) -> Iterator[Key]:
    for host in ("src", "dest"):
        if host in row:
            name = str(row[host]).lower()
            if "process_guid" in row:
                yield "guid", name, str(row["process_guid"])
            elif "process_id" in row:
                yield "pid", name, str(row["process_id"])


def _time(row: Row) -> float:
    try:
        return float(row["_time"])
    except (KeyError, ValueError):
        return float("inf")
