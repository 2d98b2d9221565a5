"""Data sets for searches: tests/searches/<search>.yml, what must be found and what must not.

A case gives `events`: a list of process creations, or a mapping of CIM data set (`events` for raw
ones) to rows. Rows are short: what every event has is filled in here, as for the signal cases.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from .datamodel import DATASETS
from .matching import Row, values_of

FOLDER = Path(__file__).resolve().parent.parent / "searches"
START = 1_700_000_000
NOW = START + 1800
PARENT_FIELDS = ("process_id", "process_guid", "process_name", "process", "process_path")


class Case(NamedTuple):
    """One data set for one search; a near miss expects no rows."""

    search: str
    kind: str
    name: str
    data: dict[str, list[Row]]
    expect: list[Row]
    macros: dict[str, str]


def load(path: Path) -> list[Case]:
    """Return the cases of one file.

    Raises:
        ValueError: A field is in no CIM data set, or a hit expects nothing.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    cases = []
    for kind in ("hits", "near_misses"):
        for case in content.get(kind, []):
            expect = case.get("expect", [])
            if bool(expect) != (kind == "hits"):
                raise ValueError(f"{path.name}: {case['name']}: rows only and always for a hit")
            data = _data(case["events"])
            macros = case.get("macros", {})
            cases.append(Case(path.stem, kind, case["name"], data, expect, macros))
    return cases


def differences(expect: list[Row], rows: list[Row]) -> list[str]:
    """Return the expected rows that are missing and the rows that are too many, in any order.

    Expected rows name the fields that count.
    """
    left = list(rows)
    missing = []
    for wanted in expect:
        found = next((row for row in left if _agrees(row, wanted)), None)
        if found is None:
            missing.append(f"missing: {wanted}")
        else:
            left.remove(found)
    shown = sorted({field for wanted in expect for field in wanted} | {"process"})
    return missing + [f"too many: { {f: row.get(f) for f in shown} }" for row in left]


def _agrees(row: Row, wanted: Row) -> bool:
    return all(values_of(row.get(field)) == values_of(value) for field, value in wanted.items())


def _data(events: Any) -> dict[str, list[Row]]:
    by_set = events if isinstance(events, dict) else {"Endpoint.Processes": events}
    processes = [_filled(e, i) for i, e in enumerate(by_set.get("Endpoint.Processes", []))]
    data = {"Endpoint.Processes": [_with_parent(e, processes) for e in processes]}
    for name, rows in by_set.items():
        if name != "Endpoint.Processes":
            filled = [_filled(e, 500 + i) for i, e in enumerate(rows)]
            data[name] = [_owned(e, processes) for e in filled]
        for row in data[name] if name in DATASETS else ():
            unknown = set(row) - DATASETS[name].fields - {"_time"}
            if unknown:
                raise ValueError(f"{name} has no field {sorted(unknown)}")
    return data


def _filled(event: Row, index: int) -> Row:
    filled = {
        "_time": START + index,
        "dest": "host1",
        "user": "user1",
        "process_id": 1000 + index,
        **event,
    }
    return {field: value for field, value in filled.items() if value is not None}


def _with_parent(event: Row, processes: list[Row]) -> Row:
    row = dict(event)
    if "parent" in row:
        parent = processes[row.pop("parent")]
        for field in PARENT_FIELDS:
            if field in parent:
                row.setdefault(f"parent_{field}", parent[field])
    return row


def _owned(event: Row, processes: list[Row]) -> Row:
    row = dict(event)
    if "by" in row:
        owner = processes[row.pop("by")]
        row.update({f: owner[f] for f in ("process_id", "process_guid") if f in owner})
    return row
