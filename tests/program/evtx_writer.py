"""Writes small EVTX files, so that tests need no recording of somebody's machine.

One template an event, its values as substitutions, as Windows writes them. Layout: the description
of the format by libevtx.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Union
from xml.etree import ElementTree

HEADER = 4096
CHUNK = 65536
FIRST_RECORD = 512
STRING, UINT32 = 0x01, 0x08
NAME_SEED = 65599

Value = tuple[int, bytes]
Children = Union[str, "list[ElementTree.Element]"]


def write(path: Path, events: Iterable[str]) -> None:
    """Write events, each the XML of one `<Event>`."""
    chunks: list[bytes] = []
    buffer, first, number, latest = bytearray(FIRST_RECORD), 1, 0, 0
    for number, event in enumerate(events, 1):
        element = ElementTree.fromstring(event)
        end = len(buffer)
        _record(buffer, number, element)
        if len(buffer) > CHUNK:
            chunks.append(_chunk(buffer[:end], first, number - 1, latest))
            buffer, first, end = bytearray(FIRST_RECORD), number, FIRST_RECORD
            _record(buffer, number, element)
        latest = end
    chunks.append(_chunk(buffer, first, number, latest))
    head = bytearray(HEADER)
    numbers = (b"ElfFile\0", 0, len(chunks) - 1, number + 1, 128, 1, 3, HEADER, len(chunks))
    struct.pack_into("<8sQQQIHHHH", head, 0, *numbers)
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    path.write_bytes(bytes(head) + b"".join(chunks))


def _chunk(buffer: bytearray, first: int, last: int, latest: int) -> bytes:
    """Return a chunk of full size; `latest` is where its last record begins."""
    head = (b"ElfChnk\0", first, last, first, last, 128, latest, len(buffer))
    struct.pack_into("<8sQQQQIII", buffer, 0, *head)
    struct.pack_into("<I", buffer, 52, zlib.crc32(bytes(buffer[FIRST_RECORD:])))
    checked = bytes(buffer[:120]) + bytes(buffer[128:FIRST_RECORD])
    struct.pack_into("<I", buffer, 124, zlib.crc32(checked))
    return bytes(buffer) + bytes(CHUNK - len(buffer))


def _record(buffer: bytearray, number: int, event: ElementTree.Element) -> None:
    start = len(buffer)
    buffer += struct.pack("<IIQQ", 0x2A2A, 0, number, 133_000_000_000_000_000)
    buffer += b"\x0f\x01\x01\x00\x0c\x01" + struct.pack("<I", number)
    buffer += struct.pack("<II", len(buffer) + 4, 0) + struct.pack("<I12x", number)
    size_place = len(buffer)
    buffer += bytes(4) + b"\x0f\x01\x01\x00"
    values: list[Value] = []
    _element(buffer, event, values)
    buffer += b"\0"
    struct.pack_into("<I", buffer, size_place, len(buffer) - size_place - 4)
    buffer += struct.pack("<I", len(values))
    for kind, data in values:
        buffer += struct.pack("<HBx", len(data), kind)
    for _, data in values:
        buffer += data
    size = len(buffer) - start + 4
    struct.pack_into("<I", buffer, start + 4, size)
    buffer += struct.pack("<I", size)


def _element(buffer: bytearray, element: ElementTree.Element, values: list[Value]) -> None:
    buffer += (b"\x41" if element.attrib else b"\x01") + struct.pack("<H", 0xFFFF)
    size_place = len(buffer)
    buffer += bytes(4)
    _name(buffer, re.sub(r"\{.*\}", "", element.tag))
    if element.attrib:
        _attributes(buffer, element.attrib)
    if not len(element) and not element.text:
        buffer += b"\x03"
    else:
        buffer += b"\x02"
        for child in element:
            _element(buffer, child, values)
        if not len(element):
            _substitution(buffer, element.text or "", values)
        buffer += b"\x04"
    struct.pack_into("<I", buffer, size_place, len(buffer) - size_place - 4)


def _attributes(buffer: bytearray, attributes: dict[str, str]) -> None:
    size_place = len(buffer)
    buffer += bytes(4)
    for left, (name, value) in zip(range(len(attributes), 0, -1), attributes.items()):
        buffer += b"\x06" if left == 1 else b"\x46"
        _name(buffer, name)
        buffer += b"\x05\x01" + struct.pack("<H", len(value)) + value.encode("utf-16-le")
    struct.pack_into("<I", buffer, size_place, len(buffer) - size_place - 4)


def _name(buffer: bytearray, name: str) -> None:
    value = 0
    for letter in name:
        value = (value * NAME_SEED + ord(letter)) & 0xFFFFFFFF
    buffer += struct.pack("<I", len(buffer) + 4)
    buffer += struct.pack("<IHH", 0, value & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"


def _substitution(buffer: bytearray, text: str, values: list[Value]) -> None:
    if text.isdigit() and len(text) < 10:
        kind, data = UINT32, struct.pack("<I", int(text))
    else:
        kind, data = STRING, text.encode("utf-16-le")
    buffer += b"\x0d" + struct.pack("<HB", len(values), kind)
    values.append((kind, data))
