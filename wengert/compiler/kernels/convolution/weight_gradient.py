"""The gradient of a convolution by its weights and its bias, as a kernel of native code.

For each place, what the taps see is multiplied by the gradients of many output channels, side by side in vectors: for
that the gradients are transposed, a few lines at a time. Sums stay in registers for these lines. With few output
channels, vectors go along the lines instead.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from wengert.compiler.graph.kernel import Kernel
from wengert.compiler.kernels.convolution import reference as reference
from wengert.compiler.kernels.convolution.along_lines import part_along_lines
from wengert.compiler.kernels.convolution.forward import FLOPS_PER_NANOSECOND, Setting
from wengert.compiler.kernels.convolution.grid import forward
from wengert.compiler.kernels.convolution.tile import dot, lay_out, looked_up, moved, table
from wengert.compiler.machine import lanes_of, vector_registers
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type
from wengert.compiler.targets.llvm.vector_registers import clear, divided, multiply_add, plus, transposed

__all__ = ["ByWeight"]

SHARES = 8  # parts of the sum over images
LARGE = 1 << 20  # bytes of all the parts
MANY_TAPS = 25
BAND = 192  # places that are transposed at once, which stay in the cache


class ByWeight(Kernel):
    """`(x, gy)`: for each share of the images, the gradient by the weights, then that by the bias."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        dtype, lanes = setting.dtype, lanes_of(setting.dtype)
        size = dtype.itemsize
        self.grid = forward(setting.axes, 1)
        self.taps = self.grid.results[0].taps
        self.inner = setting.taken * setting.taps
        self.length = setting.groups * setting.given * (self.inner + 1)
        self.along_lines = 2 * setting.given < lanes
        self.vectors = min(4, -(-setting.given // lanes))
        self.block = 1 if self.along_lines else self.vectors * lanes  # output channels that are computed together
        self.blocks = 1 if self.along_lines else -(-setting.given // self.block)
        self.shares = min(SHARES, setting.images, max(1, LARGE // (self.length * size)))
        self.iterations = self.shares * setting.groups * self.blocks
        self.width = setting.axes[-1].windows
        self.lines = setting.windows // self.width
        self.band = max(1, min(BAND // self.width, self.lines))
        self.source_bytes = -(-setting.taken * self.grid.channel * size // 64) * 64
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
        self.name = f"convolution {setting}, by its weight"
        self.key = (type(self).__name__, setting.key)

    def compute(self, *operands: Any) -> Any:
        x, gy = operands
        found = np.zeros((self.shares, self.length), gy.dtype)
        weights = reference.by_weight(self.setting, x, gy).reshape(-1)
        found[0, : weights.size] = weights
        found[0, weights.size :] = gy.reshape(*gy.shape[:2], -1).sum((0, 2))
        return found

    # Native code

    def text(self, declarations: dict[str, str]) -> str:
        code, setting = IRBuilder(declarations), self.setting
        clear(code, "%scratch", self.source_bytes)
        gradients = moved(code, "%scratch", self.source_bytes)
        sums = moved(code, "%scratch", self.source_bytes + self.gradient_bytes)

        def part(i: str) -> None:
            rest, block = divided(code, i, self.blocks)
            share, group = divided(code, rest, setting.groups)
            first, last = (
                divided(code, code.times(s, setting.images), self.shares)[0] for s in (share, plus(code, share, 1))
            )
            results = code.address("%p2", code.times(share, self.length), setting.dtype.itemsize)
            places = gradients, sums, results
            if self.along_lines:
                part_along_lines(self, code, group, first, last, places)
                return
            left = setting.given % self.block
            if self.blocks == 1:
                self.part_across(code, left or self.block, group, block, first, last, places)
                return
            if not left:
                self.part_across(code, self.block, group, block, first, last, places)
                return
            is_last = code.emit_value(f"icmp eq i64 {block}, {self.blocks - 1}")
            code.when(is_last, lambda: self.part_across(code, left, group, block, first, last, places))
            others = code.emit_value(f"xor i1 {is_last}, true")
            code.when(others, lambda: self.part_across(code, self.block, group, block, first, last, places))

        code.loop("%first", "%last", part)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def lay_image(self, code: IRBuilder, image: str, group: str) -> None:
        """Emit the layout of the channels of a group."""
        setting, size = self.setting, self.setting.dtype.itemsize
        plane = plus(code, code.times(image, setting.groups * setting.taken), code.times(group, setting.taken))

        def channel(c: str) -> None:
            source = code.address("%p0", code.times(plus(code, plane, c), setting.plane), size)
            target = code.address("%scratch", code.times(c, self.grid.channel), size)
            lay_out(code, setting.dtype, self.grid, source, target, setting.plane)

        code.loop("0", str(setting.taken), channel)

    def line_place(self, code: IRBuilder, line: str) -> str:
        """Where in a row a line of windows begins."""
        indices: list[str] = []
        for a in reversed(self.setting.axes[1:-1]):
            line, index = divided(code, line, a.windows)
            indices.insert(0, index)
        if len(self.setting.axes) == 1:
            return "0"
        return dot(code, [line, *indices], list(self.grid.steps[:-1]), 0)

    # Vectors across output channels

    def part_across(
        self, code: IRBuilder, count: int, group: str, block: str, first: str, last: str, places: tuple[str, str, str]
    ) -> None:
        """Emit the sums for `count` output channels, over some images."""
        setting, dtype, size = self.setting, self.setting.dtype, self.setting.dtype.itemsize
        gradients, sums, results = places
        vectors = -(-count // lanes_of(dtype))
        clear(code, sums, self.sum_bytes)
        row = plus(code, code.times(group, setting.given), code.times(block, self.block))

        def image(i: str) -> None:
            self.lay_image(code, i, group)
            plane = plus(code, code.times(i, setting.groups * setting.given), row)
            source = code.address("%p1", code.times(plane, setting.windows), size)
            whole = self.lines // self.band * self.band

            def band(lines: int) -> Any:
                def emit(line: str) -> None:
                    at = code.address(source, code.times(line, self.width), size)
                    self.turn(code, count, vectors, lines * self.width, at, gradients)
                    self.add_bias(code, vectors, lines * self.width, gradients, sums)
                    self.add_band(code, vectors, lines, line, gradients, sums)

                return emit

            if whole == self.band:
                band(self.band)("0")
            else:
                code.loop("0", str(whole), band(self.band), self.band)
            if self.lines > whole:
                band(self.lines - whole)(str(whole))

        code.loop(first, last, image)
        bias = code.address(results, str(setting.groups * setting.given * self.inner), size)

        def write(r: str) -> None:
            target = code.address(results, code.times(plus(code, row, r), self.inner), size)

            def number(k: str) -> None:
                value = code.load(dtype, sums, plus(code, code.times(k, self.block), r))
                code.store(value, dtype, target, k)

            code.loop("0", str(self.inner), number)
            value = code.load(dtype, sums, plus(code, r, self.inner * self.block))
            code.store(value, dtype, bias, plus(code, row, r))

        code.loop("0", str(count), write)

    def turn(self, code: IRBuilder, count: int, vectors: int, places: int, source: str, target: str) -> None:
        """Emit the transposition of gradients: a vector of channels for each place; beyond the channels, zeros."""
        dtype, lanes = self.setting.dtype, lanes_of(self.setting.dtype)
        step = self.setting.windows

        def square(p: str) -> None:
            code.lanes = lanes
            for v in range(vectors):
                rows = [
                    code.load(dtype, source, plus(code, p, r * step)) if r < count else "zeroinitializer"
                    for r in range(v * lanes, (v + 1) * lanes)
                ]
                for i, column in enumerate(transposed(code, dtype, rows)):
                    code.store(column, dtype, target, plus(code, code.times(p, self.block), i * self.block + v * lanes))
            code.lanes = 1

        def single(p: str) -> None:
            for r in range(vectors * lanes):
                value = code.load(dtype, source, plus(code, p, r * step)) if r < count else code.number(0, dtype)
                code.store(value, dtype, target, plus(code, code.times(p, self.block), r))

        whole = places // lanes * lanes
        if whole:
            code.loop("0", str(whole), square, lanes)
        if places > whole and whole:
            start = code.emit_value(f"add nsw i64 0, {places - lanes}")
            square(start)
        elif places > whole:
            code.loop("0", str(places), single)

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
        most = {1: 12, 2: 6, 3: 4, 4: 3}[vectors] * (1 if vector_registers() == 16 else 2)
        together = max(1, min(most // count, setting.taken))  # channels of the source
        seen = [(c * self.grid.channel + shift, c * count + t) for c in range(together) for shift, t in self.taps]
        whole = setting.taken // together * together

        size = setting.dtype.itemsize

        def pieces(chosen: list[tuple[int, int]], seen: str, place: str) -> None:
            parts = -(-len(chosen) // most)
            edges = [len(chosen) * i // parts for i in range(parts + 1)]
            for a, b in itertools.pairwise(edges):
                self.add_taps(code, vectors, lines, line, seen, chosen[a:b], gradients, place)

        def channels(chosen: list[tuple[int, int]]) -> Any:
            def emit(c: str) -> None:
                at = code.address("%scratch", code.times(c, self.grid.channel), size)
                pieces(chosen, at, code.address(sums, code.times(c, count * self.block), size))

            return emit

        if count > MANY_TAPS:
            # Of so many taps, those along the last axis are put down once: they lie alike for all the others.
            along = setting.axes[-1].taps
            first = [self.taps[i][0] for i in range(0, count, along)]
            run = [(shift - first[0], t) for shift, t in self.taps[:along]]
            firsts = table(code, [shift * size for shift in first])

            def each(c: str) -> None:
                def emit(r: str) -> None:
                    at = code.address("%scratch", code.times(c, self.grid.channel), size)
                    at = code.emit_value(f"getelementptr i8, ptr {at}, i64 {looked_up(code, firsts, r)}")
                    place = plus(code, code.times(c, count * self.block), code.times(r, along * self.block))
                    pieces(run, at, code.address(sums, place, size))

                code.loop("0", str(len(first)), emit)

            code.loop("0", str(setting.taken), each)
            return
        code.loop("0", str(whole), channels(seen), together)
        if whole < setting.taken:
            channels(seen[: count * (setting.taken - whole)])(code.emit_value(f"add nsw i64 0, {whole}"))

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
        """Emit the sums over some lines, for a few taps of what is at `source`, in registers."""
        dtype, size, lanes = self.setting.dtype, self.setting.dtype.itemsize, lanes_of(self.setting.dtype)
        type = register_type(dtype)
        code.lanes = lanes
        wide = code.type(dtype)
        totals = [[code.variable(wide) for _ in range(vectors)] for _ in taps]
        for row in totals:
            for total in row:
                code.emit(f"store {wide} zeroinitializer, ptr {total}")

        def one_line(i: str) -> None:
            seen = code.address(source, self.line_place(code, plus(code, line, i)), size)
            given = code.address(gradients, code.times(i, self.width * self.block), size)

            def place(p: str) -> None:
                here = code.address(seen, p, size)
                row = code.address(given, code.times(p, self.block), size)
                numbers = []
                for shift, _ in taps:
                    number = code.emit_value(f"load {type}, ptr {moved(code, here, shift * size)}, align {size}")
                    numbers.append(code.splat(number, type))
                for v in range(vectors):
                    gy = code.emit_value(f"load {wide}, ptr {moved(code, row, v * lanes * size)}, align {size}")
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
