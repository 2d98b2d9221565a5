"""JSON: one object a line, an array, or an answer of an API with the events inside."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
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
_LISTS = ("results", "Results", "records", "value")


def records(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Record]:
    """Yield the events of a JSON file, taken out of whatever they are wrapped in."""
    for value in _values(stream, broken):
        yield from unwrapped(value, broken)


def _values(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Any]:
    """Yield values line by line; other forms begin with a line that does not end a value."""
    first = 0
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        first = first or number
        try:
            value = json.loads(line)
        except ValueError as error:
            if number == first and not line.rstrip().endswith("}"):
                yield from _anywhere(line, stream, broken)
                return
            broken.add(f"line {number} is no JSON ({error})")
            continue
        except RecursionError:
            broken.add(f"line {number} is nested too deeply")
            continue
        yield value


def _anywhere(text: str, stream: io.TextIOWrapper, broken: Broken) -> Iterator[Any]:
    """Yield the values of a text that spans lines: one after the other, or the items of an array.

    Items of an array at the top are read one by one, so that a large export need not fit in memory.
    """
    place, inside = 0, False
    room = READ_CHARS
    while True:
        place = _skip(text, place, ",]" if inside else "")
        if not inside and text[place : place + 1] == "[":
            place, inside = place + 1, True
            continue
        try:
            if place >= len(text):
                raise ValueError("the file ends here")
            value, end = _DECODER.raw_decode(text, place)
            if end == len(text) and not isinstance(value, (dict, list)):
                raise ValueError("a number may go on")
        except (ValueError, RecursionError) as error:
            more = stream.read(room)
            if not more:
                if text[place:].strip():
                    broken.add(f"the JSON breaks off or is not valid ({error})")
                return
            text, place, room = text[place:] + more, 0, room * 2
            continue
        yield value
        place, room = end, READ_CHARS


def _skip(text: str, place: int, also: str) -> int:
    while place < len(text) and (text[place].isspace() or text[place] in also):
        place += 1
    return place


def unwrapped(value: Any, broken: Broken) -> Iterator[Record]:
    """Yield the events inside a value; values that are no objects hold none, and are counted."""
    if isinstance(value, list):
        for item in value:
            yield from unwrapped(item, broken)
        return
    if not isinstance(value, dict):
        broken.add(f"{json.dumps(value)[:SHOWN_CHARS]} stands where an object should")
        return
    inner = _inner(value)
    if inner is None:
        yield _windows(value)
    else:
        yield from unwrapped(inner, broken)


def _inner(value: Record) -> Any:
    """Return what an envelope holds, None if the value is an event itself.

    Known are Splunk's exports, the answers of Defender, Graph, Log Analytics and Elasticsearch, and
    the streaming format of Azure.
    """
    if isinstance(value.get("result"), dict):
        return value["result"]
    for name in _LISTS:
        if isinstance(value.get(name), list):
            return value[name]
    if isinstance(value.get("tables"), list):
        return [row for table in value["tables"] for row in _table(table)]
    hits = value.get("hits")
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        return hits["hits"]
    if "_source" in value or "_index" in value:
        return value.get("_source") or value.get("fields") or {}
    properties = value.get("properties")
    if isinstance(properties, dict) and "category" in value:
        return properties
    return None


def _table(table: Any) -> Iterator[Record]:
    """Yield the rows of a table of Log Analytics."""
    found = table if isinstance(table, dict) else {}
    columns = (column for column in found.get("columns") or () if isinstance(column, dict))
    names = [str(column.get("name", "")) for column in columns]
    for row in found.get("rows") or ():
        if isinstance(row, list):
            yield dict(zip(names, row))


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
