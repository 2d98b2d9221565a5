"""Every signal against its case file: at least one match and one near miss."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine import CASES, completed, shipped, tree_rows

CATALOGUE = shipped()
SIGNALS = {signal.signal_id: signal for signal in CATALOGUE.signals}
FILES = {path.stem: path for path in sorted(CASES.glob("*.json"))}


def _cases(kind: str) -> list[Any]:
    cases = []
    for signal_id, path in FILES.items():
        content = json.loads(path.read_text(encoding="utf-8"))
        for case in content[kind]:
            cases.append(pytest.param(signal_id, case, id=f"{signal_id}-{case['name']}"))
    return cases


def _found(case: dict[str, Any]) -> list[set[str]]:
    return [set(row["signal"]) for row in tree_rows(completed(case["events"]), CATALOGUE)]


def test_catalogue_has_no_problems() -> None:
    assert [str(problem) for problem in CATALOGUE.problems] == []
    assert len(CATALOGUE.signals) > 60
    assert len(CATALOGUE.roots) > 40
    assert len(CATALOGUE.allowances) > 15


def test_every_signal_has_a_case_file_and_no_file_is_an_orphan() -> None:
    assert sorted(SIGNALS) == sorted(FILES)


@pytest.mark.parametrize("signal_id", sorted(FILES))
def test_a_case_file_has_a_match_and_a_near_miss(signal_id: str) -> None:
    content = json.loads(FILES[signal_id].read_text(encoding="utf-8"))
    assert content["signal"] == signal_id
    assert content["match"]
    assert content["near_miss"]


@pytest.mark.parametrize(("signal_id", "case"), _cases("match"))
def test_match(signal_id: str, case: dict[str, Any]) -> None:
    assert any(signal_id in signals for signals in _found(case))


@pytest.mark.parametrize(("signal_id", "case"), _cases("near_miss"))
def test_near_miss(signal_id: str, case: dict[str, Any]) -> None:
    found = _found(case)
    assert bool(found) != case.get("no_tree", False)
    assert not any(signal_id in signals for signals in found)


@pytest.mark.parametrize("signal", CATALOGUE.signals, ids=lambda signal: signal.signal_id)
def test_every_signal_says_why_and_where_from(signal: Any) -> None:
    assert signal.rationale
    assert signal.source
    assert signal.known_false_positives
    assert signal.mitre_technique_id
