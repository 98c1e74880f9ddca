"""Derivatives of the integrals of scipy.special: exponential, trigonometric, Fresnel's, of Bessel functions."""

import cmath
import math
from typing import Any

import numpy as np
from scipy import special

from wengert.core.elementwise import derivative
from wengert.custom.registration import pullback
from wengert.functions.scipy_faddeeva import wofz_slope
from wengert.functions.scipy_rules import wrt_last
from wengert.functions.series import near_zero
from wengert.functions.strong_zero import strong_zero_multiply as product

derivative(special.exp1, lambda x: -np.exp(-x) / x, poles=True)
derivative(special.expi, lambda x: np.exp(x) / x, poles=True)


def sinhc(x: Any) -> Any:
    """sinh(x) / x."""
    y = np.sinc(x * (1j / math.pi))
    return y if x.dtype.kind == "c" else np.real(y)


@pullback(special.sici, "x", reads="x")
def sici(gy: Any, x: Any) -> Any:
    slopes = np.sinc(x / math.pi), np.cos(x) / x
    return product(gy[0], np.conjugate(slopes[0])) + product(gy[1], np.conjugate(slopes[1]))


@pullback(special.shichi, "x", reads="x")
def shichi(gy: Any, x: Any) -> Any:
    slopes = sinhc(x), np.cosh(x) / x
    return product(gy[0], np.conjugate(slopes[0])) + product(gy[1], np.conjugate(slopes[1]))


@pullback(special.fresnel, "x", reads="x")
def fresnel(gy: Any, x: Any) -> Any:
    angle = np.conjugate(x * x) * (math.pi / 2)
    return gy[0] * np.sin(angle) + gy[1] * np.cos(angle)


EIGHTH = cmath.exp(0.25j * math.pi)  # an eighth of a turn


def modified_fresnel(sign: int) -> Any:
    """The pullback of the integral of exp(i sign t^2) from x on, and of K(x) = wofz(x exp(i sign pi / 4)) / 2.

    It is right for a negative x too, where SciPy 1.17 computes another imaginary part of the integral.
    """

    def rule(gy: Any, x: Any) -> Any:
        slope = 0.5 * EIGHTH * wofz_slope(EIGHTH * x)
        return (
            -np.real(gy[0]) * np.cos(x * x)
            - np.imag(gy[0]) * (sign * np.sin(x * x))
            + product(np.real(gy[1]), np.real(slope))
            + product(np.imag(gy[1]), sign * np.imag(slope))
        )

    return rule


pullback(special.modfresnelp, "x", reads="x")(modified_fresnel(1))
pullback(special.modfresnelm, "x", reads="x")(modified_fresnel(-1))

# Integrals of Bessel and Struve functions of the order 0, from 0 to x; those that converge there only, from x on


@pullback(special.itj0y0, "x", reads="x")
def itj0y0(gy: Any, x: Any) -> Any:
    return gy[0] * special.j0(x) + product(gy[1], special.y0(x))


@pullback(special.iti0k0, "x", reads="x")
def iti0k0(gy: Any, x: Any) -> Any:
    return product(gy[0], special.i0(x)) + product(gy[1], special.k0(x))


# (1 - J_0(x)) / x and (I_0(x) - 1) / x as power series; H_0(x) / x likewise
J0_PART, I0_PART, H0_PART = [0.0] * 24, [0.0] * 24, [0.0] * 24
for k in range(12):
    H0_PART[2 * k] = 2 / math.pi * (-1) ** k / float(math.prod(range(1, 2 * k + 2, 2))) ** 2
    if k:
        I0_PART[2 * k - 1] = 1 / (4.0**k * math.factorial(k) ** 2)
        J0_PART[2 * k - 1] = -((-1) ** k) * I0_PART[2 * k - 1]


@pullback(special.it2j0y0, "x", reads="x")
def it2j0y0(gy: Any, x: Any) -> Any:
    slope = near_zero(x, 1.0, J0_PART, lambda x: (1 - special.j0(x)) / x)
    return gy[0] * slope - product(gy[1], special.y0(x) / x)


@pullback(special.it2i0k0, "x", reads="x")
def it2i0k0(gy: Any, x: Any) -> Any:
    slope = near_zero(x, 1.0, I0_PART, lambda x: (special.i0(x) - 1) / x)
    return product(gy[0], slope) - product(gy[1], special.k0(x) / x)


derivative(special.itstruve0, lambda x: special.struve(0, x))
derivative(special.itmodstruve0, lambda x: special.modstruve(0, x), poles=True)
derivative(special.it2struve0, lambda x: -near_zero(x, 1.0, H0_PART, lambda x: special.struve(0, x) / x), poles=True)


# spence(x) integrates log(t) / (1 - t), which is -u / (exp(u) - 1) with u = log(t)
def spence_slope(x: Any) -> Any:
    if x.dtype.kind != "c":
        return -1 / special.exprel(np.log(x))  # SciPy has this for real numbers only
    return near_zero(x - 1, 0.02, [(-1) ** (n + 1) / (n + 1) for n in range(12)], lambda u: -np.log(1 + u) / u)


derivative(special.spence, spence_slope, poles=True)


def expn_slope(v: Any, z: Any, y: Any) -> Any:
    zeroth = -np.exp(-z) * (z + 1) / (z * z)
    return np.where(v == 0, zeroth, -special.expn(np.maximum(v - 1, 0), z))


wrt_last(special.expn, expn_slope)
