"""What every metric of the registry must satisfy."""

import numpy as np
import pytest

from dfprobe.errors import DataError
from dfprobe.evaluation.statistics.metrics import METRICS, auc_interval

MEASURES = METRICS | {"interval": auc_interval}


@pytest.fixture(params=range(3))
def case(request):
    """Labels and scores with ties, imbalance and signal."""
    rng = np.random.default_rng(request.param)
    labels = (rng.random(60) < 0.7).astype(np.int64)
    scores = np.round(rng.standard_normal(60) + 0.8 * labels, 1)
    return labels, scores


@pytest.mark.parametrize("name", MEASURES)
def test_order_of_clips_does_not_matter(name, case):
    labels, scores = case
    shuffled = np.random.default_rng(9).permutation(labels.size)
    expected = MEASURES[name](labels, scores)
    value = MEASURES[name](labels[shuffled], scores[shuffled])
    assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_only_the_ranking_counts(name, case):
    labels, scores = case
    expected = MEASURES[name](labels, scores)
    for monotone in (lambda x: 7 * x - 3, np.exp, np.arctan):
        assert MEASURES[name](labels, monotone(scores)) == pytest.approx(expected)


@pytest.mark.parametrize("name", METRICS)
def test_range_and_perfect_ranking(name, case):
    labels, scores = case
    assert 0.0 <= METRICS[name](labels, scores) <= 1.0
    best = 0.0 if name == "eer" else 1.0
    assert METRICS[name](labels, labels.astype(float)) == best


@pytest.mark.parametrize("name", METRICS)
def test_better_scores_give_a_better_value(name, case):
    labels, scores = case
    better = METRICS[name](labels, scores + 0.5 * labels)
    sign = -1 if name == "eer" else 1
    assert sign * better > sign * METRICS[name](labels, scores)


@pytest.mark.parametrize("name", ["auc", "eer"])
def test_swapped_classes_and_scores_change_nothing(name, case):
    labels, scores = case
    expected = METRICS[name](labels, scores)
    assert METRICS[name](1 - labels, -scores) == pytest.approx(expected)


def test_swapped_labels_mirror_the_auc(case):
    labels, scores = case
    mirrored = METRICS["auc"](1 - labels, scores)
    assert mirrored == pytest.approx(1 - METRICS["auc"](labels, scores))


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([1, 1, 1], [0.1, 0.2, 0.3], "needs reals"),
        ([0, 0], [0.1, 0.2], "needs reals"),
        ([], [], "needs reals"),
        ([0, 2], [0.1, 0.2], "needs reals"),
        ([0, 1, 1], [0.1, np.nan, 0.3], "1 of 3 scores are not finite"),
        ([0, 1, 1], [0.1, np.inf, 0.3], "1 of 3 scores are not finite"),
        ([0, 1, 1], [0.1, 0.2], "expected one of each"),
    ],
)
def test_undefined_input_is_an_error(name, labels, scores, words):
    with pytest.raises(DataError, match=words):
        MEASURES[name](np.array(labels, np.int64), np.array(scores, float))
