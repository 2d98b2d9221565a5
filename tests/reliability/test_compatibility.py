"""Every Python that Splunk ships, on every test of the command; and what users built on stays.

`upgrade.py` beside this file installs an older build, makes it one's own, and upgrades it.
"""

from __future__ import annotations

import json
from pathlib import Path

import interpreters
import pytest
from conftest import ROOT

from reliability.shipped import Names, names

BEFORE = json.loads(Path(__file__).with_name("shipped_before.json").read_text(encoding="utf-8"))
GONE = {
    "macros": {
        "installer_endpoint_events_in(2)": "inner part of installer_endpoint_events",
        "installer_hosts(3)": "inner part of the same",
        "installer_process_events_in(2)": "inner part of installer_process_events",
    },
}
"""What was shipped once and is not any more, and why nobody should miss it."""


@pytest.fixture(scope="module")
def now(built_app: Path) -> Names:
    return names(built_app)


@pytest.mark.parametrize("kind", sorted(BEFORE))
def test_what_local_files_and_searches_name_is_still_there(now: Names, kind: str) -> None:
    gone = set(GONE.get(kind, ()))
    assert set(BEFORE[kind]) - set(now.get(kind, ())) == gone


@pytest.mark.parametrize("kind", [kind for kind in sorted(BEFORE) if kind.startswith("output=")])
def test_columns_keep_their_order(now: Names, kind: str) -> None:
    assert [name for name in now[kind] if name in BEFORE[kind]] == BEFORE[kind]


pytest_plugins = ["pytester"]

FORGETFUL = """
import scp
def test_it():
    scp.Session({app!r})
"""


@pytest.mark.parametrize("fixture", ["", "python"])
def test_a_test_that_starts_the_command_under_one_python_fails(pytester, fixture: str) -> None:
    conftest = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    pytester.makeconftest(conftest.replace("Path(__file__).resolve().parent.parent", repr_of(ROOT)))
    app = str(ROOT / "output" / "TA-installerscore")
    pytester.makepyfile(FORGETFUL.format(app=app).replace("test_it()", f"test_it({fixture})"))
    result = pytester.runpytest_inprocess()
    if fixture:
        result.assert_outcomes(passed=len(interpreters.SPLUNK_PYTHONS))
    else:
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*ask for the fixture `python`*"])


def repr_of(path: Path) -> str:
    return f"Path({str(path)!r})"
