"""Results -> the text for the terminal and docs/quality.md."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from installer_trees.model import Settings

from . import ROOT, first_sight
from .command import WITHOUT_EVENTS
from .measure import COMMAND, labeled
from .model import BUILT_WITH, HELD_OUT, PARTS, SEVERITIES, Result
from .tables import as_markdown, as_text, counts, distinct, goals, hard_cases, less_data, shares

PACKAGES = ("duckdb-kql", "duckdb", "pysigma", "pysigma-backend-sqlite", "matplotlib")
PICTURE = "quality-scores.png"
NOTES = Path(__file__).with_name("notes.md")


def text(results: Sequence[Result], less: Sequence[Result], notes: Sequence[str]) -> str:
    """Return the report for the terminal.

    Args:
        results: What was measured, by data set.
        less: What was measured with parts of the data taken away.
        notes: What could not be measured.
    """
    parts = []
    for result in results:
        parts += [f"\n{_headline(result)}", as_text(counts(result))]
    for part, some in _parts(results):
        names = "; ".join(result.data.name for result in some)
        parts += [f"\n{names} ({part}), by tree", as_text(shares(some))]
    for result in less:
        parts += [f"\n{result.data.name}, with less data, for the command"]
        parts += [as_text(less_data(result))]
    parts += ["\nGoals, for the command", as_text(goals(results)), ""]
    return "\n".join([*parts, *_not_run(results), *notes])


def markdown(
    results: Sequence[Result], less: Sequence[Result], notes: Sequence[str], picture: bool
) -> str:
    """Return docs/quality.md; the arguments are those of `text`, and whether there is a picture."""
    lines = [
        "# Detection quality",
        "",
        "<!-- Written by `make evaluate` from evaluation/report.py and evaluation/notes.md. -->",
        "",
        f"Measured on {datetime.now(timezone.utc):%Y-%m-%d} with {_versions()}.",
        "",
        INTRODUCTION,
        "",
        "## Goals, for the command",
        "",
        as_markdown(goals(results)),
        "",
        "## Recall, false alarms, precision",
        "",
    ]
    for part, some in _parts(results):
        names = "; ".join(f"*{result.data.name}*" for result in some)
        lines += [f"{names} ({part}), by tree:", "", as_markdown(shares(some)), ""]
    if picture:
        lines += ["## Scores", "", f"![Scores of all trees by data set]({PICTURE})", ""]
        lines += [_bands(results), ""]
    lines += first_sight.lines()
    if less:
        lines += ["## With less data", "", LESS_DATA, ""]
    for result in less:
        lines += [f"*{result.data.name}*:", "", as_markdown(less_data(result)), ""]
    lines += ["## Hard cases", "", as_markdown(hard_cases(results)), "", "## Each data set", ""]
    for result in results:
        lines += [f"### {result.data.name}", "", f"{_headline(result)}.", "", "By tree:", ""]
        lines += [as_markdown(counts(result)), "", "By template:", ""]
        lines += [as_markdown(counts(result, by_template=True)), "", *_mistakes(result), ""]
    lines += ["## What could not run", "", *(f"- {line}" for line in [*_not_run(results), *notes])]
    return "\n".join([*lines, "", NOTES.read_text(encoding="utf-8")])


def _parts(results: Sequence[Result]) -> Iterator[tuple[str, list[Result]]]:
    for part in PARTS:
        some = [result for result in results if result.data.part == part]
        if some:
            yield part, some


def _headline(result: Result) -> str:
    units = result.units
    bad, good = len(labeled(units, "malicious")), len(labeled(units, "benign"))
    about = f" ({result.data.origin})" if result.data.origin else ""
    return (
        f"{result.data.name}{about}: {len(result.data.rows):,} events, {bad} malicious and "
        f"{good} benign trees, {result.silent_events:,} process events that must stay silent"
    )


def _versions() -> str:
    manifest = json.loads((ROOT / "package" / "app.manifest").read_text(encoding="utf-8"))
    own = manifest["info"]["id"]
    parts = [f"{own['name']} {own['version']}", f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(parts)


def _bands(results: Sequence[Result]) -> str:
    """Say how the severity bands lie to the scores that were measured."""
    built = distinct([result for result in results if result.data.part == BUILT_WITH])
    good = sorted(u.score for u in labeled(built, "benign"))
    bad = sorted(u.score for u in labeled(built, "malicious"))
    settings = Settings()
    return BANDS.format(
        low=settings.severity_low,
        medium=settings.severity_medium,
        high=settings.severity_high,
        critical=settings.severity_critical,
        silent=f"{sum(1 for s in good if s < settings.severity_low)} of {len(good)}",
        highest=good[-1] if good else "-",
        found=f"{sum(1 for s in bad if s >= settings.severity_high)} of {len(bad)}",
        median=bad[len(bad) // 2] if bad else "-",
    )


def _not_run(results: Sequence[Result]) -> Iterator[str]:
    """Say for each detector how many rules ran, and why the others did not."""
    every = (f for result in results for f in result.findings if f.detector != WITHOUT_EVENTS)
    for found in {f.detector: f for f in every}.values():
        rules = "rule" if found.ran == 1 else "rules"
        said = f"{found.detector}: {found.ran} {rules} ran, {len(found.skipped)} did not"
        if found.skipped:
            reasons = Counter(reason for _, reason in found.skipped).most_common()
            said += ": " + "; ".join(f"{reason} ({count})" for reason, count in reasons)
        yield said + "".join(f" ({remark})" for remark in found.remarks)


def _mistakes(result: Result) -> Iterator[str]:
    """Name what was missed and what was flagged, unless nobody is to know."""
    if result.data.part == HELD_OUT:
        yield "Which of these trees were missed or flagged is not shown: nobody tunes to them."
        return
    alarm = SEVERITIES.index("medium")
    for unit in result.units:
        alarming = SEVERITIES.index(unit.severity.get(COMMAND, "informational")) >= alarm
        if alarming != (unit.recording.label == "malicious"):
            word = "Flagged" if alarming else "Missed"
            hard = ", a hard case" if unit.recording.hard else ""
            signals = ", ".join(unit.signals) or "no signal"
            yield f"- {word}: `{unit.recording.name}`{hard}, score {unit.score} ({signals})"


INTRODUCTION = """\
Every table sets the command beside what people use today, on the same events in the same run:
the Microsoft Sentinel rule for T1546.016, Splunk ESCU's eight msiexec searches, and SigmaHQ's rules
about installers. Small sets have wide intervals: read these first."""

LESS_DATA = """\
What the command still finds where the source tells less: the same trees, each with a part of the
data taken away. `output=health` says which of these parts your own sources lack. Event 4688 has
no GUIDs, no original names and no command lines of parents; whether it has command lines at all is
a policy of Windows."""

BANDS = """\
Triangles are malicious recordings (the score of their best tree), dots are benign trees.

The severity bands follow the scores of the data that the catalogue was built with. `low` begins at
{low}: {silent} benign trees stay below it, the others are installs that do something unusual
(the highest scores {highest}). `medium` at {medium} leaves room above those, since it is where work
begins for an analyst. `high` at {high} takes a strong signal and something beside it: {found}
malicious recordings reach it. `critical` at {critical} takes independent strong signs (the median
malicious recording scores {median})."""
