"""Rows -> what people and programs read: terminal, CSV, JSON lines, HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from installer_trees.pipeline import Kept, Message

if TYPE_CHECKING:
    from ..reading import Report

SEVERITIES = ("critical", "high", "medium", "low", "informational")

Row = dict[str, Any]


@dataclass(frozen=True)
class Overview:
    """What is known before the first tree is shown.

    Attributes:
        scores: The score of each tree, the highest first.
        severities: How many of each severity.
        report: What was read.
        messages: What the engine says of the rows, each with its level.
    """

    scores: Sequence[int]
    severities: Counter[str]
    report: Report
    messages: Sequence[Message] = ()

    @property
    def trees(self) -> int:
        """How many trees there are in all."""
        return len(self.scores)


class View(Protocol):
    """Takes trees one by one, the highest score first.

    Attributes:
        most: How many trees it takes at most.
    """

    most: float

    def add(self, kept: Kept, row: Row) -> None:
        """Take a tree and its row of `output=trees`."""

    def close(self) -> None:
        """Write what is left; called once, after the last tree."""


def as_list(value: Any) -> list[str]:
    """Return a field's values: none, one or many."""
    if isinstance(value, list):
        return value
    return [value] if value else []
