"""Each source: its sample gives the tree and the score that the same story gives as CIM rows."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from functools import cache
from itertools import chain, permutations
from typing import Any

import pytest
from engine import shipped, tree_rows
from sample import SAMPLES

from installerscore_cli import tables
from installerscore_cli.feed import Feed
from installerscore_cli.inputs import items, opened
from installerscore_cli.readers import Broken
from installerscore_cli.readers.mended import Damage
from installerscore_cli.reading import _records
from installerscore_cli.times import epoch

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


@pytest.fixture(scope="module")
def samples() -> dict[str, list[dict[str, Any]]]:
    """The records of each sample file."""
    found = {}
    for path in sorted(DATA.iterdir()):
        (item,) = items([str(path)])
        with opened(item) as file:
            is_event = Feed(lambda body: None, tables.load()).is_event
            records = _records(file, file.form, Broken(), Damage(), is_event)
            found[path.name] = list(records)
    return found


def rows_of(files: list[list[dict[str, Any]]]) -> Counter[Any]:
    """The rows that the engine gets of the records of files, one after the other."""
    rows: Counter[Any] = Counter()

    def take(body: bytes) -> None:
        header, *lines = csv.reader(io.StringIO(body.decode(), newline=""))
        rows.update(frozenset(zip(header, line)) for line in lines)

    feed = Feed(take, tables.load())
    for records in files:
        feed.begin("events", "here", Broken(), epoch)
        for record in records:
            feed.add(record)
        feed.end()
    feed.flush()
    return rows


def test_what_was_read_before_does_not_change_what_is_read(samples):
    """Every sample after every other one; that of Winlogbeat is ECS as well."""
    alone = {name: rows_of([records]) for name, records in samples.items()}
    assert all(alone.values())
    for one, other in permutations(samples, 2):
        both = rows_of([samples[one], samples[other]])
        assert both == alone[one] + alone[other], (one, other)


def test_no_source_is_passed_over_that_knows_a_record(samples):
    """By the names in a record alone, be they nested or with dots."""
    sources = tables.load().values()
    known = set()
    for record in chain.from_iterable(samples.values()):
        for form in (record, with_dots(record)):
            for source in sources:
                if source.knows(form):
                    assert source.may_know(form), source.name
                    known.add(source.name)
    assert known == set(tables.ORDER)
    assert not any(source.may_know(["name", "color"]) for source in sources)


def with_dots(value: dict[str, Any], before: str = "") -> dict[str, Any]:
    """An object whose names say where in it a value is."""
    flat: dict[str, Any] = {}
    for name, one in value.items():
        flat.update(
            with_dots(one, f"{before}{name}.") if isinstance(one, dict) else {before + name: one}
        )
    return flat


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
