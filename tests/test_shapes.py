"""Shapes that break others: the work grows in step with the input, and nothing recurses.

Work is counted in bytecodes at one size and at twice that size. The full sizes are measured by
`make bench`; see docs/performance.md.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import LOOKUPS, body, shipped
from installer_trees.catalogue import ALLOWANCE_COLUMNS, SIGNAL_COLUMNS, Catalogue, load
from installer_trees.model import Settings
from installer_trees.pipeline import Kept, Pipeline
from installer_trees.render import TREE_COLUMNS
from installerscore_run import encoded

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.counted import Counter
from bench.shapes import SHAPES, Event, Shape

LINEAR = 2.3
SMALLEST = 10
DEEPEST = 200

# Every scope, on every process; then conditions of every kind, for most of which all must be
# searched because they look for nothing that is there.
SIGNALS = """
TST001,a,any,any,process,any,process,.,,,,10,,T1218,r,s,k
TST002,b,any,any,process,descendant,process_name,.,,2,parent,10,,T1218,r,s,k
TST003,c,any,any,process,child,process,.,,2,tree,10,,T1218,r,s,k
TST004,d,any,any,process,root,process,.,,,,10,g,T1218,r,s,k
TST005,e,any,any,process,tree,process_count,.,,,,10,g,T1218,r,s,k
TST006,f,any,any,file,any,file_path,.,,,,10,,T1218,r,s,k
TST011,a,any,any,process,any,process,.,ancestor.process ~ ^nothing,,,10,,T1218,r,s,k
TST012,b,any,any,process,any,process,.,sibling.process ~ ^nothing,,,10,,T1218,r,s,k
TST013,c,any,any,process,any,process,.,child.process !~ ^nothing,,,10,,T1218,r,s,k
TST014,d,any,any,process,any,process,.,signal TST013 && !signal TST012,,,10,g,T1218,r,s,k
TST015,e,any,any,process,any,process,.,tree_signal TST013,,,10,g,T1218,r,s,k
TST016,f,any,any,file,any,file_path,.,ancestor.process !~ ^nothing,,,10,,T1218,r,s,k
TST017,g,any,any,network,any,dest_ip,.,sibling.process !~ ^nothing,,,10,,T1218,r,s,k
"""
ALLOWANCES = """
TEST1,a,any,any,subtree,process,^nothing,*,10,,r,s
TEST2,b,any,any,process,process,^sh,TST001,10,,r,s
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    roots = (LOOKUPS / "installerscore_roots.csv").read_text(encoding="utf-8")
    signals = ",".join(SIGNAL_COLUMNS) + SIGNALS
    allowances = ",".join(ALLOWANCE_COLUMNS) + ALLOWANCES
    loaded = load(*(text.splitlines(True) for text in (roots, signals, allowances)))
    assert loaded.problems == []
    return loaded


def linked(catalogue: Catalogue, chunks: list[bytes]) -> tuple[Pipeline, list[Kept]]:
    pipeline = Pipeline(catalogue, Settings(maxevents=10_000_000))
    for chunk in chunks:
        pipeline.add(chunk)
    return pipeline, pipeline.trees()


def score(catalogue: Catalogue, chunks: list[bytes]) -> Iterator[bytes]:
    """Do all that a search does, once for each kind of output."""
    pipeline, kept = linked(catalogue, chunks)
    yield from encoded(TREE_COLUMNS, pipeline.tree_rows(kept))
    yield from encoded(pipeline.process_columns(), pipeline.process_rows(kept))
    pipeline.close()


def cut(events: list[Event], rows: int = 500) -> list[bytes]:
    columns = sorted({name for event in events for name in event})
    return [body(events[i : i + rows], columns) for i in range(0, len(events), rows)]


class Work:
    """What it takes to score a shape, on a stack that has no room to recurse over the input."""

    def __init__(self, catalogue: Catalogue, shape: Shape, size: int, kind: str) -> None:
        chunks = cut(list(shape.make(size)))
        counter = Counter(kind)
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_depth() + DEEPEST)
        try:
            with counter.on():
                self.written = sum(map(len, score(catalogue, chunks)))
        finally:
            sys.setrecursionlimit(limit)
        self.count = counter.count


def _depth() -> int:
    frame, depth = sys._getframe(), 1
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


@pytest.mark.parametrize("name", sorted(name for name, shape in SHAPES.items() if shape.rows))
def test_work_grows_in_step_with_the_rows(catalogue: Catalogue, name: str) -> None:
    shape = SHAPES[name]
    # The first of all runs compiles the patterns, so it is not compared.
    sizes = (SMALLEST, SMALLEST, shape.small, 2 * shape.small)
    _, fixed, once, twice = (Work(catalogue, shape, size, "bytecodes") for size in sizes)
    assert once.written > 0
    assert once.count > DEEPEST
    assert (twice.count - fixed.count) / (once.count - fixed.count) < LINEAR


@pytest.mark.parametrize("name", sorted(name for name, shape in SHAPES.items() if not shape.rows))
def test_cost_grows_in_step_with_the_length_of_a_command_line(name: str) -> None:
    """Patterns are C's work and cannot be counted: twice the length must not cost four times."""
    catalogue, shape = shipped(), SHAPES[name]
    costs = {}
    for size in (shape.small, 2 * shape.small):
        chunks, times = cut(list(shape.make(size))), []
        for _ in range(3):
            start = time.process_time()
            assert sum(map(len, score(catalogue, chunks))) > size
            times.append(time.process_time() - start)
        costs[size] = min(times)
    assert costs[2 * shape.small] / costs[shape.small] < 3


def test_memory_does_not_grow_with_what_is_written() -> None:
    peaks = []
    for size in (1_000, 4_000):
        pipeline, kept = linked(shipped(), cut(list(SHAPES["only installers"].make(size))))
        assert len(kept) == size
        tracemalloc.start()
        try:
            written = sum(
                map(len, encoded(pipeline.process_columns(), pipeline.process_rows(kept)))
            )
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert written > 100 * size
    assert peaks[1] < 1.5 * peaks[0]
