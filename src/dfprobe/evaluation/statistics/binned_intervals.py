"""95% intervals for other clips of the same kind: clips are drawn anew.

The bootstrap of `dfprobe.evaluation.statistics.bootstrap`, for measures of rows: a
clip's rows stay together. Its draws come in blocks, since the clips are many.
"""

from collections.abc import Iterator

import numpy as np

from dfprobe.evaluation.statistics.bootstrap import DRAWS, SEED, middle_of
from dfprobe.evaluation.statistics.metrics import Interval, auc

_BINS = 500  # of the values of rows, equally full
_AT_A_TIME = 4_000_000  # clips drawn: 30 MB


def mean_interval(areas: np.ndarray) -> Interval | None:
    """Interval of the mean of the clips' own AUCs (clips,); None for fewer than two."""
    if len(areas) < 2:
        return None
    means = [times @ areas / len(areas) for times in _draws(len(areas))]
    return middle_of(np.concatenate(means), len(areas), decimals=6)


def pooled_interval(
    truth: np.ndarray, values: np.ndarray, clips: np.ndarray
) -> Interval | None:
    """Interval of the AUC of all rows of all clips together.

    The bootstrap works on values in 500 bins; the difference that binning makes to the
    AUC of all clips is added to every replicate.

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
    areas = np.concatenate([_areas(times, *of_class) for times in _draws(count)])
    return middle_of(np.clip(areas + error, 0.0, 1.0), count, decimals=6)


def _areas(times: np.ndarray, others: np.ndarray, fakes: np.ndarray) -> np.ndarray:
    """AUC of each draw, of how often each clip is taken: (draws, clips)."""
    weights = times.astype(np.float32)
    below, above = ((weights @ rows).astype(np.float64) for rows in (others, fakes))
    won = above * (below.cumsum(axis=1) - below / 2)  # equal bins count half
    total: np.ndarray = won.sum(axis=1) / (above.sum(axis=1) * below.sum(axis=1))
    return total


def _draws(count: int) -> Iterator[np.ndarray]:
    """How often each clip is drawn, (draws, clips), in blocks of draws."""
    rng = np.random.default_rng(SEED)
    chances = np.full(count, 1.0 / count)
    step = max(1, _AT_A_TIME // count)
    for start in range(0, DRAWS, step):
        yield rng.multinomial(count, chances, min(step, DRAWS - start))
