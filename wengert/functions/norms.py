"""Derivatives of norms. At 0, and where an element is 0, they have the derivative 0, as the absolute value has."""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.core.numpy_call import pullback
from wengert.custom.registration import composition
from wengert.functions.contraction import array
from wengert.functions.reduction import spread


@pullback(np.linalg.vector_norm, "x")
def vector_norm(gy: Any, x: Any, /, *, axis: Any = None, keepdims: Any = False, ord: Any = 2, y: Any) -> Any:
    if x.dtype == np.float16:  # whose squares and counts overflow
        gy, x = widened(gy), widened(x)
        y = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    gy, y = spread(gy, x, axis, keepdims), spread(y, x, axis, keepdims)
    if x.dtype.kind in "biu":
        x = x.astype(float)
    if ord == 0:
        return np.zeros(x.shape, gy.dtype)  # it counts
    if ord in (np.inf, -np.inf):  # shared evenly among the equal ones
        size = np.abs(x)
        chosen = (size == y).astype(gy.dtype)
        return gy * np.sign(x) * chosen / np.maximum(np.sum(chosen, axis=axis, keepdims=True), 1)
    if ord == 1:
        return gy * np.sign(x)
    zero = y == 0
    safe = np.where(zero, 1, y)
    if ord in (2, None):
        return gy * np.where(zero, 0, x / safe)
    flat = zero | (x == 0)
    ratio = np.where(flat, 1, np.abs(np.where(flat, 1, x)) / safe)
    return np.where(flat, 0, gy * np.sign(np.where(flat, 1, x)) * ratio ** (ord - 1))


@composition(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: Any = False, ord: Any = "fro") -> Any:
    return np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)


@composition(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    x = array(x)
    if x.dtype.kind in "biu":
        x = x.astype(float)
    axes: Any
    if axis is None:
        axes = tuple(range(x.ndim))
        if ord is None:
            return np.linalg.vector_norm(x, keepdims=keepdims)
    else:
        axes = axis if isinstance(axis, tuple) else (int(axis),)
    if len(axes) == 1 and not isinstance(ord, str):
        return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) == 2 and axes[0] % x.ndim != axes[1] % x.ndim:
        row, column = axes
        if ord in (None, "fro", "f"):
            return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims)
        if ord in (1, -1, np.inf, -np.inf):
            over, kept = axes if abs(ord) == 1 else (column, row)
            sums = np.sum(np.abs(x), axis=over, keepdims=True)
            if ord > 0:
                found = np.max(sums, axis=kept, keepdims=True, initial=0)
            else:
                found = np.min(sums, axis=kept, keepdims=True)
            return found if keepdims else np.squeeze(found, axis=axes)
        if ord in (2, -2, "nuc"):
            s = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
            if ord == "nuc":
                found = np.sum(s, axis=-1)
            else:
                found = np.max(s, axis=-1, initial=0) if ord == 2 else np.min(s, axis=-1)
            return np.expand_dims(found, axes) if keepdims else found
    np.linalg.norm(plain(x), ord, axis, keepdims)  # says what is wrong
    raise ValueError(f"np.linalg.norm of a Variable does not take ord={ord!r} over the axes {axis}")


@composition(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))
