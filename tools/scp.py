"""The splunkd side of the chunked search-command protocol (SCPv2).

Starts a search command as splunkd does, sends getinfo and execute chunks, and
reads the replies strictly: one reply a request, exact frame lengths, every row
as wide as its header. Tests, the demo and the benchmarks share it.

    result = scp.run(app_dir, rows, "output=trees minscore=40")
    result.rows, result.messages, result.stderr, result.exit_code
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

from scp_wire import (
    Message,
    ProtocolError,
    Reply,
    Row,
    columns_of,
    decode_body,
    encode_body,
    frame,
    read_frame,
)

__all__ = [
    "Message",
    "ProtocolError",
    "Reply",
    "Result",
    "Session",
    "clean_environment",
    "columns_of",
    "decode_body",
    "encode_body",
    "frame",
    "getinfo_metadata",
    "read_frame",
    "run",
]

Chunk = Union[bytes, Sequence[Row]]

_NO_SPLUNKD = "https://127.0.0.1:1"


@dataclass(frozen=True)
class Result:
    """Everything one search command run gave back."""

    getinfo: Reply
    replies: list[Reply]
    stderr: str
    exit_code: int
    leftovers: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of all replies, in order."""
        return [row for reply in self.replies for row in reply.rows]

    @property
    def messages(self) -> list[Message]:
        """The messages of the getinfo reply and of all execute replies."""
        return [m for reply in (self.getinfo, *self.replies) for m in reply.messages]

    @property
    def bodies(self) -> bytes:
        """The bodies of all replies, for a byte-for-byte comparison."""
        return b"".join(reply.body for reply in self.replies)


def split_arguments(text: str) -> tuple[list[str], list[str]]:
    """Split a command's arguments as splunkd does, without any context.

    Args:
        text: What stands after the command's name in the search.

    Returns:
        `args` (quotes taken off) and `raw_args` (as typed), of equal length.
    """
    raw = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^\s"])+', text)
    return [re.sub(r'"((?:[^"\\]|\\.)*)"', _unquoted, token) for token in raw], raw


def _unquoted(match: re.Match[str]) -> str:
    return re.sub(r"\\(.)", r"\1", match.group(1))


def getinfo_metadata(arguments: str | Sequence[str] = "", **searchinfo: Any) -> dict[str, Any]:
    """Build the metadata of a getinfo request with the keys splunkd sends.

    Args:
        arguments: The text after the command's name, or tokens already split.
        searchinfo: Replaces single keys of `searchinfo`; None leaves a key out.
            `preview` and `streaming_command_will_restart` replace top-level keys.
    """
    if isinstance(arguments, str):
        args, raw_args = split_arguments(arguments)
    else:
        args = raw_args = list(arguments)
    search = "| tstats ... | installerscore " + " ".join(raw_args)
    info: dict[str, Any] = {
        "username": "admin",
        "latest_time": 1795320000.0,
        "raw_args": raw_args,
        "search": search.strip(),
        "session_key": "",
        "command": "installerscore",
        "dispatch_dir": "",
        "sid": "1795320000.26",
        "splunk_version": "9.4.1",
        "maxresultrows": 50000,
        "app": "search",
        "earliest_time": 1795300000.0,
        "splunkd_uri": _NO_SPLUNKD,
        "args": args,
        "owner": "admin",
    }
    top = {"preview": False, "action": "getinfo", "streaming_command_will_restart": False}
    top.update({key: searchinfo.pop(key) for key in list(searchinfo) if key in top})
    info.update(searchinfo)
    return {**top, "searchinfo": {k: v for k, v in info.items() if v is not None}}


def chunked(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    """Cut rows into chunks of at most `size`; no rows give one empty chunk."""
    for start in range(0, max(len(rows), 1), size):
        yield rows[start : start + size]


_scratch: list[str] = []


def _scratch_dir() -> str:
    """One directory a process for byte code and for the command's log files."""
    if not _scratch:
        _scratch.append(tempfile.mkdtemp(prefix="scp-"))
        os.makedirs(os.path.join(_scratch[0], "splunk", "var", "log", "splunk"))
        atexit.register(shutil.rmtree, _scratch[0], ignore_errors=True)
    return _scratch[0]


def clean_environment() -> dict[str, str]:
    """The environment of a search process: nothing of the caller's Python in it.

    Byte code goes to a scratch directory, so the built add-on stays as built.
    """
    kept = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment["SPLUNK_HOME"] = os.path.join(_scratch_dir(), "splunk")
    environment["PYTHONPYCACHEPREFIX"] = os.path.join(_scratch_dir(), "pycache")
    return environment


class Session:
    """One started search command: getinfo first, then execute chunks, then close.

    Use it as a context manager: leaving it early kills the process.
    """

    def __init__(
        self,
        app_dir: str | Path,
        python: str | Path = sys.executable,
        script: str = "installerscore.py",
        timeout: float = 120.0,
    ) -> None:
        """Start the command of the add-on in `app_dir`; `timeout` is for safety only."""
        bin_dir = Path(app_dir, "bin").resolve()
        self._timeout = timeout
        self._process = subprocess.Popen(
            [str(python), str(bin_dir / script)],
            cwd=bin_dir,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._frames: queue.Queue[Reply | Exception | None] = queue.Queue()
        self._errors = b""
        self._readers = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_replies, self._read_errors)
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._finish()

    def getinfo(self, arguments: str | Sequence[str] = "", **searchinfo: Any) -> Reply:
        """Ask for the command's configuration; see `getinfo_metadata`."""
        return self.exchange(frame(getinfo_metadata(arguments, **searchinfo)))

    def execute(self, body: bytes = b"", finished: bool = False) -> Reply:
        """Send one chunk of rows and wait for its reply."""
        return self.exchange(frame({"action": "execute", "finished": finished}, body))

    def exchange(self, request: bytes, piece: int = 0) -> Reply:
        """Send the bytes of one request, in pieces if so asked, and wait for one reply."""
        assert self._process.stdin is not None
        size = piece or max(len(request), 1)
        try:
            for start in range(0, len(request), size):
                self._process.stdin.write(request[start : start + size])
                self._process.stdin.flush()
        except OSError as error:
            raise self._broken(f"the command closed its input: {error}") from error
        reply = self._next_frame()
        if reply is None:
            raise self._broken("the command ended without a reply")
        return reply

    def close(self) -> tuple[int, str]:
        """Close the command's input; returns its exit code and what it wrote to stderr."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        if (extra := self._next_frame()) is not None:
            raise self._broken(f"a reply too many: {extra.raw[:300]!r}")
        self._finish()
        return self._process.returncode, self._errors.decode("utf-8", "replace")

    def _next_frame(self) -> Reply | None:
        try:
            item = self._frames.get(timeout=self._timeout)
        except queue.Empty:
            raise self._broken(f"no reply within {self._timeout:g} s") from None
        if isinstance(item, Exception):
            raise self._broken(str(item)) from item
        return item

    def _broken(self, what: str) -> ProtocolError:
        if self._process.poll() is None:
            try:
                self._process.wait(0.5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._finish()
        errors = self._errors.decode("utf-8", "replace")[-2000:]
        return ProtocolError(f"{what} (exit code {self._process.returncode}, stderr {errors!r})")

    def _finish(self) -> None:
        self._process.wait(self._timeout)
        for reader in self._readers:
            reader.join(self._timeout)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and not pipe.closed:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def _read_replies(self) -> None:
        assert self._process.stdout is not None
        try:
            while (reply := read_frame(self._process.stdout)) is not None:
                self._frames.put(reply)
            self._frames.put(None)
        except (ProtocolError, ValueError) as error:
            self._frames.put(error)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors = self._process.stderr.read()


def run(
    app_dir: str | Path,
    rows: Sequence[Row] | None = None,
    arguments: str | Sequence[str] = "",
    *,
    chunks: Iterable[Chunk] | None = None,
    chunk_rows: int = 5000,
    newline: str = "\n",
    dispatch_dir: str | Path | None = None,
    python: str | Path = sys.executable,
    timeout: float = 120.0,
    **searchinfo: Any,
) -> Result:
    """Run the command once over rows, as one search would.

    Args:
        app_dir: The built add-on.
        rows: Input rows; all chunks get the same columns, pruned to the
            `required_fields` of the getinfo reply as splunkd does.
        arguments: The text after the command's name, or tokens already split.
        chunks: Instead of `rows`: bodies as bytes or lists of rows, sent as they are.
        chunk_rows: The most rows in one chunk.
        newline: Line end of the CSV that is sent.
        dispatch_dir: The search's directory; by default a temporary one.
        python: The interpreter to run the command with.
        timeout: Seconds to wait for one reply, for safety only.
        searchinfo: Replaces single keys of `searchinfo`.

    Returns:
        The replies, what was written to stderr, the exit code, and the files left
        behind in the dispatch directory.

    Raises:
        ProtocolError: The command broke the protocol or ended early.
    """
    with tempfile.TemporaryDirectory(prefix="dispatch-") as temporary:
        dispatch = Path(dispatch_dir or temporary)
        before = _files(dispatch)
        with Session(app_dir, python, timeout=timeout) as session:
            searchinfo.setdefault("dispatch_dir", str(dispatch))
            getinfo = session.getinfo(arguments, **searchinfo)
            if chunks is None:
                chunks = _same_columns(rows or [], chunk_rows, newline, getinfo)
            replies = []
            for chunk, finished in _with_last(chunks):
                body = chunk if isinstance(chunk, bytes) else encode_body(chunk, None, newline)
                replies.append(session.execute(body, finished))
            exit_code, stderr = session.close()
        leftovers = sorted(_files(dispatch) - before)
    return Result(getinfo, replies, stderr, exit_code, leftovers)


def _same_columns(rows: Sequence[Row], size: int, newline: str, getinfo: Reply) -> Iterator[bytes]:
    columns = columns_of(rows)
    required = getinfo.metadata.get("required_fields")
    if required and "*" not in required:
        columns = [name for name in columns if name in set(required)]
    for chunk in chunked(rows, size):
        yield encode_body(chunk, columns, newline) if columns else b""


def _with_last(chunks: Iterable[Chunk]) -> Iterator[tuple[Chunk, bool]]:
    """Pair each chunk with whether it is the last one."""
    iterator = iter(chunks)
    chunk = next(iterator, b"")
    for following in iterator:
        yield chunk, False
        chunk = following
    yield chunk, True


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
