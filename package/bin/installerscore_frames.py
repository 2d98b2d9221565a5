"""Requests of the chunked protocol: bytes that may be anything -> metadata and a body."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import IO, Any

from installer_trees.errors import InstallerTreesError

HEADER_BYTES = 1_000
BLOCK_BYTES = 192 * 1024
"""As much as the engine looks at together."""
SEARCHINFO: dict[str, Any] = dict.fromkeys(
    "search dispatch_dir sid app owner session_key splunkd_uri splunk_version".split(), ""
)
SEARCHINFO.update(args=[], earliest_time=0.0, latest_time=0.0)

_HEADER = re.compile(rb"chunked\s+1\.0\s*,\s*([0-9]+)\s*,\s*([0-9]+)\s*\n")


class BrokenInputError(InstallerTreesError):
    """What Splunk sent is not a request of the chunked protocol."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"installerscore could not read what Splunk sent: {what}; run the search again."
        )


def read_request(istream: IO[bytes]) -> tuple[dict[str, Any], Iterator[bytes]] | None:
    """Read one request, its body as blocks of bytes that end with a line.

    A body is tens of megabytes large. Nobody needs it whole, and what is freed of that size leaves
    holes in memory.

    Returns:
        Metadata and body, which has to be read to its end before the next request; None at the end
        of the input.

    Raises:
        BrokenInputError: The input is cut short, or is something else.
    """
    line = istream.readline(HEADER_BYTES)
    if not line:
        return None
    header = _HEADER.fullmatch(line)
    if header is None:
        raise BrokenInputError("a chunk does not begin with 'chunked 1.0,<length>,<length>'")
    text, body = (_blocks(istream, int(length)) for length in header.groups())
    try:
        metadata = json.loads(b"".join(text).decode())
    except (ValueError, RecursionError):
        raise BrokenInputError("the metadata of a chunk is not JSON") from None
    if not isinstance(metadata, dict):
        raise BrokenInputError("the metadata of a chunk is not an object")
    return metadata, body


def _blocks(istream: IO[bytes], length: int) -> Iterator[bytes]:
    """Yield as many bytes as were announced, in blocks that end with a line but for the last.

    Raises:
        BrokenInputError: Fewer came.
    """
    left = length
    waiting: list[bytes] = []
    while left:
        data = istream.read(min(left, BLOCK_BYTES))
        if not data:
            raise BrokenInputError(f"{length:,} bytes were announced and {length - left:,} came")
        left -= len(data)
        end = data.rfind(b"\n") + 1 if left else len(data)
        if end:
            waiting.append(data[:end])
            yield b"".join(waiting)
            waiting = []
        waiting.append(data[end:])


def searchinfo(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what is used of a getinfo request; what is missing or of another kind is empty."""
    given = metadata.get("searchinfo")
    if not isinstance(given, dict):
        given = {}
    info = {name: _usable(given.get(name), default) for name, default in SEARCHINFO.items()}
    if not info["session_key"].isprintable():  # it becomes part of a request's header
        info["session_key"] = ""
    bounds = (str(given.get("earliest_time")), str(given.get("latest_time")))
    info["real_time"] = info["sid"].startswith("rt_") or any(b.startswith("rt") for b in bounds)
    return info


def _usable(value: Any, default: Any) -> Any:
    if not isinstance(default, float):
        return value if isinstance(value, type(default)) else default
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default
