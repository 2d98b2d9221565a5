"""What a search head would have: the sample's events, and what the scheduled searches made of them.

The sample was recorded within an hour; here its installs are spread over the last day.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import sample
from spl.app import App
from spl.conf import stanzas
from spl.matching import Row
from spl.risk import risk_events

NOW = 1_795_392_000.0
"""Midnight UTC; the searches of the tests run at this time."""

SUMMARY = "Installer Trees - Summary"
RISK = "Installer - Installer Process Tree Score - Rule"
DATASETS = {
    "process": "Endpoint.Processes",
    "network": "Network_Traffic.All_Traffic",
    "file": "Endpoint.Filesystem",
    "registry": "Endpoint.Registry",
    "service": "Endpoint.Services",
}
STEP = 2711.0
"""Seconds between two installs of the sample."""


def events() -> dict[str, list[Row]]:
    """Return the sample's events by CIM data set, spread over the day before NOW."""
    found: dict[str, list[Row]] = {name: [] for name in DATASETS.values()}
    for place, chain in enumerate(sample.load()):
        first = min(float(row["_time"]) for row in chain.rows)
        start = NOW - 2700 if chain.family == "none" else NOW - 4000 - STEP * place
        for row in chain.rows:
            moved = {**row, "_time": float(row["_time"]) - first + start}
            found[DATASETS[sample.kind(row)]].append(moved)
    return found


def search_head(app: App) -> dict[str, list[Row]]:
    """Return the events, and the summary and risk events of the scheduled searches."""
    data = events()
    written = [
        {"index": "summary", "source": SUMMARY, "sourcetype": "stash", "_indextime": NOW - 3000}
        | stash(row)
        for row in _scheduled(app, SUMMARY, data)
    ]
    entries = json.loads(app.searches[RISK]["action.risk.param._risk"])
    risk = [
        {"index": "risk", "source": RISK, "search_name": RISK, "sourcetype": "stash"}
        | {**stash(row), **event._asdict(), "_time": float(row["last_time"]) + 600}
        for row in _scheduled(app, RISK, data)
        for event in risk_events(entries, row)
    ]
    return {**data, "events": written + risk}


def endpoints(
    app: App,
    enabled: Collection[str] = (),
    changed: Mapping[str, Mapping[str, Mapping[str, str]]] | None = None,
) -> dict[str, list[Row]]:
    """Return what splunkd's endpoints say of this app, as `rest` reads them, and the CIM add-on.

    Args:
        app: The built add-on.
        enabled: Saved searches that were enabled, a site's own clones among them.
        changed: By conf file and stanza, the keys that a site set.
    """
    clones = (changed or {}).get("savedsearches", {})
    assert set(enabled) <= app.searches.keys() | clones.keys()
    base = "/servicesNS/nobody/TA-installerscore"
    found: dict[str, list[Row]] = {
        "/services/apps/local": [
            {"title": "Splunk_SA_CIM", "version": "6.1.0", "disabled": "0"},
            {"title": "TA-installerscore", "version": "0.1.0", "disabled": "0"},
        ],
        "/services/datamodel/model": [
            {"title": "Network_Traffic", "description": '{"fieldName":"process_id"}'},
            {"title": "Endpoint", "description": '{"fieldName":"process_guid"}'},
        ],
    }
    for file, address in (
        ("savedsearches", "saved/searches"),
        ("macros", "configs/conf-macros"),
        ("ta_installerscore_settings", "configs/conf-ta_installerscore_settings"),
        ("ta_installerscore_allowlist", "configs/conf-ta_installerscore_allowlist"),
    ):
        shipped = stanzas(app.folder / "default" / f"{file}.conf")
        local = (changed or {}).get(file, {})
        found[f"{base}/{address}"] = [
            {
                "title": title,
                "eai:acl.app": "TA-installerscore",
                **shipped.get(title, {}),
                **local.get(title, {}),
                "disabled": "0" if title in enabled or file != "savedsearches" else "1",
            }
            for title in {**shipped, **local}
        ]
    return found


def _scheduled(app: App, name: str, data: dict[str, list[Row]]) -> list[Row]:
    """Run a scheduled search over the whole day at once."""
    return app.run(app.searches[name]["search"], data, "-25h@h", "now").rows


def stash(row: Row) -> dict[str, Any]:
    """Return a result as summary indexing keeps it: texts, and nothing that is empty."""
    return {
        name: float(value) if name == "_time" else value
        for name, value in row.items()
        if value not in ("", None, [])
    }
