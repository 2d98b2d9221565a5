"""The roots lookup as CIM filters: what tstats can ask before the command sees a row.

A filter finds at least what the lookup's rows match. It can find more, since tstats knows only
`*`: a pattern keeps its literal parts, and everything else in it becomes `*`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

_OLD = sys.version_info < (3, 11)
sre: Any = import_module("sre_constants" if _OLD else "re._constants")
sre_parser: Any = import_module("sre_parse" if _OLD else "re._parser")

Row = Mapping[str, str]
MACROS = {
    "process_installer": (
        "msi msix exe winget choco msu dism inno nsis squirrel macos_pkg brew".split()
    ),
    "process_package_manager": None,
}
"""Macros and the families in them; None takes all that the others leave."""

MAX_ALTERNATIVES = 24


def wildcards(pattern: str) -> list[str]:
    """Return texts with `*`, one of which matches whatever the pattern is found in.

    An empty list means that the pattern has no literal part to ask for.
    """
    if not pattern:
        return []
    globs = _sequence(sre_parser.parse(pattern))
    tidy = sorted({re.sub(r"\*+", "*", f"*{g}*") for g in globs}, key=lambda g: (len(g), g))
    if tidy[0] == "*":
        return []
    kept: list[str] = []
    for glob in tidy:
        if not any(_covers(other, glob) for other in kept):
            kept.append(glob)
    return sorted(kept)


def definitions(roots: Iterable[Row]) -> dict[str, str]:
    """Return the macros and their definitions for the rows of installerscore_roots.csv."""
    rows = list(roots)
    named = {family for families in MACROS.values() if families for family in families}
    return {
        macro: _filter([r for r in rows if _belongs(r["family"], families, named)])
        for macro, families in MACROS.items()
    }


def _belongs(family: str, families: list[str] | None, named: set[str]) -> bool:
    return family in families if families else family not in named


def _filter(rows: Sequence[Row]) -> str:
    """Return the filter for some rows; events without a process name always pass."""
    groups: dict[tuple[str, ...], tuple[set[str], set[str]]] = {}
    for row in rows:
        names, originals = groups.setdefault(tuple(wildcards(row["args_pattern"])), (set(), set()))
        names.update(_names(row["process_name"]))
        originals.update(_names(row["original_file_name"]))
    names, originals = groups.pop((), (set(), set()))
    clauses = [_either(names | {"unknown"}, originals)]
    for globs, (names, originals) in sorted(groups.items()):
        clauses.append(f"({_either(names, originals)} {_in('process', globs)})")
    return "(" + "\\\n  OR ".join(clauses) + ")"


def _names(cell: str) -> set[str]:
    names = {name.strip().lower() for name in cell.split("|") if name.strip()}
    odd = [name for name in names if re.search(r'[?\[\]"]', name)]
    if odd:
        raise ValueError(f"tstats has no wildcard but *: {odd[0]}")
    return names


def _either(names: set[str], originals: set[str]) -> str:
    parts = []
    if names:
        parts.append(_in("process_name", sorted(names)))
    if originals:
        parts.append(_in("original_file_name", sorted(originals)))
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _in(field: str, values: Iterable[str]) -> str:
    quoted = ", ".join('"' + v.replace("\\", "\\\\").replace('"', '\\"') + '"' for v in values)
    return f"Processes.{field} IN ({quoted})"


def _sequence(items: Iterable[tuple[Any, Any]]) -> list[str]:
    globs = [""]
    for operation, argument in items:
        step = _step(operation, argument)
        if len(globs) * len(step) > MAX_ALTERNATIVES:
            step = ["*"]
        globs = [left + right for left in globs for right in step]
    return globs


def _step(operation: Any, argument: Any) -> list[str]:
    """Return what one part of a pattern becomes; parts without width become nothing."""
    if operation is sre.LITERAL:
        sign = chr(argument)
        return ["*" if sign == "*" else sign.lower()]
    if operation in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
        return [""]
    if operation is sre.SUBPATTERN:
        return _sequence(argument[-1])
    if operation is sre.BRANCH:
        globs = [g for branch in argument[1] for g in _sequence(branch)]
        return globs if "" not in globs else ["*"]
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0]:
        return [f"{g}*" for g in _sequence(argument[2])]
    return ["*"]


def _covers(wide: str, narrow: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, wide.split("*"))), narrow) is not None
