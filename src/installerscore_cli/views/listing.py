"""The answer on a terminal: a ranked table, the highest trees drawn, what was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from installer_trees.drawing import command_line
from installer_trees.pipeline import Kept

from ..times import shown
from . import SEVERITIES, Overview, Row, as_list
from .terminal import Screen

MOST_TREES = 25
DRAWN_TREES = 3


class Listing:
    """Collects the highest trees and shows them when all have come.

    Args:
        screen: Where to show them.
        overview: What is known of all trees.
        most: How many trees the table shows.
        drawn: How many trees are drawn.
        quiet: Whether to leave out what was read.
    """

    def __init__(
        self,
        screen: Screen,
        overview: Overview,
        most: float = MOST_TREES,
        drawn: int = DRAWN_TREES,
        quiet: bool = False,
    ) -> None:
        self.most = most
        self._screen = screen
        self._overview = overview
        self._drawn = drawn
        self._quiet = quiet
        self._rows: list[Row] = []

    def add(self, kept: Kept, row: Row) -> None:
        """Take a tree."""
        self._rows.append(row)

    def close(self) -> None:
        """Show the trees."""
        screen, overview = self._screen, self._overview
        severities = [
            f"{overview.severities[name]:,} {name}"
            for name in SEVERITIES
            if overview.severities[name]
        ]
        many = "tree" if overview.trees == 1 else "trees"
        counted = f": {', '.join(severities)}" if severities else ""
        screen.title(f"{overview.trees:,} installer {many}{counted}")
        if self._rows:
            trees(screen, self._rows)
        left_out = overview.scores[len(self._rows) :]
        if left_out:
            how = _lower(overview.scores[len(self._rows) - 1], left_out)
            screen.paragraph(f"{len(left_out):,} more with {how}; --top 0 shows all.")
        for row in self._rows[: self._drawn]:
            if row["signal"]:
                tree(screen, row)
        if not self._quiet:
            screen.title("What was read")
            screen.paragraph(overview.report.summary())
            for level, text in overview.messages:
                if level == "INFO":
                    screen.paragraph(text)


def _lower(shown: int, left_out: Sequence[int]) -> str:
    """Say how scores stand to the last one that is shown; both are the highest first."""
    if left_out[0] < shown:
        return "lower scores" if len(left_out) > 1 else "a lower score"
    return "the same score" if left_out[-1] == shown else "the same or lower scores"


def trees(screen: Screen, rows: Sequence[Row]) -> None:
    """Show trees as a table."""
    signals = 2 if screen.width < 100 else 3
    screen.table(
        [
            {
                "Score": int(row["installer_score"]),
                "Severity": row["installer_severity"],
                "Started (UTC)": shown(row["_time"]),
                "Family": row["installer_family"],
                "Host": row["dest"],
                "User": row["user"].rpartition("\\")[2],
                "Root command": command_line(row["process_name"], row["process"], folder=False),
                "Top signals": " ".join(as_list(row["signal"])[:signals]),
            }
            for row in rows
        ],
        flexible="Root command",
        optional=("User", "Severity", "Family", "Started (UTC)"),
        style="Severity",
    )


def tree(screen: Screen, row: Row) -> None:
    """Show one tree: who, when, the drawing, and the reasons."""
    screen.title(
        f"Score {row['installer_score']} ({row['installer_severity']}): {row['installer_family']} "
        f"on {row['dest']}" + (f" by {row['user']}" if row["user"] else "")
    )
    times = [text for text in (shown(row["first_time"]), shown(row["last_time"])) if text]
    if times:
        screen.paragraph(f"{' to '.join(dict.fromkeys(times))} UTC")
    screen.tree(as_list(row["tree"]))
    why(screen, row)


def why(screen: Screen, row: Row) -> None:
    """Show the reasons for a score."""
    screen.paragraph("Why (signal, points, process, matched text):")
    screen.items(as_list(row["signal_detail"]))


def health(screen: Screen, rows: Sequence[dict[str, Any]]) -> None:
    """Show how good the data of each source is."""
    if not rows:
        screen.paragraph("There are no events.")
        return
    screen.table(
        [
            {
                "Source": row["sourcetype"],
                "Rows": int(row["rows"]),
                "Hosts": int(row["hosts"]),
                "Processes": int(row["processes"]),
                "Installers": int(row["installers"]),
                "With command line %": row["process_pct"],
                "With GUID %": row["process_guid_pct"],
                "Orphans": int(row["orphans"]),
                "From (UTC)": shown(row["first_time"]),
                "To (UTC)": shown(row["last_time"]),
            }
            for row in rows
        ],
        flexible="Source",
        optional=("From (UTC)", "To (UTC)"),
    )
    for row in rows:
        screen.title(str(row["sourcetype"]))
        screen.paragraph(str(row["health"]))
