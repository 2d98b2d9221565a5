"""CSV with a header, as Splunk, Defender, Kibana and spreadsheets export it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ..errors import InputError
from . import Broken, Record

DELIMITERS = ",;\t|"


def delimiter(header: str) -> str:
    """Return what stands between the columns of a header; empty if there is only one column."""
    return max(DELIMITERS, key=header.count) if any(d in header for d in DELIMITERS) else ""


def records(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Record]:
    """Yield the rows of a CSV file.

    Raises:
        InputError: A quote is never closed, or the file is no CSV.
    """
    rest = iter(stream)
    first = next((line for line in rest if line.strip()), "")
    header = next(csv.reader([first], delimiter=delimiter(first) or ","), [])
    quotes = _Quotes(rest)
    reader = csv.reader(quotes, delimiter=delimiter(first) or ",")
    width, before = len(header), 0
    try:
        for row in reader:
            if quotes.open():
                if reader.line_num - before > 1:
                    raise csv.Error("a quote that is opened there is never closed")
                broken.add(f"line {reader.line_num + 1} ends within quotes")
            before = reader.line_num
            if len(row) == width:
                yield dict(zip(header, row))
            elif row:
                problem = f"line {reader.line_num + 1} has {len(row)} cells, the header {width}"
                broken.add(problem)
                yield dict(zip(header, row + [""] * (width - len(row))))
    except csv.Error as error:
        raise InputError(f"is no CSV after line {before + 1}: {error}") from None


class _Quotes:
    """Lines, and whether the quotes in those of the last row come in pairs."""

    def __init__(self, rest: Iterator[str]) -> None:
        self._rest = rest
        self._count = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._rest:
            self._count += line.count('"')
            yield line

    def open(self) -> bool:
        """Tell whether a quote was left open since this was asked last."""
        odd = self._count % 2 == 1
        self._count = 0
        return odd
