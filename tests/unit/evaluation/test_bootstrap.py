"""The interval by groups against repeated clips, and against what it promises."""

import numpy as np
import pytest

from dfprobe.evaluation.statistics import bootstrap
from dfprobe.evaluation.statistics.bootstrap import cluster_interval
from dfprobe.evaluation.statistics.metrics import TAIL, auc, auc_interval


def draw(rng, groups, clips, effect, shift):
    """Groups of reals only and of fakes only, whose clips share an effect."""
    clusters = np.arange(groups).repeat(clips)
    labels = clusters % 2
    scores = shift * labels + effect * rng.standard_normal(groups)[clusters]
    return labels, scores + rng.standard_normal(labels.size), clusters


def test_every_draw_is_the_auc_of_repeated_clips():
    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 9, 60)
    labels = rng.integers(0, 2, 60)
    scores = np.round(rng.standard_normal(60) + labels, 1)  # with ties
    areas = np.concatenate(list(bootstrap._areas(labels, scores, clusters)))
    for times, area in zip(bootstrap._draws(9)[:50], areas[:50], strict=True):
        repeated = np.arange(60).repeat(times[clusters])
        expected = auc(labels[repeated], scores[repeated])
        assert area == pytest.approx(expected, abs=1e-12)


def test_the_interval_holds_the_middle_of_the_draws():
    labels, scores, clusters = draw(np.random.default_rng(1), 12, 4, 1.0, 1.0)
    areas = np.concatenate(list(bootstrap._areas(labels, scores, clusters)))
    areas = areas[np.isfinite(areas)]
    low, high = cluster_interval(labels, scores, clusters)
    assert np.mean(areas < low) == pytest.approx(TAIL, abs=0.01)
    assert np.mean(areas > high) == pytest.approx(TAIL, abs=0.01)
    assert len(areas) > 0.99 * bootstrap.DRAWS


def test_it_covers_the_truth_where_the_interval_by_clips_does_not():
    rng = np.random.default_rng(2)
    truth = 0.8555778168267576  # of normal classes whose means differ by 1.5
    by_groups, by_clips = [], []
    for _ in range(150):
        # Half of the variance of a score is that of its group.
        labels, scores, clusters = draw(rng, 40, 6, 1.0, 1.5 * np.sqrt(2))
        for covered, interval in (
            (by_groups, cluster_interval(labels, scores, clusters)),
            (by_clips, auc_interval(labels, scores)),
        ):
            covered.append(interval.low <= truth <= interval.high)
    assert 0.88 <= np.mean(by_groups) <= 0.99
    assert np.mean(by_clips) < 0.8


def test_clips_that_are_groups_of_their_own_give_the_interval_by_clips():
    rng = np.random.default_rng(3)
    labels, scores, _ = draw(rng, 300, 1, 0.0, 1.0)
    by_groups = cluster_interval(labels, scores, np.arange(300))
    assert by_groups == pytest.approx(auc_interval(labels, scores), abs=0.01)


def test_numbers_of_groups_have_gaps_and_equal_input_gives_equal_output():
    labels, scores, clusters = draw(np.random.default_rng(4), 10, 5, 1.0, 1.0)
    expected = cluster_interval(labels, scores, clusters)
    assert cluster_interval(labels, scores, 7 * clusters + 3) == expected


def test_without_spread_the_groups_that_agree_bound_the_chance_that_one_does_not():
    labels = np.array([0, 1] * 5)
    clusters = np.arange(5).repeat(2)
    agreeing = TAIL ** (1 / 5)
    interval = cluster_interval(labels, labels.astype(float), clusters)
    assert interval == pytest.approx((agreeing, 1.0))


@pytest.mark.parametrize("clusters", [[0, 0, 0, 0], [0, 0, 1, 1]])
def test_a_single_comparison_of_groups_has_no_interval(clusters):
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.0, 2.0, 1.0, 3.0])
    assert cluster_interval(labels, scores, np.array(clusters)) is None
