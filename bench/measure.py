"""CPU time and peak memory of whole processes that answer a stream."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import scp

from . import ROOT, generate

APP = ROOT / "output" / "TA-installerscore"
BASELINES = Path(__file__).resolve().parent / "baselines.py"
COPY_BYTES = 1024 * 1024
NO_LIMIT = "maxevents=100000000"
"""Option that lets the command read more rows than it is set to by default."""


class CommandFailedError(Exception):
    """A command that was measured ended with an error, so that its figures mean nothing."""


@dataclass(frozen=True)
class Command:
    """A search command to measure.

    Attributes:
        name: What the results call it.
        script: Path of the script, followed by its arguments.
        arguments: Arguments of the search command, for the getinfo request.
    """

    name: str
    script: tuple[str, ...]
    arguments: str = ""


@dataclass(frozen=True)
class Cost:
    """What a process took, from its start to its end.

    Attributes:
        cpu: Seconds of CPU time, user and system.
        memory: Peak resident memory in MiB.
    """

    cpu: float
    memory: float


def baseline(name: str) -> Command:
    """Return a command of `baselines.py`."""
    return Command(name, (str(BASELINES), name, str(APP / "lib")))


def installerscore(output: str = "trees") -> Command:
    """Return the built command, without its limit of rows."""
    script = str(APP / "bin" / "installerscore.py")
    return Command(f"installerscore {output}", (script,), f"output={output} {NO_LIMIT}")


def write_stream(made: generate.Stream | tuple[str, int], path: Path) -> None:
    """Write the execute requests of a stream, or of a shape and its size, to a file.

    They are made by a process of its own: a child's peak memory is never below that of the process
    that started it, so this one stays small.
    """
    made_by = (
        f"shapes.frames(*{made!r})" if isinstance(made, tuple) else f"generate.frames({made!r})"
    )
    code = (
        "import sys; from bench import generate, shapes; from bench.generate import Stream\n"
        f"for piece in {made_by}: sys.stdout.buffer.write(piece)"
    )
    with path.open("wb") as file:
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=file, check=True)


def run(
    command: Command,
    stream: Path | None,
    python: str,
    output: IO[bytes] | None = None,
    seconds: float = 3_600,
) -> Cost:
    """Run a command over a stream and return what it took.

    Args:
        command: What to run.
        stream: File of execute requests; None sends getinfo alone.
        python: The interpreter.
        output: Where its replies go; by default nowhere.
        seconds: When to give up.

    Raises:
        CommandFailedError: It exited with an error, wrote to standard error or took too long.
    """
    with tempfile.TemporaryDirectory(prefix="dispatch-") as dispatch:
        getinfo = scp.getinfo_metadata(command.arguments, dispatch_dir=dispatch if stream else "")
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [python, *command.script],
                stdin=subprocess.PIPE,
                stdout=output or subprocess.DEVNULL,
                stderr=errors,
                env=scp.clean_environment(),
            )
            assert process.stdin is not None
            feeder = threading.Thread(
                target=_feed, args=(process.stdin, scp.frame(getinfo), stream), daemon=True
            )
            feeder.start()
            giving_up = threading.Timer(seconds, process.kill)
            giving_up.start()
            _, status, usage = os.wait4(process.pid, 0)
            giving_up.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            feeder.join()
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace")
    if process.returncode or said:
        raise CommandFailedError(
            f"{command.name} ended with exit code {process.returncode}: {said[-2000:]}"
        )
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / _MAXRSS_A_MIB)


_MAXRSS_A_MIB = 1024 * 1024 if sys.platform == "darwin" else 1024


def _feed(pipe: IO[bytes], getinfo: bytes, stream: Path | None) -> None:
    try:
        with pipe:
            pipe.write(getinfo)
            if stream is not None:
                with stream.open("rb") as file:
                    shutil.copyfileobj(file, pipe, COPY_BYTES)
    except BrokenPipeError:
        pass  # the exit code of the command says more


def interleaved(
    commands: Sequence[Command], stream: Path | None, repetitions: int, python: str
) -> dict[str, list[Cost]]:
    """Run every command in turn, again and again, so that all share the machine's moods.

    The first run of each writes byte code and is not counted; it gets no rows.
    """
    for command in commands:
        run(command, None, python)
    costs: dict[str, list[Cost]] = {command.name: [] for command in commands}
    for _ in range(repetitions):
        for command in commands:
            costs[command.name].append(run(command, stream, python))
    return costs
