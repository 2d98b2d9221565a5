"""One row of a catalogue file -> a checked root, signal or allowance."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from .events import EVENT_KINDS, Process
from .model import Allowance, Condition, Root, Signal
from .regex import Regex

ROOT_COLUMNS = (
    "root_id os process_name original_file_name path_pattern args_pattern exclude_pattern "
    "family role package_pattern note source"
).split()
SIGNAL_COLUMNS = (
    "signal_id title family os kind scope field pattern conditions min_distinct distinct_within "
    "weight group mitre_technique_id rationale source known_false_positives"
).split()
# A roots file may also have parent_pattern, which parent_process_name must match, and
# sibling_pattern, which the command line of another process of the same parent must match.
ALLOWANCE_COLUMNS = (
    "allow_id title os family scope field pattern signals reduction expires reason source"
).split()

SYSTEMS = ("windows", "macos", "linux")
ROLES = ("root", "service", "stage", "carrier")
SCOPES = ("root", "child", "descendant", "any", "tree")
ALLOWANCE_SCOPES = ("requester", "root", "process", "subtree")
TREE_FIELDS = ("process_count", "tree_depth")
PROCESS_FIELDS: tuple[str, ...] = (
    *Process._fields[1:],
    *("package", "package_source", "process_decoded", "renamed_from"),
)
EVENT_FIELDS = {
    "network": ("dest_ip", "dest_port", "dest_ip_type", "url", "app", "action"),
    "file": ("file_path", "file_name", "file_named", "action"),
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
SHOWN_CHARS = 80

Record = dict[str, str]

_SIGNAL_ID = re.compile(r"[A-Z]{3}[0-9]{3}[A-Z]?")
_CLAUSE = re.compile(
    r"(?:(?P<of>ancestor|sibling|child)\.)?(?P<field>[a-z_]+) (?P<op>!?~) (?P<regex>.+)", re.DOTALL
)
_SIGNAL_CLAUSE = re.compile(r"(?P<not>!?)(?P<of>signal|tree_signal) (?P<ids>[A-Z0-9|]+)")
_TECHNIQUE = re.compile(r"T\d{4}(?:\.\d{3})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class Problem(Exception):
    """A problem with one column, before file and row are known."""

    def __init__(self, column: str, text: str) -> None:
        super().__init__(text)
        self.column = column
        self.text = text


class UnknownName(Problem):
    """A row that names a family or a signal that is not there, as it may be elsewhere."""


def root(record: Record) -> Root:
    """Make a root of a row of the roots file.

    Raises:
        Problem: A cell cannot be used.
    """
    if not record["root_id"]:
        raise Problem("root_id", "is empty; give each row its own id")
    if not record["process_name"] and not record["original_file_name"]:
        raise Problem("process_name", "is empty, and so is original_file_name; one is needed")
    return Root(
        root_id=record["root_id"],
        os=one_of(record, "os", (*SYSTEMS, "any")),
        family=needed(record, "family").split()[0],
        serves=tuple(record["family"].split()),
        role=one_of(record, "role", ROLES),
        names=_globs(record["process_name"]),
        original_names=_globs(record["original_file_name"]),
        path_pattern=_regex(record, "path_pattern"),
        args_pattern=_regex(record, "args_pattern"),
        exclude_pattern=_regex(record, "exclude_pattern"),
        package_pattern=_regex(record, "package_pattern", groups=1),
        parent_pattern=_regex(record, "parent_pattern"),
        sibling_pattern=_regex(record, "sibling_pattern"),
    )


def signal(record: Record) -> Signal:
    """Make a signal of a row of the signals file, or of a what-if file.

    Raises:
        Problem: A cell cannot be used.
    """
    kind = one_of(record, "kind", ("process", *EVENT_KINDS))
    scope = one_of(record, "scope", SCOPES)
    pattern = _regex(record, "pattern")
    if pattern is None:
        raise Problem("pattern", "is empty; a signal needs a regular expression")
    fields: tuple[str, ...] = PROCESS_FIELDS if kind == "process" else EVENT_FIELDS[kind]
    if scope == "tree":
        fields = TREE_FIELDS
    families, bounds = _families(record)
    return Signal(
        signal_id=signal_id(record),
        title=needed(record, "title"),
        families=families,
        bounds=bounds,
        systems=_words(record, "os", SYSTEMS),
        kind=kind,
        scope=scope,
        field=one_of(record, "field", fields),
        pattern=pattern,
        conditions=_conditions(record, kind),
        min_distinct=int(number(record, "min_distinct", 1, 100, default=1)),
        distinct_within=one_of(record, "distinct_within", ("parent", "tree"), default="tree"),
        weight=number(record, "weight", 0, MAX_WEIGHT),
        group=record.get("group", ""),
        mitre_technique_id=_techniques(record),
        rationale=record.get("rationale", ""),
        source=record.get("source", ""),
        known_false_positives=record.get("known_false_positives", ""),
    )


def allowance(record: Record) -> Allowance:
    """Make an allowance of a row of the allowlist.

    Raises:
        Problem: A cell cannot be used.
    """
    pattern = _regex(record, "pattern")
    if pattern is None:
        raise Problem("pattern", "is empty; an entry needs a regular expression")
    expires = record["expires"]
    if expires and not _is_date(expires):
        raise Problem("expires", f"{expires!r} is not a date; write YYYY-MM-DD or leave it empty")
    scope = one_of(record, "scope", ALLOWANCE_SCOPES)
    field = one_of(record, "field", PROCESS_FIELDS)
    if scope == "requester" and not field.startswith("parent_"):
        of_parents = ", ".join(f for f in PROCESS_FIELDS if f.startswith("parent_"))
        remedy = f"take one of {of_parents}, or the scope root"
        raise Problem("field", f"{field!r} tells of the installer, not of who started it; {remedy}")
    return Allowance(
        allow_id=needed(record, "allow_id"),
        title=needed(record, "title"),
        systems=_words(record, "os", SYSTEMS),
        families=_words(record, "family"),
        scope=scope,
        field=field,
        pattern=pattern,
        signal_ids=frozenset() if record["signals"] == "*" else _words(record, "signals"),
        reduction=number(record, "reduction", 1, MAX_REDUCTION),
        expires=expires,
        reason=record.get("reason", ""),
    )


def _families(record: Record) -> tuple[frozenset[str], dict[str, float]]:
    """Return the families of a signal, none for `any`, and those where it weighs at most so much.

    `any script:44` stands for all families, and no more than 44 points below set-up scripts.
    """
    families, bounds = set(), {}
    for word in needed(record, "family").split():
        family, bounded, bound = word.partition(":")
        families.add(family)
        if bounded:
            if family == "any":
                raise Problem("family", f"{word!r} limits all; write that weight itself")
            bounds[family] = number({"family": bound}, "family", 0, MAX_WEIGHT)
    if "any" in families:
        return frozenset(), bounds
    return frozenset(families), bounds


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _techniques(record: Record) -> tuple[str, ...]:
    techniques = tuple(record.get("mitre_technique_id", "").split())
    for technique in techniques:
        if not _TECHNIQUE.fullmatch(technique):
            problem = f"{technique!r} is not an ATT&CK technique; write T1218 or T1218.007"
            raise Problem("mitre_technique_id", problem)
    return techniques


def _conditions(record: Record, kind: str) -> tuple[Condition, ...]:
    text = record.get("conditions", "").strip()
    return tuple(_condition(c.strip(), kind) for c in text.split(" && ")) if text else ()


def _condition(clause: str, kind: str) -> Condition:
    found = _SIGNAL_CLAUSE.fullmatch(clause)
    if found:
        return Condition(found["of"], bool(found["not"]), signal_ids=tuple(found["ids"].split("|")))
    found = _CLAUSE.fullmatch(clause)
    if not found:
        raise Problem(
            "conditions",
            f"cannot read {clause!r}; write 'FIELD ~ REGEX', 'FIELD !~ REGEX', "
            "'ancestor.FIELD ~ REGEX', 'signal ID|ID' or 'tree_signal ID', joined by ' && '",
        )
    fields = PROCESS_FIELDS
    if kind != "process" and not found["of"]:
        fields = (*EVENT_FIELDS[kind], *PROCESS_FIELDS)
    if found["field"] not in fields:
        raise Problem(
            "conditions", f"{found['field']!r} is not a field; use one of {', '.join(fields)}"
        )
    pattern = _compiled(found["regex"], "conditions")
    return Condition(found["of"] or "self", found["op"] == "!~", found["field"], pattern)


def signal_id(record: Record) -> str:
    """Return the id of a signal.

    Raises:
        Problem: A cell cannot be used.
    """
    text = record["signal_id"]
    if not _SIGNAL_ID.fullmatch(text):
        raise Problem(
            "signal_id",
            f"{text!r} is not an id; write three capitals and three digits: MSI001",
        )
    return text


def check_names(
    row: Signal | Allowance, families: frozenset[str], signal_ids: frozenset[str]
) -> None:
    """Refuse a row for families or signals that are not there: it would do nothing, unsaid.

    Args:
        row: A row of a user.
        families: The families of all roots.
        signal_ids: The ids of all signals.

    Raises:
        UnknownName: One of its names is none of these.
    """
    named = row.families | row.bounds.keys() if isinstance(row, Signal) else row.families
    unknown = sorted(named - families)
    if unknown:
        choices = ", ".join(sorted(families))
        raise UnknownName("family", f"{unknown[0]!r} is not known; use any or some of {choices}")
    unknown = sorted(row.signal_ids - signal_ids) if isinstance(row, Allowance) else []
    if unknown:
        name = unknown[0]
        remedy = "correct or remove it"
        if name.upper() in signal_ids:
            remedy = f"write {name.upper()}"
        elif not name.isalnum():
            remedy = "write ids such as MSI001, with blanks between them"
        raise UnknownName("signals", f"there is no signal {name}; {remedy}")


def _globs(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split("|") if name.strip())


def _compiled(text: str, column: str) -> Regex:
    try:
        return Regex(text)
    except re.error as error:
        raise Problem(column, f"{text!r} is not a regular expression: {error}") from None
    except OverflowError:
        problem = "repeats something more often than Python can count; limit it, as in .{0,300}"
    except RecursionError:
        problem = "is nested too deeply; simplify it"
    raise Problem(column, f"{shown(text)} {problem}")


def shown(pattern: str) -> str:
    """Return the beginning of a pattern as it is written, without Python's own escapes."""
    return f"'{pattern[:SHOWN_CHARS]}'" + (" ..." if len(pattern) > SHOWN_CHARS else "")


def _regex(record: Record, column: str, groups: int | None = None) -> Regex | None:
    text = record.get(column, "")
    if not text:
        return None
    pattern = _compiled(text, column)
    if groups is not None and pattern.groups < groups:
        raise Problem(column, f"needs a group that takes out the package; {text!r} has none")
    return pattern


def number(
    record: Record, column: str, low: float, high: float, default: float | None = None
) -> float:
    """Return a number within bounds, or the default for an empty cell.

    Raises:
        Problem: A cell cannot be used.
    """
    text = record.get(column, "")
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise Problem(column, f"{text!r} is not a number from {low:g} to {high:g}")
    return value


def needed(record: Record, column: str) -> str:
    """Return a cell that must not be empty.

    Raises:
        Problem: It is.
    """
    value = record.get(column, "")
    if not value:
        raise Problem(column, "is empty; it is needed")
    return value


def one_of(record: Record, column: str, choices: Iterable[str], default: str = "") -> str:
    """Return a cell that must hold one of some words.

    Raises:
        Problem: It holds something else.
    """
    value = record.get(column, "") or default
    if value not in choices:
        raise Problem(column, f"{value!r} is not known; use one of {', '.join(choices)}")
    return value


def _words(record: Record, column: str, choices: Iterable[str] = ()) -> frozenset[str]:
    """Return the words of a cell; `any` is the empty set, which stands for all."""
    words = frozenset(needed(record, column).split())
    if words == {"any"}:
        return frozenset()
    allowed = tuple(choices)
    unknown = sorted(words - set(allowed)) if allowed else []
    if unknown:
        raise Problem(column, f"{unknown[0]!r} is not known; use any or {', '.join(allowed)}")
    return words
