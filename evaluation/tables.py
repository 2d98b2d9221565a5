"""Measured numbers -> tables: cells of text, for the terminal and for Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence

from .measure import (
    COMMAND,
    at_or_above,
    detectors,
    false_alarms,
    has_severities,
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


def counts(results: Sequence[Result], result: Result, by_template: bool = False) -> Table:
    """Return what every detector found in one data set, at or above each severity."""
    units = templates(result.units) if by_template else list(result.units)
    bad, good = labeled(units, "malicious"), labeled(units, "benign")
    header = ["detector"]
    header += [f"malicious {step}+" for step in COUNTED] + [f"benign {step}+" for step in COUNTED]
    rows = []
    for detector in _in(result):
        row = [detector]
        for group in (bad, good):
            graded = has_severities(results, detector)
            row += [
                f"{at_or_above(group, detector, step)}/{len(group)}"
                if graded or step == "medium"
                else ""
                for step in COUNTED
            ]
        rows.append(row)
    if not by_template:
        header.append("silent events")
        for row in rows:
            broken = result.broken_silence.get(row[0], 0)
            row.append(f"{broken}/{result.silent_events}")
    return header, rows


def _in(result: Result) -> list[str]:
    """Return the detectors of a result that had a rule to run."""
    return [COMMAND] + [f.detector for f in result.findings if f.ran]


def shares(results: Sequence[Result], units: Sequence[Unit]) -> Table:
    """Return recall, false alarms and precision with their intervals, at medium and at high."""
    header = ["detector", "at", "malicious found", "benign flagged", "precision"]
    rows = []
    running = {name for result in results for name in _in(result)}
    for detector in detectors(results):
        if detector not in running:
            continue
        for step in ("medium", "high") if has_severities(results, detector) else ("medium",):
            rows.append(
                [
                    detector,
                    f"{step}+",
                    *(
                        f"{share.count}/{share.total} = {share}" if share.total else "-"
                        for share in (
                            recall(units, detector, step),
                            false_alarms(units, detector, step),
                            precision(units, detector, step),
                        )
                    ),
                ]
            )
    return header, rows


def goals(results: Sequence[Result]) -> Table:
    """Return the goals that were set, and what each data set reaches."""
    header = ["goal", "", *(result.data.name for result in results)]
    rows = []
    for text, label, step, limit in GOALS:
        row = [text, f"at least {limit:.0%}" if label == "malicious" else f"at most {limit:.0%}"]
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
