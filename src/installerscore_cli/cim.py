"""Columns with CIM names, and those that stand for one: how rows of such a table are handed on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from installer_trees.layout import ALIASES, DATA_MODELS, FIELDS, MISSING, TARGET_FIELDS

CIM = "CIM"
OTHERS = "Columns like those of Sysmon"

_WHO = ("process_id", "process_guid")
_WHAT = ("process", "process_name", "dest_ip", "file_path", "registry_path", "service_name")
_TIMES = ("_time", "timestamp", "@timestamp", "time", "Timestamp", "TimeCreated", "UtcTime")
_HOSTS = ("dest", "host", "dvc")
_PEERS = ("dest_ip", "url", "dest_port")
_IDS = ("EventID", "EventCode", "event_id")
_CREATIONS = ("", "-", "1", "4688")
# Names with one meaning where a row has no CIM name for the same: those of Sysmon, of WMI's
# Win32_Process, and of tools that write either side by side.
_OTHER_NAMES = {
    "Image": "process_path",
    "ProcessPath": "process_path",
    "ExecutablePath": "process_path",
    "CommandLine": "process",
    "ProcessCommandLine": "process",
    "command_line": "process",
    "process_command_line": "process",
    "ProcessId": "process_id",
    "ProcessID": "process_id",
    "ProcessGuid": "process_guid",
    "ProcessGUID": "process_guid",
    "ParentImage": "parent_process_path",
    "ParentProcessPath": "parent_process_path",
    "ParentCommandLine": "parent_process",
    "ParentProcessCommandLine": "parent_process",
    "parent_command_line": "parent_process",
    "parent_process_command_line": "parent_process",
    "ParentProcessId": "parent_process_id",
    "ParentProcessID": "parent_process_id",
    "ParentProcessGuid": "parent_process_guid",
    "ParentProcessGUID": "parent_process_guid",
    "OriginalFileName": "original_file_name",
    "CurrentDirectory": "process_current_directory",
    "IntegrityLevel": "process_integrity_level",
    "User": "user",
    "DestinationIp": "dest_ip",
    "DestinationPort": "dest_port",
    "TargetFilename": "file_path",
    "TargetObject": "registry_path",
}
_OTHER_HOSTS = ("Computer", "ComputerName", "Hostname")
# Beside these, the process of the same name without `New` or `Initiating` is another one.
_OF_ANOTHER = re.compile("(?i)(new_?process|initiatingprocess)")
_PARENT = r"parent(?:process)?"
_COMMAND = r"(?:process|full)?(?:commandline|cmdline|command|cmd|argv|arguments|args)"
_PROGRAM = r"(?:process)?(?:name|image|exe|executable|program|binary|path)(?:name|path)?"
# What a name without case and marks seems to hold, and the fields of which one is needed then.
_SEEMS = (
    (re.compile(_COMMAND), ("process",)),
    (re.compile(_PROGRAM), ("process_name", "process_path", "process")),
    (re.compile("pid|processid|processguid"), ("process_id", "process_guid")),
    (re.compile(_PARENT + _COMMAND), ("parent_process",)),
    (
        re.compile(f"{_PARENT}(?:{_PROGRAM})?"),
        ("parent_process_name", "parent_process_path", "parent_process"),
    ),
    (
        re.compile("ppid|parentid|parentpid|parentprocessid|parentprocessguid"),
        ("parent_process_id", "parent_process_guid"),
    ),
)
_MARKS = re.compile(r"[\W_]+")

Unknown = tuple[tuple[str, str], ...]
"""Columns that seem to hold something of a process and were not understood, each with the field
that was expected in its place."""


@dataclass(frozen=True)
class Layout:
    """How rows with CIM names and one set of columns are handed on.

    Attributes:
        title: What the rows are called.
        header: The names under which the columns go on; `dest` is added where there is no host.
        host: The place that takes the host of a row that names none.
        commands: The places of command lines.
        targets: The places that say that a row is no process creation.
        ids: The places of the numbers of Windows events.
        unknown: The columns that were not understood.
    """

    title: str
    header: tuple[str, ...]
    host: int
    hosts: tuple[int, ...]
    sources: tuple[int, ...]
    peers: tuple[int, ...]
    commands: tuple[int, ...]
    targets: tuple[int, ...]
    ids: tuple[int, ...]
    unknown: Unknown

    @classmethod
    def of(cls, header: tuple[str, ...], loose: bool = False) -> Layout | None:
        """Return the layout of a header that says who did what, None for any other.

        Args:
            header: The names of the columns.
            loose: Whether other names of the same count for that, and not just beside CIM names;
                the columns must tell more of a process then than that it was there.
        """
        plain = [_plain(name) for name in header]
        if not loose and not _tells(plain, _WHAT):
            return None
        names = list(header)
        place = next((header.index(name) for name in _TIMES if name in header), -1)
        if place >= 0:
            names[place] = "_time"
        _rename(names, plain)
        if loose and not (_tells(plain, (*_WHAT, "process_path")) and any(map(_is_event, plain))):
            return None
        hosts = _places(plain, _HOSTS)
        if not hosts:
            names.append("dest")
        return cls(
            title=OTHERS if loose else CIM,
            header=tuple(names),
            host=hosts[0] if hosts else len(header),
            hosts=hosts,
            sources=_places(plain, ("src",)),
            peers=_places(plain, _PEERS),
            commands=_places(plain, ("process",)),
            targets=tuple(
                i
                for i, name in enumerate(names)
                if plain[i : i + 1] and (plain[i] in TARGET_FIELDS or name in ALIASES)
            ),
            ids=tuple(header.index(name) for name in _IDS if name in header) if loose else (),
            unknown=tuple(_unknown(names, plain)),
        )

    def is_nameless(self, row: list[str]) -> bool:
        """Tell whether a row names no host; `src` is that of a connection, and of nothing else."""
        if _any(row, self.hosts):
            return False
        return not (_any(row, self.sources) and _any(row, self.peers))

    def other_event(self, row: list[str]) -> str:
        """Return the number of a Windows event of no use here, empty for all other rows."""
        if not self.ids or _any(row, self.targets):
            return ""
        return next((row[place] for place in self.ids if row[place] not in _CREATIONS), "")

    def is_process(self, row: list[str]) -> bool:
        """Tell whether a row is a process creation: it has no file, peer, key or service."""
        return not _any(row, self.targets)

    def is_bare(self, row: list[str]) -> bool:
        """Tell whether a row has no command line."""
        return not _any(row, self.commands)


def lacking(columns: Iterable[str]) -> str:
    """Return which CIM columns records lack to be of use, empty if they have none or all."""
    plain = {_plain(name) for name in columns}
    who, what = not plain.isdisjoint(_WHO), not plain.isdisjoint(_WHAT)
    if who == what:
        return ""
    return "process or process_name" if who else "process_id or process_guid"


def _rename(names: list[str], plain: list[str]) -> None:
    """Give columns their CIM names where the header has no CIM name for the same."""
    others = any(map(_OF_ANOTHER.match, names))
    for i, name in enumerate(names):
        field = _OTHER_NAMES.get(name, "")
        if field and field not in plain and not (others and name.startswith("Process")):
            names[i] = plain[i] = field
    host = next((name for name in _OTHER_HOSTS if name in names), "")
    if host and not _places(plain, _HOSTS):
        i = names.index(host)
        names[i] = plain[i] = "dest"


def _unknown(names: Sequence[str], plain: Sequence[str]) -> Iterable[tuple[str, str]]:
    for i, field in enumerate(plain):
        word = "" if field else _MARKS.sub("", names[i]).lower()
        for pattern, fields in _SEEMS:
            if word and pattern.fullmatch(word) and set(fields).isdisjoint(plain):
                yield names[i], fields[0]


def _tells(plain: Iterable[str], what: Iterable[str]) -> bool:
    """Tell whether fields say who did what."""
    fields = set(plain)
    return not fields.isdisjoint(_WHO) and not fields.isdisjoint(what)


def _is_event(field: str) -> bool:
    """Tell a field that a list of processes or of loaded files has not."""
    return field == "process" or field in TARGET_FIELDS or field.startswith("parent_process")


def _places(plain: Sequence[str], wanted: Iterable[str]) -> tuple[int, ...]:
    """Return where fields are, those of the first wanted name before the others."""
    return tuple(i for name in wanted for i, found in enumerate(plain) if found == name)


def _any(row: list[str], places: tuple[int, ...]) -> bool:
    """Tell whether one of the cells holds something."""
    # Done several times a row: a generator costs more than the looks themselves.
    for place in places:  # noqa: SIM110
        if row[place] not in MISSING:
            return True
    return False


def _plain(name: str) -> str:
    """Return the CIM field that a column names, with or without its data model."""
    prefix, _, short = name.rpartition(".")
    known = short in FIELDS and (not prefix or prefix.rsplit(".", 1)[-1] in DATA_MODELS)
    return short if known else ""
