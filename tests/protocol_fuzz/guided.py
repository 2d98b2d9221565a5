"""Inputs that are led by the code that they reach, with atheris, which CI does not have."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from random import Random

import scp

from .inputs import requests

PARTS = "_fetch _frames _options _place _run _settings".split()
OURS = ["installer_trees", *(f"installerscore{part}" for part in ("", *PARTS))]


def guided(seconds: int, corpus: list[bytes]) -> None:
    """Fuzz for a time; does not return. atheris shows the input that breaks a promise."""
    import atheris

    with atheris.instrument_imports(include=OURS):
        from .target import Target
    target = Target()
    folder = Path(tempfile.mkdtemp(prefix="corpus-"))
    for number, data in enumerate(corpus):
        (folder / str(number)).write_bytes(data)

    def mutated(data: bytes, limit: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.1:
            return requests(random)[:limit]
        frames = _frames(data)
        if not frames or random.random() < 0.2:
            return atheris.Mutate(data, limit)
        place = random.randrange(len(frames))
        meta, body = frames[place]
        if body and random.random() < 0.9:
            body = atheris.Mutate(body, limit)
        else:
            meta = atheris.Mutate(meta, limit)
        frames[place] = meta, body
        whole = [b"chunked 1.0,%d,%d\n" % (len(m), len(b)) + m + b for m, b in frames]
        return b"".join(whole)[:limit]

    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=65536", str(folder)]
    atheris.Setup(arguments, lambda data: target.run(data) and None, custom_mutator=mutated)
    atheris.Fuzz()


def _frames(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return metadata and body of the whole frames at the start of an input."""
    stream, frames = io.BytesIO(data), []
    try:
        while (frame := scp.read_frame(stream)) is not None:
            head = frame.raw[frame.raw.index(b"\n") + 1 :]
            frames.append((head[: len(head) - len(frame.body)], frame.body))
    except (scp.ProtocolError, ValueError, RecursionError, OverflowError):
        pass
    return frames
