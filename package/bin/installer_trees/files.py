"""The catalogue on disk: the shipped CSV files, and a what-if file over them."""

from __future__ import annotations

import csv
import os
import zlib
from collections.abc import Iterator
from dataclasses import replace

from . import catalogue
from .catalogue import NAMES
from .errors import CatalogueError

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shipped.txt")
"""Written by the build: the checksum and the name of each file that this version came with."""


def load(lookups: str, signals: str | None = None) -> catalogue.Catalogue:
    """Read the shipped catalogue, and a what-if file over it.

    Args:
        lookups: Folder of the shipped CSV files.
        signals: Path of a CSV file with changed or added signals.

    Raises:
        CatalogueError: A file cannot be read, or the what-if file has no row that can be used.
    """
    roots, shipped, allowlist = (lines(os.path.join(lookups, name)) for name in NAMES)
    loaded = catalogue.load(roots, shipped, allowlist, NAMES, shipped=True)
    return loaded if signals is None else what_if(loaded, signals)


def what_if(loaded: catalogue.Catalogue, signals: str) -> catalogue.Catalogue:
    """Return a catalogue with a what-if file over it.

    Args:
        loaded: The catalogue without it.
        signals: Path of a CSV file with changed or added signals.

    Raises:
        CatalogueError: The file cannot be read, or has no row that can be used.
    """
    name = os.path.basename(signals)
    text = list(lines(signals))
    changes = catalogue.overlay(replace(loaded, problems=[]), text, name)
    rows = sum(1 for row in csv.reader(text) if row) - 1
    if len(changes.problems) >= max(1, rows):
        raise changes.problems[0]
    if rows < 1:
        problem = "holds nothing but a header; add rows with signal_id and weight"
        raise CatalogueError(name, 0, "", problem)
    return replace(changes, problems=[*loaded.problems, *changes.problems])


def checksum(path: str | os.PathLike[str]) -> str:
    """Return 8 hex digits that tell the contents of a file."""
    with open(path, "rb") as file:
        return f"{zlib.crc32(file.read()):08x}"


def others(lookups: str) -> list[str]:
    """Return the names of catalogue files that are not those which this version came with.

    None where the build noted nothing, as in the sources.
    """
    try:
        with open(SHIPPED, encoding="ascii") as file:
            noted = [line.split() for line in file]
        return [name for sum_, name in noted if checksum(os.path.join(lookups, name)) != sum_]
    except OSError:
        return []


def lines(path: str) -> Iterator[str]:
    """Yield the lines of a catalogue file.

    Raises:
        CatalogueError: The file cannot be read.
    """
    try:
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            yield from (line.replace("\0", "\ufffd") for line in file)  # csv of 3.9 takes no NUL
    except OSError as error:
        problem = f"cannot be read ({error.strerror}); install the add-on again, or mend the file"
        raise CatalogueError(os.path.basename(path), 0, "", problem) from None
