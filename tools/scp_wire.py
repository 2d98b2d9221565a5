"""The wire format of Splunk's chunked search-command protocol (SCPv2).

A frame is `chunked 1.0,<metadata bytes>,<body bytes>`, a line feed, JSON metadata
and a CSV body. The CSV has all plain columns first, then one `__mv_` column for
each; a multivalue field is written `$a$;$b$` there, with `$` doubled.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

Row = Mapping[str, Any]

_FRAME = re.compile(rb"chunked 1\.0,(\d+),(\d+)\n")
_BARE = re.compile(r"[A-Za-z0-9]*")
_MULTIVALUE = re.compile(r"\$((?:[^$]|\$\$)*)\$(?:;(?=\$)|\Z)")


class ProtocolError(Exception):
    """The command broke the protocol, died early, or did not answer in time."""


@dataclass(frozen=True)
class Message:
    """One line for the search's message bar."""

    level: str
    text: str


@dataclass(frozen=True)
class Reply:
    """One frame from the command: JSON metadata and a CSV body."""

    metadata: dict[str, Any]
    body: bytes
    raw: bytes

    @property
    def messages(self) -> list[Message]:
        """The messages of `inspector.messages`, in order."""
        inspector = self.metadata.get("inspector", {})
        return [Message(level, text) for level, text in inspector.get("messages", [])]

    @property
    def columns(self) -> list[str]:
        """The plain columns of the body, in order."""
        header = next(_csv_records(self.body), [])
        return [name for name in header if not name.startswith("__mv_")]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the body; a multivalue field is a list of strings."""
        return list(decode_body(self.body))


def frame(metadata: Mapping[str, Any], body: bytes = b"") -> bytes:
    """Put metadata and body into one frame."""
    meta = json.dumps(metadata, separators=(",", ":")).encode()
    return b"chunked 1.0,%d,%d\n" % (len(meta), len(body)) + meta + body


def read_frame(stream: IO[bytes]) -> Reply | None:
    """Read one frame from the command; None at the end of its output."""
    header = stream.readline(200)
    if not header:
        return None
    match = _FRAME.fullmatch(header)
    if match is None:
        raise ProtocolError(f"not a frame header: {header!r}")
    sizes = int(match.group(1)), int(match.group(2))
    meta, body = (stream.read(size) for size in sizes)
    if (len(meta), len(body)) != sizes:
        raise ProtocolError(f"frame cut short: announced {sizes}, got {len(meta)}, {len(body)}")
    metadata = json.loads(meta)
    if not isinstance(metadata, dict):
        raise ProtocolError(f"metadata is not an object: {meta[:200]!r}")
    return Reply(metadata, body, header + meta + body)


def columns_of(rows: Iterable[Row]) -> list[str]:
    """List the fields of the rows in order of first appearance."""
    return list(dict.fromkeys(name for row in rows for name in row))


def encode_body(
    rows: Sequence[Row], columns: Sequence[str] | None = None, newline: str = "\n"
) -> bytes:
    """Write rows as the CSV of an execute chunk, quoted as splunkd quotes.

    Args:
        rows: Fields to values; None and an absent field are empty, a list is a
            multivalue field.
        columns: The plain columns; by default all fields of the rows.
        newline: A line feed, or CR and LF as a search head on Windows may send.
    """
    names = columns_of(rows) if columns is None else list(columns)
    out = [",".join(_quote(name) for name in (*names, *(f"__mv_{n}" for n in names)))]
    for row in rows:
        values = [row.get(name) for name in names]
        plain = [_quote(_plain(value)) for value in values]
        multi = [_quote(encode_multivalue(v)) if isinstance(v, list) else "" for v in values]
        out.append(",".join(plain + multi))
    return (newline.join(out) + newline).encode("utf-8", "surrogateescape")


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return "" if value is None else str(value)


def _quote(text: str) -> str:
    return text if _BARE.fullmatch(text) else '"' + text.replace('"', '""') + '"'


def encode_multivalue(values: Iterable[Any]) -> str:
    """Encode values as the `__mv_` form `$a$;$b$`, with `$` doubled."""
    return ";".join("$" + str(value).replace("$", "$$") + "$" for value in values)


def decode_multivalue(text: str) -> list[str]:
    """Read the `__mv_` form back; raises ProtocolError when it is malformed."""
    values, at = [], 0
    while at < len(text):
        match = _MULTIVALUE.match(text, at)
        if match is None:
            raise ProtocolError(f"malformed multivalue at {at}: {text[:200]!r}")
        values.append(match.group(1).replace("$$", "$"))
        at = match.end()
    return values


def _csv_records(body: bytes) -> Iterator[list[str]]:
    csv.field_size_limit(sys.maxsize)
    return csv.reader(io.StringIO(body.decode("utf-8"), newline=""), strict=True)


def decode_body(body: bytes) -> Iterator[dict[str, Any]]:
    """Read the rows of a reply; a multivalue field becomes a list."""
    records = _csv_records(body)
    header = next(records, [])
    plain = [name for name in header if not name.startswith("__mv_")]
    if len(set(header)) != len(header):
        raise ProtocolError(f"a column stands twice in the header: {header}")
    for record in records:
        if len(record) != len(header):
            raise ProtocolError(f"a row has {len(record)} values for {len(header)} columns")
        cells = dict(zip(header, record))
        yield {
            name: decode_multivalue(multi) if (multi := cells.get(f"__mv_{name}")) else cells[name]
            for name in plain
        }
