"""A splunkd for tests: conf files and who may write them, the KV store, logins, exported searches.

It answers what splunklib, solnlib and splunktaucclib ask of splunkd, in the words of splunkd's REST
reference; anything else is answered with 404 and kept in `unknown`, so that a test can see it.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Callable
from urllib.parse import parse_qsl, unquote, urlsplit

APP = "TA-installerscore"
ADMIN, POWER = "a-key", "a-key-of-power"
USERS = {ADMIN: ("ada", "admin"), POWER: ("paul", "power")}
"""Session key -> name and role. Only `admin` may write, as metadata/default.meta says."""

Stanzas = dict[str, dict[str, str]]
Answer = tuple[int, object]
Export = Callable[[dict[str, str]], Iterable[bytes]]


@dataclass
class FakeSplunkd:
    """What is served, and what was asked.

    Attributes:
        stanzas: Stanzas of the settings: name to keys and values.
        status: HTTP status of every answer.
        collection: Rows of every KV store collection.
        signals: Stanzas of the signals conf file.
        allowlist: Stanzas of the allowlist conf file.
        statuses: HTTP status of the answers for a conf file, where it is not `status`.
        foreign: Names of stanzas that another app shares, and that app.
        export: Answers the form of an export request, a piece at a time.
        export_status: HTTP status of that answer.
        requests: Path and Authorization header of each request.
        forms: The form of each export request.
        writes: Method, path and form of each request that changes something.
        unknown: Paths that nothing is known of.
    """

    stanzas: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    status: int = 200
    collection: object = field(default_factory=list)
    signals: Stanzas = field(default_factory=dict)
    allowlist: Stanzas = field(default_factory=dict)
    statuses: Mapping[str, int] = field(default_factory=dict)
    foreign: Mapping[str, str] = field(default_factory=dict)
    export: Export = lambda form: ()
    export_status: int = 200
    uri: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    writes: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def conf(self, name: str) -> Stanzas | None:
        """Return the stanzas of a conf file; None where there is no such file."""
        return {
            "ta_installerscore_settings": self.stanzas,
            "ta_installerscore_signals": self.signals,
            "ta_installerscore_allowlist": self.allowlist,
        }.get(name)  # type: ignore[return-value]

    def answer(self, method: str, path: str, form: dict[str, str], key: str) -> Answer:
        """Answer one request.

        Args:
            method: GET, POST or DELETE.
            path: After `/servicesNS/<owner>/<app>/`.
            form: Fields of the body.
            key: The session key.
        """
        if self.status != 200:
            return self.status, _said("not today")
        if path.startswith("storage/collections/data/"):
            return 200, self.collection
        if path == "authentication/current-context":
            name, role = USERS[key]
            return 200, {"entry": [{"name": "context", "content": _context(name, role)}]}
        if path.startswith("configs/conf-"):
            return self._configs(method, path[len("configs/conf-") :], form, key)
        self.unknown.append(f"{method} {path}")
        return 404, _said("Not Found")

    def _configs(self, method: str, path: str, form: dict[str, str], key: str) -> Answer:
        conf, _, name = path.partition("/")
        stanzas, name = self.conf(conf), unquote(name)
        if stanzas is None:
            return 404, _said("Not Found")
        if conf in self.statuses:
            return self.statuses[conf], _said("not today")
        if method != "GET":
            self.writes.append((method, path, dict(form)))
            if USERS.get(key, ("", ""))[1] != "admin":
                return 403, _said("You do not have permission to perform this operation")
        if method == "POST" and not name:
            return self._create(form, stanzas)
        if name and name not in stanzas:
            return 404, _said(f"Could not find object id={name}")
        if method == "DELETE":
            del stanzas[name]
        elif method == "POST":
            stanzas[name].update(form)
        names = [name] if name in stanzas else list(stanzas)
        return 200, {"entry": [self._entry(n, stanzas) for n in names]}

    def _create(self, form: dict[str, str], stanzas: Stanzas) -> Answer:
        name = form.pop("name")
        if name in stanzas:
            return 409, _said(f"An object with name={name} already exists")
        stanzas[name] = form
        return 201, {"entry": [self._entry(name, stanzas)]}

    def _entry(self, name: str, stanzas: Stanzas) -> dict[str, Any]:
        app = self.foreign.get(name, APP)
        content = {"disabled": False, "eai:acl": None, "eai:appName": app, **stanzas[name]}
        acl = {
            "app": app,
            "owner": "nobody",
            "sharing": "app" if app == APP else "global",
            "perms": {"read": ["*"], "write": ["admin", "sc_admin"]},
            "can_write": True,
            "modifiable": True,
            "removable": True,
        }
        return {"name": name, "content": content, "acl": acl}


def _said(text: str) -> dict[str, object]:
    return {"messages": [{"type": "ERROR", "text": text}]}


def _context(name: str, role: str) -> dict[str, object]:
    return {"username": name, "roles": [role], "realname": name.title()}


@contextmanager
def listening(
    handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Answer on a free port of this machine until the block ends; gives the port."""
    server = HTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serving(splunkd: FakeSplunkd) -> Iterator[FakeSplunkd]:
    """Serve on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            splunkd.requests.append((self.path, self.headers.get("Authorization", "")))
            parts = urlsplit(self.path).path.split("/")
            path = "/".join(parts[4:] if parts[1] == "servicesNS" else parts[2:])
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = dict(parse_qsl(body, keep_blank_values=True))
            if path == "search/v2/jobs/export":
                self._export(form)
                return
            key = self.headers.get("Authorization", "").partition(" ")[2]
            status, answer = splunkd.answer(self.command, path, form, key)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_DELETE = do_GET

        def _export(self, form: dict[str, str]) -> None:
            splunkd.forms.append(form)
            self.send_response(splunkd.export_status)
            self.end_headers()
            with suppress(ConnectionError):
                for piece in splunkd.export(form):
                    self.wfile.write(piece)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with listening(Handler) as port:
        splunkd.uri = f"http://127.0.0.1:{port}"
        yield splunkd
