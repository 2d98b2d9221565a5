"""How many rows a search reads as hosts and events grow: a simulation, for docs/scale.md.

    python -m bench.simulate                       # writes the generated parts of docs/scale.md
    python -m bench.simulate --hosts 50000 --installs 2 --events 3000 --window 4

Hosts differ: a few are many times busier than most (log-normal), and software is installed on some
of them much more often than on others (gamma). The window is one at the busiest time of day.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from . import ROOT, report, results
from .cases import TREES

DOC = ROOT / "docs" / "scale.md"
FLEETS = (1_000, 100_000, 1_000_000)
INSTALLS = (0.2, 1.0, 5.0)
WINDOWS = ((1, 0.5), (2, 1), (4, 1), (8, 2), (24, 4))
BUSIEST = 2.5
"""Events in the busiest eight hours, against the mean of the day."""
SPREAD_OF_ACTIVITY = 0.8
SHAPE_OF_INSTALLS = 0.5
DELAY_HOURS = 5 / 60
HOSTS_A_SUBSEARCH = 9_000
ROWS_A_SEARCH = 2_000_000
MORE_ROWS_A_SEARCH = 10_000_000
BYTES_A_ROW = 400
FITTED = (100_000, 1_000_000)


@dataclass(frozen=True)
class Fleet:
    """Hosts and how a search looks at them.

    Attributes:
        hosts: Hosts that send process creations.
        installs: Installs a host a day.
        events: Process creations a host a day.
        window: Hours that a search reads.
        busiest: Events in the window against the mean of the day.
        seed: Chooses another fleet of the same kind.
    """

    hosts: int
    installs: float = 1.0
    events: float = 2_000
    window: float = 4
    busiest: float = BUSIEST
    seed: int = 1


@dataclass(frozen=True)
class Load:
    """What one search of the busiest time of day reads.

    Attributes:
        hosts: Hosts on which an installer ran in the window.
        rows: Process creations of these hosts: what reaches the search head.
        all_rows: Process creations of all hosts: what would reach it without the first question.
        trees: Installs in the window.
    """

    hosts: int
    rows: int
    all_rows: int
    trees: int

    def parts(self, maxevents: int = ROWS_A_SEARCH) -> int:
        """Return into how many searches to split this so that none meets a limit."""
        needed = max(self.hosts / HOSTS_A_SUBSEARCH, self.rows / maxevents)
        return 1 << math.ceil(math.log2(max(1.0, needed)))


@dataclass(frozen=True)
class Cost:
    """What the command takes for a number of rows: a fixed part and a part for each row."""

    cpu: float
    cpu_a_row: float
    memory: float
    memory_a_row: float

    @classmethod
    def measured(cls, runs: report.Runs) -> Cost:
        """Return the line through the two measured sizes of `FITTED`."""
        sizes = report.sizes(runs, "narrow")
        small, large = (sizes[rows] for rows in FITTED)
        between = FITTED[1] - FITTED[0]
        cpu_a_row = (large.cpu(TREES).median - small.cpu(TREES).median) / between
        memory_a_row = (large.memory(TREES).median - small.memory(TREES).median) / between
        return cls(
            max(0.0, small.cpu(TREES).median - FITTED[0] * cpu_a_row),
            cpu_a_row,
            max(0.0, small.memory(TREES).median - FITTED[0] * memory_a_row),
            memory_a_row,
        )

    def seconds(self, rows: float) -> float:
        """Return the CPU seconds of a search."""
        return self.cpu + rows * self.cpu_a_row

    def mebibytes(self, rows: float) -> float:
        """Return the peak memory of a search."""
        return self.memory + rows * self.memory_a_row


def simulate(fleet: Fleet) -> Load:
    """Draw every host of a fleet and count what one search reads."""
    chance = random.Random(fleet.seed)
    share_of_day = fleet.window / 24 * fleet.busiest
    hosts = trees = 0
    rows = all_rows = 0.0
    mean = -(SPREAD_OF_ACTIVITY**2) / 2
    for _ in range(fleet.hosts):
        activity = chance.lognormvariate(mean, SPREAD_OF_ACTIVITY)
        installs = chance.gammavariate(SHAPE_OF_INSTALLS, 1 / SHAPE_OF_INSTALLS)
        events = fleet.events * activity * share_of_day
        all_rows += events
        expected = fleet.installs * activity * installs * share_of_day
        if chance.random() < -math.expm1(-expected):
            hosts += 1
            trees += max(1, round(expected))
            rows += events
    return Load(hosts, round(rows), round(all_rows), trees)


def fleets(cost: Cost, sizes: Iterable[int] = FLEETS) -> str:
    """Return the table of rows a search by hosts and installs."""
    head = ["hosts", "installs a host a day", "hosts with an installer", "rows a search"]
    head += ["without asking first", "parts", "CPU s a part", "MiB a part"]
    head += [f"parts with `maxevents={MORE_ROWS_A_SEARCH}`", "CPU s a part", "MiB a part"]
    lines = []
    for hosts in sizes:
        for installs in INSTALLS:
            load = simulate(Fleet(hosts, installs))
            line = [f"{hosts:,}", f"{installs:g}", f"{load.hosts:,} ({load.hosts / hosts:.0%})"]
            line += [_round(load.rows), _round(load.all_rows)]
            for maxevents in (ROWS_A_SEARCH, MORE_ROWS_A_SEARCH):
                parts = load.parts(maxevents)
                each = load.rows / parts
                line += [str(parts), f"{cost.seconds(each):.1f}", f"{cost.mebibytes(each):.0f}"]
            lines.append(line)
    return report.table(head, lines)


def windows(cost: Cost, hosts: int = 100_000) -> str:
    """Return the table of windows and schedules for one fleet."""
    head = ["window", "every", "a tree is seen whole up to", "rows a search, at most", "parts"]
    head += ["rows a day", "CPU s a day", "of one core"]
    lines = []
    for window, every in WINDOWS:
        busiest = simulate(Fleet(hosts, window=window, busiest=BUSIEST if window <= 8 else 1))
        mean, runs = simulate(Fleet(hosts, window=window, busiest=1)), 24 / every
        parts = busiest.parts()
        seconds = parts * runs * cost.seconds(mean.rows / parts)
        line = [f"{window:g} h", f"{every:g} h", f"{window - every - DELAY_HOURS:.1f} h"]
        line += [_round(busiest.rows), str(parts), _round(mean.rows * runs), _round(seconds)]
        lines.append([*line, f"{seconds / 86_400:.1%}"])
    return report.table(head, lines)


def one(fleet: Fleet, cost: Cost) -> str:
    """Say what a search of one fleet reads and takes."""
    load = simulate(fleet)
    each = load.rows / load.parts()
    return (
        f"{load.hosts:,} of {fleet.hosts:,} hosts ran an installer in {fleet.window:g} hours at "
        f"the busiest time.\n{load.rows:,} rows reach the search head ({load.all_rows:,} without "
        f"asking first), {load.rows * BYTES_A_ROW / 1e6:,.0f} MB.\nSplit into {load.parts()}: "
        f"{each:,.0f} rows, {cost.seconds(each):.1f} s of CPU and {cost.mebibytes(each):.0f} MiB "
        f"for each part.\n{load.trees:,} trees."
    )


def _round(value: float) -> str:
    """Return a number with two digits that count."""
    digits = 1 - math.floor(math.log10(max(1, abs(value))))
    return f"{round(value, digits):,.0f}"


def generated(runs: report.Runs) -> dict[str, str]:
    """Return the generated parts of docs/scale.md by their names."""
    cost = Cost.measured(runs)
    fitted = (
        f"A search takes {max(1, math.ceil(cost.cpu))} s of CPU at most to begin with, and "
        f"{cost.memory:.0f} MiB; with every million rows {1e6 * cost.cpu_a_row:.1f} s and "
        f"{1e6 * cost.memory_a_row:.0f} MiB more, on the machine of [performance](performance.md)."
    )
    return {"fitted": fitted, "fleets": fleets(cost), "windows": windows(cost)}


def write() -> None:
    """Bring docs/scale.md up to date with bench/results.json."""
    text = DOC.read_text(encoding="utf-8")
    DOC.write_text(report.replaced(text, generated(results.load())), encoding="utf-8")


def main() -> None:
    """Simulate one fleet, or write the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.simulate", description=__doc__)
    parser.add_argument("--hosts", type=int)
    for name in ("installs", "events", "window", "busiest"):
        parser.add_argument(f"--{name}", type=float)
    given = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    if given:
        fleet = replace(Fleet(FLEETS[1]), **given)
        print(one(fleet, Cost.measured(results.load())))
    else:
        write()


if __name__ == "__main__":
    main()
