"""Each source: its sample gives the tree and the score that the same story gives as CIM rows."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from engine import shipped, tree_rows
from sample import SAMPLES

from installerscore_cli import tables

from .conftest import DATA

MSI = "windows/win_msi_encoded_powershell"
DEB = "linux/mal_deb_b64"
PKG = "macos/mac_pkg_postinstall_curl_sh"


@cache
def reference(
    name: str, kinds: tuple[str, ...] = ("process", "network", "file", "registry")
) -> Any:
    """The row that the engine gives for a bundled sample."""
    lines = (SAMPLES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    (row,) = tree_rows([event for event in events if kind(event) in kinds], shipped())
    return row


def kind(event: dict[str, Any]) -> str:
    fields = {"network": "dest_ip", "file": "file_path", "registry": "registry_path"}
    return next((name for name, field in fields.items() if field in event), "process")


CASES = {
    "sysmon.xml": ("Sysmon", MSI, {}),
    "sysmon_columns.csv": ("Sysmon", MSI, {}),
    "splunk_raw.csv": ("Sysmon", MSI, {}),
    "winlogbeat.ndjson": ("Sysmon", MSI, {}),
    "security.xml": ("Windows Security log", MSI, {}),
    "defender.csv": ("Microsoft Defender", MSI, {"user": "corp\\jlee"}),
    "defender.json": ("Microsoft Defender", MSI, {"user": "corp\\jlee"}),
    "splunk_export.json": ("CIM", MSI, {"dest": "WKS-FIN-07"}),
    "elastic_defend.ndjson": ("Elastic (ECS)", DEB, {}),
    "sysmon_linux.log": ("Sysmon", DEB, {}),
}
HOSTS = {MSI: "wks-fin-07.corp.example", DEB: "websrv01"}


@pytest.mark.parametrize("name", CASES)
def test_the_sample_of_a_source_gives_the_tree_and_score_of_its_story(program, name):
    title, story, other = CASES[name]
    ran = program(DATA / name, "--output", "jsonl")
    assert ran.code == 0
    assert not ran.warnings
    assert f"{title}: " in ran.err
    (row,) = ran.rows
    wanted = reference(story)
    same = ("installer_score", "installer_severity", "signal", "tree", "process_count", "_time")
    assert {field: row[field] for field in same} == {field: wanted[field] for field in same}
    assert row["user"] == other.get("user", wanted["user"])
    assert row["dest"].lower() == other.get("dest", HOSTS[story]).lower()
    assert row["installer_score"] >= 60


def test_rows_of_a_data_model_without_their_other_events(program):
    (row,) = program(DATA / "splunk_datamodel.csv", "--output", "jsonl").rows
    wanted = reference(MSI, ("process",))
    assert (row["installer_score"], row["tree"]) == (wanted["installer_score"], wanted["tree"])


def test_audit_log_joins_records_and_keeps_failed_calls_and_forks_out(program):
    ran = program(DATA / "audit.log", "--host", "websrv01", "--output", "jsonl")
    (row,) = ran.rows
    wanted = reference(DEB)
    plain = [line.partition("  <-- ")[0] for line in row["tree"]]
    assert plain == [line.partition("  <-- ")[0] for line in wanted["tree"]]
    assert set(row["signal"]) == {*wanted["signal"], "FIL001"}
    assert row["installer_score"] >= wanted["installer_score"]
    assert any("-> file created `/etc/cron.d/cache x`" in line for line in row["signal_detail"])
    assert (row["dest"], row["user"]) == ("websrv01", "root")
    assert not ran.warnings


def test_eslogger_has_no_host_and_no_connections(program):
    ran = program(DATA / "eslogger.jsonl", "--output", "jsonl")
    (row,) = ran.rows
    wanted = reference(PKG, ("process", "file"))
    for field in ("installer_score", "signal", "tree"):
        assert row[field] == wanted[field]
    assert row["dest"] == DATA.name
    assert "--host NAME sets it" in ran.warnings[0]


def test_eslogger_tokens_may_be_lists_since_macos_26(program, tmp_path):
    order = ("auid", "euid", "egid", "ruid", "rgid", "pid", "asid", "pidversion")

    def listed(value: Any) -> Any:
        if isinstance(value, dict):
            if set(order) <= set(value):
                return [value[name] for name in order]
            return {name: listed(one) for name, one in value.items()}
        return value

    lines = (DATA / "eslogger.jsonl").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "new.jsonl"
    path.write_text("\n".join(json.dumps(listed(json.loads(line))) for line in lines))
    (row,) = program(path, "--host", "m", "--output", "jsonl").rows
    assert row["tree"] == reference(PKG, ("process", "file"))["tree"]


def test_every_source_table_has_a_sample():
    titles = {title for title, _, _ in CASES.values()} | {
        "Linux audit log",
        "macOS Endpoint Security (eslogger)",
        "CIM",
    }
    assert titles == {source.title for source in tables.load().values()} | {"CIM"}


def test_tables_hold_fields_that_the_engine_reads():
    from installer_trees.layout import FIELDS

    extra = {"sourcetype", "record_id"}
    for source in tables.load().values():
        for event in source.events:
            assert set(event.fields) <= FIELDS | extra, (source.name, event.name)
            assert event.conditions, (source.name, event.name)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"event": "process", "field": "", "column": "A", "as": "was 1"}, "is not a condition"),
        ({"event": "thing", "field": "user", "column": "A", "as": ""}, "is not an event"),
        ({"event": "process", "field": "user", "column": "A", "as": "upper"}, "is not known"),
    ],
)
def test_a_wrong_table_says_where(row, problem):
    with pytest.raises(tables.TableError, match=rf"mine\.csv, row 2: .*{problem}"):
        tables.read("mine", [row])
