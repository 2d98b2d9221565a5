"""The REST endpoints of the configuration page: splunkd's part, with the real handlers behind it.

splunkd finds a handler in restmap.conf, checks the capability that is asked for there, and passes
the request on to a process that it keeps running. What a handler raises becomes a message.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from addonfactory_splunk_conf_parser_lib import TABConfigParser
from fake_splunkd import ADMIN, APP, USERS, FakeSplunkd

HERE = Path(__file__).resolve().parent
CAPABILITIES = {"admin": {"edit_installerscore"}, "power": set()}
"""What default/authorize.conf gives to whom."""
ACTIONS = {("GET", False): 2, ("GET", True): 2, ("POST", False): 1, ("POST", True): 4}
ACTIONS["DELETE", True] = 8
METHODS = {1: "create", 2: "list", 4: "edit", 8: "remove"}


class Endpoints:
    """The handlers of a built add-on; use it in a with statement.

    Args:
        app: The built add-on.
        python: The Python to run the handlers with.
        splunkd: What they ask.
        home: An empty folder that becomes SPLUNK_HOME.
    """

    def __init__(self, app: Path, python: str, splunkd: FakeSplunkd, home: Path) -> None:
        self.python, self.splunkd, self.home = python, splunkd, home
        self.log = home / "var" / "log" / "splunk" / f"{APP}_ta_installerscore_audit.log"
        self.app = home / "etc" / "apps" / APP
        self.app.parent.mkdir(parents=True)
        self.app.symlink_to(app)
        (home / "var" / "log" / "splunk").mkdir(parents=True)
        self.restmap = TABConfigParser()
        self.restmap.read(str(app / "default" / "restmap.conf"))
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Endpoints:
        return self

    def __exit__(self, *exception: object) -> None:
        for process in self._running.values():
            process.communicate()

    def answer(
        self, method: str, endpoint: str, name: str | None, form: dict[str, str], key: str = ADMIN
    ) -> tuple[int, dict[str, Any]]:
        """Answer a request to one of the add-on's own endpoints.

        Args:
            method: GET, POST or DELETE.
            endpoint: Such as `ta_installerscore_signals`.
            name: The entry, if the address names one.
            form: Fields of the body; those that splunkd itself understands are left out.
            key: The session key.
        """
        rules = dict(self.restmap.items(f"admin:{APP.lower().replace('-', '_')}_configuration"))
        assert endpoint in rules["members"].split(", ")
        needed = rules.get(f"capability.{method.lower()}")
        if needed and needed not in CAPABILITIES[USERS[key][1]]:
            user = USERS[key][0]
            return 403, _said(f"You (user={user}) do not have permission to perform this operation "
                              f"(requires capability: {needed}).")  # fmt: skip
        args = {k: [v] for k, v in form.items() if k not in ("output_mode", "count")}
        action = ACTIONS[method, name is not None]
        if action == 1:
            name = args.pop("name", [None])[0]
        stanza = dict(self.restmap.items(f"admin_external:{endpoint}"))
        if METHODS[action] not in stanza["handleractions"].split(", "):
            return 405, _said("Method Not Allowed")
        request = {"action": action, "id": name, "args": args, "session_key": key}
        answer = self._ask(stanza["handlerfile"], request)
        if "error" not in answer:
            return 201 if action == 1 else 200, answer
        kind, text = answer["error"]
        if "ArgValidation" in kind:
            return 400, _said(text)
        return 500, _said(
            f'Unexpected error "{kind}" from python handler: "{text}". '
            "See splunkd.log/python.log for more details."
        )

    def _ask(self, file: str, request: dict[str, Any]) -> dict[str, Any]:
        process = self._running.get(file)
        if process is None:
            process = self._running[file] = self._start(file)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"{file} ended"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    def _start(self, file: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SPLUNK_HOME": str(self.home),
            "SPLUNKD_URI": self.splunkd.uri,
        }
        return subprocess.Popen(
            [self.python, str(self.app / "bin" / file), "persistent"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )


def _said(text: str) -> dict[str, Any]:
    return {"messages": [{"type": "ERROR", "text": text}]}
