"""The inner loops of convolutions: register tiles that sum over channels and taps for a few rows of results."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.kernels.convolution.grid import Grid, Part, Phase
from wengert.compiler.machine import lanes_of, sums_at_once
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, memory_type
from wengert.compiler.targets.llvm.vector_registers import copy_line, multiply_add, plus

__all__ = [
    "ROWS",
    "Panel",
    "Weights",
    "advance",
    "constant_table",
    "lay_out",
    "linear_index",
    "loop_over_lines",
    "row_length",
    "table_entry",
    "weights_of",
]

ROWS = 4  # output channels of a tile
UNROLLED = 32  # taps: loops over more taps are not unrolled


class Weights(NamedTuple):
    """Strides of the weights, in elements: between rows of results, channels of the source, and taps."""

    row: int
    channel: int
    tap: int
    rows: int  # between groups of rows, for each row


def weights_of(rows: int, channels: int, taps: int, by_row: bool, packed: bool) -> Weights:
    """The layout (rows, channels, taps) or (channels, rows, taps); packed, `ROWS` rows are interleaved."""
    if packed:
        return Weights(1, ROWS * taps, ROWS, channels * taps)
    return Weights(channels * taps, taps, 1, channels * taps) if by_row else Weights(taps, rows * taps, 1, taps)


def vectors_for(rows: int) -> int:
    """The number of vectors per row that fill the registers."""
    return min(sums_at_once() // rows, 8)


def row_length(places: int, lanes: int) -> int:
    """Positions, rounded up to full vectors."""
    return -(-places // lanes) * lanes


class Panel(NamedTuple):
    """The computation of a group of rows of results: `rows` rows of `places` positions.

    `taps` are pairs of the shift in the source, and the index of the weight; `channel_stride` is that of the source.
    """

    dtype: Any
    rows: int
    places: int
    taps: tuple[tuple[int, int], ...]
    channels: int
    channel_stride: int
    weights: Weights

    @property
    def length(self) -> int:
        """The stride between rows of results."""
        return row_length(self.places, lanes_of(self.dtype))

    def emit(self, code: IRBuilder, at: tuple[str, str, str], start: list[str]) -> None:
        """Emit the computation of all positions, tile by tile.

        `at` are the addresses of the source, the weights and the results, whose row stride is `length`; `start` are
        the initial values of the sums.
        """
        lanes, each = lanes_of(self.dtype), vectors_for(self.rows)
        full, remainder = divmod(self.length // lanes, each)
        tail = [remainder] if remainder else []
        if (
            remainder and remainder < each - 1 and full
        ):  # two tiles of medium length are faster than a long and a short one
            full -= 1
            tail = [(each + remainder + 1) // 2, (each + remainder) // 2]
        if full:
            stop = str(full * each * lanes)
            code.loop("0", stop, lambda p: self.tile(code, each, at, start, p), each * lanes)
        done = full * each * lanes
        for count in tail:
            self.tile(code, count, at, start, str(done))
            done += count * lanes

    def tile(self, code: IRBuilder, vectors: int, at: tuple[str, str, str], start: list[str], place: str) -> None:
        """Emit a tile: some vectors of each row, all of them in registers."""
        dtype, taps, weights = self.dtype, self.taps, self.weights
        size, code.lanes = dtype.itemsize, lanes_of(dtype)
        wide = code.type(dtype)
        sums = [[code.variable(wide) for _ in range(vectors)] for _ in range(self.rows)]
        for row, value in zip(sums, start, strict=True):
            for variable in row:
                code.emit(f"store {wide} {value}, ptr {variable}")
        source = code.address(at[0], place, size)

        def channel(c: str) -> None:
            inputs = code.address(source, code.times(c, self.channel_stride), size)
            numbers = code.address(at[1], code.times(c, weights.channel), size)
            if len(taps) <= UNROLLED:
                for shift, tap in taps:
                    self.tap(code, sums, advance(code, inputs, shift * size), numbers, tap)
                    # LLVM would hoist and merge loads of adjacent addresses, and spill registers. This fence emits
                    # no instruction; it keeps the loads of the next tap after it.
                    code.emit('fence syncscope("singlethread") acq_rel')
                return
            shifts = constant_table(code, [shift * size for shift, _ in taps])
            chosen = constant_table(code, [tap * weights.tap * size for _, tap in taps])

            def tap_from_table(t: str) -> None:
                there, number = (
                    code.emit_value(f"getelementptr i8, ptr {place}, i64 {table_entry(code, name, t)}")
                    for place, name in ((inputs, shifts), (numbers, chosen))
                )
                self.tap(code, sums, there, number, 0)

            code.loop("0", str(len(taps)), tap_from_table)

        if taps:
            code.loop("0", str(self.channels), channel)
        target = code.address(at[2], place, size)
        for r, row in enumerate(sums):
            for v, variable in enumerate(row):
                value = code.emit_value(f"load {wide}, ptr {variable}")
                there = advance(code, target, (r * self.length + v * code.lanes) * size)
                code.emit(f"store {wide} {value}, ptr {there}, align {size}")
        code.lanes = 1

    def tap(self, code: IRBuilder, sums: list[list[str]], inputs: str, numbers: str, tap: int) -> None:
        """Emit the multiply-adds of one tap."""
        dtype, size, weights = self.dtype, self.dtype.itemsize, self.weights
        wide, type = code.type(dtype), memory_type(dtype)
        xs = [
            code.emit_value(f"load {wide}, ptr {advance(code, inputs, v * code.lanes * size)}, align {size}")
            for v in range(len(sums[0]))
        ]
        for r, row in enumerate(sums):
            place = advance(code, numbers, (r * weights.row + tap * weights.tap) * size)
            number = code.splat(code.emit_value(f"load {type}, ptr {place}, align {size}"), type)
            for x, variable in zip(xs, row, strict=True):
                value = code.emit_value(f"load {wide}, ptr {variable}")
                code.emit(f"store {wide} {multiply_add(code, dtype, number, x, value)}, ptr {variable}")


def advance(code: IRBuilder, place: str, size: int) -> str:
    """The address `size` bytes further."""
    return place if size == 0 else code.emit_value(f"getelementptr i8, ptr {place}, i64 {size}")


def constant_table(code: IRBuilder, numbers: list[int]) -> str:
    """A global constant array of integers."""
    text = f"[{len(numbers)} x i64] [{', '.join(f'i64 {n}' for n in numbers)}]"
    for name, declared in code.declarations.items():
        if declared.endswith(f"constant {text}"):
            return f"@{name}"
    name = f"shifts{len(code.declarations)}"
    code.declarations[name] = f"@{name} = private unnamed_addr constant {text}"
    return f"@{name}"


def table_entry(code: IRBuilder, name: str, index: str) -> str:
    """Load an element of a global constant array."""
    return code.emit_value(f"load i64, ptr {code.emit_value(f'getelementptr i64, ptr {name}, i64 {index}')}")


def loop_over_lines(code: IRBuilder, parts: tuple[Part, ...], body: Any) -> None:
    """Emit loops over the lines of an array: `body` gets the indices of all axes but the last."""

    def loop(indices: list[str]) -> None:
        if len(indices) == len(parts) - 1:
            body(indices)
            return
        count = parts[len(indices)].count
        if count == 1:
            loop([*indices, "0"])
        else:
            code.loop("0", str(count), lambda i: loop([*indices, i]))

    loop([])


def linear_index(code: IRBuilder, indices: list[str], steps: list[int], start: int) -> str:
    """The linear index: the dot product of indices and strides, plus `start`."""
    return plus(code, *(code.times(i, s) for i, s in zip(indices, steps, strict=True)), start)


def lay_out(code: IRBuilder, dtype: Any, grid: Grid, source: str, target: str, plane: int) -> None:
    """Emit the copy of a channel of an image, `plane` elements from `source` on, into the grid."""
    sizes, size = grid.sizes, dtype.itemsize
    steps = [int(np.prod(sizes[i + 1 :], dtype=int)) for i in range(len(sizes))]
    for number, phase in enumerate(grid.sources):
        parts = phase.parts
        if not all(p.count for p in parts):
            continue
        source_offset = sum(p.first * s for p, s in zip(parts, steps, strict=True))
        target_offset = number * grid.row + sum(p.cell * s for p, s in zip(parts, grid.steps, strict=True))
        if len(parts) > 1 and parts[-1] == Part(0, 1, sizes[-1], parts[-1].cell) and grid.steps[-2] == sizes[-1]:
            joined = parts[-2].count * sizes[-1] if parts[-2].step == 1 else 0
        else:
            joined = 0

        def line(
            indices: list[str],
            phase: Phase = phase,
            source_offset: int = source_offset,
            target_offset: int = target_offset,
            joined: int = joined,
        ) -> None:
            parts = phase.parts
            taken = [p.step * s for p, s in zip(parts[:-1], steps[:-1], strict=True)]
            a = linear_index(code, indices, taken[: len(indices)], source_offset)
            b = linear_index(code, indices, list(grid.steps[: len(indices)]), target_offset)
            count = joined or parts[-1].count
            step = 1 if joined else parts[-1].step
            copy_line(code, dtype, count, code.address(source, a, size), code.address(target, b, size), (step, 1))

        loop_over_lines(code, parts[:-1] if joined else parts, line)
