"""Event files -> rows with CIM fields: JSON lines or CSV, plain or gzip."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

from installer_trees.layout import ALIASES, DATA_MODELS, FIELDS, MISSING
from spl.datamodel import DATASETS

from .model import EvaluationError, Row

SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz", ".json")
CIM = FIELDS.union(ALIASES, *(data_set.fields for data_set in DATASETS.values()))
"""Fields that detectors may see; all others (labels above all) are held back from them."""
TARGETS = (
    ("network", ("dest_ip", "url", "dest_port")),
    ("file", ("file_path",)),
    ("registry", ("registry_path",)),
    ("service", ("service_name", "service_path")),
)


def event_files(folder: Path) -> list[Path]:
    """Return the files of a folder that may hold events, in order of name."""
    found = [p for p in folder.rglob("*") if p.is_file() and p.name.endswith(SUFFIXES)]
    return sorted(p for p in found if p.name not in ("labels.json", "labels.csv"))


def file_name(path: Path, folder: Path) -> str:
    """Return the name of a file within its folder, without its suffix."""
    name = path.relative_to(folder).as_posix()
    suffix = max((s for s in SUFFIXES if name.endswith(s)), key=len)
    return name[: -len(suffix)]


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of a file as they stand there, without data-model prefixes and empty values.

    Raises:
        EvaluationError: The file is not what its name says.
    """
    try:
        with _open(path) as stream:
            rows = _csv(stream) if ".csv" in path.suffixes else _json(stream)
            for row in rows:
                yield {
                    _plain(name): value
                    for name, value in row.items()
                    if name and value is not None and str(value) not in MISSING
                }
    except (json.JSONDecodeError, UnicodeDecodeError, csv.Error, OSError, ValueError) as error:
        raise EvaluationError(f"{path} cannot be read as events: {error}.") from error


def is_event(row: Row) -> bool:
    """Tell whether a row names a host or a time, and a process or something a process did."""
    who = "process_name" in row or "process" in row or "process_guid" in row
    return bool(("dest" in row or "src" in row or "_time" in row) and (who or kind(row)))


def kind(row: Row) -> str:
    """Tell what a row is about besides a process, by its fields; empty for a process creation."""
    for name, fields in TARGETS:
        if any(field in row for field in fields):
            return name
    return ""


def cim(row: Row) -> Row:
    """Return only what detectors may see, with the time as epoch seconds."""
    seen = {name: value for name, value in row.items() if name in CIM}
    if "_time" in seen:
        seen["_time"] = _epoch(seen["_time"])
    return seen


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _csv(stream: IO[str]) -> Iterator[dict[str, Any]]:
    for row in csv.DictReader(stream):
        row.pop(None, None)
        yield row


def _json(stream: IO[str]) -> Iterator[dict[str, Any]]:
    lines: Iterable[str] = stream
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if number == 1 and line.lstrip().startswith("["):
            yield from json.loads(line + stream.read())
            return
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no JSON object")
        yield row.get("result", row)


def _plain(name: str) -> str:
    prefix, _, field = name.rpartition(".")
    return field if prefix.rsplit(".", 1)[-1] in DATA_MODELS else name


def _epoch(value: Any) -> float | str:
    try:
        return float(value)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return str(value)
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
