"""Derivatives of tanh, the logistic function and arcsinh that keep their digits far out.

1 - tanh(x)^2 cancels where tanh(x) is nearly 1: from x = 19 on it is 0, where the derivative is 4 exp(-2x). The square
of a hyperbolic cosine does not cancel, but takes as long as tanh itself. So arrays of more than a few elements take the
difference, which is nearly free, unless the smallest is below a limit. In double precision the relative error is below
1e-6 everywhere. In single precision it is up to 2e-3 there, where a derivative is just above the limit of 1e-4, and a
few units in the last place in arrays of fewer elements, in higher derivatives and in compiled code; better ones would
cost half of the time of a step. Compiled code, which does not branch, always takes a formula without cancellation; that
of tanh has an exponential of its own, so that a step of tanh alone takes twice as long as with the difference.
"""

import math
from typing import Any

import numpy as np

from wengert.arrays.level import BATCHED, RECORDED, level_of
from wengert.custom.registration import dispatched, pullback

__all__ = ["arcsinh_slope", "greatest", "least", "logistic_slope", "sech_squared", "tanh_slope"]

# By dtype, up to how many elements nothing is gained by the difference, and the smallest one whose rounding error does
# not matter. (Half precision is computed in single precision anyway.)
FEW_AND_LIMIT: dict[Any, tuple[float, float]] = {np.dtype(np.float64): (0, 1e-9), np.dtype(np.float32): (128, 1e-4)}
ALL: tuple[float, float] = math.inf, 0.0


def least(values: Any) -> float:
    """The smallest of the elements; NaN if there is one. (np.min of few takes four times as long.)"""
    return values.item(values.argmin()) if values.size else math.inf


def greatest(values: Any) -> float:
    """The largest of an ndarray's elements; NaN if there is one."""
    return values.item(values.argmax()) if values.size else -math.inf


@dispatched
def sech_squared(x: Any) -> Any:
    """The derivative of tanh: 1 / cosh(x)^2.

    Examples
    --------
    >>> import numpy as np
    >>> sech_squared(np.array([0.0, 20.0]))
    array([1.0000000e+00, 1.6993417e-17])
    """
    if type(x) is np.ndarray and x.dtype.kind == "f":
        return squared_sech(x)
    # Without a call of a library in compiled code, and without overflow for complex numbers.
    e = np.exp(np.where(np.real(x) > 0, -2 * x, 2 * x) if x.dtype.kind == "c" else -2 * np.abs(x))
    return 4 * e / np.square(1 + e)


def squared_sech(x: Any, factor: float = 1.0) -> Any:
    """The square of factor / cosh(x) for an ndarray of floats. (The square of the cosine would overflow earlier.)"""
    sech = factor / np.cosh(x)
    return sech * sech


@pullback(sech_squared, "x")
def sech_squared_pullback(gy: Any, x: Any, *, y: Any) -> Any:
    return gy * np.conjugate(-2 * np.tanh(x) * y)


def tanh_slope(x: Any, y: Any) -> Any:
    """The derivative of y = tanh(x)."""
    if type(y) is not np.ndarray:
        if BATCHED <= level_of(y) < RECORDED and y.mapped and level_of(x) == level_of(y) and x.mapped:
            return y.elementwise(tanh_slope, x, y)
        return sech_squared(x)
    few, limit = FEW_AND_LIMIT.get(y.dtype, ALL)
    if y.size > few:
        slope = y * y
        slope = np.subtract(1, slope, slope if y.ndim else None)
        if least(slope) >= limit:
            return slope
    return squared_sech(x) if y.dtype.kind == "f" else sech_squared(x)


def logistic_slope(x: Any, y: Any) -> Any:
    """The derivative of y = 1 / (1 + exp(-x))."""
    if level_of(y) == RECORDED:
        return 0.25 * sech_squared(0.5 * x)
    if type(y) is not np.ndarray:  # in compiled code the exponential is that of the function itself
        decay = np.exp(-np.abs(x))
        return decay / np.square(1 + decay)
    few, limit = FEW_AND_LIMIT.get(y.dtype, ALL)
    if y.size > few:
        rest = 1 - y
        if least(rest) >= limit:
            return np.multiply(rest, y, rest if y.ndim else None)
    return squared_sech(0.5 * x, 0.5) if y.dtype.kind == "f" else 0.25 * sech_squared(0.5 * x)


def arcsinh_slope(x: Any) -> Any:
    """The derivative of arcsinh: 1 / sqrt(x^2 + 1), also where the square overflows."""
    if x.dtype.kind == "c":
        return 1 / (np.sqrt(1 + 1j * x) * np.sqrt(1 - 1j * x))
    if type(x) is np.ndarray:
        found = 1 / np.sqrt(x * x + 1)
        if least(found) > 0:
            return found
    return 1 / np.hypot(x, 1)
