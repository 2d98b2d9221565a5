"""Fixtures for all tests: the built add-on, its package, and the Pythons to run it under."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import interpreters
import pytest
import scp

ROOT = Path(__file__).resolve().parent.parent
APP = "TA-installerscore"
ONE_PYTHON = {
    "test_the_examples_of_the_search_assistant_run_and_find_something": "looks at the examples",
    "test_the_same_rows_as_after_the_macro": "looks at the search",
    "test_the_data_models_show_the_same_trees_as_the_rows_themselves": "looks at the data",
}
"""Tests that start the built command under one Python only, and what they are about instead."""
collect_ignore = ["knowledge"]
"""Has an environment of its own, in which `make knowledge` runs it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let golden files be written anew on purpose."""
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew")


MINE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTEST_")
"""What a make or a pytest that is started from here must not take for its own: with the variables
of one of several workers, pytest-splunk-addon waits for another that does not exist."""


def make(target: str) -> None:
    """Run a target of the Makefile, as a developer would from a shell of their own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(MINE)}
    done = subprocess.run(
        ["make", target],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        pytest.fail(f"make {target} failed:\n{done.stdout}", pytrace=False)


@pytest.fixture(scope="session")
def built_app() -> Path:
    """The folder of the built add-on, built anew when a source changed."""
    make("build")
    return ROOT / "output" / APP


@pytest.fixture(scope="session")
def package(built_app: Path) -> Path:
    """The package of the built add-on."""
    make("package")
    version = (built_app / "VERSION").read_text(encoding="utf-8").split()[0]
    return ROOT / "output" / f"{APP}-{version}.tar.gz"


@pytest.fixture(scope="session", params=interpreters.SPLUNK_PYTHONS)
def python(request: pytest.FixtureRequest) -> str:
    """The path of a Python that Splunk ships; runs a test once for each version."""
    path = interpreters.find(request.param)
    if path is None:
        missing = f"no Python {request.param} on the PATH or under ~/.pyenv/versions"
        if interpreters.required():
            pytest.fail(f"{missing}, which CI must have", pytrace=False)
        pytest.skip(missing)
    return path


@pytest.fixture(autouse=True)
def _under_every_python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test of the protocol that starts the built command without the fixture `python`."""
    protocol = vars(request.module).get("scp") is scp
    if "python" in request.fixturenames or request.node.originalname in ONE_PYTHON or not protocol:
        return
    start = scp.Session.__init__

    def refuse(self: scp.Session, app_dir: str | Path, *rest: object, **options: object) -> None:
        assert Path(app_dir) != ROOT / "output" / APP, "ask for the fixture `python`"
        start(self, app_dir, *rest, **options)

    monkeypatch.setattr(scp.Session, "__init__", refuse)
