"""The command line: options, their help, and what they are checked for."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__
from .errors import InputError
from .feed import CIM
from .inputs import FORMS
from .times import epoch
from .views.listing import DRAWN_TREES, MOST_TREES

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS = ("score", "processes", "health", "explain", "lint")
OUTPUTS = ("table", "jsonl", "csv", "html")
SEVERITIES = ("low", "medium", "high", "critical")
MOST_EVENTS = 100_000_000

EXIT_CODES = """exit codes:
  0    nothing at or above --fail-on was found, or --fail-on was not given
  1    something at or above --fail-on was found
  2    the input or an option cannot be used, a file could not be read to its end, or the
       answer could not be written
  70   a fault of the program itself
  130  interrupted
  141  whoever read the output has gone
"""
_DESCRIPTION = """Rebuild the process trees under software installers from exported events, score
each tree from 0 to 100, and say why. Needs no Splunk; it is the engine of the add-on."""
_EPILOG = (
    """examples:
  installerscore evidence/ --save report.html
  installerscore Sysmon.evtx Security.evtx --min-score 40
  zcat audit.log.*.gz | installerscore --host web01 -
  installerscore events.csv --output jsonl --fail-on high
  installerscore explain MSI005

"""
    + EXIT_CODES
)


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
    if not words or words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        words.insert(0, "score")
    options = build(sources).parse_args(words)
    if getattr(options, "since", -math.inf) > getattr(options, "until", math.inf):
        raise InputError("--since is later than --until, so no tree could be found.")
    return options


def build(sources: Sequence[str]) -> Parser:
    """Make the parser of the command line."""
    parser = Parser(
        prog="installerscore",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"installerscore {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    score = _command(
        commands, "score", "score the trees; what files without a command get", sources
    )
    _add_score(score)
    processes = _command(commands, "processes", "list the processes of each tree", sources)
    _add_filters(processes)
    _add_output(processes, ("csv", "jsonl"))
    health = _command(commands, "health", "say how good the data of each source is", sources)
    _add_output(health, ("table", "csv", "jsonl"))
    explain = commands.add_parser("explain", help="show signals and allowlist entries")
    explain.add_argument("ids", nargs="*", metavar="ID", help="such as MSI005; without, list all")
    lint = commands.add_parser("lint", help="check catalogue files")
    lint.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="roots, signals, allowlist or what-if file; without, the shipped catalogue",
    )
    return parser


def _command(
    commands: Any, name: str, text: str, sources: Sequence[str]
) -> argparse.ArgumentParser:
    """Add a command that reads events, with the options of all of those."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[:1].upper() + text[1:] + ".",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="files, plain or gzip, and folders; - is standard input",
    )
    reading = parser.add_argument_group("reading")
    reading.add_argument(
        "--format",
        choices=(CIM, *sources, *FORMS),
        metavar="NAME",
        help="what the files are, where their content does not tell: a source "
        f"({', '.join((CIM, *sources))}) or a form ({', '.join(FORMS)})",
    )
    reading.add_argument(
        "--host", metavar="NAME", help="host of events that name none; else their folder stands in"
    )
    reading.add_argument(
        "--max-events",
        type=_between(1, MOST_EVENTS),
        default=MOST_EVENTS,
        metavar="N",
        help="read no more rows than this (default %(default)s)",
    )
    reading.add_argument("--quiet", "-q", action="store_true", help="no progress and no summary")
    scoring = parser.add_argument_group("scoring")
    scoring.add_argument(
        "--signals", metavar="FILE", help="CSV with changed or added signals, for a what-if run"
    )
    scoring.add_argument(
        "--allowlist", metavar="FILE", help="CSV with allowlist entries besides the shipped ones"
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
        help="write the answer to a file as well, as its suffix says: .html, .csv or .jsonl; "
        "may be given several times",
    )
    parser.add_argument(
        "--top",
        type=_between(0, MOST_EVENTS),
        metavar="N",
        help=f"the N highest trees only (0: all; a table shows {MOST_TREES} unless told)",
    )
    parser.add_argument(
        "--draw",
        type=_between(0, 1000),
        default=DRAWN_TREES,
        metavar="N",
        help="draw the N highest trees below the table (default %(default)s)",
    )
    parser.add_argument(
        "--fail-on",
        choices=SEVERITIES,
        metavar="SEVERITY",
        help="exit with 1 if a tree is at least low, medium, high or critical",
    )


def _add_filters(parser: argparse.ArgumentParser) -> None:
    choice = parser.add_argument_group("which trees")
    choice.add_argument(
        "--min-score",
        type=_between(0, 100),
        default=0,
        metavar="N",
        help="only trees that score at least this (default 0)",
    )
    choice.add_argument(
        "--since",
        type=_moment,
        default=-math.inf,
        metavar="TIME",
        help="only trees with a process at or after this time, such as 2026-11-22 or "
        "'2026-11-22 03:00' (UTC)",
    )
    choice.add_argument(
        "--until",
        type=_moment,
        default=math.inf,
        metavar="TIME",
        help="only trees with a process at or before this time",
    )


def _add_output(parser: argparse.ArgumentParser, choices: Sequence[str]) -> None:
    parser.add_argument(
        "--output",
        "-o",
        choices=choices,
        default=choices[0],
        metavar="FORM",
        help=f"{', '.join(choices)} (default {choices[0]})",
    )
    parser.add_argument(
        "--raw",
        action="store_true",
        help="CSV cells as they are: by default a cell that a spreadsheet program would take for a "
        "formula gets a ' before it, and control characters are written out",
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
            return float(epoch(form))
        except ValueError:
            continue
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a time; write 2026-11-22 or '2026-11-22 03:00' in UTC, or epoch seconds"
    )
