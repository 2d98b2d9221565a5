"""The command's own answer: its trees, with the rows that are in each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional

from engine import run, shipped

from .model import Findings, FoundTree, Hit, Row
from .reading import kind

WITHOUT_EVENTS = "installerscore, process creations only"
PLACE = "evaluation_row"
"""A column that the engine hands through: the index of the row."""

View = Callable[[Row], Optional[Row]]
"""Takes something from a row, or the row as a whole."""


def creations(row: Row) -> Row | None:
    """Show process creations only."""
    return None if kind(row) else row


def without_events(rows: Sequence[Row]) -> Findings:
    """Return the trees that it finds where only process creations are sent."""
    return found_in(rows, creations, WITHOUT_EVENTS)


def found_in(rows: Sequence[Row], view: View, name: str) -> Findings:
    """Return the trees that it finds where it sees the rows another way, one hit a tree."""
    found, _ = trees(rows, view)
    hits = tuple(Hit(tree.root, tree.severity, tree.tree_id) for tree in found)
    return Findings(name, hits, ran=1, graded=True)


def trees(rows: Sequence[Row], view: View = lambda row: row) -> tuple[list[FoundTree], list[str]]:
    """Run the engine with the shipped catalogue and settings.

    Args:
        rows: The events.
        view: What it sees of a row; None where it does not see it at all.

    Returns:
        The trees, highest score first, and what the command warns of.
    """
    seen = [(number, view(row)) for number, row in enumerate(rows)]
    numbered = [{**row, PLACE: number} for number, row in seen if row is not None]
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
