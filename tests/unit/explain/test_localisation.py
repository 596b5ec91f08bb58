"""Localisation on clips whose manipulated second is planted, and metrics by hand."""

import numpy as np
import polars as pl
import pytest

from dfprobe.evaluation.statistics import binned_intervals
from dfprobe.evaluation.statistics.binned_intervals import (
    mean_interval,
    pooled_interval,
)
from dfprobe.evaluation.statistics.bootstrap import cluster_interval
from dfprobe.evaluation.statistics.metrics import agreeing_interval
from dfprobe.explain.temporal.curves import TimedCurve
from dfprobe.explain.temporal.localisation import localise
from dfprobe.explain.temporal.proposals import (
    Found,
    Proposals,
    average_precision_at,
    average_recall,
    overlaps,
    propose,
)
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.rates import RowClock

CLOCK = RowClock(25.0)
FRAMES, DIM = 75, 16


def planted(rng, start=None):
    """Features in which the second that begins at a frame lies in direction 0."""
    rows = rng.standard_normal((FRAMES, DIM)).astype(np.float32)
    rows[:, 0] = 0.0
    if start is not None:
        rows[start : start + 25, 0] = 8.0
    return rows


def probe(sign):
    weights = np.zeros(DIM + 1, np.float32)
    weights[0] = 4.0 * sign
    return LinearProbe(weights, {})


def clips_of(fakes, reals=2):
    """Manifest rows; a fake is (audio_fake, video_fake, audio and video segments)."""
    rows = [(1, *fake, FRAMES) for fake in fakes]
    rows += [(0, False, False, [], [], FRAMES)] * reals
    segments = pl.List(pl.List(pl.Float64))
    schema = {
        "label": pl.Int8,
        **dict.fromkeys(("audio_fake", "video_fake"), pl.Boolean),
        **dict.fromkeys(("audio_fake_segments", "video_fake_segments"), segments),
        "frames": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def second(start):
    """Segment of the second that begins at a frame, whose last frame is included."""
    return [[start / 25, (start + 24.5) / 25]]


def timed(curves):
    return [None if c is None else TimedCurve(np.float32(c), CLOCK) for c in curves]


def by_subset(clips, curves, common=None):
    common = np.ones(clips.height, bool) if common is None else np.array(common)
    return {row["subset"]: row for row in localise(clips, common, curves)}


@pytest.fixture
def known():
    """Four fakes of both streams with a planted second, and two reals."""
    rng = np.random.default_rng(0)
    starts = (5, 20, 31, 48)
    clips = clips_of([(True, True, second(s), second(s)) for s in starts])
    return clips, [planted(rng, start) for start in (*starts, None, None)]


def test_the_planted_second_is_found(known):
    clips, features = known
    curves = timed(probe(1).curve(rows) for rows in features)
    row = by_subset(clips, curves)["both"]
    assert row["clips"] == 4
    assert row["auc_clip_mean"] == row["auc_pooled"] == row["ap_pooled"] == 1.0
    assert row["fake_row_share"] == pytest.approx(1 / 3)
    assert row["ap_iou_050"] == row["ap_iou_095"] == row["ar_05"] == 1.0


def test_the_opposite_sign_finds_everything_else(known):
    clips, features = known
    curves = timed(probe(-1).curve(rows) for rows in features)
    row = by_subset(clips, curves)["both"]
    assert row["auc_clip_mean"] == row["auc_pooled"] == 0.0
    assert row["ap_iou_050"] == row["ar_50"] == 0.0
    assert row["ap_pooled"] < row["fake_row_share"]


def test_what_is_proposed_in_a_real_clip_is_a_false_alarm(known):
    clips, features = known
    values = [probe(1).curve(rows) for rows in features]
    values[-1][30:50] += 20.0
    row = by_subset(clips, timed(values))["both"]
    assert row["ar_05"] == 1.0
    assert 0.5 < row["ap_iou_050"] < 1.0


def test_each_subset_has_the_segments_of_its_own_stream():
    rng = np.random.default_rng(1)
    here, there = second(10), second(45)
    clips = clips_of(
        [
            (True, False, here, there),  # the untouched stream's list does not count
            (False, True, there, here),
            (True, True, here, there),
        ]
    )
    features = [planted(rng, 10) for _ in range(3)] + [planted(rng) for _ in range(2)]
    rows = by_subset(clips, timed(probe(1).curve(f) for f in features))
    assert rows["audio_only"]["auc_clip_mean"] == 1.0
    assert rows["video_only"]["auc_clip_mean"] == 1.0
    assert rows["both"]["fake_row_share"] == pytest.approx(2 / 3)
    assert [row["clips"] for row in rows.values()] == [1, 1, 1]


def test_clips_that_are_left_out_keep_their_count():
    both = (True, True)
    clips = clips_of(
        [
            (*both, second(5), second(5)),
            (*both, second(5), second(5)),  # no curve
            (*both, second(5), second(5)),  # another head has none
            (*both, second(5), second(5)),  # three rows short
            (*both, [], []),
            (*both, [[0.0, 3.0]], [[0.0, 3.0]]),
        ]
    )
    curve = probe(1).curve(planted(np.random.default_rng(2), 5))
    curves = timed([curve, None, curve, curve[:-3], curve, curve, curve, curve])
    row = by_subset(clips, curves, [1, 0, 0, 1, 1, 1, 1, 1])["both"]
    assert row["clips"] == 1
    reasons = ("no_curve", "not_common", "length", "no_fake_row", "all_fake")
    assert [row[f"left_out_{reason}"] for reason in reasons] == [1] * 5


def test_a_corpus_without_such_fakes_has_empty_numbers():
    rows = by_subset(clips_of([]), timed([np.zeros(FRAMES)] * 2))
    assert [row["clips"] for row in rows.values()] == [0, 0, 0]
    assert rows["both"]["auc_clip_mean"] is rows["both"]["ap_iou_050"] is None


def test_rows_of_a_trimmed_clip_keep_their_times(known):
    clips, features = known
    cut = 3
    curves = [
        TimedCurve(np.float32(probe(1).curve(rows[cut:])), RowClock(25.0, cut / 25))
        for rows in features
    ]
    row = by_subset(clips, curves)["both"]
    assert (row["clips"], row["auc_clip_mean"], row["ap_iou_095"]) == (4, 1.0, 1.0)


def test_the_mean_is_over_clips_and_the_pooled_area_over_rows():
    clips = clips_of([(True, True, second(0), second(0))] * 2, reals=0)
    right, wrong = np.zeros(FRAMES), np.zeros(FRAMES)
    right[:25], wrong[25:] = 1.0, 3.0
    row = by_subset(clips, timed([right, wrong]))["both"]
    assert row["auc_clip_mean"] == 0.5
    # Fake rows: 25 at 1 and 25 at 0; others: 50 at 0 and 50 at 3.
    assert row["auc_pooled"] == pytest.approx((25 * 50 + 25 * 25) / (50 * 100))


def test_interval_of_a_mean():
    low, high = mean_interval(np.array([0.4, 0.5, 0.6, 0.7, 0.8]))
    assert 0.4 < low < 0.6 < high < 0.8
    assert mean_interval(np.array([1.0, 1.0])) == agreeing_interval(1.0, 2)
    assert mean_interval(np.array([0.7])) is None


def test_pooled_interval_is_that_of_drawing_whole_clips():
    rng = np.random.default_rng(5)
    truth = np.tile([0, 0, 1, 1, 0], (30, 4))  # (clips, rows)
    values = rng.standard_normal(truth.shape) + truth * rng.uniform(-1, 3, (30, 1))
    clips = np.repeat(np.arange(30), truth.shape[1])
    found = pooled_interval(truth.ravel(), values.ravel(), clips)
    expected = cluster_interval(truth.ravel(), values.ravel(), clips)
    np.testing.assert_allclose(found, expected, atol=0.01)
    alone = cluster_interval(truth.ravel(), values.ravel(), np.arange(truth.size))
    assert found.high - found.low > 1.3 * (alone.high - alone.low)


def test_pooled_interval_where_all_draws_agree():
    truth, clips = np.array([0, 1] * 4), np.repeat(np.arange(4), 2)
    found = pooled_interval(truth, truth * 2.0, clips)
    assert found == agreeing_interval(1.0, 4)
    assert pooled_interval(truth, truth * 2.0, np.zeros(8, int)) is None


def test_intervals_do_not_depend_on_how_many_draws_are_in_memory(monkeypatch):
    rng = np.random.default_rng(6)
    truth = np.tile([0, 1, 1, 0], 12)
    values = rng.standard_normal(truth.size) + truth
    clips = np.repeat(np.arange(12), 4)
    whole = pooled_interval(truth, values, clips), mean_interval(values[:12])
    monkeypatch.setattr(
        binned_intervals, "_AT_A_TIME", 12 * 700
    )  # 700, 700 and 600 draws
    parts = pooled_interval(truth, values, clips), mean_interval(values[:12])
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_overlap_of_two_spans():
    first = np.array([[0.0, 2.0], [5.0, 6.0], [3.0, 3.0]])
    second_ = np.array([[1.0, 4.0], [3.0, 3.0]])
    expected = [[1 / 4, 0.0], [0.0, 0.0], [0.0, 0.0]]
    np.testing.assert_allclose(overlaps(first, second_), expected)


def found(proposals, segments):
    spans = np.array([span for _, *span in proposals], float).reshape(-1, 2)
    confidence = np.array([first for first, *_ in proposals], float)
    parts = np.array(segments, float).reshape(-1, 2)
    return Found(Proposals(spans, confidence), parts)


def test_average_precision_by_hand():
    clips = [
        found([(0.9, 0, 10), (0.5, 20, 30), (0.4, 20, 31)], [[0, 10], [20, 30]]),
        found([(0.7, 0, 5)], []),  # a real clip
        found([(0.6, 0, 4)], [[0, 10]]),
    ]
    # Of three segments: right, wrong (real), wrong (0.4), right, wrong (taken already).
    # Precision 1 up to recall 1/3, 2/4 up to 2/3.
    assert average_precision_at(clips, 0.5) == pytest.approx((1 + 0.5) / 3)
    assert average_precision_at([clips[1]], 0.5) is None


def test_a_proposal_must_overlap_by_more_than_the_bound():
    clips = [found([(0.9, 0, 5)], [[0, 10]])]
    assert average_precision_at(clips, 0.5) == 0.0
    assert average_precision_at(clips, 0.49) == 1.0


def test_average_recall_by_hand():
    # Overlap 0.72 is above 0.5, 0.55, ..., 0.7: five of ten bounds; 1.0 above all.
    clips = [found([(0.9, 0, 7.2), (0.8, 0, 10)], [[0, 10]]), found([], [[3, 4]])]
    assert average_recall(clips, 1) == pytest.approx((5 + 0) / 20)
    assert average_recall(clips, 2) == pytest.approx((10 + 0) / 20)
    assert average_recall([found([(1.0, 0, 2)], [])], 5) is None


def test_proposals_are_the_runs_above_thresholds_the_clearest_first():
    values = np.zeros(100, np.float32)
    values[20:30], values[60:62] = 2.0, 1.0
    best = propose(values)
    assert best.spans[0].tolist() == [20, 30]
    assert [60, 62] in best.spans.tolist()
    assert (np.diff(best.confidence) <= 0).all()
    # (2 - 2 / 90) * sqrt(10 * 90 / 100)
    assert best.confidence[0] == pytest.approx((2 - 2 / 90) * 3)


def test_a_constant_curve_proposes_nothing():
    assert len(propose(np.full(50, 1.5, np.float32)).spans) == 0
    assert len(propose(np.float32([0.3])).spans) == 0


def test_no_two_proposals_are_nearly_the_same():
    values = np.random.default_rng(4).standard_normal(200).astype(np.float32).cumsum()
    spans = propose(values).spans
    assert 2 < len(spans) <= 50
    same = overlaps(spans, spans)
    np.fill_diagonal(same, 0.0)
    assert same.max() <= 0.8
