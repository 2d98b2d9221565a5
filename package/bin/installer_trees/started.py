"""What a service manager started for an install: the install's own doing, in another's name.

A package that brings a service, a scheduled task or a launch item has it started by `services.exe`,
`svchost.exe`, `systemd`, `cron` or `launchd`. It belongs to the install that named its program
before: on a command line, in the definition of a service, in a file that was written. On Windows
the program of a service often lies beside the one that the install ran, or in a folder with the
name of the package, and counts like it. An application of macOS, which `launchd` starts from
wherever it was copied to, belongs to the disk image of its name, or to the image or archive that
was opened before a person copied it, and in its first minutes to the update that replaced it. Of
what a person starts from the desktop, scripts count, and the first minutes of a program that has
just been installed. What was found so may have named others in its turn: it is asked about too.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from .events import Event, Process
from .links import Branch, Linker
from .naming import product_words, words
from .parents import SCRIPT_HOSTS, Link
from .programs import applications, images, own_folder, paths, with_folders
from .starters import DESKTOPS, HOSTS_OF_SCRIPTS
from .ties import join

CLOCK_SECONDS = 2.0
"""How much later the log of services may say what the log of processes shows."""
FIRST_SECONDS = 600.0
"""How long after an install its programs count that a person starts, and what these start."""
_SHELL = r"(?:ba|da|z|k|tc|c|fi|a)?sh"
_SESSION = re.compile(
    rf"^(?:-{_SHELL}|(?:(?:/usr)?/bin/)?login(?:\s[\w.-]{{1,40}}){{0,4}}"
    rf"|(?:(?:/usr|/usr/local|/opt/homebrew)?/bin/)?{_SHELL}\s-(?:i?l|li|l\s-i|i\s-l))\s{{0,9}}$"
)
_TERMINAL = re.compile(
    r"^\"?(?:[^\"]{0,200}\\)?(?:cmd|powershell|pwsh)(?:\.exe)?\"?\s{0,9}(?:-nologo\s{0,9})?"
    r"(?:(?:-noexit|/k)\s{0,9}(?:-command\s.{0,300}?\\shellIntegration\.ps1.{0,100})?)?$",
    re.IGNORECASE,
)
_HAS_TERMINALS = re.compile(
    r"(?:code(?: - insiders)?|(?:vs)?codium|cursor|windsurf|positron|zed|devenv|rstudio"
    r"|(?:idea|pycharm|webstorm|goland|rider|clion|phpstorm|rubymine|datagrip|studio)(?:64)?"
    r"|windowsterminal|openconsole|conhost|conemu\w*|cmder|mintty|tabby|hyper|alacritty|warp"
    r"|wezterm(?:-gui)?|explorer|githubdesktop|git-(?:bash|cmd)|far|totalcmd(?:64)?|dopus"
    r"|cmd|powershell|pwsh)(?:\.exe)?$",
    re.IGNORECASE,
)
"""Programs of Windows in which a person opens a shell; one that another opens is not seen."""
_SYSTEM_PROGRAM = re.compile(r"^(?:/usr|/usr/local|/opt/homebrew)?/bin/[^/]+$")
_RUNS_SCRIPTS = re.compile(rf"(?:{SCRIPT_HOSTS}|{_SHELL}|nc|ncat|socat)$")
_TOOL = re.compile(
    r"(?:ch(?:mod|own|grp|attr)|cp|mv|ln|install|mkdir|touch|tee|cat|sed|tar|unzip|ditto|xattr"
    r"|codesign|systemctl|launchctl|crontab|update-rc\.d|(?:schtasks|sc|reg|icacls|attrib|xcopy"
    r"|robocopy|expand|tar)\.exe)$",
    re.IGNORECASE,
)
_OPENERS = re.compile(r"(?:hdiutil|diskimagesiod|DiskImageMounter|mount_\w{2,8}|Archive Utility)$")
"""What opens a disk image or an archive on macOS."""
_PRODUCT = "* "
_IMAGE = "dmg"
_NOT_WRITTEN = ("deleted", "read")

Naming = tuple[float, tuple[float, tuple[str, ...]], int]


def adopt(
    linker: Linker,
    branches: list[Branch],
    events: dict[int, list[int]],
    members: Collection[int] | None = None,
) -> set[int]:
    """Hang what service managers started under the process that named its program.

    Args:
        linker: What the branches were grown with.
        branches: All installs; they are changed in place.
        events: Rows of events by the row of the process that owns them.
        members: The processes that may have named it; all of the branches where not given.

    Returns:
        What was hung there; it may have named others in its turn.
    """
    store = linker.store
    if not store.started.rows:
        return set()
    branch_of = {row: branch for branch in branches for row in branch.members}
    claimed = set(branch_of)
    named = _namings(linker, branch_of if members is None else members, events)
    keys = {0, *(hash(path.rpartition("\\")[0]) for _, path in named)}
    products = {
        store.key(host, name[len(_PRODUCT) :]) for host, name in named if name.startswith(_PRODUCT)
    }
    started = set(map(linker.canonical, store.started.named(keys, products))) - claimed
    namers = {row: namer for row in started if (namer := _named_by(linker, row, named)) is not None}
    linker.tops(namers)  # which cuts circles
    hung: set[int] = set()
    by_manager: set[int] = set()
    for row in linker.sort(namers):
        if row in claimed:
            continue
        grown = linker.grow(row, claimed)
        chosen = _is_chosen(linker.process(row)) or _brings_application(linker, namers[row])
        below = _without_sessions(linker, grown, chosen)
        hung.update(below)
        if not chosen:
            by_manager.update(below)
        branch = branch_of[namers[row]]
        branch.hang(below, row, _who_ordered(linker, branch, namers[row]))
    join(linker, branches, by_manager)
    return hung


def _who_ordered(linker: Linker, branch: Branch, namer: int) -> int:
    """Return what ran the tool that named a program; a tool starts nothing later."""
    while namer != branch.top and _TOOL.match(linker.process(namer).process_name):
        namer = branch.parent[namer][0]
    return namer


def _is_chosen(process: Process) -> bool:
    """Tell whether a person started a program from the desktop."""
    by_desktop = process.parent_process_name.lower() in DESKTOPS
    return by_desktop and process.process_name.lower() not in HOSTS_OF_SCRIPTS


def _brings_application(linker: Linker, row: int) -> bool:
    """Tell whether a process brought an application of macOS without naming its disk image.

    The application is used from then on: what it does later is no part of an install.
    """
    root = linker.root_of(row)
    return root is not None and root.family == _IMAGE and not images(linker.process(row).process)


def _is_terminal(process: Process, parent: Process) -> bool:
    """Tell whether a process is a shell that a person opened in a program made for that."""
    return bool(_TERMINAL.match(process.process) and _HAS_TERMINALS.match(parent.process_name))


def _without_sessions(linker: Linker, branch: Branch, chosen: bool) -> dict[int, Link]:
    """Return members and their parents, without what a person typed into a shell below.

    Terminals and editors are installed too, and started again every day. They ask for a login
    shell themselves; a script that asks for one is none of them. Of what a person chose to start
    only the first minutes count.
    """
    kept: dict[int, Link] = {}
    start = linker.process(branch.top).time
    for row in branch.members:
        process, parent = linker.process(row), branch.parent[row][0]
        if row != branch.top:
            late = chosen and process.time - start > FIRST_SECONDS
            opened = chosen and parent != -1 and _is_terminal(process, linker.process(parent))
            if parent not in kept or late or opened or _is_session(linker, row, parent):
                continue
        kept[row] = branch.parent[row]
    return kept


def _is_session(linker: Linker, row: int, parent: int) -> bool:
    """Tell whether a process is the shell of somebody who logs in or opens a terminal."""
    process = linker.process(row)
    path = process.process_path
    return bool(
        _SESSION.match(process.process)
        and (not path or _SYSTEM_PROGRAM.match(path))
        and not _RUNS_SCRIPTS.match(linker.process(parent).process_name)
    )


def _packages(linker: Linker, row: int) -> set[str]:
    """Return what the package that a process installs on Windows is named by, likewise."""
    root, line = linker.root_of(row), linker.process(row).process
    if root is None or "\\" not in line:
        return set()
    return {_PRODUCT + word for word in words(root.package_of(line))}


def _programs(process: Process) -> set[str]:
    """Return what the folder and the file of a program of Windows are named by, likewise."""
    said = product_words(process.process_path)
    return {_PRODUCT + word for word in said if word}


def _namings(
    linker: Linker, members: Iterable[int], events: dict[int, list[int]]
) -> dict[tuple[str, str], list[Naming]]:
    """Return which member named each path on each host, in order of time."""
    named: dict[tuple[str, str], list[Naming]] = defaultdict(list)
    for row in members:
        process = linker.process(row)
        host, order = process.dest.lower(), linker.order(row)
        own = paths(process.process, process.process_path) | images(process.process)
        own |= _packages(linker, row)
        for path in own.union(*map(own_folder, own)):
            named[host, path].append((process.time, order, row))
        for event in events.get(row, ()):
            what = linker.store.event(event)
            written = _named_in(what)
            for path in written.union(*map(own_folder, written)):
                time = what.time - CLOCK_SECONDS if what.kind == "service" else what.time
                named[host, path].append((max(time, process.time), order, row))
    for host, program, naming in _copied(linker, members, events):
        named[host, program].append(naming)
    for namings in named.values():
        namings.sort()
    return named


def _copied(
    linker: Linker, members: Iterable[int], events: dict[int, list[int]]
) -> Iterator[tuple[str, str, Naming]]:
    """Yield the applications that no installer put in place, and the image or archive they came in.

    A person copies them with the Finder; the image or archive is the one that was opened last.
    """
    store = linker.store
    if not store.placed:
        return
    on_host: dict[str, list[Naming]] = defaultdict(list)
    for row in members:
        process = linker.process(row)
        if _OPENERS.match(process.process_name):
            on_host[process.dest.lower()].append((process.time, linker.order(row), row))
    for opened in on_host.values():
        opened.sort()
    owned = {event for rows in events.values() for event in rows}
    for event in store.placed if on_host else ():
        if event in owned:
            continue
        layout, values = store.values(event)
        copied, host = store.time[event], layout.host(values).lower()
        opened = on_host.get(host, [])
        last = bisect_right(opened, (copied, (math.inf, ()), 0)) - 1
        if last < 0 or layout.value(values, "action") in _NOT_WRITTEN:
            continue
        time, order, row = opened[last]
        if copied - time <= linker.lifetime:
            for program in applications(layout.value(values, "file_path")):
                yield host, program, (copied, order, row)


def _named_in(event: Event) -> set[str]:
    if event.action in _NOT_WRITTEN:
        return set()
    return paths(event.file_path, event.service_path, event.registry_value_data)


def _named_by(linker: Linker, row: int, named: dict[tuple[str, str], list[Naming]]) -> int | None:
    """Return the member that last named the program of a process before it was started."""
    process: Process = linker.process(row)
    longest = FIRST_SECONDS if _is_chosen(process) else linker.lifetime
    best: Naming | None = None
    own = paths(process.process_path, process.process)
    own |= applications(process.process_path, process.process) | _programs(process)
    for path in {part for program in own for part in with_folders(program)}:
        namings = named.get((process.dest.lower(), path), [])
        end = bisect_right(namings, (process.time, (math.inf, ()), 0))
        last = namings[end - 1] if end else None
        if last and process.time - last[0] <= longest and (best is None or last > best):
            best = last
    return best[2] if best else None
