"""What a command line says when its base64 is read.

PowerShell takes encoded commands, and shells pipe encoded text into themselves. Encoding is no sign
by itself: deployment tools do it so that quotes survive. What the text says is one.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from .regex import MATCH_CHARS

MIN_CHARS = 20
# PowerShell takes -ec and every beginning of -encodedcommand, after one dash, two, or a slash.
_ENCODED = re.compile(
    r"[\s\"'][\-/\u2013\u2014\u2015]{1,2}e(?:c|n|nc\w{0,14})?[\"']?\s|base64|b64decode",
    re.IGNORECASE,
)
_TOKEN = re.compile(rf"(?<![A-Za-z0-9+/=\\.:_\-])[A-Za-z0-9+/]{{{MIN_CHARS},}}={{0,2}}")
_BLANKS = re.compile(r"[ \t]{2,}")


@lru_cache(maxsize=2_000)
def decoded(command_line: str) -> str:
    """Return the readable texts that are encoded in a command line, a line each; often empty."""
    command_line = command_line[:MATCH_CHARS]
    if not _ENCODED.search(command_line):
        return ""
    texts = (_readable(token) for token in _TOKEN.findall(command_line))
    return "\n".join(_BLANKS.sub(" ", text) for text in texts if text)


def _readable(token: str) -> str:
    """Return what one word of base64 stands for, empty where that is no text."""
    letters = token.rstrip("=")
    if len(letters) % 4 == 1:  # one letter stands for no byte: a sensor has cut the line there
        letters = letters[:-1]
    data = base64.b64decode(letters + "=" * (-len(letters) % 4))
    if data[1::2].count(0) > len(data) / 4:
        text = data[: len(data) // 2 * 2].decode("utf-16-le", "replace")
    else:
        text = data.decode("utf-8", "replace")
    shown = sum(char.isprintable() or char in "\r\n\t" for char in text)
    return text if text and shown - 2 * text.count("\ufffd") > 0.9 * len(text) else ""
