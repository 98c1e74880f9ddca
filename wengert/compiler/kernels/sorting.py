"""Kernels that sort rows and search in them: stable, with NaN at the end, as NumPy does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import INDEX, Builder, Pointer, Value

__all__ = ["order_of_rows", "places_among", "sorted_rows"]

STEP = 5.0  # nanoseconds of a comparison


def order_of_rows(x: Node, line: str = "") -> Node:
    """The stable order of the last axis."""
    return kernel_node(Sort(x.shape or (), x.dtype, True), (x,), x.shape or (), INDEX, line)


def sorted_rows(x: Node, line: str = "") -> Node:
    """The last axis, sorted."""
    return kernel_node(Sort(x.shape or (), x.dtype, False), (x,), x.shape or (), x.dtype, line)


def places_among(sorted_values: Node, x: Node, right: bool, line: str = "") -> Node:
    """np.searchsorted, for operands of one dtype."""
    kernel = Search(sorted_values.size, x.size, x.dtype, right)
    return kernel_node(kernel, (sorted_values, x), x.shape or (), INDEX, line)


def is_less(b: Builder, x: Value, y: Value) -> Value:
    """A comparison in which NaN is the largest."""
    below = b.apply(np.less, x, y)
    if x.dtype.kind != "f":
        return below
    number, nan = b.apply(np.equal, x, x), b.apply(np.isnan, y)
    return b.apply(np.logical_or, below, b.apply(np.logical_and, number, nan))


class Sort(FormKernel):
    """Sorts each row by merging: the positions are sorted, in two buffers in turn."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, order: bool) -> None:
        self.name = "argsort" if order else "sort"
        self.key = (shape, dtype.str, order)
        self.dtype, self.order, self.length = dtype, order, shape[-1]
        self.iterations = math.prod(shape[:-1])
        self.scratch = 16 * self.length
        self.nanoseconds = math.prod(shape) * STEP * max(math.log2(self.length), 1)

    def build(self, b: Builder) -> None:
        n = self.length
        x, out = b.operand(0, self.dtype), b.operand(1, INDEX if self.order else self.dtype)
        old, new = b.scratch(INDEX), b.scratch(INDEX, 8 * n)
        with b.iterations() as row:
            given, into = x.at(row * n), out.at(row * n)
            with b.loop(0, n) as i:
                old[i] = i
            width = 1
            while width < n:
                self.merge_all(b, given, old, new, width)
                old, new, width = new, old, 2 * width
            with b.loop(0, n) as i:
                into[i] = old[i] if self.order else given[old[i]]

    def merge_all(self, b: Builder, x: Pointer, old: Pointer, new: Pointer, width: int) -> None:
        """Merge adjacent sorted parts of a length."""
        n = self.length
        with b.loop(0, n, 2 * width) as start:
            middle, stop = (b.index("min", start + w, n) for w in (width, 2 * width))
            left, right = b.register(INDEX, start), b.register(INDEX, middle)
            with b.loop(start, stop) as k:
                i, j = left.get(), right.get()
                more_left, more_right = b.apply(np.less, i, middle), b.apply(np.less, j, stop)
                # (where a part is at its end another element is read, which does not count)
                first, second = (old[b.select(more, at, start)] for more, at in ((more_left, i), (more_right, j)))
                less = is_less(b, x[second], x[first])
                taken = b.apply(np.logical_and, more_right, b.select(more_left, less, True))
                new[k] = b.select(taken, second, first)
                step = b.convert(taken, INDEX)
                right.set(j + step)
                left.set(i + (1 - step))


class Search(FormKernel):
    """Finds where values belong in a sorted array, by bisection."""

    name = "searchsorted"

    def __init__(self, length: int, count: int, dtype: Any, right: bool) -> None:
        self.key = (length, count, dtype.str, right)
        self.length, self.dtype, self.right = length, dtype, right
        self.iterations = count
        self.nanoseconds = count * STEP * max(math.log2(length), 1)

    def build(self, b: Builder) -> None:
        values, x, out = b.operand(0, self.dtype), b.operand(1, self.dtype), b.operand(2, INDEX)
        with b.iterations() as i:
            wanted = x[i]
            low, high = b.register(INDEX, 0), b.register(INDEX, self.length)
            with b.loop(0, self.length.bit_length()):
                start, stop = low.get(), high.get()
                middle = (start + stop) // 2
                is_open = b.apply(np.less, start, stop)
                value = values[b.select(is_open, middle, 0)]
                if self.right:
                    after = b.apply(np.logical_not, is_less(b, wanted, value))
                else:
                    after = is_less(b, value, wanted)
                low.set(b.select(b.apply(np.logical_and, is_open, after), middle + 1, start))
                high.set(b.select(b.apply(np.logical_and, is_open, b.apply(np.logical_not, after)), middle, stop))
            out[i] = low.get()
