"""The options of `| installerscore`: arguments as splunkd sends them -> checked values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

OUTPUTS = ("trees", "processes", "health")
OPTIONS = ("output", "minscore", "maxevents", "signals", "dest")
MAXEVENTS = (1, 100_000_000)
_HOSTS = re.compile(r"[\w.:*-]{1,255}")
MAX_LOOKUP_BYTES = 10 * 1024 * 1024
_DEVICES = r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])\."  # on Windows, whatever follows the dot
_LOOKUP = re.compile(rf"(?!{_DEVICES})[A-Za-z0-9_][A-Za-z0-9_.\-]*\.csv")


@dataclass
class Options:
    """Checked options; None where the configuration page decides.

    Attributes:
        problems: One sentence for each argument that cannot be used.
    """

    output: str = "trees"
    minscore: int | None = None
    maxevents: int | None = None
    signals: str | None = None
    dest: str | None = None
    problems: list[str] = field(default_factory=list)


def parse(arguments: Iterable[str], lookups: str) -> Options:
    """Parse the arguments of the command.

    Args:
        arguments: As in `searchinfo.args`: `a=b`, or `a`, `=`, `b` where there were blanks.
        lookups: The folder in which a `signals` file must lie.
    """
    options = Options()
    seen: set[str] = set()
    for name, value in _pairs(arguments):
        if value is None:
            options.problems.append(
                f"installerscore does not know what to do with {name!r}; "
                f"write options as name=value, with one of {', '.join(OPTIONS)}."
            )
        elif name not in OPTIONS:
            options.problems.append(
                f"installerscore has no option {name!r}; use one of {', '.join(OPTIONS)}."
            )
        elif name in seen:
            options.problems.append(f"The option {name} is given twice; keep one.")
        else:
            seen.add(name)
            _set(options, name, value, lookups)
    return options


def check_place(options: Options, first: bool, real_time: bool) -> None:
    """Add a problem for what cannot be where the command stands in its search.

    Args:
        options: The parsed options.
        first: Whether the command begins the search, and so fetches the events itself.
        real_time: Whether the search runs in real time.
    """
    if options.dest is not None and not first:
        options.problems.append(
            "dest= chooses the hosts only where installerscore begins the search; here choose them "
            'before it, for example | `installer_endpoint_events("web*")` | installerscore.'
        )
    if first and real_time:
        options.problems.append(
            "installerscore does not fetch its events in real time; choose a time range that ends."
        )


def _pairs(arguments: Iterable[str]) -> Iterable[tuple[str, str | None]]:
    """Yield names and values; a value of None is a word that stands alone."""
    words: list[str] = []
    for argument in arguments:
        if words and (words[-1].endswith("=") or argument.startswith("=")):
            words[-1] += argument
        else:
            words.append(argument)
    for word in words:
        name, equals, value = word.partition("=")
        yield _unquoted(name), _unquoted(value) if equals else None


def _unquoted(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"')
    return text


def _set(options: Options, name: str, value: str, lookups: str) -> None:
    if name == "output":
        if value in OUTPUTS:
            options.output = value
        else:
            options.problems.append(
                f"output={value} is not known; use one of {', '.join(OUTPUTS)}."
            )
    elif name == "minscore":
        options.minscore = _whole(options, name, value, 0, 100)
    elif name == "maxevents":
        options.maxevents = _whole(options, name, value, *MAXEVENTS)
    elif name == "dest":
        if _HOSTS.fullmatch(value):
            options.dest = value
        else:
            options.problems.append(
                f"dest={value} is not the name of a host; it may hold letters, digits, and . : - _ "
                "with * for any characters."
            )
    else:
        options.signals = _lookup(options, value, lookups)


def _whole(options: Options, name: str, value: str, low: int, high: int) -> int | None:
    if re.fullmatch(r"[0-9]{1,12}", value) and low <= int(value) <= high:
        return int(value)
    options.problems.append(f"{name}={value} is not a whole number from {low} to {high}.")
    return None


def _lookup(options: Options, value: str, lookups: str) -> str | None:
    """Return the path of a lookup file, which must be a plain file of the add-on's own folder."""
    if not _LOOKUP.fullmatch(value):
        options.problems.append(
            f"signals={value} is not the name of a lookup file of this add-on; "
            "give the file name alone, for example signals=my_weights.csv."
        )
        return None
    path = os.path.join(lookups, value)
    inside = os.path.realpath(path) == os.path.join(os.path.realpath(lookups), value)
    if not inside or not os.path.isfile(path):
        options.problems.append(
            f"signals={value}: there is no such lookup file in the add-on; upload it as a lookup "
            "table file of the app TA-installerscore and share it in this app (Permissions): until "
            "then it is private and not seen here."
        )
        return None
    if os.path.getsize(path) > MAX_LOOKUP_BYTES:
        options.problems.append(
            f"signals={value} is larger than {MAX_LOOKUP_BYTES:,} bytes; keep only the signals "
            "that it changes or adds."
        )
        return None
    return path
