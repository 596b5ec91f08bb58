import pytest
import torch

from dfprobe.encoders.windows import TimeAxis, cut_into_windows, windows


@pytest.mark.parametrize("rows", [1, 2, 9, 10])
def test_up_to_the_limit_there_is_one_window(rows):
    (window,) = windows(rows, 10, 4)
    assert (window.start, window.stop, window.keep) == (0, rows, slice(0, rows))


def test_without_a_limit_there_is_one_window():
    (window,) = windows(10**6, None, 0)
    assert window.keep == slice(0, 10**6)


@pytest.mark.parametrize("length, overlap", [(10, 4), (10, 0), (10, 9), (2, 1), (1, 0)])
@pytest.mark.parametrize("rows", [11, 12, 16, 17, 100, 1001])
def test_every_row_is_kept_exactly_once(rows, length, overlap):
    spans = windows(rows, length, overlap)
    assert all(span.stop - span.start == length for span in spans)
    kept = [
        span.start + row
        for span in spans
        for row in range(span.stop - span.start)[span.keep]
    ]
    assert kept == list(range(rows))


def test_neighbours_part_in_the_middle_of_what_they_share():
    first, second, third = windows(22, 10, 4)
    assert (second.start, third.start) == (6, 12)
    assert [first.keep_to, second.keep_to] == [8, 14]


def test_the_last_window_ends_with_the_clip():
    assert windows(23, 10, 4)[-1].start == 13


def test_a_time_axis_counts_and_cuts_rows():
    axis = TimeAxis(axis=1, step=640, span=720, least=400)  # 20 ms steps in pairs
    assert [axis.rows(torch.empty(1, n)) for n in (400, 1039, 1040, 6400)] == [
        *(1, 1, 2, 10)
    ]
    samples = torch.arange(6500)[None]
    assert axis.cut(samples, 2, 5)[0, [0, -1]].tolist() == [1280, 4 * 640 + 720 - 1]
    assert axis.cut(samples, 8, 10)[0, [0, -1]].tolist() == [5120, 6499]


def test_tensors_are_cut_at_the_same_rows():
    tensors = {"audio": torch.arange(7 * 4)[None], "video": torch.arange(7)[None, None]}
    axes = {"audio": TimeAxis(1, 4, 4, 4), "video": TimeAxis(2)}
    parts = list(cut_into_windows(tensors, axes, length=4, overlap=2))
    assert [part.rows for part in parts] == [4, 4, 4]
    for part in parts:
        first = part.tensors["video"][0, 0, 0]
        assert part.tensors["audio"][0, 0] == 4 * first
        assert part.tensors["audio"].shape == (1, 16)
    kept = [part.tensors["video"][0, 0, part.keep] for part in parts]
    assert torch.cat(kept).tolist() == list(range(7))
    assert {part.note for part in parts} == {"encoded in 3 windows of 4 rows"}
