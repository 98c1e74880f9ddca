"""Matrix products and tensor contractions, as matmul, or as multiplications where nothing is summed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import convert, elementwise, matrix_product, reduction, reshape, transpose
from wengert.compiler.graph.calls import bound
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.lowering.rules import RULES, as_node, rule

__all__ = ["contracted"]


@rule(np.dot)
def dot(line: str, a: Any, b: Any, out: Any = None) -> Any:
    a, b = as_node(a), as_node(b)
    if out is not None:
        return None
    if not a.ndim or not b.ndim:
        return elementwise(np.multiply, a, b, line=line)
    if b.ndim <= 2:
        return matrix_product(a, b, line) if a.ndim <= 2 or b.ndim == 1 else contracted(a, b, [a.ndim - 1], [0], line)
    return contracted(a, b, [a.ndim - 1], [b.ndim - 2], line)


RULES[np.matmul] = lambda line, a, b: matrix_product(as_node(a), as_node(b), line)
RULES[np.linalg.matmul] = lambda line, x1, x2: matrix_product(as_node(x1), as_node(x2), line)


@rule(np.outer, np.linalg.outer)
def outer(line: str, a: Any, b: Any, out: Any = None) -> Any:
    a, b = (reshape(as_node(x), (as_node(x).size,), line) for x in (a, b))
    return elementwise(np.multiply, reshape(a, (a.size, 1)), reshape(b, (1, b.size)), line=line)


def outer_of(ufunc: np.ufunc) -> Any:
    """The rule of ``ufunc.outer``."""

    def each(line: str, a: Any, b: Any) -> Any:
        a, b = as_node(a), as_node(b)
        return elementwise(ufunc, reshape(a, (*(a.shape or ()), *(1,) * b.ndim), line), b, line=line)

    return each


for _ufunc in (np.add, np.subtract, np.multiply, np.true_divide, np.maximum, np.minimum, np.power, np.equal, np.less):
    RULES[bound(_ufunc, "outer")] = outer_of(_ufunc)


@rule(np.vdot)
def vdot(line: str, a: Any, b: Any) -> Any:
    a, b = as_node(a), as_node(b)
    if a.dtype.kind == "c":
        return None
    return matrix_product(reshape(a, (a.size,), line), reshape(b, (b.size,), line), line)


@rule(np.inner)
def inner(line: str, a: Any, b: Any) -> Any:
    a, b = as_node(a), as_node(b)
    if not a.ndim or not b.ndim:
        return elementwise(np.multiply, a, b, line=line)
    return contracted(a, b, [a.ndim - 1], [b.ndim - 1], line)


@rule(np.vecdot, np.linalg.vecdot)
def vecdot(line: str, a: Any, b: Any, axis: int = -1) -> Any:
    a, b = as_node(a), as_node(b)
    if a.dtype.kind == "c" or axis != -1:
        return None
    return reduction(np.add, elementwise(np.multiply, a, b, line=line), -1, line=line)


@rule(np.tensordot, np.linalg.tensordot)
def tensordot(line: str, a: Any, b: Any, axes: Any = 2) -> Any:
    a, b = as_node(a), as_node(b)
    if isinstance(axes, (int, np.integer)):
        return contracted(a, b, list(range(a.ndim - int(axes), a.ndim)), list(range(int(axes))), line)
    a_axes, b_axes = ([int(i) for i in np.atleast_1d(x)] for x in axes)
    return contracted(a, b, a_axes, b_axes, line)


@rule(np.linalg.multi_dot)
def multi_dot(line: str, arrays: Any, *, out: Any = None) -> Any:
    parts = [as_node(a) for a in arrays]
    if out is not None or len(parts) < 2 or any(x.ndim > 2 for x in parts):
        return None
    if len(parts) == 2:
        return matrix_product(parts[0], parts[1], line)
    # Dynamic programming finds the cheapest parenthesization.
    sizes = [1 if parts[0].ndim == 1 else (parts[0].shape or ())[0], *((x.shape or ())[0] for x in parts[1:])]
    sizes.append(1 if parts[-1].ndim == 1 else (parts[-1].shape or ())[1])
    count = len(parts)
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Node:
        if i == j:
            return parts[i]
        k = best[i, j][1]
        found = matrix_product(product(i, k), product(k + 1, j), line)
        if found is None:
            raise NotLowered("the shapes do not match")
        return found

    return product(0, count - 1)


def contracted(a: Node, b: Node, a_axes: list[int], b_axes: list[int], line: str, batch: int = 0) -> Node | None:
    """Contract axes of a with axes of b; the first `batch` axes of each are batch axes."""
    a_axes, b_axes = [i % a.ndim for i in a_axes], [i % b.ndim for i in b_axes]
    a_shape, b_shape = a.shape or (), b.shape or ()
    if [a_shape[i] for i in a_axes] != [b_shape[i] for i in b_axes] or a.weak or b.weak:
        return None
    shared = list(range(batch))
    rows = [i for i in range(batch, a.ndim) if i not in a_axes]
    columns = [i for i in range(batch, b.ndim) if i not in b_axes]
    blocks, m, n = a_shape[:batch], [a_shape[i] for i in rows], [b_shape[i] for i in columns]
    k = math.prod(a_shape[i] for i in a_axes)
    dtype = np.result_type(a.dtype, b.dtype)
    a = transpose(a, (*shared, *rows, *a_axes), line)
    b = transpose(b, (*shared, *b_axes, *columns), line)
    if not a_axes or (batch and math.prod(m) * math.prod(n) == 1):  # an outer product, or inner products of vectors
        a = reshape(a, (*blocks, *m, *(1,) * len(n), k), line)
        b = transpose(b, (*shared, *range(batch + len(a_axes), b.ndim), *range(batch, batch + len(a_axes))), line)
        b = reshape(b, (*blocks, *(1,) * len(m), *n, k), line)
        products = elementwise(np.multiply, a, b, line=line)
        return reduction(np.add, products, -1, False, dtype, line) if a_axes else reshape(products, (*blocks, *m, *n))
    a = reshape(a, (*blocks, math.prod(m), k), line)
    b = reshape(b, (*blocks, k, math.prod(n)), line)
    a, b = (x if x.dtype == dtype else convert(x, dtype=dtype, line=line) for x in (a, b))
    found = matrix_product(a, b, line)
    return None if found is None else reshape(found, (*blocks, *m, *n), line)
