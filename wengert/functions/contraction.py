"""Derivatives of products that sum over an axis."""

from typing import Any

import numpy as np

from wengert.core.dispatch import composition
from wengert.core.numpy_call import pullback


def conjugate(a: Any) -> Any:
    """The complex conjugate, without a copy of what is real."""
    return np.conjugate(a) if a.dtype.kind == "c" else a


@pullback(np.matmul, "x1", reads="x2")
def matmul_left(gy: Any, x1: Any, x2: Any) -> Any:
    if x2.ndim == 1:
        return gy[..., None] * conjugate(x2)
    if x1.ndim == 1:  # a row, as matmul takes it
        return (gy[..., None, :] @ conjugate(np.swapaxes(x2, -1, -2)))[..., 0, :]
    return gy @ conjugate(np.swapaxes(x2, -1, -2))


@pullback(np.matmul, "x2", reads="x1")
def matmul_right(gy: Any, x1: Any, x2: Any) -> Any:
    if x1.ndim == 1:
        if x2.ndim == 1:
            return gy * conjugate(x1)
        return conjugate(x1)[:, None] * gy[..., None, :]
    if x2.ndim == 1:  # a column, as matmul takes it
        return (conjugate(np.swapaxes(x1, -1, -2)) @ gy[..., None])[..., 0]
    if x2.ndim == 2 and x1.ndim > 2:  # one product over all batches in place of their sum
        x1, gy = np.reshape(x1, (-1, x1.shape[-1])), np.reshape(gy, (-1, gy.shape[-1]))
    return conjugate(np.swapaxes(x1, -1, -2)) @ gy


@composition(np.dot)
def dot(a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return np.multiply(a, b)
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=(-1, -2))
