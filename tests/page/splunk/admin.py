"""EAI handlers: what splunkd hands to them, and what it makes of their answers.

splunkd asks a handler first for the arguments that it takes, refuses others, and then runs the
action. Here both happen in one process, with JSON in place of XML: a request on standard input, the
answer on standard output.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import __main__

ACTION_CREATE = 1
ACTION_LIST = 2
ACTION_EDIT = 4
ACTION_REMOVE = 8
CONTEXT_NONE = 1
CONTEXT_APP_ONLY = 2
CONTEXT_APP_AND_USER = 3


class ArgValidationException(Exception):
    """An argument is not taken, or is missing."""


class CallerArgs:
    """What the caller asks for: a name, and a list of values for each argument."""

    def __init__(self, name: str | None, data: dict[str, list[str]]) -> None:
        self.id = name
        self.data = data


class SupportedArgs:
    """The arguments that an action takes."""

    def __init__(self) -> None:
        self.required: set[str] = set()
        self.optional: set[str] = set()

    def addReqArg(self, name: str) -> None:
        self.required.add(name)

    def addOptArg(self, name: str) -> None:
        self.optional.add(name)

    def check(self, given: set[str]) -> None:
        for name in sorted(given - self.required - self.optional):
            raise ArgValidationException(f'Argument "{name}" is not supported by this handler.')
        missing = ", ".join(sorted(self.required - given))
        if missing:
            raise ArgValidationException(
                f"The following required arguments are missing: {missing}."
            )


class ConfigItem(dict):
    """One entry of the answer; what splunkd itself needs to know of it stands apart."""

    def __init__(self) -> None:
        super().__init__()
        self.metadata: dict[str, Any] = {}

    def setMetadata(self, key: str, value: Any) -> None:
        self.metadata[key] = value


class ConfigInfo(dict):
    """The answer: an entry is made when it is first asked for."""

    def __missing__(self, name: str) -> ConfigItem:
        self[name] = ConfigItem()
        return self[name]


class MConfigHandler:
    """Base of all handlers."""

    def __init__(self, mode: str, context: int, request: dict[str, Any]) -> None:
        self.context = context
        self.requestedAction = request["action"]
        self.callerArgs = CallerArgs(request["id"], request["args"])
        self.supportedArgs = SupportedArgs()
        self.userName, self.appName = "nobody", "TA-installerscore"
        __main__.___sessionKey = request["session_key"]

    def getSessionKey(self) -> str:
        key: str = __main__.___sessionKey
        return key

    def execute(self, info: ConfigInfo) -> None:
        action = {
            ACTION_CREATE: "handleCreate",
            ACTION_LIST: "handleList",
            ACTION_EDIT: "handleEdit",
            ACTION_REMOVE: "handleRemove",
        }[self.requestedAction]
        getattr(self, action)(info)


def init(handler: type[MConfigHandler], ctxInfo: int) -> None:
    """Answer requests, one a line, until there are no more: splunkd keeps handlers running."""
    for line in sys.stdin:
        request = json.loads(line)
        info = ConfigInfo()
        try:
            asked = handler("persistent", ctxInfo, request)
            asked.setup()
            asked.supportedArgs.check(set(request["args"]))
            handler("persistent", ctxInfo, request).execute(info)
            answer: dict[str, Any] = {
                "entry": [
                    {"name": name, "content": dict(item), "acl": item.metadata.get("eai:acl")}
                    for name, item in info.items()
                ]
            }
        except Exception as error:
            answer = {"error": [str(type(error)), str(error)]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
