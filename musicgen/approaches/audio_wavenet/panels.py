"""Products of a few rows with a matrix, in the processor's vector registers.

A matrix is laid out in panels: the outputs that fit in registers, for one input after another. So a product reads it
from the first byte to the last, as fast as the cache allows, and touches each result only twice. The compiler finds
neither by itself, so the loop over a panel is written in its own vector instructions.

Every output is the sum of its products in the order of the inputs, however many rows go through together: results are
the same to the last bit. Knows nothing of networks. Imports numba: workers only.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

IS_WIDE = bool(binding.get_host_cpu_features().get("avx512f"))
LANES = 16 if IS_WIDE else 8  # numbers in a vector; if registers are smaller, the compiler uses two
ROWS = 4 if IS_WIDE else 2  # that go through a panel together: rows × 4 results fit in the registers
WIDTHS = (4, 2, 1)  # vectors in a panel; each product takes the widest that fit

FLOAT, INDEX = ir.FloatType(), ir.IntType(64)
VECTOR = ir.VectorType(FLOAT, LANES)


def padded(n_out: int) -> int:
    """`n_out` rounded up to whole vectors: the length of rows of results."""
    return -(-n_out // LANES) * LANES


def packed(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights (n_in, n_out) → the same in panels, with zeros up to whole vectors; (n_in × padded(n_out),)."""
    n_in, n_out = weights.shape
    wide = np.zeros((n_in, padded(n_out)), dtype=np.float32)
    wide[:, :n_out] = weights
    panels, first = [], 0
    for width in WIDTHS:
        while first + width * LANES <= wide.shape[1]:
            panels.append(wide[:, first : first + width * LANES].ravel())
            first += width * LANES
    return aligned(np.concatenate(panels))


def aligned(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same values at an address where a cache line starts."""
    room = np.empty(values.size + 16, dtype=np.float32)
    first = -room.ctypes.data // 4 % 16
    made = room[first : first + values.size].reshape(values.shape)
    made[...] = values
    return made


def _panel(width: int, rows: int) -> Any:
    """intrinsic (x, x_stride, weights, n_in, y, y_stride): y += x @ weights for one panel; addresses, and strides in
    numbers."""

    @intrinsic
    def add_panel(typing: Any, x: Any, x_stride: Any, weights: Any, n_in: Any, y: Any, y_stride: Any) -> Any:
        return types.void(*[types.intp] * 6), lambda context, builder, signature, arguments: _write_panel(
            context, builder, arguments, width, rows
        )

    return add_panel


def _write_panel(context: Any, builder: Any, arguments: Any, width: int, rows: int) -> Any:
    """A loop over the inputs, of which there is at least one."""
    x, x_stride, weights, n_in, y, y_stride = arguments
    x, weights, y = (builder.inttoptr(each, FLOAT.as_pointer()) for each in (x, weights, y))
    fused = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
        builder.module, ir.FunctionType(VECTOR, [VECTOR] * 3), f"llvm.fmuladd.v{LANES}f32"
    )

    def times(number: Any, factor: int) -> Any:
        return builder.mul(number, ir.Constant(INDEX, factor))

    def vector_at(start: Any, place: Any) -> Any:
        return builder.bitcast(builder.gep(start, [place]), VECTOR.as_pointer())

    def broadcast(number: Any) -> Any:
        nothing = ir.Constant(VECTOR, ir.Undefined)
        first = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

    # rows × width sums stay in registers from the first input to the last.
    places = [
        vector_at(y, builder.add(times(y_stride, row), ir.Constant(INDEX, column * LANES)))
        for row in range(rows)
        for column in range(width)
    ]
    begun = [builder.load(place, align=4) for place in places]
    before, body, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.branch(body)
    builder.position_at_end(body)
    i, sums = builder.phi(INDEX), [builder.phi(VECTOR) for _ in begun]
    # Input i of each row, in all lanes of a vector, times the weights of input i.
    line = times(i, width * LANES)
    columns = [
        builder.load(vector_at(weights, builder.add(line, ir.Constant(INDEX, c * LANES))), align=4)
        for c in range(width)
    ]
    heard = [
        broadcast(builder.load(builder.gep(x, [builder.add(times(x_stride, row), i)]), align=4)) for row in range(rows)
    ]
    added = [builder.call(fused, [heard[n // width], columns[n % width], sums[n]]) for n in range(len(sums))]
    following = builder.add(i, ir.Constant(INDEX, 1))
    for phi, first, later in zip([i, *sums], [ir.Constant(INDEX, 0), *begun], [following, *added], strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(later, body)
    builder.cbranch(builder.icmp_signed("<", following, n_in), body, after)
    builder.position_at_end(after)
    for place, result in zip(places, added, strict=True):
        builder.store(result, place, align=4)
    return context.get_dummy_value()


four_one, two_one, one_one = (_panel(width, 1) for width in WIDTHS)
four_all, two_all, one_all = (_panel(width, ROWS) for width in WIDTHS)


@numba.njit(nogil=True, error_model="numpy")
def add_product(x, n_in, weights, y):  # type: ignore[no-untyped-def]
    """y (rows, padded outputs) += x[:, :n_in] @ weights (packed). x (rows, at least n_in). Rows are contiguous."""
    if n_in == 0:
        return
    n_rows, n_out = y.shape
    from_x, from_y, x_stride, y_stride = x.ctypes.data, y.ctypes.data, x.strides[0] // 4, y.strides[0] // 4
    address, first = weights.ctypes.data, 0
    while first < n_out:
        width = 4 if n_out - first >= 4 * LANES else 2 if n_out - first >= 2 * LANES else 1
        row = 0
        while row < n_rows:
            here, there = from_x + 4 * row * x_stride, from_y + 4 * (row * y_stride + first)
            if n_rows - row >= ROWS:
                if width == 4:
                    four_all(here, x_stride, address, n_in, there, y_stride)
                elif width == 2:
                    two_all(here, x_stride, address, n_in, there, y_stride)
                else:
                    one_all(here, x_stride, address, n_in, there, y_stride)
                row += ROWS
            else:
                if width == 4:
                    four_one(here, x_stride, address, n_in, there, y_stride)
                elif width == 2:
                    two_one(here, x_stride, address, n_in, there, y_stride)
                else:
                    one_one(here, x_stride, address, n_in, there, y_stride)
                row += 1
        address += 4 * n_in * width * LANES
        first += width * LANES
