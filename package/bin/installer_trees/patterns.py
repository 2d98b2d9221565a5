r"""Finds regular expressions that some text makes too slow to search.

Python tries every way to share a text among the repeats of an expression before it gives up. Where
a text can be shared in very many ways, one command line holds up a search for hours. Two shapes do
that: a repeat through which the same text can pass in two ways, as in `(\w+\s?)*x`, and repeats
after one another that can read the same text, as in `\s*=?\s*x`. A search begins anew at every
place of a text, which counts as a repeat in front.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import comb, prod

from .automaton import SEARCH, START, SYMBOLS, UNLIMITED, Automaton, UncheckableError
from .pumps import Loop, Pump, letter, loops, pump, reached, widest

MAX_WORK = 300_000_000
"""Steps that an expression may take on the longest text that is searched: about a second."""
TRY = 3
"""Steps that it takes to try a set of characters, a letter of either case, or the end of a text."""
UNCHECKED = "cannot be checked for patterns that take too long"
MANY = 64
"""Repeats from which on the ways to share a text are too many, whatever their number."""
FIXED_CHARS = 4
"""Characters, as in `^C:\\x`, with which an anchored pattern begins before it may read any text."""
_ANY_TEXT = sum(1 << SYMBOLS.index(symbol) for symbol in "a ")


@lru_cache(maxsize=1_000)
def risk(pattern: str) -> str:
    """Say why a search for a pattern could take too long, or nothing if it cannot.

    Args:
        pattern: A valid regular expression.

    Returns:
        What is wrong and what to do, to be read after the pattern.
    """
    try:
        text = next((text for work, text in _costs(pattern) if work > MAX_WORK), None)
    except UncheckableError as error:
        return f"{UNCHECKED}, as {error}; simplify it"
    except RecursionError:
        return f"{UNCHECKED}, as it is nested too deeply; simplify it"
    if text is None:
        return ""
    return (
        f"takes too long on a text that holds {text!r} very often, as its repeats can share that "
        "in too many ways; limit them, for example .{0,300} for .* and \\s{1,9} for \\s+, "
        "or let each begin with a character that the one before it cannot read"
    )


@lru_cache(maxsize=1_000)
def anchored(pattern: str) -> bool:
    """Tell whether a pattern is found at the beginning of a text only, and says how that begins.

    It does not where a repeat that reads nearly everything comes before `FIXED_CHARS` others.
    """
    automaton = Automaton(pattern)
    if automaton.anywhere:
        return False
    places, seen = {START}, {START}
    for _ in range(FIXED_CHARS):
        places = {after for place in places for after in automaton.after.get(place, ())} - seen
        seen |= places
        looped = (place for place in places if place in automaton.after.get(place, ()))
        if any(automaton.masks[place] & _ANY_TEXT == _ANY_TEXT for place in looped):
            return False
    return True


def _costs(pattern: str) -> Iterator[tuple[float, str]]:
    """Yield the steps that texts can cost, and these texts."""
    automaton = Automaton(pattern)
    passed = _ambiguity(automaton)
    yield from passed.values()
    if automaton.has_turns:
        automaton = Automaton(pattern, by_turns=True)
        passed = _ambiguity(automaton)
    yield from _sharing(automaton, passed)


Letters = tuple[int, ...]
"""A text, as the characters of which each of its own may be one."""


@dataclass(frozen=True)
class Chain:
    """Loops after one another that can share a text; the last one is where they end.

    Each way to share what comes before their text is a way to come to it.

    Attributes:
        pumps: What each of them shares with the next, the search itself first.
        before: In how many ways earlier loops can share other texts.
        texts: What those can read.
        chars: How long these texts are in all.
    """

    pumps: tuple[Pump, ...] = ()
    before: float = 1.0
    texts: tuple[str, ...] = ()
    chars: float = 0.0

    @property
    def text(self) -> str:
        """What all of them can read."""
        own = ("".join(map(letter, word)) for word in self._words())
        return "".join(dict.fromkeys((*self.texts, *own)))

    @property
    def ways(self) -> float:
        """In how many ways they can share the longest text before the last one begins."""
        return self.before * prod(self._counts())

    def passed(self, ways: float, text: str) -> Chain:
        """Return a chain for what comes after the last one and reads another text.

        What the last one reads is then the rest of a text, so that one repeat fewer is free.

        Args:
            ways: In how many ways one text can pass the last one.
            text: That text.
        """
        counts, widths = self._counts(), self._widths()
        if counts:
            width = self.pumps[-1].width(-1)
            counts = sorted([*counts, max(1.0, width / self._chars())])[:-1]
            widths = sorted([*widths, width])[:-1]
        ways *= prod(counts)
        if ways <= 1:
            return replace(self, pumps=())
        texts = (*filter(None, (self.text, text)),)
        return Chain((), self.before * ways, texts, self.chars + sum(widths))

    @property
    def length(self) -> float:
        """How long the longest text is before the last one begins."""
        return self.chars + sum(self._widths())

    def _words(self) -> list[Letters]:
        """Return the texts that, one after another, all of them read; one does for several."""
        words: list[Letters] = []
        for one in self.pumps:
            for i, word in enumerate(words):
                both = _both(word, one.letters)
                if both:
                    words[i] = both
                    break
            else:
                words.append(one.letters)
        return words

    def _chars(self) -> int:
        return sum(map(len, self._words())) or 1

    def _widths(self) -> list[float]:
        """Return how many characters of the text each but the last one can read."""
        widths = [one.width(0) for one in self.pumps]
        for i, one in enumerate(self.pumps[:-1], 1):
            widths[i] = min(widths[i], one.width(-1))
        chars = self._chars()
        return [max(width, chars) for width in widths]

    def _counts(self) -> list[float]:
        """Return in how many places of the text each but the last one can end."""
        text = [letters for word in self._words() for letters in word]
        turns = (_turns(text, one.letters) for one in self.pumps)
        return [width * many / len(text) for width, many in zip(self._widths(), turns)]


def _turns(text: list[int], letters: Letters) -> int:
    """Return at how many places of a text, read over and over, another one can be."""
    found = 0
    for start in range(len(text)):
        found += all(text[(start + i) % len(text)] & one for i, one in enumerate(letters))
    return max(1, found)


def _both(one: Letters, other: Letters) -> Letters:
    """Return what two texts have in common where both are read over and over, or nothing."""
    length = max(len(one), len(other))
    if length % len(one) or length % len(other):
        return ()
    both = tuple(one[i % len(one)] & other[i % len(other)] for i in range(length))
    return both if all(both) else ()


Passed = dict[Loop, tuple[float, str]]
"""In how many ways one text can pass a loop, and that text."""


def _ambiguity(automaton: Automaton) -> Passed:
    """Return what can pass each loop, in the order of a text."""
    worst: Passed = dict.fromkeys(loops(automaton), (1.0, ""))
    limits = {t for after in automaton.after.values() for ways in after.values() for t in ways}
    for least in sorted(limits):
        for loop in loops(automaton, least):
            if loop & automaton.ends:  # once passed, it is found, and no other way is tried
                continue
            twins = (min(loop), min(loop))
            found = pump(automaton, (loop, loop), twins, twins, least)
            if found:
                few, many = sorted(int(times) for times in found.times)
                ways = comb(many + min(few, MANY), min(few, MANY))
                whole = next(outer for outer in worst if loop <= outer)
                worst[whole] = max(worst[whole], (float(ways), found.text))
    return worst


def _sharing(automaton: Automaton, passed: Passed) -> Iterator[tuple[float, str]]:
    """Yield the steps that a text can cost which loops after one another share, and that text."""
    chains: dict[Loop, Chain] = {}
    ahead: dict[Loop, set[int]] = {}
    for loop in passed:
        anywhere = widest(automaton, (None, loop), (SEARCH, min(loop)), None)
        best = Chain((anywhere,) if anywhere else ())
        for before, chain in chains.items():
            if loop & ahead[before]:
                shared = _shared(automaton, before, loop)
                longer = replace(chain, pumps=(*chain.pumps, shared)) if shared else best
                best = max(best, longer, chain.passed(*passed[before]), key=lambda one: one.ways)
        chains[loop] = best
        ahead[loop] = reached(automaton, loop)
        if not loop <= automaton.ends:
            yield best.ways * _run(automaton, loop, best), best.text


def _run(automaton: Automaton, loop: Loop, chain: Chain) -> float:
    """Return the steps of the last loop: its characters, and after each the ways to go on.

    Texts before its own are counted as often as all of them fit into the longest text. What
    repeats one character without a limit reads what is left, which is half of it on average; a
    repeat of several takes twice as long for each.
    """
    if chain.pumps:
        width, places = chain.pumps[-1].width(-1), chain.pumps[-1].places
        if len(loop) == 1 and width >= UNLIMITED:
            width /= 2
    else:
        inner = (automaton.after[p][q] for p in loop for q in automaton.after[p].keys() & loop)
        width, places = float(max(times for ways in inner for times in ways)), loop
    exits = max(_exits(automaton, loop, place) for place in places)
    fits = UNLIMITED / (chain.length + width) if chain.chars else 1.0
    if fits < 1:  # at least two of them have to be shorter
        fits *= fits
    return width * max(1, exits) * (fits if automaton.anywhere else min(1.0, fits))


def _exits(automaton: Automaton, loop: Loop, place: int) -> int:
    """Return the steps that it takes to try every way to leave a loop from a place of it.

    Python scans for one letter, and tries all else anew after each character.
    """
    ways = [automaton.masks[there] for there in automaton.after[place].keys() - loop]
    tried = sum(TRY if letters & (letters - 1) else 1 for letters in ways)
    return tried + TRY * (place in automaton.stops)


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
