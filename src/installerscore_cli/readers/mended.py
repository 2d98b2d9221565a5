"""Bytes of a text file -> UTF-8 without NUL characters, and what was wrong with them.

After a power loss, and where a log was cut while it was written, logs hold runs of NULs: in their
place stood lines, or nothing. Some tools write UTF-16, and some programs what is no UTF-8 at all.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import IO

BLOCK_BYTES = 1 << 16
_RUN_NULS = 8
_RUN = re.compile(rb"\0{%d,}" % _RUN_NULS)
_UTF16 = (
    (re.compile(rb"(?:[^\0]\0){2}"), "utf-16-le"),
    (re.compile(rb"(?:\0[^\0]){2}"), "utf-16-be"),
)
_ESCAPED = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_BYTES = 2


def encoding(head: bytes) -> str:
    """Tell the encoding of a text by its first bytes; PowerShell writes UTF-16."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return next((name for start, name in _UTF16 if start.match(head)), "utf-8")


def without_nuls(block: bytes) -> bytes:
    """Return UTF-8 without NULs: where many stand, a line has ended, and another one begins."""
    return _RUN.sub(b"\n", block).replace(b"\0", b"")


class Damage:
    """What was wrong with the bytes of a file.

    Attributes:
        nul_line: The first line with NUL bytes, 0 if there is none.
        bad_bytes: How many bytes are not of the encoding.
        bad_line: The first line with such a byte.
        written: The encoding, as users know it.
        cut: Where the text ends too early, empty if it does not.
    """

    def __init__(self) -> None:
        self.nul_line = self.bad_bytes = self.bad_line = 0
        self.written = "UTF-8"
        self.cut = ""

    def said(self) -> Iterator[str]:
        """Yield a sentence for each kind of damage."""
        if self.nul_line:
            yield (
                f"NUL bytes were left out, the first in line {self.nul_line}; what stood in their "
                "place, as before a power loss, is lost."
            )
        if self.bad_bytes:
            many = f"{self.bad_bytes:,} bytes that are not {self.written} were"
            one = f"1 byte that is not {self.written} was"
            yield (
                f"{many if self.bad_bytes > 1 else one} replaced, first in line {self.bad_line}; "
                "export the file as UTF-8 to see what stands there."
            )


class Mended(io.RawIOBase):
    """A stream of UTF-8 without NULs, whatever the text was written in.

    Args:
        stream: The file from its beginning.
        written: Its encoding.
        damage: Is told what was wrong.
    """

    def __init__(self, stream: IO[bytes], written: str, damage: Damage) -> None:
        self._stream = stream
        self._damage = damage
        self._line = 1
        self._waiting = self._nuls = b""
        self._ended = False
        self._utf16: codecs.IncrementalDecoder | None = None
        if written.startswith("utf-16"):
            self._utf16 = codecs.getincrementaldecoder(written)("surrogatepass")
            damage.written = "UTF-16"
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill a buffer; return how many bytes are in it, 0 at the end."""
        while not self._waiting and not self._ended:
            block = self._stream.read(BLOCK_BYTES)
            self._ended = not block
            if self._utf16 is not None:
                block = self._of_utf16(self._utf16, block)
            self._look(block, self._ended)
            self._waiting = self._without_nuls(block)
        taken = self._waiting[: len(buffer)]
        buffer[: len(taken)] = taken
        self._waiting = self._waiting[len(taken) :]
        return len(taken)

    def _of_utf16(self, decoder: codecs.IncrementalDecoder, block: bytes) -> bytes:
        """Return a block as UTF-8; half a pair of units is replaced, half a unit ends the text."""
        if self._ended and decoder.getstate()[0]:
            self._damage.cut = "the UTF-16 text ends in the middle of a character"
        text = decoder.decode(block)
        halves = [found.start() for found in _SURROGATE.finditer(text)]
        if halves:
            if not self._damage.bad_bytes:
                self._damage.bad_line = self._line + text.count("\n", 0, halves[0])
            self._damage.bad_bytes += _SURROGATE_BYTES * len(halves)
            text = _SURROGATE.sub("\ufffd", text)
        return text.encode()

    def _without_nuls(self, block: bytes) -> bytes:
        """Return a block without NULs; those at its end may be a run with those of the next."""
        block = self._nuls + block
        kept = block if self._ended else block.rstrip(b"\0")
        self._nuls = block[len(kept) :][:_RUN_NULS]
        return without_nuls(kept) if b"\0" in kept else kept

    def _look(self, block: bytes, end: bool) -> None:
        """Note what is wrong with a block; bytes of one character may be in two blocks."""
        damage = self._damage
        if not damage.nul_line and b"\0" in block:
            damage.nul_line = self._line + block.count(b"\n", 0, block.index(b"\0"))
        if not block.isascii() or self._utf8.getstate()[0]:
            text = self._utf8.decode(block, end)
            bad = [found.start() for found in _ESCAPED.finditer(text)]
            if bad and not damage.bad_bytes:
                damage.bad_line = self._line + text.count("\n", 0, bad[0])
            damage.bad_bytes += len(bad)
        self._line += block.count(b"\n")
