"""The distribution of scores, as a picture."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from installer_trees.model import Settings

from .measure import labeled
from .model import Result

MALICIOUS, BENIGN = "#d55e00", "#0072b2"
"""Two colors that people with any kind of color vision tell apart (Okabe and Ito)."""


def draw(results: Sequence[Result], path: Path) -> str:
    """Draw the score of every unit: one band for each data set, malicious above, benign below.

    Returns:
        An empty string, or why there is no picture.
    """
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot as plt
    except ImportError as error:
        return f"no picture was drawn: {error}"
    figure, axes = plt.subplots(figsize=(9, 0.7 + 1.15 * len(results)), dpi=150)
    settings = Settings()
    limits = [
        ("low", settings.severity_low),
        ("medium", settings.severity_medium),
        ("high", settings.severity_high),
        ("critical", settings.severity_critical),
    ]
    for name, limit in limits:
        axes.axvline(limit, color="0.8", linewidth=0.8, zorder=0)
        axes.text(limit + 0.6, len(results) - 0.47, name, color="0.4", fontsize=8, va="bottom")
    for place, result in enumerate(reversed(results)):
        for label, color, marker, base in (
            ("malicious", MALICIOUS, "^", place + 0.1),
            ("benign", BENIGN, "o", place - 0.1),
        ):
            scores = [unit.score for unit in labeled(result.units, label)]
            points = stacked(scores, base, 1 if label == "malicious" else -1)
            axes.scatter(
                [x for x, _ in points],
                [y for _, y in points],
                s=17,
                marker=marker,
                color=color,
                alpha=0.8,
                linewidths=0,
                label=label if place == 0 else None,
            )
        axes.axhline(place - 0.5, color="0.9", linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(results)), [r.data.name for r in reversed(results)])
    axes.set(xlim=(-2, 102), ylim=(-0.5, len(results) - 0.5), xlabel="installer_score")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.05), ncol=2, frameon=False, fontsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
    return ""


def stacked(scores: Sequence[int], base: float, direction: int) -> list[tuple[float, float]]:
    """Return a point for each score; near ones are stacked away from the middle line."""
    height: dict[int, int] = defaultdict(int)
    most = max((sum(1 for s in scores if s // 2 == score // 2) for score in scores), default=1)
    step = min(0.055, 0.3 / max(1, math.ceil(most)))
    points = []
    for score in sorted(scores):
        points.append((float(score), base + direction * step * height[score // 2]))
        height[score // 2] += 1
    return points
