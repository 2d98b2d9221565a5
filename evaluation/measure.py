"""Trees and hits -> units that are counted, each with the severity that every detector gave it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .membership import tree_of_rows
from .model import SEVERITIES, DataSet, Findings, FoundTree, Result, Unit
from .reading import kind
from .statistics import Share, wilson

COMMAND = "installerscore"
ALARM = SEVERITIES.index("medium")


def measure(data: DataSet, trees: Sequence[FoundTree], findings: Sequence[Findings]) -> Result:
    """Count what was found in a data set.

    A malicious recording is one unit: found by the command if its best tree is, by a rule if that
    fires on any of its events. A benign recording has as many units as trees (one if it has none);
    a rule flags a tree by firing on one of its process creations or on an event they own.
    """
    owner = tree_of_rows(data.rows, trees)
    by_recording: dict[int, list[int]] = defaultdict(list)
    for number, tree in enumerate(trees):
        by_recording[data.recording_of[tree.root]].append(number)
    hits = _by_place(data, owner, findings)
    units = []
    for number, recording in enumerate(data.recordings):
        mine = sorted(by_recording[number], key=lambda t: -trees[t].score)
        if recording.label == "malicious":
            unit = _unit(data, number, trees[mine[0]] if mine else None)
            units.append(_with_hits(unit, hits["recording", number]))
        elif recording.label == "benign":
            for place in mine or [-1]:
                unit = _unit(data, number, trees[place] if mine else None)
                units.append(_with_hits(unit, hits["tree", place] if mine else {}))
    silent = _silent_rows(data, owner)
    broken = {COMMAND: _drawn_in(data, trees)}
    for found in findings:
        broken[found.detector] = len(
            {h.row for h in found.hits if SEVERITIES.index(h.severity) >= ALARM} & silent
        )
    total = sum(1 for row in silent if not kind(data.rows[row]))
    return Result(data, tuple(units), total, broken, tuple(findings))


def _unit(data: DataSet, recording: int, tree: FoundTree | None) -> Unit:
    what = data.recordings[recording]
    if tree is None:
        return Unit(what, f"none:{data.name}:{what.name}", 0, ())
    return Unit(what, tree.fingerprint, tree.score, tree.signals, {COMMAND: tree.severity})


def _with_hits(unit: Unit, hits: dict[str, dict[str, str]]) -> Unit:
    """Add what the rules said: by detector, each rule that fired with its severity."""
    severity = dict(unit.severity)
    for detector, rules in hits.items():
        severity[detector] = max(rules.values(), key=SEVERITIES.index)
    names = {detector: tuple(sorted(fired)) for detector, fired in hits.items()}
    return replace(unit, severity=severity, rules=names)


def _by_place(
    data: DataSet, owner: Sequence[int], findings: Sequence[Findings]
) -> dict[tuple[str, int], dict[str, dict[str, str]]]:
    """Return hits by recording and by tree: detector, rule, severity."""
    places: dict[tuple[str, int], dict[str, dict[str, str]]] = defaultdict(dict)
    for found in findings:
        for hit in found.hits:
            for place in (("recording", data.recording_of[hit.row]), ("tree", owner[hit.row])):
                places[place].setdefault(found.detector, {})[hit.rule] = hit.severity
    return places


def _silent_rows(data: DataSet, owner: Sequence[int]) -> set[int]:
    """Return the rows on which nothing should fire: background, and benign ones outside a tree."""
    return {
        row
        for row, recording in enumerate(data.recording_of)
        if data.recordings[recording].label == "background"
        or (data.recordings[recording].label == "benign" and owner[row] < 0)
    }


def _drawn_in(data: DataSet, trees: Sequence[FoundTree]) -> int:
    """Count process creations in an alarming tree that are background or of another recording."""
    return sum(
        1
        for tree in trees
        if SEVERITIES.index(tree.severity) >= ALARM
        for row in tree.members
        if data.recording_of[row] != data.recording_of[tree.root]
        or data.recordings[data.recording_of[row]].label == "background"
    )


def templates(units: Iterable[Unit]) -> list[Unit]:
    """Join units of one label whose trees have one fingerprint; the highest severity counts."""
    joined: dict[tuple[str, str], Unit] = {}
    for unit in units:
        key = unit.recording.label, unit.fingerprint
        before = joined.get(key)
        if before is None:
            joined[key] = unit
            continue
        severity = dict(before.severity)
        for detector, word in unit.severity.items():
            severity[detector] = max(severity.get(detector, word), word, key=SEVERITIES.index)
        best = max(before, unit, key=lambda u: u.score)
        joined[key] = replace(best, severity=severity)
    return list(joined.values())


def labeled(units: Iterable[Unit], label: str) -> list[Unit]:
    """Return the units with a label."""
    return [unit for unit in units if unit.recording.label == label]


def at_or_above(units: Iterable[Unit], detector: str, severity: str) -> int:
    """Count the units to which a detector gave at least a severity."""
    least = SEVERITIES.index(severity)
    return sum(
        1
        for unit in units
        if detector in unit.severity and SEVERITIES.index(unit.severity[detector]) >= least
    )


def recall(units: Sequence[Unit], detector: str, severity: str) -> Share:
    """Return the share of malicious units that were found."""
    bad = labeled(units, "malicious")
    return wilson(at_or_above(bad, detector, severity), len(bad))


def false_alarms(units: Sequence[Unit], detector: str, severity: str) -> Share:
    """Return the share of benign units that were flagged."""
    good = labeled(units, "benign")
    return wilson(at_or_above(good, detector, severity), len(good))


def precision(units: Sequence[Unit], detector: str, severity: str) -> Share:
    """Return the share of flagged units that are malicious."""
    right = at_or_above(labeled(units, "malicious"), detector, severity)
    return wilson(right, right + at_or_above(labeled(units, "benign"), detector, severity))


def graded(results: Iterable[Result], detector: str) -> bool:
    """Tell whether a detector tells severities apart."""
    if detector == COMMAND:
        return True
    return any(f.graded for r in results for f in r.findings if f.detector == detector)
