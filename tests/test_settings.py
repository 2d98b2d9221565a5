"""The command reads the add-on's own settings from splunkd."""

from __future__ import annotations

import re

import pytest
import sample
import scp
from fake_splunkd import FakeSplunkd, serving
from installer_trees.model import Settings
from installerscore_settings import BANDS, checked

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
    confs = ["settings", "signals", "allowlist"]
    assert splunkd.requests == [
        (
            f"/servicesNS/nobody/TA-installerscore/configs/conf-ta_installerscore_{conf}"
            "?output_mode=json&count=0",
            "Splunk a-key",
        )
        for conf in confs
    ]


def test_an_option_wins_over_the_setting(built_app, python, shipped):
    splunkd = FakeSplunkd({"scoring": {"minscore": "99"}})
    assert run(built_app, python, splunkd, "minscore=0").bodies == shipped.bodies


def test_no_search_reads_more_rows_than_the_page_allows(built_app, python):
    rows = ROWS * (1000 // len(ROWS) + 1)
    splunkd = FakeSplunkd({"scoring": {"maxevents": "1000"}})
    said = {}
    with serving(splunkd):
        for asked in (100_000_000, 999):
            result = scp.run(
                built_app,
                rows,
                f"maxevents={asked}",
                python=python,
                splunkd_uri=splunkd.uri,
                session_key="a-key",
            )
            said[asked] = [m.text for m in result.messages if "maxevents" in m.text]
    capped, beyond = said[100_000_000]
    assert capped.startswith("maxevents=100000000 is more than Maximum events")
    assert "so 1000 counts" in capped
    assert beyond.startswith(f"{len(rows) - 1000:,} rows beyond maxevents=1000 were left out;")
    (beyond,) = said[999]
    assert beyond.startswith(f"{len(rows) - 999:,} rows beyond maxevents=999 were left out;")


def test_where_the_page_cannot_be_read_the_shipped_bound_holds(built_app, python):
    result = run(built_app, python, FakeSplunkd(status=500), "maxevents=100000000")
    (text,) = [message.text for message in result.messages if "maxevents=" in message.text]
    assert f"so {Settings().maxevents} counts" in text


def test_severity_bands_are_settings(built_app, python):
    """Trees of the sample are in each band, and each band moves some of them."""
    bands = {"low": 5, "medium": 33, "high": 61, "critical": 95}
    page = {f"severity_{name}": str(least) for name, least in bands.items()}
    rows = run(built_app, python, FakeSplunkd({"scoring": page})).rows
    named = {row["installer_severity"] for row in rows}
    assert named == {"informational", *bands}
    for row in rows:
        score = int(row["installer_score"])
        reached = [name for name, least in bands.items() if score >= least]
        assert row["installer_severity"] == ["informational", *reached][-1]


def test_severity_bands_are_compared_as_they_are_used():
    """A band is a whole number; its fraction is cut off."""
    used, problems = checked({"severity_low": "20.2", "severity_medium": "20.9"})
    assert used == Settings()
    assert problems == [f"{BANDS}; the shipped bands were used."]
    used, problems = checked({"severity_low": "20.9", "severity_medium": "21.2"})
    assert (used.severity_low, used.severity_medium, problems) == (20, 21, [])


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


@pytest.mark.parametrize("conf", ["settings", "signals", "allowlist"])
def test_the_first_request_that_fails_is_the_last_and_what_was_read_counts(
    built_app, python, shipped, conf
):
    splunkd = FakeSplunkd(
        {"scoring": {"minscore": "60"}}, statuses={f"ta_installerscore_{conf}": 500}
    )
    result = run(built_app, python, splunkd)
    tabs = ["settings", "signals", "allowlist"]
    assert len(splunkd.requests) == tabs.index(conf) + 1
    (text,) = [message.text for message in result.messages if "splunkd" in message.text]
    assert text.startswith(f"The {' and '.join(tabs[tabs.index(conf) :])} of TA-installerscore")
    least = 0 if conf == "settings" else 60
    assert scores(result) == [s for s in scores(shipped) if s >= least]


SIGNAL = {
    "action": "own",
    "title": "Anything at all",
    "os": "any",
    "family": "any",
    "kind": "process",
    "scope": "root",
    "field": "process_name",
    "pattern": ".",
    "weight": "33",
}
ALLOWANCE = {
    "action": "own",
    "title": "Everybody",
    "os": "any",
    "family": "any",
    "scope": "root",
    "field": "process_name",
    "pattern": "^.",
    "signals": "*",
    "reduction": "60",
    "reason": "A test.",
    "decided_by": "the tester",
    "expires": "",
}


def warnings(result: scp.Result) -> list[str]:
    return [message.text for message in result.messages if message.level == "WARN"]


def found(result: scp.Result) -> set[str]:
    text = "\n".join(str(row["signal"]) for row in result.rows)
    return set(re.findall(r"[A-Z]{3}\d{3}[A-Z]?", text))


def test_entries_of_the_page_change_what_is_found_and_what_it_scores(built_app, python, shipped):
    splunkd = FakeSplunkd(signals={"USR001": SIGNAL}, allowlist={"all": ALLOWANCE})
    result = run(built_app, python, splunkd)
    assert warnings(result) == []
    for row in result.rows:
        assert "USR001" in row["signal"]
        assert "all Everybody (-60%)" in row["allowlist"]
    off = {name: {"action": "off"} for name in found(shipped)}
    result = run(built_app, python, FakeSplunkd(signals=off))
    assert warnings(result) == []
    assert found(result).isdisjoint(off)


def test_broken_entries_are_named_and_everything_else_is_as_shipped(built_app, python, shipped):
    splunkd = FakeSplunkd(
        signals={"USR001": {**SIGNAL, "pattern": "("}, "MSI999": {"action": "off"}},
        allowlist={"all": {**ALLOWANCE, "pattern": "x"}, "newer": {"action": "what?"}},
    )
    result = run(built_app, python, splunkd)
    assert result.bodies == shipped.bodies
    said = warnings(result)
    assert [text.split(" of the ")[0].rpartition(": ")[2] for text in said] == [
        "signal MSI999",
        "signal USR001",
        "allowlist entry all",
        "allowlist entry newer",
    ]
    assert "no shipped signal has this id, or has it any more" in said[0]


def test_what_another_app_shares_under_our_conf_files_changes_nothing(built_app, python, shipped):
    splunkd = FakeSplunkd(
        {"scoring": {"minscore": "99"}},
        signals={"USR001": SIGNAL},
        allowlist={"all": ALLOWANCE},
        foreign=dict.fromkeys(["scoring", "USR001", "all"], "search"),
    )
    result = run(built_app, python, splunkd)
    assert result.bodies == shipped.bodies
    assert [text.split()[2] for text in warnings(result)] == ["scoring", "USR001", "all"]
    assert all("kept in the app search" in text for text in warnings(result))


def test_expired_allowlist_entry_is_said_where_health_is_asked_for(built_app, python):
    splunkd = FakeSplunkd(allowlist={"all": {**ALLOWANCE, "expires": "2020-01-01"}})
    assert warnings(run(built_app, python, splunkd)) == []
    (said,) = [w for w in warnings(run(built_app, python, splunkd, "output=health")) if "all" in w]
    assert "expired on 2020-01-01" in said


def test_what_if_file_wins_over_the_page(built_app, python, shipped):
    """The shipped example of changed weights names these signals."""
    what_if = {"signals": "installerscore_what_if.csv"}
    with open(built_app / "lookups" / what_if["signals"], encoding="utf-8") as file:
        named = [line.split(",")[0] for line in file][1:]
    splunkd = FakeSplunkd(signals={name: {"action": "off"} for name in named})
    argument = f"signals={what_if['signals']}"
    expected = run(built_app, python, FakeSplunkd(), argument)
    assert run(built_app, python, splunkd, argument).bodies == expected.bodies


BASELINE = {"scoring": {"prevalence_baseline": "1"}}


def test_baseline_of_past_searches_lowers_what_many_hosts_have(built_app, python, shipped):
    wide = {row["tree_fingerprint"] for row in shipped.rows[:2]}
    hosts = [{"tree_fingerprint": mark, "hosts": 80} for mark in wide]
    splunkd = FakeSplunkd(BASELINE, collection=hosts)
    lowered = {row["installer_tree_id"]: row for row in run(built_app, python, splunkd).rows}
    assert "/storage/collections/data/installerscore_baseline?" in splunkd.requests[3][0]
    assert "%24gt" in splunkd.requests[3][0]
    for row in shipped.rows:
        now = lowered[row["installer_tree_id"]]
        assert now["dest_prevalence"] == row["dest_prevalence"]
        if row["tree_fingerprint"] in wide:
            assert abs(int(now["installer_score"]) - 0.8 * int(row["installer_score"])) < 1
            assert now["signal_detail"][-1].endswith("the same tree on 80 hosts of the baseline")
        else:
            assert now["installer_score"] == row["installer_score"]


def test_baseline_is_not_asked_for_unless_the_setting_says_so(built_app, python, shipped):
    splunkd = FakeSplunkd({"scoring": {}}, collection=[{"tree_fingerprint": "x", "hosts": 1}])
    assert run(built_app, python, splunkd).bodies == shipped.bodies
    assert len(splunkd.requests) == 3


@pytest.mark.parametrize("collection", ["garbage", [{"hosts": 3}], [{"tree_fingerprint": "x"}]])
def test_broken_baseline_is_said_and_not_used(built_app, python, shipped, collection):
    result = run(built_app, python, FakeSplunkd(BASELINE, collection=collection))
    assert result.bodies == shipped.bodies
    (message,) = [message for message in result.messages if message.level == "WARN"]
    assert message.text.startswith("The prevalence baseline could not be read")
