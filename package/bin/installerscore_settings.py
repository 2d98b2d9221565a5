"""The add-on's own settings, as the configuration page keeps them."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlsplit

from installer_trees.model import Settings

APP = "TA-installerscore"
CONF = "ta_installerscore_settings"
COLLECTION = "installerscore_baseline"
BASELINE_ROWS = 50_000
TIMEOUT_SECONDS = 10

_BOUNDS = {
    "minscore": (0, 100),
    "maxevents": (1_000, 100_000_000),
    "tree_lifetime": (1, 168),
    "severity_low": (1, 100),
    "severity_medium": (1, 100),
    "severity_high": (1, 100),
    "severity_critical": (1, 100),
    "allowlist_bound": (0, 60),
    "prevalence_bound": (0, 50),
    "prevalence_baseline": (0, 1),
}


def read(splunkd_uri: str, session_key: str) -> tuple[Settings, str, list[str]]:
    """Read the settings from splunkd with one request.

    Args:
        splunkd_uri: Where splunkd listens, as the getinfo request says.
        session_key: The searcher's own session.

    Returns:
        The settings, the log level, and a sentence for everything that could not be used. What
        cannot be read keeps its shipped default.
    """
    if not splunkd_uri or not session_key:
        return Settings(), "INFO", []
    try:
        stanzas = _stanzas(splunkd_uri, session_key)
    except Exception as error:
        problem = (
            f"The settings of {APP} could not be read from splunkd ({_reason(error)}), "
            "so the shipped defaults were used."
        )
        return Settings(), "INFO", [problem]
    level = str(stanzas.get("logging", {}).get("loglevel", "INFO"))
    settings, problems = checked(stanzas.get("scoring", {}))
    return settings, level, problems


def read_baseline(splunkd_uri: str, session_key: str) -> tuple[dict[str, int], list[str]]:
    """Read on how many hosts past searches saw each tree, with one request.

    Returns:
        Hosts by fingerprint, entries that have expired left out, and a sentence if it failed.
    """
    path = f"storage/collections/data/{COLLECTION}"
    query = json.dumps({"expires": {"$gt": int(time.time())}})
    try:
        rows = _get(
            splunkd_uri,
            session_key,
            path,
            query=query,
            limit=BASELINE_ROWS,
            fields="tree_fingerprint,hosts,_key:0",
        )
        return {str(row["tree_fingerprint"]): int(float(row["hosts"])) for row in rows}, []
    except Exception as error:
        return {}, [f"The prevalence baseline could not be read ({_reason(error)}); none was used."]


def _stanzas(splunkd_uri: str, session_key: str) -> dict[str, dict[str, Any]]:
    answer = _get(splunkd_uri, session_key, f"configs/conf-{CONF}", output_mode="json", count=0)
    return {entry["name"]: entry["content"] for entry in answer["entry"]}


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]


def _get(splunkd_uri: str, session_key: str, path: str, **query: Any) -> Any:
    from splunklib import binding, client

    uri = urlsplit(splunkd_uri)
    service = client.Service(
        scheme=uri.scheme,
        host=uri.hostname,
        port=uri.port,
        token=session_key,
        app=APP,
        owner="nobody",
        handler=binding.handler(timeout=TIMEOUT_SECONDS),
    )
    return json.loads(service.get(path, **query).body.read())


def checked(stanza: dict[str, Any]) -> tuple[Settings, list[str]]:
    """Return settings from the `[scoring]` stanza, and a sentence for each unusable value."""
    values: dict[str, float] = {}
    problems: list[str] = []
    for name, (low, high) in _BOUNDS.items():
        text = stanza.get(name)
        if text in (None, ""):
            continue
        try:
            number = float(str(text))
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            default = getattr(Settings(), name)
            problems.append(
                f"The setting {name}={text} is not a number from {low} to {high}; "
                f"the shipped default {default} was used."
            )
        else:
            values[name] = type(getattr(Settings(), name))(number)
    settings = Settings(**values)  # type: ignore[arg-type]
    bands = [settings.severity_low, settings.severity_medium, settings.severity_high]
    if sorted({*bands, settings.severity_critical}) != [*bands, settings.severity_critical]:
        problems.append(
            "The severity bands do not rise from low to critical; the shipped bands were used."
        )
        keep = {k: v for k, v in values.items() if not k.startswith("severity_")}
        settings = Settings(**keep)  # type: ignore[arg-type]
    return settings, problems
