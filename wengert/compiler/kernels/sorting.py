"""Kernels that sort rows by NumPy's own functions, and search in sorted arrays, with NaN at the end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.graph.kernel import Kernel, kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import INDEX, Value
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.sort_address import address_of_sort

__all__ = ["order_of_rows", "places_among", "sorted_rows"]

STEP = 2.0  # nanoseconds of a comparison


def order_of_rows(x: Node, kind: Any = "stable", line: str = "") -> Node:
    """np.argsort of the last axis; raise NotLowered where NumPy's sort is not known by address."""
    return kernel_node(*sort_of(x, kind, True, line), x.shape or (), INDEX, line)


def sorted_rows(x: Node, kind: Any = None, line: str = "") -> Node:
    """np.sort of the last axis; raise NotLowered where NumPy's sort is not known by address."""
    return kernel_node(*sort_of(x, kind, False, line), x.shape or (), x.dtype, line)


def sort_of(x: Node, kind: Any, order: bool, line: str) -> tuple[Kernel, tuple[Node, ...]]:
    address = address_of_sort(x.dtype, kind, order)
    if address is None:
        raise NotLowered(f"NumPy's sort of {x.dtype} is not known by address")
    operand = constant(np.array([address], np.uint64).view(np.int64), line)
    return Sort(x.shape or (), x.dtype, kind, order), (operand, x)


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
    """Sorts each row by NumPy's own function, so that equal elements come in NumPy's order.

    Its address is an operand: a constant array, which each process makes for itself. So the code can be cached on disk.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, kind: Any, order: bool) -> None:
        self.name = "argsort" if order else "sort"
        self.key = (shape, dtype.str, kind, order)
        self.dtype, self.order, self.length = dtype, order, shape[-1]
        self.iterations = math.prod(shape[:-1])
        self.nanoseconds = math.prod(shape) * STEP * max(math.log2(self.length), 1)

    def build(self, b: Builder) -> None:
        n = self.length
        sort, x = b.operand(0, INDEX), b.operand(1, self.dtype)
        out = b.operand(2, INDEX if self.order else self.dtype)
        with b.iterations() as row:
            given, into = x.at(row * n), out.at(row * n)
            if self.order:
                with b.loop(0, n) as i:
                    into[i] = i
                b.foreign(sort, [given, into, n, None])
            else:
                b.copy(into, given, n)
                b.foreign(sort, [into, n, None])


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
