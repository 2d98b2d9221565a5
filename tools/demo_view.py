"""Plain-text layout for the demo: titles, wrapped text, a table, cut lines."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

_COLORS = {"critical": "1;31", "high": "31", "medium": "33", "title": "1"}
_NARROWEST, _WIDEST = 80, 140
_ASCII_LINES = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-"})
_READABLE = 30
_GAP = "  "


class Screen:
    """Writes to a stream, in color when it is a terminal that wants it.

    Args:
        stream: Where to write. What its encoding cannot show becomes `?`.
        width: Columns; kept between 80 and 140.
    """

    def __init__(self, stream: TextIO, width: int) -> None:
        self.width = min(max(width, _NARROWEST), _WIDEST)
        self._stream = stream
        self._encoding = stream.encoding or "ascii"
        self._color = (
            stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def title(self, text: str) -> None:
        """Write a heading after an empty line."""
        self._write("")
        for line in textwrap.wrap(text, self.width):
            self._write(line, "title")

    def paragraph(self, text: str) -> None:
        """Write text wrapped to the width."""
        self._wrapped(text)

    def items(self, texts: Iterable[str]) -> None:
        """Write texts as a list, each wrapped with a hanging indent."""
        for text in texts:
            self._wrapped(text, "  ", "      ")

    def tree(self, texts: Iterable[str]) -> None:
        """Write the lines of a drawn tree; a long one loses its middle, never its signals."""
        for text in texts:
            line, arrow, signals = text.partition("  <-- ")
            room = self.width - 2 - len(arrow + signals)
            self._write("  " + cut(one_line(line), room) + arrow + signals, "high" if arrow else "")

    def lines(self, texts: Iterable[str]) -> None:
        """Write texts one a line, cut to the width."""
        for text in texts:
            self._write("  " + cut(one_line(text), self.width - 2))

    def table(
        self,
        rows: Sequence[Mapping[str, Any]],
        flexible: str,
        optional: Sequence[str],
        style: str,
    ) -> None:
        """Write rows as a table.

        Args:
            rows: All with the same columns.
            flexible: The column that takes the width that is left.
            optional: Columns to leave out, first one first, where the flexible
                one would become too narrow to read.
            style: The column whose value picks the color of the row.
        """
        widths = {name: _width(name, rows) for name in rows[0]}
        dropped = list(optional)
        while dropped and self._left(widths, flexible) < _READABLE:
            del widths[dropped.pop(0)]
        widths[flexible] = min(widths[flexible], max(self._left(widths, flexible), 2))
        self._write(_row({name: name for name in widths}, widths))
        for row in rows:
            self._write(_row(row, widths), str(row[style]))

    def _left(self, widths: Mapping[str, int], flexible: str) -> int:
        gaps = len(_GAP) * (len(widths) - 1)
        return self.width - gaps - sum(w for name, w in widths.items() if name != flexible)

    def _wrapped(self, text: str, first: str = "", rest: str = "") -> None:
        """Write text in lines that break at blanks: an option keeps its hyphens."""
        lines = textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_on_hyphens=False,
        )
        for line in lines:
            self._write(line)

    def _write(self, text: str, style: str = "") -> None:
        shown = text.encode(self._encoding, "replace").decode(self._encoding)
        if shown != text:
            plain = text.translate(_ASCII_LINES)
            shown = plain.encode(self._encoding, "replace").decode(self._encoding)
        if self._color and style in _COLORS:
            shown = f"\x1b[{_COLORS[style]}m{shown}\x1b[0m"
        self._stream.write(shown + "\n")


def _width(name: str, rows: Sequence[Mapping[str, Any]]) -> int:
    return max(len(name), *(len(str(row[name])) for row in rows))


def _row(cells: Mapping[str, Any], widths: Mapping[str, int]) -> str:
    parts = []
    for name, width in widths.items():
        text = cut(one_line(str(cells[name])), width)
        parts.append(text.rjust(width) if isinstance(cells[name], int) else text.ljust(width))
    return _GAP.join(parts).rstrip()


def one_line(text: str) -> str:
    """Replace line ends and other control characters, which a command line may hold."""
    return "".join(char if char.isprintable() else " " for char in text)


def cut(text: str, width: int) -> str:
    """Cut text to a width, with two dots in place of what is gone."""
    return text if len(text) <= width else text[: width - 2] + ".."
