"""Derivatives of extracting and constructing diagonals and triangles."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from wengert.checks.refusals import refuse_out
from wengert.custom.registration import composition, pullback
from wengert.functions.indexing import scatter
from wengert.functions.prepared import has_derivative, prepared


@pullback(np.diagonal, "a", reads="", linear=True)
def diagonal(gy: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    axes = (normalize_axis_index(axis1, a.ndim), normalize_axis_index(axis2, a.ndim))
    others = tuple(n for axis, n in enumerate(a.shape) if axis not in axes)
    steps = np.arange(gy.shape[-1])
    index = (slice(None),) * len(others) + (steps + max(-offset, 0), steps + max(offset, 0))
    return np.moveaxis(scatter(gy, index, (*others, a.shape[axis1], a.shape[axis2])), (-2, -1), axes)


@pullback(np.trace, "a", reads="", linear=True)
def trace(gy: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    length = np.diagonal(np.empty((a.shape[axis1], a.shape[axis2])), offset).size
    return diagonal(np.broadcast_to(gy[..., None], (*gy.shape, length)), a, offset, axis1, axis2)


@prepared(np.trace)
def trace_of(
    row: Any, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    refuse_out("np.trace", out)
    if not has_derivative(dtype):
        return np.trace(a.data, offset, axis1, axis2, dtype)
    return row(a, offset, axis1, axis2, dtype)


@composition(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise ValueError(f"np.diag takes a vector or a matrix, but got shape {v.shape}; see np.diagonal")
    steps, n = np.arange(v.size), v.size + abs(k)
    return scatter(v, (steps + max(-k, 0), steps + max(k, 0)), (n, n))


@composition(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Any:
    return np.diag(np.ravel(v), k)


@pullback(np.tril, "m", reads="", linear=True)
def tril(gy: Any, m: Any, k: int = 0) -> Any:
    return np.tril(gy, k)


@pullback(np.triu, "m", reads="", linear=True)
def triu(gy: Any, m: Any, k: int = 0) -> Any:
    return np.triu(gy, k)
