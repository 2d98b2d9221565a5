"""The settings of the Scoring tab: what a value may be, for the page and for the command alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from installer_trees.model import Settings

CONF = "ta_installerscore_settings"
SEVERITIES = ("severity_low", "severity_medium", "severity_high", "severity_critical")
BOUNDS = {
    "minscore": (0, 100),
    "maxevents": (1_000, 100_000_000),
    "tree_lifetime": (1, 168),
    **dict.fromkeys(SEVERITIES, (1, 100)),
    "allowlist_bound": (0, 60),
    "prevalence_bound": (0, 50),
    "prevalence_baseline": (0, 1),
}
BANDS = "The severity bands do not rise from low to critical"


def faults(stanza: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the `[scoring]` stanza, each with the names of its settings.

    Args:
        stanza: The stanza; what it does not have, or has empty, is as shipped.
    """
    for name, (low, high) in BOUNDS.items():
        text = stanza.get(name)
        if text not in (None, "") and _number(text, low, high) is None:
            yield name, f"The setting {name}={str(text)[:80]} is not a number from {low} to {high}"
    shipped = Settings()
    bands = [
        _used(name, _number(stanza.get(name), 1, 100) or getattr(shipped, name))
        for name in SEVERITIES
    ]
    if any(low >= high for low, high in zip(bands, bands[1:])):
        yield " ".join(SEVERITIES), BANDS


def checked(stanza: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """Return settings from the `[scoring]` stanza, and a sentence for each unusable value."""
    shipped = Settings()
    values = {name: stanza[name] for name in BOUNDS if stanza.get(name) not in (None, "")}
    problems = []
    for names, fault in faults(stanza):
        for name in names.split():
            values.pop(name, None)
        used = "bands were" if fault == BANDS else f"default {getattr(shipped, names)} was"
        problems.append(f"{fault}; the shipped {used} used.")
    return Settings(**{name: _used(name, value) for name, value in values.items()}), problems


def _used(name: str, value: Any) -> Any:
    """Return a usable value as the setting takes it: whole numbers lose their fraction."""
    return type(getattr(Settings(), name))(float(value))


def _number(text: Any, low: float, high: float) -> float | None:
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if low <= number <= high else None
