"""The values that the stages hand to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .events import EVENT_KINDS, Event, Process
from .regex import MATCH_CHARS, Regex

_ANY_NAME = re.compile(r"\*(?:\.\w+)?$")


@dataclass(frozen=True)
class Root:
    """One row of the roots catalogue: what counts as a process of an installer.

    Names are in lower case and may hold `*` and `?`. Where there is a `sibling_pattern`, another
    process of the same parent must match it at about the same time. A service does the work of
    requests of the families that it `serves`, its own first. A carrier installs nothing, and counts
    only where something grew from it.
    """

    root_id: str
    os: str
    family: str
    role: str
    names: tuple[str, ...]
    original_names: tuple[str, ...]
    path_pattern: Regex | None
    args_pattern: Regex | None
    exclude_pattern: Regex | None
    package_pattern: Regex | None
    parent_pattern: Regex | None = None
    sibling_pattern: Regex | None = None
    serves: tuple[str, ...] = ()

    @property
    def has_name(self) -> bool:
        """Whether the name of the process says something: `*` and `*.exe|*.scr` do not."""
        return not all(_ANY_NAME.match(name) for name in self.names)

    def package_of(self, process: str) -> str:
        """Return the package that a command line names, an empty string if it names none."""
        if self.package_pattern is None:
            return ""
        found = self.package_pattern.search(process[:MATCH_CHARS])
        return (found[1] or "") if found else ""


@dataclass(frozen=True)
class Condition:
    """One clause that must hold besides the pattern of a signal.

    `of` is `self`, `ancestor`, `sibling`, `child` (then `field` and `pattern` are set) or
    `signal`, `tree_signal` (then `signal_ids` is set).
    """

    of: str
    negated: bool
    field: str = ""
    pattern: Regex | None = None
    signal_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Signal:
    """One row of the signals catalogue: something that is worth points.

    `bounds` holds the most points that it is worth in some families.
    """

    signal_id: str
    title: str
    families: frozenset[str]
    bounds: Mapping[str, float]
    systems: frozenset[str]
    kind: str
    scope: str
    field: str
    pattern: Regex
    conditions: tuple[Condition, ...]
    min_distinct: int
    distinct_within: str
    weight: float
    group: str
    mitre_technique_id: tuple[str, ...]
    rationale: str = ""
    source: str = ""
    known_false_positives: str = ""

    def weight_in(self, families: frozenset[str]) -> float:
        """Return the points that it is worth below installers of these families, 0 for none."""
        if not self.families and not self.bounds:
            return self.weight
        here = families & self.families if self.families else families
        if not here:
            return 0 if self.families else self.weight
        return max(min(self.weight, self.bounds.get(family, self.weight)) for family in here)


@dataclass(frozen=True)
class Allowance:
    """One row of the allowlist: what makes covered matches weigh less."""

    allow_id: str
    title: str
    systems: frozenset[str]
    families: frozenset[str]
    scope: str
    field: str
    pattern: Regex
    signal_ids: frozenset[str]
    reduction: float
    expires: str
    reason: str = ""


def patterns_of(made: Root | Signal | Allowance) -> Iterator[tuple[str, Regex]]:
    """Yield the patterns of a row, each with the column that it is in."""
    for column, value in made.__dict__.items():
        if isinstance(value, Regex):
            yield column, value
    if isinstance(made, Signal):
        for condition in made.conditions:
            if condition.pattern is not None:
                yield "conditions", condition.pattern


@dataclass(frozen=True)
class Node:
    """A process in its tree.

    `parent` is the index of the parent in `Tree.nodes`, -1 for the top. `link` says what tied it
    to its parent: `guid`, `pid`, `parent_fields`, `tie`, or nothing for the top. `row` is the
    number of the input row, -1 for a parent that never arrived and is known from its children.
    `package_source` is the command line that named the package before the install was asked for.
    """

    process: Process
    row: int
    parent: int
    depth: int
    link: str
    root: Root | None = None
    package: str = ""
    package_source: str = ""


@dataclass(frozen=True)
class Tree:
    """One install: nodes in printing order, a parent always before its children."""

    nodes: tuple[Node, ...]
    events: tuple[tuple[int, Event], ...]
    family: str
    system: str

    @property
    def top(self) -> Node:
        """The process that the tree grows from."""
        return self.nodes[0]


@dataclass(frozen=True)
class Match:
    """A signal found on a process (index in `Tree.nodes`), with the text that gave it away.

    `weight` is what the signal is worth below the installers that the process belongs to.
    """

    signal: Signal
    node: int
    text: str
    weight: float
    event: Event | None = None


@dataclass(frozen=True)
class Reason:
    """What one signal adds to the score of a tree, all its matches taken together.

    `points` of all reasons and the (negative) `prevalence` of the score add up to the score.
    """

    signal: Signal
    points: float
    weight: float
    matches: tuple[Match, ...]
    allowances: tuple[str, ...] = ()


@dataclass(frozen=True)
class Score:
    """The score of one tree, 0 to 100, and all that it is made of."""

    value: int
    severity: str
    reasons: tuple[Reason, ...]
    exact: float
    prevalence_points: float
    allowances: tuple[Allowance, ...]


@dataclass(frozen=True)
class Settings:
    """What the configuration page holds; the defaults are the shipped ones.

    Units: scores and severities in points, `tree_lifetime` in hours, bounds in percent.
    `prevalence_baseline` asks for the hosts of past searches as well.
    """

    minscore: int = 0
    maxevents: int = 2_000_000
    tree_lifetime: float = 24
    severity_low: int = 20
    severity_medium: int = 40
    severity_high: int = 60
    severity_critical: int = 80
    allowlist_bound: int = 60
    prevalence_bound: int = 20
    prevalence_baseline: bool = False

    def severity(self, score: int) -> str:
        """Return the band that `score` falls in."""
        for name in ("critical", "high", "medium", "low"):
            if score >= getattr(self, f"severity_{name}"):
                return name
        return "informational"


@dataclass
class Counters:
    """What became of the rows; mutable, since it is counted as the rows come in.

    `rows` = `processes` + `events` + the refused ones; `over_limit` rows come on top of `rows`.
    """

    rows: int = 0
    processes: int = 0
    events: dict[str, int] = field(default_factory=lambda: dict.fromkeys(EVENT_KINDS, 0))
    no_dest: int = 0
    no_process: int = 0
    no_identity: int = 0
    no_target: int = 0
    bad_time: int = 0
    ragged: int = 0
    nul_bytes: int = 0
    bad_utf8: int = 0
    over_limit: int = 0
    unowned_events: int = 0
