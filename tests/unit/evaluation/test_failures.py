"""Failed clips as chance and as worst, against every way in which they can fall."""

from itertools import product

import numpy as np
import pytest

from dfprobe.evaluation.statistics.metrics import auc, auc_with_failures

NAN = np.nan
LABELS = np.array([0, 0, 0, 1, 1, 1, 1])
SCORES = np.array([0.3, NAN, 1.0, 0.5, NAN, 1.0, NAN])


def enumerated(labels, scores):
    """AUC of every order in which the failed clips can stand among the others."""
    failed = np.flatnonzero(np.isnan(scores))
    levels = [-1.0, 10.0]  # below or above all that were scored
    for places in product(levels, repeat=len(failed)):
        # Failed clips that stand on the same side are tied: half of each pair.
        completed = scores.copy()
        completed[failed] = places
        yield auc(labels, completed)


def test_chance_is_the_mean_over_all_outcomes():
    expected = np.mean(list(enumerated(LABELS, SCORES)))
    assert auc_with_failures(LABELS, SCORES).chance == pytest.approx(expected)


def test_worst_is_the_lowest_of_all_outcomes():
    expected = min(enumerated(LABELS, SCORES))
    assert auc_with_failures(LABELS, SCORES).worst == pytest.approx(expected)


def test_without_failures_both_are_the_auc():
    scores = np.nan_to_num(SCORES)
    both = auc_with_failures(LABELS, scores)
    assert both == pytest.approx((auc(LABELS, scores),) * 2)


@pytest.mark.parametrize("lost", [slice(0, 3), slice(3, 7), slice(0, 7)])
def test_a_class_without_any_score_is_chance_and_worst(lost):
    scores = np.arange(7.0)
    scores[lost] = NAN
    assert auc_with_failures(LABELS, scores) == (0.5, 0.0)


@pytest.mark.parametrize("labels", [[1, 1], [0, 0], []])
def test_a_single_class_has_neither(labels):
    scores = np.arange(len(labels), dtype=float)
    assert auc_with_failures(np.array(labels, int), scores) == (None, None)
