"""The streams that `make bench` measures, and with which commands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .generate import Stream
from .measure import Command, baseline, installerscore

TREES = "installerscore trees"
PROCESSES = "installerscore processes"
BASELINES = "bytes reader round-trip sdk-streaming sdk-eventing sdk-reading".split()
SIZES = (20_000, 100_000, 1_000_000)
HUGE = 5_000_000
"""From here on only what the goals need is measured: splunk-sdk would take many minutes a run."""


@dataclass(frozen=True)
class Case:
    """A kind of stream.

    Attributes:
        title: Heads its table.
        stream: What is generated; the number of rows is set for each size.
        commands: What reads it.
        largest: The largest size that is measured unless it is asked for by name.
    """

    title: str
    stream: Stream
    commands: tuple[Command, ...]
    largest: int = SIZES[-1]

    def at(self, rows: int) -> Stream:
        """Return the stream of a size."""
        return replace(self.stream, rows=rows)

    def commands_at(self, rows: int) -> list[Command]:
        """Return the commands that a stream of this size is measured with."""
        return [c for c in self.commands if rows < HUGE or not c.name.startswith("sdk-")]


def _commands(*names: str) -> tuple[Command, ...]:
    return tuple(
        installerscore(name.split()[1]) if name.startswith("installerscore") else baseline(name)
        for name in names
    )


CASES = {
    "narrow": Case(
        "Rows of 15 columns and their `__mv_` twins, 2% of them under installers",
        Stream(0),
        _commands(*BASELINES, TREES),
    ),
    "wide": Case(
        "Rows of 60 columns and `_raw`, with twins, 2% of them under installers",
        Stream(0, wide=True),
        _commands(*BASELINES, TREES),
    ),
    "all": Case(
        "Every row under an installer; `output=processes` returns all of them",
        Stream(0, share=1.0),
        _commands("reader", "round-trip", TREES, PROCESSES),
        largest=100_000,
    ),
    "no-guids": Case(
        "As the first, from a source that has process ids but no GUIDs",
        Stream(0, guids=False),
        _commands("reader", "round-trip", TREES),
        largest=100_000,
    ),
    "small-chunks": Case(
        "As the first, in chunks of 5,000 rows",
        Stream(0, chunk=5_000),
        _commands("reader", "round-trip", TREES),
        largest=100_000,
    ),
}
