"""Windows events: EVTX files, and XML as Event Viewer, wevtutil, Sysmon for Linux write it."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any
from xml.etree import ElementTree

from ..errors import InputError, MissingPackageError
from . import Broken, Record

READ_CHARS = 1 << 20
LONGEST_EVENT = 16 << 20
MALFORMED = "an <Event> is not well-formed XML"
FILE_HEADER = 4096
CHUNK = 65536
_START = re.compile(r"<Event[\s>]")
_END = "</Event>"
# What XML 1.0 forbids, as it stands and as a reference; wevtutil writes both.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]|&#(?:x[0-9a-fA-F]+|[0-9]+);"
)
# Digits that a code of Unicode has at most, in decimal or in hexadecimal.
_CODE_DIGITS = 7


def flat(event: Record) -> Record:
    """Return an event in the JSON of evtx tools with its fields side by side."""
    system = event["System"]
    record: Record = {name: _plain(value) for name, value in system.items()}
    record["Provider"] = _attributes(system.get("Provider")).get("Name", "")
    record["SystemTime"] = _attributes(system.get("TimeCreated")).get("SystemTime", "")
    data = event.get("EventData")
    if isinstance(data, dict):
        record.update((name, _plain(value)) for name, value in data.items() if name[:1] != "#")
    return record


def _plain(value: Any) -> Any:
    """Return the text of an element that has attributes as well."""
    return value.get("#text", "") if isinstance(value, dict) else value


def _attributes(value: Any) -> dict[str, Any]:
    found = value.get("#attributes", value) if isinstance(value, dict) else {}
    return found if isinstance(found, dict) else {}


def evtx_records(stream: IO[bytes], broken: Broken) -> Iterator[Record]:
    """Yield the events of an EVTX file; the stream must be a file that can be read from anywhere.

    Raises:
        MissingPackageError: The package evtx is missing.
        InputError: The file is not an EVTX file.
    """
    try:
        from evtx import PyEvtxParser
    except ImportError:
        raise MissingPackageError(
            "is an EVTX file, which only the package evtx can read: run pip install "
            "'installerscore[evtx]', or export XML with wevtutil qe FILE /lf:true /e:Events"
        ) from None
    _check_length(stream, broken)
    try:
        events = iter(PyEvtxParser(stream).records_json())
    except (OSError, RuntimeError) as error:
        raise InputError(f"is no EVTX file that can be read ({error})") from None
    while True:
        try:
            record = next(events)
        except StopIteration:
            return
        except (OSError, RuntimeError) as error:  # one record or one chunk; the next may be good
            broken.add(str(error).split(": ", 1)[0])
            continue
        event = json.loads(record["data"]).get("Event") if record else None
        if isinstance(event, dict) and isinstance(event.get("System"), dict):
            yield flat(event)


def _check_length(stream: IO[bytes], broken: Broken) -> None:
    """Note that chunks which the header promises are not there."""
    stream.seek(0, os.SEEK_END)
    there = (stream.tell() - FILE_HEADER) // CHUNK
    stream.seek(42)
    promised = int.from_bytes(stream.read(2), "little")
    stream.seek(0)
    if there < promised:
        broken.cut = f"the file is cut short: {there} of {promised} chunks are there"


def seekable(stream: IO[bytes]) -> IO[bytes]:
    """Return the stream, or a temporary copy of one that can only be read forward."""
    if stream.seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by who reads it
    while True:
        block = stream.read(READ_CHARS)
        if not block:
            break
        copy.write(block)
    copy.seek(0)
    return copy


def xml_records(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Record]:
    """Yield the events of a text with `<Event>` elements, whatever stands between them.

    So one form fits all: a document, elements without a root, a syslog line around each, a file
    that was cut off. Document types and entities stand outside of events and are never read.
    """
    rest = ""
    while True:
        block = stream.read(READ_CHARS)
        rest += block
        here = 0
        while True:
            start = _START.search(rest, here)
            end = rest.find(_END, start.end()) + len(_END) if start else 0
            if start is None or end < len(_END):
                break
            record = parsed(rest[start.start() : end])
            if record is None:
                broken.add(MALFORMED)
            else:
                yield record
            here = end
        rest = rest[start.start() :] if start else rest[here:][-len(_END) :]
        if not block:
            if start:
                broken.cut = "the file ends inside an <Event>"
            return
        if len(rest) > LONGEST_EVENT:
            broken.add("an <Event> does not end")
            rest = rest[-len(_END) :]


def parsed(event: str) -> Record | None:
    """Return the fields of one `<Event>` element, None if it is not well-formed."""
    try:
        root = ElementTree.fromstring(event)
    except (ElementTree.ParseError, UnicodeEncodeError):
        try:  # a character in a command line must not hide the event
            root = ElementTree.fromstring(_FORBIDDEN.sub(_replacement, event))
        except ElementTree.ParseError:
            return None
    record: Record = {}
    for part in root:
        name = _local(part.tag)
        if name == "System":
            for element in part:
                _take_system(record, element)
        elif name == "EventData":
            named = (element for element in part if element.get("Name"))
            record.update((element.get("Name", ""), element.text or "") for element in named)
    return record


def _take_system(record: Record, element: ElementTree.Element) -> None:
    """Take in one element of `System`; what counts is in its text or in an attribute."""
    record[_local(element.tag)] = element.text or ""
    if element.get("SystemTime"):
        record["SystemTime"] = element.get("SystemTime", "")
    if element.get("Name"):
        record["Provider"] = element.get("Name", "")


def _replacement(found: re.Match[str]) -> str:
    """Keep references that XML allows, and replace the others."""
    text = found[0]
    if text[0] == "&":
        base = 16 if text[2] == "x" else 10
        digits = text[2:-1].lstrip("x0")
        # More digits than Python makes a number of are no reason to end.
        code = int(digits or "0", base) if len(digits) <= _CODE_DIGITS else 0
        if code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE:
            return text
        if 0x10000 <= code <= sys.maxunicode:
            return text
    return "\ufffd"


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
