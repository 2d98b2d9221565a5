"""Requests of the chunked protocol: bytes that may be anything -> metadata and a body."""

from __future__ import annotations

import json
import math
import re
from typing import IO, Any

from installer_trees.errors import InstallerTreesError

HEADER_BYTES = 1_000
PIECE_BYTES = 64 * 1024 * 1024
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


def read_request(istream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read one request, its body as bytes: decoding and keeping it as text would cost a copy.

    Returns:
        Metadata and body; None at the end of the input.

    Raises:
        BrokenInputError: The input is cut short, or is something else.
    """
    line = istream.readline(HEADER_BYTES)
    if not line:
        return None
    header = _HEADER.fullmatch(line)
    if header is None:
        raise BrokenInputError("a chunk does not begin with 'chunked 1.0,<length>,<length>'")
    text, body = (_exactly(istream, int(length)) for length in header.groups())
    try:
        metadata = json.loads(text.decode())
    except (ValueError, RecursionError):
        raise BrokenInputError("the metadata of a chunk is not JSON") from None
    if not isinstance(metadata, dict):
        raise BrokenInputError("the metadata of a chunk is not an object")
    return metadata, body


def _exactly(istream: IO[bytes], length: int) -> bytes:
    """Read as many bytes as were announced; room for all of them is not taken in advance."""
    data = istream.read(min(length, PIECE_BYTES))
    if PIECE_BYTES <= len(data) < length:
        pieces = [data]
        size = len(data)
        while size < length and (data := istream.read(min(length - size, PIECE_BYTES))):
            pieces.append(data)
            size += len(data)
        data = b"".join(pieces)
    if len(data) != length:
        raise BrokenInputError(f"{length:,} bytes were announced and {len(data):,} came")
    return data


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
