"""Times as exports write them, and what is said of those that cannot be read."""

from __future__ import annotations

import pytest

from installerscore_cli.times import epoch

from .conftest import DATA

TWO = "1795312800"
"""2026-11-22 02:00:00 UTC."""


@pytest.mark.parametrize(
    "text",
    [
        "1795312800",
        "1795312800000",
        "1795312800000000000",
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
