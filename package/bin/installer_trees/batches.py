"""The CSV of a chunk -> batches of rows, each row with its place in the spill file.

Small batches stay in the processor's cache, and a line without quotes needs no CSV reader.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from typing import NamedTuple

csv.field_size_limit(min(sys.maxsize, 2**31 - 1))

BATCH_BYTES = 192 * 1024
BATCH_ROWS = 512
_END = "end"
_MULTI = re.compile(rb'\$(?<=,\$|"\$)')


class Batch(NamedTuple):
    """Rows of a chunk.

    Attributes:
        rows: Cells of each row.
        bounds: Where each row begins and the last one ends: one number more than rows.
        multivalued: Whether a cell may hold Splunk's `$a$;$b$`.
    """

    rows: list[list[str]]
    bounds: Sequence[int]
    multivalued: bool


def header(body: bytes) -> tuple[list[str], int]:
    """Return the names of the columns, and where the rows begin; no names in an empty chunk."""
    ends: list[int] = []
    reader = csv.reader(_lines(body, 0, ends))
    names = next(reader, [])
    return names, ends[-1] if ends else 0


def batches(body: bytes, start: int) -> Iterator[Batch]:
    """Yield the rows of a chunk from a place on; places count from the start of the chunk."""
    size = len(body)
    while start < size:
        end = body.find(b"\n", start + BATCH_BYTES) + 1 or size
        window = body[start:end]
        rows = _split(window.decode())
        if rows is None:
            yield from _read(body, start)
            return
        lines = window.splitlines(True)
        bounds = list(accumulate(map(len, lines), initial=start))
        yield Batch(rows, bounds, bool(_MULTI.search(window)))
        start = end


def _split(text: str) -> list[list[str]] | None:
    """Return the cells of each line; None where a row has several lines, or a line none."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if "" in lines:
        return None
    quoted = csv.reader([*(line for line in lines if '"' in line), _END])
    try:
        rows = [next(quoted) if '"' in line else line.split(",") for line in lines]
    except StopIteration:
        return None
    # A cell that goes on in the next line takes rows that are not its own, up to the last.
    return rows if next(quoted, None) == [_END] else None


def _read(body: bytes, start: int) -> Iterator[Batch]:
    """Yield rows that may span lines."""
    ends = [start]
    reader = csv.reader(_lines(body, start, ends))
    multivalued = bool(_MULTI.search(body, start))
    while True:
        first = len(ends) - 1
        rows = list(islice(reader, BATCH_ROWS))
        if not rows:
            return
        if len(ends) - 1 - first == len(rows):
            yield Batch(rows, ends[first:], multivalued)
        else:
            sizes = (1 + sum(cell.count("\n") for cell in row) for row in rows)
            last = len(ends) - 1
            bounds = [ends[min(n, last)] for n in accumulate(sizes, initial=first)]
            yield Batch(rows, bounds, multivalued)


def _lines(body: bytes, start: int, ends: list[int]) -> Iterator[str]:
    """Yield lines, and note where each ends."""
    size = len(body)
    while start < size:
        end = body.find(b"\n", start) + 1 or size
        ends.append(end)
        yield body[start:end].decode()
        start = end
