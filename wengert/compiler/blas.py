"""Matrix products by BLAS: its functions, called from native code on each thread's own rows.

SciPy gives BLAS's functions as pointers. A product is computed in C order: that of the transposes, in the order
of columns that BLAS has. Operands that are transposed views are taken as they are.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.build import fit, root_of
from wengert.compiler.graph import Node, c_strides
from wengert.compiler.llvm_code import Code
from wengert.core.extras import needed

__all__ = ["Product", "is_product", "product_of", "product_text", "routine", "thread_setters", "with_layout"]

TINY = 4096  # multiplications: of fewer, one thread computes all


@functools.cache
def routine(name: str) -> int:
    """The address of a function of BLAS."""
    capsules = needed("scipy.linalg.cython_blas", "compile", "wengert.compile").__pyx_capi__
    capsule = capsules[name]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(get_pointer(capsule, get_name(capsule)))


@functools.cache
def thread_setters() -> tuple[int, int] | None:
    """The functions by which OpenBLAS is asked and told how many threads it uses; None if it is another BLAS."""
    routine("dgemm")  # (loads it)
    folder = Path(sys.modules["scipy"].__file__ or "").parent
    found = [
        *folder.parent.glob("scipy.libs/*openblas*"),
        *folder.glob(".dylibs/*openblas*"),
        *folder.glob(".libs/*openblas*"),
    ]
    for path in found:
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for name in ("scipy_openblas_{}_num_threads", "scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads"):
            get, set_ = name.format("get"), name.format("set")
            if hasattr(library, get) and hasattr(library, set_):
                addresses = (ctypes.cast(getattr(library, x), ctypes.c_void_p).value for x in (get, set_))
                return tuple(a or 0 for a in addresses)  # type: ignore[return-value]
    return None


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
    """A matrix product: batch x (m, k) @ (k, n)."""

    node: Node
    batch: tuple[int, ...]
    m: int
    n: int
    k: int
    a: Matrix
    b: Matrix
    split: str  # what threads share: batch, m or n

    @property
    def iterations(self) -> int:
        return {"batch": math.prod(self.batch), "m": self.m, "n": self.n}[self.split]

    @property
    def flops(self) -> int:
        return 2 * math.prod(self.batch) * self.m * self.n * self.k


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
        fitting = x if x.dtype == node.dtype else fit(x, dtype=node.dtype, line=node.line)
        if matrix(fitting, i) is None:
            fitting = Node("fit", (fitting,), {}, fitting.shape, fitting.dtype, line=node.line)
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
    count = math.prod(batch)
    # The larger operand is what is shared: each thread brings the other one into its own order.
    split = "batch" if count > 1 else "m" if m >= n else "n"
    return Product(node, batch, m, n, k, a, b, split)


def product_text(product: Product, declarations: dict[str, str]) -> str:
    """The function `(a, b, c, first, last, thread, scratch)` of a product, without its name."""
    code = Code(declarations)
    form, size = ("float", 4) if product.node.dtype.itemsize == 4 else ("double", 8)
    name = ("s" if size == 4 else "d") + "gemm"
    code.declarations[f"blas_{name}"] = f"declare void @blas_{name}({', '.join(['ptr'] * 13)})"
    m, n, k, a, b = product.m, product.n, product.k, product.a, product.b

    def integer(value: Any) -> str:
        place = code.variable("i32")
        code.do(f"store i32 {value}, ptr {place}")
        return place

    def number(value: float) -> str:
        place = code.variable(form)
        code.do(f"store {form} {value:.1f}, ptr {place}")
        return place

    def letter(across: bool) -> str:
        place = code.variable("i8")
        code.do(f"store i8 {ord('T' if across else 'N')}, ptr {place}")
        return place

    share = code.put("sub nsw i64 %last, %first")
    share = code.put(f"trunc i64 {share} to i32")
    counts = {"m": integer(m), "n": integer(n), "k": integer(k)}
    if product.split in counts:
        code.do(f"store i32 {share}, ptr {counts[product.split]}")
    letters = letter(b.across), letter(a.across)
    leading = integer(b.leading), integer(a.leading), integer(n)
    one, zero = number(1), number(0)

    def call(at_a: str, at_b: str, at_c: str) -> None:
        arguments = [*letters, counts["n"], counts["m"], counts["k"], one, at_b, leading[0], at_a, leading[1], zero]
        listed = ", ".join(f"ptr {x}" for x in (*arguments, at_c, leading[2]))
        code.do(f"call void @blas_{name}({listed})")

    if product.split == "m":
        call(
            code.address("%p0", code.times("%first", a.rows), size),
            "%p1",
            code.address("%p2", code.times("%first", n), size),
        )
    elif product.split == "n":
        call("%p0", code.address("%p1", code.times("%first", b.columns), size), code.address("%p2", "%first", size))
    else:

        def one_of_batch(index: str) -> None:
            at_a, at_b, rest = "%p0", "%p1", index
            for length, s, t in reversed(list(zip(product.batch, a.batch, b.batch, strict=True))):
                i = code.put(f"urem i64 {rest}, {length}")
                rest = code.put(f"udiv i64 {rest}, {length}")
                at_a = code.address(at_a, code.times(i, s), size)
                at_b = code.address(at_b, code.times(i, t), size)
            call(at_a, at_b, code.address("%p2", code.times(index, m * n), size))

        code.loop("%first", "%last", one_of_batch)
    code.do("ret void")
    return code.function("(ptr %p0, ptr %p1, ptr %p2, i64 %first, i64 %last, i64 %thread, ptr %scratch)")
