"""A temporary file for what does not belong in memory."""

from __future__ import annotations

import os
import tempfile
from typing import IO, cast

from .errors import SpillError

MEMORY_BYTES = 1024 * 1024


class Spill:
    """Bytes that are appended once and read back from anywhere.

    The first MiB stays in memory, then all goes to an unnamed temporary file that vanishes with
    the process, however it ends.

    Args:
        directory: Where the file may live: the dispatch directory of the search. None, or one that
            does not exist (as in a getinfo-only run), keeps all in memory.
    """

    def __init__(self, directory: str | None = None) -> None:
        usable = bool(directory) and os.path.isdir(cast(str, directory))
        self._file: IO[bytes] = cast(
            "IO[bytes]",
            tempfile.SpooledTemporaryFile(  # noqa: SIM115 - lives as long as this object
                max_size=MEMORY_BYTES if usable else 0, dir=directory if usable else None
            ),
        )
        self.size = 0

    def append(self, data: bytes) -> int:
        """Add bytes at the end and return where they begin.

        Raises:
            SpillError: The file could not be written, for example on a full disk.
        """
        start = self.size
        try:
            self._file.seek(start)
            self._file.write(data)
        except OSError as error:
            raise _spill_error("written", error) from error
        self.size += len(data)
        return start

    def read(self, start: int, length: int) -> bytes:
        """Return `length` bytes from `start`.

        Raises:
            SpillError: The file could not be read back in full.
        """
        try:
            self._file.seek(start)
            data = self._file.read(length)
        except OSError as error:
            raise _spill_error("read", error) from error
        if len(data) != length:
            raise SpillError(
                "the temporary copy of the input is shorter than what was written; run again"
            )
        return data

    def close(self) -> None:
        """Drop the bytes and the file."""
        self._file.close()


def _spill_error(verb: str, error: OSError) -> SpillError:
    reason = error.strerror or str(error)
    return SpillError(
        f"the temporary copy of the input could not be {verb} in the dispatch directory "
        f"({reason}); free disk space or narrow the search"
    )
