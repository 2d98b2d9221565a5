"""The answer of splunkd's export endpoint, line by line as a real one writes it.

What is known of it: JSON lines of which blank ones count nothing, `_time` as text in the searcher's
time zone, a multivalue as a list, `lastrow` on the last line, messages on lines of their own, and
nothing at all for a search that fails while it runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from .matching import Row, values_of


def said(*messages: tuple[str, str]) -> bytes:
    """Return the line of some messages."""
    return _line({"messages": [{"type": level, "text": text} for level, text in messages]})


def exported(rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield rows as the endpoint sends them."""
    for number, row in enumerate(rows):
        yield _line({"preview": False, "offset": number, "result": _shown(row)})
        if number % 1000 == 0:
            yield b"\n"
    yield _line({"preview": False, "lastrow": True})


def _line(item: dict[str, Any]) -> bytes:
    return json.dumps(item).encode() + b"\n"


def _shown(row: Row) -> dict[str, str | list[str]]:
    shown: dict[str, str | list[str]] = {}
    for name, value in row.items():
        values = values_of(value)
        if name == "_time":
            moment = datetime.fromtimestamp(float(values[0]), timezone.utc)
            shown[name] = moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"
        elif values:
            shown[name] = values if len(values) > 1 else values[0]
    return shown
