"""Kernels of convolution, and of its gradient with respect to the input: direct convolution, image by image.

An image is laid out in the scratch memory of its thread (see `grid`); there is no im2col matrix. Sums for a few
output channels and a few vectors of positions stay in registers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND
from wengert.compiler.kernels.convolution.grid import Grid, Phase, forward_grid, input_gradient_grid
from wengert.compiler.kernels.convolution.tile import ROWS, Panel, Weights, lay_out, row_length, weights_of
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.lines import copy_line, loop_over_lines
from wengert.compiler.machine import lanes_of

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


class Correlation(FormKernel):
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

    def build(self, b: Builder) -> None:
        setting, dtype, size = self.setting, self.setting.dtype, self.setting.dtype.itemsize
        source, self.numbers = b.operand(0, dtype), b.operand(1, dtype)
        self.levels = b.operand(2, dtype) if self.bias else None
        self.results = b.operand(2 + self.bias, dtype)
        self.laid, self.sums = b.scratch(dtype), b.scratch(dtype, self.source_bytes)
        b.zero(self.laid, self.source_bytes // size)
        channels = setting.groups * self.channels
        full_rows, rest = self.rows // ROWS * ROWS, self.rows % ROWS
        with b.iterations() as i:
            part, chunk = i // self.chunks, i % self.chunks
            block, group = part // setting.groups, part % setting.groups
            image: Index = block * self.images
            count: Index = self.images
            if setting.images % self.images:
                count = b.index("min", setting.images - image, self.images)

            def lay_image(number: Index) -> None:
                with b.loop(0, self.channels) as c:
                    plane = (image + number) * channels + group * self.channels + c
                    place = c * self.grid.channel + number * self.grid.cells
                    lay_out(b, self.grid, source.at(plane * self.source_plane), self.laid.at(place))

            self.each_image(b, count, lay_image)
            where = group, image, count
            if self.chunks == 1:
                if full_rows:
                    with b.loop(0, full_rows, ROWS) as row:
                        self.compute_rows(b, ROWS, row, where)
                if rest:
                    self.compute_rows(b, rest, full_rows, where)
                return
            first = chunk * self.chunk
            with b.loop(first, b.index("min", first + self.chunk, full_rows), ROWS) as row:
                self.compute_rows(b, ROWS, row, where)
            if rest:
                with b.when(b.apply(np.equal, chunk, self.chunks - 1)):
                    self.compute_rows(b, rest, full_rows, where)

    def each_image(self, b: Builder, count: Index, body: Any) -> None:
        """``body(i)`` for the images that are laid out at once."""
        if self.images == 1:
            body(0)
        else:
            with b.loop(0, count) as i:
                body(i)

    def packing(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shape of the packed weights, and their strides in the unpacked weights."""
        setting, taps = self.setting, self.setting.taps
        each = setting.out_channels * setting.in_channels * taps
        shape = (setting.groups, self.rows // ROWS, self.channels, taps, ROWS)
        if self.by_row:
            return shape, (each, ROWS * self.channels * taps, taps, 1, self.channels * taps)
        return shape, (each, ROWS * taps, self.rows * taps, 1, taps)

    def compute_rows(self, b: Builder, rows: int, row: Index, where: tuple[Index, Index, Index]) -> None:
        """Some rows of results: for each phase sums into scratch memory, then a copy of the valid positions."""
        setting, grid = self.setting, self.grid
        group, image, count = where
        each = setting.out_channels * setting.in_channels * setting.taps
        numbers = self.numbers.at(group * each + row * self.weights.rows)
        channel = group * self.rows + row
        start: list[Any] = [0] * rows
        if self.levels is not None:
            start = [self.levels[channel + r] for r in range(rows)]
        steps = [math.prod(grid.outputs[i + 1 :]) for i in range(len(grid.outputs))]
        for phase in grid.results:
            places = grid.places(phase)
            panel = Panel(
                setting.dtype, rows, places, phase.taps, self.channels, grid.channel, self.weights
            )  # fmt: skip
            with b.nest():
                panel.add(b, self.laid, numbers, self.sums, start)

            def store(i: Index, phase: Phase = phase, length: int = panel.length) -> None:
                first = sum(p.first * s for p, s in zip(phase.parts, steps, strict=True))
                strides = [p.step * s for p, s in zip(phase.parts[:-1], steps[:-1], strict=True)]
                plane = (image + i) * (setting.groups * self.rows) + channel
                for r in range(rows):
                    target = self.results.at((plane + r) * self.target_plane)
                    source = self.sums.at(i * grid.cells + r * length)

                    def line(indices: list[Index], source: Pointer = source, target: Pointer = target) -> None:
                        a = source.at(b.dot(indices, grid.steps[:-1]))
                        c = target.at(b.dot(indices, strides, first))
                        copy_line(b, phase.parts[-1].count, a, c, (1, phase.parts[-1].step), self.epilogue(b))

                    loop_over_lines(b, [p.count for p in phase.parts], line)

            self.each_image(b, count, store)

    def epilogue(self, b: Builder) -> Any:
        """The epilogue of each sum."""
        if not self.relu:
            return None
        return lambda value: b.select(b.apply(np.less_equal, value, 0), 0, value)  # (0.0 of -0.0, too)


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
