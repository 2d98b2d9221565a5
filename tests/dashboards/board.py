"""A dashboard without a browser: its tokens, its searches in the order in which they can run.

Tokens are replaced as Splunk's dashboard packages do it, which the tests in Chromium prove:
`|s` makes a JSON string, `|u` encodes for an address, `$name:result.field$` is a field of the
first row of the search of that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from spl.app import App
from spl.matching import Row, values_of

TOKEN = re.compile(r"\$(?:(\w+):)?([\w.]+)((?:\|\w)*)\$")
Definition = dict[str, Any]
Tokens = Mapping[str, Any]


class Unset(Exception):
    """A token has no value yet: a panel waits for it."""


def tokens_of(text: str) -> list[tuple[str, str, str]]:
    """Return the tokens of a text: name space, name, filters."""
    return [(space or "", name, filters) for space, name, filters in TOKEN.findall(text)]


def filled(text: str, tokens: Tokens) -> str:
    """Return a text with its tokens replaced.

    Raises:
        Unset: A token has no value.
    """

    def value(found: re.Match[str]) -> str:
        space, name, filters = found.groups()
        key = f"{space}:{name}" if space else name
        if tokens.get(key) is None:
            raise Unset(key)
        values = tokens[key] if isinstance(tokens[key], list) else [tokens[key]]
        if filters == "|s":
            values = [json.dumps(str(v), ensure_ascii=False) for v in values]
        elif filters == "|u":
            values = [quote(str(v), safe="-_.!~*'()") for v in values]
        return ",".join(map(str, values))

    return TOKEN.sub(value, text)


def defaults(definition: Definition) -> dict[str, Any]:
    """Return the tokens of the inputs as they are when the dashboard opens."""
    tokens: dict[str, Any] = {}
    for entry in definition["inputs"].values():
        name, value = entry["options"]["token"], entry["options"]["defaultValue"]
        if entry["type"] == "input.timerange":
            tokens[f"{name}.earliest"], tokens[f"{name}.latest"] = value.split(",")
        else:
            tokens[name] = value
    return tokens


def query_parameters(definition: Definition, source: Definition) -> dict[str, str]:
    """Return the time range of a search, its own or that of all."""
    common = definition["defaults"]["dataSources"]["ds.search"]["options"]["queryParameters"]
    return {**common, **source["options"].get("queryParameters", {})}


class Board:
    """A dashboard that was opened with some tokens.

    Attributes:
        rows: The results, by data source.
        searches: The searches as they were run, by data source.
    """

    def __init__(
        self, app: App, data: dict[str, list[Row]], definition: Definition, **tokens: Any
    ) -> None:
        self.app, self.data, self.definition = app, data, definition
        self.tokens = {
            **defaults(definition),
            **{k.replace("__", "."): v for k, v in tokens.items()},
        }
        self.rows: dict[str, list[Row]] = {}
        self.searches: dict[str, str] = {}
        self._times: dict[str, tuple[str, str]] = {}
        waiting = dict(definition["dataSources"])
        while waiting:
            ready = [name for name, source in waiting.items() if self._run(name, source)]
            if not ready:
                raise Unset(f"{', '.join(waiting)} wait for ever")
            for name in ready:
                del waiting[name]

    def _run(self, name: str, source: Definition) -> bool:
        options = source["options"]
        base = options.get("extend")
        if base is not None and base not in self.rows:
            return False
        try:
            query = filled(options["query"], self.tokens)
            if base is None:
                times = query_parameters(self.definition, source)
                between = (
                    filled(times["earliest"], self.tokens),
                    filled(times["latest"], self.tokens),
                )
        except Unset:
            return False
        if base is None:
            result = self.app.run(query, self.data, *between)
            self._times[name] = between
        else:
            result = self.app.postprocess(query, self.rows[base], *self._times[base])
            self._times[name] = self._times[base]
        errors = [message for message in result.messages if message.startswith("ERROR")]
        assert errors == [], f"{name}: {errors}"
        self.rows[name], self.searches[name] = result.rows, query
        if options.get("enableSmartSources") and result.rows:
            for field, value in result.rows[0].items():
                self.tokens[f"{source['name']}:result.{field}"] = " ".join(values_of(value))
        return True
