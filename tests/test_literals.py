"""Words that rule a pattern out must never rule out a match."""

from __future__ import annotations

import json
import re

import pytest
from engine import CASES, shipped
from hypothesis import given
from hypothesis import strategies as st
from installer_trees.literals import may_match, required_words

CATALOGUE = shipped()
TEXTS = sorted(
    {
        value
        for path in CASES.glob("*.json")
        for kind in ("match", "near_miss")
        for case in json.loads(path.read_text(encoding="utf-8"))[kind]
        for event in case["events"]
        for value in event.values()
        if isinstance(value, str) and value.isascii()
    }
)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("powershell", {"powershell"}),
        ("(?i)PowerShell", {"powershell"}),
        (r"(?i)^(?:cmd|bash)\.exe$", {"cmd.exe", "bash.exe"}),
        (r"\.(?:docx?|pdf)\s{0,9}\.exe", {".doc", ".pdf"}),
        (
            r"https?://(?:x\.)?host",
            {"http://host", "https://host", "http://x.host", "https://x.host"},
        ),
        (r"(?:tar|zip)?ball", {"ball"}),
        (r"certutil\s+-urlcache", {"certutil"}),
        (r"(?=.*hidden)(?=.*bypass)", {"hidden"}),
        (r"curl\b.*(?:-d|--form)", {"curl"}),
        (r"(?:wget){2,3}", {"wget"}),
        (r"(?:wget)?x", set()),
        (r"(?!evil)abcdef", {"abcdef"}),
        (r"\d{3,}", set()),
        (r"a|powershell", set()),
        (r"[pP]ower", {"power"}),
    ],
)
def test_words(pattern: str, words: set[str]) -> None:
    assert required_words(pattern) == words


def test_shipped_patterns_are_never_ruled_out_where_they_match() -> None:
    found = 0
    for signal in CATALOGUE.signals:
        words = signal.pattern.words
        for text in TEXTS:
            if not may_match(words, text.lower()):
                found += 1
                assert not signal.pattern.search(text), (signal.signal_id, words, text)
    assert found > len(TEXTS) * len(CATALOGUE.signals) / 2


PARTS = ["abc", "xyz", "(?:abc|xyz)", "(?:abc)?", "[a-c]", ".", "(?=.*abc)", "(?:xyz)+", "^", "$"]


@given(
    st.lists(st.sampled_from(PARTS), max_size=5).map("".join),
    st.text(alphabet="abcxyzABC ", max_size=12),
    st.booleans(),
)
def test_random_patterns_are_never_ruled_out(pattern: str, text: str, ignore: bool) -> None:
    pattern = f"(?i){pattern}" if ignore else pattern
    if re.search(pattern, text):
        assert may_match(required_words(pattern), text.lower())
