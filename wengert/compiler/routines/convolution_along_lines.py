"""The gradient of a convolution by its weights where a group has few output channels: vectors go along the lines."""

from __future__ import annotations

import itertools
from typing import Any

from wengert.compiler.code.llvm_code import Code
from wengert.compiler.code.vector_registers import clear, copy_line, lanes_of, multiply_add, plus

__all__ = ["part_along_lines"]


def part_along_lines(routine: Any, code: Code, group: str, first: str, last: str, places: tuple[str, str, str]) -> None:
    """Emit the sums over some images: what is beyond the end of a line counts as zeros."""
    setting, dtype, size = routine.setting, routine.setting.dtype, routine.setting.dtype.itemsize
    gradients, _, results = places
    clear(code, gradients, routine.gradient_bytes)
    rows = code.times(group, setting.given)
    weights = code.address(results, code.times(rows, routine.inner), size)
    biases = code.address(results, plus(code, rows, setting.groups * setting.given * routine.inner), size)
    clear(code, weights, setting.given * routine.inner * size)
    clear(code, biases, setting.given * size)

    def image(i: str) -> None:
        routine.lay_image(code, i, group)
        plane = plus(code, code.times(i, setting.groups * setting.given), rows)

        def row(r: str) -> None:
            source = code.address("%p1", code.times(plus(code, plane, r), setting.windows), size)

            def line(j: str) -> None:
                a = code.address(source, code.times(j, routine.width), size)
                b = code.address(gradients, code.times(j, routine.pitch), size)
                copy_line(code, dtype, routine.width, a, b)

            code.loop("0", str(routine.lines), line)
            sum_lines(routine, code, None, gradients, (biases, r))

            def channel(c: str) -> None:
                at = plus(code, code.times(r, routine.inner), code.times(c, len(routine.taps)))
                seen = code.address("%scratch", code.times(c, routine.grid.channel), size)
                parts = -(-len(routine.taps) // 9)
                edges = [len(routine.taps) * e // parts for e in range(parts + 1)]
                for a, b in itertools.pairwise(edges):
                    sum_lines(routine, code, routine.taps[a:b], gradients, (weights, plus(code, at, a)), seen)

            code.loop("0", str(setting.taken), channel)

        code.loop("0", str(setting.given), row)

    code.loop(first, last, image)


def sum_lines(routine: Any, code: Code, taps: Any, gradients: str, target: tuple[str, str], source: str = "") -> None:
    """Emit the sums of the gradients, times what each of some taps sees if there are any."""
    dtype, size, lanes = routine.setting.dtype, routine.setting.dtype.itemsize, lanes_of(routine.setting.dtype)
    code.lanes = lanes
    wide = code.type(dtype)
    totals = [code.variable(wide) for _ in (taps or [None])]
    for total in totals:
        code.do(f"store {wide} zeroinitializer, ptr {total}")
    rest = routine.width % lanes
    mask = "<" + ", ".join(f"i1 {'true' if i < rest else 'false'}" for i in range(lanes)) + ">"

    def line(j: str) -> None:
        given = code.address(gradients, code.times(j, routine.pitch), size)
        seen = code.address(source, routine.line_place(code, j), size) if taps else ""

        def piece(p: str, whole: bool) -> None:
            gy = code.load(dtype, given, p)
            for total, tap in zip(totals, taps or [None], strict=True):
                value = code.put(f"load {wide}, ptr {total}")
                if tap is None:
                    added = code.op("fadd", dtype, value, gy)
                else:
                    x = code.load(dtype, seen, plus(code, p, tap[0]))
                    x = x if whole else code.choose(mask, dtype, x, "zeroinitializer")
                    added = multiply_add(code, dtype, x, gy, value)
                code.do(f"store {wide} {added}, ptr {total}")

        if routine.width >= lanes:
            code.loop("0", str(routine.width - rest), lambda p: piece(p, True), lanes)
        if rest:
            piece(str(routine.width - rest), False)

    code.loop("0", str(routine.lines), line)
    for i, total in enumerate(totals):
        value = code.put(f"load {wide}, ptr {total}")

        def both(a: str, b: str) -> str:
            return code.op("fadd", dtype, a, b)

        one = code.across(value, dtype, both)
        code.lanes = 1
        at = plus(code, target[1], i)
        code.store(code.op("fadd", dtype, code.load(dtype, target[0], at), one), dtype, target[0], at)
        code.lanes = lanes
    code.lanes = 1
