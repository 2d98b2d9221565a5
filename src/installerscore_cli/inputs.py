"""Files, folders and standard input -> streams, each with the form that its content has."""

from __future__ import annotations

import glob
import gzip
import io
import os
import re
import stat
import sys
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, cast

from .errors import InputError
from .readers.audit import LINE
from .readers.mended import encoding, without_nuls
from .readers.table import RAW, delimiter, is_preface

HEAD_BYTES = 65536
STDIN = "-"
_HEADER = re.compile(r"[^<>=:]+")
FORM_NAMES = {
    "csv": "CSV",
    "json": "JSON",
    "xml": "XML of Windows events",
    "evtx": "an EVTX file",
    "audit": "a Linux audit log",
}
FORMS = tuple(FORM_NAMES)
_GZIP = b"\x1f\x8b"
# What a file is called that may hold events, whether it can be read or not; `.txt` and `.log` are
# what everything is called.
_DATA = re.compile(
    r"(?i)\.(csv|tsv|json|jsonl|ndjson|xml|evtx?|parquet|xlsx?|zip|7z|tar|tgz)"
    r"(\.(gz|xz|bz2|zst))?$"
)
_EVENTS = ("evtx", "xml", "audit")
_TEXT_OF_WEVTUTIL = (
    "was written by wevtutil as text, which loses what is needed: use wevtutil qe LOG /lf:true "
    "/e:Events"
)
_TEXT_OF_AUSEARCH = "was written by ausearch -i, which loses what is needed: use ausearch --raw"
# Bytes that texts hold seldom, and the part of a text that they are at most. Every tenth byte of
# what is packed or random is one of them; audit logs have one in a record.
_CONTROLS = bytes(byte for byte in range(1, 32) if byte not in b"\t\n\v\f\r\x1b")
_TEXT_CONTROLS = 0.02
_SOME_NULS = 16
_OTHERS = (
    (b"PK\x03\x04", "a zip archive; unpack it and give its folder"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it and give its folder"),
    (b"\xfd7zXZ", "compressed with xz; unpack it, or pipe it in: xz -dc FILE | installerscore -"),
    (b"BZh", "compressed with bzip2; unpack it, or pipe it in: bzip2 -dc FILE | installerscore -"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; pipe it in: zstd -dc FILE | installerscore -"),
    (b"PAR1", "a Parquet file; export CSV or JSON lines instead"),
    (b"SQLite format 3\0", "a SQLite database; export CSV or JSON lines instead"),
    (b"regf", "a registry hive, which holds no events"),
    (b"\x30\0\0\0LfLe", "an event log of Windows XP or 2003; save it as EVTX with Event Viewer"),
    *(
        (magic, "a network capture, which names no processes")
        for magic in (
            b"\xd4\xc3\xb2\xa1",
            b"\xa1\xb2\xc3\xd4",
            b"\x4d\x3c\xb2\xa1",
            b"\xa1\xb2\x3c\x4d",
            b"\x0a\x0d\x0d\x0a",
        )
    ),
)
_WORKBOOK = b"[Content_Types].xml"
_TAR = slice(257, 262)
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Item:
    """One file to read.

    Attributes:
        name: How it is called in messages.
        path: Where it is; None for standard input.
        named: Whether the user named it, and did not just name a folder that it lies in.
        size: Bytes, 0 if unknown.
        folder: What its folder is called among those of all files; it stands for a host that the
            events do not name.
        problem: Why it cannot be opened, as far as that is known before; empty if it is not.
    """

    name: str
    path: Path | None
    named: bool
    size: int = 0
    folder: str = "stdin"
    problem: str = ""


@dataclass
class Opened:
    """A file that was opened, unpacked, and looked at.

    Attributes:
        stream: The content from its beginning.
        head: The first bytes of it.
        raw: The file itself, to tell how far it was read.
        form: One of `FORMS`, empty if the content is none of them.
        problem: Why it cannot be read, empty if it can.
        packed: The gzip data, None where the file is plain.
    """

    stream: IO[bytes]
    head: bytes
    raw: IO[bytes]
    form: str
    problem: str
    packed: Unpacked | None = None

    @property
    def cut(self) -> str:
        """Why the content ended too early, empty if it did not so far."""
        return self.packed.cut if self.packed is not None else ""


def seems_data(item: Item, file: Opened) -> bool:
    """Tell whether a file seems to hold events by its content or by what it is called."""
    if file.form in _EVENTS or file.problem in (_TEXT_OF_WEVTUTIL, _TEXT_OF_AUSEARCH):
        return True
    return bool(_DATA.search(item.name))


def items(arguments: Iterable[str]) -> list[Item]:
    """Return the files that the arguments name, those of folders in order of their names.

    A file that is named twice is there once, however its path was typed.

    Raises:
        InputError: An argument names nothing that can be read.
    """
    found: list[Item] = []
    for argument in _expanded(arguments):
        if argument == STDIN:
            found.append(Item("standard input", None, True))
            continue
        if not argument:
            raise InputError("An empty name was given; name files or folders.")
        path = Path(argument)
        try:
            known = path.stat()
        except OSError as error:
            raise InputError(f"{argument}: {_not_opened(error)}.") from None
        if stat.S_ISDIR(known.st_mode):
            found.extend(_inside(path))
        else:
            found.append(Item(argument, path, True, known.st_size))
    files = list({_place(item): item for item in found}.values())
    folders = [_place(item).parent for item in files if item.path is not None]
    names = _names(folders)
    return [
        item if item.path is None else replace(item, folder=names[_place(item).parent])
        for item in files
    ]


def _expanded(arguments: Iterable[str]) -> Iterator[str]:
    """Yield the arguments; wildcards that no shell has put names for stand for all that match.

    Raises:
        InputError: Nothing matches.
    """
    for argument in arguments:
        if _WILDCARDS.isdisjoint(argument) or os.path.lexists(argument):
            yield argument
            continue
        matching = sorted(glob.glob(argument, recursive=True))
        if not matching:
            raise InputError(f"{argument}: matches no file.")
        yield from matching


def _place(item: Item) -> Path:
    """Return where a file is; links keep the names under which the user knows them."""
    return Path(os.path.abspath(item.path)) if item.path is not None else Path(STDIN)


def _names(folders: Iterable[Path]) -> dict[Path, str]:
    """Return the name of each folder: as much of the end of its path as no other one has."""
    distinct = set(folders)
    ends = Counter(end for folder in distinct for end in _ends(folder))
    return {
        folder: next((end for end in _ends(folder) if ends[end] == 1), folder.as_posix())
        for folder in distinct
    }


def _ends(folder: Path) -> Iterator[str]:
    """Yield the ends of a path, the shortest first."""
    parts = folder.parts
    return (Path(*parts[-count:]).as_posix() for count in range(1, len(parts) + 1))


def _inside(folder: Path) -> Iterator[Item]:
    """Yield the files of a folder and its folders; links to folders are not followed.

    A folder or a file that cannot be looked at is yielded with its problem, so that its turn comes
    as that of any other, and the rest is read.
    """
    closed: list[OSError] = []
    for here, folders, names in os.walk(folder, onerror=closed.append):
        folders.sort()
        for name in sorted(names):
            path = Path(here, name)
            try:
                known = path.stat()
            except OSError as error:
                yield Item(str(path), path, False, problem=_not_opened(error))
                continue
            if stat.S_ISREG(known.st_mode):
                yield Item(str(path), path, False, known.st_size)
    for refused in closed:
        path = Path(refused.filename)
        yield Item(str(path), path, path == folder, problem=_not_opened(refused))


def _not_opened(error: OSError) -> str:
    return f"cannot be opened ({error.strerror})"


@contextmanager
def opened(item: Item) -> Iterator[Opened]:
    """Open a file, through gzip where it is packed, and tell its form by its content.

    Raises:
        InputError: It cannot be opened.
    """
    if item.problem:
        raise InputError(f"{item.name}: {item.problem}.")
    if item.path is None and sys.stdin is None:
        raise InputError(f"{item.name} is closed; name files or folders, or pipe events in.")
    try:
        raw: IO[bytes] = sys.stdin.buffer if item.path is None else item.path.open("rb")
    except OSError as error:
        raise InputError(f"{item.name}: {_not_opened(error)}.") from None
    try:
        head, stream = _headed(raw, raw.seekable())
        packed = None
        if head.startswith(_GZIP):
            packed = Unpacked(stream)
            head, stream = _headed(cast("IO[bytes]", packed), False)
        form, problem = _form(head)
        yield Opened(stream, head, raw, form, problem, packed)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        reason = error.strerror or error
        raise InputError(f"{item.name}: could not be read to its end ({reason}).") from None
    finally:
        if item.path is not None:
            raw.close()


def _headed(stream: IO[bytes], seekable: bool) -> tuple[bytes, IO[bytes]]:
    """Return the first bytes of a stream, and the stream as if they had not been read.

    A gzip stream counts as one that can only be read forward: to go back is to unpack it again.
    A log that was emptied while it was written begins with as many NULs as it had bytes; most of
    them are left out, so that its form can be told.
    """
    head = b""
    while len(head) < HEAD_BYTES:
        block = stream.read(HEAD_BYTES - len(head))
        if not block:
            break
        head += block
        nuls = len(head) - len(head.lstrip(b"\0"))
        head = head[max(nuls - _SOME_NULS, 0) :]
    if seekable:
        stream.seek(0)
        return head, stream
    return head, cast("IO[bytes]", io.BufferedReader(_Rewound(head, stream), HEAD_BYTES))


class Unpacked(io.RawIOBase):
    """What gzip data hold, as far as they can be unpacked.

    Attributes:
        cut: Why they end too early, empty if they do not.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._file = gzip.GzipFile(fileobj=stream)
        self.cut = ""

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Fill a buffer; return how many bytes are in it, 0 at the end."""
        if self.cut:
            return 0
        try:  # one read at a time: what was unpacked before the damage is not lost with it
            block = self._file.read1(len(buffer))
        except EOFError:
            self.cut = "the gzip data break off"
            return 0
        except (OSError, zlib.error) as error:
            self.cut = f"the gzip data are damaged: {getattr(error, 'strerror', None) or error}"
            return 0
        buffer[: len(block)] = block
        return len(block)


class _Rewound(io.RawIOBase):
    """A stream that can only be read forward, with its first bytes before it again."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        block = self._head[: len(buffer)]
        self._head = self._head[len(block) :]
        block = block or self._rest.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)


def _form(head: bytes) -> tuple[str, str]:
    """Tell the form of a file by its first bytes, or why it cannot be read."""
    if not head:
        return "", "is empty"
    if head.startswith(b"ElfFile\0"):
        return "evtx", ""
    if head.startswith(b"PK\x03\x04") and _WORKBOOK in head[:HEAD_BYTES]:
        return "", "is an Excel workbook; save it as CSV"
    if head[_TAR] == b"ustar":
        return "", "is a tar archive; unpack it and give its folder"
    for magic, what in _OTHERS:
        if head.startswith(magic):
            return "", f"is {what}"
    written = encoding(head)
    if written == "utf-8" and _binary(head):
        return "", "is not text: expected EVTX, CSV, JSON, XML or an audit log, plain or gzip"
    head = head.decode(written, "replace").encode("utf-8", "replace")
    return _text_form(without_nuls(head).decode("utf-8-sig", "replace"))


def _binary(head: bytes) -> bool:
    """Tell what is no text from a text in which NULs stand, such as a log after a power loss."""
    plain = head.replace(b"\0", b"")
    controls = len(plain) - len(plain.translate(None, _CONTROLS))
    return len(plain) < len(head) and controls > _TEXT_CONTROLS * len(plain)


def _text_form(text: str) -> tuple[str, str]:
    start = text.lstrip()
    lines = [line for line in start.splitlines()[:20] if line.strip(" -")]
    if not lines:
        return "", "holds nothing but blanks or NUL bytes"
    if start[0] in "{[":
        return "json", ""
    header = next((line for line in lines if not is_preface(line)), "").strip()
    if header.strip('"') == RAW or (delimiter(header) and _HEADER.fullmatch(header)):
        return "csv", ""
    if any(LINE.search(line) for line in lines):
        return "audit", ""
    if "<Event>" in text or "<Event " in text:
        return "xml", ""
    if start.startswith("Event[0]"):
        return "", _TEXT_OF_WEVTUTIL
    if start[0] == "<":
        return "", "is XML without <Event> elements: expected the export of a Windows event log"
    if any("msg=audit(" in line for line in lines):
        return "", _TEXT_OF_AUSEARCH
    return "", (
        "is text of an unknown form: expected CSV with a header, JSON, XML of Windows events or a "
        f"Linux audit log; found {lines[0][:60]!r}"
    )
