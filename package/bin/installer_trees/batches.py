"""The CSV of a chunk -> batches of rows, each row with its place in the spill file.

Small batches stay in the processor's cache, and a line without quotes needs no CSV reader. Splunk
puts the `__mv_` columns behind all others: where they are empty, as nearly all are, they are not
read.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from operator import methodcaller
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
        plain: Whether the last columns, all of them empty twins, are left out of the rows.
    """

    rows: list[list[str]]
    bounds: Sequence[int]
    multivalued: bool
    plain: bool = False


def header(body: bytes) -> tuple[list[str], int]:
    """Return the names of the columns, and where the rows begin; no names in an empty chunk."""
    ends: list[int] = []
    reader = csv.reader(_lines(body, 0, ends))
    names = next(reader, [])
    return names, ends[-1] if ends else 0


def batches(body: bytes, start: int, twins: int = 0) -> Iterator[Batch]:
    """Yield the rows of a chunk from a place on; places count from the start of the chunk.

    They end where rows are no longer lines, for which there is `lines`.

    Args:
        body: The chunk, or a block of one.
        start: Where its rows begin.
        twins: How many of the last columns hold nothing but several values of others.
    """
    size = len(body)
    empty = methodcaller("endswith", "," * twins)
    while start < size:
        end = body.find(b"\n", start + BATCH_BYTES) + 1 or size
        window = body[start:end]
        found, sizes = _split(window)
        plain = bool(twins) and all(map(empty, found))
        rows = _cells([line[:-twins] for line in found] if plain else found)
        if rows is None:
            return
        bounds = list(accumulate(sizes, initial=start))
        yield Batch(rows, bounds, bool(_MULTI.search(window)), plain)
        start = end


def _split(window: bytes) -> tuple[list[str], list[int]]:
    """Return the lines, and how many bytes each takes with its end."""
    lines = window.decode().split("\n")
    if not lines[-1]:
        lines.pop()
    if window.isascii() and window.endswith(b"\n"):
        sizes = [len(line) + 1 for line in lines]
    else:
        sizes = list(map(len, window.splitlines(True)))
    if b"\r" in window:
        lines = [line[:-1] if line.endswith("\r") else line for line in lines]
    return lines, sizes


def _cells(lines: list[str]) -> list[list[str]] | None:
    """Return the cells of each line; None where a row has several lines, or a line none."""
    if "" in lines:
        return None
    quoted = [line for line in lines if '"' in line]
    rows = list(csv.reader([*quoted, _END]))
    # A cell that goes on in the next line takes what is not its own, up to the last line.
    if len(rows) <= len(quoted) or rows.pop() != [_END]:
        return None
    if len(rows) < len(lines):
        read = iter(rows)
        rows = [next(read) if '"' in line else line.split(",") for line in lines]
    return rows


def lines(body: bytes, start: int) -> Iterator[Batch]:
    """Yield the rows of a chunk from a place on, which may span lines."""
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
