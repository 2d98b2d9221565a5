"""Where the catalogue and the examples of its signals are: in the wheel, or in the repository."""

from __future__ import annotations

import csv
import json
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
        InputError: A file of the user cannot be read, or has a row that cannot be used.
    """
    try:
        loaded = files.load(str(LOOKUPS), signals)
        if allowlist is not None:
            loaded = catalogue.extended(loaded, files.lines(allowlist), Path(allowlist).name)
    except CatalogueError as error:
        raise InputError(f"{error.file}: {error.problem.split(';')[0]}.") from None
    fatal = [one for one in loaded.problems if not isinstance(one, UnknownNameError)]
    if fatal:
        more = len(fatal) - 1
        others = f", and {more} more problem{'s' * (more > 1)}" if more else ""
        raise InputError(f"{fatal[0]}{others}; installerscore lint FILE shows all of them.")
    return loaded


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
