"""Rows for programs: JSON lines and CSV."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from installer_trees.pipeline import Kept

from ..clean import visible
from . import Row

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet program take a cell for a formula."""


class JsonLines:
    """One JSON object a row; lists where a field has several values."""

    def __init__(self, stream: TextIO, most: float = math.inf) -> None:
        self.most = most
        self._stream = stream

    def add(self, kept: Kept, row: Row) -> None:
        """Write the row of a tree."""
        write_json(self._stream, row)

    def close(self) -> None:
        """Write out what waits."""
        self._stream.flush()


def write_json(stream: TextIO, row: Mapping[str, Any]) -> None:
    """Write a row; everything but ASCII is escaped, so that no terminal acts on it."""
    text = json.dumps(row, separators=(",", ":"))
    stream.write(text.replace("\x7f", "\\u007f") + "\n")


class Csv:
    """CSV with a header; several values of a field stand on lines of their own in its cell.

    Args:
        stream: Where to write.
        columns: The columns, in their order.
        raw: Leave cells as they are. Otherwise a cell that a spreadsheet program would take for a
            formula gets a `'` before it, and control characters are written out.
        most: How many trees to take at most.
    """

    def __init__(
        self, stream: TextIO, columns: Sequence[str], raw: bool = False, most: float = math.inf
    ) -> None:
        self.most = most
        self._stream = stream
        self._columns = columns
        self._raw = raw
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow([self._cell(name) for name in columns])

    def add(self, kept: Kept, row: Row) -> None:
        """Write the row of a tree."""
        self.write(row)

    def write(self, row: Mapping[str, Any]) -> None:
        """Write a row."""
        self._writer.writerow([self._cell(row.get(name, "")) for name in self._columns])

    def close(self) -> None:
        """Write out what waits."""
        self._stream.flush()

    def _cell(self, value: Any) -> str:
        values = value if isinstance(value, list) else [value]
        if self._raw:
            return "\n".join(map(str, values))
        text = "\n".join(visible(str(one)) for one in values)
        return f"'{text}" if str(values[0] if values else "").startswith(FORMULA) else text
