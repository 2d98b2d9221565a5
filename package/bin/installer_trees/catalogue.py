"""Detection knowledge: CSV rows -> checked, indexed roots, signals and allowances.

A row that cannot be used is left out and named; the rest works.
"""

from __future__ import annotations

import csv
import fnmatch
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from re import Pattern
from typing import NamedTuple, TypeVar

from . import entries
from .entries import (
    ALLOWANCE_COLUMNS,
    MAX_WEIGHT,
    ROOT_COLUMNS,
    SIGNAL_COLUMNS,
    Problem,
    Record,
    UnknownName,
)
from .errors import CatalogueError
from .layout import MISSING
from .literals import Words, folded, may_match, shortest
from .memo import Memo
from .model import Allowance, Root, Signal, patterns_of
from .regex import MATCH_CHARS, Regex

ROOTS = "installerscore_roots.csv"
SIGNALS = "installerscore_signals.csv"
ALLOWLIST = "installerscore_allowlist.csv"
NAMES = (ROOTS, SIGNALS, ALLOWLIST)
CACHED_NAMES = 100_000
NO_COMMAND = "^$"
"""Pattern of a root for sources that send no command lines."""
WILDCARDS = frozenset("*?[")
_ENDING = re.compile(r"\*(?:\.[^.*?\[\]]+)?")

T = TypeVar("T", Root, Signal, Allowance)


class UnknownNameError(CatalogueError):
    """A row that names what this catalogue does not have; in another one it may be right."""


class _Names(NamedTuple):
    """Places of roots by name: exact ones, by the end from the last dot, and by wildcards.

    Whether any of the wildcards fits, `any_glob` tells first. The end of `*` is empty.
    """

    exact: dict[str, set[int]]
    ends: dict[str, set[int]]
    any_glob: Pattern[str]
    globs: list[tuple[Pattern[str], set[int]]]


class Gate(NamedTuple):
    """What a command line must have for one of some roots to match it.

    Attributes:
        always: Nothing: one of the roots does not look at it.
        without: Nothing must be there: one of the roots is for sources without command lines.
        words: In lower case; one of them will do.
        patterns: So will one of these be found in it.
    """

    always: bool
    without: bool
    words: tuple[str, ...]
    patterns: tuple[Regex, ...]

    def admitted(self, places: Sequence[int], commands: Sequence[str]) -> Iterable[int]:
        """Return the places at which a root may match; that it does not at others is certain.

        Few command lines have one of the words, which one look at all of them together tells.
        """
        if self.always:
            return places
        chosen = [commands[i] for i in places]
        found: set[int] = set()
        together = folded("\n".join(chosen))
        ends: list[int] = []
        for word in self.words:
            at = together.find(word)
            while at >= 0:
                ends = ends or list(accumulate(len(command) + 1 for command in chosen))
                line = bisect_right(ends, at)
                found.add(places[line])
                at = together.find(word, ends[line])
        if self.without and not MISSING.isdisjoint(chosen):
            found.update(i for i, command in zip(places, chosen) if command in MISSING)
        for pattern in self.patterns:
            found.update(
                i for i, c in zip(places, chosen) if pattern.search(c.lstrip()[:MATCH_CHARS])
            )
        return found


@dataclass
class Catalogue:
    """Roots, signals and allowances, ready to match.

    Attributes:
        problems: Rows that were left out, each with file, row and column.
    """

    roots: tuple[Root, ...] = ()
    signals: tuple[Signal, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    problems: list[CatalogueError] = field(default_factory=list)
    _names: list[_Names] = field(default_factory=list, repr=False)
    _by_name: Memo[tuple[str, str], tuple[Root, ...]] = field(
        default_factory=lambda: Memo(CACHED_NAMES), repr=False
    )

    def patterns(self) -> Iterator[Regex]:
        """Yield every regular expression of every row."""
        rows: list[Root | Signal | Allowance] = [*self.roots, *self.signals, *self.allowances]
        for row in rows:
            yield from (pattern for _, pattern in patterns_of(row))

    def candidates(self, process_name: str, original_file_name: str = "") -> tuple[Root, ...]:
        """Return the roots whose name matches; remembered, as few names come often."""
        key = (process_name, original_file_name)
        found = self._by_name.get(key)
        if found is None:
            if not self._names:
                self._index()
            places = self._matching(0, process_name) | self._matching(1, original_file_name)
            found = tuple(self.roots[i] for i in sorted(places))
            self._by_name.keep(key, found)
        return found

    def gate(
        self, process_name: str, original_file_name: str = "", by_name: bool = False
    ) -> Gate | None:
        """Return what rules most command lines out; None says that no root has such a name.

        With `by_name`, roots that take any name are left out.
        """
        candidates = self.candidates(process_name, original_file_name)
        if by_name:
            candidates = tuple(root for root in candidates if root.has_name)
        if not candidates:
            return None
        patterns = [root.args_pattern for root in candidates]
        given = [pattern for pattern in patterns if pattern is not None]
        known = [pattern for pattern in given if pattern.pattern != NO_COMMAND]
        return Gate(
            len(given) < len(patterns),
            len(known) < len(given),
            tuple(sorted(shortest({word for pattern in known for word in pattern.words}))),
            tuple(pattern for pattern in known if not pattern.words),
        )

    @property
    def families(self) -> frozenset[str]:
        """The families of all roots."""
        return frozenset(family for root in self.roots for family in root.serves)

    @property
    def signal_ids(self) -> frozenset[str]:
        """The ids of all signals."""
        return frozenset(signal.signal_id for signal in self.signals)

    def _index(self) -> None:
        """Sort names without wildcards into dicts, and keep the others to be matched."""
        for column in ("names", "original_names"):
            exact: dict[str, set[int]] = defaultdict(set)
            ends: dict[str, set[int]] = defaultdict(set)
            globs: dict[str, set[int]] = defaultdict(set)
            for i, root in enumerate(self.roots):
                for name in getattr(root, column):
                    if WILDCARDS.isdisjoint(name):
                        exact[name].add(i)
                    elif _ENDING.fullmatch(name):
                        ends[name[1:].lower()].add(i)
                    else:
                        globs[fnmatch.translate(name)].add(i)
            any_glob = re.compile("|".join(globs) or "(?!)", re.IGNORECASE)
            compiled = [(re.compile(glob, re.IGNORECASE), places) for glob, places in globs.items()]
            self._names.append(_Names(dict(exact), dict(ends), any_glob, compiled))

    def _matching(self, column: int, name: str) -> set[int]:
        names, lower = self._names[column], name.lower()
        found = set(names.exact.get(lower, ()))
        if not name:
            return found
        _, dot, end = lower.rpartition(".")
        found.update(names.ends.get("", ()), names.ends.get(dot + end, ()) if dot else ())
        if names.any_glob.match(name):
            found.update(*(places for glob, places in names.globs if glob.match(name)))
        return found

    def root_of(
        self,
        process_name: str,
        process: str,
        process_path: str = "",
        original_file_name: str = "",
        parent_process_name: str = "",
    ) -> Root | None:
        """Return the first root that a process creation matches, or None.

        Without a command line, a root that asks for arguments does not match; nor does, without a
        parent's name, one that asks for a parent.
        """
        candidates = self.candidates(process_name, original_file_name)
        if not candidates:
            return None
        process, process_path = process.lstrip()[:MATCH_CHARS], process_path[:MATCH_CHARS]
        lower = folded(process)
        for root in candidates:
            if not may_match(_words(root), lower):
                continue
            if root.args_pattern and not root.args_pattern.search(process):
                continue
            if root.exclude_pattern and root.exclude_pattern.search(process):
                continue
            if root.parent_pattern and not root.parent_pattern.search(parent_process_name):
                continue
            if root.path_pattern and not root.path_pattern.search(process_path or process):
                continue
            return root
        return None


def _words(root: Root) -> Words:
    return root.args_pattern.words if root.args_pattern else frozenset()


def load(
    roots: Iterable[str] | None = None,
    signals: Iterable[str] | None = None,
    allowlist: Iterable[str] | None = None,
    names: tuple[str, str, str] = NAMES,
    shipped: bool = False,
) -> Catalogue:
    """Read a catalogue.

    Args:
        roots: Lines of the roots file, header first.
        signals: Lines of the signals file.
        allowlist: Lines of the allowlist file.
        names: What to call the three files in errors.
        shipped: Whether the tests have seen that no text makes their patterns too slow.

    Returns:
        The catalogue without the rows that cannot be used; those are in `problems`.
    """
    catalogue = Catalogue()
    problems = catalogue.problems
    catalogue.roots = tuple(_rows(roots, names[0], ROOT_COLUMNS, entries.root, problems, shipped))
    loaded = _rows(signals, names[1], SIGNAL_COLUMNS, entries.signal, problems, shipped)
    catalogue.signals = ordered(tuple(loaded), names[1], problems)
    catalogue.allowances = tuple(
        _rows(allowlist, names[2], ALLOWANCE_COLUMNS, entries.allowance, problems, shipped)
    )
    return catalogue


def extended(catalogue: Catalogue, allowlist: Iterable[str], name: str) -> Catalogue:
    """Return a catalogue with the entries of an allowlist of the user besides its own."""
    families, signal_ids = catalogue.families, catalogue.signal_ids

    def allowance(record: Record) -> Allowance:
        made = entries.allowance(record)
        entries.check_names(made, families, signal_ids)
        return made

    problems = list(catalogue.problems)
    added = _rows(allowlist, name, ALLOWANCE_COLUMNS, allowance, problems, False)
    return Catalogue(catalogue.roots, catalogue.signals, (*catalogue.allowances, *added), problems)


def overlay(catalogue: Catalogue, signals: Iterable[str], name: str) -> Catalogue:
    """Return a catalogue in which the rows of a what-if file change signals or add some.

    A row may leave out every column but `signal_id` and `weight` for a signal that exists: then
    only the weight changes (0 switches it off).
    """
    known = {signal.signal_id: signal for signal in catalogue.signals}
    problems = list(catalogue.problems)
    families = catalogue.families

    def change(record: Record) -> Signal:
        signal_id = entries.signal_id(record)
        if record.get("pattern"):
            made = entries.signal(record)
            entries.check_names(made, families, frozenset())
            return made
        weight = entries.number(record, "weight", 0, MAX_WEIGHT)
        old = known.get(signal_id)
        if old is None:
            raise UnknownName(
                "signal_id",
                f"there is no signal {signal_id} whose weight could be changed; correct the id, or "
                "describe a new signal, which needs title, family, os, kind, scope, field, pattern",
            )
        return replace(old, weight=weight)

    for signal in _rows(signals, name, ["signal_id", "weight"], change, problems, False):
        known[signal.signal_id] = signal
    result = Catalogue(catalogue.roots, (), catalogue.allowances, problems)
    result.signals = ordered(tuple(known.values()), name, problems)
    return result


def _rows(
    lines: Iterable[str] | None,
    file: str,
    columns: list[str],
    make: Callable[[Record], T],
    problems: list[CatalogueError],
    shipped: bool,
) -> list[T]:
    """Make a value of each usable row; ids must be unique in the file."""
    if lines is None:
        return []
    if not shipped:
        from .untrusted import check_patterns  # what the shipped files never need
    reader = csv.DictReader(lines)
    missing = [c for c in columns if c not in (reader.fieldnames or ())]
    if missing:
        problem = f"has no column {', '.join(missing)}; the header needs: {', '.join(columns)}"
        problems.append(CatalogueError(file, 0, "", problem))
        return []
    made: list[T] = []
    seen: set[str] = set()
    for number, raw in enumerate(reader, 2):
        record = {
            k: (v or "").strip() if k != "conditions" else v or "" for k, v in raw.items() if k
        }
        try:
            if raw.get(None):
                raise Problem("", "has more cells than the header; quote cells that hold commas")
            identity = record[columns[0]]
            if identity in seen:
                raise Problem(columns[0], f"{identity!r} is used twice; give each row its own id")
            value = make(record)
            if not shipped:
                check_patterns(value)
            made.append(value)
            seen.add(identity)
        except Problem as problem:
            error = UnknownNameError if isinstance(problem, UnknownName) else CatalogueError
            problems.append(error(file, number, problem.column, problem.text))
    return made


def ordered(
    signals: tuple[Signal, ...], file: str, problems: list[CatalogueError]
) -> tuple[Signal, ...]:
    """Put signals after those that their conditions name; leave out what names unknown ones."""
    known = {signal.signal_id for signal in signals}
    waiting: dict[str, tuple[Signal, set[str]]] = {}
    for signal in signals:
        needs = {i for c in signal.conditions for i in c.signal_ids}
        unknown = sorted(needs - known)
        if unknown:
            problem = f"signal {signal.signal_id} names {', '.join(unknown)}, which does not exist"
            problems.append(UnknownNameError(file, 0, "conditions", problem))
        else:
            waiting[signal.signal_id] = (signal, needs)
    ordered: list[Signal] = []
    done: set[str] = known - set(waiting)
    while waiting:
        ready = [i for i, (_, needs) in waiting.items() if needs <= done]
        if not ready:
            problem = f"signals {', '.join(sorted(waiting))} wait for each other; break the circle"
            problems.append(CatalogueError(file, 0, "conditions", problem))
            break
        for signal_id in ready:
            ordered.append(waiting.pop(signal_id)[0])
            done.add(signal_id)
    return tuple(ordered)
