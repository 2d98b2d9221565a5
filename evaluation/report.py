"""Results -> the text for the terminal and docs/quality.md."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

from . import ROOT
from .measure import COMMAND, labeled
from .model import SEVERITIES, Result, Unit
from .tables import as_markdown, as_text, counts, goals, shares

PACKAGES = ("duckdb-kql", "duckdb", "pysigma", "pysigma-backend-sqlite", "matplotlib")
PICTURE = "quality-scores.png"
SPLIT = (
    ("Data that the catalogue was built with", lambda r: r.data.tuned),
    ("Data that it was not built with", lambda r: not r.data.tuned),
)


def text(results: Sequence[Result], notes: Sequence[str]) -> str:
    """Return the report for the terminal."""
    parts = []
    for result in results:
        parts += [f"\n{_headline(result)}", as_text(counts(results, result))]
    for title, chosen in SPLIT:
        some = [result for result in results if chosen(result)]
        if some:
            parts += [f"\n{title}, by tree", as_text(shares(results, _units(some)))]
    parts += ["\nGoals, for the command", as_text(goals(results))]
    parts += ["", *_not_run(results), *notes]
    return "\n".join(parts)


def markdown(results: Sequence[Result], notes: Sequence[str], picture: bool) -> str:
    """Return docs/quality.md."""
    lines = [
        "# Detection quality",
        "",
        "<!-- Written by `make evaluate`; do not edit. What it says is in evaluation/report.py. -->",
        "",
        f"Measured on {datetime.now(timezone.utc):%Y-%m-%d} with {_versions()}.",
        "",
        INTRODUCTION,
        "",
        "## Goals, for the command",
        "",
        as_markdown(goals(results)),
        "",
    ]
    for title, chosen in SPLIT:
        some = [result for result in results if chosen(result)]
        if some:
            names = ", ".join(result.data.name for result in some)
            lines += [f"## {title}", "", f"Sets: {names}. By tree.", ""]
            lines += [as_markdown(shares(results, _units(some))), ""]
    if picture:
        lines += ["## Scores", "", f"![Scores of all trees by data set]({PICTURE})", "", BANDS, ""]
    lines += ["## Each data set", ""]
    for result in results:
        lines += [f"### {_headline(result)}", "", "By tree:", ""]
        lines += [as_markdown(counts(results, result)), "", "By template:", ""]
        lines += [as_markdown(counts(results, result, by_template=True)), ""]
        lines += [*_mistakes(result), ""]
    lines += ["## What could not run", "", *(f"- {line}" for line in [*_not_run(results), *notes])]
    return "\n".join([*lines, "", HOW_TO_READ, "", OWN_DATA, "", LIMITS, ""])


def _units(results: Sequence[Result]) -> list[Unit]:
    return [unit for result in results for unit in result.units]


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


def _not_run(results: Sequence[Result]) -> Iterator[str]:
    """Say for each detector how many rules ran, and why the others did not."""
    for found in {f.detector: f for result in results for f in result.findings}.values():
        said = f"{found.detector}: {found.ran} rules ran, {len(found.skipped)} did not"
        if found.skipped:
            reasons = Counter(reason for _, reason in found.skipped).most_common()
            said += ": " + "; ".join(f"{count} {reason}" for reason, count in reasons)
        yield said + "".join(f" ({remark})" for remark in found.remarks)


def _mistakes(result: Result) -> Iterator[str]:
    """Name what was missed and what was flagged, unless nobody is to know."""
    if result.data.secret:
        yield "Which of these trees were missed or flagged is not shown: nobody tunes to them."
        return
    alarm = SEVERITIES.index("medium")
    for label, wrong, word in (
        ("malicious", lambda place: place < alarm, "Missed"),
        ("benign", lambda place: place >= alarm, "Flagged"),
    ):
        for unit in labeled(result.units, label):
            if wrong(SEVERITIES.index(unit.severity.get(COMMAND, "informational"))):
                signals = ", ".join(unit.signals) or "no signal"
                hard = ", a hard case" if unit.recording.hard else ""
                yield f"- {word}: `{unit.recording.name}`{hard}, score {unit.score} ({signals})"


INTRODUCTION = """\
Every table sets the command beside what people use today, on the same events in the same run:
the Microsoft Sentinel rule for T1546.016, Splunk ESCU's eight msiexec searches, and SigmaHQ's rules
about installers. Small sets have wide intervals: read these first."""

BANDS = """\
Triangles are malicious recordings (the score of their best tree), dots are benign trees. The severity
bands are set where the two part in the data that the catalogue was built with: the shipped signals
that stand alone in ordinary installs add up to less than `medium`, and no benign tree with
several of them reaches `high`."""

HOW_TO_READ = """\
## How to read the tables

- A **malicious tree** is one malicious recording. The command finds it if its best tree, rooted in
  that recording, has the severity; a rule finds it by firing on *any* of the recording's events,
  inside or outside of a tree. A recording in which the command builds no tree is missed.
- A **benign tree** is one tree of a benign recording; several trees count each, a recording without a
  tree counts once. A rule flags it by firing on one of its processes or on an event they own.
- A tree belongs to the recording of its root row. **By template**: trees with one fingerprint (one
  deployment on many hosts) count once, with the highest severity that any of them got.
- `low+`, `medium+`: at that severity or above. The KQL rule and the ESCU searches have one severity
  only, which stands under medium. Sigma rules have a level each; a tree has the highest.
- **Silent events**: process events of recordings that are no install, and those of benign recordings
  outside of any tree. For the command: how many were drawn into a tree of medium or above. For the
  rules: on how many events there a rule of medium or above fired.
- Intervals are Wilson score intervals, 95%.

How the rules are run:

- Sentinel: the query verbatim through duckdb-kql. It reads the last 24 hours, so times are moved
  there. `RemoteIPType` is `Public` for all addresses outside private ranges (as for the command:
  the documentation ranges in written data stand for public ones). The rule names a column that
  Defender does not have (`AccountName` of `DeviceNetworkEvents`); here it exists. The rule looks
  for `sh`, but Debian's is `dash`: it runs once with the names as recorded, once with `dash` named
  `sh` where the command line says so.
- ESCU: the searches in their original wildcard form through the tests' reference runner, filter
  macros as shipped (`search *`), every event in range.
- Sigma: pySigma's SQLite backend, one table for each log source, Sysmon's names for CIM fields.
  A rule that reads other events (AppX logs, DNS, script blocks) cannot run here and is counted."""

OWN_DATA = """\
## Your own data

`make evaluate DATA=folder` adds the events of a folder (with all its folders) as one more data set,
`make evaluate BASELINES=folder` takes the rules of today from elsewhere: `*.kql`, `escu_*.spl` and
`sigma/*.yml`. A missing rule folder leaves the columns of the command.

Events are JSON lines (`.jsonl`) or CSV (`.csv`), also gzipped, one event a row, with CIM field names:
`_time` (epoch seconds or ISO 8601), `dest`, `user`, `process_name`, `process`, `process_path`,
`process_id`, `process_guid`, `parent_process_name`, `parent_process`, `parent_process_path`,
`parent_process_id`, `parent_process_guid`, `original_file_name`, and what network, file, registry and
service events have (`dest_ip`, `dest_port`, `file_path`, `action`, `registry_path`,
`registry_value_data`, `service_name`, `service_path`). Data-model prefixes (`Processes.dest`) are
taken off. No detector sees a column outside CIM.

A recording is what belongs together, such as one install. Its name is in a column `recording` (or
`source_file`, `source_dataset`); without one, each file is a recording, and a file whose rows have
different labels is one recording for each label and host. Labels are `malicious`, `benign` or
`background` (anything but an install), given by one of

- a column `label`; a recording is malicious if one of its rows is;
- `labels.json` in the folder: `{"recording": "malicious", ...}`, or an object for each with `label`
  and, if you like, `title` and `hard`; recordings that are not in it are background;
- `labels.csv` in the folder with the columns `recording` and `label`.

`tests/unseen/open` is an example."""

LIMITS = """\
## What this does not show

- The recorded sets are small, and the catalogue was built with a view to them. The unseen sets were
  written from public reports before the catalogue was looked at (`tests/unseen/README.md`); what the
  open part taught has gone into the catalogue since, the held-out part is reported as sums only.
- Written trees say whether documented behavior is found, not how common it is. Half of them are
  malicious; on a real network nearly all installs are benign, so precision there is lower.
- The malicious Linux installs are harmless packages that behave like malware.
- In the public Windows recordings everything that is not named in `evaluation/windows_labels.json`
  counts as ordinary, although much of it is an attack of another kind."""
