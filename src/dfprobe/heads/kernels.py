"""The linear probe's arithmetic, compiled: one pass over a clip's stored rows.

Rows are read as they lie in the store. Half-precision values arrive as their bits
(int16), because compiled CPU code has no half type of its own, and are widened in
registers; float32 rows are read directly. A row is read from memory once.

For row ``x_t`` of a clip (arXiv 2511.17181, linear probing): ``z_t = w . x_t / |x_t| +
b``, score ``s = log sum_t exp(z_t)``, loss ``softplus(-2 (2 y - 1) s)``.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

ADAM_BETAS = (0.9, 0.999)  # PyTorch's defaults, as is the epsilon
ADAM_EPSILON = 1e-8
_HALF_EXPONENT = np.int16(0x7C00)  # all ones in infinities and NaN only
_HALF_FIELDS = np.int32(-0x70002000)  # where sign, exponent and fraction land
_HALF_REBIAS = np.float32(2.0**112)  # exponent biases: 127 - 15
_LARGEST_HALF_SQUARED = np.float32(2.0**32)  # just above 65504 ** 2
_CACHE_LINE = 64  # bytes
_ROWS_AHEAD = 4  # how far the prefetch runs before the arithmetic

# Sums may be reordered, which vectorises them; NaN and infinity keep their meaning.
_FAST: Any = {"reassoc", "contract", "nsz"}


def _widen(value: Any) -> Any:
    """Turn one stored value (bits of a half, or float32) into float32."""
    raise NotImplementedError("compiled code only")


@overload(_widen, inline="always")
def _widen_compiled(value: Any) -> Any:
    def from_float(value: Any) -> Any:
        return value

    def from_half(value: Any) -> Any:
        bits = np.int32(np.int32(value) << np.int32(13)) & _HALF_FIELDS
        return np.int32(bits).view(np.float32) * _HALF_REBIAS

    return from_float if isinstance(value, types.Float) else from_half


def _all_finite(rows: Any, largest: Any) -> Any:
    """Say whether all values are finite, given the largest squared row length."""
    raise NotImplementedError("compiled code only")


@overload(_all_finite)
def _all_finite_compiled(rows: Any, largest: Any) -> Any:
    def floats_are_finite(rows: Any, largest: Any) -> Any:
        return largest < np.inf  # NaN shows in the logits

    def halves_are_finite(rows: Any, largest: Any) -> Any:
        # Widening makes large numbers of infinities and NaN: only then look closely.
        if largest < _LARGEST_HALF_SQUARED:
            return True
        return not np.any((rows & _HALF_EXPONENT) == _HALF_EXPONENT)

    is_float = isinstance(rows.dtype, types.Float)
    return floats_are_finite if is_float else halves_are_finite


@intrinsic
def _prefetch(context: Any, address: Any) -> Any:
    """Ask for the cache line at an address, without waiting for it."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = ir.IntType(32)
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        function = cgutils.get_or_insert_function(
            builder.module, kind, "llvm.prefetch.p0"
        )
        line = builder.inttoptr(args[0], pointer)
        read, keep_close, data = number(0), number(3), number(1)
        builder.call(function, [line, read, keep_close, data])
        return context.get_dummy_value()

    return types.void(types.uintp), emit


@njit(cache=True)
def _prefetch_ahead(rows: np.ndarray, row: int) -> None:
    """Ask for a row some way ahead; the loop over rows waits for memory otherwise."""
    ahead = row + _ROWS_AHEAD
    if ahead < rows.shape[0]:
        start = rows.ctypes.data + ahead * rows.strides[0]
        for line in range(start, start + rows.strides[0], _CACHE_LINE):
            _prefetch(line)  # type: ignore[call-arg]


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _dot_and_squares(rows: np.ndarray, row: int, params: np.ndarray) -> tuple[Any, Any]:
    """Product of one row with the weights, and its squared length."""
    dot = squares = np.float32(0)
    for column in range(rows.shape[1]):
        value = _widen(rows[row, column])
        dot += value * params[column]
        squares += value * value
    return dot, squares


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def frame_logits(rows: np.ndarray, params: np.ndarray) -> np.ndarray:
    """Logit of every row of a clip.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        Features as stored, see `stored_bits`.
    params : np.ndarray of shape (dim + 1,), float32
        Weights, then the bias.

    Returns
    -------
    np.ndarray of shape (rows,), float64
        NaN for a row that is all zero; all NaN if a value of the clip is not finite.
    """
    count, dim = rows.shape
    logits = np.empty(count)
    largest = np.float32(0)
    for row in range(count):
        _prefetch_ahead(rows, row)
        dot, squares = _dot_and_squares(rows, row, params)
        largest = max(largest, squares)
        logits[row] = dot / math.sqrt(squares) + params[dim]
    if not _all_finite(rows, largest):
        logits[:] = math.nan
    return logits


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def clip_score(rows: np.ndarray, params: np.ndarray) -> float:
    """Log-sum-exp over time of `frame_logits`: the clip's logit, larger = more fake."""
    logits = frame_logits(rows, params)
    top = logits.max()
    return top + math.log(np.exp(logits - top).sum())


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def score_and_gradient(
    rows: np.ndarray, params: np.ndarray, gradient: np.ndarray
) -> float:
    """Score of a clip; its gradient by the parameters is left in ``gradient``.

    The gradient is the mean of the normalised rows under the softmax of their logits.
    It is summed relative to the largest logit so far and rescaled when that grows, so
    that each row is needed once.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        Features as stored.
    params : np.ndarray of shape (dim + 1,), float32
        Weights, then the bias.
    gradient : np.ndarray of shape (dim + 1,), float32
        Overwritten.

    Returns
    -------
    float
        NaN if a row is all zero or a value is not finite.
    """
    count, dim = rows.shape
    gradient[:] = np.float32(0)
    top, total = -math.inf, 0.0
    largest = np.float32(0)
    for row in range(count):
        _prefetch_ahead(rows, row)
        dot, squares = _dot_and_squares(rows, row, params)
        largest = max(largest, squares)
        inverse = 1.0 / math.sqrt(squares)
        logit = dot * inverse + params[dim]
        if logit > top:
            shrink = math.exp(top - logit)
            total *= shrink
            gradient[:dim] *= np.float32(shrink)
            top = logit
        weight = math.exp(logit - top)
        total += weight
        factor = np.float32(weight * inverse)
        for column in range(dim):
            gradient[column] += factor * _widen(rows[row, column])
    gradient[:dim] *= np.float32(1.0 / total)
    gradient[dim] = np.float32(1)  # the bias moves every logit alike
    return top + math.log(total) if _all_finite(rows, largest) else math.nan


@njit(cache=True, error_model="numpy")
def clip_loss(score: float, label: int) -> float:
    """Cross-entropy of the two logits (-score, score), for label 0 real, 1 fake."""
    margin = score if label == 1 else -score
    # softplus(-2 margin), which must not overflow for a large negative margin
    return math.log1p(math.exp(-2.0 * abs(margin))) + max(-2.0 * margin, 0.0)


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def train_step(
    rows: np.ndarray,
    label: int,
    params: np.ndarray,
    moments: np.ndarray,
    gradient: np.ndarray,
    step: int,
    learning_rate: float,
) -> float:
    """One Adam step on one clip; gives the loss before the step.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        Features as stored.
    label : int
        0 real, 1 fake.
    params : np.ndarray of shape (dim + 1,), float32
        Weights, then the bias; updated.
    moments : np.ndarray of shape (2, dim + 1), float32
        Adam's running means of the gradient and of its square; updated.
    gradient : np.ndarray of shape (dim + 1,), float32
        Scratch space.
    step : int
        1 for the first step.
    learning_rate : float
        Adam's learning rate.
    """
    score = score_and_gradient(rows, params, gradient)
    loss = clip_loss(score, label)
    sign = 1.0 if label == 1 else -1.0
    slope = np.float32(-2.0 * sign / (1.0 + math.exp(2.0 * sign * score)))
    beta_1, beta_2 = np.float32(ADAM_BETAS[0]), np.float32(ADAM_BETAS[1])
    rate = np.float32(learning_rate / (1.0 - ADAM_BETAS[0] ** step))
    unbias = np.float32(1.0 / math.sqrt(1.0 - ADAM_BETAS[1] ** step))
    epsilon = np.float32(ADAM_EPSILON)
    one = np.float32(1)
    for i in range(params.size):
        change = slope * gradient[i]
        moments[0, i] = beta_1 * moments[0, i] + (one - beta_1) * change
        moments[1, i] = beta_2 * moments[1, i] + (one - beta_2) * change * change
        spread = np.sqrt(moments[1, i]) * unbias + epsilon
        params[i] -= rate * moments[0, i] / spread
    return loss


def stored_bits(rows: np.ndarray) -> np.ndarray:
    """View rows as the kernels read them: always read-only, so one compilation serves.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), float16 or float32
        A clip of a feature store.

    Returns
    -------
    np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
    """
    plain = np.asarray(rows)  # not np.memmap: the dispatcher is slow on subclasses
    bits = plain.view(np.int16 if rows.dtype == np.float16 else np.float32)
    bits.flags.writeable = False
    return bits
