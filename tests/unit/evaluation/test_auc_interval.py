"""DeLong's interval against the direct formula, a bootstrap, and its promise."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from dfprobe.evaluation.statistics.metrics import (
    auc,
    auc_interval,
    average_precision,
    delong_variance,
    equal_error_rate,
    placements,
)


def outcomes(labels, scores):
    """Outcome of every fake-real pair: 1 won, 0.5 tied, 0 lost; (fakes, reals)."""
    fakes, reals = scores[labels == 1], scores[labels == 0]
    difference = fakes[:, None] - reals[None, :]
    return (np.sign(difference) + 1) / 2


def draw(rng, fakes, reals, shift, decimals=1):
    labels = np.r_[np.ones(fakes, int), np.zeros(reals, int)]
    scores = rng.standard_normal(labels.size) + shift * labels
    return labels, np.round(scores, decimals)


@pytest.mark.parametrize("seed", range(5))
def test_variance_equals_the_direct_formula(seed):
    labels, scores = draw(np.random.default_rng(seed), 23, 11, 0.7)
    wins = outcomes(labels, scores)
    direct = wins.mean(1).var(ddof=1) / 23 + wins.mean(0).var(ddof=1) / 11
    assert delong_variance(*placements(labels, scores)) == pytest.approx(
        direct, rel=1e-12
    )
    assert auc(labels, scores) == pytest.approx(wins.mean())


def test_variance_agrees_with_a_bootstrap():
    rng = np.random.default_rng(0)
    labels, scores = draw(rng, 150, 120, 1.0)
    wins = outcomes(labels, scores)
    areas = [
        wins[np.ix_(rng.integers(0, 150, 150), rng.integers(0, 120, 120))].mean()
        for _ in range(2000)
    ]
    expected = np.std(areas)
    assert np.sqrt(delong_variance(*placements(labels, scores))) == pytest.approx(
        expected, rel=0.08
    )


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    truth = 0.8555778168267576  # of normal classes whose means differ by 1.5
    intervals = [auc_interval(*draw(rng, 40, 40, 1.5, decimals=9)) for _ in range(600)]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    assert 0.92 <= covered <= 0.98


def test_interval_stays_inside_and_around_the_auc():
    rng = np.random.default_rng(2)
    for shift in (-3.0, 0.0, 2.0, 3.0):
        labels, scores = draw(rng, 12, 9, shift)
        low, high = auc_interval(labels, scores)
        assert 0.0 <= low <= auc(labels, scores) <= high <= 1.0
        assert low < high


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0, 0, 0, 1, 1, 1, 1], lambda q: (q, 1.0)),  # every pair won
        ([1, 1, 1, 0, 0, 0, 0], lambda q: (0.0, 1 - q)),  # every pair lost
        ([5, 5, 5, 5, 5, 5, 5], lambda q: (q / 2, 1 - q / 2)),  # every pair tied
    ],
)
def test_without_variance_the_bound_is_exact(scores, expected):
    labels = np.array([0, 0, 0, 1, 1, 1, 1])
    agreeing = 0.025 ** (1 / 3)
    interval = auc_interval(labels, np.array(scores, float))
    assert interval == pytest.approx(expected(agreeing))


def test_bound_tightens_with_the_number_of_clips():
    lows = []
    for count in (5, 50, 500):
        labels = np.r_[np.zeros(count, int), np.ones(count, int)]
        lows.append(auc_interval(labels, labels.astype(float)).low)
    assert lows[0] < lows[1] < lows[2]
    assert lows[2] == pytest.approx(0.9926, abs=1e-4)  # 0.025 ** (1 / 500)


def test_auc_of_one_half_with_spread_is_not_degenerate():
    labels = np.array([0, 0, 1, 1])
    low, high = auc_interval(labels, np.array([0.0, 3.0, 1.0, 2.0]))
    assert low < 0.5 < high


def test_single_clip_of_a_class_has_no_interval():
    assert auc_interval(np.array([0, 1, 1]), np.array([0.0, 1.0, 2.0])) is None


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 0.0),
        ([0, 1, 2, 5, 4, 3, 6, 7], 0.25),  # one of four on each side is wrong
        ([1, 1, 1, 1, 1, 1, 1, 1], 0.5),  # all tied: half way along the diagonal
        ([4, 5, 6, 7, 0, 1, 2, 3], 1.0),
    ],
)
def test_equal_error_rate(scores, expected):
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    value = equal_error_rate(labels, np.array(scores, float))
    assert value == pytest.approx(expected)


def test_equal_error_rate_between_two_points_of_the_curve():
    # Points (0, 1/3) and (1/2, 1/3) ... (1/2, 1): misses 2/3 meet the diagonal at 1/2.
    labels = np.array([0, 0, 1, 1, 1])
    value = equal_error_rate(labels, np.array([0.0, 2.0, 1.0, 1.0, 3.0]))
    assert value == pytest.approx(0.5)


@pytest.mark.parametrize("seed", range(4))
def test_metrics_equal_those_of_scikit_learn(seed):
    labels, scores = draw(np.random.default_rng(seed), 31, 17, 0.5)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    expected = average_precision_score(labels, scores)
    assert average_precision(labels, scores) == pytest.approx(expected)
    false_alarms, hits, _ = roc_curve(labels, scores, drop_intermediate=False)
    grid = np.linspace(0, 1, 20_001)
    misses = 1 - np.interp(grid, false_alarms, hits)  # upper end of a vertical step
    crossing = grid[np.argmin(np.abs(misses - grid))]
    assert equal_error_rate(labels, scores) == pytest.approx(crossing, abs=1e-3)
