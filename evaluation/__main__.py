"""`make evaluate`: measure, print the tables, write docs/quality.md and its picture."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import ROOT, command, datasets, less_data, plot, report
from .baselines import escu, kql, sigma
from .measure import measure
from .model import UNSEEN, DataSet, EvaluationError, Findings, FoundTree, Result


def main(arguments: list[str] | None = None) -> int:
    """Run the evaluation.

    Returns:
        0, or 2 after one sentence about what the user gave.
    """
    options = _options(arguments)
    notes: list[str] = []
    results: list[Result] = []
    less: list[Result] = []
    try:
        if options.baselines and not options.baselines.is_dir():
            raise EvaluationError(f"{options.baselines} is not a folder of rules.")
        rules = options.baselines or datasets.SHARED / "baselines"
        for data in _data_sets(options.data, notes):
            trees, _ = command.trees(data.rows)
            results.append(evaluate(data, trees, rules))
            if data.part == UNSEEN or data.name == datasets.OPEN:
                less.append(less_data.measured(data, trees))
    except EvaluationError as error:
        print(error, file=sys.stderr)
        return 2
    missing = plot.draw(results, options.docs / report.PICTURE)
    notes += [missing] if missing else []
    print(report.text(results, less, notes))
    page = options.docs / "quality.md"
    page.write_text(report.markdown(results, less, notes, picture=not missing), encoding="utf-8")
    print(f"\nWritten to {page}")
    return 0


def evaluate(data: DataSet, trees: Sequence[FoundTree], rules: Path) -> Result:
    """Set the trees that the command found in a data set beside what all rules find there."""
    return measure(data, trees, [command.without_events(data.rows), *findings(data, rules)])


def findings(data: DataSet, rules: Path) -> Iterator[Findings]:
    """Yield what each set of rules finds."""
    for as_sh in (False, True):
        yield kql.find(rules, data.rows, dash_as_sh=as_sh)
    yield escu.find(rules, data.rows)
    yield sigma.find(rules, data.rows)


def _data_sets(given: Path | None, notes: list[str]) -> list[DataSet]:
    found = [datasets.given(given)] if given else []
    for data in [*datasets.own(), *datasets.shared(datasets.SHARED)]:
        if isinstance(data, str):
            notes.append(data)
        else:
            found.append(data)
    return found


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, help="a folder of labeled events to measure as well")
    parser.add_argument("--baselines", type=Path, help="a folder of rules to compare with")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
