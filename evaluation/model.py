"""The values that the stages of the evaluation hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]
LABELS = ("malicious", "benign", "background")
SEVERITIES = ("informational", "low", "medium", "high", "critical")
COUNTED = SEVERITIES[1:]
"""Severities that are told apart in the tables; informational is no finding."""


BUILT_WITH = "the catalogue was built with it"
LOOKED_AT = "written before the catalogue was looked at; its misses were explained since"
HELD_OUT = "held out: sums only, nobody tunes to it"
UNSEEN = "given by the user"
PARTS = (UNSEEN, HELD_OUT, LOOKED_AT, BUILT_WITH)
"""What a data set had to do with the catalogue, the least first."""


class EvaluationError(Exception):
    """Something that the user can put right, said in one sentence."""


@dataclass(frozen=True)
class Recording:
    """One recorded or written course of events: an install, or anything else (`background`).

    `hard`: it looks like the other label. `case`: the difficulty that it was written for.
    """

    name: str
    label: str
    title: str = ""
    hard: bool = False
    case: str = ""


@dataclass(frozen=True)
class DataSet:
    """Events with the recording that each belongs to, and what part they had in the catalogue."""

    name: str
    rows: tuple[Row, ...]
    recording_of: tuple[int, ...]
    recordings: tuple[Recording, ...]
    origin: str = ""
    part: str = UNSEEN


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
    """What one detector found in a data set, and which of its rules could not run, and why.

    `graded`: its findings differ in severity; else all have the one that it was given here.
    """

    detector: str
    hits: tuple[Hit, ...] = ()
    ran: int = 0
    skipped: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    graded: bool = False


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
