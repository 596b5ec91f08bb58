"""Which rows of a clip are fake: the manifest's segments at the rate of an encoder.

The published rule (code of arXiv 2511.17181, bit-ml/ssr-dfd): of a segment in seconds,
frames ``int(start * 25)`` to ``int(end * 25)``, the last one included, are fake; of
VideoMAE rows ``int(time * 25 / 2)``. A clip whose rows and truth differ by more than
two in number is left out; else both are cut to the shorter. The same holds at every
other rate.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from dfprobe.rates import VIDEO_FPS, RowClock

TOLERANCE = 2  # rows by which a curve and its truth may differ

# VideoMAE: eight rows for each whole chunk of 16 frames; no other encoder has its rate.
_CHUNK_FRAMES, _CHUNK_ROWS = 16, 8
_CHUNK_HZ = VIDEO_FPS * _CHUNK_ROWS / _CHUNK_FRAMES

Segments = Sequence[Sequence[float]]


class LeftOut(StrEnum):
    """Why a clip has no part in localisation."""

    NO_CURVE = "no_curve"  # this head could not score it
    NOT_COMMON = "not_common"  # another one could not
    LENGTH = "length"  # rows and truth differ by more than `TOLERANCE`
    NO_FAKE_ROW = "no_fake_row"
    ALL_FAKE = "all_fake"


class Judged(NamedTuple):
    """A clip that can be judged."""

    values: np.ndarray  # (rows,) float32: larger = more fake
    truth: np.ndarray  # (rows,) bool: True = manipulated; both occur


def judge(
    values: np.ndarray, frames: int, segments: Segments, clock: RowClock
) -> Judged | LeftOut:
    """Set the curve of a clip beside its truth, by the published rule.

    Parameters
    ----------
    values : np.ndarray of shape (rows,), float32
        Curve of the clip.
    frames : int
        Frames of its video at 25 a second, from the time of row 0's first frame on.
    segments : sequence of (start_s, end_s)
        What is manipulated.
    clock : RowClock
        Times of the rows.

    Returns
    -------
    Judged or LeftOut
        Values and truth of equal length, or why there is none.
    """
    expected = expected_rows(frames, clock.rate_hz)
    if abs(len(values) - expected) > TOLERANCE:
        return LeftOut.LENGTH
    rows = min(len(values), expected)
    truth = fake_rows(segments, clock, rows)
    if not truth.any():
        return LeftOut.NO_FAKE_ROW
    if truth.all():
        return LeftOut.ALL_FAKE
    return Judged(values[:rows], truth)


def expected_rows(frames: int, rate_hz: float) -> int:
    """Rows of a clip of so many video frames, at least 0.

    Of VideoMAE, by the published rule, those of whole chunks, and one for less.
    """
    if rate_hz == _CHUNK_HZ:
        return max(frames // _CHUNK_FRAMES, 1) * _CHUNK_ROWS
    return max(RowClock(rate_hz).row_at(frames / VIDEO_FPS), 0)


def fake_rows(segments: Segments, clock: RowClock, rows: int) -> np.ndarray:
    """Mark the rows of some segments, first and last included.

    Times are cut to rows as published, so not by `RowClock.row_at`, which takes 1.16 s
    at 25 rows a second (28.999... in floating point) for row 29.

    Parameters
    ----------
    segments : sequence of (start_s, end_s)
    rows : int
        Length of the result.

    Returns
    -------
    np.ndarray of shape (rows,), bool
    """
    truth = np.zeros(rows, bool)
    before = round(clock.first_row_s * clock.rate_hz, 6)  # rows before row 0
    for times in segments:
        start, end = (math.floor(time_s * clock.rate_hz - before) for time_s in times)
        truth[max(start, 0) : max(end + 1, 0)] = True
    return truth


def joined(segments: Segments) -> np.ndarray:
    """Join segments that overlap or touch.

    Parameters
    ----------
    segments : sequence of (start_s, end_s)
        E.g. those of both streams.

    Returns
    -------
    np.ndarray of shape (joined, 2), float64
        In the order of time.
    """
    parts: list[list[float]] = []
    for start, end in sorted(map(tuple, segments)):
        if parts and start <= parts[-1][1]:
            parts[-1][1] = max(parts[-1][1], end)
        else:
            parts.append([start, end])
    return np.array(parts, np.float64).reshape(-1, 2)
