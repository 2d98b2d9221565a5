"""A scored tree -> a drawing, one line a process, of what fits.

What matters is chosen first, by a budget of lines and of characters, and then put in the order of
the tree.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from .alike import file_name, without_exe
from .events import Process
from .model import Match, Node, Score, Tree
from .texts import NAME_CHARS, counted, cut, pid

TREE_LINES = 60
TREE_CHARS = 4_000
LINE_CHARS = 160
DEEPEST_INDENT = 24
CONSOLE_HOST = "conhost.exe"
# Where programs are whose paths hold blanks, and what begins an argument behind a program.
_PLACE_WITH_BLANKS = re.compile(r"(?i)[a-z]:/|/.{0,300}\.app/")
_ARGUMENT = re.compile(r"(?i)\.exe | (?:[a-z]:)?/| -| \.{1,2}/|\"")


def draw(tree: Tree, score: Score) -> list[str]:
    """Draw a tree, one indented line a process, signals at the end of the line.

    Branches with signals are drawn first where not all fit; the last line says what was left out.
    """
    drawing = _Drawing(tree, score)
    shown = sorted(drawing.lines)
    last_child = {tree.nodes[i].parent: i for i in shown}
    lines = [_indent(tree, i, last_child) + drawing.lines[i] for i in shown]
    left_out = len(tree.nodes) - len(shown) - len(drawing.consoles)
    if left_out:
        marked = len(set(matches_by_node(score)) - set(shown))
        more = counted(left_out, "more process")
        lines.append(f"... {more} left out, {marked:,} of them with signals")
    if drawing.consoles:
        lines.append(f"... {counted(len(drawing.consoles), 'console host')} left out")
    return lines


def drawn(tree: Tree, score: Score) -> list[int]:
    """Return the nodes to draw: the top, those with signals and their parents, then the rest."""
    return sorted(_Drawing(tree, score).lines)


def matches_by_node(score: Score) -> dict[int, list[Match]]:
    """Return what was found on each process that has signals."""
    found: dict[int, list[Match]] = defaultdict(list)
    for reason in score.reasons:
        for match in reason.matches:
            found[match.node].append(match)
    return found


class _Drawing:
    """Chooses what is drawn of a tree, within `TREE_LINES` and `TREE_CHARS`.

    Processes with signals come with all that are above them, or alone where these do not fit.

    Attributes:
        lines: The line of each chosen node, without its indent.
        consoles: The console hosts that Windows adds to each program with a console, where they
            have neither signals nor children: they say nothing.
    """

    def __init__(self, tree: Tree, score: Score) -> None:
        self.lines: dict[int, str] = {}
        self._tree = tree
        self._on_node = matches_by_node(score)
        self._room = TREE_CHARS
        self._known: dict[int, tuple[str, int]] = {}
        self.consoles = self._silent_consoles()
        self._add([0])
        for place in _telling(score):
            if place not in self.lines and not self._add(self._way_to(place)):
                self._add([place])
        for place, node in enumerate(tree.nodes):
            wanted = place not in self.lines and node.parent in self.lines
            if wanted and place not in self.consoles and not self._add([place]):
                break

    def _silent_consoles(self) -> set[int]:
        nodes = self._tree.nodes
        named = {i for i, node in enumerate(nodes) if i and _is_console(node.process)}
        return named - self._on_node.keys() - {node.parent for node in nodes}

    def _way_to(self, place: int) -> list[int]:
        """Return a node and those above it, up to one that is drawn; no more than can be."""
        way: list[int] = []
        while place >= 0 and place not in self.lines and len(way) < TREE_LINES:
            way.append(place)
            place = self._tree.nodes[place].parent
        return way

    def _add(self, places: Sequence[int]) -> bool:
        """Choose all of these nodes, or none where not all fit."""
        if len(self.lines) + len(places) > TREE_LINES:
            return False
        lines = [self._line(place) for place in places]
        size = sum(size for _, size in lines)
        if size > self._room:
            return False
        self._room -= size
        self.lines.update((place, line) for place, (line, _) in zip(places, lines))
        return True

    def _line(self, place: int) -> tuple[str, int]:
        """Return the line of a node, and how many characters it takes with its indent."""
        known = self._known.get(place)
        if known is None:
            line = _label(self._tree.nodes[place])
            found = sorted({m.signal.signal_id for m in self._on_node.get(place, [])})
            if found:
                line += "  <-- " + " ".join(found)
            known = self._known[place] = line, len(_indent(self._tree, place, {})) + len(line) + 1
        return known


def _telling(score: Score) -> Iterator[int]:
    """Yield the nodes with signals: for each signal what `signal_detail` names, then the others."""
    for reason in score.reasons:
        yield reason.matches[0].node
    for reason in score.reasons:
        for match in reason.matches[1:]:
            yield match.node


def _indent(tree: Tree, place: int, last_child: dict[int, int]) -> str:
    node = tree.nodes[place]
    if node.parent < 0:
        return ""
    if node.depth > DEEPEST_INDENT:
        return "   " * DEEPEST_INDENT + f"(depth {node.depth}) "
    parts = ["└─ " if last_child.get(node.parent) == place else "├─ "]
    here = node.parent
    while tree.nodes[here].parent >= 0:
        parent = tree.nodes[here].parent
        parts.append("   " if last_child.get(parent, here) == here else "│  ")
        here = parent
    return "".join(reversed(parts))


def _is_console(process: Process) -> bool:
    return process.process_name.lower() == CONSOLE_HOST


def _label(node: Node) -> str:
    p = node.process
    line = command_line(p.process_name, p.process, p.process_path)
    absent = " (not in the data)" if node.row < 0 else ""
    tied = " (tied by install)" if node.link == "tie" else ""
    return f"{line}{pid(p)}{absent}{tied}"


def command_line(name: str, command: str, path: str = "", folder: bool = True) -> str:
    """Return what a process is called wherever it is shown: its command line, on one line.

    The name of the program stands before it where it does not begin with that.

    Args:
        name: The name of the program.
        command: The command line; the name stands in for none.
        path: The path of the program, where it is known.
        folder: Whether the folder in which the program is found is kept.
    """
    command = command or name
    if not folder:
        command = cut(command, len(command))
        end = _program_end(command, name, path)
        command = file_name(command[:end]) + command[end:]
    command = cut(command, LINE_CHARS)
    begins = not name or _program_end(command, name, path)
    return command if begins else f"{cut(name, NAME_CHARS)}: {command}"


def _program_end(command: str, name: str, path: str) -> int:
    """Return where the program at the beginning of a command line ends, 0 if that is another one.

    It may be quoted, leave out `.exe`, and hold blanks.
    """
    line, own = command.replace("\\", "/"), name.lower()
    quoted = line.startswith('"')
    said = line[1:].split('"', 1)[0] if quoted else line.split(" ", 1)[0]
    if file_name(said).lower() in (own, without_exe(own)):
        return min(len(said) + 2 * quoted, len(line))
    path = path.replace("\\", "/")
    for begin in (path if path.lower().endswith(f"/{own}") else name, name):
        if f"{line} "[: len(begin) + 1].lower() == f"{begin} ".lower():
            return len(begin)
    return _end_of_path(line, own)


def _end_of_path(line: str, own: str) -> int:
    """Return where a path that holds blanks ends, 0 if the line does not begin with that of `own`.

    Blanks before an argument look the same, so that what could be one is no part of a path.
    """
    small = f"{line} ".lower()
    begin = small.find(f"/{own} ") if len(small) == len(line) + 1 else -1
    before = line[: max(begin, 0) + 1]
    if not _PLACE_WITH_BLANKS.match(before) or _ARGUMENT.search(before):
        return 0
    return len(before) + len(own)
