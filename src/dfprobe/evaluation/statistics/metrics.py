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

from dfprobe.errors import DataError

INTERVAL = "DeLong 95%"
TAIL = 0.025  # outside the interval on each side
NO_VARIANCE = 1e-15  # below this, a variance is zero but for rounding


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
    fakes = int((labels == 1).sum())
    # Mid-ranks are halves of whole numbers: exact until the last division.
    won = rankdata(scores)[labels == 1].sum() - fakes * (fakes + 1) / 2
    return float(won / (fakes * (labels.size - fakes)))


def average_precision(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean precision at each fake, the class looked for; arguments as `auc`.

    Precision at a score counts all clips with at least this score.
    """
    _check(labels, scores)
    alarms, hits = _curve(labels, scores)
    found = np.diff(hits)
    return float((found * hits[1:] / (hits + alarms)[1:]).sum() / hits[-1])


def equal_error_rate(labels: np.ndarray, scores: np.ndarray) -> float:
    """Error rate where misses and false alarms are equal; arguments as `auc`.

    The ROC curve is interpolated linearly between its points.
    """
    _check(labels, scores)
    alarms, hits = _curve(labels, scores)
    false_alarms = alarms / alarms[-1]
    excess = false_alarms - (1.0 - hits / hits[-1])  # rises from -1 to 1 along it
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
    variance = float(delong_variance(*placements(labels, scores)))
    return delong_interval(area, variance, min(fakes, reals))


def auc_with_interval(
    labels: np.ndarray, scores: np.ndarray
) -> tuple[float | None, float | None, float | None]:
    """AUC and the ends of its interval for a table: None where undefined."""
    if not 0 < labels.sum() < labels.size:
        return None, None, None
    return auc(labels, scores), *(auc_interval(labels, scores) or (None, None))


def delong_interval(area: float, variance: float, pairs: int) -> Interval:
    """Interval of an AUC by its variance; ``pairs`` clips of the rarer class, >= 2."""
    if area in (0.0, 0.5, 1.0) and variance < NO_VARIANCE:
        return agreeing_interval(area, pairs)
    spread = norm.isf(TAIL) * np.sqrt(variance) / (area * (1.0 - area))
    centre = logit(area)
    return Interval(float(expit(centre - spread)), float(expit(centre + spread)))


def agreeing_interval(area: float, pairs: int) -> Interval:
    """Interval of an AUC that ``pairs`` independent comparisons agree on."""
    agreeing = TAIL ** (1.0 / pairs)
    return Interval(agreeing * area, agreeing * area + 1.0 - agreeing)


def delong_variance(fakes: np.ndarray, reals: np.ndarray) -> np.ndarray:
    """Variances (...) of AUCs by DeLong's method.

    Parameters
    ----------
    fakes, reals : np.ndarray of shape (..., fakes) and (..., reals), float64
        The `placements`, or differences of them; at least two clips of each class.
    """
    parts = [part.var(axis=-1, ddof=1) / part.shape[-1] for part in (fakes, reals)]
    variance: np.ndarray = parts[0] + parts[1]
    return variance


def placements(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the other class that each clip wins against, ties counted half.

    Parameters
    ----------
    labels : np.ndarray of shape (clips,)
        0 real, 1 fake; both occur.
    scores : np.ndarray of shape (..., clips), float64

    Returns
    -------
    tuple of np.ndarray
        Of the fakes, (..., fakes): reals below each; of the reals, (..., reals): fakes
        above each. The mean of either is the AUC.
    """
    fakes, reals = scores[..., labels == 1], scores[..., labels == 0]
    count, others = fakes.shape[-1], reals.shape[-1]
    together = rankdata(np.concatenate([fakes, reals], -1), axis=-1)  # mid-ranks
    below_fake = (together[..., :count] - rankdata(fakes, axis=-1)) / others
    below_real = (together[..., count:] - rankdata(reals, axis=-1)) / count
    return below_fake, 1.0 - below_real


class WithFailures(NamedTuple):
    """AUC over all clips, also those without a score; None without both classes."""

    # expected where a coin decides: a pair with a failed clip counts 1/2
    chance: float | None
    # failed fakes below and failed reals above everything: such a pair counts 0
    worst: float | None


def auc_with_failures(labels: np.ndarray, scores: np.ndarray) -> WithFailures:
    """Count clips that failed, whose scores (clips,) are NaN, into the AUC."""
    fake, scored = labels == 1, np.isfinite(scores)
    pairs = float(fake.sum() * (~fake).sum())
    if not pairs:
        return WithFailures(None, None)
    known = float((fake & scored).sum() * (~fake & scored).sum())
    won = auc(labels[scored], scores[scored]) * known if known else 0.0
    return WithFailures((won + (pairs - known) / 2) / pairs, won / pairs)


def _curve(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count reals and fakes above each score from the highest down; 0 stands first."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) < 0, True)  # of equal scores
    fakes = np.cumsum(labels[order])[last]
    reals = np.cumsum(1 - labels[order])[last]
    return np.append(0, reals), np.append(0, fakes)


def _check(labels: np.ndarray, scores: np.ndarray) -> None:
    if labels.shape != scores.shape or labels.ndim != 1:
        raise DataError(
            f"Labels of shape {labels.shape} and scores of shape {scores.shape}; "
            "expected one of each per clip."
        )
    if not np.isfinite(scores).all():
        count = int((~np.isfinite(scores)).sum())
        raise DataError(f"{count} of {scores.size} scores are not finite numbers.")
    if set(labels.tolist()) != {0, 1}:
        raise DataError(
            f"The labels of {labels.size} clips are {np.unique(labels).tolist()}; a "
            "metric of detection needs reals (0) and fakes (1)."
        )
