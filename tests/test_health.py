"""`output=health`: one row a source, and in words what is lost by what is missing."""

from __future__ import annotations

from typing import Any

from engine import START, completed, run
from installer_trees.health import HEALTH_COLUMNS
from test_score import catalogue, install


def health(events: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    pipeline, _ = run(events, catalogue({}))
    rows = pipeline.health_rows()
    assert all(set(row) == set(HEALTH_COLUMNS) for row in rows)
    return {row["sourcetype"]: row for row in rows}


def sysmon(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give events what Sysmon has: GUIDs, milliseconds, original file names."""
    names = {event["process_id"]: f"{{{event['process_id']}}}" for event in events}
    return [
        {
            **event,
            "sourcetype": "sysmon",
            "_time": event["_time"] + 0.123,
            "process_guid": names[event["process_id"]],
            "parent_process_guid": names.get(event.get("parent_process_id"), "{1}"),
            "parent_process_name": event.get("parent_process_name", "explorer.exe"),
            "original_file_name": event["process_name"],
            "process_path": "C:\\x\\" + event["process_name"],
        }
        for event in events
    ]


def test_a_good_source() -> None:
    row = health(sysmon(install("sh", "ls", "id")))["sysmon"]
    assert (row["rows"], row["processes"], row["hosts"], row["installers"]) == (4, 4, 1, 1)
    assert (row["linked_by_guid"], row["linked_by_pid"], row["orphans"]) == (3, 0, 1)
    assert [row[c] for c in HEALTH_COLUMNS if c.endswith("_pct")] == [100.0] * 5
    assert row["health"] == "Good: identities, command lines and parents are there."


def test_a_poor_source_says_what_is_lost() -> None:
    event = {"process_name": "cmd.exe", "process_path": "C:\\x\\cmd.exe", "sourcetype": "4688"}
    row = health(completed([event] * 4))["4688"]
    for part in ("without process_guid", "Without process_guid", "without command lines",
                 "without parent fields", "without original_file_name", "whole seconds",
                 "100% of the processes have no parent"):  # fmt: skip
        assert part.lower() in row["health"].lower()
    assert row["process_pct"] == row["process_guid_pct"] == 0


def test_sources_are_told_apart_and_events_counted() -> None:
    contact = {"by": 0, "dest_ip": "8.8.8.8", "sourcetype": "zeek", "_time": START}
    plain = completed([*install("sh"), {"process": "ls", "vendor_product": "Acme EDR"}, contact])
    rows = health([*plain, {**plain[0], "process_id": 9, "_time": "never"}])
    assert sorted(rows) == ["Acme EDR", "unknown", "zeek"]
    assert (rows["zeek"]["network"], rows["zeek"]["processes"]) == (1, 0)
    assert rows["zeek"]["health"].startswith("No process creations")
    assert rows["unknown"]["bad_time"] == 1
    assert rows["unknown"]["first_time"] == str(START)
    assert rows["unknown"]["last_time"] == str(START + 1)
    assert (rows["zeek"]["first_time"], rows["zeek"]["last_time"]) == (str(START),) * 2


def test_other_systems_need_no_original_file_name() -> None:
    row = health(install("sh"))["unknown"]
    assert "original_file_name" not in row["health"]


def test_links_are_counted_as_the_trees_have_them() -> None:
    """What takes over the process of an installer hangs under it in the trees, too."""
    parent = {"parent_process_id": 2, "process_id": 7}
    rows = completed([{"process": "dpkg -i a.deb", **parent}, {"process": "sh -c x", **parent}])
    assert health(rows)["unknown"]["linked_by_pid"] == 1


def test_a_process_is_linked_in_one_way_or_an_orphan() -> None:
    """A script that is left to process 1 is tied to what started it, in the trees too."""
    script = "/bin/sh /var/lib/dpkg/info/a.postinst configure"
    rows = [
        {"_time": START + time, "dest": "h", "process_id": pid, "parent_process_id": parent,
         "process_name": line.split()[0].split("/")[-1], "process": line,
         "parent_process_name": above.split()[0].split("/")[-1], "parent_process": above}
        for time, pid, parent, line, above in (
            (0, 11, 10, "dpkg -i /tmp/a.deb", "bash"),
            (1, 12, 11, script, "dpkg -i /tmp/a.deb"),
            (1.5, 13, 1, "bash -c x", "/sbin/init"),
        )
    ]  # fmt: skip
    row = health(rows)["unknown"]
    links = {name: row[name] for name in HEALTH_COLUMNS if name.startswith("linked_by_")}
    assert links["linked_by_tie"] == 1
    assert sum(links.values()) + row["orphans"] == row["processes"] == 3


def test_hosts_are_counted_by_whatever_names_them() -> None:
    rows = completed([{"process": "ls"}] * 3)
    named = [{**row, "dest": "", field: "a"} for row, field in zip(rows, ("host", "dvc", "dest"))]
    assert health(named)["unknown"]["hosts"] == 1
    named[0]["host"] = "b"
    assert health(named)["unknown"]["hosts"] == 2
