"""Pooling windows in native code: loops over vectors of windows, and loads and stores at one tap of each window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.compiler.kernels.convolution.grid import Part
from wengert.compiler.kernels.convolution.tile import linear_index, loop_over_lines
from wengert.compiler.machine import lanes_of
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, memory_type
from wengert.compiler.targets.llvm.vector_registers import copy_line, plus

__all__ = ["Windows"]


class Windows:
    """The windows of a plane (a channel of an image), and the layout of the padded plane.

    Attributes
    ----------
    sizes : tuple of int
        Of the plane, padding included.
    padded : bool
        Whether the plane has padding.
    disjoint : bool
        Whether windows do not overlap.
    interleaved : bool
        Whether the taps of consecutive windows are contiguous along the last axis.
    covered : bool
        Whether each element of the plane is in exactly one window.
    """

    def __init__(self, axes: tuple[Any, ...], dtype: Any) -> None:
        self.axes, self.dtype = axes, np.dtype(dtype)
        reach = [(a.windows - 1) * a.stride + (a.taps - 1) * a.dilation + 1 for a in axes]
        self.padded = any(a.before or n > a.size for a, n in zip(axes, reach, strict=True))
        self.sizes = tuple(
            max(a.before + a.size, n) if self.padded else a.size for a, n in zip(axes, reach, strict=True)
        )
        self.steps = [math.prod(self.sizes[i + 1 :]) for i in range(len(axes))]
        self.plane = math.prod(self.sizes)
        self.disjoint = all(a.stride > (a.taps - 1) * a.dilation for a in axes)
        last = axes[-1]
        self.interleaved = self.disjoint and last.stride == last.taps <= 4
        self.covered = self.disjoint and all(
            a.stride == a.taps and a.windows * a.stride == n for a, n in zip(axes, self.sizes, strict=True)
        )
        self.count = math.prod(a.windows for a in axes)
        self.taps = math.prod(a.taps for a in axes)
        self.bytes = self.plane * self.dtype.itemsize if self.padded else 0
        self.bytes = -(-self.bytes // 64) * 64

    def outer_taps(self) -> Iterator[tuple[tuple[int, ...], int]]:
        """Each tap along all axes but the last, and its offset from the start of the window."""
        for tap in itertools.product(*(range(a.taps) for a in self.axes[:-1])):
            shifts = (j * a.dilation * s for j, a, s in zip(tap, self.axes[:-1], self.steps[:-1], strict=True))
            yield tap, sum(shifts)

    # Copies between a plane and the padded one

    def fill(self, code: IRBuilder, value: float, target: str) -> None:
        """Emit: fill the padded plane with a value."""
        lanes = lanes_of(self.dtype)
        vectorized = self.plane // lanes * lanes
        code.lanes = lanes
        if vectorized:
            code.loop(
                "0", str(vectorized), lambda i: code.store(code.number(value, self.dtype), self.dtype, target, i), lanes
            )
        code.lanes = 1
        for i in range(vectorized, self.plane):
            code.store(code.number(value, self.dtype), self.dtype, target, str(i))

    def copy_inner(self, code: IRBuilder, plane: str, padded: str, inwards: bool) -> None:
        """Emit: copy a plane into the padded one, or back."""
        sizes = [a.size for a in self.axes]
        steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        first = sum(a.before * s for a, s in zip(self.axes, self.steps, strict=True))
        size = self.dtype.itemsize

        def line(indices: list[str]) -> None:
            a = code.address(plane, linear_index(code, indices, steps[:-1], 0), size)
            b = code.address(padded, linear_index(code, indices, self.steps[:-1], first), size)
            copy_line(code, self.dtype, sizes[-1], *((a, b) if inwards else (b, a)))

        loop_over_lines(code, tuple(Part(0, 1, n, 0) for n in sizes), line)

    # Lines of windows

    def walk(self, code: IRBuilder, body: Callable[[str, str, int], None], overlapping: bool) -> None:
        """Emit loops over vectors of windows.

        `body` gets the index of the first window of a vector, its position in the plane, and the number of windows;
        `overlapping` allows the last vector of a line to overlap the one before it.
        """
        last = self.axes[-1]
        counts = [a.windows for a in self.axes]
        outer = [math.prod(counts[i + 1 :]) for i in range(len(counts))][:-1]
        strides = [a.stride * s for a, s in zip(self.axes[:-1], self.steps[:-1], strict=True)]
        lanes = lanes_of(self.dtype)

        def line(indices: list[str]) -> None:
            window, place = linear_index(code, indices, outer, 0), linear_index(code, indices, strides, 0)

            def vector(at: str, width: int) -> None:
                code.lanes = width
                body(plus(code, window, at), plus(code, place, code.times(at, last.stride)), width)
                code.lanes = 1

            vectorized = last.windows // lanes * lanes
            if vectorized > lanes:
                code.loop("0", str(vectorized), lambda i: vector(i, lanes), lanes)
            elif vectorized:
                vector("0", lanes)
            done, width = vectorized, lanes
            while done < last.windows:
                if done + width <= last.windows:
                    vector(str(done), width)
                    done += width
                elif overlapping and width > 1 and last.windows >= width:
                    vector(str(last.windows - width), width)
                    done = last.windows
                else:
                    width //= 2

        loop_over_lines(code, tuple(Part(0, 1, n, 0) for n in counts), line)

    def load(self, code: IRBuilder, plane: str, place: str, shift: int, tap: int) -> str:
        """Load the input at tap `tap` of the last axis of each window, in the row at offset `shift` of the window."""
        a, dtype, width = self.axes[-1], self.dtype, code.lanes
        at, stride = tap * a.dilation, a.stride
        if width == 1 or stride == 1:
            return code.load(dtype, plane, plus(code, place, shift + at))
        if stride <= 4 and (at >= stride - 1 or at + stride - 1 <= (a.taps - 1) * a.dilation):
            # A wide load, and a shuffle that takes every stride-th element; it does not read past the windows.
            lane = stride - 1 if at >= stride - 1 else 0
            start = code.address(plane, plus(code, place, shift + at - lane), dtype.itemsize)
            type = memory_type(dtype)
            wide = code.emit_value(f"load <{stride * width} x {type}>, ptr {start}, align {dtype.itemsize}")
            chosen = ", ".join(f"i32 {lane + stride * i}" for i in range(width))
            pair = f"<{stride * width} x {type}> {wide}, <{stride * width} x {type}> poison"
            return code.emit_value(f"shufflevector {pair}, <{width} x i32> <{chosen}>")
        found = "poison"
        base = code.address(plane, plus(code, place, shift + at), dtype.itemsize)
        code.lanes = 1
        for i in range(width):
            one = code.load(dtype, base, str(i * stride))
            found = code.emit_value(
                f"insertelement <{width} x {memory_type(dtype)}> {found}, {memory_type(dtype)} {one}, i64 {i}"
            )
        code.lanes = width
        return found

    def store_row(self, code: IRBuilder, plane: str, place: str, shift: int, values: list[str]) -> None:
        """Store a value for each tap of the last axis, where these are contiguous."""
        width, type, count = code.lanes, memory_type(self.dtype), len(values)
        if width == 1 or count == 1:
            for i, value in enumerate(values):
                code.store(value, self.dtype, plane, plus(code, place, shift + i))
            return
        total = count * width
        vectorized = values[0]
        for n in range(1, count):
            if n == 1:
                wide_order = ", ".join(f"i32 {i}" for i in range(2 * width))
                pair = f"<{width} x {type}> {vectorized}, <{width} x {type}> {values[1]}"
                vectorized = code.emit_value(f"shufflevector {pair}, <{2 * width} x i32> <{wide_order}>")
                continue
            wide = ", ".join(f"i32 {i}" if i < width else "i32 poison" for i in range(n * width))
            pair = f"<{width} x {type}> {values[n]}, <{width} x {type}> poison"
            other = code.emit_value(f"shufflevector {pair}, <{n * width} x i32> <{wide}>")
            order = ", ".join(f"i32 {i}" for i in range((n + 1) * width))
            pair = f"<{n * width} x {type}> {vectorized}, <{n * width} x {type}> {other}"
            vectorized = code.emit_value(f"shufflevector {pair}, <{(n + 1) * width} x i32> <{order}>")
        order = ", ".join(f"i32 {(i % count) * width + i // count}" for i in range(total))
        pair = f"<{total} x {type}> {vectorized}, <{total} x {type}> poison"
        vectorized = code.emit_value(f"shufflevector {pair}, <{total} x i32> <{order}>")
        start = code.address(plane, plus(code, place, shift), self.dtype.itemsize)
        code.emit(f"store <{total} x {type}> {vectorized}, ptr {start}, align {self.dtype.itemsize}")

    def add(self, code: IRBuilder, plane: str, place: str, shift: int, tap: int, value: str) -> None:
        """Emit: add a value at one tap of the last axis of each window."""
        a = self.axes[-1]
        at = plus(code, place, shift + tap * a.dilation)
        if code.lanes == 1 or a.stride == 1:
            code.store(code.op("fadd", self.dtype, code.load(self.dtype, plane, at), value), self.dtype, plane, at)
            return
        width, type = code.lanes, memory_type(self.dtype)
        base = code.address(plane, at, self.dtype.itemsize)
        code.lanes = 1
        for i in range(width):
            one = code.emit_value(f"extractelement <{width} x {type}> {value}, i64 {i}")
            place_of = str(i * a.stride)
            added = code.op("fadd", self.dtype, code.load(self.dtype, base, place_of), one)
            code.store(added, self.dtype, base, place_of)
        code.lanes = width
