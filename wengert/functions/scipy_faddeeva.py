"""Derivatives of the error functions of scipy.special, the normal distribution and the Voigt profile.

References
----------
NIST Digital Library of Mathematical Functions, chapter 7. https://dlmf.nist.gov/7
"""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.core.elementwise import derivative
from wengert.functions.strong_zero import strong_zero_multiply as product

__all__ = ["wofz_slope"]

ROOT_PI, ROOT_2PI, ROOT_2 = math.sqrt(math.pi), math.sqrt(2 * math.pi), math.sqrt(2.0)
TERMS = 14

# w(z) = i / sqrt(pi) times the sum of (2 k - 1)!! / (2^k z^(2 k + 1)), far out in the upper half plane (DLMF 7.12.1).
SERIES = [math.prod(range(1, 2 * k, 2)) / 2.0**k for k in range(TERMS)]
SLOPE_SERIES = [(2 * k + 1) * c for k, c in enumerate(SERIES)]


def summed(coefficients: list[float], u: Any) -> Any:
    """The power series in u."""
    total = coefficients[-1] + 0 * u
    for coefficient in reversed(coefficients[:-1]):
        total = total * u + coefficient
    return total


CURVATURE_SERIES = [(k + 1) * c for k, c in enumerate(SLOPE_SERIES)]
FAR, FAR_SINGLE = 10.0, 5.0  # from where on the series are exact, in double and in single precision


def far_from(x: Any) -> float:
    """From where on the series are exact, and differences lose digits, in the precision of `x`."""
    return FAR if x.dtype.itemsize > 4 else FAR_SINGLE


def far_slope(z: Any) -> Any:
    """The sum of SLOPE_SERIES / z^(2 k + 2)."""
    inverse = 1 / z
    return summed(SLOPE_SERIES, inverse * inverse) * inverse * inverse


def waves(z: Any) -> Any:
    """What the series misses of w(z) beside and below the real axis: exp(-z^2) or twice that."""
    factor = np.where(np.imag(z) < 1, np.where(np.imag(z) > -1, 1, 2), 0)
    return factor * np.exp(-(np.where(factor == 0, 0, z) ** 2))


def wofz_slope(z: Any) -> Any:
    """The derivative of wofz(z), -2 z w(z) + 2 i / sqrt(pi), whose terms cancel for a large z."""
    far = np.abs(z) > FAR
    outside, inside = np.where(far, z, 2 * FAR), np.where(far, 0, z)
    at_far = -1j / ROOT_PI * far_slope(outside) - 2 * outside * waves(outside)
    return np.where(far, at_far, 2j / ROOT_PI - 2 * inside * special.wofz(inside))


def dawsn_slope(x: Any, y: Any) -> Any:
    """1 - 2 x y, or from w(x) = exp(-x^2) + 2 i / sqrt(pi) dawsn(x) where that cancels."""
    if x.dtype.kind == "c":
        return 1 - 2 * x * y
    far = np.abs(x) >= far_from(x)
    return np.where(far, -0.5 * far_slope(np.where(far, x, 1)), 1 - 2 * np.where(far, 0, x) * y)


def erfcx_slope(x: Any, y: Any) -> Any:
    """2 x y - 2 / sqrt(pi), or from w(i x) = erfcx(x) where that cancels."""
    if x.dtype.kind == "c":
        return 1j * wofz_slope(1j * x)
    far = x >= far_from(x)
    inverse = 1 / np.where(far, x, 1)
    series = -summed(SLOPE_SERIES, -inverse * inverse) * inverse * inverse / ROOT_PI
    return np.where(far, series, 2 * product(x, y) - 2 / ROOT_PI)


def voigt_slopes(x: Any, sigma: Any, gamma: Any) -> tuple[Any, Any]:
    """The first and second derivative of W(x + i gamma) = w((x + i gamma) / (sqrt(2) sigma)) / (sqrt(2 pi) sigma).

    The Voigt profile is its real part. Far out the series, in powers of sigma, holds for sigma = 0 too.
    """
    u = x + 1j * gamma
    infinite = (u == 0) & (sigma == 0)
    sigma = np.where(infinite, 1, sigma)
    far = np.abs(u) > ROOT_2 * FAR * np.abs(sigma)
    inverse = 1 / np.where(far, u, 1)
    ratio = 2 * np.square(np.where(far, sigma, 0) * inverse)
    first = -1j / math.pi * summed(SLOPE_SERIES, ratio) * inverse * inverse
    second = 2j / math.pi * summed(CURVATURE_SERIES, ratio) * inverse * inverse * inverse
    width = ROOT_2 * np.where(sigma == 0, 1, sigma)
    z = np.where(sigma == 0, FAR * 1j, u / width)
    near = np.where(far, 0, z)
    wave = waves(np.where(far, z, FAR * 1j))
    slope = 2j / ROOT_PI - 2 * near * special.wofz(near)
    curvature = -2 * special.wofz(near) - 2 * near * slope
    scale = 1 / (ROOT_PI * width * width)
    slope = np.where(far, first - 2 * z * wave * scale, slope * scale)
    curvature = np.where(far, second + (4 * z * z - 2) * wave * (scale / width), curvature * (scale / width))
    return np.where(infinite, np.nan, slope), np.where(infinite, np.nan, curvature)


derivative(special.erf, lambda x: 2 / ROOT_PI * np.exp(-x * x))
derivative(special.erfc, lambda x: -2 / ROOT_PI * np.exp(-x * x))
derivative(special.erfcx, erfcx_slope, poles=True)
derivative(special.erfi, lambda x: 2 / ROOT_PI * np.exp(x * x), poles=True)
derivative(special.dawsn, dawsn_slope)
derivative(special.wofz, lambda x: wofz_slope(x), poles=True)
# By the heat equation, the derivative with respect to sigma is sigma times the second one with respect to x.
derivative(
    special.voigt_profile,
    lambda a, b, c: np.real(voigt_slopes(a, b, c)[0]),
    lambda a, b, c: product(b, np.real(voigt_slopes(a, b, c)[1])),
    lambda a, b, c: -np.imag(voigt_slopes(a, b, c)[0]),
    poles=True,
)

derivative(special.erfinv, lambda y: ROOT_PI / 2 * np.exp(product(y, y)), poles=True)
derivative(special.erfcinv, lambda y: -ROOT_PI / 2 * np.exp(product(y, y)), poles=True)
derivative(special.ndtr, lambda x: np.exp(-0.5 * (x * x)) / ROOT_2PI)
derivative(special.log_ndtr, lambda x: 2 / ROOT_2PI / special.erfcx(-x / ROOT_2), poles=True)
derivative(special.ndtri, lambda y: ROOT_2PI * np.exp(0.5 * product(y, y)), poles=True)
derivative(special.ndtri_exp, lambda y: ROOT_2PI / 2 * special.erfcx(-y / ROOT_2), poles=True)
derivative(
    special.owens_t,
    lambda a, b: -np.exp(-0.5 * (a * a)) * special.erf(a * b / ROOT_2) / (2 * ROOT_2PI),
    lambda a, b: np.exp(-0.5 * (a * a) * (1 + b * b)) / (2 * math.pi * (1 + b * b)),
)
