"""Expressions of eval and where: exact case, null when a part is null, PCRE-like patterns."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from datetime import datetime, timezone
from typing import Any, Callable
from urllib.parse import unquote

from lark import Token, Tree

from .matching import Row, number, text, values_of
from .parse import text_of
from .pipeline import Command

Expression = Callable[[Row], Any]


def compile_expression(tree: Tree[Token], command: Command) -> Expression:
    """Return the function that a syntax tree of the eval grammar is.

    Raises:
        SplError: A function that the runner does not know, with its place.
    """
    parts = tree.children
    if tree.data == "string":
        constant = text_of(parts[0])
        return lambda row: constant
    if tree.data == "number":
        value = float(parts[0])
        return lambda row: value
    if tree.data in ("field", "quoted_field"):
        key = text_of(parts[0])
        return lambda row: row.get(key)
    if tree.data == "call":
        return _call(parts, command)
    if tree.data in ("relation", "arithmetic"):
        left, operator, right = parts
        return OPERATORS[str(operator)](
            compile_expression(left, command), compile_expression(right, command)
        )
    inner = [compile_expression(p, command) for p in parts]
    if tree.data == "negative":
        return lambda row: _map_number(inner[0](row), lambda n: -n)
    if tree.data == "inverse":
        return lambda row: _not(inner[0](row))
    if tree.data == "both":
        return lambda row: _and(inner[0](row), inner[1](row))
    return lambda row: _or(inner[0](row), inner[1](row))


def _call(parts: list[Any], command: Command) -> Expression:
    name, arguments = parts[0], [p for p in parts[1:] if p is not None]
    function = FUNCTIONS.get(str(name))
    if function is None:
        raise command.error(f"the function {name} is not known", name.start_pos or 0)
    return function([compile_expression(a, command) for a in arguments])


def _not(value: Any) -> Any:
    return None if value is None else not value


def _and(left: Any, right: Any) -> Any:
    if left is False or right is False:
        return False
    return None if left is None or right is None else bool(left and right)


def _or(left: Any, right: Any) -> Any:
    if left is True or right is True:
        return True
    return None if left is None or right is None else bool(left or right)


def _map_number(value: Any, change: Callable[[float], float]) -> Any:
    as_number = number(value)
    return None if as_number is None else change(as_number)


def _compare(test: Callable[[Any, Any], bool]) -> Callable[[Expression, Expression], Expression]:
    def build(left: Expression, right: Expression) -> Expression:
        def run(row: Row) -> Any:
            a, b = left(row), right(row)
            if a is None or b is None:
                return None
            if number(a) is not None and number(b) is not None:
                return test(number(a), number(b))
            return any(test(x, y) for x in values_of(a) for y in values_of(b))

        return run

    return build


def _compute(
    change: Callable[[float, float], float | None],
) -> Callable[[Expression, Expression], Expression]:
    def build(left: Expression, right: Expression) -> Expression:
        def run(row: Row) -> Any:
            a, b = number(left(row)), number(right(row))
            return None if a is None or b is None else change(a, b)

        return run

    return build


def _concatenate(left: Expression, right: Expression) -> Expression:
    def run(row: Row) -> Any:
        a, b = left(row), right(row)
        return None if a is None or b is None else text(a) + text(b)

    return run


def _add(left: Expression, right: Expression) -> Expression:
    plus = _compute(lambda a, b: a + b)(left, right)
    joined = _concatenate(left, right)
    return lambda row: joined(row) if plus(row) is None else plus(row)


def _like(left: Expression, right: Expression) -> Expression:
    return _like_call([left, right])


OPERATORS: dict[str, Callable[[Expression, Expression], Expression]] = {
    "=": _compare(lambda a, b: a == b),
    "==": _compare(lambda a, b: a == b),
    "!=": _compare(lambda a, b: a != b),
    "<": _compare(lambda a, b: a < b),
    "<=": _compare(lambda a, b: a <= b),
    ">": _compare(lambda a, b: a > b),
    ">=": _compare(lambda a, b: a >= b),
    "LIKE": _like,
    "+": _add,
    "-": _compute(lambda a, b: a - b),
    "*": _compute(lambda a, b: a * b),
    "/": _compute(lambda a, b: a / b if b else None),
    "%": _compute(lambda a, b: a % b if b else None),
    ".": _concatenate,
}


def regex(pattern: str) -> re.Pattern[str]:
    """Return a pattern as Splunk's PCRE reads it: `(?<name>...)`, classes like `\\s` ASCII only."""
    return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", pattern), re.ASCII)


def _null_safe(function: Callable[..., Any]) -> Callable[[list[Expression]], Expression]:
    def build(arguments: list[Expression]) -> Expression:
        def run(row: Row) -> Any:
            values = [a(row) for a in arguments]
            return None if any(v is None for v in values) else function(*values)

        return run

    return build


def _if(arguments: list[Expression]) -> Expression:
    condition, then, otherwise = arguments
    return lambda row: then(row) if condition(row) is True else otherwise(row)


def _case(arguments: list[Expression]) -> Expression:
    pairs = list(zip(arguments[::2], arguments[1::2]))

    def run(row: Row) -> Any:
        return next((value(row) for condition, value in pairs if condition(row) is True), None)

    return run


def _coalesce(arguments: list[Expression]) -> Expression:
    return lambda row: next((v for v in (a(row) for a in arguments) if v is not None), None)


def _match(value: Any, pattern: str) -> bool:
    return any(regex(pattern).search(v) for v in values_of(value))


def _like_call(arguments: list[Expression]) -> Expression:
    def like(value: Any, pattern: str) -> bool:
        body = re.escape(pattern).replace("%", ".*").replace("_", ".")
        return any(re.fullmatch(body, v, re.DOTALL) for v in values_of(value))

    return _null_safe(like)(arguments)


def _cidr(network: str, address: Any) -> bool:
    try:
        return ipaddress.ip_address(text(address)) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _replace(value: Any, pattern: str, replacement: str) -> str:
    return regex(pattern).sub(re.sub(r"\\(\d)", r"\\g<\1>", replacement), text(value))


def _to_number(value: Any, base: float = 10) -> float | None:
    try:
        return number(value) if base == 10 else float(int(text(value), int(base)))
    except ValueError:
        return None


def _strftime(value: Any, layout: str) -> str | None:
    seconds = number(value)
    if seconds is None:
        return None
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.strftime(layout.replace("%3N", f"{moment.microsecond // 1000:03}"))


def _strptime(value: Any, layout: str) -> float | None:
    """Return the time that a text says, with %3N and %:z as Splunk has them beside Python's."""
    try:
        moment = datetime.strptime(text(value), layout.replace("%3N", "%f").replace("%:z", "%z"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()


def _mvappend(arguments: list[Expression]) -> Expression:
    def run(row: Row) -> Any:
        items = [v for a in arguments for v in values_of(a(row))]
        return items[0] if len(items) == 1 else (items or None)

    return run


def _mvindex(value: Any, start: float, end: Any = None) -> Any:
    items = values_of(value)
    first = int(start) if start >= 0 else len(items) + int(start)
    last = first if end is None else (int(end) if end >= 0 else len(items) + int(end))
    picked = items[first : last + 1]
    return picked[0] if len(picked) == 1 else (picked or None)


FUNCTIONS: dict[str, Callable[[list[Expression]], Expression]] = {
    "if": _if,
    "case": _case,
    "coalesce": _coalesce,
    "mvappend": _mvappend,
    "like": _like_call,
    "isnull": lambda a: lambda row: a[0](row) is None,
    "isnotnull": lambda a: lambda row: a[0](row) is not None,
    "true": lambda a: lambda row: True,
    "false": lambda a: lambda row: False,
    "null": lambda a: lambda row: None,
    "match": _null_safe(_match),
    "cidrmatch": _null_safe(_cidr),
    "replace": _null_safe(_replace),
    "lower": _null_safe(lambda v: text(v).lower()),
    "urldecode": _null_safe(lambda v: unquote(text(v))),
    "md5": _null_safe(lambda v: hashlib.md5(text(v).encode()).hexdigest()),
    "tonumber": _null_safe(_to_number),
    "floor": _null_safe(lambda v: float(math.floor(float(v)))),
    "ceiling": _null_safe(lambda v: float(math.ceil(float(v)))),
    "round": _null_safe(lambda v, digits=0: round(float(v), int(digits))),
    "strftime": _null_safe(_strftime),
    "strptime": _null_safe(_strptime),
    "len": _null_safe(lambda v: float(len(text(v)))),
    "substr": _null_safe(lambda v, s, n=None: text(v)[int(s) - 1 :][: int(n) if n else None]),
    "mvcount": _null_safe(lambda v: float(len(values_of(v)))),
    "mvindex": _null_safe(_mvindex),
    "mvdedup": _null_safe(lambda v: list(dict.fromkeys(values_of(v)))),
    "mvjoin": _null_safe(lambda v, separator: separator.join(values_of(v))),
    "split": _null_safe(lambda v, separator: text(v).split(separator)),
}
