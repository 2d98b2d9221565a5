"""Services that an install ordered: events 7045 and 4697 do not say which process asked for them.

The service manager writes them, at the moment when a set-up registers its service. So one belongs
to the install that was under way on that host. Inventories list all services of a host, at any
time and without a process as well: of so many at once only those count whose program lies where no
service belongs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from operator import itemgetter

from .links import Branch, Linker
from .rows import host_number

LAST_SECONDS = 120.0
"""How long the last step of an install may take that starts no process."""
CLOCK_SECONDS = 1.0
MAX_SERVICES = 8
"""Different services that one install registers at most."""
_AT_HOME = re.compile(
    r"^[\"\s]{0,4}(?:[a-z]:|%system(?:root|drive)%|\\systemroot|\\\?\?\\[a-z]:)?"
    r"\\?(?:windows\\(?!temp\\|tasks\\)|system32\\|program files)",
    re.IGNORECASE,
)
"""Where the programs of services lie."""

_Span = tuple[float, float, int]


def installs_of_services(linker: Linker, branches: list[Branch]) -> dict[int, int]:
    """Return the install that each service event without a process belongs to, by their rows.

    Of installs at one time it is the last that began. Only those of Windows count.
    """
    store = linker.store
    if not store.unnamed_services:
        return {}
    spans: dict[int, list[_Span]] = defaultdict(list)
    for branch in branches:
        top, root = linker.process(branch.top), linker.root_of(branch.top)
        if root is not None and root.os == "windows":
            end = max((store.time[row] for row in branch.members if row >= 0), default=top.time)
            spans[host_number(top.dest)].append((top.time, end, branch.top))
    begun: dict[int, list[_Span]] = defaultdict(list)
    for known in spans.values():
        known.sort(key=itemgetter(0))  # of those of one time the last branch stays the last
        known.reverse()
    registered: dict[int, list[int]] = defaultdict(list)
    for event in sorted(store.unnamed_services, key=store.time.__getitem__):
        host, time = store.host_of_unnamed(event), store.time[event]
        waiting, under_way = spans.get(host, []), begun[host]
        while waiting and waiting[-1][0] <= time + CLOCK_SECONDS:
            under_way.append(waiting.pop())
        while under_way and under_way[-1][1] + LAST_SECONDS < time:
            under_way.pop()
        if under_way:
            registered[under_way[-1][2]].append(event)
    return {row: top for top, rows in registered.items() for row in _of_set_up(linker, rows)}


def _of_set_up(linker: Linker, rows: list[int]) -> list[int]:
    """Return the rows of services that one set-up may have registered."""
    services = {row: linker.store.event(row) for row in rows}
    names = {(s.service_name.lower(), s.service_path.lower()) for s in services.values()}
    if len(names) <= MAX_SERVICES:
        return rows
    return [row for row, s in services.items() if not _AT_HOME.match(s.service_path)]
