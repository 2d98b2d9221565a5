"""The dashboards in a real Chromium, drawn and searched by Splunk's own packages.

Their searches go to a stand-in for Splunk Web, which answers with the reference runner. Node.js,
npm and Chromium must be there; without them the tests are skipped, except in CI. A page costs
Chromium about five seconds of CPU time, so `make test` opens some and `make dashboards` all.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import build_dashboards
import pytest
from dashboards.board import Board
from dashboards.web import SplunkWeb, serving
from spl.app import App
from spl.matching import Row

from dashboards import chromium, data

DEFINITIONS = {path.stem: build_dashboards.definition(path) for path in build_dashboards.sources()}
KNOWN = Path(__file__).resolve().parent / "dashboards" / "known.json"
PICTURES = os.environ.get("PICTURES", "")
ALL = os.environ.get("DASHBOARDS") == "all"
SOME = {"activity", "open a tree", "tree in light", "hostile tree"}
HOSTILE = 'a\\" | delete | search "x" `m` [y] $tree$'

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page() -> Path:
    try:
        chromium.browser()
        return chromium.bundle()
    except chromium.Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, data.NOW)


@pytest.fixture(scope="module")
def search_head(app: App) -> dict[str, list[Row]]:
    return {**data.search_head(app), **data.endpoints(app)}


class Visits(dict[str, "Visit"]):
    """The steps that were taken, by name."""

    def __missing__(self, name: str) -> Visit:
        pytest.skip(f"{name}: make dashboards opens it")


class Visit:
    """One step of the browser: what the page said, and the searches that it sent."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.errors: list[str] = answer["errors"]
        self.text: str = answer["text"]
        self.opened: list[str] = answer["opened"]
        self.address: str = answer["address"]
        self.panels: dict[str, int] = answer["panels"]
        self.searches = {re.sub(r"^search (?=`)", "", text).strip() for text in answer["searches"]}


@pytest.fixture(scope="module")
def visits(
    page: Path,
    app: App,
    search_head: dict[str, list[Row]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Visits:
    """All pages of this file, opened by one Chromium for each set of data."""
    folder = Path(PICTURES) if PICTURES else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    board = Board(app, search_head, DEFINITIONS["installer_activity"])
    tree = next(row for row in board.rows["highest"] if "evil-b64" in row["Command"])
    one = f"&form.tree={tree['_tree']}&form.host={tree['Host']}"
    one += f"&form.range.earliest={tree['_from']}&form.range.latest={tree['_to']}"
    bad = f"&form.host={quote(HOSTILE)}&form.tree={quote(HOSTILE)}&form.process={quote(HOSTILE)}"
    steps = {
        "activity": {"url": "view/installer_activity?theme=dark"},
        "sort": {"click": "Highest"},
        "open a tree": {"click": "dpkg -i /pkgs/evil-b64_1.0_all.deb"},
        "filter by host": {"click": "MAC-DESIGN-04"},
        "activity in light": {"url": "view/installer_activity?theme=light&form.severity=critical"},
        "tree": {"url": f"view/installer_tree?theme=dark{one}"},
        "tree in light": {"url": f"view/installer_tree?theme=light{one}"},
        "graph": {"url": f"view/installer_tree_graph?theme=dark{one}"},
        "graph in light": {"url": f"view/installer_tree_graph?theme=light{one}"},
        "hostile tree": {"url": f"view/installer_tree_graph?theme=dark{bad}"},
        "setup": {"url": "view/installer_setup?theme=dark"},
        "setup in light": {"url": "view/installer_setup?theme=light"},
        "hostile activity": {"url": f"view/installer_activity?theme=dark{bad}"},
    }
    empty = {
        "empty activity": {"url": "view/installer_activity?theme=dark"},
        "empty tree": {"url": "view/installer_tree?theme=light"},
        "empty graph": {"url": "view/installer_tree_graph?theme=dark"},
        "empty setup": {"url": "view/installer_setup?theme=dark"},
    }
    seen = _visit(SplunkWeb(app, search_head, DEFINITIONS, page), steps, folder)
    return Visits({**seen, **_visit(SplunkWeb(app, {}, DEFINITIONS, page), empty, folder)})


def _visit(web: SplunkWeb, steps: dict[str, dict[str, str]], folder: Path) -> dict[str, Visit]:
    taken = {name: step for name, step in steps.items() if ALL or name in SOME}
    if not taken:
        return {}
    with serving(web) as address:
        asked = [
            {k: f"{address}/{v}" if k == "url" else v for k, v in step.items()}
            | {"picture": str(folder / f"{name.replace(' ', '_')}.png")}
            for name, step in taken.items()
        ]
        answers = chromium.render(asked)
    assert [(job.search, job.error) for job in web.failed] == []
    return {name: Visit(answer) for name, answer in zip(taken, answers)}


def tokens(visit: Visit) -> dict[str, Any]:
    """The tokens in the address of a page."""
    query = parse_qs(urlsplit(visit.address).query)
    forms = {k[5:].replace(".", "__"): v for k, v in query.items() if k.startswith("form.")}
    return {k: v if len(v) > 1 else v[0] for k, v in forms.items()}


# --- known to Splunk's packages ------------------------------------------------------------


def test_options_and_their_values_are_what_the_packages_know(page: Path) -> None:
    said = chromium.schemas(DEFINITIONS)
    assert said["problems"] == []
    assert said["known"] == json.loads(KNOWN.read_text(encoding="utf-8"))


def test_no_page_reports_an_error(visits: Visits) -> None:
    assert visits.keys() >= SOME
    for name, visit in visits.items():
        assert visit.errors == [], name


# --- what is searched and shown ------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "view"),
    [
        ("activity", "installer_activity"),
        ("activity in light", "installer_activity"),
        ("tree", "installer_tree"),
        ("tree in light", "installer_tree"),
        ("graph in light", "installer_tree_graph"),
        ("hostile tree", "installer_tree_graph"),
        ("hostile activity", "installer_activity"),
        ("setup", "installer_setup"),
    ],
)
def test_the_browser_sends_the_searches_that_the_other_tests_run(
    app: App, search_head: dict[str, list[Row]], visits: Visits, step: str, view: str
) -> None:
    """Splunk's own code replaced the tokens; tests/dashboards/board.py must do it as it does."""
    board = Board(app, search_head, DEFINITIONS[view], **tokens(visits[step]))
    assert visits[step].searches == set(board.searches.values())


@pytest.mark.parametrize(
    ("step", "view"),
    [
        ("activity", "installer_activity"),
        ("tree", "installer_tree"),
        ("tree in light", "installer_tree"),
        ("graph", "installer_tree_graph"),
        ("graph in light", "installer_tree_graph"),
        ("setup", "installer_setup"),
        ("setup in light", "installer_setup"),
    ],
)
def test_every_panel_is_drawn(visits: Visits, step: str, view: str) -> None:
    text, panels = visits[step].text, visits[step].panels
    definition = DEFINITIONS[view]
    widths = {b["item"]: b["position"]["w"] for b in definition["layout"]["structure"]}
    assert panels.keys() == widths.keys()
    for name, panel in definition["visualizations"].items():
        assert panel.get("title", "") in text
        wanted = chromium.WIDTH * widths[name] / build_dashboards.WIDTH
        assert wanted - 40 < panels[name] < wanted
    for waiting in ("Set token value", "No search results", "No data", "not defined"):
        assert waiting not in text


def test_a_click_on_a_tree_opens_it(
    app: App, search_head: dict[str, list[Row]], visits: Visits
) -> None:
    (url,) = visits["open a tree"].opened
    assert urlsplit(url).path == "/app/TA-installerscore/installer_tree"
    query = {k[5:].replace(".", "__"): v[0] for k, v in parse_qs(urlsplit(url).query).items()}
    board = Board(app, search_head, DEFINITIONS["installer_tree"], **query)
    assert board.rows["trees"][0]["State"] == "Shown"
    assert "evil-b64" in board.rows["trees"][0]["Command"]


def test_a_click_on_a_column_sorts_by_it(visits: Visits) -> None:
    assert any(search.endswith('| sort 0 +"Highest"') for search in visits["sort"].searches)


def test_a_click_on_a_host_filters_by_it(visits: Visits) -> None:
    visit = visits["filter by host"]
    assert tokens(visit)["host"] == "MAC-DESIGN-04"
    assert any('dest="MAC-DESIGN-04"' in search for search in visit.searches)
    assert "websrv01" not in visit.text


@pytest.mark.parametrize("step", ["hostile tree", "hostile activity"])
def test_hostile_values_reach_the_searches_as_one_string(visits: Visits, step: str) -> None:
    assert tokens(visits[step])["host"] == HOSTILE
    assert any(json.dumps(HOSTILE) in search for search in visits[step].searches)


@pytest.mark.parametrize(
    ("step", "advice"),
    [
        ("empty activity", "set-up of the CIM add-on"),
        ("empty tree", "No host was named"),
        ("empty graph", "No host was named"),
        ("empty setup", "First bring process creations into the data model."),
    ],
)
def test_pages_without_data_say_what_to_do(visits: Visits, step: str, advice: str) -> None:
    assert advice in visits[step].text
    assert "Set token value" not in visits[step].text
