"""CIM rows -> events for an index: what Splunk's HTTP Event Collector takes.

The app docker/installerscore_sample has the source types, and tags for the data models.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sample import kind

SOURCETYPE = "installerscore:sample:"
KINDS = {
    "Endpoint.Processes": "process",
    "Network_Traffic.All_Traffic": "network",
    "Endpoint.Filesystem": "file",
    "Endpoint.Registry": "registry",
    "Endpoint.Services": "service",
    "events": "log",
}
"""Data sets of CIM, and Windows event logs as they are: what their source types end in."""

_METADATA = ("_time", "_raw", "index", "source", "sourcetype")


def raw(row: Mapping[str, Any], kind: str, shift: float = 0.0) -> str:
    """Return the text of an event: one line of JSON.

    Args:
        row: CIM fields, with `_time` in epoch seconds.
        kind: What its source type ends in.
        shift: Seconds to add to the time.
    """
    time = round(float(row["_time"]) + shift, 3)
    fields = {name: value for name, value in row.items() if name not in _METADATA}
    if kind == "network" and "src" not in fields:
        # The source calls the host that connects dest; in the data model that is src.
        fields["src"], fields["dest"] = fields["dest"], fields["dest_ip"]
    if "_raw" in row:
        fields["text"] = row["_raw"]
    line = json.dumps(fields, ensure_ascii=False)
    return f'{{"time": {time:.3f}, {line[1:]}'


def collector_events(
    rows: Iterable[Mapping[str, Any]], shift: float, index: str
) -> list[dict[str, Any]]:
    """Return rows as the body of `services/collector/event` has them, oldest first."""
    events = []
    for row in sorted(rows, key=lambda row: float(row["_time"])):
        of_kind = kind(row)
        events.append(
            {
                "time": round(float(row["_time"]) + shift, 3),
                "host": str(row.get("src", row["dest"])),
                "index": index,
                "source": "TA-installerscore sample",
                "sourcetype": SOURCETYPE + of_kind,
                "event": raw(row, of_kind, shift),
            }
        )
    return events
