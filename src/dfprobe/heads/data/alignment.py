"""Two streams of one clip brought to one rate and length."""

import numpy as np

from dfprobe.heads.data.clips import StoreSet
from dfprobe.rates import RowClock

Timing = tuple[float, float]  # rate_hz, first_row_s: see `dfprobe.rates.RowClock`


def align(
    first: np.ndarray,
    second: np.ndarray,
    first_timing: Timing,
    second_timing: Timing,
) -> tuple[np.ndarray, np.ndarray]:
    """Pair the rows of two streams that begin at the same time.

    Streams of one timing are cut to the shorter one, from the end, as in the paper.
    Otherwise the rows of the slower stream (the first one if both are equally fast)
    are kept, each beside that row of the other whose span holds its start: CLIP's row
    2 j beside VideoMAE's row j. No row is averaged or made up. Rows of the slower
    stream that begin before or after all of the other are cut.

    Parameters
    ----------
    first : np.ndarray of shape (first_rows, first_dim)
    second : np.ndarray of shape (second_rows, second_dim)
    first_timing, second_timing : tuple of float
        ``rate_hz``, ``first_row_s`` of each: rows a second, start of row 0 in seconds.

    Returns
    -------
    first : np.ndarray of shape (rows, first_dim)
    second : np.ndarray of shape (rows, second_dim)
        In their own types; views for streams of one timing. No row where the streams
        have no time in common.
    """
    if first_timing == second_timing:
        rows = min(len(first), len(second))
        return first[:rows], second[:rows]
    first_clock, second_clock = RowClock(*first_timing), RowClock(*second_timing)
    if first_clock.rate_hz <= second_clock.rate_hz:
        return _beside(first, second, first_clock, second_clock)
    second, first = _beside(second, first, second_clock, first_clock)
    return first, second


def _beside(
    slow: np.ndarray, fast: np.ndarray, slow_clock: RowClock, fast_clock: RowClock
) -> tuple[np.ndarray, np.ndarray]:
    starts = (slow_clock.start_s(row) for row in range(len(slow)))
    partners = np.array([fast_clock.row_at(start) for start in starts], np.int64)
    covered = (partners >= 0) & (partners < len(fast))
    return slow[covered], fast[partners[covered]]


def timing(stores: StoreSet) -> Timing:
    """Rate and start of the rows of some stores."""
    return stores.attributes["rate_hz"], stores.attributes["first_row_s"]


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
