"""`make fuzz`: a million inputs, or inputs led by the code that they reach.

make fuzz COUNT=1000000              inputs of the seeds 0 to 999,999
make fuzz COUNT=1 FIRST=4513         one input again
make fuzz GUIDED=600                 ten minutes with atheris, if it is installed
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from itertools import repeat
from random import Random

from .guided import guided
from .inputs import requests

BATCH = 500
SHOWN = 10


@cache
def target():
    """The command, loaded once a process."""
    from .target import Target  # not before atheris had a chance to see what it imports

    return Target()


def batch(first: int, count: int, python: str) -> tuple[Counter[str], list[str], tuple[float, int]]:
    """Run the inputs of some seeds; return how they ended, what went wrong, and the slowest."""
    from .target import Wrong

    kinds: Counter[str] = Counter()
    wrong = []
    slowest = (0.0, first)
    for seed in range(first, first + count):
        started = time.process_time()
        try:
            kinds[target().seed(seed, python).kind] += 1
        except Wrong as error:
            wrong.append(str(error))
        slowest = max(slowest, (time.process_time() - started, seed))
    return kinds, wrong, slowest


def main() -> int:
    """Run what the command line asks for; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="protocol_fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--built", default="", metavar="PYTHON")
    parser.add_argument("--guided", type=int, default=0, metavar="SECONDS")
    options = parser.parse_args()
    if options.guided:
        guided(options.guided, [requests(Random(seed)) for seed in range(200)])
    started = time.monotonic()
    end = options.first + options.count
    firsts = range(options.first, end, BATCH)
    kinds: Counter[str] = Counter()
    wrong: list[str] = []
    slowest = (0.0, 0)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        counts = [min(BATCH, end - first) for first in firsts]
        for found, broken, slow in pool.map(batch, firsts, counts, repeat(options.built)):
            kinds += found
            wrong += broken
            slowest = max(slowest, slow)
    for text in wrong[:SHOWN]:
        print(text)
    print(
        f"{options.count:,} inputs: {kinds['rows']:,} gave rows, {kinds['messages']:,} messages "
        f"alone, {kinds['error']:,} an error, {kinds['nothing']:,} nothing to say; "
        f"{len(wrong):,} broke a promise; seed {slowest[1]} took longest, {slowest[0]:.2f} s; "
        f"{time.monotonic() - started:,.0f} s in all"
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
