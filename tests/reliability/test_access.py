"""Who may change what, what is written to logs, and what hostile values make of searches."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import installerscore_log
import pytest
import sample
import scp
from fake_splunkd import ADMIN, FakeSplunkd, serving
from spl.app import App
from spl.macros import expand
from spl.pipeline import split
from test_conf import read, read_meta
from test_dashboards import HOSTILE, literals, shape

WRITERS = {"admin", "sc_admin"}
RESULT_TOKEN = re.compile(r"\$(?!info_)([a-z_]+)(\|s)?\$")
NOW = 1_760_000_000.0

# --- permissions ---


def test_only_administrators_may_change_anything_of_the_add_on(built_app: Path) -> None:
    meta = read_meta(built_app)
    access = {name: keys["access"] for name, keys in meta.items() if "access" in keys}
    assert "*" in access
    for name, rule in access.items():
        found = re.fullmatch(r"read : \[ ([\w*, ]+) \], write : \[ ([\w, ]+) \]", rule)
        assert found, (name, rule)
        assert set(found[2].split(", ")) <= WRITERS, name


def test_no_own_endpoint_lets_others_in(built_app: Path) -> None:
    """Handlers answer through splunkd's admin interface, which asks the permissions above."""
    for name, keys in read(built_app / "default" / "restmap.conf").items():
        assert name.startswith(("admin:", "admin_external:")), name
        assert not {"requireAuthentication", "allowGetAuth", "allowRestReplay"} & set(keys), name
    for name, keys in read(built_app / "default" / "web.conf").items():
        assert name.startswith("expose:"), name
        assert set(keys) <= {"pattern", "methods"}, name


def test_nothing_runs_unless_somebody_enables_it(built_app: Path) -> None:
    searches = read(built_app / "default" / "savedsearches.conf")
    scheduled = {name for name, keys in searches.items() if keys.get("cron_schedule")}
    assert scheduled
    assert {name for name in scheduled if searches[name].get("disabled") != "1"} == set()
    commands = read(built_app / "default" / "commands.conf")
    assert {keys.get("is_risky", "false") for keys in commands.values()} == {"false"}


# --- logs ---


def logs() -> dict[str, str]:
    folder = Path(scp.clean_environment()["SPLUNK_HOME"], "var", "log", "splunk")
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_logs_hold_no_command_line_no_host_and_no_session_key(built_app, python) -> None:
    marked = [
        {name: f"{value} MARKED" if name in TOLD else value for name, value in row.items()}
        for row in sample.newest_first(sample.load())[:300]
    ]
    debug = {"logging": {"loglevel": "DEBUG"}}
    for splunkd in (FakeSplunkd(debug), FakeSplunkd(debug, status=500)):
        with serving(splunkd):
            result = scp.run(
                built_app,
                marked,
                "output=processes",
                python=python,
                splunkd_uri=splunkd.uri,
                session_key=ADMIN,
            )
        assert (result.exit_code, result.stderr) == (0, "")
        for text in (*logs().values(), *(message.text for message in result.messages)):
            assert "MARKED" not in text
            assert ADMIN not in text
    assert any("action=scored" in text for text in logs().values())


TOLD = {"dest", "user", "process", "parent_process", "process_path", "process_guid"}


def test_an_error_of_our_own_is_logged_without_what_it_was_about(tmp_path, monkeypatch) -> None:
    written: list[tuple[str, str]] = []
    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    monkeypatch.setattr(
        installerscore_log, "_write", lambda level, text: written.append((level, text)) or ""
    )
    command_line = "curl http://secret"
    try:
        raise ValueError(command_line)
    except ValueError as error:
        said = installerscore_log.log_error(error)
    ((level, text),) = written
    assert level == "ERROR"
    assert text.endswith("ValueError")
    assert "secret" not in text + said


# --- searches made of values ---


def drilldowns(app: App) -> list[tuple[str, str]]:
    found = []
    for name, keys in app.searches.items():
        entries: list[dict[str, Any]] = json.loads(
            keys.get("action.notable.param.drilldown_searches", "[]")
        )
        found += [(f"{name}: {entry['name']}", entry["search"]) for entry in entries]
    return found


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, NOW)


def quoted(value: str) -> str:
    """What the filter |s of Splunk's own packages makes of a value: JSON.stringify."""
    return json.dumps(value, ensure_ascii=False)


def test_values_of_findings_stay_text_in_the_searches_that_they_open(app: App) -> None:
    assert len(drilldowns(app)) > 100
    for name, search in drilldowns(app):
        tokens = RESULT_TOKEN.findall(search)
        assert all(filtered for _, filtered in tokens), name
        plain = shape(RESULT_TOKEN.sub('"x"', search), app)
        for value in HOSTILE:
            hostile = RESULT_TOKEN.sub(lambda _, v=value: quoted(v), search)
            assert shape(hostile, app) == plain, name
            written = value.replace("\n", "\\n").replace("\t", "\\t")
            found = literals(split(expand(hostile, app.macros)))
            assert found.count(written) == len(tokens), name


def test_the_addresses_that_a_finding_opens_take_values_encoded(built_app: Path) -> None:
    """Splunk encodes `$field$` in link.uri, and does not where it is written `$!field$`."""
    actions = read(built_app / "default" / "workflow_actions.conf")
    assert actions
    for name, keys in actions.items():
        assert keys["link.uri"].startswith("/app/TA-installerscore/"), name
        assert "$!" not in keys["link.uri"] + keys["label"], name
