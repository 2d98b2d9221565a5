"""Commands that work on the rows they are given, row by row or as a list."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from lark import Token, Tree

from .evaluation import compile_expression, regex
from .matching import Row, number, text, values_of, wildcard
from .parse import parse, text_of
from .pipeline import Command

SORT_LIMIT = 10000


def where(command: Command, rows: list[Row]) -> list[Row]:
    """Keep the rows for which the expression is true; null is not."""
    holds = compile_expression(parse(command, "where").children[0], command)
    return [row for row in rows if holds(row) is True]


def evaluate(command: Command, rows: list[Row]) -> list[Row]:
    """Run `eval`: set fields; null removes the field."""
    assignments = [
        (text_of(node.children[0]), compile_expression(node.children[1], command))
        for node in parse(command, "eval").find_data("assignment")
    ]
    result = []
    for row in rows:
        changed = dict(row)
        for name, expression in assignments:
            value = expression(changed)
            if isinstance(value, bool):
                raise command.error(f"{name} would be a Boolean, which eval cannot store")
            changed[name] = value
            if value is None:
                del changed[name]
        result.append(changed)
    return result


def rename(command: Command, rows: list[Row]) -> list[Row]:
    """Run `rename`, with `*` in both names."""
    for node in parse(command, "rename").find_data("renaming"):
        old, new = map(text_of, node.children)
        if old.count("*") != new.count("*"):
            raise command.error(f"{old} and {new} differ in wildcards")
        pattern = re.compile(re.escape(old).replace(r"\*", "(.*)"))
        rows = [_renamed(row, pattern, new) for row in rows]
    return rows


def _renamed(row: Row, pattern: re.Pattern[str], new: str) -> Row:
    renamed: Row = {}
    for key, value in row.items():
        found = pattern.fullmatch(key)
        if found:
            key = new.replace("*", "{}").format(*found.groups())
        renamed[key] = value
    return renamed


def fields(command: Command, rows: list[Row]) -> list[Row]:
    """Run `fields`: keep or, with `-`, remove; internal fields stay."""
    minus, *names = parse(command, "fields").children
    patterns = [wildcard(text_of(n)) for n in names]
    return [
        {
            key: value
            for key, value in row.items()
            if any(p.fullmatch(key) for p in patterns) != bool(minus)
            or (key.startswith("_") and not minus)
        }
        for row in rows
    ]


def table(command: Command, rows: list[Row]) -> list[Row]:
    """Run `table`: these columns in this order."""
    names = [text_of(n) for n in parse(command, "table").children]
    return [{name: row[name] for name in names if name in row} for row in rows]


def sort(command: Command, rows: list[Row]) -> list[Row]:
    """Run `sort`: 10,000 rows at most unless a number is given, 0 for all."""
    limit, *keys = parse(command, "sort").children
    count = SORT_LIMIT if limit is None else int(limit)
    for key in reversed(keys):
        sign, name = key.children
        rows = sorted(rows, key=lambda row: _sort_key(row, text_of(name)), reverse=sign == "-")
    return rows[:count] if count else rows


def _sort_key(row: Row, name: str) -> tuple[int, float, str]:
    value = row.get(name)
    as_number = number(value)
    if as_number is not None:
        return 0, as_number, ""
    return 1, 0.0, "".join(values_of(value))


def dedup(command: Command, rows: list[Row]) -> list[Row]:
    """Run `dedup`: the first row of each combination; rows without one of the fields go."""
    names = [text_of(n) for n in parse(command, "dedup").children]
    seen, kept = set(), []
    for row in rows:
        key = tuple(tuple(values_of(row.get(n))) for n in names)
        if all(key) and key not in seen:
            seen.add(key)
            kept.append(row)
    return kept


def head(command: Command, rows: list[Row]) -> list[Row]:
    """Run `head`: the first rows."""
    return rows[: int(parse(command, "head").children[0])]


def fillnull(command: Command, rows: list[Row]) -> list[Row]:
    """Run `fillnull` with a list of fields."""
    children = parse(command, "fillnull").children
    option = next((c for c in children if isinstance(c, Tree)), None)
    value = text_of(option.children[1]) if option else "0"
    names = [text_of(c) for c in children if isinstance(c, Token)]
    if not names:
        raise command.error("fillnull without fields fills what other rows have: name them")
    return [{**row, **{n: value for n in names if row.get(n) is None}} for row in rows]


def filldown(command: Command, rows: list[Row]) -> list[Row]:
    """Run `filldown`: a null takes the last value above it."""
    names = [text_of(n) for n in parse(command, "filldown").children]
    last: Row = {}
    filled = []
    for row in rows:
        last = {n: last.get(n) if row.get(n) is None else row[n] for n in names}
        filled.append({**row, **{n: v for n, v in last.items() if v is not None}})
    return filled


def accum(command: Command, rows: list[Row]) -> list[Row]:
    """Run `accum field as name`: the running total of a field."""
    source, target = map(text_of, parse(command, "accum").children)
    total, summed = 0.0, []
    for row in rows:
        total += number(row.get(source)) or 0.0
        summed.append({**row, target: total})
    return summed


def mvexpand(command: Command, rows: list[Row]) -> list[Row]:
    """Run `mvexpand`: a row for each value; a row without one stays."""
    name = text_of(parse(command, "mvexpand").children[0])
    return [
        {**row, name: value} if value is not None else row
        for row in rows
        for value in values_of(row.get(name)) or [None]
    ]


def convert(command: Command, rows: list[Row]) -> list[Row]:
    """Run `convert ctime(field)` with a time format, in UTC."""
    tree = parse(command, "convert")
    options = {str(o.children[0]): text_of(o.children[1]) for o in tree.find_data("option")}
    layout = options.get("timeformat", "%m/%d/%Y %H:%M:%S")
    for node in tree.find_data("conversion"):
        function, name, new = node.children
        if function != "ctime":
            raise command.error(f"{function} is not known", function.start_pos or 0)
        old, target = text_of(name), text_of(new or name)
        rows = [{**row, target: _ctime(row[old], layout)} if old in row else row for row in rows]
    return rows


def _ctime(value: object, layout: str) -> str:
    seconds = number(value)
    if seconds is None:
        return text(value)
    return datetime.fromtimestamp(seconds, timezone.utc).strftime(layout)


def rex(command: Command, rows: list[Row]) -> list[Row]:
    """Run `rex field=... "..."`: named groups become fields."""
    option, pattern = parse(command, "rex").children
    source, compiled = text_of(option.children[1]), regex(text_of(pattern))
    result = []
    for row in rows:
        found = next((m for m in map(compiled.search, values_of(row.get(source))) if m), None)
        groups = found.groupdict() if found else {}
        result.append({**row, **{k: v for k, v in groups.items() if v is not None}})
    return result
