"""Seeded streams of process creations as splunkd sends them, for benchmarks.

Rows are about 400 bytes wide: 15 CIM columns with their `__mv_` twins, newest first. Hosts run
nested processes of their own, and a share of the rows (2%) grows from an installer. The wide
variant adds columns that no one asked for and `_raw`, as a plain event search would bring.

    python -m bench.generate 1000000 > stream.scp

Every host plans a few processes ahead, parents first, and hands them out last first. So a stream of
any length is made row by row, newest first, and trees run across the borders of chunks.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

COLUMNS = (
    "_time dest user process_name process process_path process_id process_guid "
    "parent_process_name parent_process parent_process_path parent_process_id parent_process_guid "
    "original_file_name process_integrity_level"
).split()
WIDE_COLUMNS = [*COLUMNS, *(f"extra_field_{i:02}" for i in range(45)), "_raw"]
CHUNK_ROWS = 50_000
DAY = 86_400
START = 1_767_225_600
ROWS_A_HOST = 2_000
UNDER_INSTALLERS = 0.02
TREE_SIZES = range(2, 15)
SESSION_SIZE = 40
BURST = 0.5
PIDS = 9_000

_SYSTEM32 = "C:\\Windows\\System32\\"
_PROGRAMS = (
    (r"C:\Program Files\Google\Chrome\Application\chrome.exe",
     '"{path}" --type=renderer --lang=en-US --renderer-client-id={number}'),
    (_SYSTEM32 + "svchost.exe", "{path} -k netsvcs -p -s Schedule"),
    (_SYSTEM32 + "conhost.exe", r"\??\{path} 0xffffffff -ForceV1"),
    (r"C:\Program Files\Office\Office16\OUTLOOK.EXE", '"{path}" /recycle {number}'),
    (_SYSTEM32 + "RuntimeBroker.exe", "{path} -Embedding"),
    (r"C:\Program Files\Git\cmd\git.exe", "git.exe rev-parse --short {number}"),
    (_SYSTEM32 + r"WindowsPowerShell\v1.0\powershell.exe", "powershell.exe -File {number}.ps1"),
    (_SYSTEM32 + "cmd.exe", "cmd.exe /d /s /c npm-run-{number}"),
    (_SYSTEM32 + "SearchProtocolHost.exe", '"{path}" Global\\UsGthrCtrlFltPipeMssGthrPipe{number}'),
    (r"C:\Program Files\Vendor\agent.exe", '"{path}" --job {number}'),
)  # fmt: skip
_INSTALLER = (
    _SYSTEM32 + "msiexec.exe",
    r'"{path}" /i "C:\ProgramData\Deploy\suite-{number}.msi" /qn',
)
_HELPERS = (
    (r"C:\Windows\Installer\MSI{number}.tmp", '"{path}" -run'),
    (_SYSTEM32 + "reg.exe", r"reg add HKLM\Software\Vendor\{number} /f"),
    (_SYSTEM32 + "icacls.exe", r"icacls.exe C:\ProgramData\Vendor\{number} /inheritance:e"),
    (_SYSTEM32 + "cmd.exe", "cmd.exe /c copy /y {number}.cfg vendor.cfg"),
)
_EXPLORER = ("explorer.exe", r"C:\Windows\Explorer.EXE", r"C:\Windows\explorer.exe", "612", "")

Process = tuple[str, str, str, str, str]
"""Name, command line, path, process id and GUID, as the columns of a parent have them."""


@dataclass(frozen=True)
class Stream:
    """What to generate; the same values give the same bytes.

    Attributes:
        rows: Rows in all.
        wide: Whether to add the columns of `WIDE_COLUMNS`.
        share: How many of the rows grow from an installer, 0 to 1.
        guids: Whether processes have GUIDs; without, only process ids tie them.
        chunk: Rows a chunk.
        seed: Chooses another stream of the same kind.
    """

    rows: int
    wide: bool = False
    share: float = UNDER_INSTALLERS
    guids: bool = True
    chunk: int = CHUNK_ROWS
    seed: int = 1

    @property
    def columns(self) -> list[str]:
        """The plain columns, in order."""
        return WIDE_COLUMNS if self.wide else COLUMNS


class _Host:
    """One host and the processes that it is about to hand out, the newest last."""

    def __init__(self, number: int, chance: random.Random, stream: Stream) -> None:
        self.name = f"ws-{number:06}.corp.example"
        self.user = rf"CORP\user{number % 5000}"
        self._chance, self._guids = chance, stream.guids
        self._guid = f"{{365ABB72-{number % 65536:04X}-{number // 65536:04X}-0000-"
        self._share = stream.share
        self._burst = max(BURST, stream.share)
        self._count = 0
        self._session: list[tuple[Process, Process]] = []
        self._install: list[tuple[Process, Process]] = []

    def next_older(self) -> tuple[Process, Process]:
        """Return a process and its parent, which comes later, unless it is Explorer."""
        chance = self._chance.random()
        if self._install:
            if chance < self._burst:
                return self._install.pop()
        elif self._share:
            size = self._chance.choice(TREE_SIZES)
            gap = size * (1 / self._share - 1 / self._burst)
            if chance * max(gap, 1) < 1:
                self._install = self._plan(size, 3, installer=True)
                return self._install.pop()
        if not self._session:
            self._session = self._plan(SESSION_SIZE, 20, installer=False)
        return self._session.pop()

    def _plan(self, size: int, recent: int, installer: bool) -> list[tuple[Process, Process]]:
        """Start processes, each under one of the `recent` last ones."""
        chance = self._chance
        planned: list[tuple[Process, Process]] = []
        for i in range(size):
            if installer:
                path, line = _HELPERS[chance.randrange(len(_HELPERS))] if i else _INSTALLER
            else:
                path, line = _PROGRAMS[chance.randrange(len(_PROGRAMS))]
            parent = planned[chance.randrange(max(0, i - recent), i)][0] if i else _EXPLORER
            planned.append((self._process(path, line), parent))
        return planned

    def _process(self, path: str, line: str) -> Process:
        self._count += 1
        number = self._chance.randrange(1000, 10_000)
        path = path.replace("{number}", str(number))
        guid = f"{self._guid}{self._count:012X}}}" if self._guids else ""
        name = path.rsplit("\\", 1)[-1]
        line = line.format(path=path, number=number)
        return name, line, path, str(4 * (self._count % PIDS) + 1000), guid


def rows(stream: Stream) -> Iterator[list[str]]:
    """Yield the plain values of each row, newest first."""
    chance = random.Random(stream.seed)
    hosts = [_Host(i, chance, stream) for i in range(max(1, stream.rows // ROWS_A_HOST))]
    for i in range(stream.rows, 0, -1):
        host = hosts[chance.randrange(len(hosts))]
        me, parent = host.next_older()
        time = f"{START + DAY * i / stream.rows:.3f}"
        row = [time, host.name, host.user, *me, *parent, me[0], "Medium"]
        if stream.wide:
            row += [f"value {n}" for n in range(45)]
            row.append(" ".join(f'{name}="{value}"' for name, value in zip(COLUMNS, row)))
        yield row


def bodies(stream: Stream) -> Iterator[bytes]:
    """Yield the CSV body of each chunk."""
    header = [*stream.columns, *(f"__mv_{name}" for name in stream.columns)]
    empty = [""] * len(stream.columns)
    made = rows(stream)
    for _ in range(0, stream.rows, stream.chunk):
        lines = (row + empty for row in islice(made, stream.chunk))
        yield "".join(map(_line, chain([header], lines))).encode()


def _line(cells: list[str]) -> str:
    """Return a line of CSV as splunkd writes it: all is quoted but ASCII letters and digits."""
    return ",".join(map(_cell, cells)) + "\n"


def _cell(text: str) -> str:
    bare = not text or (text.isascii() and text.isalnum())
    return text if bare else '"' + text.replace('"', '""') + '"'


def frame(body: bytes, finished: bool) -> bytes:
    """Return an execute request."""
    metadata = json.dumps({"action": "execute", "finished": finished}).encode()
    return b"chunked 1.0,%d,%d\n%b%b" % (len(metadata), len(body), metadata, body)


def frames(stream: Stream) -> Iterator[bytes]:
    """Yield the execute requests of a search, without the getinfo request before them."""
    chunks = -(-stream.rows // stream.chunk)
    for i, body in enumerate(bodies(stream), 1):
        yield frame(body, i == chunks)


def main() -> None:
    """Write a stream to standard output."""
    parser = argparse.ArgumentParser(description="Write a stream of execute requests.")
    parser.add_argument("rows", type=int)
    parser.add_argument("--wide", action="store_true", help="60 columns and _raw")
    parser.add_argument("--share", type=float, default=UNDER_INSTALLERS)
    parser.add_argument("--no-guids", dest="guids", action="store_false")
    parser.add_argument("--chunk", type=int, default=CHUNK_ROWS)
    parser.add_argument("--seed", type=int, default=1)
    for piece in frames(Stream(**vars(parser.parse_args()))):
        sys.stdout.buffer.write(piece)


if __name__ == "__main__":
    main()
