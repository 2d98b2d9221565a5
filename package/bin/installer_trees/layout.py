"""Where the fields are in the rows of a chunk, under which names, and what counts as missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from operator import itemgetter

from .events import Event, Process

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
MISSING = frozenset(
    [
        *"- unknown Unknown UNKNOWN null NULL Null (null) N/A n/a".split(),
        *"None NONE none NaN nan".split(),
        *("", ZERO_GUID, "{" + ZERO_GUID + "}"),
    ]
)
"""What CIM, `fillnull_value` and event sources write where they have no value."""
NO_GUIDS = frozenset([*map(str.lower, MISSING), "0", "0x0", "-1"])
"""What stands for no GUID, in small letters; the numbers may be something in other fields."""

HOST_FIELDS = ("dest", "host", "dvc")
"""Where the host of a process creation stands; each stands in for those before it."""

LINK_FIELDS = (
    "dest _time process_id process_guid parent_process_id parent_process_guid process_name process "
    "original_file_name process_path parent_process_name parent_process_path parent_process"
).split()
TARGET_FIELDS = ("dest_ip url dest_port file_path registry_path service_name service_path").split()
PROCESS_FIELDS = Process._fields[1:]
_COMPUTED = ("kind", "time", "dest_ip_type", "file_named")
EVENT_FIELDS = tuple(f for f in Event._fields if f not in _COMPUTED)
ALIASES = {"service": "service_name", "service_exec": "service_path"}
FIELDS = frozenset(
    [*LINK_FIELDS, *TARGET_FIELDS, *PROCESS_FIELDS, *EVENT_FIELDS, *"host dvc src action".split()]
)
"""Every field that the engine reads, by its CIM name."""

DATA_MODELS = ("Processes", "All_Traffic", "Ports", "Filesystem", "Registry", "Services")
"""Data-model objects whose names may stand before a field: `Processes.dest`."""

SEVERAL = -2

_MULTIVALUE = re.compile(r"\$((?:\$\$|[^$])*)\$(?:;|$)")
_FIRST_WORD = re.compile(r'\s*(?:"([^"]*)"|(\S+))')

Row = Sequence[str]


def required_fields() -> list[str]:
    """Return every name under which Splunk may hold a field that the engine reads."""
    plain = sorted(FIELDS | set(ALIASES))
    return plain + [f"{model}.{name}" for model in DATA_MODELS for name in plain if name != "_time"]


def first_value(encoded: str) -> str:
    """Return the first of Splunk's `$a$;$b$` encoded values."""
    found = _MULTIVALUE.match(encoded)
    return found[1].replace("$$", "$") if found else ""


def all_values(encoded: str) -> list[str]:
    """Return all of Splunk's `$a$;$b$` encoded values."""
    return [value.replace("$$", "$") for value in _MULTIVALUE.findall(encoded)]


def encoded_values(values: Iterable[str]) -> str:
    """Return several values as Splunk encodes them for a `__mv_` column."""
    return ";".join("$" + value.replace("$", "$$") + "$" for value in values)


def known(value: str) -> str:
    """Return the value, or an empty string for what counts as missing."""
    return "" if value in MISSING else value


def base_name(path: str, command_line: str) -> str:
    """Return the file name of a path, or of the program at the start of a command line."""
    if path in MISSING:
        found = _FIRST_WORD.match(known(command_line))
        path = (found[1] or found[2] or "") if found else ""
    return path.rstrip("\\/").replace("\\", "/").rsplit("/", 1)[-1]


def program_name(name: str) -> str:
    """Return the name of a program where a source gives its path, or blanks around it."""
    name = name.strip()
    return base_name(name, "") if "\\" in name or name.startswith("/") else name


def _is_twin(name: str) -> bool:
    return name.startswith("__mv_")


class Layout:
    """The columns of a chunk, by the fields that they hold.

    Attributes:
        columns: Names of the plain columns as they came, each with its index and that of its
            `__mv_` twin, -1 where it has none.
        names: The first column of each field that the engine reads.
        width: Number of all columns.
        twins: How many `__mv_` columns stand behind all others.
        plain: The layout of the columns before these.
        has_multivalues: Whether there are `__mv_` columns.
        may_hold_events: Whether rows may be something else than process creations.
    """

    def __init__(self, header: Row) -> None:
        self.width = len(header)
        self.twins = sum(1 for _ in takewhile(_is_twin, reversed(header)))
        self.plain = Layout(header[: -self.twins]) if self.twins else self
        position = {name: i for i, name in reversed(list(enumerate(header)))}
        self.columns = {
            name: (i, position.get("__mv_" + name, -1))
            for name, i in position.items()
            if not _is_twin(name)
        }
        self.has_multivalues = any(map(_is_twin, header))
        self.names: dict[str, str] = {}
        places: dict[str, list[tuple[int, int]]] = {}
        for name in sorted(self.columns, key=lambda n: ("." in n, n in ALIASES, self.columns[n])):
            prefix, _, short = name.rpartition(".")
            if not prefix or prefix.rsplit(".", 1)[-1] in DATA_MODELS:
                short = ALIASES.get(short, short)
                if short in FIELDS:
                    self.names.setdefault(short, name)
                    places.setdefault(short, []).append(self.columns[name])
        self._places = {name: tuple(found) for name, found in places.items()}
        self.may_hold_events = any(name in places for name in TARGET_FIELDS)
        self.link_places = {name: self.place(name) for name in LINK_FIELDS}
        self.link = self.getter(LINK_FIELDS)
        self.process = self.getter(PROCESS_FIELDS)
        self.event = self.getter(EVENT_FIELDS)

    def place(self, field: str) -> int:
        """Return the one plain column of a field; -1 if it has none, `SEVERAL` if it has more."""
        places = self._places.get(field, ())
        return places[0][0] if len(places) == 1 else SEVERAL if places else -1

    def value(self, values: Row, field: str) -> str:
        """Return the first value of a field, an empty string where it is missing."""
        for plain, multi in self._places.get(field, ()):
            many = values[multi] if multi >= 0 else ""
            value = first_value(many) if many else values[plain]
            if value not in MISSING:
                return value
        return ""

    def host(self, values: Row) -> str:
        """Return the host of a row, an empty string where none of its fields has it."""
        return next(filter(None, (self.value(values, f) for f in HOST_FIELDS)), "").strip()

    def any_value(self, values: Row, column: str) -> str:
        """Return the plain value of any column of the input, empty where it is missing."""
        return known(values[self.columns[column][0]]) if column in self.columns else ""

    def getter(self, fields: Iterable[str]) -> Callable[[Row], list[str]]:
        """Return what takes the first values of some fields out of a row, missing ones empty."""
        names = tuple(fields)
        present = [name for name in names if name in self._places]
        single = all(len(self._places[name]) == 1 for name in present)
        if not single or len(present) < 2:
            return lambda values: [self.value(values, name) for name in names]
        plain = itemgetter(*(self._places[name][0][0] for name in present))
        twins = [self._places[name][0][1] for name in present if self._places[name][0][1] >= 0]
        order = {name: i for i, name in enumerate(present)}
        slots = [order.get(name, -1) for name in names]

        def get(values: Row) -> list[str]:
            if any(map(values.__getitem__, twins)):
                return [self.value(values, name) for name in names]
            found = ["" if value in MISSING else value for value in plain(values)]
            found.append("")
            return [found[slot] for slot in slots]

        return get
