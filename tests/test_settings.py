"""The command reads the add-on's own settings from splunkd."""

from __future__ import annotations

import pytest
import sample
import scp
from fake_splunkd import FakeSplunkd, serving

ROWS = sample.newest_first(sample.load())


def run(app, python, splunkd: FakeSplunkd, arguments: str = "") -> scp.Result:
    with serving(splunkd):
        result = scp.run(
            app, ROWS, arguments, python=python, splunkd_uri=splunkd.uri, session_key="a-key"
        )
    assert (result.exit_code, result.stderr, result.leftovers) == (0, "", [])
    return result


def scores(result: scp.Result) -> list[int]:
    return [int(row["installer_score"]) for row in result.rows]


@pytest.fixture(scope="module")
def shipped(built_app, python) -> scp.Result:
    """What the shipped defaults give, with no splunkd to ask."""
    return scp.run(built_app, ROWS, python=python)


def test_settings_come_from_the_add_on_whatever_app_searches(built_app, python, shipped):
    splunkd = FakeSplunkd({"scoring": {"minscore": "60"}})
    assert scores(run(built_app, python, splunkd)) == [s for s in scores(shipped) if s >= 60]
    ((path, authorization),) = splunkd.requests
    assert path.startswith("/servicesNS/nobody/TA-installerscore/configs/conf-")
    assert authorization == "Splunk a-key"


def test_an_option_wins_over_the_setting(built_app, python, shipped):
    splunkd = FakeSplunkd({"scoring": {"minscore": "99"}})
    assert run(built_app, python, splunkd, "minscore=0").bodies == shipped.bodies


def test_severity_bands_are_settings(built_app, python):
    bands = {"severity_low": "2", "severity_medium": "3", "severity_high": "4"}
    splunkd = FakeSplunkd({"scoring": {**bands, "severity_critical": "5"}})
    for row in run(built_app, python, splunkd).rows:
        assert (row["installer_severity"] == "critical") == (int(row["installer_score"]) >= 5)


@pytest.mark.parametrize("value", ["101", "many", "-5"])
def test_bad_setting_is_named_and_its_default_used(built_app, python, shipped, value):
    result = run(built_app, python, FakeSplunkd({"scoring": {"minscore": value}}))
    assert result.bodies == shipped.bodies
    (text,) = [message.text for message in result.messages if "minscore" in message.text]
    assert value in text
    assert text.endswith(".")


@pytest.mark.parametrize("status", [401, 404, 500])
def test_refusing_splunkd_is_said_once(built_app, python, shipped, status):
    result = run(built_app, python, FakeSplunkd({}, status=status))
    assert result.bodies == shipped.bodies
    (text,) = [message.text for message in result.messages if "splunkd" in message.text]
    assert text.endswith(".")
    assert "\n" not in text


def test_no_session_asks_nothing(built_app, python, shipped):
    with serving(FakeSplunkd({"scoring": {"minscore": "99"}})) as splunkd:
        result = scp.run(built_app, ROWS, python=python, splunkd_uri=splunkd.uri, session_key="")
    assert splunkd.requests == []
    assert result.bodies == shipped.bodies
