"""A search text -> its commands. Subsearches are cut out and numbered."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import SplError

NAME = re.compile(r"[A-Za-z]\w*")
SEARCH = re.compile(r"\s*search(?=\s)")


class Command(NamedTuple):
    """One command of a pipeline.

    `arguments` starts at `offset` of `text`; in it every subsearch is replaced by `[number   ]`
    of the same length, so that places in it are places in the search.
    """

    name: str
    arguments: str
    offset: int
    text: str
    subsearches: tuple[str, ...]

    def error(self, problem: str, position: int = 0) -> SplError:
        """Return an error at `position` of the arguments."""
        return SplError(problem, self.text, self.offset + position)


def split(text: str) -> list[Command]:
    """Return the commands of an expanded search; one without a first `|` starts with `search`.

    The word `search` may be there: Splunk Web puts it in front, and subsearches begin with it.
    """
    pieces = _pieces(text)
    commands = []
    for number, (start, end) in enumerate(pieces):
        piece = text[start:end]
        if number == 0 and not piece.strip():
            continue
        if number == 0:
            found, name = SEARCH.match(text, start, end), "search"
        else:
            found = NAME.match(text, start + len(piece) - len(piece.lstrip()), end)
            if found is None:
                raise SplError("a command is missing here", text, start)
            name = found.group()
        offset = found.end() if found else start
        arguments, subsearches = _cut_subsearches(text, offset, end)
        commands.append(Command(name, arguments, offset, text, subsearches))
    return commands


def _pieces(text: str) -> list[tuple[int, int]]:
    """Return the spans between the pipes that stand outside quotes and subsearches."""
    spans, start, depth = [], 0, 0
    for position, sign in _signs(text):
        if sign == "[":
            depth += 1
        elif sign == "]":
            depth -= 1
            if depth < 0:
                raise SplError("this bracket closes nothing", text, position)
        elif sign == "|" and depth == 0:
            spans.append((start, position))
            start = position + 1
    if depth:
        raise SplError("a subsearch is never closed", text, len(text) - 1)
    return [*spans, (start, len(text))]


def _signs(text: str) -> list[tuple[int, str]]:
    """Return brackets and pipes outside double quotes, with their places."""
    found, position = [], 0
    while position < len(text):
        sign = text[position]
        if sign == '"':
            closed = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL).match(text, position)
            if closed is None:
                raise SplError("this quotation mark is never closed", text, position)
            position = closed.end()
            continue
        if sign == "`":
            raise SplError("a backtick is left after macro expansion", text, position)
        if sign in "[]|":
            found.append((position, sign))
        position += 1
    return found


def _cut_subsearches(text: str, start: int, end: int) -> tuple[str, tuple[str, ...]]:
    depth, opened, out, subsearches = 0, 0, list(text[start:end]), []
    for position, sign in _signs(text[start:end]):
        if sign == "[":
            opened = position if depth == 0 else opened
            depth += 1
        elif sign == "]":
            depth -= 1
            if depth == 0:
                subsearches.append("".join(text[start + opened + 1 : start + position]))
                label = f"[{len(subsearches) - 1}".ljust(position - opened) + "]"
                if len(label) != position - opened + 1:
                    raise SplError("an empty subsearch", text, start + opened)
                out[opened : position + 1] = label
    return "".join(out), tuple(subsearches)
