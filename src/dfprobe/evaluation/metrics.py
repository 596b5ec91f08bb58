"""Detection metrics of clip scores, and the interval of the AUC.

Labels are 0 real and 1 fake; a larger score means more fake. All values lie in 0..1.
Undefined input (one class only, NaN, unequal lengths) is a `DataError`: a caller that
may meet it, counts the classes first.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm, rankdata
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from dfprobe.errors import DataError

INTERVAL = "DeLong 95%"
_TAIL = 0.025  # outside the interval on each side


class Interval(NamedTuple):
    """Lower and upper end."""

    low: float
    high: float


def auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the ROC curve: chance that a fake outscores a real, ties count half.

    Parameters
    ----------
    labels : np.ndarray of shape (clips,), int
        0 real, 1 fake.
    scores : np.ndarray of shape (clips,), float64
        Larger = more fake.

    Raises
    ------
    DataError
        If there is only one class, a score is NaN, or lengths differ.
    """
    _check(labels, scores)
    return float(roc_auc_score(labels, scores))


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall steps of the class fake; arguments as `auc`."""
    _check(labels, scores)
    return float(average_precision_score(labels, scores))


def equal_error_rate(labels: np.ndarray, scores: np.ndarray) -> float:
    """Error rate where misses and false alarms are equal; arguments as `auc`.

    The ROC curve is interpolated linearly between its points.
    """
    _check(labels, scores)
    false_alarms, hits, _ = roc_curve(labels, scores)
    excess = false_alarms - (1.0 - hits)  # rises from -1 to 1 along the curve
    after = int(np.argmax(excess >= 0))
    before = after - 1
    share = -excess[before] / (excess[after] - excess[before])
    step = false_alarms[after] - false_alarms[before]
    return float(false_alarms[before] + share * step)


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": auc,
    "ap": average_precision,
    "eer": equal_error_rate,
}


def auc_interval(labels: np.ndarray, scores: np.ndarray) -> Interval | None:
    """Compute the 95% interval of the AUC for other clips of the same kind.

    DeLong's variance, by mid-ranks (Sun and Xu, "Fast implementation of DeLong's
    algorithm", IEEE Signal Processing Letters 21, 2014); the interval is symmetric on
    the logit scale, so that it stays inside 0..1.

    The variance is zero if and only if every real-fake pair has the same outcome: all
    won (AUC 1), all lost (0) or all tied (0.5). Then ``k = min(reals, fakes)`` disjoint
    pairs are independent and agree, so the chance of that outcome is at least
    ``0.025 ** (1 / k)`` with 97.5% confidence (Clopper and Pearson 1934); the rest may
    fall either way. This is wider than needed, never narrower.

    Parameters
    ----------
    labels, scores : np.ndarray of shape (clips,)
        As for `auc`.

    Returns
    -------
    Interval or None
        None if a class has a single clip: its spread is unknown.

    Raises
    ------
    DataError
        As for `auc`.
    """
    area = auc(labels, scores)
    fakes, reals = int((labels == 1).sum()), int((labels == 0).sum())
    if min(fakes, reals) < 2:
        return None
    variance = delong_variance(labels, scores)
    if area in (0.0, 0.5, 1.0) and variance < 1e-15:
        agreeing = _TAIL ** (1.0 / min(fakes, reals))
        return Interval(agreeing * area, agreeing * area + 1.0 - agreeing)
    spread = norm.isf(_TAIL) * np.sqrt(variance) / (area * (1.0 - area))
    centre = logit(area)
    return Interval(float(expit(centre - spread)), float(expit(centre + spread)))


def delong_variance(labels: np.ndarray, scores: np.ndarray) -> float:
    """Variance of the AUC by DeLong's method; at least two clips of each class."""
    fakes, reals = scores[labels == 1], scores[labels == 0]
    together = rankdata(np.concatenate([fakes, reals]))  # mid-ranks
    # Share of the other class below each clip, ties counted half.
    below_fake = (together[: fakes.size] - rankdata(fakes)) / reals.size
    above_real = 1.0 - (together[fakes.size :] - rankdata(reals)) / fakes.size
    return float(
        below_fake.var(ddof=1) / fakes.size + above_real.var(ddof=1) / reals.size
    )


def _check(labels: np.ndarray, scores: np.ndarray) -> None:
    if labels.shape != scores.shape or labels.ndim != 1:
        raise DataError(
            f"Labels of shape {labels.shape} and scores of shape {scores.shape}; "
            "expected one of each a clip."
        )
    if not np.isfinite(scores).all():
        count = int((~np.isfinite(scores)).sum())
        raise DataError(f"{count} of {scores.size} scores are not finite numbers.")
    if set(np.unique(labels).tolist()) != {0, 1}:
        raise DataError(
            f"The labels of {labels.size} clips are {np.unique(labels).tolist()}; a "
            "metric of detection needs reals (0) and fakes (1)."
        )
