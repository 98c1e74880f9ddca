"""The kernel of segment sums: rows are added by their indices, as in the gradient of an embedding."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import INDEX, Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.machine import lanes_of

__all__ = ["sums_of_rows"]

COLUMN_BLOCK = 16  # columns that an iteration sums
MOST_EXACT = 8192  # rows, up to which float32 is summed in double precision, as eager execution does


def sums_of_rows(indices: Node, values: Node, rows: int, zeroed_row: int | None, line: str) -> Node:
    """The sums of the values (count, width) with each index: (rows, width); one of them may be 0."""
    count, width = values.shape or ()
    kernel = RowSums(count, rows, width, values.dtype, zeroed_row)
    return kernel_node(kernel, (indices, values), (rows, width), values.dtype, line)


class RowSums(FormKernel):
    """Adds rows in order. Threads divide the columns, so that no two add to the same element."""

    name = "sums by row"

    def __init__(self, count: int, rows: int, width: int, dtype: Any, zeroed_row: int | None) -> None:
        self.count, self.rows, self.width, self.dtype, self.zeroed_row = count, rows, width, dtype, zeroed_row
        self.key: Hashable = ("sums by row", count, rows, width, dtype, zeroed_row)
        self.iterations = -(-width // COLUMN_BLOCK)
        self.nanoseconds = (count + rows) * width * dtype.itemsize / 8
        self.flops = count * width
        self.exact = rows <= MOST_EXACT and dtype == np.float32
        self.scratch = rows * COLUMN_BLOCK * 8 if self.exact else 0

    def build(self, b: Builder) -> None:
        full, rest = divmod(self.width, COLUMN_BLOCK)
        with b.iterations() as i:
            start = i * COLUMN_BLOCK
            if not (full and rest):
                self.columns(b, start, COLUMN_BLOCK if full else rest)
                return
            with b.when(b.apply(np.less, i, full)):
                self.columns(b, start, COLUMN_BLOCK)
            with b.when(b.apply(np.equal, i, full)):
                self.columns(b, start, rest)

    def columns(self, b: Builder, start: Index, count: int) -> None:
        """Add `count` columns up."""
        indices, values, out = b.operand(0, INDEX), b.operand(1, self.dtype), b.operand(2, self.dtype)
        sums: Pointer = b.scratch(np.float64) if self.exact else out.at(start)
        pitch, lanes = COLUMN_BLOCK if self.exact else self.width, lanes_of(sums.dtype)

        def clear(row: Index) -> None:
            with b.lanes(count, lanes, "one") as j:
                sums[row * pitch + j] = 0

        with b.loop(0, self.rows) as row:
            clear(row)
        with b.loop(0, self.count) as k:
            # (out of bounds an index is replaced by 0: the guard may be checked later)
            inside = b.apply(np.less, b.convert(indices[k], np.dtype(np.uint64)), self.rows)
            row = b.select(inside, indices[k], 0)
            with b.lanes(count, lanes, "one") as j:
                b.update(np.add, sums, row * pitch + j, b.convert(values[k * self.width + start + j], sums.dtype))
        if self.zeroed_row is not None:
            clear(self.zeroed_row)
        if self.exact:
            with b.loop(0, self.rows) as row, b.lanes(count, lanes, "one") as j:
                out[row * self.width + start + j] = b.convert(sums[row * pitch + j], self.dtype)
