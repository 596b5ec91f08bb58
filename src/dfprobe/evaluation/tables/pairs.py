"""Every two encoders compared on the same clips: ``xdata_pairs.csv``."""

from itertools import combinations

import numpy as np
import polars as pl

from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.evaluation.statistics.paired import compare, holm
from dfprobe.store.csv_files import known
from dfprobe.store.files import Row

PAIR_NUMBERS = ("auc_a", "auc_b", "difference", "difference_low", "difference_high")
P_VALUES = ("p", "p_holm")
_VALUES = (*PAIR_NUMBERS, *P_VALUES)
PAIR_SCHEMA = (
    dict.fromkeys(("encoder_a", "encoder_b", "head", "train", "test"), pl.String)
    | dict.fromkeys(("clips", "real", "fake"), pl.Int64)
    | dict.fromkeys(_VALUES, pl.Float64)
)


def pair_rows(
    labels: np.ndarray, scores: dict[str, np.ndarray], column: dict[str, str]
) -> list[Row]:
    """Rows of the table for one column of the matrix, one for every two encoders.

    Parameters
    ----------
    labels : np.ndarray of shape (clips,)
        Of the clips that all encoders could score.
    scores : dict of str to np.ndarray of shape (clips,), float64
        By encoder.
    column : dict
        ``head``, ``train``, ``test``.

    Returns
    -------
    list of dict
        Columns of `PAIR_SCHEMA`; ``p_holm`` is adjusted for all comparisons of this
        column. Numbers are None where a class has fewer than two clips, and where they
        are undefined.
    """
    fakes = int((labels == 1).sum())
    counts = {"clips": labels.size, "real": labels.size - fakes, "fake": fakes}
    names = list(combinations(scores, 2))
    numbers = np.full((len(names), len(_VALUES)), np.nan)
    if min(fakes, labels.size - fakes) >= 2:
        table = np.stack(list(scores.values()))
        areas = np.array([auc(labels, row) for row in table])
        found = compare(labels, table)
        numbers = np.column_stack(
            [areas[found.first], areas[found.second], *found[2:], holm(found.p)]
        )
    return [
        {"encoder_a": a, "encoder_b": b, **column, **counts}
        | dict(zip(_VALUES, map(known, row), strict=True))
        for (a, b), row in zip(names, numbers.tolist(), strict=True)
    ]
