"""stats and eventstats, and the groups that tstats shares with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, NamedTuple

from lark import Token, Tree

from .matching import Row, number, text, values_of
from .parse import parse, text_of
from .pipeline import Command

PARTIAL = "\0partial"
"""Key of the source rows that a row of `tstats prestats=true` stands for."""
PREPARED = "\0prepared"
"""Key of the aggregates that such a row can answer."""


class Aggregate(NamedTuple):
    """One `function(field) as name`."""

    function: str
    field: str
    name: str

    @property
    def expression(self) -> str:
        """The aggregate as written, which is also its name without `as`."""
        return f"{self.function}({self.field})" if self.field else self.function


def _numbers(values: list[str]) -> list[float]:
    return [n for n in map(number, values) if n is not None]


def _least(values: list[str], pick: Callable[..., Any]) -> Any:
    numbers = _numbers(values)
    return pick(numbers) if numbers and len(numbers) == len(values) else pick(values)


FUNCTIONS: dict[str, Callable[[list[str]], Any]] = {
    "count": len,
    "dc": lambda values: len(set(values)),
    "values": lambda values: sorted(set(values)),
    "min": lambda values: _least(values, min),
    "max": lambda values: _least(values, max),
    "sum": lambda values: sum(_numbers(values)),
}


def aggregates(tree: Tree[Token], command: Command) -> list[Aggregate]:
    """Return the aggregates of a `stats` or `tstats` tree."""
    found = []
    for node in tree.find_data("aggregate"):
        function, field, name = node.children
        if str(function) not in FUNCTIONS:
            raise command.error(f"the aggregate {function} is not known", function.start_pos or 0)
        plain = Aggregate(str(function), "" if field is None else text_of(field), "")
        found.append(plain._replace(name=text_of(name) if name else plain.expression))
    return found


def by_fields(tree: Tree[Token]) -> tuple[list[Token], dict[str, str]]:
    """Return the fields of a `by` clause, and its options."""
    clause = next(tree.find_data("by"), None)
    children = clause.children if clause else []
    options = {str(c.children[0]): text_of(c.children[1]) for c in children if isinstance(c, Tree)}
    return [c for c in children if not isinstance(c, Tree)], options


def compute(wanted: Iterable[Aggregate], rows: list[Row]) -> Row:
    """Return the aggregates over the rows of one group; one without values is null."""
    result: Row = {}
    for item in wanted:
        source = [r for row in rows for r in row.get(PARTIAL, (row,))]
        if item.function == "count" and not item.field:
            result[item.name] = len(source)
            continue
        values = [v for row in source for v in values_of(row.get(item.field))]
        if values or item.function in ("count", "dc"):
            answer = FUNCTIONS[item.function](values)
            single = isinstance(answer, list) and len(answer) == 1
            result[item.name] = answer[0] if single else answer
    return result


def group(keys: list[str], rows: Iterable[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Return rows by the texts of their keys; a row in which one is null is left out."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        combinations: list[tuple[str, ...]] = [()]
        for key in keys:
            values = values_of(row.get(key))
            combinations = [(*c, v) for c in combinations for v in values]
        for combination in combinations:
            groups.setdefault(combination, []).append(row)
    return groups


def stats(command: Command, rows: list[Row]) -> list[Row]:
    """Run `stats`: a row a group, sorted by group; without `by` always one row."""
    tree = parse(command, "stats")
    wanted, keys = aggregates(tree, command), [text_of(f) for f in by_fields(tree)[0]]
    _check_prepared(wanted, rows, command)
    groups = group(keys, rows) if keys else {(): rows}
    return [
        {**dict(zip(keys, values)), **compute(wanted, members)}
        for values, members in sorted(groups.items())
    ]


def eventstats(command: Command, rows: list[Row]) -> list[Row]:
    """Run `eventstats`: the aggregates of its group on every row."""
    tree = parse(command, "stats")
    wanted, keys = aggregates(tree, command), [text_of(f) for f in by_fields(tree)[0]]
    answers = {
        values: compute(wanted, members)
        for values, members in (group(keys, rows) if keys else {(): rows}).items()
    }
    return [{**row, **answers.get(tuple(text(row.get(k)) for k in keys), {})} for row in rows]


def _check_prepared(wanted: list[Aggregate], rows: list[Row], command: Command) -> None:
    for row in rows:
        prepared = row.get(PREPARED)
        missing = [w.expression for w in wanted if prepared and w.expression not in prepared]
        if missing:
            raise command.error(f"{missing[0]} was not prepared by tstats prestats=true")
