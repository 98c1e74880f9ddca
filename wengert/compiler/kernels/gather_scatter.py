"""Kernels of gather and scatter along an axis.

Arrays are treated as (blocks, rows, elements of a row): the axes before, at, and after the axis. Positions are in
bounds, and none is negative.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from contextlib import nullcontext
from typing import Any

import numpy as np

from wengert.compiler.graph.build import uniform_value
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.graph.ufuncs import is_native
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import INDEX, Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder

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


class Gather(FormKernel):
    """Copies rows by index."""

    name = "gather"

    def __init__(self, shape: tuple[int, ...], axis: int, places: tuple[int, ...], dtype: Any) -> None:
        self.key: Hashable = (Gather, shape, axis, places, str(dtype))
        self.dtype = dtype
        self.blocks, self.length, self.row = math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :])
        self.count = math.prod(places)
        self.rows = self.blocks * self.count
        self.each = max(ROWS // max(self.row, 1), 1)
        self.iterations = -(-self.rows // self.each)
        self.nanoseconds = self.rows * (2 + self.row * dtype.itemsize / 16)

    def build(self, b: Builder) -> None:
        x, positions, out = b.operand(0, self.dtype), b.operand(1, INDEX), b.operand(2, self.dtype)
        start, stop = (b.parameter(name) * self.each for name in ("first", "last"))
        with b.loop(start, b.index("min", stop, self.rows)) as i:
            block, number = split(i, self.blocks, self.count)
            source = block * self.length + positions[number]
            b.copy(out.at(i * self.row), x.at(source * self.row), self.row)


class Scatter(FormKernel):
    """Assigns or adds rows by index."""

    def __init__(
        self, shape: tuple[int, ...], axis: int, places: tuple[int, ...], dtype: Any, adds: bool, zero: bool
    ) -> None:
        self.name = "scatter_add" if adds else "scatter"
        self.key: Hashable = (Scatter, shape, axis, places, str(dtype), adds, zero)
        self.dtype, self.adds, self.zero = dtype, adds, zero
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

    def build(self, b: Builder) -> None:
        positions, values = b.operand(0, INDEX), b.operand(1, self.dtype)
        old = None if self.zero else b.operand(2, self.dtype)
        out = b.operand(2 if self.zero else 3, self.dtype)
        lanes = max(64 // self.dtype.itemsize, 1)
        while lanes > 1 and lanes > self.width:
            lanes //= 2
        with b.iterations() as i:
            block, part = split(i, self.blocks, self.parts)
            column = part * self.width
            # (the old array is the result where it is in place)
            with nullcontext() if old is None else b.when(b.differ(old, out)):
                self.begin(b, block, column, old, out)
            with b.loop(0, self.count) as k:
                row = block * self.length + positions[k]
                into = out.at(row * self.row).at(column)
                given = values.at((block * self.count + k) * self.row).at(column)
                if self.adds:
                    with b.lanes(self.width, lanes, "one") as c:
                        b.update(np.add, into, c, given[c])
                else:
                    b.copy(into, given, self.width)

    def begin(self, b: Builder, block: Index, column: Index, old: Pointer | None, out: Pointer) -> None:
        """Initialize the elements that an iteration writes to with the old ones."""

        def fill(start: Index, count: int) -> None:
            if old is None:
                b.zero(out.at(start), count)
            else:
                b.copy(out.at(start), old.at(start), count)

        if self.parts == 1:
            fill(block * (self.length * self.row), self.length * self.row)
            return
        with b.loop(0, self.length) as i:
            fill((block * self.length + i) * self.row + column, self.width)


def split(index: Index, blocks: int, count: int) -> tuple[Index, Index]:
    """Split a linear index into the block, and the index in the block."""
    return (0, index) if blocks == 1 else (index // count, index % count)
