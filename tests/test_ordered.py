"""Service events 7045 and 4697 name no process: they belong to the install that was under way."""

from __future__ import annotations

from typing import Any

import pytest
from engine import START, run, shipped

CATALOGUE = shipped()
TOOL = "C:\\Program Files (x86)\\Remote Desk\\8812\\AnyDesk.exe"
INSTALL = {
    "_time": START, "dest": "SRV1", "user": "u", "process_id": 100, "process_name": "msiexec.exe",
    "process": "msiexec.exe /i invoice.msi /qn", "parent_process_name": "explorer.exe",
    "process_path": "C:\\Windows\\System32\\msiexec.exe",
}  # fmt: skip
SERVICE = {
    "_time": START + 60, "dest": "srv1", "service_name": "Desk", "start_mode": "auto start",
    "service_path": f'"{TOOL}" --service',
}  # fmt: skip
STARTED = {
    "_time": START + 61, "dest": "SRV1", "user": "SYSTEM", "process_id": 200,
    "process_name": "AnyDesk.exe", "process": f'"{TOOL}" --service', "process_path": TOOL,
    "parent_process_name": "services.exe",
}  # fmt: skip


def first_tree(*events: dict[str, Any]) -> dict[str, Any]:
    pipeline, kept = run(events, CATALOGUE)
    return next(iter(pipeline.tree_rows(kept)))


def test_the_service_that_an_install_registers_and_what_it_starts_belong_to_it() -> None:
    tree = first_tree(INSTALL, SERVICE, STARTED)
    assert "AnyDesk.exe" in "".join(tree["tree"])
    assert "WIN015" in str(tree["signal_detail"])


@pytest.mark.parametrize(
    "change",
    [{"dest": "other"}, {"_time": START - 30}, {"_time": START + 600}],
    ids=["another host", "before", "long after the last step"],
)
def test_other_services_do_not(change: dict[str, Any]) -> None:
    tree = first_tree(INSTALL, {**SERVICE, **change}, {**STARTED, "_time": START + 700})
    assert "AnyDesk.exe" not in "".join(tree["tree"])


def test_of_two_installs_it_is_the_one_that_began_last() -> None:
    later = {**INSTALL, "_time": START + 50, "process_id": 101, "process": "msiexec.exe /i b.msi"}
    pipeline, kept = run([INSTALL, later, SERVICE, STARTED], CATALOGUE)
    owners = [r["process"] for r in pipeline.tree_rows(kept) if "AnyDesk" in "".join(r["tree"])]
    assert owners == ["msiexec.exe /i b.msi"]


def test_an_inventory_of_all_services_is_no_set_up() -> None:
    listed = [{**SERVICE, "service_name": f"s{n}"} for n in range(20)]
    assert "AnyDesk.exe" not in "".join(first_tree(INSTALL, *listed, STARTED)["tree"])


def test_a_service_row_without_install_is_read_and_left_alone() -> None:
    pipeline, kept = run([SERVICE], CATALOGUE)
    assert list(kept) == []
    assert pipeline.store.counters.no_identity == 0
    assert pipeline.store.counters.unowned_events == 1


@pytest.mark.parametrize("copies", [1, 2])
def test_however_many_there_are_those_in_odd_places_count(copies: int) -> None:
    path = "C:\\Users\\Public\\upd.exe"
    ordered = [{**SERVICE, "service_name": f"s{n}", "service_path": path} for n in range(30)]
    tree = first_tree(INSTALL, *ordered * copies)
    assert "SVC001" in str(tree["signal_detail"])


def test_one_service_in_two_logs_is_one() -> None:
    five = [{**SERVICE, "service_name": f"s{n}"} for n in range(5)]
    assert "AnyDesk.exe" in "".join(first_tree(INSTALL, *five, *five, STARTED)["tree"])


def test_short_installs_beside_a_long_one_take_nothing_from_it() -> None:
    """However many of them began since: all were over long before."""
    step = {**INSTALL, "_time": START + 600, "process_id": 101, "process": "msiexec -Embedding A",
            "parent_process_id": 100, "parent_process_name": "msiexec.exe"}  # fmt: skip
    short = [
        {
            **INSTALL,
            "_time": START + 10 + n,
            "process_id": 300 + n,
            "process": f"msiexec /i {n}.msi",
        }
        for n in range(20)
    ]
    late = {**SERVICE, "_time": START + 500}
    pipeline, kept = run([INSTALL, step, *short, late], CATALOGUE)
    trees = [pipeline._tree(one) for one in kept]
    assert [t.top.process.process for t in trees if t.events] == [INSTALL["process"]]
