"""Two streams of one clip brought to one rate and length."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dfprobe.rates import RowClock


class Aligned(NamedTuple):
    """The rows of one clip in one or two streams, and their times."""

    rows: tuple[np.ndarray, ...]  # (rows, dim): one array per stream, of equal length
    clock: RowClock


def align(streams: Sequence[np.ndarray], clocks: Sequence[RowClock]) -> Aligned:
    """Pair the rows of two streams that begin at the same time.

    Streams of one clock are cut to the shorter one, from the end, as in the paper.
    Otherwise the rows of the slower stream (the first one if both are equally fast)
    are kept, each paired with the row of the faster one that covers its start: CLIP's
    row 2 j with VideoMAE's row j. No row is averaged or made up. Rows of the slower
    stream that begin before or after all of the other are cut.

    Parameters
    ----------
    streams : sequence of np.ndarray of shape (rows, dim)
        One, which is given back as it is, or two.
    clocks : sequence of RowClock
        Times of the rows of each.

    Returns
    -------
    Aligned
        Rows in their own types; views for streams of one clock. No row where the
        streams have no time in common.
    """
    if len(streams) == 1:
        return Aligned((streams[0],), clocks[0])
    (first, second), (first_clock, second_clock) = streams, clocks
    if first_clock == second_clock:
        rows = min(len(first), len(second))
        return Aligned((first[:rows], second[:rows]), first_clock)
    if first_clock.rate_hz <= second_clock.rate_hz:
        return _paired(first, second, first_clock, second_clock)
    (second, first), clock = _paired(second, first, second_clock, first_clock)
    return Aligned((first, second), clock)


def _paired(
    slow: np.ndarray, fast: np.ndarray, slow_clock: RowClock, fast_clock: RowClock
) -> Aligned:
    starts = (slow_clock.start_s(row) for row in range(len(slow)))
    partners = np.array([fast_clock.row_at(start) for start in starts], np.int64)
    covered = (partners >= 0) & (partners < len(fast))  # without a gap: both ascend
    clock = slow_clock.since(int(covered.argmax()) if covered.any() else 0)
    return Aligned((slow[covered], fast[partners[covered]]), clock)


def unit_rows(*streams: np.ndarray) -> np.ndarray:
    """Divide rows by their L2 norm, in float32: squares of float16 values overflow.

    Parameters
    ----------
    *streams : np.ndarray of shape (rows, dim), float16 or float32
        Each is normalised by itself.

    Returns
    -------
    np.ndarray of shape (rows, sum of dims), float32
        The streams side by side; NaN where a row of one is all zero or not finite.
    """
    parts = []
    for rows in streams:
        wide = rows.astype(np.float32)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            parts.append(wide / np.linalg.norm(wide, axis=1, keepdims=True))
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
