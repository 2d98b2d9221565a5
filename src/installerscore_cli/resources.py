"""Where the catalogue and the examples of its signals are: in the wheel, or in the repository."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from installer_trees import catalogue, files
from installer_trees.catalogue import Catalogue, UnknownNameError
from installer_trees.errors import CatalogueError

from .errors import InputError

_HERE = Path(__file__).resolve().parent
_REPOSITORY = _HERE.parent.parent


def _folder(packed: str, source: Path) -> Path:
    inside = _HERE / packed
    return inside if inside.is_dir() else source


LOOKUPS = _folder("lookups", _REPOSITORY / "package" / "lookups")
CASES = _folder("cases", _REPOSITORY / "tests" / "cases")


def load(signals: str | None = None, allowlist: str | None = None) -> Catalogue:
    """Read the shipped catalogue, with the user's changes over it.

    Rows that name a family or a signal which this catalogue does not have are left out, and stay
    in its problems: in Splunk, with signals of the configuration page, they may be right.

    Args:
        signals: Path of a CSV file with changed or added signals.
        allowlist: Path of a CSV file with allowlist entries to add.

    Raises:
        InputError: A file of the user cannot be read, has a row that cannot be used, or none that
            can.
    """
    try:
        loaded = files.load(str(LOOKUPS))
    except CatalogueError as error:
        raise InputError(f"{error}.") from None
    if signals is not None:
        loaded = _changed(loaded, signals, catalogue.overlay)
    if allowlist is not None:
        loaded = _changed(loaded, allowlist, catalogue.extended)
    return loaded


def _changed(
    loaded: Catalogue, path: str, change: Callable[[Catalogue, Iterable[str], str], Catalogue]
) -> Catalogue:
    """Return the catalogue with a file of the user over it; problems have the lines of the file."""
    try:
        lines = list(files.lines(path))
        starts = [line for line, _ in numbered(lines)]
        result = change(loaded, lines, Path(path).name)
    except CatalogueError as error:
        raise InputError(f"{path}: {error.problem.split(';')[0]}.") from None
    known = len(loaded.problems)
    new = [_moved(one, starts) for one in result.problems[known:]]
    result.problems[known:] = new
    fatal = [one for one in new if not isinstance(one, UnknownNameError)]
    if fatal:
        more = len(fatal) - 1
        others = f", and {more} more problem{'s' * (more > 1)}" if more else ""
        raise InputError(f"{fatal[0]}{others}; installerscore lint FILE shows all of them.")
    rows = len(starts) - 1
    if not rows:
        raise InputError(f"{path}: holds nothing but a header, so it would change nothing.")
    if len(new) >= rows:  # each is about a row of its own
        raise InputError(f"{path}: holds no row that can be used; the first: {new[0]}.")
    return result


def _moved(error: CatalogueError, starts: list[int]) -> CatalogueError:
    """Return a problem with the line of its row; the engine counts no blank lines."""
    row = starts[error.row - 1] if 0 < error.row <= len(starts) else error.row
    return type(error)(error.file, row, error.column, error.problem)


def numbered(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file that are not blank, each with the line on which it begins."""
    reader = csv.reader(lines)
    before = 0
    for row in reader:
        if row:
            yield before + 1, row
        before = reader.line_num


@lru_cache(maxsize=1)
def shipped() -> Catalogue:
    """Read the shipped catalogue as far as it can be used, to check a file against it."""
    return replace(files.load(str(LOOKUPS)), problems=[])


def rows(name: str) -> dict[str, dict[str, str]]:
    """Return the rows of a shipped file as they stand there, by their id."""
    with (LOOKUPS / name).open(encoding="utf-8-sig", newline="") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


def examples(signal_id: str) -> dict[str, Any]:
    """Return the case file of a signal: what it must find, and what it must not."""
    path = CASES / f"{signal_id}.json"
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
