"""Splunk's time modifiers: `now`, epoch seconds, `-24h`, `-70m@m`, `@d`."""

from __future__ import annotations

import re

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
MODIFIER = re.compile(r"(?:([+-]\d+)([smhdw]))?(?:@([smhd]))?")


def epoch(modifier: str, now: float) -> float:
    """Return the time that a modifier stands for, in UTC.

    Raises:
        ValueError: Not a modifier that is known here.
    """
    if modifier in ("now", "now()"):
        return now
    try:
        return float(modifier)
    except ValueError:
        found = MODIFIER.fullmatch(modifier)
    if found is None or not modifier:
        raise ValueError(f"{modifier!r} is not a time that is known here")
    amount, unit, snap = found.groups()
    moved = now + (int(amount) * SECONDS[unit] if amount else 0)
    return moved - moved % SECONDS[snap] if snap else moved
