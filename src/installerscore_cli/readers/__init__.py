"""Files -> records: one module a form. A record is a dict with the source's own names."""

from __future__ import annotations

import io
from typing import IO, Any

from .mended import BLOCK_BYTES, Damage, Mended, encoding

Record = dict[str, Any]


class Broken:
    """Counts what could not be read, and keeps the first case to tell of.

    Attributes:
        count: How many records were broken.
        example: What was wrong with the first one.
        cut: Where the file ends too early, empty if it does not.
        empty: Objects that hold no events, but an empty list in the place of some.
        names: The names in the first of those.
    """

    def __init__(self) -> None:
        self.count = 0
        self.example = ""
        self.cut = ""
        self.empty = 0
        self.names: tuple[str, ...] = ()

    def add(self, problem: str) -> None:
        """Count one broken record."""
        self.count += 1
        self.example = self.example or problem

    def add_empty(self, value: Record) -> None:
        """Count one object without events."""
        self.empty += 1
        self.names = self.names or tuple(value)


def text(stream: IO[bytes], head: bytes, damage: Damage) -> io.TextIOWrapper:
    """Open a stream as text; what cannot be decoded is replaced, and told to `damage`."""
    mended = io.BufferedReader(Mended(stream, encoding(head), damage), BLOCK_BYTES)
    return io.TextIOWrapper(mended, "utf-8-sig", errors="replace", newline="")
