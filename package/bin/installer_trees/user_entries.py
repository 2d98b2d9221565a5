"""What the configuration page puts over the shipped catalogue.

An entry is a stanza of one of the add-on's own conf files; its name is the id of a signal or of an
allowlist entry. Its `action` says what it does: `own` adds one, `change` gives a shipped one
another weight or reduction, `off` switches a shipped one off. An entry that cannot be used is left
out and named; the rest works.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from . import entries
from .catalogue import Catalogue, ordered
from .entries import ALLOWANCE_COLUMNS, MAX_REDUCTION, MAX_WEIGHT, SIGNAL_COLUMNS, Problem, Record
from .errors import CatalogueError, EntryError
from .model import Allowance, Signal
from .untrusted import check_patterns

ACTIONS = OWN, CHANGE, OFF = ("own", "change", "off")
OWN_SIGNAL = "USR"
"""What ids of users' own signals begin with; no shipped one does, so an upgrade cannot clash."""
SHIPPED_ALLOWANCE = "ALW"
PAGE_KEYS = ("action", "note", "decided_by")
"""Keys of a stanza besides the columns of the catalogue files."""

Stanzas = Mapping[str, Mapping[str, Any]]
T = TypeVar("T", Signal, Allowance)

_ALLOW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
_YES = frozenset(["1", "t", "true", "y", "yes"])


def merged(shipped: Catalogue, signals: Stanzas, allowlist: Stanzas) -> Catalogue:
    """Return the shipped catalogue as the entries of the configuration page change it.

    Args:
        shipped: The catalogue without them.
        signals: Stanzas of the signals conf file.
        allowlist: Stanzas of the allowlist conf file.

    Returns:
        A catalogue whose `problems` also name the entries that were left out.
    """
    result = Catalogue(shipped.roots, problems=list(shipped.problems))
    families = shipped.families
    known = {signal.signal_id: signal for signal in shipped.signals}
    allowed = {allowance.allow_id: allowance for allowance in shipped.allowances}

    def signal(name: str, record: Record) -> Signal:
        return _signal(name, record, known.get(name), families)

    def allowance(name: str, record: Record) -> Allowance:
        return _allowance(name, record, allowed.get(name), families, ids)

    known.update(_each("signal", signals, signal, result.problems))
    name = "signals of the configuration page"
    result.signals = ordered(tuple(known.values()), name, result.problems)
    ids = result.signal_ids
    allowed.update(_each("allowlist entry", allowlist, allowance, result.problems))
    result.allowances = tuple(allowed.values())
    return result


def _each(
    kind: str,
    stanzas: Stanzas,
    make: Callable[[str, Record], T],
    problems: list[CatalogueError],
) -> dict[str, T]:
    """Make a value of each usable stanza; those that are disabled are passed over."""
    made: dict[str, T] = {}
    for name in sorted(stanzas):
        stanza = {key: _text(value) for key, value in stanzas[name].items()}
        if stanza.get("disabled", "").lower() in _YES:
            continue
        columns = (*SIGNAL_COLUMNS, *ALLOWANCE_COLUMNS, *PAGE_KEYS)
        try:
            made[name] = make(name, {column: stanza.get(column, "") for column in columns})
        except Problem as problem:
            problems.append(EntryError(kind, name, problem.column, problem.text))
    return made


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _signal(name: str, record: Record, old: Signal | None, families: frozenset[str]) -> Signal:
    action = entries.one_of(record, "action", ACTIONS)
    if action == OWN:
        if not name.startswith(OWN_SIGNAL):
            problem = f"{name!r} may be that of a shipped signal; begin it with USR, as in USR001"
            raise Problem("name", problem)
        own = {"signal_id": name, "rationale": record["note"], "source": "configuration page"}
        made = entries.signal(_listed({**record, **own}))
        entries.check_names(made, families, frozenset())
        check_patterns(made)
        return made
    if old is None:
        raise _gone("signal")
    weight = entries.number(record, "weight", 0, MAX_WEIGHT) if action == CHANGE else 0
    return replace(old, weight=weight)


def _allowance(
    name: str,
    record: Record,
    old: Allowance | None,
    families: frozenset[str],
    signal_ids: frozenset[str],
) -> Allowance:
    action = entries.one_of(record, "action", ACTIONS)
    if action == OWN:
        if name.startswith(SHIPPED_ALLOWANCE) or not _ALLOW_ID.fullmatch(name):
            problem = (
                f"{name!r} cannot be one; write letters, digits, dots, dashes and underscores, "
                "and do not begin it with ALW, which shipped entries do"
            )
            raise Problem("name", problem)
        made = entries.allowance(_listed({**record, "allow_id": name}))
        for column in ("reason", "decided_by"):
            entries.needed(record, column)
        entries.check_names(made, families, signal_ids)
        check_patterns(made)
        return made
    if old is None:
        raise _gone("allowlist entry")
    changed = action == CHANGE
    return replace(
        old, reduction=entries.number(record, "reduction", 1, MAX_REDUCTION) if changed else 0
    )


def _listed(record: Record) -> Record:
    """Put blanks where the page puts commas between the values of a list."""
    lists = ("family", "os", "signals", "mitre_technique_id")
    return {**record, **{column: record[column].replace(",", " ") for column in lists}}


def _gone(kind: str) -> Problem:
    problem = f"no shipped {kind} has this id, or has it any more; correct it or delete the entry"
    return Problem("name", problem)
