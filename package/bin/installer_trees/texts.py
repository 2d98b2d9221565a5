"""Pieces of what the data says, as composed texts hold them: on one line and bounded."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\s]+")


def cut(text: str, length: int) -> str:
    """Return a text on one line, shortened in the middle where it is longer than `length`."""
    if len(text) > 8 * length:
        text = text[: 4 * length] + text[-4 * length :]
    text = _CONTROL.sub(" ", text).strip()
    if len(text) <= length:
        return text
    tail = length // 4
    return f"{text[: length - tail - 5]} ... {text[-tail:]}"
