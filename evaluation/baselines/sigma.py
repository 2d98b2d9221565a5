"""Sigma rules through pySigma's SQLite backend, one table for each log source."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ..model import SEVERITIES, Findings, Hit, Row
from ..reading import kind

NAME = "Sigma rules"
ROW = "evaluation_row"
PROCESS = {
    "Image": "process_path",
    "CommandLine": "process",
    "OriginalFileName": "original_file_name",
    "ParentImage": "parent_process_path",
    "ParentCommandLine": "parent_process",
    "User": "user",
    "IntegrityLevel": "process_integrity_level",
    "CurrentDirectory": "process_current_directory",
    "Hashes": "process_hash",
    "ProcessId": "process_id",
    "ParentProcessId": "parent_process_id",
    "ProcessGuid": "process_guid",
    "ParentProcessGuid": "parent_process_guid",
}
OWNER = {name: PROCESS[name] for name in ("Image", "User", "ProcessId", "ProcessGuid")}
NETWORK = {
    **OWNER,
    "DestinationIp": "dest_ip",
    "DestinationPort": "dest_port",
    "DestinationHostname": "dest",
}
REGISTRY = {**OWNER, "TargetObject": "registry_path", "Details": "registry_value_data"}
SOURCES = {
    "process_creation": ("", PROCESS),
    "network_connection": ("network", NETWORK),
    "file_event": ("file", {**OWNER, "TargetFilename": "file_path"}),
    "registry_set": ("registry", REGISTRY),
    "registry_event": ("registry", REGISTRY),
}
"""Sigma categories that CIM events can answer: the kind of row, and the CIM field of each field."""
SYSTEMS = ("windows", "linux", "macos")
MISSING = "pySigma with its SQLite backend is not installed; it needs Python 3.10"
MAC_PATHS = re.compile(
    r"^/(System/|Library/|Applications/|Users/|private/|usr/libexec/Plist|opt/homebrew/)"
)


def find(folder: Path, rows: Sequence[Row]) -> Findings:
    """Run every rule in the folder `sigma` (or of a folder that holds rules) over the events."""
    place = folder / "sigma" if (folder / "sigma").is_dir() else folder
    files = sorted(place.glob("*.yml"))
    if not files:
        return Findings(NAME, skipped=(("sigma/*.yml", f"there is none in {folder}"),))
    try:
        backend = import_module("sigma.backends.sqlite").sqliteBackend
        collection = import_module("sigma.collection").SigmaCollection
        no_condition = import_module("sigma.exceptions").SigmaConditionError
    except ImportError:
        return Findings(NAME, skipped=tuple((file.name, MISSING) for file in files))
    database = _database(rows)
    hits: list[Hit] = []
    skipped = []
    for file in files:
        try:
            rules = collection.from_yaml(file.read_text(encoding="utf-8"))
            for rule in rules.rules:
                numbers = _run(database, backend, rule, collection)
                level = str(rule.level.name).lower() if rule.level else "medium"
                severity = level if level in SEVERITIES else "medium"
                hits += [Hit(number, severity, file.stem) for number in numbers]
        except _NotHereError as error:
            skipped.append((file.name, str(error)))
        except no_condition:
            skipped.append((file.name, f"the condition of {file.stem} is none that Sigma defines"))
        except Exception as error:  # whatever pySigma or SQLite says is the reason
            said = str(error).splitlines()[0]
            skipped.append((file.name, f'pySigma cannot run {file.stem}, it says "{said}"'))
    ran = len(files) - len(skipped)
    return Findings(NAME, tuple(hits), ran, tuple(skipped), graded=True)


class _NotHereError(Exception):
    """A rule reads events that CIM rows do not hold."""


def _run(database: sqlite3.Connection, backend: Any, rule: Any, collection: Any) -> list[int]:
    source = rule.logsource
    if source.category not in SOURCES:
        what = source.category or source.service or f"raw {source.product}"
        raise _NotHereError(f"no {what} events among CIM rows")
    found: set[int] = set()
    for system in SYSTEMS if source.product is None else (source.product,):
        table = f"{system}_{source.category}"
        for query in backend(table=table).convert(collection([rule])):
            query = re.sub(r"^SELECT \*", f"SELECT {ROW}", query)
            found.update(number for (number,) in _ask(database, query, table))
    return sorted(found)


def _ask(database: sqlite3.Connection, query: str, table: str) -> Iterable[tuple[int]]:
    """Run a query; a field that CIM has no name for is a column without values."""
    while True:
        try:
            return list(database.execute(query))
        except sqlite3.OperationalError as error:
            missing = re.match(r"no such column: (\S+)$", str(error))
            if missing is None:
                raise
            database.execute(f'ALTER TABLE {table} ADD COLUMN "{missing[1]}" TEXT COLLATE NOCASE')


def _database(rows: Sequence[Row]) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.create_function("REGEXP", 2, _regexp, deterministic=True)
    for category, (about, fields) in SOURCES.items():
        columns = ", ".join(f"{name} TEXT COLLATE NOCASE" for name in fields)
        for system in SYSTEMS:
            database.execute(f"CREATE TABLE {system}_{category} ({ROW} INTEGER, {columns})")
        marks = ", ".join("?" * (len(fields) + 1))
        for number, row in enumerate(rows):
            if kind(row) == about:
                values = [_value(row, field) for field in fields.values()]
                database.execute(
                    f"INSERT INTO {system_of(row)}_{category} VALUES ({marks})", [number, *values]
                )
    return database


def _value(row: Row, field: str) -> str | None:
    """Return a field as Sysmon has it: `Image` is a full path, or what is known of it."""
    value = row.get(field)
    if value is None and field == "process_path":
        value = row.get("process_name")
    if value is None and field == "parent_process_path":
        value = row.get("parent_process_name")
    return None if value is None else str(value)


def _regexp(pattern: str, value: str | None) -> bool:
    return value is not None and re.search(pattern, value) is not None


def system_of(row: Row) -> str:
    """Tell the operating system of a row by its paths."""
    seen = [str(row.get(f, "")) for f in ("process_path", "parent_process_path", "process")]
    if any("\\" in path for path in seen):
        return "windows"
    if "Apple" in str(row.get("vendor_product", "")) or any(MAC_PATHS.match(p) for p in seen):
        return "macos"
    name = str(row.get("process_name", "")).lower()
    return "windows" if name.endswith((".exe", ".tmp")) else "linux"
