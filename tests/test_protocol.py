"""The built command over real protocol bytes, under every Python that Splunk ships."""

from __future__ import annotations

import gzip
import random
import re
import subprocess
from pathlib import Path

import interpreters
import pytest
import sample
import scp

CAPTURE = (
    Path(__file__).resolve().parents[2] / "shared/data/protocol/splunk_8.0.3_streaming_input.scp.gz"
)
ROWS = sample.newest_first(sample.load())

TREE_COLUMNS = (
    "_time dest user installer_score installer_severity installer_family process_name process "
    "process_id process_guid parent_process_name parent_process signal signal_detail "
    "mitre_technique_id risk_message tree process_count tree_depth first_time last_time "
    "dest_prevalence tree_fingerprint installer_tree_id link_method allowlist risk_score "
    "risk_object risk_object_type threat_object threat_object_type score_json"
).split()

PREFIXES = {
    "process": "Processes",
    "network": "All_Traffic",
    "file": "Filesystem",
    "registry": "Registry",
    "service": "Services",
}


def run(app: Path, python: str, rows=ROWS, arguments: str = "", **options) -> scp.Result:
    """Run the command; whatever happens it must end well and keep stderr clean."""
    result = scp.run(app, rows, arguments, python=python, **options)
    assert (result.exit_code, result.stderr, result.leftovers) == (0, "", [])
    return result


@pytest.fixture(scope="module")
def expected(built_app: Path, python: str) -> scp.Result:
    """The sample in one chunk: what every other cut and order must equal."""
    return run(built_app, python, chunk_rows=len(ROWS))


# --- getinfo -------------------------------------------------------------------------------

FIELDS = (
    "_time action app dest dest_ip dest_port dvc file_name file_path host original_file_name "
    "parent_process parent_process_guid parent_process_id parent_process_name "
    "parent_process_path process process_current_directory process_exec process_guid "
    "process_hash process_id process_integrity_level process_name process_path "
    "registry_key_name registry_path registry_value_data registry_value_name service "
    "service_exec service_name service_path src start_mode url user"
).split()
MODELS = ("Processes", "All_Traffic", "Ports", "Filesystem", "Registry", "Services")


def test_getinfo_reply_byte_for_byte(built_app, python):
    names = FIELDS + [f"{model}.{name}" for model in MODELS for name in FIELDS[1:]]
    quoted = ",".join(f'"{name}"' for name in names)
    metadata = f'{{"required_fields":[{quoted}],"run_in_preview":false,"type":"reporting"}}'
    assert getinfo(built_app, python, "") == f"chunked 1.0,{len(metadata)},0\n{metadata}".encode()
    assert getinfo(built_app, python, "output=processes") == (
        b'chunked 1.0,67,0\n{"required_fields":["*"],"run_in_preview":false,"type":"reporting"}'
    )


def getinfo(app: Path, python: str, arguments: str) -> bytes:
    with scp.Session(app, python) as session:
        raw = session.getinfo(arguments).raw
        assert session.close() == (0, "")
    return raw


@pytest.mark.parametrize("dispatch_dir", [None, "", "missing"])
def test_getinfo_alone_is_answered_and_touches_nothing(
    built_app, python, tmp_path, monkeypatch, dispatch_dir
):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = sorted(built_app.rglob("*"))
    if dispatch_dir == "missing":
        dispatch_dir = str(tmp_path / "not-there")
    for _ in range(3):
        with scp.Session(built_app, python) as session:
            reply = session.getinfo("output=trees", dispatch_dir=dispatch_dir)
            assert reply.metadata["type"] == "reporting"
            assert session.close() == (0, "")
    assert list(tmp_path.iterdir()) == []
    assert sorted(built_app.rglob("*")) == before


def test_getinfo_loads_what_names_the_fields_and_nothing_else_of_the_engine(built_app, python):
    request = scp.frame(scp.getinfo_metadata("output=trees", dispatch_dir=""))
    script = built_app / "bin" / "installerscore.py"
    said = subprocess.run(
        [python, "-X", "importtime", str(script)], input=request, capture_output=True, check=True
    ).stderr.decode()
    loaded = set(re.findall(r"\binstaller_trees\.(\w+)", said))
    assert loaded == {"errors", "events", "layout"}


def test_required_fields_name_every_field_of_the_sample_plain_and_prefixed(expected):
    required = set(expected.getinfo.metadata["required_fields"])
    used = {(sample.kind(row), name) for row in ROWS for name in row} - {
        (kind, name)
        for kind in PREFIXES
        for name in ("parent_process_exec", "transport", "vendor_product", "sourcetype")
    }
    plain = {name for _, name in used}
    prefixed = {f"{PREFIXES[kind]}.{name}" for kind, name in used if name != "_time"}
    assert plain - required == set()
    assert prefixed - required == set()


# --- framing -------------------------------------------------------------------------------


def capture_frames() -> list[tuple[dict, bytes]]:
    """The requests of a real search, or a skip where the developer's data is not there."""
    if not CAPTURE.exists():
        pytest.skip("needs ../shared/data/protocol, a real capture the project may not carry")
    frames = []
    with gzip.open(CAPTURE) as stream:
        while (request := scp.read_frame(stream)) is not None:
            frames.append((request.metadata, request.raw))
    return frames


def test_client_writes_the_bytes_that_splunkd_writes():
    frames = capture_frames()
    captured = frames[0][0]
    ours = scp.getinfo_metadata()
    assert list(ours) == list(captured)
    assert list(ours["searchinfo"]) == list(captured["searchinfo"])
    for _, raw in frames[1:]:
        body = raw[raw.index(b"}") + 1 :]
        rows = list(scp.decode_body(body))
        assert scp.encode_body(rows, ["_time", "teststring"]) == body


def test_real_capture_is_understood(built_app, python):
    frames = capture_frames()
    with scp.Session(built_app, python) as session:
        replies = [session.exchange(raw) for _, raw in frames]
        assert session.close() == (0, "")
    assert len(replies) == len(frames) == 10
    assert [reply.rows for reply in replies[1:]] == [[]] * 9
    texts = [message.text for reply in replies for message in reply.messages]
    (columns,) = [text for text in texts if "_time, teststring" in text]
    assert "process_name" in columns
    assert "dest" in columns


def test_frame_in_pieces(built_app, python, expected, tmp_path):
    with scp.Session(built_app, python) as session:
        session.exchange(scp.frame(scp.getinfo_metadata(dispatch_dir=str(tmp_path))), piece=40)
        columns = [c for c in scp.columns_of(ROWS) if c in required_of(expected)]
        request = scp.frame({"action": "execute", "finished": True}, scp.encode_body(ROWS, columns))
        reply = session.exchange(request, piece=4093)
        assert session.close() == (0, "")
    assert reply.body == expected.bodies


def required_of(result: scp.Result) -> set[str]:
    return set(result.getinfo.metadata["required_fields"])


def test_carriage_returns_at_line_ends(built_app, python, expected):
    assert run(built_app, python, newline="\r\n").bodies == expected.bodies


def test_one_reply_a_request_and_rows_only_in_the_last(built_app, python):
    result = run(built_app, python, chunk_rows=100)
    *early, last = result.replies
    assert [reply.metadata.get("finished") for reply in early] == [False] * len(early)
    assert [reply.body for reply in early] == [b""] * len(early)
    assert last.metadata["finished"] is True
    assert last.rows


def test_more_rows_than_maxresultrows_come_in_one_reply(built_app, python, expected):
    assert run(built_app, python, maxresultrows=5).bodies == expected.bodies


def test_search_that_is_cancelled_leaves_nothing_behind(built_app, python, tmp_path):
    with scp.Session(built_app, python) as session:
        session.getinfo(dispatch_dir=str(tmp_path))
        session.execute(scp.encode_body(ROWS))
        exit_code, stderr = session.close()
    assert (exit_code, stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


# --- answers -------------------------------------------------------------------------------


def test_columns_of_output_trees_in_order(expected):
    assert expected.replies[-1].columns == TREE_COLUMNS


def test_sorted_by_score_then_time(expected):
    keys = [(-int(row["installer_score"]), float(row["_time"])) for row in expected.rows]
    assert keys == sorted(keys)


@pytest.mark.parametrize("chunk_rows", [1, 7, 333])
def test_same_answer_for_any_chunking(built_app, python, expected, chunk_rows):
    assert run(built_app, python, chunk_rows=chunk_rows).bodies == expected.bodies


@pytest.mark.parametrize("order", ["oldest first", "by kind", 1, 2, 3])
def test_same_answer_for_any_order(built_app, python, expected, order):
    rows = list(reversed(ROWS))
    if order == "by kind":
        rows.sort(key=sample.kind)
    elif order != "oldest first":
        random.Random(order).shuffle(rows)
    assert run(built_app, python, rows, chunk_rows=250).bodies == expected.bodies


@pytest.mark.parametrize("output", ["processes", "health"])
def test_same_answer_for_any_order_in_every_output(built_app, python, output):
    rows = list(ROWS)
    random.Random(4).shuffle(rows)
    answers = [
        run(built_app, python, given, f"output={output}", chunk_rows=size).rows
        for given, size in ((ROWS, 5000), (rows, 100))
    ]
    assert answers[0] == answers[1] != []


def test_same_answer_under_every_python(built_app, expected):
    for version in interpreters.SPLUNK_PYTHONS:
        if (python := interpreters.find(version)) is not None:
            assert run(built_app, python).bodies == expected.bodies


def test_same_answer_with_data_model_prefixes(built_app, python, expected):
    rows = [
        {
            name if name == "_time" else f"{PREFIXES[sample.kind(row)]}.{name}": value
            for name, value in row.items()
        }
        for row in ROWS
    ]
    assert run(built_app, python, rows).bodies == expected.bodies


@pytest.mark.parametrize("filler", ["unknown", "null", "-"])
def test_fill_value_of_tstats_means_missing(built_app, python, expected, filler):
    columns = [name for name in scp.columns_of(ROWS) if name in required_of(expected)]
    rows = [{name: row.get(name, filler) for name in columns} for row in ROWS]
    assert run(built_app, python, rows).bodies == expected.bodies


def test_first_of_several_values_counts(built_app, python, expected):
    several = [
        {**row, "process_name": [row["process_name"], "other.exe"]}
        if "process_name" in row
        else row
        for row in ROWS
    ]
    assert run(built_app, python, several).bodies == expected.bodies


def test_output_processes_gives_every_input_field(built_app, python, expected):
    result = run(built_app, python, arguments="output=processes minscore=50")
    assert "*" in result.getinfo.metadata["required_fields"]
    kept = {t["installer_tree_id"]: t for t in expected.rows if int(t["installer_score"]) >= 50}
    assert {row["installer_tree_id"] for row in result.rows} == set(kept)
    assert set(scp.columns_of(row for row in ROWS)) <= set(result.replies[-1].columns)
    for tree_id, tree in kept.items():
        members = [row for row in result.rows if row["installer_tree_id"] == tree_id]
        assert len(members) == int(tree["process_count"])
        nodes = {row["node"] for row in members}
        assert len(nodes) == len(members)
        assert {row["parent_node"] for row in members} - nodes == {""}


def test_minscore_keeps_the_same_rows(built_app, python, expected):
    result = run(built_app, python, arguments="minscore=60")
    kept = [row for row in expected.rows if int(row["installer_score"]) >= 60]
    assert result.rows == kept
    assert 0 < len(kept) < len(expected.rows)
