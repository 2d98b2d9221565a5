"""docs/program.md: its examples run, and print what stands there."""

from __future__ import annotations

import gzip
import re
import shlex
from pathlib import Path

import pytest
from engine import LOOKUPS

from installerscore_cli import tables
from installerscore_cli.inputs import FORMS

from . import evtx_writer
from .conftest import DATA
from .test_cli import ALLOWED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "program.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
EVENT = re.compile(r"<Event[ >].*?</Event>", re.DOTALL)
EXAMPLES = [
    example
    for block in BLOCK.findall(TEXT)
    for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the page speaks of."""
    monkeypatch.chdir(tmp_path)
    logs = tmp_path / "evidence" / "Logs"
    logs.mkdir(parents=True)
    for name, log in (("Sysmon", "sysmon.xml"), ("Security", "security.xml")):
        events = EVENT.findall((DATA / log).read_text(encoding="utf-8"))
        evtx_writer.write(logs / f"{name}.evtx", events)
    audit = (DATA / "audit.log").read_bytes()
    (tmp_path / "audit.log.1.gz").write_bytes(gzip.compress(audit))
    for name in ("web01", "web02"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "audit.log").write_bytes(audit)
    (tmp_path / "mine.csv").write_text("signal_id,weight\nWIN001,20\n")
    (tmp_path / "allow.csv").write_text(ALLOWED)
    return tmp_path


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_an_example_runs_and_prints_what_the_page_shows(program, monkeypatch, folder, example):
    command, _, shown = example.partition("\n")
    command, _, otherwise = command.partition(" || ")
    command = command.partition(" > ")[0]
    piped = None
    if " | " in command:
        unpack, command = command.split(" | ")
        piped = gzip.decompress(Path(unpack.split()[1]).read_bytes())
    monkeypatch.setenv("COLUMNS", "120")
    name, *arguments = shlex.split(command)
    assert name == "installerscore"
    ran = program(*arguments, stdin=piped)
    assert ran.code == (1 if otherwise else 0), ran.err
    printed = {_kept(line) for line in ran.out.splitlines()}
    for line in shown.splitlines():
        if line not in ("", "...") and not otherwise:
            assert any(_kept(line) in one for one in printed), line


def _kept(line: str) -> str:
    """What stays of a line when weights are tuned: no scores, severities, signals, no cuts."""
    line = line.partition("  <-- ")[0].partition("..")[0]
    line = re.sub(r"critical|high|medium|low|informational", "S", line)
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", line)).strip()


def test_the_report_of_the_first_example_is_written(program, folder):
    assert program("evidence/", "--save", "report.html").code == 0
    assert "</svg>" in (folder / "report.html").read_text(encoding="utf-8")


def test_the_page_knows_every_option_and_choice(program, capsys):
    with pytest.raises(SystemExit):
        program("score", "--help")
    named = set(
        re.findall(r"^  (?:-\w, )?(--[\w-]+)|(?<=, )(--[\w-]+)", capsys.readouterr().out, re.M)
    )
    found = {one or other for one, other in named} - {"--help"}
    assert len(found) >= 15
    assert {option for option in found if f"`{option}" not in TEXT} == set()
    for choice in ("cim", *tables.load(), *FORMS):
        assert f"`{choice}`" in TEXT


def test_the_what_if_file_of_the_page_names_a_signal_that_exists():
    (signal,) = re.findall(r"^signal_id,weight\n(\w+),", TEXT, re.MULTILINE)
    shipped = (LOOKUPS / "installerscore_signals.csv").read_text(encoding="utf-8")
    assert f"\n{signal}," in shipped
