"""Texts that an automaton can read over and over, and the loops in which it does so."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from .automaton import ALL, SEARCH, SYMBOLS, UNLIMITED, Automaton

_READABLE = "abcdefghijklmnopqrstuvwxyz0123456789-/ .\\"

Loop = frozenset[int]
Places = tuple[int, ...]
_State = tuple[Places, bool]
_Step = tuple[Places, int, tuple[int, ...], bool]
_Came = dict[_State, Optional[tuple[_State, int, tuple[int, ...]]]]


@dataclass(frozen=True)
class Pump:
    """A text that readers of the automaton can read over and over.

    Attributes:
        text: What they read once.
        times: How often each of them can read it.
        places: Where the last of them passes.
        letters: The shortest text that does as well when it is read over and over, as the
            characters of which each of its own may be one.
    """

    text: str
    times: tuple[float, ...]
    places: frozenset[int]
    letters: tuple[int, ...]

    def width(self, reader: int) -> float:
        """Return how many characters of such a text a reader can read in all."""
        return min(float(UNLIMITED), self.times[reader] * len(self.text))


def widest(
    automaton: Automaton, stay: tuple[Loop | None, ...], start: Places, goal: Places | None
) -> Pump | None:
    """Return a text that can be read as often as one likes, else one that can be read at all."""
    unlimited = pump(automaton, stay, start, goal, UNLIMITED)
    return unlimited or pump(automaton, stay, start, goal, 1)


def pump(
    automaton: Automaton,
    stay: tuple[Loop | None, ...],
    start: Places,
    goal: Places | None,
    least: int,
) -> Pump | None:
    """Return the shortest text with which readers get from their places to others.

    Args:
        automaton: What they read with.
        stay: The loop that each of them may not leave; None for any place.
        start: Where they begin.
        goal: Where they end; None is any place at which all of them meet. Where it is also the
            start, they must have taken different ways.
        least: Steps that can be taken less often are left out.
    """
    apart = goal == start
    came: _Came = {(start, False): None}
    queue: deque[_State] = deque(came)
    while queue:
        here = queue.popleft()
        for places, letters, times, different in _steps(automaton, stay, here[0], least):
            there = (places, apart and (here[1] or different))
            if len(set(places)) == 1 if goal is None else there == (goal, apart):
                return _told(automaton, came, here, (places, letters, times))
            if there not in came:
                came[there] = (here, letters, times)
                queue.append(there)
    return None


def _steps(
    automaton: Automaton, stay: tuple[Loop | None, ...], places: Places, least: int
) -> Iterator[_Step]:
    """Yield where readers of one text can be after its next character.

    Each time with the characters that lead there, how often each reader can step so, and whether
    they took different ways.
    """
    found: list[tuple[Places, int, tuple[int, ...], Places]] = [((), ALL, (), ())]
    for place, loop in zip(places, stay):
        ways = [
            (there, automaton.masks[there], times, number)
            for there, all_times in automaton.after.get(place, {}).items()
            if loop is None or there in loop
            for number, times in enumerate(all_times[:2])
            if times >= least
        ]
        if place == SEARCH:
            ways.append((SEARCH, ALL, UNLIMITED, 0))
        found = [
            ((*there, place), letters & more, (*times, often), (*numbers, number))
            for there, letters, times, numbers in found
            for place, more, often, number in ways
            if letters & more
        ]
        automaton.spend(1 + len(found))
    for there, letters, times, numbers in found:
        yield there, letters, times, len(set(there)) > 1 or len(set(numbers)) > 1


def _told(
    automaton: Automaton, came: _Came, here: _State, last: tuple[Places, int, tuple[int, ...]]
) -> Pump:
    """Follow the steps back to where they began, and say what was read and how often it can be."""
    steps = [(here[0], *last)]
    before = came[here]
    while before is not None:
        steps.append((before[0][0], here[0], *before[1:]))
        here = before[0]
        before = came[here]
    text = "".join(letter(letters) for _, _, letters, _ in reversed(steps))
    times = []
    for reader in range(len(here[0])):
        taken = Counter((old[reader], new[reader], often[reader]) for old, new, _, often in steps)
        times.append(max(1.0, min(step[2] / count for step, count in taken.items())))
    read = [letters for _, _, letters, _ in reversed(steps)]
    folded = _folded(read, _kept(automaton, here[0][0]) & _kept(automaton, last[0][-1]))
    return Pump(text, tuple(times), frozenset(new[-1] for _, new, _, _ in steps), folded)


def _kept(automaton: Automaton, place: int) -> int:
    """Return the characters after each of which a reader can stay where it is."""
    if place == SEARCH:
        return ALL
    return automaton.masks[place] if place in automaton.after.get(place, ()) else 0


def _folded(read: list[int], kept: int) -> tuple[int, ...]:
    """Return the shortest text that, over and over, is also what was read.

    It can begin at each of its turns where both the first and the last reader can wait: `a@` from
    one repeat to the next is `@` over and over, which is twice as many places.

    Args:
        read: The characters of which each that was read may be one.
        kept: Those for which the readers can wait.
    """
    for length in range(1, len(read)):
        turns = [kept] * length
        for i, letters in enumerate(read):
            turns[i % length] &= letters
        if all(turns):
            return tuple(turns)
    return tuple(read)


def letter(letters: int) -> str:
    """Return one of some characters, a readable one if there is one."""
    for symbol in _READABLE:
        if letters >> ord(symbol) & 1:
            return symbol
    return SYMBOLS[(letters & -letters).bit_length() - 1]


def loops(automaton: Automaton, least: int = 1) -> list[Loop]:
    """Return the sets of places that can be left and come back to, in the order of a text.

    Args:
        automaton: The places and steps.
        least: Steps that can be taken less often are left out.
    """
    after = {
        place: [
            there for there, times in automaton.after.get(place, {}).items() if max(times) >= least
        ]
        for place in range(len(automaton.masks))
    }
    before: dict[int, list[int]] = {place: [] for place in after}
    for place, nexts in after.items():
        automaton.spend(1 + len(nexts))
        for there in nexts:
            before[there].append(place)
    found: list[Loop] = []
    seen: set[int] = set()
    for place in reversed(_left_in_order(after)):
        if place not in seen:
            group = _reached(before, place, seen)
            if len(group) > 1 or place in after[place]:
                found.append(frozenset(group))
    return found


def reached(automaton: Automaton, loop: Loop) -> set[int]:
    """Return the places of a loop and those that can come after it."""
    group = _reached(automaton.after, min(loop), set())
    automaton.spend(sum(len(automaton.after.get(place, ())) for place in group))
    return group


def _left_in_order(after: dict[int, list[int]]) -> list[int]:
    """Return all places, each after those that can be reached from it by a way of its own."""
    order: list[int] = []
    seen: set[int] = set()
    for root in after:
        if root in seen:
            continue
        seen.add(root)
        way = [(root, iter(after[root]))]
        while way:
            place, nexts = way[-1]
            there = next((n for n in nexts if n not in seen), None)
            if there is None:
                order.append(place)
                way.pop()
            else:
                seen.add(there)
                way.append((there, iter(after[there])))
    return order


def _reached(after: Mapping[int, Iterable[int]], start: int, seen: set[int]) -> set[int]:
    """Return what is reached from a place and was not seen before; marks it as seen."""
    seen.add(start)
    group, queue = {start}, [start]
    while queue:
        for there in after.get(queue.pop(), ()):
            if there not in seen:
                seen.add(there)
                group.add(there)
                queue.append(there)
    return group
