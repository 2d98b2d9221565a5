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
Groups = dict[tuple[str, ...], tuple[set[str], set[str]]]
"""Texts with `*` -> names and original names of the programs that must have one of them."""
NO_COMMAND = "^$"
"""Pattern of a root that is told by its path, for sources that send no command lines."""
FAMILIES = {
    "process_installer": "msi msix exe winget choco scoop msu macos_pkg brew".split(),
    "process_package_manager": None,
}
"""Macros and the families in them; None takes all that the others leave."""
CHILDREN = {
    "process_installer": "installer_children",
    "process_package_manager": "installer_package_manager_children",
}
"""Macros that find children of installers, for an installer whose own event is not there."""

MAX_ALTERNATIVES = 100
EVERYDAY = (
    "*\\windows\\servicing\\trustedinstaller.exe",
    "*\\google\\update\\*googleupdate*.exe",
    "*\\google\\googleupdater\\*updater.exe",
    "*\\microsoft\\edgeupdate\\*microsoftedgeupdate*.exe",
    "*\\microsoft\\onedrive\\*updater.exe",
    "*\\bravesoftware\\update\\braveupdate*.exe",
    "*\\mozilla*\\updater.exe",
)
"""Programs that run on every computer every day, are named like installers, and are none: no row of
the lookup matches them, as a test shows, and no host should be read for them."""

NOT_IN_MACROS = "*`$"
"""Signs that mean something inside a macro, even in quotes: wildcard, macro call, argument."""


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
    named = {family for families in FAMILIES.values() if families for family in families}
    made = {}
    for macro, families in FAMILIES.items():
        chosen = [r for r in rows if _belongs(r["family"], families, named)]
        for name, prefix in ((macro, ""), (CHILDREN[macro], "parent_")):
            made[name] = _filter(chosen, prefix)
            if macro == "process_installer":
                everyday = _in(f"{prefix}process_path", EVERYDAY)
                made[name] = f"({made[name]} \\\n  NOT {everyday})"
    return made


def _belongs(family: str, families: list[str] | None, named: set[str]) -> bool:
    return family in families if families else family not in named


def _filter(rows: Sequence[Row], prefix: str) -> str:
    """Return the filter for some rows; a process without a name passes: its line may name it.

    Where an installer is told by the command beside it, that command is asked for: its own name
    and line, a shell's without arguments, say nothing. Its children say nothing either, nor do
    those of one that is told by its parent.
    """
    asked = [_with_parent(row) for row in rows if row["parent_pattern"] and not prefix]
    by_line: Groups = {}
    by_place: Groups = {}
    paths: set[str] = set()
    for row in (row for row in rows if not row["parent_pattern"]):
        if row["sibling_pattern"]:
            if not prefix:
                by_line.setdefault(tuple(wildcards(row["sibling_pattern"])), ({"*"}, set()))
        elif row["args_pattern"] == NO_COMMAND:
            paths.update(wildcards(row["path_pattern"]))
        else:
            _sort_in(row, prefix, by_line, by_place)
    plain = by_line.pop((), (set(), set()))
    clauses = [_either(prefix, plain[0] | (set() if prefix else {"unknown"}), plain[1])]
    if paths:
        clauses.append(_in(f"{prefix}process_path", sorted(paths)))
    clauses += sorted(set(asked))
    for groups, fields in ((by_line, ["process"]), (by_place, ["process_path", "process"])):
        for globs, (names, originals) in sorted(groups.items()):
            names, originals = names - _covered(names, plain[0]), originals - plain[1]
            if names or originals:
                texts = " OR ".join(_in(prefix + field, globs) for field in fields)
                texts = f"({texts})" if len(fields) > 1 else texts
                clauses.append(f"({_either(prefix, names, originals)} {texts})")
    return "(" + " \\\n  OR ".join(clauses) + ")"


def _sort_in(row: Row, prefix: str, by_line: Groups, by_place: Groups) -> None:
    """Add the names of a row to those with the same texts in the command line, or in the path.

    Of a parent the path is not asked for: few sources give it.
    """
    lines, places = (tuple(wildcards(row[f"{what}_pattern"])) for what in ("args", "path"))
    groups, key = (by_place, places) if places and not lines and not prefix else (by_line, lines)
    names, originals = groups.setdefault(key, (set(), set()))
    names.update(_names(row["process_name"]))
    if not prefix:
        originals.update(_names(row["original_file_name"]))


def _with_parent(row: Row) -> str:
    """Return the filter for what is an installer below some parents only."""
    parts = [
        _in("process_name", sorted(_names(row["process_name"]))),
        _in("parent_process_name", wildcards(row["parent_pattern"])),
    ]
    if globs := wildcards(row["args_pattern"]):
        parts.append(_in("process", globs))
    return f"({' '.join(parts)})"


def _covered(names: set[str], by: set[str]) -> set[str]:
    return {name for name in names if any(_covers(other, name) for other in by)}


def _names(cell: str) -> set[str]:
    names = (name.strip().lower() for name in cell.split("|") if name.strip())
    return {re.sub(r"(\*|\?|\[[^\]]*\])+", "*", name) for name in names}


def _either(prefix: str, names: set[str], originals: set[str]) -> str:
    parts = []
    if names:
        distinct = {n for n in names if not _covered({n}, names - {n})}
        parts.append(_in(f"{prefix}process_name", sorted(distinct)))
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
        return ["*" if sign in NOT_IN_MACROS else sign.lower()]
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
