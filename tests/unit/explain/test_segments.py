import numpy as np
import pytest

from dfprobe.explain.temporal.segments import (
    Judged,
    LeftOut,
    expected_rows,
    fake_rows,
    joined,
    judge,
)
from dfprobe.rates import RowClock

VIDEO = RowClock(25.0)
VIDEOMAE = RowClock(12.5)


def marked(segments, clock, rows):
    return np.flatnonzero(fake_rows(segments, clock, rows)).tolist()


def test_the_last_frame_of_a_segment_is_fake():
    assert marked([[0.04, 0.12]], VIDEO, 10) == [1, 2, 3]


def test_times_are_cut_not_rounded():
    assert marked([[0.079, 0.119]], VIDEO, 10) == [1, 2]
    # 1.16 * 25 is 28.999... in floating point: published as frame 28.
    assert marked([[1.16, 1.16]], VIDEO, 40) == [28]


def test_rows_of_videomae_last_two_frames():
    # int(0.12 * 25 / 2) = 1, int(0.3 * 25 / 2) = 3
    assert marked([[0.12, 0.30]], VIDEOMAE, 8) == [1, 2, 3]


def test_rows_at_another_rate_and_start():
    assert marked([[0.10, 0.14]], RowClock(50.0), 10) == [5, 6, 7]
    assert marked([[0.10, 0.14]], RowClock(50.0, 0.06), 10) == [2, 3, 4]


def test_segments_are_cut_at_both_ends_of_the_rows():
    assert marked([[0.3, 9.0]], VIDEO, 10) == [7, 8, 9]
    late = RowClock(25.0, 0.4)
    assert marked([[0.0, 0.2]], late, 5) == []
    assert marked([[0.0, 0.44]], late, 5) == [0, 1]  # the last one is included


@pytest.mark.parametrize(
    ("frames", "rows"), [(15, 8), (16, 8), (31, 8), (32, 16), (100, 48)]
)
def test_videomae_has_rows_for_whole_chunks(frames, rows):
    assert expected_rows(frames, 12.5) == rows


def test_rows_follow_the_frames_at_other_rates():
    assert [expected_rows(60, rate) for rate in (25.0, 50.0, 100.0)] == [60, 120, 240]
    assert expected_rows(-3, 25.0) == 0


@pytest.mark.parametrize(("rows", "left"), [(58, 58), (60, 60), (62, 60)])
def test_curve_and_truth_are_cut_to_the_shorter(rows, left):
    judged = judge(np.arange(rows, dtype=np.float32), 60, [[0.4, 0.8]], VIDEO)
    assert isinstance(judged, Judged)
    assert len(judged.values) == len(judged.truth) == left
    assert np.flatnonzero(judged.truth).tolist() == list(range(10, 21))


@pytest.mark.parametrize("rows", [57, 63])
def test_a_clip_of_other_length_is_left_out(rows):
    assert judge(np.zeros(rows), 60, [[0.4, 0.8]], VIDEO) is LeftOut.LENGTH


def test_clips_without_two_kinds_of_rows_are_left_out():
    values = np.zeros(60)
    assert judge(values, 60, [], VIDEO) is LeftOut.NO_FAKE_ROW
    assert judge(values, 60, [[3.0, 3.2]], VIDEO) is LeftOut.NO_FAKE_ROW
    assert judge(values, 60, [[0.0, 2.4]], VIDEO) is LeftOut.ALL_FAKE


def test_segments_of_both_streams_are_joined():
    parts = [[1.0, 1.5], [0.2, 0.4], [1.0, 1.5], [1.4, 1.9], [0.4, 0.5]]
    assert joined(parts).tolist() == [[0.2, 0.5], [1.0, 1.9]]
    assert joined([]).shape == (0, 2)
