"""Whether the rows with high values lie where the clip was manipulated.

Localisation of arXiv 2511.17181 (Figure 2): the mean over clips of the AUC between the
rows of a clip and its truth, see `dfprobe.explain.temporal.segments`; beside it the AUC
and the average precision of all rows of all clips together, and the metrics of
AV-Deepfake1M, see `dfprobe.explain.temporal.proposals`.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl

from dfprobe.evaluation.statistics.binned_intervals import (
    mean_interval,
    pooled_interval,
)
from dfprobe.evaluation.statistics.metrics import Interval, auc, average_precision
from dfprobe.explain.temporal.curves import TimedCurve
from dfprobe.explain.temporal.proposals import (
    AP_OVERLAPS,
    AR_PROPOSALS,
    Found,
    Proposals,
    average_precision_at,
    average_recall,
    propose,
)
from dfprobe.explain.temporal.segments import Judged, LeftOut, joined, judge
from dfprobe.store.files import Row

# Subset of the fakes: whether sound, video are manipulated. The paper's is the first.
SUBSETS = {
    "both": (True, True),
    "audio_only": (True, False),
    "video_only": (False, True),
}
_AP = {f"ap_iou_{100 * overlap:03.0f}": overlap for overlap in AP_OVERLAPS}
_AR = {f"ar_{number:02d}": number for number in AR_PROPOSALS}
COUNTS = {"clips": pl.Int64, **{f"left_out_{reason}": pl.Int64 for reason in LeftOut}}
NUMBERS = (
    *("auc_clip_mean", "auc_clip_mean_low", "auc_clip_mean_high"),
    *("auc_pooled", "auc_pooled_low", "auc_pooled_high"),
    *("ap_pooled", "fake_row_share", *_AP, *_AR),
)


def localise(
    clips: pl.DataFrame, common: np.ndarray, curves: Sequence[TimedCurve | None]
) -> list[Row]:
    """Measure one head's localisation on the clips of a test corpus.

    Parameters
    ----------
    clips : pl.DataFrame
        Labelled test clips: ``label, audio_fake, video_fake, audio_fake_segments,
        video_fake_segments, frames`` (at 25 a second, null if unknown).
    common : np.ndarray of shape (clips,), bool
        Which clips all heads could score; the others are counted and left out.
    curves : sequence of TimedCurve or None
        Of each clip.

    Returns
    -------
    list of dict
        A row for each of `SUBSETS`: ``subset``, the numbers of `COUNTS` (``clips``:
        that were judged) and `NUMBERS`; None where undefined.
    """
    reals = [
        Found(_timed(curve.values, curve), joined([]))
        for label, used, curve in zip(clips["label"], common, curves, strict=True)
        if label == 0 and used and curve is not None
    ]
    placed = clips.with_columns(common=common).with_row_index("place")
    rows = []
    for subset, streams in SUBSETS.items():
        fakes = placed.filter(label=1, audio_fake=streams[0], video_fake=streams[1])
        found = [
            judge_clip(clip, curves[clip["place"]])
            for clip in fakes.iter_rows(named=True)
        ]
        rows.append({"subset": subset} | _measured(found, reals))
    return rows


def judge_clip(clip: Row, curve: TimedCurve | None) -> tuple[Judged, Found] | LeftOut:
    """Judge a fake clip against the segments of its manipulated streams.

    Parameters
    ----------
    clip : dict
        A row as in `localise`, with ``common``.
    curve : TimedCurve or None
        Its curve.

    Returns
    -------
    tuple of Judged and Found, or LeftOut
        The rows, and the segments proposed and true; or why it is left out.
    """
    if curve is None:
        return LeftOut.NO_CURVE
    if not clip["common"]:
        return LeftOut.NOT_COMMON
    segments = segments_of(clip)
    frames = (clip["frames"] or 0) - curve.clock.frame_of(0)  # that have rows
    judged = judge(curve.values, frames, segments, curve.clock)
    if isinstance(judged, LeftOut):
        return judged
    return judged, Found(_timed(judged.values, curve), joined(segments))


def segments_of(clip: Row) -> list[list[float]]:
    """Segments of a manifest row, of all its manipulated streams."""
    return [
        segment
        for stream in ("audio", "video")
        if clip[f"{stream}_fake"]
        for segment in clip[f"{stream}_fake_segments"]
    ]


def _timed(values: np.ndarray, curve: TimedCurve) -> Proposals:
    """Propose segments of a curve, in seconds."""
    spans, confidence = propose(values)
    return Proposals(curve.clock.first_row_s + spans / curve.clock.rate_hz, confidence)


def _measured(found: list[tuple[Judged, Found] | LeftOut], reals: list[Found]) -> Row:
    """Count and measure the clips of one subset."""
    left_out = Counter(one for one in found if isinstance(one, LeftOut))
    used = [one for one in found if not isinstance(one, LeftOut)]
    counts = {f"left_out_{reason}": left_out[reason] for reason in LeftOut}
    numbers: Row = dict.fromkeys(NUMBERS)
    if used:
        segments = [clip for _, clip in used]
        clips = [*segments, *reals]  # what is proposed in a real clip is a false alarm
        numbers = {
            **_rows([judged for judged, _ in used]),
            **{name: average_precision_at(clips, at) for name, at in _AP.items()},
            **{name: average_recall(segments, best) for name, best in _AR.items()},
        }
    return {"clips": len(used), **counts, **numbers}


def _rows(clips: list[Judged]) -> dict[str, float | None]:
    """Metrics of rows: a clip's own, and of all clips together."""
    areas = np.array([auc(clip.truth.astype(int), clip.values) for clip in clips])
    truth = np.concatenate([clip.truth for clip in clips]).astype(np.int64)
    values = np.concatenate([clip.values for clip in clips]).astype(np.float64)
    clip_of_row = np.repeat(np.arange(len(clips)), [len(clip.truth) for clip in clips])
    return {
        **_with_interval("auc_clip_mean", float(areas.mean()), mean_interval(areas)),
        **_with_interval(
            "auc_pooled",
            auc(truth, values),
            pooled_interval(truth, values, clip_of_row),
        ),
        "ap_pooled": average_precision(truth, values),
        "fake_row_share": float(truth.mean()),
    }


def _with_interval(
    name: str, value: float, interval: Interval | None
) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}
