r"""Finds regular expressions that some text makes too slow to search.

Python tries every way to share a text among the repeats of an expression before it gives up. Where
a text can be shared in very many ways, one command line holds up a search for hours. Two shapes do
that: a repeat through which the same text can pass in two ways, as in `(\w+\s?)*x`, and repeats
after one another that can read the same text, as in `\s*=?\s*x`. A search begins anew at every
place of a text, which counts as a repeat in front.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, prod

from .automaton import SEARCH, Automaton, UncheckableError
from .pumps import Loop, Pump, loops, pump, widest

MAX_WORK = 300_000_000
"""Steps that an expression may take on the longest text that is searched: about a second."""
MANY = 64
"""Repeats from which on the ways to share a text are too many, whatever their number."""


def risk(pattern: str) -> str:
    """Say why a search for a pattern could take too long, or nothing if it cannot.

    Args:
        pattern: A valid regular expression.

    Returns:
        What is wrong and what to do, to be read after the pattern.
    """
    try:
        automaton = Automaton(pattern)
        work, text = max(_ambiguity(automaton), _sharing(automaton))
    except UncheckableError as error:
        return f"cannot be checked for patterns that take too long, as {error}; simplify it"
    if work <= MAX_WORK:
        return ""
    return (
        f"takes too long on a text that holds {text!r} very often, as its repeats can share that "
        "in too many ways; limit them, for example .{0,300} for .* and \\s{1,9} for \\s+, "
        "or let each begin with a character that the one before it cannot read"
    )


def anchored(pattern: str) -> bool:
    """Tell whether a pattern can only be found at the beginning of a text."""
    return not Automaton(pattern).anywhere


@dataclass(frozen=True)
class Chain:
    """Loops after one another that can share a text; the last one is where they end.

    Attributes:
        pumps: What each of them shares with the next, the search itself first.
    """

    pumps: tuple[Pump, ...] = ()

    @property
    def text(self) -> str:
        """What all of them can read."""
        return "".join(dict.fromkeys(one.text for one in self.pumps))

    @property
    def ways(self) -> float:
        """In how many ways they can share the longest text before the last one begins."""
        widths = [one.width(0) for one in self.pumps]
        for i, one in enumerate(self.pumps[:-1], 1):
            widths[i] = min(widths[i], one.width(-1))
        return prod(max(1.0, width / len(self.text)) for width in widths)


def _ambiguity(automaton: Automaton) -> tuple[float, str]:
    """Return in how many ways one text can pass one loop, and that text."""
    worst = (0.0, "")
    limits = {t for after in automaton.after.values() for ways in after.values() for t in ways}
    for least in limits:
        for loop in loops(automaton, least):
            if loop & automaton.ends:  # once passed, it is found, and no other way is tried
                continue
            twins = (min(loop), min(loop))
            found = pump(automaton, (loop, loop), twins, twins, least)
            if found:
                few, many = sorted(int(times) for times in found.times)
                ways = comb(many + min(few, MANY), min(few, MANY))
                worst = max(worst, (float(ways), found.text))
    return worst


def _sharing(automaton: Automaton) -> tuple[float, str]:
    """Return the steps that a text can cost which loops after one another share, and that text."""
    worst = (0.0, "")
    chains: dict[Loop, Chain] = {}
    for loop in loops(automaton):
        anywhere = widest(automaton, (None, loop), (SEARCH, min(loop)), None)
        best = Chain((anywhere,) if anywhere else ())
        for before, chain in chains.items():
            shared = _shared(automaton, before, loop)
            if shared:
                best = max(best, Chain((*chain.pumps, shared)), key=lambda chain: chain.ways)
        chains[loop] = best
        if not loop <= automaton.ends:
            worst = max(worst, (best.ways * _run(automaton, loop, best), best.text))
    return worst


def _run(automaton: Automaton, loop: Loop, chain: Chain) -> float:
    """Return the steps of the last loop: its characters, and after each the ways to go on."""
    if chain.pumps:
        width, places = chain.pumps[-1].width(-1), chain.pumps[-1].places
    else:
        inner = (automaton.after[p][q] for p in loop for q in automaton.after[p].keys() & loop)
        width, places = max(times for ways in inner for times in ways), loop
    exits = max(len(automaton.after[place].keys() - loop) for place in places)
    return width * max(1, exits)


def _shared(automaton: Automaton, one: Loop, other: Loop) -> Pump | None:
    """Return a text that both loops can read over and over and that leads from one to the other."""
    read_by_both = _letters(automaton, one) & _letters(automaton, other)
    if not read_by_both:
        return None
    found = (
        widest(automaton, (one, None, other), (start, start, end), (start, end, end))
        for start in sorted(one)
        if automaton.masks[start] & read_by_both
        for end in sorted(other)
        if automaton.masks[end] & automaton.masks[start]
    )
    return min(filter(None, found), key=lambda one: len(one.text), default=None)


def _letters(automaton: Automaton, loop: Loop) -> int:
    mask = 0
    for place in loop:
        mask |= automaton.masks[place]
    return mask
