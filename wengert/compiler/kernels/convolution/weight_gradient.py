"""The kernel of the gradients of a convolution with respect to weight and bias.

At each position, the input at each tap is multiplied by the gradients of many output channels, which are the lanes of
vectors: for that the gradients are transposed, a few lines at a time. Sums stay in registers for these lines. With
few output channels, vectors run along the lines instead.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wengert.compiler.graph.kernel import FLOPS_PER_NANOSECOND, Kernel
from wengert.compiler.kernels.convolution import reference as reference
from wengert.compiler.kernels.convolution.along_lines import sum_along_lines
from wengert.compiler.kernels.convolution.forward import ConvolutionShape
from wengert.compiler.kernels.convolution.grid import forward_grid
from wengert.compiler.kernels.convolution.tile import advance, constant_table, lay_out, linear_index, table_entry
from wengert.compiler.machine import lanes_of, sums_at_once
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type
from wengert.compiler.targets.llvm.vector_registers import clear, divided, multiply_add, plus, transposed

__all__ = ["WeightGradient"]

MOST_CHUNKS = 8  # of images, each with partial sums
LARGE = 1 << 20  # bytes of all partial sums
MANY_TAPS = 25
BAND = 192  # positions that are transposed at once, and stay in the cache


class WeightGradient(Kernel):
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

    def compute(self, *operands: Any) -> Any:
        x, gy = operands
        found = np.zeros((self.chunks, self.length), gy.dtype)
        weights = reference.weight_gradient(self.setting, x, gy).reshape(-1)
        found[0, : weights.size] = weights
        found[0, weights.size :] = gy.reshape(*gy.shape[:2], -1).sum((0, 2))
        return found

    # Native code

    def text(self, declarations: dict[str, str]) -> str:
        code, setting = IRBuilder(declarations), self.setting
        clear(code, "%scratch", self.source_bytes)
        gradients = advance(code, "%scratch", self.source_bytes)
        sums = advance(code, "%scratch", self.source_bytes + self.gradient_bytes)

        def part(i: str) -> None:
            quotient, block = divided(code, i, self.blocks)
            chunk, group = divided(code, quotient, setting.groups)
            first, last = (
                divided(code, code.times(s, setting.images), self.chunks)[0] for s in (chunk, plus(code, chunk, 1))
            )
            results = code.address("%p2", code.times(chunk, self.length), setting.dtype.itemsize)
            places = gradients, sums, results
            if self.along_lines:
                sum_along_lines(self, code, group, first, last, places)
                return
            last_block = setting.out_channels % self.block
            if self.blocks == 1:
                self.sum_across_channels(code, last_block or self.block, group, block, first, last, places)
                return
            if not last_block:
                self.sum_across_channels(code, self.block, group, block, first, last, places)
                return
            is_last = code.emit_value(f"icmp eq i64 {block}, {self.blocks - 1}")
            code.when(is_last, lambda: self.sum_across_channels(code, last_block, group, block, first, last, places))
            others = code.emit_value(f"xor i1 {is_last}, true")
            code.when(others, lambda: self.sum_across_channels(code, self.block, group, block, first, last, places))

        code.loop("%first", "%last", part)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def lay_image(self, code: IRBuilder, image: str, group: str) -> None:
        """Emit the copy of the channels of a group into the grid."""
        setting, size = self.setting, self.setting.dtype.itemsize
        plane = plus(
            code, code.times(image, setting.groups * setting.in_channels), code.times(group, setting.in_channels)
        )

        def channel(c: str) -> None:
            source = code.address("%p0", code.times(plus(code, plane, c), setting.plane), size)
            target = code.address("%scratch", code.times(c, self.grid.channel), size)
            lay_out(code, setting.dtype, self.grid, source, target, setting.plane)

        code.loop("0", str(setting.in_channels), channel)

    def line_place(self, code: IRBuilder, line: str) -> str:
        """The position in a row where a line of windows begins."""
        indices: list[str] = []
        for a in reversed(self.setting.axes[1:-1]):
            line, index = divided(code, line, a.windows)
            indices.insert(0, index)
        if len(self.setting.axes) == 1:
            return "0"
        return linear_index(code, [line, *indices], list(self.grid.steps[:-1]), 0)

    # Vectors across output channels

    def sum_across_channels(
        self, code: IRBuilder, count: int, group: str, block: str, first: str, last: str, places: tuple[str, str, str]
    ) -> None:
        """Emit the sums for `count` output channels, over some images."""
        setting, dtype, size = self.setting, self.setting.dtype, self.setting.dtype.itemsize
        gradients, sums, results = places
        vectors = -(-count // lanes_of(dtype))
        clear(code, sums, self.sum_bytes)
        row = plus(code, code.times(group, setting.out_channels), code.times(block, self.block))

        def image(i: str) -> None:
            self.lay_image(code, i, group)
            plane = plus(code, code.times(i, setting.groups * setting.out_channels), row)
            source = code.address("%p1", code.times(plane, setting.windows), size)
            full = self.lines // self.band * self.band

            def band(lines: int) -> Any:
                def emit(line: str) -> None:
                    at = code.address(source, code.times(line, self.width), size)
                    self.transpose(code, count, vectors, lines * self.width, at, gradients)
                    self.add_bias(code, vectors, lines * self.width, gradients, sums)
                    self.add_band(code, vectors, lines, line, gradients, sums)

                return emit

            if full == self.band:
                band(self.band)("0")
            else:
                code.loop("0", str(full), band(self.band), self.band)
            if self.lines > full:
                band(self.lines - full)(str(full))

        code.loop(first, last, image)
        bias = code.address(results, str(setting.groups * setting.out_channels * self.inner), size)

        def write(r: str) -> None:
            target = code.address(results, code.times(plus(code, row, r), self.inner), size)

            def number(k: str) -> None:
                value = code.load(dtype, sums, plus(code, code.times(k, self.block), r))
                code.store(value, dtype, target, k)

            code.loop("0", str(self.inner), number)
            value = code.load(dtype, sums, plus(code, r, self.inner * self.block))
            code.store(value, dtype, bias, plus(code, row, r))

        code.loop("0", str(count), write)

    def transpose(self, code: IRBuilder, count: int, vectors: int, places: int, source: str, target: str) -> None:
        """Emit the transposition of gradients: a vector of channels for each position, padded with zeros."""
        dtype, lanes = self.setting.dtype, lanes_of(self.setting.dtype)
        step = self.setting.windows

        def transpose_square(p: str) -> None:
            code.lanes = lanes
            for v in range(vectors):
                rows = [
                    code.load(dtype, source, plus(code, p, r * step)) if r < count else "zeroinitializer"
                    for r in range(v * lanes, (v + 1) * lanes)
                ]
                for i, column in enumerate(transposed(code, dtype, rows)):
                    code.store(column, dtype, target, plus(code, code.times(p, self.block), i * self.block + v * lanes))
            code.lanes = 1

        def copy_single(p: str) -> None:
            for r in range(vectors * lanes):
                value = code.load(dtype, source, plus(code, p, r * step)) if r < count else code.number(0, dtype)
                code.store(value, dtype, target, plus(code, code.times(p, self.block), r))

        full = places // lanes * lanes
        if full:
            code.loop("0", str(full), transpose_square, lanes)
        if places > full and full:
            start = code.emit_value(f"add nsw i64 0, {places - lanes}")
            transpose_square(start)
        elif places > full:
            code.loop("0", str(places), copy_single)

    def add_bias(self, code: IRBuilder, vectors: int, places: int, gradients: str, sums: str) -> None:
        dtype, lanes = self.setting.dtype, lanes_of(self.setting.dtype)
        code.lanes = lanes
        wide = code.type(dtype)
        totals = [code.variable(wide) for _ in range(vectors)]
        for v, total in enumerate(totals):
            value = code.load(dtype, sums, str(self.inner * self.block + v * lanes))
            code.emit(f"store {wide} {value}, ptr {total}")

        def place(p: str) -> None:
            for v, total in enumerate(totals):
                value = code.load(dtype, gradients, plus(code, code.times(p, self.block), v * lanes))
                added = code.op("fadd", dtype, code.emit_value(f"load {wide}, ptr {total}"), value)
                code.emit(f"store {wide} {added}, ptr {total}")

        code.loop("0", str(places), place)
        for v, total in enumerate(totals):
            value = code.emit_value(f"load {wide}, ptr {total}")
            code.store(value, dtype, sums, str(self.inner * self.block + v * lanes))
        code.lanes = 1

    def add_band(self, code: IRBuilder, vectors: int, lines: int, line: str, gradients: str, sums: str) -> None:
        """Emit the sums over some lines of an image, for all channels and taps."""
        setting, count = self.setting, len(self.taps)
        most = sums_at_once() // vectors
        channel_block = max(1, min(most // count, setting.in_channels))  # channels of the source
        inputs = [
            (c * self.grid.channel + shift, c * count + t) for c in range(channel_block) for shift, t in self.taps
        ]
        full = setting.in_channels // channel_block * channel_block

        size = setting.dtype.itemsize

        def pieces(chosen: list[tuple[int, int]], inputs: str, place: str) -> None:
            parts = -(-len(chosen) // most)
            edges = [len(chosen) * i // parts for i in range(parts + 1)]
            for a, b in itertools.pairwise(edges):
                self.add_taps(code, vectors, lines, line, inputs, chosen[a:b], gradients, place)

        def channels(chosen: list[tuple[int, int]]) -> Any:
            def emit(c: str) -> None:
                at = code.address("%scratch", code.times(c, self.grid.channel), size)
                pieces(chosen, at, code.address(sums, code.times(c, count * self.block), size))

            return emit

        if count > MANY_TAPS:
            # Only the taps along the last axis are unrolled; a loop goes over the others, which have the same shifts.
            along = setting.axes[-1].taps
            first = [self.taps[i][0] for i in range(0, count, along)]
            run = [(shift - first[0], t) for shift, t in self.taps[:along]]
            firsts = constant_table(code, [shift * size for shift in first])

            def each(c: str) -> None:
                def emit(r: str) -> None:
                    at = code.address("%scratch", code.times(c, self.grid.channel), size)
                    at = code.emit_value(f"getelementptr i8, ptr {at}, i64 {table_entry(code, firsts, r)}")
                    place = plus(code, code.times(c, count * self.block), code.times(r, along * self.block))
                    pieces(run, at, code.address(sums, place, size))

                code.loop("0", str(len(first)), emit)

            code.loop("0", str(setting.in_channels), each)
            return
        code.loop("0", str(full), channels(inputs), channel_block)
        if full < setting.in_channels:
            channels(inputs[: count * (setting.in_channels - full)])(code.emit_value(f"add nsw i64 0, {full}"))

    def add_taps(
        self,
        code: IRBuilder,
        vectors: int,
        lines: int,
        line: str,
        source: str,
        taps: list[tuple[int, int]],
        gradients: str,
        sums: str,
    ) -> None:
        """Emit the sums over some lines, for a few taps of `source`, in registers."""
        dtype, size, lanes = self.setting.dtype, self.setting.dtype.itemsize, lanes_of(self.setting.dtype)
        type = register_type(dtype)
        code.lanes = lanes
        wide = code.type(dtype)
        totals = [[code.variable(wide) for _ in range(vectors)] for _ in taps]
        for row in totals:
            for total in row:
                code.emit(f"store {wide} zeroinitializer, ptr {total}")

        def one_line(i: str) -> None:
            inputs = code.address(source, self.line_place(code, plus(code, line, i)), size)
            given = code.address(gradients, code.times(i, self.width * self.block), size)

            def place(p: str) -> None:
                here = code.address(inputs, p, size)
                row = code.address(given, code.times(p, self.block), size)
                numbers = []
                for shift, _ in taps:
                    number = code.emit_value(f"load {type}, ptr {advance(code, here, shift * size)}, align {size}")
                    numbers.append(code.splat(number, type))
                for v in range(vectors):
                    gy = code.emit_value(f"load {wide}, ptr {advance(code, row, v * lanes * size)}, align {size}")
                    for number, totals_of in zip(numbers, totals, strict=True):
                        value = code.emit_value(f"load {wide}, ptr {totals_of[v]}")
                        added = multiply_add(code, dtype, number, gy, value)
                        code.emit(f"store {wide} {added}, ptr {totals_of[v]}")

            code.loop("0", str(self.width), place)

        code.loop("0", str(lines), one_line)
        for (_, t), row in zip(taps, totals, strict=True):
            for v, total in enumerate(row):
                at = str(t * self.block + v * lanes)
                value = code.op("fadd", dtype, code.load(dtype, sums, at), code.emit_value(f"load {wide}, ptr {total}"))
                code.store(value, dtype, sums, at)
        code.lanes = 1
