"""Measured runs -> the tables of docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from . import ROOT, results
from .cases import CASES, PROCESSES, TREES
from .results import Run, Spread
from .shapes import SHAPES

DOC = ROOT / "docs" / "performance.md"
MILLION = 1_000_000
SDK = ("sdk-streaming", "sdk-eventing")
NAMES = {
    "python": "Python that does nothing",
    "bytes": "frames read, rows not looked at",
    "reader": "`csv.reader` alone",
    "round-trip": "csv round trip (`writerows`)",
    "sdk-streaming": "splunk-sdk, streaming, all rows back",
    "sdk-eventing": "splunk-sdk, eventing, all rows back",
    "sdk-reading": "splunk-sdk, all rows read, 100 back",
    TREES: "`installerscore`",
    PROCESSES: "`installerscore output=processes`",
}

Runs = Mapping[str, Run]
Measured = Optional[Spread]


@dataclass(frozen=True)
class Goal:
    """What was aimed at: a figure that should be at most `limit` (and at least `least`)."""

    title: str
    limit: float
    unit: str
    measured: Callable[[dict[int, Run]], Measured]
    case: str = "narrow"
    least: float = 0.0

    def line(self, runs: Runs) -> list[str]:
        """Return the goal's row of the table."""
        spread = self.measured(sizes(runs, self.case))
        aim = f"{self.limit:g}{self.unit}"
        if self.least:
            aim = f"{self.least:g} to {self.limit:g}"
        if spread is None:
            return [self.title, aim, "not measured", ""]
        reached = self.least <= spread.median <= self.limit
        return [self.title, aim, _spread(spread, self.unit), "yes" if reached else "no"]


def sizes(runs: Runs, case: str) -> dict[int, Run]:
    """Return the runs of a case by their sizes, of the Python that read the most rows."""
    main = max(runs.values(), key=lambda r: (r.case == "narrow", r.rows), default=None)
    return {r.rows: r for r in runs.values() if main and (r.case, r.python) == (case, main.python)}


def _against(*others: str) -> Callable[[dict[int, Run]], Measured]:
    """Return what gives the ratio at 1M rows to the cheapest of some commands."""

    def measured(sizes: dict[int, Run]) -> Measured:
        run = sizes.get(MILLION)
        if run is None or not run.costs.keys() >= {TREES, *others}:
            return None
        return max((run.ratio(TREES, name) for name in others), key=lambda ratio: ratio.median)

    return measured


def _memory(rows: int) -> Callable[[dict[int, Run]], Measured]:
    return lambda sizes: sizes[rows].memory(TREES) if rows in sizes else None


def _growth(sizes: dict[int, Run]) -> Measured:
    """Compare two sizes that were measured at different hours by what `csv.reader` took in each."""
    if not {MILLION, 10 * MILLION} <= set(sizes):
        return None
    large, million = (sizes[rows].ratio(TREES, "reader") for rows in (10 * MILLION, MILLION))
    return Spread(*(value / million.median for value in (large.median, large.low, large.high)))


def _all_rows_back(sizes: dict[int, Run]) -> Measured:
    return sizes[max(sizes)].ratio(PROCESSES, "round-trip") if sizes else None


def _getinfo(sizes: dict[int, Run]) -> Measured:
    return sizes[0].cpu(TREES) if sizes else None


GOALS = (
    Goal("against `csv.reader` alone", 1.0, "", _against("reader")),
    Goal("against csv round trip (`writerows`)", 0.35, "", _against("round-trip")),
    Goal("against an SDK identity command (the cheaper one)", 0.15, "", _against(*SDK)),
    Goal("against the SDK reading all rows, 100 out", 0.4, "", _against("sdk-reading")),
    Goal("peak memory, 1M rows", 150, " MiB", _memory(MILLION)),
    Goal("peak memory, 10M rows", 400, " MiB", _memory(10 * MILLION)),
    Goal("getinfo to reply, CPU of the whole process", 0.1, " s", _getinfo, "getinfo"),
    Goal(
        "cost of 10M rows against ten times that of 1M, both in `csv.reader`",
        1.1,
        "",
        _growth,
        least=0.9,
    ),
    Goal("`output=processes` of everything against csv round trip", 1.0, "", _all_rows_back, "all"),
)


def _spread(spread: Spread, unit: str = "") -> str:
    def number(value: float) -> str:
        return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

    text = f"**{number(spread.median)}{unit}**"
    low, high = number(spread.low), number(spread.high)
    return text if low == high else f"{text} ({low} to {high})"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; columns after the first are aligned to the right."""
    names = list(head)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def goals(runs: Runs) -> str:
    """Return the table of goals."""
    head = ["CPU time of the whole process at 1M rows", "goal", "measured", "reached"]
    return table(head, (goal.line(runs) for goal in GOALS))


def lines_of(run: Run) -> str:
    """Return the table of one run."""
    mine = PROCESSES if PROCESSES in run.costs else TREES
    head = ["", "CPU s", "µs a row", "peak MiB", f"{NAMES[mine]} takes"]
    rows = []
    for name in run.costs:
        cpu = run.cpu(name)
        ratio = "" if name == mine else _spread(run.ratio(mine, name)).replace("**", "") + " ×"
        each = f"{1e6 * cpu.median / run.rows:.2f}" if run.rows else ""
        digits = 3 if cpu.median < 1 else 2
        memory = f"{run.memory(name).median:.0f}"
        rows.append([NAMES[name], f"{cpu.median:.{digits}f}", each, memory, ratio])
    return f"{_title(run)}\n\n{table(head, rows)}\n"


def _title(run: Run) -> str:
    size = f"{run.rows:,} rows" if run.rows else "getinfo alone"
    low, high = sorted(run.load)
    return (
        f"**{size}**, Python {run.python}, median of {run.repetitions} "
        f"(load of the machine {low:g} to {high:g})"
    )


def tables(runs: Runs) -> str:
    """Return the tables of every case."""
    text = ""
    for name, case in CASES.items():
        found = [run for run in runs.values() if run.case == name]
        if found:
            text += f"### {case.title}\n\n"
            text += "\n".join(map(lines_of, found)) + "\n"
    return text.rstrip()


def shapes(runs: Runs) -> str:
    """Return the table of shapes: what the full size took, and against half of it."""
    rows = []
    for name, shape in SHAPES.items():
        found = sizes(runs, f"shape {name}")
        half, full = found.get(shape.full // 2), found.get(shape.full)
        size = f"{shape.full:,}" + ("" if shape.rows else " characters")
        if full and half:
            cpu, before = full.cpu(TREES).median, half.cpu(TREES).median
            memory = f"{full.memory(TREES).median:.0f}"
            rows.append([shape.title, size, f"{cpu:.1f}", memory, f"{cpu / before:.2f} ×"])
        else:
            rows.append([shape.title, size, "not measured", "", ""])
    return table(["", "size", "CPU s", "peak MiB", "against half the size"], rows)


def getinfo(runs: Runs) -> str:
    """Return the tables of getinfo."""
    return "\n".join(lines_of(run) for run in runs.values() if run.case == "getinfo").rstrip()


def machines(runs: Runs) -> str:
    """Say where the runs were made and with what."""
    places = dict.fromkeys(run.machine for run in runs.values())
    versions = dict.fromkeys(
        ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
        for run in runs.values()
    )
    return f"Machine: {'; '.join(places)}. Measured: {'; '.join(versions)}."


def generated(runs: Runs) -> dict[str, str]:
    """Return the generated parts of docs/performance.md by their names."""
    return {
        "goals": goals(runs),
        "machine": machines(runs),
        "getinfo": getinfo(runs),
        "tables": tables(runs),
        "shapes": shapes(runs),
    }


def replaced(text: str, parts: Mapping[str, str]) -> str:
    """Put generated parts between their marks.

    Raises:
        KeyError: A page has a mark that no part belongs to.
    """
    mark = re.compile(r"(<!-- generated: (\S+) -->\n).*?(\n<!-- end -->)", re.DOTALL)
    return mark.sub(lambda found: f"{found[1]}\n{parts[found[2]]}\n{found[3]}", text)


def write(doc: Path = DOC) -> None:
    """Bring docs/performance.md up to date with bench/results.json."""
    text = doc.read_text(encoding="utf-8")
    doc.write_text(replaced(text, generated(results.load())), encoding="utf-8")


if __name__ == "__main__":
    write()
