"""`make knowledge` on the stand-in: each saved search has its test, and no test is lost quietly."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest
import yaml
from conftest import ROOT, make
from spl.conf import stanzas

SEARCHES = set(stanzas(ROOT / "package" / "default" / "savedsearches.conf"))
CANNOT = set(yaml.safe_load((ROOT / "tests/knowledge/skipped.yml").read_text(encoding="utf-8")))
NOTHING_TO_TEST = {
    "test_cim_fields_not_allowed_in_search",
    "test_cim_fields_recommended",
    "test_cim_required_fields",
    "test_datamodels",
    "test_eventtype",
    "test_indextime_key_fields",
    "test_indextime_time",
    "test_props_fields",
    "test_props_fields_no_dash_not_empty",
    "test_requirements_fields",
    "test_tags",
}
"""The add-on has no field extractions, event types, tags, or samples with tokens."""


@pytest.mark.slow
def test_every_saved_search_passes_and_what_is_skipped_is_known(built_app) -> None:
    make("knowledge")
    outcomes = list(_outcomes())
    passed = {parameter for name, parameter, skipped in outcomes if not skipped}
    assert passed >= SEARCHES
    skipped = [(name, reason) for name, _, reason in outcomes if reason]
    assert {n for n, r in skipped if r.startswith("the stand-in cannot")} == CANNOT
    assert {n for n, r in skipped if "empty parameter set" in r} == NOTHING_TO_TEST
    assert len(skipped) == len(CANNOT) + len(NOTHING_TO_TEST)


def _outcomes() -> Iterator[tuple[str, str, str]]:
    """Yield name, parameter and skip reason ("" if it passed) of each test that ran."""
    for case in ElementTree.parse(ROOT / "build/knowledge/junit.xml").iter("testcase"):
        name, parameter = re.fullmatch(r"([^\[]+)(?:\[(.*)\])?", case.attrib["name"]).groups()
        skipped = case.find("skipped")
        yield name, parameter or "", "" if skipped is None else skipped.attrib["message"]
