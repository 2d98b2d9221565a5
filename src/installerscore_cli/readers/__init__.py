"""Files -> records: one module a form. A record is a dict with the source's own names."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import IO, Any

Record = dict[str, Any]


class Broken:
    """Counts what could not be read, and keeps the first case to tell of.

    Attributes:
        count: How many records were broken.
        example: What was wrong with the first one.
    """

    def __init__(self) -> None:
        self.count = 0
        self.example = ""

    def add(self, problem: str) -> None:
        """Count one broken record."""
        self.count += 1
        self.example = self.example or problem


def encoding(head: bytes) -> str:
    """Tell the encoding of a text by its first bytes; PowerShell writes UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if head[1:2] == b"\0" and head[:1] not in (b"", b"\0"):
        return "utf-16-le"
    return "utf-8-sig"


def text(stream: IO[bytes], head: bytes) -> io.TextIOWrapper:
    """Open a stream as text; bytes that cannot be decoded are replaced."""
    return io.TextIOWrapper(stream, encoding(head), errors="replace", newline="")


def lines(stream: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines without NUL characters, at which the csv module of old Pythons stops."""
    for line in stream:
        yield line.replace("\0", "")
