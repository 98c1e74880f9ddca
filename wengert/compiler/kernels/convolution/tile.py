"""The inner loops of convolutions: sums over channels and taps for a few rows of results at once, in registers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.kernels.convolution.grid import Grid, Part, Phase
from wengert.compiler.machine import lanes_of, vector_registers
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, memory_type
from wengert.compiler.targets.llvm.vector_registers import copy_line, multiply_add, plus

__all__ = [
    "ROWS",
    "Panel",
    "Weights",
    "dot",
    "lay_out",
    "looked_up",
    "moved",
    "row_length",
    "table",
    "walk_lines",
    "weights_of",
]

ROWS = 4  # results of so many channels are computed together
UNROLLED = 32  # taps: of more, the loop over them is a loop


class Weights(NamedTuple):
    """How far weights are apart, in elements: those of rows of results, of channels of the source, of taps."""

    row: int
    channel: int
    tap: int
    rows: int  # how far the weights of the first row are from those of the first one of all, for each row


def weights_of(rows: int, channels: int, taps: int, by_row: bool, packed: bool) -> Weights:
    """Where weights lie: (rows, channels, taps) or (channels, rows, taps), or `ROWS` rows next to each other."""
    if packed:
        return Weights(1, ROWS * taps, ROWS, channels * taps)
    return Weights(channels * taps, taps, 1, channels * taps) if by_row else Weights(taps, rows * taps, 1, taps)


def vectors_for(rows: int) -> int:
    """How many vectors of each of so many rows fill the registers."""
    return min(12 // rows if vector_registers() == 16 else 24 // rows, 8)


def row_length(places: int, lanes: int) -> int:
    """Places, rounded up to whole vectors."""
    return -(-places // lanes) * lanes


class Panel(NamedTuple):
    """What is computed of one group of rows of results: `rows` rows of `places` numbers.

    `taps` are the shifts in the source, and the numbers of the weights; `apart` is the distance of channels in the
    source.
    """

    dtype: Any
    rows: int
    places: int
    taps: tuple[tuple[int, int], ...]
    channels: int
    apart: int
    weights: Weights

    @property
    def length(self) -> int:
        """From one row of results to the next."""
        return row_length(self.places, lanes_of(self.dtype))

    def emit(self, code: IRBuilder, at: tuple[str, str, str], start: list[str]) -> None:
        """Compute all places.

        `at` are the places of the source, the weights and the results, whose rows are `length` apart; `start` are the
        values that the sums start with.
        """
        lanes, each = lanes_of(self.dtype), vectors_for(self.rows)
        whole, rest = divmod(self.length // lanes, each)
        tail = [rest] if rest else []
        if rest and rest < each - 1 and whole:  # two of middle length are faster than a long one and a short one
            whole -= 1
            tail = [(each + rest + 1) // 2, (each + rest) // 2]
        if whole:
            stop = str(whole * each * lanes)
            code.loop("0", stop, lambda p: self.tile(code, each, at, start, p), each * lanes)
        done = whole * each * lanes
        for count in tail:
            self.tile(code, count, at, start, str(done))
            done += count * lanes

    def tile(self, code: IRBuilder, vectors: int, at: tuple[str, str, str], start: list[str], place: str) -> None:
        """Compute some vectors of each of the rows, all of them in registers."""
        dtype, taps, weights = self.dtype, self.taps, self.weights
        size, code.lanes = dtype.itemsize, lanes_of(dtype)
        wide = code.type(dtype)
        sums = [[code.variable(wide) for _ in range(vectors)] for _ in range(self.rows)]
        for row, value in zip(sums, start, strict=True):
            for variable in row:
                code.emit(f"store {wide} {value}, ptr {variable}")
        source = code.address(at[0], place, size)

        def channel(c: str) -> None:
            seen = code.address(source, code.times(c, self.apart), size)
            numbers = code.address(at[1], code.times(c, weights.channel), size)
            if len(taps) <= UNROLLED:
                for shift, tap in taps:
                    self.tap(code, sums, moved(code, seen, shift * size), numbers, tap)
                    # LLVM would bring loads of neighbouring addresses together, for which there are not enough
                    # registers. This is no instruction; it keeps the loads of the next tap behind it.
                    code.emit('fence syncscope("singlethread") acq_rel')
                return
            shifts = table(code, [shift * size for shift, _ in taps])
            chosen = table(code, [tap * weights.tap * size for _, tap in taps])

            def by_table(t: str) -> None:
                there, number = (
                    code.emit_value(f"getelementptr i8, ptr {place}, i64 {looked_up(code, name, t)}")
                    for place, name in ((seen, shifts), (numbers, chosen))
                )
                self.tap(code, sums, there, number, 0)

            code.loop("0", str(len(taps)), by_table)

        if taps:
            code.loop("0", str(self.channels), channel)
        target = code.address(at[2], place, size)
        for r, row in enumerate(sums):
            for v, variable in enumerate(row):
                value = code.emit_value(f"load {wide}, ptr {variable}")
                there = moved(code, target, (r * self.length + v * code.lanes) * size)
                code.emit(f"store {wide} {value}, ptr {there}, align {size}")
        code.lanes = 1

    def tap(self, code: IRBuilder, sums: list[list[str]], seen: str, numbers: str, tap: int) -> None:
        """Add the products of one tap to all sums."""
        dtype, size, weights = self.dtype, self.dtype.itemsize, self.weights
        wide, type = code.type(dtype), memory_type(dtype)
        xs = [
            code.emit_value(f"load {wide}, ptr {moved(code, seen, v * code.lanes * size)}, align {size}")
            for v in range(len(sums[0]))
        ]
        for r, row in enumerate(sums):
            place = moved(code, numbers, (r * weights.row + tap * weights.tap) * size)
            number = code.splat(code.emit_value(f"load {type}, ptr {place}, align {size}"), type)
            for x, variable in zip(xs, row, strict=True):
                value = code.emit_value(f"load {wide}, ptr {variable}")
                code.emit(f"store {wide} {multiply_add(code, dtype, number, x, value)}, ptr {variable}")


def moved(code: IRBuilder, place: str, size: int) -> str:
    """An address so many bytes further."""
    return place if size == 0 else code.emit_value(f"getelementptr i8, ptr {place}, i64 {size}")


def table(code: IRBuilder, numbers: list[int]) -> str:
    """Whole numbers as a constant of the module."""
    text = f"[{len(numbers)} x i64] [{', '.join(f'i64 {n}' for n in numbers)}]"
    for name, declared in code.declarations.items():
        if declared.endswith(f"constant {text}"):
            return f"@{name}"
    name = f"shifts{len(code.declarations)}"
    code.declarations[name] = f"@{name} = private unnamed_addr constant {text}"
    return f"@{name}"


def looked_up(code: IRBuilder, name: str, index: str) -> str:
    """A number of such a constant."""
    return code.emit_value(f"load i64, ptr {code.emit_value(f'getelementptr i64, ptr {name}, i64 {index}')}")


def walk_lines(code: IRBuilder, parts: tuple[Part, ...], body: Any) -> None:
    """Emit loops over the lines of an array: `body` is given the index along each axis but the last."""

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


def dot(code: IRBuilder, indices: list[str], steps: list[int], start: int) -> str:
    """The place that indices lead to."""
    return plus(code, *(code.times(i, s) for i, s in zip(indices, steps, strict=True)), start)


def lay_out(code: IRBuilder, dtype: Any, grid: Grid, source: str, target: str, plane: int) -> None:
    """Lay out one channel of one image: `plane` numbers from `source` on."""
    sizes, size = grid.sizes, dtype.itemsize
    steps = [int(np.prod(sizes[i + 1 :], dtype=int)) for i in range(len(sizes))]
    for number, phase in enumerate(grid.sources):
        parts = phase.parts
        if not all(p.count for p in parts):
            continue
        ours = sum(p.first * s for p, s in zip(parts, steps, strict=True))
        theirs = number * grid.row + sum(p.cell * s for p, s in zip(parts, grid.steps, strict=True))
        if len(parts) > 1 and parts[-1] == Part(0, 1, sizes[-1], parts[-1].cell) and grid.steps[-2] == sizes[-1]:
            joined = parts[-2].count * sizes[-1] if parts[-2].step == 1 else 0
        else:
            joined = 0

        def line(
            indices: list[str], phase: Phase = phase, ours: int = ours, theirs: int = theirs, joined: int = joined
        ) -> None:
            parts = phase.parts
            taken = [p.step * s for p, s in zip(parts[:-1], steps[:-1], strict=True)]
            a = dot(code, indices, taken[: len(indices)], ours)
            b = dot(code, indices, list(grid.steps[: len(indices)]), theirs)
            count = joined or parts[-1].count
            step = 1 if joined else parts[-1].step
            copy_line(code, dtype, count, code.address(source, a, size), code.address(target, b, size), (step, 1))

        walk_lines(code, parts[:-1] if joined else parts, line)
