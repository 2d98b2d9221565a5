"""The Microsoft Sentinel rule, verbatim, through duckdb-kql.

The events become `DeviceProcessEvents` and `DeviceNetworkEvents`. The rule reads the last 24 hours:
each event gets a time of its own within the last hours, which also tells it again in the answer.

The rule looks for `sh`, but on Debian the program that runs is `dash`. It is measured twice: with
names as they were recorded, and with `dash` named `sh` where it was called so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

from installer_trees.addresses import address_type

from ..model import Findings, Hit, Row
from ..reading import kind

NAMES = {False: "Sentinel KQL", True: "Sentinel KQL, dash as sh"}
SEVERITY = "medium"
MISSING = "DuckDB with duckdb-kql is not installed; it needs Python 3.10"
BATCH = 200
CALLED_SH = re.compile(r"[\"']?(\S*/)?-?sh\b")
PROCESS_COLUMNS = (
    "Timestamp",
    "DeviceName",
    "AccountName",
    "FileName",
    "FolderPath",
    "ProcessId",
    "ProcessCommandLine",
    "InitiatingProcessFileName",
    "InitiatingProcessId",
    "InitiatingProcessCommandLine",
)
NETWORK_COLUMNS = (
    "Timestamp",
    "DeviceName",
    "AccountName",
    "InitiatingProcessFileName",
    "InitiatingProcessId",
    "RemoteIP",
    "RemotePort",
    "RemoteIPType",
    "RemoteUrl",
)
ADDRESS_TYPES = {"public": "Public", "private": "Private", "loopback": "Loopback"}


def find(folder: Path, rows: Sequence[Row], dash_as_sh: bool = False) -> Findings:
    """Run every .kql file of a folder over the events."""
    name = NAMES[dash_as_sh]
    files = sorted(folder.glob("*.kql"))
    if not files:
        return Findings(name, skipped=(("*.kql", f"there is none in {folder}"),))
    try:
        engine = import_module("duckdb_kql")
        import_module("duckdb")
    except ImportError:
        return Findings(name, skipped=tuple((file.name, MISSING) for file in files))
    hits: list[Hit] = []
    skipped = []
    start = datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(hours=12)
    connection = _tables(engine, rows, start, dash_as_sh)
    for file in files:
        try:
            answer = engine.kql(connection, file.read_text(encoding="utf-8"))
            names = [column[0] for column in answer.description]
            found = [dict(zip(names, values)) for values in answer.fetchall()]
        except Exception as error:  # whatever the translator or DuckDB says is the reason
            said = str(error).splitlines()[0]
            skipped.append((file.name, f'DuckDB cannot run {file.stem}, it says "{said}"'))
            continue
        numbers = {_number(row, start) for row in found}
        hits += [Hit(number, SEVERITY, file.stem) for number in sorted(numbers)]
    return Findings(name, tuple(hits), len(files) - len(skipped), tuple(skipped))


def _tables(engine: Any, rows: Sequence[Row], start: datetime, dash_as_sh: bool) -> Any:
    connection = engine.connect()
    process, network = [], []
    for number, row in enumerate(rows):
        moment = start + timedelta(milliseconds=number)
        about = kind(row)
        if not about:
            process.append(_process(row, moment, dash_as_sh))
        elif about == "network":
            network.append(_network(row, moment))
    for table, columns, values in (
        ("DeviceProcessEvents", PROCESS_COLUMNS, process),
        ("DeviceNetworkEvents", NETWORK_COLUMNS, network),
    ):
        types = ", ".join(f'"{c}" {_type(c)}' for c in columns)
        connection.execute(f"CREATE TABLE {table} ({types})")
        marks = f"({', '.join('?' * len(columns))})"
        for first in range(0, len(values), BATCH):
            part = values[first : first + BATCH]
            connection.execute(
                f"INSERT INTO {table} VALUES {', '.join([marks] * len(part))}",
                [value for row in part for value in row],
            )
    return connection


def _type(column: str) -> str:
    if column == "Timestamp":
        return "TIMESTAMP"
    return "BIGINT" if column in ("ProcessId", "InitiatingProcessId", "RemotePort") else "VARCHAR"


def _process(row: Row, moment: datetime, dash_as_sh: bool) -> list[Any]:
    name = _text(row, "process_name")
    if dash_as_sh and name == "dash" and CALLED_SH.match(_text(row, "process")):
        name = "sh"
    return [
        moment,
        _text(row, "dest"),
        _text(row, "user"),
        name,
        _text(row, "process_path"),
        _integer(row, "process_id"),
        _text(row, "process"),
        _text(row, "parent_process_name"),
        _integer(row, "parent_process_id"),
        _text(row, "parent_process"),
    ]


def _network(row: Row, moment: datetime) -> list[Any]:
    address = _text(row, "dest_ip")
    return [
        moment,
        _text(row, "src") or _text(row, "dest"),
        _text(row, "user"),
        _text(row, "process_name"),
        _integer(row, "process_id"),
        address,
        _integer(row, "dest_port"),
        ADDRESS_TYPES.get(address_type(address), "Reserved"),
        _text(row, "url"),
    ]


def _text(row: Row, field: str) -> str:
    return str(row.get(field, ""))


def _integer(row: Row, field: str) -> int | None:
    try:
        return int(str(row.get(field)), 0)
    except ValueError:
        return None


def _number(row: dict[str, Any], start: datetime) -> int:
    """Return which row an answer is about: its time, in milliseconds from the start."""
    moment = row.get("Timestamp") or row["NetTime"]
    return round((moment - start) / timedelta(milliseconds=1))
