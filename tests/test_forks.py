"""Forks that no sensor told: what they started belongs to the process that forked."""

from __future__ import annotations

from typing import Any

import pytest
from engine import START, run, shipped

Row = dict[str, Any]
LINE = "/usr/bin/worker --warm"
EVENT = {"dest": "h", "user": "root", "sourcetype": "edr"}


def process(time: float, pid: int, line: str, parent: Row, **more: Any) -> Row:
    return {
        **EVENT, "_time": START + time, "process_id": pid, "process_guid": f"{{{pid}}}",
        "process": line, "process_name": line.split()[0].rsplit("/", 1)[-1],
        "parent_process_id": parent["process_id"], "parent_process_guid": parent["process_guid"],
        "parent_process": parent["process"], "parent_process_name": parent["process_name"],
        **more,
    }  # fmt: skip


SESSION = {
    "process_id": 1_000,
    "process_guid": "{1000}",
    "process": "-bash",
    "process_name": "bash",
}
ROOT = process(0, 2_000, "dpkg -i a.deb", SESSION)
WORKER = process(1, 2_001, LINE, ROOT)
FORK = {**WORKER, "process_id": 2_002, "process_guid": "{2002}"}
"""The worker again: its fork, of whose beginning nothing is known."""
CHILD = process(2, 2_003, "sh -c id", FORK)
BELOW = process(3, 2_004, "id", CHILD)
CONTACT = {**EVENT, "_time": START + 4, "process_id": 2_002, "process_guid": "{2002}",
           "process_name": "worker", "dest_ip": "203.0.113.7"}  # fmt: skip


def tree(*rows: Row) -> tuple[Row, list[str]]:
    """Return the one tree of some rows, and the lines of its processes."""
    pipeline, kept = run(list(rows), shipped())
    (row,) = pipeline.tree_rows(kept)
    lines = [node["process"] for node in pipeline.process_rows(kept)]
    pipeline.close()
    return row, lines


@pytest.mark.parametrize("turn", [1, -1])
def test_what_a_fork_started_hangs_under_the_process_that_forked(turn: int) -> None:
    row, lines = tree(*[ROOT, WORKER, CHILD, BELOW][::turn])
    assert lines == ["dpkg -i a.deb", LINE, "sh -c id", "id"]
    assert row["tree_depth"] == 3
    assert row["link_method"] == ["guid", "parent_fields"]


def test_events_of_a_fork_belong_to_the_process_that_forked() -> None:
    pipeline, kept = run([ROOT, WORKER, CHILD, CONTACT], shipped())
    assert len(kept) == 1
    assert pipeline.store.counters.unowned_events == 0


def test_forks_of_what_a_fork_started_are_followed() -> None:
    script = process(3, 2_005, "/opt/a/run.sh --now", CHILD)
    again = {**script, "process_id": 2_006, "process_guid": "{2006}"}
    last = process(4, 2_007, "uname -a", again)
    assert "uname -a" in tree(ROOT, WORKER, CHILD, script, last)[1]


@pytest.mark.parametrize(
    "stranger",
    [
        {**CHILD, "parent_process": "/usr/bin/other"},
        {**CHILD, "dest": "another"},
        {**CHILD, "_time": START + 0.5},
        {**CHILD, "_time": START + 90_000},
        {**BELOW, "parent_process": LINE, "parent_process_guid": "{2002}", "parent_process_id": 1},
        {**CHILD, "parent_process_guid": SESSION["process_guid"]},
    ],
    ids=["line", "host", "before", "too late", "of process 1", "of a known process"],
)
def test_others_stay_outside(stranger: Row) -> None:
    session = {**EVENT, **SESSION, "_time": START - 9, "parent_process_id": 1}
    assert tree(session, ROOT, WORKER, stranger)[1] == ["dpkg -i a.deb", LINE]


@pytest.mark.parametrize("line", ["bash", "-bash", "/bin/sh", "zsh -l", "/sbin/init", "launchd"])
def test_a_line_that_anybody_has_ties_nobody(line: str) -> None:
    shell = process(1, 2_001, line, ROOT)
    fork = {**shell, "process_id": 2_002, "process_guid": "{2002}"}
    assert tree(ROOT, shell, process(2, 2_003, "sh -c id", fork))[1] == ["dpkg -i a.deb", line]


def test_windows_has_no_fork() -> None:
    program = "C:\\x\\worker.exe --warm"
    worker = process(1, 2_001, program, ROOT, process_path="C:\\x\\worker.exe")
    fork = {**worker, "process_id": 2_002, "process_guid": "{2002}"}
    assert tree(ROOT, worker, process(2, 2_003, "cmd /c whoami", fork))[1] == [
        "dpkg -i a.deb",
        program,
    ]
