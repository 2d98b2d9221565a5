"""Commands that bring other rows in, or keep rows: lookup, outputlookup, join, append."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Callable, NamedTuple

from lark import Token, Tree

from .matching import Row, text, values_of, wildcard
from .parse import parse, text_of
from .pipeline import Command

if TYPE_CHECKING:
    from .runner import Run

SUBSEARCH_ROWS = 50000
FORMATTED = "search"
"""Field that `format` fills."""


class Lookup(NamedTuple):
    """A lookup definition of transforms.conf with the rows of its file."""

    rows: list[Row]
    columns: list[str]
    match_types: dict[str, str]
    case_sensitive: bool
    max_matches: int


def lookup(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `lookup`: add the output fields of the entries that match."""
    tree = parse(command, "lookup")
    split_at = next((i for i, c in enumerate(tree.children) if _is_output(c)), len(tree.children))
    name = next(c for c in tree.children if isinstance(c, Token))
    definition = run.lookup(text_of(name), command)
    keys = _pairs(tree.children[:split_at])
    outputs = _pairs(tree.children[split_at:])
    for column, _ in keys + outputs:
        if column not in definition.columns:
            raise command.error(f"{column} is not a column of the lookup {name}")
    return [_looked_up(row, definition, keys, outputs) for row in rows]


def _is_output(child: object) -> bool:
    return isinstance(child, Token) and child.type == "OUTPUT"


def _pairs(children: list[object]) -> list[tuple[str, str]]:
    nodes = [c for c in children if isinstance(c, Tree) and c.data == "join_key"]
    return [(text_of(c.children[0]), text_of(c.children[1] or c.children[0])) for c in nodes]


def _looked_up(
    row: Row,
    definition: Lookup,
    keys: list[tuple[str, str]],
    outputs: list[tuple[str, str]],
) -> Row:
    tests = [(field, _test(definition, column)) for column, field in keys]
    found = [
        entry
        for entry in definition.rows
        if all(
            any(test(text(entry[column]), value) for value in values_of(row.get(field)))
            for (column, _), (field, test) in zip(keys, tests)
        )
    ][: definition.max_matches]
    if not found:
        return row
    added = {new: [entry[column] for entry in found] for column, new in outputs}
    return {**row, **{k: v[0] if len(v) == 1 else v for k, v in added.items()}}


def _test(definition: Lookup, column: str) -> Callable[[str, str], bool]:
    kind = definition.match_types.get(column, "EXACT")
    if kind == "CIDR":
        return lambda entry, value: _in_network(entry, value)
    if kind == "WILDCARD" and not definition.case_sensitive:
        return lambda entry, value: wildcard(entry).fullmatch(value) is not None
    if definition.case_sensitive:
        return lambda entry, value: entry == value
    return lambda entry, value: entry.lower() == value.lower()


def _in_network(network: str, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network)
    except ValueError:
        return False


def join(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run an inner `join` with a subsearch, which is cut at 50,000 rows; first match only."""
    children = [c for c in parse(command, "join").children if isinstance(c, Token)]
    names = [text_of(c) for c in children if c.type != "SUBSEARCH"]
    other = run.subsearch(command.subsearches[0])[:SUBSEARCH_ROWS]
    joined = []
    for row in rows:
        match = next((o for o in other if all(_same(row, o, n) for n in names)), None)
        if match:
            joined.append({**row, **match})
    return joined


def append(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `append`: the rows of a subsearch after the others, cut at 50,000 rows."""
    _options(command, "append", {"maxtime", "maxout", "timeout"})
    return rows + run.subsearch(command.subsearches[0])[:SUBSEARCH_ROWS]


def formatted(command: Command, rows: list[Row]) -> list[Row]:
    """Run `format`: one row with the text that a subsearch puts into the search around it.

    Of no rows Splunk makes a test that nothing passes; here that is what no rows are.
    """
    children = parse(command, "format").children
    start, opened, between, closed, next_row, end = map(text_of, children)
    tests = []
    for row in rows:
        pairs = ((k, text(v)) for k, v in sorted(row.items()) if not k.startswith(("_", "\0")))
        told = f" {between} ".join(f"{k}={_quoted(v)}" for k, v in pairs)
        tests.append(f"{opened} {told} {closed}")
    return [{FORMATTED: f"{start} {f' {next_row} '.join(tests)} {end}"}] if tests else []


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def appendpipe(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `appendpipe`: what a pipeline makes of the rows, after them."""
    return rows + run.search_on(rows, f"|{command.subsearches[0]}")


def outputlookup(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `outputlookup append=true key_field=_key`: replace entries by key, add the others."""
    options = _options(command, "outputlookup", {"append", "key_field"})
    tree = parse(command, "outputlookup")
    name = next(c for c in tree.children if isinstance(c, Token))
    definition = run.lookup(text_of(name), command)
    if options != {"append": "true", "key_field": "_key"}:
        raise command.error("outputlookup is known with append=true key_field=_key only")
    kept = {text(entry["_key"]): entry for entry in definition.rows}
    for row in rows:
        kept[text(row["_key"])] = {c: text(row.get(c, "")) for c in definition.columns}
    definition.rows[:] = kept.values()
    return rows


def _options(command: Command, rule: str, known: set[str]) -> dict[str, str]:
    """Return the options of a command, or refuse one that is not known."""
    given = [c.children for c in parse(command, rule).children if isinstance(c, Tree)]
    options = {text_of(name): text_of(value) for name, value in given}
    for name in options.keys() - known:
        raise command.error(f"the option {name} of {rule} is not known")
    return options


def _same(row: Row, other: Row, name: str) -> bool:
    return name in row and name in other and values_of(row[name]) == values_of(other[name])
