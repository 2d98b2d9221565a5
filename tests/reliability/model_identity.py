"""Which rows are one process, in the plainest code."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, Union

from reliability.model_rows import CONTENT, Row, cleaned, kind_of, same_name, usable

SAME_PROCESS_SECONDS = 2.0
LOOK_BACK = 8
"""Of the processes that had one id, only this many are considered."""


class Standin(NamedTuple):
    """A parent that never arrived, as its earliest child that calls it an installer tells it.

    `key` is what its children share, `told_by` that earliest child.
    """

    key: tuple[str, ...]
    told_by: int
    time: float
    dest: str
    user: str
    process_name: str
    process: str
    process_path: str
    process_id: str
    process_guid: str


Who = Union[int, Standin]
"""A process, by the place of its row in the list, or a parent that never arrived."""


class Identity:
    """Answers for one list of rows.

    Args:
        rows: As a sensor sent them, in any order.
        lifetime: Seconds after the start of an installer in which a process still belongs to it.
    """

    def __init__(self, rows: list[Row], lifetime: float) -> None:
        self.rows = [cleaned(row) for row in rows]
        self.lifetime = lifetime
        self.refused = [i for i, row in enumerate(self.rows) if not usable(row)]
        kept = [i for i, row in enumerate(self.rows) if usable(row)]
        self.events = [i for i in kept if self.rows[i]["dest_ip"]]
        self.processes = [i for i in kept if not self.rows[i]["dest_ip"]]
        self._representative = {i: self._first_of(i) for i in self.processes}

    def order(self, who: Who) -> tuple[Any, ...]:
        """Order by time, then by content; for a stand-in also by that of the child that tells."""
        if isinstance(who, Standin):
            content = who._asdict()
            said = [str(content.get(name, "")) for name in CONTENT]
            return (who.time, *_spelled_last(said), *self.order(who.told_by)[1:])
        return (self.rows[who]["time"], *_spelled_last([self.rows[who][n] for n in CONTENT]))

    def sorted(self, rows: Iterable[Any]) -> list[Any]:
        return sorted(rows, key=self.order)

    def on_host(self, row: int) -> list[int]:
        host = self.rows[row]["host"]
        return [i for i in self.processes if self.rows[i]["host"] == host]

    def _first_of(self, row: int) -> int:
        """The row that stands for all copies of a process.

        Of rows with one process id, the richest of those that are one process (see `groups`). If
        that one has a GUID, the richest of all rows with the GUID.
        """
        pid = self.rows[row]["pid"]
        best = row
        if pid:
            (group,) = (g for g in self.groups(row, pid) if row in g)
            best = self.richest(group)
        guid = self.rows[best]["guid"]
        if guid:
            best = self.richest(i for i in self.on_host(row) if self.guid(i) == guid)
        return best

    def guid(self, row: int) -> str:
        return str(self.rows[row]["guid"])

    def richest(self, rows: Iterable[int]) -> int:
        """A GUID counts most, then being an installer, then a command line; then the earliest."""

        def poverty(i: int) -> tuple[bool, bool, bool]:
            row = self.rows[i]
            return not row["guid"], kind_of(row) is None, not row["process"]

        return int(min(self.sorted(rows), key=poverty))

    def groups(self, near: int, pid: str) -> list[list[int]]:
        """Rows with one id on one host, those together that are one process.

        From the oldest to the newest, a row joins the newest group that began at most two seconds
        before it and of which nobody contradicts it.
        """
        groups: list[list[int]] = []
        same = [i for i in self.on_host(near) if self.rows[i]["pid"] == pid]
        for row in self.sorted(same):
            for group in reversed(groups[-LOOK_BACK:]):
                if self.rows[row]["time"] - self.rows[group[0]]["time"] > SAME_PROCESS_SECONDS:
                    group = []
                    break
                if all(self.one_process(row, other) for other in group[:LOOK_BACK]):
                    break
            else:
                group = []
            if group:
                group.append(row)
            else:
                groups.append([row])
        return groups

    def one_process(self, a: int, b: int) -> bool:
        """By GUID where both have one, else by command line, else by name."""
        one, other = self.rows[a], self.rows[b]
        for field in ("guid", "process"):
            if one[field] and other[field]:
                return bool(one[field] == other[field])
        return same_name(one["process_name"], other["process_name"])

    def stands_for(self, row: int) -> int:
        return self._representative[row]

    def history(self, near: int, pid: str) -> list[int]:
        """The processes that had an id on the host of `near`, oldest first."""
        if not pid:
            return []
        rows = [i for i in self.on_host(near) if self.rows[i]["pid"] == pid]
        return self.sorted({self.stands_for(i) for i in rows})


def _spelled_last(content: list[str]) -> tuple[str, ...]:
    """How a host is spelled tells two rows apart only where nothing else does."""
    host, *others = content
    return (host.lower(), *others, host)
