"""Linux audit logs: lines of one event are joined by its number, and turned into records.

Reads what auditd writes (`/var/log/audit/audit.log`, `ausearch --raw`), plain or enriched.
"""

from __future__ import annotations

import io
import re
import socket
from collections.abc import Iterable, Iterator

from . import Broken, Record

OPEN_EVENTS = 256
"""Events whose lines may be interleaved; the kernel writes the lines of one within moments."""

LINE = re.compile(r"(?:\bnode=(\S+) )?\btype=(\S+) msg=audit\((\d+\.\d+):(\d+)\) ?: ?(.*)")
_PAIR = re.compile(r"([\w\-]+(?:\[\d+\])?)=(\"[^\"]*\"|'[^']*'|\S*)")
_ARGUMENT = re.compile(r"a(\d+)(?:\[(\d+)\])?")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_READ = frozenset("SYSCALL EXECVE CWD PATH PROCTITLE SOCKADDR".split())
_KEPT = frozenset("arch syscall SYSCALL success a1 a2 pid ppid uid UID comm exe cwd".split())
_UNTRUSTED = ("comm", "exe", "cwd", "name", "proctitle")
# Numbers of execve, execveat, connect, open, openat by architecture; enriched logs have names.
_SYSCALLS = {
    "c000003e": {59: "execve", 322: "execveat", 42: "connect", 2: "open", 257: "openat"},
    "c00000b7": {221: "execve", 281: "execveat", 203: "connect", 56: "openat"},
    "40000003": {11: "execve", 358: "execveat", 362: "connect", 5: "open", 295: "openat"},
}
_WRITES = 3
_TRUNCATES = 0o1000

Fields = dict[str, str]


def records(stream: io.TextIOWrapper, broken: Broken) -> Iterator[Record]:
    """Yield the processes, connections and file changes of an audit log."""
    joiner = Joiner(broken)
    for line in stream:
        yield from joiner.add(line)
    yield from joiner.end()


class Joiner:
    """Puts the lines of each event together."""

    def __init__(self, broken: Broken) -> None:
        self._open: dict[tuple[str, str], list[tuple[str, Fields]]] = {}
        self._broken = broken

    def add(self, line: str) -> Iterator[Record]:
        """Take in a line; yield the records of the events that are complete by now."""
        found = LINE.search(line)
        if found is None:
            if line.strip(" -\r\n"):
                self._broken.add(f"no audit record: {line.strip()[:60]}")
            return
        node, kind, time, serial, rest = found.groups()
        key = (node or "", f"{time}:{serial}")
        if kind != "EOE":
            fields = dict(_PAIR.findall(rest)) if kind in _READ else {}
            self._open.setdefault(key, []).append((kind, fields))
        elif key in self._open:
            yield from _event(key, self._open.pop(key))
        while len(self._open) > OPEN_EVENTS:
            oldest = next(iter(self._open))
            yield from _event(oldest, self._open.pop(oldest))

    def end(self) -> Iterator[Record]:
        """Yield the records of the events that are left."""
        for key in list(self._open):
            yield from _event(key, self._open.pop(key))


def _event(key: tuple[str, str], parts: list[tuple[str, Fields]]) -> Iterator[Record]:
    """Yield the records of one event: the process it started, or what it did."""
    by_kind: dict[str, list[Fields]] = {}
    for kind, fields in parts:
        by_kind.setdefault(kind, []).append(fields)
    if "SYSCALL" not in by_kind:
        yield {"audit_event": "other", "type": parts[0][0]}
        return
    time, _, serial = key[1].partition(":")
    record: Record = {"time": time, "serial": serial, "node": key[0]}
    for fields in (*by_kind["SYSCALL"], *by_kind.get("CWD", ())):
        for name in _KEPT.intersection(fields):
            record[name] = _decoded(name, fields[name])
    call = _call(record)
    if "EXECVE" in by_kind or call in ("execve", "execveat"):
        yield _process(record, by_kind)
    elif "SOCKADDR" in by_kind and call in ("connect", ""):
        peer = _peer(by_kind["SOCKADDR"][0].get("saddr", ""))
        yield {**record, **peer, "audit_event": "connect" if peer else "other"}
    else:
        yield from _files(record, by_kind.get("PATH", []), call)


def _process(record: Record, by_kind: dict[str, list[Fields]]) -> Record:
    """Return the record of an execve; its title stands in where the arguments were lost."""
    path = by_kind.get("PATH", [{}])[0].get("name", "")
    record["path"] = _decoded("name", path)
    record["args"] = _arguments(by_kind.get("EXECVE", []))
    if not record["args"]:
        title = by_kind.get("PROCTITLE", [{}])[0].get("proctitle", "")
        record["proctitle"] = _decoded("proctitle", title)
    return {**record, "audit_event": "execve"}


def _files(record: Record, paths: list[Fields], call: str) -> Iterator[Record]:
    """Yield a record for each file that was changed, or one that says that none was."""
    changed = [path for path in paths if _changes(path, record, call)]
    for path in changed:
        name = _absolute(_decoded("name", path.get("name", "")), record.get("cwd", ""))
        kind = path.get("nametype", "")
        yield {**record, "audit_event": "path", "path": name, "nametype": kind}
    if not changed:
        yield {"audit_event": "other", "type": call or "SYSCALL"}


def _call(record: Record) -> str:
    """Return the name of the system call, empty where only its number is known."""
    name = record.get("SYSCALL") or record.get("syscall", "")
    if name.isdigit():
        return _SYSCALLS.get(record.get("arch", ""), {}).get(int(name), "")
    return str(name)


def _decoded(name: str, value: str) -> str:
    """Undo the quoting: what a user can choose is quoted, or in hexadecimal."""
    if value[:1] in ('"', "'"):
        return value[1:-1]
    if value in ("(null)", "(none)", "?"):
        return ""
    if name in _UNTRUSTED and _HEX.fullmatch(value):
        return bytes.fromhex(value).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    return value


def _arguments(parts: Iterable[Fields]) -> list[str]:
    """Return the arguments of EXECVE records; long ones come in pieces, many in several records."""
    pieces: dict[int, dict[int, str]] = {}
    for fields in parts:
        for name, value in fields.items():
            found = _ARGUMENT.fullmatch(name)
            if found:
                pieces.setdefault(int(found[1]), {})[int(found[2] or 0)] = value
    return [_argument(found) for _, found in sorted(pieces.items())]


def _argument(pieces: dict[int, str]) -> str:
    values = [piece for _, piece in sorted(pieces.items())]
    if all(value[:1] != '"' and _HEX.fullmatch(value) for value in values):
        return bytes.fromhex("".join(values)).decode("utf-8", "replace")
    return "".join(value.strip('"') for value in values)


def _changes(path: Fields, record: Record, call: str) -> bool:
    """Tell whether a PATH record is about a file that was made, removed or opened to be written."""
    kind = path.get("nametype", "")
    if kind in ("CREATE", "DELETE"):
        return True
    if kind != "NORMAL" or call not in ("open", "openat"):
        return False
    try:
        flags = int(record.get("a1" if call == "open" else "a2", "0"), 16)
    except ValueError:
        return False
    return bool(flags & (_WRITES | _TRUNCATES))


def _absolute(name: str, folder: str) -> str:
    return (
        name if name.startswith("/") or not folder or not name else f"{folder.rstrip('/')}/{name}"
    )


def _peer(saddr: str) -> Record:
    """Return address and port of a socket address in hexadecimal; nothing for other families."""
    try:
        raw = bytes.fromhex(saddr)
    except ValueError:
        return {}
    family = int.from_bytes(raw[:2], "little")
    port = int.from_bytes(raw[2:4], "big")
    if family == socket.AF_INET and len(raw) >= 8:
        return _known({"address": socket.inet_ntop(socket.AF_INET, raw[4:8]), "port": str(port)})
    if family == 10 and len(raw) >= 24:  # Linux's AF_INET6, whatever this machine calls it
        return _known({"address": socket.inet_ntop(socket.AF_INET6, raw[8:24]), "port": str(port)})
    return {}


def _known(peer: Record) -> Record:
    """Leave out port 0: that is how addresses are sorted, and no connection."""
    return peer if peer["port"] != "0" else {}
