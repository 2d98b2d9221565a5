"""`make bench`: measure, keep the figures in bench/results.json, write docs/performance.md."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import interpreters

from . import measure, report, results
from .cases import CASES, HUGE, SIZES
from .measure import Command, baseline, installerscore
from .shapes import SHAPES

REPETITIONS = 5
GETINFO_REPETITIONS = 15
OTHER_PYTHONS_ROWS = 100_000


def main() -> None:
    """Measure what was asked for, else all cases in all sizes but the largest."""
    options = _options()
    everything = not (options.rows or options.cases or options.shapes)
    if everything:
        _getinfo(options.python)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for name, rows in _plan(options):
            _case(name, rows, options.repetitions, options.python, Path(folder))
        for name in SHAPES if everything else options.shapes or ():
            _shape(name, options.python, Path(folder))
        others = map(interpreters.find, interpreters.SPLUNK_PYTHONS) if everything else ()
        for other in filter(None, others):
            _getinfo(other)
            _case("narrow", OTHER_PYTHONS_ROWS, options.repetitions, other, Path(folder))
    report.write()
    print(report.goals(results.load()))


def _plan(options: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Yield cases and sizes: all that are asked for, else up to the largest of each case."""
    if options.shapes and not options.rows and not options.cases:
        return
    for name in options.cases or CASES:
        for rows in options.rows or SIZES:
            if options.cases or rows <= CASES[name].largest or (options.rows and name == "narrow"):
                yield name, rows


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", help="sizes; also 10000000")
    parser.add_argument("--cases", nargs="+", choices=CASES, help="default: all")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, help="default: all")
    parser.add_argument("--python", default=sys.executable, help="interpreter to measure")
    parser.add_argument(
        "--repetitions", type=int, help=f"default {REPETITIONS}, and 1 from {HUGE:,} rows on"
    )
    return parser.parse_args()


def _case(name: str, rows: int, repetitions: int | None, python: str, folder: Path) -> None:
    case, path = CASES[name], folder / "stream.scp"
    if repetitions is None:
        repetitions = REPETITIONS if rows < HUGE else 1
    measure.write_stream(case.at(rows), path)
    _keep(name, rows, case.commands_at(rows), path, repetitions, python)
    path.unlink()


def _shape(name: str, python: str, folder: Path) -> None:
    """Run the command once over half of a shape and once over all of it."""
    shape, path = SHAPES[name], folder / "stream.scp"
    for size in (shape.full // 2, shape.full):
        measure.write_stream((name, size), path)
        try:
            _keep(f"shape {name}", size, [installerscore()], path, 1, python)
        except measure.CommandFailedError as error:
            print(f"{name}, {size:,}: {error}", flush=True)
            break


def _getinfo(python: str) -> None:
    commands = [
        Command("python", ("-c", "pass")),
        baseline("sdk-streaming"),
        installerscore(),
    ]
    _keep("getinfo", 0, commands, None, GETINFO_REPETITIONS, python)


def _keep(
    name: str, rows: int, commands: list[Command], path: Path | None, repetitions: int, python: str
) -> None:
    before = os.getloadavg()[0]
    costs = measure.interleaved(commands, path, repetitions, python)
    run = results.Run(
        name,
        rows,
        results.python_version(python),
        results.machine(),
        results.versions(measure.APP),
        (round(before, 1), round(os.getloadavg()[0], 1)),
        results.rounded(costs),
    )
    results.save(run)
    print(report.lines_of(run), flush=True)


if __name__ == "__main__":
    main()
