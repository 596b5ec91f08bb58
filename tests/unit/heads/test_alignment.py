import numpy as np
import pytest

from dfprobe.heads.data.alignment import align
from dfprobe.rates import RowClock


def paired(first, second, first_timing, second_timing):
    """Rows of two streams that begin at the same time."""
    clocks = [RowClock(*timing) for timing in (first_timing, second_timing)]
    return align([first, second], clocks).rows


def clock_of(rows, *timings):
    """Times of the paired rows of two streams."""
    clocks = [RowClock(*timing) for timing in timings]
    return align([numbered(count) for count in rows], clocks).clock


def numbered(count, dim=3, dtype=np.float16):
    """Rows whose first value is their number."""
    rows = np.zeros((count, dim), dtype)
    rows[:, 0] = np.arange(count)
    return rows


def numbers(rows):
    return rows[:, 0].astype(int).tolist()


def test_streams_of_one_timing_are_cut_to_the_shorter_without_a_copy():
    first, second = numbered(7), numbered(5, dim=2)
    a, b = paired(first, second, (25.0, 0.02), (25.0, 0.02))
    assert (a.shape, b.shape) == ((5, 3), (5, 2))
    assert np.shares_memory(a, first)
    assert np.shares_memory(b, second)
    b, a = paired(second, first, (25.0, 0.02), (25.0, 0.02))
    assert numbers(a) == numbers(b) == [0, 1, 2, 3, 4]


def test_each_row_of_the_slower_stream_meets_the_row_that_begins_with_it():
    """CLIP at 25 rows a second beside VideoMAE at 12.5."""
    fast, slow = numbered(16), numbered(8, dim=2, dtype=np.float32)
    a, b = paired(fast, slow, (25.0, 0.0), (12.5, 0.0))
    assert numbers(a) == [0, 2, 4, 6, 8, 10, 12, 14]
    assert numbers(b) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert (a.dtype, b.dtype) == (np.float16, np.float32)


def test_the_order_of_the_streams_is_kept():
    fast, slow = numbered(10, dim=3), numbered(5, dim=2)
    b, a = paired(slow, fast, (12.5, 0.0), (25.0, 0.0))
    assert (a.shape, b.shape) == ((5, 3), (5, 2))
    assert numbers(a) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(("fast_rows", "pairs"), [(7, 4), (8, 4), (9, 5), (40, 6)])
def test_what_only_one_stream_covers_is_cut(fast_rows, pairs):
    a, b = paired(numbered(fast_rows), numbered(6), (25.0, 0.0), (12.5, 0.0))
    assert numbers(b) == list(range(pairs))
    assert numbers(a) == list(range(0, 2 * pairs, 2))


def test_rates_without_a_whole_ratio_stay_in_step_over_a_long_clip():
    fast, slow = np.arange(4000)[:, None], np.arange(2500)[:, None]
    a, b = paired(fast, slow, (30.0, 0.0), (25.0, 0.0))
    assert len(b) == 2500
    ahead_s = b[:, 0] / 25 - a[:, 0] / 30
    assert ahead_s.min() > -1e-6
    assert ahead_s.max() < 1 / 30


def test_a_stream_that_begins_later_meets_the_rows_of_its_time():
    a, b = paired(numbered(10), numbered(10), (25.0, 0.0), (25.0, 0.08))
    assert numbers(a) == [2, 3, 4, 5, 6, 7, 8, 9]
    assert numbers(b) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_of_two_equally_fast_streams_the_first_gives_the_moments():
    a, b = paired(numbered(10), numbered(10), (25.0, 0.0), (25.0, 0.02))
    assert numbers(a) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert numbers(b) == [0, 1, 2, 3, 4, 5, 6, 7, 8]


def test_streams_without_common_time_have_no_rows():
    a, b = paired(numbered(10), numbered(5, dim=2), (25.0, 0.0), (12.5, 9.0))
    assert (a.shape, b.shape) == ((0, 3), (0, 2))


def test_one_stream_is_given_back_with_its_clock():
    rows, clock = numbered(4), RowClock(50.0, 0.12)
    aligned = align([rows], [clock])
    assert aligned.rows[0] is rows
    assert aligned.clock == clock


def test_the_clock_is_that_of_the_paired_rows():
    assert clock_of((7, 5), (25.0, 0.02), (25.0, 0.02)) == RowClock(25.0, 0.02)
    assert clock_of((16, 8), (25.0, 0.0), (12.5, 0.0)) == RowClock(12.5, 0.0)
    assert clock_of((8, 16), (12.5, 0.0), (25.0, 0.0)) == RowClock(12.5, 0.0)
    # Rows of the slower stream (the first of equally fast ones) that begin before the
    # other stream are cut, and so is their time.
    assert clock_of((10, 10), (25.0, 0.0), (25.0, 0.08)) == RowClock(25.0, 0.08)
    assert clock_of((10, 10), (25.0, 0.08), (25.0, 0.0)) == RowClock(25.0, 0.08)
    assert clock_of((10, 20), (25.0, 0.0), (50.0, 0.08)) == RowClock(25.0, 0.08)
    assert clock_of((20, 10), (50.0, 0.08), (25.0, 0.0)) == RowClock(25.0, 0.08)
    assert clock_of((9, 9), (12.5, 0.0), (25.0, 0.1)) == RowClock(12.5, 0.16)
