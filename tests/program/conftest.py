"""Fixtures for the tests of the program: it runs in this process, with one catalogue for all."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from installer_trees import files

from installerscore_cli.cli import main

DATA = Path(__file__).resolve().parent / "data"


@dataclass
class Ran:
    """What a run of the program left."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def errors(self) -> list[str]:
        """The sentences on standard error that say that something is wrong."""
        return [line for line in self.err.splitlines() if ": error: " in line]

    @property
    def warnings(self) -> list[str]:
        """The warnings on standard error."""
        return [line for line in self.err.splitlines() if ": warning: " in line]


Program = Callable[..., Ran]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="session", autouse=True)
def _one_catalogue():
    """Read the shipped catalogue once; compiling it costs most of a run."""
    patch = pytest.MonkeyPatch()
    patch.setattr(files, "load", lru_cache(maxsize=None)(files.load))
    yield
    patch.undo()


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Program:
    """Run the program; `stdin` is what is piped in."""
    monkeypatch.setenv("COLUMNS", "140")

    def run(*arguments: object, stdin: bytes | None = None) -> Ran:
        piped = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin or b"")))
        monkeypatch.setattr(sys, "stdin", Terminal() if stdin is None else piped)
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
