"""Reductions and accumulations along an axis by the loops of ufuncs: cumsum, and sums of complex numbers.

An array is treated as (blocks, rows, elements of a row). As NumPy does, a loop is called with its result, or the one
before, as its first operand.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import convert
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.graph.kernel import in_c_order, kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.inner_loop import ELEMENT, loop_constant
from wengert.compiler.kernels.ir import Pointer
from wengert.compiler.kernels.ir_builder import Builder

__all__ = ["folded", "reduced_by_loop"]


def folded(ufunc: np.ufunc, x: Node, axes: tuple[int, int], keep: bool, line: str = "") -> Node:
    """The results of ``ufunc.accumulate`` if `keep`, else of ``ufunc.reduce``, over adjacent axes from, and up to.

    They are in the dtype of `x`; a reduction has lost the axes.
    """
    shape = x.shape or ()
    first, last = axes
    if x.size == 0:
        raise NotLowered("there are no elements")
    address = loop_constant(ufunc, (x.dtype,) * 3, line)
    length, row = math.prod(shape[first:last]), math.prod(shape[last:])
    kernel = Fold(ufunc, x.dtype, (math.prod(shape[:first]), length, row), keep)
    after = shape if keep else (*shape[:first], *shape[last:])
    operands = in_c_order(Node("kernel", (address, x), line=line)).operands
    return kernel_node(kernel, operands, after, x.dtype, line)


class Fold(FormKernel):
    """A reduction or an accumulation."""

    def __init__(self, ufunc: np.ufunc, dtype: Any, sizes: tuple[int, int, int], keep: bool) -> None:
        self.name = f"{'accumulate' if keep else 'reduce'} of {ufunc.__name__}"
        self.key = (ufunc, dtype.str, sizes, keep)
        self.dtype, self.sizes, self.keep = dtype, sizes, keep
        self.iterations = sizes[0]
        self.nanoseconds = math.prod(sizes) * ELEMENT / 10

    def build(self, b: Builder) -> None:
        loop, x, out = b.operand(0, np.int64), b.operand(1, self.dtype), b.operand(2, self.dtype)
        _, length, row = self.sizes
        size, by_rows = self.dtype.itemsize, row > 1
        inside = size if by_rows or self.keep else 0

        def call(given: Pointer, before: Pointer, into: Pointer, count: int) -> None:
            b.inner_loop(loop, [before, given, into], [count], [inside, size, inside])

        with b.iterations() as i:
            given, into = x.at(i * (length * row)), out.at(i * ((length if self.keep else 1) * row))
            b.copy(into, given, row)
            if not by_rows and length > 1:
                call(given.at(1), into, into.at(int(self.keep)), length - 1)
            elif length > 1:
                with b.loop(1, length) as k:
                    after = into.at(k * row) if self.keep else into
                    before = into.at(k * row - row) if self.keep else into
                    call(given.at(k * row), before, after, row)


def reduced_by_loop(node: Node, x: Node) -> Node:
    """A reduction over adjacent axes by the loop of its ufunc; raise NotLowered where that is not possible."""
    axes = [a for a in node.settings["axes"] if (x.shape or ())[a] > 1] or list(node.settings["axes"][:1])
    if not axes or any((x.shape or ())[a] != 1 for a in range(axes[0], axes[-1]) if a not in axes):
        raise NotLowered("the axes are not adjacent")
    if x.dtype != node.dtype:
        x = convert(x, dtype=node.dtype, line=node.line)
    return folded(node.settings["ufunc"], x, (axes[0], axes[-1] + 1), False, node.line)
