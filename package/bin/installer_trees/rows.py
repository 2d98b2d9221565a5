"""Protocol rows -> compact columns: link keys in arrays, the rows themselves in a spill file.

A dict a row costs about 2 KiB and 10 microseconds. Here the CSV of a chunk is read in batches that
are turned into columns, so that most of the work is done by C loops over whole columns; what stays
in memory is 65 bytes a row, and only the few rows that turn out to belong to an installer are ever
read again.
"""

from __future__ import annotations

import csv
import re
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import chain, compress, filterfalse, islice
from operator import attrgetter, methodcaller, sub

from .addresses import address_type
from .batches import Batch, batches, header, lines
from .catalogue import CACHED_NAMES, Catalogue, Gate
from .columns import (
    LAST_TIME,
    NO_TIME,
    Column,
    decimal_id,
    decimal_ids,
    hashed,
    known_guids,
    link_columns,
    moment,
    of_others,
    program_names,
)
from .events import EVENT_KINDS, Event, Process
from .kinds import FILE, NETWORK, NO_TARGET, PROCESS, SERVICE, kind_of, may_hold_events
from .layout import (
    EVENT_FIELDS,
    MISSING,
    NO_GUIDS,
    Layout,
    Row,
    base_name,
    known,
    program_name,
)
from .memo import Memo
from .model import Counters
from .spill import Spill
from .starters import Started

KIND = 7
IS_ROOT = 8
PARENT_IS_ROOT = 16
NEEDS_SIBLING = 32
NO_HOST = 0

_PROGRAM_OF_APPLICATION = ".app/Contents/MacOS/"

_BARE_CR = re.compile(rb"\r(?!\n)")
_REPLACEMENT = "\ufffd".encode()

_IN_BRACES = methodcaller("startswith", "{")

_told = attrgetter("dest", "process_name", "process", "parent_process_name")

_ROOT_FIELDS = "process_name process process_path original_file_name parent_process_name".split()


def host_number(dest: str) -> int:
    """Return the number of a host; names differ in case only by accident.

    The hash is that of a pair: keys are host XOR value, and a name may well be a value too.
    """
    return hash(("dest", dest.strip().lower())) or 1


def guid_form(guid: str) -> str:
    """Return how a sensor writes its GUIDs: `{` in braces, `-` with dashes, else empty."""
    return "{" if guid.startswith("{") else "-" if "-" in guid else ""


def _to_a_row_end(block: bytes, start: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a block, and those after it until the quotes that are opened in its rows are closed."""
    quotes = block.count(b'"', start)
    yield block
    while quotes % 2 and (block := next(blocks, b"")):
        quotes += block.count(b'"')
        yield block


class RowStore:
    """All rows of a search: keys to link them by, and the rows to read again.

    The arrays run in step, one entry a kept row. Keys are 64-bit hashes of identity and host, 0 for
    none; the number of a host is the hash of its name. Events keep the keys of the host in `dest`
    in `own_*`, those of the host in `src` in `parent_*`, those of the host that reports them in
    `own_command` (by GUID) and `parent_command` (by id). `guid_forms` has the forms in which GUIDs
    came: several where more than one sensor gives each process its own. `started` has the rows that
    a service manager or a person started. `placed` has the file events that name the program of an
    application of macOS. `unnamed_services` has the rows of service events that name no process;
    those have the number of their host in `own_command`.

    Args:
        catalogue: Tells which rows are installers.
        directory: Where the spill file may live.
        maxevents: Rows that are kept at most.
    """

    def __init__(
        self, catalogue: Catalogue, directory: str | None = None, maxevents: int = 2_000_000
    ) -> None:
        self.counters = Counters()
        self.time = array("d")
        self.own_guid, self.own_pid, self.own_command = array("q"), array("q"), array("q")
        self.parent_guid, self.parent_pid = array("q"), array("q")
        self.parent_command = array("q")
        self.flags = array("B")
        self.started = Started()
        self.event_rows = array("I")
        self.placed = array("I")
        self.unnamed_services = array("I")
        self.layouts: list[Layout] = []
        self._offset, self._length = array("I"), array("I")
        self._chunk_start, self._chunk_offset = array("Q"), array("Q")
        self.guid_forms: set[str] = set()
        self._by_header: dict[tuple[str, ...], Layout] = {}
        self._hosts: dict[str, int] = dict.fromkeys(MISSING, NO_HOST)
        self._gates: Memo[tuple[str, str, bool], Gate | None] = Memo(CACHED_NAMES)
        self._catalogue = catalogue
        self._spill = Spill(directory)
        self._maxevents = maxevents

    def __len__(self) -> int:
        return len(self.time)

    def add(self, body: bytes, more: Iterable[bytes] = ()) -> None:
        """Take in the rows of one chunk, header first.

        Args:
            body: The chunk, or where it comes in blocks that end with a line, the first of them.
            more: The other blocks.

        Raises:
            SpillError: The rows could not be kept.
        """
        blocks = map(self._clean, chain([body], more))
        block = next(blocks)
        names, start = header(block)
        if not start:
            return
        layout = self._by_header.get(tuple(names))
        if layout is None:
            layout = self._by_header[tuple(names)] = Layout(names)
        while block:
            before = len(self)
            for batch in batches(block, start, layout.twins):
                self._read(batch, layout)
                start = batch.bounds[-1]
            if start < len(block):  # a row goes on over lines
                block = b"".join(_to_a_row_end(block, start, blocks))
                for batch in lines(block, start):
                    self._read(batch, layout)
            if len(self) > before:
                self._chunk_offset.append(self._spill.append(block))
                self._chunk_start.append(before)
                self.layouts.append(layout)
            block, start = next(blocks, b""), 0

    def _read(self, batch: Batch, layout: Layout) -> None:
        """Take in the rows of a batch."""
        rows, bounds, multivalued, plain = batch
        layout = layout.plain if plain else layout
        offsets: Sequence[int] = bounds[:-1]
        lengths: Sequence[int] = list(map(sub, bounds[1:], offsets))
        if set(map(len, rows)) != {layout.width}:
            rows, offsets, lengths = self._even(rows, offsets, lengths, layout.width)
        room = self._maxevents - self.counters.rows
        if len(rows) > room:
            self.counters.over_limit += len(rows) - room
            rows = rows[:room]
        self.counters.rows += len(rows)
        if rows:
            self._take(rows, offsets, lengths, layout, multivalued and layout.has_multivalues)

    def _even(
        self, batch: list[list[str]], offsets: Sequence[int], lengths: Sequence[int], width: int
    ) -> tuple[list[list[str]], Sequence[int], Sequence[int]]:
        """Drop blank lines, and fill or cut rows of a wrong width."""
        self.counters.ragged += sum(1 for row in batch if row and len(row) != width)
        full = list(map(bool, batch))
        batch = [row if len(row) == width else (row + [""] * width)[:width] for row in batch if row]
        return batch, list(compress(offsets, full)), list(compress(lengths, full))

    def _take(
        self,
        batch: list[list[str]],
        offsets: Sequence[int],
        lengths: Sequence[int],
        layout: Layout,
        multivalued: bool,
    ) -> None:
        """Append the keys of every usable row of a batch."""
        if not batch:
            return
        columns = link_columns(batch, layout, multivalued)
        hosts = self._host_column(batch, columns["dest"], layout)
        if layout.may_hold_events and may_hold_events(batch, layout, multivalued):
            kinds = [kind_of(layout, row) for row in batch]
            self.counters.no_target += kinds.count(NO_TARGET)
            for i, kind in enumerate(kinds):
                if kind > PROCESS and self._add_event(layout, batch[i], kind, hosts[i]):
                    self._place([layout.value(batch[i], "_time")], [offsets[i]], [lengths[i]])
            keep = [kind == PROCESS for kind in kinds]
            batch, hosts = list(compress(batch, keep)), list(compress(hosts, keep))
            offsets, lengths = list(compress(offsets, keep)), list(compress(lengths, keep))
            if not batch:
                return
            columns = link_columns(batch, layout, multivalued)
        usable = self._usable(hosts, columns)
        if usable is not None:
            hosts = list(compress(hosts, usable))
            columns = {name: list(compress(column, usable)) for name, column in columns.items()}
            offsets, lengths = list(compress(offsets, usable)), list(compress(lengths, usable))
            if not hosts:
                return
        self._append(hosts, columns)
        self._place(columns["_time"], offsets, lengths)

    def _append(self, hosts: list[int], columns: dict[str, Column]) -> None:
        """Append identities and flags of process creations, a column at a time."""
        self.counters.processes += len(hosts)
        pid, guid = decimal_ids(columns["process_id"]), known_guids(columns["process_guid"])
        parent_pid = of_others(decimal_ids(columns["parent_process_id"]), pid)
        parent_guid = of_others(known_guids(columns["parent_process_guid"]), guid)
        self._note_forms(guid, parent_guid)
        self.own_guid.extend(hashed(hosts, guid))
        self.own_pid.extend(hashed(hosts, pid))
        self.own_command.extend(hashed(hosts, columns["process"]))
        self.parent_guid.extend(hashed(hosts, parent_guid))
        self.parent_pid.extend(hashed(hosts, parent_pid))
        self.parent_command.extend(hashed(hosts, columns["parent_process"]))
        before, flags = len(self.flags), bytearray(len(hosts))
        names, commands = columns["process_name"], columns["process"]
        suspects = self._suspects(names, commands)
        suspects |= self._suspects(columns["original_file_name"], commands, renamed=True)
        for i in suspects:
            root = self._catalogue.root_of(*(known(columns[name][i]) for name in _ROOT_FIELDS))
            if root is not None:
                flags[i] |= NEEDS_SIBLING if root.sibling_pattern else IS_ROOT
        names, lines = columns["parent_process_name"], columns["parent_process"]
        for i in self._suspects(names, lines, parents=True):
            root = self._catalogue.root_of(names[i], known(lines[i]))
            if root is not None and not root.sibling_pattern:
                flags[i] |= PARENT_IS_ROOT
        self.started.add(before, hosts, columns)
        self.flags.extend(flags)

    def _note_forms(self, *columns: Column) -> None:
        """Note in which forms GUIDs are written; most sensors put them in braces."""
        for guids in columns:
            bare = set(filterfalse(_IN_BRACES, guids))
            self.guid_forms.update(map(guid_form, bare - MISSING))
            if "{" not in self.guid_forms and not MISSING.issuperset(set(guids) - bare):
                self.guid_forms.add("{")

    def _suspects(
        self, names: Column, commands: Column, renamed: bool = False, parents: bool = False
    ) -> set[int]:
        """Return the places where name and command line may be those of an installer."""
        gates = {}
        for name in set(names):
            gate = self._gate("" if renamed else name, name if renamed else "", parents)
            if gate is not None:
                gates[name] = gate
        if not gates:
            return set()
        by_gate: dict[Gate, list[int]] = {gate: [] for gate in gates.values()}
        places_of = {name: by_gate[gate] for name, gate in gates.items()}
        for i in compress(range(len(names)), map(places_of.__contains__, names)):
            places_of[names[i]].append(i)
        suspects: set[int] = set()
        for gate, places in by_gate.items():
            suspects.update(gate.admitted(places, commands))
        return suspects

    def _gate(self, name: str, original: str, by_name: bool) -> Gate | None:
        key = (name, original, by_name)
        if key not in self._gates:
            gate = self._catalogue.gate(name, original, by_name) if name or original else None
            self._gates.keep(key, gate)
        return self._gates[key]

    def _usable(self, hosts: list[int], columns: dict[str, Column]) -> list[bool] | None:
        """Fill in names, and tell which rows can be used; None when all can."""
        for field in ("process_name", "parent_process_name"):
            columns[field] = program_names(columns[field])
        names = columns["process_name"]
        if not MISSING.isdisjoint(names):
            names = columns["process_name"] = [
                base_name(path, command) if name in MISSING else name
                for name, path, command in zip(names, columns["process_path"], columns["process"])
            ]
        parents = columns["parent_process_name"]
        if not MISSING.isdisjoint(parents):
            columns["parent_process_name"] = [
                base_name(path, command) if name in MISSING else name
                for name, path, command in zip(
                    parents, columns["parent_process_path"], columns["parent_process"]
                )
            ]
        pid, guid = columns["process_id"], columns["process_guid"]
        all_known = MISSING.isdisjoint(pid) or NO_GUIDS.isdisjoint(map(str.lower, guid))
        if NO_HOST not in hosts and "" not in names and all_known:
            return None
        usable = []
        for host, name, a, b in zip(hosts, names, pid, guid):
            refused = True
            if host == NO_HOST:
                self.counters.no_dest += 1
            elif not name:
                self.counters.no_process += 1
            elif a in MISSING and b.lower() in NO_GUIDS:
                self.counters.no_identity += 1
            else:
                refused = False
            usable.append(not refused)
        return usable

    def _place(self, times: Column, offsets: Sequence[int], lengths: Sequence[int]) -> None:
        """Append when rows happened and where they lie in the spill file."""
        count = min(len(times), len(offsets))
        try:
            moments = array("d", map(float, times))
        except ValueError:
            moments = array("d", map(moment, times))
        if not all(map(LAST_TIME.__gt__, moments)) or min(moments) < 0:
            moments = array("d", (m if 0 <= m < LAST_TIME else NO_TIME for m in moments))
            self.counters.bad_time += sum(1 for m in moments if m == NO_TIME)
        self.time.extend(moments)
        self._offset.extend(islice(offsets, count))
        self._length.extend(islice(lengths, count))

    def _host_column(self, batch: list[list[str]], names: Column, layout: Layout) -> list[int]:
        """Return the number of each row's host, `NO_HOST` for none."""
        hosts = list(map(self._hosts.get, names))
        if None in hosts or NO_HOST in hosts:
            hosts = [
                self._host(layout.host(row)) if host in (None, NO_HOST) else host
                for host, row in zip(hosts, batch)
            ]
        return hosts  # type: ignore[return-value]

    def _host(self, name: str) -> int:
        """Return the number of a host, `NO_HOST` for an empty name."""
        if not name:
            return NO_HOST
        number = self._hosts[name] = host_number(name)
        return number

    def _add_event(self, layout: Layout, values: Row, kind: int, host: int) -> bool:
        """Append the keys of an event; False when nothing says whose it is."""
        source = reporter = NO_HOST
        if kind == NETWORK:
            peer = layout.value(values, "src")
            source = host_number(peer) if peer else NO_HOST
            reporter = self._host(layout.value(values, "dvc") or layout.value(values, "host"))
        pid, guid = layout.value(values, "process_id"), layout.value(values, "process_guid")
        guid = "" if guid.lower() in NO_GUIDS else guid
        self._note_forms([guid])
        if not host and not source and not reporter:
            self.counters.no_dest += 1
            return False
        if not (pid or guid):
            if kind != SERVICE or not host:
                self.counters.no_identity += 1
                return False
            self.unnamed_services.append(len(self.flags))
        if kind == FILE and _PROGRAM_OF_APPLICATION in layout.value(values, "file_path"):
            self.placed.append(len(self.flags))
        self.counters.events[EVENT_KINDS[kind - 1]] += 1
        for place, guids, pids in (
            (host, self.own_guid, self.own_pid),
            (source, self.parent_guid, self.parent_pid),
            (reporter, self.own_command, self.parent_command),
        ):
            guids.append(hash(guid.lower()) ^ place if guid and place else 0)
            pids.append(hash(decimal_id(pid)) ^ place if pid and place else 0)
        if not (pid or guid):
            self.own_command[-1] = host
        self.event_rows.append(len(self.flags))
        self.flags.append(kind)
        return True

    def sides_of(self, event: int) -> tuple[tuple[int, int], ...]:
        """Return the keys of an event's GUID and process id on each host that may own it.

        Those of the host that reports it, of the one in `src`, of the one in `dest`; 0 for none.
        """
        return (
            (self.own_command[event], self.parent_command[event]),
            (self.parent_guid[event], self.parent_pid[event]),
            (self.own_guid[event], self.own_pid[event]),
        )

    def host_of_unnamed(self, service: int) -> int:
        """Return the number of the host of a service event that names no process."""
        return self.own_command[service]

    def key(self, dest: str, value: str) -> int:
        """Return the key of a process id, or of a word, on a host."""
        return hash(value) ^ host_number(dest)

    def children_of_init(self) -> list[int]:
        """Return the rows whose parent is process 1."""
        keys = {hash("1") ^ host for host in set(self._hosts.values()) - {NO_HOST}}
        found = compress(range(len(self)), map(keys.__contains__, self.parent_pid))
        return [row for row in found if not self.flags[row] & KIND]

    def seen_columns(self) -> list[str]:
        """Return the names of all columns that came, whether used or not."""
        return sorted({name for layout in self._by_header.values() for name in layout.columns})

    def _clean(self, body: bytes) -> bytes:
        """Make a chunk safe to split into lines and to decode; count what had to be replaced."""
        if b"\0" in body:
            self.counters.nul_bytes += body.count(b"\0")
            body = body.replace(b"\0", _REPLACEMENT)
        if not body.isascii():
            try:
                body.decode()
            except UnicodeDecodeError:
                before = body.count(_REPLACEMENT)
                body = body.decode("utf-8", "replace").encode()
                self.counters.bad_utf8 += body.count(_REPLACEMENT) - before
        if b"\r" in body and body.count(b"\r") != body.count(b"\r\n"):
            body = _BARE_CR.sub(b" ", body)
        return body

    def values(self, row: int) -> tuple[Layout, list[str]]:
        """Read one row again.

        Raises:
            SpillError: The row could not be read back.
        """
        chunk = bisect_right(self._chunk_start, row) - 1
        layout, place = self.layouts[chunk], self._chunk_offset[chunk] + self._offset[row]
        text = self._spill.read(place, self._length[row]).decode()
        line = text.strip("\r\n")
        if '"' in line or "\n" in line:
            values = next(v for v in csv.reader(StringIO(text, newline="\n")) if v)
        else:
            values = line.split(",")
        if len(values) != layout.width:
            values = (values + [""] * layout.width)[: layout.width]
        return layout, values

    def process(self, row: int) -> Process:
        """Read a process creation again, all missing values empty."""
        layout, values = self.values(row)
        # Users, paths and programs come again and again: one copy of each is enough.
        process = Process(self.time[row], *map(sys.intern, layout.process(values)))
        dest = (process.dest or layout.host(values)).strip()
        command = process.process.lstrip()
        name = program_name(process.process_name) or base_name(process.process_path, command)
        above = program_name(process.parent_process_name)
        above = above or base_name(process.parent_process_path, process.parent_process)
        if (dest, name, command, above) == _told(process):
            return process
        return process._replace(
            dest=dest, process_name=name, process=command, parent_process_name=above
        )

    def text(self, row: int, field: str) -> str:
        """Return the first value of a field of a row, empty where it is missing."""
        layout, values = self.values(row)
        return layout.value(values, field)

    def event(self, row: int) -> Event:
        """Read a network, file, registry or service event again, all missing values empty."""
        layout, values = self.values(row)
        get = dict(zip(EVENT_FIELDS, layout.event(values)))
        kind = EVENT_KINDS[(self.flags[row] & KIND) - 1]
        get["process_name"] = program_name(get["process_name"])
        get["file_name"] = get["file_name"] or base_name(get["file_path"], "")
        return Event(kind, self.time[row], dest_ip_type=address_type(get["dest_ip"]), **get)

    def close(self) -> None:
        """Drop the spilled rows."""
        self._spill.close()
