"""Derivatives of Carlson's symmetric elliptic integrals, and of the arithmetic-geometric mean, in scipy.special.

The derivatives are quotients of differences of such integrals (DLMF 19.18, partial fractions). Where two arguments are
nearly equal these cancel; there the derivative is an integral that the trapezoid rule gives to full precision.

References
----------
NIST Digital Library of Mathematical Functions, chapter 19. https://dlmf.nist.gov/19
"""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.arrays.table import plain
from wengert.core.elementwise import derivative
from wengert.functions.scipy_rules import as_array
from wengert.functions.strong_zero import strong_zero_multiply as product

__all__ = ["symmetric_integral"]

NODES = np.linspace(0.0, 1.0, 400)


def symmetric_integral(values: tuple[Any, ...], powers: tuple[float, ...]) -> Any:
    """The integral of the product of (t + value)^(-power) over t from 0 to infinity; infinite where it diverges.

    With t = exp(u) by the trapezoid rule, which converges geometrically, between the points where the integrand has
    decayed. The values are positive, at most one is 0 (or complex ones away from the negative axis).
    """
    sizes = [np.abs(as_array(plain(value))) for value in values]
    dtype = np.result_type(*(size.dtype for size in sizes))
    digits = -math.log(np.finfo(dtype).eps) + 4
    at_zero = sum(power * (size == 0) for size, power in zip(sizes, powers, strict=True))
    diverges = at_zero >= 1
    logarithms = [np.log(np.where(size == 0, 1, size)) for size in sizes]
    low: Any = np.inf
    high: Any = -np.inf
    for size, logarithm in zip(sizes, logarithms, strict=True):
        low = np.where(size == 0, low, np.minimum(low, logarithm))
        high = np.where(size == 0, high, np.maximum(high, logarithm))
    start = low - digits / (1 - np.where(diverges, 0, at_zero))
    width = high + digits / (sum(powers) - 1) - start
    u = start[..., None] + width[..., None] * NODES.astype(dtype)
    t = np.exp(u)
    exponent = u
    for value, power in zip(values, powers, strict=True):
        exponent = exponent - power * np.log(t + np.where(np.isnan(start), np.nan, value)[..., None])
    step = (width / (len(NODES) - 1)).astype(dtype)
    return np.where(diverges, np.inf, np.sum(np.exp(exponent), axis=-1) * step)


def quotient(difference: Any, x: Any, z: Any, nearby: Any) -> Any:
    """difference / (z - x), and `nearby` where z is close to x."""
    near = np.abs(plain(z) - plain(x)) < 0.05 * np.abs(plain(z))
    return np.where(near, nearby, difference / np.where(near, 1, z - x))


def rc_wrt_first(a: Any, b: Any, y: Any) -> Any:
    return quotient(0.5 * (y - 1 / np.sqrt(a)), a, b, -0.25 * symmetric_integral((a, b), (1.5, 1)))


def rc_wrt_last(a: Any, b: Any, y: Any) -> Any:
    return quotient(0.5 * (np.sqrt(a) / b - y), a, b, -0.5 * symmetric_integral((a, b), (0.5, 2)))


def rd_wrt_first(a: Any, b: Any, c: Any, y: Any) -> Any:
    nearby = -0.75 * symmetric_integral((a, b, c), (1.5, 0.5, 1.5))
    return quotient(0.5 * (y - special.elliprd(b, c, a)), a, c, nearby)


def rd_wrt_last(a: Any, b: Any, c: Any, y: Any) -> Any:
    """By Euler's relation: R_D is homogeneous of degree -3/2."""
    return (-1.5 * y - product(a, rd_wrt_first(a, b, c, y)) - product(b, rd_wrt_first(b, a, c, y))) / c


def rg_wrt_first(a: Any, b: Any, c: Any) -> Any:
    return 0.25 * (special.elliprf(a, b, c) - product(a, special.elliprd(b, c, a)) / 3)


def rj_wrt_first(a: Any, b: Any, c: Any, d: Any, y: Any) -> Any:
    nearby = -0.75 * symmetric_integral((a, b, c, d), (1.5, 0.5, 0.5, 1))
    return quotient(0.5 * (y - special.elliprd(b, c, a)), a, d, nearby)


def rj_wrt_last(a: Any, b: Any, c: Any, d: Any, y: Any) -> Any:
    """By Euler's relation: R_J is homogeneous of degree -3/2."""
    first = product(a, rj_wrt_first(a, b, c, d, y))
    second = product(b, rj_wrt_first(b, a, c, d, y))
    return (-1.5 * y - first - second - product(c, rj_wrt_first(c, a, b, d, y))) / d


derivative(special.elliprc, rc_wrt_first, rc_wrt_last, poles=True)
derivative(
    special.elliprf,
    lambda a, b, c: -special.elliprd(b, c, a) / 6,
    lambda a, b, c: -special.elliprd(a, c, b) / 6,
    lambda a, b, c: -special.elliprd(a, b, c) / 6,
    poles=True,
)
derivative(
    special.elliprg,
    lambda a, b, c: rg_wrt_first(a, b, c),
    lambda a, b, c: rg_wrt_first(b, a, c),
    lambda a, b, c: rg_wrt_first(c, a, b),
    poles=True,
)
derivative(
    special.elliprd,
    lambda a, b, c, y: rd_wrt_first(a, b, c, y),
    lambda a, b, c, y: rd_wrt_first(b, a, c, y),
    rd_wrt_last,
    poles=True,
)
derivative(
    special.elliprj,
    lambda a, b, c, d, y: rj_wrt_first(a, b, c, d, y),
    lambda a, b, c, d, y: rj_wrt_first(b, a, c, d, y),
    lambda a, b, c, d, y: rj_wrt_first(c, a, b, d, y),
    rj_wrt_last,
    poles=True,
)


def agm_wrt_first(a: Any, b: Any, y: Any) -> Any:
    """The mean is pi / (2 R_F(0, a^2, b^2)); it grows with both numbers, also where both are negative."""
    size = np.maximum(np.abs(a), np.abs(b))
    zero = (a == 0) | (b == 0)
    size = np.where(zero, 1, size)
    first, second, mean = (np.where(zero, 1, np.abs(value)) / size for value in (a, b, y))
    slope = 2 / (3 * math.pi) * first * mean * mean * special.elliprd(0.0, second * second, first * first)
    # the mean of 0 and b is 0, so that its derivative with respect to b is 0, and infinite with respect to 0
    infinite = 1 / np.square(np.where(a == 0, a, 1))
    return np.where(a == 0, np.where(b == 0, np.nan, infinite), np.where(b == 0, 0, slope))


derivative(special.agm, lambda a, b, y: agm_wrt_first(a, b, y), lambda a, b, y: agm_wrt_first(b, a, y), poles=True)
