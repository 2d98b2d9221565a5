"""Which rows grow from an installer, and which events belong to them.

Nothing here recurses over the input, so depth has no limit, and the rows that share a key are
sorted out once, so the work grows with the rows.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress

from .alike import file_name, of_windows, same_name
from .catalogue import Catalogue
from .columns import NO_TIME
from .identity import LOOK_BACK, History
from .parents import GUID, NO_PARENT, PARENT_FIELDS, PID, TIE, Link, Parents
from .regex import MATCH_CHARS, Regex
from .rows import IS_ROOT, NEEDS_SIBLING, PARENT_IS_ROOT, RowStore

EVENT_SLACK_SECONDS = 1.0
COMMANDS_SECONDS = 3_600.0
MOST_BESIDE = 64
MIN_NAME_CHARS = 4
BESIDE_SECONDS = 3.0
FETCH_SECONDS = 900.0

_QUOTES = "\"'"
_QUERY = re.compile(r"[?#].*")
_INSTALLERS = bytes(flag & (IS_ROOT | PARENT_IS_ROOT) for flag in range(256))
_WAITING = bytes(flag & NEEDS_SIBLING for flag in range(256))


@dataclass
class Branch:
    """Rows that grow from one installer: `members` from top to bottom, parents before children.

    `parent` maps a member to its parent and to what tied them; the top has none. Members below -1
    are parents that never arrived and are known from what their children say about them.
    """

    top: int
    members: list[int] = field(default_factory=list)
    parent: dict[int, Link] = field(default_factory=dict)

    def hang(self, below: dict[int, Link], row: int, under: int, link: str = TIE) -> None:
        """Take in what grew from a row, each parent before its children, and tie it to a member."""
        self.members.extend(below)
        self.parent.update(below)
        self.parent[row] = (under, link)


class Linker(Parents):
    """Grows the forest of installers.

    Args:
        store: All rows.
        catalogue: Tells what is an installer.
        lifetime: Seconds after the start of an installer in which a process still belongs to it.
    """

    def __init__(self, store: RowStore, catalogue: Catalogue, lifetime: float) -> None:
        super().__init__(store, catalogue, lifetime)
        self._families: dict[tuple[str, int], dict[int, list[int]]] = {}
        self._started: dict[tuple[str, int], History] = {}
        self.forks: dict[int, int] = {}
        """Members by the GUIDs of their forks that never arrived themselves."""

    def forest(self) -> list[Branch]:
        """Return one branch for each topmost installer, in order of time.

        An installer that started after the lifetime of the one above it has a branch of its own.
        """
        self._confirm()
        flags = self.store.flags
        installers = flags.tobytes().translate(_INSTALLERS)
        marked = {self.canonical(row) for row in compress(range(len(flags)), installers)}
        self.expect_parents(marked)
        self.adopt_execs(row for row in marked if flags[row] & IS_ROOT)
        self.adopt_detached()
        tops = self.tops(marked)
        branches: list[Branch] = []
        claimed: set[int] = set()
        for wave in (tops, {row for row in marked if flags[row] & IS_ROOT}):
            for top in sorted(wave, key=self.order):
                if top not in claimed:
                    branches.append(self.grow(top, claimed))
        self._expect_beside(branch.top for branch in branches if branch.top >= 0)
        return sorted(branches, key=lambda branch: self.order(branch.top))

    def is_idle(self, branch: Branch) -> bool:
        """Tell whether a branch is a carrier, which installs nothing itself, and nothing grew."""
        if len(branch.members) > 1:
            return False
        root = self.root_of(branch.top)
        return root is not None and root.role == "carrier"

    def tops(self, rows: Iterable[int]) -> set[int]:
        """Return the topmost installers at or above some rows, and cut circles above them."""
        above: dict[int, int] = {}
        return {self._top(row, above) for row in rows} - {-1}

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
            self._families.clear()
            return self._top(row, above)
        top = here if here < -1 else above.get(here, -1)
        for member in reversed(path):
            if top == -1 and self.store.flags[member] & IS_ROOT:
                top = member
            above[member] = top
        return above[row]

    def grow(self, top: int, claimed: set[int]) -> Branch:
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
            for child in set(map(self.canonical, self._standin_children[member])):
                if self.parent_of(child)[0] == member:
                    yield child, PARENT_FIELDS
            return
        own = (
            (GUID, store.own_guid),
            (PID, store.own_pid),
            (PARENT_FIELDS, store.own_command),
        )
        copies = self.copies(member)
        for kind, key in {(kind, keys[copy]) for copy in copies for kind, keys in own}:
            for child in self._children_of_key(kind, key).get(member, ()):
                yield child, self._parents[child][1]
        for child in (*self.detached.get(member, ()), *self.execs.get(member, ())):
            parent, link = self.parent_of(child)
            if parent == member:
                yield child, link

    def _children_of_key(self, kind: str, key: int) -> dict[int, list[int]]:
        """Return the rows that name one parent key, sorted out by their real parent."""
        known = self._families.get((kind, key))
        if known is None:
            known = {}
            for child in set(map(self.canonical, self.children_by[kind].rows(key))):
                known.setdefault(self.parent_of(child)[0], []).append(child)
            if known:  # most have no children, and are as quickly asked again
                self._families[kind, key] = known
        return known

    def _confirm(self) -> None:
        """Take for installers the rows whose entry asks for a sibling, where there is one."""
        flags = self.store.flags
        waiting = list(compress(range(len(flags)), flags.tobytes().translate(_WAITING)))
        self._expect_beside(waiting)
        for row in waiting:
            root = self.entry_of(row)
            if root and root.sibling_pattern and self.command_beside(row, root.sibling_pattern):
                flags[row] |= IS_ROOT
        if waiting:
            self.forget()
            self._started.clear()

    def command_beside(self, row: int, pattern: Regex) -> str:
        """Return the nearest command line beside a process that matches; empty if none does.

        Fetching takes its time: a command that names a file which this process names, too, may have
        been started long before.
        """
        time, own = self.store.time, self.canonical(row)
        near = self._beside(row, BESIDE_SECONDS, BESIDE_SECONDS)
        for other in sorted(near, key=lambda other: abs(time[other] - time[row])):
            line = self.process(other).process
            if other != own and pattern.search(line[:MATCH_CHARS]):
                return line
        names = _files(self.process(row).process)
        for other in reversed(self._beside(row, FETCH_SECONDS, 0.0) if names else []):
            line = self.process(other).process
            if other != own and names & _files(line) and pattern.search(line[:MATCH_CHARS]):
                return line
        return ""

    def named_before(self, row: int, name: str) -> str:
        """Return the command line that named a file before, run by the parent of this process.

        Whoever fetches a package and installs it often does so with two commands of one shell.
        Empty where none of the last commands named it.
        """
        if row < 0 or len(name) < MIN_NAME_CHARS:
            return ""
        for before in reversed(self._beside(row, COMMANDS_SECONDS, 0.0)):
            line = self.process(before).process
            if not self.store.flags[before] & IS_ROOT and name.lower() in line.lower():
                return line
        return ""

    def started_after(self, row: int, seconds: float) -> list[int]:
        """Return what the same shell started within seconds after a process, in order.

        The last command of a line often takes over the process of the shell.
        """
        time, shell = self.store.time, self.parent_of(row)[0]
        images, place = self._images(shell) if shell >= 0 else ([], -1)
        near = {*self._beside(row, 0.0, seconds), *(images[place + 1 :] if place >= 0 else ())}
        return self.sort(r for r in near - {row} if time[row] <= time[r] <= time[row] + seconds)

    def _beside(self, row: int, before: float, after: float) -> list[int]:
        """Return the processes that name the same parent, within seconds of a row, in order.

        The last command of a shell often takes over its process: then those before it are children
        of the image that it replaced. Of very many the nearest are taken.
        """
        store, time = self.store, self.store.time[row]
        copies = self.copies(row)[:LOOK_BACK]
        places = [(store.parent_guid[copy], store.parent_pid[copy]) for copy in copies]
        if not self.guids_suffice:  # what another sensor tells may name the parent by its id alone
            places += [(0, pid) for _, pid in places if pid]
        image = self.image_before(row)
        if image != -1:
            places.append((store.own_guid[image], store.own_pid[image]))
        found: set[int] = set()
        for guid, pid in set(places):
            times, rows = self._children_in_order(guid, pid)
            place = bisect_right(times, time)
            first = max(bisect_left(times, time - before), place - MOST_BESIDE)
            last = min(bisect_right(times, time + after), place + MOST_BESIDE)
            found.update(rows[first:last])
        return self.sort(found)

    def _expect_beside(self, rows: Iterable[int]) -> None:
        """Look in one pass for what stands beside some rows whose parent has no GUID."""
        store = self.store
        self.by_parent_pid.expect(store.parent_pid[r] for r in rows if not store.parent_guid[r])

    def _children_in_order(self, guid: int, pid: int) -> History:
        """Return times and rows of all processes that name one parent, by GUID, else by id."""
        index, place = (
            (self.children_by[GUID], (GUID, guid)) if guid else (self.by_parent_pid, (PID, pid))
        )
        known = self._started.get(place)
        if known is None:
            rows = self.sort({self.canonical(row) for row in index.rows(place[1])})
            known = self._started[place] = ([self.store.time[row] for row in rows], rows)
        return known

    def owner_of(self, event: int, members: dict[int, int]) -> int:
        """Return the member row that owns an event, -1 for none.

        The host is the one in `dest`; for network events the one that reports them, or that in
        `src`, comes before: there, `dest` may be the other side. By process id, it is the last
        process with that id before the event, and of several hosts and of several exec calls the
        one with the name that the event gives.
        """
        store = self.store
        sides = store.sides_of(event)
        time = store.time[event] + EVENT_SLACK_SECONDS
        for guid, pid in sides:
            owner = self.of_guid(guid, pid, time) if guid else -1
            owner = self.forks.get(guid, -1) if owner == -1 else owner
            standin = self._standin_of.get((GUID, guid, 0), -1) if guid else -1
            if owner != -1 or standin in members:
                return owner if owner in members else standin if standin in members else -1
        name = store.event(event).process_name
        owners = [self._owner_by_pid(event, name, pid, guid) for guid, pid in sides if pid]
        found = [row for row in owners if row != -1]
        named = [row for row in found if same_name(name, self.process(row).process_name)][:1]
        return next((row for row in named or found if row in members), -1)

    def _owner_by_pid(self, event: int, name: str, key: int, guid: int) -> int:
        """Return the row that owns an event by process id; one with another GUID does not.

        Nor does one that began longer ago than a tree lives, or, on Windows, has another name: the
        id is another's by then. On Linux a thread may have a name of its own.
        """
        store = self.store
        times, rows = self.history(key)
        time = store.time[event]
        began = bisect_left(times, time - self.lifetime) if time != NO_TIME else 0
        end, soon = bisect_right(times, time), bisect_right(times, time + EVENT_SLACK_SECONDS)
        before = list(reversed(rows[max(began, end - LOOK_BACK) : end]))
        one_process = [
            row for row in before if store.parent_pid[row] == store.parent_pid[before[0]]
        ]
        near = one_process + rows[end:soon]
        candidates = [
            row for row in near if not self.another_guid(guid, row, event, "process_guid")
        ]
        named = (row for row in candidates if same_name(name, self.process(row).process_name))
        owner = next(named, candidates[0] if candidates else -1)
        program = self.process(owner) if name and owner != -1 else None
        if program and of_windows(program) and not same_name(name, program.process_name):
            return -1
        return owner


def _files(line: str) -> set[str]:
    """Return the names of the files that a command line names after its first word."""
    words = (word.strip(_QUOTES) for word in line[:MATCH_CHARS].split()[1:])
    names = {file_name(_QUERY.sub("", word)) for word in words if not word.startswith("-")}
    return {name for name in names if name and not name.isdigit()}
