"""The linear probe's arithmetic on one clip, compiled for the CPU.

For row ``x_t`` of a clip (arXiv 2511.17181, linear probing): ``z_t = w . x_t / |x_t| +
b``, score ``s = log sum_t exp(z_t)``, loss ``softplus(-2 (2 y - 1) s)``.

Several probes are trained in one pass over the rows. Rows are read as stored, float16
or float32, four at once, and may hold several layers side by side: of ``n`` layers,
member ``m`` reads layer ``m % n``, normalised by itself.

The compiler may reorder sums, or it could not vectorise them. In which order would also
depend on whether a function that is called was just compiled or loaded from Numba's
cache. So the three cached functions call none: what they share is inlined into them,
and every run gives the same bits.
"""

import math
import platform
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.extending import intrinsic

ADAM_BETAS = (0.9, 0.999)  # PyTorch's defaults, as is the epsilon
ADAM_EPSILON = 1e-8

# Not `nnan` and `ninf`: a bad row must give NaN.
_REORDER = {"reassoc", "contract", "nsz", "arcp"}
_compiled = njit(cache=True, error_model="numpy", fastmath=_REORDER)
_inlined = njit(inline="always")

_IS_X86 = platform.machine().lower() in {"x86_64", "amd64"}
_WIDENS_HALVES = not _IS_X86 or get_host_cpu_features().get("f16c", False)


def _widening(context: Any, value: Any) -> Any:
    """Give float32 of a float32, or of the bits of a float16, an int16."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        if value != types.int16:
            return args[0]
        return builder.fpext(builder.bitcast(args[0], ir.HalfType()), ir.FloatType())

    return types.float32(value), emit


_widen: Any = intrinsic(_widening)  # called without the context


@_inlined
def _four_rows(rows: np.ndarray, first: int, start: int, dim: int) -> Any:
    """Columns of four successive rows; the last row stands in for those beyond it."""
    last, stop = rows.shape[0] - 1, start + dim
    return (
        rows[first, start:stop],
        rows[min(first + 1, last), start:stop],
        rows[min(first + 2, last), start:stop],
        rows[min(first + 3, last), start:stop],
    )


@_inlined
def _logits(rows: np.ndarray, params: np.ndarray) -> Any:
    """Logits, (members, rows) float64; inverse row lengths, (layers, rows) float32."""
    count, members, dim = rows.shape[0], params.shape[0], params.shape[1] - 1
    layers = rows.shape[1] // dim
    logits = np.empty((members, count))
    inverse = np.empty((layers, count), np.float32)
    for first in range(0, count, 4):
        after = min(first + 4, count)
        for layer in range(layers):
            x0, x1, x2, x3 = _four_rows(rows, first, layer * dim, dim)
            for row in range(first, after):
                values = rows[row, layer * dim : (layer + 1) * dim]
                square = np.float32(0)
                for column in range(dim):
                    square += _widen(values[column]) * _widen(values[column])
                # Finite values whose square overflows are as bad as infinite ones.
                length = np.sqrt(square) if square < np.inf else np.float32(np.nan)
                inverse[layer, row] = np.float32(1) / length
            for member in range(layer, members, layers):
                s0 = s1 = s2 = s3 = np.float32(0)
                for column in range(dim):
                    weight = params[member, column]
                    s0 += weight * _widen(x0[column])
                    s1 += weight * _widen(x1[column])
                    s2 += weight * _widen(x2[column])
                    s3 += weight * _widen(x3[column])
                bias = np.float64(params[member, dim])
                products = (s0, s1, s2, s3)
                for row in range(first, after):
                    product = np.float64(products[row - first])
                    logits[member, row] = product * inverse[layer, row] + bias
    return logits, inverse


@_inlined
def _log_sum_exp(logits: np.ndarray) -> np.ndarray:
    """Scores, (members,) float64, of logits, (members, rows)."""
    scores = np.empty(logits.shape[0])
    for member in range(scores.size):
        top, total = -np.inf, 0.0
        for row in range(logits.shape[1]):
            top = max(top, logits[member, row])
        for row in range(logits.shape[1]):
            total += math.exp(logits[member, row] - top)
        scores[member] = top + math.log(total)
    return scores


@_inlined
def _weighted_sums(rows: np.ndarray, shares: np.ndarray, sums: np.ndarray) -> None:
    """Add the rows by the shares of each member to ``sums``, (members, dim + 1)."""
    members, dim = sums.shape[0], sums.shape[1] - 1
    layers = rows.shape[1] // dim
    for first in range(0, rows.shape[0], 4):
        for layer in range(layers):
            x0, x1, x2, x3 = _four_rows(rows, first, layer * dim, dim)
            for member in range(layer, members, layers):
                a0, a1 = shares[member, first], shares[member, first + 1]
                a2, a3 = shares[member, first + 2], shares[member, first + 3]
                for column in range(dim):
                    sums[member, column] += (
                        a0 * _widen(x0[column])
                        + a1 * _widen(x1[column])
                        + a2 * _widen(x2[column])
                        + a3 * _widen(x3[column])
                    )


@_inlined
def _adam(
    params: np.ndarray,
    moments: np.ndarray,
    gradients: np.ndarray,
    step: int,
    rates: np.ndarray,
) -> None:
    beta_1, beta_2 = np.float32(ADAM_BETAS[0]), np.float32(ADAM_BETAS[1])
    unbias = np.float32(1.0 / math.sqrt(1.0 - ADAM_BETAS[1] ** step))
    epsilon, one = np.float32(ADAM_EPSILON), np.float32(1)
    for member in range(params.shape[0]):
        rate = np.float32(rates[member] / (1.0 - ADAM_BETAS[0] ** step))
        for i in range(params.shape[1]):
            change = gradients[member, i]
            mean = beta_1 * moments[0, member, i] + (one - beta_1) * change
            square = beta_2 * moments[1, member, i] + (one - beta_2) * change * change
            moments[0, member, i], moments[1, member, i] = mean, square
            params[member, i] -= rate * mean / (np.sqrt(square) * unbias + epsilon)


@_compiled
def frame_logits(rows: np.ndarray, params: np.ndarray) -> np.ndarray:
    """Logit of every row of a clip.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, layers * dim), int16 or float32
        Features, see `stored_bits`.
    params : np.ndarray of shape (members, dim + 1), float32
        Weights, then the bias, of each probe.

    Returns
    -------
    np.ndarray of shape (members, rows), float64
        NaN for a row that is all zero or not finite.
    """
    return _logits(rows, params)[0]


@_compiled
def clip_scores(rows: np.ndarray, params: np.ndarray) -> np.ndarray:
    """Log-sum-exp over time of `frame_logits`: the clip's logits, larger = more fake.

    Returns
    -------
    np.ndarray of shape (members,), float64
        NaN if a row is all zero or not finite.
    """
    return _log_sum_exp(_logits(rows, params)[0])


@_compiled
def train_step(
    rows: np.ndarray,
    label: int,
    params: np.ndarray,
    moments: np.ndarray,
    step: int,
    rates: np.ndarray,
    weight: float,
) -> np.ndarray:
    """One Adam step of each probe on one clip; gives the scores before the step.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, layers * dim), int16 or float32
        Features, see `stored_bits`.
    label : int
        0 real, 1 fake.
    params : np.ndarray of shape (members, dim + 1), float32
        Weights, then the bias, of each probe; updated.
    moments : np.ndarray of shape (2, members, dim + 1), float32
        Adam's running means of the gradient and of its square; updated.
    step : int
        1 for the first step.
    rates : np.ndarray of shape (members,), float64
        Adam's learning rates.
    weight : float
        Factor of the loss.

    Returns
    -------
    np.ndarray of shape (members,), float64
        See `clip_scores`.
    """
    logits, inverse = _logits(rows, params)
    scores, gradients = _log_sum_exp(logits), np.zeros_like(params)
    (members, count), layers = logits.shape, inverse.shape[0]
    shares = np.zeros((members, count + 3), np.float32)  # none beyond the last row
    sign = 1.0 if label == 1 else -1.0
    for member in range(members):
        slope = -2.0 * sign * weight / (1.0 + math.exp(2.0 * sign * scores[member]))
        gradients[member, -1] = slope  # the bias moves every logit alike
        for row in range(count):
            softmax = math.exp(logits[member, row] - scores[member])
            shares[member, row] = slope * softmax * inverse[member % layers, row]
    _weighted_sums(rows, shares, gradients)
    _adam(params, moments, gradients, step, rates)
    return scores


def clip_losses(scores: np.ndarray, label: int) -> np.ndarray:
    """Cross-entropy of the two logits (-score, score), for label 0 real, 1 fake."""
    margins = (2 * label - 1) * scores
    # softplus(-2 margin), which must not overflow for a large negative margin
    losses: np.ndarray = np.log1p(np.exp(-2 * abs(margins))) + np.maximum(
        -2 * margins, 0
    )
    return losses


def stored_bits(rows: np.ndarray) -> np.ndarray:
    """View rows as they are read here: always read-only, so one compilation serves.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), float16 or float32
        A clip of a feature store, or some of its columns.

    Returns
    -------
    np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        A copy only of rows that do not lie one after the other, or of float16 rows on
        a processor without instructions for them.
    """
    bits = np.ascontiguousarray(rows)  # not np.memmap: the dispatcher is slow on it
    if bits.dtype == np.float16:
        bits = bits.view(np.int16) if _WIDENS_HALVES else bits.astype(np.float32)
    bits = bits.view()
    bits.flags.writeable = False
    return bits
