"""JSON: one object a line, an array, or an answer of an API with the events inside."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from . import Broken, Record
from .windows import flat

READ_CHARS = 1 << 20
SHOWN_CHARS = 40
_DECODER = json.JSONDecoder()
_WINLOG = {
    "EventID": "event_id",
    "Channel": "channel",
    "Computer": "computer_name",
    "Provider": "provider_name",
    "EventRecordID": "record_id",
}
_LISTS = ("results", "Results", "records", "value", "events", "Events", "data")
_HOLDERS = frozenset((*_LISTS, "tables", "hits", "result"))
_COLLECTOR = frozenset("time host source sourcetype index event fields".split())
# What stands around a row in Splunk's exports, and alone where there is none.
_AROUND = frozenset("preview offset init_offset lastrow messages".split())

IsEvent = Callable[[Record], bool]


def records(stream: io.TextIOWrapper, broken: Broken, is_event: IsEvent) -> Iterator[Record]:
    """Yield the events of a JSON file, taken out of whatever they are wrapped in.

    Args:
        stream: The text.
        broken: Counts what could not be read.
        is_event: Tells whether an object itself says who did what.
    """
    for value in _values(stream, broken):
        yield from unwrapped(value, broken, is_event)


def _values(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Any]:
    """Yield values line by line; other forms begin with a line that does not end a value."""
    first = 0
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        first = first or number
        try:
            yield from _of_line(line)
        except ValueError as error:
            several = line.lstrip().startswith("[") or not line.rstrip().endswith("}")
            if number == first and several:
                yield from _anywhere(line, stream, number, broken)
            elif line.endswith("\n"):
                broken.add(f"line {number} is no JSON ({error})")
            else:
                broken.cut = f"line {number}, the last one, breaks off"
        except RecursionError:
            broken.add(f"line {number} is nested too deeply")


def _of_line(line: str) -> list[Any]:
    """Return the value of a line; some programs write several, or commas behind each.

    Raises:
        ValueError: There is something else as well.
    """
    try:
        return [json.loads(line)]
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
    values, place = [], 0
    while place < len(line):
        value, place = _DECODER.raw_decode(line, place)
        values.append(value)
        place = _skip(line, place, ",")
    return values


def _anywhere(text: str, stream: io.TextIOWrapper, line: int, broken: Broken) -> Iterator[Any]:
    """Yield the values of a text that spans lines: one after the other, or the items of an array.

    Items of an array at the top are read one by one, so that a large export need not fit in memory.
    """
    place, inside = 0, False
    room = READ_CHARS
    while True:
        place = _skip(text, place, ",")
        if text[place : place + 1] == ("]" if inside else "["):
            place, inside = place + 1, not inside
            continue
        try:
            if place >= len(text):
                raise ValueError("the file ends here")
            value, end = _DECODER.raw_decode(text, place)
            if end == len(text) and not isinstance(value, (dict, list)):
                raise ValueError("a number may go on")
        except (ValueError, RecursionError):
            more = stream.read(room)
            line += text.count("\n", 0, place)
            if not more:
                if text[place:]:
                    where = f"in the value that begins in line {line}"
                    broken.cut = f"the JSON breaks off or is not valid {where}"
                elif inside:
                    broken.cut = "the JSON breaks off: its array has no end"
                return
            text, place, room = text[place:] + more, 0, room * 2
            continue
        yield value
        place, room = end, READ_CHARS


def _skip(text: str, place: int, also: str) -> int:
    while place < len(text) and (text[place].isspace() or text[place] in also):
        place += 1
    return place


def of_text(text: str, broken: Broken, is_event: IsEvent) -> Iterator[Record]:
    """Yield the events of a text that is one value; none if it is no JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from unwrapped(value, broken, is_event)


def unwrapped(value: Any, broken: Broken, is_event: IsEvent) -> Iterator[Record]:
    """Yield the events inside a value; values that are no objects hold none, and are counted.

    An object that is an event is no envelope, whatever its fields are called: it is one of the
    events, and of what it holds those count that are events themselves. How deeply values are
    nested does not matter, so nothing here calls itself.
    """
    waiting: list[tuple[Any, bool]] = [(value, False)]
    while waiting:
        value, in_event = waiting.pop()
        if isinstance(value, list):
            waiting.extend((one, in_event) for one in reversed(value))
            continue
        if not isinstance(value, dict):
            if not in_event:
                broken.add(f"{json.dumps(value)[:SHOWN_CHARS]} stands where an object should")
            continue
        inner, event = _inner(value), _windows(value)
        own = is_event(event) if in_event or inner is not None else True
        if own:
            yield event
        if inner:
            waiting.append((inner, in_event or own))
        elif not own and not in_event and value.keys() - _AROUND - _HOLDERS:
            broken.add_empty(value)


def _inner(value: Record) -> Any:
    """Return what an envelope holds, None for other objects.

    Known are Splunk's exports and what its HTTP Event Collector takes, the answers of Defender,
    Graph, Log Analytics and Elasticsearch, and the streaming format of Azure.
    """
    of_splunk = _of_splunk(value)
    if of_splunk is not None:
        return of_splunk
    lists = list(_lists(value))
    if lists:
        return list(chain.from_iterable(lists))
    if "_source" in value or "_index" in value:
        return value.get("_source") or value.get("fields") or {}
    properties = value.get("properties")
    if isinstance(properties, dict) and "category" in value:
        return properties
    return None


def _lists(value: Record) -> Iterator[list[Any]]:
    """Yield every list of an object that may hold events."""
    for name in _LISTS:
        found = value.get(name)
        if isinstance(found, list) and all(isinstance(one, dict) for one in found):
            yield found
    tables = value.get("tables")
    if isinstance(tables, list) and all(map(_is_table, tables)):
        yield [row for table in tables for row in _table(table)]
    hits = value.get("hits")
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        yield hits["hits"]


def _of_splunk(value: Record) -> Any:
    """Return what an envelope of Splunk holds, None if the value is none."""
    if isinstance(value.get("result"), dict):
        return value["result"]
    if "event" in value and value.keys() <= _COLLECTOR:
        return _collected(value)
    if "preview" in value and value.keys() <= _AROUND:
        return []
    return _rows(value) if isinstance(value.get("fields"), list) else None


def _collected(value: Record) -> Record:
    """Return the event that the HTTP Event Collector of Splunk would make of an object."""
    event = value["event"]
    around = {name: value[name] for name in ("host", "source", "sourcetype") if name in value}
    if "time" in value:
        around["_time"] = value["time"]
    return {**around, **(event if isinstance(event, dict) else {"_raw": event})}


def _rows(value: Record) -> list[Record] | None:
    """Return the rows of Splunk's `json_rows` and `json_cols`, None for other objects."""
    names = [name.get("name", "") if isinstance(name, dict) else name for name in value["fields"]]
    rows, columns = value.get("rows"), value.get("columns")
    if isinstance(columns, list) and all(isinstance(column, list) for column in columns):
        rows = list(zip(*columns))
    if not isinstance(rows, list) or not all(isinstance(row, (list, tuple)) for row in rows):
        return None
    return [dict(zip(map(str, names), row)) for row in rows]


def _is_table(value: Any) -> bool:
    """Tell a table of Log Analytics."""
    return isinstance(value, dict) and all(
        isinstance(value.get(name), list) for name in ("columns", "rows")
    )


def _table(table: Record) -> Iterator[Any]:
    """Yield the rows of a table of Log Analytics; what is no row is handed on as it is."""
    columns = (column for column in table["columns"] if isinstance(column, dict))
    names = [str(column.get("name", "")) for column in columns]
    for row in table["rows"]:
        yield dict(zip(names, row)) if isinstance(row, list) else row


def _windows(value: Record) -> Record:
    """Return a Windows event with its fields side by side, other objects as they are.

    Known are the JSON of evtx tools and that of Winlogbeat, nested or with dots in its names.
    """
    event = value.get("Event")
    if isinstance(event, dict) and isinstance(event.get("System"), dict):
        return flat(event)
    winlog = value.get("winlog")
    if not isinstance(winlog, dict):
        start = "winlog."
        winlog = {name[len(start) :]: v for name, v in value.items() if name.startswith(start)}
    data = winlog.get("event_data")
    if not isinstance(data, dict):
        start = "event_data."
        data = {name[len(start) :]: v for name, v in winlog.items() if name.startswith(start)}
    if not data:
        return value
    system = {name: winlog[other] for name, other in _WINLOG.items() if winlog.get(other)}
    return {**value, **system, **data}
