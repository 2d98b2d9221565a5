"""Words that rule a pattern out must never rule out a match."""

from __future__ import annotations

import json
import re
import string
import sys

import pytest
from engine import CASES, shipped
from hypothesis import given
from hypothesis import strategies as st
from installer_trees.literals import Sieve, Words, folded, may_match, required_words

CATALOGUE = shipped()
TEXTS = sorted(
    {
        value
        for path in CASES.glob("*.json")
        for kind in ("match", "near_miss")
        for case in json.loads(path.read_text(encoding="utf-8"))[kind]
        for event in case["events"]
        for value in event.values()
        if isinstance(value, str)
    }
)


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("powershell", [{"powershell"}]),
        ("(?i)PowerShell", [{"powershell"}]),
        (r"(?i)^(?:cmd|bash)\.exe$", [{"cmd.exe", "bash.exe"}]),
        (r"\.(?:docx?|pdf)\s{0,9}\.exe", [{".doc", ".pdf"}, {".exe"}]),
        (
            r"https?://(?:x\.)?host",
            [{"http://host", "https://host", "http://x.host", "https://x.host"}],
        ),
        (r"(?:tar|zip)?ball", [{"ball"}]),
        (r"certutil\s+-urlcache", [{"-urlcache"}, {"certutil"}]),
        (r"(?=.*hidden)(?=.*bypass)", [{"hidden"}, {"bypass"}]),
        (r"curl\b.*(?:-d|--form)", [{"curl"}, {"-d", "--form"}]),
        (r"(?:wget){2,3}", [{"wget"}]),
        (r"(?:wget)?x", []),
        (r"(?!evil)abcdef", [{"abcdef"}]),
        (r"\d{3,}", []),
        (r"a|powershell", []),
        (r"\bnc\b|powershell", [{"nc", "powershell"}]),
        (r"(?:nc\s.*-e)|powershell", [{"-e", "powershell"}, {"nc", "powershell"}]),
        (r"(?:[a-z]\^){4}", [{"^"}]),
        (r"[a-z]x", []),
        (r"\s[/\-\u2013]quiet", [{"quiet"}]),
        (r"(?i)[\u017fs]h", []),
        (r"[pP]ower", [{"power"}]),
    ],
)
def test_words(pattern: str, needed: list[set[str]]) -> None:
    assert sorted(map(sorted, required_words(pattern))) == sorted(map(sorted, needed))


def test_shipped_patterns_are_never_ruled_out_where_they_match() -> None:
    found = 0
    for signal in CATALOGUE.signals:
        for text in TEXTS:
            if ruled_out(signal.pattern.needed, text):
                found += 1
                assert not signal.pattern.search(text), (signal.signal_id, text)
    assert found > len(TEXTS) * len(CATALOGUE.signals) * 0.9


def test_a_sieve_finds_what_the_words_of_each_leave() -> None:
    sieve = Sieve((signal, signal.pattern.needed) for signal in CATALOGUE.signals)
    for text in TEXTS:
        left = [s for s in CATALOGUE.signals if not ruled_out(s.pattern.needed, text)]
        assert sieve.candidates(folded(text)) == left


def test_a_folded_text_has_every_letter_that_a_pattern_may_take_for_one_of_ascii() -> None:
    """Over all of Unicode; and words are found at the place where they stand."""
    some_letter = re.compile("[a-z]", re.IGNORECASE)
    letters = [chr(n) for n in range(128, sys.maxunicode + 1) if some_letter.match(chr(n))]
    assert letters
    for char in letters:
        for letter in string.ascii_lowercase:
            if re.match(letter, char, re.IGNORECASE):
                assert folded(char) == letter
    assert all(len(folded(chr(n))) == 1 for n in range(sys.maxunicode + 1))


@pytest.mark.parametrize("beyond", ["\u00e9", "\u0130", "\u2013", "\U0001f600"])
def test_a_letter_beyond_ascii_rules_no_fewer_patterns_out(beyond: str) -> None:
    sieve = Sieve((signal, signal.pattern.needed) for signal in CATALOGUE.signals)
    line = "c:\\users\\jos\\app.exe --run 1"
    assert len(sieve.candidates(folded(line + beyond))) <= len(sieve.candidates(line)) + 3


def ruled_out(needed: tuple[Words, ...], text: str) -> bool:
    return not all(may_match(words, folded(text)) for words in needed)


PARTS = [
    "abc",
    "xyz",
    "ab",
    "z",
    "(?:ab|c)",
    "(?:ab.*z|bc)",
    "(?:z|xy)",
    "(?:abc|xyz)",
    "(?:abc)?",
    "[a-c]",
    ".",
    "(?=.*abc)",
    "(?:xyz)+",
    "^",
    "$",
]


@given(
    st.lists(st.sampled_from(PARTS), max_size=6).map("".join),
    st.text(alphabet="abcxyzABC ", max_size=12),
    st.booleans(),
)
def test_random_patterns_are_never_ruled_out(pattern: str, text: str, ignore: bool) -> None:
    pattern = f"(?i){pattern}" if ignore else pattern
    if re.search(pattern, text):
        assert not ruled_out(required_words(pattern), text)
