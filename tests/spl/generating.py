"""Commands that make rows, tstats above all, or need to know the run they are in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lark import Token, Tree

from .aggregating import PARTIAL, PREPARED, aggregates, by_fields, compute, group
from .datamodel import DATASETS, model_rows
from .matching import TIME_TERMS, Predicate, Row, number, predicate
from .parse import parse, text_of
from .pipeline import Command
from .timerange import epoch

if TYPE_CHECKING:
    from .runner import Run

TSTATS_OPTIONS = frozenset(
    "prestats append summariesonly allow_old_summaries fillnull_value local".split()
)
SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def search_predicate(
    tree: Tree[Token], command: Command, run: Run, known: frozenset[str] | None = None
) -> Predicate:
    """Return the test of a search expression; `known` are the only fields that it may name."""

    def field_name(token: Token) -> str:
        name = text_of(token)
        if known is not None and name not in known:
            raise command.error(f"{name} is not a field of the data set", token.start_pos or 0)
        return name

    return predicate(tree, command, lambda n: run.as_filter(command.subsearches[n]), field_name)


def time_range(tree: Tree[Token] | None, command: Command, run: Run) -> tuple[float, float]:
    """Return the run's time range, narrowed by `earliest=` and `latest=` in the expression."""
    bounds = {"earliest": run.earliest, "latest": run.latest}
    for node in tree.find_data("compare") if tree else ():
        name, _, value = node.children
        if name in TIME_TERMS:
            try:
                bounds[str(name)] = epoch(text_of(value), run.now)
            except ValueError as error:
                raise command.error(str(error), value.start_pos or 0) from error
    return bounds["earliest"], bounds["latest"]


def tstats(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `tstats` over the rows of a CIM data set."""
    tree = parse(command, "tstats")
    options = _options(tree, command)
    keyword, name, condition = [c for c in tree.children if not _is_list(c)][:3]
    if keyword != "datamodel" or str(name) not in DATASETS:
        raise command.error(f"{keyword}={name} is not known", name.start_pos or 0)
    known = frozenset(f"{DATASETS[name].prefix}.{f}" for f in DATASETS[name].fields) | {"host"}
    wanted = aggregates(tree, command)
    fields, by_options = by_fields(tree)
    for token in fields:
        if text_of(token) not in known | {"_time"}:
            raise command.error(f"{token} is not a field of {name}", token.start_pos or 0)
    rows_of_model = model_rows(str(name), _events(str(name), options, run))
    selected = _select(tree, condition, command, run, rows_of_model, known)
    keys = [text_of(f) for f in fields]
    prepared = [_prepare(row, keys, by_options.get("span"), options) for row in selected]
    grouped = group(keys, prepared) if keys else {(): prepared}
    made = []
    for values, members in sorted(grouped.items()):
        row: Row = dict(zip(keys, values))
        sources = [m[PARTIAL] for m in members]
        if options.get("prestats") in ("t", "true"):
            made.append({**row, PARTIAL: sources, PREPARED: {w.expression for w in wanted}})
        else:
            made.append({**row, **compute(wanted, sources)})
    return [*rows, *made] if options.get("append") in ("t", "true") else made


def _is_list(child: Any) -> bool:
    return isinstance(child, Tree) and child.data in ("option", "aggregates", "by")


def _options(tree: Tree[Token], command: Command) -> dict[str, str]:
    options = {}
    for node in tree.children:
        if isinstance(node, Tree) and node.data == "option":
            name, value = node.children
            if str(name) not in TSTATS_OPTIONS:
                raise command.error(f"the option {name} is not known", name.start_pos or 0)
            options[str(name)] = text_of(value)
    if "append" in options and options.get("prestats") not in ("t", "true"):
        raise command.error("append=true needs prestats=true")
    return options


def _events(name: str, options: dict[str, str], run: Run) -> Sequence[Row]:
    """Return the rows of a data set: its summaries, if asked for and told apart."""
    summaries = f"{name} summaries"
    if options.get("summariesonly") in ("t", "true") and summaries in run.data:
        return run.data[summaries]
    if "summariesonly" in options:
        run.note("summariesonly changes nothing here: the rows stand for summaries and raw data")
    return run.data.get(name, ())


def _select(
    tree: Tree[Token],
    condition: Any,
    command: Command,
    run: Run,
    rows: list[Row],
    known: frozenset[str],
) -> list[Row]:
    earliest, latest = time_range(tree, command, run)
    holds = (
        search_predicate(condition, command, run, known | set(TIME_TERMS)) if condition else None
    )
    return [
        row for row in rows if earliest <= row["_time"] < latest and (holds is None or holds(row))
    ]


def _prepare(row: Row, keys: list[str], span: str | None, options: dict[str, str]) -> Row:
    """Return the group fields of a row, filled and binned, with the row itself beside them."""
    prepared: Row = {PARTIAL: row}
    for key in keys:
        value = row.get(key, options.get("fillnull_value"))
        if key == "_time" and span:
            width = (number(span[:-1]) or 1) * SPANS[span[-1]]
            value = value - value % width
        prepared[key] = value
    return prepared


def first_search(command: Command, run: Run) -> list[Row]:
    """Run `search` at the start of a search: raw events of the time range, newest first."""
    tree = parse(command, "search")
    if not tree.children or tree.children[0] is None:
        raise command.error("a search for everything")
    earliest, latest = time_range(tree, command, run)
    holds = search_predicate(tree.children[0], command, run)
    found = [
        dict(event)
        for event in run.data.get("events", ())
        if earliest <= float(event["_time"]) < latest and holds(event)
    ]
    return sorted(found, key=lambda row: -float(row["_time"]))


def inputlookup(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `inputlookup`: the rows of a lookup that transforms.conf names."""
    name = parse(command, "inputlookup").children[0]
    return [dict(row) for row in run.lookup(text_of(name), command).rows]


def makeresults(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `makeresults`: one row, of now."""
    parse(command, "makeresults")
    return [{"_time": run.now}]


def rest(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `rest`: what splunkd answers, which the data hold by the address of the endpoint."""
    tree = parse(command, "rest")
    known = {"count": "0", "splunk_server": "local"}
    for node in tree.find_data("option"):
        name, value = node.children
        if known.get(str(name)) != text_of(value):
            raise command.error(f"{name}={value} is not known", name.start_pos or 0)
    return [dict(row) for row in run.data.get(text_of(tree.children[0]), ())]


def addinfo(command: Command, rows: list[Row], run: Run) -> list[Row]:
    """Run `addinfo`: the time range of the search, and when it runs, on every row."""
    parse(command, "addinfo")
    added = {
        "info_min_time": run.earliest,
        "info_max_time": run.latest,
        "info_search_time": run.now,
    }
    return [{**row, **added} for row in rows]
