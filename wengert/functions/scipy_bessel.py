"""Derivatives of the Bessel, Struve, Airy and Kelvin functions of scipy.special, with respect to the argument.

With respect to the order they have none in closed form.

References
----------
NIST Digital Library of Mathematical Functions, chapters 9 to 11. https://dlmf.nist.gov
"""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.core.elementwise import derivative
from wengert.custom.registration import pullback
from wengert.functions.scipy_rules import real, wrt, wrt_last
from wengert.functions.series import near_zero
from wengert.functions.strong_zero import strong_zero_multiply as product

# Bessel functions of the orders 0 and 1

derivative(special.j0, lambda x: -special.j1(x))
derivative(special.j1, lambda x: 0.5 * (special.j0(x) - special.jv(2, x)))
derivative(special.y0, lambda x: -special.y1(x), poles=True)
derivative(special.y1, lambda x: 0.5 * (special.y0(x) - special.yv(2, x)), poles=True)
derivative(special.i0, lambda x: special.i1(x), poles=True)
derivative(special.i1, lambda x: 0.5 * (special.i0(x) + special.iv(2, x)), poles=True)
derivative(special.k0, lambda x: -special.k1(x), poles=True)
derivative(special.k1, lambda x: -0.5 * (special.k0(x) + special.kv(2, x)), poles=True)


def scaled(x: Any, y: Any, v: Any, sign: float, near: Any) -> Any:
    """The derivative of I_v(x) exp(-|x|) (`sign` 1) or K_v(x) exp(x) (`sign` -1), which is `near` but for large x.

    There `near` is a small difference of large numbers; the asymptotic series has none (DLMF 10.40.1, 10.40.2).
    """
    if x.dtype.kind == "c":
        return near
    size, excess = np.abs(x), 4 * v * v - 1
    far = size > (1e4 if x.dtype.itemsize > 4 else 50) * (1 + v * v)
    inverse = 1 / np.where(far, size, 1)
    relative = -0.5 * inverse + excess / 8 * inverse * inverse * (sign + inverse)
    return np.where(far, np.sign(x) * y * relative, near)


# At 0 exp(-|x|) has a kink, of which 0 is taken, the mean of both sides.
ZERO, ONE = np.float16(0), np.float16(1)  # orders, which do not widen the dtype of a gradient
derivative(special.i0e, lambda x, y: scaled(x, y, ZERO, 1, special.i1e(x) - np.sign(x) * y))
derivative(special.i1e, lambda x, y: scaled(x, y, ONE, 1, 0.5 * (special.i0e(x) + special.ive(2, x)) - np.sign(x) * y))
derivative(special.k0e, lambda x, y: scaled(x, y, ZERO, -1, y - special.k1e(x)), poles=True)
derivative(special.k1e, lambda x, y: scaled(x, y, ONE, -1, y - 0.5 * (special.k0e(x) + special.kve(2, x))), poles=True)

# Bessel functions of any order

wrt_last(special.jv, lambda v, z, y: 0.5 * (special.jv(v - 1, z) - special.jv(v + 1, z)))
wrt_last(special.yv, lambda v, z, y: 0.5 * (special.yv(v - 1, z) - special.yv(v + 1, z)))
wrt_last(special.yn, lambda v, z, y: 0.5 * (special.yv(v - 1, z) - special.yv(v + 1, z)))
wrt_last(special.iv, lambda v, z, y: 0.5 * (special.iv(v - 1, z) + special.iv(v + 1, z)))
wrt_last(special.kv, lambda v, z, y: -0.5 * (special.kv(v - 1, z) + special.kv(v + 1, z)))
wrt_last(special.kn, lambda v, z, y: -0.5 * (special.kv(v - 1, z) + special.kv(v + 1, z)))
wrt_last(special.jve, lambda v, z, y: 0.5 * (special.jve(v - 1, real(z, "jve")) - special.jve(v + 1, z)))
wrt_last(special.yve, lambda v, z, y: 0.5 * (special.yve(v - 1, real(z, "yve")) - special.yve(v + 1, z)))
wrt_last(
    special.ive,
    lambda v, z, y: scaled(
        z, y, v, 1, 0.5 * (special.ive(v - 1, real(z, "ive")) + special.ive(v + 1, z)) - np.sign(z) * y
    ),
)
wrt_last(
    special.kve,
    lambda v, z, y: scaled(z, y, v, -1, y - 0.5 * (special.kve(v - 1, z) + special.kve(v + 1, z))),
)
wrt_last(special.hankel1, lambda v, z, y: 0.5 * (special.hankel1(v - 1, z) - special.hankel1(v + 1, z)))
wrt_last(special.hankel2, lambda v, z, y: 0.5 * (special.hankel2(v - 1, z) - special.hankel2(v + 1, z)))


def hankel_scaled(ufunc: np.ufunc, sign: int) -> Any:
    """The derivative of a Hankel function times exp(-i sign z), for large z by the asymptotic series (DLMF 10.17.5)."""

    def slope(v: Any, z: Any, y: Any) -> Any:
        far = np.real(z) > 2e3 * (1 + v * v)
        inverse = 1 / np.where(far, z, 1)
        relative = -0.5 * inverse - (4 * v * v - 1) / 8 * inverse * inverse * (1j * sign + inverse)
        return np.where(far, y * relative, 0.5 * (ufunc(v - 1, z) - ufunc(v + 1, z)) - 1j * sign * y)

    return slope


wrt_last(special.hankel1e, hankel_scaled(special.hankel1e, 1))
wrt_last(special.hankel2e, hankel_scaled(special.hankel2e, -1))


def struve_slope(ufunc: np.ufunc, sign: int) -> Any:
    """The derivative of a Struve function; near 0 by its power series, which does not divide by z (DLMF 11.2)."""

    def slope(v: Any, z: Any, y: Any) -> Any:
        near = np.abs(z) < 1
        outside, inside = np.where(near, 1, z), np.where(near, z, 0.5) / 2
        series: Any = 0.0
        for k in reversed(range(12)):
            coefficient = (k + (v + 1) / 2) * special.rgamma(v + (k + 1.5)) / math.gamma(k + 1.5)
            series = coefficient + sign * inside * inside * series
        return np.where(near, product(np.power(inside, v), series), ufunc(v - 1, outside) - v * y / outside)

    return slope


wrt_last(special.struve, struve_slope(special.struve, -1))
wrt_last(special.modstruve, struve_slope(special.modstruve, 1))


def besselpoly_slope(a: Any, b: Any, x: Any, y: Any) -> Any:
    """With respect to a: the integral of 2 t^(b+1) J_x'(2 a t) from 0 to 1."""
    high = x >= 1  # the recurrence whose orders are not negative
    upper = special.besselpoly(a, b + 1, x + 1)
    lower = special.besselpoly(a, b + 1, np.where(high, x - 1, x))
    unbounded = (a == 0) & (x > 0)  # for an order between 0 and 1
    low = x / np.where((a == 0) | high, 1, a) * y - 2 * upper
    return np.where(high, lower - upper, np.where(unbounded, np.nan, low))


wrt(special.besselpoly, "x1", besselpoly_slope)

# Airy functions


@pullback(special.airy, "x")
def airy(gy: Any, x: Any, *, y: Any) -> Any:
    x = np.conjugate(x)
    first, first_slope, second, second_slope = (np.conjugate(part) for part in y)
    return gy[0] * first_slope + gy[1] * x * first + gy[2] * second_slope + gy[3] * x * second


def airye_slope(x: Any, y: Any, other: Any, scale: Any, quarter: float, first: float, second: float) -> Any:
    """other + scale y, but for large x, where these cancel, y times the derivative of log y (DLMF 9.7.5 to 9.7.8)."""
    far = x > 250
    size = np.where(far, x, 1)
    zeta = 2 / 3 * size * np.sqrt(size)
    relative = quarter / size + np.sqrt(size) * (first - 2 * second / zeta) / (zeta * zeta)
    return np.where(far, y * relative, other + scale * y)


AI, BI = 5 / 72, -7 / 72  # the first terms of the series of their logarithms, and the second ones
AI2, BI2 = 385 / 10368 - AI * AI / 2, -455 / 10368 - BI * BI / 2


@pullback(special.airye, "x")
def airye(gy: Any, x: Any, *, y: Any) -> Any:
    x = real(x, "airye")
    below = x < 0  # there Ai is NaN, and the modulus of the scale of Bi is 1
    root = np.sqrt(np.where(below, 0, x))
    first, first_slope = np.where(below, 0, y[0]), np.where(below, 0, y[1])
    second, second_slope = y[2:]
    of_first = airye_slope(x, first, first_slope, root, -0.25, AI, AI2)
    of_first_slope = airye_slope(x, first_slope, x * first, root, 0.25, BI, BI2)
    return (
        product(gy[0], np.where(below, np.nan, of_first))
        + product(gy[1], np.where(below, np.nan, of_first_slope))
        + product(gy[2], airye_slope(x, second, second_slope, -root, -0.25, -AI, AI2))
        + product(gy[3], airye_slope(x, second_slope, x * second, -root, 0.25, -BI, BI2))
    )


@pullback(special.itairy, "x", reads="x")
def itairy(gy: Any, x: Any) -> Any:
    ai, _, bi, _ = special.airy(x)
    ai_of_minus, _, bi_of_minus, _ = special.airy(-x)
    return gy[0] * ai + product(gy[1], bi) + gy[2] * ai_of_minus + product(gy[3], bi_of_minus)


# Kelvin functions: f = ber + i bei and f = ker + i kei satisfy f'' = i f - f' / x (DLMF 10.61.3)

BER_SLOPE = [0.0] * 26  # of ber'(x) / x, and of bei'(x) / x
BEI_SLOPE = [0.0] * 26
for k in range(7):
    if k:
        BER_SLOPE[4 * k - 2] = (-1) ** k * 4 * k / (2.0 ** (4 * k) * math.factorial(2 * k) ** 2)
    BEI_SLOPE[4 * k] = (-1) ** k * (4 * k + 2) / (2.0 ** (4 * k + 2) * math.factorial(2 * k + 1) ** 2)


def ber_curvature(x: Any, y: Any) -> Any:
    return -special.bei(x) - near_zero(x, 1.0, BER_SLOPE, lambda x: special.berp(x) / x)


def bei_curvature(x: Any, y: Any) -> Any:
    return special.ber(x) - near_zero(x, 1.0, BEI_SLOPE, lambda x: special.beip(x) / x)


derivative(special.ber, lambda x: special.berp(x), poles=True)
derivative(special.bei, lambda x: special.beip(x), poles=True)
derivative(special.ker, lambda x: special.kerp(x), poles=True)
derivative(special.kei, lambda x: special.keip(x), poles=True)
derivative(special.berp, ber_curvature, poles=True)
derivative(special.beip, bei_curvature, poles=True)
derivative(special.kerp, lambda x, y: -special.kei(x) - y / x, poles=True)
derivative(special.keip, lambda x, y: special.ker(x) - y / x, poles=True)


@pullback(special.kelvin, "x", reads="x")
def kelvin(gy: Any, x: Any) -> Any:
    """Of complex results of a real argument: ber + i bei, ker + i kei, and their derivatives."""
    slopes = (
        (special.berp(x), special.beip(x)),
        (special.kerp(x), special.keip(x)),
        (ber_curvature(x, None), bei_curvature(x, None)),
        (-special.kei(x) - special.kerp(x) / x, special.ker(x) - special.keip(x) / x),
    )
    return sum(
        product(np.real(g), first) + product(np.imag(g), second) for g, (first, second) in zip(gy, slopes, strict=True)
    )
