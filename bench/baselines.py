"""Search commands to compare with: the least that reading and writing rows can cost.

Each reads the chunked protocol from standard input and answers every request.

    python baselines.py NAME [LIB]

`bytes` reads frames and nothing in them, `reader` runs `csv.reader` over each body, `round-trip`
writes the rows back with `writerows`. `sdk-streaming` and `sdk-eventing` are commands of splunk-sdk
(in the folder LIB) that return every row as it came; `sdk-reading` reads all rows and returns the
first 100.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Callable

FRAME = re.compile(rb"chunked 1\.0,(\d+),(\d+)\n")
FIRST = 100

csv.field_size_limit(2**31 - 1)


def nothing(body: bytes) -> bytes:
    """Answer without a look at the rows."""
    return b""


def reader(body: bytes) -> bytes:
    """Read the rows."""
    for _ in csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8", newline="\n")):
        pass
    return b""


def round_trip(body: bytes) -> bytes:
    """Read the rows and write them."""
    target = io.BytesIO()
    text = io.TextIOWrapper(target, "utf-8", newline="\n")
    csv.writer(text, lineterminator="\n").writerows(
        csv.reader(io.TextIOWrapper(io.BytesIO(body), "utf-8", newline="\n"))
    )
    text.flush()
    return target.getvalue()


def answer(change: Callable[[bytes], bytes]) -> None:
    """Run a command that is a function from body to body."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while True:
        frame = FRAME.match(source.readline())
        if not frame:
            return
        metadata, body = (source.read(int(size)) for size in frame.groups())
        reply = change(body)
        finished = b'{"finished":true}' if b'"finished": true' in metadata else b"{}"
        target.write(b"chunked 1.0,%d,%d\n" % (len(finished), len(reply)))
        target.write(finished)
        target.write(reply)
        target.flush()


def sdk(name: str, lib: str) -> None:
    """Run a command of splunk-sdk."""
    sys.path.insert(0, lib)
    from splunklib.searchcommands import (
        Configuration,
        EventingCommand,
        StreamingCommand,
        dispatch,
    )

    Records = Iterable[Any]

    @Configuration()
    class Streaming(StreamingCommand):
        def stream(self, records: Records) -> Records:
            return records

    @Configuration()
    class Eventing(EventingCommand):
        def transform(self, records: Records) -> Records:
            return records

    @Configuration()
    class Reading(EventingCommand):
        left = FIRST

        def transform(self, records: Records) -> Iterator[Any]:
            rows = iter(records)
            for row in islice(rows, self.left):
                self.left -= 1
                yield row
            for _ in rows:
                pass

    commands = {"sdk-streaming": Streaming, "sdk-eventing": Eventing, "sdk-reading": Reading}
    dispatch(commands[name], sys.argv[:1], sys.stdin, sys.stdout, "__main__")


def main() -> None:
    """Run the command that the first argument names."""
    plain = {"bytes": nothing, "reader": reader, "round-trip": round_trip}
    name = sys.argv[1]
    if name in plain:
        answer(plain[name])
    else:
        sdk(name, sys.argv[2])


if __name__ == "__main__":
    main()
