"""Splunk Web as far as the configuration page asks it: its scripts, and splunkd behind."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlsplit

from fake_splunkd import ADMIN, APP, listening

from page.endpoints import Endpoints

LOCALE = "/en-US"
PAGE = f"{LOCALE}/app/{APP}/configuration"
CONFIG = {
    "SPLUNKD_PATH": f"{LOCALE}/splunkd/__raw",
    "MRSPARKLE_ROOT_PATH": "",
    "LOCALE": "en-US",
    "BUILD_NUMBER": "1",
    "VERSION_LABEL": "10.2.0",
    "PRODUCT_TYPE": "enterprise",
    "USERNAME": "ada",
    "FORM_KEY": "1",
}
SCRIPTS = {
    "/js/i18n.js": """
        window._ = (text) => text;
        window.ungettext = (one, many, count) => count === 1 ? one : many;""",
    "/build/api/get_theme.js": """
        window.__get_theme__ = { getTheme: () => Promise.resolve("enterprise") };""",
    "/build/api/layout.js": """
        const container = document.body.appendChild(document.createElement("div"));
        window.__splunk_layout__ = { create: () => ({ getContainerElement: () => container }) };""",
    "/config": f"window.$C = {json.dumps(CONFIG)};",
    "/i18ncatalog": "",
}
"""Splunk's own scripts that the page loads."""


class SplunkWeb:
    """Answers for one built add-on.

    Attributes:
        asked: Method and address of each request to splunkd, and the status of the answer.
        unknown: Addresses of which nothing is known.
    """

    def __init__(self, endpoints: Endpoints, key: str = ADMIN) -> None:
        self.endpoints, self.key = endpoints, key
        self.uri = ""
        self.asked: list[tuple[str, str, int]] = []
        self.unknown: list[str] = []

    def file(self, path: str) -> tuple[str, bytes] | None:
        """Return the type and content of what is no request to splunkd."""
        if path == PAGE:
            template = self.endpoints.app / "appserver" / "templates" / "base.html"
            return "text/html", template.read_bytes()
        for name, script in SCRIPTS.items():
            if path.endswith(name):
                return "text/javascript", script.encode()
        if path == "/favicon.ico":
            return "image/x-icon", b""
        mark = f"/app/{APP}/"
        if path.startswith(f"{LOCALE}/static/@") and mark in path:
            root = self.endpoints.app / "appserver" / "static"
            found = root / path.partition(mark)[2]
            if found.is_file():
                return mimetypes.guess_type(path)[0] or "text/plain", found.read_bytes()
        return None

    def splunkd(self, method: str, path: str, form: dict[str, str]) -> tuple[int, object]:
        """Answer a request that Splunk Web passes on to splunkd."""
        parts = path.split("/")
        if parts[0] == "servicesNS" and parts[2] == APP and parts[3].startswith("ta_installer"):
            name = unquote(parts[4]) if len(parts) > 4 else None
            status, answer = self.endpoints.answer(method, parts[3], name, form, self.key)
        elif path.startswith("services/search/jobs"):  # when the add-on was built, for the footer
            return 201, {"sid": "1", "entry": [], "results": []}
        else:
            self.unknown.append(f"{method} {path}")
            status, answer = 404, {"messages": [{"type": "ERROR", "text": "Not Found"}]}
        self.asked.append((method, path, status))
        return status, answer


@contextmanager
def serving(web: SplunkWeb) -> Iterator[SplunkWeb]:
    """Serve on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            raw = f"{LOCALE}/splunkd/__raw/"
            if path.startswith(raw):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                form = dict(parse_qsl(body, keep_blank_values=True))
                status, answer = web.splunkd(self.command, path[len(raw) :], form)
                kind, content = "application/json", json.dumps(answer).encode()
            else:
                found = web.file(path)
                if found is None:
                    web.unknown.append(self.path)
                status = 404 if found is None else 200
                kind, content = found or ("text/plain", b"")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output clean."""

    with listening(Handler) as port:
        web.uri = f"http://127.0.0.1:{port}"
        yield web
