"""The paired test against its direct formula, a bootstrap, and its promise."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm

from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.evaluation.statistics.paired import compare, holm
from dfprobe.evaluation.tables.pairs import PAIR_SCHEMA, pair_rows


def wins(labels, scores):
    """Outcome of every fake-real pair: 1 won, 0.5 tied, 0 lost; (fakes, reals)."""
    difference = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return (np.sign(difference) + 1) / 2


def draw(rng, fakes, reals, shifts, decimals=1):
    """Scores of encoders that share half of their variance."""
    labels = np.r_[np.ones(fakes, int), np.zeros(reals, int)]
    shared = rng.standard_normal(labels.size)
    own = rng.standard_normal((len(shifts), labels.size))
    scores = (shared + own) / np.sqrt(2) + np.outer(shifts, labels)
    return labels, np.round(scores, decimals)


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_the_direct_formula(seed):
    labels, scores = draw(np.random.default_rng(seed), 17, 12, [0.5, 1.0, 1.5])
    found = compare(labels, scores)
    for row, (a, b) in enumerate(combinations(range(3), 2)):
        assert (found.first[row], found.second[row]) == (a, b)
        # Covariances between all pairs of placements, term by term.
        outcome = wins(labels, scores[a]) - wins(labels, scores[b])
        fakes, reals = outcome.mean(1), outcome.mean(0)
        variance = sum((v - outcome.mean()) ** 2 for v in fakes) / (16 * 17)
        variance += sum((v - outcome.mean()) ** 2 for v in reals) / (11 * 12)
        difference = auc(labels, scores[a]) - auc(labels, scores[b])
        assert found.difference[row] == pytest.approx(difference, abs=1e-12)
        margin = 1.959963984540054 * np.sqrt(variance)
        assert found.low[row] == pytest.approx(difference - margin)
        assert found.high[row] == pytest.approx(difference + margin)
        p = 2 * (1 - norm.cdf(abs(difference) / np.sqrt(variance)))
        assert found.p[row] == pytest.approx(p)


def test_its_spread_agrees_with_a_bootstrap_of_the_clips():
    rng = np.random.default_rng(3)
    labels, scores = draw(rng, 100, 90, [0.5, 1.0])
    outcome = wins(labels, scores[0]) - wins(labels, scores[1])
    differences = [
        outcome[np.ix_(rng.integers(0, 100, 100), rng.integers(0, 90, 90))].mean()
        for _ in range(1500)
    ]
    found = compare(labels, scores)
    half_width = (found.high[0] - found.low[0]) / 2
    assert half_width == pytest.approx(1.96 * np.std(differences), rel=0.08)


def test_equal_encoders_are_told_apart_as_rarely_as_it_says():
    rng = np.random.default_rng(4)
    runs = [compare(*draw(rng, 40, 40, [1.0, 1.0], 9)).p[0] for _ in range(600)]
    assert 0.025 <= np.mean(np.array(runs) < 0.05) <= 0.075


def test_the_order_of_two_encoders_changes_the_sign_only():
    labels, scores = draw(np.random.default_rng(5), 20, 20, [0.5, 1.5])
    one, two = compare(labels, scores), compare(labels, scores[::-1])
    assert one.difference[0] == -two.difference[0] < 0
    assert (one.low[0], one.high[0]) == pytest.approx((-two.high[0], -two.low[0]))
    assert one.p[0] == two.p[0]


def test_encoders_that_rank_alike_do_not_differ():
    labels, scores = draw(np.random.default_rng(6), 10, 10, [1.0])
    found = compare(labels, np.concatenate([scores, 3 * scores - 1]))
    assert found.difference[0] == 0 and found.p[0] == 1
    assert np.isnan(found.low[0]) and np.isnan(found.high[0])


def test_a_difference_without_any_spread_has_no_p():
    labels = np.array([0, 0, 0, 1, 1, 1])
    found = compare(labels, np.stack([labels, -labels]).astype(float))
    assert found.difference[0] == 1 and np.isnan(found.p[0])


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02, np.nan, 0.03], [0.04, np.nan, 0.04]),
        ([], []),
    ],
)
def test_holm(p, expected):
    np.testing.assert_allclose(holm(np.array(p, float)), expected)


def test_rows_name_both_encoders_and_their_areas():
    labels, scores = draw(np.random.default_rng(7), 9, 8, [0.0, 1.0, 2.0])
    named = dict(zip("abc", scores, strict=True))
    column = {"head": "linear", "train": "x", "test": "y"}
    rows = pair_rows(labels, named, column)
    assert [row["encoder_a"] + row["encoder_b"] for row in rows] == ["ab", "ac", "bc"]
    for row in rows:
        assert list(row) == list(PAIR_SCHEMA)
        assert (row["clips"], row["real"], row["fake"]) == (17, 8, 9)
        areas = [auc(labels, named[row[f"encoder_{k}"]]) for k in "ab"]
        assert [row["auc_a"], row["auc_b"]] == pytest.approx(areas)
        assert row["difference"] == pytest.approx(areas[0] - areas[1])
        assert row["p"] <= row["p_holm"] <= 1


def test_rows_stay_where_a_class_is_too_small():
    column = {"head": "linear", "train": "x", "test": "y"}
    scores = {"a": np.array([0.0, 1.0, 2.0]), "b": np.array([1.0, 0.0, 2.0])}
    (row,) = pair_rows(np.array([0, 1, 1]), scores, column)
    assert list(row) == list(PAIR_SCHEMA)
    assert row["real"] == 1
    assert [row[name] for name in ("auc_a", "difference", "p", "p_holm")] == [None] * 4
