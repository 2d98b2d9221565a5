"""The first use of what a language package manager or Homebrew installed, or a shell fetched.

Packages need no install script to act: the line that installs one often goes on to import it, or to
run the command that it brought. What the same shell starts shortly after that loads the package, or
is named like it, or is a program in the language of the package, belongs to the install; so does a
program that it fetched and made executable. Where the install left a start file (`.pth`), every
Python runs that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from .alike import file_name
from .events import Process
from .links import Branch, Linker
from .model import Root
from .ties import join

USE_SECONDS = 300.0
MIN_CHARS = 4
LINE_CHARS = 4_000
_FETCHED = "script"
_LANGUAGES = frozenset(["python", "node", "ruby"])
_RUNNERS = {
    "python": re.compile(r"(?:python|pypy)[\d.]*w?(?:\.exe)?$", re.IGNORECASE),
    "node": re.compile(r"node(?:\.exe)?$", re.IGNORECASE),
    "ruby": re.compile(r"ruby[\d.]*(?:\.exe)?$", re.IGNORECASE),
    "php": re.compile(r"php[\d.]*(?:\.exe)?$", re.IGNORECASE),
    "java": re.compile(r"javaw?(?:\.exe)?$", re.IGNORECASE),
    "rust": re.compile(r".*[\\/]target[\\/](?:debug|release)[\\/][^\\/]+$"),
}
"""What runs the program of a project for which packages were installed."""
_FAMILIES = frozenset([*_LANGUAGES, *_RUNNERS, "brew", _FETCHED])
_INLINE = {
    "python": ("-W -X", re.compile(r"-[bBdEiIOPqsSuvx]*c")),
    "node": ("-r -C --require --import --loader", re.compile(r"-(?:e|p|pe|-eval|-print)(?:=|$)")),
    "ruby": ("-I -r", re.compile(r"-[lnpswW]*e")),
    "php": ("-d -c", re.compile(r"-[rBRE]$")),
}
"""Options whose next word is theirs, and what says that code follows, which somebody typed."""
_FIRST_WORD = re.compile(r"\"[^\"]+\"|\S*")
_NAME = re.compile(r"[a-z0-9]+(?:[-_.]+[a-z][a-z0-9]*)*", re.IGNORECASE)
_SAID_OF_ANY = frozenset("cli py python js node lib sdk tool tools app client".split())
_START_FILE = re.compile(
    r"(?:site|dist)-packages[\\/](?:[^\\/]+\.pth|(?:site|user)customize\.py)$", re.IGNORECASE
)
_COMMAND = re.compile(r"(?:/bin/[^/]+|\\Scripts\\[^\\]+\.exe)$", re.IGNORECASE)
_PACKAGE = re.compile(r"(?:@[\w.\-]{1,100}/)?\w[\w.\-]{0,100}(?:[=<>~!^@\[]|$)")
_KIND, _SIGNS = re.compile(r"\.(?:exe|py|js|rb)$", re.IGNORECASE), re.compile(r"[-_.]")
_FIRST = re.compile(r"(?<=[^@])[./].*|^@[^/]*/")
_LOADED = re.compile(
    r"\bimport\s{1,9}([\w.]{1,100})|\bfrom\s{1,9}([\w.]{1,100})\s{1,9}import\b"
    r"|\s-m\s{0,9}([\w.]{1,100})|\brequire\s?\(?\s?[\"']([\w@./\-]{1,100})[\"']"
    r"|\bimport\s?\(?[\"']([\w@./\-]{1,100})[\"']"
)
_RUN = re.compile(
    r"^(?:(?:sudo|nohup|setsid|env)\s{1,9}(?:-\S{1,40}\s{1,9}){0,3})?(?:(?:\S{0,200}[\\/])?(?:python[\w.]{0,12}|node|ruby[\d.]{0,8})(?:\.exe)?[\"']?\s{1,9})?"
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
    named: list[tuple[Branch, list[int]]] = []
    runs: list[tuple[Branch, list[int]]] = []
    for branch, root in _of_families(linker, branches, _FAMILIES):
        names = _package_names(root, linker.process(branch.top).process)
        has_runner = root.family in _RUNNERS
        rows = _next(linker, branch.top) if names or has_runner else []
        lines = ((row, linker.process(row).process) for row in rows if names)
        named.append((branch, [row for row, line in lines if names & used_names(line)]))
        if has_runner:
            runs.append((branch, [r for r in rows if _runs_project(root, linker.process(r))]))
    join(linker, branches, _hang(linker, named + runs, claimed))


def _runs_project(root: Root, process: Process) -> bool:
    """Tell whether a process runs the project that packages are for, no code typed with it."""
    runner = _RUNNERS[root.family]
    if not (runner.match(process.process_name) or runner.match(process.process_path)):
        return False
    return not _is_inline(root.family, process.process[:LINE_CHARS])


@lru_cache(maxsize=2_000)
def _is_inline(family: str, line: str) -> bool:
    """Tell whether one of the options before the first other word of a line is for code."""
    if family not in _INLINE:
        return False
    with_value, code = _INLINE[family]
    words = iter(_FIRST_WORD.sub("", line, count=1).split())
    for word in words:
        if word[0] != "-":
            return False
        if code.match(word):
            return True
        if word in with_value.split():
            next(words, "")
    return False


def adopt_first_runs(linker: Linker, branches: list[Branch], events: dict[int, list[int]]) -> bool:
    """Hang what runs a file that an install of a language package left under it.

    That is the command that it put into a folder for commands, and each Python after a start file.

    Args:
        linker: What the branches were grown with.
        branches: All installs; they are changed in place.
        events: Rows of events by the row of the process that owns them.

    Returns:
        Whether anything was found.
    """
    claimed = {row for branch in branches for row in branch.members}
    runs: list[tuple[Branch, list[int]]] = []
    for branch, _ in _of_families(linker, branches, _LANGUAGES):
        rows = _next(linker, branch.top)
        left = set(_left_files(linker, branch, events)) if rows else set()
        if left:
            starts = any(map(_START_FILE.search, left))
            runs.append((branch, [r for r in rows if _runs(linker.process(r), left, starts)]))
    adopted = _hang(linker, runs, claimed)
    join(linker, branches, adopted)
    return bool(adopted)


def _of_families(
    linker: Linker, branches: list[Branch], families: frozenset[str]
) -> Iterator[tuple[Branch, Root]]:
    """Yield the branches whose top arrived and is an installer of some families, latest first.

    What may use several installs belongs to the last before it.
    """
    for branch in sorted(branches, key=lambda branch: linker.order(branch.top), reverse=True):
        root = linker.root_of(branch.top)
        if branch.top >= 0 and root is not None and root.family in families:
            yield branch, root


def _left_files(linker: Linker, branch: Branch, events: dict[int, list[int]]) -> Iterator[str]:
    """Yield the start files and commands that members of a branch wrote."""
    for row in branch.members:
        for event in events.get(row, ()):
            file = linker.store.event(event)
            kept = file.action not in ("deleted", "read")
            if kept and (_START_FILE.search(file.file_path) or _COMMAND.search(file.file_path)):
                yield file.file_path


def _runs(process: Process, left: set[str], starts: bool) -> bool:
    words = process.process[:LINE_CHARS].split(None, 2)[:2]
    is_python = bool(_RUNNERS["python"].match(process.process_name))
    return (starts and is_python) or not left.isdisjoint([process.process_path, *words])


def _next(linker: Linker, top: int) -> list[int]:
    return linker.started_after(top, USE_SECONDS)


def _hang(linker: Linker, uses: list[tuple[Branch, list[int]]], claimed: set[int]) -> set[int]:
    """Hang what grew from rows that use an install under its top, if no branch has it already.

    Returns:
        What was hung there.
    """
    linker.tops({row for _, rows in uses for row in rows if row not in claimed})  # cuts circles
    hung: set[int] = set()
    for branch, rows in uses:
        for row in rows:
            if row not in claimed:
                grown = linker.grow(row, claimed).parent
                branch.hang(grown, row, branch.top)
                hung.update(grown)
    return hung


def _package_names(root: Root, command_line: str) -> set[str]:
    """Return what the packages of an install may be loaded or run as."""
    first = root.package_of(command_line)
    words = command_line[command_line.find(first) :].split() if first else []
    after = zip(words, words[1:])
    said = [first] + [word for option, word in after if option[0] != "-" and _PACKAGE.match(word)]
    names = {_plain(word) for word in said}
    for word in said:
        parts = _SIGNS.split(file_name(word).lower())
        names.add(_plain("".join(part for part in parts if part not in _SAID_OF_ANY)))
    shortest = 1 if root.family == _FETCHED else MIN_CHARS
    return {name for name in names if len(name) >= shortest}


@lru_cache(maxsize=2_000)
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
