"""The first use of what a language package manager installed.

Packages need no install script to act: the line that installs one often goes on to import it, or to
run the command that it brought. What the same shell starts shortly after that loads the package, or
is named like it, belongs to the install.
"""

from __future__ import annotations

import re

from .identity import file_name
from .links import Branch, Linker

USE_SECONDS = 300.0
MIN_CHARS = 4
LINE_CHARS = 4_000
_FAMILIES = frozenset("python node ruby".split())
_NAME = re.compile(r"[a-z0-9]+(?:[-_.]+[a-z][a-z0-9]*)*", re.IGNORECASE)
_KIND, _SIGNS = re.compile(r"\.(?:exe|py|js|rb)$", re.IGNORECASE), re.compile(r"[-_.]")
_FIRST = re.compile(r"(?<=[^@])[./].*|^@[^/]*/")
_LOADED = re.compile(
    r"\bimport\s{1,9}([\w.]{1,100})|\bfrom\s{1,9}([\w.]{1,100})\s{1,9}import\b"
    r"|\s-m\s{0,9}([\w.]{1,100})|\brequire\s?\(?\s?[\"']([\w@./\-]{1,100})[\"']"
    r"|\bimport\s?\(?[\"']([\w@./\-]{1,100})[\"']"
)
_RUN = re.compile(
    r"^(?:(?:\S{0,200}[\\/])?(?:python[\w.]{0,12}|node|ruby[\d.]{0,8})(?:\.exe)?[\"']?\s{1,9})?"
    r"[\"']?(?:\S{0,300}[\\/])?([\w.\-]{1,100})(?=[\"'\s]|$)",
    re.IGNORECASE,
)


def adopt_first_uses(linker: Linker, branches: list[Branch]) -> None:
    """Hang what uses an installed package for the first time under the install.

    Args:
        linker: What the branches were grown with.
        branches: All installs; they are changed in place.
    """
    claimed = {row for branch in branches for row in branch.members}
    for branch in branches:
        root = linker.root_of(branch.top)
        if branch.top < 0 or root is None or root.family not in _FAMILIES:
            continue
        package = _plain(root.package_of(linker.process(branch.top).process))
        if len(package) < MIN_CHARS:
            continue
        uses = [
            row
            for row in linker.started_after(branch.top, USE_SECONDS)
            if row not in claimed and package in used_names(linker.process(row).process)
        ]
        linker.tops(uses)  # which cuts circles
        for row in uses:
            if row not in claimed:
                branch.hang(linker.grow(row, claimed).parent, row, branch.top)


def used_names(command_line: str) -> set[str]:
    """Return the names of the packages that a line loads, and of the program or script it runs."""
    line = command_line[:LINE_CHARS]
    loaded = (name for names in _LOADED.findall(line) for name in names if name)
    used = {_plain(_FIRST.sub("", name.lstrip("./"))) for name in loaded}
    run = _RUN.match(line)
    return {*used, _plain(run[1]) if run else ""} - {""}


def _plain(name: str) -> str:
    """Return the name of a package or file without version, kind and signs, in lower case."""
    found = _NAME.match(file_name(name))
    return _SIGNS.sub("", _KIND.sub("", found[0])).lower() if found else ""
