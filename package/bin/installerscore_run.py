"""One run of the command: settings and catalogue, the rows, the answer."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import IO, Any

from installer_trees.catalogue import Catalogue
from installer_trees.errors import one_line
from installer_trees.files import load, others, what_if
from installer_trees.health import HEALTH_COLUMNS, expired
from installer_trees.layout import encoded_values
from installer_trees.pipeline import Message, Pipeline
from installer_trees.render import TREE_COLUMNS, Value
from installer_trees.spill import Spill
from installerscore_log import log_figures
from installerscore_options import Options
from installerscore_page import Page, read, read_baseline

WRITE_ROWS = 50
"""Rows that are written together: a tree takes some 4 KiB, four times that as text in memory."""
COPY_BYTES = 1024 * 1024


class Run:
    """Holds what the rows of one search need; made at the first chunk, never for getinfo alone.

    Args:
        options: The checked options.
        searchinfo: What splunkd says of the search: `dispatch_dir`, `splunkd_uri`, `session_key`.
        lookups: The folder of the shipped catalogue.
    """

    def __init__(self, options: Options, searchinfo: Any, lookups: str) -> None:
        self._options = options
        self._searchinfo = searchinfo
        self._splunkd = (searchinfo.splunkd_uri, searchinfo.session_key)
        page = read(*self._splunkd)
        settings, self._log_level = page.settings, page.log_level
        self._messages: list[Message] = [("WARN", problem) for problem in page.problems]
        if options.maxevents is not None:
            settings = replace(settings, maxevents=self._rows(settings.maxevents))
        if options.minscore is not None:
            settings = replace(settings, minscore=options.minscore)
        self._settings = settings
        self._messages += [("WARN", text) for text in _other_catalogue(lookups)]
        knowledge = catalogue_of(lookups, page, options.signals)
        self._pipeline = Pipeline(knowledge, settings, searchinfo.dispatch_dir or None)
        self._answer = Spill(searchinfo.dispatch_dir or None)

    def _rows(self, most: int) -> int:
        """Return how many rows to read: a search may ask for fewer than the page allows, not more.

        Args:
            most: What the configuration page allows, or the shipped value where it was not read.
        """
        asked = self._options.maxevents
        assert asked is not None
        if asked <= most or not all(self._splunkd):  # without splunkd there is nobody to bound it
            return asked
        text = (
            f"maxevents={asked} is more than Maximum events of the configuration page, so {most} "
            "counts; whoever may change that page can raise it there."
        )
        self._messages.append(("WARN", text))
        return most

    def add(self, body: Iterator[bytes]) -> None:
        """Take in the body of a chunk, in blocks that end with a line."""
        self._pipeline.add(next(body, b""), body)

    def fetch(self) -> None:
        """Take in the events of the searcher's time range, which splunkd is asked for.

        Raises:
            FetchError: They could not be fetched.
        """
        from installerscore_fetch import Fetch  # its imports are dear, and most searches pipe

        events = Fetch(self._searchinfo, self._options.dest)
        for body in events.bodies():
            self._pipeline.add(body)
        self._messages += events.messages

    def finish(self, without_rows: str = "") -> None:
        """Link and score all rows and write the answer to its temporary file.

        Args:
            without_rows: What to warn of if there were no rows.
        """
        for piece in encoded(*self._table(self._options.output)):
            self._answer.append(piece)
        self._messages += self._pipeline.messages()
        if without_rows and not self._pipeline.store.counters.rows:
            self._messages.append(("WARN", without_rows))

    def _table(self, output: str) -> tuple[list[str], Iterable[dict[str, Value]]]:
        """Return the columns and rows that were asked for."""
        pipeline = self._pipeline
        if output == "health":
            today = datetime.now(timezone.utc).strftime("%Y-%m-%d")
            said = expired(pipeline.catalogue.allowances, today)
            self._messages += [("WARN", text) for text in said]
            return HEALTH_COLUMNS, pipeline.health_rows()
        baseline: dict[str, int] = {}
        if self._settings.prevalence_baseline:
            baseline, problems = read_baseline(*self._splunkd)
            self._messages += [("WARN", problem) for problem in problems]
        kept = pipeline.trees(self._settings.minscore, baseline)
        if self._log_level == "DEBUG":
            log_figures(asdict(pipeline.store.counters), len(kept))
        if output == "processes":
            return pipeline.process_columns(), pipeline.process_rows(kept)
        return TREE_COLUMNS, pipeline.tree_rows(kept)

    def reply(self, out: IO[bytes]) -> None:
        """Send the answer and the messages as the reply to the last chunk."""
        metadata: dict[str, Any] = {"finished": True}
        if self._messages:
            messages = [(level, one_line(text)) for level, text in self._messages]
            metadata["inspector"] = {"messages": messages}
        head = json.dumps(metadata, separators=(",", ":")).encode()
        size = self._answer.size
        out.write(b"chunked 1.0,%d,%d\n" % (len(head), size))
        out.write(head)
        for start in range(0, size, COPY_BYTES):
            out.write(self._answer.read(start, min(COPY_BYTES, size - start)))
        out.flush()
        self.close()

    def close(self) -> None:
        """Drop all temporary data."""
        self._pipeline.close()
        self._answer.close()


def catalogue_of(lookups: str, page: Page, signals: str | None) -> Catalogue:
    """Return the shipped catalogue, over it the configuration page, over that a what-if file.

    Args:
        lookups: The folder of the shipped catalogue.
        page: What the configuration page holds.
        signals: Path of the what-if file.
    """
    knowledge = load(lookups)
    if page.signals or page.allowlist:
        from installer_trees.user_entries import merged  # what most searches do without

        knowledge = merged(knowledge, page.signals, page.allowlist)
    return what_if(knowledge, signals) if signals else knowledge


def _other_catalogue(lookups: str) -> Iterator[str]:
    """Say which files of the catalogue are not those of this version, if any."""
    names = others(lookups)
    if names:
        yield (
            f"{', '.join(names)}: not what this version of the add-on came with, so scores are not "
            "those that it documents. A cluster or Splunk Cloud may keep lookup files at an "
            "upgrade; put the files of the package there, and keep your own changes on the "
            "configuration page."
        )


def encoded(columns: list[str], rows: Iterable[dict[str, Value]]) -> Iterator[bytes]:
    """Yield rows as Splunk's CSV: each column beside its `__mv_` twin, which holds lists.

    No rows at all give nothing, not even a header.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    waiting = 0
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow([name for column in columns for name in (column, "__mv_" + column)])
        writer.writerow([cell for column in columns for cell in _cells(row.get(column, ""))])
        waiting += 1
        if waiting == WRITE_ROWS:
            yield buffer.getvalue().encode("utf-8", "replace")
            buffer.seek(0)
            buffer.truncate()
            waiting = 0
    if waiting:
        yield buffer.getvalue().encode("utf-8", "replace")


def _cells(value: Value) -> tuple[Any, str]:
    """Return the plain cell and the multivalue cell of a value."""
    if not isinstance(value, list):
        return value, ""
    if len(value) < 2:
        return "".join(value), ""
    return "\n".join(value), encoded_values(value)
