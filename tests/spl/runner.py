"""A small reference for the SPL of this add-on: enough to execute it, no more.

It refuses what it does not know instead of guessing. What it leaves out is in docs/detections.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, NamedTuple

from . import aggregating, charting, combining, generating, shaping
from .combining import FORMATTED, Lookup
from .macros import Macro, expand
from .matching import Predicate, Row, text, wildcard
from .parse import parse
from .pipeline import Command, split

SUBSEARCH_ROWS = 10000
Rows = list[Row]
External = Callable[[Command, Rows, "Run", bool], "tuple[Rows, list[str]]"]


class Result(NamedTuple):
    """What a search gives: its rows, the messages of its commands, the runner's own remarks."""

    rows: Rows
    messages: list[str]
    notes: list[str]


class Run:
    """One search over one set of data.

    Args:
        data: Events by CIM data set (`Endpoint.Processes`), raw events under `events`.
        macros: Macros by stanza name.
        lookups: Lookup definitions by name.
        commands: Custom commands by name: a function of the command, its rows, this run, and
            whether it begins the search.
        now: Time of the run, epoch seconds.
        earliest: Start of the time range, included.
        latest: End of the time range, excluded.
    """

    def __init__(
        self,
        data: Mapping[str, Sequence[Row]],
        macros: Mapping[str, Macro],
        lookups: Mapping[str, Lookup],
        commands: Mapping[str, External],
        now: float,
        earliest: float,
        latest: float,
    ) -> None:
        self.data = data
        self.macros = macros
        self.lookups = lookups
        self.commands = commands
        self.now, self.earliest, self.latest = now, earliest, latest
        self.messages: list[str] = []
        self.notes: list[str] = []

    def search(self, text: str) -> Result:
        """Execute a search.

        Raises:
            SplError: Something that Splunk would refuse or that the runner does not know.
        """
        return self._result(self._pipeline(expand(text, self.macros)))

    def postprocess(self, rows: Rows, text: str) -> Result:
        """Execute a search that starts with `|` over the rows of another one.

        Raises:
            SplError: Something that Splunk would refuse or that the runner does not know.
        """
        return self._result(self.search_on(rows, expand(text, self.macros)))

    def search_on(self, rows: Rows, text: str) -> Rows:
        """Execute an expanded pipeline over rows."""
        for command in split(text):
            rows = self._execute(command, rows, False)
        return rows

    def _result(self, rows: Rows) -> Result:
        shown = [{k: v for k, v in row.items() if not k.startswith("\0")} for row in rows]
        return Result(shown, self.messages, self.notes)

    def note(self, remark: str) -> None:
        """Keep a remark on what the runner does not model, once."""
        if remark not in self.notes:
            self.notes.append(remark)

    def lookup(self, name: str, command: Command) -> Lookup:
        """Return a lookup definition, or refuse."""
        if name not in self.lookups:
            raise command.error(f"the lookup {name} is not defined")
        return self.lookups[name]

    def subsearch(self, text: str) -> Rows:
        """Execute a subsearch, over the same time range."""
        return self._pipeline(text)

    def as_filter(self, search: str) -> Predicate:
        """Return the test that a subsearch becomes: what `format` wrote at its end, else any row's
        fields, all of them; 10,000 rows.
        """
        rows = self._pipeline(search)
        if len(rows) > SUBSEARCH_ROWS:
            self.note("a subsearch was cut at 10,000 rows")
        if len(rows) == 1 and set(rows[0]) == {FORMATTED}:
            (command,) = split(f"search {text(rows[0][FORMATTED])}")
            return generating.search_predicate(parse(command, "search").children[0], command, self)
        return _any_row(rows[:SUBSEARCH_ROWS])

    def _pipeline(self, text: str) -> Rows:
        rows: Rows = []
        for number, command in enumerate(split(text)):
            rows = self._execute(command, rows, number == 0)
        return rows

    def _execute(self, command: Command, rows: Rows, first: bool) -> Rows:
        name = command.name
        if name == "search":
            return generating.first_search(command, self) if first else self._filter(command, rows)
        if name in GENERATING and (first or name == "tstats"):
            return GENERATING[name](command, rows, self)
        if name in self.commands:
            made, messages = self.commands[name](command, rows, self, first)
            self.messages += messages
            return made
        if first:
            raise command.error(f"{name} cannot start a search here", -len(name))
        if name in PLAIN:
            return PLAIN[name](command, rows)
        if name in WITH_RUN:
            return WITH_RUN[name](command, rows, self)
        raise command.error(f"the command {name} is not known", -len(name))

    def _filter(self, command: Command, rows: Rows) -> Rows:
        condition = parse(command, "search").children[0]
        if condition is None:
            return rows
        holds = generating.search_predicate(condition, command, self)
        return [row for row in rows if holds(row)]


def _any_row(rows: Rows) -> Predicate:
    """Return the test whether a row has all fields of any of `rows`, in which `*` is a wildcard."""
    exact: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    patterns = []
    for row in rows:
        wanted = {k: text(v).lower() for k, v in row.items() if not k.startswith(("_", "\0"))}
        if any("*" in value for value in wanted.values()):
            patterns.append({key: wildcard(value).fullmatch for key, value in wanted.items()})
        else:
            exact.setdefault(tuple(wanted), set()).add(tuple(wanted.values()))

    def holds(row: Row) -> bool:
        return any(
            tuple(text(row.get(key, "")).lower() for key in keys) in values
            for keys, values in exact.items()
        ) or any(all(m(text(row.get(key, ""))) for key, m in p.items()) for p in patterns)

    return holds


GENERATING: dict[str, Callable[[Command, Rows, Any], Rows]] = {
    "tstats": generating.tstats,
    "inputlookup": generating.inputlookup,
    "makeresults": generating.makeresults,
    "rest": generating.rest,
}
WITH_RUN: dict[str, Callable[[Command, Rows, Any], Rows]] = {
    "lookup": combining.lookup,
    "outputlookup": combining.outputlookup,
    "join": combining.join,
    "append": combining.append,
    "appendpipe": combining.appendpipe,
    "addinfo": generating.addinfo,
    "timechart": charting.timechart,
}
PLAIN: dict[str, Callable[[Command, Rows], Rows]] = {
    "stats": aggregating.stats,
    "eventstats": aggregating.eventstats,
    "where": shaping.where,
    "eval": shaping.evaluate,
    "rename": shaping.rename,
    "fields": shaping.fields,
    "table": shaping.table,
    "sort": shaping.sort,
    "dedup": shaping.dedup,
    "head": shaping.head,
    "fillnull": shaping.fillnull,
    "filldown": shaping.filldown,
    "accum": shaping.accum,
    "mvexpand": shaping.mvexpand,
    "chart": charting.chart,
    "convert": shaping.convert,
    "rex": shaping.rex,
    "format": combining.formatted,
}
