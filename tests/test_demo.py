"""`make demo`: what it prints is what the built command found."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import demo
import pytest
import sample
from conftest import ROOT

DEMO = Path(demo.__file__)
LABELLED = re.compile(r"^ *(\d+)  .*  (malicious|benign)(\*?) ([RW]) *$")


def run_demo(app: Path, python: str, *arguments: str) -> subprocess.CompletedProcess:
    folders = os.pathsep.join(str(ROOT / name) for name in ("src", "package/bin"))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": folders}
    return subprocess.run(
        [sys.executable, str(DEMO), "--app", str(app), "--python", python, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=300,
    )


@pytest.fixture(scope="module")
def printed(built_app, python) -> str:
    done = run_demo(built_app, python, "--width", "120")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def table(text: str) -> list[tuple[int, str, bool, str]]:
    """Score, label, hard, origin of every line of the table."""
    found = (LABELLED.match(line) for line in text.splitlines())
    return [(int(m[1]), m[2], bool(m[3]), m[4]) for m in found if m]


def test_says_plainly_that_there_was_no_splunk(printed):
    assert "This ran without Splunk" in printed


def test_says_what_was_fed(printed):
    rows = sample.newest_first(sample.load())
    hosts = {row.get("src") or row["dest"] for row in rows}
    assert f"Fed {len(rows):,} rows of {len(hosts)} hosts" in printed


def test_every_installer_chain_is_in_the_table(printed):
    lines = table(printed)
    assert int(re.search(r"^(\d+) installer trees", printed, re.M)[1]) == len(lines)
    chains = [chain for chain in sample.load() if chain.label != "background"]
    for label in ("malicious", "benign"):
        for mark, origin in (("R", "real"), ("W", "written")):
            wanted = sum((c.label, c.origin) == (label, origin) for c in chains)
            assert sum((one[1], one[3]) == (label, mark) for one in lines) >= wanted


def test_malicious_above_benign(printed):
    lines = table(printed)
    scores = [one[0] for one in lines]
    assert scores == sorted(scores, reverse=True)
    malicious = [score for score, label, _, _ in lines if label == "malicious"]
    plain = [score for score, label, hard, _ in lines if label == "benign" and not hard]
    assert max(plain) < 40, "a plain benign install scores at least medium"
    assert sorted(malicious)[len(malicious) // 2] >= 60
    assert max(malicious) >= 90


def test_best_tree_is_drawn_with_its_reasons(printed):
    best = printed[printed.index("The highest one") :]
    for heading in ("Why (signal", "Risk message", "Next, on a Splunk search head"):
        assert heading in best
    top = next(line for line in printed.splitlines() if LABELLED.match(line))
    (signal,) = re.findall(r"  ([A-Z]{3}\d{3}[A-Z]?)", top)[:1]
    assert re.search(rf"^  {signal}\b", best[best.index("Why") :], re.M)
    assert "| installerscore" in best


def test_searches_it_proposes_use_macros_that_are_there(built_app):
    macros = (built_app / "default" / "macros.conf").read_text(encoding="utf-8")
    for search in demo.NEXT:
        name, argument = re.match(r'\| `(\w+)(\(".*"\))?` \|', search).groups()
        assert f"[{name}{'(1)' if argument else ''}]" in macros


@pytest.mark.parametrize("width", [80, 100, 140])
def test_fits_the_width(built_app, width):
    done = run_demo(built_app, sys.executable, "--width", str(width))
    longest = max(done.stdout.splitlines(), key=len)
    assert len(longest) <= width, longest
    assert "\x1b" not in done.stdout


def test_without_a_build_it_says_what_to_do(tmp_path):
    done = run_demo(tmp_path, sys.executable)
    assert done.returncode == 2
    assert "make build" in done.stderr
    assert "Traceback" not in done.stderr
