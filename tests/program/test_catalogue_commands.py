"""`lint` and `explain`."""

from __future__ import annotations

import pytest
from engine import LOOKUPS, shipped

from installerscore_cli import lint

from .conftest import DATA

HEADER = ",".join(
    "signal_id title family os kind scope field pattern conditions min_distinct distinct_within "
    "weight group mitre_technique_id rationale source known_false_positives".split()
)
ALLOWED = "allow_id,title,os,family,scope,field,pattern,signals,reduction,expires,reason,source"
GOOD = "USR001,Title,msi,windows,process,root,process,^ok$,,1,,20,,T1218,why,us,none"


def problems(tmp_path, *rows: str, header: str = HEADER) -> list[tuple[int, str, str]]:
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return sorted(lint.problems(str(path)))


def test_the_shipped_catalogue_is_clean(program):
    ran = program("lint")
    assert (ran.code, ran.out) == (0, "")
    assert "No problems in 3 files." in ran.err


def test_all_problems_of_all_rows_at_once(tmp_path):
    found = problems(
        tmp_path,
        "USR001,,msi,windos,process,roof,proces,(oops,process_name ~ [,1,,200,,T1218,why,us,none",
        GOOD,
        "u2,Title,msi,windows,process,root,process,^ok$,,1,,20,,T1218,why,us,none",
        "USR004,Title,msi,windows,process,root,process,^ok$,signal USR999,1,,20,,T1218,why,us,none",
        "USR005,Title,msi,windows,process,root,process,^ok$,,1,,20,,T1218,,,",
        "USR006,Title,msi,windows,process,root,process,^(\\w+\\s?)*x$,,1,,20,,T1218,why,us,none",
    )
    where = [(row, column) for row, column, _ in found]
    assert where == [
        *((2, c) for c in ("conditions", "field", "os", "pattern", "scope", "title", "weight")),
        (3, "signal_id"),
        (4, "signal_id"),
        (5, "conditions"),
        *((6, column) for column in ("known_false_positives", "rationale", "source")),
        (7, "pattern"),
    ]
    texts = {(row, column): text for row, column, text in found}
    assert "used twice" in texts[3, "signal_id"]
    assert "USR999, which does not exist" in texts[5, "conditions"]
    assert "takes too long" in texts[7, "pattern"]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("a{99999999999}", "more often than Python can count; limit it, as in .{0,300}"),
        ("(" * 6_000, "is nested too deeply; simplify it"),
        ("(?:a" * 300 + ")+" * 300, "is nested too deeply; simplify it"),
        (".*" * 500, "its repeats are too intricate; simplify it"),
    ],
    ids=["count", "brackets", "nested", "intricate"],
)
def test_a_pattern_that_python_or_the_check_gives_up(program, tmp_path, pattern, said):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([HEADER, GOOD.replace("^ok$", f'"{pattern}"')]) + "\n")
    ran = program("lint", path)
    assert ran.code == 1
    (line,) = ran.out.splitlines()
    assert line.startswith(f"{path}:2:pattern: '{pattern[:80]}'")
    assert line.endswith(said)


def test_a_row_that_is_too_long_and_one_that_is_good(tmp_path):
    assert problems(tmp_path, GOOD) == []
    ((row, column, text),) = problems(tmp_path, GOOD + ",more")
    assert (row, column) == (2, "")
    assert "more cells than the header" in text


def test_problems_are_printed_to_be_clicked(program, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("signal_id,weight\nWIN001,999\n")
    ran = program("lint", path)
    assert ran.code == 1
    assert ran.out == f"{path}:2:weight: '999' is not a number from 0 to 95\n"
    assert "1 problem in 1 file." in ran.err


def test_lines_are_those_of_the_file_whatever_blank_lines_and_cells_of_several_lines_it_has(
    program, tmp_path
):
    path = tmp_path / "mine.csv"
    path.write_text(
        'signal_id,weight,title\n\n\nWIN001,999,\n,,\nWIN057,5,"two\nlines"\n\nWIN058,x,\n'
    )
    ran = program("lint", path)
    assert [line.split(": ")[0] for line in ran.out.splitlines()] == [
        f"{path}:4:weight",
        f"{path}:5:signal_id",
        f"{path}:9:weight",
    ]
    ran = program(DATA / "sysmon.xml", "--signals", path)
    assert "mine.csv, row 4, column weight: '999' is not a number" in ran.errors[0]
    path.write_text("signal_id,weight\n\n\nWIN999,5\nWIN057,0\n")
    ran = program(DATA / "sysmon.xml", "--signals", path)
    assert "mine.csv, row 4, column signal_id: there is no signal WIN999" in ran.warnings[-1]
    path.write_text(f"{HEADER}\n\n{GOOD.replace('why', '')}\n")
    assert program("lint", path).out.startswith(f"{path}:3:rationale: is empty")


def test_a_header_below_blank_lines_is_refused_as_in_a_run(program, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("\nsignal_id,weight\nWIN057,0\n")
    ran = program("lint", path)
    assert (ran.code, ran.out) == (2, "")
    assert "mine.csv:1: is no catalogue file" in ran.errors[0]
    assert program(DATA / "sysmon.xml", "--signals", path).code == 2


@pytest.mark.parametrize("command", [["lint"], [DATA / "sysmon.xml", "--signals"]])
def test_a_folder_in_place_of_a_file_is_named_as_it_was_typed(program, tmp_path, command):
    ran = program(*command, f"{tmp_path}/")
    assert (ran.code, ran.out) == (2, "")
    assert f"error: {tmp_path}/: cannot be read (Is a directory)." in ran.err


@pytest.mark.parametrize(
    ("option", "rows", "said"),
    [
        ("--signals", "signal_id,weight\n", "holds nothing but a header, so it would change"),
        ("--signals", "signal_id,weight\nWIN999,5\n\nWIN998,5\n",
         "holds no row that can be used; the first: mine.csv, row 2, column signal_id: there is"),
        ("--signals", f"{HEADER}\n{GOOD.replace('^ok$,', '^ok$,signal USR999')}\n",
         "holds no row that can be used; the first: mine.csv, column conditions: signal USR001"),
        ("--allowlist", f"{ALLOWED}\n", "holds nothing but a header, so it would change nothing"),
        ("--allowlist", f"{ALLOWED}\nA1,T,any,any,root,process,^a$,NOPE99,60,,r,s\n",
         "holds no row that can be used; the first: mine.csv, row 2, column signals: there is no"),
    ],
)  # fmt: skip
def test_a_file_of_which_nothing_can_be_used_is_an_error(program, tmp_path, option, rows, said):
    path = tmp_path / "mine.csv"
    path.write_text(rows)
    ran = program(DATA / "sysmon.xml", option, path)
    assert (ran.code, ran.out) == (2, "")
    (error,) = ran.errors
    assert f"error: {path}: {said}" in error


def test_what_if_and_allowlist_files(program, tmp_path):
    assert program("lint", LOOKUPS / "installerscore_what_if.csv").code == 0
    path = tmp_path / "allow.csv"
    header = "allow_id,title,os,family,scope,field,pattern,signals,reduction,expires,reason,source"
    path.write_text(f"{header}\nA1,T,any,any,root,process,a,*,99,2020-13-01,why,us\n")
    ran = program("lint", path)
    assert {line.split(":")[-2] for line in ran.out.splitlines()} >= {"expires", "reduction"}
    path.write_text(f"{header}\nA1,T,any,any,root,process,^a$,*,20,2020-01-01,why,us\n")
    assert "2020-01-01 has passed" in program("lint", path).out


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "x,y\n",
            "is no catalogue file: expected a header with one of root_id, signal_id, allow_id",
        ),
        ("", "found nothing"),
        (
            "title,signal_id\n",
            "has no column weight; the header of what-if files needs: signal_id,",
        ),
        ("allow_id,title\n", "has no column os, family, scope"),
    ],
)
def test_a_file_that_is_no_catalogue(program, tmp_path, content, problem):
    path = tmp_path / "mine.csv"
    path.write_text(content)
    ran = program("lint", path)
    assert ran.code == 2
    assert problem in ran.errors[0]
    assert program("lint", tmp_path / "none.csv").code == 2


@pytest.mark.parametrize(
    ("option", "content", "where", "problem"),
    [
        ("--allowlist", "A1,T,any,msi,root,process,^a$,NOPE99 MSI012,60,,r,s",
         "signals", "there is no signal NOPE99; correct or remove it"),
        ("--allowlist", "A1,T,any,msi,root,process,^a$,win001,60,,r,s",
         "signals", "there is no signal win001; write WIN001"),
        ("--allowlist", "A1,T,any,msi,root,process,^a$,WIN001|MSI012,60,,r,s",
         "signals", "there is no signal WIN001|MSI012; write ids such as MSI001, with blanks"),
        ("--allowlist", "A1,T,any,MSI,root,process,^a$,*,60,,r,s",
         "family", "'MSI' is not known; use any or some of "),
        ("--signals", GOOD.replace(",msi,", ",msi foo,"),
         "family", "'foo' is not known; use any or some of "),
        ("--signals", GOOD.replace("^ok$,", "^ok$,signal USR999"),
         "conditions", "signal USR001 names USR999, which does not exist"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_said_and_the_rest_works(
    program, tmp_path, option, content, where, problem
):
    """The entry may be right in Splunk, with signals of the configuration page."""
    path = tmp_path / "mine.csv"
    header, other = (ALLOWED, "A2,T,any,any,root,process,^.,*,60,,r,s")
    if option == "--signals":
        header, other = (HEADER, GOOD.replace("USR001", "USR002").replace("^ok$", "msiexec"))
    path.write_text("\n".join([header, content, other]) + "\n")
    linted = program("lint", path)
    assert linted.code == 1
    (line,) = linted.out.splitlines()
    assert line.startswith(f"{path}:2:{where}: {problem}")
    ran = program(DATA / "sysmon.xml", option, path, "--output", "jsonl")
    assert ran.code == 0
    (said,) = (line for line in ran.warnings if "mine.csv" in line)
    assert "A detection entry was skipped, the rest works: mine.csv" in said
    assert problem in said
    assert "A2 " in str(ran.rows) or "USR002" in str(ran.rows)


def test_a_weight_for_a_signal_that_is_not_there(program, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("signal_id,weight\nWIN999,5\nWIN057,0\n")
    ran = program("lint", path)
    (line,) = ran.out.splitlines()
    assert line == (
        f"{path}:2:signal_id: there is no signal WIN999 whose weight could be changed; correct the "
        "id, or describe a new signal, which needs title, family, os, kind, scope, field, pattern"
    )
    ran = program(DATA / "sysmon.xml", "--signals", path, "--output", "jsonl")
    assert ran.code == 0
    assert "column signal_id: there is no signal WIN999" in ran.warnings[-1]
    assert "WIN057" not in ran.rows[0]["signal"]


@pytest.mark.parametrize(
    "header", ["signal_id,weight", "weight,signal_id", "signal_id,title,weight"]
)
def test_lint_takes_the_columns_that_a_run_takes(program, tmp_path, header):
    names = header.split(",")
    path = tmp_path / "mine.csv"
    values = {"signal_id": "WIN057", "weight": "0", "title": ""}
    path.write_text(f"{header}\n{','.join(values[name] for name in names)}\n")
    assert program("lint", path).code == 0
    ran = program(DATA / "sysmon.xml", "--signals", path, "--output", "jsonl")
    assert (ran.code, "WIN057" in ran.rows[0]["signal"]) == (0, False)
    values["weight"] = "999"
    path.write_text(f"{header}\n{','.join(values[name] for name in names)}\n")
    assert program("lint", path).out == f"{path}:2:weight: '999' is not a number from 0 to 95\n"


def test_a_row_that_is_given_twice_is_one_problem(program, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("signal_id,weight\nWIN057,5\nWIN057,6\nwin058,7\nMSI005,200\n")
    assert program("lint", path).out.splitlines() == [
        f"{path}:3:signal_id: 'WIN057' is used twice; give each row its own id",
        f"{path}:4:signal_id: 'win058' is not an id; write three capitals and three digits: MSI001",
        f"{path}:5:weight: '200' is not a number from 0 to 95",
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("A1,T,any,any,root,process,^.{0,3}C:,*,60,,r,s", "2: has more cells than the header"),
        ("A1,T,any,any,root,process,^a$,*,60,1.1.2020,r,s", "2:expires: '1.1.2020' is not a date"),
    ],
)
def test_a_row_that_cannot_be_used_is_not_said_to_have_expired(program, tmp_path, row, problem):
    path = tmp_path / "mine.csv"
    path.write_text(f"{ALLOWED}\n{row}\n")
    (line,) = program("lint", path).out.splitlines()
    assert line.startswith(f"{path}:{problem}")


def test_own_signals_may_name_shipped_ones(program, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join([HEADER, GOOD.replace("^ok$,", "^ok$,tree_signal WIN001")]) + "\n")
    assert program("lint", path).code == 0


def test_explain_shows_why_what_and_an_example(program):
    signal = next(s for s in shipped().signals if s.signal_id == "MSI005")
    ran = program("explain", "msi005")
    assert ran.code == 0
    text = " ".join(ran.out.split())
    for part in (signal.title, signal.rationale, signal.known_false_positives, signal.source):
        assert part in text
    for part in (
        f"Weight: {signal.weight:g}",
        "ATT&CK: T1218.007",
        "It finds:",
        "It does not find:",
    ):
        assert part in text


def test_explain_lists_all_and_knows_the_allowlist(program):
    out = program("explain").out
    assert all(signal.signal_id in out for signal in shipped().signals)
    assert "Lowers by (percent): " in program("explain", "ALW001").out


def test_explain_of_an_unknown_signal_names_near_ones(program):
    ran = program("explain", "MSI05")
    assert ran.code == 2
    assert "There is no signal MSI05; near are" in ran.errors[0]
    assert "MSI005" in ran.errors[0]
