"""The bundled sample: chains of events with a label each, and whose row is whose.

Each file under samples/ is one chain (one install, or background noise). The rows
hold CIM fields only; samples/labels.json says what each file is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).resolve().parent.parent / "samples"


@dataclass(frozen=True)
class Chain:
    """One file of the sample with its entry in labels.json."""

    name: str
    label: str
    origin: str
    family: str
    title: str
    hard: bool
    rows: tuple[dict[str, Any], ...]


def load(folder: Path = SAMPLES) -> list[Chain]:
    """Read every chain that labels.json names, in that file's order."""
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    return [
        Chain(
            name=name,
            label=entry["label"],
            origin=entry["origin"],
            family=entry["family"],
            title=entry["title"],
            hard=entry.get("hard", False),
            rows=tuple(_read(folder / f"{name}.jsonl")),
        )
        for name, entry in labels.items()
    ]


def _read(path: Path) -> Iterable[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def newest_first(chains: Iterable[Chain]) -> list[dict[str, Any]]:
    """All rows of the chains in the order in which Splunk returns events."""
    rows = [row for chain in chains for row in chain.rows]
    return sorted(rows, key=lambda row: -float(row["_time"]))


def kind(row: Mapping[str, Any]) -> str:
    """Tell a row's kind by its fields, as the command does."""
    for name, field in (
        ("network", "dest_ip"),
        ("file", "file_path"),
        ("registry", "registry_path"),
        ("service", "service_name"),
    ):
        if field in row:
            return name
    return "process"


class Owners:
    """Finds the chain that an output row of the command came from."""

    def __init__(self, chains: Iterable[Chain]) -> None:
        self._by_guid: dict[str, Chain] = {}
        self._by_pid: dict[tuple[str, str], list[tuple[float, Chain]]] = {}
        for chain in chains:
            for row in chain.rows:
                if kind(row) == "process":
                    self._add(chain, row)

    def _add(self, chain: Chain, row: Mapping[str, Any]) -> None:
        for prefix in ("", "parent_"):
            guid, pid = row.get(f"{prefix}process_guid"), row.get(f"{prefix}process_id")
            if guid:
                self._by_guid.setdefault(str(guid), chain)
            if pid is not None:
                times = self._by_pid.setdefault((row["dest"], str(pid)), [])
                times.append((float(row["_time"]), chain))

    def chain_of(self, tree: Mapping[str, Any]) -> Chain | None:
        """The chain of a tree's root: by GUID, else by host, process id and nearest time."""
        guid = tree.get("process_guid")
        if guid and guid in self._by_guid:
            return self._by_guid[guid]
        times = self._by_pid.get((tree["dest"], str(tree.get("process_id"))), [])
        start = float(tree["_time"])
        return min(times, key=lambda item: abs(item[0] - start))[1] if times else None
