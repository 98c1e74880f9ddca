"""Matrix products by BLAS: its functions, called from native code on each thread's own rows.

A product is computed in C order: that of the transposes, in the order
of columns that BLAS has. Operands that are transposed views are taken as they are.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import convert, root_of
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.targets.llvm.blas_library import FUNCTIONS
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["Product", "is_product", "product_of", "product_text", "with_layout"]

TILE = {"m": 8, "n": 16}  # rows and columns that BLAS's kernels compute at once, or a multiple: shares end there
SLOWER = 28  # a vector by a matrix than a matrix by a matrix, for each operation, and a bound of OpenBLAS's threads


class Matrix(NamedTuple):
    """One operand: its memory, the strides of the batch's axes, and whether its columns are what is contiguous."""

    root: Node
    offset: int
    batch: tuple[int, ...]
    across: bool
    leading: int
    rows: int  # the strides
    columns: int


class Product(NamedTuple):
    """A matrix product: batch x (m, k) @ (k, n).

    Threads share tiles of rows or of columns, all of the first product of the batch, then those of the second, ...
    """

    node: Node
    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    a: Matrix
    b: Matrix
    split: str  # what is shared: m or n

    @property
    def tiles(self) -> int:
        """How many tiles one product of the batch has."""
        return -(-(self.m if self.split == "m" else self.n) // TILE[self.split])

    @property
    def iterations(self) -> int:
        return math.prod(self.batch) * self.tiles

    @property
    def flops(self) -> int:
        return 2 * math.prod(self.batch) * self.m * self.n * self.k

    @property
    def of_vector(self) -> bool:
        """Whether one of the operands is a vector: what takes time is to read the other one."""
        return self.n == 1 or self.m == 1

    @property
    def effort(self) -> int:
        """As many operations as a product of large matrices would have in its time."""
        return self.flops * (SLOWER if self.of_vector else 1)


def is_product(node: Node) -> bool:
    """Whether BLAS computes a node."""
    return (
        node.op == "matmul"
        and node.dtype in (np.float32, np.float64)
        and node.dtype.isnative
        and all(x.dtype == node.dtype for x in node.operands)
        and node.size > 0
        and max(node.shape or (1,)) < 2**31
    )


def with_layout(node: Node) -> Node:
    """A product whose operands BLAS can take: copied where neither of the axes is contiguous."""
    if node.dtype not in (np.float32, np.float64) or node.size == 0:
        return node
    operands = []
    for i, x in enumerate(node.operands):
        fitting = x if x.dtype == node.dtype else convert(x, dtype=node.dtype, line=node.line)
        if matrix(fitting, i) is None:
            fitting = Node("convert", (fitting,), {}, fitting.shape, fitting.dtype, line=node.line)
        operands.append(fitting)
    return Node("matmul", tuple(operands), {}, node.shape, node.dtype, line=node.line)


def matrix(x: Node, which: int) -> Matrix | None:
    """An operand as BLAS sees it; None if it cannot be taken as it is."""
    root, offset, strides = root_of(x)
    if root.op == "constant":
        strides = strides if x.op == "view" else c_strides(x.shape or ())
    shape = x.shape or ()
    if len(shape) == 1:  # a row on the left, a column on the right
        shape = (1, *shape) if which == 0 else (*shape, 1)
        strides = (strides[0] * x.size, *strides) if which == 0 else (*strides, 1)
    (rows, columns), (s, t) = shape[-2:], strides[-2:]
    batch = tuple(0 if n == 1 else b for n, b in zip(shape[:-2], strides[:-2], strict=True))
    s, t = (columns if rows == 1 and (t == 1 or columns == 1) else s), (1 if columns == 1 else t)
    if rows == 1 and columns > 1 and t > 1:
        s = 1
    if columns == 1 and rows > 1:
        t = 1
        if s < 1:
            return None
    if t == 1 and s >= columns:
        return Matrix(root, offset, batch, False, max(s, 1), s, t)
    if s == 1 and t >= rows:
        return Matrix(root, offset, batch, True, max(t, 1), s, t)
    return None


def product_of(node: Node) -> Product:
    """How a product is computed."""
    a, b = (matrix(x, i) for i, x in enumerate(node.operands))
    assert a is not None and b is not None
    left, right = (x.shape or () for x in node.operands)
    m, k = (1, *left)[-2:] if len(left) == 1 else left[-2:]
    n = right[-1] if len(right) > 1 else 1
    batch = np.broadcast_shapes(left[:-2], right[:-2])
    a, b = (x._replace(batch=(0,) * (len(batch) - len(x.batch)) + x.batch) for x in (a, b))
    kept = [i for i, length in enumerate(batch) if length > 1]
    batch = tuple(batch[i] for i in kept)
    a, b = (x._replace(batch=tuple(x.batch[i] for i in kept)) for x in (a, b))
    while batch and b.batch[-1] == 0 and (longer := of_all_rows(a, m, k, batch[-1])) is not None:
        # One product of all rows: the right operand is brought into BLAS's order once.
        m, a, b = m * batch[-1], longer, b._replace(batch=b.batch[:-1])
        batch = batch[:-1]
    # The larger operand is what is shared: each thread brings the other one into its own order.
    return Product(node, batch, m, n, k, a, b, "m" if m >= n else "n")


def of_all_rows(a: Matrix, m: int, k: int, count: int) -> Matrix | None:
    """The matrices of a batch, each of m rows, as one; None where they do not follow one another."""
    rows = a.batch[-1] if m == 1 else a.rows
    if rows * m != a.batch[-1] or (rows != 1 or a.leading < count * m if a.across else rows < k):
        return None
    return a._replace(batch=a.batch[:-1], rows=rows, leading=a.leading if a.across else rows)


def product_text(product: Product, declarations: dict[str, str]) -> str:
    """The function `(a, b, c, first, last, thread, scratch)` of a product, without its name."""
    code = IRBuilder(declarations)
    type, size = ("float", 4) if product.node.dtype.itemsize == 4 else ("double", 8)
    name = ("s" if size == 4 else "d") + ("gemv" if product.of_vector else "gemm")
    code.declarations[f"blas_{name}"] = f"declare void @blas_{name}({', '.join(['ptr'] * FUNCTIONS[name][0])})"
    m, n, k, a, b = product.m, product.n, product.k, product.a, product.b

    def integer(value: Any) -> str:
        place = code.variable("i32")
        code.emit(f"store i32 {value}, ptr {place}")
        return place

    def number(value: float) -> str:
        place = code.variable(type)
        code.emit(f"store {type} {value:.1f}, ptr {place}")
        return place

    def letter(across: bool) -> str:
        place = code.variable("i8")
        code.emit(f"store i8 {ord('T' if across else 'N')}, ptr {place}")
        return place

    counts = {"m": integer(m), "n": integer(n), "k": integer(k)}
    letters = letter(b.across), letter(a.across)
    leading = integer(b.leading), integer(a.leading), integer(n)
    one, zero = number(1), number(0)
    flags = {True: letter(False), False: letter(True)}
    strides = {False: leading[1], True: leading[0]}
    steps = {step: integer(step) for step in {1, b.rows if n == 1 else a.columns}} if product.of_vector else {}

    def by_vector(at_a: str, at_b: str, at_c: str) -> None:
        """A matrix by a vector; the elements of the result begin as zeros, since 0 * NaN would stay NaN."""
        side, vector, step = (a, at_b, b.rows) if n == 1 else (b, at_a, a.columns)
        code.declare("llvm.memset.p0.i64", "void", "ptr, i8, i64, i1")
        count = code.emit_value(f"load i32, ptr {counts[split]}")
        bytes_ = code.emit_value(f"mul nsw i64 {code.emit_value(f'sext i32 {count} to i64')}, {size}")
        code.emit(f"call void @llvm.memset.p0.i64(ptr {at_c}, i8 0, i64 {bytes_}, i1 false)")
        # In the order of columns, rows that lie one after the other are the columns of the transpose.
        along = side.across == (n == 1)
        sizes = (counts[split], counts["k"]) if along else (counts["k"], counts[split])
        arguments = [flags[along], *sizes, one, at_a if n == 1 else at_b, strides[side is b], vector, steps[step]]
        code.emit(f"call void @blas_{name}({', '.join(f'ptr {x}' for x in (*arguments, one, at_c, steps[1]))})")

    def call(at_a: str, at_b: str, at_c: str) -> None:
        if product.of_vector:
            by_vector(at_a, at_b, at_c)
            return
        arguments = [*letters, counts["n"], counts["m"], counts["k"], one, at_b, leading[0], at_a, leading[1], zero]
        listed = ", ".join(f"ptr {x}" for x in (*arguments, at_c, leading[2]))
        code.emit(f"call void @blas_{name}({listed})")

    split, tile, tiles = product.split, TILE[product.split], product.tiles
    length = m if split == "m" else n
    whole = len(product.batch) == 0

    def some_of_one(index: str, start: str, stop: str) -> None:
        """The tiles from `start` to `stop` of one product of the batch."""
        begin = code.times(start, tile)
        end = code.emit_value(f"call i64 @llvm.smin.i64(i64 {code.times(stop, tile)}, i64 {length})")
        share = code.emit_value(f"trunc i64 {code.emit_value(f'sub nsw i64 {end}, {begin}')} to i32")
        code.emit(f"store i32 {share}, ptr {counts[split]}")
        at_a, at_b, rest = "%p0", "%p1", index
        for n_of, s, t in reversed(list(zip(product.batch, a.batch, b.batch, strict=True))):
            i = code.emit_value(f"urem i64 {rest}, {n_of}")
            rest = code.emit_value(f"udiv i64 {rest}, {n_of}")
            at_a = code.address(at_a, code.times(i, s), size)
            at_b = code.address(at_b, code.times(i, t), size)
        at_c = "%p2" if whole else code.address("%p2", code.times(index, m * n), size)
        if split == "m":
            at_a = code.address(at_a, code.times(begin, a.rows), size)
            at_c = code.address(at_c, code.times(begin, n), size)
        else:
            at_b = code.address(at_b, code.times(begin, b.columns), size)
            at_c = code.address(at_c, begin, size)
        call(at_a, at_b, at_c)

    code.declare("llvm.smin.i64", "i64", "i64, i64")
    if whole:
        some_of_one("0", "%first", "%last")
    else:
        # The range begins and ends anywhere: the first and the last product of it may be shared with others.
        before = code.emit_value(f"add nsw i64 %last, {tiles - 1}")

        def one_of_batch(index: str) -> None:
            none = code.times(index, tiles)
            start, stop = (code.emit_value(f"sub nsw i64 {x}, {none}") for x in ("%first", "%last"))
            start = code.emit_value(f"call i64 @llvm.smax.i64(i64 {start}, i64 0)")
            stop = code.emit_value(f"call i64 @llvm.smin.i64(i64 {stop}, i64 {tiles})")
            some_of_one(index, start, stop)

        code.declare("llvm.smax.i64", "i64", "i64, i64")
        code.loop(
            code.emit_value(f"udiv i64 %first, {tiles}"), code.emit_value(f"udiv i64 {before}, {tiles}"), one_of_batch
        )
    code.emit("ret void")
    return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")
