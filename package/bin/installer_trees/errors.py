"""What can go wrong, each error one sentence that names the thing and the remedy."""

from __future__ import annotations

MESSAGE_CHARS = 1_000


class InstallerTreesError(Exception):
    """Root of all errors that this package raises on purpose."""


class CatalogueError(InstallerTreesError):
    """A row of a catalogue file that cannot be used.

    Attributes:
        file: Base name of the file, as the user knows it.
        row: Number of the row in the file, the header being row 1; 0 for the file as a whole.
        column: Name of the column, or an empty string for the row as a whole.
        problem: What is wrong and what to do about it.
    """

    def __init__(self, file: str, row: int, column: str, problem: str) -> None:
        self.file = file
        self.row = row
        self.column = column
        self.problem = problem
        where = file
        if row:
            where += f", row {row}"
        if column:
            where += f", column {column}"
        super().__init__(f"{where}: {problem}")


class EntryError(CatalogueError):
    """An entry of the configuration page that cannot be used.

    Attributes:
        name: Its id.
        column: The field of the page.
        problem: What is wrong and what to do about it.
    """

    def __init__(self, kind: str, name: str, column: str, problem: str) -> None:
        super().__init__(f"{kind} {name} of the configuration page, {column}", 0, "", problem)
        self.name = name
        self.column = column


class SpillError(InstallerTreesError):
    """The temporary copy of the input could not be written or read back."""


def one_line(text: str, limit: int = MESSAGE_CHARS) -> str:
    """Return a text as a line of the search's messages, whatever it quotes."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[:limit] + "..."
