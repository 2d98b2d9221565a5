"""ESCU's msiexec searches in their original form, through the reference runner of the tests.

`user` is in every by-list and in no condition, so it carries the number of the row through.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spl.datamodel import DATASETS
from spl.errors import SplError
from spl.macros import Macro
from spl.runner import Run

from ..model import Findings, Hit, Row
from ..reading import kind

NAME = "ESCU searches"
SEVERITY = "medium"
MARK = "#row"
PROCESSES, TRAFFIC = "Endpoint.Processes", "Network_Traffic.All_Traffic"
MACROS = {
    "security_content_summariesonly": Macro(
        (), "summariesonly=false allow_old_summaries=true fillnull_value=null"
    ),
    "security_content_ctime(1)": Macro(
        ("field",), 'convert timeformat="%Y-%m-%dT%H:%M:%S" ctime($field$)'
    ),
    "drop_dm_object_name(1)": Macro(("object",), 'rename "$object$.*" as *'),
    "process_msiexec": Macro(
        (), "(Processes.process_name=msiexec.exe OR Processes.original_file_name=msiexec.exe)"
    ),
}
"""What the content update and the CIM add-on define, with their defaults."""


def find(folder: Path, rows: Sequence[Row]) -> Findings:
    """Run every escu_*.spl file of a folder over the events."""
    files = sorted(folder.glob("escu_*.spl"))
    if not files:
        return Findings(NAME, skipped=(("escu_*.spl", f"there is none in {folder}"),))
    data = _data(rows)
    hits: list[Hit] = []
    skipped, remarks = [], set()
    for file in files:
        rule = file.stem[len("escu_") :]
        macros = {**MACROS, f"{rule}_filter": Macro((), "search *")}
        latest = max((row["_time"] for name in data for row in data[name]), default=0.0) + 1
        try:
            result = Run(data, macros, {}, {}, latest, 0, latest).search(
                file.read_text(encoding="utf-8").strip()
            )
        except SplError as error:
            said = str(error).splitlines()[0]
            skipped.append((file.name, f'the reference runner cannot run {rule}, it says "{said}"'))
            continue
        remarks.update(result.notes)
        numbers = {int(str(row["user"]).rpartition(MARK)[2]) for row in result.rows}
        hits += [Hit(number, SEVERITY, rule) for number in sorted(numbers)]
    ran = len(files) - len(skipped)
    return Findings(NAME, tuple(hits), ran, tuple(skipped), tuple(sorted(remarks)))


def _data(rows: Sequence[Row]) -> dict[str, list[Row]]:
    data: dict[str, list[Row]] = {PROCESSES: [], TRAFFIC: []}
    for number, row in enumerate(rows):
        about = kind(row)
        name = TRAFFIC if about == "network" else "" if about else PROCESSES
        if name:
            known = {k: str(v) for k, v in row.items() if k in DATASETS[name].fields}
            known["user"] = f"{row.get('user', 'unknown')}{MARK}{number}"
            data[name].append({**known, "_time": _time(row)})
    return data


def _time(row: Row) -> float:
    try:
        return float(row["_time"])
    except (KeyError, ValueError):
        return 0.0
