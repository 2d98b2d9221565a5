"""The Python interpreters that Splunk ships, as far as this machine has them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SPLUNK_PYTHONS = ("3.9", "3.13")
_SAY = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"


@cache
def find(version: str) -> str | None:
    """Find an interpreter on the PATH, else among those of pyenv.

    Args:
        version: Major and minor version, such as "3.9".

    Returns:
        The path of the interpreter itself, no launcher in front of it; None without one.
    """
    for candidate in _candidates(version):
        done = subprocess.run(
            [candidate, "-c", _SAY], capture_output=True, encoding="utf-8", check=False
        )
        found, _, path = done.stdout.strip().partition(" ")
        if done.returncode == 0 and found == version:
            return path
    return None


def _candidates(version: str) -> Iterator[str]:
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for folder in sorted(pyenv.glob(f"versions/{version}.*")):
        yield str(folder / "bin" / "python")


def required() -> bool:
    """Whether a missing interpreter is a failure, as on CI, and no reason to skip."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}
