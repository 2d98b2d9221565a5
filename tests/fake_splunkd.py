"""A splunkd that answers for the add-on's settings, its KV store, and the export of a search."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Callable
from urllib.parse import parse_qsl

Export = Callable[[dict[str, str]], Iterable[bytes]]


@dataclass
class FakeSplunkd:
    """What is served, and what was asked.

    Attributes:
        stanzas: Stanza name to its keys and values.
        status: HTTP status of every answer.
        collection: Rows of every KV store collection.
        export: Answers the form of an export request, a piece at a time.
        export_status: HTTP status of that answer.
        requests: Path and Authorization header of each request.
        forms: The form of each export request.
    """

    stanzas: Mapping[str, Mapping[str, str]]
    status: int = 200
    collection: object = field(default_factory=list)
    export: Export = lambda form: ()
    export_status: int = 200
    uri: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)


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
            entries = [{"name": n, "content": dict(c)} for n, c in splunkd.stanzas.items()]
            answer: object = {"entry": entries}
            if "/storage/collections/data/" in self.path:
                answer = splunkd.collection
            body = json.dumps(answer).encode()
            self.send_response(splunkd.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            splunkd.requests.append((self.path, self.headers.get("Authorization", "")))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            form = dict(parse_qsl(body.decode(), keep_blank_values=True))
            splunkd.forms.append(form)
            self.send_response(splunkd.export_status)
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for piece in splunkd.export(form):
                    self.wfile.write(piece)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with listening(Handler) as port:
        splunkd.uri = f"http://127.0.0.1:{port}"
        yield splunkd
