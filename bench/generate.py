"""Seeded streams of process creations as splunkd sends them, for benchmarks.

Rows are about 400 bytes wide: 15 CIM columns with their `__mv_` twins, newest first. Hosts have
nested process trees of their own; 2% of the rows grow from an installer. `wide` adds columns that
no one asked for and `_raw`, as `output=processes` or a plain event search would bring.
"""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Iterator

COLUMNS = (
    "_time dest user process_name process process_path process_id process_guid "
    "parent_process_name parent_process parent_process_path parent_process_id parent_process_guid "
    "original_file_name process_integrity_level"
).split()
WIDE_COLUMNS = [*COLUMNS, *(f"extra_field_{i:02}" for i in range(44)), "_raw"]
DAY = 86_400
START = 1_767_225_600
ROWS_A_HOST = 2_000
UNDER_INSTALLERS = 0.02
TREE_SIZE = 8

_PROGRAMS = (
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Windows\System32\svchost.exe",
    r"C:\Windows\System32\conhost.exe",
    r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE",
    r"C:\Windows\System32\RuntimeBroker.exe",
    r"C:\Program Files\Git\cmd\git.exe",
    r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    r"C:\Windows\System32\cmd.exe",
    r"C:\Windows\System32\SearchProtocolHost.exe",
    r"C:\Program Files\Vendor Suite\bin\agent-worker.exe",
)
_INSTALLER = r"C:\Windows\System32\msiexec.exe"
_HELPERS = (r"C:\Windows\Installer\MSI{:04X}.tmp", r"C:\Windows\System32\reg.exe",
            r"C:\Windows\System32\icacls.exe", r"C:\Windows\System32\cmd.exe")  # fmt: skip

Process = tuple[str, str, str, str]  # name, command line, process id, GUID


class Host:
    """One host and the processes that it runs."""

    def __init__(self, number: int, chance: random.Random) -> None:
        self.number = number
        self.chance = chance
        self.count = 0
        self.running: list[tuple[str, Process]] = []
        self.installing: list[tuple[str, Process]] = []
        self.left = 0

    def row(self, time: float) -> list[str]:
        """Start a process and return its event."""
        chance = self.chance
        if not self.left and chance.random() < UNDER_INSTALLERS / TREE_SIZE:
            path, parent = _INSTALLER, None
            command = rf'"{path}" /i "C:\ProgramData\Deploy\suite-{chance.randrange(900)}.msi" /qn'
            self.left, self.installing = TREE_SIZE, []
        elif self.left and self.installing:
            path = chance.choice(_HELPERS).format(chance.randrange(65536))
            parent = chance.choice(self.installing[-3:])
            command = rf'"{path}" add "HKLM\Software\Vendor\{chance.randrange(9999)}" /f'
        else:
            path = chance.choice(_PROGRAMS)
            parent = chance.choice(self.running[-20:]) if self.running else None
            command = rf'"{path}" --type=utility --lang=en-US --id={chance.randrange(10**6)}'
            command += (
                f" --field-trial-handle={chance.randrange(10**9)},i,{chance.randrange(10**9)}"
            )
        self.count += 1
        name = path.rsplit("\\", 1)[-1]
        me = (name, command, str(4 * (self.count % 9000) + 1000), self._guid())
        if self.left:
            self.installing.append((path, me))
            self.left -= 1
        else:
            self.running.append((path, me))
            del self.running[:-40]
        return self._event(time, path, me, parent)

    def _guid(self) -> str:
        return f"{{365ABB72-{self.number % 65536:04X}-{self.number // 65536:04X}-0000-{self.count:012X}}}"

    def _event(
        self, time: float, path: str, me: Process, parent: tuple[str, Process] | None
    ) -> list[str]:
        above = (
            [parent[1][0], parent[1][1], parent[0], parent[1][2], parent[1][3]]
            if parent
            else ["explorer.exe", r"C:\Windows\Explorer.EXE", r"C:\Windows\explorer.exe", "612", ""]
        )
        host = f"ws-{self.number:06}"
        return [
            f"{time:.3f}", f"{host}.corp.example", rf"CORP\user{self.number % 5000}", me[0], me[1],
            path, me[2], me[3], *above, me[0], "Medium",
        ]  # fmt: skip


def rows(count: int, seed: int = 1, rows_a_host: int = ROWS_A_HOST) -> Iterator[list[str]]:
    """Yield rows in order of time."""
    chance = random.Random(seed)
    hosts = [Host(i, chance) for i in range(max(1, count // rows_a_host))]
    for i in range(count):
        yield chance.choice(hosts).row(START + DAY * i / count)


def bodies(count: int, chunk: int = 50_000, wide: bool = False, seed: int = 1) -> Iterator[bytes]:
    """Yield the bodies of chunks, newest rows first within each and from chunk to chunk.

    Args:
        count: Rows in all.
        chunk: Rows a body.
        wide: Whether to add the columns of `WIDE_COLUMNS`.
        seed: The same seed gives the same bytes.
    """
    names = WIDE_COLUMNS if wide else COLUMNS
    header = [*names, *(f"__mv_{name}" for name in names)]
    empty = [""] * len(names)
    pieces = -(-count // chunk)
    for piece in range(pieces):
        size = min(chunk, count - piece * chunk)
        made = list(rows(size, seed=seed * 1_000_003 + piece, rows_a_host=ROWS_A_HOST))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        for row in reversed(made):
            row[0] = f"{float(row[0]) - piece * DAY / pieces:.3f}"
            row[1] = row[1].replace("ws-", f"ws{piece:03}-")
            if wide:
                row += [f"value {i}" for i in range(44)] + [" ".join(row)]
            writer.writerow(row + empty)
        yield text.getvalue().encode()
