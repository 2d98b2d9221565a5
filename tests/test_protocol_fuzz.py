"""Hostile input: every input gives rows or clear messages, in frames that splunkd can read."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import engine
import pytest
import scp
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_fuzz.target import Target, Wrong, judged

INPUTS = 20_000
BATCHES = 20
GETINFO = scp.frame(scp.getinfo_metadata(splunkd_uri=""))
DPKG = {
    "_time": 1_700_000_000,
    "dest": "h",
    "process_id": 7,
    "process_name": "dpkg",
    "process": "dpkg -i a.deb",
    "parent_process_id": 1,
    "parent_process_name": "systemd",
}
SCRIPT = {**DPKG, "process_id": 8, "process_name": "sh", "process": "sh x"}


def chunk(*rows: dict[str, Any], finished: Any = True) -> bytes:
    return scp.frame({"action": "execute", "finished": finished}, scp.encode_body(rows))


@pytest.fixture(scope="module")
def target() -> Target:
    return Target(engine.LOOKUPS)


@pytest.mark.parametrize("batch", range(BATCHES))
def test_any_input_gives_rows_or_clear_messages(target: Target, batch: int) -> None:
    kinds = set()
    for seed in range(batch * INPUTS // BATCHES, (batch + 1) * INPUTS // BATCHES):
        kinds.add(target.seed(seed).kind)
    assert kinds == {"rows", "messages", "error", "nothing"}


CELLS = st.text(st.characters(codec="utf-8"), max_size=8)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(
    st.lists(st.sampled_from(sorted(DPKG)) | CELLS, min_size=1, max_size=6),
    st.lists(st.lists(CELLS, max_size=8), max_size=5),
    st.sampled_from(["trees", "processes", "health"]),
)
def test_any_table_gives_rows_or_clear_messages(
    target: Target, columns: list[str], table: list[list[str]], output: str
) -> None:
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in table]
    body = "\n".join([",".join(columns), *lines]).encode()
    getinfo = scp.frame(scp.getinfo_metadata(f"output={output} minscore=0", splunkd_uri=""))
    target.run(getinfo + scp.frame({"action": "execute", "finished": True}, body))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(b"", "nothing", id="nothing at all"),
        pytest.param(b"\n", "error", id="a blank line"),
        pytest.param(chunk(DPKG), "error", id="rows before getinfo"),
        pytest.param(GETINFO + GETINFO + chunk(DPKG), "error", id="a second getinfo"),
        pytest.param(GETINFO + chunk(DPKG) + GETINFO, "rows", id="a getinfo after the answer"),
        pytest.param(GETINFO + chunk(DPKG) + b"\x00\xff", "rows", id="garbage after the answer"),
        pytest.param(GETINFO + chunk(DPKG, finished=False), "nothing", id="no end"),
        pytest.param(GETINFO + scp.frame({"action": "x"}), "error", id="an unknown action"),
        pytest.param(GETINFO + b"chunked 1.0,1%d,0\n{}" % 10**30, "error", id="a length too long"),
        pytest.param(
            GETINFO + b"chunked 1.0,100000,0\n" + b"[" * 100_000, "error", id="nested too deeply"
        ),
        pytest.param(b"chunked 1.0,2,0\n{}", "error", id="no action"),
        pytest.param(
            scp.frame({"action": "getinfo", "searchinfo": {"earliest_time": "rt"}}) + chunk(DPKG),
            "rows",
            id="times that are no numbers",
        ),
        pytest.param(
            scp.frame({"action": "getinfo", "searchinfo": [1]}) + chunk(DPKG), "rows", id="no info"
        ),
        pytest.param(
            GETINFO + chunk({**DPKG, "process_id": "9" * 5_000}), "rows", id="an id of 5,000 digits"
        ),
        pytest.param(
            GETINFO + chunk(DPKG, {**SCRIPT, "process_id": "8" * 5_000}), "rows", id="its child"
        ),
        pytest.param(
            GETINFO + chunk(DPKG, {**SCRIPT, "process_id": "\u00b2"}), "rows", id="a raised 2"
        ),
        pytest.param(
            GETINFO + chunk({**DPKG, "process_id": "0x" + "f" * 400_000}),
            "rows",
            id="a long hex id",
        ),
        pytest.param(
            scp.frame(scp.getinfo_metadata(["a\nb=c\nd"])) + chunk(DPKG), "error", id="line feeds"
        ),
        pytest.param(
            scp.frame(scp.getinfo_metadata(["x" * 100_000])) + chunk(DPKG),
            "error",
            id="a long word",
        ),
        pytest.param(
            GETINFO + chunk({"a\nb": 1, "c" * 2_000: 2}), "messages", id="columns with line feeds"
        ),
    ],
)
def test_what_once_went_wrong(target: Target, data: bytes, kind: str) -> None:
    assert target.run(data).kind == kind


@pytest.mark.parametrize("seed", range(12))
def test_the_built_command_keeps_its_promises_too(
    target: Target, built_app: Path, python: str, seed: int
) -> None:
    target.seed(seed, python)


def test_the_judge_sees_what_is_wrong() -> None:
    finished = scp.frame({"finished": True})
    data = GETINFO + chunk(DPKG)
    rows = scp.encode_body([{"a": 1}])
    for output in (
        b"",
        finished,
        finished[:-1],
        finished * 3,
        scp.frame({"type": "reporting"}),
        scp.frame({"type": "reporting"}) + scp.frame({"finished": True, "x": 1}),
        scp.frame({"type": "reporting"}) + _said("ERROR", "Traceback (most recent call last)."),
        scp.frame({"type": "reporting"}) + _said("ERROR", "two\nlines."),
        scp.frame({"type": "reporting"}) + _said("ERROR", "no full stop"),
        scp.frame({"type": "reporting"}) + _said("FATAL", "A level."),
        scp.frame({"type": "reporting"}) + _said("ERROR", "Beside rows.", rows),
        scp.frame({"type": "reporting"}) + scp.frame({"finished": True}, rows + b"1,2,3\n"),
    ):
        with pytest.raises(Wrong):
            judged(data, output)
    assert judged(data, scp.frame({"type": "reporting"}) + finished).kind == "nothing"


def _said(level: str, text: str, body: bytes = b"") -> bytes:
    return scp.frame({"finished": True, "inspector": {"messages": [[level, text]]}}, body)


def test_reading_takes_no_room_for_what_never_comes(built_app: Path, python: str) -> None:
    """10 GiB are announced and ten bytes come, in an address space of 2 GiB."""
    script = (
        "import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31));"
        "runpy.run_path('installerscore.py', run_name='__main__')"
    )
    done = subprocess.run(
        [python, "-c", script],
        cwd=built_app / "bin",
        env=scp.clean_environment(),
        input=GETINFO + b"chunked 1.0,2,10737418240\n{}0123456789",
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    output = io.BytesIO(done.stdout)
    scp.read_frame(output)
    (message,) = scp.read_frame(output).messages
    assert "10,737,418,240 bytes were announced and 10 came" in message.text
