"""Derivatives of NumPy's special functions, nan_to_num and unwrap."""

import math
from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.arrays.table import plain
from wengert.custom.registration import composition, dispatched, pullback
from wengert.functions.reduction import converted
from wengert.functions.series import near_zero
from wengert.functions.strong_zero import strong_zero_multiply

# The derivative of sin(pi x) / (pi x), as a power series.
SINC_SLOPE = [
    0.0 if n % 2 == 0 else (-1) ** (n // 2 + 1) * math.pi ** (n + 1) * (n + 1) / math.factorial(n + 2)
    for n in range(32)
]


@pullback(np.sinc, "x")
def sinc(gy: Any, x: Any) -> Any:
    slope = near_zero(x, 0.5, SINC_SLOPE, lambda x: (np.cos(np.pi * within_a_period(x)) - np.sinc(x)) / x)
    return gy * np.conjugate(slope)


def within_a_period(x: Any) -> Any:
    """x minus the nearest even integer, which is exact; pi x has no digits left for a huge x."""
    return x - 2 * np.rint(0.5 * np.real(x))


@dispatched
def modified_bessel(x: Any, order: int) -> Any:
    """The modified Bessel function of the first kind of integer order, I_n(x), for real x.

    By the trapezoid rule for Poisson's integral, whose terms are all positive; for a periodic
    function it converges geometrically.

    References
    ----------
    NIST Digital Library of Mathematical Functions, equation 10.32.2. https://dlmf.nist.gov/10.32

    Examples
    --------
    >>> import numpy as np
    >>> np.allclose(modified_bessel(np.array([0.5, 20.0]), 0), np.i0([0.5, 20.0]))
    True
    """
    if level_of(x) == TRACED:  # one call, as the number of steps depends on the values
        return x.__array_function__(by_poissons_integral, (type(x),), (x, order), {})
    return by_poissons_integral(x, order)


def by_poissons_integral(x: Any, order: int) -> Any:
    # Where exp overflows np.i0 does too.
    top = math.log(np.finfo(x.dtype if x.dtype.kind == "f" else np.float64).max)
    size = np.abs(x)
    inside = np.where(size <= top, x, 0)
    largest = float(np.max(size, where=size <= top, initial=0))
    steps = 16 + order + int(5 * math.sqrt(largest))
    total = 0.0 * inside
    for k in range(steps + 1) if order == 0 else range(1, steps):  # sin is 0 at both ends
        angle = math.pi * k / steps
        weight = math.sin(angle) ** (2 * order) * (0.5 if k in (0, steps) else 1.0)
        total = total + weight * np.exp(inside * math.cos(angle))
    factor = math.sqrt(math.pi) / (steps * math.gamma(order + 0.5))
    y = total * factor * (inside / 2) ** order
    end = np.where(np.isnan(x), np.nan, np.copysign(np.inf, x) if order % 2 else np.inf)
    return np.where(size <= top, y, end.astype(y.dtype))


@pullback(modified_bessel, "x", reads="x")
def modified_bessel_pullback(gy: Any, x: Any, order: int) -> Any:
    if order == 0:
        return strong_zero_multiply(gy, modified_bessel(x, 1))
    return strong_zero_multiply(gy, modified_bessel(x, order - 1) / 2 + modified_bessel(x, order + 1) / 2)


@pullback(np.i0, "x")
def i0(gy: Any, x: Any) -> Any:
    return strong_zero_multiply(gy, modified_bessel(x, 1))


@pullback(np.unwrap, "p", reads="")
def unwrap(gy: Any, p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi) -> Any:
    return gy  # an integer number of periods is added


@pullback(np.unwrap, "period")
def unwrap_period(gy: Any, p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * np.pi, y: Any) -> Any:
    return gy * np.rint((plain(y) - plain(p)) / plain(period))


@composition(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Where there was NaN or infinity, the gradient goes to what replaces it."""
    if x.dtype.kind == "c":
        return replaced(np.real(x), nan, posinf, neginf) + 1j * replaced(np.imag(x), nan, posinf, neginf)
    found = replaced(x, nan, posinf, neginf) if x.dtype.kind == "f" else np.copy(x)
    return found if found.ndim else found[()]  # a number


def replaced(x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    """Replace the elements of a real array that are no finite numbers."""
    values, limits = plain(x), np.finfo(x.dtype)
    for places, value, limit in (
        (np.isnan(values), nan, 0.0),
        (np.isposinf(values), posinf, limits.max),
        (np.isneginf(values), neginf, limits.min),
    ):
        x = np.where(places, limit if value is None else value, x)
    return converted(x, values.dtype)
