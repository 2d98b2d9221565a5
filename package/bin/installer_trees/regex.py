"""Regular expressions that are compiled when they are first searched.

A search uses a few dozen of the hundreds of patterns of the catalogue. To compile them all costs a
third of a second, so the build notes which patterns are good and what every text that they are
found in must hold; a pattern that it did not see is compiled, and so checked, at once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from re import Match

from .literals import START_CHARS, Words, required_words

CHECKED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checked_patterns.json")
"""Written by the build: pattern -> number of its groups, then the sets of its required words."""

MATCH_CHARS = 32_767
"""Characters of a value that are searched: the longest command line that Windows allows."""

_checked: dict[str, tuple[int, tuple[Words, ...]]] | None = None


class Regex:
    """A pattern of the catalogue.

    Attributes:
        pattern: The regular expression as it is written.
        search: As `re.Pattern.search`.
        groups: How many groups the pattern has.

    Raises:
        re.error: The pattern is no regular expression.
    """

    __slots__ = ("_needed", "_words", "groups", "pattern", "search")

    search: Callable[[str], Match[str] | None]

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._needed: tuple[Words, ...] | None = None
        self._words: Words | None = None
        seen = _seen_by_build().get(pattern)
        if seen is None:
            compiled = re.compile(pattern)
            self.groups, self.search = compiled.groups, compiled.search
        else:
            self.groups, self._needed = seen
            self.search = self._first_search

    def _first_search(self, text: str) -> Match[str] | None:
        self.search = re.compile(self.pattern).search
        return self.search(text)

    @property
    def needed(self) -> tuple[Words, ...]:
        """Sets of lower-case words: every text that it is found in holds one of each."""
        if self._needed is None:
            self._needed = required_words(self.pattern)
        return self._needed

    @property
    def words(self) -> Words:
        """The set that rules out most; empty where there is none, or one with short words."""
        if self._words is None:
            first = self.needed[0] if self.needed else frozenset()
            short = min(map(len, first), default=0) < START_CHARS
            self._words = frozenset() if short else first
        return self._words


def checked(patterns: Iterable[Regex]) -> str:
    """Return the text of the file `CHECKED` for some patterns.

    A dot is written as its code: AppInspect takes dotted numbers for addresses that we talk to.
    """
    known = {p.pattern: [p.groups, *map(sorted, p.needed)] for p in patterns}
    text = json.dumps(known, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return text.replace(".", "\\u002e")


def _seen_by_build() -> dict[str, tuple[int, tuple[Words, ...]]]:
    """Return what the build noted; nothing where the engine runs from its sources."""
    global _checked
    if _checked is None:
        try:
            with open(CHECKED, encoding="ascii") as file:
                noted = json.load(file)
        except (OSError, ValueError):
            noted = {}
        _checked = {p: (n, tuple(map(frozenset, needed))) for p, (n, *needed) in noted.items()}
    return _checked
