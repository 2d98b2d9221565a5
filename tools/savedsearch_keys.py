"""The keys of a saved search, as Splunk, Enterprise Security and ESCU's users expect them.

Conventions: contentctl's template of savedsearches.conf; what a search needs is in
detections/needs.yml.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).resolve().parent.parent / "detections"
NEEDS = yaml.safe_load((SOURCE / "needs.yml").read_text(encoding="utf-8"))
PRODUCTS = ["Splunk Enterprise", "Splunk Enterprise Security", "Splunk Cloud"]
STORY = "Software Installer Abuse"
RISK_DAYS = 7
"""How far back the drilldown to risk events looks."""
Search = dict[str, Any]
_SCORED = "| `installer_scored`"
_EVENTS_OF_A_HOST = (
    ("Endpoint.Processes", "process", ("Processes.dest",)),
    (
        "Network_Traffic.All_Traffic",
        "traffic",
        ("All_Traffic.dvc", "All_Traffic.src", "All_Traffic.dest"),
    ),
    ("Endpoint.Filesystem", "filesystem", ("Filesystem.dest",)),
    ("Endpoint.Registry", "registry", ("Registry.dest",)),
    ("Endpoint.Services", "service", ("Services.dest",)),
)
"""Data sets of installer_endpoint_events, the macro of their fields, what names the host."""


def slug(name: str) -> str:
    """Return the name of a search as ESCU makes it part of a macro name."""
    return re.sub(r"[ ./-]", "_", name.lower())


def is_report(search: Search) -> bool:
    """Tell reports from rules: a report raises no findings."""
    return bool(search["type"] == "Report")


def stanza_name(search: Search) -> str:
    """Return the stanza of a search in savedsearches.conf."""
    return search["name"] if is_report(search) else f"Installer - {search['name']} - Rule"


def keys(search: Search, drilldown_base: str) -> dict[str, str]:
    """Return all keys of a search's stanza.

    Args:
        search: The search, as its file has it.
        drilldown_base: The search without its filter, from exported macros only, since a
            drilldown opens in another app.
    """
    schedule = search.get("schedule", {})
    found = {
        "description": _with_references(search, search["description"]),
        "search": search["search"].strip(),
        "dispatch.earliest_time": schedule.get("earliest", "-70m@m"),
        "dispatch.latest_time": schedule.get("latest", "-10m@m"),
    }
    if not is_report(search):
        found.update(_content_keys(search))
    if "cron" in schedule:
        found.update(_schedule_keys(search))
    found["disabled"] = str(int("cron" in schedule))
    found["is_visible"] = str(int(is_report(search)))
    if is_report(search):
        return {**found, **search.get("actions", {})}
    found.update({**_correlation_keys(search), **_risk_keys(search), **_notable_keys(search)})
    drilldowns = _json(_drilldowns(search, drilldown_base))
    return {**found, "action.notable.param.drilldown_searches": drilldowns}


def line(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


def _with_references(search: Search, text: str) -> str:
    """Return a text on one line, with the addresses to read on after it.

    Neither savedsearches.conf nor a finding has a key for them, and those of analyticstories.conf
    belong to a whole story.
    """
    addresses = " ".join(search.get("references", []))
    return f"{line(text)} References: {addresses}" if addresses else line(text)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _needed(search: Search, what: str) -> list[str]:
    items: Iterable[str] = (item for need in search["needs"] for item in NEEDS[need][what])
    return list(dict.fromkeys(items))


def _content_keys(search: Search) -> dict[str, str]:
    """Return what the content libraries of ESCU and Enterprise Security show of a search."""
    how_to = [NEEDS[need]["how_to"] for need in search["needs"]]
    return {
        "action.escu": "0",
        "action.escu.enabled": "1",
        "action.escu.mappings": _json({"mitre_attack": search["mitre_attack"], "nist": ["DE.CM"]}),
        "action.escu.data_models": _json(_needed(search, "data_models")),
        "action.escu.how_to_implement": line(
            " ".join([*how_to, search.get("how_to_implement", "")])
        ),
        "action.escu.known_false_positives": line(search["known_false_positives"]),
        "action.escu.creation_date": str(search["date"]),
        "action.escu.modification_date": str(search["date"]),
        "action.escu.confidence": "medium",
        "action.escu.search_type": "detection",
        "action.escu.product": _json(PRODUCTS),
        "action.escu.providing_technologies": _json(_needed(search, "data_sources")),
        "action.escu.analytic_story": _json([STORY]),
    }


def _schedule_keys(search: Search) -> dict[str, str]:
    """Return when a search runs, and what becomes of repeats.

    The schedule is continuous: Splunk then leaves no run out. Every search needs each of its runs,
    those that read several hours too: what is left of a tree counts in the hours after it only.
    """
    found = {
        "enableSched": "1",
        "cron_schedule": search["schedule"]["cron"],
        "schedule_window": "auto",
        "allow_skew": "100%",
        "realtime_schedule": "0",
    }
    if is_report(search):
        return found
    return {
        **found,
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": "0",
        "alert.digest_mode": "1",
        "alert.suppress": "1",
        "alert.suppress.fields": ",".join(search["throttle"]["fields"]),
        "alert.suppress.period": search["throttle"]["period"],
    }


def _correlation_keys(search: Search) -> dict[str, str]:
    annotations = {
        "analytic_story": [STORY],
        "data_source": _needed(search, "data_sources"),
        "kill_chain_phases": search.get("kill_chain_phases", ["Installation"]),
        "mitre_attack": search["mitre_attack"],
        "nist": ["DE.CM"],
        "type": search["type"],
        "type_list": [search["type"]],
    }
    published = datetime.combine(search["date"], datetime.min.time(), timezone.utc)
    metadata = {
        "deprecated": "0",
        "detection_id": search["id"],
        "detection_version": str(search["version"]),
        "publish_time": published.timestamp(),
    }
    return {
        "action.correlationsearch.enabled": "1",
        "action.correlationsearch.detection_type": "ebd",
        "action.correlationsearch.label": stanza_name(search),
        "action.correlationsearch.annotations": _json(annotations),
        "action.correlationsearch.metadata": _json(metadata),
    }


def _risk_keys(search: Search) -> dict[str, str]:
    if "risk" not in search:
        return {}
    risk = search["risk"]
    objects = [
        {"risk_object_field": o["field"], "risk_object_type": o["type"], "risk_score": o["score"]}
        for o in risk["objects"]
    ]
    threats = [
        {"threat_object_field": t["field"], "threat_object_type": t["type"]}
        for t in risk["threats"]
    ]
    return {
        "action.risk": "1",
        "action.risk.param._risk_message": line(risk["message"]),
        "action.risk.param._risk": _json(objects + threats),
        "action.risk.param._risk_score": "0",
        "action.risk.param.verbose": "0",
    }


def _notable_keys(search: Search) -> dict[str, str]:
    if "notable" not in search:
        return {}
    notable = search["notable"]
    entity = {"risk_object_field": "N/A", "risk_object_type": "N/A", "risk_score": 0}
    description = notable.get("description", search["description"])
    return {
        "action.notable": "1",
        "action.notable.param._entities": _json([entity]),
        "action.notable.param.nes_fields": ",".join(notable["fields"]),
        "action.notable.param.rule_title": line(notable["title"]),
        "action.notable.param.rule_description": _with_references(search, description),
        "action.notable.param.security_domain": "endpoint",
        "action.notable.param.severity": notable["severity"],
    }


def _drilldowns(search: Search, base: str) -> list[dict[str, str]]:
    """Return three searches: the installer trees of the host, the results, the risk so far.

    A token stands in a quoted string, never in the argument of a macro: Splunk takes the quotes
    of an argument off, and a crafted host name would become SPL. An offset of Enterprise Security
    is the time range of the finding's search or seconds, no relative time: the last days stand in
    the search, as in ESCU's.

    The results of a rule that scores all hosts are scored anew for the one host: its macro would
    rebuild the trees of the whole fleet to show one of them.
    """
    host = search.get("host_field", "dest")
    tree = (
        "| tstats `installer_tstats` count min(_time) as first_seen from"
        f" datamodel=Endpoint.Processes where Processes.dest=${host}|s$"
        " by `installer_process_fields` _time span=1s"
        " | `installer_as_process_events` | installerscore"
    )
    if _SCORED in base:
        tree += " | search installer_tree_id=$installer_tree_id|s$"
    scored = f"{_events_of(host)} | installerscore minscore=0"
    results = f"{base.replace(_SCORED, scored)} | search {host}=${host}|s$"
    risk = (
        f"| from datamodel Risk.All_Risk | search normalized_risk_object=${host}|s$"
        f" starthoursago={RISK_DAYS * 24}"
        " | stats count min(_time) as firstTime max(_time) as lastTime"
        " values(search_name) as search_name values(risk_message) as risk_message"
        " by normalized_risk_object"
    )
    return [
        _drilldown(f'View the installer trees of "${host}$"', tree),
        _drilldown(f'View the results for "${host}$"', results),
        _drilldown(f'View the risk events of "${host}$" in the last {RISK_DAYS} days', risk),
    ]


def _events_of(host: str) -> str:
    """Return what gives all kinds of events of the host that a token names.

    All kinds, whatever the site scores: a tree that was found for a connection is found again.
    """
    parts = []
    for place, (dataset, fields, names) in enumerate(_EVENTS_OF_A_HOST):
        append = "append=true " if place else ""
        where = " OR ".join(f"{name}=${host}|s$" for name in names)
        parts.append(
            f"| tstats prestats=true {append}`installer_tstats` count min(_time)"
            f" from datamodel={dataset} where {where} by `installer_{fields}_fields` _time span=1s"
        )
    return " ".join([*parts, "| `installer_as_endpoint_events`"])


def _drilldown(name: str, search: str) -> dict[str, str]:
    return {
        "name": name,
        "search": search,
        "earliest_offset": "$info_min_time$",
        "latest_offset": "$info_max_time$",
    }
