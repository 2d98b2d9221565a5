"""Rules of today over CIM rows: KQL, SPL and Sigma find what they should or say why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.baselines import escu, kql, sigma

ROWS = [
    {
        "_time": 1.0,
        "dest": "h",
        "user": "u",
        "process_name": "dash",
        "process": "/bin/sh /var/lib/dpkg/info/x.postinst",
        "process_path": "/usr/bin/dash",
        "process_id": 7,
        "parent_process_name": "dpkg",
    },
    {
        "_time": 2.0,
        "dest": "h",
        "process_name": "msiexec.exe",
        "process": "msiexec /i https://a.example/b.msi",
        "process_path": "C:\\Windows\\System32\\msiexec.exe",
        "process_id": 8,
    },
    {
        "_time": 3.0,
        "src": "h",
        "dest": "a.example",
        "process_name": "msiexec.exe",
        "process_path": "C:\\Windows\\System32\\msiexec.exe",
        "process_id": 8,
        "dest_ip": "192.0.2.9",
        "dest_port": 443,
    },
]
KQL = """
let A = DeviceProcessEvents | where Timestamp > ago(24h)
| where InitiatingProcessFileName == "dpkg" and FileName in~ ("SH", "bash")
| project Timestamp, DeviceName;
let B = DeviceNetworkEvents
| where Timestamp > ago(24h) and RemoteIPType == "Public" and RemotePort == 443
| project NetTime=Timestamp, DeviceName;
union A, B
"""
SPL = """| tstats `security_content_summariesonly` count min(_time) as firstTime
from datamodel=Endpoint.Processes where `process_msiexec` Processes.process IN ("*{}*")
by Processes.user Processes.process Processes.original_file_name
| `drop_dm_object_name(Processes)` | `security_content_ctime(firstTime)` | `{}_filter`"""
SIGMA = """
title: {title}
status: test
logsource: {{product: windows, category: {category}}}
detection:
  selection: {selection}
  filter: {{Unknown|contains: x}}
  condition: selection and not filter
level: high
"""


def test_kql_reads_both_tables_and_tells_the_rows_again(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="installed by make evaluate")
    pytest.importorskip("duckdb_kql", reason="needs Python 3.10")
    (tmp_path / "rule.kql").write_text(KQL)
    assert [h.row for h in kql.find(tmp_path, ROWS).hits] == [2], "the program is dash, not sh"
    assert [h.row for h in kql.find(tmp_path, ROWS, dash_as_sh=True).hits] == [0, 2]


def test_a_query_that_cannot_run_is_named(tmp_path: Path) -> None:
    pytest.importorskip("duckdb", reason="installed by make evaluate")
    pytest.importorskip("duckdb_kql", reason="needs Python 3.10")
    (tmp_path / "bad.kql").write_text("NoSuchTable | where x == 1")
    found = kql.find(tmp_path, ROWS)
    assert (found.ran, found.hits) == (0, ())
    assert found.skipped[0][0] == "bad.kql"
    assert "NoSuchTable" in found.skipped[0][1]


def test_searches_run_in_their_own_form(tmp_path: Path) -> None:
    (tmp_path / "escu_remote.spl").write_text(SPL.format("https://", "remote"))
    (tmp_path / "escu_quiet.spl").write_text(SPL.format("/qn", "quiet"))
    (tmp_path / "escu_odd.spl").write_text("| savedsearch x")
    found = escu.find(tmp_path, ROWS)
    assert [(h.row, h.rule, h.severity) for h in found.hits] == [(1, "remote", "medium")]
    assert (found.ran, [name for name, _ in found.skipped]) == (2, ["escu_odd.spl"])


def test_sigma_rules_run_on_their_own_events(tmp_path: Path) -> None:
    pytest.importorskip("sigma.backends.sqlite", reason="needs Python 3.10")
    for name, category, selection in (
        ("a", "process_creation", r"{Image|endswith: '\MSIEXEC.exe', CommandLine|contains: https}"),
        ("b", "network_connection", "{DestinationPort: 443}"),
        ("c", "process_creation", "{CommandLine|re: 'dpkg'}"),
        ("d", "dns_query", "{QueryName: a}"),
    ):
        rule = SIGMA.format(title=name, category=category, selection=selection)
        (tmp_path / f"{name}.yml").write_text(rule)
    found = sigma.find(tmp_path, ROWS)
    assert [(h.row, h.rule, h.severity) for h in found.hits] == [(1, "a", "high"), (2, "b", "high")]
    assert (found.ran, found.skipped) == (3, (("d.yml", "no dns_query events among CIM rows"),))


def test_a_sigma_rule_that_cannot_run_is_a_sentence(tmp_path: Path) -> None:
    """The page of the evaluation shows it; a parser's own words alone say nothing there."""
    pytest.importorskip("sigma.backends.sqlite", reason="needs Python 3.10")
    rule = SIGMA.format(title="kept", category="process_creation", selection="{Image: a}")
    kept = rule.replace("selection and not filter", "write Image to %seen%; then if filter")
    (tmp_path / "kept.yml").write_text(kept)
    (tmp_path / "modifier.yml").write_text(rule.replace("Unknown|contains", "Unknown|odd"))
    (tmp_path / "raw.yml").write_text(rule.replace("category: process_creation", ""))
    assert [reason for _, reason in sigma.find(tmp_path, ROWS).skipped] == [
        "the condition of kept is none that Sigma defines",
        "pySigma cannot run modifier, it says \"Unknown modifier 'odd'\"",
        "no raw windows events among CIM rows",
    ]


@pytest.mark.parametrize("find", [kql.find, escu.find, sigma.find])
def test_a_folder_without_rules_is_said(tmp_path: Path, find: object) -> None:
    found = find(tmp_path, ROWS)  # type: ignore[operator]
    assert found.ran == 0
    assert "there is none in" in found.skipped[0][1]


@pytest.mark.parametrize(
    ("row", "system"),
    [
        ({"process_path": "C:\\a.exe"}, "windows"),
        ({"process_name": "msiexec.exe"}, "windows"),
        ({"process_path": "/usr/bin/dpkg"}, "linux"),
        ({"process_path": "/usr/bin/curl", "vendor_product": "Apple Endpoint Security"}, "macos"),
        ({"process_path": "/System/Library/x"}, "macos"),
    ],
)
def test_the_system_of_a_row(row: dict[str, str], system: str) -> None:
    assert sigma.system_of(row) == system
