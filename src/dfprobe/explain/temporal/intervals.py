"""95% intervals for other clips of the same kind: clips are drawn anew.

The bootstrap of `dfprobe.evaluation.bootstrap`, for measures of rows: a clip's rows
stay together. Where all draws agree, the interval is that of `agreeing_interval`.
"""

import numpy as np

from dfprobe.evaluation.bootstrap import DRAWS, SEED
from dfprobe.evaluation.metrics import TAIL, Interval, agreeing_interval, auc

_BINS = 500  # of the values of rows, equally full


def mean_interval(areas: np.ndarray) -> Interval | None:
    """Interval of the mean of the clips' own AUCs.

    Parameters
    ----------
    areas : np.ndarray of shape (clips,), float64

    Returns
    -------
    Interval or None
        None for fewer than two clips.
    """
    if len(areas) < 2:
        return None
    return _middle(_draws(len(areas)) @ areas / len(areas), len(areas))


def pooled_interval(
    truth: np.ndarray, values: np.ndarray, clips: np.ndarray
) -> Interval | None:
    """Interval of the AUC of all rows of all clips together.

    The draws are taken on values that are cut into 500 bins; what this does to the AUC
    of all clips is put right in every draw.

    Parameters
    ----------
    truth : np.ndarray of shape (rows,), int64
        0 or 1; every clip has both.
    values : np.ndarray of shape (rows,), float64
    clips : np.ndarray of shape (rows,), int
        Number of each row's clip: 0, 1, ...

    Returns
    -------
    Interval or None
        None for fewer than two clips.
    """
    count = int(clips.max()) + 1
    if count < 2:
        return None
    edges = np.quantile(values, np.arange(1, _BINS) / _BINS)
    bins = np.searchsorted(edges, values, side="right")
    cells = clips * _BINS + bins
    of_class = [
        np.bincount(cells[truth == label], minlength=count * _BINS)
        .reshape(count, _BINS)  # (clips * bins,) -> (clips, bins)
        .astype(np.float32)
        for label in (0, 1)
    ]
    error = auc(truth, values) - _areas(np.ones((1, count)), *of_class)[0]
    areas = _areas(_draws(count), *of_class) + error
    return _middle(np.clip(areas, 0.0, 1.0), count)


def _areas(times: np.ndarray, others: np.ndarray, fakes: np.ndarray) -> np.ndarray:
    """AUC of each draw, of how often each clip is taken: (draws, clips)."""
    weights = times.astype(np.float32)
    below, above = ((weights @ rows).astype(np.float64) for rows in (others, fakes))
    won = above * (below.cumsum(axis=1) - below / 2)  # equal bins count half
    total: np.ndarray = won.sum(axis=1) / (above.sum(axis=1) * below.sum(axis=1))
    return total


def _draws(count: int) -> np.ndarray:
    """How often each clip is drawn, (draws, clips)."""
    rng = np.random.default_rng(SEED)
    return rng.multinomial(count, np.full(count, 1.0 / count), DRAWS)


def _middle(areas: np.ndarray, clips: int) -> Interval:
    if np.ptp(areas) < 1e-6:
        return agreeing_interval(float(np.round(areas[0], 6)), clips)
    low, high = np.quantile(areas, [TAIL, 1.0 - TAIL])
    return Interval(float(low), float(high))
