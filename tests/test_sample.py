"""The bundled sample is what samples/README.md says it is."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import sample

RECORDINGS = Path(__file__).resolve().parents[2] / "shared/data/linux"
CHAINS = sample.load()
DOCUMENTATION = [ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
CIM = set(
    "_time dest src user action process_name process process_path process_exec original_file_name "
    "process_id process_guid process_integrity_level process_current_directory "
    "parent_process_name parent_process parent_process_path parent_process_exec "
    "parent_process_id parent_process_guid dest_ip dest_port transport url app file_path "
    "file_name registry_path registry_key_name registry_value_name registry_value_data "
    "service_name service_path start_mode vendor_product sourcetype".split()
)


def test_every_file_has_a_label_and_the_reverse():
    files = {
        path.relative_to(sample.SAMPLES).with_suffix("").as_posix()
        for path in sample.SAMPLES.rglob("*.jsonl")
    }
    assert files == {chain.name for chain in CHAINS}
    assert {chain.label for chain in CHAINS} == {"malicious", "benign", "background"}
    assert {chain.origin for chain in CHAINS} == {"real", "written"}
    readme = (sample.SAMPLES / "README.md").read_text(encoding="utf-8")
    for chain in CHAINS:
        if chain.origin == "written" and chain.label != "background":
            assert f"`{Path(chain.name).name}`" in readme


def test_small_enough_to_read_and_to_diff():
    size = sum(path.stat().st_size for path in sample.SAMPLES.rglob("*"))
    assert size < 1_500_000


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_rows_are_cim_rows_in_time_order(chain):
    times = [row["_time"] for row in chain.rows]
    assert times == sorted(times)
    for row in chain.rows:
        assert set(row) <= CIM
        assert None not in row.values()
        assert "" not in row.values()
        assert row["dest"]
        assert row["process_name"]
        assert row["process_id"]
        if "dest_ip" in row:
            address = ip_address(row["dest_ip"])
            assert address.is_private or any(address in net for net in DOCUMENTATION)


@pytest.mark.parametrize(
    "chain", [c for c in CHAINS if c.origin == "written"], ids=lambda chain: chain.name
)
def test_written_rows_hang_together(chain):
    """Parents come before children, with the fields that the child says they have."""
    processes = [row for row in chain.rows if sample.kind(row) == "process"]
    seen: dict[tuple[str, int], dict] = {}
    for row in processes:
        parent = seen.get((row["dest"], row["parent_process_id"]))
        if parent is not None:
            assert row["parent_process_path"] == parent["process_path"]
            assert row.get("parent_process_guid") == parent.get("process_guid")
        assert row["parent_process_id"] != row["process_id"]
        seen[row["dest"], row["process_id"]] = row
    guids = [row["process_guid"] for row in processes if "process_guid" in row]
    assert len(guids) == len(set(guids))
    for row in chain.rows:
        if sample.kind(row) != "process":
            owner = seen[row.get("src") or row["dest"], row["process_id"]]
            assert owner["process_name"] == row["process_name"]
            assert owner["_time"] <= row["_time"]


def test_real_chains_are_the_recordings_with_no_process_left_out():
    if not RECORDINGS.is_dir():
        pytest.skip("needs ../shared/data/linux, the full recordings")
    recorded: dict[str, Counter] = {}
    for name in ("benign", "malicious"):
        with gzip.open(RECORDINGS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for event in map(json.loads, lines):
                key = "linux/" + event["source_dataset"].rpartition("/")[2]
                recorded.setdefault(key, Counter())[identity(event)] += 1
    for chain in CHAINS:
        if chain.origin == "real":
            processes = [row for row in chain.rows if sample.kind(row) == "process"]
            assert Counter(map(identity, processes)) == recorded[chain.name]


def identity(event: dict) -> tuple:
    fields = ("_time", "process_guid", "process_id", "parent_process_id", "process")
    return tuple(event.get(name) or None for name in fields)
