"""The table of public rules: every rule has an answer, and every answer exists."""

from __future__ import annotations

import csv

import build_coverage
import pytest
from build_detections import searches
from conftest import ROOT
from engine import shipped
from savedsearch_keys import slug

RULES = build_coverage.rules()
SIGNALS = {signal.signal_id for signal in shipped().signals}
SEARCHES = {slug(s["name"]): s for s in searches()}
IN_CIM = ("Endpoint.", "Network_Traffic", "WinEventLog", "PowerShell")
RESEARCH = ROOT.parent / "shared" / "research" / "rules.csv"


def name(rule: dict[str, str]) -> str:
    return f"{rule['source']}: {rule['rule']}"


@pytest.mark.parametrize("rule", RULES, ids=name)
def test_a_rule_is_covered_by_what_exists_or_says_why_not(rule: dict[str, str]) -> None:
    assert set(rule["signals"].split()) <= SIGNALS
    assert set(rule["searches"].split()) <= SEARCHES.keys()
    assert build_coverage.is_covered(rule) or len(rule["note"]) > 20


def test_all_core_rules_whose_data_is_in_a_data_model_or_log_are_covered() -> None:
    core = [r for r in RULES if r["tier"].startswith("core")]
    missing = [
        name(r) for r in core if r["data"].startswith(IN_CIM) and not build_coverage.is_covered(r)
    ]
    assert missing == []
    assert len([r for r in core if build_coverage.is_covered(r)]) >= len(core) - 3


def test_every_search_covers_something_that_is_known() -> None:
    named = {s for rule in RULES for s in rule["searches"].split()}
    alone = {name for name, s in SEARCHES.items() if s["type"] != "Report"} - named
    assert alone == {"installer_process_tree_score_high"}


def test_the_table_has_the_336_rules() -> None:
    assert len(RULES) == 336
    if not RESEARCH.exists():
        pytest.skip("the research folder beside the project is not there")
    with RESEARCH.open(encoding="utf-8", newline="") as file:
        known = sorted((r["source"], r["rule"]) for r in csv.DictReader(file))
    assert sorted((r["source"], r["rule"]) for r in RULES) == known


def test_the_page_is_what_the_table_says() -> None:
    assert build_coverage.PAGE.read_text(encoding="utf-8") == build_coverage.page(), (
        "run python tools/build_coverage.py"
    )
