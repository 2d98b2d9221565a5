"""The command's own answer: its trees, with the rows that are in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from engine import run, shipped

from .model import Findings, FoundTree, Hit, Row
from .reading import kind

WITHOUT_EVENTS = "installerscore, process creations only"
PLACE = "evaluation_row"
"""A column that the engine hands through: the index of the row."""


def without_events(rows: Sequence[Row]) -> Findings:
    """Return the trees that it finds where only process creations are sent, one hit a tree."""
    found, _ = trees(rows, only=lambda row: not kind(row))
    hits = tuple(Hit(tree.root, tree.severity, tree.tree_id) for tree in found)
    return Findings(WITHOUT_EVENTS, hits, ran=1, graded=True)


def trees(
    rows: Sequence[Row], only: Callable[[Row], bool] = lambda row: True
) -> tuple[list[FoundTree], list[str]]:
    """Run the engine with the shipped catalogue and settings.

    Args:
        rows: The events.
        only: Whether a row is sent to it at all.

    Returns:
        The trees, highest score first, and what the command warns of.
    """
    numbered = [{**row, PLACE: number} for number, row in enumerate(rows) if only(row)]
    pipeline, kept = run(numbered, shipped())
    members: dict[str, list[int]] = {}
    for row in pipeline.process_rows(kept):
        inside = members.setdefault(str(row["installer_tree_id"]), [])
        if row.get(PLACE) not in (None, ""):
            inside.append(int(str(row[PLACE])))
    found = [
        _tree(row, members.get(str(row["installer_tree_id"]), []))
        for row in pipeline.tree_rows(kept)
    ]
    messages = [f"{level}: {text}" for level, text in pipeline.messages() if level == "WARN"]
    pipeline.close()
    return [tree for tree in found if tree.members], messages


def _tree(row: dict[str, Any], members: list[int]) -> FoundTree:
    return FoundTree(
        str(row["installer_tree_id"]),
        str(row["tree_fingerprint"]),
        int(row["installer_score"]),
        str(row["installer_severity"]),
        tuple(row["signal"]),
        str(row["process"] or row["process_name"]),
        members[0] if members else -1,
        tuple(members),
    )
