"""Bad input: one clear sentence in the search's messages, nothing lost, no traceback."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sample
import scp

CHAINS = {chain.name: chain for chain in sample.load()}
ROWS = sample.newest_first([CHAINS["windows/win_npm_preinstall_dropper"]])
LOOKUPS = "lookups"


def run(app: Path, python: str, rows=ROWS, arguments="", **options) -> scp.Result:
    """Run the command and check what must hold for any input at all."""
    result = scp.run(app, rows, arguments, python=python, **options)
    assert (result.exit_code, result.stderr, result.leftovers) == (0, "", [])
    for message in result.messages:
        assert message.level in ("INFO", "WARN", "ERROR")
        assert "Traceback" not in message.text
        assert "\n" not in message.text
        assert message.text.endswith(".")
    return result


def texts(result: scp.Result, level: str) -> list[str]:
    return [message.text for message in result.messages if message.level == level]


def warning(result: scp.Result, *parts: str) -> str:
    """The only warning that has all the parts."""
    found = [text for text in texts(result, "WARN") if all(part in text for part in parts)]
    assert len(found) == 1, result.messages
    return found[0]


@pytest.fixture(scope="module")
def good(built_app: Path, python: str) -> scp.Result:
    """The same rows with nothing wrong."""
    result = run(built_app, python)
    assert len(result.rows) == 1
    assert texts(result, "WARN") == texts(result, "ERROR") == []
    return result


# --- options -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ("foo=1", ["foo"]),
        ("trees", ["trees"]),
        ("output=tree", ["output=tree ", "trees", "processes"]),
        ("minscore=101", ["minscore", "101", "0", "100"]),
        ("minscore=-1", ["minscore", "-1", "0", "100"]),
        ("minscore=high", ["minscore", "high"]),
        ("minscore=", ["minscore"]),
        ("maxevents=0", ["maxevents", "0"]),
        ("maxevents=1e6", ["maxevents", "1e6"]),
        ("signals=missing.csv", ["missing.csv", "lookup", "share it in this app (Permissions)"]),
        ("signals=../default/app.conf", ["../default/app.conf", "lookup"]),
        ("signals=/etc/passwd", ["/etc/passwd", "lookup"]),
        (r"signals=..\\default\\app.conf", ["signals", "lookup"]),
    ],
)
def test_wrong_option_is_one_error_and_no_rows(built_app, python, good, arguments, parts):
    result = run(built_app, python, arguments=arguments)
    (error,) = texts(result, "ERROR")
    assert all(part in error for part in parts), error
    assert result.rows == []
    usual = {k: v for k, v in good.getinfo.metadata.items() if k != "inspector"}
    given = {k: v for k, v in result.getinfo.metadata.items() if k != "inspector"}
    assert given == usual
    assert [m.level for m in result.getinfo.messages].count("ERROR") == 1
    assert len(result.replies) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        'output="trees" minscore="0"',
        "output = trees minscore = 0",
        ["output", "=", "trees", "minscore=", "0"],
    ],
)
def test_quotes_and_blanks_round_the_equals_sign(built_app, python, good, arguments):
    assert run(built_app, python, arguments=arguments).bodies == good.bodies


def test_signals_lookup_changes_a_weight(built_app, python, good, tmp_path):
    app = copy_app(built_app, tmp_path)
    strongest = good.rows[0]["signal"][0]
    with (app / LOOKUPS / "installerscore_signals.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    changed = [{**row, "weight": "1"} for row in rows if row["signal_id"] == strongest]
    with (app / LOOKUPS / "my_what_if.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(changed)
    result = run(app, python, arguments='signals="my_what_if.csv"')
    before, after = good.rows[0], result.rows[0]
    assert set(after["signal"]) == set(before["signal"])
    assert int(after["installer_score"]) < int(before["installer_score"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("signal_id,weight\n", "holds nothing but a header"),
        ("", "has no column signal_id, weight"),
        ("signal_id,weight\nLNX006,heavy\n\nLNX007,heavier\n", "row 2, column weight"),
    ],
    ids=["header", "empty", "wrong rows"],
)
def test_a_what_if_lookup_that_can_change_nothing_ends_the_search(
    built_app, python, tmp_path, text, said
):
    app = copy_app(built_app, tmp_path)
    (app / LOOKUPS / "mine.csv").write_text(text, encoding="utf-8")
    result = run(app, python, arguments="signals=mine.csv")
    (error,) = texts(result, "ERROR")
    assert "mine.csv" in error
    assert said in error
    assert result.rows == []


def copy_app(built_app: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built_app, tmp_path / built_app.name))


# --- rows ----------------------------------------------------------------------------------


def test_no_usable_columns(built_app, python):
    rows = [{"_time": 1, "host": "a", "sourcetype": "b"}] * 3
    result = run(built_app, python, chunks=[rows])
    text = warning(result, "3 ")
    assert all(name in text for name in ("dest", "process_name", "process_id", "process_guid"))
    assert "_time, host, sourcetype" in text
    assert result.rows == []


def test_rows_without_host_or_process_are_counted(built_app, python, good):
    nameless = {name: ROWS[-1][name] for name in ("_time", "dest", "user", "process_id")}
    bad = [{**ROWS[-1], "dest": ""}] * 2 + [nameless] * 3
    result = run(built_app, python, [*ROWS, *bad])
    assert result.bodies == good.bodies
    warning(result, "2 of", "dest")
    warning(result, "3 of", "process_name")


def test_poorer_copy_of_a_row_hides_nothing(built_app, python, good):
    """A second sensor saw the installer too, but not its name and command line."""
    poor = {**ROWS[-1], "process_name": "", "process": ""}
    assert run(built_app, python, [*ROWS, poor]).rows[0]["signal"] == good.rows[0]["signal"]


@pytest.mark.parametrize("time", ["", "yesterday", "nan", "inf", "2026-11-22T01:22:02"])
def test_bad_time_is_kept_and_counted(built_app, python, good, time):
    newest = next(row for row in ROWS if sample.kind(row) == "process")
    rows = [{**row, "_time": time} if row is newest else row for row in ROWS]
    result = run(built_app, python, rows)
    warning(result, "1 ", "_time")
    (tree,) = result.rows
    assert tree["process_count"] == good.rows[0]["process_count"]
    assert tree["signal"] == good.rows[0]["signal"]


def test_header_only_chunks_and_an_empty_last_chunk(built_app, python, good):
    required = set(good.getinfo.metadata["required_fields"])
    columns = [name for name in scp.columns_of(ROWS) if name in required]
    header = scp.encode_body([], columns)
    body = scp.encode_body(ROWS, columns)
    for last in (header, b""):
        result = run(built_app, python, chunks=[header, body, header, last])
        assert result.bodies == good.bodies
        assert texts(result, "WARN") == []


@pytest.mark.parametrize("chunks", [[b""], [b"_time,dest\n"], [b"", b"_time,dest\r\n", b""]])
def test_search_that_found_nothing(built_app, python, chunks):
    result = run(built_app, python, chunks=chunks)
    assert result.rows == []
    assert texts(result, "WARN") == texts(result, "ERROR") == []


def test_columns_that_differ_from_chunk_to_chunk(built_app, python, good):
    chunks = [[row] for row in ROWS]
    assert run(built_app, python, chunks=chunks).rows == good.rows


def test_more_than_maxevents(built_app, python, good):
    result = run(built_app, python, [*ROWS, *ROWS[-7:]], f"maxevents={len(ROWS)}")
    assert result.bodies == good.bodies
    warning(result, "7 rows", "maxevents")


def test_field_over_the_csv_limit(built_app, python, good):
    long = "A" * 200_000
    rows = [
        {**row, "process": row["process"] + " " + long} if "process" in row else row for row in ROWS
    ]
    result = run(built_app, python, rows)
    assert result.rows[0]["signal"] == good.rows[0]["signal"]
    warning(result, "characters")


def test_invalid_utf8(built_app, python, good):
    rows = [
        {**row, "process": row["process"] + " \udcff\udcfe"} if "process" in row else row
        for row in ROWS
    ]
    result = run(built_app, python, rows)
    assert result.rows[0]["signal"] == good.rows[0]["signal"]
    warning(result, "UTF-8")


def test_nul_bytes(built_app, python, good):
    rows = [
        {**row, "process": row["process"] + " \x00\x00"} if "process" in row else row
        for row in ROWS
    ]
    result = run(built_app, python, rows)
    assert result.rows[0]["signal"] == good.rows[0]["signal"]
    warning(result, "NUL")


def test_rows_that_are_too_short_or_too_long(built_app, python, good):
    lines = scp.encode_body(ROWS).splitlines(keepends=True)
    cut = lines[1].replace(b",\n", b"\n")
    long = b"1,2,3" + b",x" * 200 + b"\n"
    result = run(built_app, python, chunks=[b"".join([*lines, cut, long])])
    assert result.rows == good.rows
    warning(result, "cells")


def test_newlines_quotes_and_commas_inside_a_value(built_app, python, good):
    rows = [
        {**row, "process": row["process"] + ' -x "a,b"\r\n\t;\n'} if "process" in row else row
        for row in ROWS
    ]
    result = run(built_app, python, rows)
    assert result.rows[0]["signal"] == good.rows[0]["signal"]
    assert all(re.search(r"[\r\n\t]", line) is None for line in result.rows[0]["tree"])


# --- frames --------------------------------------------------------------------------------

GETINFO = scp.frame(scp.getinfo_metadata())
EXECUTE = scp.frame({"action": "execute", "finished": True}, scp.encode_body(ROWS))


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"garbage\n", id="not a frame"),
        pytest.param(b"chunked 1.0,5,0\n{oops", id="metadata is not JSON"),
        pytest.param(b"chunked 1.0,2,0\n[]", id="metadata is not an object"),
        pytest.param(EXECUTE[:-100], id="body cut short"),
        pytest.param(EXECUTE[:25], id="metadata cut short"),
    ],
)
def test_broken_frame_is_one_error(built_app, python, request_bytes):
    done = subprocess.run(
        [python, "installerscore.py"],
        cwd=built_app / "bin",
        env=scp.clean_environment(),
        input=GETINFO + request_bytes,
        capture_output=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    output = io.BytesIO(done.stdout)
    getinfo, reply = scp.read_frame(output), scp.read_frame(output)
    assert output.read() == b""
    assert getinfo.messages == []
    assert reply.rows == []
    ((level, text),) = [(message.level, message.text) for message in reply.messages]
    assert level == "ERROR"
    assert text.endswith(".")
    assert "Traceback" not in text
    assert "\n" not in text


# --- catalogue and splunkd -------------------------------------------------------------------


def test_broken_pattern_is_named_and_skipped(built_app, python, good, tmp_path):
    app = copy_app(built_app, tmp_path)
    path = app / LOOKUPS / "installerscore_signals.csv"
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    broken = list(rows[0])
    broken[header.index("signal_id")] = "ZZZ999"
    broken[header.index("pattern")] = "(unclosed"
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(broken)
    result = run(app, python)
    warning(result, "installerscore_signals.csv", f"row {len(rows) + 2}", "pattern")
    assert result.bodies == good.bodies


def test_splunkd_not_reachable(built_app, python, good):
    result = run(built_app, python, splunkd_uri="https://127.0.0.1:1", session_key="key")
    assert result.bodies == good.bodies
    assert len([m for m in result.messages if "splunkd" in m.text]) == 1
