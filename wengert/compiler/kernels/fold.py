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
from wengert.compiler.graph.kernel import Kernel, in_c_order, kernel_node
from wengert.compiler.kernels.gather_scatter import move
from wengert.compiler.kernels.inner_loop import ELEMENT, LOOP, loop_constant
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

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
    kernel = Fold(ufunc, x.dtype, (math.prod(shape[:first]), length, row), shape, axes, keep)
    after = shape if keep else (*shape[:first], *shape[last:])
    operands = in_c_order(Node("kernel", (address, x), line=line)).operands
    return kernel_node(kernel, operands, after, x.dtype, line)


class Fold(Kernel):
    """A reduction or an accumulation."""

    def __init__(
        self,
        ufunc: np.ufunc,
        dtype: Any,
        sizes: tuple[int, int, int],
        shape: tuple[int, ...],
        axes: tuple[int, int],
        keep: bool,
    ) -> None:
        self.name = f"{'accumulate' if keep else 'reduce'} of {ufunc.__name__}"
        self.key = (ufunc, dtype.str, sizes, shape, axes, keep)
        self.ufunc, self.dtype, self.sizes, self.keep = ufunc, dtype, sizes, keep
        self.shape, self.axes = shape, axes
        self.iterations = sizes[0]
        self.nanoseconds = math.prod(sizes) * ELEMENT / 10

    def compute(self, address: Any, x: Any) -> Any:
        if self.keep:
            return self.ufunc.accumulate(x, axis=self.axes[0], dtype=self.dtype)
        found = self.ufunc.reduce(np.reshape(x, self.sizes), axis=1, dtype=self.dtype)
        return np.reshape(found, (*self.shape[: self.axes[0]], *self.shape[self.axes[1] :]))

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        code.allocas += ["  %args = alloca [3 x ptr]", "  %lengths = alloca [1 x i64]", "  %steps = alloca [3 x i64]"]
        _, length, row = self.sizes
        size, by_rows = self.dtype.itemsize, row > 1
        inside = size if by_rows or self.keep else 0
        for i, step in enumerate((inside, size, inside)):
            code.emit(f"store i64 {step}, ptr {code.address('%steps', str(i), 8)}")
        code.emit(f"store i64 {row if by_rows else length - 1}, ptr %lengths")
        loop = code.emit_value("load ptr, ptr %p0")
        data = code.emit_value(f"load ptr, ptr {code.emit_value('getelementptr ptr, ptr %p0, i64 1')}")

        def call(x: str, before: str, into: str) -> None:
            for i, place in enumerate((before, x, into)):
                code.emit(f"store ptr {place}, ptr {code.address('%args', str(i), 8)}")
            code.emit(f"call {LOOP} {loop}(ptr %args, ptr %lengths, ptr %steps, ptr {data})")

        def block(number: str) -> None:
            x = code.address("%p1", code.times(number, length * row), size)
            into = code.address("%p2", code.times(number, (length if self.keep else 1) * row), size)
            move(code, into, x, row * size)
            if length == 1:
                return
            if not by_rows:
                call(code.address(x, "1", size), into, code.address(into, "1", size) if self.keep else into)
                return

            def next_row(i: str) -> None:
                at = code.times(i, row)
                after = code.address(into, at, size) if self.keep else into
                before = code.address(into, code.emit_value(f"sub nsw i64 {at}, {row}"), size) if self.keep else into
                call(code.address(x, at, size), before, after)

            code.loop("1", str(length), next_row)

        code.loop("%first", "%last", block)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")


def reduced_by_loop(node: Node, x: Node) -> Node:
    """A reduction over adjacent axes by the loop of its ufunc; raise NotLowered where that is not possible."""
    axes = [a for a in node.settings["axes"] if (x.shape or ())[a] > 1] or list(node.settings["axes"][:1])
    if not axes or any((x.shape or ())[a] != 1 for a in range(axes[0], axes[-1]) if a not in axes):
        raise NotLowered("the axes are not adjacent")
    if x.dtype != node.dtype:
        x = convert(x, dtype=node.dtype, line=node.line)
    return folded(node.settings["ufunc"], x, (axes[0], axes[-1] + 1), False, node.line)
