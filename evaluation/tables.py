"""Measured numbers -> tables: cells of text, for the terminal and for Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence

from .measure import (
    COMMAND,
    at_or_above,
    false_alarms,
    graded,
    labeled,
    precision,
    recall,
    templates,
)
from .model import COUNTED, Result, Unit

Table = tuple[list[str], list[list[str]]]
GOALS = (
    ("malicious, medium or above", "malicious", "medium", 0.97),
    ("malicious, high or above", "malicious", "high", 0.85),
    ("benign, medium or above", "benign", "medium", 0.02),
    ("benign, high or above", "benign", "high", 0.0),
)


def counts(result: Result, by_template: bool = False) -> Table:
    """Return what every detector found in one data set, at or above each severity."""
    units = templates(result.units) if by_template else list(result.units)
    steps = [f"{step}+" for step in COUNTED]
    header = ["detector", *(f"malicious {steps[0]}", *steps[1:], "of")]
    header += [f"benign {steps[0]}", *steps[1:], "of"]
    if not by_template:
        header += ["silent events", "of"]
    rows = []
    for detector in _running(result):
        row = [detector]
        for group in (labeled(units, "malicious"), labeled(units, "benign")):
            known = graded([result], detector)
            row += [
                str(at_or_above(group, detector, step))
                if known or step in ("low", "medium")
                else ""
                for step in COUNTED
            ]
            row.append(str(len(group)))
        if not by_template:
            row += [str(result.broken_silence.get(detector, 0)), f"{result.silent_events:,}"]
        rows.append(row)
    return header, rows


def _running(result: Result) -> list[str]:
    """Return the command and the detectors that had a rule to run."""
    return [COMMAND] + [f.detector for f in result.findings if f.ran]


def shares(results: Sequence[Result]) -> Table:
    """Return recall, false alarms and precision with their intervals, at medium and at high.

    An install that is in several data sets (the samples hold some of the recordings) counts once.
    """
    units = distinct(results)
    header = ["detector", "at", "malicious found", "benign flagged", "precision"]
    rows = []
    for detector in dict.fromkeys(name for result in results for name in _running(result)):
        for step in ("medium", "high") if graded(results, detector) else ("medium",):
            measured = [f(units, detector, step) for f in (recall, false_alarms, precision)]
            cells = [f"{m.count}/{m.total} = {m}" if m.total else "-" for m in measured]
            rows.append([detector, f"{step}+", *cells])
    return header, rows


def distinct(results: Sequence[Result]) -> list[Unit]:
    """Return all that is counted, an install that is in several data sets from the largest only."""
    seen: dict[tuple[str, str], str] = {}
    units = []
    for result in sorted(results, key=lambda r: -len(r.data.rows)):
        for unit in result.units:
            key = unit.recording.label, unit.recording.name.rpartition("/")[2]
            if seen.setdefault(key, result.data.name) == result.data.name:
                units.append(unit)
    return units


def goals(results: Sequence[Result]) -> Table:
    """Return the goals that were set, and what each data set reaches."""
    header = ["goal", "limit", *(result.data.name for result in results)]
    rows = []
    for text, label, step, limit in GOALS:
        row = [text, f"at least {limit:.0%}" if label == "malicious" else _at_most(limit)]
        for result in results:
            group = labeled(result.units, label)
            count = at_or_above(group, COMMAND, step)
            share = count / len(group) if group else 0.0
            met = share >= limit if label == "malicious" else share <= limit
            row.append(f"{count}/{len(group)} {'met' if met else 'missed'}" if group else "-")
        rows.append(row)
    silence = ["ordinary process events drawn into a tree of medium or above", "none"]
    for result in results:
        broken = result.broken_silence[COMMAND]
        silence.append(f"{broken}/{result.silent_events} {'missed' if broken else 'met'}")
    return header, [*rows, silence]


def _at_most(limit: float) -> str:
    return f"at most {limit:.0%}" if limit else "none"


def hard_cases(results: Sequence[Result]) -> Table:
    """Return what the command says to each tree that was written for one difficulty."""
    units = [u for r in results for u in r.units if u.recording.case]
    units.sort(key=lambda u: (u.recording.case, u.recording.label, u.recording.name))
    return ["case", "tree", "what happens", "label", "score", "severity"], [
        [
            unit.recording.case,
            unit.recording.name,
            unit.recording.title,
            unit.recording.label,
            str(unit.score),
            unit.severity.get(COMMAND, "no tree"),
        ]
        for unit in units
    ]


def less_data(result: Result) -> Table:
    """Return what the command finds in all of the data, and where parts of it are taken away."""
    steps = ("medium", "high")
    header = ["data", *(f"{label} {step}+" for label in ("malicious", "benign") for step in steps)]
    rows = []
    for view in _running(result):
        row = ["everything" if view == COMMAND else view]
        for label in ("malicious", "benign"):
            group = labeled(result.units, label)
            counted = (at_or_above(group, view, step) for step in steps)
            row += [f"{count}/{len(group)}" for count in counted]
        rows.append(row)
    return header, rows


def as_text(table: Table) -> str:
    """Write a table for the terminal: columns side by side, as wide as they need to be."""
    header, rows = table
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths)).rstrip() for row in [header, *rows]]
    return "\n".join([lines[0], "  ".join("-" * w for w in widths), *lines[1:]])


def as_markdown(table: Table) -> str:
    """Write a table in Markdown."""
    header, rows = table
    lines = ["| " + " | ".join(row) + " |" for row in [header, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])
