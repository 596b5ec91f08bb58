"""AUCs of two scores of the same clips compared.

DeLong's test for correlated ROC curves (DeLong, DeLong and Clarke-Pearson, "Comparing
the areas under two or more correlated receiver operating characteristic curves",
Biometrics 44, 1988). It works on the placements of
`dfprobe.evaluation.statistics.metrics`.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from dfprobe.evaluation.statistics.metrics import (
    NO_VARIANCE,
    TAIL,
    delong_variance,
    placements,
)


class Comparisons(NamedTuple):
    """Two scores of the same clips against each other; arrays of shape (pairs,)."""

    first: np.ndarray  # number of the first score
    second: np.ndarray  # and of the second
    difference: np.ndarray  # AUC of the first less that of the second
    low: np.ndarray  # 95% interval of the difference; NaN where it has no spread
    high: np.ndarray
    # two-sided, of no difference; 1 where all clips are placed alike, NaN where a
    # difference has no spread
    p: np.ndarray


def compare(labels: np.ndarray, scores: np.ndarray) -> Comparisons:
    """Compare every two AUCs of the same clips: (0, 1), (0, 2), ..., (1, 2), ...

    Parameters
    ----------
    labels : np.ndarray of shape (clips,)
        0 real, 1 fake, at least two of each.
    scores : np.ndarray of shape (encoders, clips), float64
    """
    numbers = np.array(list(combinations(range(len(scores)), 2)), int).reshape(-1, 2)
    first, second = numbers.T
    fakes, reals = (part[first] - part[second] for part in placements(labels, scores))
    return Comparisons(first, second, *differences(fakes, reals))


def differences(
    fakes: np.ndarray, reals: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Test differences of AUCs from differences of placements.

    Parameters
    ----------
    fakes, reals : np.ndarray of shape (tests, fakes) and (tests, reals), float64
        Placements by one score less those by another; at least two clips of each class.

    Returns
    -------
    tuple of np.ndarray of shape (tests,)
        ``difference, low, high, p``, as in `Comparisons`.
    """
    difference = fakes.mean(axis=1)
    variance = delong_variance(fakes, reals)
    spread = np.sqrt(np.where(variance < NO_VARIANCE, np.nan, variance))
    margin = norm.isf(TAIL) * spread
    p = 2 * norm.sf(np.abs(difference) / spread)
    p[np.isnan(spread) & (np.abs(difference) < 1e-12)] = 1.0
    return difference, difference - margin, difference + margin, p


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment of p-values; controls the family-wise error rate.

    Parameters
    ----------
    p : np.ndarray of shape (tests,)
        NaN for a test that could not be made; it stays NaN and does not count.
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    stricter = p[order] * np.arange(len(order), 0, -1)
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(stricter), 1.0)
    return adjusted
