"""Where the tests of pytest-splunk-addon run: on a Splunk that is given, or on the stand-in.

The environment says which: SPLUNK_HOST, SPLUNK_PORT, SPLUNK_USER, SPLUNK_PASSWORD,
SPLUNK_HEC_TOKEN, SPLUNK_HEC_PORT, SPLUNK_HEC_SCHEME. Without SPLUNK_HOST it is the stand-in.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import events
import pytest
import pytest_splunk_addon.splunk
import stand_in
import yaml
from splunksplwrapper.manager.jobs import Jobs
from splunksplwrapper.SearchUtil import SearchUtil
from splunksplwrapper.splunk.cloud import CloudSplunk

APP = "TA-installerscore"
OPTIONS = {
    "SPLUNK_HOST": "splunk_host",
    "SPLUNK_PORT": "splunkd_port",
    "SPLUNK_USER": "splunk_user",
    "SPLUNK_PASSWORD": "splunk_password",
    "SPLUNK_HEC_TOKEN": "splunk_hec_token",
    "SPLUNK_HEC_PORT": "splunk_hec",
    "SPLUNK_HEC_SCHEME": "splunk_hec_scheme",
}
SKIPPED = yaml.safe_load(Path(__file__).with_name("skipped.yml").read_text(encoding="utf-8"))
STAND_IN = pytest.StashKey[stand_in.StandIn]()
PREFIX = re.compile(r"search (.*?) ?earliest_time = (\S+) latest_time = (\S+) ?(.*)", re.DOTALL)


class Searches(SearchUtil):
    """Runs a saved search as Splunk's scheduler does: its own text, its own time range.

    The plugin writes the time range into the text and `search` before it, which Splunk refuses
    where a search begins with `tstats` or a macro that does.
    """

    def checkQueryCountIsGreaterThanZero(
        self, query: str, interval: int = 15, retries: int = 4, max_time: int = 120
    ) -> bool:
        times = {}
        found = PREFIX.fullmatch(query.replace("\\\n", "\n"))
        if found:
            first, times["earliest_time"], times["latest_time"], rest = found.groups()
            query = f"search {first} {rest}" if first.strip() else rest
        for left in reversed(range(retries + 1)):
            job = self.jobs.create(query, max_time=max_time, output_mode="json", **times)
            if len(job.wait(max_time).get_results(output_mode="json")):
                return True
            time.sleep(interval if left else 0)
        return False


def pytest_configure(config: pytest.Config) -> None:
    """Write the samples, start the stand-in if it is wanted, and say where Splunk is."""
    folder = Path.cwd()
    now = time.time()
    events.write(folder, now)
    config.option.splunk_data_generator = str(folder)
    for variable, option in OPTIONS.items():
        if os.environ.get(variable):
            setattr(config.option, option, os.environ[variable])
    if os.environ.get("SPLUNK_HOST"):
        _check_splunk(config)
    else:
        _use_stand_in(config, folder)


def _check_splunk(config: pytest.Config) -> None:
    """Say at once what is missing; the plugin would wait for minutes."""
    for variable in ("SPLUNK_PASSWORD", "SPLUNK_HEC_TOKEN"):
        if not os.environ.get(variable):
            raise pytest.UsageError(f"Set {variable} too: see docs/splunk.md.")
    host, port = config.option.splunk_host, config.option.splunkd_port
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise pytest.UsageError(
            f"Nothing answers on {host}:{port} ({error}); SPLUNK_HOST and SPLUNK_PORT are those "
            "of splunkd's management port."
        ) from None


def _use_stand_in(config: pytest.Config, folder: Path) -> None:
    sample_app = events.ROOT / "docker" / "installerscore_sample"
    splunk = stand_in.StandIn(Path(config.option.splunk_app), sample_app)
    server = stand_in.serving(splunk, folder)
    port = str(server.__enter__())
    config.add_cleanup(lambda: server.__exit__(None, None, None))
    config.option.splunk_host, config.option.splunkd_port = "127.0.0.1", port
    config.option.splunk_hec, config.option.splunk_hec_token = port, stand_in.TOKEN
    config.option.splunk_user, config.option.splunk_password = stand_in.USER, stand_in.PASSWORD
    config.stash[STAND_IN] = splunk
    pytest_splunk_addon.splunk.sleep = lambda seconds: None  # events are there at once


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip, with the reason, what the stand-in cannot do."""
    if STAND_IN not in config.stash:
        return
    for item in items:
        reason = SKIPPED.get(getattr(item, "originalname", ""))
        if reason:
            item.add_marker(pytest.mark.skip(reason=f"the stand-in cannot do it: {reason}"))


@pytest.fixture(scope="session")
def splunk_search_util(splunk: dict[str, Any], request: pytest.FixtureRequest) -> SearchUtil:
    """Search in the add-on's own app, where all its macros are."""
    connector = CloudSplunk(
        splunkd_host=splunk["host"],
        splunkd_port=splunk["port"],
        username=splunk["username"],
        password=splunk["password"],
    ).create_logged_in_connector(owner=splunk["username"], app=APP, sharing="user")
    searches = Searches(Jobs(connector), pytest_splunk_addon.splunk.LOGGER)
    for option in ("search_index", "search_retry", "search_interval"):
        setattr(searches, option, request.config.getoption(option))
    return searches


@pytest.fixture
def splunk_stand_in(request: pytest.FixtureRequest) -> stand_in.StandIn:
    """The stand-in; a test that needs it is skipped on a real Splunk."""
    if STAND_IN not in request.config.stash:
        pytest.skip("only the stand-in tells what it was asked")
    return request.config.stash[STAND_IN]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what the figures mean: the plugin has tests for objects that this add-on has none of."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(_reason(report) for report in skipped)
    found = [
        report
        for report in terminalreporter.stats.get("passed", [])
        if "test_savedsearches" in report.nodeid
    ]
    terminalreporter.section("saved searches")
    terminalreporter.line(f"{len(found)} of {len(events.SEARCHES)} found what is there for them")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} tests skipped: {reason}")


def _reason(report: pytest.TestReport) -> str:
    said = str(report.longrepr[2]).removeprefix("Skipped: ")
    return "the add-on has no such objects" if said.startswith("got empty parameter set") else said
