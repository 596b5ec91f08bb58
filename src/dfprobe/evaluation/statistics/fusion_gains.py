"""What fusion adds to single encoders, with intervals that need no drawing.

All numbers rest on DeLong's placements
(`dfprobe.evaluation.statistics.metrics.placements`): the AUC is their mean, and the
variance of any smooth function of several AUCs of the same clips is that of the
placements' first-order change (delta method). So the interval of every gain and of
every relative improvement of all pairs comes from one pass over arrays, where drawing
the clips anew a thousand times would rank them as often.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from scipy.stats import norm

from dfprobe.evaluation.statistics.fusion_rules import Members
from dfprobe.evaluation.statistics.metrics import (
    NO_VARIANCE,
    TAIL,
    delong_interval,
    delong_variance,
    placements,
)
from dfprobe.evaluation.statistics.paired import differences


class Placed(NamedTuple):
    """Placements of some scores of the same clips."""

    fakes: np.ndarray  # (scores, fakes) float64
    reals: np.ndarray  # (scores, reals) float64

    @classmethod
    def of(cls, labels: np.ndarray, scores: np.ndarray) -> Self:
        """Place scores (scores, clips); at least two clips of each class."""
        return cls(*placements(labels, scores))

    @property
    def areas(self) -> np.ndarray:
        """AUC of each score, (scores,)."""
        areas: np.ndarray = self.fakes.mean(axis=1)
        return areas

    def chosen(self, numbers: Sequence[int]) -> "Placed":
        """Placements of some of the scores, in that order."""
        return Placed(self.fakes[list(numbers)], self.reals[list(numbers)])


class Ratio(NamedTuple):
    """Relative improvements in per cent with their 95% intervals, (scores,) each."""

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def intervals(placed: Placed) -> tuple[np.ndarray, np.ndarray]:
    """Compute the 95% interval of each AUC as `metrics.auc_interval`; two (scores,)."""
    variances = delong_variance(placed.fakes, placed.reals)
    pairs = min(placed.fakes.shape[1], placed.reals.shape[1])
    found = [
        delong_interval(area, variance, pairs)
        for area, variance in zip(
            placed.areas.tolist(), variances.tolist(), strict=True
        )
    ]
    low, high = np.array(found, float).reshape(-1, 2).T
    return low, high


def best_members(members: Sequence[Members], areas: np.ndarray) -> list[int]:
    """Member of each set whose AUC is the highest, the first of equal ones.

    It is chosen on the clips that are tested on, so the gain over it is too small
    rather than too large.
    """
    return [max(part, key=lambda member: areas[member]) for part in members]


def gains(
    fused: Placed, best: Placed
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Test the AUCs of sets (sets,) against those of their best members (DeLong).

    Gain, low, high and p of each set, as `paired.differences` gives them.
    """
    return differences(fused.fakes - best.fakes, fused.reals - best.reals)


def improvements(fused: Placed, single: Placed) -> Ratio:
    """Relative improvement ``100 (AUC(fused) - AUC(single)) / AUC(single)``.

    Its interval is symmetric. With ``r = AUC(fused) / AUC(single)``, the first-order
    change of ``r`` is that of ``AUC(fused) - r AUC(single)``, divided by
    ``AUC(single)``. NaN where the AUC of the single score is 0; the ends of the
    interval are NaN where nothing spreads.
    """
    area = single.areas
    area = np.where(area == 0, np.nan, area)
    ratio = fused.areas / area
    # (scores, clips of a class)
    fakes, reals = (
        (one - ratio[:, None] * other) / area[:, None]
        for one, other in zip(fused, single, strict=True)
    )
    variance = delong_variance(fakes, reals)
    spread = np.sqrt(np.where(variance < NO_VARIANCE, np.nan, variance))
    value, margin = 100.0 * (ratio - 1.0), 100.0 * norm.isf(TAIL) * spread
    return Ratio(value, value - margin, value + margin)
