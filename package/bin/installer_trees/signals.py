"""Members of a tree x catalogue -> matches.

Patterns are searched once for each distinct value of a field, however many processes share it;
scopes, families and conditions are looked at only where a pattern was found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Optional

from .catalogue import Catalogue
from .decoded import decoded
from .entries import EVENT_FIELDS
from .events import Event
from .literals import Sieve, folded
from .memo import Memo
from .model import Condition, Match, Node, Signal, Tree
from .naming import renamed_from
from .regex import MATCH_CHARS

CACHED_VALUES = 10_000
"""What was found in values is remembered for so many of them."""
CACHED_KINS = 100
"""Sieves are kept for so many combinations of operating system and families."""
AT_ROOTS = "process of an installer"

Hit = tuple[int, Optional[Event], str]
Kin = tuple[str, frozenset[str]]
"""Operating system and families of a tree: signals of others need not be searched."""


class Matcher:
    """Finds the signals of a catalogue in trees.

    Attributes:
        cut: Values that were longer than `MATCH_CHARS` and searched only so far.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.cut = 0
        self._signals = {signal.signal_id: signal for signal in catalogue.signals}
        self._order = {signal_id: i for i, signal_id in enumerate(self._signals)}
        self._kins: set[Kin] = set()
        self._fields_of: dict[tuple[str, Kin], tuple[str, ...]] = {}
        self._by_field: dict[tuple[str, Kin, str], Sieve[Signal]] = {}
        self._found: Memo[tuple[str, Kin, str, str], tuple[tuple[Signal, str], ...]]
        self._found = Memo(CACHED_VALUES)

    def matches(self, tree: Tree) -> list[Match]:
        """Return what was found, in the order of the catalogue and of the tree.

        Of signals in one group that were found on one process, only the strongest is kept.
        """
        hits = self._hits(tree)
        scene = _Scene(tree)
        for signal_id in sorted(hits, key=self._order.__getitem__):
            signal = self._signals[signal_id]
            scene.add(signal, [hit for hit in hits[signal_id] if scene.holds(signal, hit)])
        return _strongest_of_groups(scene.matches)

    def _hits(self, tree: Tree) -> dict[str, list[Hit]]:
        """Search every value once; the result does not look at scope or conditions yet."""
        hits: dict[str, list[Hit]] = defaultdict(list)
        families = frozenset(node.root.family for node in tree.nodes if node.root is not None)
        kin = (tree.system, families)
        self._make_room(kin)
        for i, node in enumerate(tree.nodes):
            for kind in ("process", AT_ROOTS) if node.root is not None else ("process",):
                for field in self._fields(kind, kin):
                    for signal, text in self._search(kind, kin, field, node_value(node, field)):
                        hits[signal.signal_id].append((i, None, text))
        for i, event in tree.events:
            for field in self._fields(event.kind, kin):
                value = getattr(event, field)
                for signal, text in self._search(event.kind, kin, field, value):
                    hits[signal.signal_id].append((i, event, text))
        for field in self._fields("tree", kin):
            value = str(_tree_value(tree, field))
            for signal, text in self._search("tree", kin, field, value):
                hits[signal.signal_id].append((0, None, text))
        return hits

    def _fields(self, kind: str, kin: Kin) -> tuple[str, ...]:
        """Return the fields to search in rows of a kind; sorts the signals at the first call."""
        known = self._fields_of.get((kind, kin))
        if known is None:
            system, families = kin
            grouped: dict[str, list[Signal]] = defaultdict(list)
            for signal in self._signals.values():
                of_kind = "tree" if signal.scope == "tree" else signal.kind
                if signal.scope == "root" and of_kind == "process":
                    of_kind = AT_ROOTS
                here = not signal.systems or system in signal.systems
                if of_kind == kind and here and signal.weight_in(families) > 0:
                    grouped[signal.field].append(signal)
            for field, signals in grouped.items():
                self._by_field[kind, kin, field] = Sieve(
                    (signal, signal.pattern.needed) for signal in signals
                )
            known = self._fields_of[kind, kin] = tuple(grouped)
        return known

    def _search(
        self, kind: str, kin: Kin, field: str, value: str
    ) -> tuple[tuple[Signal, str], ...]:
        if not value:
            return ()
        is_cut = len(value) > MATCH_CHARS
        if is_cut:
            value = value[:MATCH_CHARS]
        key = (kind, kin, field, value)
        found = self._found.get(key)
        if found is None:
            self.cut += is_cut
            sieve = self._by_field[kind, kin, field]
            signals = sieve.candidates(folded(value))
            pairs = ((signal, signal.pattern.search(value)) for signal in signals)
            found = tuple((s, m[0].strip() or value) for s, m in pairs if m)
            self._found.keep(key, found, len(value))
        return found

    def _make_room(self, kin: Kin) -> None:
        """Drop what was prepared and found for other combinations where there are too many."""
        if kin not in self._kins:
            if len(self._kins) >= CACHED_KINS:
                for known in (self._kins, self._fields_of, self._by_field, self._found):
                    known.clear()
            self._kins.add(kin)


class _Scene:
    """A tree with what has been found in it so far."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.matches: list[Match] = []
        self._on_node: dict[int, set[str]] = defaultdict(set)
        self._in_tree: set[str] = set()
        self._children: dict[int, list[int]] = defaultdict(list)
        self._families: list[frozenset[str]] = []
        self._on: dict[tuple[int, int], bool] = {}
        self._above: dict[tuple[int, int], bool] = {}
        self._below: dict[tuple[int, int], int] = {}
        for i, node in enumerate(tree.nodes):
            self._children[node.parent].append(i)
            above = self._families[node.parent] if node.parent >= 0 else frozenset()
            own = node.root.family if node.root else ""
            self._families.append(above if not own or own in above else above | {own})

    def holds(self, signal: Signal, hit: Hit) -> bool:
        """Tell whether scope, family and conditions hold where a pattern was found."""
        place, event, _ = hit
        node = self.tree.nodes[place]
        if signal.scope == "root" and node.root is None:
            return False
        if signal.scope == "child":
            if node.parent < 0 or self.tree.nodes[node.parent].root is None:
                return False
        elif signal.scope == "descendant" and node.parent < 0:
            return False
        return self._weight(signal, place) > 0 and all(
            self._true(c, place, event) != c.negated for c in signal.conditions
        )

    def _weight(self, signal: Signal, place: int) -> float:
        """Return what a signal is worth on a node, 0 where its families are others."""
        root = self.tree.nodes[place].root
        if signal.scope == "root" and root is not None:
            return signal.weight_in(frozenset((root.family,)))
        return signal.weight_in(self._families[place])

    def _true(self, condition: Condition, place: int, event: Event | None) -> bool:
        """Evaluate a condition as if it were not negated."""
        of = condition.of
        if of == "signal":
            return not self._on_node[place].isdisjoint(condition.signal_ids)
        if of == "tree_signal":
            return not self._in_tree.isdisjoint(condition.signal_ids)
        if of == "self" and event is not None and condition.field in EVENT_FIELDS[event.kind]:
            assert condition.pattern is not None
            value: str = getattr(event, condition.field)
            return bool(condition.pattern.search(value[:MATCH_CHARS]))
        if of == "self":
            return self._found(condition, place)
        return self._found_near(condition, place)

    def _found(self, condition: Condition, place: int) -> bool:
        """Tell whether the pattern of a condition is found on a node; asked once, remembered."""
        key = (id(condition), place)
        answer = self._on.get(key)
        if answer is None:
            assert condition.pattern is not None
            value = node_value(self.tree.nodes[place], condition.field)
            answer = bool(value) and bool(condition.pattern.search(value[:MATCH_CHARS]))
            self._on[key] = answer
        return answer

    def _found_near(self, condition: Condition, place: int) -> bool:
        """Tell whether it is found above a node, beside it, or on a child.

        What is known of a parent is remembered for all its children, so that deep chains and
        parents of many children cost no more than their nodes.
        """
        nodes, number = self.tree.nodes, id(condition)
        if condition.of == "ancestor":
            path = []
            while place >= 0 and (number, place) not in self._above:
                path.append(place)
                place = nodes[place].parent
            for here in reversed(path):
                parent = nodes[here].parent
                self._above[number, here] = parent >= 0 and (
                    self._above[number, parent] or self._found(condition, parent)
                )
            return self._above[number, path[0] if path else place]
        parent = place if condition.of == "child" else nodes[place].parent
        if parent < 0:
            return False
        if (number, parent) not in self._below:
            count = sum(self._found(condition, child) for child in self._children[parent])
            self._below[number, parent] = count
        count = self._below[number, parent]
        return count > (condition.of == "sibling" and self._found(condition, place))

    def add(self, signal: Signal, hits: list[Hit]) -> None:
        """Note what holds; where several distinct texts are asked for, one match for each set."""
        if signal.min_distinct <= 1:
            sets: Iterable[list[Hit]] = ([hit] for hit in hits)
        else:
            grouped: dict[int, list[Hit]] = defaultdict(list)
            for hit in hits:
                by_parent = signal.distinct_within == "parent"
                grouped[self.tree.nodes[hit[0]].parent if by_parent else 0].append(hit)
            sets = grouped.values()
        for group in sets:
            texts = {hit[2].casefold(): hit[2] for hit in reversed(group)}
            if len(texts) >= signal.min_distinct:
                place, event, _ = group[0]
                text = ", ".join(sorted(texts.values(), key=str.casefold))
                weight = self._weight(signal, place)
                self.matches.append(Match(signal, place, text, weight, event))
                for hit in group:
                    self._on_node[hit[0]].add(signal.signal_id)
                self._in_tree.add(signal.signal_id)


def node_value(node: Node, field: str) -> str:
    """Return a process field of a node, or a computed one; missing is an empty string."""
    if field == "process_decoded":
        return decoded(node.process.process)
    if field == "renamed_from":
        return renamed_from(node.process.original_file_name, node.process.process_name)
    value: str = getattr(node if field in ("package", "package_source") else node.process, field)
    return value


def _tree_value(tree: Tree, field: str) -> int:
    if field == "process_count":
        return len(tree.nodes)
    return max(node.depth for node in tree.nodes)


def _strongest_of_groups(matches: list[Match]) -> list[Match]:
    best: dict[tuple[int, str], Match] = {}
    for match in matches:
        if match.signal.group:
            key = (match.node, match.signal.group)
            if key not in best or match.weight > best[key].weight:
                best[key] = match
    return [
        m for m in matches if not m.signal.group or best[m.node, m.signal.group].signal is m.signal
    ]
