"""Pieces of what the data says, as composed texts hold them: on one line and bounded."""

from __future__ import annotations

import re

from .events import Process

NAME_CHARS = 60
PID_CHARS = 20
VALUE_CHARS = 255
"""Values that are searched for as they came: a name of a file or of a host is no longer."""

# C0 and C1 controls, marks that turn the direction of reading, separators of lines.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\s]+")


def cut(text: str, length: int) -> str:
    """Return a text on one line, shortened in the middle where it is longer than `length`.

    What could begin a line or turn the direction of reading is a blank.
    """
    if len(text) <= length and text.isprintable() and "  " not in text:
        return text.strip()
    if len(text) > 8 * length:
        text = text[: 4 * length] + text[-4 * length :]
    text = _CONTROL.sub(" ", text).strip()
    if len(text) <= length:
        return text
    tail = length // 4
    return f"{text[: length - tail - 5]} ... {text[-tail:]}"


def name(process: Process) -> str:
    """Return the name of a process."""
    return cut(process.process_name, NAME_CHARS)


def pid(process: Process) -> str:
    """Return a process id in brackets, as it stands after a name; nothing where there is none."""
    return f" [{cut(process.process_id, PID_CHARS)}]" if process.process_id else ""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 process`, `2,942 more processes`."""
    plural = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{plural}"
