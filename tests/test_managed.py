"""Who asked for an install counts: the same silent package, typed by hand and by management."""

from __future__ import annotations

import pytest
import sample
from engine import shipped, tree_rows

CHAIN = next(c for c in sample.load() if c.name == "windows/win_msi_atomic_jscript")
CATALOGUE = shipped()


def score(parent_path: str = "") -> int:
    """Score the chain, its request as it was recorded or started by another program."""
    rows = []
    for row in CHAIN.rows:
        if row.get("process_name") == "msiexec.exe" and " /i " in row["process"] and parent_path:
            name = parent_path.rsplit("\\", 1)[-1]
            row = {**row, "parent_process_path": parent_path, "parent_process_name": name}
            row.update(parent_process=parent_path, parent_process_guid="", parent_process_id="4")
        rows.append(row)
    (tree,) = (t for t in tree_rows(rows, CATALOGUE) if t["installer_family"] == "msi")
    return int(tree["installer_score"])


def test_a_silent_package_that_runs_inline_code_is_medium() -> None:
    assert score() >= 40


@pytest.mark.parametrize(
    "requester",
    [
        r"C:\Windows\CCM\CcmExec.exe",
        r"C:\Program Files (x86)\Microsoft Intune Management Extension\AgentExecutor.exe",
    ],
)
def test_the_same_from_device_management_is_not(requester: str) -> None:
    assert 0 < score(requester) < 40


def test_a_program_that_only_looks_like_device_management_changes_nothing() -> None:
    assert score(r"C:\Users\Public\CCM\CcmExec.exe") == score()
