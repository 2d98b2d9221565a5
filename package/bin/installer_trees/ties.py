"""One install, several trees: tie what a service does to the request that it serves.

Windows Installer runs the actions of a package under its service (`msiexec /V`) and macOS under
`package_script_service`, not under the process that asked. Each child of such a service belongs to
the request whose package it names, else to the last request before it: both services work through
one request at a time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from .links import TIE, Branch, Linker, file_name
from .model import Root

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
    services: list[tuple[tuple[str, str], str, Branch]] = []
    for branch in branches:
        top = linker.root_of(branch.top)
        if top is not None and top.role != "root":
            services.append((_place(linker, branch.top, top), top.role, branch))
            continue
        for row in branch.members:
            root = linker.root_of(row)
            if root is not None and root.role == "root":
                time, line = linker.process(row).time, linker.process(row).process
                named = root.package_pattern.search(line) if root.package_pattern else None
                package = file_name(named[1] or "").lower() if named else ""
                requests[_place(linker, row, root)].append(_Request(time, row, branch, package))
    gone: set[int] = set()
    for place, role, branch in services:
        asked = requests.get(place, [])
        if asked and (_tie_service if role == "service" else _tie_whole)(linker, branch, asked):
            gone.add(id(branch))
    return [branch for branch in branches if id(branch) not in gone]


def _place(linker: Linker, row: int, root: Root) -> tuple[str, str]:
    return linker.process(row).dest.lower(), root.family


def _tie_service(linker: Linker, service: Branch, asked: list[_Request]) -> bool:
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


def _tie_whole(linker: Linker, branch: Branch, asked: list[_Request]) -> bool:
    request = _choose(linker, branch.top, asked)
    if request is None:
        return False
    _move(branch, branch.top, request)
    return True


def _choose(linker: Linker, row: int, asked: list[_Request]) -> _Request | None:
    """Return the request that a process serves: by package, else the last before, else the next."""
    process = linker.process(row)
    line = process.process.lower()
    near = [r for r in asked if -AFTER_SECONDS <= process.time - r.time <= BEFORE_SECONDS]
    near.sort(key=lambda r: linker.order(r.row))
    named = [r for r in near if r.package and r.package in line]
    before = [r for r in named or near if r.time <= process.time]
    if before:
        return before[-1]
    return (named or near)[0] if near else None


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
