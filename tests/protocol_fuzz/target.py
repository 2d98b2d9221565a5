"""One input through the command in this process, and what must hold of its answer."""

from __future__ import annotations

import io
import re
import signal
import subprocess
import tempfile
from pathlib import Path
from random import Random
from typing import NamedTuple

import installerscore
import installerscore_run
import scp
from installer_trees.files import load

from .inputs import requests

LOOKUPS = Path(installerscore.__file__).resolve().parent.parent / "lookups"
BUILT = Path(__file__).resolve().parents[2] / "output" / "TA-installerscore"
LEVELS = {"INFO", "WARN", "ERROR"}
GETINFO_KEYS = {"generating", "required_fields", "run_in_preview", "type", "inspector"}
EXECUTE_KEYS = {"finished", "inspector"}
MESSAGE_CHARS = 1_100
MOST_SECONDS = 30
HEADER = re.compile(rb"chunked\s+1\.0\s*,\s*([0-9]+)\s*,\s*([0-9]+)\s*\n")


class Wrong(BaseException):
    """The command broke a promise; no handler of the command itself may take it for an error."""


def _hung(*_: object) -> None:
    raise Wrong(f"no end within {MOST_SECONDS} s of CPU time")


class Answer(NamedTuple):
    """How a run ended: what was asked and replied."""

    requests: int
    replies: list[scp.Reply]
    error: str

    @property
    def kind(self) -> str:
        """Rows, an error, other messages, or nothing to say."""
        if self.error:
            return "error"
        if any(reply.body for reply in self.replies):
            return "rows"
        return "messages" if any(reply.messages for reply in self.replies) else "nothing"


def run_built(app: Path, python: str, data: bytes) -> Answer:
    """Run the built command over an input, in a process of its own.

    Raises:
        Wrong: A promise was broken.
    """
    done = subprocess.run(
        [python, "installerscore.py"],
        cwd=app / "bin",
        env=scp.clean_environment(),
        input=data,
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode or done.stderr:
        raise Wrong(f"exit code {done.returncode}, standard error {done.stderr!r}")
    return judged(data, done.stdout)


class Target:
    """The command with its catalogue loaded once, as reading it costs more than most inputs."""

    def __init__(self, app_lookups: Path = LOOKUPS) -> None:
        self._catalogue = load(str(app_lookups))
        installerscore_run.load = self._load

    def _load(self, lookups: str, signals: str | None = None):
        return load(lookups, signals) if signals else self._catalogue

    def seed(self, seed: int, python: str = "") -> Answer:
        """Run the input that a seed makes; a broken promise names the seed.

        Args:
            seed: Makes the input.
            python: Run the built command under this Python, and not the one in this process.
        """
        data = requests(Random(seed))
        try:
            return run_built(BUILT, python, data) if python else self.run(data)
        except (Wrong, Exception) as error:
            raise Wrong(f"seed {seed}: {error!r}") from error

    def run(self, data: bytes) -> Answer:
        """Run the command over an input.

        Raises:
            Wrong: A promise was broken.
        """
        out = io.BytesIO()
        kept = tempfile.tempdir
        try:
            signal.signal(signal.SIGVTALRM, _hung)
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
            command = installerscore.InstallerScoreCommand()
            command.process(["installerscore.py"], io.BufferedReader(io.BytesIO(data)), out)
        except SystemExit:
            pass
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            tempfile.tempdir = kept
        return judged(data, out.getvalue())


def judged(data: bytes, output: bytes) -> Answer:
    """Return the answer to an input, if it keeps all promises."""
    requests, whole = count(data)
    replies = _replies(output)
    errors = [m.text for reply in replies for m in reply.messages if m.level == "ERROR"]
    answered = any(reply.metadata.get("finished") for reply in replies)
    for wrong, what in (
        (errors and any(reply.rows for reply in replies), "rows beside an error"),
        (replies and "type" not in replies[0].metadata and not errors, "no reply to getinfo"),
        (len(replies) > requests + (not whole), "more replies than requests"),
        (whole and len(replies) < requests and not answered, "a request without a reply"),
        (not whole and not errors and not answered, "a broken stream, and no error"),
    ):
        if wrong:
            raise Wrong(f"{what}: {len(replies)} replies to {requests} requests, {errors}")
    return Answer(requests, replies, errors[0] if errors else "")


def _replies(output: bytes) -> list[scp.Reply]:
    """Read the replies as splunkd would, and strictly."""
    stream, replies = io.BytesIO(output), []
    try:
        while (reply := scp.read_frame(stream)) is not None:
            replies.append(reply)
            list(scp.decode_body(reply.body))
    except (scp.ProtocolError, ValueError) as error:
        raise Wrong(f"splunkd cannot read the reply: {error}") from error
    for number, reply in enumerate(replies):
        keys = set(reply.metadata)
        if not keys <= EXECUTE_KEYS and not (number == 0 and keys <= GETINFO_KEYS):
            raise Wrong(f"the reply has keys that it may not have: {sorted(keys)}")
        for message in reply.messages:
            _check(message)
    return replies


def _check(message: scp.Message) -> None:
    text = message.text
    if message.level not in LEVELS:
        raise Wrong(f"the level {message.level}")
    if "\n" in text or "Traceback" in text or 'File "' in text or len(text) > MESSAGE_CHARS:
        raise Wrong(f"not one sentence: {text!r}")
    if not text.endswith("."):
        raise Wrong(f"not a whole sentence: {text!r}")
    if "an error of its own" in text:
        raise Wrong(f"an error that was not foreseen: {text}")


def count(data: bytes) -> tuple[int, bool]:
    """Return how many whole requests an input holds, and whether nothing else is in it."""
    stream, requests = io.BytesIO(data), 0
    while line := stream.readline(1_000):
        header = HEADER.match(line)
        if header is None:
            return requests, False
        for length in map(int, header.groups()):
            if len(stream.read(min(length, len(data) + 1))) != length:
                return requests, False
        requests += 1
    return requests, True
