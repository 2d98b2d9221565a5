"""Splunk's dashboard packages in Chromium: installed, bundled, and asked to render."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "dashboards"
SOURCES = ("package.json", "package-lock.json", ".npmrc", "page.jsx", "bundle.mjs", "render.mjs",
           "schemas.mjs")  # fmt: skip
WIDTH = 1440


class Missing(Exception):
    """A program is not here; the message says which and what to do."""


def browser() -> str:
    """Return the path of Chromium.

    Raises:
        Missing: There is none.
    """
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, filter(None, names))), None)
    if found is None:
        raise Missing("no Chromium: apt-get install chromium, or set CHROMIUM to its path")
    return found


def bundle() -> Path:
    """Return the page's JavaScript, built anew when its sources changed.

    Raises:
        Missing: Node.js or npm is not here.
        RuntimeError: npm or the bundler failed; the message is what it said.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise Missing(f"no {program}: install Node.js 20 or later")
    BUILD.mkdir(parents=True, exist_ok=True)
    made, stamp = BUILD / "page.js", BUILD / "stamp"
    texts = [(HERE / name).read_bytes() for name in SOURCES]
    digest = hashlib.sha256(b"\0".join(texts)).hexdigest()
    if made.is_file() and stamp.is_file() and stamp.read_text() == digest:
        return made
    installed = BUILD / "package-lock.json"
    same = installed.is_file() and installed.read_bytes() == texts[1]
    for name, text in zip(SOURCES, texts):
        (BUILD / name).write_bytes(text)
    if not same or not (BUILD / "node_modules").is_dir():
        _run(["npm", "ci", "--no-progress", "--loglevel=error"])
    _run(["node", "bundle.mjs", str(made)])
    stamp.write_text(digest)
    return made


def render(steps: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
    """Open addresses and click, one after another; returns what each page said."""
    asked = {"browser": browser(), "width": WIDTH, "steps": list(steps)}
    answer = json.loads(_run(["node", "render.mjs"], json.dumps(asked)))
    assert isinstance(answer, list)
    return answer


def schemas(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the options that Splunk's packages know, and the values that they refuse."""
    answer = json.loads(_run(["node", "schemas.mjs"], json.dumps(definitions)))
    assert isinstance(answer, dict)
    return answer


def _run(command: list[str], text: str = "") -> str:
    done = subprocess.run(
        command, cwd=BUILD, input=text, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout
