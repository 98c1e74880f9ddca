"""Pooling windows: loops over lanes of windows, and loads and stores at one tap of each window."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.compiler.kernels.ir import Index, Pointer, Value
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.lines import copy_line, loop_over_lines
from wengert.compiler.machine import lanes_of

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

    def copy_inner(self, b: Builder, plane: Pointer, padded: Pointer, inwards: bool) -> None:
        """Copy a plane into the padded one, or back."""
        sizes = [a.size for a in self.axes]
        steps = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
        first = sum(a.before * s for a, s in zip(self.axes, self.steps, strict=True))

        def line(indices: list[Index]) -> None:
            inner = plane.at(b.dot(indices, steps[:-1]))
            outer = padded.at(b.dot(indices, self.steps[:-1], first))
            copy_line(b, sizes[-1], *((inner, outer) if inwards else (outer, inner)))

        loop_over_lines(b, sizes, line)

    # Lines of windows

    def walk(self, b: Builder, body: Callable[[Index, Index], None], overlapping: bool) -> None:
        """Loops over windows, in lanes: `body` gets the index of a window, and its position in the plane.

        `overlapping` allows the last vector of a line to overlap the one before it.
        """
        last, counts = self.axes[-1], [a.windows for a in self.axes]
        outer = [math.prod(counts[i + 1 :]) for i in range(len(counts))][:-1]
        strides = [a.stride * s for a, s in zip(self.axes[:-1], self.steps[:-1], strict=True)]

        def line(indices: list[Index]) -> None:
            window, place = b.dot(indices, outer), b.dot(indices, strides)
            with b.lanes(last.windows, lanes_of(self.dtype), "overlap" if overlapping else "halve") as i:
                body(window + i, place + i * last.stride)

        loop_over_lines(b, counts, line)

    def load(self, b: Builder, plane: Pointer, place: Index, shift: int, tap: int) -> Value:
        """The input at tap `tap` of the last axis of each window, in the row at offset `shift` of the window."""
        a = self.axes[-1]
        at, stride = tap * a.dilation, a.stride
        around = None
        if stride <= 4 and (at >= stride - 1 or at + stride - 1 <= (a.taps - 1) * a.dilation):
            around = stride - 1 if at >= stride - 1 else 0  # (what is read beside them is within the windows)
        return b.load(plane, place + (shift + at), around)

    def add(self, b: Builder, plane: Pointer, place: Index, shift: int, tap: int, value: Value) -> None:
        """Add a value at one tap of the last axis of each window."""
        at = place + (shift + tap * self.axes[-1].dilation)
        b.update(np.add, plane, at, value)
