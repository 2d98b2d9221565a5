"""Detection knowledge: CSV rows -> checked, indexed roots, signals and allowances.

A row that cannot be used is left out and named; the rest works.
"""

from __future__ import annotations

import csv
import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from re import Pattern
from typing import Callable, TypeVar

from .errors import CatalogueError
from .literals import Words, may_match, required_words
from .model import EVENT_KINDS, Allowance, Condition, Process, Root, Signal

ROOT_COLUMNS = (
    "root_id os process_name original_file_name path_pattern args_pattern exclude_pattern "
    "family role package_pattern note source"
).split()
SIGNAL_COLUMNS = (
    "signal_id title family os kind scope field pattern conditions min_distinct distinct_within "
    "weight group mitre_technique_id rationale source known_false_positives"
).split()
# A roots file may also have parent_pattern, which parent_process_name must match.
ALLOWANCE_COLUMNS = (
    "allow_id title os family scope field pattern signals reduction expires reason source"
).split()

SYSTEMS = ("windows", "macos", "linux")
ROLES = ("root", "service", "stage")
SCOPES = ("root", "child", "descendant", "any", "tree")
ALLOWANCE_SCOPES = ("requester", "root", "process", "subtree")
TREE_FIELDS = ("process_count", "tree_depth")
PROCESS_FIELDS = (*(f for f in Process._fields if f != "time"), "package")
EVENT_FIELDS = {
    "network": ("dest_ip", "dest_port", "dest_ip_type", "url", "app", "action"),
    "file": ("file_path", "file_name", "action"),
    "registry": (
        "registry_path",
        "registry_key_name",
        "registry_value_name",
        "registry_value_data",
        "action",
    ),
    "service": ("service_name", "service_path", "start_mode", "action"),
}
MAX_WEIGHT = 95
MAX_REDUCTION = 60
CACHED_NAMES = 100_000

Record = dict[str, str]
T = TypeVar("T")

_SIGNAL_ID = re.compile(r"[A-Z]{3}[0-9]{3}[A-Z]?")
_CLAUSE = re.compile(
    r"(?:(?P<of>ancestor|sibling|child)\.)?(?P<field>[a-z_]+) (?P<op>!?~) (?P<regex>.+)", re.DOTALL
)
_SIGNAL_CLAUSE = re.compile(r"(?P<not>!?)(?P<of>signal|tree_signal) (?P<ids>[A-Z0-9|]+)")
_DATE = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])")
_ANCHOR = re.compile(r"^(?:\(\?[a-z]+\))?(?:\^|\(\?:\^)|\$$|\\\\|/")


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
    _names: list[tuple[dict[str, set[int]], list[tuple[Pattern[str], int]]]] = field(
        default_factory=list, repr=False
    )
    _by_name: dict[tuple[str, str], tuple[Root, ...]] = field(default_factory=dict, repr=False)

    def candidates(self, process_name: str, original_file_name: str = "") -> tuple[Root, ...]:
        """Return the roots whose name matches; remembered, as few names come often."""
        key = (process_name, original_file_name)
        found = self._by_name.get(key)
        if found is None:
            if not self._names:
                self._index()
            places = self._matching(0, process_name) | self._matching(1, original_file_name)
            found = tuple(self.roots[i] for i in sorted(places))
            if len(self._by_name) > CACHED_NAMES:
                self._by_name.clear()
            self._by_name[key] = found
        return found

    def gate(self, process_name: str, original_file_name: str = "") -> Words | None:
        """Return words of which the command line must hold one for `root_of` to find anything.

        An empty set says nothing; None says that no root has such a name.
        """
        candidates = self.candidates(process_name, original_file_name)
        if not candidates:
            return None
        words = [root.args_words for root in candidates]
        return frozenset().union(*words) if all(words) else frozenset()

    def _index(self) -> None:
        """Sort names without wildcards into dicts, and keep the others to be matched."""
        for column in ("names", "original_names"):
            exact: dict[str, set[int]] = defaultdict(set)
            globs: list[tuple[Pattern[str], int]] = []
            for i, root in enumerate(self.roots):
                for name in getattr(root, column):
                    if set("*?[").isdisjoint(name):
                        exact[name].add(i)
                    else:
                        globs.append((re.compile(fnmatch.translate(name), re.IGNORECASE), i))
            self._names.append((dict(exact), globs))

    def _matching(self, column: int, name: str) -> set[int]:
        exact, globs = self._names[column]
        if not name:
            return set()
        return exact.get(name.lower(), set()).union(i for p, i in globs if p.match(name))

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
        lower = process.lower() if process.isascii() else ""
        for root in candidates:
            if lower and not may_match(root.args_words, lower):
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


def load(
    roots: Iterable[str] | None = None,
    signals: Iterable[str] | None = None,
    allowlist: Iterable[str] | None = None,
    names: tuple[str, str, str] = (
        "installerscore_roots.csv",
        "installerscore_signals.csv",
        "installerscore_allowlist.csv",
    ),
) -> Catalogue:
    """Read a catalogue.

    Args:
        roots: Lines of the roots file, header first.
        signals: Lines of the signals file.
        allowlist: Lines of the allowlist file.
        names: What to call the three files in errors.

    Returns:
        The catalogue without the rows that cannot be used; those are in `problems`.
    """
    catalogue = Catalogue()
    problems = catalogue.problems
    catalogue.roots = tuple(_rows(roots, names[0], ROOT_COLUMNS, _root, problems))
    catalogue.signals = tuple(_rows(signals, names[1], SIGNAL_COLUMNS, _signal, problems))
    catalogue.signals = _ordered(catalogue.signals, names[1], problems)
    catalogue.allowances = tuple(
        _rows(allowlist, names[2], ALLOWANCE_COLUMNS, _allowance, problems)
    )
    return catalogue


def overlay(catalogue: Catalogue, signals: Iterable[str], name: str) -> Catalogue:
    """Return a catalogue in which the rows of a what-if file change signals or add some.

    A row may leave out every column but `signal_id` and `weight` for a signal that exists: then
    only the weight changes (0 switches it off).
    """
    known = {signal.signal_id: signal for signal in catalogue.signals}
    problems = list(catalogue.problems)

    def change(record: Record) -> Signal:
        signal_id = _signal_id(record)
        old = known.get(signal_id)
        if old is not None and not record.get("pattern"):
            weight = _number(record, "weight", 0, MAX_WEIGHT)
            return Signal(**{**old.__dict__, "weight": weight})
        return _signal(record)

    for signal in _rows(signals, name, ["signal_id", "weight"], change, problems):
        known[signal.signal_id] = signal
    result = Catalogue(catalogue.roots, (), catalogue.allowances, problems)
    result.signals = _ordered(tuple(known.values()), name, problems)
    return result


def _rows(
    lines: Iterable[str] | None,
    file: str,
    columns: list[str],
    make: Callable[[Record], T],
    problems: list[CatalogueError],
) -> list[T]:
    """Make a value of each usable row; ids must be unique in the file."""
    if lines is None:
        return []
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
                raise _Problem("", "has more cells than the header; quote cells that hold commas")
            identity = record[columns[0]]
            if identity in seen:
                raise _Problem(columns[0], f"{identity!r} is used twice; give each row its own id")
            made.append(make(record))
            seen.add(identity)
        except _Problem as problem:
            problems.append(CatalogueError(file, number, problem.column, problem.text))
    return made


class _Problem(Exception):
    """A problem with one column, before file and row are known."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.column = column
        self.text = text


def _root(record: Record) -> Root:
    if not record["root_id"]:
        raise _Problem("root_id", "is empty; give each row its own id")
    if not record["process_name"] and not record["original_file_name"]:
        raise _Problem("process_name", "is empty, and so is original_file_name; one is needed")
    args_pattern = _regex(record, "args_pattern")
    return Root(
        root_id=record["root_id"],
        os=_one_of(record, "os", (*SYSTEMS, "any")),
        family=_needed(record, "family").split()[0],
        serves=tuple(record["family"].split()),
        role=_one_of(record, "role", ROLES),
        names=_globs(record["process_name"]),
        original_names=_globs(record["original_file_name"]),
        path_pattern=_regex(record, "path_pattern"),
        args_pattern=args_pattern,
        args_words=required_words(args_pattern) if args_pattern else frozenset(),
        exclude_pattern=_regex(record, "exclude_pattern"),
        package_pattern=_regex(record, "package_pattern", groups=1),
        parent_pattern=_regex(record, "parent_pattern"),
    )


def _signal(record: Record) -> Signal:
    kind = _one_of(record, "kind", ("process", *EVENT_KINDS))
    scope = _one_of(record, "scope", SCOPES)
    pattern = _regex(record, "pattern")
    if pattern is None:
        raise _Problem("pattern", "is empty; a signal needs a regular expression")
    fields: tuple[str, ...] = PROCESS_FIELDS if kind == "process" else EVENT_FIELDS[kind]
    if scope == "tree":
        fields = TREE_FIELDS
    return Signal(
        signal_id=_signal_id(record),
        title=_needed(record, "title"),
        families=_words(record, "family"),
        systems=_words(record, "os", SYSTEMS),
        kind=kind,
        scope=scope,
        field=_one_of(record, "field", fields),
        pattern=pattern,
        conditions=_conditions(record, kind),
        min_distinct=int(_number(record, "min_distinct", 1, 100, default=1)),
        distinct_within=_one_of(record, "distinct_within", ("parent", "tree"), default="tree"),
        weight=_number(record, "weight", 0, MAX_WEIGHT),
        group=record.get("group", ""),
        mitre_technique_id=tuple(record.get("mitre_technique_id", "").split()),
        rationale=record.get("rationale", ""),
        source=record.get("source", ""),
        known_false_positives=record.get("known_false_positives", ""),
    )


def _allowance(record: Record) -> Allowance:
    pattern = _regex(record, "pattern")
    if pattern is None or not _ANCHOR.search(record["pattern"]):
        raise _Problem(
            "pattern",
            "is not anchored, so a substring could hide an attack; start it with ^, "
            "end it with $, or name a folder",
        )
    expires = record["expires"]
    if expires and not _DATE.fullmatch(expires):
        raise _Problem("expires", f"{expires!r} is not a date; write YYYY-MM-DD or leave it empty")
    return Allowance(
        allow_id=_needed(record, "allow_id"),
        title=_needed(record, "title"),
        systems=_words(record, "os", SYSTEMS),
        families=_words(record, "family"),
        scope=_one_of(record, "scope", ALLOWANCE_SCOPES),
        field=_one_of(record, "field", PROCESS_FIELDS),
        pattern=pattern,
        signal_ids=frozenset() if record["signals"] == "*" else _words(record, "signals"),
        reduction=_number(record, "reduction", 1, MAX_REDUCTION),
        expires=expires,
        reason=record.get("reason", ""),
    )


def _conditions(record: Record, kind: str) -> tuple[Condition, ...]:
    text = record.get("conditions", "").strip()
    return tuple(_condition(c.strip(), kind) for c in text.split(" && ")) if text else ()


def _condition(clause: str, kind: str) -> Condition:
    found = _SIGNAL_CLAUSE.fullmatch(clause)
    if found:
        return Condition(found["of"], bool(found["not"]), signal_ids=tuple(found["ids"].split("|")))
    found = _CLAUSE.fullmatch(clause)
    if not found:
        raise _Problem(
            "conditions",
            f"cannot read {clause!r}; write 'FIELD ~ REGEX', 'FIELD !~ REGEX', "
            "'ancestor.FIELD ~ REGEX', 'signal ID|ID' or 'tree_signal ID', joined by ' && '",
        )
    fields = PROCESS_FIELDS
    if kind != "process" and not found["of"]:
        fields = (*EVENT_FIELDS[kind], *PROCESS_FIELDS)
    if found["field"] not in fields:
        raise _Problem(
            "conditions", f"{found['field']!r} is not a field; use one of {', '.join(fields)}"
        )
    pattern = _compiled(found["regex"], "conditions")
    return Condition(found["of"] or "self", found["op"] == "!~", found["field"], pattern)


def _ordered(
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
            problems.append(CatalogueError(file, 0, "conditions", problem))
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


def _signal_id(record: Record) -> str:
    signal_id = record["signal_id"]
    if not _SIGNAL_ID.fullmatch(signal_id):
        raise _Problem(
            "signal_id",
            f"{signal_id!r} is not an id; write three capitals and three digits: MSI001",
        )
    return signal_id


def _globs(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split("|") if name.strip())


def _compiled(text: str, column: str) -> Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise _Problem(column, f"{text!r} is not a regular expression: {error}") from None


def _regex(record: Record, column: str, groups: int | None = None) -> Pattern[str] | None:
    text = record.get(column, "")
    if not text:
        return None
    pattern = _compiled(text, column)
    if groups is not None and pattern.groups < groups:
        raise _Problem(column, f"needs a group that takes out the package; {text!r} has none")
    return pattern


def _number(
    record: Record, column: str, low: float, high: float, default: float | None = None
) -> float:
    text = record.get(column, "")
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise _Problem(column, f"{text!r} is not a number from {low:g} to {high:g}")
    return value


def _needed(record: Record, column: str) -> str:
    value = record.get(column, "")
    if not value:
        raise _Problem(column, "is empty; it is needed")
    return value


def _one_of(record: Record, column: str, choices: Iterable[str], default: str = "") -> str:
    value = record.get(column, "") or default
    if value not in choices:
        raise _Problem(column, f"{value!r} is not known; use one of {', '.join(choices)}")
    return value


def _words(record: Record, column: str, choices: Iterable[str] = ()) -> frozenset[str]:
    """Return the words of a cell; `any` is the empty set, which stands for all."""
    words = frozenset(_needed(record, column).split())
    if words == {"any"}:
        return frozenset()
    allowed = tuple(choices)
    unknown = sorted(words - set(allowed)) if allowed else []
    if unknown:
        raise _Problem(column, f"{unknown[0]!r} is not known; use any or {', '.join(allowed)}")
    return words
