"""Who may change what, and what hostile values make of the searches that findings open."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
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
