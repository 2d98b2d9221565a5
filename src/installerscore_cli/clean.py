r"""Text of unknown origin, made fit to be shown.

A command line may hold anything: escapes that repaint the terminal, marks that turn the direction
of reading, line ends. What could do more than be read is written out as an escape: `\x1b`.
"""

from __future__ import annotations

import re

# C0 and C1 controls, soft hyphen, zero-width and direction marks, separators, surrogates, tags.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """Return a text on one line in which every unsafe character is written out."""
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
