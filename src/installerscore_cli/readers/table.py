"""CSV with a header, as Splunk, Defender, Kibana and spreadsheets export it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from ..errors import InputError
from . import Broken, Record

DELIMITERS = ",;\t|"
RAW = "_raw"
"""The one column that is enough: Splunk's raw events."""

_PREFACE = re.compile(r"\"?sep=.\"?\s*|#TYPE .*\s*")


def delimiter(header: str) -> str:
    """Return what stands between the columns of a header; empty if there is only one column."""
    return max(DELIMITERS, key=header.count) if any(d in header for d in DELIMITERS) else ""


def is_preface(line: str) -> bool:
    """Tell a line that may stand before the header.

    It is blank, `sep=;` as Excel knows it, or `#TYPE` as PowerShell writes it.
    """
    return not line.strip() or bool(_PREFACE.fullmatch(line))


def records(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Record]:
    """Yield the rows of a CSV file.

    Raises:
        InputError: A quote is never closed, or the file is no CSV.
    """
    rest = iter(stream)
    above = 0
    for above, first in enumerate(rest, 1):  # noqa: B007
        if not is_preface(first):
            break
    else:
        return
    between = delimiter(first) or ","
    blanks = f"{between} " in first
    header = next(csv.reader([first], delimiter=between, skipinitialspace=blanks), [])
    header = [name.strip() for name in header]
    quotes = _Quotes(rest)
    reader = csv.reader(quotes, delimiter=between, skipinitialspace=blanks)
    width, before = len(header), 0
    try:
        for row in reader:
            if quotes.open():
                if reader.line_num - before > 1:
                    raise csv.Error("a quote that is opened there is never closed")
                line = above + reader.line_num
                _damaged(f"line {line} ends within quotes", quotes, broken)
            before = reader.line_num
            if len(row) == width:
                yield dict(zip(header, row))
            elif row:
                line = above + reader.line_num
                problem = f"line {line} has {len(row)} cells, the header {width}"
                _damaged(problem, quotes, broken)
                yield dict(zip(header, row + [""] * (width - len(row))))
    except csv.Error as error:
        raise InputError(f"is no CSV after line {above + before}: {error}") from None


def _damaged(problem: str, quotes: _Quotes, broken: Broken) -> None:
    """Note a damaged row; one in a last line without an end is where the file was cut."""
    if quotes.last.endswith(("\n", "\r")):
        broken.add(problem)
    else:
        broken.cut = broken.cut or problem


class _Quotes:
    """Lines, and whether the quotes in those of the last row come in pairs.

    Attributes:
        last: The last line.
    """

    def __init__(self, rest: Iterator[str]) -> None:
        self._rest = rest
        self._count = 0
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        for line in self._rest:
            self._count += line.count('"')
            self.last = line
            yield line

    def open(self) -> bool:
        """Tell whether a quote was left open since this was asked last."""
        odd = self._count % 2 == 1
        self._count = 0
        return odd
