"""CSV with a header, as Splunk, Defender, Kibana and spreadsheets export it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from ..errors import InputError
from . import Broken, Record, lines

DELIMITERS = ",;\t|"


def delimiter(header: str) -> str:
    """Return what stands between the columns of a header; empty if there is only one column."""
    return max(DELIMITERS, key=header.count) if any(d in header for d in DELIMITERS) else ""


def records(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Record]:
    """Yield the rows of a CSV file.

    Raises:
        InputError: A quote is never closed, or the file is no CSV.
    """
    rest = lines(stream)
    first = next(rest, "")
    header = next(csv.reader([first], delimiter=delimiter(first) or ","), [])
    reader = csv.reader(rest, delimiter=delimiter(first) or ",")
    width = len(header)
    try:
        for row in reader:
            if len(row) == width:
                yield dict(zip(header, row))
            elif row:
                problem = f"line {reader.line_num + 1} has {len(row)} cells, the header {width}"
                broken.add(problem)
                yield dict(zip(header, row + [""] * (width - len(row))))
    except csv.Error as error:
        raise InputError(f"is no CSV after line {reader.line_num + 1}: {error}") from None
