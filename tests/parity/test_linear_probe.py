"""The linear probe against the published implementation (tests/parity/data)."""

from pathlib import Path

import numpy as np
import pytest

from dfprobe.evaluation.statistics.metrics import auc, average_precision
from dfprobe.heads.kinds import linear_kernel
from dfprobe.heads.kinds.linear import LinearProbe

DATA = Path(__file__).parent / "data" / "linear_probe.npz"
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def fixture():
    with np.load(DATA) as arrays:
        return dict(arrays)


@pytest.fixture
def clips(fixture):
    ends = np.cumsum(fixture["lengths"])[:-1]
    parts = np.split(fixture["features"], ends)
    return [linear_kernel.stored_bits(np.ascontiguousarray(part)) for part in parts]


@pytest.fixture
def params(fixture):
    """(1, dim + 1): one probe."""
    return np.concatenate([fixture["weight"].ravel(), fixture["bias"]])[None]


def test_frame_logits_and_scores(fixture, clips, params):
    logits = np.concatenate(
        [linear_kernel.frame_logits(clip, params)[0] for clip in clips]
    )
    scores = [linear_kernel.clip_scores(clip, params)[0] for clip in clips]
    np.testing.assert_allclose(logits, fixture["frame_logits"], atol=TOLERANCE)
    np.testing.assert_allclose(scores, fixture["scores"], atol=TOLERANCE)
    probabilities = 1 / (1 + np.exp(-2 * np.array(scores)))
    np.testing.assert_allclose(probabilities, fixture["probabilities"], atol=TOLERANCE)


def test_probe_object_gives_the_same_scores(fixture, params):
    probe = LinearProbe(params[0], {})
    ends = np.cumsum(fixture["lengths"])[:-1]
    scores = [probe.score(rows) for rows in np.split(fixture["features"], ends)]
    np.testing.assert_allclose(scores, fixture["scores"], atol=TOLERANCE)


def test_losses_and_gradients(fixture, clips, params):
    for i, (clip, label) in enumerate(zip(clips, fixture["labels"], strict=True)):
        moments, rates = np.zeros((2, *params.shape), np.float32), np.array([1e-3])
        scores = linear_kernel.train_step(
            clip, label, params.copy(), moments, 1, rates, 1.0
        )
        [loss] = linear_kernel.clip_losses(scores, label)
        assert loss == pytest.approx(fixture["loss_per_clip"][i], abs=TOLERANCE)
        # Adam's first mean of a gradient is 0.1 of it.
        gradients = moments[0] / (1 - np.float32(linear_kernel.ADAM_BETAS[0]))
        expected = fixture["grad_weight_per_clip"][i]
        np.testing.assert_allclose(gradients[0, :-1], expected, atol=TOLERANCE)
        bias = fixture["grad_bias_per_clip"][i]
        assert gradients[0, -1] == pytest.approx(bias, abs=TOLERANCE)


def test_one_epoch_of_adam(fixture, clips, params):
    moments, rates = np.zeros((2, *params.shape), np.float32), np.array([1e-3])
    losses = []
    for step, (clip, label) in enumerate(
        zip(clips, fixture["labels"], strict=True), start=1
    ):
        scores = linear_kernel.train_step(
            clip, label, params, moments, step, rates, 1.0
        )
        losses.append(linear_kernel.clip_losses(scores, label)[0])
    np.testing.assert_allclose(losses, fixture["loss_during_epoch"], atol=TOLERANCE)
    weight = fixture["weight_after_epoch"].ravel()
    np.testing.assert_allclose(params[0, :-1], weight, atol=TOLERANCE)
    bias = fixture["bias_after_epoch"]
    np.testing.assert_allclose(params[0, -1:], bias, atol=TOLERANCE)


def test_metrics(fixture):
    labels, scores = fixture["labels"], fixture["scores"].astype(float)
    assert auc(labels, scores) == pytest.approx(float(fixture["auc"]))
    assert average_precision(labels, scores) == pytest.approx(float(fixture["ap"]))
