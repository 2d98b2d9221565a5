"""Times as exports write them, and what is said of those that cannot be read."""

from __future__ import annotations

import gzip
import json

import pytest

from installerscore_cli.times import DAY, MONTH, Dates, epoch, order

from .conftest import DATA

TWO = "1795312800"
"""2026-11-22 02:00:00 UTC."""


@pytest.mark.parametrize(
    "text",
    [
        "1795312800",
        "1795312800000",
        "1795312800000000",
        "1795312800000000000",
        "1.7953128E+09",
        "1.7953128E+12",
        "134397864000000000",
        "2026-11-22T02:00:00Z",
        "2026-11-22T02:00Z",
        "2026-11-22 02:00",
        "2026/11/22 02:00:00",
        "2026-11-22 02:00:00 UTC",
        "2026-11-22T02:00:00+00",
        "2026-11-22T02:00:00+00:00",
        "2026-11-21T21:00:00-0500",
        "2026-11-22T07:30:00+05:30",
        "2026-11-21 21:00:00 EST",
        "2026-11-21 22:00:00 EDT",
        "2026-11-21 20:00:00 CST",
        "2026-11-21 21:00:00 CDT",
        "2026-11-21 19:00:00 MST",
        "2026-11-21 20:00:00 MDT",
        "2026-11-21 18:00:00 PST",
        "2026-11-21 19:00:00 PDT",
        "2026-11-22 02:00:00 WET",
        "2026-11-22 03:00:00 WEST",
        "2026-11-22 03:00:00 CET",
        "2026-11-22 04:00:00 CEST",
        "2026-11-22 04:00:00 EET",
        "2026-11-22 05:00:00 EEST",
        "2026-11-21 19:00:00 GMT -07:00",
        "11/22/2026 02:00:00",
        "11/22/2026 2:00 AM",
        "11/22/2026, 2:00:00 AM",
        "11/22/2026 2:00:00\u202fAM",
        "11/21/2026 9:00:00 PM EST",
        "Nov 22, 2026 02:00:00 AM",
        "Nov 22, 2026, 2:00:00 am",
        "November 22, 2026 02:00",
        "Nov 22, 2026 @ 02:00:00",
        " 2026-11-22T02:00:00Z ",
    ],
)
def test_the_same_moment_in_many_forms(text):
    assert float(epoch(text)) == float(TWO)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-22T02:00:00.123456789Z", f"{TWO}.123456789"),
        ("2026-11-21 21:00:00,5 EST", f"{TWO}.5"),
        ("11/22/2026 02:00:00.000000 AM", f"{TWO}.000000"),
        ("Nov 22, 2026 @ 02:00:00.120", f"{TWO}.120"),
        ("11/22/2026 12:00:00 AM", "1795305600"),
        ("11/22/2026 12:00:00 PM", "1795348800"),
        ("11/12/2026 12:00:00 AM", "1794441600"),
        ("2026-11-22T01:59:60Z", TWO),
        ("946684800", "946684800"),
        ("946684800000", "946684800.000000"),
        ("125911584000000000", "946684800.000000"),
        ("133500000000000000", "1705526400.000000"),
        ("32503679999", "32503679999"),
        ("441481535990000000", "32503679999.000000"),
    ],
)
def test_fractions_and_edges(text, seconds):
    assert epoch(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-22",
        "22/11/2026 02:00:00",
        "2026-11-22 02:00:00 IST",
        "2026-11-22 02:00:00 est",
        "2026-13-01 00:00:00",
        "2026-02-30 00:00:00",
        "2026-11-22 24:00:00",
        "2026-11-22 02:60:00",
        "2026-11-22 02:00:61",
        "0000-01-01 00:00:00",
        "11/22/2026 13:00:00 PM",
        "11/22/2026 0:00:00 AM",
        "Nob 22, 2026 02:00:00",
        "22 Nov 2026 02:00:00",
    ],
)
def test_what_cannot_be_read_is_left_as_it_is(text):
    assert epoch(text) == text


# Seconds before 2000 and after 2999, .NET ticks of 2024 and the dates of Excel; what no unit brings
# to a year in which events were written.
NO_TIMES = (
    "0",
    "1",
    "-1795312800",
    "946684799",
    "45250.5",
    "32503680000",
    "100000000000",
    "125911583990000000",
    "441481536000000000",
    "638400000000000000",
    "133500000000000000000",
    "1e300",
    "-1e300",
    "1e999",
    "nan",
    "inf",
    "1.2.3",
)


@pytest.mark.parametrize("text", NO_TIMES)
def test_a_number_that_no_unit_brings_to_a_time_is_none(program, tmp_path, text):
    assert epoch(text) == text
    path = tmp_path / "s.csv"
    path.write_text(dated(TWO, text))
    ran = program(path, "--quiet")
    assert f"{path}: 1 time could not be read, first {text!r}; what can be read is" in ran.err


@pytest.mark.parametrize("text", ["1601-01-01 00:00:00", "1999-12-31T23:59:59Z"])
def test_a_date_before_any_event_was_written_is_shown_as_it_was(program, tmp_path, text):
    path = tmp_path / "s.csv"
    path.write_text(dated(TWO, text))
    ran = program(path, "--quiet")
    assert f"1 time could not be read, first {text!r}" in ran.err


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("text", ["nan", "-nan", "inf", "1e300", "638400000000000000", "x"])
def test_no_time_bounds_the_trees(program, option, text):
    ran = program(DATA / "sysmon.xml", f"{option}={text}")
    assert (ran.code, ran.out) == (2, "")
    assert f"{text!r} is not a time; write 2026-11-22" in ran.errors[0]


@pytest.mark.parametrize("text", ["0", "1990-01-01", "134397000000000000"])
def test_any_time_may_bound_the_trees(program, text):
    assert len(program(DATA / "sysmon.xml", "--since", text, "--output", "jsonl").rows) == 1


@pytest.mark.parametrize(
    ("name", "form", "bad"),
    [
        ("splunk_datamodel.csv", "2026-11-22T01:25:00", "2026-11-22 01:25:00 BST "),
        ("defender.csv", "2026-11-22T01:25:", "22.11.2026 01:25:"),
    ],
)
def test_the_first_time_that_cannot_be_read_is_shown(program, tmp_path, name, form, bad):
    """Whether the columns are those of CIM or of a source."""
    text = (DATA / name).read_text(encoding="utf-8")
    (tmp_path / name).write_text(text.replace(form, bad), encoding="utf-8")
    ran = program(tmp_path / name, "--output", "jsonl")
    (said,) = (line for line in ran.warnings if "could not be read" in line)
    assert f"{name}: " in said
    assert f"could not be read, first '{bad}" in said
    assert "what can be read is epoch seconds, 2026-11-22T02:00:00Z" in said


def test_times_that_are_missing_or_numbers_are_not_said_to_be_unreadable(program, tmp_path):
    lines = (DATA / "splunk_datamodel.csv").read_text(encoding="utf-8").splitlines()
    lines[1] = "," + lines[1].partition(",")[2]
    lines[2] = "1.7953128E+09," + lines[2].partition(",")[2]
    (tmp_path / "s.csv").write_text("\n".join(lines), encoding="utf-8")
    ran = program(tmp_path / "s.csv", "--output", "jsonl")
    assert not [line for line in ran.warnings if "could not be read" in line]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("11/22/2026 02:00:00", MONTH),
        (" 22/11/2026 02:00:00", DAY),
        ("11/12/2026 02:00:00", ""),
        ("12/12/2026 02:00:00", ""),
        ("13/14/2026 02:00:00", ""),
        ("2026/11/22 02:00:00", ""),
        ("1795312800", ""),
    ],
)
def test_what_comes_first_in_a_date_of_numbers(text, first):
    assert order(text) == first


def test_a_date_with_the_day_first():
    assert epoch("22/11/2026 02:00:00", DAY) == TWO
    assert epoch("11/22/2026 02:00:00", DAY) == "11/22/2026 02:00:00"
    assert epoch("2026-11-22 02:00:00", DAY) == epoch("Nov 22, 2026 02:00:00", DAY) == TWO


def test_a_file_is_read_ahead_once_and_only_where_that_matters():
    looks = []
    dates = Dates(lambda: looks.append(1) or DAY)
    for text in ("1795312800", "2026-11-22 02:00:00", "22/11/2026 02:00:00", "05/12/2026 02:00:00"):
        dates.epoch(text)
    assert (looks, dates.first, dates.proof) == ([], DAY, "22/11/2026 02:00:00")
    dates = Dates(lambda: looks.append(1) or DAY)
    assert [dates.epoch("05/12/2026 00:00"), dates.epoch("06/12/2026 00:00")] == [
        "1796428800",
        "1796515200",
    ]
    assert looks == [1]


def dated(*times: str) -> str:
    """An install and the script of its package, as CSV, at one time each."""
    header = "_time,dest,process_guid,parent_process_guid,process"
    commands = ("dpkg -i /tmp/a.deb", "sh /var/lib/dpkg/info/a.postinst configure")
    rows = [f"{time},h,{{{7 + i}}},{{{6 + i}}},{commands[i]}" for i, time in enumerate(times)]
    return "\n".join([header, *rows, ""])


@pytest.mark.parametrize(
    ("times", "days", "proof"),
    [
        (("05/12/2026 10:00", "13/12/2026 10:00"), ("2026-12-05", "2026-12-13"), 1),
        (("13/12/2026 10:00", "14/12/2026 10:00"), ("2026-12-13", "2026-12-14"), 0),
        (("12/05/2026 10:00", "12/13/2026 10:00"), ("2026-12-05", "2026-12-13"), None),
        (("12/05/2026 10:00", "12/06/2026 10:00"), ("2026-12-05", "2026-12-06"), None),
    ],
    ids=["day shown later", "day", "month shown later", "not shown"],
)
@pytest.mark.parametrize("form", ["csv", "gzip", "json"])
def test_all_dates_of_a_file_have_one_order(program, tmp_path, times, days, proof, form):
    path = tmp_path / "events"
    text = dated(*times)
    if form == "json":
        header, *rows = (line.split(",") for line in text.splitlines())
        text = "".join(f"{json.dumps(dict(zip(header, row)))}\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if form == "gzip" else text.encode())
    ran = program("processes", path, "--output", "jsonl")
    assert [float(row["_time"]) for row in ran.rows] == [
        float(epoch(f"{day} 10:00")) for day in days
    ]
    said = [line.partition(": its dates ")[2] for line in ran.warnings]
    shown = [] if proof is None else [times[proof]]
    assert said == [f"have the day first, as in '{time}', and were all read so." for time in shown]


def test_dates_that_turn_out_to_be_read_wrong_end_the_run(program):
    ran = program(stdin=dated("05/12/2026 10:00", "13/12/2026 10:00").encode())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "installerscore: error: standard input: '13/12/2026 10:00' has the day first, but dates "
        "before it were read with the month first; give a file in place of a pipe, so that it can "
        "be read ahead."
    ]
    ran = program(stdin=dated("13/12/2026 10:00", "05/12/2026 10:00").encode())
    assert ran.code == 0
    assert "its dates have the day first, as in '13/12/2026 10:00'" in ran.err


def test_a_file_with_dates_of_both_orders_is_remarked(program, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text(dated("13/12/2026 10:00", "12/14/2026 10:00"))
    ran = program(path, "--quiet")
    assert ran.code == 0
    assert (
        f"{path}: its dates have the day first in '13/12/2026 10:00' and the month first in "
        "'12/14/2026 10:00', so those that could be both may be wrong; write them as 2026-12-13."
    ) in ran.err
    assert "1 time could not be read, first '12/14/2026 10:00'" in ran.err


def test_one_file_does_not_decide_for_another(program, tmp_path):
    (tmp_path / "a.csv").write_text(dated("13/12/2026 10:00"))
    (tmp_path / "b.csv").write_text(dated("12/05/2026 10:00").replace(",h,", ",i,"))
    rows = program(tmp_path, "--output", "jsonl").rows
    times = {row["dest"]: float(row["first_time"]) for row in rows}
    assert times == {
        "h": float(epoch("2026-12-13 10:00")),
        "i": float(epoch("2026-12-05 10:00")),
    }
