"""The interval of the AUC for other speakers: groups of clips are drawn anew.

Clips of one speaker are alike, so that a corpus of few speakers says less than its
number of clips suggests. Here whole groups (speakers, or recordings) are drawn with
replacement, as often as there are groups, and the AUC of each draw is taken with the
clips of a group counted as often as it was drawn (Field and Welsh, "Bootstrapping
clustered data", J. R. Stat. Soc. B 69, 2007). The interval holds the middle 95% of
these values.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from dfprobe.evaluation.statistics.metrics import TAIL, Interval, agreeing_interval

BOOTSTRAP = "bootstrap 95%"
SEED = 43
DRAWS = 2000
_BLOCK = 2**20  # entries of a block of the draws x clips array


def cluster_interval(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray
) -> Interval | None:
    """Compute the 95% interval of the AUC for other groups of the same kind.

    Draws without both classes are left out.

    Parameters
    ----------
    labels : np.ndarray of shape (clips,)
        0 real, 1 fake; both occur.
    scores : np.ndarray of shape (clips,), float64
    clusters : np.ndarray of shape (clips,), int
        Number of each clip's group.

    Returns
    -------
    Interval or None
        None where no two disjoint sets of groups have both classes.
    """
    _, clusters = np.unique(clusters, return_inverse=True)
    independent = _independent(labels, clusters)
    if independent < 2:
        return None
    areas = np.concatenate(list(_areas(labels, scores, clusters)))
    return middle_of(areas[np.isfinite(areas)], independent, decimals=12)


def middle_of(areas: np.ndarray, independent: int, decimals: int) -> Interval:
    """Interval that holds the middle 95% of the AUCs of all draws.

    Where they agree in so many decimals, it is that of `auc_interval` without variance,
    on the ``independent`` groups instead of clips.
    """
    if np.ptp(areas) < 10.0**-decimals:
        return agreeing_interval(float(areas[0].round(decimals)), independent)
    return _quantiles(areas)


def _quantiles(values: np.ndarray) -> Interval:
    return Interval(*np.quantile(values, [TAIL, 1.0 - TAIL]).tolist())


def mean_interval(values: np.ndarray, clusters: np.ndarray) -> Interval | None:
    """Compute the 95% interval of a mean for other groups of the same kind.

    Parameters
    ----------
    values : np.ndarray of shape (n,), float64
    clusters : np.ndarray of shape (n,)
        Name or number of each value's group, such as its clip.

    Returns
    -------
    Interval or None
        None where there are fewer than two groups.
    """
    _, places = np.unique(clusters, return_inverse=True)
    count = int(places.max(initial=-1)) + 1
    if count < 2:
        return None
    draws = _draws(count)
    sums, sizes = np.bincount(places, values), np.bincount(places)
    return _quantiles((draws @ sums) / (draws @ sizes))


def _independent(labels: np.ndarray, clusters: np.ndarray) -> int:
    """Largest number of disjoint sets of groups such that each set has both classes."""
    count = clusters.max() + 1
    fake, real = (np.bincount(clusters[labels == k], minlength=count) for k in (1, 0))
    both = int(((fake > 0) & (real > 0)).sum())
    alone = int(((fake > 0) & (real == 0)).sum()), int(((real > 0) & (fake == 0)).sum())
    return both + min(alone)


def _areas(
    labels: np.ndarray, scores: np.ndarray, clusters: np.ndarray
) -> Iterator[np.ndarray]:
    """AUC of each draw, NaN where a class is not drawn."""
    fake = labels == 1
    real = np.flatnonzero(~fake)
    real = real[np.argsort(scores[real], kind="stable")]
    # Reals below each fake; those tied with it count half.
    first, last = (
        np.searchsorted(scores[real], scores[fake], side) for side in ("left", "right")
    )
    draws = _draws(int(clusters.max()) + 1)
    step = max(1, _BLOCK // labels.size)
    for start in range(0, DRAWS, step):
        times = draws[start : start + step]
        fakes = times[:, clusters[fake]]
        reals = np.pad(np.cumsum(times[:, clusters[real]], axis=1), [(0, 0), (1, 0)])
        won = np.einsum("df,df->d", fakes, reals[:, first] + reals[:, last]) / 2
        with np.errstate(invalid="ignore"):
            yield won / (fakes.sum(axis=1) * reals[:, -1])


@lru_cache(maxsize=8)
def _draws(count: int) -> np.ndarray:
    """How often each group is drawn: (draws, groups), the same at every call."""
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, count, (DRAWS, count), dtype=np.int32)
    return np.array([np.bincount(one, minlength=count) for one in drawn], np.int32)
