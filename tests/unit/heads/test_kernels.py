"""The compiled probe arithmetic against plain NumPy in float64."""

import os
import subprocess
import sys

import numpy as np
import pytest

from dfprobe.heads.kinds import linear_kernel

MEMBERS = [1, 2, 5, 7, 10, 12]


def reference_logits(rows, params):
    """(members, rows) of ``params``, (members, dim + 1)."""
    rows = rows.astype(np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    params = params.astype(np.float64)
    return params[:, :-1] @ rows.T + params[:, -1:]


def reference_scores(rows, params):
    return np.logaddexp.reduce(reference_logits(rows, params), axis=1)


def reference_losses(rows, label, params):
    return np.logaddexp(0, -2 * (2 * label - 1) * reference_scores(rows, params))


def losses_and_gradients(rows, label, params):
    """Of every member; Adam's first mean of a gradient is 0.1 of it."""
    params, moments = params.copy(), np.zeros((2, *params.shape), np.float32)
    rates = np.full(len(params), 1e-3)
    bits = linear_kernel.stored_bits(rows)
    scores = linear_kernel.train_step(bits, label, params, moments, 1, rates, 1.0)
    share = 1 - np.float32(linear_kernel.ADAM_BETAS[0])
    return linear_kernel.clip_losses(scores, label), moments[0] / share


def random_case(seed, count=37, dim=67, dtype=np.float16, members=1):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((count, dim)).astype(dtype)
    params = (3 * rng.standard_normal((members, dim + 1))).astype(np.float32)
    return rows, params


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("count", [1, 2, 5, 8, 41])
@pytest.mark.parametrize("members", MEMBERS)
def test_logits_and_scores(dtype, count, members):
    rows, params = random_case(count, count, dtype=dtype, members=members)
    bits = linear_kernel.stored_bits(rows)
    logits = linear_kernel.frame_logits(bits, params)
    np.testing.assert_allclose(logits, reference_logits(rows, params), atol=1e-5)
    scores = linear_kernel.clip_scores(bits, params)
    np.testing.assert_allclose(scores, reference_scores(rows, params), atol=1e-5)


@pytest.mark.parametrize("dim", [1, 7, 8, 15, 16, 33])
def test_rows_of_any_length(dim):
    rows, params = random_case(dim, count=9, dim=dim, members=6)
    logits = linear_kernel.frame_logits(linear_kernel.stored_bits(rows), params)
    np.testing.assert_allclose(logits, reference_logits(rows, params), atol=1e-5)


def test_some_columns_of_the_rows():
    rows, params = random_case(4, dim=60, members=6)
    part = np.hstack([rows, rows])[:, 13:73]
    logits = linear_kernel.frame_logits(linear_kernel.stored_bits(part), params)
    np.testing.assert_allclose(logits, reference_logits(part, params), atol=1e-5)


def test_every_finite_half_is_widened_exactly():
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves) & (halves != 0)]
    # A row (v, v) has the logit sign(v) * sqrt(2) for weights (1, 1) at any length.
    rows = np.stack([halves, halves], axis=1)
    params = np.array([[1, 1, 0]], np.float32)
    [logits] = linear_kernel.frame_logits(linear_kernel.stored_bits(rows), params)
    expected = np.sign(halves.astype(np.float64)) * np.sqrt(2)
    np.testing.assert_allclose(logits, expected, rtol=1e-6)


def test_halves_are_copied_where_the_processor_cannot_widen_them(monkeypatch):
    monkeypatch.setattr(linear_kernel, "_WIDENS_HALVES", False)
    rows, params = random_case(5)
    bits = linear_kernel.stored_bits(rows)
    assert bits.dtype == np.float32 and not bits.flags.writeable
    logits = linear_kernel.frame_logits(bits, params)
    np.testing.assert_allclose(logits, reference_logits(rows, params), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("members", MEMBERS)
@pytest.mark.parametrize("label", [0, 1])
def test_gradients_are_those_of_the_losses(dtype, members, label):
    rows, params = random_case(1, count=11, dim=9, dtype=dtype, members=members)
    params *= np.float32(0.1)
    losses, gradients = losses_and_gradients(rows, label, params)
    expected = reference_losses(rows, label, params)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    scores = linear_kernel.clip_scores(linear_kernel.stored_bits(rows), params)
    np.testing.assert_allclose(linear_kernel.clip_losses(scores, label), losses)
    step = 1e-4
    for i in range(params.shape[1]):
        up, down = params.astype(np.float64), params.astype(np.float64)
        up[:, i] += step
        down[:, i] -= step
        change = reference_losses(rows, label, up) - reference_losses(rows, label, down)
        np.testing.assert_allclose(gradients[:, i], change / (2 * step), atol=1e-4)


def test_gradient_survives_far_apart_logits():
    rows = np.eye(4, dtype=np.float16)
    params = np.array([[-500, 0, -300, -301, 0]], np.float32)
    _, gradients = losses_and_gradients(rows[[0, 2, 3]], 1, params)
    share = 1 / (1 + np.exp(-1))  # of the two near each other; the slope is -2
    expected = -2 * np.array([[0, 0, share, 1 - share, 1]])
    np.testing.assert_allclose(gradients, expected, atol=1e-6)


def test_softmax_keeps_its_precision_down_to_the_smallest_shares():
    rows = np.eye(64, dtype=np.float16)
    params = np.zeros((1, 65), np.float32)
    params[0, :64] = -np.linspace(0, 80, 64)
    _, gradients = losses_and_gradients(rows, 0, params)
    logits = params[0, :64].astype(np.float64)
    score = np.logaddexp.reduce(logits)
    slope = 2 / (1 + np.exp(-2 * score))
    shares = np.exp(logits - score)
    np.testing.assert_allclose(gradients[0, :64], slope * shares, rtol=1e-6)


def test_rows_with_a_norm_beyond_half_precision():
    rows = np.full((3, 512), 40000, np.float16)  # squared length overflows float16
    params = np.ones((1, 513), np.float32)
    logits = linear_kernel.frame_logits(linear_kernel.stored_bits(rows), params)
    np.testing.assert_allclose(logits, np.sqrt(512) + 1, rtol=1e-6)


def assert_nan_everywhere(rows, params):
    assert np.isnan(
        linear_kernel.clip_scores(linear_kernel.stored_bits(rows), params)
    ).all()
    losses, gradients = losses_and_gradients(rows, 1, params)
    assert np.isnan(losses).all() and np.isnan(gradients).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("column", [3, 66])
@pytest.mark.parametrize("members", [1, 6])
def test_value_that_is_not_finite_gives_nan(bad, dtype, column, members):
    rows, params = random_case(2, dtype=dtype, members=members)
    params[:, column] = 0  # not even a weight of zero hides it
    rows[7, column] = bad
    assert_nan_everywhere(rows, params)


@pytest.mark.parametrize("row", [0, 4, 36])
def test_all_zero_row_gives_nan(row):
    rows, params = random_case(2, members=6)
    rows[row] = 0
    logits = linear_kernel.frame_logits(linear_kernel.stored_bits(rows), params)
    assert np.isnan(logits[:, row]).all()
    assert np.isfinite(np.delete(logits, row, axis=1)).all()
    assert_nan_everywhere(rows, params)


def test_row_whose_length_overflows_gives_nan():
    rows, params = random_case(2, dtype=np.float32)
    rows[5] = 1e30
    assert_nan_everywhere(rows, params)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("score", [-900.0, -1.5, 0.0, 2.0, 900.0])
def test_loss_is_cross_entropy_of_two_logits(score, label):
    expected = np.logaddexp(0.0, -2.0 * (2 * label - 1) * score)
    [loss] = linear_kernel.clip_losses(np.array([score]), label)
    assert loss == pytest.approx(expected)


def test_bits_are_a_read_only_view():
    rows, _ = random_case(0)
    bits = linear_kernel.stored_bits(rows)
    assert np.shares_memory(bits, rows) and not bits.flags.writeable
    assert rows.flags.writeable
    assert bits.dtype == np.int16


def test_one_compilation_serves_views_and_copies():
    kernel = linear_kernel.clip_scores
    rows, params = random_case(0)
    kernel(linear_kernel.stored_bits(rows), params)
    before = len(kernel.signatures)
    frozen = rows.copy()
    frozen.flags.writeable = False
    kernel(linear_kernel.stored_bits(frozen), params)
    assert len(kernel.signatures) == before


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("count", [1, 6])
def test_member_reads_its_layer_as_if_it_were_alone(dtype, count):
    rows, params = random_case(6, count, dim=3 * 21, dtype=dtype)
    params = np.random.default_rng(0).standard_normal((6, 22)).astype(np.float32)
    scores = linear_kernel.clip_scores(linear_kernel.stored_bits(rows), params)
    losses, gradients = losses_and_gradients(rows, 1, params)
    for layer in range(3):
        members = slice(layer, None, 3)
        part, own = rows[:, 21 * layer : 21 * (layer + 1)], params[members]
        alone = linear_kernel.clip_scores(linear_kernel.stored_bits(part), own.copy())
        np.testing.assert_array_equal(scores[members], alone)
        of_part = losses_and_gradients(part, 1, own)
        np.testing.assert_array_equal(losses[members], of_part[0])
        np.testing.assert_array_equal(gradients[members], of_part[1])


COMPILED = """
import hashlib, sys
import numpy as np
from dfprobe.heads.kinds import linear_kernel as kernel

digest = hashlib.sha256()
rng = np.random.default_rng(0)
for count in range(3, 90, 3):
    params = rng.standard_normal((7, 68)).astype(np.float32)
    moments, rates = np.zeros((2, 7, 68), np.float32), np.full(7, 0.001)
    rows = kernel.stored_bits(rng.standard_normal((count, 67)).astype(np.float16))
    calls = {
        "logits": lambda: kernel.frame_logits(rows, params.copy()),
        "scores": lambda: kernel.clip_scores(rows, params.copy()),
        "step": lambda: kernel.train_step(rows, 1, params, moments, 1, rates, 1.0),
    }
    results = {name: calls[name]() for name in sys.argv[1:]} | {"after": params}
    for name in sorted(results):
        digest.update(results[name].tobytes())
print(digest.hexdigest())
"""


def digest(cache, *calls):
    """Bits of some results, of functions compiled or loaded in this order."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", COMPILED, *calls]
    return subprocess.check_output(command, env=environment, text=True)


def test_code_that_was_just_compiled_and_code_from_the_cache_give_the_same_bits(
    tmp_path,
):
    everything = ["logits", "scores", "step"]
    compiled = digest(tmp_path / "one", *everything)
    assert any(tmp_path.rglob("*.nbc"))  # else nothing comes from the cache
    assert digest(tmp_path / "one", *everything) == compiled
    # The step is compiled beside scores and logits that come from the cache.
    digest(tmp_path / "other", "scores", "logits")
    assert digest(tmp_path / "other", *everything) == compiled
