"""Kernels of max and average pooling, and of their gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.kernel import Kernel
from wengert.compiler.kernels.convolution.reference import taps_of
from wengert.compiler.kernels.pooling_windows import Windows
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.llvm_ufuncs import accumulate
from wengert.compiler.targets.llvm.vector_registers import clear

__all__ = ["MOST_TAPS", "MaximumBackward", "PoolForward", "SumBackward"]

MOST_TAPS = 64  # of a window; larger ones are computed by NumPy


class Pooling(Kernel):
    """The common base: independent planes."""

    def __init__(self, name: str, planes: int, axes: tuple[Any, ...], dtype: Any) -> None:
        self.windows = Windows(axes, dtype)
        self.axes, self.dtype, self.iterations = axes, np.dtype(dtype), planes
        self.plane = math.prod(a.size for a in axes)
        self.flops = planes * self.windows.count * self.windows.taps
        self.nanoseconds = 0.3 * planes * (self.plane + self.windows.count) + 200.0
        self.scratch = self.windows.bytes
        kernel = "x".join(str(a.taps) for a in axes)
        self.name = f"{name} of {kernel}"
        self.key = (name, planes, axes, self.dtype.str)

    def place(self, code: IRBuilder, base: str, plane: str, elements: int) -> str:
        """The address of a plane."""
        return code.address(base, code.times(plane, elements), self.dtype.itemsize)

    def inputs_at_taps(self, x: Any, value: float) -> Any:
        """The input at each tap of each window, by NumPy: (planes, taps, windows)."""
        x = x.reshape(-1, *(a.size for a in self.axes))
        padded = np.full((len(x), *self.windows.sizes), value, x.dtype)
        slices = [
            slice(a.before, a.before + n) if self.windows.padded else slice(None)
            for a, n in zip(self.axes, x.shape[1:], strict=True)
        ]
        padded[(slice(None), *slices)] = x
        return np.stack([padded[where].reshape(len(x), -1) for _, where in taps_of(self.axes)], 1)

    def spread(self, parts: Any, shape: tuple[int, ...]) -> Any:
        """Scatter-add the gradient of each tap of each window, by NumPy."""
        padded = np.zeros((len(parts), *self.windows.sizes), parts.dtype)
        for (_, where), part in zip(taps_of(self.axes), parts.swapaxes(0, 1), strict=True):
            padded[where] += part.reshape(len(parts), *(a.windows for a in self.axes))
        if self.windows.padded:
            padded = padded[(slice(None), *(slice(a.before, a.before + a.size) for a in self.axes))]
        return np.ascontiguousarray(padded).reshape(shape)


class PoolForward(Pooling):
    """`(x)`: the maximum or the sum of each window."""

    def __init__(self, maximum: bool, planes: int, axes: tuple[Any, ...], dtype: Any) -> None:
        super().__init__("maximum" if maximum else "sum", planes, axes, dtype)
        self.ufunc = np.maximum if maximum else np.add
        self.outside = -math.inf if maximum else 0.0

    def compute(self, *operands: Any) -> Any:
        x = operands[0]
        found = self.ufunc.reduce(self.inputs_at_taps(x, self.outside), axis=1)
        return found.reshape(*x.shape[: x.ndim - len(self.axes)], *(a.windows for a in self.axes))

    def text(self, declarations: dict[str, str]) -> str:
        code, windows = IRBuilder(declarations), self.windows
        if windows.padded:
            windows.fill(code, self.outside, "%scratch")

        def plane(i: str) -> None:
            source, target = self.place(code, "%p0", i, self.plane), self.place(code, "%p1", i, windows.count)
            if windows.padded:
                windows.copy_inner(code, source, "%scratch", True)
                source = "%scratch"

            def vector(window: str, place: str, width: int) -> None:
                code.store(self.combined(code, source, place, (), 0), self.dtype, target, window)

            windows.walk(code, vector, True)

        code.loop("%first", "%last", plane)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def combined(self, code: IRBuilder, source: str, place: str, tap: tuple[int, ...], shift: int) -> str:
        """Emit the reduction of a window over its remaining axes, for the chosen taps of the first axes."""
        depth = len(tap)
        a = self.axes[depth]
        total = ""
        for j in range(a.taps):
            if depth + 1 == len(self.axes):
                value = self.windows.load(code, source, place, shift, j)
            else:
                value = self.combined(
                    code, source, place, (*tap, j), shift + j * a.dilation * self.windows.steps[depth]
                )
            total = accumulate(code, self.ufunc, self.dtype, total, value) if j else value
        return total


class Backward(Pooling):
    """The common base of the gradients: each tap of each window receives a part of the gradient."""

    operands = 1

    def text(self, declarations: dict[str, str]) -> str:
        code, windows, size = IRBuilder(declarations), self.windows, self.dtype.itemsize
        result = f"%p{self.operands}"
        if windows.padded:
            self.begin(code)

        def plane(i: str) -> None:
            target = self.place(code, result, i, self.plane)
            given = self.place(code, f"%p{self.operands - 1}", i, windows.count)
            source = self.source(code, i)
            if windows.padded:
                sums = code.emit_value(f"getelementptr i8, ptr %scratch, i64 {self.scratch - windows.bytes}")
            else:
                sums = target
            if not (windows.interleaved and windows.covered):
                clear(code, sums, windows.plane * size)

            def vector(window: str, place: str, width: int) -> None:
                gy = code.load(self.dtype, given, window)
                values = self.tap_gradients(code, source, place, gy)
                for row, (_, shift) in zip(values, windows.outer_taps(), strict=True):
                    if windows.interleaved:
                        windows.store_row(code, sums, place, shift, row)
                        continue
                    for j, value in enumerate(row):
                        windows.add(code, sums, place, shift, j, value)

            windows.walk(code, vector, windows.interleaved)
            if windows.padded:
                windows.copy_inner(code, target, sums, False)

        code.loop("%first", "%last", plane)
        code.emit("ret void")
        names = ", ".join(f"ptr %p{i}" for i in range(self.operands + 1))
        return code.function(f"({names}, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def begin(self, code: IRBuilder) -> None:
        """Emit code before the first plane."""

    def source(self, code: IRBuilder, plane: str) -> str:
        """The address of the input plane, if it is needed."""
        return ""

    def tap_gradients(self, code: IRBuilder, source: str, place: str, gy: str) -> list[list[str]]:
        """Emit the gradient of each tap: for each tap of the outer axes, a list along the last axis."""
        raise NotImplementedError


class SumBackward(Backward):
    """`(gy)`: the gradient of sum pooling."""

    def __init__(self, planes: int, axes: tuple[Any, ...], dtype: Any) -> None:
        super().__init__("sum, backward,", planes, axes, dtype)

    def compute(self, *operands: Any) -> Any:
        gy = operands[0]
        shape = (*gy.shape[: gy.ndim - len(self.axes)], *(a.size for a in self.axes))
        flat = gy.reshape(-1, 1, self.windows.count)
        return self.spread(np.repeat(flat, self.windows.taps, 1), shape)

    def tap_gradients(self, code: IRBuilder, source: str, place: str, gy: str) -> list[list[str]]:
        return [[gy] * self.axes[-1].taps for _ in self.windows.outer_taps()]


class MaximumBackward(Backward):
    """`(x, gy)`: the gradient of max pooling; with `relu`, that of max pooling after relu, whose result is x.

    The gradient goes to the first maximum, reduced axis by axis as in forward: to the last tap that exceeds those
    before it.
    """

    operands = 2

    def __init__(self, planes: int, axes: tuple[Any, ...], dtype: Any, relu: bool = False) -> None:
        super().__init__("maximum, backward," + " relu," * relu, planes, axes, dtype)
        self.relu = relu
        self.scratch = 2 * self.windows.bytes
        self.key = (*self.key, relu)  # type: ignore[misc]

    def compute(self, *operands: Any) -> Any:
        x, gy = operands
        inputs = self.inputs_at_taps(x, -math.inf)
        chosen = self.chosen_of(inputs)
        flat = gy.reshape(-1, 1, self.windows.count)
        parts = np.where(np.arange(self.windows.taps)[:, None] == chosen[:, None], flat, 0).astype(gy.dtype)
        gx = self.spread(parts, x.shape)
        return np.where(x > 0, gx, 0).astype(gy.dtype) if self.relu else gx

    def chosen_of(self, inputs: Any) -> Any:
        """The index of the maximal tap of each window."""
        counts = [a.taps for a in self.axes]
        value = inputs.reshape(len(inputs), *counts, -1)
        number = np.broadcast_to(np.arange(self.windows.taps).reshape(*counts, 1), value.shape)
        for axis in range(len(counts), 0, -1):
            best, which = value.take(0, axis), number.take(0, axis)
            for j in range(1, counts[axis - 1]):
                other = value.take(j, axis)
                which = np.where(other > best, number.take(j, axis), which)
                best = np.maximum(best, other)
            value, number = best, which
        return number

    def begin(self, code: IRBuilder) -> None:
        self.windows.fill(code, -math.inf, "%scratch")

    def source(self, code: IRBuilder, plane: str) -> str:
        source = self.place(code, "%p0", plane, self.plane)
        if not self.windows.padded:
            return source
        self.windows.copy_inner(code, source, "%scratch", True)
        return "%scratch"

    def tap_gradients(self, code: IRBuilder, source: str, place: str, gy: str) -> list[list[str]]:
        dtype, last = self.dtype, self.axes[-1].taps
        index = np.dtype(f"i{dtype.itemsize}")
        inputs = [
            [self.windows.load(code, source, place, shift, j) for j in range(last)]
            for _, shift in self.windows.outer_taps()
        ]
        level = [(value, code.number(n, index)) for n, value in enumerate(value for row in inputs for value in row)]
        for a in reversed(self.axes):
            level = [self.first_of(code, index, level[i : i + a.taps]) for i in range(0, len(level), a.taps)]
        chosen = level[0][1]
        zero = code.number(0, dtype)
        found, number = [], 0
        for row in inputs:
            values = []
            for x in row:
                hit = code.compare("eq", index, chosen, code.number(number, index))
                if self.relu:
                    hit = code.emit_value(f"and {code.wide('i1')} {hit}, {code.compare('ogt', dtype, x, zero)}")
                values.append(code.choose(hit, dtype, gy, zero))
                number += 1
            found.append(values)
        return found

    def first_of(self, code: IRBuilder, index: Any, parts: list[tuple[str, str]]) -> tuple[str, str]:
        """Emit the maximum of some values, and its index: that of the last value that exceeds those before it."""
        value, number = parts[0]
        for other, n in parts[1:]:
            exceeds = code.compare("ogt", self.dtype, other, value)
            number = code.choose(exceeds, index, n, number)
            value = accumulate(code, np.maximum, self.dtype, value, other)
        return value, number
