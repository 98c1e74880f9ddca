"""The weight gradient of a convolution with few output channels per group: vectors run along image lines."""

from __future__ import annotations

import itertools
from typing import Any

from wengert.compiler.machine import lanes_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.vector_registers import clear, copy_line, multiply_add, plus

__all__ = ["sum_along_lines"]


def sum_along_lines(
    kernel: Any, code: IRBuilder, group: str, first: str, last: str, places: tuple[str, str, str]
) -> None:
    """Emit the sums over some images; elements after the end of a line count as zeros."""
    setting, dtype, size = kernel.setting, kernel.setting.dtype, kernel.setting.dtype.itemsize
    gradients, _, results = places
    clear(code, gradients, kernel.gradient_bytes)
    rows = code.times(group, setting.out_channels)
    weights = code.address(results, code.times(rows, kernel.inner), size)
    biases = code.address(results, plus(code, rows, setting.groups * setting.out_channels * kernel.inner), size)
    clear(code, weights, setting.out_channels * kernel.inner * size)
    clear(code, biases, setting.out_channels * size)

    def image(i: str) -> None:
        kernel.lay_image(code, i, group)
        plane = plus(code, code.times(i, setting.groups * setting.out_channels), rows)

        def row(r: str) -> None:
            source = code.address("%p1", code.times(plus(code, plane, r), setting.windows), size)

            def line(j: str) -> None:
                a = code.address(source, code.times(j, kernel.width), size)
                b = code.address(gradients, code.times(j, kernel.pitch), size)
                copy_line(code, dtype, kernel.width, a, b)

            code.loop("0", str(kernel.lines), line)
            sum_lines(kernel, code, None, gradients, (biases, r))

            def channel(c: str) -> None:
                at = plus(code, code.times(r, kernel.inner), code.times(c, len(kernel.taps)))
                inputs = code.address("%scratch", code.times(c, kernel.grid.channel), size)
                pieces = -(-len(kernel.taps) // 9)
                edges = [len(kernel.taps) * e // pieces for e in range(pieces + 1)]
                for a, b in itertools.pairwise(edges):
                    sum_lines(kernel, code, kernel.taps[a:b], gradients, (weights, plus(code, at, a)), inputs)

            code.loop("0", str(setting.in_channels), channel)

        code.loop("0", str(setting.out_channels), row)

    code.loop(first, last, image)


def sum_lines(
    kernel: Any, code: IRBuilder, taps: Any, gradients: str, target: tuple[str, str], source: str = ""
) -> None:
    """Emit the sums of the gradients; if there are taps, of their products with the input at each tap."""
    dtype, size, lanes = kernel.setting.dtype, kernel.setting.dtype.itemsize, lanes_of(kernel.setting.dtype)
    code.lanes = lanes
    wide = code.type(dtype)
    totals = [code.variable(wide) for _ in (taps or [None])]
    for total in totals:
        code.emit(f"store {wide} zeroinitializer, ptr {total}")
    remainder = kernel.width % lanes
    mask = "<" + ", ".join(f"i1 {'true' if i < remainder else 'false'}" for i in range(lanes)) + ">"

    def line(j: str) -> None:
        given = code.address(gradients, code.times(j, kernel.pitch), size)
        inputs = code.address(source, kernel.line_place(code, j), size) if taps else ""

        def add_vector(p: str, full: bool) -> None:
            gy = code.load(dtype, given, p)
            for total, tap in zip(totals, taps or [None], strict=True):
                value = code.emit_value(f"load {wide}, ptr {total}")
                if tap is None:
                    added = code.op("fadd", dtype, value, gy)
                else:
                    x = code.load(dtype, inputs, plus(code, p, tap[0]))
                    x = x if full else code.choose(mask, dtype, x, "zeroinitializer")
                    added = multiply_add(code, dtype, x, gy, value)
                code.emit(f"store {wide} {added}, ptr {total}")

        if kernel.width >= lanes:
            code.loop("0", str(kernel.width - remainder), lambda p: add_vector(p, True), lanes)
        if remainder:
            add_vector(str(kernel.width - remainder), False)

    code.loop("0", str(kernel.lines), line)
    for i, total in enumerate(totals):
        value = code.emit_value(f"load {wide}, ptr {total}")

        def add(a: str, b: str) -> str:
            return code.op("fadd", dtype, a, b)

        total_sum = code.reduce_lanes(value, dtype, add)
        code.lanes = 1
        at = plus(code, target[1], i)
        code.store(code.op("fadd", dtype, code.load(dtype, target[0], at), total_sum), dtype, target[0], at)
        code.lanes = lanes
    code.lanes = 1
