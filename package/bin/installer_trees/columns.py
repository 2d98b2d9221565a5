"""Batches of rows -> columns of keys: pure functions, all in C loops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import eq, xor

from .layout import LINK_FIELDS, MISSING, NO_GUIDS, SEVERAL, Layout, program_name

NO_TIME = float("inf")
FIRST_TIME, LAST_TIME = 946_684_800.0, 32_503_680_000.0
"""From 2000 to 2999, in epoch seconds: what lies outside is no date, or in another unit."""
PID_CHARS = 20
"""Longer process ids are compared as text only: there are limits to what becomes a number."""

Column = Sequence[str]


def link_columns(batch: list[list[str]], layout: Layout, multivalued: bool) -> dict[str, Column]:
    """Turn rows into the columns that link them."""
    if not batch:
        return dict.fromkeys(LINK_FIELDS, ())
    if multivalued or SEVERAL in layout.link_places.values():
        return dict(zip(LINK_FIELDS, zip(*map(layout.link, batch))))
    turned = list(zip(*batch))
    nothing = ("",) * len(batch)
    return {name: turned[i] if i >= 0 else nothing for name, i in layout.link_places.items()}


def hashed(hosts: list[int], column: Column) -> Iterable[int]:
    """Hash host and value of each row; 0 where the value is missing."""
    if MISSING.isdisjoint(column):
        return map(xor, map(hash, column), hosts)
    if not column[0] and set(column) == {""}:
        return repeat(0, len(column))
    return [0 if value in MISSING else hash(value) ^ host for value, host in zip(column, hosts)]


def of_others(parents: Column, own: Column) -> Column:
    """Forget parents that are the process itself."""
    if not any(map(eq, parents, own)):
        return parents
    return ["" if parent == me else parent for parent, me in zip(parents, own)]


def known_guids(column: Column) -> Column:
    """Write GUIDs in small letters, as not all sources do, and forget what only looks like one."""
    guids = list(map(str.lower, column))
    if NO_GUIDS.isdisjoint(guids):
        return guids
    return ["" if guid in NO_GUIDS else guid for guid in guids]


def decimal_ids(column: Column) -> Column:
    """Write process ids in decimal; Windows event 4688 has them in hexadecimal."""
    return column if "".join(column).isdecimal() else list(map(decimal_id, column))


def decimal_id(pid: str) -> str:
    """Write one process id in decimal, without blanks around it or a fraction of zero."""
    pid = pid.strip()
    if len(pid) > PID_CHARS:
        return pid
    if pid[:2] in ("0x", "0X"):
        try:
            return str(int(pid, 16))
        except ValueError:
            return pid
    return pid[:-2] if pid.endswith(".0") and pid[:-2].isdecimal() else pid


def program_names(column: Column) -> Column:
    """Return the names of programs, where a source gives paths for some."""
    together = "\n".join(column) + "\n"
    if "\\" not in together and "/" not in together and " \n" not in together:
        return column
    return list(map(program_name, column))


def moment(time: str) -> float:
    """Return epoch seconds, `NO_TIME` where the text is no number."""
    try:
        return float(time)
    except ValueError:
        return NO_TIME
