"""chart and timechart: a row for each bin or value, a column for each series."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lark import Token, Tree

from .aggregating import aggregates, compute
from .matching import Row, number, text, values_of
from .parse import parse, text_of
from .pipeline import Command

if TYPE_CHECKING:
    from .runner import Run

BINS = 100
SPANS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 86400)
SERIES = 10


def chart(command: Command, rows: list[Row]) -> list[Row]:
    """Run `chart count over field by field`: a row a value, sorted by it."""
    tree = parse(command, "chart")
    over, by = _names(tree)
    keys = sorted({v for row in rows for v in values_of(row.get(over))})
    table = {key: [row for row in rows if key in values_of(row.get(over))] for key in keys}
    return [
        {over: key, **cells} for key, cells in zip(keys, _cells(tree, command, by, table.values()))
    ]


def timechart(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `timechart count by field` over the run's time range, in at most 100 bins."""
    tree = parse(command, "timechart")
    (by,) = _names(tree)
    span = next((s for s in SPANS if (run.latest - run.earliest) / s <= BINS), SPANS[-1])
    start = run.earliest - run.earliest % span
    bins: dict[float, list[Row]] = {}
    while start < run.latest:
        bins[start] = []
        start += span
    for row in rows:
        moment = number(row.get("_time"))
        if moment is not None and moment - moment % span in bins:
            bins[moment - moment % span].append(row)
    cells = _cells(tree, command, by, bins.values())
    return [{"_time": t, **c, "_span": span} for t, c in zip(bins, cells)]


def _names(tree: Tree[Token]) -> list[str]:
    return [text_of(c) for c in tree.children if isinstance(c, Token)]


def _cells(tree: Tree[Token], command: Command, by: str, groups: Iterable[list[Row]]) -> list[Row]:
    """Return a cell for each series of each group; a missing count is zero."""
    (wanted,) = aggregates(tree, command)
    grouped = list(groups)
    series = sorted({text(v) for rows in grouped for row in rows for v in values_of(row.get(by))})
    if len(series) > SERIES:
        raise command.error(f"more than {SERIES} series would be put together as OTHER")
    empty = {"count": 0}.get(wanted.function)
    return [
        {
            name: compute([wanted], [r for r in rows if name in values_of(r.get(by))]).get(
                wanted.name, empty
            )
            for name in series
        }
        for rows in grouped
    ]
