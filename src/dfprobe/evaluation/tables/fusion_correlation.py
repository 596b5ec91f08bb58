"""How alike the clip scores of two encoders are."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from scipy.stats import kendalltau, norm, rankdata

from dfprobe.evaluation.statistics.metrics import TAIL
from dfprobe.evaluation.tables.fusion_tables import COEFFICIENTS
from dfprobe.store.files import Row

_FEWEST = 4  # clips from which on Fisher's interval exists


def correlation_rows(names: Sequence[str], scores: np.ndarray) -> Iterator[Row]:
    """Rows of the table of correlations for the scores (encoders, clips) of a pair.

    ``first, second, clips`` and `COEFFICIENTS` for every two encoders: Pearson's r with
    its 95% interval by Fisher's transformation (which takes the scores of both for
    normal: an approximation where classes are far apart), Spearman's rho and Kendall's
    tau-b. None where a score is equal on all clips.
    """
    clips = scores.shape[1]
    varies = np.ptp(scores, axis=1) > 0 if clips else np.zeros(len(names), bool)
    linear = _coefficients(scores)
    ranked = _coefficients(rankdata(scores, axis=1))
    for a, b in combinations(range(len(names)), 2):
        values: tuple[float | None, ...] = (None,) * len(COEFFICIENTS)
        if varies[a] and varies[b]:
            tau = kendalltau(scores[a], scores[b], method="asymptotic").statistic
            interval = pearson_interval(linear[a, b], clips)
            values = (linear[a, b], *interval, ranked[a, b], tau)
        yield {
            "first": names[a],
            "second": names[b],
            "clips": clips,
            **dict(zip(COEFFICIENTS, values, strict=True)),
        }


def pearson_interval(r: float, clips: int) -> tuple[float | None, float | None]:
    """Compute the 95% interval of Pearson's r by Fisher's transformation.

    Source: R. A. Fisher, "On the probable error of a coefficient of correlation deduced
    from a small sample", Metron 1, 1921. None with fewer than four clips.
    """
    if clips < _FEWEST:
        return None, None
    margin = norm.isf(TAIL) / np.sqrt(clips - 3)
    with np.errstate(divide="ignore"):
        centre = np.arctanh(r)  # infinite for 1: the interval is 1 to 1
    return float(np.tanh(centre - margin)), float(np.tanh(centre + margin))


def _coefficients(values: np.ndarray) -> np.ndarray:
    """Pearson's r of every two rows, (rows, rows)."""
    if values.shape[1] < 2:
        return np.full((len(values), len(values)), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = np.atleast_2d(np.corrcoef(values))
    return np.clip(found, -1.0, 1.0)
