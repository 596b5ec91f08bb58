"""The compiled probe arithmetic against plain NumPy in float64."""

import os
import subprocess
import sys

import numpy as np
import pytest

from dfprobe.heads.kinds import linear_kernel

# Groups of five and single members, see the kernels.
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
    bits, gradients = linear_kernel.stored_bits(rows), np.empty_like(params)
    losses = linear_kernel.losses_and_gradients(bits, label, params, gradients)
    expected = reference_losses(rows, label, params)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    np.testing.assert_allclose(linear_kernel.clip_losses(bits, label, params), losses)
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
    gradients = np.empty_like(params)
    bits = linear_kernel.stored_bits(rows[[0, 2, 3]])
    linear_kernel.losses_and_gradients(bits, 1, params, gradients)
    share = 1 / (1 + np.exp(-1))  # of the two near each other; the slope is -2
    expected = -2 * np.array([[0, 0, share, 1 - share, 1]])
    np.testing.assert_allclose(gradients, expected, atol=1e-6)


def test_softmax_keeps_its_precision_down_to_the_smallest_shares():
    rows = np.eye(64, dtype=np.float16)
    params = np.zeros((1, 65), np.float32)
    params[0, :64] = -np.linspace(0, 80, 64)
    gradients = np.empty_like(params)
    linear_kernel.losses_and_gradients(
        linear_kernel.stored_bits(rows), 0, params, gradients
    )
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
    bits = linear_kernel.stored_bits(rows)
    assert np.isnan(linear_kernel.clip_scores(bits, params)).all()
    assert np.isnan(linear_kernel.clip_losses(bits, 1, params)).all()
    gradients = np.empty_like(params)
    assert np.isnan(
        linear_kernel.losses_and_gradients(bits, 1, params, gradients)
    ).all()


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
    assert linear_kernel.clip_loss(score, label) == pytest.approx(expected)


@pytest.mark.parametrize("members", [1, 5, 10])
def test_lines_of_members_start_cache_lines(members):
    array = linear_kernel.member_array(members, 1024, (2,))
    assert array.shape == (2, members, 1040)
    assert array.flags.c_contiguous and not array.any()
    assert array.ctypes.data % 64 == 0 and array.strides[1] % 64 == 0
    assert linear_kernel.member_array(1, 15).shape == (1, 16)
    assert linear_kernel.member_array(1, 16).shape == (1, 32)  # room for the bias


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


COMPILED = """
import hashlib
import numpy as np
from dfprobe.heads.kinds import linear_kernel

digest = hashlib.sha256()
rng = np.random.default_rng(0)
for count in range(3, 90, 3):
    params = linear_kernel.member_array(7, 67)
    params[:, :68] = rng.standard_normal((7, 68))
    gradients, moments = np.zeros_like(params), np.zeros((2, *params.shape), np.float32)
    rows = linear_kernel.stored_bits(rng.standard_normal((count,
    67)).astype(np.float16)) rates = np.full(7, 0.001)
    digest.update(linear_kernel.clip_losses(rows, 1, params).tobytes())
    linear_kernel.train_step(rows, 1, params, moments, gradients, 1, rates, 1.0)
    digest.update(params.tobytes())
print(digest.hexdigest())
"""


def test_code_that_was_just_compiled_and_code_from_the_cache_give_the_same_bits(
    tmp_path,
):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", COMPILED]
    first, second = (
        subprocess.check_output(command, env=environment, text=True) for _ in range(2)
    )
    assert any(tmp_path.rglob("kernels.*.nbc"))  # else nothing came from the cache
    assert first == second


NARROW = {
    "_ROWS_A_REGISTER": 1,
    "_GROUP_OF_PRODUCTS": 5,
    "_ROWS_OF_PRODUCTS": {5: 2, 1: 4},
    "_GROUP_OF_SUM": 2,
    "_ROWS_OF_SUM": {2: 4, 1: 8},
}
WIDE = {
    "_ROWS_A_REGISTER": 2,
    "_GROUP_OF_PRODUCTS": 5,
    "_ROWS_OF_PRODUCTS": {5: 8, 1: 8},
    "_GROUP_OF_SUM": 5,
    "_ROWS_OF_SUM": {5: 4, 1: 8},
}


def test_wide_registers_give_the_bits_of_narrow_ones(tmp_path):
    digests = []
    for number, layout in enumerate((NARROW, WIDE)):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / str(number))}
        changed = f"from dfprobe.heads import kernels\nvars(kernels).update({layout})\n"
        command = [sys.executable, "-c", changed + COMPILED]
        output = subprocess.check_output(command, env=environment, text=True)
        digests.append(output)
    assert digests[0] == digests[1]
