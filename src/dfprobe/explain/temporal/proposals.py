"""Fake segments proposed from a curve, and how many of the true ones they find.

Metrics of AV-Deepfake1M (Cai et al., ACM Multimedia 2024, after LAV-DF, Cai et al.,
DICTA 2022): average precision at a least overlap, and average recall of the best N
proposals per clip over overlaps of 0.5, 0.55, ..., 0.95.

A probe proposes nothing by itself. Its proposals are, as in temporal actionness
grouping (Zhao et al., "Temporal action detection with structured segment networks",
ICCV 2017), the runs of rows above a threshold, over many thresholds. A run is ranked by
how much its mean stands out from that of the clip's other rows, ``(mean inside - mean
outside) * sqrt(inside * outside / rows)``: the likelihood ratio of a changed segment in
Gaussian noise of unit variance (Olshen et al., Biostatistics 2004). A run that does not
stand out is none, and of two that overlap by more than `SAME` only the better ranked
one is kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

AP_OVERLAPS = (0.5, 0.75, 0.9, 0.95)
AR_PROPOSALS = (50, 20, 10, 5)
SAME = 0.8  # overlap above which two runs are one proposal

_AR_OVERLAPS = np.arange(10, 20) / 20  # 0.5, 0.55, ..., 0.95
_MOST = max(AR_PROPOSALS)
_CANDIDATES = 4 * _MOST  # best ranked runs among which proposals are chosen
_LEVELS = np.arange(0.01, 1.0, 0.02)  # quantiles of a clip's curve


class Proposals(NamedTuple):
    """Proposed segments of a clip, the best ranked first."""

    spans: np.ndarray  # (proposals, 2) float64: start and end, in rows or in seconds
    # (proposals,) float64: falling; comparable between clips of one head
    confidence: np.ndarray


class Found(NamedTuple):
    """A clip: what is proposed, and what is true."""

    proposals: Proposals  # in seconds
    # (segments, 2) float64: in seconds, in the order of time; none of a real clip
    segments: np.ndarray


def propose(values: np.ndarray) -> Proposals:
    """Propose fake segments of a clip.

    Parameters
    ----------
    values : np.ndarray of shape (rows,), float32
        Curve, larger = more fake, finite.

    Returns
    -------
    Proposals
        At most 50, in rows, the end not included; none of a constant curve.
    """
    spans, confidence = _runs(values.astype(np.float64))
    order = np.lexsort((spans[:, 1], spans[:, 0], -confidence))[:_CANDIDATES]
    spans, confidence = spans[order], confidence[order]
    same = overlaps(spans, spans) > SAME
    kept: list[int] = []
    for number in range(len(spans)):
        if len(kept) < _MOST and not same[number, kept].any():
            kept.append(number)
    return Proposals(spans[kept].astype(np.float64), confidence[kept])


def average_precision_at(clips: Sequence[Found], overlap: float) -> float | None:
    """Average precision of all clips' proposals, one list in the order of confidence.

    Each segment, in the order of time, takes the best ranked proposal of its clip that
    overlaps it by more than ``overlap`` and is not taken. The precision at a recall is
    the highest at this recall or a larger one. (The released evaluation leaves out the
    part of the curve before the first proposal; here it counts.)

    Returns
    -------
    float or None
        None where there is no segment.
    """
    segments = sum(len(clip.segments) for clip in clips)
    if not segments:
        return None
    confidence = np.concatenate([clip.proposals.confidence for clip in clips])
    right = np.concatenate([_right(clip, overlap) for clip in clips])
    right = right[np.argsort(-confidence, kind="stable")]
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best_after[right].sum() / segments)


def average_recall(clips: Sequence[Found], proposals: int) -> float | None:
    """Share of segments that the best proposals of each clip overlap, mean of overlaps.

    Returns
    -------
    float or None
        None where there is no segment.
    """
    best = [
        overlaps(clip.segments, clip.proposals.spans[:proposals]).max(axis=1, initial=0)
        for clip in clips
    ]
    reached = np.concatenate(best) if best else np.zeros(0)
    if not reached.size:
        return None
    # (segments, 1) > (overlaps,) -> (segments, overlaps)
    return float((reached[:, None] > _AR_OVERLAPS).mean())


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every two spans.

    Parameters
    ----------
    first : np.ndarray of shape (n, 2)
    second : np.ndarray of shape (m, 2)

    Returns
    -------
    np.ndarray of shape (n, m), float64
        0 for spans without length.
    """
    starts = np.maximum(first[:, None, 0], second[None, :, 0])  # (n, m)
    ends = np.minimum(first[:, None, 1], second[None, :, 1])
    shared = np.maximum(ends - starts, 0.0)
    lengths = np.diff(first, axis=1) + np.diff(second, axis=1).T  # (n, 1) + (1, m)
    union = lengths - shared
    return np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)


def _runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the runs above some quantiles of a curve, (runs, 2), and their ranks."""
    levels = np.unique(np.quantile(values, _LEVELS))
    above = np.pad(values > levels[:, None], [(0, 0), (1, 1)])  # (levels, rows + 2)
    edges = np.diff(above.astype(np.int8), axis=1)
    starts, ends = np.nonzero(edges == 1)[1], np.nonzero(edges == -1)[1]
    # A level's runs begin and end in turn, so the n-th start belongs to the n-th end.
    starts, ends = np.divmod(np.unique(starts * 2**32 + ends), 2**32)
    spans = np.column_stack([starts, ends])[ends - starts < len(values)]
    inside = spans[:, 1] - spans[:, 0]
    outside = len(values) - inside
    sums = np.append(0.0, np.cumsum(values))
    total = sums[spans[:, 1]] - sums[spans[:, 0]]
    contrast = total / inside - (sums[-1] - total) / outside
    rank = contrast * np.sqrt(inside * outside / len(values))
    return spans[rank > 0], rank[rank > 0]


def _right(clip: Found, overlap: float) -> np.ndarray:
    """Which proposals of a clip are taken by a segment, (proposals,), bool."""
    right = np.zeros(len(clip.proposals.confidence), bool)
    for reached in overlaps(clip.segments, clip.proposals.spans) > overlap:
        free = np.flatnonzero(reached & ~right)
        right[free[:1]] = True
    return right
