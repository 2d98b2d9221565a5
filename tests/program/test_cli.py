"""The command line: options, exit codes, streams, and what they do to the answer."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from installer_trees import pipeline
from installer_trees.render import PROCESS_COLUMNS, TREE_COLUMNS
from sample import SAMPLES

from installerscore_cli import cli, progress, scoring
from installerscore_cli.options import COMMANDS, SEVERITIES
from installerscore_cli.views import plain

from .conftest import DATA, Terminal

ROOT = Path(__file__).resolve().parents[2]
SYSMON = DATA / "sysmon.xml"
SAMPLE = SAMPLES / "windows"


def test_rows_are_those_of_the_command_in_its_columns(program):
    for row in program(SYSMON, "--output", "jsonl").rows:
        assert list(row) == TREE_COLUMNS
    ran = program(SYSMON, "--output", "csv")
    assert ran.out.splitlines()[0].split(",") == TREE_COLUMNS


def test_files_without_a_command_are_scored(program):
    assert program("score", SYSMON).out == program(SYSMON).out
    assert program("--top", "1", SYSMON).out == program("score", "--top", "1", SYSMON).out


def test_a_pipe_without_a_file_is_read(program):
    assert program(stdin=SYSMON.read_bytes()).out == program("-", stdin=SYSMON.read_bytes()).out


@pytest.mark.parametrize("severity", SEVERITIES)
def test_fail_on(program, severity):
    (row,) = program(SYSMON, "--output", "jsonl").rows
    reached = SEVERITIES.index(row["installer_severity"]) >= SEVERITIES.index(severity)
    assert program(SYSMON, "--fail-on", severity).code == int(reached)
    assert row["installer_severity"] in ("high", "critical")


def test_fail_on_looks_at_the_trees_that_are_asked_for(program):
    quiet = SAMPLE / "win_nsis_notepadpp.jsonl"
    assert program(quiet, "--fail-on", "low").code == 0
    assert program(SYSMON, "--fail-on", "low", "--until", "2026-01-01").code == 0
    assert program(SYSMON, quiet, "--fail-on", "high", "--top", "1").code == 1


def test_min_score_top_and_time(program):
    everything = program(SAMPLE, "--output", "jsonl").rows
    scores = [row["installer_score"] for row in everything]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) == 0, "a tree with no signal is a row"

    high = program(SAMPLE, "--output", "jsonl", "--min-score", "60").rows
    assert high == [row for row in everything if row["installer_score"] >= 60]

    assert program(SAMPLE, "--output", "jsonl", "--top", "2").rows == everything[:2]

    moment = "2026-11-22 01:40"
    late = program(SAMPLE, "--output", "jsonl", "--since", moment).rows
    early = program(SAMPLE, "--output", "jsonl", "--until", moment).rows
    assert 0 < len(late) < len(everything)
    ids = {row["installer_tree_id"] for row in late + early}
    assert ids == {row["installer_tree_id"] for row in everything}
    assert all(float(row["last_time"]) >= 1795311600 for row in late)


def test_a_time_in_which_no_tree_ran_is_said(program):
    ran = program(SYSMON, "--since", "2030-01-01", "--output", "jsonl")
    assert (ran.code, ran.out) == (0, "")
    (said,) = ran.warnings
    assert said.endswith(
        "No tree ran in the time of --since and --until; of other times there is 1, from "
        "2026-11-22 01:25:00 to 2026-11-22 01:25:14 UTC."
    )
    assert program(SYSMON, "--since", "2026-01-01", "--output", "jsonl").warnings == []


def test_trees_outside_of_the_time_are_not_rendered(program, monkeypatch):
    rendered = []
    tree_row = pipeline.tree_row

    def counted(*arguments):
        rendered.append(1)
        return tree_row(*arguments)

    monkeypatch.setattr(pipeline, "tree_row", counted)
    ran = program(SAMPLE, "--output", "jsonl", "--since", "2026-11-22 01:40")
    assert 0 < len(ran.rows) == len(rendered)


def test_a_tree_without_times_ran_in_any_time(program, tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("_time,dest,process_guid,process\n,h,7,dpkg -i a.deb\n")
    for option in ("--since", "--until"):
        (row,) = program(path, option, "2026-01-01", "--output", "jsonl").rows
        assert (row["first_time"], row["last_time"]) == ("", "")


def test_what_if_weights(program, tmp_path):
    (before,) = program(SYSMON, "--output", "jsonl").rows
    weights = tmp_path / "mine.csv"
    weights.write_text("signal_id,weight\nWIN057,0\n")
    (after,) = program(SYSMON, "--output", "jsonl", "--signals", weights).rows
    assert "WIN057" in before["signal"]
    assert after["installer_score"] < before["installer_score"]


def test_standard_input_that_is_closed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert (cli.main(["-"]), cli.main([])) == (2, 2)
    closed, none = capsys.readouterr().err.splitlines()
    assert "standard input is closed; name files or folders" in closed
    assert "No files given" in none


ALLOWED = """\
allow_id,title,os,family,scope,field,pattern,signals,reduction,expires,reason,source
MINE01,Our packager,windows,any,root,user,^CORP\\\\jlee$,*,60,,Tested,Us
"""


def test_an_allowlist_lowers_and_is_named(program, tmp_path):
    (before,) = program(SYSMON, "--output", "jsonl").rows
    mine = tmp_path / "allow.csv"
    mine.write_text(ALLOWED)
    (after,) = program(SYSMON, "--output", "jsonl", "--allowlist", mine).rows
    assert 0 < after["installer_score"] < before["installer_score"]
    assert any(entry.startswith("MINE01 ") for entry in after["allowlist"])


@pytest.mark.parametrize(
    ("option", "content", "problem"),
    [
        ("--signals", None, "mine.csv: cannot be read (No such file or directory)"),
        ("--signals", "a,b\n1,2\n", "mine.csv: has no column signal_id, weight"),
        ("--signals", "signal_id,weight\nWIN001,999\n", "mine.csv, row 2, column weight: '999'"),
        ("--allowlist", None, "mine.csv: cannot be read"),
        ("--allowlist", ALLOWED.replace("^", ""), "is not anchored"),
    ],
)
def test_a_bad_file_of_the_user_is_refused(program, tmp_path, option, content, problem):
    mine = tmp_path / "mine.csv"
    if content is not None:
        mine.write_text(content)
    ran = program(SYSMON, option, mine)
    assert (ran.code, ran.out) == (2, "")
    assert problem in ran.errors[0]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--min-score", "101"], "'101' is not a whole number from 0 to 100"),
        (["--min-score", "x"], "'x' is not a whole number"),
        (["--since", "yesterday"], "'yesterday' is not a time; write 2026-11-22"),
        (["--since", "2026-01-02", "--until", "2026-01-01"], "--since is later than --until"),
        (["--fail-on", "severe"], "choose from 'low', 'medium', 'high', 'critical'"),
        (["--output", "pdf"], "choose from 'table', 'jsonl', 'csv', 'html'"),
        (["--format", "evt"], "choose from 'cim', 'sysmon'"),
        (["--frobnicate"], "There is no option --frobnicate of installerscore score; installer"),
        (["--minscore=5"], "There is no option --minscore of installerscore score; did you mean"),
        (["--save", "answer.pdf"], "the suffix must be .html, .csv or .jsonl"),
        (["--save", str(SYSMON.parent / "sysmon_columns.csv")], "that is a file to read"),
        (["--save", "/nowhere/at/all.csv"], "there is no folder /nowhere/at"),
        (["missing.evtx"], "missing.evtx: cannot be opened (No such file or directory)"),
    ],
)
def test_a_wrong_option_is_one_sentence(program, arguments, problem):
    ran = program(SYSMON, DATA / "sysmon_columns.csv", *arguments)
    assert (ran.code, ran.out) == (2, "")
    (error,) = ran.err.splitlines()
    assert problem in error
    assert error.endswith((".", "?"))


def test_files_may_stand_behind_options(program):
    both = program(SYSMON, DATA / "security.xml", "--output", "jsonl", "--min-score", "1")
    mixed = program(SYSMON, "--output", "jsonl", DATA / "security.xml", "--min-score", "1")
    assert mixed.rows == both.rows
    assert mixed.err == both.err


@pytest.mark.parametrize(("typed", "meant"), [("scor", "score"), ("process", "processes")])
def test_a_command_that_is_misspelt(program, tmp_path, monkeypatch, typed, meant):
    monkeypatch.chdir(tmp_path)
    ran = program(typed, SYSMON)
    assert (ran.code, ran.out) == (2, "")
    assert ran.errors == [
        f"installerscore: error: There is no command and no file {typed}; did you mean {meant}?"
    ]
    (tmp_path / typed).write_bytes(SYSMON.read_bytes())
    assert program(typed).code == 0, "a file of that name is one"


def test_a_terminal_without_files_says_what_to_do(program):
    ran = program()
    assert ran.code == 2
    assert "No files given" in ran.errors[0]


def test_format_overrides_what_is_told_by_content(program, tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes((DATA / "sysmon_columns.csv").read_bytes())
    assert program(path, "--format", "sysmon", "--output", "jsonl").rows
    ran = program(path, "--format", "defender")
    assert (ran.code, len(ran.errors)) == (2, 1)
    ran = program(path, "--format", "json")
    assert '"_time" stands where an object should' in ran.errors[0]


def test_save_writes_every_form_in_one_run(program, tmp_path):
    files = [tmp_path / name for name in ("a.html", "b.csv", "c.jsonl")]
    ran = program(SAMPLE, *(word for file in files for word in ("--save", file)))
    assert "installer trees: " in ran.out
    html, table, lines = (file.read_text(encoding="utf-8") for file in files)
    assert html.startswith("<!DOCTYPE html>")
    assert table == program(SAMPLE, "--output", "csv").out
    assert lines == program(SAMPLE, "--output", "jsonl").out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.csv", "c.jsonl"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(program, tmp_path):
    (tmp_path / "a.csv").mkdir()
    ran = program(SYSMON, "--save", tmp_path / "a.csv")
    assert ran.code == 2
    assert "cannot be written" in ran.errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_file_that_others_prepared_is_not_written_to(program, tmp_path):
    """Whoever may write to the folder may put a link where the file is made."""
    (tmp_path / "theirs").write_text("kept", encoding="utf-8")
    (tmp_path / f".a.csv.{os.getpid()}.part").symlink_to(tmp_path / "theirs")
    before = set(tmp_path.iterdir())
    program(SYSMON, "--save", tmp_path / "a.csv")
    assert (tmp_path / "theirs").read_text(encoding="utf-8") == "kept"
    assert set(tmp_path.iterdir()) == {*before, tmp_path / "a.csv"}
    assert not (tmp_path / "a.csv").is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_a_saved_file_has_the_permissions_of_a_new_one(program, tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        program(SYSMON, "--save", tmp_path / "a.csv")
    finally:
        os.umask(before)
    assert (tmp_path / "a.csv").stat().st_mode & 0o777 == mode


def test_nothing_is_left_of_a_file_when_the_program_breaks_off(program, tmp_path, monkeypatch):
    def broken(self, *_):
        assert len(list(tmp_path.iterdir())) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(plain.Csv, "add", broken)
    program(SYSMON, "--save", tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_processes(program):
    ran = program("processes", SYSMON, "--output", "jsonl")
    assert len(ran.rows) == 9
    assert list(ran.rows[0])[-len(PROCESS_COLUMNS) :] == PROCESS_COLUMNS
    assert ran.rows[0]["source"] == str(SYSMON)
    rows = list(csv.DictReader(io.StringIO(program("processes", SYSMON).out)))
    assert [row["node"] for row in rows] == [row["node"] for row in ran.rows]
    assert not program("processes", SYSMON, "--output", "jsonl", "--min-score", "100").rows


def test_health(program):
    (row,) = program("health", SYSMON, "--output", "jsonl").rows
    assert (row["sourcetype"], row["processes"], row["network"]) == ("sysmon", 9, 1)
    shown = program("health", SYSMON, DATA / "defender.csv").out
    assert (
        "without process_guid, parents are found by process id" in shown.replace("\n", " ").lower()
    )


@pytest.mark.parametrize(
    ("command", "in_answer", "beside"),
    [
        ("score", True, False),
        ("score --output html", True, True),
        ("score --output jsonl", False, True),
        ("score --output csv", False, True),
        ("processes", False, True),
        ("health", False, True),
        ("health --output csv", False, True),
    ],
)
def test_what_was_read_is_in_answers_for_people_and_beside_all_but_the_table(
    program, command, in_answer, beside
):
    summary = "Sysmon: 12 events of 1 file."
    ran = program(*command.split(), SYSMON)
    assert (summary in ran.out, summary in ran.err) == (in_answer, beside)
    ran = program(*command.split(), SYSMON, "--quiet")
    assert summary not in ran.err


def test_max_events_says_what_was_left_out(program):
    ran = program(SAMPLE, "--max-events", "20")
    (said,) = ran.warnings
    assert re.search(r"\d+ rows beyond --max-events 20 were left out; .*, or raise it\.$", said)
    assert "maxevents" not in ran.err + ran.out


def test_what_a_file_says_is_not_taken_for_the_limit(program, tmp_path):
    path = tmp_path / "mine.csv"
    wrong = (
        ALLOWED.splitlines()[1].replace("MINE01", "MINE02").replace("any,root", "maxevents=7,root")
    )
    path.write_text(f"{ALLOWED}{wrong}\n")
    (said,) = program(SYSMON, "--allowlist", path).warnings
    assert "'maxevents=7' is not known" in said


@pytest.mark.parametrize("command", ["score", "processes", "health"])
def test_max_events_that_cut_the_input_end_with_the_code_of_a_cut(program, command):
    assert program(command, SYSMON, "--max-events", "11").code == 2
    assert program(command, SYSMON, "--max-events", "12").code == 0


def test_a_finding_in_the_rows_that_max_events_left_counts_more_than_the_cut(program):
    assert program(SYSMON, "--max-events", "11", "--fail-on", "high").code == 1
    assert program(SYSMON, "--max-events", "2", "--fail-on", "critical").code == 2


def test_quiet_leaves_warnings(program):
    ran = program(DATA / "eslogger.jsonl", "--quiet")
    assert "What was read" not in ran.out
    assert [line for line in ran.err.splitlines() if ": info: " in line] == []
    assert ran.warnings


def test_a_fault_of_the_program_is_not_taken_for_a_finding(program, monkeypatch):
    def fault(*_):
        raise RuntimeError("boom")

    monkeypatch.setattr(scoring, "run", fault)
    ran = program(SYSMON)
    assert ran.code == cli.BUG == 70
    assert "a fault of installerscore itself" in ran.errors[0]


def test_an_interrupt_is_said_in_one_line(program, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "run", interrupted)
    ran = program(SYSMON)
    assert (ran.code, len(ran.err.splitlines())) == (130, 1)


ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("src", "package/bin")),
}


def started(*arguments: object, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "installerscore_cli", *map(str, arguments)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize("save", [False, True], ids=["alone", "with a file"])
def test_a_reader_that_goes_away_is_no_error(save, tmp_path):
    """What `installerscore ... | head -1` does: more output than a pipe holds, and no reader."""
    more = ["--save", tmp_path / "a.csv"] if save else []
    command = [] if save else ["processes"]
    process = started(*command, SAMPLES, "--output", "jsonl", *more, stdout=subprocess.PIPE)
    process.stdout.close()
    _, error = process.communicate(timeout=60)
    assert process.returncode == cli.BROKEN_PIPE
    assert error == b""


@pytest.mark.parametrize(
    "arguments",
    [[SAMPLE], ["health", SAMPLE], ["explain"], ["--help"], ["--version"]],
    ids=["table", "health", "explain", "help", "version"],
)
def test_a_reader_of_what_is_shown_that_goes_away_is_no_error(arguments):
    """1 would say that a tree was found; nobody reads, however little is written."""
    process = started(*arguments, stdout=subprocess.PIPE)
    process.stdout.close()
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (cli.BROKEN_PIPE, b"")


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="no device here is always full")
@pytest.mark.parametrize(
    "arguments",
    [
        *([SYSMON, "--output", form] for form in ("table", "jsonl", "csv", "html")),
        [SYSMON, "--save", "a.csv"],
        ["processes", SYSMON],
        ["health", SYSMON],
        ["explain", "WIN001"],
        ["lint", "mine.csv"],
        ["--help"],
    ],
    ids=lambda words: " ".join(map(str, words)).replace(str(SYSMON), "FILE"),
)
def test_a_full_disk_is_said_in_one_sentence(arguments, tmp_path):
    (tmp_path / "mine.csv").write_text("signal_id,weight\nWIN001,999\n")
    with FULL.open("wb") as full:
        process = started(*arguments, stdout=full, cwd=tmp_path)
        _, error = process.communicate(timeout=60)
    said = [line for line in error.decode().splitlines() if ": error: " in line]
    assert said == [
        "installerscore: error: standard output: cannot be written (No space left on device)."
    ]
    assert process.returncode == cli.UNUSABLE
    assert "Traceback" not in error.decode()


@pytest.mark.skipif(not FULL.exists(), reason="no device here is always full")
def test_what_cannot_be_said_does_not_change_the_exit_code():
    with FULL.open("wb") as full:
        command = [sys.executable, "-m", "installerscore_cli", "missing.csv"]
        assert subprocess.run(command, env=ENVIRONMENT, stderr=full, check=False).returncode == 2


def test_standard_output_that_is_closed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert cli.main([str(SYSMON)]) == cli.UNUSABLE
    assert "standard output is closed" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send on Windows")
def test_ctrl_c_while_reading():
    # Whoever runs the tests in the background hands an ignored SIGINT down to all that they start.
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = started("-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    signal.signal(signal.SIGINT, heeded)
    # A pipe holds far less than this: once it is written, the program is reading.
    process.stdin.write(b'{"dest": "a", "process_id": "1", "process": "x"}\n' * 20_000)
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert error.decode().splitlines() == [
        "installerscore: error: Interrupted; nothing was scored to the end."
    ]


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT to send on Windows")
def test_ctrl_c_while_the_program_loads(tmp_path):
    """A package that takes its time stands for a slow disk."""
    (tmp_path / "rich").mkdir()
    slow = "import sys, time\nprint('loading', flush=True)\ntime.sleep(60)\n"
    (tmp_path / "rich" / "__init__.py").write_text(slow)
    path = os.pathsep.join([str(tmp_path), ENVIRONMENT["PYTHONPATH"]])
    heeded = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", "installerscore_cli", str(SYSMON)],
        env={**ENVIRONMENT, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    signal.signal(signal.SIGINT, heeded)
    assert process.stdout.readline() == b"loading\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, len(error.splitlines())) == (130, 1)


def test_out_of_a_zip_file_it_says_what_to_do(tmp_path):
    """Tables and catalogue are files; and what zipapp writes loses the exit code."""
    path = tmp_path / "program.pyz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__main__.py", "from installerscore_cli import __main__\n")
        for folder in ("src/installerscore_cli", "package/bin/installer_trees"):
            for file in (ROOT / folder).rglob("*"):
                archive.write(file, file.relative_to((ROOT / folder).parent))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, str(path), str(SYSMON)], env=environment, capture_output=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, b"")
    (error,) = ran.stderr.decode().splitlines()
    assert error.endswith("error: This program cannot run out of a zip file; unpack or install it.")


class Bar(Terminal):
    """A terminal as standard error, with the bytes that rich writes."""


@pytest.mark.parametrize("terminal", [True, False])
def test_a_progress_bar_on_a_terminal_only(monkeypatch, terminal):
    stream = Bar() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    (item,) = scoring.items([str(SYSMON)])
    with progress.bar([item], True) as moved:
        moved(item, item.size)
    assert bool(stream.getvalue()) is terminal


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["help"],
        ["help", "help"],
        ["help", "-h"],
        *([name, "--help"] for name in COMMANDS),
        ["help", "lint"],
    ],
)
def test_help_says_what_a_command_does_with_an_example_and_its_exit_codes(
    program, capsys, arguments
):
    with pytest.raises(SystemExit) as ended:
        program(*arguments)
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "exit codes:" in text
    assert re.search(r"^examples?:\n  installerscore \w", text, re.MULTILINE)
    name = next((word for word in arguments if word in COMMANDS), "")
    assert f"usage: installerscore {name}" in text
    said = text.split("\n\n")[1]
    assert re.match(r"[A-Z][^.]+ [^.]+\.", said), "a sentence stands below the usage"
    for option, rest in re.findall(r"^  (--[\w-]+ [A-Z]+.*?)  +(.*)", text, re.MULTILINE):
        assert rest, option


@pytest.mark.parametrize("name", ["score", "processes", "health"])
def test_help_names_the_default_of_every_option_that_takes_a_value(program, capsys, name):
    with pytest.raises(SystemExit):
        program(name, "--help")
    options = re.split(r"\n  (?=-)", capsys.readouterr().out.partition("positional arguments")[2])
    valued = [
        " ".join(one.split("\n\n")[0].split()) for one in options if re.match(r"--\S+ [A-Z]", one)
    ]
    assert len(valued) >= 6
    repeated = [one for one in valued if "may be given several times" in one]
    assert [one for one in valued if "default" not in one] == repeated


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("nosuch", f"there are {', '.join(COMMANDS)}."),
        ("scor", "did you mean score?"),
        ("--output", f"there are {', '.join(COMMANDS)}."),
    ],
)
def test_help_about_what_is_no_command_is_an_error(program, word, meant):
    ran = program("help", word)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"installerscore: error: There is no command {word}; {meant}\n"


def test_the_version_is_that_of_the_add_on(program, capsys):
    with pytest.raises(SystemExit):
        program("--version")
    version = capsys.readouterr().out
    manifest = json.loads((ROOT / "package" / "app.manifest").read_text(encoding="utf-8"))
    assert re.search(r"\d+\.\d+\.\d+", version)[0] == manifest["info"]["id"]["version"]


def test_the_answer_that_the_page_shows_is_that_of_today(program, tmp_path):
    """Of docs/program.md: the tree that is drawn there, from its heading on."""
    for name in ("sysmon.xml", "security.xml"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    page = (ROOT / "docs" / "program.md").read_text(encoding="utf-8")
    shown = re.search(r"^(Score \d+ \(critical\): .+?)^\.\.\.$", page, re.DOTALL | re.MULTILINE)
    said = program(tmp_path).out
    assert shown[1].splitlines()[0] in said
    for line in shown[1].splitlines()[2:]:
        assert line in said
