"""Rule patterns out cheaply: words of which a text must hold one for a pattern to be found in it.

Looking for a word is thirty times faster than searching a regular expression, and most patterns
name a program or a switch that most command lines do not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, NamedTuple, TypeVar

try:  # Python 3.11 and later
    from re import _parser as sre_parse  # type: ignore[attr-defined]
except ImportError:
    import sre_parse

MIN_CHARS = 3
MAX_WORDS = 40
COMMON = frozenset(
    ".exe http :// http:// https:// :\\users\\ \\users\\ \\windows\\ /usr/ /bin/".split()
)

Words = frozenset[str]
T = TypeVar("T")


def required_words(pattern: str) -> Words:
    """Return lower-case words of which every text that the pattern is found in holds one.

    An empty set says nothing: then the pattern has to be searched. Words are ASCII, and the promise
    holds for ASCII texts in lower case.
    """
    try:
        words = _held(_sequence(sre_parse.parse(pattern)))
    except Exception:  # a private parser: without it, nothing is ruled out
        return frozenset()
    return words if words and len(words) <= MAX_WORDS else frozenset()


def may_match(words: Words, text: str) -> bool:
    """Tell whether a pattern with these words may be found in a lower-case ASCII text."""
    for word in words:
        if word in text:
            return True
    return not words


def shortest(words: Iterable[str]) -> Words:
    """Leave out words that hold another one."""
    kept: list[str] = []
    for word in sorted(words, key=len):
        if not any(other in word for other in kept):
            kept.append(word)
    return frozenset(kept)


class Sieve(Generic[T]):
    """Of many things that each need one of some words, finds those that a text may satisfy.

    A word is looked for only where its first letters occur, so that the work grows with the text
    and hardly with the number of things.

    Args:
        things: Each with its words; one without words is always found.
    """

    def __init__(self, things: Iterable[tuple[T, Words]]) -> None:
        self._things: list[T] = []
        self._always: list[int] = []
        self._by_start: dict[str, list[tuple[str, int]]] = {}
        for number, (thing, words) in enumerate(things):
            self._things.append(thing)
            if not words:
                self._always.append(number)
            for word in words:
                self._by_start.setdefault(word[:MIN_CHARS], []).append((word, number))
        self._starts = frozenset(self._by_start)

    def candidates(self, text: str) -> list[T]:
        """Return what a lower-case ASCII text may satisfy, in the order given."""
        found = set(self._always)
        parts = {text[i : i + MIN_CHARS] for i in range(len(text) - MIN_CHARS + 1)}
        for start in self._starts & parts:
            found.update(number for word, number in self._by_start[start] if word in text)
        return [self._things[number] for number in sorted(found)]

    def all(self) -> list[T]:
        """Return everything, for a text that words say nothing about."""
        return self._things


class _Said(NamedTuple):
    """What a part of a pattern says of a text in lower-case ASCII.

    Attributes:
        all: Everything that the part can be; empty where that is too much.
        words: Of these it holds one; empty where it says nothing, or `all` says it.
    """

    all: Words
    words: Words


_UNKNOWN = _Said(frozenset(), frozenset())
_EMPTY = _Said(frozenset([""]), frozenset())


def _sequence(parsed: Iterable[tuple[Any, Any]]) -> _Said:
    """Read a sequence: any one part that must be there will do for its words."""
    runs, best, whole, literal = _EMPTY.all, _UNKNOWN.words, True, ""
    for code, value in parsed:
        if code is sre_parse.LITERAL and value < 128:
            literal += chr(value).lower()
            continue
        said = _part(str(code), value)
        if literal:
            runs, literal = frozenset([run + literal for run in runs]), ""
        if said.all and len(runs) * len(said.all) <= MAX_WORDS:
            if said.all != _EMPTY.all:
                runs = frozenset([run + end for run in runs for end in said.all])
        else:
            best, whole = _better(best, _worthwhile(runs)), False
            runs = said.all or _EMPTY.all
        best = _better(best, said.words)
    runs = frozenset([run + literal for run in runs])
    if whole:
        return _Said(runs, best)
    return _Said(frozenset(), _better(best, _worthwhile(runs)))


def _part(code: str, value: Any) -> _Said:
    if code == "LITERAL" and value < 128:
        return _Said(frozenset([chr(value).lower()]), frozenset())
    if code in ("AT", "ASSERT_NOT"):
        return _EMPTY
    if code == "ASSERT":
        ahead = value[0] == 1
        return _Said(_EMPTY.all, _held(_sequence(value[1])) if ahead else frozenset())
    if code == "IN":
        return _Said(_any_of(_part(str(inner), char).all for inner, char in value), frozenset())
    if code in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _sequence(value[-1] if code == "SUBPATTERN" else value)
    if code == "BRANCH":
        branches = [_sequence(branch) for branch in value[1]]
        together = _any_of(branch.all for branch in branches)
        return _Said(together, frozenset() if together else _any_of(map(_held, branches)))
    if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _repeat(*value)
    return _UNKNOWN


def _repeat(low: int, high: int, parsed: Iterable[tuple[Any, Any]]) -> _Said:
    once = _sequence(parsed)
    if high == 1 and once.all:
        return once if low else _Said(once.all | _EMPTY.all, frozenset())
    return _Said(frozenset(), _held(once) if low else frozenset())


def _held(said: _Said) -> Words:
    """Return words of which one is in the part, however much is known of it."""
    return _better(said.words, _worthwhile(said.all)) if said.all else said.words


def _any_of(choices: Iterable[Words]) -> Words:
    """Return all of some choices, nothing where one of them is unknown or they are too many."""
    together: Words = frozenset()
    for choice in choices:
        together |= choice
        if not choice or len(together) > MAX_WORDS:
            return frozenset()
    return together


def _worthwhile(words: Words) -> Words:
    """Return words to look for, none where one of them is too short."""
    return shortest(words) if min(map(len, words)) >= MIN_CHARS else frozenset()


def _better(one: Words, other: Words) -> Words:
    """Return the words that rule out more: rare, long and few before common, short and many."""
    if not one or not other:
        return one or other
    return max(one, other, key=_worth)


def _worth(words: Words) -> tuple[bool, int, int]:
    return words.isdisjoint(COMMON), min(6, min(map(len, words))), -len(words)
