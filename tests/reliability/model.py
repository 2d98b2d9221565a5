"""How rows become trees, in the plainest code: what the engine is compared with.

Every question walks over all rows, nothing is indexed, and nothing of the engine is used. The rules
are those of the design: identity, missing parents, roots, one install from several trees. Where it
leaves a choice, the docstring here says which one the engine promises.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from reliability.model_identity import LOOK_BACK, Standin, Who
from reliability.model_parents import Link, Links, Parents, contradict, of_windows
from reliability.model_rows import Kind, Row, kind_of, kind_of_parent, package, same_name
from reliability.model_started import TOOLS, may_be_started, paths

EVENT_SECONDS = 1.0
TIE_BEFORE_SECONDS = 7200.0
TIE_AFTER_SECONDS = 60.0
GENERATIONS = 8
ANYBODY = re.compile(
    r"-?(?:/\S{0,60}/)?"
    r"(?:(?:ba|da|z|k|a|tc|c|fi)?sh(?: -[il]{1,2})?|systemd(?: --user)?|init|launchd)\s*"
)
ROUNDS = 4
"""How often it is asked what a service manager started."""


@dataclass
class Branch:
    """A tree: its top, and of each member the parent and what ties the two."""

    top: Who
    parents: dict[Who, Link]


class Model(Parents):
    """Answers for one list of rows."""

    def __init__(self, rows: list[Row], lifetime: float) -> None:
        super().__init__(rows, lifetime)
        self.forks: dict[tuple[str, str], int] = {}

    def forest(self) -> list[Branch]:
        """One branch an installer that no other is above of, oldest first; then the late ones.

        A branch takes all below its top that began within the lifetime of the top. An installer
        that was too late for the one above it has a branch of its own.
        """
        parent = self.parents()
        children = _children(parent)
        tops = {self.top(i, parent) for i in parent if self.opens(i)} - {None}
        branches: list[Branch] = []
        claimed: set[Who] = set()
        late = {i for i in parent if kind_of(self.rows[i])}
        for wave in (tops, late):
            for top in self.sorted(wave):
                if top not in claimed:
                    branches.append(self._grown(top, children, parent, claimed))
        return sorted(branches, key=lambda branch: self.order(branch.top))

    def top(self, row: int, parent: Links) -> Who | None:
        """The topmost installer at or above a row: one that never arrived has nothing above it."""
        above: Who | None = row
        found: Who | None = None
        while isinstance(above, int):
            if kind_of(self.rows[above]):
                found = above
            above = parent[above][0]
        return above if above is not None else found

    def opens(self, row: int) -> bool:
        """Whether a copy of a process is an installer, or says that its parent is one."""
        copies = [self.rows[i] for i in self.processes if self.stands_for(i) == row]
        return any(kind_of(copy) or kind_of_parent(copy) for copy in copies)

    def _grown(
        self,
        top: Who,
        children: dict[Who, list[int]],
        parent: Links,
        claimed: set[Who],
    ) -> Branch:
        branch = Branch(top, {top: (None, "")})
        claimed.add(top)
        start = self.order(top)[0]
        waiting = [top]
        while waiting:
            for child in children.get(waiting.pop(0), []):
                late = self.rows[child]["time"] - start > self.lifetime
                if child not in claimed and (not late or self.rows[child]["time"] == math.inf):
                    claimed.add(child)
                    branch.parents[child] = parent[child]
                    waiting.append(child)
        return branch

    def installs(self) -> list[Branch]:
        """The branches, those of services and stages handed to the requests that they served."""
        branches = self.forest()
        self._bridge(branches)
        requests = []
        for branch in branches:
            if self.role(branch.top) in ("root", ""):
                requests += [(who, branch) for who in branch.parents if self.role(who) == "root"]
        left = []
        for branch in branches:
            if self.role(branch.top) in ("root", "") or not self._handed_over(branch, requests):
                left.append(branch)
        hung: set[Who] | None = None
        for _ in range(ROUNDS):
            hung = self._launch(left, hung)
        return left

    def _bridge(self, branches: list[Branch]) -> None:
        """Hang what a fork of a member started, where no row tells of the fork itself.

        Its child names a GUID that no row has, and the command line of the member: of the last
        before it. A line that anybody may have, and process 1, stand for nobody.
        """
        parent = self.parents()
        children = _children(parent)
        inside = {who: branch for branch in branches for who in branch.parents}
        for _ in range(GENERATIONS):
            members = [who for who in inside if isinstance(who, int) and self.guid(who)]
            left = [i for i, (above, _) in parent.items() if above is None and i not in inside]
            for row in self.sorted(left):
                said = ((self.rows[i]["parent_guid"], self.rows[i]["parent_process"])
                        for i in self.copies(row))  # fmt: skip
                forkers = {line: [i for i in members if self._forks(i, row, line)]
                           for guid, line in said if guid}  # fmt: skip
                found = self.sorted(next(filter(None, forkers.values()), []))
                before = [i for i in found if self.rows[i]["time"] <= self.rows[row]["time"]]
                me = self.rows[row]
                if row in inside or not before or me["parent_pid"] == "1":
                    continue
                forker = before[-1]
                branch = inside[forker]
                nobody = ANYBODY.fullmatch(self.line(forker)) or of_windows(self.rows[forker])
                if nobody or me["time"] - self.order(branch.top)[0] > self.lifetime:
                    continue
                below = self._grown(row, children, parent, set(inside))
                branch.parents.update({**below.parents, row: (forker, "parent_fields")})
                inside.update(dict.fromkeys(below.parents, branch))
                told = next(i for i in self.copies(row) if self.rows[i]["parent_guid"]
                            and self.rows[i]["parent_process"] == self.line(forker))  # fmt: skip
                self.forks.setdefault((me["host"], self.rows[told]["parent_guid"]), forker)

    def _forks(self, who: int, row: int, line: str) -> bool:
        same_host = self.rows[who]["host"] == self.rows[row]["host"]
        return bool(line) and same_host and self.rows[who]["process"] == line

    def _launch(self, branches: list[Branch], members: set[Who] | None) -> set[Who]:
        """Hang what a service manager started under the member that named its program last before.

        A name is a full path on a command line or the member's own, not older than the lifetime.
        What was started takes along all below it, and the installs that were started there. It is
        returned, for it may have named others: these alone are members then.
        """
        parent = self.parents()
        children = _children(parent)
        inside = {who: branch for branch in branches for who in branch.parents}
        asked = inside if members is None else members
        named = [(self.order(who), who, paths(self.line(who), self.path(who))) for who in asked]
        claimed = set(inside)
        adopted: set[Who] = set()
        said = {i for i in parent if any(may_be_started(self.rows[c]) for c in self.copies(i))}
        started = [i for i in said if i not in inside]
        for row in self.sorted(started):
            me = self.rows[row]
            own = paths(me["process_path"], me["process"])
            fits = [
                (order, who)
                for order, who, texts in named
                if texts & own
                and order[0] <= me["time"]
                and me["time"] - order[0] <= self.lifetime
                and order[1].lower() == me["host"]
            ]
            if row not in claimed and fits:
                namer = max(fits, key=lambda fit: fit[0])[1]
                below = self._grown(row, children, parent, claimed)
                inside[namer].parents.update(
                    {**below.parents, row: (self._above(namer, inside), "tie")}
                )
                adopted |= set(below.parents)
        for branch in list(branches):
            above, link = parent[branch.top] if isinstance(branch.top, int) else (None, "")
            if above not in adopted:
                continue
            target = next(one for one in branches if above in one.parents)
            in_time = self.order(branch.top)[0] - self.order(above)[0] <= self.lifetime
            if target is not branch and in_time:
                target.parents.update({**branch.parents, branch.top: (above, link)})
                branches.remove(branch)
        return adopted

    def _above(self, namer: Who, inside: dict[Who, Branch]) -> Who:
        """Return what ran the tool that named a program, the namer itself if it is no tool."""
        branch = inside[namer]
        while namer != branch.top and self.name(namer).lower() in TOOLS:
            namer = branch.parents[namer][0]
        return namer

    def kind(self, who: Who) -> Kind | None:
        if isinstance(who, Standin):
            return kind_of({"process_name": who.process_name, "process": who.process})
        return kind_of(self.rows[who])

    def role(self, who: Who) -> str:
        found = self.kind(who)
        return found.role if found else ""

    def _handed_over(self, source: Branch, requests: list[tuple[Who, Branch]]) -> bool:
        """Give a branch to the requests that it served.

        A stage goes as a whole. Of a service, each child goes with all below it to the request that
        it serves; the service itself, and children that serve none, to the earliest child's.
        """
        kind = self.kind(source.top)
        assert kind is not None
        below = [who for who, (above, _) in source.parents.items() if above == source.top]
        asking = below if kind.role == "service" and below else [source.top]
        chosen = {who: self._served(who, source.top, kind, requests) for who in asking}
        served = [who for who in self.sorted(asking) if chosen[who] is not None]
        if not served:
            return False
        first = chosen[served[0]]
        assert first is not None
        place: dict[Who, tuple[Who, Branch]] = {source.top: first}
        first[1].parents[source.top] = first[0], "tie"
        for who, (above, link) in list(source.parents.items())[1:]:
            request = chosen.get(who) or first
            assert above is not None
            if above == source.top and request[0] != first[0]:
                place[who] = request
                request[1].parents[who] = request[0], "tie"
            else:
                place[who] = place[above]
                place[who][1].parents[who] = above, link
        return True

    def _served(
        self, who: Who, top: Who, kind: Kind, requests: list[tuple[Who, Branch]]
    ) -> tuple[Who, Branch] | None:
        """The request near a process: of the service's own family first.

        Near is up to two hours before and up to a minute after. A request whose package the command
        line names counts before all others; then the last before, else the first after.
        """
        time, line = self.order(who)[0], self.line(who)
        host = self.order(top)[1].lower()
        for family in kind.serves:
            near = []
            for request in requests:
                asked = self.kind(request[0])
                assert asked is not None
                ago = time - self.order(request[0])[0]
                fits = asked.family == family and self.order(request[0])[1].lower() == host
                if fits and -TIE_AFTER_SECONDS <= ago <= TIE_BEFORE_SECONDS:
                    near.append(request)
            words = set(re.split(r"[\s\"'/\\=]+", line.lower()))
            named = [r for r in near if package(self.line(r[0])) in words - {""}]
            near = sorted(named or near, key=lambda r: self.order(r[0]))
            before = [r for r in near if self.order(r[0])[0] <= time]
            if near:
                return before[-1] if before else near[0]
        return None

    def name(self, who: Who) -> str:
        known = who.process_name if isinstance(who, Standin) else self.rows[who]["process_name"]
        return str(known)

    def line(self, who: Who) -> str:
        return who.process if isinstance(who, Standin) else str(self.rows[who]["process"])

    def path(self, who: Who) -> str:
        return who.process_path if isinstance(who, Standin) else str(self.rows[who]["process_path"])

    def owner(self, event: int, members: set[Who]) -> Who | None:
        """The process of a tree that an event belongs to.

        By GUID, else by id; on the host that reports it, else on that in `src`, else on that in
        `dest`. What has the GUID of a process outside belongs to that one, and by id what has the
        name that the event gives.
        """
        me = self.rows[event]
        hosts = [host for host in (me["reporter"], me["src"].lower(), me["host"]) if host]
        for host in hosts if me["guid"] else []:
            near = [i for i in self.processes if self.rows[i]["host"] == host][:1]
            owner: Who | None = None
            for i in near:
                owner = self.of_guid(i, me["guid"], me["pid"], me["time"] + EVENT_SECONDS)
            owner = self.forks.get((host, me["guid"])) if owner is None else owner
            told = [who for who in members if isinstance(who, Standin)]
            standin = next((w for w in told if w.key == (host, "guid", me["guid"])), None)
            if owner is not None or standin is not None:
                return owner if owner in members else standin
        found = [i for host in hosts for i in [self._owner_by_id(event, host)] if i is not None]
        names = {i: self.rows[i]["process_name"] for i in found}
        named = [i for i in found if same_name(me["process_name"], names[i])]
        return next((i for i in named[:1] or found if i in members), None)

    def _owner_by_id(self, event: int, host: str) -> int | None:
        """The last process with the id before the event, or one that began a second after it.

        Of those before it that have the parent of the last, and so may be images of one process,
        the one with the name that the event gives. One that began longer ago than a tree lives has
        lost its id since, and on Windows so has one with another name.
        """
        me = self.rows[event]
        near = [i for i in self.processes if self.rows[i]["host"] == host]
        known = self.history(near[0], me["pid"]) if near else []
        before = [i for i in known if self.began(i) <= me["time"]][-LOOK_BACK:]
        if me["time"] < math.inf:
            before = [i for i in before if self.began(i) >= me["time"] - self.lifetime]
        last = self.rows[before[-1]] if before else {}
        images = [i for i in before if self.rows[i]["parent_pid"] == last["parent_pid"]][::-1]
        soon = [i for i in known if me["time"] < self.began(i) <= me["time"] + EVENT_SECONDS]
        candidates = [i for i in images + soon if not contradict(me["guid"], self.guid(i))]
        named = [
            i for i in candidates if same_name(me["process_name"], self.rows[i]["process_name"])
        ]
        owner = next(iter(named + candidates), None)
        if owner is None or named or not me["process_name"]:
            return owner
        return None if of_windows(self.rows[owner]) else owner


def _children(parent: Links) -> dict[Who, list[int]]:
    children: dict[Who, list[int]] = {}
    for i, (above, _) in parent.items():
        if above is not None:
            children.setdefault(above, []).append(i)
    return children
