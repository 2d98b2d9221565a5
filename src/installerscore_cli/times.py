"""Times as sources write them -> epoch seconds."""

from __future__ import annotations

import calendar
import re
import time
from functools import lru_cache

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d+))?\s?(?:(Z|UTC|GMT)|([+-]\d\d):?(\d\d))?$"
)
_KIBANA = re.compile(r"([A-Z][a-z]{2} \d{1,2}, \d{4}) @ (\d\d:\d\d:\d\d)(?:\.(\d+))?$")
_PORTAL = re.compile(r"(\d{1,2}/\d{1,2}/\d{4}), (\d{1,2}:\d\d:\d\d)(?:\.(\d+))? ([AP]M)$")
_NUMBER = re.compile(r"\d{9,20}(?:\.\d+)?$")
_MILLISECONDS = 1e11


def epoch(text: str) -> str:
    """Return epoch seconds as text; what cannot be read is returned as it is, to be counted later.

    A time without a zone is UTC. Reads epoch seconds and their finer units, ISO 8601 as Splunk,
    Windows, Defender and Elastic write it, and the forms of Kibana's and Log Analytics' CSV.
    """
    text = text.strip()
    if _NUMBER.match(text):
        value = float(text)
        while value > _MILLISECONDS:
            value /= 1000
        return text if value == float(text) else f"{value:.6f}"
    found = _ISO.match(text)
    if found:
        day, clock, fraction, _, hours, minutes = found.groups()
        offset = f"{hours}{minutes}" if hours else ""
        return _joined(f"{day} {clock}", "%Y-%m-%d %H:%M:%S", fraction, offset) or text
    found = _KIBANA.match(text)
    if found:
        return _joined(f"{found[1]} {found[2]}", "%b %d, %Y %H:%M:%S", found[3], "") or text
    found = _PORTAL.match(text)
    if found:
        whole = f"{found[1]} {found[2]} {found[4]}"
        return _joined(whole, "%m/%d/%Y %I:%M:%S %p", found[3], "") or text
    return text


def _joined(whole: str, form: str, fraction: str | None, offset: str) -> str:
    seconds = _seconds(whole, form, offset)
    if seconds is None:
        return ""
    return f"{seconds}.{fraction[:9]}" if fraction else str(seconds)


@lru_cache(maxsize=8192)
def _seconds(whole: str, form: str, offset: str) -> int | None:
    """Return the whole seconds; many events share one, so that most are looked up."""
    try:
        seconds = calendar.timegm(time.strptime(whole, form))
    except (ValueError, OverflowError):
        return None
    if offset:
        minutes = int(offset[1:3]) * 60 + int(offset[3:5])
        seconds += -60 * minutes if offset[0] == "+" else 60 * minutes
    return seconds


def shown(seconds: str | float) -> str:
    """Return a time to be read, in UTC; empty for none."""
    try:
        moment = time.gmtime(float(seconds))
    except (ValueError, OverflowError, OSError):
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", moment)
