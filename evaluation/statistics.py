"""Shares of small sets, with the interval that the true share lies in."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

Z95 = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """`count` of `total`, with a 95% confidence interval; all zero where there is nothing."""

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.count / self.total if self.total else 0.0

    def __str__(self) -> str:
        """Say the share in percent with its interval."""
        if not self.total:
            return "-"
        return f"{self.value:.0%} ({self.low:.0%} to {self.high:.0%})"


def wilson(count: int, total: int) -> Share:
    """Return a share with its Wilson score interval.

    Unlike the textbook interval it holds for small sets and for shares near 0 and 1.

    Args:
        count: How many of `total` have the property.
        total: How many were looked at; 0 gives an empty share.

    Raises:
        ValueError: `count` is not from 0 to `total`.

    Source: E. B. Wilson, Probable Inference, JASA 22 (1927); Brown, Cai, DasGupta (2001).
    """
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no share")
    if not total:
        return Share(0, 0, 0.0, 0.0)
    share, z2 = count / total, Z95 * Z95
    center = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    return Share(
        count,
        total,
        0.0 if count == 0 else center - half,
        1.0 if count == total else center + half,
    )
