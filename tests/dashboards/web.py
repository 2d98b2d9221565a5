"""Splunk Web as far as a dashboard asks it: pages, search jobs, their results, post-processing.

The searches come from Splunk's own JavaScript, tokens and chains worked out; the reference runner
answers them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from spl.app import App
from spl.errors import SplError
from spl.matching import Row, number, text

PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<body style="margin:0"><div id="root"></div>
<script>window.$C = {SPLUNKD_PATH: "/splunkd/__raw", LOCALE: "en-US", USERNAME: "analyst",
SERVER_ZONEINFO: "### SERIALIZED TIMEZONE FORMAT 1.0;Y0 NW 55 54 43;@-1 0;$"}</script>
<script src="/page.js"></script></body>"""
ASKED_BY_INPUTS = (["ui", "times"], ["authentication", "current-context"])


class Job(NamedTuple):
    """A search job: what was asked, and what came of it."""

    search: str
    times: tuple[str, str]
    rows: list[Row]
    error: str


class SplunkWeb:
    """Answers for one app and one set of data.

    Args:
        app: The built add-on.
        data: Rows by data model object or raw events.
        definitions: Dashboard Studio definitions by view name.
        bundle: The page's JavaScript.
    """

    def __init__(
        self,
        app: App,
        data: dict[str, list[Row]],
        definitions: dict[str, Any],
        bundle: Path | None = None,
    ) -> None:
        self.app, self.data, self.definitions, self.bundle = app, data, definitions, bundle
        self.lock = threading.Lock()
        self.jobs: list[Job] = []
        self.postprocessed: list[Job] = []

    def create(self, search: str, earliest: str, latest: str) -> int:
        """Run a search; returns the number of its job."""
        times = earliest or "0", latest or "now"
        try:
            result = self.app.run(search, self.data, *times)
            errors = [m for m in result.messages if m.startswith("ERROR")]
            self.jobs.append(Job(search, times, result.rows, "; ".join(errors)))
        except (SplError, ValueError) as error:
            self.jobs.append(Job(search, times, [], str(error)))
        return len(self.jobs) - 1

    def results(self, sid: int, postprocess: str) -> Job:
        """Return the results of a job, after a post-processing search if there is one."""
        job = self.jobs[sid]
        if not postprocess.strip() or job.error:
            return job
        try:
            rows = self.app.postprocess(postprocess, job.rows, *job.times).rows
            made = Job(postprocess, job.times, rows, "")
        except SplError as error:
            made = Job(postprocess, job.times, [], str(error))
        self.postprocessed.append(made)
        return made

    @property
    def failed(self) -> list[Job]:
        """Searches that ended with an error."""
        return [job for job in self.jobs + self.postprocessed if job.error]


def json_cols(rows: Sequence[Row]) -> dict[str, Any]:
    """Return rows as `output_mode=json_cols` does: texts in columns, times in ISO format."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [[_cell(name, row.get(name)) for row in rows] for name in names]
    return {"fields": [{"name": name} for name in names], "columns": columns, "messages": []}


def _cell(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "_time" and number(value) is not None:
        moment = datetime.fromtimestamp(float(value), timezone.utc)
        return moment.isoformat(timespec="milliseconds")
    return [text(v) for v in value] if isinstance(value, list) else text(value)


@contextmanager
def serving(web: SplunkWeb) -> Iterator[str]:
    """Answer on a free port of this machine until the block ends; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(_fields(body.decode()))

        def _answer(self, form: dict[str, str]) -> None:
            address = urlsplit(self.path)
            query = {**_fields(address.query), **form}
            with web.lock:
                status, kind, body = _route(web, self.command, address.path, query)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError):  # the page has gone elsewhere
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    # A browser opens connections ahead of need, on which one thread alone would wait.
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _fields(encoded: str) -> dict[str, str]:
    return {k: ",".join(v) for k, v in parse_qs(encoded, keep_blank_values=True).items()}


def _route(web: SplunkWeb, method: str, path: str, query: dict[str, str]) -> tuple[int, str, bytes]:
    parts = path.strip("/").split("/")
    if path == "/page.js" and web.bundle is not None:
        return 200, "text/javascript", web.bundle.read_bytes()
    if parts[0] == "view":
        return 200, "text/html", PAGE.encode()
    if parts[0] == "definition":
        return 200, "application/json", json.dumps(web.definitions[parts[-1]]).encode()
    if parts[-2:] in ASKED_BY_INPUTS:
        return 200, "application/json", b'{"entry": []}'
    if "jobs" not in parts:
        return 404, "text/plain", b""
    status, answer = _job(web, method, parts[parts.index("jobs") + 1 :], query)
    return status, "application/json", json.dumps(answer).encode()


def _job(
    web: SplunkWeb, method: str, rest: list[str], query: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    if not rest and method == "POST":
        times = query.get("earliest_time", ""), query.get("latest_time", "")
        return 201, {"sid": str(web.create(query["search"], *times))}
    if not rest:
        return 200, {"entry": [_status(web, int(sid)) for sid in query["id"].split(",")]}
    if rest[1] == "control":
        return 200, {"messages": []}
    job = web.results(int(rest[0]), query.get("search", ""))
    answer = json_cols(job.rows)
    if query.get("search"):
        answer["post_process_count"] = len(job.rows)
    if job.error:
        answer["messages"] = [{"type": "FATAL", "text": job.error}]
    return 200, answer


def _status(web: SplunkWeb, sid: int) -> dict[str, Any]:
    job = web.jobs[sid]
    content = {
        "sid": str(sid),
        "dispatchState": "FAILED" if job.error else "DONE",
        "isDone": True,
        "isFailed": bool(job.error),
        "isFinalized": False,
        "doneProgress": 1,
        "resultCount": len(job.rows),
        "resultPreviewCount": len(job.rows),
        "runDuration": 0.1,
        "ttl": 600,
        "messages": [{"type": "FATAL", "text": job.error}] if job.error else [],
    }
    published = datetime.fromtimestamp(web.app.now, timezone.utc).isoformat()
    return {"name": job.search, "published": published, "acl": {"app": "x"}, "content": content}
