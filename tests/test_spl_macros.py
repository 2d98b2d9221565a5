"""The macros: names of other apps as they define them, filters that miss no installer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import build_dashboards
import pytest
import roots_filter
from engine import CASES, ROOT, Event, completed, shipped
from spl.app import App
from spl.cases import NOW, START
from spl.macros import Macro, calls, expand

EVENTS = "| `installer_process_events`"
CIM = {"process", "process_name", "process_path", "original_file_name", "dest", "user", "_time"}
CIM |= {"process_id", "process_guid", "parent_process", "parent_process_name"}


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, NOW)


def process(**fields: Any) -> dict[str, Any]:
    return {"_time": START, "dest": "host1", "process_id": 1, **fields}


MSIEXEC = process(process_name="msiexec.exe", process="msiexec /i a.msi")


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        (
            "process_msiexec",
            "(Processes.process_name=msiexec.exe OR Processes.original_file_name=msiexec.exe)",
        ),
        (
            "security_content_summariesonly",
            "summariesonly=`summariesonly_config` allow_old_summaries=`oldsummaries_config`"
            " fillnull_value=`fillnull_config`",
        ),
        (
            "security_content_ctime(1)",
            'convert timeformat="%Y-%m-%dT%H:%M:%S" ctime($field$)',
        ),
        ("drop_dm_object_name(1)", 'rename "$object$.*" as *'),
    ],
)
def test_macros_of_other_apps_are_as_they_define_them(app: App, name: str, definition: str) -> None:
    assert app.macros[name].definition == definition


def test_the_settings_of_tstats_are_the_same_by_both_names(app: App) -> None:
    expected = "summariesonly=false allow_old_summaries=true fillnull_value=null"
    for name in ("security_content_summariesonly", "installer_tstats"):
        assert expand(f"`{name}`", app.macros) == expected


def test_the_base_search_brings_every_host_on_which_an_installer_ran(app: App) -> None:
    """The signals' cases grow installer trees: the filter must let every one of them through."""
    rows = [
        {**{field: value for field, value in event.items() if field in CIM}, "dest": host}
        for host, events in case_hosts()
        for event in events
        if "dest_ip" not in event
    ]
    result = app.run(EVENTS, {"Endpoint.Processes": rows}, "0", str(START + 86400))
    missing = {row["dest"] for row in rows} - {row["dest"] for row in result.rows}
    assert sorted(missing) == []
    assert len({row["dest"] for row in rows}) > 500


def case_hosts() -> Iterator[tuple[str, list[Event]]]:
    """Give each matching case of the signals a host of its own."""
    for path in sorted(CASES.glob("*.json")):
        for case in json.loads(path.read_text(encoding="utf-8"))["match"]:
            yield f"{path.stem}: {case['name']}", completed(case["events"])


@pytest.mark.parametrize(
    ("pattern", "wildcards"),
    [
        ("", []),
        (r"\s\S+", []),
        (r"(?i)-m\s+pip\d?\s+(?:install|wheel)", ["*-m*pip*install*", "*-m*pip*wheel*"]),
        (r"(?:^|\s)--?install\b", ["*-*install*"]),
        (r"(?<!x)a*bc+d?(?=e)", ["*bc*"]),
        (r"100% [abc]\*", ["*100% **"]),
    ],
)
def test_patterns_become_wildcards_that_match_at_least_the_same(
    pattern: str, wildcards: list[str]
) -> None:
    assert roots_filter.wildcards(pattern) == [w.replace("**", "*") for w in wildcards]


def test_a_child_brings_its_host_when_the_installer_itself_is_not_there(app: App) -> None:
    child = process(process_name="cmd.exe", process="cmd", parent_process_name="msiexec.exe")
    other = process(process_name="cmd.exe", process="cmd", dest="host2")
    rows = app.run(EVENTS, {"Endpoint.Processes": [child, other]}).rows
    assert [row["dest"] for row in rows] == ["host1"]


ORDINARY = [
    ("sh", "sh", "cron"),
    ("bash", "-bash", "sshd"),
    ("dash", "/bin/sh /etc/cron.daily/logrotate", "run-parts"),
    ("python3", "python3 manage.py runserver", "bash"),
    ("node", "node server.js", "bash"),
    ("sudo", "sudo -i", "bash"),
    ("chrome.exe", r'"C:\Users\a\AppData\Local\Google\Chrome\chrome.exe" --type=renderer', ""),
    ("Code.exe", r'"C:\Users\a\AppData\Local\Programs\Code.exe" --type=gpu-process', "Code.exe"),
    (
        "Teams.exe",
        r"C:\Users\a\AppData\Local\Microsoft\Teams\Teams.exe --type=utility",
        "Teams.exe",
    ),
    ("powershell.exe", "powershell.exe -File C:\\ops\\inventory.ps1", "svchost.exe"),
    ("zsh", "-zsh", "login"),
    ("Finder", "/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", "launchd"),
]
"""Name, command line and parent's name of what every host runs all day."""


def test_the_base_search_leaves_hosts_alone_that_installed_nothing(app: App) -> None:
    rows = [
        process(process_name=name, process=line, parent_process_name=parent, dest=f"host{i}")
        for i, (name, line, parent) in enumerate(ORDINARY)
    ]
    rows += [{**row, "dest": f"child of {row['dest']}"} for row in rows]
    for row in rows[len(ORDINARY) :]:
        row.update(parent_process_name=row["process_name"], parent_process=row["process"])
        row.update(process_name="whoami", process="whoami")
    found = app.run(EVENTS, {"Endpoint.Processes": [*rows, {**MSIEXEC, "dest": "one"}]}).rows
    assert [row["dest"] for row in found] == ["one"]


def test_all_processes_of_a_host_come_with_their_own_time(app: App) -> None:
    parent = {**MSIEXEC, "_time": START + 0.1}
    child = process(process_name="a.exe", process="a", process_id=2, _time=START + 0.7)
    rows = app.run(EVENTS, {"Endpoint.Processes": [child, parent]}).rows
    times = {row["process_name"]: row["_time"] for row in rows}
    assert times == {"msiexec.exe": START + 0.1, "a.exe": START + 0.7}
    assert "Processes.process" not in rows[0]
    assert set(rows[0]) >= {"process_guid", "parent_process_guid", "process_integrity_level"}


def test_a_process_id_used_again_stays_two_processes(app: App) -> None:
    again = {**MSIEXEC, "_time": START + 60}
    assert len(app.run(EVENTS, {"Endpoint.Processes": [MSIEXEC, again]}).rows) == 2


@pytest.mark.parametrize(
    ("arguments", "hosts"),
    [
        ("", ["other", "web1", "web2"]),
        ('("web*")', ["web1", "web2"]),
        ("(-20m, now)", ["web2"]),
        ('("web*", -2h, -20m)', ["web1"]),
        ('("nothing")', []),
    ],
)
@pytest.mark.parametrize("macro", ["installer_process_events", "installer_endpoint_events"])
def test_forms_with_hosts_and_a_time_window(
    app: App, macro: str, arguments: str, hosts: list[str]
) -> None:
    rows = [
        {**MSIEXEC, "dest": "web1", "_time": NOW - 1800},
        {**MSIEXEC, "dest": "web2", "_time": NOW - 600},
        {**MSIEXEC, "dest": "other", "_time": NOW - 1800},
    ]
    result = app.run(f"| `{macro}{arguments}`", {"Endpoint.Processes": rows}, "-1h")
    assert sorted(row["dest"] for row in result.rows) == hosts


def test_above_nine_thousand_hosts_every_host_is_read_and_none_is_lost(app: App) -> None:
    rows = [{**MSIEXEC, "dest": f"h{number:05}"} for number in range(10_001)]
    result = app.run(EVENTS, {"Endpoint.Processes": rows})
    assert len(result.rows) == 10_001
    assert not [note for note in result.notes if "cut" in note]


@pytest.mark.parametrize("macro", ["installer_process_events", "installer_endpoint_events"])
def test_a_site_may_read_every_host_and_ask_for_none_before(app: App, macro: str) -> None:
    """Splunk cuts a subsearch at 60 seconds, and nobody reads the messages of a scheduled run."""
    idle = process(process_name="cmd.exe", process="cmd", dest="host2")
    data = {
        "Endpoint.Processes": [MSIEXEC, idle],
        "Network_Traffic.All_Traffic": [
            {"_time": START, "src": "host1", "dest": "203.0.113.7", "process_id": 1}
        ],
    }
    every = {
        "installer_read_hosts(5)": '$field$="$host$"',
        "installer_read_traffic_hosts(4)": '(All_Traffic.dvc="$host$" OR All_Traffic.src="$host$"'
        ' OR All_Traffic.dest="$host$")',
    }
    expanded = expand(f"`{macro}`", {**app.macros, **local(app, every)})
    assert "[" not in expanded.replace("[\\d.]", "")
    asked = app.run(f"| `{macro}`", data).rows
    read = app.run(f"| `{macro}`", data, macros=every).rows
    assert {row["dest"] for row in read} - {row["dest"] for row in asked} == {"host2"}
    assert len(read) == len(asked) + 1
    (named,) = app.run(f'| `{macro}("host2")`', data, macros=every).rows
    assert named["dest"] == "host2"


def local(app: App, definitions: dict[str, str]) -> dict[str, Macro]:
    return {name: Macro(app.macros[name].arguments, d) for name, d in definitions.items()}


def test_events_of_all_kinds_come_in_one_search_without_a_limit(app: App) -> None:
    data = {
        "Endpoint.Processes": [{**MSIEXEC, "process_guid": "{A}"}],
        "Network_Traffic.All_Traffic": [
            {
                "_time": START,
                "src": "host1",
                "dest": "203.0.113.7",
                "dest_port": 443,
                "process_id": 1,
            },
            {"_time": START, "src": "host9", "dest": "203.0.113.8", "dest_port": 443},
        ],
        "Endpoint.Filesystem": [
            {"_time": START, "dest": "host1", "file_path": f"/f{n}", "action": "created"}
            for n in range(51)
        ],
        "Endpoint.Registry": [{"_time": START, "dest": "host1", "registry_path": "HKLM\\x"}],
        "Endpoint.Services": [{"_time": START, "dest": "host1", "service_name": "s"}],
    }
    rows = app.run("| `installer_endpoint_events`", data).rows
    assert len(rows) == 1 + 1 + 51 + 1 + 1
    network = next(row for row in rows if row["dest_port"] == "443")
    assert (network["src"], network["dest_ip"], network["process_id"]) == (
        "host1",
        "203.0.113.7",
        "1",
    )
    assert {row["_time"] for row in rows} == {START}


def test_the_command_ties_all_kinds_to_their_process(app: App) -> None:
    owner = {**MSIEXEC, "process_guid": "{A}", "process": "msiexec /i https://x.example/a.msi /qn"}
    data = {
        "Endpoint.Processes": [owner],
        "Endpoint.Filesystem": [
            {"_time": START + 1, "dest": "host1", "file_path": "/x", "process_guid": "{A}"}
        ],
        "Network_Traffic.All_Traffic": [
            {
                "_time": START + 1,
                "src": "host1",
                "dest": "203.0.113.7",
                "dest_port": 8443,
                "process_id": 1,
            }
        ],
    }
    result = app.run("| `installer_endpoint_events` | installerscore output=trees", data)
    assert len(result.rows) == 1
    assert not [m for m in result.messages if "not used: 0." not in m]


@pytest.mark.parametrize(
    ("names", "hosts"),
    [
        ({"src": "192.0.2.4", "dvc": "HOST1"}, ["HOST1"]),
        ({"src": "host1.corp.example", "dvc": "host1"}, ["host1", "host1.corp.example"]),
        ({"src": "host1", "dvc": "firewall"}, ["firewall", "host1"]),
        ({"src": "host1", "dvc": "Host1"}, ["host1"]),
        ({"src": "host1", "dvc": "unknown"}, ["host1"]),
        ({"src": "host1"}, ["host1"]),
        ({"dvc": "host1"}, ["host1"]),
        ({"src": "far", "dvc": "HOST1", "dest": "host1", "dest_ip": "203.0.113.7"}, ["far"]),
        ({"src": "192.0.2.4"}, []),
    ],
)
def test_a_connection_is_read_by_the_device_that_reports_it_and_by_its_source(
    app: App, names: dict[str, str], hosts: list[str]
) -> None:
    """The Sysmon add-on has an address in `src` where Sysmon could not look the name up."""
    traffic = {"_time": START + 1, "dest": "203.0.113.7", "dest_port": 8443, "process_id": 1}
    data = {"Endpoint.Processes": [MSIEXEC], "Network_Traffic.All_Traffic": [traffic | names]}
    rows = app.run("| `installer_endpoint_events`", data).rows
    found = [row["src"] for row in rows if row["dest_port"] == "8443"]
    assert sorted(found) == sorted(hosts)
    (tree,) = app.run("| `installer_endpoint_events` | installerscore", data).rows
    assert ("203.0.113.7" in "".join(tree["threat_object"])) == bool(hosts)


@pytest.mark.parametrize("fields", ["", " All_Traffic.process_guid"])
def test_connections_go_by_the_guid_of_their_process_where_the_model_has_it(
    app: App, fields: str
) -> None:
    traffic = {"_time": START + 1, "src": "host1", "dest": "203.0.113.7", "process_id": 1}
    data = {
        "Endpoint.Processes": [{**MSIEXEC, "process_guid": "{A}"}],
        "Network_Traffic.All_Traffic": [{**traffic, "process_guid": "{A}"}],
    }
    macros = {"installer_traffic_process": f"All_Traffic.process_id{fields}"}
    rows = app.run("| `installer_endpoint_events`", data, macros=macros).rows
    guids = [row["process_guid"] for row in rows if row["src"] == "host1"]
    assert guids == ["{A}" if fields else "null"]


def test_the_way_out_for_two_sensors_ties_events_of_every_kind(app: App) -> None:
    """The search of docs/limitations.md: the second sensor's events go to the first one's tree."""
    search = limitation("Two sensors with GUIDs of one form")
    both: list[dict[str, Any]] = [
        {**MSIEXEC, "process_guid": "{A-1}", "vendor_product": "Sensor A"},
        {**MSIEXEC, "process_guid": "{B-1}", "vendor_product": "Sensor B"},
    ]
    of_b = {"_time": START + 1, "process_id": 1, "process_guid": "{B-1}"}
    of_b["vendor_product"] = "Sensor B"
    data = {
        "Endpoint.Processes": both,
        "Network_Traffic.All_Traffic": [{**of_b, "src": "host1", "dest": "203.0.113.7"}],
        "Endpoint.Filesystem": [{**of_b, "dest": "host1", "file_path": "C:\\x"}],
        "Endpoint.Registry": [{**of_b, "dest": "host1", "registry_path": "HKLM\\x"}],
        "Endpoint.Services": [{**of_b, "dest": "host1", "service_name": "s"}],
    }
    guids = {"installer_traffic_process": "All_Traffic.process_id All_Traffic.process_guid"}
    for macros in ({}, guids):
        found = app.run(search, data, macros=macros)
        assert len(found.rows) == 1
        assert any("in installer trees: 6; outside of them: 0;" in m for m in found.messages)


def limitation(title: str) -> str:
    """Give the search under a title of docs/limitations.md."""
    text = (ROOT / "docs" / "limitations.md").read_text(encoding="utf-8")
    section = text.split(f"# {title}\n")[1]
    return section.split("```spl\n")[1].split("```")[0]


FILTERS = {
    "process_msiexec": (
        {"process_name": "svc.exe", "original_file_name": "MSIEXEC.EXE"},
        {"process_name": "notmsiexec.exe"},
    ),
    "process_installer": (
        {"process_name": "wmic.exe", "process": "wmic product call install a.msi"},
        {"process_name": "wmic.exe", "process": "wmic os get name"},
    ),
    "process_package_manager": (
        {"process_name": "python3.11", "process": "python3 /usr/bin/pip install x"},
        {"process_name": "python3.11", "process": "python3 manage.py runserver"},
    ),
    "installer_children": (
        {"process_name": "cmd.exe", "parent_process_name": "MSI1A2B.tmp"},
        {"process_name": "cmd.exe", "parent_process_name": "explorer.exe"},
    ),
    "installer_package_manager_children": (
        {"process_name": "sh", "parent_process_name": "node", "parent_process": "npm install x"},
        {"process_name": "sh", "parent_process_name": "node", "parent_process": "node server.js"},
    ),
}
"""CIM filters: what each must let through, and what it must not."""


def test_what_runs_on_every_computer_every_day_brings_no_host_in(app: App) -> None:
    """No row of the lookup matches it either, whatever the command line says."""
    catalogue = shipped()
    data = []
    for glob in roots_filter.EVERYDAY:
        for part in ("", "x86\\", "1.3.2\\"):
            path = "C:\\Users\\u\\AppData\\Local" + glob[1:].replace("*", part)
            name = path.rpartition("\\")[2]
            for command in (f'"{path}"', f"{path} /ua /installsource scheduler", f"{path} --wake"):
                assert catalogue.root_of(name, command, path) is None, command
                data.append(process(process_name=name, process=command, process_path=path))
    search = "| tstats count from datamodel=Endpoint.Processes where "
    for event in data:
        above = {f"parent_{k}": v for k, v in event.items() if k.startswith("process")}
        child = process(process_name="conhost.exe", process="conhost.exe 0x4", **above)
        for macro, asked in (("process_installer", event), ("installer_children", child)):
            (row,) = app.run(f"{search}`{macro}`", {"Endpoint.Processes": [asked]}).rows
            assert int(row["count"]) == 0, event["process"]


SUMMARY = {
    "index": "summary",
    "source": "Installer Trees - Summary",
    "installer_tree_id": "t1",
    "_time": START,
}


@pytest.mark.parametrize("macro", FILTERS)
def test_a_filter_lets_its_processes_through_and_no_others(app: App, macro: str) -> None:
    hit, near_miss = (process(**fields) for fields in FILTERS[macro])
    search = "| tstats count from datamodel=Endpoint.Processes where `{}` by Processes.process_id"
    rows = [hit, {**near_miss, "process_id": 2}]
    found = app.run(search.format(macro), {"Endpoint.Processes": rows}).rows
    assert [row["Processes.process_id"] for row in found] == ["1"]


def test_the_summary_macro_gives_the_last_state_of_each_tree(app: App) -> None:
    events = [
        {**SUMMARY, "installer_score": 20},
        {**SUMMARY, "installer_score": 80, "_time": START + 60},
        {**SUMMARY, "source": "Another Report", "installer_tree_id": "t2"},
        {**SUMMARY, "source": "Installer Trees - Summary Part 2", "installer_tree_id": "t3"},
    ]
    rows = app.run("`installer_summary`", {"events": events}).rows
    assert {row["installer_tree_id"]: row.get("installer_score") for row in rows} == {
        "t1": 80,
        "t3": None,
    }


def test_every_macro_is_run_by_a_search_or_by_a_test_here(app: App) -> None:
    """Searches run theirs in test_searches.py, dashboards in test_dashboards.py."""
    searches = [keys["search"] for keys in app.searches.values()]
    for path in build_dashboards.sources():
        sources = build_dashboards.definition(path)["dataSources"].values()
        searches += [source["options"]["query"] for source in sources]
    reached, waiting = set(), [call.stanza for text in searches for call in calls(text)]
    here = ["process_msiexec", "installer_summary", *FILTERS]
    for macro in ("installer_process_events", "installer_endpoint_events"):
        here += [macro, f"{macro}(1)", f"{macro}(2)", f"{macro}(3)"]
        here += [f"{macro}_part(2)", f"{macro}_part(4)"]  # in test_scale.py
    waiting += here
    while waiting:
        stanza = waiting.pop()
        if stanza not in reached:
            reached.add(stanza)
            waiting += [call.stanza for call in calls(app.macros[stanza].definition)]
    assert app.macros.keys() - reached == set()
