"""`installerscore explain`: what a signal or an allowlist entry is, and why it is there."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from installer_trees import catalogue

from . import resources
from .errors import InputError
from .views.terminal import Screen

_SIGNAL = (
    ("Weight", "weight"),
    ("Looks at", "kind"),
    ("Scope", "scope"),
    ("Field", "field"),
    ("Pattern", "pattern"),
    ("Conditions", "conditions"),
    ("Distinct values needed", "min_distinct"),
    ("Families", "family"),
    ("Systems", "os"),
    ("Group", "group"),
    ("ATT&CK", "mitre_technique_id"),
    ("Why it matters", "rationale"),
    ("Known false positives", "known_false_positives"),
    ("Source", "source"),
)
_ALLOWANCE = (
    ("Lowers by (percent)", "reduction"),
    ("Signals", "signals"),
    ("Scope", "scope"),
    ("Field", "field"),
    ("Pattern", "pattern"),
    ("Families", "family"),
    ("Systems", "os"),
    ("Expires", "expires"),
    ("Why it is there", "reason"),
    ("Source", "source"),
)
_SHOWN = (
    "process",
    "process_path",
    "dest_ip",
    "dest_port",
    "url",
    "file_path",
    "registry_path",
    "registry_value_data",
    "service_name",
    "service_path",
)


def run(ids: Sequence[str]) -> int:
    """Show what the ids stand for; without any, list all. Return the exit code.

    Raises:
        InputError: There is no such id.
    """
    signals, allowlist = resources.rows(catalogue.SIGNALS), resources.rows(catalogue.ALLOWLIST)
    screen = Screen(sys.stdout)
    if not ids:
        _list(screen, signals)
        return 0
    known = {**signals, **allowlist}
    for one in ids:
        if one.upper() not in known:
            near = difflib.get_close_matches(one.upper(), known, 5, 0.6)
            hint = f"; near are {', '.join(near)}" if near else ""
            raise InputError(f"There is no signal {one}{hint}; installerscore explain lists all.")
    for one in ids:
        row = known[one.upper()]
        screen.title(f"{one.upper()}  {row['title']}")
        fields = _SIGNAL if one.upper() in signals else _ALLOWANCE
        screen.items(f"{label}: {row[name]}" for label, name in fields if row.get(name))
        _examples(screen, resources.examples(one.upper()))
    return 0


def _list(screen: Screen, signals: Mapping[str, Mapping[str, str]]) -> None:
    screen.table(
        [
            {
                "Signal": signal_id,
                "Weight": int(float(row["weight"])),
                "Systems": row["os"],
                "ATT&CK": row["mitre_technique_id"],
                "Title": row["title"],
            }
            for signal_id, row in signals.items()
        ],
        flexible="Title",
        optional=("Systems", "ATT&CK"),
    )


def _examples(screen: Screen, cases: Mapping[str, Any]) -> None:
    """Show one case that the signal finds, and one that it must not find."""
    for label, kind in (("It finds:", "match"), ("It does not find:", "near_miss")):
        found = next(iter(cases.get(kind, [])), None)
        if found:
            screen.paragraph(label)
            screen.items(_event(event) for event in found["events"])


def _event(event: Mapping[str, Any]) -> str:
    said = [f"{name}={event[name]}" for name in _SHOWN if event.get(name)]
    return "; ".join(said) or str(event.get("process_name", ""))
