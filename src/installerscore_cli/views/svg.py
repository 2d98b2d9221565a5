"""A tree as an SVG picture: one line a process, colored by what its signals are worth."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

from installer_trees.drawing import command_line
from installer_trees.model import Settings

from ..clean import visible
from . import Row, as_list

WIDTH = 1120
LINE = 26
INDENT = 18
DEEPEST = 24
LETTER = 7.2
"""Width of a letter of the monospaced font at 12 pixels; `textLength` makes it so."""

_LEFT = 14
_GAP = 10
_LONGEST_TITLE = 1_000


def picture(rows: Sequence[Row], settings: Settings) -> Element:
    """Draw rows of `output=processes` of one tree, a parent before its children.

    The colors come from the style sheet of the page, by class: light or dark.
    """
    height = LINE * len(rows)
    svg = Element("svg", {"viewBox": f"0 0 {WIDTH} {height}", "role": "img", "class": "tree"})
    SubElement(svg, "title").text = f"Process tree of {len(rows)} processes"
    places = {str(row["node"]): number for number, row in enumerate(rows)}
    links = SubElement(svg, "g", {"class": "links"})
    for number, row in enumerate(rows):
        parent = places.get(str(row["parent_node"]))
        if parent is not None:
            x, y = _left(rows[parent]), _middle(parent) + 6
            line = f"M{x} {y}V{_middle(number)}H{_left(row) - 6}"
            SubElement(links, "path", {"d": line})
    for number, row in enumerate(rows):
        _node(svg, row, _left(row), _middle(number), settings)
    return svg


def _left(row: Row) -> int:
    return _LEFT + INDENT * min(int(row["tree_depth"]), DEEPEST)


def _middle(number: int) -> int:
    return LINE * number + LINE // 2


def _node(svg: Element, row: Row, x: int, y: int, settings: Settings) -> None:
    score = int(row["process_score"])
    severity = settings.severity(score) if as_list(row["signal"]) else "quiet"
    group = SubElement(svg, "g", {"class": f"node {severity}"})
    SubElement(group, "title").text = _tooltip(row, score)
    SubElement(group, "circle", {"cx": str(x), "cy": str(y), "r": "5"})
    signals = " ".join(as_list(row["signal"]))
    x += _GAP
    room = WIDTH - x - (_GAP + _width(signals) if signals else 0)
    x += _text(group, _label(row), x, y, room, "label")
    if signals:
        _text(group, signals, x + _GAP, y, WIDTH, "signals")


def _label(row: Row) -> str:
    name, command, path, pid = (
        str(row.get(field) or "")
        for field in ("process_name", "process", "process_path", "process_id")
    )
    return visible(command_line(name, command, path) + (f" [{pid}]" if pid else ""))


def _tooltip(row: Row, score: int) -> str:
    lines = [str(row.get("process") or row.get("process_name") or "")[:_LONGEST_TITLE]]
    for name in ("process_path", "user", "process_current_directory", "_time", "source"):
        if row.get(name):
            lines.append(f"{name}: {row[name]}")
    if score:
        lines.append(f"score of the process alone: {score}")
    return "\n".join(map(visible, lines))


def _text(parent: Element, text: str, x: int, y: int, room: float, kind: str) -> int:
    """Add a text that fits; return its width."""
    shown = _fitting(text, room)
    width = round(_width(shown))
    attributes = {"x": str(x), "y": str(y + 4), "class": kind}
    if width:
        attributes["textLength"] = str(width)
    SubElement(parent, "text", attributes).text = shown
    return width


def _width(text: str) -> float:
    return LETTER * sum(map(_cells, text))


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _fitting(text: str, room: float) -> str:
    """Cut a text in its middle, where it is too long: its end is often what matters."""
    most = int(room / LETTER)
    if sum(map(_cells, text[: most + 1])) <= most and len(text) <= most:
        return text
    head, tail = most * 2 // 3, most // 3 - 1
    start, end = text[:head], text[len(text) - tail :]
    while _width(start) + _width(end) + LETTER > room and start:
        start, end = start[:-1], end[1:]
    return f"{start}\u2026{end}"
