"""Norms of vectors and of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.compiler.graph.build import convert, elementwise, matrix_product, reduction, reshape, select, transpose
from wengert.compiler.graph.graph import Node
from wengert.compiler.lowering.complex_rules import square_of_size
from wengert.compiler.lowering.linalg_rules import singular_values, svd
from wengert.compiler.lowering.rules import as_node, rule


@rule(np.linalg.norm)
def norm(line: str, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = of_floats(as_node(x), line)
    if x is None:
        return None
    if axis is None and (ord is None or (ord in ("f", "fro") and x.ndim == 2) or (ord == 2 and x.ndim == 1)):
        return vector(line, x, 2, tuple(range(x.ndim)), keepdims)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    if len(axes) == 1:
        return vector(line, x, ord, axes, keepdims)
    return matrix(line, x, ord, axes, keepdims) if len(axes) == 2 else None


@rule(np.linalg.vector_norm)
def vector_norm(line: str, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x = of_floats(as_node(x), line)
    if x is None:
        return None
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    return vector(line, x, ord, axes, keepdims)


@rule(np.linalg.matrix_norm)
def matrix_norm(line: str, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    x = of_floats(as_node(x), line)
    return None if x is None or x.ndim < 2 else matrix(line, x, ord, (x.ndim - 2, x.ndim - 1), keepdims)


def of_floats(x: Node, line: str) -> Node | None:
    """An array as one of floats or complex numbers; None where the rules do not apply."""
    if x.dtype.kind not in "biufc" or x.dtype == np.float16 or x.size == 0 or x.weak:
        return None
    return x if x.dtype.kind in "fc" else convert(x, dtype=np.float64, line=line)


def vector(line: str, x: Node, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Node | None:
    """The norm of vectors along axes."""
    if ord is None or ord == 2:
        return elementwise(
            np.sqrt, reduction(np.add, square_of_size(x, line), axes, keepdims, None, line=line), line=line
        )
    if isinstance(ord, str) or not np.isscalar(ord):
        return None
    if ord == 0:
        ones = convert(elementwise(np.not_equal, x, 0, line=line), dtype=np.empty(0, x.dtype).real.dtype, line=line)
        return reduction(np.add, ones, axes, keepdims, None, line)
    size = elementwise(np.absolute, x, line=line)
    if ord in (1, math.inf, -math.inf):
        ufunc = np.add if ord == 1 else np.maximum if ord > 0 else np.minimum  # type: ignore[operator]
        return reduction(ufunc, size, axes, keepdims, None, line)
    order = float(ord)  # type: ignore[arg-type]
    total = reduction(np.add, elementwise(np.power, size, order, line=line), axes, keepdims, None, line)
    return elementwise(np.power, total, 1 / order, line=line)


def matrix(line: str, x: Node, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Node | None:
    """The norm of matrices in two axes."""
    if ord is None or ord in ("f", "fro"):
        return vector(line, x, 2, axes, keepdims)
    if ord in (1, -1, math.inf, -math.inf):
        inner, outer = axes if abs(ord) == 1 else axes[::-1]
        sums = reduction(np.add, elementwise(np.absolute, x, line=line), inner, True, None, line)
        found = reduction(np.maximum if ord > 0 else np.minimum, sums, outer, True, None, line)
    elif ord in (2, -2, "nuc"):
        others = tuple(i for i in range(x.ndim) if i not in axes)
        values = singular_values(line, transpose(x, (*others, *axes), line))
        ufunc = np.add if ord == "nuc" else np.maximum if ord == 2 else np.minimum
        found = reduction(ufunc, values, -1, False, None, line)
    else:
        return None
    shape = x.shape or ()
    return reshape(found, tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes), line)


@rule(np.linalg.pinv)
def pinv(line: str, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """As NumPy computes it: by singular values, of which small ones are cut off."""
    x = as_node(a)
    given = [c for c in (rcond, rtol) if c is not None and c is not np._NoValue]
    if hermitian or x.ndim < 2 or x.size == 0 or not all(isinstance(c, float) for c in given):
        return None
    if rcond is None:
        rcond = 1e-15 if rtol is np._NoValue else rtol
    if rcond is None:
        rcond = max((x.shape or ())[-2:]) * float(np.finfo(x.dtype if x.dtype.kind in "fc" else float).eps)
    u, s, vh = svd(line, elementwise(np.conjugate, x, line=line), False)
    cut = elementwise(np.multiply, reduction(np.maximum, s, -1, True, None, line), rcond, line=line)
    inverse = select(elementwise(np.greater, s, cut, line=line), elementwise(np.reciprocal, s, line=line), 0.0, line)
    axes = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
    column = reshape(inverse, (*(inverse.shape or ()), 1), line)
    scaled = elementwise(np.multiply, column, transpose(u, axes, line), line=line)
    return matrix_product(transpose(vh, axes, line), scaled, line)
