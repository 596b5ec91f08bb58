"""How much of a clip's score its first moments decide.

The score is the log-sum-exp of the rows' values, so the softmax of the values over the
rows says how much of it each row makes, and leaving rows out is summing over the
others. Corpora whose fakes begin with a short silence (arXiv 2412.00175, "Circumventing
shortcuts in audio-visual deepfake detection datasets with unsupervised learning") are
told from the real clips by that alone: then the first moments decide.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.evaluation.tables.subsets import LEADING_SILENCE_S
from dfprobe.explain.temporal.curves import TimedCurve
from dfprobe.store.files import Row

WINDOWS = {"100ms": 0.1, "200ms": 0.2, "500ms": 0.5}
SHARES = tuple(f"share_{name}" for name in WINDOWS)
EVEN_SHARES = tuple(f"even_share_{name}" for name in WINDOWS)
AREAS = tuple(f"auc_without_{name}" for name in WINDOWS)
NUMBERS = (*SHARES, *EVEN_SHARES, "leading_silence_share", "auc", *AREAS)
CLASSES = ("real", "fake")  # by label
ALL = "all"


def leading_rows(curve: TimedCurve, window_s: float) -> int:
    """Rows that begin in the first moments of what the encoder saw, at most all."""
    # k / rate can lie just below the window that it should reach.
    rows = int(np.ceil(window_s * curve.clock.rate_hz - 1e-6))
    return min(rows, len(curve.values))


def leading_share(curve: TimedCurve, window_s: float) -> float:
    """Share of a clip's score that its first moments make: mass of the softmax."""
    first = curve.values[: leading_rows(curve, window_s)]
    return float(np.exp(_log_sum_exp(first) - _log_sum_exp(curve.values)))


def score_without(curve: TimedCurve, window_s: float) -> float:
    """Score of a clip without its first moments; NaN if nothing is left."""
    rest = curve.values[leading_rows(curve, window_s) :]
    return _log_sum_exp(rest) if rest.size else float("nan")


def _log_sum_exp(values: np.ndarray) -> float:
    # SciPy's takes ten times as long on the few values of a clip.
    wide = values.astype(np.float64)
    top = wide.max()
    return float(top + np.log(np.exp(wide - top).sum()))


def lead(
    clips: pl.DataFrame, common: np.ndarray, curves: Sequence[TimedCurve | None]
) -> list[Row]:
    """Measure what the first moments of the clips of a test corpus do to the scores.

    Parameters
    ----------
    clips : pl.DataFrame
        Labelled test clips: ``label, leading_silence_s`` (null without sound).
    common : np.ndarray of shape (clips,), bool
        Which clips all heads could score; only these count.
    curves : sequence of TimedCurve or None
        Of each clip.

    Returns
    -------
    list of dict
        A row for reals, fakes and all: ``class``, ``clips``, ``left_out`` (not common,
        without a curve, or with none left after the longest window), and `NUMBERS`:
        means over clips of the share of each window and of its share of the rows, the
        share of clips that begin with at least 20 ms of silence, and, in the row of
        all, the AUC with and without each window. None where undefined.
    """
    longest = max(WINDOWS.values())
    used = np.array(
        [
            bool(known)
            and curve is not None
            and leading_rows(curve, longest) < len(curve.values)
            for known, curve in zip(common, curves, strict=True)
        ],
        bool,
    )
    labels = clips["label"].to_numpy().astype(np.int64)
    chosen = [curve for curve, ok in zip(curves, used, strict=True) if ok and curve]
    shares = np.array([_shares(curve) for curve in chosen])
    silent = (clips["leading_silence_s"] >= LEADING_SILENCE_S).fill_null(False)
    numbers = np.column_stack(
        [shares.reshape(-1, 2 * len(WINDOWS)), silent.to_numpy()[used]]
    )
    rows = []
    for name, members in _members(labels):
        rows.append(
            {"class": name, "clips": int((members & used).sum())}
            | {"left_out": int((members & ~used).sum())}
            | _means(numbers[members[used]])
            | (_areas(labels[used], chosen) if name == ALL else {})
        )
    return rows


def _members(labels: np.ndarray) -> list[tuple[str, np.ndarray]]:
    of_class = [(name, labels == label) for label, name in enumerate(CLASSES)]
    return [*of_class, (ALL, np.ones(len(labels), bool))]


def _shares(curve: TimedCurve) -> list[float]:
    """Shares of the windows in the score, then in the rows."""
    return [
        *(leading_share(curve, window) for window in WINDOWS.values()),
        *(
            leading_rows(curve, window) / len(curve.values)
            for window in WINDOWS.values()
        ),
    ]


def _means(numbers: np.ndarray) -> dict[str, float]:
    if not len(numbers):
        return {}
    names = (*SHARES, *EVEN_SHARES, "leading_silence_share")
    return dict(zip(names, numbers.mean(axis=0).tolist(), strict=True))


def _areas(labels: np.ndarray, curves: list[TimedCurve]) -> dict[str, float]:
    """AUC of the whole clips, and without each window."""
    if len(set(labels.tolist())) < 2:
        return {}
    windows = dict(zip(("auc", *AREAS), (0.0, *WINDOWS.values()), strict=True))
    return {
        name: auc(labels, np.array([score_without(curve, window) for curve in curves]))
        for name, window in windows.items()
    }
