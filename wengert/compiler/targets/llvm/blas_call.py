"""Matrix products by BLAS, which native code calls for chunks of rows or columns.

BLAS is column-major: the product of the transposes, in reverse order, is the result in C order. Operands that are
transposed views are passed without a copy.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from wengert.compiler.graph.build import convert, root_of
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.targets.llvm.blas_library import FUNCTIONS
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.vector_registers import clear

__all__ = ["Product", "is_product", "product_of", "product_text", "with_layout"]

TILE = {"m": 8, "n": 16}  # rows and columns, multiples of those of BLAS's register tiles: chunks end there
SLOWER = 28  # matrix by vector than matrix by matrix, per operation; also a bound for OpenBLAS's use of threads


class Matrix(NamedTuple):
    """An operand: its memory, the strides of the batch axes, and whether its columns are contiguous."""

    root: Node
    offset: int
    batch: tuple[int, ...]
    across: bool
    leading: int
    rows: int  # the strides
    columns: int


class Product(NamedTuple):
    """A matrix product: batch x (m, k) @ (k, n).

    The parallel iterations are tiles of rows or of columns, by products of the batch.
    """

    node: Node
    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    a: Matrix
    b: Matrix
    split: str  # the dimension that is divided into tiles: m or n

    @property
    def tiles(self) -> int:
        """The number of tiles of one product of the batch."""
        return -(-(self.m if self.split == "m" else self.n) // TILE[self.split])

    @property
    def iterations(self) -> int:
        return math.prod(self.batch) * self.tiles

    @property
    def flops(self) -> int:
        return 2 * math.prod(self.batch) * self.m * self.n * self.k

    @property
    def of_vector(self) -> bool:
        """Whether an operand is a vector: then the time is that of reading the matrix."""
        return self.n == 1 or self.m == 1

    @property
    def effort(self) -> int:
        """The number of operations that a product of large matrices performs in the same time."""
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
    """Convert and copy the operands of a product as BLAS requires: one of the axes must be contiguous."""
    if node.dtype not in (np.float32, np.float64) or node.size == 0:
        return node
    operands = []
    for i, x in enumerate(node.operands):
        operand = x if x.dtype == node.dtype else convert(x, dtype=node.dtype, line=node.line)
        if matrix(operand, i) is None:
            operand = convert(operand, line=node.line)
        operands.append(operand)
    return Node("matmul", tuple(operands), {}, node.shape, node.dtype, line=node.line)


def matrix(x: Node, which: int) -> Matrix | None:
    """An operand as BLAS takes it; None if it must be copied."""
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
    """The parameters of a product."""
    a, b = (matrix(x, i) for i, x in enumerate(node.operands))
    assert a is not None and b is not None
    a_shape, b_shape = (x.shape or () for x in node.operands)
    m, k = (1, *a_shape)[-2:] if len(a_shape) == 1 else a_shape[-2:]
    n = b_shape[-1] if len(b_shape) > 1 else 1
    batch = np.broadcast_shapes(a_shape[:-2], b_shape[:-2])
    a, b = (x._replace(batch=(0,) * (len(batch) - len(x.batch)) + x.batch) for x in (a, b))
    kept = [i for i, length in enumerate(batch) if length > 1]
    batch = tuple(batch[i] for i in kept)
    a, b = (x._replace(batch=tuple(x.batch[i] for i in kept)) for x in (a, b))
    while batch and b.batch[-1] == 0 and (merged := merge_rows(a, m, k, batch[-1])) is not None:
        # One product of all rows: BLAS packs the right operand only once.
        m, a, b = m * batch[-1], merged, b._replace(batch=b.batch[:-1])
        batch = batch[:-1]
    # The larger operand is divided: BLAS packs the other one in each thread.
    return Product(node, batch, m, n, k, a, b, "m" if m >= n else "n")


def merge_rows(a: Matrix, m: int, k: int, count: int) -> Matrix | None:
    """The matrices of a batch axis, each of m rows, as a single matrix; None where the strides do not allow that."""
    rows = a.batch[-1] if m == 1 else a.rows
    if rows * m != a.batch[-1] or (rows != 1 or a.leading < count * m if a.across else rows < k):
        return None
    return a._replace(batch=a.batch[:-1], rows=rows, leading=a.leading if a.across else rows)


def product_text(product: Product, declarations: dict[str, str]) -> str:
    """The function `(a, b, c, first, last, thread, scratch)` of a product, without its name."""
    return ProductWriter(product, declarations).write()


class ProductWriter:
    """Emits the calls of gemm or gemv for a range of tiles. BLAS takes the addresses of all its arguments."""

    def __init__(self, product: Product, declarations: dict[str, str]) -> None:
        self.product, self.code = product, IRBuilder(declarations)
        self.type, self.size = ("float", 4) if product.node.dtype.itemsize == 4 else ("double", 8)
        self.name = ("s" if self.size == 4 else "d") + ("gemv" if product.of_vector else "gemm")
        pointers = ", ".join(["ptr"] * FUNCTIONS[self.name][0])
        self.code.declare(f"blas_{self.name}", "void", pointers)
        a, b = product.a, product.b
        self.counts = {"m": self.integer(product.m), "n": self.integer(product.n), "k": self.integer(product.k)}
        self.letters = self.letter(b.across), self.letter(a.across)
        self.leading = self.integer(b.leading), self.integer(a.leading), self.integer(product.n)
        self.one, self.zero = self.number(1), self.number(0)
        self.flags = {True: self.letter(False), False: self.letter(True)}
        steps = {1, b.rows if product.n == 1 else a.columns} if product.of_vector else set()
        self.steps = {step: self.integer(step) for step in steps}

    def write(self) -> str:
        code, product = self.code, self.product
        code.declare("llvm.smin.i64", "i64", "i64, i64")
        if not product.batch:
            self.some_tiles("0", "%first", "%last")
        else:
            # The range begins and ends at any tile: other threads may compute the rest of its first and last product.
            last = code.emit_value(f"add nsw i64 %last, {product.tiles - 1}")
            code.declare("llvm.smax.i64", "i64", "i64, i64")
            start, stop = (code.emit_value(f"udiv i64 {x}, {product.tiles}") for x in ("%first", last))
            code.loop(start, stop, self.one_of_batch)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")

    def one_of_batch(self, index: str) -> None:
        """Emit the tiles of the range that are in one product of the batch."""
        code, tiles = self.code, self.product.tiles
        first_tile = code.times(index, tiles)
        start, stop = (code.emit_value(f"sub nsw i64 {x}, {first_tile}") for x in ("%first", "%last"))
        start = code.emit_value(f"call i64 @llvm.smax.i64(i64 {start}, i64 0)")
        stop = code.emit_value(f"call i64 @llvm.smin.i64(i64 {stop}, i64 {tiles})")
        self.some_tiles(index, start, stop)

    def some_tiles(self, index: str, start: str, stop: str) -> None:
        """Emit the tiles from `start` to `stop` of one product of the batch, by one call."""
        code, product, size = self.code, self.product, self.size
        m, n, a, b, tile = product.m, product.n, product.a, product.b, TILE[product.split]
        length = m if product.split == "m" else n
        begin = code.times(start, tile)
        end = code.emit_value(f"call i64 @llvm.smin.i64(i64 {code.times(stop, tile)}, i64 {length})")
        count = code.emit_value(f"trunc i64 {code.emit_value(f'sub nsw i64 {end}, {begin}')} to i32")
        code.emit(f"store i32 {count}, ptr {self.counts[product.split]}")
        at_a, at_b, quotient = "%p0", "%p1", index
        for extent, s, t in reversed(list(zip(product.batch, a.batch, b.batch, strict=True))):
            i = code.emit_value(f"urem i64 {quotient}, {extent}")
            quotient = code.emit_value(f"udiv i64 {quotient}, {extent}")
            at_a = code.address(at_a, code.times(i, s), size)
            at_b = code.address(at_b, code.times(i, t), size)
        at_c = code.address("%p2", code.times(index, m * n), size) if product.batch else "%p2"
        if product.split == "m":
            at_a = code.address(at_a, code.times(begin, a.rows), size)
            at_c = code.address(at_c, code.times(begin, n), size)
        else:
            at_b = code.address(at_b, code.times(begin, b.columns), size)
            at_c = code.address(at_c, begin, size)
        self.gemv(at_a, at_b, at_c) if product.of_vector else self.gemm(at_a, at_b, at_c)

    def gemm(self, at_a: str, at_b: str, at_c: str) -> None:
        counts, leading = self.counts, self.leading
        arguments = [*self.letters, counts["n"], counts["m"], counts["k"], self.one, at_b, leading[0], at_a, leading[1]]
        self.call([*arguments, self.zero, at_c, leading[2]])

    def gemv(self, at_a: str, at_b: str, at_c: str) -> None:
        """A matrix times a vector. The result is set to zero first: BLAS would compute 0 * NaN from old elements."""
        code, product = self.code, self.product
        a, b, n, length = product.a, product.b, product.n, self.counts[product.split]
        matrix, vector, step = (a, at_b, b.rows) if n == 1 else (b, at_a, a.columns)
        count = code.emit_value(f"load i32, ptr {length}")
        nbytes = code.emit_value(f"mul nsw i64 {code.emit_value(f'sext i32 {count} to i64')}, {self.size}")
        clear(code, at_c, nbytes)
        # BLAS is column-major: contiguous rows are the columns of the transpose.
        plain = matrix.across == (n == 1)
        sizes = (length, self.counts["k"]) if plain else (self.counts["k"], length)
        at_matrix, leading = (at_a if n == 1 else at_b), self.leading[0 if matrix is b else 1]
        arguments = [self.flags[plain], *sizes, self.one, at_matrix, leading, vector, self.steps[step]]
        self.call([*arguments, self.one, at_c, self.steps[1]])

    def call(self, arguments: list[str]) -> None:
        self.code.emit(f"call void @blas_{self.name}({', '.join(f'ptr {x}' for x in arguments)})")

    # Variables of constants

    def variable(self, type: str, value: str) -> str:
        place = self.code.variable(type)
        self.code.emit(f"store {type} {value}, ptr {place}")
        return place

    def integer(self, value: int) -> str:
        return self.variable("i32", str(value))

    def number(self, value: float) -> str:
        return self.variable(self.type, f"{value:.1f}")

    def letter(self, transposed: bool) -> str:
        return self.variable("i8", str(ord("T" if transposed else "N")))
