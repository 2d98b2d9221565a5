"""What refers to what in the built add-on: AppInspect sees none of it.

Keys of conf files and stanzas of default.meta are checked in test_conf.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import build_detections
import pytest
from conftest import ROOT
from savedsearch_keys import is_report
from spl import runner
from spl.app import App
from spl.cases import FOLDER, NOW, Case, load
from spl.conf import stanzas
from spl.macros import calls, expand
from spl.matching import Row, values_of
from spl.pipeline import Command, split
from spl.risk import risk_events

SEARCHES = build_detections.searches()
RULES = [s for s in SEARCHES if not is_report(s)]
SCHEDULED = [s for s in SEARCHES if "cron" in s["schedule"]]
COMMANDS = {"search", *runner.GENERATING, *runner.WITH_RUN, *runner.PLAIN}
TOKEN = re.compile(r"\$(\w+)(\|s)?\$")
GIVEN_BY_SPLUNK = {"info_min_time", "info_max_time"}
APP_LOCAL = {
    "process_msiexec",
    "security_content_summariesonly",
    "security_content_ctime(1)",
    "drop_dm_object_name(1)",
    "summariesonly_config",
    "oldsummaries_config",
    "fillnull_config",
}
Search = dict[str, Any]


def name(search: Search) -> str:
    return str(search["name"])


def each(searches: list[Search]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("search", searches, ids=name)


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, NOW)


@pytest.fixture(scope="module")
def meta(built_app: Path) -> dict[str, dict[str, str]]:
    path = built_app / "metadata" / "default.meta"
    return {unquote(stanza): keys for stanza, keys in stanzas(path).items()}


def keys_of(app: App, search: Search) -> dict[str, str]:
    return app.searches[build_detections.stanza_name(search)]


def pipeline(text: str) -> Iterator[Command]:
    """Give all commands of an expanded search, those of subsearches too."""
    for command in split(text):
        yield command
        for subsearch in command.subsearches:
            yield from pipeline(subsearch)


def all_searches(app: App) -> dict[str, str]:
    """Return every search text of the add-on, drilldowns included, with tokens filled in."""
    found = {}
    for search in SEARCHES:
        keys = keys_of(app, search)
        found[name(search)] = keys["search"]
        for drilldown in drilldowns(keys):
            text = TOKEN.sub('"x"', drilldown["search"])
            found[f"{name(search)}: {drilldown['name']}"] = text
    return found


def drilldowns(keys: dict[str, str]) -> list[dict[str, str]]:
    found = json.loads(keys.get("action.notable.param.drilldown_searches", "[]"))
    assert isinstance(found, list)
    return found


def exported(meta: dict[str, dict[str, str]], macro: str) -> bool:
    return meta.get(f"macros/{macro}", {}).get("export") == "system"


# --- macros --------------------------------------------------------------------------------


def test_every_macro_used_is_defined_with_that_number_of_arguments(app: App) -> None:
    texts = {**{f"macro {n}": m.definition for n, m in app.macros.items()}, **all_searches(app)}
    missing = {
        (where, call.stanza)
        for where, text in texts.items()
        for call in calls(text)
        if call.stanza not in app.macros
    }
    assert missing == set()


def test_every_macro_expands_to_a_search_that_can_be_read(app: App) -> None:
    for stanza, macro in app.macros.items():
        values = {"letter": "y", "object": "Processes", "field": "Processes.dest"}
        arguments = ", ".join(f'"{values.get(a, "*")}"' for a in macro.arguments)
        call = f"`{stanza.split('(')[0]}({arguments})`" if arguments else f"`{stanza}`"
        assert "`" not in expand(call, app.macros)


def test_exported_macros_need_no_macro_that_other_apps_do_not_see(
    app: App, meta: dict[str, dict[str, str]]
) -> None:
    hidden = {
        (stanza, call.stanza)
        for stanza, macro in app.macros.items()
        if exported(meta, stanza)
        for call in calls(macro.definition)
        if not exported(meta, call.stanza)
    }
    assert hidden == set()


def test_macros_of_other_apps_and_filters_stay_in_this_app(
    app: App, meta: dict[str, dict[str, str]]
) -> None:
    filters = {f"{build_detections.slug(name(s))}_filter" for s in SEARCHES}
    assert APP_LOCAL | filters <= app.macros.keys()
    assert [m for m in sorted(APP_LOCAL | filters) if exported(meta, m)] == []


@each(SEARCHES)
def test_a_search_ends_in_its_own_filter_which_lets_everything_through(
    app: App, search: Search
) -> None:
    own = f"{build_detections.slug(name(search))}_filter"
    after = keys_of(app, search)["search"].partition(f"| `{own}`")
    assert after[1]
    assert not after[2] or "| outputlookup " in after[2], "before what it writes"
    assert app.macros[own].definition == "search *"
    users = [n for n, t in all_searches(app).items() if any(c.name == own for c in calls(t))]
    assert users == [name(search)]


# --- commands and lookups ------------------------------------------------------------------


def test_every_command_exists(app: App, built_app: Path) -> None:
    own = stanzas(built_app / "default" / "commands.conf")
    for command in own.values():
        assert (built_app / "bin" / command["filename"]).is_file()
    unknown = {
        (where, command.name)
        for where, text in all_searches(app).items()
        for command in pipeline(expand(text, app.macros))
        if command.name not in COMMANDS | own.keys() | {"from"}
    }
    assert unknown == set()


def test_every_lookup_has_a_definition_and_a_file_with_the_columns(app: App) -> None:
    used = set()
    for text in all_searches(app).values():
        for command in pipeline(expand(text, app.macros)):
            if command.name in ("lookup", "inputlookup"):
                found = re.search(r"\b(installerscore_\w+)(.*)", command.arguments)
                assert found, command.arguments
                lookup = app.lookups[found[1]]
                assert lookup.rows or found[1] == "installerscore_baseline"  # a KV store collection
                columns = re.findall(r"(?:^|OUTPUT|,)\s*(\w+)", found[2])
                assert set(columns) <= set(lookup.columns), command.arguments
                used.add(found[1])
    assert used >= {"installerscore_indicators", "installerscore_networks"}


# --- fields --------------------------------------------------------------------------------


@cache
def hits(search: str) -> list[Case]:
    return [case for case in load(FOLDER / f"{search}.yml") if case.kind == "hits"]


@cache
def found_rows(app: App, search: str, stanza: str) -> list[Row]:
    return [r for case in hits(search) for r in app.run_saved(stanza, case.data, case.macros).rows]


@each(RULES)
def test_fields_of_risk_findings_throttling_and_messages_are_in_every_result(
    app: App, search: Search
) -> None:
    keys = keys_of(app, search)
    risk = json.loads(keys.get("action.risk.param._risk", "[]"))
    needed = {entry["risk_object_field"] for entry in risk if "risk_object_field" in entry}
    needed |= set(keys["alert.suppress.fields"].split(","))
    needed |= set(filter(None, keys.get("action.notable.param.nes_fields", "").split(",")))
    texts = [keys.get(f"action.risk.param.{k}", "") for k in ("_risk_message",)]
    texts += [keys.get(f"action.notable.param.rule_{k}", "") for k in ("title", "description")]
    texts += [f"{d['name']} {d['search']}" for d in drilldowns(keys)]
    needed |= {token for text in texts for token, _ in TOKEN.findall(text)} - GIVEN_BY_SPLUNK
    stanza = build_detections.stanza_name(search)
    rows = found_rows(app, build_detections.slug(name(search)), stanza)
    missing = {field for field in needed for row in rows if not any(values_of(row.get(field)))}
    assert rows
    assert missing == set()
    threats = {e["threat_object_field"] for e in risk if "threat_object_field" in e}
    assert threats <= {field for row in rows for field in row}


@each(RULES)
def test_the_risk_action_scores_every_object_that_a_rule_names_once(
    app: App, search: Search
) -> None:
    keys = keys_of(app, search)
    entries = json.loads(keys.get("action.risk.param._risk", "[]"))
    stanza = build_detections.stanza_name(search)
    for row in found_rows(app, build_detections.slug(name(search)), stanza):
        named = [
            (value, entry["risk_object_type"])
            for entry in entries
            if "risk_object_field" in entry
            for value in filter(None, values_of(row.get(entry["risk_object_field"])))
        ]
        written = risk_events(entries, row)
        assert [(event.risk_object, event.risk_object_type) for event in written] == named


@each(RULES)
def test_drilldowns_show_the_trees_and_the_results(
    app: App, meta: dict[str, dict[str, str]], search: Search
) -> None:
    trees, results, risk = drilldowns(keys_of(app, search))
    slug = build_detections.slug(name(search))
    case = hits(slug)[0]
    row = found_rows(app, slug, build_detections.stanza_name(search))[0]
    for drilldown in (trees, results, risk):
        hidden = [c.stanza for c in calls(TOKEN.sub('"x"', drilldown["search"]))
                  if not exported(meta, c.stanza)]  # fmt: skip
        assert hidden == []
        assert TOKEN.findall(drilldown["name"])
        for key, token in (("earliest", "$info_min_time$"), ("latest", "$info_max_time$")):
            offset = drilldown[f"{key}_offset"]
            assert offset == token or offset.isdigit(), "Enterprise Security knows no other"
    assert " starthoursago=168 " in risk["search"]
    answer = app.run(filled(results["search"], row), case.data, macros=case.macros)
    assert answer.rows
    answer = app.run(filled(trees["search"], row), case.data)
    assert not [m for m in answer.messages if m.startswith("ERROR")]
    if "installer_tree_id" in row:
        assert [r["installer_tree_id"] for r in answer.rows] == [row["installer_tree_id"]]


def test_no_drilldown_scores_the_whole_fleet(app: App) -> None:
    """What docs/scale.md says of them: they read the events of one host."""
    scoring = [s for s in RULES if "`installer_scored`" in s["search"]]
    assert scoring
    for search in scoring:
        _, results, _ = drilldowns(keys_of(app, search))
        macros = {call.name for call in calls(TOKEN.sub('"x"', results["search"]))}
        assert not macros & {"installer_scored", "installer_events", "installer_read_hosts"}
        reads = re.findall(r"\| tstats .*? by ", results["search"])
        assert len(reads) == 5
        assert all("dest=$dest|s$" in read for read in reads)
        case = hits(build_detections.slug(name(search)))[0]
        (row, *_) = found_rows(app, case.search, build_detections.stanza_name(search))
        other = {"dest": row["dest"] + "2"}
        both = [e | o for e in case.data["Endpoint.Processes"] for o in ({}, other)]
        data = {**case.data, "Endpoint.Processes": both}
        found = app.run(filled(results["search"], row), data, macros=case.macros).rows
        assert {r["dest"] for r in found} == {row["dest"]}
        assert row["installer_tree_id"] in {r["installer_tree_id"] for r in found}


def filled(text: str, row: Row) -> str:
    """Fill in tokens as Splunk does: with `|s` in quotes, with quotes and backslashes escaped."""

    def value(token: re.Match[str]) -> str:
        plain = values_of(row[token[1]])[0]
        escaped = plain.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"' if token[2] else plain

    return TOKEN.sub(value, text)


# --- names, ids and schedules --------------------------------------------------------------


def test_ids_are_uuids_of_their_own() -> None:
    ids = [UUID(s["id"]) for s in SEARCHES]
    assert len(set(ids)) == len(ids)


@each(RULES)
def test_a_rule_is_complete_switched_off_and_fits_enterprise_security(
    app: App, search: Search
) -> None:
    keys = keys_of(app, search)
    stanza = build_detections.stanza_name(search)
    assert len(f"Endpoint - {stanza} - Rule") <= 99
    assert keys["disabled"] == "1"
    assert keys["action.correlationsearch.label"] == stanza
    assert json.loads(keys["action.correlationsearch.metadata"])["detection_id"] == search["id"]
    for key in ("how_to_implement", "known_false_positives"):
        assert len(keys[f"action.escu.{key}"]) > 40
    assert len(keys["description"]) > 80
    read_on = f" References: {' '.join(search['references'])}"
    assert keys["description"].endswith(read_on)
    assert keys.get("action.notable.param.rule_description", read_on).endswith(read_on)
    techniques = json.loads(keys["action.escu.mappings"])["mitre_attack"]
    assert techniques
    assert all(re.fullmatch(r"T\d{4}(\.\d{3})?", t) for t in techniques)
    assert keys.get("action.risk") == "1" or keys.get("action.notable") == "1"
    for entry in json.loads(keys.get("action.risk.param._risk", "[]")):
        assert 1 <= entry.get("risk_score", 1) <= 100


@each(SCHEDULED)
def test_a_schedule_is_hourly_or_daily_and_looks_back_far_enough(app: App, search: Search) -> None:
    keys = keys_of(app, search)
    minute, *rest = keys["cron_schedule"].split()
    hourly = rest == ["*"] * 4
    assert hourly or (rest[0].isdigit() and rest[1:] == ["*"] * 3)
    assert 0 <= int(minute) < 60
    assert keys["schedule_window"] == "auto"
    assert keys["allow_skew"] == "100%"
    assert keys["realtime_schedule"] == "0", "Splunk may leave out a run of any other schedule"
    earliest = re.fullmatch(r"-(\d+)([mh])@m", keys["dispatch.earliest_time"])
    latest = re.fullmatch(r"-(\d+)m@m", keys["dispatch.latest_time"])
    assert earliest is not None
    assert latest is not None
    span = int(earliest[1]) * (60 if earliest[2] == "h" else 1) - int(latest[1])
    assert span >= (60 if hourly else 24 * 60)


@each(RULES)
def test_a_part_that_reads_a_longer_time_ends_with_the_search_and_has_none_in_drilldowns(
    app: App, search: Search
) -> None:
    keys = keys_of(app, search)
    assert {f"latest={keys['dispatch.latest_time']}"} >= set(
        re.findall(r"latest=\S+", keys["search"])
    )
    assert not [d for d in drilldowns(keys) if re.search(r"\bearliest=", d["search"])]


def test_a_part_that_reads_a_longer_time_says_how_to_hunt_further_back() -> None:
    own = [s for s in SEARCHES if re.search(r"\bearliest=-\d+m@m latest=", s["search"])]
    assert len(own) == 4
    for search in own:
        assert "right on its schedule only" in build_detections.line(search["how_to_implement"])


def test_schedules_are_staggered() -> None:
    minutes = [s["schedule"]["cron"].split()[0] for s in SCHEDULED]
    assert len(set(minutes)) == len(minutes)


def test_tree_searches_read_longer_than_a_tree_lives_and_throttle_by_tree() -> None:
    scoring = [s for s in RULES if "`installer_scored`" in s["search"]]
    assert len(scoring) == 2
    for search in scoring:
        assert search["schedule"]["earliest"] == "-4h@m"
        assert "tree_key" in search["throttle"]["fields"]


def test_no_value_holds_what_conf_readers_take_for_a_comment(built_app: Path) -> None:
    for file in ("savedsearches.conf", "macros.conf"):
        for line in (built_app / "default" / file).read_text(encoding="utf-8").splitlines():
            assert " ;" not in line
            assert not line.startswith((";", "*"))
            assert not re.match(r"\s+[#;*]", line)


def test_the_macros_that_the_docs_name_exist(app: App) -> None:
    text = (ROOT / "docs" / "detections.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(installer_\w+|process_installer|process_package_manager)`", text))
    assert len(named) > 12
    assert named <= {stanza.split("(")[0] for stanza in app.macros}
