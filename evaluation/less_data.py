"""What is still found where the data says less: the same events with parts of them taken away.

Sources differ in what they tell and how long they keep it. An admin who has to choose sees here
what each part is worth.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence

from .command import View, creations, found_in
from .measure import measure
from .model import DataSet, Findings, FoundTree, Result, Row

GUIDS = ("process_guid", "parent_process_guid")
PATHS = ("process_path", "parent_process_path")
PARENT = ("parent_process_name", "parent_process", "parent_process_path")
LOST_ROWS = 0.03
LINE_CHARS = 500


def measured(data: DataSet, trees: Sequence[FoundTree]) -> Result:
    """Count what the command finds in each view of the data, beside its trees in all of it."""
    return measure(data, trees, list(_findings(data)))


def _findings(data: DataSet) -> Iterator[Findings]:
    for name, view in VIEWS.items():
        yield found_in(data.rows, view, name)


def without(*fields: str) -> Callable[[Row], Row]:
    """Return a view without some fields."""
    return lambda row: {name: value for name, value in row.items() if name not in fields}


def whole_seconds(row: Row) -> Row:
    """Cut off what comes after the second."""
    time = row.get("_time")
    return {**row, "_time": float(int(time))} if isinstance(time, float) else row


def as_4688(row: Row) -> Row | None:
    """Show a process creation as the Windows Security log does: ids in hexadecimal, no GUID."""
    if creations(row) is None:
        return None
    seen = _IN_4688(row)
    for name in ("process_id", "parent_process_id"):
        if str(seen.get(name, "")).isdecimal():
            seen[name] = hex(int(seen[name]))
    return seen


def as_4688_without_lines(row: Row) -> Row | None:
    """Show the same where the policy that includes command lines is not set."""
    seen = as_4688(row)
    return without("process")(seen) if seen else None


def cut_lines(row: Row) -> Row:
    """Cut command lines, as some forwarders and agents do."""
    lines = {n: str(row[n])[:LINE_CHARS] for n in ("process", "parent_process") if n in row}
    return {**row, **lines}


def some_lost(row: Row) -> Row | None:
    """Lose a fixed share of the rows, always the same ones."""
    content = json.dumps(row, sort_keys=True).encode()
    number = int.from_bytes(hashlib.sha256(content).digest()[:8], "big")
    return row if number >= LOST_ROWS * 2**64 else None


_IN_4688 = without(*GUIDS, "original_file_name", "parent_process", "process_exec", "process_hash")

VIEWS: dict[str, View] = {
    "no GUIDs": without(*GUIDS),
    "no `original_file_name`": without("original_file_name"),
    "no command line of the parent": without("parent_process"),
    "no name, path or command line of the parent": without(*PARENT),
    "no paths of programs": without(*PATHS),
    "times in whole seconds": whole_seconds,
    f"command lines cut after {LINE_CHARS} characters": cut_lines,
    f"{LOST_ROWS:.0%} of all rows lost": some_lost,
    "process creations only": creations,
    "process creations as event 4688 has them": as_4688,
    "the same without command lines": as_4688_without_lines,
}
"""Ways in which real data says less than that of the tests, by name."""
