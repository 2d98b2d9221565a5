"""Macro expansion: `name` and `name(a, "b c")`, nested, never inside double quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .errors import SplError

CALL = re.compile(r"\s*([A-Za-z0-9_.:-]+)\s*(?:\((.*)\))?\s*$", re.DOTALL)
STANZA = re.compile(r"([^()]+)(?:\((\d+)\))?$")
MAX_DEPTH = 50


class Macro(NamedTuple):
    """One stanza of macros.conf."""

    arguments: tuple[str, ...]
    definition: str


class Call(NamedTuple):
    """A use of a macro in a search: where it stands and what it is given."""

    start: int
    end: int
    name: str
    arguments: tuple[str, ...]

    @property
    def stanza(self) -> str:
        """The stanza of macros.conf that answers this call."""
        return f"{self.name}({len(self.arguments)})" if self.arguments else self.name


def read(stanzas: Mapping[str, Mapping[str, str]]) -> dict[str, Macro]:
    """Return the macros of a macros.conf, by stanza name.

    Raises:
        ValueError: The stanza's number of arguments is not that of its `args`, or `iseval` is set.
    """
    macros = {}
    for stanza, keys in stanzas.items():
        found = STANZA.fullmatch(stanza)
        names = tuple(a.strip() for a in keys.get("args", "").split(",") if a.strip())
        if found is None or int(found.group(2) or 0) != len(names):
            raise ValueError(f"[{stanza}]: {len(names)} names in args")
        if keys.get("iseval", "0") not in ("0", "false"):
            raise ValueError(f"[{stanza}]: iseval is not known here")
        macros[stanza] = Macro(names, keys["definition"])
    return macros


def calls(text: str) -> list[Call]:
    """Return the uses of macros in a search, from left to right."""
    found, position = [], 0
    while position < len(text):
        if text[position] == '"':
            position = _after_string(text, position)
        elif text[position] == "`":
            end = _closing_backtick(text, position)
            found.append(_call(text, position, end))
            position = end + 1
        else:
            position += 1
    return found


def expand(text: str, macros: Mapping[str, Macro], depth: int = 0) -> str:
    """Return `text` with every macro replaced by its definition.

    Raises:
        SplError: A macro is not defined with that number of arguments, or expands to itself.
    """
    parts, position = [], 0
    for call in calls(text):
        macro = macros.get(call.stanza)
        if macro is None:
            raise SplError(f"the macro {call.stanza} is not defined", text, call.start)
        if depth == MAX_DEPTH:
            raise SplError(f"the macro {call.stanza} expands to itself", text, call.start)
        body = macro.definition
        for name, value in zip(macro.arguments, call.arguments):
            body = body.replace(f"${name}$", value)
        parts += [text[position : call.start], expand(body, macros, depth + 1)]
        position = call.end + 1
    return "".join([*parts, text[position:]])


def _after_string(text: str, start: int) -> int:
    position = start + 1
    while position < len(text) and text[position] != '"':
        position += 2 if text[position] == "\\" else 1
    if position >= len(text):
        raise SplError("this quotation mark is never closed", text, start)
    return position + 1


def _closing_backtick(text: str, start: int) -> int:
    position = start + 1
    while position < len(text) and text[position] != "`":
        position = _after_string(text, position) if text[position] == '"' else position + 1
    if position >= len(text):
        raise SplError("this backtick is never closed", text, start)
    return position


def _call(text: str, start: int, end: int) -> Call:
    found = CALL.match(text[start + 1 : end])
    if found is None:
        raise SplError("this is not a macro", text, start)
    arguments = () if found.group(2) is None else tuple(_arguments(found.group(2)))
    return Call(start, end, found.group(1), arguments)


def _arguments(text: str) -> list[str]:
    """Split at commas outside quotes; quotes around a whole argument are not part of it."""
    arguments = re.findall(r'((?:"(?:[^"\\]|\\.)*"|[^",])+)(?:,|$)', text, re.DOTALL)
    stripped = [a.strip() for a in arguments]
    return [
        a[1:-1].replace('\\"', '"') if len(a) > 1 and a[0] == a[-1] == '"' else a for a in stripped
    ]
