"""The tiling of a recurrence: lanes, units, blocks of the batch; and the matrix product of its steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from wengert.compiler.kernels.recurrence.cells import CELLS, Cell
from wengert.compiler.machine import lanes_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type
from wengert.compiler.targets.llvm.vector_registers import multiply_add, sums_at_once

__all__ = ["Layout", "add_products", "blocks_of", "layout_of", "over_rows", "row_range"]


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


def over_rows(code: IRBuilder, batch: int, blocks: int, body: Callable[[str, str, int], None]) -> None:
    """Emit `body(block, row, rows)` for the blocks from `first` to `last`; `row` is the first of its rows."""
    rows = -(-batch // blocks)

    def one(block: str) -> None:
        if batch % blocks == 0:
            body(block, code.emit_value(f"mul nsw i64 {block}, {rows}"), rows)
            return
        after = code.emit_value(f"add nsw i64 {block}, 1")
        start, stop = (code.emit_value(f"udiv i64 {code.times(i, batch)}, {blocks}") for i in (block, after))
        count = code.emit_value(f"sub nsw i64 {stop}, {start}")
        for n in (rows, rows - 1):
            holds = code.emit_value(f"icmp eq i64 {count}, {n}")
            code.when(holds, lambda n=n: body(block, start, n))  # type: ignore[misc]

    code.loop("%first", "%last", one)


def row_range(code: IRBuilder, batch: int, blocks: int) -> tuple[str, str]:
    """The rows of the blocks from `first` to `last`."""
    start, stop = (code.emit_value(f"udiv i64 {code.times(i, batch)}, {blocks}") for i in ("%first", "%last"))
    return start, stop


def add_products(code: IRBuilder, dtype: Any, sums: list[list[str]], rows: list[str], weights: str, count: int) -> None:
    """Emit a matrix product: to the sums of each row, in variables, add its elements times vectors of the weights.

    `rows` are the addresses of the rows. The weights are in the order in which they are read: for each element of a
    row, as many vectors as it has sums.
    """
    type, size = code.type(dtype), dtype.itemsize
    vectors = len(sums[0])
    unrolled = 2 - count % 2

    def some(k: str) -> None:
        found = [[code.emit_value(f"load {type}, ptr {s}") for s in row] for row in sums]
        start = code.address(weights, code.times(k, vectors * code.lanes), size)
        numbers = [code.address(row, k, size) for row in rows]
        for i in range(unrolled):

            def factor(r: int, i: int = i) -> str:
                place = code.emit_value(f"getelementptr i8, ptr {numbers[r]}, i64 {i * size}")
                lanes, code.lanes = code.lanes, 1
                one = code.emit_value(f"load {register_type(dtype)}, ptr {place}, align {size}")
                code.lanes = lanes
                return code.splat(one, register_type(dtype))

            def weight(v: int, i: int = i) -> str:
                place = code.emit_value(f"getelementptr i8, ptr {start}, i64 {(i * vectors + v) * code.lanes * size}")
                return code.emit_value(f"load {type}, ptr {place}, align {size}")

            # The smaller of the two operands stays in registers: there are just enough.
            if vectors < len(rows):
                weights_here = [weight(v) for v in range(vectors)]
                for r in range(len(rows)):
                    number = factor(r)
                    for v in range(vectors):
                        found[r][v] = multiply_add(code, dtype, number, weights_here[v], found[r][v])
            else:
                factors = [factor(r) for r in range(len(rows))]
                for v in range(vectors):
                    vector = weight(v)
                    for r in range(len(rows)):
                        found[r][v] = multiply_add(code, dtype, factors[r], vector, found[r][v])
        for row, values in zip(sums, found, strict=True):
            for place, value in zip(row, values, strict=True):
                code.emit(f"store {type} {value}, ptr {place}")

    code.loop("0", str(count), some, unrolled)
