"""What a terminal shows: titles, wrapped text, tables, trees, the list of scored trees.

Every text passes `clean.visible` here, so that nothing in an event can move the cursor.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..clean import visible

COLORS = {"critical": "bold red", "high": "red", "medium": "yellow", "title": "bold"}
NARROWEST, WIDEST = 80, 160
_ASCII_LINES = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-"})
_READABLE = 30
_GAP = 2


class _Console(Console):
    """A console that leaves it to the program to say that the reader of its output has gone."""

    def on_broken_pipe(self) -> None:
        """Hand the error on; rich would end the program with 1.

        Raises:
            BrokenPipeError: Always.
        """
        raise BrokenPipeError


class Screen:
    """Writes to a stream, in color where it is a terminal that wants it.

    Args:
        stream: Where to write. What its encoding cannot show becomes `?`.
        width: Columns; 0 asks the terminal. Kept between 80 and 160.
    """

    def __init__(self, stream: TextIO, width: int = 0) -> None:
        width = width or shutil.get_terminal_size((120, 24)).columns
        self.width = min(max(width, NARROWEST), WIDEST)
        self._encoding = stream.encoding or "ascii"
        self._console = _Console(
            file=stream,
            width=self.width,
            color_system=None if os.environ.get("NO_COLOR") else "auto",
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    def title(self, text: str) -> None:
        """Write a heading after an empty line."""
        self._line("")
        self._wrapped(text, style="title")

    def paragraph(self, text: str) -> None:
        """Write text wrapped to the width."""
        self._wrapped(text)

    def items(self, texts: Iterable[str]) -> None:
        """Write texts as a list, each wrapped with a hanging indent."""
        for text in texts:
            self._wrapped(text, "  ", "      ")

    def lines(self, texts: Iterable[str]) -> None:
        """Write texts one a line, cut to the width."""
        for text in texts:
            self._line("  " + cut(self._fit(text), self.width - 2))

    def tree(self, texts: Iterable[str]) -> None:
        """Write the lines of a drawn tree; a long one loses its middle, never its signals."""
        for text in texts:
            line, arrow, signals = text.rpartition("  <-- ")
            if not arrow:
                line, signals = text, ""
            room = self.width - 2 - cell_len(arrow + signals)
            shown = cut(self._fit(line), room) + arrow + self._fit(signals)
            self._line("  " + shown, "high" if arrow else "")

    def table(
        self,
        rows: Sequence[Mapping[str, Any]],
        flexible: str,
        optional: Sequence[str] = (),
        style: str = "",
    ) -> None:
        """Write rows as a table.

        Args:
            rows: All with the same columns.
            flexible: The column that takes the width that is left.
            optional: Columns to leave out, first one first, where the flexible one would become
                too narrow to read.
            style: The column whose value picks the color of the row.
        """
        cells = [{name: self._fit(str(value)) for name, value in row.items()} for row in rows]
        names = list(rows[0])
        dropped = list(optional)
        while dropped and self._left(cells, names, flexible) < _READABLE:
            names.remove(dropped.pop(0))
        table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
        for name in names:
            number = all(row[name].isdigit() for row in cells)
            table.add_column(
                name,
                justify="right" if number else "left",
                no_wrap=True,
                ratio=1 if name == flexible else None,
                overflow="crop",
            )
        room = max(self._left(cells, names, flexible), 2)
        for row in cells:
            shown = (cut(row[name], room) if name == flexible else row[name] for name in names)
            color = COLORS.get(row.get(style, ""))
            table.add_row(*map(Text, shown), style=color)
        self._console.print(table)

    def _left(self, rows: Sequence[Mapping[str, str]], names: list[str], flexible: str) -> int:
        """Return the width that the other columns leave to the flexible one."""
        widths = (
            max(cell_len(name), *(cell_len(row[name]) for row in rows))
            for name in names
            if name != flexible
        )
        return self.width - sum(width + _GAP for width in widths)

    def _wrapped(self, text: str, first: str = "", rest: str = "", style: str = "") -> None:
        """Write text in lines that break at blanks."""
        whole = Text(self._fit(text))
        for i, line in enumerate(whole.wrap(self._console, self.width - len(rest or first))):
            self._line((rest if i else first) + line.plain.rstrip(), style)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=COLORS.get(style, ""), no_wrap=True))

    def _fit(self, text: str) -> str:
        """Make a text safe to show, and fit for the encoding of the stream."""
        text = visible(text)
        shown = text.encode(self._encoding, "replace").decode(self._encoding)
        if shown == text:
            return text
        plain = text.translate(_ASCII_LINES)
        return plain.encode(self._encoding, "replace").decode(self._encoding)


def cut(text: str, width: int) -> str:
    """Cut text to a width, with two dots in place of what is gone."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 2, 0)) + ".."
