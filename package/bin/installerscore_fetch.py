"""The events that `| installerscore` fetches where it begins a search.

They come from the search of the macro `installer_endpoint_events`, run through splunkd's
export endpoint in the name of the searcher: same session, same app, same time range, and counted
among the searcher's own searches.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any, Union

from installer_trees.errors import InstallerTreesError, one_line
from installer_trees.layout import encoded_values
from installerscore_place import COMMAND

EVENTS = "installer_endpoint_events"
TIME = "installer_epoch"
PATH = "search/v2/jobs/export"
IDLE_SECONDS = 600
BODY_ROWS = 5_000
BUFFER_BYTES = 256 * 1024
LINE_BYTES = 64 * 1024 * 1024
MESSAGES = 10
TEXT_CHARS = 300

Message = tuple[str, str]
Cells = Union[str, list[str], None]

_WHY = {
    401: "splunkd did not accept the session of this search; log in again",
    403: "your role may not run searches through splunkd; ask for the capability search",
    404: f"splunkd does not know {PATH}, which Splunk has since 9.0.1",
}


class FetchError(InstallerTreesError):
    """The events could not be fetched; the text says why and what else to do."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{COMMAND} could not fetch its events: {why}; "
            f"it can also read them from a pipe: | `{EVENTS}` | {COMMAND}."
        )


class Fetch:
    """The events of one search that `installerscore` begins.

    Args:
        searchinfo: What splunkd says of the search.
        dest: Hosts to fetch the events of, with `*`; checked by `installerscore_options`. None
            for all.

    Attributes:
        messages: What the search for the events had to say, known after the last body.
    """

    def __init__(self, searchinfo: Any, dest: str | None) -> None:
        self._info = searchinfo
        self._dest = dest
        self.messages: list[Message] = []

    def bodies(self) -> Iterator[bytes]:
        """Yield the events as chunks of CSV, header first.

        Raises:
            FetchError: The search was refused, failed, or ended early.
        """
        rows: list[dict[str, Cells]] = []
        several = complete = False
        for line in self._lines():
            item = _item(line)
            for message in item.get("messages") or ():
                self._hear(message)
            complete = complete or bool(item.get("lastrow"))
            row = item.get("result")
            if row is None or item.get("preview"):
                continue
            if not isinstance(row, dict):
                raise FetchError("splunkd answered with something else than search results")
            rows.append(row)
            several = several or b"[" in line
            if len(rows) == BODY_ROWS:
                yield _body(rows, several)
                rows, several = [], False
        if rows:
            yield _body(rows, several)
        if not complete:
            raise FetchError(
                "the search for them ended early and does not say why; "
                "its job inspector and search.log may"
            )

    def _hear(self, message: Any) -> None:
        """Keep a message of the search, or stop at one that ends it."""
        level, text = (str(message.get(k, "")) for k in ("type", "text"))
        if level == "FATAL":
            raise FetchError(f"the search for them failed ({_short(text)})")
        said = f"The search for the events says: {_short(text)}."
        known = ("INFO", said) in self.messages or ("WARN", said) in self.messages
        if level in ("INFO", "WARN", "ERROR") and not known and len(self.messages) < MESSAGES:
            self.messages.append(("INFO" if level == "INFO" else "WARN", said))

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines of splunkd's answer that are not blank."""
        import http.client

        try:
            with io.BufferedReader(self._answer(), BUFFER_BYTES) as stream:
                while True:
                    line = stream.readline(LINE_BYTES)
                    if not line:
                        return
                    if line.strip():
                        yield line
        except (http.client.HTTPException, OSError, ValueError) as error:
            if isinstance(error, TimeoutError) or "timed out" in str(error):
                why = f"splunkd sent nothing for {IDLE_SECONDS} seconds; narrow the time range"
            else:
                why = f"the connection to splunkd failed ({_short(_reason(error))})"
            raise FetchError(why) from None

    def _answer(self) -> Any:
        """Start the search; return the stream of its results."""
        from urllib.parse import urlsplit

        from splunklib import binding, client

        info = self._info
        if not info.splunkd_uri or not info.session_key:
            raise FetchError("splunkd gave this search no session")
        uri = urlsplit(info.splunkd_uri)
        service = client.Service(
            scheme=uri.scheme,
            host=uri.hostname,
            port=uri.port,
            token=info.session_key,
            app=info.app or "TA-installerscore",
            owner=info.owner or "nobody",
            handler=binding.handler(timeout=IDLE_SECONDS),
        )
        try:
            answer = service.post(PATH, **self._form())
        except binding.HTTPError as error:
            raise FetchError(_refusal(error.status, error.body)) from None
        if answer.status != 200:
            raise FetchError(_refusal(answer.status, b""))
        return answer.body

    def _form(self) -> dict[str, str]:
        """Return what the endpoint is asked.

        Results show `_time` as text in the searcher's time zone: another name keeps it a number.
        """
        events = f'{EVENTS}("{self._dest}")' if self._dest else EVENTS
        form = {
            "search": f"| `{events}` | rename _time as {TIME}",
            "earliest_time": f"{self._info.earliest_time:.3f}",
            "output_mode": "json",
            "preview": "false",
        }
        if self._info.latest_time:  # 0 where the time range has no end
            form["latest_time"] = f"{self._info.latest_time:.3f}"
        return form


def _item(line: bytes) -> dict[str, Any]:
    """Read one line of the answer."""
    try:
        item = json.loads(line)
        if not isinstance(item, dict):
            raise ValueError
        if not all(isinstance(m, dict) for m in item.get("messages") or ()):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise FetchError("splunkd answered with something else than search results") from None
    return item


def _body(rows: list[dict[str, Cells]], several: bool) -> bytes:
    """Write rows as CSV; `several` tells that values may be lists, each with its `__mv_` twin."""
    columns = list(dict.fromkeys(chain.from_iterable(rows)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ["_time" if name == TIME else name for name in columns]
    writer.writerow([*names, *(f"__mv_{name}" for name in names)] if several else names)
    for row in rows:
        values = [row.get(name, "") for name in columns]
        writer.writerow(_cells(values) if several else values)
    return text.getvalue().encode("utf-8", "replace")


def _cells(values: list[Cells]) -> list[Any]:
    """Return the plain cells of a row and, after them, those of the `__mv_` columns."""
    lists = [list(map(str, v)) if isinstance(v, list) else None for v in values]
    plain = [v if many is None else "\n".join(many) for v, many in zip(values, lists)]
    twins = [encoded_values(many or ()) for many in lists]
    return [*plain, *twins]


def _refusal(status: int, body: bytes) -> str:
    """Say why splunkd refused, in its own words where it has any."""
    try:
        texts = [str(message["text"]) for message in json.loads(body)["messages"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        texts = []
    said = f" ({_short(texts[0])})" if texts else ""
    return _WHY.get(status, f"splunkd answered with HTTP status {status}") + said


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _short(text: str) -> str:
    """Return a text as part of a sentence."""
    return one_line(text.strip().rstrip("."), TEXT_CHARS)
