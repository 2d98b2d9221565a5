"""The add-on's own settings, as the configuration page keeps them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from installer_trees.model import Settings

APP = "TA-installerscore"
CONF = "ta_installerscore_settings"
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
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        return (
            Settings(),
            "INFO",
            [
                f"The settings of {APP} could not be read from splunkd ({reason[0][:200]}), "
                "so the shipped defaults were used."
            ],
        )
    level = str(stanzas.get("logging", {}).get("loglevel", "INFO"))
    settings, problems = checked(stanzas.get("scoring", {}))
    return settings, level, problems


def _stanzas(splunkd_uri: str, session_key: str) -> dict[str, dict[str, Any]]:
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
    response = service.get(f"configs/conf-{CONF}", output_mode="json", count=0)
    entries = json.loads(response.body.read())["entry"]
    return {entry["name"]: entry["content"] for entry in entries}


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
            values[name] = number if name == "tree_lifetime" else int(number)
    settings = Settings(**values)  # type: ignore[arg-type]
    bands = [settings.severity_low, settings.severity_medium, settings.severity_high]
    if sorted({*bands, settings.severity_critical}) != [*bands, settings.severity_critical]:
        problems.append(
            "The severity bands do not rise from low to critical; the shipped bands were used."
        )
        keep = {k: v for k, v in values.items() if not k.startswith("severity_")}
        settings = Settings(**keep)  # type: ignore[arg-type]
    return settings, problems
