"""The tiling of a recurrence: lanes, units, blocks of the batch; and the matrix product of its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.kernels.ir import Index, Pointer, Register, Value
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.recurrence.cells import CELLS, Cell
from wengert.compiler.machine import lanes_of, sums_at_once

__all__ = ["Layout", "add_products", "blocks_of", "layout_of", "over_rows"]


class Layout(NamedTuple):
    """The tiling of a recurrence.

    Blocks of rows of the batch are independent: a thread computes all steps of its blocks.

    Attributes
    ----------
    cell : str
        Its name among `CELLS`.
    units : int
        `hidden`, padded with zeros to full vectors.
    together : int
        Vectors of units of a register tile.
    blocks : int
        The number of blocks of rows.
    strides : tuple of int
        Of x, along the sequence and the batch: it is read in place.
    """

    cell: str
    length: int
    batch: int
    width: int
    hidden: int
    dtype: Any
    reverse: bool
    masked: bool
    lanes: int
    units: int
    together: int
    blocks: int
    strides: tuple[int, int]

    @property
    def kind(self) -> Cell:
        return CELLS[self.cell]

    @property
    def spread(self) -> int:
        """Units of a register tile."""
        return self.together * self.lanes

    @property
    def step(self) -> int:
        """Elements of a state."""
        return self.batch * self.units

    @property
    def row(self) -> int:
        """The row stride of the array in which the state h and the input of a step are adjacent."""
        return self.units + -(-self.width // self.lanes) * self.lanes


def layout_of(
    cell: str,
    shape: tuple[int, int, int],
    hidden: int,
    dtype: Any,
    reverse: bool,
    masked: bool,
    strides: tuple[int, int],
) -> Layout:
    """The layout of a recurrence; `shape` and `strides` are those of x."""
    length, batch, width = shape
    lanes = lanes_of(dtype)
    while lanes > 2 and lanes >= 2 * hidden:
        lanes //= 2
    vectors = -(-hidden // lanes)
    if vectors > 8:  # a little more padding, and all tiles have the best size
        vectors = -(-vectors // 4) * 4
    sums = CELLS[cell].sums
    for together in (4, 2, 1):
        rows = min(batch, sums_at_once() // (sums * together))
        if vectors % together == 0 and rows >= min(batch, 3):
            break
    units, blocks = vectors * lanes, blocks_of(batch, rows)
    return Layout(
        cell, length, batch, width, hidden, dtype, reverse, masked, lanes, units, together, blocks, strides
    )  # fmt: skip


def blocks_of(batch: int, rows: int) -> int:
    """The number of blocks of at most `rows` rows: even, so that two threads have the same work."""
    blocks = -(-batch // rows)
    return blocks + blocks % 2 if 1 < blocks < batch else blocks


def over_rows(b: Builder, batch: int, blocks: int, body: Callable[[Index, Index, int], None]) -> None:
    """``body(block, row, rows)`` for the blocks of this call; `row` is the first of its rows."""
    rows = -(-batch // blocks)
    with b.iterations() as block:
        if batch % blocks == 0:
            body(block, block * rows, rows)
            return
        start, stop = (i * batch // blocks for i in (block, block + 1))
        for n in (rows, rows - 1):
            with b.when(b.apply(np.equal, stop - start, n)):
                body(block, start, n)


def add_products(
    b: Builder, lane: Index, lanes: int, sums: list[list[Register]], rows: list[Pointer], weights: Pointer, count: int
) -> None:  # fmt: skip
    """Add a matrix product to the sums of each row, in registers: its elements times vectors of the weights.

    `rows` points to each row. The weights are in the order in which they are read: for each element of a row, as many
    vectors as it has sums.
    """
    vectors, unrolled = len(sums[0]), 2 - count % 2
    with b.loop(0, count, unrolled) as k:
        found = [[register.get() for register in row] for row in sums]
        start = weights.at(k * (vectors * lanes))
        numbers = [row.at(k) for row in rows]
        for i in range(unrolled):

            def weight(v: int, i: int = i) -> Value:
                return start[lane + (i * vectors + v) * lanes]

            # The smaller of the two operands stays in registers: there are just enough.
            if vectors < len(rows):
                weights_here = [weight(v) for v in range(vectors)]
                for r in range(len(rows)):
                    number = numbers[r][i]
                    for v in range(vectors):
                        found[r][v] = b.fma(number, weights_here[v], found[r][v])
            else:
                factors = [numbers[r][i] for r in range(len(rows))]
                for v in range(vectors):
                    vector = weight(v)
                    for r in range(len(rows)):
                        found[r][v] = b.fma(factors[r], vector, found[r][v])
        for row, values in zip(sums, found, strict=True):
            for register, value in zip(row, values, strict=True):
                register.set(value)
