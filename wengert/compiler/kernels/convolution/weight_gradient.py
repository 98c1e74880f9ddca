"""The kernel of the gradients of a convolution with respect to weight and bias.

At each position, the input at each tap is multiplied by the gradients of many output channels, which are the lanes of
vectors: for that the gradients are transposed, a few lines at a time. Sums stay in registers for these lines. With
few output channels, vectors run along the lines instead.
"""

from __future__ import annotations

import itertools

import numpy as np

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND
from wengert.compiler.kernels.convolution.along_lines import sum_along_lines
from wengert.compiler.kernels.convolution.forward import ConvolutionShape
from wengert.compiler.kernels.convolution.grid import forward_grid
from wengert.compiler.kernels.convolution.tile import lay_out
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import Index, Pointer
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.machine import lanes_of, sums_at_once

__all__ = ["WeightGradient"]

MOST_CHUNKS = 8  # of images, each with partial sums
LARGE = 1 << 20  # bytes of all partial sums
MANY_TAPS = 25
BAND = 192  # positions that are transposed at once, and stay in the cache


class WeightGradient(FormKernel):
    """`(x, gy)`: for each chunk of the images, partial sums of the weight gradient, then of the bias gradient."""

    def __init__(self, setting: ConvolutionShape) -> None:
        self.setting = setting
        dtype, lanes = setting.dtype, lanes_of(setting.dtype)
        size = dtype.itemsize
        self.grid = forward_grid(setting.axes, 1)
        self.taps = self.grid.results[0].taps
        self.inner = setting.in_channels * setting.taps
        self.length = setting.groups * setting.out_channels * (self.inner + 1)
        self.along_lines = 2 * setting.out_channels < lanes
        self.vectors = min(4, -(-setting.out_channels // lanes))
        self.block = 1 if self.along_lines else self.vectors * lanes  # output channels of a register tile
        self.blocks = 1 if self.along_lines else -(-setting.out_channels // self.block)
        self.chunks = min(MOST_CHUNKS, setting.images, max(1, LARGE // (self.length * size)))
        self.iterations = self.chunks * setting.groups * self.blocks
        self.width = setting.axes[-1].windows
        self.lines = setting.windows // self.width
        self.band = max(1, min(BAND // self.width, self.lines))
        self.source_bytes = -(-setting.in_channels * self.grid.channel * size // 64) * 64
        if self.along_lines:
            self.pitch = -(-self.width // lanes) * lanes
            self.gradient_bytes = self.lines * self.pitch * size
            self.sum_bytes = lanes * size
        else:
            self.gradient_bytes = self.band * self.width * self.block * size
            self.sum_bytes = (self.inner + 1) * self.block * size
        self.scratch = self.source_bytes + self.gradient_bytes + self.sum_bytes
        self.flops = setting.flops
        self.nanoseconds = self.flops / FLOPS_PER_NANOSECOND + 1000.0
        self.name = f"convolution {setting}, weight gradient"
        self.key = (type(self).__name__, setting.key)

    def build(self, b: Builder) -> None:
        setting, dtype, size = self.setting, self.setting.dtype, self.setting.dtype.itemsize
        self.x, self.gy, out = (b.operand(i, dtype) for i in range(3))
        self.laid, self.gradients = b.scratch(dtype), b.scratch(dtype, self.source_bytes)
        self.sums = b.scratch(dtype, self.source_bytes + self.gradient_bytes)
        b.zero(self.laid, self.source_bytes // size)
        with b.iterations() as i:
            part, block = i // self.blocks, i % self.blocks
            chunk, group = part // setting.groups, part % setting.groups
            images = chunk * setting.images // self.chunks, (chunk + 1) * setting.images // self.chunks
            results = out.at(chunk * self.length)
            if self.along_lines:
                sum_along_lines(self, b, group, images, results)
                return
            last, rest = self.blocks - 1, setting.out_channels % self.block
            if self.blocks == 1 or not rest:
                self.sum_across_channels(b, rest or self.block, group, block, images, results)
                return
            with b.when(b.apply(np.equal, block, last)):
                self.sum_across_channels(b, rest, group, block, images, results)
            with b.when(b.apply(np.not_equal, block, last)):
                self.sum_across_channels(b, self.block, group, block, images, results)

    def lay_image(self, b: Builder, image: Index, group: Index) -> None:
        """Copy the channels of a group into the grid."""
        setting = self.setting
        plane = image * (setting.groups * setting.in_channels) + group * setting.in_channels
        with b.loop(0, setting.in_channels) as c:
            lay_out(b, self.grid, self.x.at((plane + c) * setting.plane), self.laid.at(c * self.grid.channel))

    def line_place(self, b: Builder, line: Index) -> Index:
        """The position in a row where a line of windows begins."""
        if len(self.setting.axes) == 1:
            return 0
        indices: list[Index] = []
        for a in reversed(self.setting.axes[1:-1]):
            indices.insert(0, line % a.windows)
            line = line // a.windows
        return b.dot([line, *indices], self.grid.steps[:-1])

    # Lanes across output channels

    def sum_across_channels(
        self, b: Builder, count: int, group: Index, block: Index, images: tuple[Index, Index], results: Pointer
    ) -> None:
        """The sums for `count` output channels, over some images."""
        setting, sums = self.setting, self.sums
        vectors = -(-count // lanes_of(setting.dtype))
        b.zero(sums, self.sum_bytes // setting.dtype.itemsize)
        row = group * setting.out_channels + block * self.block
        full = self.lines // self.band * self.band
        with b.loop(*images) as i:
            self.lay_image(b, i, group)
            source = self.gy.at((i * (setting.groups * setting.out_channels) + row) * setting.windows)

            def band(lines: int, line: Index) -> None:
                self.transpose(b, count, vectors, lines * self.width, source.at(line * self.width))
                self.add_bias(b, vectors, lines * self.width)
                self.add_band(b, vectors, lines, line)

            if full == self.band:
                band(self.band, 0)
            else:
                with b.loop(0, full, self.band) as line:
                    band(self.band, line)
            if self.lines > full:
                band(self.lines - full, full)
        biases = results.at(setting.groups * setting.out_channels * self.inner)
        with b.loop(0, count) as r:
            target = results.at((row + r) * self.inner)
            with b.loop(0, self.inner) as k:
                target[k] = sums[k * self.block + r]
            biases[row + r] = sums[r + self.inner * self.block]

    def transpose(self, b: Builder, count: int, vectors: int, places: int, source: Pointer) -> None:
        """Transpose gradients: a vector of channels for each position, padded with zeros."""
        dtype, lanes, step, target = (
            self.setting.dtype,
            lanes_of(self.setting.dtype),
            self.setting.windows,
            self.gradients,
        )

        def square(place: Index) -> None:
            with b.vector(lanes) as lane:
                for v in range(vectors):
                    channels = range(v * lanes, (v + 1) * lanes)
                    rows = [source[place + lane + r * step] if r < count else 0 for r in channels]
                    for i, column in enumerate(b.transpose(rows, dtype)):
                        target[place * self.block + lane + (i * self.block + v * lanes)] = column

        full = places // lanes * lanes
        if full:
            with b.loop(0, full, lanes) as place:
                square(place)
            if places > full:
                square(places - lanes)
            return
        with b.loop(0, places) as place:
            for r in range(vectors * lanes):
                target[place * self.block + r] = source[place + r * step] if r < count else 0

    def add_bias(self, b: Builder, vectors: int, places: int) -> None:
        dtype, lanes = self.setting.dtype, lanes_of(self.setting.dtype)
        with b.vector(lanes) as lane:
            at = [lane + (self.inner * self.block + v * lanes) for v in range(vectors)]
            totals = [b.register(dtype, self.sums[i], wide=True) for i in at]
            with b.loop(0, places) as place:
                for v, total in enumerate(totals):
                    total.set(total.get() + self.gradients[place * self.block + lane + v * lanes])
            for i, total in zip(at, totals, strict=True):
                self.sums[i] = total.get()

    def add_band(self, b: Builder, vectors: int, lines: int, line: Index) -> None:
        """The sums over some lines of an image, for all channels and taps."""
        setting, count, laid, sums = self.setting, len(self.taps), self.laid, self.sums
        most = sums_at_once() // vectors

        def pieces(chosen: list[tuple[int, int]], inputs: Pointer, place: Pointer) -> None:
            parts = -(-len(chosen) // most)
            edges = [len(chosen) * i // parts for i in range(parts + 1)]
            for start, stop in itertools.pairwise(edges):
                self.add_taps(b, vectors, lines, line, inputs, chosen[start:stop], place)

        if count > MANY_TAPS:
            # Only the taps along the last axis are unrolled; a loop goes over the others, which have the same shifts.
            along = setting.axes[-1].taps
            first = [self.taps[i][0] for i in range(0, count, along)]
            run = [(shift - first[0], t) for shift, t in self.taps[:along]]
            table = b.table(first)
            with b.loop(0, setting.in_channels) as c, b.loop(0, len(first)) as r:
                inputs = laid.at(c * self.grid.channel).at(table[r])
                pieces(run, inputs, sums.at(c * (count * self.block) + r * (along * self.block)))
            return
        channels = max(1, min(most // count, setting.in_channels))  # of the source, at once
        full = setting.in_channels // channels * channels
        inputs_of = [(c * self.grid.channel + shift, c * count + t) for c in range(channels) for shift, t in self.taps]
        with b.loop(0, full, channels) as c:
            pieces(inputs_of, laid.at(c * self.grid.channel), sums.at(c * (count * self.block)))
        if full < setting.in_channels:
            rest = inputs_of[: count * (setting.in_channels - full)]
            pieces(rest, laid.at(full * self.grid.channel), sums.at(full * count * self.block))

    def add_taps(
        self, b: Builder, vectors: int, lines: int, line: Index, source: Pointer, taps: list[tuple[int, int]],
        sums: Pointer,
    ) -> None:  # fmt: skip
        """The sums over some lines, for a few taps of `source`, in registers."""
        dtype, lanes = self.setting.dtype, lanes_of(self.setting.dtype)
        with b.vector(lanes) as lane:
            totals = [[b.register(dtype, 0, wide=True) for _ in range(vectors)] for _ in taps]
            with b.loop(0, lines) as i:
                inputs = source.at(self.line_place(b, line + i))
                given = self.gradients.at(i * (self.width * self.block))
                with b.loop(0, self.width) as place:
                    here, row = inputs.at(place), given.at(place * self.block)
                    numbers = [here[shift] for shift, _ in taps]
                    for v in range(vectors):
                        gy = row[lane + v * lanes]
                        for number, of_tap in zip(numbers, totals, strict=True):
                            of_tap[v].set(b.fma(number, gy, of_tap[v].get()))
            for (_, t), of_tap in zip(taps, totals, strict=True):
                for v, total in enumerate(of_tap):
                    b.update(np.add, sums, lane + (t * self.block + v * lanes), total.get())
