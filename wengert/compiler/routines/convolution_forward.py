"""Convolution, and its gradient by the input, as routines of native code: one image after the other.

An image is laid out in the scratch memory of its thread (see `convolution_grid`); no matrix of what each tap sees is
made. Sums for a few channels of results and a few vectors of places stay in registers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.code.llvm_code import Code, memory_type
from wengert.compiler.code.vector_registers import clear, copy_line, divided, lanes_of, plus
from wengert.compiler.graphs.routine import Routine
from wengert.compiler.routines import convolution_reference as reference
from wengert.compiler.routines.convolution_grid import Grid, Phase, by_input, forward
from wengert.compiler.routines.convolution_tile import (
    ROWS,
    Weights,
    dot,
    lay_out,
    panel,
    row_length,
    walk_lines,
    weights_of,
)

__all__ = ["ByInput", "Convolution", "Setting"]

OFTEN = 256  # places: for fewer, weights are read as they lie
FEW_PLACES = 96  # of an image with fewer, several are laid out behind each other
SHARES = 16  # into at least so many parts the work is cut, if it can be
FLOPS_PER_NANOSECOND = 40


class Setting:
    """What a convolution is told: how many images, groups, channels of a group; the windows; the dtype."""

    def __init__(self, images: int, groups: int, taken: int, given: int, axes: tuple[Any, ...], dtype: Any) -> None:
        self.images, self.groups, self.taken, self.given, self.axes = images, groups, taken, given, axes
        self.dtype = np.dtype(dtype)
        self.taps = math.prod(a.taps for a in axes)
        self.plane = math.prod(a.size for a in axes)  # elements of a channel of an image
        self.windows = math.prod(a.windows for a in axes)
        self.key = (images, groups, taken, given, axes, self.dtype.str)
        self.flops = 2 * images * groups * taken * given * self.taps * self.windows

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.images, self.groups * self.taken, *(a.size for a in self.axes))

    @property
    def result_shape(self) -> tuple[int, ...]:
        return (self.images, self.groups * self.given, *(a.windows for a in self.axes))

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.groups * self.given, self.taken, *(a.taps for a in self.axes))

    def __str__(self) -> str:
        kernel = "x".join(str(a.taps) for a in self.axes)
        return f"{self.groups * self.taken} to {self.groups * self.given} by {kernel}"


def images_at_once(cells: int, images: int) -> int:
    """How many images are laid out behind each other."""
    return 1 if cells >= FEW_PLACES else max(1, min(images, FEW_PLACES // cells + 1))


class Correlation(Routine):
    """What both have in common: each result is a sum, over channels of the source and taps, at shifts of a row.

    The weights it takes may be packed: those of `ROWS` rows of results next to each other, see `packing`.
    """

    packed: bool
    rows: int  # of results in a group
    channels: int  # of the source in a group
    weights: Weights
    source_plane: int
    target_plane: int
    by_row: bool  # whether the weights of a row of results are next to each other

    def __init__(self, setting: Setting, layout: Any, bias: bool, rectified: bool) -> None:
        self.setting, self.bias, self.rectified = setting, bias, rectified
        cells = layout(setting.axes, 1).cells
        self.images = images_at_once(cells, setting.images)
        self.grid: Grid = layout(setting.axes, self.images)
        self.blocks = -(-setting.images // self.images)
        self.flops = setting.flops
        self.nanoseconds = self.flops / FLOPS_PER_NANOSECOND + 1000.0

    def arrange(self) -> None:
        """Cut the work into parts, and count the scratch memory."""
        setting, lanes = self.setting, lanes_of(self.setting.dtype)
        parts = self.blocks * setting.groups
        wanted = 1 if parts >= SHARES else -(-SHARES // parts)
        blocks = -(-self.rows // ROWS)
        self.chunk = -(-blocks // wanted) * ROWS
        self.chunks = -(-self.rows // self.chunk)
        self.iterations = parts * self.chunks
        size = setting.dtype.itemsize
        self.source_bytes = -(-self.channels * self.grid.channel * size // 64) * 64
        places = max(self.grid.places(phase) for phase in self.grid.results)
        self.scratch = self.source_bytes + ROWS * row_length(places, lanes) * size
        self.key = (type(self).__name__, setting.key, self.bias, self.rectified)

    def text(self, declarations: dict[str, str]) -> str:
        code = Code(declarations)
        clear(code, "%scratch", self.source_bytes)
        code.loop("%first", "%last", lambda i: self.part(code, i))
        code.do("ret void")
        names = ", ".join(f"ptr %p{i}" for i in range(4 if self.bias else 3))
        return code.function(f"({names}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def part(self, code: Code, index: str) -> None:
        """Emit one part of the work: some images, one group, some rows of its results."""
        setting, dtype = self.setting, self.setting.dtype
        size = dtype.itemsize
        rest, chunk = divided(code, index, self.chunks)
        block, group = divided(code, rest, setting.groups)
        image = code.times(block, self.images)
        if setting.images % self.images:
            left = code.put(f"sub nsw i64 {setting.images}, {image}")
            fewer = code.put(f"icmp slt i64 {left}, {self.images}")
            count = code.put(f"select i1 {fewer}, i64 {left}, i64 {self.images}")
        else:
            count = str(self.images)
        channels = setting.groups * self.channels

        def lay_image(i: str) -> None:
            def lay_channel(c: str) -> None:
                plane = plus(
                    code,
                    code.times(plus(code, image, i), channels),
                    code.times(group, self.channels),
                    c,
                )
                source = code.address("%p0", code.times(plane, self.source_plane), size)
                place = plus(code, code.times(c, self.grid.channel), code.times(i, self.grid.cells))
                target = code.address("%scratch", place, size)
                lay_out(code, dtype, self.grid, source, target, self.source_plane)

            code.loop("0", str(self.channels), lay_channel)

        if self.images == 1:
            lay_image("0")
        else:
            code.loop("0", count, lay_image)
        first = code.times(chunk, self.chunk)

        def block_of(rows: int) -> Any:
            def emit(row: str) -> None:
                for phase in self.grid.results:
                    self.compute_rows(code, phase, rows, row, (group, image, count))

            return emit

        whole = self.rows // ROWS * ROWS
        if self.chunks == 1:
            if whole:
                code.loop("0", str(whole), block_of(ROWS), ROWS)
            if self.rows % ROWS:
                block_of(self.rows % ROWS)(str(whole))
            return
        end = code.put(f"add nsw i64 {first}, {self.chunk}")
        beyond = code.put(f"icmp sgt i64 {end}, {whole}")
        stop = code.put(f"select i1 {beyond}, i64 {whole}, i64 {end}")
        code.loop(first, stop, block_of(ROWS), ROWS)
        if self.rows % ROWS:
            last = code.put(f"icmp eq i64 {chunk}, {self.chunks - 1}")
            code.when(last, lambda: block_of(self.rows % ROWS)(str(whole)))

    def packing(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shape of the packed weights, and the strides by which they are read from the others."""
        setting, taps = self.setting, self.setting.taps
        each = setting.given * setting.taken * taps
        shape = (setting.groups, self.rows // ROWS, self.channels, taps, ROWS)
        if self.by_row:
            return shape, (each, ROWS * self.channels * taps, taps, 1, self.channels * taps)
        return shape, (each, ROWS * taps, self.rows * taps, 1, taps)

    def unpacked(self, weight: Any) -> Any:
        """The weights as they were before."""
        if not self.packed:
            return weight
        groups, blocks, channels, taps, rows = self.packing()[0]
        order = (0, 1, 4, 2, 3) if self.by_row else (0, 2, 1, 4, 3)
        found = weight.reshape(groups, blocks, channels, taps, rows).transpose(order)
        return np.ascontiguousarray(found).reshape(self.setting.weight_shape)

    def compute_rows(self, code: Code, phase: Phase, rows: int, row: str, where: tuple[str, str, str]) -> None:
        """Emit some rows of results of one phase: sums into the scratch memory, then what counts of it to its place."""
        setting, dtype, grid = self.setting, self.setting.dtype, self.grid
        size, lanes = dtype.itemsize, lanes_of(dtype)
        group, image, count = where
        results = f"%p{3 if self.bias else 2}"
        numbers = code.address(
            "%p1",
            plus(
                code,
                code.times(group, setting.given * setting.taken * setting.taps),
                code.times(row, self.weights.rows),
            ),
            size,
        )
        channel = plus(code, code.times(group, self.rows), row)
        levels = [code.load(dtype, "%p2", plus(code, channel, r)) for r in range(rows)] if self.bias else []
        code.lanes = lanes
        start = [code.splat(level, memory_type(dtype)) for level in levels] or [code.number(0, dtype)] * rows
        code.lanes = 1
        sums = code.put(f"getelementptr i8, ptr %scratch, i64 {self.source_bytes}")
        places = grid.places(phase)
        at = ("%scratch", numbers, sums)
        panel(code, dtype, rows, places, phase.taps, self.channels, grid.channel, self.weights, at, start)
        steps = [int(np.prod(grid.outputs[i + 1 :], dtype=int)) for i in range(len(grid.outputs))]
        length = row_length(places, lanes)
        ours = sum(p.first * s for p, s in zip(phase.parts, steps, strict=True))
        taken = [p.step * s for p, s in zip(phase.parts[:-1], steps[:-1], strict=True)]

        def store(i: str) -> None:
            plane = code.times(plus(code, image, i), setting.groups * self.rows)
            for r in range(rows):
                base = code.times(plus(code, plane, channel, r), self.target_plane)
                target = code.address(results, base, size)
                source = code.address(sums, plus(code, code.times(i, grid.cells), r * length), size)

                def line(indices: list[str], source: str = source, target: str = target) -> None:
                    a = code.address(source, dot(code, indices, list(grid.steps[:-1]), 0), size)
                    b = code.address(target, dot(code, indices, taken, ours), size)
                    last = phase.parts[-1]
                    copy_line(code, dtype, last.count, a, b, (1, last.step), self.finish(code))

                walk_lines(code, phase.parts, line)

        if self.images == 1:
            store("0")
        else:
            code.loop("0", count, store)

    def finish(self, code: Code) -> Any:
        """What is done with each sum."""
        if not self.rectified:
            return None
        dtype = self.setting.dtype

        def rectify(value: str) -> str:
            zero = code.number(0, dtype)
            return code.choose(code.compare("ole", dtype, value, zero), dtype, zero, value)  # (of -0.0, too)

        return rectify


def packs(rows: int, setting: Setting) -> bool:
    """Whether weights are put in the order in which they are read: where they are read often."""
    return rows % ROWS == 0 and setting.images * setting.windows >= OFTEN


class Convolution(Correlation):
    """`(x, weight[, bias])`: a convolution, plus the bias, and max(., 0) of it if it is `rectified`."""

    by_row = True

    def __init__(self, setting: Setting, bias: bool, rectified: bool = False) -> None:
        super().__init__(setting, forward, bias, rectified)
        self.rows, self.channels = setting.given, setting.taken
        self.packed = packs(self.rows, setting)
        self.weights = weights_of(self.rows, self.channels, setting.taps, True, self.packed)
        self.source_plane, self.target_plane = setting.plane, setting.windows
        self.name = f"convolution {setting}" + " + bias" * bias + ", rectified" * rectified
        self.arrange()

    def compute(self, *operands: Any) -> Any:
        x, weight, *bias = operands
        y = reference.convolved(self.setting, x, self.unpacked(weight), *bias)
        return np.maximum(y, 0) if self.rectified else y


class ByInput(Correlation):
    """`(gy, weight[, bias])`: the gradient of a convolution by its input; with a bias, a transposed convolution."""

    by_row = False

    def __init__(self, setting: Setting, bias: bool = False) -> None:
        super().__init__(setting, by_input, bias, False)
        self.rows, self.channels = setting.taken, setting.given
        self.packed = packs(self.rows, setting)
        self.weights = weights_of(self.rows, self.channels, setting.taps, False, self.packed)
        self.source_plane, self.target_plane = setting.windows, setting.plane
        self.name = f"convolution {setting}, by its input" + " + bias" * bias
        self.arrange()

    def compute(self, *operands: Any) -> Any:
        gy, weight, *bias = operands
        return reference.by_input(self.setting, gy, self.unpacked(weight), *bias)
