"""A match -> the text that shows it to a reader: whole words, or what an event was done to.

A pattern stops where it has seen enough, in the middle of a path or of an address. A reader needs
all of it, to judge it and to search for it.
"""

from __future__ import annotations

from .alike import file_name, without_exe
from .events import Event
from .model import Match, Node, Signal, Tree
from .regex import MATCH_CHARS
from .signals import node_value
from .texts import NAME_CHARS, cut

WORD_CHARS = 120
"""How far a match is widened on each side: a word may be a script of thousands of characters."""

_BORDERS = " \t\r\n\"'`"
_PARENT_FIELDS = ("parent_process_name", "parent_process_path")
_OWN_FIELDS = ("process_name", "process_path", "process_exec", "process")


def evidence(tree: Tree, match: Match, chars: int) -> str:
    """Return what gave a signal away, on one line of at most `chars` characters.

    Of a process these are the words that the pattern was found in, or the whole command line where
    they are no more than its program; of an event, what it was done to.
    """
    signal, node = match.signal, tree.nodes[match.node]
    if signal.min_distinct > 1 or signal.scope == "tree":
        return cut(match.text, chars)
    if match.event is not None:
        return cut(_done_to(signal, match.event) or match.text, chars)
    command = node.process.process
    value = node_value(node, signal.field)
    if signal.field in _PARENT_FIELDS and command:
        started = f" (started by {cut(value, NAME_CHARS)})"
        return cut(command, chars - len(started)) + started
    words = _words(signal, value) or match.text
    if signal.field in _OWN_FIELDS and command and _is_program(words, node):
        words = command
    return cut(words, chars)


def _target(event: Event) -> str:
    """Return what an event was done to: a URL or address, a file, a service, a registry value."""
    return {
        "network": event.url or ":".join(p for p in (event.dest_ip, event.dest_port) if p),
        "file": event.file_path,
        "registry": registry_target(event),
        "service": " ".join(p for p in (event.service_name, event.service_path) if p),
    }[event.kind]


def _done_to(signal: Signal, event: Event) -> str:
    """Return the target of an event, with the data where it is a registry value.

    Data may be a whole script: where the pattern was found in it, the words around it stand for it.
    """
    data = event.registry_value_data
    if event.kind != "registry" or not data:
        return _target(event)
    if signal.field == "registry_value_data":
        data = _words(signal, data) or data
    return f"{_target(event)} = {data}"


def registry_target(event: Event) -> str:
    """Return path and value name; some sources end the path with the name already."""
    path, name = event.registry_path, event.registry_value_name
    return path if not name or path.lower().endswith("\\" + name.lower()) else f"{path}\\{name}"


def _words(signal: Signal, value: str) -> str:
    """Return the words that the pattern of a signal was found in, from blank or quote to the next.

    Nothing where it is not found, or found as an empty text.
    """
    found = signal.pattern.search(value[:MATCH_CHARS])
    if found is None or not found[0].strip():
        return ""
    first, end = found.span()
    least, most = max(0, first - WORD_CHARS), min(len(value), end + WORD_CHARS)
    while first > least and value[first] not in _BORDERS and value[first - 1] not in _BORDERS:
        first -= 1
    while end < most and value[end - 1] not in _BORDERS and value[end] not in _BORDERS:
        end += 1
    if value.count('"', first, end) % 2:
        end += value[end : end + 1] == '"'
        first -= value.count('"', first, end) % 2 and value[first - 1 : first] == '"'
    return value[first:end].strip()


def _is_program(words: str, node: Node) -> bool:
    """Tell whether words are the name or the path of the process itself and nothing more."""
    said = file_name(words.strip("'\"")).lower()
    own = node.process.process_name.lower()
    return said in (own, without_exe(own))
