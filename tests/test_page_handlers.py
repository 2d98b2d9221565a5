"""The REST handlers of the configuration page, as splunkd runs them: refused, saved, and noted."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_splunkd import ADMIN, POWER, FakeSplunkd, serving
from page.endpoints import CAPABILITIES, Endpoints
from test_conf import GLOBAL_CONFIG, scoring_fields
from test_user_entries import ALLOWANCE, SIGNAL

SETTINGS, SIGNALS, ALLOWLIST = (
    f"ta_installerscore_{tab}" for tab in ("settings", "signals", "allowlist")
)
SCORING = {"minscore": "0", "severity_low": "20", "severity_medium": "40"}
SCORING.update(severity_high="60", severity_critical="80")


@pytest.fixture(scope="module")
def running(
    built_app: Path, python: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Endpoints]:
    """The endpoints of one splunkd: it keeps the processes of its handlers."""
    with serving(FakeSplunkd()) as splunkd:
        with Endpoints(built_app, python, splunkd, tmp_path_factory.mktemp("home")) as endpoints:
            yield endpoints
    assert splunkd.unknown == []


@pytest.fixture
def page(running: Endpoints) -> Endpoints:
    """The endpoints of a splunkd that has the shipped settings, no entries and no audit log."""
    splunkd = running.splunkd
    splunkd.stanzas = {"scoring": dict(SCORING), "logging": {"loglevel": "INFO"}}
    splunkd.signals, splunkd.allowlist, splunkd.writes = {}, {}, []
    if running.log.exists():
        os.truncate(running.log, 0)
    return running


def audit(page: Endpoints) -> list[dict[str, Any]]:
    """Return the lines of the audit log, as Splunk would read their fields."""
    found = []
    text = page.log.read_text(encoding="utf-8") if page.log.exists() else ""
    for line in text.splitlines():
        head, _, changes = line.partition(" changes=")
        assert " log_level=INFO " in head
        fields = dict(re.findall(r'(action|conf|entry|user)="?([^" ]+)"?', head.split(" | ")[1]))
        found.append({**fields, "changes": json.loads(changes)})
    return found


def said(answer: tuple[int, dict[str, Any]]) -> str:
    """Return the reason of a refusal, as the page takes it out of splunkd's message."""
    status, body = answer
    assert status == 500
    (message,) = body["messages"]
    reason = re.search(
        r'"REST Error \[\d+\]: .+? -- (.*)"\. See splunkd\.log', message["text"], re.S
    )
    assert reason is not None, message
    return reason[1]


# --- what is saved -----------------------------------------------------------------------------


def test_signal_is_added_changed_and_deleted_and_each_step_is_noted(page):
    assert page.answer("GET", SIGNALS, None, {"count": "-1"}) == (200, {"entry": []})
    status, body = page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL})
    assert status == 201
    assert body["entry"][0]["content"]["pattern"] == SIGNAL["pattern"]
    assert page.answer("POST", SIGNALS, "USR001", {"weight": "55"})[0] == 200
    assert page.splunkd.signals == {"USR001": {**SIGNAL, "weight": "55"}}
    assert page.answer("GET", SIGNALS, "USR001", {})[1]["entry"][0]["content"]["weight"] == "55"
    assert page.answer("DELETE", SIGNALS, "USR001", {})[0] == 200
    assert page.splunkd.signals == {}
    created, edited, removed = audit(page)
    about = {"conf": SIGNALS, "entry": "USR001", "user": "ada"}
    assert created == {
        **about,
        "action": "create",
        "changes": {key: ["", value] for key, value in SIGNAL.items()},
    }
    assert edited == {**about, "action": "edit", "changes": {"weight": ["40", "55"]}}
    assert removed["action"] == "remove"
    assert removed["changes"]["weight"] == ["55", ""]


def test_shipped_signal_is_switched_off_and_shipped_entry_takes_off_less(page):
    assert page.answer("POST", SIGNALS, None, {"name": "MSI001", "action": "off"})[0] == 201
    change = {"name": "ALW001", "action": "change", "reduction": "5"}
    assert page.answer("POST", ALLOWLIST, None, change)[0] == 201
    assert [(line["conf"], line["entry"]) for line in audit(page)] == [
        (SIGNALS, "MSI001"),
        (ALLOWLIST, "ALW001"),
    ]


def test_allowlist_entry_is_added_and_noted(page):
    allowance = {**ALLOWANCE, "expires": str(date.today() + timedelta(days=30))}
    assert page.answer("POST", ALLOWLIST, None, {"name": "deploy", **allowance})[0] == 201
    assert page.splunkd.allowlist == {"deploy": allowance}
    (line,) = audit(page)
    assert line["changes"]["pattern"] == ["", ALLOWANCE["pattern"]]


def test_settings_are_saved_and_noted(page):
    config = json.loads(GLOBAL_CONFIG.read_text(encoding="utf-8"))
    form = {field["field"]: str(field["defaultValue"]) for field in scoring_fields(config)}
    assert page.answer("POST", SETTINGS, "scoring", {**form, "minscore": "40"})[0] == 200
    assert page.answer("POST", SETTINGS, "logging", {"loglevel": "DEBUG"})[0] == 200
    scoring, logging = audit(page)
    assert scoring["changes"]["minscore"] == ["0", "40"]
    assert logging["changes"] == {"loglevel": ["INFO", "DEBUG"]}


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pattern": "("}, "Pattern: '(' is not a regular expression"),
        ({"pattern": r"(\w+\s?)+x"}, r"Pattern: '(\w+\s?)+x' takes too long on a text that holds"),
        ({"family": "msi,nothing"}, "Family: 'nothing' is not known; use any or some of apk"),
        ({"scope": "everywhere"}, "Scope: 'everywhere' is not known"),
        ({"field": "dest_ip"}, "Field: 'dest_ip' is not known"),
        ({"weight": "96"}, "Weight: '96' is not a number from 0 to 95."),
        ({"title": ""}, "Title: is empty; it is needed."),
        ({"name": "MSI001"}, "Name: 'MSI001' may be that of a shipped signal; begin it with USR"),
        ({"name": "ABC9999"}, "Name: 'ABC9999' may be that of a shipped signal"),
        ({"conditions": "signal ZZZ001"}, "names ZZZ001, which does not exist."),
        ({"name": "MSI999", "action": "off"}, "Name: no shipped signal has this id"),
    ],
)
def test_signal_that_a_search_would_leave_out_is_refused_with_the_reason(page, change, reason):
    answer = page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL, **change})
    assert reason in said(answer)
    assert page.splunkd.writes == []
    assert audit(page) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pattern": "deploy"}, "Pattern: 'deploy' is not anchored"),
        ({"pattern": r"^(\w+\s?)+x"}, "Pattern: '^(\\w+\\s?)+x' takes too long"),
        ({"expires": "2030-02-30"}, "Expires: '2030-02-30' is not a date; write YYYY-MM-DD"),
        ({"expires": "2020-01-01"}, "Expires: 2020-01-01 has passed; give a later date, or none."),
        ({"signals": "MSI001,USR777"}, "Signals: there is no signal USR777"),
        ({"decided_by": ""}, "Decided by: is empty; it is needed."),
        ({"name": "ALW001"}, "Name: 'ALW001' cannot be one"),
    ],
)
def test_allowlist_entry_that_a_search_would_leave_out_is_refused(page, change, reason):
    answer = page.answer("POST", ALLOWLIST, None, {"name": "deploy", **ALLOWANCE, **change})
    assert reason in said(answer)
    assert page.splunkd.writes == []
    assert audit(page) == []


def test_id_in_use_is_refused(page):
    page.splunkd.signals["USR001"] = dict(SIGNAL)
    answer = page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL})
    assert "already in use" in said(answer)
    assert audit(page) == []


def test_change_that_would_break_another_entry_is_refused(page):
    page.splunkd.signals.update(USR001=SIGNAL, USR002={**SIGNAL, "conditions": "signal USR001"})
    assert "signal USR002 names USR001" in said(page.answer("DELETE", SIGNALS, "USR001", {}))
    page.splunkd.signals["USR002"] = SIGNAL
    page.splunkd.allowlist["deploy"] = {**ALLOWANCE, "signals": "USR001"}
    assert "llowlist entry deploy" in said(page.answer("DELETE", SIGNALS, "USR001", {}))
    assert set(page.splunkd.signals) == {"USR001", "USR002"}


def test_entry_that_was_broken_by_hand_can_be_mended_or_deleted_and_stops_no_other(page):
    page.splunkd.signals["USR009"] = {**SIGNAL, "pattern": "("}
    assert page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL})[0] == 201
    assert "regular expression" in said(page.answer("POST", SIGNALS, "USR009", {"weight": "9"}))
    assert page.answer("POST", SIGNALS, "USR009", {"pattern": "mended"})[0] == 200
    page.splunkd.signals["USR009"] = {**SIGNAL, "pattern": "("}
    assert page.answer("DELETE", SIGNALS, "USR009", {})[0] == 200


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"minscore": "-5"}, "The setting minscore=-5 is not a number from 0 to 100."),
        ({"severity_low": "x"}, "The setting severity_low=x is not a number from 1 to 100."),
        ({"severity_low": "90"}, "The severity bands do not rise from low to critical."),
        ({"severity_low": "40"}, "The severity bands do not rise from low to critical."),
        ({"severity_critical": "41", "severity_high": "41"}, "The severity bands do not rise"),
    ],
)
def test_settings_that_a_search_would_not_use_are_refused(page, form, reason):
    assert said(page.answer("POST", SETTINGS, "scoring", form)).startswith(reason)
    assert page.splunkd.stanzas["scoring"] == SCORING
    assert audit(page) == []


def test_unknown_level_and_unknown_field_are_refused(page):
    assert "Value should be in" in said(
        page.answer("POST", SETTINGS, "logging", {"loglevel": "LOUD"})
    )
    status, body = page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL, "color": "red"})
    assert (status, body["messages"][0]["text"]) == (
        400,
        'Argument "color" is not supported by this handler.',
    )


# --- who may, and what cannot be noted ---------------------------------------------------------


@pytest.mark.parametrize("endpoint", [SETTINGS, SIGNALS, ALLOWLIST])
def test_power_may_look_and_not_touch(page, endpoint):
    name = "scoring" if endpoint == SETTINGS else "USR001"
    page.splunkd.signals["USR001"], page.splunkd.allowlist["USR001"] = SIGNAL, ALLOWANCE
    assert page.answer("GET", endpoint, name, {}, POWER)[0] == 200
    for method, entry in (("POST", None), ("POST", name), ("DELETE", name)):
        status, body = page.answer(method, endpoint, entry, {"name": "x"}, POWER)
        assert status == 403
        assert "edit_installerscore" in body["messages"][0]["text"]
    assert page.splunkd.writes == []
    assert audit(page) == []


def test_permissions_of_the_conf_files_stop_who_has_the_capability_alone(page, monkeypatch):
    monkeypatch.setitem(CAPABILITIES, "power", {"edit_installerscore"})
    answer = page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL}, POWER)
    assert "forbidden" in said(answer)
    assert page.splunkd.signals == {}
    assert audit(page) == []


def test_what_cannot_be_noted_is_not_changed(built_app, python, tmp_path):
    with serving(FakeSplunkd()) as splunkd, Endpoints(built_app, python, splunkd, tmp_path) as page:
        page.log.mkdir()
        answer = page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL})
    assert said(answer).startswith("Nothing was changed, because the change could not be noted")
    assert splunkd.writes == []


def test_text_of_a_pattern_cannot_forge_a_line_of_the_audit_log(page):
    forged = 'x\n2030-01-01 log_level=INFO | action=create conf="a" entry="b" user="eve" changes={}'
    answer = page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL, "note": forged})
    assert answer[0] == 201
    (line,) = audit(page)
    assert line["user"] == "ada"
    assert line["changes"]["note"] == ["", forged]


def test_session_key_is_in_no_log(page):
    page.answer("POST", SIGNALS, None, {"name": "USR001", **SIGNAL})
    for path in page.log.parent.iterdir():
        assert ADMIN not in path.read_text(encoding="utf-8")
