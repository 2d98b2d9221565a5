"""Programs and command lines as different sensors write them."""

from __future__ import annotations

import re

from .events import Process
from .layout import base_name

_WINDOWS = re.compile(r"\"?(?:[a-z]:\\|\\\\)|[^\s\"/]{1,200}\.exe(?:[\s\"]|$)", re.IGNORECASE)
_QUOTES = re.compile("[\"']")
_QUOTED = re.compile(r'"([^"]+)"(.*)', re.DOTALL)


def file_name(path: str) -> str:
    """Return the last part of a Windows or POSIX path, without quotes."""
    return path.strip('"').replace("\\", "/").rsplit("/", 1)[-1]


def without_exe(name: str) -> str:
    """Return a program's name in lower case, without the `.exe` that some sources leave out."""
    name = name.lower()
    return name[:-4] if name.endswith(".exe") else name


def of_windows(process: Process) -> bool:
    """Tell whether a process is one of Windows: by its path, else by how its line begins."""
    path = process.process_path
    if path:
        return "\\" in path and not path.startswith("/")
    return bool(_WINDOWS.match(process.process))


def same_line(a: Process, b: Process) -> bool:
    """Compare command lines as different sensors write them.

    Case, quotes, blanks and the folder and `.exe` of the program do not count.
    """
    return _plain_line(a) == _plain_line(b)


def _plain_line(process: Process) -> list[str]:
    """Return program and words; blanks in the program's path do not part it."""
    line, path = process.process.lower().lstrip(), process.process_path.lower()
    found = _QUOTED.match(line)
    if found:
        program, line = found.groups()
    elif path and line.startswith(path) and not line[len(path) :][:1].strip():
        program, line = path, line[len(path) :]
    else:
        program, _, line = line.partition(" ")
    words = _QUOTES.sub("", line).split()
    return [without_exe(base_name(_QUOTES.sub("", program), "")), *words]


def same_name(a: str, b: str) -> bool:
    """Compare program names as different sensors write them.

    Case and `.exe` do not count; Linux cuts names (`comm`) after 15 characters.
    """
    a, b = without_exe(a), without_exe(b)
    return a == b or (a[:15] == b[:15] and 15 in (len(a), len(b)))
