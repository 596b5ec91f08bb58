"""Rules of late fusion: what weights the scores of a set of encoders get.

Every rule is a weighted sum of the members' clip scores, and its weights come from the
validation clips of the training corpus or from nothing: no rule sees a test clip. A
constant that is added to all clips changes no ranking and is left out.

``mean``
    The mean of the scores as they are, the paper's rule (arXiv 2511.17181; published
    code bit-ml/veridiq, ``show_fusion_plots.py``). The score that spreads more weighs
    more.
``standardised``
    The mean of the scores, each less its mean and divided by its standard deviation on
    the validation clips.
``stacked``
    Logistic regression of the label on the standardised scores, fitted on the
    validation clips, all clips weighing the same. The penalty is half the squared
    length of the weights against the summed loss (``C = 1``): where the validation
    clips are separated without an error, it alone keeps the weights finite, and they
    come close to equal ones.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.linear_model import LogisticRegression

FEWEST = 5  # validation clips of each class that a fit needs

Members = tuple[int, ...]  # numbers of encoders


class Validation(NamedTuple):
    """Scores of the validation clips that all encoders could score."""

    labels: np.ndarray  # (clips,) int64: 0 real, 1 fake
    scores: np.ndarray  # (encoders, clips) float64


class Weights(NamedTuple):
    """Weights of the members of a set, or why there are none."""

    values: np.ndarray | None  # (members,) float64
    note: str = ""  # empty where there are weights


def mean_weights(members: Members, validation: Validation) -> Weights:
    """Weights of rule ``mean``."""
    return Weights(np.full(len(members), 1.0 / len(members)))


def standardised_weights(members: Members, validation: Validation) -> Weights:
    """Weights of rule ``standardised``."""
    spread, note = _spread(members, validation)
    return Weights(None, note) if note else Weights(1.0 / (len(members) * spread))


def stacked_weights(members: Members, validation: Validation) -> Weights:
    """Weights of rule ``stacked``."""
    fakes = int((validation.labels == 1).sum())
    reals = validation.labels.size - fakes
    if min(fakes, reals) < FEWEST:
        return Weights(
            None,
            f"validation has {reals} real and {fakes} fake clips that all could score; "
            f"{FEWEST} of each are needed",
        )
    spread, note = _spread(members, validation)
    if note:
        return Weights(None, note)
    scores = validation.scores[list(members)]
    standardised = (scores - scores.mean(axis=1, keepdims=True)) / spread[:, None]
    model = LogisticRegression(C=1.0, max_iter=1000)
    model.fit(standardised.T, validation.labels)  # (clips, members)
    return Weights(model.coef_[0] / spread)


RULES: dict[str, Callable[[Members, Validation], Weights]] = {
    "mean": mean_weights,
    "standardised": standardised_weights,
    "stacked": stacked_weights,
}


def fuse(scores: np.ndarray, members: Members, weights: np.ndarray) -> np.ndarray:
    """Add the weighted scores of a set: (encoders, clips) -> (clips,), float64."""
    terms = (w * scores[member] for member, w in zip(members, weights, strict=True))
    return np.sum(list(terms), axis=0)  # (members, clips) -> (clips,)


def _spread(members: Members, validation: Validation) -> tuple[np.ndarray, str]:
    """Take the standard deviations of the scores; say what is wrong with them."""
    scores = validation.scores[list(members)]
    if scores.shape[1] < 2:
        return np.empty(
            0
        ), f"validation has {scores.shape[1]} clips that all could score"
    spread = scores.std(axis=1)
    # Equal scores have a spread of rounding errors.
    if (np.ptp(scores, axis=1) == 0).any():
        return spread, "the validation scores of an encoder of the set are all equal"
    return spread, ""
