"""Rows in, scored trees out: the only module that joins the stages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from .addresses import address_type
from .catalogue import Catalogue
from .drawing import drawn
from .events import Process
from .fingerprint import fingerprint, tree_id
from .first_use import adopt_first_runs, adopt_first_uses
from .forks import bridge
from .health import health_rows
from .layout import TARGET_FIELDS, all_values
from .links import Branch, Linker
from .model import Score, Settings, Tree
from .ordered import installs_of_services
from .regex import MATCH_CHARS
from .render import PROCESS_COLUMNS, Value, process_rows, span, tree_row
from .rows import RowStore
from .score import score, spread
from .signals import Matcher
from .started import adopt
from .ties import tie
from .trees import build

Message = tuple[str, str]
LEFT_OUT = (
    "{count:,} rows beyond maxevents={most} were left out; narrow the time range or the hosts, or "
    "raise maxevents, at most to what the configuration page allows."
)
SAID_PROBLEMS = 10
"""Problems of the catalogue that a search says one by one."""
ROUNDS_OF_STARTS = 4
"""How often it is asked what a service manager started, for what the last answer brought too."""


@dataclass(frozen=True)
class Kept:
    """What is remembered of a tree between scoring and rendering.

    Attributes:
        time: When its top process began; like the next two epoch seconds, or `NO_TIME`.
        first: When the first of its processes began.
        last: When the last of them began.
    """

    branch: Branch
    score: Score
    hosts: int
    known_hosts: int
    fingerprint: str
    tree_id: str
    time: float
    first: float
    last: float


class Pipeline:
    """Takes chunks of rows and answers with scored trees.

    Args:
        catalogue: Roots, signals and allowlist.
        settings: Score bounds, limits, severity bands.
        directory: Where temporary data may live; None keeps it in memory.
    """

    def __init__(
        self, catalogue: Catalogue, settings: Settings, directory: str | None = None
    ) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.store = RowStore(catalogue, directory, settings.maxevents)
        self._matcher = Matcher(catalogue)
        self._linker: Linker | None = None
        self._events: dict[int, list[int]] = {}
        self._summary = ""

    def add(self, body: bytes, more: Iterable[bytes] = ()) -> None:
        """Take in a chunk of CSV with a header.

        Args:
            body: The chunk, or where it comes in blocks that end with a line, the first of them.
            more: The other blocks.

        Raises:
            SpillError: The rows could not be kept.
        """
        self.store.add(body, more)

    def trees(self, minscore: int = 0, baseline: Mapping[str, int] | None = None) -> list[Kept]:
        """Link and score everything; the highest score first, then the earliest.

        Args:
            minscore: Trees that score less are left out.
            baseline: Hosts on which past searches saw a fingerprint; the greater number of those
                and the hosts of this search lowers the score.
        """
        linker = self._linker = Linker(
            self.store, self.catalogue, self.settings.tree_lifetime * 3600
        )
        branches = self._installs(linker)
        alone: list[Kept] = []
        hosts: dict[str, set[str]] = defaultdict(set)
        for branch in branches:
            tree = build(linker, branch, self._events)
            matches = self._matcher.matches(tree)
            value = score(tree, matches, self.settings, self.catalogue.allowances)
            top, mark = tree.top.process, fingerprint(tree)
            hosts[mark].add(_one_host(top.dest))
            known = (baseline or {}).get(mark, 0)
            times = (top.time, *span(tree))
            alone.append(Kept(branch, value, 1, known, mark, tree_id(tree), *times))
        kept = []
        for one in alone:
            count = len(hosts[one.fingerprint])
            value = spread(one.score, max(count, one.known_hosts), self.settings)
            if value.value >= minscore:
                kept.append(replace(one, score=value, hosts=count))
        kept.sort(key=lambda k: (-k.score.value, k.time, k.tree_id))
        self._summarize(linker, branches)
        self._summary += f"; with a score of at least {minscore}: {len(kept):,}"
        return kept

    def _installs(self, linker: Linker) -> list[Branch]:
        """Link everything: return the installs, and keep the events of their processes."""
        active: list[Branch] = []
        idle: list[Branch] = []
        forest = linker.forest()
        bridge(linker, forest)
        for branch in forest:
            (idle if linker.is_idle(branch) else active).append(branch)
        active = tie(linker, active)
        branches = [*active, *idle]
        adopt_first_uses(linker, branches)
        services = installs_of_services(linker, active)
        self._events = self._owned_events(linker, branches, services)
        if adopt_first_runs(linker, branches, self._events):
            self._events = self._owned_events(linker, branches, services)
        hung: Collection[int] | None = None
        for _ in range(ROUNDS_OF_STARTS):
            hung = adopt(linker, branches, self._events, hung)
            if not hung:
                break
            self._events = self._owned_events(linker, branches, services)
        still_idle = {branch.top for branch in idle if linker.is_idle(branch)}
        branches = [branch for branch in branches if branch.top not in still_idle]
        if not still_idle.isdisjoint(self._events):
            self._events = self._owned_events(linker, branches, services)
        return branches

    def _owned_events(
        self, linker: Linker, branches: list[Branch], services: Mapping[int, int]
    ) -> dict[int, list[int]]:
        """Return the events of each process that is in a tree; of services that name none, too."""
        members = {row: row for branch in branches for row in branch.members}
        owned: dict[int, list[int]] = defaultdict(list)
        self.store.counters.unowned_events = 0
        for event in self.store.event_rows:
            owner = services.get(event, -1)
            if owner == -1:
                owner = linker.owner_of(event, members)
            if owner == -1:
                self.store.counters.unowned_events += 1
            else:
                owned[owner].append(event)
        return owned

    def _summarize(self, linker: Linker, branches: list[Branch]) -> None:
        """Say what became of all rows: a copy of a process counts with the process."""
        counters = self.store.counters
        members = (row for branch in branches for row in branch.members if row >= 0)
        inside = sum(len(linker.copies(row)) for row in members)
        inside += len(self.store.event_rows) - counters.unowned_events
        self._summary = (
            f"Rows read: {counters.rows:,}; in installer trees: {inside:,}; outside of them: "
            f"{len(self.store) - inside:,}; not used: {counters.rows - len(self.store):,}. "
            f"Installer trees: {len(branches):,}"
        )

    def _tree(self, kept: Kept) -> Tree:
        assert self._linker is not None
        return build(self._linker, kept.branch, self._events)

    def tree_rows(self, kept: list[Kept]) -> Iterator[dict[str, Value]]:
        """Yield one row a tree, for `output=trees`."""
        for one in kept:
            seen = (one.hosts, one.known_hosts)
            yield tree_row(self._tree(one), one.score, seen, one.fingerprint, one.tree_id)

    def health_rows(self) -> list[dict[str, Value]]:
        """Return one row a data source, for `output=health`."""
        linker = Linker(self.store, self.catalogue, self.settings.tree_lifetime * 3600)
        self._summarize(linker, self._installs(linker))
        return health_rows(self.store, linker)

    def process_columns(self) -> list[str]:
        """Return the columns of `output=processes`: the input's own, then the added ones."""
        names = {name: None for layout in self.store.layouts for name in layout.columns}
        headers = {tuple(layout.columns) for layout in self.store.layouts}
        own = list(names) if len(headers) == 1 else sorted(names)
        return [name for name in own if name not in PROCESS_COLUMNS] + PROCESS_COLUMNS

    def process_rows(
        self, kept: list[Kept], only_drawn: bool = False
    ) -> Iterator[dict[str, Value]]:
        """Yield one row a process of every tree, for `output=processes`.

        Args:
            kept: The trees.
            only_drawn: Only the processes that the drawing of the tree shows, each with the fields
                that the engine read by their names in CIM, whatever their columns are called.
        """
        columns: dict[str, str] = {}
        for layout in reversed(dict.fromkeys(self.store.layouts)):
            columns.update(layout.names)
        for one in kept:
            tree = self._tree(one)
            nodes = process_rows(tree, one.score, one.tree_id)
            if only_drawn:
                shown = set(drawn(tree, one.score))
                nodes = (node for i, node in enumerate(nodes) if i in shown)
            for node, added in nodes:
                row: dict[str, Value] = {}
                if node.row >= 0:
                    layout, values = self.store.values(node.row)
                    for name, (plain, multi) in layout.columns.items():
                        many = values[multi] if multi >= 0 else ""
                        row[name] = all_values(many) if many else values[plain]
                else:
                    row.update((columns.get(name, name), v) for name, v in _known(node.process))
                if only_drawn:
                    row.update(_known(node.process))
                row.update(added)
                yield row

    def messages(self, left_out: str = LEFT_OUT) -> list[Message]:
        """Return what a user should know about the input, each with its level (WARN or INFO).

        Args:
            left_out: What is said of the `{count}` rows beyond the `{most}` that may be read; what
                to do about it is different wherever the limit is set.
        """
        told = self.summary and self.store.counters.processes
        return [*_messages(self, left_out), *([("INFO", self.summary)] if told else [])]

    def unusable(self) -> str:
        """Say why there can be no trees, empty where there is a process creation, or no row."""
        counters = self.store.counters
        return _unusable(self.store) if counters.rows and not counters.processes else ""

    def close(self) -> None:
        """Drop all temporary data."""
        self.store.close()

    @property
    def summary(self) -> str:
        """What became of the rows, once they were linked; empty until then."""
        return f"{self._summary}." if self._summary else ""

    @property
    def cut_values(self) -> int:
        """Values that were too long to be searched to their end."""
        return self._matcher.cut


def _known(process: Process) -> Iterator[tuple[str, str]]:
    """Yield the fields of a process that have a value, by their names in CIM, but for its time."""
    return ((name, value) for name, value in process._asdict().items() if name != "time" and value)


def _one_host(dest: str) -> str:
    """Return the name that a host has with and without its domain; addresses stay whole."""
    name = dest.lower()
    return name if address_type(name) != "other" else name.partition(".")[0]


def _messages(pipeline: Pipeline, left_out: str) -> Iterator[Message]:
    counters, unusable = pipeline.store.counters, pipeline.unusable()
    yield from _skipped(pipeline.catalogue)
    if counters.over_limit:
        most = pipeline.settings.maxevents
        yield "WARN", left_out.format(count=counters.over_limit, most=most)
    if unusable:
        yield "WARN", unusable
    elif counters.rows:
        for count, text in (
            (counters.no_dest, "have no host (dest)"),
            (counters.no_process, "name no process (process_name or process)"),
            (counters.no_identity, "have neither process_id nor process_guid"),
            (counters.no_target, "are file events without file_path"),
        ):
            if count:
                yield "WARN", f"{count:,} of {counters.rows:,} rows were not used: they {text}."
    if counters.bad_time:
        yield (
            "WARN",
            f"{counters.bad_time:,} rows have no usable _time (epoch seconds); they are last.",
        )
    for count, text in (
        (counters.ragged, "rows had more or fewer cells than the header and were filled or cut"),
        (counters.nul_bytes, "NUL bytes were replaced in the input"),
        (counters.bad_utf8, "bytes that are not UTF-8 were replaced in the input"),
        (
            pipeline.cut_values,
            f"values were searched only in their first {MATCH_CHARS:,} characters",
        ),
    ):
        if count:
            yield "WARN", f"{count:,} {text}."


def _skipped(catalogue: Catalogue) -> Iterator[Message]:
    problems = catalogue.problems
    for problem in problems[:SAID_PROBLEMS]:
        yield "WARN", f"A detection entry was skipped, the rest works: {problem}."
    if len(problems) > SAID_PROBLEMS:
        yield "WARN", f"{len(problems) - SAID_PROBLEMS:,} more detection entries were skipped."


def _unusable(store: RowStore) -> str:
    """Say what was looked for and what was found when not one row is a process creation."""
    counters = store.counters
    found = store.seen_columns()
    shown = ", ".join(found[:20]) + (f" and {len(found) - 20} more" if len(found) > 20 else "")
    events = sum(counters.events.values())
    layouts = dict.fromkeys(store.layouts)
    telling = {c for layout in layouts for f, c in layout.names.items() if f in TARGET_FIELDS}
    told_by = f" by what is in {', '.join(sorted(telling))}"
    about = f" ({events:,} are network, file, registry or service events{told_by})"
    about = about if events else ""
    return (
        f"None of the {counters.rows:,} rows is a process creation{about}: "
        "looked for dest, process_name or process, and process_id or process_guid, plain or with a "
        f"data-model prefix such as Processes.dest; found the columns: {shown or 'none'}."
    )
