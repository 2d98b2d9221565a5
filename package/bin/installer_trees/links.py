"""Who is whose parent, and which rows grow from an installer.

Every question is answered from the rows' keys and contents, never from the order in which they
came: the same rows give the same forest. Nothing here recurses over the input, so depth has no
limit, and the rows that share a key are sorted out once, so the work grows with the rows.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import not_, or_

from .catalogue import Catalogue
from .model import Process, Root
from .rows import IS_ROOT, KIND, NO_TIME, PARENT_IS_ROOT, RowStore

GUID, PID, PARENT_FIELDS, TIE = "guid", "pid", "parent_fields", "tie"
LINKS = (GUID, PID, PARENT_FIELDS, TIE)
SAME_PROCESS_SECONDS = 2.0
EVENT_SLACK_SECONDS = 1.0
EXEC_SECONDS = 5.0
DETACHED_SECONDS = 2.0
DETACHED_PIDS = 16
LOOK_BACK = 8
CACHED_PROCESSES = 20_000

_EVENTS = bytes(flag & KIND for flag in range(256))
_INSTALLERS = bytes(flag & (IS_ROOT | PARENT_IS_ROOT) for flag in range(256))

Link = tuple[int, str]
NO_PARENT: Link = (-1, "")


class KeyIndex:
    """Rows by key: a hash table in two arrays, 8 bytes a row where a dict takes 100.

    It is built when it is first asked: good data never needs some of them.

    Args:
        keys: Key of each row, 0 for none.
        skip: Rows with a true value here are left out.
    """

    def __init__(self, keys: array[int], skip: Sequence[int] = ()) -> None:
        self._keys = keys
        self._skip = skip
        self._mask = -1
        self._heads = self._next = array("i")

    def _build(self) -> None:
        keys, size = self._keys, 16
        while size < len(keys):
            size *= 2
        self._mask = mask = size - 1
        self._heads = heads = array("i", [-1]) * size
        self._next = following = array("i", [-1]) * len(keys)
        rows = compress(range(len(keys)), keys)
        for row in compress(rows, map(not_, compress(self._skip, keys))) if self._skip else rows:
            slot = keys[row] & mask
            following[row] = heads[slot]
            heads[slot] = row

    def rows(self, key: int) -> Iterator[int]:
        """Yield the rows that have this key, in no particular order."""
        if not key:
            return
        if self._mask < 0:
            self._build()
        keys, following = self._keys, self._next
        row = self._heads[key & self._mask]
        while row >= 0:
            if keys[row] == key:
                yield row
            row = following[row]


@dataclass
class Branch:
    """Rows that grow from one installer: `members` from top to bottom, parents before children.

    `parent` maps a member to its parent and to what tied them; the top has none. Members below -1
    are parents that never arrived and are known from what their children say about them.
    """

    top: int
    members: list[int] = field(default_factory=list)
    parent: dict[int, Link] = field(default_factory=dict)


class Linker:
    """Resolves parents on demand and grows the forest of installers.

    Args:
        store: All rows.
        catalogue: Tells what is an installer.
        lifetime: Seconds after the start of an installer in which a process still belongs to it.
    """

    def __init__(self, store: RowStore, catalogue: Catalogue, lifetime: float) -> None:
        self.store = store
        self.catalogue = catalogue
        self.lifetime = lifetime
        events = store.flags.tobytes().translate(_EVENTS) if store.event_rows else b""
        self._by_guid = KeyIndex(store.own_guid, events)
        self._by_pid = KeyIndex(store.own_pid, events)
        self._by_command = KeyIndex(store.own_command, events)
        # Where every process has a GUID, a child that names one is never found another way.
        self._all_guids = 0 not in (
            compress(store.own_guid, map(not_, events)) if events else store.own_guid
        )
        skip: Sequence[int] = events
        if self._all_guids:
            skip = bytes(map(bool, map(or_, store.parent_guid, events or repeat(0))))
        self._children_by = {
            GUID: KeyIndex(store.parent_guid, events),
            PID: KeyIndex(store.parent_pid, skip),
            PARENT_FIELDS: KeyIndex(store.parent_command, skip),
        }
        self._histories: dict[tuple[str, int], tuple[list[float], list[int]]] = {}
        self._families: dict[tuple[str, int], dict[int, list[int]]] = {}
        self._canonical: dict[int, int] = {}
        self._parents: dict[int, Link] = {}
        self._processes: dict[int, Process] = {}
        self._detached: dict[int, list[int]] = {}
        self._execs: dict[int, int] = {}
        self._standins: dict[int, Process] = {}
        self._standin_of: dict[tuple[str, int, int], int] = {}
        self._standin_children: dict[int, set[int]] = {}

    def process(self, row: int) -> Process:
        """Return the process of a row, or what is known of a parent that never arrived."""
        if row < -1:
            return self._standins[row]
        found = self._processes.get(row)
        if found is None:
            if len(self._processes) > CACHED_PROCESSES:
                self._processes.clear()
            found = self._processes[row] = self.store.process(row)
        return found

    def root_of(self, row: int) -> Root | None:
        """Return the roots entry that a row matches."""
        if row >= 0 and not self.store.flags[row] & IS_ROOT:
            return None
        p = self.process(row)
        return self.catalogue.root_of(
            p.process_name, p.process, p.process_path, p.original_file_name, p.parent_process_name
        )

    def order(self, row: int) -> tuple[float, tuple[str, ...]]:
        """Order rows by time, then by content: never by arrival."""
        process = self.process(row)
        return process.time, process[1:]

    def sort(self, rows: Iterable[int]) -> list[int]:
        """Sort by time, and read contents only where times are equal."""
        time = self.store.time
        result = sorted(rows, key=time.__getitem__)
        if any(time[a] == time[b] for a, b in zip(result, result[1:])):
            result.sort(key=self.order)
        return result

    def canonical(self, row: int) -> int:
        """Return the row that stands for a process that arrived more than once."""
        found = self._canonical.get(row)
        if found is None:
            pid = self.store.own_pid[row]
            if pid and not self._all_guids:
                self._history(pid)
            found = self._canonical.setdefault(row, self._first_of_guid(row))
        return found

    def _first_of_guid(self, row: int) -> int:
        guid = self.store.own_guid[row]
        known = self._histories.get((GUID, guid))
        if known is None:
            same = list(self._by_guid.rows(guid))
            if len(same) < 2:
                return row
            same = self.sort(same)
            known = self._histories[GUID, guid] = ([], [min(same, key=self._poverty)])
        return known[1][0]

    def _poverty(self, row: int) -> tuple[bool, bool, bool]:
        """Order copies of one process: what tells more comes first."""
        store = self.store
        is_root = bool(store.flags[row] & IS_ROOT)
        return not store.own_guid[row], not is_root, not store.own_command[row]

    def _history(self, key: int) -> tuple[list[float], list[int]]:
        """Return times and rows of all processes that had one process id on one host."""
        known = self._histories.get((PID, key))
        if known is None:
            store = self.store
            groups: list[list[int]] = []
            for row in self.sort(self._by_pid.rows(key)):
                twins = self._twins(groups, row)
                if twins is None:
                    groups.append([row])
                else:
                    twins.append(row)
            kept = []
            for group in groups:
                best = self._first_of_guid(min(group, key=self._poverty))
                self._canonical.update(dict.fromkeys(group, best))
                kept.append(best)
            kept = self.sort(dict.fromkeys(kept))
            known = self._histories[PID, key] = ([store.time[row] for row in kept], kept)
        return known

    def _twins(self, groups: list[list[int]], row: int) -> list[int] | None:
        """Return the group of rows that are this process as another sensor saw it."""
        store = self.store
        for group in reversed(groups[-LOOK_BACK:]):
            if store.time[row] - store.time[group[0]] > SAME_PROCESS_SECONDS:
                break
            if all(self._same_process(row, other) for other in group[:LOOK_BACK]):
                return group
        return None

    def _same_process(self, a: int, b: int) -> bool:
        """Tell whether two rows with one process id and nearly one time are one process."""
        store = self.store
        if store.own_guid[a] and store.own_guid[b]:
            return store.own_guid[a] == store.own_guid[b]
        if store.own_command[a] and store.own_command[b]:
            return store.own_command[a] == store.own_command[b]
        return same_name(self.process(a).process_name, self.process(b).process_name)

    def _command_history(self, key: int) -> tuple[list[float], list[int]]:
        """Return times and rows of all processes with one command line on one host."""
        known = self._histories.get((PARENT_FIELDS, key))
        if known is None:
            rows = self.sort(self._by_command.rows(key))
            known = ([self.store.time[row] for row in rows], rows)
            self._histories[PARENT_FIELDS, key] = known
        return known

    def parent_of(self, row: int) -> Link:
        """Return the parent of a row and what ties them; (-1, "") when none is known."""
        found = self._parents.get(row)
        if found is None:
            found = (
                self._by_exec(row)
                or self._by_parent_guid(row)
                or self._by_parent_pid(row)
                or self._by_parent_line(row)
                or self._by_standin(row)
                or NO_PARENT
            )
            self._parents[row] = found
        return found

    def _by_exec(self, row: int) -> Link | None:
        """Hang an installer under the one whose process it took over with exec."""
        store = self.store
        if not store.flags[row] & IS_ROOT or not store.own_pid[row]:
            return None
        if "\\" in self.process(row).process:
            return None
        times, rows = self._history(store.own_pid[row])
        end = bisect_right(times, store.time[row])
        recent = rows[max(0, end - LOOK_BACK) : end]
        place = recent.index(row) if row in recent else 0
        if not place:
            return None
        before = recent[place - 1]
        if (
            store.flags[before] & IS_ROOT
            and store.parent_pid[before] == store.parent_pid[row]
            and store.time[row] - store.time[before] <= EXEC_SECONDS
        ):
            self._execs[before] = row
            return before, PID
        return None

    def _by_parent_guid(self, row: int) -> Link | None:
        parent = next(self._by_guid.rows(self.store.parent_guid[row]), -1)
        if parent >= 0 and self.canonical(parent) != self.canonical(row):
            return self.canonical(parent), GUID
        return None

    def _by_parent_pid(self, row: int) -> Link | None:
        """Find the latest process with the parent's id that fits what the child says of it.

        An earlier one counts only where the later ones may be exec calls of the same process.
        """
        store = self.store
        key = store.parent_pid[row]
        if not key:
            return None
        times, rows = self._history(key)
        wanted, command = store.parent_guid[row], store.parent_command[row]
        end = bisect_right(times, store.time[row])
        fits = newer = -1
        for candidate in reversed(rows[max(0, end - LOOK_BACK) : end]):
            if newer >= 0 and store.parent_pid[candidate] != store.parent_pid[newer]:
                break
            newer = candidate
            guid = store.own_guid[candidate]
            if candidate == self.canonical(row) or (wanted and guid and wanted != guid):
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
        if not key:
            return None
        times, rows = self._command_history(key)
        for candidate in reversed(rows[: bisect_right(times, store.time[row])]):
            if store.time[row] - store.time[candidate] > self.lifetime:
                break
            candidate = self.canonical(candidate)
            if candidate == self.canonical(row):
                continue
            if store.parent_guid[row] and store.own_guid[candidate]:
                break
            if "\\" in self.process(row).process_path or "\\" in self.process(candidate).process:
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
        if kind != PARENT_FIELDS:
            children |= set(self._children_by[kind].rows(value))
        if kind == PID:
            children = {c for c in children if self.store.parent_command[c] == line}
        said = [c for c in children if self.store.flags[c] & PARENT_IS_ROOT]
        if not said:
            return -1
        number = -2 - len(self._standins)
        self._standins[number] = _parent_as_process(self.process(self.sort(said)[0]))
        self._standin_children[number] = children
        return number

    def forest(self) -> list[Branch]:
        """Return one branch for each topmost installer, in order of time.

        An installer that started after the lifetime of the one above it has a branch of its own.
        """
        self._adopt_detached()
        flags = self.store.flags
        installers = flags.tobytes().translate(_INSTALLERS)
        marked = {self.canonical(row) for row in compress(range(len(flags)), installers)}
        above: dict[int, int] = {}
        tops = {self._top(row, above) for row in marked} - {-1}
        branches: list[Branch] = []
        claimed: set[int] = set()
        for wave in (tops, {row for row in marked if flags[row] & IS_ROOT}):
            for top in sorted(wave, key=self.order):
                if top not in claimed:
                    branches.append(self._grow(top, claimed))
        return sorted(branches, key=lambda branch: self.order(branch.top))

    def _adopt_detached(self) -> None:
        """Give background processes back to the script that started them.

        A script that puts a shell in the background and ends leaves it to process 1. Ids are handed
        out in order, so the script, or another child of it, has one just below.
        """
        store = self.store
        for row in store.children_of_init():
            if self.canonical(row) == row and _DETACHED.match(self.process(row).process_name):
                parent = self.parent_of(row)[0]
                if parent != -1 and not _INIT.match(self.process(parent).process_name):
                    continue
                parent = self._left_behind_by(row)
                if parent != -1:
                    self._parents[row] = (parent, TIE)
                    self._detached.setdefault(parent, []).append(row)

    def _left_behind_by(self, row: int) -> int:
        """Return the script that started a process of init shortly before, -1 if none is near."""
        store, me = self.store, self.process(row)
        if not me.process_id.isdigit():
            return -1
        for pid in range(int(me.process_id) - 1, int(me.process_id) - 1 - DETACHED_PIDS, -1):
            times, rows = self._history(store.pid_key(me.dest, str(pid)))
            place = bisect_right(times, store.time[row]) - 1
            if place < 0 or store.time[row] - times[place] > DETACHED_SECONDS:
                continue
            near = rows[place]
            if not _SCRIPT.match(self.process(near).process_name):
                near = self.parent_of(near)[0]
            if near >= 0 and near != row and self.process(near).user == me.user:
                return near
        return -1

    def _top(self, row: int, above: dict[int, int]) -> int:
        """Return the topmost installer at or above a row, -1 for none; circles are cut."""
        path: dict[int, None] = {}
        here = row
        while here >= 0 and here not in above and here not in path:
            path[here] = None
            here = self.parent_of(here)[0]
        if here in path:
            members = list(path)
            first = min(members[members.index(here) :], key=self.order)
            self._parents[first] = NO_PARENT
            return self._top(row, above)
        top = here if here < -1 else above.get(here, -1)
        for member in reversed(path):
            if top == -1 and self.store.flags[member] & IS_ROOT:
                top = member
            above[member] = top
        return above[row]

    def _grow(self, top: int, claimed: set[int]) -> Branch:
        """Collect all that grows from a top within its lifetime, breadth first."""
        branch = Branch(top, [top], {top: NO_PARENT})
        claimed.add(top)
        start = self.process(top).time
        time = self.store.time
        for member in branch.members:
            for child, link in self._children(member):
                late = time[child] - start > self.lifetime and time[child] != NO_TIME
                if child not in claimed and not late:
                    claimed.add(child)
                    branch.parent[child] = (member, link)
                    branch.members.append(child)
        return branch

    def _children(self, member: int) -> Iterator[Link]:
        """Yield the rows whose parent is `member`, and what ties each to it."""
        store = self.store
        if member < -1:
            for child in self._standin_children[member]:
                if self.canonical(child) == child and self.parent_of(child)[0] == member:
                    yield child, PARENT_FIELDS
            return
        wanted = (
            (GUID, store.own_guid[member]),
            (PID, store.own_pid[member]),
            (PARENT_FIELDS, store.own_command[member]),
        )
        for kind, key in wanted:
            for child in self._children_of_key(kind, key).get(member, ()):
                yield child, self._parents[child][1]
        for child in self._detached.get(member, ()):
            yield child, TIE
        if member in self._execs and self.parent_of(self._execs[member])[0] == member:
            yield self._execs[member], PID

    def _children_of_key(self, kind: str, key: int) -> dict[int, list[int]]:
        """Return the rows that name one parent key, sorted out by their real parent."""
        known = self._families.get((kind, key))
        if known is None:
            known = {}
            for child in self._children_by[kind].rows(key):
                if self.canonical(child) == child:
                    known.setdefault(self.parent_of(child)[0], []).append(child)
            self._families[kind, key] = known
        return known

    def owner_of(self, event: int, members: dict[int, int]) -> int:
        """Return the member row that owns an event, -1 for none.

        The host is the one in `dest` or, for network events, that in `src`: the one that owns the
        process. By process id, it is the last process with that id before the event, and of several
        exec calls the one with the name that the event gives.
        """
        store = self.store
        for guid in (store.own_guid[event], store.parent_guid[event]):
            for row in self._by_guid.rows(guid):
                if self.canonical(row) in members:
                    return self.canonical(row)
            standin = self._standin_of.get((GUID, guid, 0), -1) if guid else -1
            if standin in members:
                return standin
        for key in (store.own_pid[event], store.parent_pid[event]):
            if key:
                owner = self._owner_by_pid(event, key)
                if owner in members:
                    return owner
        return -1

    def _owner_by_pid(self, event: int, key: int) -> int:
        store = self.store
        times, rows = self._history(key)
        end = bisect_right(times, store.time[event])
        soon = bisect_right(times, store.time[event] + EVENT_SLACK_SECONDS)
        before = list(reversed(rows[max(0, end - LOOK_BACK) : end]))
        one_process = [
            row for row in before if store.parent_pid[row] == store.parent_pid[before[0]]
        ]
        candidates = one_process + rows[end:soon]
        name = store.event(event).process_name
        named = (row for row in candidates if same_name(name, self.process(row).process_name))
        return next(named, candidates[0] if candidates else -1)


_SHELLS = r"(?:ba|da|z|k|a)?sh|busybox|python[\d.]*|perl[\d.]*|ruby[\d.]*|node|php[\d.]*"
_SCRIPT = re.compile(rf"(?:{_SHELLS})$")
_INIT = re.compile(r"(?:systemd|init|launchd)$")
_DETACHED = re.compile(rf"(?:{_SHELLS}|nohup|setsid|daemon(?:ize)?|osascript|curl|wget|nc|socat)$")


def file_name(path: str) -> str:
    """Return the last part of a Windows or POSIX path, without quotes."""
    return path.strip('"').replace("\\", "/").rsplit("/", 1)[-1]


def same_name(a: str, b: str) -> bool:
    """Compare program names as different sensors write them.

    Case and `.exe` do not count; Linux cuts names (`comm`) after 15 characters.
    """
    a, b = (n.lower()[:-4] if n.lower().endswith(".exe") else n.lower() for n in (a, b))
    return a == b or (a[:15] == b[:15] and 15 in (len(a), len(b)))


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
