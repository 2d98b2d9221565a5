"""Values of a source -> values of CIM: what the `as` column of a source table can ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from installer_trees.columns import decimal_id
from installer_trees.layout import base_name

Convert = Callable[[Any], str]

_HIVES = {
    "HKEY_LOCAL_MACHINE": "HKLM",
    "HKEY_USERS": "HKU",
    "HKEY_CURRENT_USER": "HKCU",
    "HKEY_CLASSES_ROOT": "HKCR",
    r"\REGISTRY\MACHINE": "HKLM",
    r"\REGISTRY\USER": "HKU",
}
_HIVE = re.compile("(?i)^(" + "|".join(map(re.escape, _HIVES)) + r")(?=\\|$)")
_INTEGRITY = {
    "S-1-16-0": "untrusted",
    "S-1-16-4096": "low",
    "S-1-16-8192": "medium",
    "S-1-16-8448": "medium",
    "S-1-16-12288": "high",
    "S-1-16-16384": "system",
}


def text(value: Any) -> str:
    """Return a value as text: the first one of a list, nothing for an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, list):
        return next(filter(None, map(text, _flat(value))), "")
    return ""


def _flat(value: list[Any]) -> Iterator[Any]:
    """Yield what is in a list and in the lists in it, however deep: nothing calls itself."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        else:
            yield one


def converter(words: str) -> Convert:
    """Return what the `as` column names.

    Raises:
        ValueError: There is no such conversion.
    """
    name, _, rest = words.partition(" ")
    if name == "map":
        return _mapping(rest)
    if rest or name not in _CONVERTERS:
        raise ValueError(f"{words!r} is not known; use {', '.join(_CONVERTERS)} or map A=B ...")
    return _CONVERTERS[name]


def _mapping(pairs: str) -> Convert:
    """`A=B` gives B for A; `*=B` gives B for anything else, `*` keeps it."""
    table = dict(pair.split("=", 1) for pair in pairs.split() if pair != "*")
    table = {key.lower(): value for key, value in table.items()}
    keep, other = "*" in pairs.split(), table.pop("*", "")

    def convert(value: Any) -> str:
        word = text(value)
        return table.get(word.lower(), word if keep else other)

    return convert


def _name(value: Any) -> str:
    return base_name(text(value), "")


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(text, value))
    return text(value)


def _pid(value: Any) -> str:
    return decimal_id(text(value))


def _guid(value: Any) -> str:
    """Write a GUID in one way, so that exports of two tools fit together."""
    bare = text(value).strip("{}").lower()
    return f"{{{bare}}}" if bare else ""


def _address(value: Any) -> str:
    found = text(value)
    return found[7:] if found.lower().startswith("::ffff:") and "." in found else found


def _registry(value: Any) -> str:
    return _HIVE.sub(lambda found: _HIVES[found[1].upper()], text(value))


def _registry_key(value: Any) -> str:
    return _registry(value).rpartition("\\")[0]


def _integrity(value: Any) -> str:
    word = text(value)
    return _INTEGRITY.get(word, word.lower())


_CONVERTERS: dict[str, Convert] = {
    "": text,
    "name": _name,
    "join": _joined,
    "pid": _pid,
    "guid": _guid,
    "address": _address,
    "registry": _registry,
    "registry_key": _registry_key,
    "integrity": _integrity,
}
