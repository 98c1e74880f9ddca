"""Derivatives of Legendre's elliptic integrals and Jacobi's elliptic functions in scipy.special.

References
----------
NIST Digital Library of Mathematical Functions, chapters 19 and 22. https://dlmf.nist.gov
"""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.core.elementwise import derivative
from wengert.custom.registration import dispatched, pullback
from wengert.functions.scipy_carlson import symmetric_integral
from wengert.functions.strong_zero import strong_zero_multiply as product

# Complete elliptic integrals, with respect to their parameter m (DLMF 19.4, in terms of symmetric integrals)

derivative(special.ellipk, lambda x: special.elliprd(0.0, 1.0, 1 - x) / 6, poles=True)
derivative(special.ellipkm1, lambda x: -special.elliprd(0.0, 1.0, x) / 6, poles=True)
derivative(special.ellipe, lambda x: -special.elliprd(0.0, 1 - x, 1.0) / 6, poles=True)

# Incomplete elliptic integrals


def delta_squared(phi: Any, m: Any) -> Any:
    """1 - m sin(phi)^2, without a difference of nearly equal numbers."""
    square = np.square(np.sin(phi))
    return np.where(m < 0.5, 1 - m * square, np.square(np.cos(phi)) + (1 - m) * square)


def from_zero(sine: Any, cosine_squared: Any, delta: Any, p: int, q: int) -> Any:
    """`legendre_integral` up to an angle in the first quadrant, in terms of symmetric integrals (DLMF 19.25)."""
    if (p, q) == (1, 1):
        return sine**3 * special.elliprd(cosine_squared, delta, 1.0) / 3
    if (p, q) == (1, 3):
        return sine**3 * special.elliprd(cosine_squared, 1.0, delta) / 3
    values = np.ones_like(delta), cosine_squared, delta
    return sine ** (2 * p + 1) * symmetric_integral(values, (p + 1 - q / 2, 0.5, q / 2)) / 2


@dispatched
def legendre_integral(phi: Any, m: Any, p: int, q: int) -> Any:
    """The integral of sin(t)^(2 p) (1 - m sin(t)^2)^(-q / 2) over t from 0 to phi.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import special
    >>> phi, m = np.array(1.2), np.array(0.5)
    >>> np.allclose(m * legendre_integral(phi, m, 1, 1), special.ellipkinc(phi, m) - special.ellipeinc(phi, m))
    True
    """
    turns = np.rint(phi / math.pi)
    angle = phi - turns * math.pi
    part = from_zero(np.sin(angle), np.square(np.cos(angle)), delta_squared(angle, m), p, q)
    whole = from_zero(np.ones_like(1 - m), np.zeros_like(1 - m), 1 - m, p, q)
    return part + np.where(turns == 0, 0, 2 * turns * np.where(turns == 0, 0, whole))


@pullback(legendre_integral, "phi")
def legendre_wrt_phi(gy: Any, phi: Any, m: Any, p: int, q: int) -> Any:
    return product(gy, np.sin(phi) ** (2 * p) * delta_squared(phi, m) ** (-q / 2))


@pullback(legendre_integral, "m")
def legendre_wrt_m(gy: Any, phi: Any, m: Any, p: int, q: int) -> Any:
    return product(gy, q / 2 * legendre_integral(phi, m, p + 1, q + 2))


derivative(
    special.ellipkinc,
    lambda a, b: 1 / np.sqrt(delta_squared(a, b)),
    lambda a, b: 0.5 * legendre_integral(a, b, 1, 3),
    poles=True,
)
derivative(
    special.ellipeinc,
    lambda a, b: np.sqrt(delta_squared(a, b)),
    lambda a, b: -0.5 * legendre_integral(a, b, 1, 1),
    poles=True,
)


@pullback(special.ellipj, "u")
def ellipj_wrt_argument(gy: Any, u: Any, m: Any, *, y: Any) -> Any:
    sn, cn, dn, _ = y
    return gy[0] * cn * dn - gy[1] * sn * dn - gy[2] * m * sn * cn + gy[3] * dn


@pullback(special.ellipj, "m")
def ellipj_wrt_parameter(gy: Any, u: Any, m: Any, *, y: Any) -> Any:
    """Through the amplitude, whose ellipkinc is u."""
    sn, cn, dn, phi = y
    slope = -0.5 * dn * legendre_integral(phi, m, 1, 3)
    of_dn = -(0.5 * sn * sn + m * sn * cn * slope) / dn
    return product(gy[0], cn * slope) - product(gy[1], sn * slope) + product(gy[2], of_dn) + product(gy[3], slope)
