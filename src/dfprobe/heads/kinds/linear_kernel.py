"""The linear probe's arithmetic, compiled: several probes on one clip's stored rows.

Rows are read as they lie in the store, float16 or float32, and widened in registers.
Probes that are trained together share every row that is loaded: the two loops over rows
that take the time are written as vector code, since Numba compiles them a probe at a
time. All is in one file because Numba compiles anew when the file changes, not when an
imported one does. No function allows the compiler to reorder sums: it would do so in
one way in code that was just compiled and in another in code from Numba's cache, and
the first run would differ from the second in last digits.

For row ``x_t`` of a clip (arXiv 2511.17181, linear probing): ``z_t = w . x_t / |x_t| +
b``, score ``s = log sum_t exp(z_t)``, loss ``softplus(-2 (2 y - 1) s)``.
"""

import math
import platform
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

ADAM_BETAS = (0.9, 0.999)  # PyTorch's defaults, as is the epsilon
ADAM_EPSILON = 1e-8
_ALIGN = 16  # float32 values in a cache line

_LOG2_E = np.float32(1 / math.log(2))
_LN_2_HIGH = np.float32(0.693359375)  # few digits: its multiples are exact
_LN_2_LOW = np.float32(math.log(2) - 0.693359375)
_LOWEST = np.float32(-87)  # exp of less is no normal float32

_BLOCK = 8  # rows
_LANES = 8  # columns of a row that are summed side by side: one register of AVX2
# Registers of AVX-512 are twice as wide, and twice as many. They take two rows side by
# side, so that a sum has the same bits on every processor.
_WIDE = get_host_cpu_features().get("avx512f", False)
_ROWS_A_REGISTER = 2 if _WIDE else 1
# Members that share the rows in registers; what remains of them goes one by one. And
# rows held at a time, by the number of members.
_GROUP_OF_PRODUCTS, _GROUP_OF_SUM = (5, 5) if _WIDE else (5, 2)
_ROWS_OF_PRODUCTS = {_GROUP_OF_PRODUCTS: 8 if _WIDE else 2, 1: 8 if _WIDE else 4}
_ROWS_OF_SUM = {_GROUP_OF_SUM: 4, 1: 8}

_WORD, _FLOAT = ir.IntType(64), ir.FloatType()

# Called without the first argument, which a checker of types cannot know.
_intrinsic: Any = intrinsic(prefer_literal=True)


class _Emitter:
    """Writes the instructions of one call."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context = context
        self.builder = builder

    def word(self, value: int) -> Any:
        return ir.Constant(_WORD, value)

    def length(self, kind: Any, array: Any, axis: int) -> Any:
        """Length of one axis of an array."""
        parts = self.context.make_array(kind)(self.context, self.builder, array)
        shape = cgutils.unpack_tuple(self.builder, parts.shape)
        return shape[axis]

    def rows(self, kind: Any, array: Any, first: Any, count: int) -> list[Any]:
        """Addresses of successive rows, none beyond the last."""
        parts = self.context.make_array(kind)(self.context, self.builder, array)
        shape = cgutils.unpack_tuple(self.builder, parts.shape)
        strides = cgutils.unpack_tuple(self.builder, parts.strides)
        base = self.builder.ptrtoint(parts.data, _WORD)
        last = self.builder.sub(shape[0], self.word(1))
        addresses = []
        for number in range(count):
            row = self.builder.add(first, self.word(number))
            inside = self.builder.icmp_signed("<", row, last)
            row = self.builder.select(inside, row, last)
            offset = self.builder.mul(row, strides[0])
            addresses.append(self.builder.add(base, offset))
        return addresses

    def following(self, kind: Any, array: Any, addresses: list[Any]) -> list[Any]:
        """Addresses of as many rows after these; there may be none."""
        parts = self.context.make_array(kind)(self.context, self.builder, array)
        stride = cgutils.unpack_tuple(self.builder, parts.strides)[0]
        step = self.builder.mul(stride, self.word(len(addresses)))
        return [self.builder.add(address, step) for address in addresses]

    def pointer(self, address: Any, index: Any, kind: Any, size: int) -> Any:
        offset = self.builder.mul(index, self.word(size))
        address = self.builder.add(address, offset)
        return self.builder.inttoptr(address, kind.as_pointer())

    def load(
        self, addresses: list[Any], index: Any, array_kind: Any, lanes: int
    ) -> Any:
        """Values of one row from ``index`` on, or of two, widened to float32."""
        is_half = array_kind.dtype.bitwidth == 16
        size = array_kind.dtype.bitwidth // 8
        kind = ir.VectorType(ir.HalfType() if is_half else _FLOAT, lanes)
        loads = [
            self.builder.load(self.pointer(address, index, kind, size), align=size)
            for address in addresses
        ]
        values = loads[0]
        if len(loads) == 2:
            values = self.part(loads[0], loads[1], 0, 2 * lanes)
        wide = ir.VectorType(_FLOAT, values.type.count)
        return self.builder.fpext(values, wide) if is_half else values

    def part(self, left: Any, right: Any, first: int, count: int) -> Any:
        """Lanes ``first`` and following of two vectors, one after the other."""
        number = ir.IntType(32)
        lanes = [ir.Constant(number, lane) for lane in range(first, first + count)]
        mask = ir.Constant(ir.VectorType(number, count), lanes)
        return self.builder.shuffle_vector(left, right, mask)

    def store(self, value: Any, address: Any, index: Any) -> None:
        self.builder.store(value, self.pointer(address, index, value.type, 4), align=4)

    def prefetch(self, addresses: list[Any], index: Any, array_kind: Any) -> None:
        """Ask for values of rows from ``index`` on, without waiting for them."""
        byte, number = ir.IntType(8), ir.IntType(32)
        kind = [byte.as_pointer(), number, number, number]
        signature = ir.FunctionType(ir.VoidType(), kind)
        function = cgutils.get_or_insert_function(
            self.builder.module, signature, "llvm.prefetch.p0"
        )
        size = array_kind.dtype.bitwidth // 8
        read, keep_close, data = number(0), number(3), number(1)
        for address in addresses:
            line = self.pointer(address, index, byte, size)
            self.builder.call(function, [line, read, keep_close, data])

    def multiply_add(self, left: Any, right: Any, addend: Any) -> Any:
        kind = addend.type
        signature = ir.FunctionType(kind, [kind] * 3)
        name = f"llvm.fmuladd.v{kind.count}f32"
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        return self.builder.call(function, [left, right, addend])

    def total(self, values: Any) -> Any:
        signature = ir.FunctionType(_FLOAT, [_FLOAT, values.type])
        name = f"llvm.vector.reduce.fadd.v{values.type.count}f32"
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        zero = ir.Constant(_FLOAT, 0.0)
        return self.builder.call(function, [zero, values], fastmath=("reassoc",))

    def spread(self, value: Any, lanes: int) -> Any:
        """Put the one value of a vector in all lanes."""
        value = self.builder.extract_element(value, ir.Constant(ir.IntType(32), 0))
        vector = ir.Constant(ir.VectorType(_FLOAT, lanes), ir.Undefined)
        for lane in range(lanes):
            place = ir.Constant(ir.IntType(32), lane)
            vector = self.builder.insert_element(vector, value, place)
        return vector

    def each_row(self, first: Any, held: int, visit: Callable[[Any], None]) -> None:
        """Loop over the rows of a block, ``held`` at a time."""
        with cgutils.for_range(self.builder, self.word(_BLOCK // held)) as loop:
            done = self.builder.mul(loop.index, self.word(held))
            visit(self.builder.add(first, done))

    def each_column(
        self, dim: Any, lanes: int, visit: Callable[[Any, int], None]
    ) -> None:
        """Loop over columns: full registers, then what is left one by one."""
        steps = self.builder.udiv(dim, self.word(lanes))
        with cgutils.for_range(self.builder, steps) as loop:
            visit(self.builder.mul(loop.index, self.word(lanes)), lanes)
        rest = self.builder.urem(dim, self.word(lanes))
        with cgutils.for_range(self.builder, rest) as loop:
            done = self.builder.mul(steps, self.word(lanes))
            visit(self.builder.add(done, loop.index), 1)


class _Sum:
    """Running sums of the rows of a register: of full steps, and of single columns."""

    def __init__(self, emit: _Emitter) -> None:
        self._emit = emit
        self._places = {lanes: self._zeros(lanes) for lanes in (_LANES, 1)}

    def _zeros(self, lanes: int) -> Any:
        count = lanes * _ROWS_A_REGISTER
        zeros = ir.Constant(ir.VectorType(_FLOAT, count), [0.0] * count)
        return cgutils.alloca_once_value(self._emit.builder, zeros)

    def add_product(self, left: Any, right: Any, lanes: int) -> None:
        place = self._places[lanes]
        value = self._emit.multiply_add(left, right, self._emit.builder.load(place))
        self._emit.builder.store(value, place)

    def values(self) -> list[Any]:
        """Give the sum of each row."""
        return [self._value(row) for row in range(_ROWS_A_REGISTER)]

    def _value(self, row: int) -> Any:
        builder, parts = self._emit.builder, []
        for lanes, place in self._places.items():
            values = builder.load(place)
            of_row = self._emit.part(values, values, row * lanes, lanes)
            parts.append(self._emit.total(of_row))
        return builder.fadd(*parts)


@_intrinsic
def _row_products(
    context: Any, rows: Any, first: Any, params: Any, member: Any, out: Any, group: Any
) -> Any:
    """Products of a block of rows with several members.

    ``out[row, m] = rows[row] . params[m]`` for the ``group`` members from ``member``
    on. ``group`` is `_GROUP_OF_PRODUCTS` or 1; ``out`` has rows for whole blocks.
    """
    return _products_code(rows, params, out, group, with_squares=False)


@_intrinsic
def _products_and_squares(
    context: Any, rows: Any, first: Any, params: Any, member: Any, out: Any, group: Any
) -> Any:
    """Do `_row_products`, and put the rows' squared lengths in the last column."""
    return _products_code(rows, params, out, group, with_squares=True)


def _products_code(
    rows: Any, params: Any, out: Any, group: Any, with_squares: bool
) -> tuple[Any, Any]:
    members = group.literal_value
    held = _ROWS_OF_PRODUCTS[members]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to = _Emitter(context, builder)
        row_kind, _, params_kind, _, out_kind, _ = signature.args
        row_array, first, params_array, member, out_array, _ = args
        dim = to.length(row_kind, row_array, axis=1)
        places = [builder.add(member, to.word(m)) for m in range(members)]
        if with_squares:
            last = to.length(out_kind, out_array, axis=1)
            places.append(builder.sub(last, to.word(1)))
        weights = to.rows(params_kind, params_array, member, members)

        def products(row: Any) -> None:
            addresses = to.rows(row_kind, row_array, row, held)
            ahead = to.following(row_kind, row_array, addresses)
            registers = _by_register(addresses)
            sums = [[_Sum(to) for _ in places] for _ in registers]

            def visit(column: Any, lanes: int) -> None:
                loaded = [to.load(r, column, row_kind, lanes) for r in registers]
                if lanes > 1:
                    to.prefetch(ahead, column, row_kind)
                for m, address in enumerate(weights):
                    twice = [address] * _ROWS_A_REGISTER
                    weight = to.load(twice, column, params_kind, lanes)
                    for values, of_rows in zip(loaded, sums, strict=True):
                        of_rows[m].add_product(values, weight, lanes)
                if with_squares:
                    for values, of_rows in zip(loaded, sums, strict=True):
                        of_rows[-1].add_product(values, values, lanes)

            to.each_column(dim, _LANES, visit)
            results = _by_register(to.rows(out_kind, out_array, row, held))
            for of_members, lines in zip(sums, results, strict=True):
                for total, place in zip(of_members, places, strict=True):
                    for value, line in zip(total.values(), lines, strict=True):
                        to.store(value, line, place)

        to.each_row(first, held, products)
        return context.get_dummy_value()

    return types.void(rows, types.intp, params, types.intp, out, group), emit


def _by_register(rows: list[Any]) -> list[list[Any]]:
    starts = range(0, len(rows), _ROWS_A_REGISTER)
    return [rows[start : start + _ROWS_A_REGISTER] for start in starts]


@_intrinsic
def _add_rows(
    context: Any, rows: Any, first: Any, shares: Any, member: Any, sums: Any, group: Any
) -> Any:
    """Add a block of rows to the weighted sum of several members.

    ``sums[m] += sum over the rows of shares[row, m] * rows[row]`` for the ``group``
    members from ``member`` on. ``group`` is `_GROUP_OF_SUM` or 1; ``shares`` has rows
    for whole blocks, zero beyond the last row.
    """
    members = group.literal_value
    held = _ROWS_OF_SUM[members]

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to = _Emitter(context, builder)
        row_kind, _, shares_kind, _, sums_kind, _ = signature.args
        row_array, first, shares_array, member, sums_array, _ = args
        dim = to.length(row_kind, row_array, axis=1)
        places = [builder.add(member, to.word(m)) for m in range(members)]
        totals = to.rows(sums_kind, sums_array, member, members)

        def add(row: Any) -> None:
            addresses = to.rows(row_kind, row_array, row, held)
            factors = [
                [to.load([address], place, shares_kind, 1) for place in places]
                for address in to.rows(shares_kind, shares_array, row, held)
            ]

            def visit(column: Any, lanes: int) -> None:
                loaded = [to.load([a], column, row_kind, lanes) for a in addresses]
                for m, address in enumerate(totals):
                    total = to.load([address], column, sums_kind, lanes)
                    for values, of_row in zip(loaded, factors, strict=True):
                        factor = to.spread(of_row[m], lanes)
                        total = to.multiply_add(values, factor, total)
                    to.store(total, address, column)

            to.each_column(dim, _LANES * _ROWS_A_REGISTER, visit)

        to.each_row(first, held, add)
        return context.get_dummy_value()

    return types.void(rows, types.intp, shares, types.intp, sums, group), emit


def _widens_halves() -> bool:
    """Whether the processor has instructions for float16: all but very old ones."""
    is_x86 = platform.machine().lower() in {"x86_64", "amd64"}
    return not is_x86 or bool(get_host_cpu_features().get("f16c"))


_WIDENS_HALVES = _widens_halves()


def member_array(members: int, dim: int, leading: tuple[int, ...] = ()) -> np.ndarray:
    """Zeros with a line for each member, laid out for the kernels.

    Returns
    -------
    np.ndarray of shape (*leading, members, width), float32
        Each line starts a cache line: ``dim`` weights, the bias, and zeros that nothing
        reads.
    """
    # One cache line more than a power of two, or lines would crowd the same cache sets.
    width = (dim // _ALIGN + 1) * _ALIGN
    count = math.prod(leading) * members * width
    buffer = np.zeros(count + _ALIGN, np.float32)
    start = -buffer.ctypes.data // buffer.itemsize % _ALIGN
    return buffer[start : start + count].reshape(*leading, members, width)


@njit(cache=True, error_model="numpy")
def _logits_and_norms(rows: np.ndarray, params: np.ndarray) -> tuple[Any, Any]:
    """Logits, (members, rows), and inverse lengths of the rows, (rows,), float64."""
    (count, dim), members = rows.shape, params.shape[0]
    blocks = (count + _BLOCK - 1) // _BLOCK
    products = np.empty((blocks * _BLOCK, members + 1), np.float32)
    for row in range(0, count, _BLOCK):
        if members >= _GROUP_OF_PRODUCTS:
            _products_and_squares(rows, row, params, 0, products, _GROUP_OF_PRODUCTS)
            member = _GROUP_OF_PRODUCTS
        else:
            _products_and_squares(rows, row, params, 0, products, 1)
            member = 1
        while member + _GROUP_OF_PRODUCTS <= members:
            _row_products(rows, row, params, member, products, _GROUP_OF_PRODUCTS)
            member += _GROUP_OF_PRODUCTS
        while member < members:
            _row_products(rows, row, params, member, products, 1)
            member += 1
    logits, inverse = np.empty((members, count)), np.empty(count)
    for row in range(count):
        squares = products[row, members]
        # Infinite where a finite float32 row is too long: as bad as an infinite value.
        inverse[row] = 1.0 / math.sqrt(squares) if squares < np.inf else math.nan
    for member in range(members):
        bias = np.float64(params[member, dim])
        for row in range(count):
            logits[member, row] = products[row, member] * inverse[row] + bias
    return logits, inverse


@njit(cache=True, error_model="numpy")
def _exponential(value: Any) -> Any:
    """Exponential of a float32 that is not above 0, to its precision; vectorises."""
    value = _LOWEST if value < _LOWEST else value
    power = np.floor(value * _LOG2_E + np.float32(0.5))
    rest = (value - power * _LN_2_HIGH) - power * _LN_2_LOW
    series = np.float32(1 / 720)
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        series = series * rest + np.float32(factor)
    bits = (np.int32(power) + np.int32(127)) << np.int32(23)
    return series * np.int32(bits).view(np.float32)


@njit(cache=True, error_model="numpy")
def _softmax(logits: np.ndarray, shares: np.ndarray) -> float:
    """Leave the softmax of logits in ``shares``, float32; gives their log-sum-exp."""
    if not math.isfinite(logits.sum()):
        return math.nan
    top = -math.inf
    for row in range(logits.size):  # several times faster than max()
        top = logits[row] if logits[row] > top else top
    for row in range(logits.size):
        shares[row] = _exponential(np.float32(logits[row] - top))
    total = np.float32(0)
    for row in range(logits.size):  # apart: a sum in order is no vector code
        total += shares[row]
    shares *= np.float32(1) / total
    return top + math.log(total)


@njit(cache=True, error_model="numpy")
def _weighted_sums(rows: np.ndarray, shares: np.ndarray, sums: np.ndarray) -> None:
    """Sum the rows by the shares of each member, (rows in whole blocks, members)."""
    members = shares.shape[1]
    sums[:] = np.float32(0)
    for row in range(0, rows.shape[0], _BLOCK):
        member = 0
        while member + _GROUP_OF_SUM <= members:
            _add_rows(rows, row, shares, member, sums, _GROUP_OF_SUM)
            member += _GROUP_OF_SUM
        while member < members:
            _add_rows(rows, row, shares, member, sums, 1)
            member += 1


@njit(cache=True, error_model="numpy")
def frame_logits(rows: np.ndarray, params: np.ndarray) -> np.ndarray:
    """Logit of every row of a clip.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        Features as stored, see `stored_bits`.
    params : np.ndarray of shape (members, dim + 1 or more), float32
        Weights, then the bias, of each probe.

    Returns
    -------
    np.ndarray of shape (members, rows), float64
        NaN for a row that is all zero or not finite.
    """
    return _logits_and_norms(rows, params)[0]


@njit(cache=True, error_model="numpy")
def clip_scores(rows: np.ndarray, params: np.ndarray) -> np.ndarray:
    """Log-sum-exp over time of `frame_logits`: the clip's logits, larger = more fake.

    Returns
    -------
    np.ndarray of shape (members,), float64
        NaN if a row is all zero or not finite.
    """
    logits, _ = _logits_and_norms(rows, params)
    scores, shares = np.empty(params.shape[0]), np.empty(rows.shape[0], np.float32)
    for member in range(scores.size):
        scores[member] = _softmax(logits[member], shares)
    return scores


@njit(cache=True, error_model="numpy")
def clip_loss(score: float, label: int) -> float:
    """Cross-entropy of the two logits (-score, score), for label 0 real, 1 fake."""
    margin = score if label == 1 else -score
    # softplus(-2 margin), which must not overflow for a large negative margin
    return math.log1p(math.exp(-2.0 * abs(margin))) + max(-2.0 * margin, 0.0)


@njit(cache=True, error_model="numpy")
def clip_losses(rows: np.ndarray, label: int, params: np.ndarray) -> np.ndarray:
    """Loss of each probe on a clip, (members,) float64."""
    losses = clip_scores(rows, params)
    for member in range(losses.size):
        losses[member] = clip_loss(losses[member], label)
    return losses


@njit(cache=True, error_model="numpy")
def losses_and_gradients(
    rows: np.ndarray, label: int, params: np.ndarray, gradients: np.ndarray
) -> np.ndarray:
    """Loss of each probe on a clip, and its gradient by the parameters.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        Features as stored.
    label : int
        0 real, 1 fake.
    params : np.ndarray of shape (members, dim + 1 or more), float32
        Weights, then the bias, of each probe.
    gradients : np.ndarray like ``params``
        Overwritten. That of the score is the mean of the normalised rows under the
        softmax of their logits, and 1 for the bias, which moves every logit alike.

    Returns
    -------
    np.ndarray of shape (members,), float64
        NaN if a row is all zero or not finite.
    """
    (count, dim), members = rows.shape, params.shape[0]
    logits, inverse = _logits_and_norms(rows, params)
    blocks = (count + _BLOCK - 1) // _BLOCK
    shares = np.zeros((blocks * _BLOCK, members), np.float32)
    softmax = np.empty(count, np.float32)
    losses, slopes = np.empty(members), np.empty(members)
    sign = 1.0 if label == 1 else -1.0
    for member in range(members):
        score = _softmax(logits[member], softmax)
        losses[member] = clip_loss(score, label)
        slopes[member] = -2.0 * sign / (1.0 + math.exp(2.0 * sign * score))
        for row in range(count):
            shares[row, member] = slopes[member] * softmax[row] * inverse[row]
    _weighted_sums(rows, shares, gradients)
    for member in range(members):
        gradients[member, dim] = slopes[member]
    return losses


@njit(cache=True, error_model="numpy")
def _adam(
    params: np.ndarray,
    moments: np.ndarray,
    gradients: np.ndarray,
    step: int,
    rates: np.ndarray,
    weight: float,
) -> None:
    beta_1, beta_2 = np.float32(ADAM_BETAS[0]), np.float32(ADAM_BETAS[1])
    unbias = np.float32(1.0 / math.sqrt(1.0 - ADAM_BETAS[1] ** step))
    epsilon, one, scale = np.float32(ADAM_EPSILON), np.float32(1), np.float32(weight)
    for member in range(params.shape[0]):
        rate = np.float32(rates[member] / (1.0 - ADAM_BETAS[0] ** step))
        for i in range(params.shape[1]):
            change = scale * gradients[member, i]
            mean = beta_1 * moments[0, member, i] + (one - beta_1) * change
            square = beta_2 * moments[1, member, i] + (one - beta_2) * change * change
            moments[0, member, i], moments[1, member, i] = mean, square
            params[member, i] -= rate * mean / (np.sqrt(square) * unbias + epsilon)


@njit(cache=True, error_model="numpy")
def train_step(
    rows: np.ndarray,
    label: int,
    params: np.ndarray,
    moments: np.ndarray,
    gradients: np.ndarray,
    step: int,
    rates: np.ndarray,
    weight: float,
) -> np.ndarray:
    """One Adam step of each probe on one clip; gives the losses before the step.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        Features as stored.
    label : int
        0 real, 1 fake.
    params : np.ndarray of shape (members, dim + 1 or more), float32
        Weights, then the bias, of each probe; updated. `member_array` has the layout
        that is fastest.
    moments : np.ndarray of shape (2, *params.shape), float32
        Adam's running means of the gradient and of its square; updated.
    gradients : np.ndarray like ``params``
        Scratch space.
    step : int
        1 for the first step.
    rates : np.ndarray of shape (members,), float64
        Adam's learning rates.
    weight : float
        Factor of the loss.

    Returns
    -------
    np.ndarray of shape (members,), float64
        ``weight`` included; NaN if a row is all zero or not finite.
    """
    losses = losses_and_gradients(rows, label, params, gradients)
    _adam(params, moments, gradients, step, rates, weight)
    return losses * weight


def stored_bits(rows: np.ndarray) -> np.ndarray:
    """View rows as the kernels read them: always read-only, so one compilation serves.

    Parameters
    ----------
    rows : np.ndarray of shape (rows, dim), float16 or float32
        A clip of a feature store, or some of its columns.

    Returns
    -------
    np.ndarray of shape (rows, dim), int16 (bits of float16) or float32
        A copy only of float16 rows on a processor without instructions for them.
    """
    plain = np.asarray(rows)  # not np.memmap: the dispatcher is slow on subclasses
    if plain.dtype != np.float16:
        bits = plain.view()
    elif _WIDENS_HALVES:
        bits = plain.view(np.int16)
    else:
        bits = plain.astype(np.float32)
    bits.flags.writeable = False
    return bits
