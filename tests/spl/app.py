"""An app folder on a stand-in of a search head: its macros, lookups, searches and command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import scp
from fake_splunkd import FakeSplunkd, serving

from .combining import Lookup
from .conf import app_lookups, app_macros, stanzas
from .errors import SplError
from .export import exported, said
from .macros import Macro
from .matching import Row, values_of
from .pipeline import Command
from .runner import Result, Rows, Run
from .timerange import epoch


class App:
    """The built add-on, ready to execute its searches.

    Args:
        folder: The built app.
        now: Time at which its searches run, epoch seconds.
    """

    def __init__(self, folder: Path, now: float) -> None:
        self.folder, self.now = folder, now
        self.macros = app_macros(folder)
        self.lookups = app_lookups(folder)
        self.searches = dict(stanzas(folder / "default" / "savedsearches.conf").items())

    def own_lookups(self) -> dict[str, Lookup]:
        """Return the lookups of the app, to be changed without changing the app's."""
        return {n: found._replace(rows=list(found.rows)) for n, found in self.lookups.items()}

    def run(
        self,
        search: str,
        data: Mapping[str, Sequence[Row]],
        earliest: str = "0",
        latest: str = "now",
        macros: Mapping[str, str] | None = None,
        lookups: Mapping[str, Lookup] | None = None,
    ) -> Result:
        """Execute a search over data.

        Args:
            search: What to run.
            data: Rows by data model object, index or source type.
            earliest: Start of the time range, as in savedsearches.conf.
            latest: End of the time range.
            macros: Definitions to replace, as a site's local/ would.
            lookups: What `outputlookup` may change; without it, a search leaves nothing behind.
        """
        local = {n: Macro(self.macros[n].arguments, d) for n, d in (macros or {}).items()}
        times = epoch(earliest, self.now), epoch(latest, self.now)
        return self._run(data, local, lookups, times).search(search)

    def postprocess(
        self, search: str, rows: Rows, earliest: str = "0", latest: str = "now"
    ) -> Result:
        """Execute a search that starts with `|` over the rows of another search."""
        times = epoch(earliest, self.now), epoch(latest, self.now)
        return self._run({}, {}, None, times).postprocess(rows, search)

    def _run(
        self,
        data: Mapping[str, Sequence[Row]],
        macros: Mapping[str, Macro],
        lookups: Mapping[str, Lookup] | None,
        times: tuple[float, float],
    ) -> Run:
        commands = {"installerscore": self._installerscore}
        tables = dict(lookups or self.own_lookups())
        return Run(data, {**self.macros, **macros}, tables, commands, self.now, *times)

    def run_saved(
        self,
        name: str,
        data: Mapping[str, Sequence[Row]],
        macros: Mapping[str, str] | None = None,
    ) -> Result:
        """Execute a saved search over its own time range."""
        keys = self.searches[name]
        times = keys["dispatch.earliest_time"], keys["dispatch.latest_time"]
        return self.run(keys["search"], data, *times, macros=macros)

    def export(self, form: Mapping[str, str], data: Mapping[str, Sequence[Row]]) -> Iterator[bytes]:
        """Answer a request to splunkd's export endpoint."""
        latest = form.get("latest_time", "now")
        try:
            result = self.run(form["search"], data, form["earliest_time"], latest)
        except SplError as error:
            yield said(("FATAL", error.problem))
            return
        yield from exported(result.rows)

    def _installerscore(
        self, command: Command, rows: Rows, run: Run, first: bool
    ) -> tuple[Rows, list[str]]:
        """Run the real command as a chunked subprocess, newest rows first, as Splunk sends them.

        Where it begins the search, it has a splunkd to fetch its events from.
        """
        sent = [
            {k: v if isinstance(v, list) else "".join(values_of(v)) for k, v in row.items()}
            for row in reversed(rows)
        ]
        given = {"search": command.text, "earliest_time": run.earliest, "latest_time": run.latest}
        arguments = command.arguments.strip()
        if first:
            splunkd = FakeSplunkd({}, export=lambda form: self.export(form, run.data))
            with serving(splunkd):
                given.update(splunkd_uri=splunkd.uri, session_key="a-key")
                result = scp.run(self.folder, [], arguments, **given)
        else:
            result = scp.run(self.folder, sent, arguments, **given)
        return result.rows, [f"{m.level}: {m.text}" for m in result.messages]
