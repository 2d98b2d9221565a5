"""Protocol rows -> compact columns: link keys in arrays, the rows themselves in a spill file.

A dict a row costs about 2 KiB and 10 microseconds; the arrays cost 69 bytes a row, and only the
few rows that turn out to belong to an installer are ever read again.
"""

from __future__ import annotations

import csv
import math
import re
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import accumulate
from operator import itemgetter
from typing import Callable, cast

from .addresses import address_type
from .catalogue import Catalogue
from .model import EVENT_KINDS, Counters, Event, Process
from .spill import Spill

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
MISSING = frozenset(
    [
        "",
        "-",
        "unknown",
        "Unknown",
        "UNKNOWN",
        "null",
        "NULL",
        "Null",
        ZERO_GUID,
        "{" + ZERO_GUID + "}",
    ]
)
"""What CIM, `fillnull_value` and event sources write where they have no value."""

PROCESS, NETWORK, FILE, REGISTRY, SERVICE = range(5)
KIND = 7
IS_ROOT = 8
PARENT_IS_ROOT = 16

NO_TIME = math.inf

KEY_FIELDS = (
    "dest",
    "_time",
    "process_id",
    "process_guid",
    "parent_process_id",
    "parent_process_guid",
    "process_name",
    "original_file_name",
    "process",
    "process_path",
    "parent_process_name",
    "parent_process",
)
TARGET_FIELDS = (
    "dest_ip",
    "url",
    "dest_port",
    "file_path",
    "registry_path",
    "service_name",
    "service_path",
)
OTHER_FIELDS = ("host", "src", "action", "parent_process_path")
ALIASES = {"service": "service_name", "service_exec": "service_path"}
FIELDS = frozenset(
    (
        *KEY_FIELDS,
        *TARGET_FIELDS,
        *OTHER_FIELDS,
        *(f for f in Process._fields if f != "time"),
        *tuple(f for f in Event._fields if f not in ("kind", "time", "dest_ip_type")),
    )
)
"""Every field that the engine reads, by its CIM name."""

DATA_MODELS = ("Processes", "All_Traffic", "Ports", "Filesystem", "Registry", "Services")
"""Data-model objects whose names may stand before a field: `Processes.dest`."""

FILE_ACTIONS = frozenset(
    ["created", "modified", "deleted", "read", "updated", "acl_modified", "renamed"]
)

_MULTIVALUE = re.compile(r"\$((?:\$\$|[^$])*)\$(?:;|$)")
_BARE_CR = re.compile(rb"\r(?!\n)")
_FIRST_WORD = re.compile(r'\s*(?:"([^"]*)"|(\S+))')

Row = Sequence[str]


def first_value(encoded: str) -> str:
    """Return the first of Splunk's `$a$;$b$` encoded values."""
    found = _MULTIVALUE.match(encoded)
    return found[1].replace("$$", "$") if found else ""


def all_values(encoded: str) -> list[str]:
    """Return all of Splunk's `$a$;$b$` encoded values."""
    return [value.replace("$$", "$") for value in _MULTIVALUE.findall(encoded)]


def base_name(path: str, command_line: str) -> str:
    """Return the file name of a path, or of the program at the start of a command line."""
    if path in MISSING:
        found = _FIRST_WORD.match(command_line)
        path = (found[1] or found[2] or "") if found else ""
    return path.rstrip("\\/").replace("\\", "/").rsplit("/", 1)[-1]


def required_fields() -> list[str]:
    """Return every name under which Splunk may hold a field that the engine reads."""
    plain = sorted(FIELDS | set(ALIASES))
    return plain + [f"{model}.{name}" for model in DATA_MODELS for name in plain if name != "_time"]


class Layout:
    """Where the fields are in the rows of one chunk.

    Attributes:
        columns: Names of the plain columns as they came, with their index and that of `__mv_`.
        known: Fields that were recognized.
    """

    def __init__(self, header: Row) -> None:
        self.width = len(header)
        position = {name: i for i, name in reversed(list(enumerate(header)))}
        self.columns = {
            name: (i, position.get("__mv_" + name, -1))
            for name, i in position.items()
            if not name.startswith("__mv_")
        }
        places: dict[str, list[tuple[int, int]]] = {}
        for name in sorted(self.columns, key=lambda n: ("." in n, n in ALIASES, self.columns[n])):
            prefix, _, short = name.rpartition(".")
            if prefix and prefix.rsplit(".", 1)[-1] not in DATA_MODELS:
                continue
            short = ALIASES.get(short, short)
            if short in FIELDS:
                places.setdefault(short, []).append(self.columns[name])
        self.known = frozenset(places)
        self._places = {name: tuple(found) for name, found in places.items()}
        self.may_hold_events = any(name in places for name in TARGET_FIELDS)
        single = all(len(self._places.get(name, "1")) == 1 for name in KEY_FIELDS)
        self._plain = itemgetter(*(self._places.get(n, ((-1, -1),))[0][0] for n in KEY_FIELDS))
        self._single = single

    def keys(self, has_multivalues: bool) -> Callable[[Row], tuple[str, ...]]:
        """Return what takes `KEY_FIELDS` out of a row that has an empty string appended."""
        if self._single and not has_multivalues:
            return cast("Callable[[Row], tuple[str, ...]]", self._plain)
        return lambda values: tuple(self.value(values, name) for name in KEY_FIELDS)

    def any_value(self, values: Row, column: str) -> str:
        """Return the plain value of any column of the input, empty where it is missing."""
        value = values[self.columns[column][0]] if column in self.columns else ""
        return "" if value in MISSING else value

    def value(self, values: Row, field: str) -> str:
        """Return the first value of a field, an empty string where it is missing."""
        for plain, multi in self._places.get(field, ()):
            value = first_value(values[multi]) if multi >= 0 and values[multi] else values[plain]
            if value not in MISSING:
                return value
        return ""


class RowStore:
    """All rows of a search: keys to link them by, and the rows to read again.

    The arrays run in step, one entry a kept row. Keys are 64-bit hashes of host and identity, 0 for
    none; what they link is checked against the real strings later. Events keep the keys of the host
    in `dest` in `own_*` and those of the host in `src` in `parent_*`.

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
        self.parent_guid, self.parent_pid, self.parent_command = array("q"), array("q"), array("q")
        self.flags = array("B")
        self.event_rows = array("I")
        self.layouts: list[Layout] = []
        self._offset, self._length = array("Q"), array("I")
        self._chunk_start = array("Q")
        self._by_header: dict[bytes, Layout] = {}
        self._hosts: dict[str, int] = dict.fromkeys(MISSING, -1)
        self._catalogue = catalogue
        self._spill = Spill(directory)
        self._maxevents = maxevents

    def __len__(self) -> int:
        return len(self.time)

    def add(self, body: bytes) -> None:
        """Take in the rows of one chunk, header first.

        Raises:
            SpillError: The rows could not be kept.
        """
        body = self._clean(body)
        lines = body.splitlines(True)
        starts = array("Q", accumulate(map(len, lines), initial=0))
        reader = csv.reader(map(bytes.decode, lines))
        try:
            header = next(reader)
        except StopIteration:
            return
        first = reader.line_num
        layout = self._layout(b"".join(lines[:first]), header)
        if first == len(lines):
            return
        before = len(self)
        base = self._spill.size - starts[first]
        has_multivalues = b',"$' in body or b",$" in body
        self._read(reader, layout, has_multivalues, starts, base)
        if len(self) > before:
            self._spill.append(b"".join(lines[first:]))
            self._chunk_start.append(before)
            self.layouts.append(layout)

    def _read(  # noqa: C901 - the hot loop: one level, no calls that can be spared
        self,
        reader: Iterator[list[str]],
        layout: Layout,
        has_multivalues: bool,
        starts: array[int],
        base: int,
    ) -> None:
        """Append the keys of every usable row of a chunk."""
        counters, width = self.counters, layout.width
        may_hold_events = layout.may_hold_events
        keys = layout.keys(has_multivalues)
        hosts, catalogue = self._hosts, self._catalogue
        by_name = catalogue.candidates
        room = self._maxevents - counters.rows
        line_end = reader.line_num  # type: ignore[attr-defined]
        for values in reader:
            line, line_end = line_end, reader.line_num  # type: ignore[attr-defined]
            if len(values) != width:
                if not values:
                    continue
                counters.ragged += 1
                values = (values + [""] * width)[:width]
            if room <= 0:
                counters.over_limit += 1
                continue
            room -= 1
            counters.rows += 1
            values.append("")
            dest, time, pid, guid, parent_pid, parent_guid, name, original, command, path, parent, \
                parent_command = keys(values)  # fmt: skip
            host = hosts.get(dest)
            if host is None or host < 0:
                host = self._host(dest, layout.value(values, "host"))
            kind = PROCESS
            if may_hold_events:
                kind = self._kind(layout, values)
                if kind < 0:
                    continue
            if kind:
                if self._add_event(layout, values, kind, host, pid, guid):
                    self._place(time, base + starts[line], starts[line_end] - starts[line])
                continue
            if name in MISSING:
                name = base_name(path, command if command not in MISSING else "")
            if host < 0:
                counters.no_dest += 1
                continue
            if not name:
                counters.no_process += 1
                continue
            has_pid, has_guid = pid not in MISSING, guid not in MISSING
            if not (has_pid or has_guid):
                counters.no_identity += 1
                continue
            if command in MISSING:
                command = ""
            flags = PROCESS
            if by_name(name, original) and catalogue.root_of(
                name, command, _known(path), _known(original)
            ):
                flags |= IS_ROOT
            if parent_command in MISSING:
                parent_command = ""
            if parent in MISSING:
                parent = base_name("", parent_command) if parent_command else ""
            if parent and by_name(parent) and catalogue.root_of(parent, parent_command):
                flags |= PARENT_IS_ROOT
            counters.processes += 1
            self.own_guid.append(hash((host, guid)) if has_guid else 0)
            self.own_pid.append(hash((host, _pid(pid))) if has_pid else 0)
            self.own_command.append(hash((host, command)) if command else 0)
            self.parent_guid.append(hash((host, parent_guid)) if parent_guid not in MISSING else 0)
            known = parent_pid not in MISSING and (parent_pid != pid or not has_pid)
            self.parent_pid.append(hash((host, _pid(parent_pid))) if known else 0)
            self.parent_command.append(hash((host, parent_command)) if parent_command else 0)
            self.flags.append(flags)
            self._place(time, base + starts[line], starts[line_end] - starts[line])

    def _place(self, time: str, offset: int, length: int) -> None:
        try:
            moment = float(time)
        except ValueError:
            moment = NO_TIME
        if not -NO_TIME < moment < NO_TIME:
            moment = NO_TIME
            self.counters.bad_time += 1
        self.time.append(moment)
        self._offset.append(offset)
        self._length.append(length)

    def _kind(self, layout: Layout, values: Row) -> int:
        """Tell the kind of a row by its fields; -1 refuses an event that names no target."""
        value = layout.value
        if value(values, "registry_path"):
            return REGISTRY
        if value(values, "service_name") or value(values, "service_path"):
            return SERVICE
        if value(values, "dest_ip") or value(values, "url"):
            return NETWORK
        if value(values, "file_path"):
            return FILE
        has_parent = value(values, "parent_process_id") or value(values, "parent_process_name")
        if has_parent or value(values, "parent_process_guid"):
            return PROCESS
        if value(values, "dest_port"):
            return NETWORK
        if value(values, "action") in FILE_ACTIONS:
            self.counters.no_target += 1
            return -1
        return PROCESS

    def _add_event(
        self, layout: Layout, values: Row, kind: int, host: int, pid: str, guid: str
    ) -> bool:
        """Append the keys of an event; False when nothing says whose it is."""
        source = self._host("", layout.value(values, "src")) if kind == NETWORK else -1
        has_pid, has_guid = pid not in MISSING, guid not in MISSING
        if host < 0 and source < 0:
            self.counters.no_dest += 1
            return False
        if not (has_pid or has_guid):
            self.counters.no_identity += 1
            return False
        self.counters.events[EVENT_KINDS[kind - 1]] += 1
        for place, guids, pids in (
            (host, self.own_guid, self.own_pid),
            (source, self.parent_guid, self.parent_pid),
        ):
            guids.append(hash((place, guid)) if has_guid and place >= 0 else 0)
            pids.append(hash((place, _pid(pid))) if has_pid and place >= 0 else 0)
        self.own_command.append(0)
        self.parent_command.append(0)
        self.event_rows.append(len(self.flags))
        self.flags.append(kind)
        return True

    def _host(self, dest: str, fallback: str) -> int:
        """Return the number of a host, -1 for none; names differ in case only by accident."""
        if dest in MISSING:
            dest = fallback
            if dest in MISSING:
                return -1
        name = dest.lower()
        number = self._hosts.setdefault(name, len(self._hosts))
        if dest != name and len(self._hosts) < 1_000_000:
            self._hosts[dest] = number
        return number

    def _layout(self, header_line: bytes, header: Row) -> Layout:
        layout = self._by_header.get(header_line)
        if layout is None:
            layout = self._by_header[header_line] = Layout(header)
        return layout

    def seen_columns(self) -> list[str]:
        """Return the names of all columns that came, whether used or not."""
        return sorted({name for layout in self._by_header.values() for name in layout.columns})

    def known_fields(self) -> frozenset[str]:
        """Return the fields that were recognized in any chunk."""
        return frozenset().union(*(layout.known for layout in self._by_header.values()))

    def _clean(self, body: bytes) -> bytes:
        """Make a chunk safe to split into lines and to decode; count what had to be replaced."""
        if b"\0" in body:
            self.counters.nul_bytes += body.count(b"\0")
            body = body.replace(b"\0", "\ufffd".encode())
        if not body.isascii():
            try:
                body.decode()
            except UnicodeDecodeError:
                before = body.count("\ufffd".encode())
                body = body.decode("utf-8", "replace").encode()
                self.counters.bad_utf8 += body.count("\ufffd".encode()) - before
        if b"\r" in body and body.count(b"\r") != body.count(b"\r\n"):
            body = _BARE_CR.sub(b" ", body)
        return body

    def values(self, row: int) -> tuple[Layout, list[str]]:
        """Read one row again.

        Raises:
            SpillError: The row could not be read back.
        """
        layout = self.layouts[bisect_right(self._chunk_start, row) - 1]
        text = self._spill.read(self._offset[row], self._length[row]).decode()
        values = next(v for v in csv.reader(StringIO(text, newline="\n")) if v)
        return layout, (values + [""] * layout.width)[: layout.width]

    def process(self, row: int) -> Process:
        """Read a process creation again, all missing values empty."""
        layout, values = self.values(row)
        get = {name: layout.value(values, name) for name in Process._fields[1:]}
        get["dest"] = get["dest"] or layout.value(values, "host")
        get["process_name"] = get["process_name"] or base_name(get["process_path"], get["process"])
        if not get["parent_process_name"] and (get["parent_process_path"] or get["parent_process"]):
            get["parent_process_name"] = base_name(
                get["parent_process_path"], get["parent_process"]
            )
        return Process(self.time[row], **get)

    def event(self, row: int) -> Event:
        """Read a network, file, registry or service event again, all missing values empty."""
        layout, values = self.values(row)
        get = {name: layout.value(values, name) for name in Event._fields[2:]}
        get["dest_ip_type"] = address_type(get["dest_ip"])
        return Event(EVENT_KINDS[(self.flags[row] & KIND) - 1], self.time[row], **get)

    def close(self) -> None:
        """Drop the spilled rows."""
        self._spill.close()


def _known(value: str) -> str:
    return "" if value in MISSING else value


def _pid(pid: str) -> str:
    """Write a process id in decimal; Windows event 4688 has it in hex."""
    if pid[:2] in ("0x", "0X"):
        try:
            return str(int(pid, 16))
        except ValueError:
            return pid
    return pid
