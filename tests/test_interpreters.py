"""The helper that finds Splunk's Pythons finds what is there, and only that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import interpreters
import pytest

pytest_plugins = ["pytester"]
HERE = "{}.{}".format(*sys.version_info)


@pytest.fixture(autouse=True)
def _fresh():
    interpreters.find.cache_clear()
    yield
    interpreters.find.cache_clear()


def launcher(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_finds_the_interpreter_behind_a_launcher_on_the_path(tmp_path, monkeypatch):
    launcher(tmp_path / f"python{HERE}", f'exec {sys.executable} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = interpreters.find(HERE)
    assert found == sys.executable
    assert subprocess.run([found, "--version"], check=True, stdout=subprocess.DEVNULL)


def test_a_launcher_without_its_version_is_passed_over_for_pyenv(tmp_path, monkeypatch):
    launcher(tmp_path / "bin" / f"python{HERE}", "echo version not set >&2; exit 127")
    launcher(tmp_path / f"versions/{HERE}.99/bin/python", f'exec {sys.executable} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert interpreters.find(HERE) == sys.executable


def test_another_version_is_not_taken_for_the_one_asked_for(tmp_path, monkeypatch):
    launcher(tmp_path / "python2.0", f'exec {sys.executable} "$@"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert interpreters.find("2.0") is None


@pytest.mark.parametrize(("ci", "outcome"), [("true", "errors"), ("", "skipped")])
def test_a_missing_interpreter_skips_at_home_and_fails_on_ci(pytester, monkeypatch, ci, outcome):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(interpreters, "SPLUNK_PYTHONS", ("2.0",))
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    pytester.makepyfile("def test_it(python): pass")
    pytester.runpytest_inprocess().assert_outcomes(**{outcome: 1})
