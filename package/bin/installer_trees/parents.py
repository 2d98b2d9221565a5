"""Who is whose parent.

By GUID, else by host, process id and time, else by what the child says of its parent. Each is
asked once and remembered.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain, repeat
from operator import or_

from .alike import file_name, of_windows, same_name
from .catalogue import Catalogue
from .columns import PID_CHARS, decimal_id
from .events import Process
from .identity import LOOK_BACK, Identities
from .key_index import KeyIndex
from .rows import PARENT_IS_ROOT, RowStore

GUID, PID, PARENT_FIELDS, TIE = "guid", "pid", "parent_fields", "tie"
LINKS = (GUID, PID, PARENT_FIELDS, TIE)
EXEC_SECONDS = 3_600.0
DETACHED_SECONDS = 2.0
DETACHED_PIDS = 16

Link = tuple[int, str]
NO_PARENT: Link = (-1, "")

SCRIPT_HOSTS = r"(?:ba|da|z|k|a)?sh|busybox|python[\d.]*|perl[\d.]*|ruby[\d.]*|node|php[\d.]*"
_SCRIPT = re.compile(rf"(?:{SCRIPT_HOSTS})$")
_INIT = re.compile(r"(?:systemd|init|launchd)$")
_TOOLS = (
    r"nohup|setsid|daemon(?:ize)?|osascript|expect|tclsh[\d.]*|curl|wget|ncat|nc(?:\.\w+)?|socat"
    r"|ssh|autossh|openssl"
    r"|ld-(?:linux|musl)\S*"
)
_DETACHED = re.compile(rf"(?:{SCRIPT_HOSTS}|{_TOOLS})$")
_ODD_PLACE = re.compile(
    r"/?memfd:|/proc/(?:self|\d{1,10})/fd/|(?:/private)?/(?:tmp|var/tmp|dev/shm|run/shm)/"
)
"""Where a program lies that nothing but a script starts."""


class Parents(Identities):
    """Resolves parents on demand.

    Args:
        store: All rows.
        catalogue: Tells what is an installer.
        lifetime: Seconds after the start of an installer in which a process still belongs to it.
    """

    def __init__(self, store: RowStore, catalogue: Catalogue, lifetime: float) -> None:
        super().__init__(store, catalogue)
        self.lifetime = lifetime
        # Where all have GUIDs of one form, a child that names one is never found another way.
        skip = self.events
        if self.guids_suffice:
            skip = bytes(map(bool, map(or_, store.parent_guid, self.events or repeat(0))))
        self.by_parent_pid = KeyIndex(store.parent_pid, self.events)
        self.children_by = {
            GUID: KeyIndex(store.parent_guid, self.events),
            PID: KeyIndex(store.parent_pid, skip) if self.guids_suffice else self.by_parent_pid,
            PARENT_FIELDS: KeyIndex(store.parent_command, skip),
        }
        self.detached: dict[int, list[int]] = {}
        self.execs: dict[int, list[int]] = {}
        self._parents: dict[int, Link] = {}
        self._standin_of: dict[tuple[str, int, int], int] = {}
        self._standin_children: dict[int, set[int]] = {}
        self._lines: dict[int, dict[int, set[int]]] = {}

    def parent_of(self, row: int) -> Link:
        """Return the parent of a row and what ties them; (-1, "") when none is known.

        Where the row stands for others, a parent that one of them names is better than a stand-in.
        """
        found = self._parents.get(row)
        if found is None:
            copies = self.copies(row)[:LOOK_BACK]
            links = chain(map(self._arrived, copies), map(self._by_standin, copies))
            found = self._parents[row] = next(filter(None, links), NO_PARENT)
        return found

    def _arrived(self, row: int) -> Link | None:
        """Find the parent among the processes that arrived."""
        found = self._by_parent_guid(row) or self._by_parent_pid(row)
        return found or self._by_parent_line(row)

    def expect_parents(self, rows: Iterable[int]) -> None:
        """Look in one pass for the parents of some rows that a GUID does not tell."""
        store = self.store
        copies = (copy for row in rows for copy in self.copies(row))
        unnamed = [row for row in copies if not self._named_by_guid(row)]
        self._by_pid.expect([store.parent_pid[row] for row in unnamed])
        self._by_command.expect([store.parent_command[row] for row in unnamed])

    def _named_by_guid(self, row: int) -> bool:
        """Tell whether a parent can only be found by GUID: the row names it, and all have one."""
        return self.guids_suffice and bool(self.store.parent_guid[row])

    def _by_parent_guid(self, row: int) -> Link | None:
        store = self.store
        parent = self.of_guid(store.parent_guid[row], store.parent_pid[row], store.time[row])
        if parent < 0 or parent == self.canonical(row):
            return None
        image = -1 if self.guids_suffice else self._image_that_is_named(parent, row)
        return (parent, GUID) if image == -1 else (image, PID)

    def _image_that_is_named(self, parent: int, row: int) -> int:
        """Return what a parent had become by exec when it started a row, by the row's words.

        Some sensors tell the first image of a process only, and give its GUID to all. -1 where the
        words are those of the parent itself, or of nothing that another sensor told.
        """
        store = self.store
        line = store.parent_command[row]
        if not line or line == store.own_command[parent]:
            return -1
        images, place = self._images(parent)
        for image in images[place + 1 :] if place >= 0 else ():
            same = store.parent_pid[image] == store.parent_pid[parent]
            if not same or self.began(image) > store.time[row]:
                break
            if store.own_command[image] == line and image != self.canonical(row):
                return image
        return -1

    def _by_parent_pid(self, row: int) -> Link | None:
        """Find the latest process with the parent's id that fits what the child says of it.

        An earlier one counts only where the later ones may be exec calls of the same process.
        """
        store = self.store
        key = store.parent_pid[row]
        if not key or self._named_by_guid(row):
            return None
        times, rows = self.history(key)
        wanted, command = store.parent_guid[row], store.parent_command[row]
        end = bisect_right(times, store.time[row])
        fits = newer = -1
        for candidate in reversed(rows[max(0, end - LOOK_BACK) : end]):
            if newer >= 0 and store.parent_pid[candidate] != store.parent_pid[newer]:
                break
            newer = candidate
            other = self.another_guid(wanted, candidate, row, "parent_process_guid")
            if candidate == self.canonical(row) or other:
                continue
            if command and command == store.own_command[candidate]:
                return candidate, PID
            if fits < 0 and self._may_be_parent(candidate, row):
                fits = candidate
        return (fits, PID) if fits >= 0 else None

    def _may_be_parent(self, candidate: int, row: int) -> bool:
        """Tell whether the child's words about its parent fit a process with the right id."""
        child = self.process(row)
        if not child.parent_process_name and not child.parent_process:
            return True
        parent = self.process(candidate)
        said = child.parent_process_name
        words = [*parent.process.split(None, 2)[:2], parent.process_exec, parent.process_name]
        return any(same_name(said, file_name(word)) for word in words if word)

    def _by_parent_line(self, row: int) -> Link | None:
        """Bridge a fork that never called exec: the parent's command line is that of its forker."""
        store = self.store
        key = store.parent_command[row]
        if not key or self._named_by_guid(row):
            return None
        times, rows = self.command_history(key)
        for place in range(bisect_right(times, store.time[row]) - 1, -1, -1):
            candidate = rows[place]
            if store.time[row] - store.time[candidate] > self.lifetime:
                break
            candidate = self.canonical(candidate)
            if candidate == self.canonical(row):
                continue
            if store.parent_guid[row] and store.own_guid[candidate]:
                break
            if of_windows(self.process(row)) or of_windows(self.process(candidate)):
                break
            return candidate, PARENT_FIELDS
        return None

    def _by_standin(self, row: int) -> Link | None:
        """Let the child's words stand for an installer that never arrived, once for all."""
        store = self.store
        guid, pid, line = store.parent_guid[row], store.parent_pid[row], store.parent_command[row]
        flagged = store.flags[row] & PARENT_IS_ROOT
        if not guid and not flagged:
            return None
        key = (GUID, guid, 0) if guid else (PID, pid, line) if pid else (PARENT_FIELDS, line, row)
        number = self._standin_of.get(key)
        if number is None:
            number = self._standin_of[key] = self._new_standin(key, row)
        return (number, PARENT_FIELDS) if number < -1 else None

    def _new_standin(self, key: tuple[str, int, int], row: int) -> int:
        """Make up a parent from the earliest child that calls it an installer; -1 if none does."""
        kind, value, line = key
        children = {row}
        if kind == GUID:
            children |= set(self.children_by[kind].rows(value))
        if kind == PID:
            children |= self._children_by_line(value).get(line, set())
        said = [c for c in children if self.store.flags[c] & PARENT_IS_ROOT]
        if not said:
            return -1
        number = -2 - len(self._standins)
        told_by = self.sort(said)[0]
        self._standins[number] = _parent_as_process(self.process(told_by))
        self._told_by[number] = self.order(told_by)[1]
        self._standin_children[number] = children
        return number

    def _children_by_line(self, pid: int) -> dict[int, set[int]]:
        """Return the rows that name one parent id and no GUID, by the parent's command line."""
        known = self._lines.get(pid)
        if known is None:
            known = self._lines[pid] = defaultdict(set)
            for child in self.children_by[PID].rows(pid):
                if not self.store.parent_guid[child]:
                    known[self.store.parent_command[child]].add(child)
        return known

    def _images(self, row: int) -> tuple[list[int], int]:
        """Return what had one process id about the time of a row, and the place of the row or -1.

        Windows has no exec.
        """
        store = self.store
        if not store.own_pid[row] or of_windows(self.process(row)):
            return [], -1
        times, rows = self.history(store.own_pid[row])
        end = bisect_right(times, store.time[row])
        near = rows[max(0, end - LOOK_BACK) : end + LOOK_BACK]
        return near, near.index(row) if row in near else -1

    def image_before(self, row: int) -> int:
        """Return the row that this process was before it called exec, -1 for none."""
        store = self.store
        images, place = self._images(row)
        if place < 1:
            return -1
        before = images[place - 1]
        same = store.parent_pid[before] == store.parent_pid[row] != 0
        return before if same and store.time[row] - store.time[before] <= EXEC_SECONDS else -1

    def adopt_execs(self, installers: Iterable[int]) -> None:
        """Hang what took over the process of an installer with exec under it.

        Its id and its parent are the same, and no parent gives an id again that soon.
        """
        store = self.store
        for row in self.sort(installers):
            parent = store.parent_pid[row], store.parent_guid[row]
            if not any(parent):
                continue
            images, place = self._images(row)
            before = row
            for after in images[place + 1 : place + 1 + LOOK_BACK] if place >= 0 else ():
                taken = parent == (store.parent_pid[after], store.parent_guid[after])
                if not taken or store.time[after] - store.time[before] > EXEC_SECONDS:
                    break
                if after not in self._parents:
                    self._parents[after] = before, PID
                    self.execs.setdefault(before, []).append(after)
                before = after

    def adopt_detached(self) -> None:
        """Give background processes back to the script that started them.

        A script that puts a shell in the background and ends leaves it to process 1. Ids are handed
        out in order, so the script, or another child of it, has one just below.
        """
        whole = set(map(self.canonical, self.store.children_of_init()))
        for row in self.sort(filter(self._is_detached, whole)):
            parent = self.parent_of(row)[0]
            if parent != -1 and not _INIT.match(self.process(parent).process_name):
                continue
            parent = self._left_behind_by(row)
            if parent != -1:
                self._parents[row] = (parent, TIE)
                self.detached.setdefault(parent, []).append(row)

    def _is_detached(self, row: int) -> bool:
        process = self.process(row)
        name, path = process.process_name, process.process_path
        return name.startswith(".") or bool(_DETACHED.match(name) or _ODD_PLACE.match(path))

    def _left_behind_by(self, row: int) -> int:
        """Return the script that started a process of init shortly before, -1 if none is near."""
        store, me = self.store, self.process(row)
        own = decimal_id(me.process_id)
        if not own.isdecimal() or len(own) > PID_CHARS:
            return -1
        for pid in range(int(own) - 1, int(own) - 1 - DETACHED_PIDS, -1):
            times, rows = self.history(store.key(me.dest, str(pid)))
            place = bisect_right(times, store.time[row]) - 1
            if place < 0 or store.time[row] - times[place] > DETACHED_SECONDS:
                continue
            near = rows[place]
            if not _SCRIPT.match(self.process(near).process_name):
                near = self.parent_of(near)[0]
            if near >= 0 and near != row and self.process(near).user == me.user:
                return near
        return -1


def _parent_as_process(child: Process) -> Process:
    """Make a process of what a child says about its parent; its time is that of the child."""
    empty = Process(child.time, child.dest, child.user, *[""] * (len(Process._fields) - 3))
    return empty._replace(
        process_name=child.parent_process_name,
        process=child.parent_process,
        process_path=child.parent_process_path,
        process_id=child.parent_process_id,
        process_guid=child.parent_process_guid,
    )
