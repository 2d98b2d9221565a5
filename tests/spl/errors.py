"""What the runner says when it will not guess."""

from __future__ import annotations


class SplError(Exception):
    """A search that the runner refuses, with the place in the search (macros expanded).

    Attributes:
        problem: What is wrong, in one sentence.
        line: Line of the search, from 1.
        column: Column in that line, from 1.
    """

    def __init__(self, problem: str, text: str, position: int) -> None:
        self.problem = problem
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1) + 1
        lines = text.split("\n")
        shown = lines[self.line - 1] if self.line <= len(lines) else ""
        super().__init__(
            f"line {self.line}, column {self.column}: {problem}\n"
            f"  {shown}\n  {' ' * (self.column - 1)}^"
        )
