"""Kernels of max and average pooling, and of their gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import Index, Pointer, Value
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.lines import fill
from wengert.compiler.kernels.pooling_windows import Windows

__all__ = ["MOST_TAPS", "MaximumBackward", "PoolForward", "SumBackward"]

MOST_TAPS = 64  # of a window; larger ones are computed by NumPy


class Pooling(FormKernel):
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


class PoolForward(Pooling):
    """`(x)`: the maximum or the sum of each window."""

    def __init__(self, maximum: bool, planes: int, axes: tuple[Any, ...], dtype: Any) -> None:
        super().__init__("maximum" if maximum else "sum", planes, axes, dtype)
        self.ufunc = np.maximum if maximum else np.add
        self.outside = -math.inf if maximum else 0.0

    def build(self, b: Builder) -> None:
        x, out, windows = b.operand(0, self.dtype), b.operand(1, self.dtype), self.windows
        padded = b.scratch(self.dtype)
        if windows.padded:
            fill(b, padded, windows.plane, self.outside)
        with b.iterations() as plane:
            source, target = x.at(plane * self.plane), out.at(plane * windows.count)
            if windows.padded:
                windows.copy_inner(b, source, padded, True)
                source = padded

            def body(window: Index, place: Index) -> None:
                target[window] = self.combined(b, source, place, 0, 0)

            windows.walk(b, body, True)

    def combined(self, b: Builder, source: Pointer, place: Index, axis: int, shift: int) -> Value:
        """The reduction of a window over its axes from `axis` on."""
        a, total = self.axes[axis], None
        for j in range(a.taps):
            if axis + 1 == len(self.axes):
                value = self.windows.load(b, source, place, shift, j)
            else:
                value = self.combined(b, source, place, axis + 1, shift + j * a.dilation * self.windows.steps[axis])
            total = value if total is None else b.apply(self.ufunc, total, value)
        assert total is not None
        return total


class Backward(Pooling):
    """The common base of the gradients: each tap of each window receives a part of the gradient."""

    operands = 1

    def build(self, b: Builder) -> None:
        windows = self.windows
        given, out = b.operand(self.operands - 1, self.dtype), b.operand(self.operands, self.dtype)
        if windows.padded:
            self.begin(b)
        with b.iterations() as plane:
            target, gradients = out.at(plane * self.plane), given.at(plane * windows.count)
            source = self.source(b, plane)
            sums = b.scratch(self.dtype, self.scratch - windows.bytes) if windows.padded else target
            if not (windows.interleaved and windows.covered):
                b.zero(sums, windows.plane)

            def body(window: Index, place: Index) -> None:
                values = self.tap_gradients(b, source, place, gradients[window])
                for row, (_, shift) in zip(values, windows.outer_taps(), strict=True):
                    if windows.interleaved:
                        b.interleave(sums, place + shift, row)
                        continue
                    for j, value in enumerate(row):
                        windows.add(b, sums, place, shift, j, value)

            windows.walk(b, body, windows.interleaved)
            if windows.padded:
                windows.copy_inner(b, target, sums, False)

    def begin(self, b: Builder) -> None:
        """What comes before the first plane."""

    def source(self, b: Builder, plane: Index) -> Any:
        """The input plane, if it is needed."""
        return None

    def tap_gradients(self, b: Builder, source: Any, place: Index, gy: Value) -> list[list[Value]]:
        """The gradient of each tap: for each tap of the outer axes, a list along the last axis."""
        raise NotImplementedError


class SumBackward(Backward):
    """`(gy)`: the gradient of sum pooling."""

    def __init__(self, planes: int, axes: tuple[Any, ...], dtype: Any) -> None:
        super().__init__("sum, backward,", planes, axes, dtype)

    def tap_gradients(self, b: Builder, source: Any, place: Index, gy: Value) -> list[list[Value]]:
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

    def begin(self, b: Builder) -> None:
        fill(b, b.scratch(self.dtype), self.windows.plane, -math.inf)

    def source(self, b: Builder, plane: Index) -> Pointer:
        source = b.operand(0, self.dtype).at(plane * self.plane)
        if not self.windows.padded:
            return source
        padded = b.scratch(self.dtype)
        self.windows.copy_inner(b, source, padded, True)
        return padded

    def tap_gradients(self, b: Builder, source: Any, place: Index, gy: Value) -> list[list[Value]]:
        last = self.axes[-1].taps
        inputs = [
            [self.windows.load(b, source, place, shift, j) for j in range(last)]
            for _, shift in self.windows.outer_taps()
        ]
        number = np.dtype(f"i{self.dtype.itemsize}")
        level: list[Any] = [(value, n) for n, value in enumerate(value for row in inputs for value in row)]
        for a in reversed(self.axes):
            level = [self.first_of(b, number, level[i : i + a.taps]) for i in range(0, len(level), a.taps)]
        chosen = level[0][1]
        found = []
        for n, row in enumerate(inputs):
            values = []
            for j, x in enumerate(row):
                hit = b.apply(np.equal, chosen, n * last + j, dtype=number)
                if self.relu:
                    hit = b.apply(np.logical_and, hit, b.apply(np.greater, x, 0))
                values.append(b.select(hit, gy, 0))
            found.append(values)
        return found

    def first_of(self, b: Builder, number: Any, parts: list[tuple[Value, Any]]) -> tuple[Value, Any]:
        """The maximum of some values, and its index: that of the last value that exceeds those before it."""
        value, found = parts[0]
        for other, n in parts[1:]:
            found = b.select(b.apply(np.greater, other, value), n, found, number)
            value = b.apply(np.maximum, value, other)
        return value, found
