"""Kernels of gather and scatter along an axis.

Arrays are treated as (blocks, rows, elements of a row): the axes before, at, and after the axis. Positions are in
bounds, and none is negative.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.build import uniform_value
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import Kernel, kernel_node
from wengert.compiler.graph.ufuncs import is_native
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.llvm_ufuncs import accumulate
from wengert.compiler.targets.llvm.vector_registers import clear

__all__ = ["gathered", "scattered"]

ROWS = 4096  # elements that an iteration of a gather copies, about
COLUMNS = 256  # bytes of each row that an iteration of a scatter writes


def gathered(x: Node, positions: Node, axis: int, line: str = "") -> Node:
    """np.take(x, positions, axis), for non-negative int64 positions."""
    shape = x.shape or ()
    after = (*shape[:axis], *(positions.shape or ()), *shape[axis + 1 :])
    kernel = Gather(shape, axis, positions.shape or (), x.dtype)
    return kernel_node(kernel, (x, positions), after, x.dtype, line)


def scattered(old: Node, positions: Node, values: Node, axis: int, adds: bool, line: str = "") -> Node | None:
    """`old` with values assigned (or added) at positions of an axis, in order."""
    dtype = old.dtype
    if adds and (not is_native(dtype) or dtype.kind == "b"):
        return None
    zero = old.op == "constant" and uniform_value(old) is not None and not uniform_value(old).tobytes().strip(b"\0")
    kernel = Scatter(old.shape or (), axis, positions.shape or (), dtype, adds, zero)
    operands = (positions, values) if zero else (positions, values, old)
    return kernel_node(kernel, operands, old.shape or (), dtype, line)


class Gather(Kernel):
    """Copies rows by index."""

    name = "gather"

    def __init__(self, shape: tuple[int, ...], axis: int, places: tuple[int, ...], dtype: Any) -> None:
        self.key: Hashable = (Gather, shape, axis, places, str(dtype))
        self.axis, self.dtype = axis, dtype
        self.blocks, self.length, self.row = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        self.count = math.prod(places)
        self.rows = self.blocks * self.count
        self.each = max(ROWS // max(self.row, 1), 1)
        self.iterations = -(-self.rows // self.each)
        self.nanoseconds = self.rows * (2 + self.row * dtype.itemsize / 16)

    def compute(self, x: Any, positions: Any) -> Any:
        return np.take(x, positions, self.axis)

    def text(self, declarations: dict[str, str]) -> str:
        code, size = IRBuilder(declarations), self.dtype.itemsize
        start = code.emit_value(f"mul nsw i64 %first, {self.each}")
        stop = at_most(code, code.emit_value(f"mul nsw i64 %last, {self.each}"), self.rows)

        def copy(row: str) -> None:
            block, number = row_of(code, row, self.blocks, self.count)
            place = code.load(np.dtype(np.int64), "%p1", number)
            source = code.emit_value(f"add nsw i64 {code.times(block, self.length)}, {place}")
            move(
                code,
                row_at(code, "%p2", row, self.row, size),
                row_at(code, "%p0", source, self.row, size),
                self.row * size,
            )

        code.loop(start, stop, copy)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")


class Scatter(Kernel):
    """Assigns or adds rows by index."""

    def __init__(
        self, shape: tuple[int, ...], axis: int, places: tuple[int, ...], dtype: Any, adds: bool, zero: bool
    ) -> None:
        self.name = "scatter_add" if adds else "scatter"
        self.key: Hashable = (Scatter, shape, axis, places, str(dtype), adds, zero)
        self.shape, self.axis, self.dtype, self.adds, self.zero = shape, axis, dtype, adds, zero
        self.blocks, self.length, self.row = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        self.count = math.prod(places)
        width = max(COLUMNS // dtype.itemsize, 1)
        self.overwrites = None if zero else 2
        self.width = width if self.row % width == 0 else self.row
        self.parts = self.row // max(self.width, 1)
        self.iterations = self.blocks * self.parts  # (no two of them write to one element)
        self.flops = self.blocks * self.count * self.row if adds else 0
        written = self.blocks * self.row * (self.length + self.count)
        self.nanoseconds = self.blocks * self.count * 2 + written * dtype.itemsize / 16

    def compute(self, positions: Any, values: Any, old: Any = None) -> Any:
        found = np.zeros(self.shape, self.dtype) if old is None else np.array(old, order="C")
        index = (*(slice(None),) * self.axis, positions)
        if self.adds:
            np.add.at(found, index, values)
        else:
            blocks = np.reshape(found, (self.blocks, self.length, self.row))
            rows = np.reshape(values, (self.blocks, self.count, self.row))
            for i, place in enumerate(np.ravel(positions)):
                blocks[:, place] = rows[:, i]
        return found

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        old, target = (None, "%p2") if self.zero else ("%p2", "%p3")

        def part(iteration: str) -> None:
            block, number = row_of(code, iteration, self.blocks, self.parts)
            column = code.times(number, self.width)
            if old is None:
                self.begin(code, block, column, old, target)
            else:  # (they are the same where it is in place)
                apart = code.emit_value(f"icmp ne ptr {old}, {target}")
                code.when(apart, lambda: self.begin(code, block, column, old, target))
            code.loop("0", str(self.count), lambda i: self.put(code, block, column, i, target))

        code.loop("%first", "%last", part)
        code.emit("ret void")
        pointers = ", ".join(f"ptr %p{i}" for i in range(3 + (old is not None)))
        return code.function(f"({pointers}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def begin(self, code: IRBuilder, block: str, column: str, old: str | None, target: str) -> None:
        """Emit: initialize the elements that an iteration writes to with the old ones."""
        size = self.dtype.itemsize

        def row(i: str) -> None:
            number = code.emit_value(f"add nsw i64 {code.times(block, self.length)}, {i}")
            into = code.address(row_at(code, target, number, self.row, size), column, size)
            if old is None:
                clear(code, into, self.width * size)
            else:
                move(
                    code, into, code.address(row_at(code, old, number, self.row, size), column, size), self.width * size
                )

        if self.parts > 1:
            code.loop("0", str(self.length), row)
            return
        block_bytes = self.length * self.row * size
        into = row_at(code, target, block, self.length * self.row, size)
        if old is None:
            clear(code, into, block_bytes)
        else:
            move(code, into, row_at(code, old, block, self.length * self.row, size), block_bytes)

    def put(self, code: IRBuilder, block: str, column: str, i: str, target: str) -> None:
        """Emit: assign or add one row."""
        size, dtype = self.dtype.itemsize, self.dtype
        place = code.load(np.dtype(np.int64), "%p0", i)
        number = code.emit_value(f"add nsw i64 {code.times(block, self.length)}, {place}")
        source = code.emit_value(f"add nsw i64 {code.times(block, self.count)}, {i}")
        into = code.address(row_at(code, target, number, self.row, size), column, size)
        values = code.address(row_at(code, "%p1", source, self.row, size), column, size)
        if not self.adds:
            move(code, into, values, self.width * size)
            return

        def add(c: str) -> None:
            total = accumulate(code, np.add, dtype, code.load(dtype, into, c), code.load(dtype, values, c))
            code.store(total, dtype, into, c)

        lanes = max(64 // size, 1)
        while lanes > 1 and lanes > self.width:
            lanes //= 2
        code.loop_over_elements(self.width, lanes, add)


def row_of(code: IRBuilder, index: str, blocks: int, count: int) -> tuple[str, str]:
    """Split a linear index into the block, and the index in the block."""
    if blocks == 1:
        return "0", index
    return code.emit_value(f"udiv i64 {index}, {count}"), code.emit_value(f"urem i64 {index}, {count}")


def row_at(code: IRBuilder, base: str, number: str, row: int, size: int) -> str:
    return code.address(base, code.times(number, row), size)


def at_most(code: IRBuilder, value: str, limit: int) -> str:
    return code.emit_value(f"select i1 {code.emit_value(f'icmp slt i64 {value}, {limit}')}, i64 {value}, i64 {limit}")


def move(code: IRBuilder, into: str, source: str, size: int) -> None:
    """Emit a copy of `size` bytes."""
    if size in (1, 2, 4, 8):
        value = code.emit_value(f"load i{8 * size}, ptr {source}, align {size}")
        code.emit(f"store i{8 * size} {value}, ptr {into}, align {size}")
        return
    code.declare("llvm.memcpy.p0.p0.i64", "void", "ptr, ptr, i64, i1")
    code.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr {into}, ptr {source}, i64 {size}, i1 false)")
