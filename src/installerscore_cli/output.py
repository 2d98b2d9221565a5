"""Streams to write to: what goes wrong there is said as a fault of the output, by its name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from .errors import OutputError


class _Named:
    """A stream that knows how the user calls it; all but writing is that of the stream."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text.

        Raises:
            OutputError: It cannot be written.
            BrokenPipeError: Whoever read it has gone.
        """
        with self._said():
            return self._stream.write(text)

    def flush(self) -> None:
        """Write out what waits; errors are those of `write`."""
        with self._said():
            self._stream.flush()

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"{self._name}: cannot be written ({error.strerror}).") from None


def named(stream: TextIO, name: str) -> TextIO:
    """Return a stream whose errors are an `OutputError` that names it."""
    return cast("TextIO", _Named(stream, name))


@contextmanager
def standard() -> Iterator[None]:
    """Let every write to standard output, whoever makes it, fail as that of a named stream.

    After a failure nothing more is written: what still waits would fail again when Python ends,
    with an exit code that says something else.

    Raises:
        OutputError: Standard output is closed, or cannot be written.
    """
    before = sys.stdout
    if before is None:
        raise OutputError("standard output is closed.")
    sys.stdout = named(before, "standard output")
    try:
        yield
        sys.stdout.flush()
    except (OutputError, BrokenPipeError):
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), before.fileno())
        raise
    finally:
        sys.stdout = before
