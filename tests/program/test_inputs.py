"""Forms of files: told by their content, read as a stream, broken parts counted and named."""

from __future__ import annotations

import csv
import errno
import gzip
import io
import json
import os
import random
import re
import sys
import zlib
from itertools import chain
from pathlib import Path

import pytest
from sample import SAMPLES

from installerscore_cli import values
from installerscore_cli.readers import Broken, mended, objects, windows

from . import evtx_writer
from .conftest import DATA

EVENT = re.compile(r"<Event[ >].*?</Event>", re.DOTALL)
SYSMON = (DATA / "sysmon.xml").read_text(encoding="utf-8")
EVENTS = EVENT.findall(SYSMON)
AUDIT = (DATA / "audit.log").read_bytes()
TABLE = (DATA / "splunk_datamodel.csv").read_bytes()
SECURITY = EVENT.findall((DATA / "security.xml").read_text(encoding="utf-8"))


@pytest.fixture
def sysmon(program):
    """The row of the Sysmon sample."""
    (row,) = program(DATA / "sysmon.xml", "--output", "jsonl").rows
    return row


FORMS = {
    "gzip": gzip.compress(SYSMON.encode()),
    "gzip in two members": gzip.compress(SYSMON[:9000].encode())
    + gzip.compress(SYSMON[9000:].encode()),
    "UTF-16 as PowerShell writes it": SYSMON.encode("utf-16"),
    "UTF-16 without a mark": SYSMON.encode("utf-16-le"),
    "UTF-16 of the other order": SYSMON.encode("utf-16-be"),
    "NULs between events, as after a power loss": SYSMON.replace(
        EVENTS[3], "\0" * 5_000 + EVENTS[3]
    ).encode(),
    "NULs before all, as of a log that was emptied": bytes(200_000) + SYSMON.encode(),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + SYSMON.encode(),
    "wevtutil, one event after the other": "".join(EVENTS).encode(),
    "lines that end as on Windows": SYSMON.replace("\n", "\r\n").encode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("piped", [False, True], ids=["file", "stdin"])
def test_one_export_in_many_forms(program, tmp_path, sysmon, form, piped):
    path = tmp_path / "events"
    path.write_bytes(FORMS[form])
    arguments = ("-",) if piped else (path,)
    ran = program(*arguments, "--output", "jsonl", stdin=FORMS[form] if piped else None)
    assert ran.code == 0, ran.err
    assert ran.rows == [sysmon]


def test_json_in_many_forms(program, tmp_path):
    records = [json.loads(line) for line in (DATA / "winlogbeat.ndjson").open(encoding="utf-8")]
    sources = [record["_source"] for record in records]
    forms = {
        "lines": "\n".join(map(json.dumps, sources)),
        "array": json.dumps(sources),
        "array over lines": json.dumps(sources, indent=2),
        "one after the other": "".join(json.dumps(source, indent=1) for source in sources),
        "search answer": json.dumps({"took": 3, "hits": {"total": 12, "hits": records}}),
        "Log Analytics": json.dumps(
            {
                "tables": [
                    {
                        "name": "PrimaryResult",
                        "columns": [{"name": name} for name in dotted(sources[0])],
                        "rows": [
                            [dotted(source).get(name) for name in dotted(sources[0])]
                            for source in sources
                            if dotted(source).keys() == dotted(sources[0]).keys()
                        ],
                    }
                ]
            }
        ),
        "dotted": "\n".join(json.dumps(dotted(source)) for source in sources),
    }
    trees = {}
    for form, text in forms.items():
        path = tmp_path / "events.json"
        path.write_text(text, encoding="utf-8")
        ran = program(path, "--output", "jsonl")
        trees[form] = [row["tree"] for row in ran.rows]
        assert ran.code == 0, (form, ran.err)
    analytics = trees.pop("Log Analytics")
    assert len({json.dumps(tree) for tree in trees.values()}) == 1
    assert len(analytics[0]) == len(trees["lines"][0])


def dotted(value, prefix=""):
    flat = {}
    for name, one in value.items():
        if isinstance(one, dict):
            flat.update(dotted(one, f"{prefix}{name}."))
        else:
            flat[prefix + name] = one
    return flat


def test_evtx_files_of_two_logs_in_a_folder(program, tmp_path, sysmon):
    folder = tmp_path / "evidence" / "Logs"
    folder.mkdir(parents=True)
    evtx_writer.write(folder / "Sysmon.evtx", EVENTS * 3)
    evtx_writer.write(folder / "Security.evtx", SECURITY)
    system = EVENTS[0].replace("Microsoft-Windows-Sysmon/Operational", "System")
    system = system.replace('Name="Microsoft-Windows-Sysmon"', 'Name="Service Control Manager"')
    evtx_writer.write(folder / "System.evtx", [system.replace("UtcTime", "param1")] * 5)
    (folder / "notes.txt").write_text("seen by the night shift\n")
    ran = program(tmp_path / "evidence", "--output", "jsonl")
    assert (ran.code, ran.errors) == (0, [])
    (row,) = ran.rows
    assert row["process_count"] == sysmon["process_count"], "two sensors, each process once"
    assert row["installer_score"] >= sysmon["installer_score"]
    assert "Files passed over: 2" in ran.err


def test_evtx_from_gzip_and_stdin(program, tmp_path, sysmon):
    path = tmp_path / "s.evtx"
    evtx_writer.write(path, EVENTS)
    packed = gzip.compress(path.read_bytes())
    (tmp_path / "s.evtx.gz").write_bytes(packed)
    for ran in (
        program(path, "--output", "jsonl"),
        program(tmp_path / "s.evtx.gz", "--output", "jsonl"),
        program("-", "--output", "jsonl", stdin=packed),
    ):
        (row,) = ran.rows
        assert (row["tree"], row["installer_score"]) == (sysmon["tree"], sysmon["installer_score"])


def test_a_damaged_evtx_file_gives_what_is_left_and_says_so(program, tmp_path):
    path = tmp_path / "s.evtx"
    evtx_writer.write(path, EVENTS + EVENTS * 30)
    content = bytearray(path.read_bytes())
    assert len(content) > evtx_writer.HEADER + 4 * evtx_writer.CHUNK
    second = evtx_writer.HEADER + evtx_writer.CHUNK
    content[second : second + 8] = bytes(8)
    path.write_bytes(content[: -evtx_writer.CHUNK])
    ran = program(path, "--output", "jsonl")
    assert ran.code == 2
    assert len(ran.rows) == 1
    assert "the file is cut short" in ran.warnings[0]


def test_without_the_package_evtx_it_says_what_to_install(program, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "evtx", None)
    evtx_writer.write(tmp_path / "s.evtx", EVENTS[:1])
    (tmp_path / "a.csv").write_bytes((DATA / "defender.csv").read_bytes())
    ran = program(tmp_path)
    assert ran.code == 2
    (error,) = ran.errors
    assert "s.evtx: is an EVTX file" in error
    assert "pip install 'installerscore[evtx]'" in error


PROBLEMS = {
    "nothing": (b"", "is empty"),
    "blanks": (b"  \n\n", "holds nothing but blanks"),
    "NULs": (bytes(300), "holds nothing but blanks or NUL bytes"),
    "bytes": (b"\x7fELF\x00\x01\x02", "is not text: expected EVTX, CSV, JSON"),
    "random bytes": (
        random.Random(1).choices(range(256), k=3_000),
        "is not text: expected EVTX, CSV, JSON",
    ),
    "a picture": (
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\2\0\0\0\1\0\x08\6\0\0\0" + zlib.compress(b"a,b\n"),
        "is not text: expected EVTX, CSV, JSON",
    ),
    "prose": (b"seen by the night shift\n", "is text of an unknown form: expected CSV"),
    "zip": (b"PK\x03\x04rest", "is a zip archive; unpack it"),
    "other columns": (b"name,color\nbox,red\n", "found name, color"),
    "other objects": (b'{"name": "box"}\n', "expected CIM columns (dest or host, process_id"),
    "no objects": (b"[1, 2]", "could not be read: 1 stands where an object should"),
    "no process id": (
        b"_time,dest,process\n1,a,b\n",
        "has no column process_id or process_guid; found _time, dest, process",
    ),
    "no program": (b"_time,dest,process_id\n1,a,2\n", "has no column process or process_name"),
    "open quote": (
        b'dest,process_id,process\na,1,"b\na,2,c\na,3,d\n',
        "is no CSV after line 1: a quote that is opened there is never closed",
    ),
    "other XML": (b"<?xml version='1.0'?><html></html>", "is XML without <Event> elements"),
    "interpreted": (
        b"type=EXECVE msg=audit(11/22/2026 01:22:45.913:24983) : argc=1 a0=ls\n",
        "use ausearch --raw",
    ),
    "cut gzip": (
        gzip.compress(SYSMON.encode())[:20],
        "could not be read to its end (the gzip data break off)",
    ),
    "a capture": (b"\xd4\xc3\xb2\xa1\2\0\4\0" + bytes(16), "is a network capture, which names no"),
    "a newer capture": (b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a", "is a network capture"),
    "a workbook": (
        b"PK\3\4\x14\0\6\0\x08\0\0\0!\0[Content_Types].xml",
        "is an Excel workbook; save it as CSV",
    ),
    "tar": (b"evidence/".ljust(257, b"\0") + b"ustar\x0000", "is a tar archive; unpack it"),
    "tar.gz": (
        gzip.compress(b"evidence/".ljust(257, b"\0") + b"ustar\x0000"),
        "is a tar archive; unpack it",
    ),
    "no evtx": (b"ElfFile\0" + bytes(60), "is no EVTX file that can be read"),
    "the text form of wevtutil": (
        b"Event[0]:\r\n  Log Name: Security\r\n",
        "was written by wevtutil as text, which loses what is needed: use wevtutil qe LOG",
    ),
    "Export-Csv of Get-WinEvent": (
        b'#TYPE System.Diagnostics\r\n"Message","Id","TimeCreated"\r\n"Process Create:","1",""\r\n',
        "is an export of Get-WinEvent, which keeps what counts in a message only",
    ),
    "ConvertTo-Json of Get-WinEvent": (
        b'[{"Id": 1, "Message": "Process Create:", "TimeCreated": "x"}]',
        "is an export of Get-WinEvent",
    ),
    "broken JSON": (b'{"a": [1, 2', "the JSON breaks off or is not valid"),
    "useless events": (
        EVENTS[-1].encode(),
        "holds no process creations, connections, file or registry changes; found Sysmon 5 (1)",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS)
@pytest.mark.parametrize("piped", [False, True], ids=["file", "stdin"])
def test_bad_input_is_one_clear_sentence(program, tmp_path, case, piped):
    content, problem = bytes(PROBLEMS[case][0]), PROBLEMS[case][1]
    path = tmp_path / "events.dat"
    path.write_bytes(content)
    ran = program("-", stdin=content) if piped else program(path)
    assert (ran.code, ran.out) == (2, "")
    (error,) = ran.err.splitlines()
    name = "standard input" if piped else str(path)
    assert error.startswith(f"installerscore: error: {name}: ")
    assert problem in error
    assert error.endswith(".")


NOT_XML = {
    "CSV": (TABLE, "is not XML of Windows events, but CSV by its content; leave out --format."),
    "an audit log": (AUDIT, "is not XML of Windows events, but a Linux audit log by its content"),
    "nothing": (b"", "is empty."),
    "prose": (b"seen by the night shift\n", "is text of an unknown form"),
    "other XML": (b"<Events></Events>", "is XML without <Event> elements"),
}


@pytest.mark.parametrize("case", NOT_XML)
def test_a_file_that_holds_nothing_of_the_form_that_was_asked_for(program, tmp_path, case):
    content, problem = NOT_XML[case]
    path = tmp_path / "events.dat"
    path.write_bytes(content)
    ran = program(path, "--format", "xml")
    assert (ran.code, ran.out) == (2, "")
    (error,) = ran.err.splitlines()
    assert error.startswith(f"installerscore: error: {path}: {problem}")
    ran = program(tmp_path, "--format", "xml")
    assert (ran.code, problem in ran.err) == (2, True)


EMPTY = {
    "a.csv": "_time,dest,process,process_id\n",
    "b.json": "[]\n",
    "c.json": '{"preview": false, "lastrow": true}\n',
    "d.json": '{"preview": false, "init_offset": 0, "results": []}\n',
}


@pytest.mark.parametrize("name", EMPTY)
def test_input_that_is_well_formed_and_empty_is_no_error_and_is_said(program, tmp_path, name):
    path = tmp_path / name
    path.write_text(EMPTY[name])
    ran = program(path, "--fail-on", "low")
    assert ran.code == 0
    assert "0 installer trees" in ran.out
    said = "installerscore: warning: There are no rows in {}, so there is nothing to score."
    assert ran.err.splitlines() == [said.format(path)]
    for command in ("score", "processes", "health"):
        ran = program(command, "--quiet", stdin=EMPTY[name].encode())
        assert (ran.code, ran.err.splitlines()) == (0, [said.format("standard input")])


def test_of_several_empty_files_the_first_are_named(program, tmp_path):
    names = [tmp_path / f"{i}.json" for i in range(5)]
    for path in names:
        path.write_text("[]")
    (said,) = program(tmp_path, "--output", "jsonl").warnings
    assert f"no rows in {names[0]}, {names[1]}, {names[2]} and 2 more, so there" in said


def test_a_folder_without_events_is_an_error_that_says_what_was_there(program, tmp_path):
    ran = program(tmp_path)
    assert ran.code == 2
    assert "There are no files in the folders that were given." in ran.errors[0]
    (tmp_path / "a.txt").write_text("hello\n")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n")
    ran = program(tmp_path)
    assert ran.code == 2
    assert "None of the 2 files there holds events of processes; " in ran.errors[0]


def test_other_files_of_a_folder_that_are_no_whole_csv_do_not_count_as_cut(
    program, tmp_path, sysmon
):
    (tmp_path / "a.xml").write_text(SYSMON, encoding="utf-8")
    (tmp_path / "b.py").write_text('import a, b\nx, y\n"""One,\n\ntwo.\n')
    ran = program(tmp_path, "--output", "jsonl")
    assert (ran.code, ran.rows, ran.warnings) == (0, [sysmon], [])
    assert "Files passed over: 1" in ran.err


DATA_PASSED_OVER = {
    "other.csv": (b"name,color\nbox,red\n", "has no columns that are known"),
    "objects.json": (b'{"name": "box"}\n', "has no columns that are known"),
    "other.xml": (b"<?xml version='1.0'?><html></html>", "is XML without <Event> elements"),
    "other.csv.gz": (gzip.compress(b"name,color\nbox,red\n"), "has no columns that are known"),
    "Application": (EVENTS[-1].encode(), "holds no process creations, connections"),
    "logs.zip": (b"PK\3\4rest", "is a zip archive"),
    "empty.jsonl": (b"", "is empty"),
    "audit.txt": (b"type=EXECVE msg=audit(11/22/2026 01:22:45.9:2) : argc=1\n", "ausearch --raw"),
}


@pytest.mark.parametrize("name", DATA_PASSED_OVER)
def test_a_file_of_a_folder_that_seems_data_is_not_passed_over_in_silence(program, tmp_path, name):
    content, why = DATA_PASSED_OVER[name]
    (tmp_path / "a.xml").write_text(SYSMON, encoding="utf-8")
    (tmp_path / name).write_bytes(content)
    ran = program(tmp_path, "--quiet")
    (said,) = ran.warnings
    assert ran.code == 0
    start = "1 file that looks like data was passed over, and nothing in it was scored; "
    assert f"warning: {start}{tmp_path / name}: " in said
    assert why in said


def test_files_that_seem_data_are_counted_and_others_are_not(program, tmp_path):
    (tmp_path / "a.xml").write_text(SYSMON, encoding="utf-8")
    for name in ("b.csv", "c.csv"):
        (tmp_path / name).write_text("name,color\nbox,red\n")
    (tmp_path / "notes.txt").write_text("seen by the night shift\n")
    (tmp_path / "syslog.log").write_text("Nov 22 02:00:00 web01 cron[1]: started\n")
    (tmp_path / "page.png").write_bytes(bytes(PROBLEMS["a picture"][0]))
    ran = program(tmp_path)
    (said,) = ran.warnings
    assert "2 files that look like data were passed over, and nothing in them was scored; " in said
    assert f"{tmp_path / 'b.csv'} and 1 more: has no columns that are known" in said
    assert "Files passed over: 5" in re.sub(r"\s+", " ", ran.out)


def test_an_empty_name_is_not_the_folder_that_we_are_in(program, tmp_path, monkeypatch):
    """What `installerscore "$FOLDER"` gives where the variable is not set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.xml").write_text(SYSMON, encoding="utf-8")
    ran = program("")
    assert (ran.code, ran.out) == (2, "")
    assert ran.errors == ["installerscore: error: An empty name was given; name files or folders."]


def test_files_that_hold_nothing_of_use_are_named_with_the_reason(program, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\x7fELF\x00\x01\x02")
    ran = program(tmp_path)
    assert f"error: {tmp_path / 'a.bin'}: is not text: expected EVTX" in ran.errors[0]
    for name in "bcd":
        (tmp_path / name).write_bytes(b"")
    ran = program(tmp_path)
    assert (
        f"None of the 4 files there holds events of processes; {tmp_path / 'b'} and 2 more: "
        f"is empty; {tmp_path / 'a.bin'}: is not text: expected EVTX" in ran.errors[0]
    )


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """The same audit log in the folders of two hosts; the first of them is where we are."""
    for host in ("web01", "web02"):
        folder = tmp_path / "evidence" / host / "log"
        folder.mkdir(parents=True)
        (folder / "audit.log").write_bytes(AUDIT)
    monkeypatch.chdir(tmp_path / "evidence" / "web01")
    return tmp_path / "evidence"


def hosts(ran) -> list[str]:
    return sorted({row["dest"] for row in ran.rows})


def test_the_name_of_the_folder_stands_for_the_host_however_it_was_typed(program, logs):
    typed = (".", "log", "./log/", "../web01/log", logs / "web01" / "log" / "audit.log")
    answers = [program(path, "--output", "jsonl") for path in typed]
    assert {tuple(hosts(ran)) for ran in answers} == {("log",)}
    ids = {tuple(row["installer_tree_id"] for row in ran.rows) for ran in answers}
    assert len(ids) == 1
    assert "were taken as those of log; --host NAME sets it" in answers[0].warnings[0]


def test_two_folders_of_one_name_are_two_hosts(program, logs):
    both = program("log", "../web02/log", "--output", "jsonl")
    assert hosts(both) == ["web01/log", "web02/log"]
    assert len(both.rows) == 2 * len(program("log", "--output", "jsonl").rows)
    assert program(logs, "--output", "jsonl").rows == both.rows
    monthly = logs / "web01" / "old" / "web02" / "log"
    monthly.mkdir(parents=True)
    (monthly / "audit.log").write_bytes(AUDIT)
    assert hosts(program(logs, "--output", "jsonl")) == [
        "evidence/web02/log",
        "old/web02/log",
        "web01/log",
    ]


def test_a_file_that_is_named_twice_is_read_once(program, logs):
    path = logs / "web01" / "log" / "audit.log"
    once = program(path, "--output", "jsonl")
    twice = program("log/audit.log", path, "../web01", "--output", "jsonl")
    assert twice.rows == once.rows
    assert "of 1 file" in twice.err


def test_a_file_of_a_folder_that_cannot_be_read_does_not_hide_the_others(program, tmp_path):
    (tmp_path / "a.xml").write_text(SYSMON, encoding="utf-8")
    (tmp_path / "b.gz").write_bytes(gzip.compress(SYSMON.encode())[:-20])
    ran = program(tmp_path, "--output", "jsonl")
    assert len(ran.rows) == 1
    assert ran.code == 2, "the answer may not be whole"
    assert "b.gz: could not be read to its end" in ran.warnings[0]
    assert program(tmp_path, "--fail-on", "low").code == 1


@pytest.fixture
def locked(monkeypatch):
    """Let nobody into files and folders of this name, whoever runs the tests."""
    scandir, look = os.scandir, Path.stat

    def refuse(path):
        if not isinstance(path, int) and Path(path).name == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    def closed_scandir(path):
        refuse(path)
        return scandir(path)

    def closed_stat(path, **options):
        if path.parent.name != "evidence":
            refuse(path)
        return look(path, **options)

    monkeypatch.setattr(os, "scandir", closed_scandir)
    monkeypatch.setattr(Path, "stat", closed_stat)


def test_folders_and_files_that_cannot_be_looked_at_do_not_hide_the_others(
    program, tmp_path, sysmon, locked
):
    folder = tmp_path / "evidence"
    for name in ("a", "locked"):
        (folder / name).mkdir(parents=True)
    (folder / "a" / "locked").write_bytes(b"")
    (folder / "a" / "b.xml").write_text(SYSMON, encoding="utf-8")
    (folder / "a" / "gone.log").symlink_to("rotated.log")
    (folder / "a" / "loop").symlink_to("loop")
    ran = program(folder, "--output", "jsonl", "--save", tmp_path / "s.html")
    assert (ran.code, ran.rows) == (2, [sysmon])
    start, denied = "installerscore: warning: ", os.strerror(errno.EACCES)
    assert ran.warnings == [
        f"{start}{folder / 'a' / 'gone.log'}: cannot be opened ({os.strerror(errno.ENOENT)}).",
        f"{start}{folder / 'a' / 'locked'}: cannot be opened ({denied}).",
        f"{start}{folder / 'a' / 'loop'}: cannot be opened ({os.strerror(errno.ELOOP)}).",
        f"{start}{folder / 'locked'}: cannot be opened ({denied}).",
    ]
    ran = program(folder / "locked")
    assert (ran.code, ran.out, ran.err.splitlines()) == (
        2,
        "",
        [f"installerscore: error: {folder / 'locked'}: cannot be opened ({denied})."],
    )
    (folder / "a" / "b.xml").unlink()
    assert f"error: {folder / 'a' / 'gone.log'}: cannot be" in program(folder).errors[0]


WINLOG = [json.loads(line)["_source"] for line in (DATA / "winlogbeat.ndjson").open("rb")]
LINES = "".join(json.dumps(record) + "\n" for record in WINLOG)
CUT = {
    "gzip": (
        gzip.compress(f"{SYSMON}{random.Random(2).randbytes(90_000).hex()}".encode())[:-900],
        "the gzip data break off",
    ),
    "XML": (SYSMON[:-400].encode(), "the file ends inside an <Event>"),
    "UTF-16": (SYSMON.encode("utf-16")[:-1], "the UTF-16 text ends in the middle of a character"),
    "JSON lines": (LINES[:-80].encode(), "line 12, the last one, breaks off"),
    "JSON array": (
        json.dumps(WINLOG, indent=1)[:-80].encode(),
        "the JSON breaks off or is not valid in the value that begins in line",
    ),
    "JSON array between two items": (
        json.dumps(WINLOG)[:-1].encode(),
        "the JSON breaks off: its array has no end",
    ),
    "CSV": (TABLE + b"1795310600,WKS", "line 11 has 2 cells, the header 16"),
    "CSV in quotes": (TABLE.rstrip() + b'\n"1795', "line 11 ends within quotes"),
    "CSV with quotes that stay open": (
        TABLE + b'"1\n' + TABLE.splitlines(keepends=True)[1] * 3,
        "is no CSV after line 10: a quote that is opened there is never closed",
    ),
}


@pytest.mark.parametrize("form", CUT)
@pytest.mark.parametrize("how", ["file", "stdin", "folder"])
def test_a_file_that_is_cut_gives_what_stands_before_and_the_exit_code_says_so(
    program, tmp_path, form, how
):
    content, said = CUT[form]
    path = tmp_path / "events"
    path.write_bytes(content)
    where = {"file": path, "stdin": "-", "folder": tmp_path}[how]
    ran = program(where, "--output", "jsonl", stdin=content if how == "stdin" else None)
    assert (ran.code, len(ran.rows)) == (2, 1)
    (warning,) = (line for line in ran.warnings if said in line)
    name = "standard input" if how == "stdin" else str(path)
    assert warning.startswith(f"installerscore: warning: {name}: ")
    assert warning.endswith("; what stands before was read.")
    stdin = content if how == "stdin" else None
    assert program(where, "--fail-on", "low", stdin=stdin).code == 1, "what was found comes first"


def test_damaged_gzip_data_give_what_stands_before(program, tmp_path):
    content = bytearray(gzip.compress(SYSMON.encode()) + gzip.compress(SYSMON.encode()))
    content[-8:-4] = b"\0\0\0\0"
    (tmp_path / "s.gz").write_bytes(content)
    ran = program(tmp_path / "s.gz", "--output", "jsonl")
    assert (ran.code, len(ran.rows)) == (2, 1)
    assert "could not be read to its end (the gzip data are damaged: CRC check" in ran.warnings[0]


def test_events_without_any_process_creation_say_what_is_missing(program, tmp_path):
    path = tmp_path / "n.xml"
    path.write_text("".join(event for event in EVENTS if "<EventID>3<" in event))
    ran = program(path)
    assert ran.code == 2
    assert "None of the 1 rows is a process creation" in ran.errors[0]


def test_a_security_log_without_command_lines_is_remarked(program, tmp_path):
    path = tmp_path / "s.xml"
    text = re.sub(r'<Data Name="CommandLine">.*?</Data>', "", "".join(SECURITY))
    path.write_text(text, encoding="utf-8")
    ran = program(path)
    assert "9 of 9 process creations of Windows Security log have no command line" in ran.err


def renamed(path, names, left_out=()):
    """Write a malicious sample as CSV with other columns; return where."""
    lines = (SAMPLES / "windows/win_msi_encoded_powershell.jsonl").read_text().splitlines()
    rows = [
        {names.get(name, name): value for name, value in json.loads(line).items()} for line in lines
    ]
    columns = [name for name in dict.fromkeys(chain.from_iterable(rows)) if name not in left_out]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


SYSMON_NAMES = {
    "_time": "TimeCreated",
    "dest": "Computer",
    "user": "User",
    "process": "CommandLine",
    "process_path": "Image",
    "process_id": "ProcessId",
    "process_guid": "ProcessGuid",
    "parent_process": "ParentCommandLine",
    "parent_process_path": "ParentImage",
    "parent_process_id": "ParentProcessId",
    "parent_process_guid": "ParentProcessGuid",
    "original_file_name": "OriginalFileName",
}
NO_NAMES = "process_name process_exec parent_process_name parent_process_exec".split()


def test_process_creations_of_cim_without_command_lines_are_remarked(program, tmp_path):
    path = renamed(tmp_path / "s.csv", {}, ("process", "parent_process"))
    ran = program(path, "--quiet")
    assert ran.code == 0
    (said,) = ran.warnings
    assert "9 of 9 process creations of CIM have no command line, so most signals" in said
    assert program(SAMPLES / "windows", "--quiet").warnings == []


def test_columns_that_seem_to_hold_a_process_and_were_not_understood_are_named(program, tmp_path):
    names = {"process": "cmd", "parent_process": "Parent Cmd", "parent_process_id": "ppid"}
    path = renamed(tmp_path / "s.csv", names, ("parent_process_guid",))
    ran = program(path, "--quiet")
    assert ran.warnings[0] == (
        f"installerscore: warning: {path}: the columns cmd, Parent Cmd, ppid were not understood; "
        "expected process, parent_process, parent_process_id."
    )
    path = renamed(tmp_path / "t.csv", {"process": "cmd"})
    (said, _) = program(path, "--quiet").warnings
    assert "the column cmd was not understood; expected process." in said


@pytest.mark.parametrize(
    ("names", "left_out"),
    [
        ({"process": "CommandLine", "process_name": "Name"}, ()),
        ({"process": "CommandLine", "parent_process": "ParentCommandLine"}, NO_NAMES),
        (SYSMON_NAMES, [*NO_NAMES, "file_path", "dest_ip", "registry_path"]),
        (SYSMON_NAMES, [*NO_NAMES, "ProcessGuid", "ParentProcessGuid"]),
        (
            {**SYSMON_NAMES, "dest_ip": "DestinationIp", "file_path": "TargetFilename"},
            [*NO_NAMES, "ProcessGuid", "ParentProcessGuid"],
        ),
    ],
    ids=["a few", "without names", "Sysmon", "without GUIDs", "with events"],
)
def test_common_names_of_other_tools_are_understood(program, tmp_path, names, left_out):
    """Beside CIM names and alone, with Sysmon's GUIDs and without."""
    ran = program(renamed(tmp_path / "s.csv", names, left_out), "--output", "jsonl")
    (row,) = ran.rows
    assert (row["dest"], row["process_count"]) == ("WKS-FIN-07", 9)
    assert row["process"].startswith('"C:\\Windows\\System32\\msiexec.exe" /i')
    assert row["installer_severity"] == "critical"
    assert ran.warnings == []


def test_cim_names_win_over_other_names_of_the_same(program, tmp_path):
    path = renamed(tmp_path / "s.csv", {"user": "CommandLine", "action": "ProcessId"})
    (row,) = program(path, "--output", "jsonl").rows
    assert row["installer_severity"] == "critical"


def test_the_creator_of_a_process_is_not_taken_for_it(program, tmp_path):
    """Beside `NewProcessId`, `ProcessId` is that of the parent."""
    path = tmp_path / "s.csv"
    path.write_text("Computer,NewProcessId,ProcessId,CommandLine\nh,7,6,msiexec /i a.msi\n")
    assert program(path).code == 2


def test_of_events_with_other_names_only_process_creations_are_taken(program, tmp_path):
    path = tmp_path / "s.csv"
    rows = (f"{number},h,7,C:\\a.exe,a.exe,6" for number in (1, 5, 10, 4688))
    header = "EventID,Computer,ProcessId,Image,CommandLine,ParentProcessId"
    path.write_text("\n".join([header, *rows, ""]))
    assert "Rows read: 2;" in program(path).out


def test_characters_that_xml_forbids_do_not_hide_an_event(program, tmp_path, sysmon):
    path = tmp_path / "s.xml"
    text = SYSMON.replace("-NoProfile ", "-NoProfile &#x1B; \x01 ")
    path.write_text(text, encoding="utf-8")
    (row,) = program(path, "--output", "jsonl").rows
    assert row["process_count"] == sysmon["process_count"]


def test_an_entity_bomb_is_not_read(program, tmp_path):
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    path = tmp_path / "s.xml"
    path.write_text(bomb + SYSMON.replace("whoami.exe", "&b;"), encoding="utf-8")
    ran = program(path, "--output", "jsonl")
    assert ran.code == 0
    assert "an <Event> is not well-formed XML" in ran.warnings[0]


@pytest.mark.parametrize(("number", "line"), [(4, '{"@timestamp": '), (1, '{"@timestamp": "20}')])
def test_broken_lines_are_counted_and_the_rest_is_read(program, tmp_path, number, line):
    lines = (DATA / "winlogbeat.ndjson").read_text(encoding="utf-8").splitlines()
    lines.insert(number - 1, line)
    path = tmp_path / "w.ndjson"
    path.write_text("\n".join(lines))
    ran = program(path, "--output", "jsonl")
    assert (ran.code, len(ran.rows)) == (0, 1)
    assert "1 record is broken, and read as far as possible" in ran.warnings[0]
    assert f"line {number} is no JSON" in ran.warnings[0]


LOGS = {
    "audit.log": ("\ntype=SYSCALL", "audit.log"),
    "splunk_datamodel.csv": ("\n", "events.csv"),
    "winlogbeat.ndjson": ("\n", "events.json"),
    "sysmon.xml": ("<Event ", "events.xml"),
}


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_log_with_nuls_in_a_folder_is_read_and_they_are_said(program, tmp_path, name, packed):
    before, called = LOGS[name]
    content = (DATA / name).read_bytes()
    whole = program(DATA / name, "--output", "jsonl", "--host", "a").rows
    place = content.index(before.encode(), len(content) // 2)
    content = content[:place] + bytes(4_096) + content[place:]
    (tmp_path / called).write_bytes(gzip.compress(content) if packed else content)
    ran = program(tmp_path, "--output", "jsonl", "--host", "a")
    assert ran.code == 0
    assert [row["tree"] for row in ran.rows] == [row["tree"] for row in whole]
    (said,) = (line for line in ran.warnings if "NUL" in line)
    line = content[:place].count(b"\n") + 1
    assert f"{called}: NUL bytes were left out, the first in line {line}; what stood in" in said


@pytest.mark.parametrize("nuls", [8, 13, 70_000])
@pytest.mark.parametrize("before", [1, 4, 7])
def test_a_run_of_nuls_across_two_blocks_ends_a_line(nuls, before):
    """`before` NULs are the last of a block of 64 KiB, the others lie in those behind it."""
    start = b"a" * (mended.BLOCK_BYTES - before)
    stream = mended.Mended(io.BytesIO(start + bytes(nuls) + b"b"), "utf-8", mended.Damage())
    assert b"".join(iter(lambda: stream.read(1 << 20), b"")) == start + b"\nb"


def test_nuls_at_the_end_of_a_block_are_left_out_where_they_are_few():
    start = b"a" * (mended.BLOCK_BYTES - 3)
    for end in (b"", b"b"):
        stream = mended.Mended(io.BytesIO(start + bytes(7) + end), "utf-8", mended.Damage())
        assert b"".join(iter(lambda stream=stream: stream.read(1 << 20), b"")) == start + end


@pytest.mark.parametrize("nuls", [65_500, 65_536, 131_050])
@pytest.mark.parametrize("piped", [False, True], ids=["file", "stdin"])
def test_the_form_is_told_wherever_the_nuls_before_it_end(program, tmp_path, sysmon, nuls, piped):
    """65,500 NULs leave 36 bytes of the text in the first 64 KiB: too few to know XML by."""
    content = bytes(nuls) + SYSMON.encode()
    path = tmp_path / "s.xml"
    path.write_bytes(content)
    ran = program("-" if piped else path, "--output", "jsonl", stdin=content if piped else None)
    assert ran.rows == [sysmon], ran.err


def test_half_a_pair_of_utf16_units_is_replaced_and_said(program, tmp_path):
    text = SYSMON.replace("-NoProfile ", "-NoProfile \ud83d ", 1)
    (tmp_path / "s.xml").write_bytes(text.encode("utf-16", "surrogatepass"))
    ran = program(tmp_path / "s.xml", "--output", "jsonl")
    assert (ran.code, len(ran.rows)) == (0, 1)
    line = text[: text.index("\ud83d")].count("\n") + 1
    assert f"s.xml: 2 bytes that are not UTF-16 were replaced, first in line {line};" in ran.err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_across_blocks_is_read_whole(encoding):
    """A pair of units lies across the end of a block, whatever the mark before it takes."""
    for shift in range(3):
        text = "x" * shift + "<a>" + "\U0001f4be\u20ac" * 40_000
        damage = mended.Damage()
        content = text.encode(encoding)
        stream = mended.Mended(io.BytesIO(content), mended.encoding(content), damage)
        read = b"".join(iter(lambda stream=stream: stream.read(1 << 20), b""))
        assert read.decode() == text
        assert list(damage.said()) == []


@pytest.mark.parametrize("gap", ["", "-", None], ids=["empty", "dash", "no column"])
def test_src_is_the_host_of_connections_only(program, tmp_path, gap):
    """A `src` in a process creation is who logged on from afar, not where it ran."""
    rows = [{_short(name): value for name, value in row.items()} for row in cim_rows()]
    for row in rows:
        row.update({"src": "JUMP-07", "dest": gap} if gap is not None else {"src": "JUMP-07"})
        if gap is None:
            del row["dest"]
    (tmp_path / "s.json").write_text("\n".join(map(json.dumps, rows)))
    ran = program(tmp_path / "s.json", "--output", "jsonl")
    assert hosts(ran) == [tmp_path.name]
    assert f"were taken as those of {tmp_path.name}; --host NAME sets it" in ran.err
    (tree,) = program(tmp_path / "s.json", "--output", "jsonl", "--host", "wks-fin-07").rows
    assert tree["dest"] == "wks-fin-07"

    shell = next(row for row in rows if row["process_name"] == "powershell.exe")
    peer = {
        "_time": shell["_time"],
        "src": "WKS-FIN-07",
        "process_guid": shell["process_guid"],
        "process_id": shell["process_id"],
        "dest_ip": "192.0.2.44",
        "dest_port": "80",
    }
    mixed = [*({**row, "dest": "WKS-FIN-07"} for row in rows), peer]
    (tmp_path / "s.json").write_text("\n".join(map(json.dumps, mixed)))
    ran = program(tmp_path / "s.json", "--output", "jsonl")
    assert "taken as those of" not in ran.err
    assert "in installer trees: 10; outside of them: 0" in ran.err


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def test_raw_events_beside_what_splunk_says_of_them(program, tmp_path):
    """The export of a search without `table`: `source` alone would tell a row of Sysmon."""
    around = {"host": "x", "source": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"}
    around["sourcetype"] = "XmlWinEventLog"
    rows = [{"_raw": event, "_time": "2026-11-22T01:25:00.000+0000", **around} for event in EVENTS]
    (tmp_path / "s.csv").write_text(written(rows), encoding="utf-8")
    ran = program(tmp_path / "s.csv", "--output", "jsonl")
    (whole,) = program(DATA / "sysmon.xml", "--output", "jsonl").rows
    assert [row["tree"] for row in ran.rows] == [whole["tree"]]


def test_a_line_that_nuls_cut_does_not_take_the_next_one_with_it(program, tmp_path):
    """The lines of the winlogbeat sample; the first half of a line, NULs, and the rest of them."""
    lines = (DATA / "winlogbeat.ndjson").read_bytes().splitlines(keepends=True)
    path = tmp_path / "w.ndjson"
    path.write_bytes(lines[0] + lines[1][:200] + bytes(700) + b"".join(lines[1:]))
    ran = program(path, "--output", "jsonl")
    (whole,) = program(DATA / "winlogbeat.ndjson", "--output", "jsonl").rows
    assert [row["tree"] for row in ran.rows] == [whole["tree"]]
    assert any("1 record is broken" in line for line in ran.warnings)


def test_a_json_array_after_empty_lines_is_read(program, tmp_path):
    records = [json.loads(line)["_source"] for line in (DATA / "winlogbeat.ndjson").open("rb")]
    (tmp_path / "w.json").write_text("\n\n" + json.dumps(records, indent=1))
    ran = program(tmp_path / "w.json", "--output", "jsonl")
    assert (len(ran.rows), ran.warnings) == (1, [])


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"caf\xe9", "1 byte that is not UTF-8 was replaced, first in line 4; export the file"),
        (b"\xed\xa0\x80\xff", "4 bytes that are not UTF-8 were replaced, first in line 4;"),
    ],
)
@pytest.mark.parametrize("before", [0, 70_000], ids=["at the beginning", "in another block"])
def test_bytes_that_are_not_utf8_are_said(program, tmp_path, bad, said, before):
    lines = (DATA / "splunk_datamodel.csv").read_bytes().splitlines(keepends=True)
    lines[3] = lines[3].replace(b"/all", b"/all " + b"x" * before + bad)
    path = tmp_path / "s.csv"
    path.write_bytes(b"".join(lines))
    ran = program(path, "--output", "jsonl")
    assert len(ran.rows) == 1
    assert f"s.csv: {said}" in ran.warnings[0]


def test_characters_that_lie_across_two_blocks_are_no_damage():
    damage = mended.Damage()
    text = "x" + "\u00fc\u20ac\U0001f4be" * 30_000
    stream = mended.Mended(io.BytesIO(text.encode()), "utf-8", damage)
    assert stream.read().decode() == text
    assert list(damage.said()) == []
    stream = mended.Mended(io.BytesIO(text.encode()[:-1]), "utf-8", damage)
    assert stream.read() == text.encode()[:-1]
    assert damage.bad_bytes == 3


def test_rows_of_a_wrong_width_are_counted(program, tmp_path):
    text = (DATA / "splunk_datamodel.csv").read_text(encoding="utf-8")
    path = tmp_path / "s.csv"
    path.write_text(text + "one,two\n", encoding="utf-8")
    ran = program(path)
    assert "read as far as possible: line 11 has 2 cells, the header 16" in ran.warnings[0]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("&#x41;&#65;&#0000000065;&#x1F4BE;", "AAA\U0001f4be"),
        ("&#x1B;&#0;&#x0;&#xD800;&#xFFFF;&#x110000;&#99999999;", "\ufffd" * 7),
        (f"&#{'9' * 5_000};&#{'0' * 5_000}65;", "\ufffdA"),
        ("\ud83d\x01", "\ufffd\ufffd"),
        ("\ud83d", "\ufffd"),
        ("\x01&#abc;", None),
        ("&#;", None),
        ("&#x;", None),
        ("&#xg;", None),
        ("&#X41;", None),
        ("&nosuch;", None),
    ],
    ids=range(11),
)
def test_what_xml_forbids_is_replaced_and_what_is_no_reference_is_broken(written, read):
    event = EVENTS[0].replace("</EventData>", f'<Data Name="X">{written}</Data></EventData>')
    found = windows.parsed(event)
    assert (found["X"] if found else None) == read


@pytest.mark.parametrize("form", ["XML", "raw"])
def test_an_event_that_stays_malformed_is_counted(program, tmp_path, form):
    events = [*EVENTS, EVENTS[0].replace("</EventData>", "&#abc;</EventData>")]
    path = tmp_path / "s.txt"
    raw = {"host": "a", "sourcetype": "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"}
    text = "".join(events) if form == "XML" else written([{**raw, "_raw": one} for one in events])
    path.write_text(text, encoding="utf-8")
    ran = program(path, "--output", "jsonl")
    assert (ran.code, len(ran.rows)) == (0, 1)
    (said,) = ran.warnings
    assert "1 record is broken, and read as far as possible: an <Event> is not well-formed" in said


def test_a_row_that_is_cut_within_quotes_is_read(program, tmp_path):
    text = (DATA / "splunk_datamodel.csv").read_text(encoding="utf-8").rstrip("\r\n")
    path = tmp_path / "s.csv"
    path.write_text(text + '\n"2026', encoding="utf-8")
    ran = program(path, "--output", "jsonl")
    assert (ran.code, len(ran.rows)) == (2, 1)
    assert "could not be read to its end (line 11 ends within quotes)" in ran.warnings[0]


def cim_rows() -> list[dict[str, str]]:
    return list(csv.DictReader(TABLE.decode().splitlines()))


def written(rows, **dialect) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def splunk_forms() -> dict[str, str]:
    """One search in every form in which Splunk, or what writes to it, gives the rows."""
    rows = cim_rows()
    names, cells = list(rows[0]), [list(row.values()) for row in rows]
    lines = [json.dumps(row) for row in rows]
    collected = [{name: row[name] for name in row if name != "_time"} for row in rows]
    around = {"host": "elsewhere", "sourcetype": "x"}
    return {
        "CSV": TABLE.decode(),
        "CSV of Excel": "sep=;\n" + written(rows, delimiter=";"),
        "CSV of Excel with quotes": '"sep=;"\r\n' + written(rows, delimiter=";"),
        "CSV with a mark, and lines of Windows": "\ufeff" + TABLE.decode().replace("\n", "\r\n"),
        "CSV with blanks behind the commas": ", ".join(names)
        + "\n"
        + "".join(
            ", ".join('"{}"'.format(cell.replace('"', '""')) for cell in row) + "\n"
            for row in cells
        ),
        "lines": "\n".join(lines),
        "lines with commas": ",\n".join(lines),
        "lines with commas to the end": ",\n".join(lines) + ",\n",
        "two a line": lines[0] + " " + lines[1] + "\n" + "\n".join(lines[2:]),
        "all in one line": "".join(lines),
        "two arrays": json.dumps(rows[:2], indent=1) + "\n" + json.dumps(rows[2:], indent=1),
        "export": "\n".join(
            json.dumps({"preview": False, "offset": i, "result": row}) for i, row in enumerate(rows)
        ),
        "answer of the REST API": json.dumps(
            {"preview": False, "fields": [{"name": name} for name in names], "results": rows}
        ),
        "json_rows": json.dumps({"preview": False, "fields": names, "rows": cells}),
        "json_cols": json.dumps({"fields": names, "columns": list(zip(*cells))}, indent=2),
        "collector": "\n".join(
            json.dumps({"time": row["_time"], **around, "event": event})
            for row, event in zip(rows, collected)
        ),
        "a list in an object": json.dumps({"events": rows, "count": len(rows)}, indent=2),
    }


@pytest.mark.parametrize("form", splunk_forms())
def test_one_search_in_many_forms(program, tmp_path, form):
    path = tmp_path / "s.txt"
    path.write_bytes(splunk_forms()[form].encode())
    ran = program(path, "--output", "jsonl")
    (whole,) = program(DATA / "splunk_datamodel.csv", "--output", "jsonl").rows
    assert (ran.code, ran.warnings) == (0, [])
    (row,) = ran.rows
    assert (row["tree"], row["installer_score"]) == (whole["tree"], whole["installer_score"])


@pytest.mark.parametrize("name", ["winlogbeat.ndjson", "eslogger.jsonl", "defender.json"])
def test_raw_events_that_are_json(program, tmp_path, name):
    """What Splunk keeps of a source that sends JSON, and what the add-on's sample is sent as."""
    text = (DATA / name).read_text(encoding="utf-8")
    values = json.loads(text)["Results"] if name == "defender.json" else None
    raws = [json.dumps(one) for one in values] if values else text.splitlines()
    around = {"_time": "2026-11-22T01:25:00.000+0000", "host": "mac", "source": "x"}
    (tmp_path / "raw.csv").write_text(written([{**around, "_raw": raw} for raw in raws]))
    collected = "\n".join(json.dumps({"host": "mac", "event": raw}) for raw in raws)
    (tmp_path / "raw.json").write_text(collected)
    (whole,) = program(DATA / name, "--host", "mac", "--output", "jsonl").rows
    for path in (tmp_path / "raw.csv", tmp_path / "raw.json"):
        ran = program(path, "--output", "jsonl")
        assert [row["tree"] for row in ran.rows] == [whole["tree"]], path
        assert "name no host" not in ran.err


@pytest.mark.parametrize("form", ["CSV", "collector"])
def test_raw_events_without_any_field(program, tmp_path, form):
    text = {
        "CSV": written([{"_raw": event} for event in EVENTS]),
        "collector": "\n".join(json.dumps({"host": "a", "event": event}) for event in EVENTS),
    }[form]
    path = tmp_path / "s.txt"
    path.write_text(text, encoding="utf-8")
    ran = program(path, "--output", "jsonl")
    (whole,) = program(DATA / "sysmon.xml", "--output", "jsonl").rows
    assert [row["tree"] for row in ran.rows] == [whole["tree"]]


def test_lines_are_numbered_as_they_stand_in_the_file(program, tmp_path):
    path = tmp_path / "s.csv"
    path.write_bytes(b"\n\n" + TABLE.replace(b"\n", b"\n\n", 2) + b"one,two\n")
    ran = program(path)
    assert "read as far as possible: line 15 has 2 cells, the header 16" in ran.warnings[0]


def test_a_list_of_words_in_an_event_is_not_taken_for_its_rows(program, tmp_path):
    path = tmp_path / "s.json"
    path.write_text("\n".join(json.dumps({**row, "data": ["a", "b"]}) for row in cim_rows()))
    ran = program(path, "--output", "jsonl")
    assert (ran.code, len(ran.rows), ran.warnings) == (0, 1, [])


NO_ENVELOPES = {
    **{name: [] for name in ("results", "Results", "records", "value", "events", "Events", "data")},
    "tables": [],
    "hits": {"hits": []},
    "result": {},
    "fields": [],
}


@pytest.mark.parametrize("field", NO_ENVELOPES)
@pytest.mark.parametrize(
    "name", ["splunk_datamodel.csv", "winlogbeat.ndjson", "elastic_defend.ndjson", "defender.csv"]
)
def test_an_event_is_no_envelope_whatever_its_fields_are_called(program, tmp_path, name, field):
    text = (DATA / name).read_text(encoding="utf-8-sig")
    records = (
        list(csv.DictReader(text.splitlines()))
        if name.endswith("csv")
        else [json.loads(line) for line in text.splitlines()]
    )
    records = [record.get("_source", record) for record in records]
    records = [{**record, field: NO_ENVELOPES[field]} for record in records]
    (tmp_path / "s.json").write_text("\n".join(map(json.dumps, records)))
    ran = program(tmp_path / "s.json", "--output", "jsonl")
    (whole,) = program(DATA / name, "--output", "jsonl").rows
    assert [row["tree"] for row in ran.rows] == [whole["tree"]]
    assert (ran.code, ran.warnings) == (0, [])


ENVELOPES = {
    "an event that holds events": lambda first, *rest: {**first, "events": rest},
    "one list is empty": lambda *rows: {"data": [], "took": 3, "events": rows},
    "objects in an event that are none": lambda *rows: [
        {**row, "data": [{"name": "x"}, {"value": [5]}]} for row in rows
    ],
    "two lists": lambda *rows: {"data": rows[:3], "events": rows[3:]},
    "a list in a list": lambda *rows: {"hits": {"hits": [{"results": rows}]}},
    "a list in an event": lambda first, *rest: {**first, "data": [{"name": "x", "events": rest}]},
}


@pytest.mark.parametrize("form", ENVELOPES)
def test_all_that_an_envelope_holds_is_read(program, tmp_path, form):
    (tmp_path / "s.json").write_text(json.dumps(ENVELOPES[form](*cim_rows())))
    ran = program(tmp_path / "s.json", "--output", "jsonl")
    (whole,) = program(DATA / "splunk_datamodel.csv", "--output", "jsonl").rows
    assert [row["tree"] for row in ran.rows] == [whole["tree"]]
    assert (ran.code, ran.warnings) == (0, [])


def test_objects_without_events_are_counted(program, tmp_path):
    path = tmp_path / "s.json"
    empty = '{"name": "box", "data": []}\n' * 3
    path.write_text(empty)
    ran = program(path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.errors == [
        f"installerscore: error: {path}: holds no events, but 3 objects with an empty list in "
        "their place; found name, data."
    ]
    path.write_text(empty + "\n".join(map(json.dumps, cim_rows())))
    ran = program(path, "--output", "jsonl")
    assert (ran.code, len(ran.rows), ran.warnings) == (0, 1, [])
    assert "Records of no use here: 3." in ran.err


def test_a_table_without_rows_and_columns_is_no_table(program, tmp_path):
    row = {"columns": [{"name": "a"}], "rows": [["b"], "c"]}
    path = tmp_path / "s.json"
    lines = [*map(json.dumps, cim_rows()), json.dumps({"tables": ["a"]})]
    path.write_text("\n".join([*lines, json.dumps({"tables": [row]})]))
    warnings = program(path).warnings
    assert '1 record is broken, and read as far as possible: "c" stands where' in warnings[0]
    assert "2 records are of no known kind" in warnings[1]


def test_values_may_be_nested_however_deep():
    """Some Pythons read as JSON what is nested more deeply than functions may call themselves."""
    value: object = {"n": 1}
    words: object = "sh"
    for _ in range(100_000):
        value, words = [value], [words]
    assert list(objects.unwrapped(value, Broken(), lambda record: False)) == [{"n": 1}]
    assert values.text(words) == "sh"
    value = {"n": 1}
    for _ in range(100_000):
        value = {"events": [value]}
    assert list(objects.unwrapped(value, Broken(), lambda record: False)) == [{"n": 1}]


def test_wildcards_that_no_shell_replaced(program, tmp_path, sysmon):
    for name in ("a.xml", "b.xml", "c.txt"):
        (tmp_path / name).write_text(SYSMON if name == "a.xml" else "no events\n")
    assert program(tmp_path / "?.xm[l]").code == 2, "each one is a file that was named"
    (tmp_path / "b.xml").unlink()
    assert program(tmp_path / "*.xml", "--output", "jsonl").rows == [sysmon]
    ran = program(tmp_path / "*.evtx")
    assert (ran.code, ran.errors) == (
        2,
        [f"installerscore: error: {tmp_path / '*.evtx'}: matches no file."],
    )
    (tmp_path / "[1].xml").write_text(SYSMON)
    assert program(tmp_path / "[1].xml", "--output", "jsonl").rows == [sysmon]


def test_values_between_objects_are_counted(program, tmp_path):
    lines = (DATA / "winlogbeat.ndjson").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "w.ndjson"
    path.write_text("\n".join([*lines, "null", '"x"', "[5]"]), encoding="utf-8")
    ran = program(path, "--output", "jsonl")
    assert (ran.code, len(ran.rows)) == (0, 1)
    assert "3 records are broken" in ran.warnings[0]
    assert "read as far as possible: null stands where an object should" in ran.warnings[0]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters(program, tmp_path, delimiter):
    path = tmp_path / "s.csv"
    with (DATA / "splunk_datamodel.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    assert len(program(path, "--output", "jsonl").rows) == 1


def test_an_array_is_read_item_by_item():
    """An export of any size must not be held in memory."""

    class Endless(io.TextIOBase):
        served = 0

        def __iter__(self):
            yield "[\n"

        def read(self, size: int = -1) -> str:
            self.served += 1
            assert self.served < 10, "read on before the first items were handed over"
            return '{"n": 1},\n' * 100_000

    found = objects.records(Endless(), Broken(), lambda record: False)
    assert [next(found) for _ in range(50_000)][-1] == {"n": 1}


def test_an_event_without_an_end_is_given_up():
    class Endless(io.TextIOBase):
        left = 40

        def read(self, size: int = -1) -> str:
            self.left -= 1
            return "<Event >" * (size // 8) if self.left > 0 else ""

    broken = Broken()
    assert list(windows.xml_records(Endless(), broken)) == []
    assert broken.example == "an <Event> does not end"
