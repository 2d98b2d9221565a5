"""The values that the stages of the evaluation hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
LABELS = ("malicious", "benign", "background")
SEVERITIES = ("informational", "low", "medium", "high", "critical")
COUNTED = SEVERITIES[1:]
"""Severities that are told apart in the tables; informational is no finding."""


class EvaluationError(Exception):
    """Something that the user can put right, said in one sentence."""


@dataclass(frozen=True)
class Recording:
    """One recorded or written course of events: an install, or anything else (`background`)."""

    name: str
    label: str
    title: str = ""
    hard: bool = False


@dataclass(frozen=True)
class DataSet:
    """Events with the recording that each belongs to.

    `tuned`: the catalogue was built with a view to these events. `secret`: only sums are shown.
    """

    name: str
    rows: tuple[Row, ...]
    recording_of: tuple[int, ...]
    recordings: tuple[Recording, ...]
    origin: str = ""
    tuned: bool = False
    secret: bool = False


@dataclass(frozen=True)
class FoundTree:
    """A tree of the command. `members` are indexes of its process rows, `root` the first."""

    tree_id: str
    fingerprint: str
    score: int
    severity: str
    signals: tuple[str, ...]
    process: str
    root: int
    members: tuple[int, ...]


@dataclass(frozen=True)
class Hit:
    """A rule that fired on a row."""

    row: int
    severity: str
    rule: str


@dataclass(frozen=True)
class Findings:
    """What one detector found in a data set, and which of its rules could not run, and why."""

    detector: str
    hits: tuple[Hit, ...] = ()
    ran: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """What is counted once: a malicious recording, a tree of a benign one.

    `severity` holds the highest severity by detector; a detector that is missing found nothing.
    """

    recording: Recording
    fingerprint: str
    score: int
    signals: tuple[str, ...]
    severity: dict[str, str] = field(default_factory=dict)
    rules: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """A data set, measured."""

    data: DataSet
    units: tuple[Unit, ...]
    silent_events: int
    broken_silence: dict[str, int]
    findings: tuple[Findings, ...]
