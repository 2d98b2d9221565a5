"""How the `search` command and tstats compare: any case, `*` for anything, null never matches."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Callable, Union

from lark import Token, Tree

from .parse import text_of
from .pipeline import Command

Value = Union[str, float, int, list[str], None]
Row = dict[str, Any]
Predicate = Callable[[Row], bool]
ESCAPED_STAR = re.compile(r"(?<!\\)(?:\\\\)*\\\*")
TIME_TERMS = ("earliest", "latest")


def values_of(value: Value) -> list[str]:
    """Return the texts of a value: none for null, several for a multivalue."""
    if value is None:
        return []
    return [text(v) for v in value] if isinstance(value, list) else [text(value)]


def text(value: Any) -> str:
    """Return a value as Splunk shows it: whole numbers without a point."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number(value: Any) -> float | None:
    """Return a value as a number, or None."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


@cache
def wildcard(pattern: str) -> re.Pattern[str]:
    """Return what a pattern with `*` matches: whole values, in any case."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE | re.DOTALL)


def predicate(
    tree: Tree[Token],
    command: Command,
    subsearch: Callable[[int], Predicate],
    field_name: Callable[[Token], str],
) -> Predicate:
    """Return the test that a search expression is.

    Args:
        tree: The expression.
        command: Where it stands, for errors.
        subsearch: Gives the test that a numbered subsearch turns into.
        field_name: Checks a field name and returns the key of a row.
    """

    def build(node: Any) -> Predicate:
        if isinstance(node, Token):
            raise command.error("a bare word is not known here", node.start_pos or 0)
        parts = node.children
        if node.data == "all_of":
            left, right = build(parts[0]), build(parts[1])
            return lambda row: left(row) and right(row)
        if node.data == "any_of":
            left, right = build(parts[0]), build(parts[1])
            return lambda row: left(row) or right(row)
        if node.data == "none_of":
            inner = build(parts[0])
            return lambda row: not inner(row)
        if node.data == "subsearch":
            return subsearch(int(parts[0].strip("[] ")))
        if node.data == "compare":
            return _comparison(parts, command, field_name)
        if node.data == "is_in":
            key = field_name(parts[0])
            tests = [_equals(p, command) for p in parts[1:]]
            return lambda row: any(t(v) for v in values_of(row.get(key)) for t in tests)
        return _term(parts[0], command)

    return build(tree)


def _comparison(
    parts: list[Token], command: Command, field_name: Callable[[Token], str]
) -> Predicate:
    name, operator, value = parts
    if name in TIME_TERMS:
        return lambda row: True  # the time range was taken from the expression before
    key = field_name(name)
    if operator in ("=", "!="):
        equals = _equals(value, command)
        if operator == "=":
            return lambda row: any(map(equals, values_of(row.get(key))))
        return lambda row: any(not equals(v) for v in values_of(row.get(key)))
    limit = number(text_of(value))
    if limit is None:
        raise command.error(f"{operator} compares numbers only", value.start_pos or 0)
    return lambda row: any(_ordered(number(v), operator, limit) for v in values_of(row.get(key)))


def _ordered(value: float | None, operator: str, limit: float) -> bool:
    if value is None:
        return False
    return {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[
        operator
    ]


def _equals(value: Token, command: Command) -> Callable[[str], bool]:
    if ESCAPED_STAR.search(value):
        raise command.error("an escaped * does not stay one in Splunk", value.start_pos or 0)
    if "\\" in value and value[0] != '"':
        raise command.error("a backslash outside quotes", value.start_pos or 0)
    pattern = text_of(value)
    if "*" not in pattern:
        wanted, as_number = pattern.lower(), number(pattern)
        if as_number is None:
            return lambda v: v.lower() == wanted
        return lambda v: v.lower() == wanted or number(v) == as_number
    matches = wildcard(pattern).fullmatch
    return lambda v: matches(v) is not None


def _term(value: Token, command: Command) -> Predicate:
    pattern = text_of(value)
    if pattern == "*":
        return lambda row: True
    if value[0] != '"' and re.search(r"[\\/]", pattern):
        raise command.error("put a term with slashes in quotes", value.start_pos or 0)
    matches = wildcard(f"*{pattern}*").fullmatch
    return lambda row: any(matches(v) for v in values_of(row.get("_raw")))
