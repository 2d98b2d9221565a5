"""Build the package of the last commit under every Python at hand, each time somewhere else.

    python tests/reliability/reproduce.py

Folder, umask, time zone and locale differ; package and list of parts must not. It takes a minute
for each Python and downloads what the build needs.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import interpreters  # noqa: E402

SURROUNDINGS = {
    "3.9": ("077", "Asia/Kathmandu", "C"),
    "3.10": ("022", "UTC", "C.UTF-8"),
    "3.11": ("002", "America/New_York", "POSIX"),
    "3.12": ("027", "Pacific/Chatham", "C.UTF-8"),
    "3.13": ("000", "Asia/Tokyo", "C"),
}


def digests(python: str, umask: str, zone: str, locale: str) -> tuple[str, ...]:
    """Build in a folder of its own; the digests of what is left in output."""
    with tempfile.TemporaryDirectory(prefix="a folder ") as folder:
        archive = subprocess.run(
            ["git", "-C", ROOT, "archive", "HEAD"], check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
        environment = {**os.environ, "TZ": zone, "LC_ALL": locale}
        subprocess.run(
            ["sh", "-c", f'umask {umask}; exec make package PYTHON="$0"', python],
            cwd=folder,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        made = sorted(Path(folder, "output").glob("TA-installerscore-*"))
        return tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in made)


def main() -> int:
    """Build with each Python; returns 1 where two builds differ."""
    seen = set()
    for version, surroundings in SURROUNDINGS.items():
        python = interpreters.find(version)
        if python is None:
            print(f"Python {version}: not on this machine")
            continue
        found = digests(python, *surroundings)
        seen.add(found)
        print(f"Python {version}, umask {surroundings[0]}: {' '.join(one[:16] for one in found)}")
    print("All the same." if len(seen) == 1 else f"{len(seen)} different results.")
    return int(len(seen) != 1)


if __name__ == "__main__":
    sys.exit(main())
