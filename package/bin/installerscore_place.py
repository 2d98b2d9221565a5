"""Where the command stands in its search, read from the text of the search."""

from __future__ import annotations

import re

COMMAND = "installerscore"
UNSURE = (
    f"{COMMAND} read no rows and fetched none: it stands in this search more than once and does "
    "not always begin it; put | `installer_endpoint_events` before it."
)

_SIGN = re.compile(r'```.*?```|"(?:[^"\\]|\\.)*"|`[^`]*`|[\[\]|"`]', re.DOTALL)
_NAME = re.compile(r"\s*(?:```.*?```\s*)*([A-Za-z]\w*)?", re.DOTALL)


def starts_search(search: str) -> bool | None:
    """Tell whether the command makes the rows of a search, or of its subsearch.

    A subsearch may come with the text of the whole search, and does not say where in it it is.

    Args:
        search: The search as splunkd gives it, with or without its macros expanded.

    Returns:
        True where every `installerscore` in the text begins a search or a subsearch, None where
        only some do, False where none does or the text cannot be read to its end.
    """
    begun = [False]  # for the search and each open subsearch: has anything come before?
    position, places = 0, []
    for sign in _SIGN.finditer(search):
        if search[position : sign.start()].strip():
            begun[-1] = True
        position, text = sign.end(), sign.group()
        if text == "|":
            name = _NAME.match(search, position)
            if name and (name[1] or "").lower() == COMMAND:
                places.append(not begun[-1])
            begun[-1] = True
        elif text == "[":
            begun[-1] = True
            begun.append(False)
        elif text == "]":
            begun.pop()
        elif not text.startswith("```"):
            begun[-1] = True
        if not begun or text in ('"', "`"):
            return False
    if len(begun) > 1 or not any(places):
        return False
    return all(places) or None
