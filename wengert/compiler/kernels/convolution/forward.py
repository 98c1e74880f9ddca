"""Kernels of convolution, and of its gradient with respect to the input: direct convolution, image by image.

An image is laid out in the scratch memory of its thread (see `grid`); there is no im2col matrix. Sums for a few
output channels and a few vectors of positions stay in registers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND, Kernel
from wengert.compiler.kernels.convolution import reference as reference
from wengert.compiler.kernels.convolution.grid import Grid, Phase, forward_grid, input_gradient_grid
from wengert.compiler.kernels.convolution.tile import (
    ROWS,
    Panel,
    Weights,
    lay_out,
    linear_index,
    loop_over_lines,
    row_length,
    weights_of,
)
from wengert.compiler.machine import lanes_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, memory_type
from wengert.compiler.targets.llvm.vector_registers import clear, copy_line, divided, plus

__all__ = ["Convolution", "ConvolutionShape", "InputGradient"]

OFTEN = 256  # positions: for fewer, weights are not packed
FEW_PLACES = 96  # positions: smaller images are laid out several at a time
MIN_TASKS = 16  # parallel iterations to aim for


class ConvolutionShape:
    """The problem of a convolution: numbers of images, groups, and channels per group; the windows; the dtype."""

    def __init__(
        self, images: int, groups: int, in_channels: int, out_channels: int, axes: tuple[Any, ...], dtype: Any
    ) -> None:
        self.images, self.groups, self.axes = images, groups, axes
        self.in_channels, self.out_channels = in_channels, out_channels
        self.dtype = np.dtype(dtype)
        self.taps = math.prod(a.taps for a in axes)
        self.plane = math.prod(a.size for a in axes)  # elements of a channel of an image
        self.windows = math.prod(a.windows for a in axes)
        self.key = (images, groups, in_channels, out_channels, axes, self.dtype.str)
        self.flops = 2 * images * groups * in_channels * out_channels * self.taps * self.windows

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.images, self.groups * self.in_channels, *(a.size for a in self.axes))

    @property
    def result_shape(self) -> tuple[int, ...]:
        return (self.images, self.groups * self.out_channels, *(a.windows for a in self.axes))

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.groups * self.out_channels, self.in_channels, *(a.taps for a in self.axes))

    def __str__(self) -> str:
        kernel = "x".join(str(a.taps) for a in self.axes)
        return f"{self.groups * self.in_channels} to {self.groups * self.out_channels} by {kernel}"


def images_at_once(cells: int, images: int) -> int:
    """The number of images that are laid out at once."""
    return 1 if cells >= FEW_PLACES else max(1, min(images, FEW_PLACES // cells + 1))


class Correlation(Kernel):
    """The common base: each result is a sum over channels of the source and taps, at shifts of a row.

    The weights may be packed, with those of `ROWS` rows of results interleaved, see `packing`.
    """

    packed: bool
    rows: int  # of results in a group
    channels: int  # of the source in a group
    weights: Weights
    source_plane: int
    target_plane: int
    by_row: bool  # whether the weights of a row of results are contiguous

    def __init__(self, setting: ConvolutionShape, layout: Any, bias: bool, relu: bool) -> None:
        self.setting, self.bias, self.relu = setting, bias, relu
        cells = layout(setting.axes, 1).cells
        self.images = images_at_once(cells, setting.images)
        self.grid: Grid = layout(setting.axes, self.images)
        self.blocks = -(-setting.images // self.images)
        self.flops = setting.flops
        self.nanoseconds = self.flops / FLOPS_PER_NANOSECOND + 1000.0

    def arrange(self) -> None:
        """Divide the work into parallel iterations, and size the scratch memory."""
        setting, lanes = self.setting, lanes_of(self.setting.dtype)
        parts = self.blocks * setting.groups
        wanted = 1 if parts >= MIN_TASKS else -(-MIN_TASKS // parts)
        blocks = -(-self.rows // ROWS)
        self.chunk = -(-blocks // wanted) * ROWS
        self.chunks = -(-self.rows // self.chunk)
        self.iterations = parts * self.chunks
        size = setting.dtype.itemsize
        self.source_bytes = -(-self.channels * self.grid.channel * size // 64) * 64
        places = max(self.grid.places(phase) for phase in self.grid.results)
        self.scratch = self.source_bytes + ROWS * row_length(places, lanes) * size
        self.key = (type(self).__name__, setting.key, self.bias, self.relu)

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        clear(code, "%scratch", self.source_bytes)
        code.loop("%first", "%last", lambda i: self.part(code, i))
        code.emit("ret void")
        names = ", ".join(f"ptr %p{i}" for i in range(4 if self.bias else 3))
        return code.function(f"({names}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def part(self, code: IRBuilder, index: str) -> None:
        """Emit a parallel iteration: some images, one group, some rows of its results."""
        setting, dtype = self.setting, self.setting.dtype
        size = dtype.itemsize
        quotient, chunk = divided(code, index, self.chunks)
        block, group = divided(code, quotient, setting.groups)
        image = code.times(block, self.images)
        if setting.images % self.images:
            remaining = code.emit_value(f"sub nsw i64 {setting.images}, {image}")
            fewer = code.emit_value(f"icmp slt i64 {remaining}, {self.images}")
            count = code.emit_value(f"select i1 {fewer}, i64 {remaining}, i64 {self.images}")
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

        full_rows = self.rows // ROWS * ROWS
        if self.chunks == 1:
            if full_rows:
                code.loop("0", str(full_rows), block_of(ROWS), ROWS)
            if self.rows % ROWS:
                block_of(self.rows % ROWS)(str(full_rows))
            return
        end = code.emit_value(f"add nsw i64 {first}, {self.chunk}")
        exceeds = code.emit_value(f"icmp sgt i64 {end}, {full_rows}")
        stop = code.emit_value(f"select i1 {exceeds}, i64 {full_rows}, i64 {end}")
        code.loop(first, stop, block_of(ROWS), ROWS)
        if self.rows % ROWS:
            last = code.emit_value(f"icmp eq i64 {chunk}, {self.chunks - 1}")
            code.when(last, lambda: block_of(self.rows % ROWS)(str(full_rows)))

    def packing(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shape of the packed weights, and their strides in the unpacked weights."""
        setting, taps = self.setting, self.setting.taps
        each = setting.out_channels * setting.in_channels * taps
        shape = (setting.groups, self.rows // ROWS, self.channels, taps, ROWS)
        if self.by_row:
            return shape, (each, ROWS * self.channels * taps, taps, 1, self.channels * taps)
        return shape, (each, ROWS * taps, self.rows * taps, 1, taps)

    def unpacked(self, weight: Any) -> Any:
        """Undo the packing of weights."""
        if not self.packed:
            return weight
        groups, blocks, channels, taps, rows = self.packing()[0]
        order = (0, 1, 4, 2, 3) if self.by_row else (0, 2, 1, 4, 3)
        found = weight.reshape(groups, blocks, channels, taps, rows).transpose(order)
        return np.ascontiguousarray(found).reshape(self.setting.weight_shape)

    def compute_rows(self, code: IRBuilder, phase: Phase, rows: int, row: str, where: tuple[str, str, str]) -> None:
        """Emit some rows of results of one phase: sums into scratch memory, then a copy of the valid positions."""
        setting, dtype, grid = self.setting, self.setting.dtype, self.grid
        size, lanes = dtype.itemsize, lanes_of(dtype)
        group, image, count = where
        results = f"%p{3 if self.bias else 2}"
        numbers = code.address(
            "%p1",
            plus(
                code,
                code.times(group, setting.out_channels * setting.in_channels * setting.taps),
                code.times(row, self.weights.rows),
            ),
            size,
        )
        channel = plus(code, code.times(group, self.rows), row)
        levels = [code.load(dtype, "%p2", plus(code, channel, r)) for r in range(rows)] if self.bias else []
        code.lanes = lanes
        start = [code.splat(level, memory_type(dtype)) for level in levels] or [code.number(0, dtype)] * rows
        code.lanes = 1
        sums = code.emit_value(f"getelementptr i8, ptr %scratch, i64 {self.source_bytes}")
        places = grid.places(phase)
        at = ("%scratch", numbers, sums)
        Panel(dtype, rows, places, phase.taps, self.channels, grid.channel, self.weights).emit(code, at, start)
        steps = [int(np.prod(grid.outputs[i + 1 :], dtype=int)) for i in range(len(grid.outputs))]
        length = row_length(places, lanes)
        first_position = sum(p.first * s for p, s in zip(phase.parts, steps, strict=True))
        strides = [p.step * s for p, s in zip(phase.parts[:-1], steps[:-1], strict=True)]

        def store(i: str) -> None:
            plane = code.times(plus(code, image, i), setting.groups * self.rows)
            for r in range(rows):
                base = code.times(plus(code, plane, channel, r), self.target_plane)
                target = code.address(results, base, size)
                source = code.address(sums, plus(code, code.times(i, grid.cells), r * length), size)

                def line(indices: list[str], source: str = source, target: str = target) -> None:
                    a = code.address(source, linear_index(code, indices, list(grid.steps[:-1]), 0), size)
                    b = code.address(target, linear_index(code, indices, strides, first_position), size)
                    last = phase.parts[-1]
                    copy_line(code, dtype, last.count, a, b, (1, last.step), self.epilogue(code))

                loop_over_lines(code, phase.parts, line)

        if self.images == 1:
            store("0")
        else:
            code.loop("0", count, store)

    def epilogue(self, code: IRBuilder) -> Any:
        """The epilogue of each sum."""
        if not self.relu:
            return None
        dtype = self.setting.dtype

        def relu(value: str) -> str:
            zero = code.number(0, dtype)
            return code.choose(code.compare("ole", dtype, value, zero), dtype, zero, value)  # (of -0.0, too)

        return relu


def packs(rows: int, setting: ConvolutionShape) -> bool:
    """Whether weights are packed in the order in which they are read: where they are read often."""
    return rows % ROWS == 0 and setting.images * setting.windows >= OFTEN


class Convolution(Correlation):
    """`(x, weight[, bias])`: a convolution, plus the bias, with a relu epilogue if `relu`."""

    by_row = True

    def __init__(self, setting: ConvolutionShape, bias: bool, relu: bool = False) -> None:
        super().__init__(setting, forward_grid, bias, relu)
        self.rows, self.channels = setting.out_channels, setting.in_channels
        self.packed = packs(self.rows, setting)
        self.weights = weights_of(self.rows, self.channels, setting.taps, True, self.packed)
        self.source_plane, self.target_plane = setting.plane, setting.windows
        self.name = f"convolution {setting}" + " + bias" * bias + ", relu" * relu
        self.arrange()

    def compute(self, *operands: Any) -> Any:
        x, weight, *bias = operands
        y = reference.convolve(self.setting, x, self.unpacked(weight), *bias)
        return np.maximum(y, 0) if self.relu else y


class InputGradient(Correlation):
    """`(gy, weight[, bias])`: the gradient with respect to the input; with a bias, a transposed convolution."""

    by_row = False

    def __init__(self, setting: ConvolutionShape, bias: bool = False) -> None:
        super().__init__(setting, input_gradient_grid, bias, False)
        self.rows, self.channels = setting.in_channels, setting.out_channels
        self.packed = packs(self.rows, setting)
        self.weights = weights_of(self.rows, self.channels, setting.taps, False, self.packed)
        self.source_plane, self.target_plane = setting.windows, setting.plane
        self.name = f"convolution {setting}, input gradient" + " + bias" * bias
        self.arrange()

    def compute(self, *operands: Any) -> Any:
        gy, weight, *bias = operands
        return reference.input_gradient(self.setting, gy, self.unpacked(weight), *bias)
