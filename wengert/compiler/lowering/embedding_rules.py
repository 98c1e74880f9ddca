"""Rows of a table by their numbers, and the sums of what comes back to each row.

A number beyond the table is the function's error: a guard leaves the plan there, and the function is called itself.
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
from wengert.compiler.machine import vector_bytes
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.functions._embedding import sums_by_row

__all__ = ["looked_up", "require_below", "row_sums"]

INDEX = np.dtype(np.int64)
TOGETHER = 16  # columns whose sums are gathered at once
MOST_EXACT = 8192  # rows, up to which sums of float32 are gathered in double precision, as the eager ones are


class RowSums(Kernel):
    """The sums of rows by their numbers, in order. Operands: the numbers (count,), the rows (count, width).

    Threads share the columns, so that no two add to one place.
    """

    def __init__(self, count: int, rows: int, width: int, dtype: Any, without: int | None) -> None:
        self.count, self.rows, self.width, self.dtype, self.without = count, rows, width, dtype, without
        self.name = "sums by row"
        self.key: Hashable = ("sums by row", count, rows, width, dtype, without)
        self.iterations = -(-width // TOGETHER)
        self.nanoseconds = (count + rows) * width * dtype.itemsize / 8
        self.flops = count * width
        self.exact = rows <= MOST_EXACT and dtype == np.float32
        self.scratch = rows * TOGETHER * 8 if self.exact else 0

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        full = self.width // TOGETHER

        def chunk(i: str) -> None:
            start = code.times(i, TOGETHER)
            if full * TOGETHER == self.width:
                self.columns(code, start, TOGETHER)
                return
            is_full = code.emit_value(f"icmp slt i64 {i}, {full}")
            if full:
                code.when(is_full, lambda: self.columns(code, start, TOGETHER))
            rest = code.emit_value(f"xor i1 {is_full}, true")
            code.when(rest, lambda: self.columns(code, start, self.width - full * TOGETHER))

        code.loop("%first", "%last", chunk)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def columns(self, code: IRBuilder, start: str, count: int) -> None:
        """The sums of so many columns."""
        dtype = self.dtype
        place, wide, width = ("%scratch", np.dtype(np.float64), TOGETHER) if self.exact else ("%p2", dtype, self.width)
        base = code.address(place, "0" if self.exact else start, wide.itemsize)
        lanes = lanes_of(wide)

        def cleared(row: str) -> None:
            at = code.times(row, width)
            over_columns(code, "0", count, lanes, lambda j: code.store(
                code.number(0, wide), wide, base, code.emit_value(f"add nsw i64 {at}, {j}")))  # fmt: skip

        def added(i: str) -> None:
            at = code.times(row_number(code, i, self.rows), width)
            source = code.emit_value(f"add nsw i64 {code.times(i, self.width)}, {start}")

            def some(j: str) -> None:
                value = code.load(dtype, "%p1", code.emit_value(f"add nsw i64 {source}, {j}"))
                here = code.emit_value(f"add nsw i64 {at}, {j}")
                total = code.op("fadd", wide, code.load(wide, base, here), code.convert(value, dtype, wide))
                code.store(total, wide, base, here)

            over_columns(code, "0", count, lanes, some)

        def stored(row: str) -> None:
            at = code.times(row, width)
            target = code.emit_value(f"add nsw i64 {code.times(row, self.width)}, {start}")

            def some(j: str) -> None:
                value = code.convert(code.load(wide, base, code.emit_value(f"add nsw i64 {at}, {j}")), wide, dtype)
                code.store(value, dtype, "%p2", code.emit_value(f"add nsw i64 {target}, {j}"))

            over_columns(code, "0", count, lanes, some)

        code.loop("0", str(self.rows), cleared)
        code.loop("0", str(self.count), added)
        if self.without is not None:
            cleared(str(self.without))
        if self.exact:
            code.loop("0", str(self.rows), stored)

    def compute(self, *operands: Any) -> Any:
        total = sums_by_row(operands[0], operands[1], self.rows)
        if self.without is not None:
            total[self.without] = 0
        return total


def lanes_of(dtype: Any) -> int:
    return min(vector_bytes() // int(dtype.itemsize), TOGETHER)


def row_number(code: IRBuilder, i: str, rows: int) -> str:
    """The number of a row: within the table, whatever it is."""
    found = code.load(INDEX, "%p0", i)
    inside = code.emit_value(f"icmp ult i64 {found}, {rows}")
    return code.emit_value(f"select i1 {inside}, i64 {found}, i64 0")


def over_columns(code: IRBuilder, first: str, count: int, lanes: int, body: Any) -> None:
    """Emit `body(j)` for columns, as many lanes at once as there are, then one by one."""
    whole = count // lanes * lanes
    code.lanes = lanes
    if whole:
        code.loop(first, str(whole), body, lanes)
    code.lanes = 1
    if whole < count:
        code.loop(str(whole), str(count), body)


# Nodes


def looked_up(indices: Node, weight: Node, line: str) -> Node | None:
    """The rows of a table; None if native code does not take them."""
    numbers = row_numbers(indices, weight, line)
    if numbers is None:
        return None
    if numbers.op != "constant":
        require_below(numbers, (weight.shape or ())[0], line)
    return gathered(weight, numbers, 0, line)


def row_sums(indices: Node, weight: Node, gy: Node, padding_index: int | None, line: str) -> Node | None:
    """The gradient by a table of what was looked up in it: forward has required that the numbers are within it."""
    numbers = row_numbers(indices, weight, line)
    if numbers is None:
        return None
    rows, width = weight.shape or ()
    values = reshape(gy if gy.dtype == weight.dtype else convert(gy, dtype=weight.dtype), (numbers.size, width), line)
    without = None if padding_index is None else int(padding_index) % rows
    kernel = RowSums(numbers.size, rows, width, weight.dtype, without)
    return kernel_node(kernel, (reshape(numbers, (numbers.size,), line), values), (rows, width), weight.dtype, line)


def row_numbers(indices: Node, weight: Node, line: str) -> Node | None:
    """The numbers of rows; None if native code does not look them up."""
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
    """Require that whole numbers are from 0 on and below a limit."""
    if numbers.size == 1:  # no reduction, which would leave a view
        numbers = reshape(numbers, (), line)
    # As a number without sign, one below 0 is a large one.
    numbers = convert(numbers, dtype=np.uint64, line=line)
    inside = elementwise(np.less, numbers, zeros((), np.uint64, limit), line=line)
    require(inside if inside.shape == () else reduction(np.logical_and, inside, None, line=line), line)
