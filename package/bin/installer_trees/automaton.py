"""A regular expression as an automaton: which characters may come after which, and how often.

`patterns` looks here for texts that can be split among the repeats of an expression in very many
ways. Each character of the expression is a place; a set of characters is a number with a bit for
each of `SYMBOLS`, so that two sets are compared in one step.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from .regex import MATCH_CHARS

try:  # Python 3.11 and later
    from re import _parser as sre_parse  # type: ignore[attr-defined]
except ImportError:
    import sre_parse

UNLIMITED = MATCH_CHARS
"""Repeats without an upper limit: as many as a text has characters, which is cut there."""
START, SEARCH = -1, -2
"""The beginning of the text, and any later place at which a search tries again."""
MAX_PLACES = 4_000
MAX_COPIES = 100
MAX_TURNS = 15
"""Repeats up to which turns can be told apart; two ways through each of more are too many."""
MAX_STEPS = 250_000
"""Steps that the analysis of an automaton may take: about a second."""

# Latin-1, one each of the spaces, letters, digits, dashes and others beyond, and all that is left.
SYMBOLS: tuple[str, ...] = (*map(chr, range(256)), *"\u2003\u0101\u0660\u2013\u4e00", "\uffff")
ALL = (1 << len(SYMBOLS)) - 1
OTHER = 1 << (len(SYMBOLS) - 1)
_BEYOND = tuple((i, ord(symbol)) for i, symbol in enumerate(SYMBOLS) if i > 255)

Ports = Counter[tuple[int, bool]]
"""Places from which the next one may be entered, and whether an assertion lies in between."""


class UncheckableError(Exception):
    """The expression is too large, or uses what this module does not know."""


def _bits(holds: Callable[[str], bool]) -> int:
    return sum(1 << i for i, symbol in enumerate(SYMBOLS) if holds(symbol))


def _symbol(code: int) -> int:
    if code < 256:
        return 1 << code
    return 1 << SYMBOLS.index(chr(code)) if chr(code) in SYMBOLS else OTHER


_CATEGORIES = {
    "DIGIT": _bits(str.isdecimal),
    "SPACE": _bits(str.isspace),
    "WORD": _bits(lambda symbol: symbol.isalnum() or symbol == "_"),
}
_NEWLINE = _symbol(ord("\n"))
_SWAPPED = {
    1 << i: _symbol(ord(symbol.swapcase()))
    for i, symbol in enumerate(SYMBOLS)
    if symbol.isalpha() and len(symbol.swapcase()) == 1
}


class Automaton:
    """The places of an expression and the steps between them.

    Args:
        pattern: The expression.
        by_turns: Give each turn of a repeat that may come a few times places of its own, so that
            what one turn reads in many ways counts in each of them.

    Attributes:
        masks: The characters that each place reads.
        after: Place -> next place -> for each way to step there, how often it may be taken.
        ends: Places after which the expression, or a lookahead in it, is found whatever follows.
        stops: Places after which the text may end, as at `$`.
        anywhere: Whether it can be found elsewhere than at the beginning of a text.
        has_turns: Whether `by_turns` makes a difference.

    Raises:
        UncheckableError: The expression cannot be analyzed.
        re.error: It is no regular expression.
    """

    def __init__(self, pattern: str, by_turns: bool = False) -> None:
        self.has_turns = False
        self._by_turns = by_turns
        self.masks: list[int] = []
        self.ends: set[int] = set()
        self.stops: set[int] = set()
        self._before: list[dict[int, list[int]]] = []
        self._times = 1
        self._copies = 1
        self._steps = 0
        self._token = SEARCH
        self._ends_anywhere = False
        parsed = sre_parse.parse(pattern)
        self._widths = parsed.state.groupwidths
        ports: Ports = Counter({(START, False): 1, (SEARCH, False): 1})
        last = self._sequence(parsed, ports, parsed.state.flags)
        self._end(last)
        self.after: dict[int, dict[int, list[int]]] = {}
        for place, sources in enumerate(self._before):
            for source, ways in sources.items():
                self.after.setdefault(source, {})[place] = ways
        self.anywhere = self._ends_anywhere or SEARCH in self.after or _has_search(last)

    def spend(self, steps: int) -> None:
        """Count steps of the analysis.

        Raises:
            UncheckableError: It took too many.
        """
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise UncheckableError("its repeats are too intricate")

    def _end(self, ports: Ports) -> None:
        self.ends.update(place for place, asserted in ports if not asserted)

    def _sequence(self, parsed: Iterable[Any], ports: Ports, flags: int) -> Ports:
        for code, value in parsed:
            ports = self._part(str(code), value, ports, flags)
        return ports

    def _part(self, code: str, value: Any, ports: Ports, flags: int) -> Ports:
        """Add one part of the expression; returns from where the next part is entered."""
        self.spend(1 + len(ports) + (len(value) if code == "IN" else 0))
        if code in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return self._place(_mask(code, value, flags), ports)
        if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, high, inner = value
            return self._repeat(int(low), int(high), inner, ports, flags)
        if code == "SUBPATTERN":
            _, added, removed, inner = value
            return self._sequence(inner, ports, (flags | added) & ~removed)
        if code == "BRANCH":
            branches = [self._sequence(branch, ports, flags) for branch in value[1]]
            return _joined(branches)
        if code == "AT":
            return self._anchor(str(value), ports, flags)
        if code in ("ASSERT", "ASSERT_NOT"):
            if value[0] == 1:  # what looks back has a fixed width
                self._end(self._sequence(value[1], ports, flags))
            return _asserted(ports)
        if code == "ATOMIC_GROUP":
            return self._sequence(value, ports, flags)
        if code == "GROUPREF":
            any_text = sre_parse.parse("(?s:.)")
            width = min(int(self._widths[value][1]), UNLIMITED)
            return self._repeat(0, width, any_text, ports, flags)
        raise UncheckableError(f"it uses {code}")

    def _place(self, mask: int, ports: Ports) -> Ports:
        if len(self.masks) >= MAX_PLACES:
            raise UncheckableError("it is too long")
        self.masks.append(mask)
        sources: dict[int, list[int]] = {}
        for (source, _), ways in ports.items():
            sources.setdefault(source, []).extend([UNLIMITED] * min(ways, 2))
        self._before.append(sources)
        return Counter({(len(self.masks) - 1, False): 1})

    def _anchor(self, at: str, ports: Ports, flags: int) -> Ports:
        """Nothing comes before the beginning of a text, and nothing after its end."""
        if at == "AT_BEGINNING_STRING" or (at == "AT_BEGINNING" and not flags & re.MULTILINE):
            ports = Counter({port: ways for port, ways in ports.items() if port[0] == START})
        elif at == "AT_END_STRING" or (at == "AT_END" and not flags & re.MULTILINE):
            self._ends_anywhere = self._ends_anywhere or _has_search(ports)
            self.stops.update(place for place, _ in ports)
            ports = Counter()
        return _asserted(ports)

    def _repeat(self, low: int, high: int, inner: Any, ports: Ports, flags: int) -> Ports:
        if high <= 1:
            once = self._sequence(inner, ports, flags) if high else Counter()
            return once if low else ports + once
        fixed = low == high and low * len(inner) <= MAX_COPIES
        if fixed and inner.getwidth()[0] > 0:
            for _ in range(low):
                ports = self._sequence(inner, ports, flags)
            return ports
        if high <= MAX_TURNS and len(set(inner.getwidth())) > 1:
            self.has_turns = True
            if self._by_turns and self._copies * high <= MAX_COPIES:
                return self._turns(low, high, inner, ports, flags)
        looped = self._loop(low, min(high, UNLIMITED), inner, ports, flags)
        return looped if low else ports + looped

    def _turns(self, low: int, high: int, inner: Any, ports: Ports, flags: int) -> Ports:
        """Add a part of no fixed width once for each time that it may come."""
        outer, self._copies = self._copies, self._copies * high
        passed: Ports = Counter()
        for turn in range(high):
            if turn >= low:
                passed |= ports
            ports = self._sequence(inner, ports, flags)
        self._copies = outer
        return passed | ports

    def _loop(self, low: int, high: int, inner: Any, ports: Ports, flags: int) -> Ports:
        """Add a part that may come again: what ends it leads to where it is entered.

        A part that may be empty and must come several times can be so in many ways.
        """
        self._token -= 1
        token, first, outer = self._token, len(self.masks), self._times
        times = self._times = min(UNLIMITED, outer * high)
        entry: Ports = ports + Counter({(token, False): 1})
        ends = self._sequence(inner, entry, flags)
        self._times = outer
        turned = Counter({port: ways for port, ways in ends.items() if port[0] >= first})
        empty = len(turned) < len(ends)
        for sources in self._before[first:]:
            for _ in sources.pop(token, ()):
                self.spend(len(turned))
                for (end, _), ways in turned.items():
                    many = 2 if empty and low > 1 else min(ways, 2)
                    sources.setdefault(end, []).extend([times] * many)
        return ports + turned if empty else turned


def _joined(branches: Iterable[Ports]) -> Ports:
    joined: Ports = Counter()
    for ports in branches:
        joined.update(ports)
    return joined


def _has_search(ports: Ports) -> bool:
    return any(place == SEARCH for place, _ in ports)


def _asserted(ports: Ports) -> Ports:
    passed: Ports = Counter()
    for (place, _), ways in ports.items():
        passed[place, True] += ways
    return passed


def _mask(code: str, value: Any, flags: int) -> int:
    """Return the characters that one item reads; in doubt too many."""
    if code == "ANY":
        return ALL if flags & re.DOTALL else ALL & ~_NEWLINE
    if code != "IN":
        value = [("NEGATE", None)] * (code == "NOT_LITERAL") + [("LITERAL", value)]
    mask, negated = 0, False
    for name, member in value:
        negated = negated or str(name) == "NEGATE"
        mask |= _members(str(name), member)
    if flags & re.IGNORECASE:
        mask |= sum(bit for bit in _SWAPPED if _SWAPPED[bit] & mask and not bit & mask)
    return ALL & ~mask | OTHER if negated else mask


def _members(name: str, member: Any) -> int:
    if name == "NEGATE":
        return 0
    if name == "LITERAL":
        return _symbol(member)
    if name == "RANGE":
        return _range(*member)
    kind = str(member).replace("CATEGORY_", "").replace("UNI_", "")
    known = _CATEGORIES.get(kind.replace("NOT_", ""))
    if name != "CATEGORY" or known is None:
        raise UncheckableError(f"it uses {name} {member}")
    return ALL & ~known | OTHER if kind.startswith("NOT_") else known


def _range(low: int, high: int) -> int:
    mask = OTHER if high > 255 else 0
    if low < 256:
        mask |= (2 << min(high, 255)) - (1 << low)
    return mask | sum(1 << i for i, code in _BEYOND if low <= code <= high)
