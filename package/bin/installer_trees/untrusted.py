"""What is asked of the patterns that users write; the shipped ones are asked by the tests."""

from __future__ import annotations

from .entries import Problem, shown
from .model import Allowance, Root, Signal, patterns_of
from .patterns import anchored, risk


def check_patterns(made: Root | Signal | Allowance) -> None:
    """Refuse what was made of a row that a user wrote, if its patterns can do harm.

    Raises:
        Problem: A text could make a pattern too slow, or an allowance could begin anywhere.
    """
    for column, pattern in patterns_of(made):
        why = risk(pattern.pattern)
        if not why and isinstance(made, Allowance) and not anchored(pattern.pattern):
            why = (
                "is not anchored: it can begin inside a value, or with a repeat that reads any "
                "text, so an attacker could write what it allows; begin it, and each of its "
                "alternatives, with ^ and the start of the value"
            )
        if why:
            raise Problem(column, f"{shown(pattern.pattern)} {why}")
