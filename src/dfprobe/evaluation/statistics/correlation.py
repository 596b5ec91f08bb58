"""Correlations of arrays."""

import numpy as np
from scipy.stats import rankdata


def rank_correlation(heat: np.ndarray, other: np.ndarray) -> float | None:
    """Spearman's rank correlation of two maps of equal shape, ties at their mean rank.

    None where a map is constant or not finite: it has no order.
    """
    maps = (heat.ravel(), other.ravel())
    if any(not np.isfinite(values).all() or np.ptp(values) == 0 for values in maps):
        return None
    ranks = [rankdata(values) for values in maps]
    return float(np.corrcoef(ranks)[0, 1])
