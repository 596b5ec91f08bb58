"""Which clips of a test corpus the report shows in detail."""

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl

RULE = (
    "clips are grouped by label and manipulation, and the groups take turns until "
    "there are enough; each gives in turn the clip that the probes misjudge most (mean "
    "rank of its score over all probes) and one drawn by a hash of its name."
)


def wrongness(labels: Sequence[int | None], scores: np.ndarray) -> np.ndarray:
    """How wrong the probes are about each clip: 0 right, 1 wrong.

    Parameters
    ----------
    labels : sequence of int or None
        0 real, 1 fake, None unknown, one a clip.
    scores : np.ndarray of shape (clips, probes), float64
        Logits, NaN where there is none.

    Returns
    -------
    np.ndarray of shape (clips,)
        Mean over the probes of the clip's rank among all clips, seen from the wrong
        end; 0.5 where nothing is known.
    """
    ranks = [_shares(column) for column in scores.T]
    known = np.array(ranks).reshape(len(ranks), len(labels))  # (probes, clips)
    counts = np.isfinite(known).sum(axis=0)
    sums = np.nansum(known, axis=0)
    high = np.divide(sums, counts, out=np.full(len(labels), 0.5), where=counts > 0)
    high = np.where([label is None for label in labels], 0.5, high)
    return np.where([label == 1 for label in labels], 1.0 - high, high)


def _shares(column: np.ndarray) -> np.ndarray:
    """Rank of each score as a share from 0 (lowest) to 1 (highest)."""
    series = pl.Series(column).fill_nan(None)
    scale = max(series.len() - series.null_count() - 1, 1)
    shares: np.ndarray = ((series.rank("average") - 1) / scale).to_numpy()
    return shares


def choose(clips: pl.DataFrame, wrong: np.ndarray, count: int) -> list[str]:
    """Choose at most ``count`` clips by `RULE`; equal inputs give equal clips.

    ``clips`` has ``clip_id, label, manipulation``, ``wrong`` their `wrongness`; the
    chosen ids are sorted.
    """
    groups = clips.with_columns(wrong=pl.Series(wrong, dtype=pl.Float64)).sort(
        "label", "manipulation"
    )
    queues = [
        _queue(group)
        for _, group in groups.group_by("label", "manipulation", maintain_order=True)
    ]
    turns = max(map(len, queues), default=0)
    order = [
        queue[turn] for turn in range(turns) for queue in queues if turn < len(queue)
    ]
    return sorted(order[:count])


def _queue(group: pl.DataFrame) -> list[str]:
    """Clips of a group in the order in which they are taken."""
    ids = group["clip_id"].to_list()
    worst = group.sort("wrong", "clip_id", descending=[True, False])[
        "clip_id"
    ].to_list()
    drawn = sorted(ids, key=lambda clip: hashlib.sha256(clip.encode()).digest())
    taking_turns = (clip for pair in zip(worst, drawn, strict=True) for clip in pair)
    return list(dict.fromkeys(taking_turns))
