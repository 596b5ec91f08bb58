"""Exact maps: the score of each patch where a row is the sum of the patches' shares.

The linear probe's logit of a row x is ``w . x / |x| + b``. If ``x = sum_p c_p``, then
``s_p = w . c_p / |x| + b / P`` are the scores of its P patches, and their sum is the
logit: nothing is approximated. For encoders whose row is the mean of patch vectors this
is the probe applied to each patch (arXiv 2511.17181, spatial explanations).
"""

import numpy as np


def frame_logit(row: np.ndarray, params: np.ndarray) -> float:
    """Logit of one row by a linear probe.

    Parameters
    ----------
    row : np.ndarray of shape (dim,)
        Not normalised.
    params : np.ndarray of shape (dim + 1,)
        Weights, then the bias.

    Returns
    -------
    float
        Computed in float64; NaN for a row that is all zero or not finite.
    """
    wide = row.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(wide @ params[:-1] / np.linalg.norm(wide) + params[-1])


def patch_scores(shares: np.ndarray, params: np.ndarray) -> np.ndarray:
    """Scores of the patches of one row.

    Parameters
    ----------
    shares : np.ndarray of shape (patches, dim)
        What each patch adds to the row.
    params : np.ndarray of shape (dim + 1,)
        Weights, then the bias, of a linear probe.

    Returns
    -------
    np.ndarray of shape (patches,), float64
        Their sum is the `frame_logit` of the sum of the shares; the bias is spread
        evenly.
    """
    wide = shares.astype(np.float64)
    norm = np.linalg.norm(wide.sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return wide @ params[:-1] / norm + params[-1] / len(wide)
