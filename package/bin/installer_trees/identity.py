"""Which rows are one process, and which processes had one id or one command line.

A process is known by its GUID, else by host, process id and time. Ids are reused, sensors report
one process twice, each with a GUID of its own form, some tell its end too, and rows arrive in any
order: every answer depends on contents alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import compress
from operator import itemgetter, not_

from .alike import same_line, same_name
from .catalogue import Catalogue
from .events import Process
from .key_index import KeyIndex
from .memo import Memo
from .model import Root
from .rows import IS_ROOT, KIND, RowStore, guid_form

SAME_PROCESS_SECONDS = 2.0
END_SECONDS = 86_400.0
LOOK_BACK = 8
CACHED_PROCESSES = 10_000
CACHED_SHARE = 100
"""Processes that are kept once read: one for so many rows, so that time grows in step with rows."""

_EVENTS = bytes(flag & KIND for flag in range(256))

History = tuple[list[float], list[int]]


class Identities:
    """Reads processes again, and tells which rows are the same one.

    Args:
        store: All rows.
        catalogue: Tells what is an installer.
    """

    def __init__(self, store: RowStore, catalogue: Catalogue) -> None:
        self.store = store
        self.catalogue = catalogue
        self.events = store.flags.tobytes().translate(_EVENTS) if store.event_rows else b""
        self._by_guid = KeyIndex(store.own_guid, self.events)
        self._by_pid = KeyIndex(store.own_pid, self.events)
        self._by_command = KeyIndex(store.own_command, self.events)
        all_have_guids = 0 not in (
            compress(store.own_guid, map(not_, self.events)) if self.events else store.own_guid
        )
        self.guids_suffice = all_have_guids and len(store.guid_forms) < 2
        self._pid_histories: dict[int, History] = {}
        self._guid_histories: dict[int, History] = {}
        self._command_histories: dict[int, History] = {}
        self._grouped: set[int] = set()
        self._group_of: dict[int, list[int]] = {}
        self._by_image: dict[int, dict[int, list[int]]] = {}
        self._canonical: dict[int, int] = {}
        self._copies: dict[int, list[int]] = {}
        room = max(CACHED_PROCESSES, len(store) // CACHED_SHARE)
        self._processes: Memo[int, Process] = Memo(room)
        self._standins: dict[int, Process] = {}
        self._told_by: dict[int, tuple[str, ...]] = {}

    def process(self, row: int) -> Process:
        """Return the process of a row, or what is known of a parent that never arrived."""
        if row < -1:
            return self._standins[row]
        found = self._processes.get(row)
        if found is None:
            found = self.store.process(row)
            self._processes.keep(row, found, len(found.process) + len(found.parent_process))
        return found

    def root_of(self, row: int) -> Root | None:
        """Return the roots entry of a process that is an installer."""
        if row >= 0 and not self.store.flags[row] & IS_ROOT:
            return None
        root = self.entry_of(row)
        return None if row < 0 and root and root.sibling_pattern else root

    def entry_of(self, row: int) -> Root | None:
        """Return the roots entry that a row matches by itself."""
        p = self.process(row)
        return self.catalogue.root_of(
            p.process_name, p.process, p.process_path, p.original_file_name, p.parent_process_name
        )

    def order(self, row: int) -> tuple[float, tuple[str, ...]]:
        """Order rows by time, then by content: never by arrival."""
        process = self.process(row)
        what = (process.dest.lower(), *process[2:], process.dest)
        return process.time, what + self._told_by.get(row, ())

    def sort(self, rows: Iterable[int]) -> list[int]:
        """Sort by time, and read contents only where times are equal."""
        time = self.store.time
        result = sorted(rows, key=time.__getitem__)
        if any(time[a] == time[b] for a, b in zip(result, result[1:])):
            result.sort(key=self.order)
            if any(self.order(a) == self.order(b) for a, b in zip(result, result[1:])):
                result.sort(key=lambda row: (self.order(row), self._whole(row)))
        return result

    def forget(self) -> None:
        """Forget which rows are one process, since it was found out which are installers."""
        for known in (self._canonical, self._copies, self._pid_histories, self._guid_histories):
            known.clear()

    def _whole(self, row: int) -> list[str]:
        """Return all columns of a row, also those that the engine does not read."""
        return self.store.values(row)[1] if row >= 0 else []

    def canonical(self, row: int) -> int:
        """Return the row that stands for a process that arrived more than once."""
        found = self._canonical.get(row)
        if found is None:
            copies = list(self._same_as(row))
            if len(copies) > 1:
                copies = sorted(self.sort(copies), key=self._poverty)
                self._copies[copies[0]] = copies
            found = copies[0]
            self._canonical.update(dict.fromkeys(copies, found))
        return found

    def copies(self, row: int) -> list[int]:
        """Return the rows of the process that a row stands for, what tells most first.

        Each may name the process and its parent another way.
        """
        self.canonical(row)
        return self._copies.get(row, [row])

    def began(self, row: int) -> float:
        """Return when the process of a row began, by whichever of its copies says so first."""
        return min(map(self.store.time.__getitem__, self.copies(row)))

    def _in_time(self, rows: Iterable[int]) -> History:
        """Return the processes of some rows and when each began, in order of time."""
        order = self.sort(set(map(self.canonical, rows)))
        begun = sorted(((self.began(row), row) for row in order), key=itemgetter(0))
        return [time for time, _ in begun], [row for _, row in begun]

    def _same_as(self, row: int) -> set[int]:
        """Return all rows of a process: of one GUID, or of one id and told by two sensors.

        One of these leads to the next, so that a GUID ties what only one of the sensors repeats.
        """
        found, waiting = {row}, [row]
        asked: set[tuple[int, int]] = set()
        while waiting:
            here = waiting.pop()
            for key, rows in self._alike(here):
                if key not in asked:
                    asked.add(key)
                    waiting += [other for other in rows if other not in found]
                    found.update(rows)
        return found

    def _alike(self, row: int) -> Iterator[tuple[tuple[int, int], list[int]]]:
        """Yield lists of rows that are the process of a row, and a key of each list.

        Those of its GUID, as far as they tell the same image, and those of its process id.
        """
        guid = self.store.own_guid[row]
        if guid:
            images = self._images_of_guid(guid).get(row, [])
            if images:
                yield (guid, images[0]), images
        if not self.guids_suffice:
            group = self._group(row)
            if group:
                yield (0, group[0]), group

    def _images_of_guid(self, guid: int) -> dict[int, list[int]]:
        """Return the rows of a GUID, each with those of the same image; nothing for a row alone.

        A sensor may keep the GUID through an exec call, and the GUID of some is the same for all:
        rows with two process ids or two command lines are not one. A row without an id joins the
        newest that fit.
        """
        known = self._by_image.get(guid)
        if known is not None:
            return known
        rows = list(self._by_guid.rows(guid))
        if len(rows) < 2:
            return {}
        by_pid: dict[int, list[list[int]]] = defaultdict(list)
        images: list[list[int]] = []
        for row in self.sort(rows):
            pid = self.store.own_pid[row]
            near = by_pid[0][-LOOK_BACK:] + by_pid[pid][-LOOK_BACK:] if pid else images[-LOOK_BACK:]
            image = next((i for i in reversed(near) if self._same_process(row, i[0])), None)
            if image is None:
                image = []
                images.append(image)
                by_pid[pid].append(image)
            elif pid:
                without_id = by_pid[0]
                last = len(without_id) - 1
                for place in range(last, max(-1, last - LOOK_BACK), -1):
                    if without_id[place] is image:
                        by_pid[pid].append(without_id.pop(place))
                        break
            image.append(row)
        known = self._by_image[guid] = {row: i for i in images if len(i) > 1 for row in i}
        return known

    def of_guid(self, guid: int, pid: int, time: float) -> int:
        """Return the process with a GUID, -1 if there is none.

        Where several processes have it, which no sensor should say, the last before a time with
        that process id, else the last before it, else the first.
        """
        known = self._guid_histories.get(guid)
        if known is None:
            rows = list(self._by_guid.rows(guid)) if guid else []
            if len(rows) < 2:
                return self.canonical(rows[0]) if rows else -1
            known = self._guid_histories[guid] = self._in_time(rows)
        times, rows = known
        end = bisect_right(times, time)
        near = rows[max(0, end - LOOK_BACK) : end][::-1] or rows[:1]
        return next((row for row in near if pid and self.store.own_pid[row] == pid), near[0])

    def another_guid(self, guid: int, row: int, teller: int, field: str) -> bool:
        """Tell whether a row has another GUID than one that was told, in the same form.

        Args:
            guid: Key of the GUID that was told.
            row: A process creation.
            teller: The row that tells it.
            field: In which field.
        """
        store = self.store
        own = store.own_guid[row]
        if not guid or not own or guid == own:
            return False
        if len(store.guid_forms) < 2:
            return True
        return guid_form(store.text(teller, field)) == guid_form(store.text(row, "process_guid"))

    def _poverty(self, row: int) -> tuple[bool, ...]:
        """Order copies of one process: what tells more comes first, an installer stays one."""
        store = self.store
        is_root, no_parent = bool(store.flags[row] & IS_ROOT), not self._has_parent(row)
        told = not store.own_guid[row], no_parent, not store.own_command[row]
        return self._is_bare(row), not is_root, *told

    def _has_parent(self, row: int) -> bool:
        store = self.store
        return bool(store.parent_guid[row] or store.parent_pid[row] or store.parent_command[row])

    def history(self, key: int) -> History:
        """Return times and rows of all processes that had one process id on one host."""
        known = self._pid_histories.get(key)
        if known is None:
            known = self._in_time(self._by_pid.rows(key))
            if known[1]:  # of the ids that a stage tries, most were nobody's
                self._pid_histories[key] = known
        return known

    def _group(self, row: int) -> list[int]:
        """Return the rows of one process among those with its process id; none if it is alone."""
        key = self.store.own_pid[row]
        if key and key not in self._grouped:
            self._grouped.add(key)
            groups: list[list[int]] = []
            for other in self.sort(self._by_pid.rows(key)):
                twins = self._twins(groups, other)
                if twins is None:
                    groups.append([other])
                else:
                    twins.append(other)
            for group in groups:
                if len(group) > 1:
                    self._group_of.update(dict.fromkeys(group, group))
        return self._group_of.get(row, [])

    def _twins(self, groups: list[list[int]], row: int) -> list[int] | None:
        """Return the group of rows that are this process as another sensor saw it.

        What may be the end of a process belongs to the newest one, if that told more.
        """
        store = self.store
        for group in reversed(groups[-LOOK_BACK:]):
            if store.time[row] - store.time[group[0]] > SAME_PROCESS_SECONDS:
                break
            if all(self._same_process(row, other) for other in group[:LOOK_BACK]):
                return group
        newest = groups[-1] if groups and self._is_bare(row) else []
        in_time = bool(newest) and store.time[row] - store.time[newest[0]] <= END_SECONDS
        if (
            in_time
            and not all(map(self._is_bare, newest[:LOOK_BACK]))
            and all(self._same_process(row, other) for other in newest[:LOOK_BACK])
        ):
            return newest
        return None

    def _same_process(self, a: int, b: int) -> bool:
        """Tell whether two rows with one process id and nearly one time are one process."""
        store = self.store
        if self.another_guid(store.own_guid[a], b, a, "process_guid"):
            return False
        one, other = self.process(a), self.process(b)
        if store.own_command[a] and store.own_command[b]:
            if store.own_command[a] == store.own_command[b] or same_line(one, other):
                return True
            if not self._is_bare(a) and not self._is_bare(b):
                return False
        return same_name(one.process_name, other.process_name)

    def _is_bare(self, row: int) -> bool:
        """Tell whether a row says no more than which program ran, as of the end of a process."""
        if self._has_parent(row):
            return False
        process = self.process(row)
        line = process.process.strip("\"' ")
        return line in ("", process.process_path, process.process_exec, process.process_name)

    def command_history(self, key: int) -> tuple[list[float], list[int]]:
        """Return times and rows of all processes with one command line on one host."""
        known = self._command_histories.get(key)
        if known is None:
            rows = self.sort(self._by_command.rows(key))
            known = ([self.store.time[row] for row in rows], rows)
            self._command_histories[key] = known
        return known
