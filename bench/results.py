"""What was measured, kept in bench/results.json: a run for each case, size and Python."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from .measure import Cost

PATH = Path(__file__).resolve().parent / "results.json"


@dataclass(frozen=True)
class Spread:
    """The median of some values, and between which they lay."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Run:
    """Commands that were run in turn over one stream.

    Attributes:
        case: Name of the stream; see `cases`.
        rows: Rows of the stream; 0 where only getinfo was asked.
        python: Version of the interpreter.
        machine: Where it ran.
        versions: Versions of what was measured.
        load: Load averages at the start and at the end.
        costs: CPU seconds and peak MiB of every repetition, by command.
    """

    case: str
    rows: int
    python: str
    machine: str
    versions: dict[str, str]
    load: tuple[float, float]
    costs: dict[str, list[list[float]]]

    @property
    def key(self) -> str:
        """Names the run; a later run with the same name replaces it."""
        return f"{self.case} {self.rows} python{self.python.rpartition('.')[0]}"

    @property
    def repetitions(self) -> int:
        """How often each command was run."""
        return len(next(iter(self.costs.values())))

    def cpu(self, command: str) -> Spread:
        """Return the CPU seconds of a command."""
        return Spread.of([cost[0] for cost in self.costs[command]])

    def memory(self, command: str) -> Spread:
        """Return the peak memory of a command in MiB."""
        return Spread.of([cost[1] for cost in self.costs[command]])

    def ratio(self, command: str, other: str) -> Spread:
        """Return how many times the CPU of `other` a command took, round by round."""
        pairs = zip(self.costs[command], self.costs[other])
        return Spread.of([mine[0] / theirs[0] for mine, theirs in pairs])


def load(path: Path = PATH) -> dict[str, Run]:
    """Return all runs by their keys."""
    if not path.exists():
        return {}
    runs = [
        Run(**{**values, "load": tuple(values["load"])})
        for values in json.loads(path.read_text(encoding="utf-8"))
    ]
    return {run.key: run for run in runs}


def save(run: Run, path: Path = PATH) -> None:
    """Add a run, or replace the one with its key."""
    runs = {**load(path), run.key: run}
    ordered = sorted(runs.values(), key=lambda r: (r.case, r.rows, r.python))
    lines = ",\n".join(json.dumps(asdict(r), sort_keys=True) for r in ordered)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def rounded(costs: dict[str, list[Cost]]) -> dict[str, list[list[float]]]:
    """Return costs as they are kept."""
    return {
        name: [[round(cost.cpu, 4), round(cost.memory, 1)] for cost in found]
        for name, found in costs.items()
    }


def machine() -> str:
    """Say on what this runs: processor, cores, memory, system."""
    cores = f"{os.cpu_count()} cores"
    system = f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}"
    return ", ".join(part for part in (_processor(), cores, _memory(), system) if part)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2] for line in text.splitlines() if "model name" in line]
    return names[0].strip() if names else platform.processor()


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    except (ValueError, OSError, AttributeError):
        return ""


def python_version(python: str) -> str:
    """Return the version of an interpreter, such as 3.11.7."""
    if python == sys.executable:
        return platform.python_version()
    code = "import platform; print(platform.python_version())"
    done = subprocess.run([python, "-c", code], capture_output=True, encoding="utf-8", check=True)
    return done.stdout.strip()


def versions(app: Path) -> dict[str, str]:
    """Return the versions of the add-on and of the SDK in it."""
    sdk = next(iter(metadata.distributions(name="splunk-sdk", path=[str(app / "lib")])))
    manifest: dict[str, Any] = json.loads((app / "app.manifest").read_text(encoding="utf-8"))
    return {"TA-installerscore": manifest["info"]["id"]["version"], "splunk-sdk": sdk.version}
