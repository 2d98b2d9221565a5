"""A scored tree -> what to look for elsewhere: the threat objects of risk-based alerting.

What tells one attack from all else comes first, for there is room for few: where things came from,
then what they left behind. That `sh` or `cmd.exe` ran is no lead, and is said only where there is
nothing else. Source of the types: `ThreatObjectType` of contentctl, with which Splunk checks its
own detections for Enterprise Security.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .addresses import address_type
from .alike import file_name, without_exe
from .evidence import evidence, registry_target
from .model import Match, Score, Tree
from .texts import VALUE_CHARS

THREATS = 10
THREAT_CHARS = 300
"""A threat object; `THREATS_CHARS` all of them, with their types."""
THREATS_CHARS = 1_200
TEXT_CHARS = 1_000
"""How far a command line is read."""
MATCHES = 100
"""So many of a signal are read: a few of them fill the list."""

KINDS = "url ip_address file_path registry_path service file_name process_name".split()
"""Types of threat objects, what says most first. `file_name` is a package's."""

ORDINARY = frozenset(
    (
        "apk apt apt-get awk base64 bash bitsadmin brew bunzip2 busybox bzip2 cat certutil "
        "chmod chown cmd conhost cp cpio crontab cscript curl cut dash dd dirname dism dllhost "
        "dnf dpkg dpkg-deb echo env explorer expr false find forfiles gawk gem getent grep "
        "gunzip gzip hdiutil head hostname icacls id ifconfig install installd installer ip "
        "ipconfig launchctl ln ls make mawk mkdir mktemp mshta msiexec mv nc net netsh netstat "
        "node nohup npm npx openssl osascript perl ping pip pkgutil powershell ps pwsh python "
        "readlink reg regsvr32 rm rpm ruby run-parts rundll32 sc schtasks scutil sed service "
        "setsid sh sleep sort spctl ssh ssh-keygen stat su sudo svchost sw_vers sysctl "
        "system_profiler systemctl systeminfo tail tar taskkill tasklist tee test touch tr true "
        "uname unzip useradd usermod wc wget which whoami wmic wscript wusa xargs xattr xcopy "
        "xz yum zcat zsh zypper"
    ).split()
)
"""Names of programs that every host has, without `.exe` and version: none of them is a lead."""

_URL = re.compile(r"(?i)\b(?:https?|ftp)://[^\s\"'<>|)`]+")
_IP = r"(?:\d{1,3}\.){3}\d{1,3}"
_ADDRESS = re.compile(rf"/dev/(?:tcp|udp)/({_IP})/\d|(?<![\w.])({_IP}):\d{{1,5}}(?![\w.])")
_SYSTEM_FOLDER = re.compile(
    r"(?i)(?:/usr)?/s?bin/|/usr/(?:lib|lib64|libexec)/|/System/"
    r"|[a-z]:\\Windows\\(?:System32|SysWOW64|WinSxS)\\|[a-z]:\\Windows\\[^\\]+$"
)
_PACKAGES = tuple(
    f".{ending}"
    for ending in (
        "apk appx appxbundle cab deb dmg exe gem jar msi msix msixbundle msp msu nupkg pkg mpkg "
        "rpm run snap flatpak tgz tbz2 txz tar.gz tar.bz2 tar.xz vsix whl zip"
    ).split()
)
_OF_VERSION = "0123456789.-"


def threats(tree: Tree, score: Score, chars: int) -> list[tuple[str, str]]:
    """Return values and their types, as many as fit into `chars`: by kind, then by signal."""
    found: dict[tuple[str, str], None] = {}
    walked: set[int] = set()
    for reason in score.reasons:
        for match in reason.matches[:MATCHES]:
            found.update(dict.fromkeys(_of(tree, match)))
            found.update(dict.fromkeys(_packages_above(tree, match.node, walked)))
    telling = [t for t in found if t[1] != "process_name" or not _is_ordinary(t[0])]
    listed: list[tuple[str, str]] = []
    for value, kind in sorted(telling or found, key=lambda threat: KINDS.index(threat[1])):
        size = len(value) + len(kind) + 2
        if size <= chars and len(listed) < THREATS:
            listed.append((value, kind))
            chars -= size
    return listed


def _of(tree: Tree, match: Match) -> Iterator[tuple[str, str]]:
    """Yield what a match names, in no order of kinds; each value is bounded and not empty."""
    node, event = tree.nodes[match.node], match.event
    text = node.process.process[:TEXT_CHARS]
    if match.text not in text:
        text += " " + evidence(tree, match, TEXT_CHARS)
    named = [(url.rstrip(".,;&"), "url") for url in _URL.findall(text)]
    addresses = [one or other for one, other in _ADDRESS.findall(_URL.sub(" ", text))]
    named += [(a, "ip_address") for a in addresses if address_type(a) != "other"]
    named.append((node.process.process_name[:VALUE_CHARS], "process_name"))
    path = node.process.process_path
    if path and not _SYSTEM_FOLDER.match(path):
        named.append((path, "file_path"))
    if event is not None:
        named += [
            (event.url, "url"),
            (event.dest_ip, "ip_address"),
            (event.file_path, "file_path"),
            (registry_target(event), "registry_path"),
            (event.service_path or event.service_name, "service"),
        ]
    for value, kind in named:
        if value and not (kind == "ip_address" and address_type(value) == "loopback"):
            yield value[:THREAT_CHARS], kind


def _packages_above(tree: Tree, place: int, walked: set[int]) -> Iterator[tuple[str, str]]:
    """Yield URLs and names of the package files that a process came with; `walked` grows.

    What is no file is left out: a name in an index, a directory, the package of a script.
    """
    while place >= 0 and place not in walked:
        walked.add(place)
        node = tree.nodes[place]
        url = _URL.match(node.package)
        file = file_name(node.package)
        if url:
            yield url[0][:THREAT_CHARS], "url"
        elif file.lower().endswith(_PACKAGES):
            yield file[:THREAT_CHARS], "file_name"
        place = node.parent


def _is_ordinary(name: str) -> bool:
    name = without_exe(name)
    return name in ORDINARY or name.rstrip(_OF_VERSION) in ORDINARY
