"""The searches and the runner, checked by engines that know nothing of either.

Rules are read from the folder of public rules beside the project, where it is there.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT
from engine import CASES, completed
from spl.app import App
from spl.cases import FOLDER, NOW, START, load
from spl.errors import SplError
from spl.macros import Macro
from spl.matching import Row
from spl.runner import Run

sys.path.insert(0, str(ROOT))
from evaluation.baselines import kql, sigma

SHARED = ROOT.parent / "shared"
RULES = SHARED / "baselines"
RECORDINGS = (SHARED / "data" / "windows" / "process_events.jsonl.gz",)
LINUX = tuple(
    SHARED / "data" / "linux" / f"{n}.jsonl.gz" for n in ("benign", "malicious", "network")
)
OBJECT_NAME = {"drop_dm_object_name(1)": Macro(("object",), 'rename "$object$.*" as *')}
needs_rules = pytest.mark.skipif(not RULES.is_dir(), reason="no folder of public rules beside here")


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [m for m in modules if find_spec(m.split(".")[0]) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def recorded(*paths: Path) -> list[Row]:
    """Return recorded events, from what there is of the folder of data beside the project."""
    rows = []
    for path in paths:
        if path.exists():
            with gzip.open(path, "rt", encoding="utf-8") as file:
                rows += [json.loads(line) for line in file]
    return [{k: v for k, v in row.items() if v not in (None, "")} for row in rows]


def written(data_set: str = "Endpoint.Processes") -> list[Row]:
    """Return the events of all data sets of the searches' tests."""
    cases = [case for path in sorted(FOLDER.glob("*.yml")) for case in load(path)]
    return [dict(row) for case in cases for row in case.data.get(data_set, [])]


def of_signals() -> list[Row]:
    """Return the process creations of the signals' case files, near misses too."""
    contents = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))
    ]
    cases = [case for content in contents for case in content["match"] + content["near_miss"]]
    events = [event for case in cases for event in completed(case["events"])]
    return [e for e in events if not {"dest_ip", "file_path", "registry_path"} & e.keys()]


# --- the runner and SQLite agree on Sigma rules ---------------------------------------------


def process_events() -> list[Row]:
    """Return process creations with full paths, as Sysmon gives them, each with its number."""
    rows = [r for r in recorded(*RECORDINGS) + written() + of_signals() if "process" in r]
    for number, row in enumerate(rows):
        for who in ("", "parent_"):
            if f"{who}process_name" in row:
                row.setdefault(f"{who}process_path", full_path(row[f"{who}process_name"]))
        row["process_guid"] = f"row{number}"
    return rows


def full_path(name: str) -> str:
    """Return a path for events that name the program only, as Sigma rules ask for one."""
    windows = name.lower().endswith((".exe", ".tmp"))
    return f"C:\\Windows\\System32\\{name}" if windows else f"/usr/bin/{name}"


@needs_rules
@needs("sigma.backends.splunk", "sigma.backends.sqlite")
def test_sigma_rules_find_the_same_through_the_runner_and_through_sqlite() -> None:
    rows = process_events()
    files = sorted((RULES / "sigma").glob("proc_creation_*.yml"))
    by_sqlite: dict[str, set[int]] = {}
    for hit in sigma.find(RULES, rows).hits:
        by_sqlite.setdefault(hit.rule, set()).add(hit.row)
    compared, refused = 0, []
    for file in files:
        try:
            found = through_the_runner(file, rows)
        except (SplError, NotImplementedError) as error:
            refused.append((file.stem, str(error).splitlines()[0]))
            continue
        assert found == by_sqlite.get(file.stem, set()), file.stem
        compared += 1
    assert compared >= 60, refused
    assert sum(map(len, by_sqlite.values())) > 50


def through_the_runner(file: Path, rows: list[Row]) -> set[int]:
    """Return the events that a rule finds as a search of the CIM data model."""
    backend = import_module("sigma.backends.splunk").SplunkBackend
    pipeline = import_module("sigma.pipelines.splunk").splunk_cim_data_model()
    collection = import_module("sigma.collection").SigmaCollection
    unsupported = import_module("sigma.exceptions").SigmaTransformationError
    rules = collection.from_yaml(file.read_text(encoding="utf-8"))
    try:
        queries = backend(processing_pipeline=pipeline).convert(rules, output_format="data_model")
    except unsupported as error:
        raise NotImplementedError(str(error)) from error
    found: set[int] = set()
    for query in queries:
        run = Run({"Endpoint.Processes": rows}, OBJECT_NAME, {}, {}, 2e9, 0, 2e9)
        found |= {int(row["process_guid"][3:]) for row in run.search(query).rows}
    product = rules.rules[0].logsource.product
    return {n for n in found if product in (None, sigma.system_of(rows[n]))}


# --- the Sentinel rule, verbatim, and our two searches --------------------------------------

SPAWN = "Installer - Installer Spawned Script Interpreter or LOLBin - Rule"
OUTBOUND = "Installer - Installer Outbound Connection to Public Address - Rule"
SENTINEL_PARENTS = {"msiexec.exe", "installer", "pkgutil", "dpkg", "rpm", "yum", "apt"}
SENTINEL_CHILDREN = set(
    "powershell.exe pwsh.exe cmd.exe wscript.exe cscript.exe mshta.exe certutil.exe bitsadmin.exe"
    " bash sh python3 python".split()
)
SENTINEL_CONNECTING = {"msiexec.exe", "installer"}


@pytest.fixture(scope="module")
def app(built_app: Path) -> App:
    return App(built_app, NOW)


def found_by_sentinel(rows: list[Row]) -> set[int]:
    found = {hit.row for hit in kql.find(RULES, rows).hits}
    return found | {hit.row for hit in kql.find(RULES, rows, dash_as_sh=True).hits}


@needs_rules
@needs("duckdb_kql", "duckdb")
def test_every_child_that_the_sentinel_rule_finds_is_found_and_more_for_a_reason(app: App) -> None:
    rows = recorded(*RECORDINGS, *LINUX[:2]) + written() + of_signals()
    rows = [{**r, "_time": START, "process_guid": f"row{n}"} for n, r in enumerate(rows)]
    result = app.run(app.searches[SPAWN]["search"], {"Endpoint.Processes": rows})
    ours = {int(row["process_guid"][3:]) for row in result.rows}
    theirs = found_by_sentinel(rows)
    assert theirs - ours == set()
    assert len(theirs) > 50
    reasons = Counter(why_a_child_is_ours_alone(rows[n]) for n in ours - theirs)
    assert set(reasons) == {
        "an installer that the rule does not name",
        "an interpreter or program that the rule does not name",
    }


def why_a_child_is_ours_alone(row: Row) -> str:
    parent = str(row.get("parent_process_name", "")).lower()
    child = str(row.get("process_name", "")).lower()
    if parent not in SENTINEL_PARENTS:
        return "an installer that the rule does not name"
    if child not in SENTINEL_CHILDREN:
        return "an interpreter or program that the rule does not name"
    return "no reason is known"


@needs_rules
@needs("duckdb_kql", "duckdb")
def test_every_connection_that_the_sentinel_rule_finds_is_found_and_more_for_a_reason(
    app: App,
) -> None:
    processes, traffic = written(), connections()
    result = app.run(
        app.searches[OUTBOUND]["search"],
        {"Endpoint.Processes": processes, "Network_Traffic.All_Traffic": traffic},
    )
    ours = {int(row["user"][3:]) for row in result.rows}
    theirs = found_by_sentinel([as_sentinel_sees_it(row) for row in traffic])
    inbound = {n for n, row in enumerate(traffic) if row.get("direction") == "inbound"}
    assert theirs - ours <= inbound, "the rule takes what msiexec accepts for what it asked for"
    assert len(theirs & ours) >= 3
    reasons = {why_a_connection_is_ours_alone(traffic[n]) for n in ours - theirs}
    assert reasons == {
        "an installer that the rule does not name",
        "a program that is known by its process id only",
    }


def connections() -> list[Row]:
    """Return connections, recorded and written, each with its number as user."""
    rows = []
    for row in recorded(LINUX[2]):
        peer = {"src": row["dest"], "dest": row["dest_ip"], "dest_ip": row["dest_ip"]}
        known = {k: row[k] for k in ("dest_port", "process_id", "app") if k in row}
        rows.append({**peer, **known})
    rows += written("Network_Traffic.All_Traffic")
    return [{**row, "_time": START, "user": f"row{n}"} for n, row in enumerate(rows)]


def as_sentinel_sees_it(row: Row) -> Row:
    """Return a connection with the program's name and the address, as Defender gives them."""
    name = str(row.get("app", "")).replace("\\", "/").rsplit("/", 1)[-1]
    address = str(row.get("dest_ip", row["dest"])).split("%")[0]
    return {**row, "process_name": name, "dest_ip": address, "dest_port": row.get("dest_port", 0)}


def why_a_connection_is_ours_alone(row: Row) -> str:
    if "app" not in row:
        return "a program that is known by its process id only"
    name = as_sentinel_sees_it(row)["process_name"].lower()
    return (
        "no reason is known"
        if name in SENTINEL_CONNECTING
        else "an installer that the rule does not name"
    )


# --- ESCU's own forms of the two seed searches ----------------------------------------------


@needs_rules
@pytest.mark.parametrize(
    ("rule", "letter"),
    [
        ("windows_msiexec_dllregisterserver", "y"),
        ("windows_msiexec_unregister_dllregisterserver", "z"),
    ],
)
def test_what_the_wildcards_of_escu_find_in_truth_is_found(
    app: App, rule: str, letter: str
) -> None:
    """Their wildcards match the letter anywhere; ours must keep every real switch of theirs."""
    rows = [r for r in written() + of_signals() + recorded(*RECORDINGS) if "process" in r]
    rows = [{**r, "_time": START, "process_guid": f"row{n}"} for n, r in enumerate(rows)]
    data = {"Endpoint.Processes": rows}
    text = (RULES / f"escu_{rule}.spl").read_text(encoding="utf-8").strip()
    theirs = {row["process"] for row in app.run(text, data).rows}
    search = next(s["search"] for n, s in app.searches.items() if f"`{rule}_filter`" in s["search"])
    ours = {row["process"] for row in app.run(search, data).rows}
    switches = {p for p in theirs if has_switch(p, letter)}
    assert switches
    assert switches <= ours
    assert not [p for p in ours if not has_switch(p, letter)]
    assert len(theirs) > len(switches)


def has_switch(line: str, letter: str) -> bool:
    """Tell by reading the line character by character whether msiexec is given the switch."""
    for place, sign in enumerate(line):
        if sign not in "/-–—―" or line[place + 1 : place + 2].lower() != letter:
            continue
        before, after = line[:place].lower(), line[place + 2 :]
        starts = not before or before[-1] in ' "\t' or before.endswith(("msiexec", ".exe", "/q"))
        file = after.split(" ")[0].lower().endswith((".dll", ".ocx", ".cpl", ".ax"))
        path = (
            after[:1] in ("", " ", '"', "\t", "\\", "%")
            or after[1:2] == ":"
            or after[:2] in (".\\", "..")
        )
        if starts and (path or file):
            return True
    return False
