"""One install, several trees: tie what a service does to the request that it serves.

Windows Installer runs the actions of a package under its service (`msiexec /V`) and macOS under
`package_script_service`, not under the process that asked. Each child of such a service belongs to
the request whose package it names, else to the last request before it: both services work through
one request at a time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass

from .identity import file_name
from .links import Branch, Linker
from .model import Root
from .parents import TIE

BEFORE_SECONDS = 2 * 3600.0
AFTER_SECONDS = 60.0


@dataclass(frozen=True)
class _Request:
    """A process that asked for an install."""

    time: float
    row: int
    branch: Branch
    package: str


def tie(linker: Linker, branches: list[Branch]) -> list[Branch]:
    """Join the branches of one install.

    Args:
        linker: What the branches were grown with.
        branches: In order of time; they are changed in place.

    Returns:
        The branches that remain, in order of time.
    """
    requests: dict[tuple[str, str], list[_Request]] = defaultdict(list)
    services: list[tuple[Root, Branch]] = []
    for branch in branches:
        top = linker.root_of(branch.top)
        if top is not None and top.role != "root":
            services.append((top, branch))
            continue
        for row in branch.members:
            root = linker.root_of(row)
            if root is not None and root.role == "root":
                process = linker.process(row)
                named = root.package_pattern and root.package_pattern.search(process.process)
                package = file_name(named[1] or "").lower() if named else ""
                request = _Request(process.time, row, branch, package)
                requests[process.dest.lower(), root.family].append(request)
    for known in requests.values():
        known.sort(key=lambda request: linker.order(request.row))
    gone: set[int] = set()
    for root, branch in services:
        dest = linker.process(branch.top).dest.lower()
        asked = [requests[dest, family] for family in root.serves if (dest, family) in requests]
        join = _tie_service if root.role == "service" else _tie_whole
        if asked and join(linker, branch, asked):
            gone.add(id(branch))
    return [branch for branch in branches if id(branch) not in gone]


def _tie_service(linker: Linker, service: Branch, asked: list[list[_Request]]) -> bool:
    """Hand the children of a service to their requests; True when nothing is left of its branch."""
    children = [row for row in service.members if service.parent[row][0] == service.top]
    if not children:
        return _tie_whole(linker, service, asked)
    chosen = {row: _choose(linker, row, asked) for row in children}
    given = sorted((linker.order(row), row) for row, request in chosen.items() if request)
    if not given:
        return False
    first = chosen[given[0][1]]
    assert first is not None
    for row, request in chosen.items():
        if request is not None and request.row != first.row:
            _move(service, row, request)
    _move(service, service.top, first)
    return True


def _tie_whole(linker: Linker, branch: Branch, asked: list[list[_Request]]) -> bool:
    request = _choose(linker, branch.top, asked)
    if request is None:
        return False
    _move(branch, branch.top, request)
    return True


def _choose(linker: Linker, row: int, asked: list[list[_Request]]) -> _Request | None:
    """Return the request that a process serves: by package, else the last before, else the next.

    Requests of the service's own family come first, whatever their time.
    """
    process = linker.process(row)
    line = process.process.lower()
    for known in asked:
        times = [request.time for request in known]
        first = bisect_left(times, process.time - BEFORE_SECONDS)
        near = known[first : bisect_right(times, process.time + AFTER_SECONDS)]
        if near:
            named = [request for request in near if request.package and request.package in line]
            before = [r for r in named or near if r.time <= process.time]
            return before[-1] if before else (named or near)[0]
    return None


def _move(source: Branch, row: int, request: _Request) -> None:
    """Move a row and all below it under a request of another branch."""
    target = request.branch
    moving = {row}
    stay = []
    for member in source.members:
        if member in moving or source.parent[member][0] in moving:
            moving.add(member)
            target.members.append(member)
            target.parent[member] = source.parent.pop(member)
        else:
            stay.append(member)
    target.parent[row] = (request.row, TIE)
    source.members[:] = stay
