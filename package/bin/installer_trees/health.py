"""How good the data is: one row a source, and in words what is lost by what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .columns import NO_TIME
from .events import EVENT_KINDS
from .kinds import NETWORK
from .links import Linker
from .model import Allowance
from .parents import GUID, PARENT_FIELDS, PID, TIE
from .render import Value, told_time
from .rows import IS_ROOT, KIND, RowStore

HEALTH_COLUMNS = (
    "sourcetype rows hosts processes network file registry service installers "
    "process_guid_pct process_pct parent_process_pct original_file_name_pct subsecond_pct "
    "linked_by_guid linked_by_pid linked_by_parent_fields linked_by_tie orphans bad_time "
    "first_time last_time health"
).split()
"""Columns of `output=health`. `_pct` are percentages of the process creations of the source."""

ENOUGH_PCT = 90.0
MANY_ORPHANS_PCT = 25.0
_SOURCE_FIELDS = ("sourcetype", "vendor_product", "source")
_LOST = (
    (
        "process_guid_pct",
        "without process_guid, parents are found by process id and time, which a reused id can "
        "mislead",
    ),
    ("process_pct", "without command lines (process), most signals and pip, npm or gem are blind"),
    ("parent_process_pct", "without parent fields, a parent that never arrived cannot stand in"),
    (
        "original_file_name_pct",
        "without original_file_name, a renamed msiexec is found by its path only",
    ),
    ("subsecond_pct", "with whole seconds in _time, processes of one second lose their order"),
)


@dataclass
class _Source:
    """What was counted of one source."""

    hosts: set[str] = field(default_factory=set)
    kinds: Counter[str] = field(default_factory=Counter)
    has: Counter[str] = field(default_factory=Counter)
    links: Counter[str] = field(default_factory=Counter)
    systems: Counter[str] = field(default_factory=Counter)
    installers: int = 0
    bad_time: int = 0
    first: float = NO_TIME
    last: float = NO_TIME


def health_rows(store: RowStore, linker: Linker) -> list[dict[str, Value]]:
    """Return one row a source: `sourcetype`, else `vendor_product`, else `source`.

    Args:
        store: All rows; each is read once more.
        linker: Tells by what each process found its parent.
    """
    sources: dict[str, _Source] = {}
    for row in range(len(store)):
        _count(store, linker, row, sources)
    return [_row(name, sources[name]) for name in sorted(sources)]


def expired(allowances: Iterable[Allowance], day: str) -> list[str]:
    """Say which allowlist entries have no effect any more on a day, written YYYY-MM-DD."""
    return [
        f"The allowlist entry {allowance.allow_id} expired on {allowance.expires} and lowers no "
        "score since then; give it a later date or delete it."
        for allowance in allowances
        if allowance.expires and allowance.expires < day
    ]


def _count(store: RowStore, linker: Linker, row: int, sources: dict[str, _Source]) -> None:
    layout, values = store.values(row)
    names = (layout.any_value(values, name) for name in _SOURCE_FIELDS)
    source = sources.setdefault(next(filter(None, names), "unknown"), _Source())
    time, kind = store.time[row], store.flags[row] & KIND
    if kind != NETWORK:  # there, dest may be the remote peer
        source.hosts.add(layout.host(values).lower())
    source.kinds[("process", *EVENT_KINDS)[kind]] += 1
    if time == NO_TIME:
        source.bad_time += 1
    else:
        source.first = min(source.first, time)
        source.last = time if source.last == NO_TIME else max(source.last, time)
    if kind:
        return
    source.installers += bool(store.flags[row] & IS_ROOT)
    for name in ("process_guid", "process", "original_file_name"):
        source.has[name] += bool(layout.value(values, name))
    parents = (layout.value(values, name) for name in ("parent_process_name", "parent_process"))
    source.has["parent_process"] += any(parents)
    source.has["subsecond"] += time != NO_TIME and time != int(time)
    path = layout.value(values, "process_path") + layout.value(values, "process")
    source.systems["windows" if "\\" in path else "other"] += 1
    parent, link = linker.parent_of(row)
    source.links[link if parent != -1 else "orphan"] += 1


def _row(name: str, source: _Source) -> dict[str, Value]:
    processes = source.kinds["process"]
    row: dict[str, Value] = {
        "sourcetype": name,
        "rows": sum(source.kinds.values()),
        "hosts": len(source.hosts),
        "processes": processes,
        **{kind: source.kinds[kind] for kind in EVENT_KINDS},
        "installers": source.installers,
        "linked_by_guid": source.links[GUID],
        "linked_by_pid": source.links[PID],
        "linked_by_parent_fields": source.links[PARENT_FIELDS],
        "linked_by_tie": source.links[TIE],
        "orphans": source.links["orphan"],
        "bad_time": source.bad_time,
        "first_time": told_time(source.first),
        "last_time": told_time(source.last),
    }
    shares = {name: 100 * source.has[name[:-4]] / max(1, processes) for name, _ in _LOST}
    row.update({name: round(share, 1) if processes else "" for name, share in shares.items()})
    row["health"] = _sentence(source, shares)
    return row


def _sentence(source: _Source, shares: dict[str, float]) -> str:
    """Say what is lost by what is missing."""
    processes = source.kinds["process"]
    if not processes:
        return "No process creations: these events count only with processes of another source."
    windows = source.systems["windows"] > source.systems["other"]
    lost = [
        text
        for name, text in _LOST
        if shares[name] < ENOUGH_PCT and (windows or name != "original_file_name_pct")
    ]
    orphans = 100 * source.links["orphan"] / processes
    if orphans > MANY_ORPHANS_PCT:
        lost.append(
            f"{orphans:.0f}% of the processes have no parent in the data, so trees may be cut at "
            "the top: search a longer time range"
        )
    if not lost:
        return "Good: identities, command lines and parents are there."
    text = "; ".join(lost)
    return text[0].upper() + text[1:] + "."
