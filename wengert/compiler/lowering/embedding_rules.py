"""Embedding lookups, and their gradients with respect to the table.

Where an index is out of bounds a guard fails, and the function itself is called, which raises.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, convert, elementwise, reduction, reshape, zeros
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import Kernel, kernel_node
from wengert.compiler.kernels.gather_scatter import gathered
from wengert.compiler.lowering.rules import require
from wengert.compiler.machine import lanes_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.functions._embedding import sums_by_row

__all__ = ["lookup", "require_below", "row_sums"]

INDEX = np.dtype(np.int64)
COLUMN_BLOCK = 16  # columns that an iteration sums
MOST_EXACT = 8192  # rows, up to which float32 is summed in double precision, as eager execution does


class RowSums(Kernel):
    """Segment sums: add rows by their indices, in order. Operands: the indices (count,), the rows (count, width).

    Threads divide the columns, so that no two add to the same element.
    """

    def __init__(self, count: int, rows: int, width: int, dtype: Any, zeroed_row: int | None) -> None:
        self.count, self.rows, self.width, self.dtype, self.zeroed_row = count, rows, width, dtype, zeroed_row
        self.name = "sums by row"
        self.key: Hashable = ("sums by row", count, rows, width, dtype, zeroed_row)
        self.iterations = -(-width // COLUMN_BLOCK)
        self.nanoseconds = (count + rows) * width * dtype.itemsize / 8
        self.flops = count * width
        self.exact = rows <= MOST_EXACT and dtype == np.float32
        self.scratch = rows * COLUMN_BLOCK * 8 if self.exact else 0

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        full = self.width // COLUMN_BLOCK

        def chunk(i: str) -> None:
            start = code.times(i, COLUMN_BLOCK)
            if full * COLUMN_BLOCK == self.width:
                self.columns(code, start, COLUMN_BLOCK)
                return
            is_full = code.emit_value(f"icmp slt i64 {i}, {full}")
            if full:
                code.when(is_full, lambda: self.columns(code, start, COLUMN_BLOCK))
            is_last = code.emit_value(f"xor i1 {is_full}, true")
            code.when(is_last, lambda: self.columns(code, start, self.width - full * COLUMN_BLOCK))

        code.loop("%first", "%last", chunk)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def columns(self, code: IRBuilder, start: str, count: int) -> None:
        """Emit the sums of `count` columns."""
        dtype = self.dtype
        place, wide, width = (
            ("%scratch", np.dtype(np.float64), COLUMN_BLOCK) if self.exact else ("%p2", dtype, self.width)
        )
        base = code.address(place, "0" if self.exact else start, wide.itemsize)
        lanes = lanes_of(wide)

        def cleared(row: str) -> None:
            at = code.times(row, width)

            def some(j: str) -> None:
                code.store(code.number(0, wide), wide, base, code.emit_value(f"add nsw i64 {at}, {j}"))

            code.loop_over_elements(count, lanes, some)

        def added(i: str) -> None:
            at = code.times(row_number(code, i, self.rows), width)
            source = code.emit_value(f"add nsw i64 {code.times(i, self.width)}, {start}")

            def some(j: str) -> None:
                value = code.load(dtype, "%p1", code.emit_value(f"add nsw i64 {source}, {j}"))
                here = code.emit_value(f"add nsw i64 {at}, {j}")
                total = code.op("fadd", wide, code.load(wide, base, here), code.convert(value, dtype, wide))
                code.store(total, wide, base, here)

            code.loop_over_elements(count, lanes, some)

        def stored(row: str) -> None:
            at = code.times(row, width)
            target = code.emit_value(f"add nsw i64 {code.times(row, self.width)}, {start}")

            def some(j: str) -> None:
                value = code.convert(code.load(wide, base, code.emit_value(f"add nsw i64 {at}, {j}")), wide, dtype)
                code.store(value, dtype, "%p2", code.emit_value(f"add nsw i64 {target}, {j}"))

            code.loop_over_elements(count, lanes, some)

        code.loop("0", str(self.rows), cleared)
        code.loop("0", str(self.count), added)
        if self.zeroed_row is not None:
            cleared(str(self.zeroed_row))
        if self.exact:
            code.loop("0", str(self.rows), stored)

    def compute(self, *operands: Any) -> Any:
        total = sums_by_row(operands[0], operands[1], self.rows)
        if self.zeroed_row is not None:
            total[self.zeroed_row] = 0
        return total


def row_number(code: IRBuilder, i: str, rows: int) -> str:
    """Load the index of a row; out of bounds it is replaced by 0, because the guard may be checked later."""
    found = code.load(INDEX, "%p0", i)
    inside = code.emit_value(f"icmp ult i64 {found}, {rows}")
    return code.emit_value(f"select i1 {inside}, i64 {found}, i64 0")


# Nodes


def lookup(indices: Node, weight: Node, line: str) -> Node | None:
    """Gather rows of a table; None if no kernel does."""
    numbers = row_numbers(indices, weight, line)
    if numbers is None:
        return None
    if numbers.op != "constant":
        require_below(numbers, (weight.shape or ())[0], line)
    return gathered(weight, numbers, 0, line)


def row_sums(indices: Node, weight: Node, gy: Node, padding_index: int | None, line: str) -> Node | None:
    """The gradient with respect to the table; forward has required that the indices are in bounds."""
    numbers = row_numbers(indices, weight, line)
    if numbers is None:
        return None
    rows, width = weight.shape or ()
    values = reshape(gy if gy.dtype == weight.dtype else convert(gy, dtype=weight.dtype), (numbers.size, width), line)
    zeroed_row = None if padding_index is None else int(padding_index) % rows
    kernel = RowSums(numbers.size, rows, width, weight.dtype, zeroed_row)
    return kernel_node(kernel, (reshape(numbers, (numbers.size,), line), values), (rows, width), weight.dtype, line)


def row_numbers(indices: Node, weight: Node, line: str) -> Node | None:
    """The indices of rows as int64; None if no kernel takes them."""
    if weight.dtype not in (np.float32, np.float64) or not weight.dtype.isnative or weight.ndim != 2:
        return None
    if indices.dtype.kind not in "iu" or not indices.dtype.isnative or 0 in (indices.size, weight.size):
        return None
    if indices.op == "constant":
        array = indices.settings["array"]
        inside = array.min() >= 0 and array.max() < (weight.shape or ())[0]
        return constant(array.astype(INDEX)) if inside else None
    return indices if indices.dtype == INDEX else convert(indices, dtype=INDEX, line=line)


def require_below(numbers: Node, limit: int, line: str) -> None:
    """Add a guard that integers are at least 0 and below a limit."""
    if numbers.size == 1:  # (needs no reduction)
        numbers = reshape(numbers, (), line)
    # Converted to unsigned, negative integers are large.
    numbers = convert(numbers, dtype=np.uint64, line=line)
    inside = elementwise(np.less, numbers, zeros((), np.uint64, limit), line=line)
    require(inside if inside.shape == () else reduction(np.logical_and, inside, None, line=line), line)
