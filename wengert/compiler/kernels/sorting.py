"""Kernels that sort rows and search in them: stable, with NaN at the end, as NumPy does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import Kernel, kernel_node
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["order_of_rows", "places_among", "sorted_rows"]

INT = np.dtype(np.int64)
STEP = 5.0  # nanoseconds of a comparison


def order_of_rows(x: Node, line: str = "") -> Node:
    """The stable order of the last axis."""
    return kernel_node(Sort(x.shape or (), x.dtype, True), (x,), x.shape or (), INT, line)


def sorted_rows(x: Node, line: str = "") -> Node:
    """The last axis, sorted."""
    return kernel_node(Sort(x.shape or (), x.dtype, False), (x,), x.shape or (), x.dtype, line)


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
    """Sorts each row by merging: the positions are sorted, in two buffers in turn."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, order: bool) -> None:
        self.name = "argsort" if order else "sort"
        self.key = (shape, dtype.str, order)
        self.dtype, self.order, self.length = dtype, order, shape[-1]
        self.iterations = math.prod(shape[:-1])
        self.scratch = 16 * self.length
        self.nanoseconds = math.prod(shape) * STEP * max(math.log2(self.length), 1)

    def compute(self, x: Any) -> Any:
        return np.argsort(x, axis=-1, kind="stable") if self.order else np.sort(x, axis=-1)

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        code.declare("llvm.smin.i64", "i64", "i64, i64")
        code.loop("%first", "%last", lambda row: self.row(code, row))
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def row(self, code: IRBuilder, row: str) -> None:
        n, size = self.length, self.dtype.itemsize
        start = code.times(row, n)
        x = code.address("%p0", start, size)
        old, new = code.address("%scratch", "0", 8), code.address("%scratch", str(n), 8)
        code.loop("0", str(n), lambda i: code.store(i, INT, old, i))
        width = 1
        while width < n:
            self.merge_all(code, x, old, new, width)
            old, new, width = new, old, 2 * width
        into = code.address("%p1", start, 8 if self.order else size)

        def put(i: str) -> None:
            place = code.load(INT, old, i)
            if self.order:
                code.store(place, INT, into, i)
            else:
                code.store(code.load(self.dtype, x, place), self.dtype, into, i)

        code.loop("0", str(n), put)

    def merge_all(self, code: IRBuilder, x: str, old: str, new: str, width: int) -> None:
        """Emit: merge adjacent sorted parts of a length."""
        n, dtype = self.length, self.dtype

        def part(start: str) -> None:
            middle, stop = (
                code.emit_value(f"call i64 @llvm.smin.i64(i64 {code.emit_value(f'add nsw i64 {start}, {w}')}, i64 {n})")
                for w in (width, 2 * width)
            )
            left, right = code.variable("i64"), code.variable("i64")
            code.emit(f"store i64 {start}, ptr {left}")
            code.emit(f"store i64 {middle}, ptr {right}")

            def choose(k: str) -> None:
                i, j = (code.emit_value(f"load i64, ptr {at}") for at in (left, right))
                more_left = code.emit_value(f"icmp slt i64 {i}, {middle}")
                more_right = code.emit_value(f"icmp slt i64 {j}, {stop}")
                # (where a part is at its end another element is read, which does not count)
                a, b = (
                    code.load(INT, old, code.emit_value(f"select i1 {more}, i64 {at}, i64 {start}"))
                    for more, at in ((more_left, i), (more_right, j))
                )
                less = is_less(code, dtype, code.load(dtype, x, b), code.load(dtype, x, a))
                first = code.emit_value(f"select i1 {more_left}, i1 {less}, i1 true")
                taken = code.emit_value(f"and i1 {more_right}, {first}")
                code.store(code.emit_value(f"select i1 {taken}, i64 {b}, i64 {a}"), INT, new, k)
                step = code.emit_value(f"zext i1 {taken} to i64")
                code.emit(f"store i64 {code.emit_value(f'add nsw i64 {j}, {step}')}, ptr {right}")
                other = code.emit_value(f"xor i64 {step}, 1")
                code.emit(f"store i64 {code.emit_value(f'add nsw i64 {i}, {other}')}, ptr {left}")

            code.loop(start, stop, choose)

        code.loop("0", str(n), part, 2 * width)


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
