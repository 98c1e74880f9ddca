"""Derivatives of conjugates, real and imaginary parts and angles, which are not holomorphic.

The gradient with respect to a complex x + iy is dL/dx + i dL/dy.
"""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.custom.registration import composition, pullback


@pullback(np.conjugate, "x", reads="", linear=True)
def conjugate(gy: Any, x: Any) -> Any:
    return np.conjugate(gy)


@pullback(np.real, "val", reads="", linear=True)
def real(gy: Any, val: Any) -> Any:
    return gy


@pullback(np.imag, "val", reads="", linear=True)
def imag(gy: Any, val: Any) -> Any:
    return gy * 1j if val.dtype.kind == "c" else np.zeros(val.shape, gy.dtype)


@composition(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """0 has no angle, and no derivative: see `arctan2`."""
    radians = np.arctan2(np.imag(z), np.real(z))
    return radians * (180 / np.pi) if deg else radians


@composition(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Any:
    return np.real(a) if np.isrealobj(np.real_if_close(plain(a), tol)) else a
