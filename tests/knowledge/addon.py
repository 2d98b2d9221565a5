"""The tests that pytest-splunk-addon makes for this add-on, and two that none was forgotten."""

from __future__ import annotations

import pytest
import stand_in
from events import SEARCHES
from pytest_splunk_addon.standard_lib.addon_basic import Basic


class TestAddon(Basic):
    """All tests of the plugin; conftest.py says which ones the stand-in skips."""


def test_every_saved_search_has_a_test(request: pytest.FixtureRequest) -> None:
    tested = {
        item.callspec.params["splunk_searchtime_fields_savedsearches"]["stanza"]
        for item in request.session.items
        if getattr(item, "originalname", "") == "test_savedsearches"
    }
    assert tested == SEARCHES


def test_the_stand_in_knew_all_that_it_was_asked(splunk_stand_in: stand_in.StandIn) -> None:
    assert splunk_stand_in.unknown == []
