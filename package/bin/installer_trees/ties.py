"""One install, several trees: tie what a service does to the request that it serves.

Windows Installer runs the actions of a package under its service (`msiexec /V`) and macOS under
`package_script_service`, not under the process that asked. Each child of such a service belongs to
the request whose package it names, else to the last request before it: both services work through
one request at a time.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

from .alike import file_name
from .links import Branch, Linker
from .model import Root
from .parents import TIE

BEFORE_SECONDS = 2 * 3600.0
AFTER_SECONDS = 60.0

_WORD = re.compile(r"[^\s\"'/\\=]+")


@dataclass(frozen=True)
class _Request:
    """A process that asked for an install."""

    time: float
    row: int
    branch: Branch
    package: str
    order: tuple[float, tuple[str, ...]]


class _Requests:
    """The requests of one family on one host, in order of time, and by package."""

    def __init__(self, requests: list[_Request]) -> None:
        self._all = _Timeline()
        self._by_package: dict[str, _Timeline] = defaultdict(_Timeline)
        for request in sorted(requests, key=lambda request: request.order):
            self._all.add(request)
            if request.package:
                self._by_package[request.package].add(request)

    def serving(self, time: float, line: str) -> _Request | None:
        """Return the request near a time: by package, else the last before, else the next."""
        words = set(_WORD.findall(line.lower())) & self._by_package.keys()
        named = [request for word in words for request in self._by_package[word].near(time)]
        near = sorted(named, key=lambda request: request.order) or self._all.near(time)
        before = [request for request in near if request.time <= time]
        return before[-1] if before else next(iter(near), None)


class _Timeline:
    """Requests in order of time."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._requests: list[_Request] = []

    def add(self, request: _Request) -> None:
        """Add a request that is not before the others."""
        self._times.append(request.time)
        self._requests.append(request)

    def near(self, time: float) -> list[_Request]:
        """Return the last request before a time and the next after it, if they are near enough."""
        place = bisect_right(self._times, time)
        pair = self._requests[max(0, place - 1) : place + 1]
        return [r for r in pair if -AFTER_SECONDS <= time - r.time <= BEFORE_SECONDS]


def tie(linker: Linker, branches: list[Branch]) -> list[Branch]:
    """Join the branches of one install.

    Args:
        linker: What the branches were grown with.
        branches: In order of time; they are changed in place.

    Returns:
        The branches that remain, in order of time.
    """
    found: dict[tuple[str, str], list[_Request]] = defaultdict(list)
    services: list[tuple[Root, Branch]] = []
    for branch in branches:
        top = linker.root_of(branch.top)
        if top is not None and top.role in ("service", "stage"):
            services.append((top, branch))
            continue
        for row in branch.members:
            root = linker.root_of(row)
            if root is not None and root.role == "root":
                process = linker.process(row)
                package = file_name(root.package_of(process.process)).lower()
                order = linker.order(row)
                request = _Request(process.time, row, branch, package, order)
                found[process.dest.lower(), root.family].append(request)
    requests = {place: _Requests(known) for place, known in found.items()}
    gone: set[int] = set()
    for root, branch in services:
        dest = linker.process(branch.top).dest.lower()
        asked = [requests[dest, family] for family in root.serves if (dest, family) in requests]
        if asked and _tied(linker, branch, root.role, asked):
            gone.add(id(branch))
    return [branch for branch in branches if id(branch) not in gone]


def _tied(linker: Linker, source: Branch, role: str, asked: list[_Requests]) -> bool:
    """Hand a branch to the requests that it served; False when none is near.

    A stage goes to one request as a whole. Each child of a service goes to the request that it
    serves; the service itself, and children that serve none, to the first of them.
    """

    def choose(row: int) -> _Request | None:
        """Ask the requests of the service's own family first, whatever their time."""
        process = linker.process(row)
        answers = (known.serving(process.time, process.process) for known in asked)
        return next((answer for answer in answers if answer), None)

    children = [row for row in source.members if source.parent[row][0] == source.top]
    if role != "service":
        children = []
    chosen = {row: choose(row) for row in children or [source.top]}
    given = sorted((linker.order(row), row) for row, request in chosen.items() if request)
    if not given:
        return False
    first = chosen[given[0][1]]
    assert first is not None
    target: dict[int, _Request] = {source.top: first}
    for row in source.members:
        parent, link = source.parent[row]
        request = chosen.get(row) or first
        if row == source.top or (parent == source.top and request.row != first.row):
            target[row] = request if row != source.top else first
            parent, link = target[row].row, TIE
        else:
            target[row] = target[parent]
        target[row].branch.members.append(row)
        target[row].branch.parent[row] = (parent, link)
    return True


def join(linker: Linker, branches: list[Branch], adopted: set[int]) -> None:
    """Join installs to the branch that what started them belongs to now, within its lifetime.

    Args:
        linker: What the branches were grown with.
        branches: All installs; they are changed in place.
        adopted: Rows that were hung into branches of which they had not grown.
    """
    arrived = (branch for branch in branches if branch.top >= 0) if adopted else ()
    below = [branch for branch in arrived if linker.parent_of(branch.top)[0] in adopted]
    if not below:
        return
    branch_of = {row: branch for branch in branches for row in branch.members}
    joined: set[int] = set()
    for branch in below:
        link = linker.parent_of(branch.top)
        above = branch_of[link[0]]
        after = linker.process(branch.top).time - linker.process(link[0]).time
        if above is branch or after > linker.lifetime:
            continue
        above.members.extend(branch.members)
        above.parent.update({**branch.parent, branch.top: link})
        branch_of.update(dict.fromkeys(branch.members, above))
        joined.add(id(branch))
    branches[:] = [branch for branch in branches if id(branch) not in joined]
