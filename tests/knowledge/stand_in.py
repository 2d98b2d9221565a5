"""A Splunk that is none: logins, a collector for events, and searches by the reference runner.

It answers what pytest-splunk-addon asks, over TLS on a port of this machine. What it does not know
gets status 404, and is kept in `unknown`.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import trustme
from fake_splunkd import listening
from spl.app import App
from spl.errors import SplError
from spl.matching import Row, values_of
from tagged import data_sets

USER, PASSWORD, TOKEN, SESSION = "admin", "stand-in", "stand-in-token", "stand-in-session"
VERSION = "9.4.0"
SETTINGS = {"enableSplunkWebSSL": "0", "host": "s", "httpport": "8000", "pass4SymmKey": "none"}
ATOM = "http://www.w3.org/2005/Atom"
Answer = tuple[int, str]


class StandIn:
    """One Splunk with the built add-on and the app that tags the sample events.

    Args:
        add_on: The built add-on.
        sample_app: The app with the source types of the events.
    """

    def __init__(self, add_on: Path, sample_app: Path) -> None:
        self.app = App(add_on, time.time())
        self.unknown: list[str] = []
        self._data_sets = data_sets(sample_app)
        self._data: dict[str, list[Row]] = {"events": []}
        self._jobs: list[list[Row]] = []

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Answer:
        """Return status and body for a request that may be made."""
        if path == "/services/auth/login":
            return self._login(_form(body))
        if path == "/services/server/info":
            return 200, _feed("server-info", {"version": VERSION})
        if path == "/services/server/settings":
            return 200, _feed("settings", SETTINGS)
        if path == "/services/collector/health/1.0":
            return 200, json.dumps({"text": "HEC is healthy", "code": 17})
        if path == "/services/collector/raw":
            self._index(query, body.decode())
            return 200, json.dumps({"text": "Success", "code": 0})
        if "/search/v2/jobs" in path or "/search/jobs" in path:
            return self._job(method, path.rpartition("jobs")[2].strip("/"), _form(body))
        return 404, "{}"

    def _login(self, form: dict[str, str]) -> Answer:
        if (form.get("username"), form.get("password")) != (USER, PASSWORD):
            return 401, json.dumps({"messages": [{"type": "WARN", "text": "Login failed"}]})
        return 200, f"<response><sessionKey>{SESSION}</sessionKey></response>"

    def _index(self, metadata: dict[str, str], text: str) -> None:
        """Keep the lines of a request as events, and in the data set of their source type."""
        if metadata.get("sourcetype") not in self._data_sets:
            return
        for line in text.splitlines():
            fields = json.loads(line)
            event = {**metadata, **fields, "_time": fields["time"], "_raw": line}
            self._data["events"].append(event)
            data_set = self._data_sets[metadata["sourcetype"]]
            if data_set:
                self._data.setdefault(data_set, []).append(event)

    def _job(self, method: str, rest: str, form: dict[str, str]) -> Answer:
        if method == "POST" and not rest:
            return self._search(form)
        number, _, what = rest.partition("/")
        if not number.isdigit() or int(number) >= len(self._jobs):
            return 404, "{}"
        if what == "results":
            return 200, json.dumps({"results": self._jobs[int(number)], "messages": []})
        done = {"dispatchState": "DONE", "isDone": "1", "isFailed": "0", "messages": {}}
        return 200, _entry(number, done)

    def _search(self, form: dict[str, str]) -> Answer:
        """Run a search at once; what the runner does not know is refused as Splunk refuses."""
        text = form["search"].strip()
        times = form.get("earliest_time", "0"), form.get("latest_time", "now")
        try:
            rows = self.app.run(text.removeprefix("search "), self._data, *times).rows
        except SplError as error:
            return 400, json.dumps({"messages": [{"type": "FATAL", "text": str(error)}]})
        self._jobs.append([{k: _shown(v) for k, v in row.items()} for row in rows])
        return 201, json.dumps({"sid": str(len(self._jobs) - 1)})


@contextmanager
def serving(splunk: StandIn, folder: Path) -> Iterator[int]:
    """Serve over TLS until the block ends; gives the port. The certificate is made in `folder`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond("GET")

        def do_POST(self) -> None:
            self._respond("POST")

        def _respond(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            url = urlsplit(self.path)
            status, text = 401, "{}"
            if _may_ask(url.path, self.headers.get("Authorization", "")):
                status, text = splunk.answer(method, url.path.rstrip("/"), _form(url.query), body)
            if status in (401, 404):
                splunk.unknown.append(f"{method} {url.path}")
            content = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    certificate = trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    certificate.write_to_path(folder / "stand-in.pem")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "stand-in.pem")
    with listening(Handler, tls) as port:
        yield port


def _may_ask(path: str, authorization: str) -> bool:
    if path.startswith("/services/collector/raw"):
        return authorization == f"Splunk {TOKEN}"
    if path.startswith(("/services/auth/login", "/services/collector/health")):
        return True
    return authorization == f"Splunk {SESSION}"


def _form(text: str | bytes) -> dict[str, str]:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return {name: values[0] for name, values in parse_qs(plain).items()}


def _shown(value: Any) -> str | list[str]:
    """Return a value as the JSON of search results has it: text, or a list of texts."""
    texts = values_of(value)
    return texts if isinstance(value, list) else "".join(texts)


def _feed(title: str, content: dict[str, Any]) -> str:
    return f'<feed xmlns="{ATOM}">{_entry(title, content)}</feed>'


def _entry(title: str, content: dict[str, Any]) -> str:
    access = {"owner": "nobody", "app": "system", "sharing": "system"}
    return (
        f'<entry xmlns="{ATOM}" xmlns:s="http://dev.splunk.com/ns/rest"><title>{escape(title)}'
        f'</title><content type="text/xml">{_dict({**content, "eai:acl": access})}'
        "</content></entry>"
    )


def _dict(content: dict[str, Any]) -> str:
    keys = (
        f'<s:key name="{name}">{_dict(value) if isinstance(value, dict) else escape(value)}</s:key>'
        for name, value in content.items()
    )
    return f"<s:dict>{''.join(keys)}</s:dict>"
