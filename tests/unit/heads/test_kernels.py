"""The compiled probe arithmetic against plain NumPy in float64."""

import numpy as np
import pytest

from dfprobe.heads import kernels


def reference_logits(rows, params):
    rows = rows.astype(np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return rows @ params[:-1].astype(np.float64) + float(params[-1])


def reference_score(rows, params):
    return float(np.logaddexp.reduce(reference_logits(rows, params)))


def random_case(seed, count=37, dim=67, dtype=np.float16):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim)).astype(dtype)
    params = (3 * rng.standard_normal(dim + 1)).astype(np.float32)
    return rows, params


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_logits_and_score(dtype, count):
    rows, params = random_case(count, count, dtype=dtype)
    bits = kernels.stored_bits(rows)
    logits = kernels.frame_logits(bits, params)
    np.testing.assert_allclose(logits, reference_logits(rows, params), atol=1e-5)
    score = kernels.clip_score(bits, params)
    assert score == pytest.approx(reference_score(rows, params), abs=1e-5)


def test_every_finite_half_is_widened_exactly():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves) & (halves != 0)]
    # A row (v, v) has the logit sign(v) * sqrt(2) for weights (1, 1) at any length.
    rows = np.stack([halves, halves], axis=1)
    params = np.array([1, 1, 0], np.float32)
    logits = kernels.frame_logits(kernels.stored_bits(rows), params)
    expected = np.sign(halves.astype(np.float64)) * np.sqrt(2)
    np.testing.assert_allclose(logits, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_gradient_is_that_of_the_score(dtype):
    rows, params = random_case(1, count=9, dim=5, dtype=dtype)
    gradient = np.empty_like(params)
    score = kernels.score_and_gradient(kernels.stored_bits(rows), params, gradient)
    assert score == pytest.approx(reference_score(rows, params), abs=1e-5)
    step = 1e-4
    for i in range(params.size):
        up, down = params.astype(np.float64), params.astype(np.float64)
        up[i] += step
        down[i] -= step
        slope = reference_score(rows, up) - reference_score(rows, down)
        assert gradient[i] == pytest.approx(slope / (2 * step), abs=1e-4)


def test_gradient_survives_far_apart_logits():
    rows = np.eye(4, dtype=np.float16)
    params = np.array([-500, 0, 300, 299, 0], np.float32)
    gradient = np.empty_like(params)
    kernels.score_and_gradient(kernels.stored_bits(rows), params, gradient)
    share = 1 / (1 + np.exp(-1))
    np.testing.assert_allclose(gradient, [0, 0, share, 1 - share, 1], atol=1e-6)


def test_rows_with_a_norm_beyond_half_precision():
    rows = np.full((3, 512), 40000, np.float16)  # squared length overflows float16
    params = np.ones(513, np.float32)
    logits = kernels.frame_logits(kernels.stored_bits(rows), params)
    np.testing.assert_allclose(logits, np.sqrt(512) + 1, rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_value_that_is_not_finite_gives_nan(bad, dtype):
    rows, params = random_case(2, dtype=dtype)
    rows[7, 3] = bad
    bits = kernels.stored_bits(rows)
    assert np.isnan(kernels.clip_score(bits, params))
    assert np.isnan(kernels.score_and_gradient(bits, params, np.empty_like(params)))


def test_all_zero_row_gives_nan():
    rows, params = random_case(2)
    rows[4] = 0
    bits = kernels.stored_bits(rows)
    assert np.isnan(kernels.frame_logits(bits, params)[4])
    assert np.isnan(kernels.clip_score(bits, params))
    assert np.isnan(kernels.score_and_gradient(bits, params, np.empty_like(params)))


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("score", [-900.0, -1.5, 0.0, 2.0, 900.0])
def test_loss_is_cross_entropy_of_two_logits(score, label):
    expected = np.logaddexp(0.0, -2.0 * (2 * label - 1) * score)
    assert kernels.clip_loss(score, label) == pytest.approx(expected)


def test_bits_are_a_read_only_view():
    rows, _ = random_case(0)
    bits = kernels.stored_bits(rows)
    assert np.shares_memory(bits, rows) and not bits.flags.writeable
    assert rows.flags.writeable
    assert bits.dtype == np.int16


def test_one_compilation_serves_views_and_copies():
    kernel = kernels.clip_score
    rows, params = random_case(0)
    kernel(kernels.stored_bits(rows), params)
    before = len(kernel.signatures)
    frozen = rows.copy()
    frozen.flags.writeable = False
    kernel(kernels.stored_bits(frozen), params)
    assert len(kernel.signatures) == before
