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
        self.kept = [i for i, row in enumerate(self.rows) if usable(row)]
        self.events = [i for i in self.kept if self.rows[i]["dest_ip"]]
        self.processes = [i for i in self.kept if not self.rows[i]["dest_ip"]]
        self._copies = {i: self._all_of(i) for i in self.processes}

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

    def _all_of(self, row: int) -> list[int]:
        """All copies of a process, the richest of them first, which stands for them.

        Copies are rows with one process id that are one process (see `groups`), and rows with one
        GUID that do not have two process ids; and the copies of copies.
        """
        copies = {row}
        while True:
            more = {other for copy in copies for other in self._copies_of(copy)} | copies
            if more == copies:
                return self.by_wealth(copies)
            copies = more

    def _copies_of(self, row: int) -> set[int]:
        me = self.rows[row]
        found = {row}
        for group in self.groups(row, me["pid"]) if me["pid"] else []:
            found |= set(group) if row in group else set()
        for image in self.images(row) if me["guid"] else []:
            found |= set(image) if row in image else set()
        return found

    def images(self, near: int) -> list[list[int]]:
        """The rows with the GUID of `near`, those together that tell one image.

        From the oldest to the newest, a row joins the newest image with its process id whose first
        row it does not contradict, else such a one without an id; one without an id the newest.
        """
        guid = self.guid(near)
        images: list[list[int]] = []
        for row in self.sorted([i for i in self.on_host(near) if self.guid(i) == guid]):
            pid = self.rows[row]["pid"]
            known = {id(image): self.id_of(image) for image in images}
            same = [image for image in images if known[id(image)] == pid][-LOOK_BACK:]
            without = [image for image in images if not known[id(image)]][-LOOK_BACK:]
            asked = without + same if pid else images[-LOOK_BACK:]
            fits = [image for image in asked if self.one_process(row, image[0])]
            if fits:
                fits[-1].append(row)
            else:
                images.append([row])
        return images

    def id_of(self, image: list[int]) -> str:
        return next((str(self.rows[i]["pid"]) for i in image if self.rows[i]["pid"]), "")

    def guid(self, row: int) -> str:
        return str(self.rows[row]["guid"])

    def of_guid(self, near: int, guid: str, pid: str, time: float) -> int | None:
        """The process with a GUID on the host of `near`.

        Of several the last before a time that has the process id, else the last before it, else the
        first.
        """
        rows = {self.stands_for(i) for i in self.on_host(near) if guid and self.guid(i) == guid}
        known = self.by_begin(rows)
        before = [i for i in known if self.began(i) <= time][-LOOK_BACK:][::-1]
        with_pid = [i for i in before if pid and self.rows[i]["pid"] == pid]
        return next(iter(with_pid + before + known), None)

    def by_wealth(self, rows: Iterable[int]) -> list[int]:
        """What is more than bare, then an installer, a GUID, a parent, a line, the earliest."""

        def poverty(i: int) -> tuple[bool, ...]:
            row = self.rows[i]
            told = not row["guid"], not has_parent(row), not row["process"]
            return is_bare(row), kind_of(row) is None, *told

        return sorted(self.sorted(sorted(rows)), key=poverty)

    def groups(self, near: int, pid: str) -> list[list[int]]:
        """Rows with one id on one host, those together that are one process.

        From the oldest to the newest, a row joins the newest group that began at most two seconds
        before it and of which nobody contradicts it. What may be the end of a process joins the
        newest group, if that is of one day, told more, and nobody contradicts it.
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
            newest = groups[-1] if groups and is_bare(self.rows[row]) else []
            told_more = not all(is_bare(self.rows[other]) for other in newest[:LOOK_BACK])
            in_time = newest and self.rows[row]["time"] - self.rows[newest[0]]["time"] <= 86_400
            joins = all(self.one_process(row, other) for other in newest[:LOOK_BACK])
            if not group and told_more and in_time and joins:
                group = newest
            if group:
                group.append(row)
            else:
                groups.append([row])
        return groups

    def one_process(self, a: int, b: int) -> bool:
        """By GUIDs of one form, else by command line, else by name.

        A row that tells neither a parent nor more than the program says nothing by its line.
        """
        one, other = self.rows[a], self.rows[b]
        guids = {one["guid"], other["guid"]} - {""}
        if len(guids) == 2 and form(one["guid"]) == form(other["guid"]):
            return False
        if one["process"] and other["process"]:
            if plain(one) == plain(other):
                return True
            if not is_bare(one) and not is_bare(other):
                return False
        return same_name(one["process_name"], other["process_name"])

    def copies(self, row: int) -> list[int]:
        return self._copies[row]

    def stands_for(self, row: int) -> int:
        return self._copies[row][0]

    def history(self, near: int, pid: str) -> list[int]:
        """The processes that had an id on the host of `near`, oldest first."""
        if not pid:
            return []
        rows = [i for i in self.on_host(near) if self.rows[i]["pid"] == pid]
        return self.by_begin({self.stands_for(i) for i in rows})

    def began(self, row: int) -> float:
        """A process began when the first of its copies says so."""
        return min(float(self.rows[copy]["time"]) for copy in self.copies(row))

    def by_begin(self, rows: Iterable[int]) -> list[int]:
        return sorted(rows, key=lambda row: (self.began(row), self.order(row)))

    def all_have_guids(self) -> bool:
        """Whether every process has one, and all are written in one form."""
        told = [self.rows[i][name] for i in self.kept for name in ("guid", "parent_guid")]
        forms = {form(guid) for guid in told if guid}
        return all(self.rows[i]["guid"] for i in self.processes) and len(forms) < 2


def has_parent(row: Row) -> bool:
    return bool(row["parent_guid"] or row["parent_pid"] or row["parent_process"])


def is_bare(row: Row) -> bool:
    """Neither a parent nor more than the program that ran."""
    line = row["process"].strip("\"' ")
    programs = [row[name] for name in ("process_path", "process_exec", "process_name")]
    return not has_parent(row) and line in ("", *programs)


def form(guid: str) -> str:
    """Sensors write GUIDs in braces, with dashes, or as they like."""
    return "braces" if guid[0] == "{" else "dashes" if "-" in guid else "other"


def plain(row: Row) -> list[str]:
    """The words of a command line without quotes, case, and the program's folder and `.exe`.

    The program is what stands in quotes, else its full path, else the first word.
    """
    line, path = row["process"].lower().lstrip(), row["process_path"].lower()
    end = len(line.split(" ")[0])
    if path and line.startswith(path) and line[len(path) : len(path) + 1] in ("", " "):
        end = len(path)
    if line[0] == '"' and line.count('"') > 1 and line[1] != '"':
        end = line.index('"', 1) + 1
    program, rest = (part.replace('"', "").replace("'", "") for part in (line[:end], line[end:]))
    name = program.rstrip("/\\").replace("\\", "/").split("/")[-1]
    return [name[:-4] if name.endswith(".exe") else name, *rest.split()]


def _spelled_last(content: list[str]) -> tuple[str, ...]:
    """How a host is spelled tells two rows apart only where nothing else does."""
    host, *others = content
    return (host.lower(), *others, host)
