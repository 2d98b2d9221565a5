"""`installerscore lint`: checks catalogue files and says everything that is wrong at once."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from installer_trees import catalogue, files
from installer_trees.entries import ALLOWANCE_COLUMNS, ROOT_COLUMNS, SIGNAL_COLUMNS
from installer_trees.errors import CatalogueError

from . import resources
from .clean import visible
from .errors import InputError

CLEAN, PROBLEMS = 0, 1

_ABOUT = re.compile(r"signals? ([A-Z0-9]+)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_EXPLAINED = ("rationale", "source", "known_false_positives", "mitre_technique_id")


@dataclass(frozen=True)
class _Kind:
    """A kind of catalogue file: the columns that tell it, and what checks it."""

    name: str
    columns: Sequence[str]
    shipped: str
    check: Callable[[str, str, bool], list[CatalogueError]]


def run(paths: Sequence[str]) -> int:
    """Check files, or the shipped catalogue; print `file:line:column: problem` for each problem.

    Raises:
        InputError: A file cannot be read, or is no catalogue file.
    """
    chosen = list(paths) or [str(resources.LOOKUPS / kind.shipped) for kind in KINDS[:3]]
    count = 0
    for path in chosen:
        for line, column, problem in sorted(problems(path, shipped=not paths)):
            where = ":".join(filter(None, (path, str(line) if line else "", column)))
            print(visible(f"{where}: {problem}"))
            count += 1
    said = f"{count:,} problem{'s' * (count != 1)}" if count else "No problems"
    print(f"{said} in {len(chosen):,} file{'s' * (len(chosen) != 1)}.", file=sys.stderr)
    return PROBLEMS if count else CLEAN


def problems(path: str, shipped: bool = False) -> set[tuple[int, str, str]]:
    """Return all problems of a file as line, column and sentence.

    The checks stop at the first problem of a row. So each cell that they refuse is replaced by a
    good one, each row without such a cell is taken out, and the file is checked again, until
    nothing new is found.

    Args:
        path: The file.
        shipped: Whether it is a file of the shipped catalogue, which stands for itself.

    Raises:
        InputError: The file cannot be read, or is no catalogue file.
    """
    header, rows = _read(path)
    kind = _kind(path, header)
    identity = header.index(kind.columns[0])
    good = {**next(iter(resources.rows(kind.shipped).values())), "conditions": ""}
    left = dict(rows)
    ids = {row[identity]: number for number, row in left.items() if identity < len(row)}
    found: set[tuple[int, str, str]] = set()
    while True:
        numbers = list(left)
        errors = kind.check(_written(header, left.values()), Path(path).name, shipped)
        new = {
            (numbers[e.row - 2] if e.row else _row_of(e, ids), e.column, e.problem) for e in errors
        } - found
        if not new:
            return found | set(_advice(kind, header, rows))
        found |= new
        for number, column, _ in new:
            if number in left and not _mended(header, left[number], column, good, identity):
                del left[number]


def _row_of(error: CatalogueError, ids: Mapping[str, int]) -> int:
    """Return the line of the signal that a problem of the whole file is about."""
    named = _ABOUT.match(error.problem)
    return ids.get(named[1], 0) if named else 0


def _read(path: str) -> tuple[list[str], dict[int, list[str]]]:
    """Return the header of a file, and its rows by the lines on which they begin."""
    try:
        rows = dict(resources.numbered(files.lines(path)))
    except CatalogueError as error:
        raise InputError(f"{path}: {error.problem.split(';')[0]}.") from None
    return rows.pop(1, []), rows


def _kind(path: str, header: Sequence[str]) -> _Kind:
    """Tell the kind of a file by its columns, in whatever order they stand."""
    for kind in KINDS:
        if set(kind.columns) <= set(header):
            return kind
    near = [kind for kind in KINDS if kind.columns[0] in header]
    if near:
        missing = [column for column in near[-1].columns if column not in header]
        raise InputError(
            f"{path}:1: has no column {', '.join(missing)}; the header of {near[-1].name} files "
            f"needs: {', '.join(near[-1].columns)}."
        )
    starts = ", ".join(dict.fromkeys(kind.columns[0] for kind in KINDS))
    raise InputError(
        f"{path}:1: is no catalogue file: expected a header with one of {starts}; "
        f"found {', '.join(header[:8]) or 'nothing'}."
    )


def _written(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([header, *rows])
    return buffer.getvalue()


def _mended(
    header: Sequence[str], row: list[str], column: str, good: Mapping[str, str], identity: int
) -> bool:
    """Put a good value where a bad one is; tell whether that was possible."""
    place = header.index(column) if column in header else identity
    if place == identity or place >= len(row):
        return False
    row[place] = good.get(column, "")
    return True


def _advice(
    kind: _Kind, header: Sequence[str], rows: Mapping[int, Sequence[str]]
) -> Iterator[tuple[int, str, str]]:
    """Yield what the engine takes and should not be there: gaps and past dates."""
    today = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    for number, row in rows.items():
        if len(row) > len(header):  # its cells stand under other columns than they belong to
            continue
        cells = {name: cell for name, cell in zip(header, row) if cell}
        if kind.name == "signals" and "pattern" in cells:
            for column in _EXPLAINED:
                if column not in cells:
                    yield number, column, "is empty; say it, so that others can judge the signal"
        if _DATE.fullmatch(cells.get("expires", "")) and cells["expires"] < today:
            yield number, "expires", f"{cells['expires']} has passed: the entry has no effect"


def _check_roots(text: str, name: str, shipped: bool) -> list[CatalogueError]:
    names = (name, "", "")
    return catalogue.load(text.splitlines(True), None, None, names, shipped).problems


def _check_signals(text: str, name: str, shipped: bool) -> list[CatalogueError]:
    if not shipped:
        return catalogue.overlay(resources.shipped(), text.splitlines(True), name).problems
    names = ("", name, "")
    return catalogue.load(None, text.splitlines(True), None, names, shipped).problems


def _check_allowlist(text: str, name: str, shipped: bool) -> list[CatalogueError]:
    if not shipped:
        return catalogue.extended(resources.shipped(), text.splitlines(True), name).problems
    names = ("", "", name)
    return catalogue.load(None, None, text.splitlines(True), names, shipped).problems


KINDS = (
    _Kind("roots", ROOT_COLUMNS, catalogue.ROOTS, _check_roots),
    _Kind("signals", SIGNAL_COLUMNS, catalogue.SIGNALS, _check_signals),
    _Kind("allowlist", ALLOWANCE_COLUMNS, catalogue.ALLOWLIST, _check_allowlist),
    _Kind("what-if", ("signal_id", "weight"), catalogue.SIGNALS, _check_signals),
)
