"""Times as sources write them -> epoch seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import lru_cache

from installer_trees.columns import FIRST_TIME, LAST_TIME

from .errors import DatesError

READ = (
    "epoch seconds, 2026-11-22T02:00:00Z, 2026-11-22 02:00:00.000 +01:00, 11/22/2026 2:00:00 AM "
    "(month first, unless a file shows that its days are) or Nov 22, 2026 2:00:00 AM, in which EST "
    "and CET are zones, but not BST or IST"
)
"""What `epoch` reads, by examples."""

_CLOCK = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:\s?([AaPp][Mm]))?"
_ZONE = r"\s?(Z|[A-Z]{3,4}|(?:(?:UTC|GMT)\s?)?[+-]\d\d(?::?\d\d)?)?$"
_FORMS = tuple(
    re.compile(day + _CLOCK + _ZONE)
    for day in (
        r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T\s]",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}),?\s",
        r"(?P<month>[A-Z][a-z]{2,8})\s(?P<day>\d{1,2}),\s(?P<year>\d{4})(?:,|\s@)?\s",
    )
)
_OF_NUMBERS = _FORMS[1]
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/\d{4}\b")
MONTH, DAY = "month", "day"
_MONTHS = {
    name: i for i, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)
}
# Hours from UTC. The US names are those of RFC 5322; of the others only names with one meaning:
# BST and IST, say, stand for several zones each.
_ZONES = {
    "": 0,
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "WET": 0,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
}
_NUMBER = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?$")
_UNITS = (1, 1e3, 1e6, 1e9)
"""In which a time can be counted: one of them brings it to the years of events."""
# FILETIME of Windows counts from 1601. What it says of these years lies between what micro- and
# what nanoseconds since 1970 say of them.
_FILETIME_UNIT, _FILETIME_ZERO = 1e7, 11_644_473_600


def epoch(text: str, first: str = MONTH) -> str:
    """Return epoch seconds as text; what cannot be read is returned as it is, to be counted later.

    A time without a zone is UTC. Reads epoch seconds and their finer units, the FILETIME of
    Windows (100 ns since 1601), ISO 8601 as Splunk,
    Windows, Defender and Elastic write it, and what Windows, Kibana and portals write in US
    English: month first, or by its name, with a clock of 12 or of 24 hours. `first` tells what
    comes first in a date of numbers with slashes, `MONTH` or `DAY`.
    """
    text = text.strip()
    if _NUMBER.match(text):
        return _of_number(text)
    for form in _FORMS:
        found = form.match(text)
        if found:
            day = found.group("year", "month", "day")
            if form is _OF_NUMBERS and first == DAY:
                day = found.group("year", "day", "month")
            hour, minute, second, fraction, half, zone = found.groups("")[3:]
            seconds = _seconds(*day, hour, minute, second, half, zone)
            if seconds is None:
                return text
            return f"{seconds}.{fraction[:9]}" if fraction else str(seconds)
    return text


def _of_number(text: str) -> str:
    """Return epoch seconds for a number in any unit, other numbers as they are."""
    try:
        value = float(text)
    except ValueError:  # digits and dots, such as those of a version
        return text
    for unit in _UNITS:
        if FIRST_TIME <= value / unit < LAST_TIME:
            return text if unit == 1 else f"{value / unit:.6f}"
    seconds = value / _FILETIME_UNIT - _FILETIME_ZERO
    return f"{seconds:.6f}" if FIRST_TIME <= seconds < LAST_TIME else text


def order(text: str) -> str:
    """Return what comes first in a date such as 12/13/2026, empty where it does not show."""
    found = _SLASHES.match(text.lstrip())
    if not found:
        return ""
    one, two = int(found[1]), int(found[2])
    return MONTH if one <= 12 < two else DAY if two <= 12 < one else ""


class Dates:
    """Reads the times of one file: what comes first in one of its dates does so in all of them.

    Args:
        ahead: Reads the file ahead and returns what comes first, empty where it does not show.

    Attributes:
        first: What comes first, `MONTH` or `DAY`, empty until it matters.
        proof: The first time that shows it.
        against: The first time in which the other comes first.
    """

    def __init__(self, ahead: Callable[[], str] = lambda: "") -> None:
        self._ahead = ahead
        self.first = self.proof = self.against = ""

    def epoch(self, text: str) -> str:
        """Return epoch seconds as text, or a time that cannot be read as it is.

        Raises:
            DatesError: The day comes first, and earlier times were read with the month first, as
                the file could not be read ahead.
        """
        if "/" in text[:4]:
            self._weigh(text)
        return epoch(text, self.first or MONTH)

    def _weigh(self, text: str) -> None:
        """Tell by one time more what comes first."""
        shown = order(text)
        if not shown:
            if not self.first and _SLASHES.match(text.lstrip()):
                self.first = self._ahead() or MONTH
        elif not self.proof and self.first in ("", shown):
            self.first, self.proof = shown, text
        elif not self.proof:
            raise DatesError(
                f"{text.strip()!r} has the day first, but dates before it were read with the month "
                "first; give a file in place of a pipe, so that it can be read ahead"
            )
        elif shown != self.first:
            self.against = self.against or text


def is_epoch(text: str) -> bool:
    """Tell whether a text is a number of seconds that can be the time of an event."""
    try:
        return FIRST_TIME <= float(text) < LAST_TIME
    except ValueError:
        return False


@lru_cache(maxsize=8192)
def _seconds(
    year: str, month: str, day: str, hour: str, minute: str, second: str, half: str, zone: str
) -> int | None:
    """Return the whole seconds; many events share one, so that most are looked up."""
    hours, seconds = int(hour), int(second or 0)
    if half:
        if not 1 <= hours <= 12:
            return None
        hours = hours % 12 + 12 * (half.upper() == "PM")
    try:
        month_of = _MONTHS[month[:3]] if month[0].isalpha() else int(month)
        moment = datetime(int(year), month_of, int(day), hours, int(minute), tzinfo=timezone.utc)
        away = _offset(zone)
    except (ValueError, KeyError):
        return None
    if seconds > 60:  # a leap second is the 60th
        return None
    return int(moment.timestamp()) + seconds - away


def _offset(zone: str) -> int:
    """Return how many seconds a zone is ahead of UTC.

    Raises:
        KeyError: It has no name that is known.
    """
    if zone in _ZONES:
        return _ZONES[zone] * 3_600
    if zone[-1].isalpha():
        raise KeyError(zone)
    digits = re.sub(r"\D", "", zone)
    away = int(digits[:2]) * 3_600 + int(digits[2:] or 0) * 60
    return -away if "-" in zone else away


def shown(seconds: str | float) -> str:
    """Return a time to be read, in UTC; empty for none."""
    try:
        moment = time.gmtime(float(seconds))
    except (ValueError, OverflowError, OSError):
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", moment)
