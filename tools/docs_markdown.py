"""Small pieces of Markdown for generated pages, right on the site and on a code host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by tools/build_docs.py from {}: change it there. -->"
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\`*_[]|"} | {"<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return " ".join(text.split()).translate(_SPECIAL)


def code(text: str) -> str:
    """Return a text on one line as inline code; it may hold backticks, but no pipes in tables."""
    ticks = "``" if "`" in text else "`"
    pad = " " if "`" in text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def codes(words: Iterable[str]) -> str:
    """Return words as inline code, separated by commas."""
    return ", ".join(code(word) for word in words)


def block(text: str, language: str = "text") -> list[str]:
    """Return the lines of a fenced block."""
    fence = "````" if "```" in text else "```"
    return [f"{fence}{language}", *text.rstrip("\n").split("\n"), fence]


def folded(title: str, lines: Iterable[str]) -> list[str]:
    """Return lines that are hidden until the title is clicked."""
    opened = f'<details markdown="1"><summary>{title}</summary>'
    return [opened, "", *lines, "", "</details>"]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; cells are Markdown already."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def anchor(name: str) -> str:
    """Return a place that a link can name, whatever the heading below says."""
    return f'<a id="{name.lower()}"></a>'


def techniques(ids: Iterable[str]) -> str:
    """Return ATT&CK techniques as links."""
    base = "https://attack.mitre.org/techniques"
    return ", ".join(f"[{i}]({base}/{i.replace('.', '/')}/)" for i in ids)


def page(title: str, source: str, introduction: str, lines: Iterable[str]) -> str:
    """Return the text of a page."""
    head = [f"# {title}", "", NOTE.format(source), "", introduction.strip(), ""]
    return "\n".join([*head, *lines]).rstrip() + "\n"
