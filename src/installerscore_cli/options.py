"""The command line: options, their help, and what they are checked for."""

from __future__ import annotations

import argparse
import difflib
import math
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from installer_trees.columns import LAST_TIME

from . import __version__
from .errors import InputError
from .feed import CIM
from .inputs import FORMS
from .times import epoch
from .views import html
from .views.listing import DRAWN_TREES, MOST_TREES

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS = ("score", "processes", "health", "explain", "lint")
_HELP = ("-h", "--help")
OUTPUTS = ("table", "jsonl", "csv", "html")
SEVERITIES = ("low", "medium", "high", "critical")
MOST_EVENTS = 100_000_000

_CODES = """
  2    the input or an option cannot be used; a file could not be read to its end or
       --max-events left rows out, and what stands before was used; or the answer
       could not be written
  70   a fault of the program itself
  130  interrupted with Ctrl-C
  141  whoever read the output has gone
"""
_READ = "exit codes:\n  0    read to the end"
EXIT_CODES = (
    f"{_READ}; nothing at or above --fail-on was found, or it was not given\n"
    f"  1    a tree at or above --fail-on was found{_CODES}"
)
_DESCRIPTION = """Rebuild the process trees under software installers from exported events, score
each tree from 0 to 100, and say why. Needs no Splunk; it is the engine of the add-on.
Files without a command are scored: "installerscore FILE" is "installerscore score FILE"."""
_EPILOG = (
    """installerscore COMMAND --help shows the options of a command, with an example.

examples:
  installerscore evidence/ --save report.html
  installerscore Sysmon.evtx Security.evtx --min-score 40
  zcat audit.log.*.gz | installerscore --host web01 -
  installerscore events.csv --output jsonl --fail-on high
  installerscore explain MSI005

"""
    + EXIT_CODES
)
_EXAMPLES = {
    "score": """examples:
  installerscore score evidence/ --min-score 40 --save report.html
  installerscore score Sysmon.evtx --since '2026-11-22 03:00' --fail-on high

""",
    "processes": """example:
  installerscore processes evidence/ --min-score 40 > processes.csv

""",
    "health": """example:
  installerscore health evidence/

""",
    "explain": """examples:
  installerscore explain
  installerscore explain MSI005 WIN001

exit codes:
  0    shown
  2    there is no such id, or the answer could not be written
""",
    "lint": """example:
  installerscore lint mine.csv allow.csv

exit codes:
  0    no problems
  1    problems, which were printed
  2    a file cannot be read or is no catalogue file, or the answer could not be written
""",
}


class Parser(argparse.ArgumentParser):
    """An argument parser that answers an error with one sentence."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"{message[:1].upper()}{message[1:]}; {self.prog} --help shows the options."
        )

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Write the help or the version; argparse would pass over what goes wrong there."""
        sys.stdout.write(message)
        sys.stdout.flush()


def parse(arguments: Sequence[str], sources: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; files without a command are scored.

    Args:
        arguments: The command line, without the name of the program.
        sources: The names of the source tables.

    Raises:
        InputError: The command line cannot be used.
    """
    words = list(arguments)
    if words[:1] == ["help"] and not os.path.exists("help"):
        words = _help(words[1:])
    if not words or words[0] not in (*COMMANDS, *_HELP, "--version"):
        _refuse_misspelt(words)
        words.insert(0, "score")
    parser, commands = build(sources)
    options, rest = parser.parse_known_args(words)
    _take_rest(options, rest, commands[options.command])
    if getattr(options, "since", -math.inf) > getattr(options, "until", math.inf):
        raise InputError("--since is later than --until, so no tree could be found.")
    return options


def _help(words: Sequence[str]) -> list[str]:
    """Return the command line that shows what `help` was asked for."""
    word = words[0] if words else "--help"
    if word in (*_HELP, "help"):
        return ["--help"]
    if word in COMMANDS:
        return [word, "--help"]
    near = _near(word, COMMANDS)
    meant = f"did you mean {near}?" if near else f"there are {', '.join(COMMANDS)}."
    raise InputError(f"There is no command {word}; {meant}")


def _refuse_misspelt(words: Sequence[str]) -> None:
    """Say so where a command was meant and no file has the name that was typed."""
    word = words[0] if words else ""
    near = _near(word, COMMANDS)
    if near and not os.path.lexists(word):
        raise InputError(f"There is no command and no file {word}; did you mean {near}?")


def _take_rest(
    options: argparse.Namespace, rest: Sequence[str], parser: argparse.ArgumentParser
) -> None:
    """Take files that stand behind options as well; refuse options that the command has not."""
    wrong = next((word for word in rest if word[:1] == "-" and word != "-"), None)
    if wrong is not None:
        name = wrong.partition("=")[0]
        near = _near(name, parser._option_string_actions)
        meant = f"; did you mean {near}?" if near else f"; {parser.prog} --help shows the options."
        raise InputError(f"There is no option {name} of {parser.prog}{meant}")
    (options.ids if options.command == "explain" else options.files).extend(rest)


def _near(word: str, known: Iterable[str]) -> str:
    """Return what a word was meant to be, empty if that cannot be guessed."""
    return next(iter(difflib.get_close_matches(word, list(known), 1, 0.75)), "")


def build(sources: Sequence[str]) -> tuple[Parser, dict[str, Parser]]:
    """Make the parser of the command line; return it, and that of each command."""
    parser = Parser(
        prog="installerscore",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"installerscore {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    score = _reading(
        commands,
        "score",
        "Score the installer trees in files, and show them with the highest first, and why.",
        sources,
    )
    _add_score(score)
    processes = _reading(
        commands,
        "processes",
        "List every process of the installer trees in files, with all its fields, the score of "
        "its tree, and the file it came from.",
        sources,
    )
    _add_filters(processes)
    _add_output(processes, ("csv", "jsonl"))
    health = _reading(
        commands,
        "health",
        "Say how complete the events of each source are, and what is lost by what is missing.",
        sources,
    )
    _add_output(health, ("table", "csv", "jsonl"))
    explain = _command(
        commands,
        "explain",
        "Show what a signal or an allowlist entry looks for, why, and what it finds and must not "
        "find.",
    )
    explain.add_argument(
        "ids",
        nargs="*",
        metavar="ID",
        help="id of a signal or an allowlist entry, such as MSI005 (default: a list of all "
        "signals)",
    )
    lint = _command(
        commands,
        "lint",
        "Check catalogue files, and print everything wrong as file:line:column: problem.",
    )
    lint.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="CSV file of roots, of signals, of an allowlist, or for a what-if run (default: the "
        "shipped catalogue)",
    )
    return parser, commands.choices


def _command(commands: Any, name: str, text: str, epilog: str = "") -> argparse.ArgumentParser:
    """Add a command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text[:1].lower() + text[1:].rstrip("."),
        description="\n".join(textwrap.wrap(text, 88)),
        epilog=_EXAMPLES[name] + epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _reading(
    commands: Any, name: str, text: str, sources: Sequence[str]
) -> argparse.ArgumentParser:
    """Add a command that reads events, with the options of all of those."""
    codes = EXIT_CODES if name == "score" else _READ + _CODES
    parser = _command(commands, name, text, codes)
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="files, plain or gzip, and folders with all that is in them; - is standard input "
        "(default: what is piped in)",
    )
    reading = parser.add_argument_group("reading")
    reading.add_argument(
        "--format",
        choices=(CIM, *sources, *FORMS),
        metavar="NAME",
        help=f"what the files are: a source ({', '.join((CIM, *sources))}) or a form "
        f"({', '.join(FORMS)}) (default: told by their content)",
    )
    reading.add_argument(
        "--host",
        metavar="NAME",
        help="host of the events that name none (default: the name of the folder that a file is "
        "in)",
    )
    reading.add_argument(
        "--max-events",
        type=_between(1, MOST_EVENTS),
        default=MOST_EVENTS,
        metavar="N",
        help="take the first N rows, and leave out the rest with a warning and exit code 2 "
        f"(default {MOST_EVENTS:,})",
    )
    reading.add_argument(
        "--quiet", "-q", action="store_true", help="no progress and no summary, but warnings"
    )
    scoring = parser.add_argument_group("scoring")
    scoring.add_argument(
        "--signals",
        metavar="FILE",
        help="CSV for a what-if run: weights of signals, 0 to 95 points, or signals to add "
        "(default: the shipped signals)",
    )
    scoring.add_argument(
        "--allowlist",
        metavar="FILE",
        help="CSV with allowlist entries to add to the shipped ones (default: those only)",
    )
    return parser


def _add_score(parser: argparse.ArgumentParser) -> None:
    _add_filters(parser)
    _add_output(parser, OUTPUTS)
    parser.add_argument(
        "--save",
        "-s",
        action="append",
        default=[],
        metavar="FILE",
        help="write the answer to a file as well, in the form that its suffix names: .html, .csv "
        "or .jsonl; may be given several times",
    )
    parser.add_argument(
        "--top",
        type=_between(0, MOST_EVENTS),
        metavar="N",
        help=f"show the N highest trees only, 0 for all (default: {MOST_TREES} in a table, "
        f"{html.MOST_TREES} in HTML, else all)",
    )
    parser.add_argument(
        "--draw",
        type=_between(0, 1000),
        default=DRAWN_TREES,
        metavar="N",
        help="draw the N highest trees that hold a signal below the table, 0 for none (default "
        "%(default)s)",
    )
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        metavar="SEVERITY",
        help="exit with 1 if a tree of the answer is at least low, medium, high or critical "
        "(default: never)",
    )


def _add_filters(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_argument_group("which trees")
    choice.add_argument(
        "--min-score",
        type=_between(0, 100),
        default=0,
        metavar="N",
        help="only trees that score at least N of 100 points (default 0)",
    )
    choice.add_argument(
        "--since",
        type=_moment,
        default=-math.inf,
        metavar="TIME",
        help="only trees that ran at or after this time: 2026-11-22, '2026-11-22 03:00' in UTC, "
        "'2026-11-22 03:00 +01:00', or epoch seconds (default: all)",
    )
    choice.add_argument(
        "--until",
        type=_moment,
        default=math.inf,
        metavar="TIME",
        help="only trees that ran at or before this time; a day is its first moment (default: all)",
    )


def _add_output(parser: argparse.ArgumentParser, choices: Sequence[str]) -> None:
    parser.add_argument(
        "--output",
        "-o",
        choices=choices,
        default=choices[0],
        metavar="FORM",
        help=f"form of the answer: {', '.join(choices)} (default {choices[0]})",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        help="CSV cells as they are (default: a cell that a spreadsheet program would take for a "
        "formula gets a ' before it, and control characters are written out)",
    )


def _between(low: int, high: int) -> Any:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} to {high}")
        return int(text)

    return number


def _moment(text: str) -> float:
    for form in (text, f"{text} 00:00:00"):
        try:
            seconds = float(epoch(form))
        except ValueError:
            continue
        if abs(seconds) < LAST_TIME:  # no NaN, which is neither before nor after any time
            return seconds
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a time; write 2026-11-22 or '2026-11-22 03:00' in UTC, or epoch seconds"
    )
