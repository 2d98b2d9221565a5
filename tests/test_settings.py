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


BASELINE = {"scoring": {"prevalence_baseline": "1"}}


def test_baseline_of_past_searches_lowers_what_many_hosts_have(built_app, python, shipped):
    wide = {row["tree_fingerprint"] for row in shipped.rows[:2]}
    hosts = [{"tree_fingerprint": mark, "hosts": 80} for mark in wide]
    splunkd = FakeSplunkd(BASELINE, collection=hosts)
    lowered = {row["installer_tree_id"]: row for row in run(built_app, python, splunkd).rows}
    assert "/storage/collections/data/installerscore_baseline?" in splunkd.requests[1][0]
    assert "%24gt" in splunkd.requests[1][0]
    for row in shipped.rows:
        now = lowered[row["installer_tree_id"]]
        assert now["dest_prevalence"] == row["dest_prevalence"]
        if row["tree_fingerprint"] in wide:
            assert int(now["installer_score"]) == round(0.8 * int(row["installer_score"]))
            assert now["signal_detail"][-1].endswith("the same tree on 80 hosts of the baseline")
        else:
            assert now["installer_score"] == row["installer_score"]


def test_baseline_is_not_asked_for_unless_the_setting_says_so(built_app, python, shipped):
    splunkd = FakeSplunkd({"scoring": {}}, collection=[{"tree_fingerprint": "x", "hosts": 1}])
    assert run(built_app, python, splunkd).bodies == shipped.bodies
    assert len(splunkd.requests) == 1


@pytest.mark.parametrize("collection", ["garbage", [{"hosts": 3}], [{"tree_fingerprint": "x"}]])
def test_broken_baseline_is_said_and_not_used(built_app, python, shipped, collection):
    result = run(built_app, python, FakeSplunkd(BASELINE, collection=collection))
    assert result.bodies == shipped.bodies
    (message,) = [message for message in result.messages if message.level == "WARN"]
    assert message.text.startswith("The prevalence baseline could not be read")
