"""Rows of a branch -> a tree of processes with the events that they own."""

from __future__ import annotations

from collections import defaultdict

from . import naming
from .alike import file_name
from .events import Event, Process
from .identity import SAME_PROCESS_SECONDS
from .links import Branch, Linker
from .model import Node, Tree

_TARGET = (
    "dest_ip dest_port url file_path registry_path registry_value_name registry_value_data"
    " service_name service_path"
).split()
"""What two sensors tell alike of one event."""
_HARMLESS = frozenset(["read", "deleted"])
MAX_PACKAGES = 16
"""Installers above a file's process whose packages its name is compared with."""
_MACOS_FOLDERS = ("/Users/", "/System/", "/Library/", "/Applications/", "/opt/homebrew/")
_MACOS_PROGRAMS = frozenset(
    "osascript dscl launchctl sysadminctl hdiutil ditto spctl codesign plutil PlistBuddy mdfind"
    " softwareupdate systemsetup networksetup diskutil csrutil sw_vers pkgutil system_profiler"
    " ioreg caffeinate scutil".split()
)


def build(linker: Linker, branch: Branch, events: dict[int, list[int]]) -> Tree:
    """Read the rows of a branch again and put them in printing order.

    Args:
        linker: What the branch was grown with.
        branch: The rows and their parents.
        events: Rows of events by the row of the process that owns them.

    Returns:
        The tree: each parent before its children, children by time, depth first.
    """
    children: dict[int, list[int]] = defaultdict(list)
    for row in branch.members:
        parent = branch.parent[row][0]
        if parent != -1:
            children[parent].append(row)
    nodes: list[Node] = []
    owned: list[tuple[int, Event]] = []
    places: dict[int, int] = {}
    waiting = [branch.top]
    while waiting:
        row = waiting.pop()
        parent, link = branch.parent[row]
        above = nodes[places[parent]] if parent in places else None
        node = _node(linker, row, places.get(parent, -1), above, link)
        places[row] = len(nodes)
        nodes.append(node)
        owned.extend((len(nodes) - 1, event) for event in _events(linker, events.get(row, [])))
        waiting.extend(sorted(children.get(row, ()), key=linker.order, reverse=True))
    top = nodes[0]
    family = top.root.family if top.root else "unknown"
    if any(event.kind == "file" for _, event in owned):
        owned = _with_naming(nodes, owned)
    return Tree(tuple(nodes), tuple(owned), family, _system(nodes))


def _node(linker: Linker, row: int, parent: int, above: Node | None, link: str) -> Node:
    process = linker.process(row)
    if not _says_parent(process):
        over = above.process if above is not None else _outside(linker, row)
        process = _with_parent(process, over) if over is not None else process
    root = linker.root_of(row)
    source = ""
    if root is not None and root.sibling_pattern is not None:
        source = linker.command_beside(row, root.sibling_pattern)
    package = root.package_of(source or process.process) if root is not None else ""
    if package and above is None and not source:
        source = linker.named_before(row, file_name(package))
    return Node(process, row, parent, above.depth + 1 if above else 0, link, root, package, source)


def _says_parent(process: Process) -> bool:
    """Tell whether the event says all about its parent that `_with_parent` could fill in."""
    name, line, path = (
        process.parent_process_name,
        process.parent_process,
        process.parent_process_path,
    )
    return bool(name and line and path)


def _outside(linker: Linker, top: int) -> Process | None:
    """Return what started an installer, as far as it arrived: it is no part of the tree."""
    row = linker.parent_of(top)[0] if top >= 0 else -1
    return linker.process(row) if row >= 0 else None


def _with_parent(process: Process, parent: Process) -> Process:
    """Fill in what the event did not say about its parent."""
    return process._replace(
        parent_process_name=process.parent_process_name or parent.process_name,
        parent_process=process.parent_process or parent.process,
        parent_process_path=process.parent_process_path or parent.process_path,
    )


def _events(linker: Linker, rows: list[int]) -> list[Event]:
    """Return the events by kind and time; what two sensors or rows tell at one time counts once."""
    kept: list[Event] = []
    last: dict[tuple[str, ...], int] = {}
    for event in sorted({linker.store.event(row) for row in rows}):
        action = event.action.lower()
        action = action if action in _HARMLESS else ""
        what = (event.kind, action, *(getattr(event, name).lower() for name in _TARGET))
        place = last.get(what, -1)
        if place >= 0 and event.time - kept[place].time <= SAME_PROCESS_SECONDS:
            more = {n: v for n, v in event._asdict().items() if v and not getattr(kept[place], n)}
            kept[place] = kept[place]._replace(**more)
        else:
            last[what] = len(kept)
            kept.append(event)
    return kept


def _with_naming(nodes: list[Node], owned: list[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """Say of the file of each event whether it is named after the package.

    That is the package of the maintainer script above the process, else those that were asked for,
    the nearest `MAX_PACKAGES` of them.
    """
    words: list[tuple[str, ...]] = []
    in_script: list[bool] = []
    for node in nodes:
        above: tuple[str, ...] = words[node.parent] if node.parent >= 0 else ()
        inside = in_script[node.parent] if node.parent >= 0 else False
        if script := naming.package_of_script(node.process.process):
            above, inside = naming.words(script), True
        elif node.package and not inside:
            above = (*above, *naming.words(node.package))[-MAX_PACKAGES:]
        words.append(above)
        in_script.append(inside)
    named = []
    for place, event in owned:
        if event.kind == "file":
            own = naming.carries(event.file_name, words[place])
            event = event._replace(file_named="own" if own else "other")
        named.append((place, event))
    return named


def _system(nodes: list[Node]) -> str:
    """Tell the operating system from the installers, else from how paths are written."""
    for node in nodes:
        if node.root is not None and node.root.os != "any":
            return node.root.os
    for node in nodes:
        p = node.process
        text = p.process_path or p.process
        if "\\" in text or p.process_name.lower().endswith((".exe", ".cmd", ".tmp")):
            return "windows"
        if text.startswith(_MACOS_FOLDERS) or p.process_name in _MACOS_PROGRAMS:
            return "macos"
    return "linux"
