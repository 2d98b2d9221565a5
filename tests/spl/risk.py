"""What the risk action of Enterprise Security writes for one result of a rule.

Source: the action as it was before Enterprise Security 8. For every entry of its parameter, threat
objects included, it takes the object, its type and the score from the result where the result has
fields `risk_object`, `risk_object_type` and `risk_score`, and only else what the entry names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .matching import Row, values_of


class RiskEvent(NamedTuple):
    """One event of the risk index: who, of which kind, and how much."""

    risk_object: str
    risk_object_type: str
    risk_score: float


def risk_events(entries: list[Mapping[str, Any]], result: Row) -> list[RiskEvent]:
    """Return the risk events of one result, in the order in which they are written.

    Args:
        entries: The parameter `_risk` of the rule, read from JSON.
        result: A row that the rule found.
    """
    found = []
    for entry in entries:
        own = any(values_of(result.get("risk_object")))
        field = "risk_object" if own else entry.get("risk_object_field")
        kind = result.get("risk_object_type") or entry.get("risk_object_type")
        score = result["risk_score"] if "risk_score" in result else entry.get("risk_score", 1)
        if field and kind:
            objects = filter(None, values_of(result.get(field)))
            found += [RiskEvent(name, kind, float(score)) for name in objects]
    return found
