"""Texts made to make a pattern slow, and how slow they make the shipped ones.

    PYTHONPATH=tests:package/bin python tests/attacks.py [CHARACTERS]

searches every shipped pattern in the texts made for it and prints the slowest.
"""

from __future__ import annotations

import re
import sys
import time

import engine
from installer_trees.automaton import SEARCH, START, Automaton
from installer_trees.model import patterns_of
from installer_trees.patterns import _costs
from installer_trees.pumps import letter, loops, widest
from installer_trees.regex import MATCH_CHARS

SHOWN = 10


def shipped() -> dict[str, str]:
    """Return every pattern of the shipped catalogue under the id and column of its row."""
    catalogue = engine.shipped()
    rows = {
        **{root.root_id: root for root in catalogue.roots},
        **{signal.signal_id: signal for signal in catalogue.signals},
        **{allowance.allow_id: allowance for allowance in catalogue.allowances},
    }
    return {
        f"{name}-{column}-{number}": pattern.pattern
        for name, row in rows.items()
        for number, (column, pattern) in enumerate(patterns_of(row))
    }


def attacks(pattern: str, size: int) -> set[str]:
    """Return texts that go the way of each repeat of a pattern, long, and end where it cannot.

    Args:
        pattern: A regular expression.
        size: The characters of each text.
    """
    automaton = Automaton(pattern)
    way = {START: "", SEARCH: ""}
    queue = [START, SEARCH]
    for place in queue:
        for there in automaton.after.get(place, ()):
            if there not in way:
                way[there] = way[place] + letter(automaton.masks[there])
                queue.append(there)
    repeated = set()
    for loop in loops(automaton):
        place = min(loop)
        if place in way:
            repeated.add((way[place], letter(automaton.masks[place])))
            anywhere = widest(automaton, (None, loop), (SEARCH, place), None)
            if anywhere:
                shortest = "".join(map(letter, anywhere.letters))
                repeated |= {(way[place], anywhere.text), (way[place], shortest)}
    return {(head + text * size)[: size - 2] + "\n\0" for head, text in repeated}


def work(pattern: str) -> float:
    """Return the steps that a search of the longest text can take, as `risk` counts them."""
    return max((steps for steps, _ in _costs(pattern)), default=0.0)


def seconds(pattern: str, text: str) -> float:
    """Return the processor time of one search."""
    search = re.compile(pattern).search
    start = time.process_time()
    search(text)
    return time.process_time() - start


def main(size: int) -> None:
    """Print the slowest patterns and what made them so."""
    found = sorted(
        (
            (seconds(pattern, text), name, text)
            for name, pattern in shipped().items()
            for text in attacks(pattern, size)
        ),
        reverse=True,
    )
    patterns = {name for _, name, _ in found}
    print(f"{len(found):,} texts of {size:,} characters for {len(patterns):,} patterns that repeat")
    for took, name, text in found[:SHOWN]:
        print(f"{took:6.2f} s  {name:<28} {text[:60]!r}")
    print(f"{sum(took for took, _, _ in found):6.1f} s  all together")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MATCH_CHARS)
