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

START_CHARS = 3
MIN_CHARS = 2
TELLING = frozenset("|;&$`^<>%+\\")
"""Signs that are worth looking for even alone: few command lines have them."""
MAX_WORDS = 40
MAX_SETS = 2
"""Sets of words that are looked at for one pattern."""
COMMON = frozenset(
    ".exe http :// http:// https:// :\\users\\ \\users\\ \\windows\\ /usr/ /bin/".split()
)

_FOLDED = str.maketrans("\u0130\u0131\u017f\u212a", "iisk")
"""Dotted and dotless I, the long s, and the sign for kelvin."""

Words = frozenset[str]
T = TypeVar("T")


def required_words(pattern: str) -> tuple[Words, ...]:
    """Return sets of lower-case words: every text that the pattern is found in holds one of each.

    The set that rules out more comes first; none at all says nothing: then the pattern has to be
    searched. Words are ASCII; the promise holds for texts as `folded` returns them.
    """
    try:
        return _held(_sequence(sre_parse.parse(pattern)))
    except Exception:  # a private parser: without it, nothing is ruled out
        return ()


def folded(text: str) -> str:
    """Return a text in lower case, of the same length, to look for words in.

    Letters beyond ASCII that a pattern takes for one of ASCII, where case does not count, are that.
    """
    return text.lower() if text.isascii() else text.translate(_FOLDED).lower()


def may_match(words: Words, text: str) -> bool:
    """Tell whether a pattern with these words may be found in a folded text."""
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
    """Of many things that need words, finds those that a text may satisfy.

    A word is looked for only where its first letters occur, so that the work grows with the text
    and hardly with the number of things. Only the few short words are looked for in every text.

    Args:
        things: Each with the sets of words of which it needs one each; without any it is always
            found.
    """

    def __init__(self, things: Iterable[tuple[T, tuple[Words, ...]]]) -> None:
        self._things: list[T] = []
        self._always: list[int] = []
        self._second: list[Words] = []
        self._by_start: dict[str, list[tuple[str, int]]] = {}
        self._short: dict[str, list[int]] = {}
        for number, (thing, needed) in enumerate(things):
            self._things.append(thing)
            self._second.append(needed[1] if len(needed) > 1 else frozenset())
            if not needed:
                self._always.append(number)
            for word in needed[0] if needed else ():
                if len(word) < START_CHARS:
                    self._short.setdefault(word, []).append(number)
                else:
                    self._by_start.setdefault(word[:START_CHARS], []).append((word, number))
        self._starts = frozenset(self._by_start)

    def candidates(self, text: str) -> list[T]:
        """Return what a folded text may satisfy, in the order given."""
        found = set(self._always)
        parts = {text[i : i + START_CHARS] for i in range(len(text) - START_CHARS + 1)}
        for start in self._starts & parts:
            found.update(number for word, number in self._by_start[start] if word in text)
        for short, numbers in self._short.items():
            if short in text:
                found.update(numbers)
        second = self._second
        return [self._things[i] for i in sorted(found) if may_match(second[i], text)]


class _Said(NamedTuple):
    """What a part of a pattern says of a folded text.

    Attributes:
        all: Everything that the part can be; empty where that is too much.
        held: Sets of words of which it holds one each, the best first; none where it says nothing,
            or `all` says it.
    """

    all: Words
    held: tuple[Words, ...]


_UNKNOWN = _Said(frozenset(), ())
_EMPTY = _Said(frozenset([""]), ())


def _sequence(parsed: Iterable[tuple[Any, Any]]) -> _Said:
    """Read a sequence: it holds what each of its parts holds."""
    runs, whole, literal = _EMPTY.all, True, ""
    held: list[Words] = []
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
            held.append(_worthwhile(runs))
            whole, runs = False, said.all or _EMPTY.all
        held += said.held
    runs = frozenset([run + literal for run in runs])
    if whole:
        return _Said(runs, _best(held))
    return _Said(frozenset(), _best([*held, _worthwhile(runs)]))


def _part(code: str, value: Any) -> _Said:
    if code == "LITERAL" and value < 128:
        return _Said(frozenset([chr(value).lower()]), ())
    if code in ("AT", "ASSERT_NOT"):
        return _EMPTY
    if code == "ASSERT":
        ahead = value[0] == 1
        return _Said(_EMPTY.all, _held(_sequence(value[1])) if ahead else ())
    if code == "IN":
        return _Said(_any_of(_part(str(inner), char).all for inner, char in value), ())
    if code in ("SUBPATTERN", "ATOMIC_GROUP"):
        return _sequence(value[-1] if code == "SUBPATTERN" else value)
    if code == "BRANCH":
        branches = [_sequence(branch) for branch in value[1]]
        together = _any_of(branch.all for branch in branches)
        return _Said(together, () if together else _held_by_all(list(map(_held, branches))))
    if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _repeat(*value)
    return _UNKNOWN


def _repeat(low: int, high: int, parsed: Iterable[tuple[Any, Any]]) -> _Said:
    once = _sequence(parsed)
    if high == 1 and once.all:
        return once if low else _Said(once.all | _EMPTY.all, ())
    return _Said(frozenset(), _held(once) if low else ())


def _held(said: _Said) -> tuple[Words, ...]:
    """Return sets of words of which one each is in the part, however much is known of it."""
    return _best([*said.held, _worthwhile(said.all)]) if said.all else said.held


def _held_by_all(branches: list[tuple[Words, ...]]) -> tuple[Words, ...]:
    """Return sets of words for a choice: of each branch its best, then its others."""
    if not all(branches):
        return ()
    width = max(map(len, branches))
    together = (_any_of(held[min(i, len(held) - 1)] for held in branches) for i in range(width))
    return _best(map(shortest, together))


def _any_of(choices: Iterable[Words]) -> Words:
    """Return all of some choices, nothing where one of them is unknown or they are too many."""
    together: Words = frozenset()
    for choice in choices:
        together |= choice
        if not choice or len(together) > MAX_WORDS:
            return frozenset()
    return together


def _worthwhile(words: Words) -> Words:
    """Return words to look for, none where one of them is too short to tell anything."""
    telling = all(len(word) >= MIN_CHARS or word in TELLING for word in words)
    return shortest(words) if telling else frozenset()


def _best(held: Iterable[Words]) -> tuple[Words, ...]:
    """Return the sets that rule out most: rare, long and few words before common, short, many."""
    return tuple(sorted({*held} - {frozenset()}, key=_worth, reverse=True)[:MAX_SETS])


def _worth(words: Words) -> tuple[bool, int, int, list[str]]:
    return words.isdisjoint(COMMON), min(6, min(map(len, words))), -len(words), sorted(words)
