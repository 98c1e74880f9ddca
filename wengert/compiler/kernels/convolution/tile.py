"""The inner loops of convolutions: register tiles that sum over channels and taps for a few rows of results."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from wengert.compiler.kernels.convolution.grid import Grid, Part
from wengert.compiler.kernels.ir import Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.lines import copy_line, loop_over_lines
from wengert.compiler.machine import lanes_of, sums_at_once

__all__ = ["ROWS", "Panel", "Weights", "lay_out", "row_length", "weights_of"]

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

    def add(self, b: Builder, source: Pointer, weights: Pointer, results: Pointer, start: list[Any]) -> None:
        """Compute all positions, tile by tile. The row stride of the results is `length`; the sums begin at `start`."""
        lanes, each = lanes_of(self.dtype), vectors_for(self.rows)
        full, remainder = divmod(self.length // lanes, each)
        tail = [remainder] if remainder else []
        if (
            remainder and remainder < each - 1 and full
        ):  # two tiles of medium length are faster than a long and a short one
            full -= 1
            tail = [(each + remainder + 1) // 2, (each + remainder) // 2]
        if full:
            with b.loop(0, full * each * lanes, each * lanes) as place:
                self.tile(b, each, source.at(place), weights, results.at(place), start)
        done = full * each * lanes
        for count in tail:
            self.tile(b, count, source.at(done), weights, results.at(done), start)
            done += count * lanes

    def tile(
        self, b: Builder, vectors: int, source: Pointer, weights: Pointer, results: Pointer, start: list[Any]
    ) -> None:
        """A tile: some vectors of each row, all of them in registers."""
        taps, of, lanes = self.taps, self.weights, lanes_of(self.dtype)
        with b.vector(lanes) as lane:
            sums = [[b.register(self.dtype, value, wide=True) for _ in range(vectors)] for value in start]

            def add_tap(inputs: Pointer, numbers: Pointer) -> None:
                xs = [inputs[lane + v * lanes] for v in range(vectors)]
                for r, row in enumerate(sums):
                    number = numbers[r * of.row]
                    for x, register in zip(xs, row, strict=True):
                        register.set(b.fma(number, x, register.get()))

            def channel(inputs: Pointer, numbers: Pointer) -> None:
                if len(taps) <= UNROLLED:
                    for shift, tap in taps:
                        add_tap(inputs.at(shift), numbers.at(tap * of.tap))
                        b.fence()
                    return
                shifts, chosen = b.table([shift for shift, _ in taps]), b.table([tap * of.tap for _, tap in taps])
                with b.loop(0, len(taps)) as t:
                    add_tap(inputs.at(shifts[t]), numbers.at(chosen[t]))

            if taps:
                with b.loop(0, self.channels) as c:
                    channel(source.at(c * self.channel_stride), weights.at(c * of.channel))
            for r, row in enumerate(sums):
                for v, register in enumerate(row):
                    results[lane + (r * self.length + v * lanes)] = register.get()


def lay_out(b: Builder, grid: Grid, source: Pointer, target: Pointer) -> None:
    """Copy a channel of an image into the grid."""
    sizes = grid.sizes
    steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    for number, phase in enumerate(grid.sources):
        parts = phase.parts
        if not all(p.count for p in parts):
            continue
        source_offset = sum(p.first * s for p, s in zip(parts, steps, strict=True))
        target_offset = number * grid.row + sum(p.cell * s for p, s in zip(parts, grid.steps, strict=True))
        count, step = parts[-1].count, parts[-1].step
        whole = len(parts) > 1 and parts[-1] == Part(0, 1, sizes[-1], parts[-1].cell)
        if whole and grid.steps[-2] == sizes[-1] and parts[-2].step == 1:  # (lines one after another)
            count, parts = parts[-2].count * sizes[-1], parts[:-1]

        def line(
            indices: list[Index], at: int = source_offset, into: int = target_offset, parts: Any = parts,
            count: int = count, step: int = step,
        ) -> None:  # fmt: skip
            n = len(indices)
            taken = [p.step * s for p, s in zip(parts[:n], steps[:n], strict=True)]
            a, c = source.at(b.dot(indices, taken, at)), target.at(b.dot(indices, grid.steps[:n], into))
            copy_line(b, count, a, c, (step, 1))

        loop_over_lines(b, [p.count for p in parts], line)
