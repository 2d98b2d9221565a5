"""Matches -> a score from 0 to 100 and every point of it.

Distinct signals combine as noisy-or, 100 * (1 - product(1 - weight / 100)): each adds what the ones
before it left open, so that none can pass 100. Signals of less than `CONTEXT_WEIGHT` are context:
all of them together add no more than `CONTEXT_BOUND` percent of what the others left open, for a
large install does many things that are a little unusual. A single sign that weighs less than
`ALONE_WEIGHT` stays below `medium`, whatever the context: an analyst's time takes two, or a strong
one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone

from .columns import FIRST_TIME, LAST_TIME
from .model import Allowance, Match, Reason, Score, Settings, Signal, Tree
from .regex import MATCH_CHARS
from .signals import node_value

REPEAT_GAIN = 0.05
REPEATS = 4
MAX_WEIGHT = 95.0
WIDE_PREVALENCE = 50
CONTEXT_WEIGHT = 20.0
CONTEXT_BOUND = 20.0
ALONE_WEIGHT = 50.0


def score(
    tree: Tree, matches: Iterable[Match], settings: Settings, allowlist: Iterable[Allowance] = ()
) -> Score:
    """Score a tree by itself.

    Args:
        tree: The tree in which the matches were found.
        matches: What was found; a signal found on several processes gains at most 20%.
        settings: Severity bands, and the percentage that an allowlist may take off.
        allowlist: Entries that make the matches they cover weigh less.

    Returns:
        The score, its severity and one reason for each signal, strongest first. The matches of a
        reason begin with the process that most signals were found on: it is the one to be shown.
    """
    matches = list(matches)
    marks = Counter(node for node, _ in {(m.node, m.signal.signal_id) for m in matches})
    covering = _covering(tree, allowlist)
    by_signal: dict[str, list[Match]] = {}
    for match in matches:
        by_signal.setdefault(match.signal.signal_id, []).append(match)
    weighed = [_weigh(found, covering, settings.allowlist_bound) for found in by_signal.values()]
    weighed.sort(key=lambda w: (-w[1], w[0].signal_id))
    reasons: list[Reason] = []
    used: dict[str, Allowance] = {}
    left = 100.0
    context = 0.0
    for signal, weight, found, allowances in weighed:
        if weight >= CONTEXT_WEIGHT:
            points = left * weight / 100
            left -= points
        else:
            before = min(context, CONTEXT_BOUND)
            context += (100 - context) * weight / 100
            points = left * (min(context, CONTEXT_BOUND) - before) / 100
        used.update((a.allow_id, a) for a in allowances)
        ids = tuple(a.allow_id for a in allowances)
        found.sort(key=lambda match: -marks[match.node])
        reasons.append(Reason(signal, points, weight, tuple(found), ids))
    allowances_used = tuple(used[i] for i in sorted(used))
    exact = 100 - left * (100 - min(context, CONTEXT_BOUND)) / 100
    own = [max(match.weight for match in found) for _, weight, found, _ in weighed if weight]
    signs = [weight for weight in own if weight >= CONTEXT_WEIGHT]
    bound = settings.severity_medium - 1.0
    if exact > bound and len(signs) < 2 and max(signs, default=0) < ALONE_WEIGHT:
        reasons = [replace(r, points=r.points * bound / exact) for r in reasons]
        exact = bound
    return _finished(tuple(reasons), exact, 0.0, allowances_used, settings)


def spread(alone: Score, hosts: int, settings: Settings) -> Score:
    """Lower a score for trees that many hosts share.

    From 2 to 50 hosts take off more and more, up to `prevalence_bound` percent: a wide spread makes
    an attack less likely, but a supply-chain attack is wide too, so it never hides a tree, and what
    is high by itself stays high.
    """
    taken = alone.exact * settings.prevalence_bound / 100 * _share(hosts)
    if alone.value >= settings.severity_high:
        taken = min(taken, max(0.0, alone.exact - settings.severity_high))
    return _finished(alone.reasons, alone.exact - taken, -taken, alone.allowances, settings)


def _finished(
    reasons: tuple[Reason, ...],
    exact: float,
    prevalence: float,
    allowances: tuple[Allowance, ...],
    settings: Settings,
) -> Score:
    value = max(0, min(100, math.floor(exact + 0.5)))
    return Score(value, settings.severity(value), reasons, exact, prevalence, allowances)


def _share(hosts: int) -> float:
    """Return 0 for one host, 1 for `WIDE_PREVALENCE` and more, in between by logarithm."""
    return min(1.0, math.log(max(1, hosts)) / math.log(WIDE_PREVALENCE))


def _weigh(
    matches: list[Match], covering: list[tuple[Allowance, frozenset[int] | None]], bound: int
) -> tuple[Signal, float, list[Match], list[Allowance]]:
    """Return the weight of a signal in this tree and the allowances that lowered it."""
    signal = matches[0].signal
    best, best_allowance = 0.0, None
    for match in matches:
        reduction, allowance = 0.0, None
        for candidate, nodes in covering:
            covers = not candidate.signal_ids or signal.signal_id in candidate.signal_ids
            if (
                covers
                and (nodes is None or match.node in nodes)
                and candidate.reduction > reduction
            ):
                reduction, allowance = candidate.reduction, candidate
        weight = match.weight * (1 - min(reduction, bound) / 100)
        if weight > best:
            best, best_allowance = weight, allowance
    gain = 1 + REPEAT_GAIN * min(len(matches) - 1, REPEATS)
    allowances = [best_allowance] if best_allowance and bound else []
    return signal, min(MAX_WEIGHT, best * gain), matches, allowances


def _covering(
    tree: Tree, allowlist: Iterable[Allowance]
) -> list[tuple[Allowance, frozenset[int] | None]]:
    """Return the entries that apply, each with the nodes that it covers; None is the whole tree.

    An entry that expires applies up to that day, by the time of the tree: not to a tree whose day
    cannot be told.
    """
    day = _day(tree.top.process.time)
    covering: list[tuple[Allowance, frozenset[int] | None]] = []
    for entry in allowlist:
        elsewhere = entry.systems and tree.system not in entry.systems
        if elsewhere or (entry.families and tree.family not in entry.families):
            continue
        if entry.expires and (not day or day > entry.expires):
            continue
        if entry.scope in ("requester", "root"):
            if _allows(entry, tree, 0):
                covering.append((entry, None))
        else:
            nodes = _covered_nodes(entry, tree)
            if nodes:
                covering.append((entry, nodes))
    return covering


def _covered_nodes(entry: Allowance, tree: Tree) -> frozenset[int]:
    nodes = {i for i in range(len(tree.nodes)) if _allows(entry, tree, i)}
    if entry.scope == "subtree" and nodes:
        for i, node in enumerate(tree.nodes):
            if node.parent in nodes:
                nodes.add(i)
    return frozenset(nodes)


def _allows(entry: Allowance, tree: Tree, place: int) -> bool:
    value = node_value(tree.nodes[place], entry.field)
    return bool(value) and bool(entry.pattern.search(value[:MATCH_CHARS]))


def _day(time: float) -> str:
    """Return the UTC day of a tree, nothing where its time makes no sense."""
    if not FIRST_TIME <= time < LAST_TIME:
        return ""
    return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d")
