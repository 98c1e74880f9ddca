"""Kernels that sort rows by NumPy's own functions, and search in sorted arrays, with NaN at the end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.graph.kernel import Kernel, kernel_node
from wengert.compiler.kernels.gather_scatter import move
from wengert.compiler.kernels.sort_address import address_of_sort
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["order_of_rows", "places_among", "sorted_rows"]

INT = np.dtype(np.int64)
STEP = 2.0  # nanoseconds of a comparison


def order_of_rows(x: Node, kind: Any = "stable", line: str = "") -> Node:
    """np.argsort of the last axis; raise NotLowered where NumPy's sort is not known by address."""
    return kernel_node(*sort_of(x, kind, True, line), x.shape or (), INT, line)


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
    return kernel_node(kernel, (sorted_values, x), x.shape or (), INT, line)


def is_less(code: IRBuilder, dtype: Any, a: str, b: str) -> str:
    """Emit a comparison in which NaN is the largest."""
    if dtype.kind != "f":
        return code.compare("slt" if dtype.kind == "i" else "ult", dtype, a, b)
    below = code.compare("olt", dtype, a, b)
    before_nan = code.emit_value(f"and i1 {code.compare('uno', dtype, b, b)}, {code.compare('ord', dtype, a, a)}")
    return code.emit_value(f"or i1 {below}, {before_nan}")


class Sort(Kernel):
    """Sorts each row by NumPy's own function, so that equal elements come in NumPy's order.

    Its address is an operand: a constant array, which each process makes for itself. So the code can be cached on disk.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, kind: Any, order: bool) -> None:
        self.name = "argsort" if order else "sort"
        self.key = (shape, dtype.str, kind, order)
        self.dtype, self.kind, self.order, self.length = dtype, kind, order, shape[-1]
        self.iterations = math.prod(shape[:-1])
        self.nanoseconds = math.prod(shape) * STEP * max(math.log2(self.length), 1)

    def compute(self, address: Any, x: Any) -> Any:
        return (np.argsort if self.order else np.sort)(x, axis=-1, kind=self.kind)

    def text(self, declarations: dict[str, str]) -> str:
        code, size, n = IRBuilder(declarations), self.dtype.itemsize, self.length
        sort = code.emit_value("load ptr, ptr %p0")

        def row(i: str) -> None:
            start = code.times(i, n)
            x, into = code.address("%p1", start, size), code.address("%p2", start, 8 if self.order else size)
            if self.order:
                code.loop("0", str(n), lambda k: code.store(k, INT, into, k))
                code.emit_value(f"call i32 {sort}(ptr {x}, ptr {into}, i64 {n}, ptr null)")
                return
            move(code, into, x, n * size)
            code.emit_value(f"call i32 {sort}(ptr {into}, i64 {n}, ptr null)")

        code.loop("%first", "%last", row)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")


class Search(Kernel):
    """Finds where values belong in a sorted array, by bisection."""

    name = "searchsorted"

    def __init__(self, length: int, count: int, dtype: Any, right: bool) -> None:
        self.key = (length, count, dtype.str, right)
        self.length, self.dtype, self.right = length, dtype, right
        self.iterations = count
        self.nanoseconds = count * STEP * max(math.log2(length), 1)

    def compute(self, sorted_values: Any, x: Any) -> Any:
        return np.searchsorted(sorted_values, x, "right" if self.right else "left")

    def text(self, declarations: dict[str, str]) -> str:
        code, dtype = IRBuilder(declarations), self.dtype
        low, high = code.variable("i64"), code.variable("i64")

        def one(i: str) -> None:
            x = code.load(dtype, "%p1", i)
            code.emit(f"store i64 0, ptr {low}")
            code.emit(f"store i64 {self.length}, ptr {high}")

            def halve(_: str) -> None:
                a, b = (code.emit_value(f"load i64, ptr {at}") for at in (low, high))
                middle = code.emit_value(f"lshr i64 {code.emit_value(f'add nsw i64 {a}, {b}')}, 1")
                open_ = code.emit_value(f"icmp slt i64 {a}, {b}")
                value = code.load(dtype, "%p0", code.emit_value(f"select i1 {open_}, i64 {middle}, i64 0"))
                if self.right:
                    after = code.emit_value(f"xor i1 {is_less(code, dtype, x, value)}, true")
                else:
                    after = is_less(code, dtype, value, x)
                up = code.emit_value(f"and i1 {open_}, {after}")
                down = code.emit_value(f"and i1 {open_}, {code.emit_value(f'xor i1 {after}, true')}")
                above = code.emit_value(f"add nsw i64 {middle}, 1")
                code.emit(f"store i64 {code.emit_value(f'select i1 {up}, i64 {above}, i64 {a}')}, ptr {low}")
                code.emit(f"store i64 {code.emit_value(f'select i1 {down}, i64 {middle}, i64 {b}')}, ptr {high}")

            code.loop("0", str(self.length.bit_length()), halve)
            code.store(code.emit_value(f"load i64, ptr {low}"), INT, "%p2", i)

        code.loop("%first", "%last", one)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")
