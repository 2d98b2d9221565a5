r"""Source tables: which columns of a source become which CIM fields.

One CSV file a source, in `sources/`, with the columns `event,field,column,as,note`:

- A row without `field` is a condition on a column: `has`, `is A B`, `not A B` (`-` is an empty
  value) or `like GLOB`. Without `event` it tells the source, with one it tells that kind of event.
- A row with `field` fills this field. `event` is `process`, `network`, `file`, `registry` or
  `service`, with a word behind it where there are several of a kind, or `*` for all of them.
- `column` holds one or more columns with ` | ` between them, of which the first that is not empty
  counts; a dot leads into nested objects. `=text` is a constant, `{a}\{b}` puts columns together
  if all of them are there, and an empty cell takes away a field that `*` has set.
- `as` says how the value is converted; see `values.py`. `_time` is read as `times.py` says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path
from typing import Any

from .values import Convert, converter, text

FOLDER = Path(__file__).resolve().parent / "sources"
ORDER = ("sysmon", "security", "defender", "eslogger", "auditd", "elastic")
"""The source tables, in the order in which they are tried: Winlogbeat's events are ECS as well."""

EMPTY = ("", "-")
KINDS = ("process", "network", "file", "registry", "service")

Record = Mapping[str, Any]
Getter = Callable[[Record], Any]
Condition = Callable[[Record], bool]

_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass
class Event:
    """One kind of event of a source: what tells it, and how its fields are filled."""

    name: str
    conditions: list[Condition] = field(default_factory=list)
    fields: dict[str, tuple[Getter, Convert]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What the event is about: `process`, `network`, `file`, `registry` or `service`."""
        return self.name.split()[0]

    @property
    def host_field(self) -> str:
        """The field that holds the host; in network events `dest` may be the remote peer."""
        return "src" if self.kind == "network" else "dest"

    def row(self, record: Record) -> list[str]:
        """Return the values of the fields, in their order."""
        return [convert(get(record)) for get, convert in self.fields.values()]


@dataclass
class Source:
    """One source table.

    Attributes:
        needed: For each condition that an empty record does not meet, the names of which a record
            must have one.
    """

    name: str
    title: str = ""
    conditions: list[Condition] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    needed: list[frozenset[str]] = field(default_factory=list)
    sign: Getter = field(default=lambda record: "")

    def may_know(self, names: Iterable[str]) -> bool:
        """Tell whether a record with these names can come from this source, whatever they hold."""
        return not any(needed.isdisjoint(names) for needed in self.needed)

    def knows(self, record: Record) -> bool:
        """Tell whether a record comes from this source."""
        return all(holds(record) for holds in self.conditions)

    def event(self, record: Record) -> Event | None:
        """Return the kind of event that a record is, None for one that is of no use here."""
        for event in self.events:
            if all(holds(record) for holds in event.conditions):
                return event
        return None


class TableError(ValueError):
    """A source table that cannot be used; a fault of the program, not of the input."""


def load(folder: Path = FOLDER) -> dict[str, Source]:
    """Read all source tables, by name."""
    return {name: read(name, _rows(folder / f"{name}.csv")) for name in ORDER}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def read(name: str, rows: Iterable[Mapping[str, str]]) -> Source:
    """Make a source of the rows of its table.

    Raises:
        TableError: A row cannot be used.
    """
    source = Source(name)
    common: dict[str, tuple[Getter, Convert]] = {}
    events: dict[str, Event] = {}
    for number, row in enumerate(rows, 2):
        try:
            _take(source, common, events, row)
        except ValueError as error:
            raise TableError(f"{name}.csv, row {number}: {error}") from None
    source.events = list(events.values())
    for event in source.events:
        event.fields.setdefault(event.host_field, (getter("="), text))
    return source


def _take(
    source: Source,
    common: dict[str, tuple[Getter, Convert]],
    events: dict[str, Event],
    row: Mapping[str, str],
) -> None:
    """Take in one row of a table."""
    name, cim, columns, words = (row[key] for key in ("event", "field", "column", "as"))
    if name not in ("", "*") and name.split()[0] not in KINDS:
        raise ValueError(f"{name!r} is not an event; begin with one of {', '.join(KINDS)}")
    if not name and cim == "title":
        source.title = columns[1:]
        return
    get = getter(columns)
    if not name:
        condition = _condition(get, words)
        source.conditions.append(condition)
        if not condition({}):
            source.needed.append(frozenset(_read_names(columns)))
        return
    if name == "*":
        common[cim] = (get, converter(words))
        return
    event = events.setdefault(name, Event(name, fields=dict(common)))
    if not cim:
        event.conditions.append(_condition(get, words))
        if len(events) == 1 and len(event.conditions) == 1:
            source.sign = get
    elif columns:
        event.fields[cim] = (get, converter(words))
    else:
        event.fields.pop(cim, None)


def _names(columns: str) -> list[str]:
    return [one.strip() for one in columns.split(" | ")]


def _read_names(columns: str) -> Iterator[str]:
    """Yield the names under which a record may hold what a cell of `column` reads."""
    for name in _names(columns):
        if not name.startswith("="):
            for one in _PLACE.findall(name) or [name]:
                yield one
                yield one.partition(".")[0]


def _condition(get: Getter, words: str) -> Condition:
    """Return what a row without `field` asks of its column."""
    verb, _, rest = words.partition(" ")
    wanted = {"" if word == "-" else word.lower() for word in rest.split()}
    if verb == "has" and not rest:
        return lambda record: text(get(record)) not in EMPTY or isinstance(get(record), dict)
    if verb == "is" and wanted:
        return lambda record: not wanted.isdisjoint(_words(get(record)))
    if verb == "not" and wanted:
        return lambda record: wanted.isdisjoint(_words(get(record)))
    if verb == "like" and rest:
        pattern = re.compile("|".join(translate(glob) for glob in rest.split()), re.IGNORECASE)
        return lambda record: bool(pattern.match(text(get(record))))
    raise ValueError(f"{words!r} is not a condition; use has, is A B, not A B or like GLOB")


def _words(value: Any) -> set[str]:
    """Return the values of a column in lower case; the empty string for none."""
    found = map(text, value) if isinstance(value, list) else [text(value)]
    return {"" if word in EMPTY else word.lower() for word in found} or {""}


def getter(columns: str) -> Getter:
    """Return what reads a cell of the `column` column from a record."""
    found = [_one(name) for name in _names(columns)]
    if len(found) == 1:
        return found[0]

    def get(record: Record) -> Any:
        for one in found:
            value = one(record)
            if value is not None and value not in EMPTY and value != []:
                return value
        return ""

    return get


def _one(name: str) -> Getter:
    if name.startswith("="):
        return lambda record: name[1:]
    if "{" in name:
        parts = {place: _one(place) for place in _PLACE.findall(name)}

        def filled(record: Record) -> str:
            values = {place: text(get(record)) for place, get in parts.items()}
            if any(value in EMPTY for value in values.values()):
                return ""
            return _PLACE.sub(lambda found: values[found[1]], name)

        return filled
    path = name.split(".")
    if len(path) == 1:
        return lambda record: record.get(name)
    return lambda record: _walk(record, name, path)


def _walk(record: Record, name: str, path: list[str]) -> Any:
    """Return a value by its dotted name, whether the record is nested or its names have dots."""
    if name in record:
        return record[name]
    value: Any = record
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
