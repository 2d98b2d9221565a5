"""The configuration page in a real browser: the built scripts, and the real handlers behind them.

`--update-golden` takes the pictures of docs/configure.md anew.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import interpreters
import pytest
from fake_splunkd import POWER, FakeSplunkd, serving
from page import web
from page.endpoints import Endpoints
from test_page_config import conf

from dashboards import chromium

HERE = Path(__file__).resolve().parent
IMAGES = HERE.parent / "docs" / "images"
SLOW_PATTERN = r"(\w+\s?)+x"
SIGNAL = {
    "name": "USR001",
    "title": "Our updater starts what was handed to it",
    "pattern": SLOW_PATTERN,
    "weight": "40",
    "mitre_technique_id": "T1218.007",
}
GOOD_PATTERN = r'(?i)\\updater\.exe"?\s{1,9}--run\b'
ALLOWANCE = {
    "name": "our_deploy",
    "title": "Our deployment tool asks",
    "pattern": r"deploy\.exe$",
    "reduction": "30",
    "expires": "2999-12-31",
    "reason": "Installs what change management released.",
    "decided_by": "security operations",
}

Steps = list[dict[str, Any]]
Flow = Callable[[Steps], dict[str, Any]]


@pytest.fixture(scope="module")
def browser() -> str:
    try:
        chromium.bundle()
        return chromium.browser()
    except chromium.Missing as missing:
        if interpreters.required():
            pytest.fail(f"{missing}, which CI must have", pytrace=False)
        pytest.skip(str(missing))


@pytest.fixture
def page(built_app: Path, tmp_path: Path) -> Iterator[web.SplunkWeb]:
    """Splunk Web with the built add-on, as an administrator sees it."""
    settings = conf(built_app / "default" / "ta_installerscore_settings.conf")
    with serving(FakeSplunkd(settings)) as splunkd:
        with Endpoints(built_app, sys.executable, splunkd, tmp_path) as endpoints:
            with web.serving(web.SplunkWeb(endpoints)) as splunk_web:
                yield splunk_web
    assert splunk_web.unknown == []
    assert splunkd.unknown == []


@pytest.fixture
def flow(browser: str, page: web.SplunkWeb) -> Flow:
    """Run steps on the page; what it says must hold no error but those of refused requests."""

    def run(steps: Steps) -> dict[str, Any]:
        asked = {"browser": browser, "steps": [{"open": page.uri + web.PAGE}, *steps]}
        done = subprocess.run(
            ["node", str(HERE / "page" / "flow.mjs")],
            cwd=chromium.BUILD,
            input=json.dumps(asked),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        assert answer["failed"] == ""
        refused = [text for text in answer["errors"] if text.startswith("Failed to load resource")]
        assert answer["errors"] == refused
        assert len(refused) == len(answer["refused"])
        return answer

    return run


@pytest.fixture
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a step that takes a picture, for the documentation if that was asked for."""
    folder = IMAGES if request.config.getoption("--update-golden") else tmp_path
    return lambda name: {"picture": str(folder / f"configure-{name}.png")}


def test_signals_are_added_refused_edited_switched_off_and_deleted(flow, page, picture):
    splunkd = page.endpoints.splunkd
    answer = flow(
        [
            {"see": "Minimum score"},
            picture("scoring"),
            {"tab": "Signals"},
            {"see": "No records found"},
            {"press": "Add"},
            {"fill": SIGNAL},
            {"choose": ["scope", "its direct children"]},
            {"press": "Add"},
            {"see": "takes too long on a text that holds 'a' very often"},
            picture("refused"),
            {"fill": {"pattern": GOOD_PATTERN}},
            {"press": "Add"},
            {"see": 'Created "USR001"'},
            {"press": "Add"},
            {"fill": {"name": "WIN999"}},
            {"choose": ["action", "Switch off"]},
            {"press": "Add"},
            {"see": "no shipped signal has this id"},
            {"fill": {"name": "WIN006", "note": "Our login scripts do this."}},
            {"press": "Add"},
            {"see": 'Created "WIN006"'},
            {"press": "Add"},
            {"fill": {"name": "MSI009"}},
            {"choose": ["action", "Change weight"]},
            {"fill": {"weight": "5"}},
            {"press": "Add"},
            {"see": 'Created "MSI009"'},
            {"row": ["USR001", "Edit"]},
            {"fill": {"weight": "55"}},
            {"press": "Update"},
            {"see": 'Updated "USR001"'},
            picture("signals"),
            {"row": ["WIN006", "Delete"]},
            {"see": "Are you sure"},
            {"press": "Delete"},
            {"see": 'Deleted "WIN006"'},
        ]
    )
    assert (
        answer["refused"]
        == [
            "500 /en-US/splunkd/__raw/servicesNS/nobody/TA-installerscore/ta_installerscore_signals"
        ]
        * 2
    )
    assert set(splunkd.signals) == {"USR001", "MSI009"}
    saved = splunkd.signals["USR001"]
    assert (saved["weight"], saved["scope"], saved["pattern"]) == ("55", "child", GOOD_PATTERN)
    assert splunkd.signals["MSI009"]["weight"] == "5"
    log = page.endpoints.log.read_text(encoding="utf-8")
    assert [line.split(" action=")[1].split()[0] for line in log.splitlines()] == [
        "create",
        "create",
        "create",
        "edit",
        "remove",
    ]


def test_allowlist_settings_and_logging_are_saved(flow, page, picture):
    splunkd = page.endpoints.splunkd
    flow(
        [
            {"tab": "Allowlist"},
            {"press": "Add"},
            {"fill": ALLOWANCE},
            {"choose": ["scope", "who started the installer: its whole tree"]},
            {"choose": ["field", "parent_process_path"]},
            {"press": "Add"},
            {"see": "is not anchored"},
            {"fill": {"pattern": r"(?i)^c:\\tools\\deploy\.exe$", "expires": "soon"}},
            {"press": "Add"},
            {"see": "Expires must be a date"},
            {"fill": {"expires": "2999-02-30"}},
            {"press": "Add"},
            {"see": "'2999-02-30' is not a date"},
            {"fill": {"expires": "2999-12-31"}},
            picture("allowlist-entry"),
            {"press": "Add"},
            {"see": 'Created "our_deploy"'},
            {"tab": "Scoring"},
            {"fill": {"severity_low": "70"}},
            {"press": "Save"},
            {"see": "The severities must rise"},
            {"fill": {"severity_low": "25"}},
            {"press": "Save"},
            {"see": "Updated"},
            {"tab": "Logging"},
            {"see": "Log level"},
        ]
    )
    assert set(splunkd.allowlist) == {"our_deploy"}
    assert splunkd.allowlist["our_deploy"]["scope"] == "requester"
    assert splunkd.stanzas["scoring"]["severity_low"] == "25"


def test_power_sees_the_page_and_is_told_why_nothing_is_saved(flow, page):
    page.key = POWER
    flow(
        [
            {"tab": "Signals"},
            {"press": "Add"},
            {"fill": {**SIGNAL, "pattern": GOOD_PATTERN}},
            {"press": "Add"},
            {"see": "requires capability: edit_installerscore"},
        ]
    )
    assert page.endpoints.splunkd.writes == []
