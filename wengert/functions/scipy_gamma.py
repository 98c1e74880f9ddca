"""Derivatives of the gamma, beta and zeta functions of scipy.special, and of Lambert's W."""

import math
from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs

from wengert.core.elementwise import derivative
from wengert.custom.registration import piecewise_constant, pullback
from wengert.functions.scipy_rules import no_closed_form, wrt_last
from wengert.functions.strong_zero import strong_zero_multiply as product


def trigamma(x: Any) -> Any:
    """The derivative of psi, which SciPy has for real numbers only."""
    if x.dtype.kind == "c":
        raise TypeError(
            "scipy.special.psi is differentiated at real numbers only, but got complex ones (as the second "
            "derivative of loggamma and gamma does); SciPy has no such derivative"
        )
    return _ufuncs._zeta(2.0, x)


PSI_SERIES = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760]  # of log(x) - 1 / (2 x) - psi(x), in x^-2


def psi_difference(a: Any, b: Any) -> Any:
    """psi(a + b) - psi(a), to full precision for large a, and finite between poles an integer apart."""
    large = (a > 20) & (a + b > 20)
    first, step = np.where(large, a, 20), np.where(large, b, 0)
    growth = np.log1p(step / first)
    far = growth - 0.5 * np.expm1(-growth) / first
    for n, coefficient in enumerate(PSI_SERIES, 1):
        far = far - coefficient * np.expm1(-2 * n * growth) / first ** (2 * n)
    # psi(x) is psi(1 - x) less a function of the period 1
    mirrored = (a < 0.5) & (a + b < 0.5) & (b == np.rint(b))
    start = np.where(large, 1, np.where(mirrored, 1 - a, a + b))
    end = np.where(large, 1, np.where(mirrored, 1 - a - b, a))
    near = np.where(mirrored, -1, 1) * (special.psi(start) - special.psi(end))
    return np.where(large, far, near)


def rgamma_slope(x: Any) -> Any:
    """The derivative of 1 / gamma(x): by reflection (DLMF 5.5.3) where gamma has poles, and this has none."""
    left = np.real(x) < 0.5
    mirrored, right = np.where(left, 1 - x, 1), np.where(left, 1, x)
    angle = np.where(left, math.pi * x, 0)
    reflected = special.gamma(mirrored) * (np.cos(angle) - np.sin(angle) / math.pi * special.psi(mirrored))
    return np.where(left, reflected, product(-special.rgamma(right), special.psi(right)))


derivative(special.gammaln, lambda x: special.psi(x), poles=True)
derivative(special.loggamma, lambda x: special.psi(x), poles=True)
derivative(special.gamma, lambda x, y: product(y, special.psi(x)), poles=True)
derivative(special.rgamma, lambda x: rgamma_slope(x), poles=True)
derivative(special.psi, trigamma, poles=True)
derivative(special.betaln, lambda a, b: -psi_difference(a, b), lambda a, b: -psi_difference(b, a), poles=True)


# These vanish where 1 / gamma does. There the formula with psi is 0 times infinity; `rgamma_slope` is finite.


def beta_wrt_first(a: Any, b: Any, y: Any) -> Any:
    zero = (y == 0) & (a + b <= 0)
    p, q = np.where(zero, a, 0.5), np.where(zero, b, 0.5)
    change = special.psi(p) * special.rgamma(p + q) + rgamma_slope(p + q)
    return np.where(zero, special.gamma(p) * special.gamma(q) * change, product(-y, psi_difference(a, b)))


def poch_wrt_first(a: Any, b: Any, y: Any) -> Any:
    zero = (y == 0) & (a <= 0)
    p, q = np.where(zero, a, 0.5), np.where(zero, a + b, 0.5)
    change = special.psi(q) * special.rgamma(p) + rgamma_slope(p)
    return np.where(zero, special.gamma(q) * change, product(y, psi_difference(a, b)))


def binom_zero(n: Any, k: Any, y: Any) -> tuple[Any, Any, Any, Any]:
    """Whether 1 / gamma(k + 1) or 1 / gamma(n - k + 1) is 0, n + 1, and these arguments; 1/2 elsewhere."""
    zero = (y == 0) & ((k < 0) | (n - k < 0))
    return zero, np.where(zero, n + 1, 0.5), np.where(zero, k + 1, 0.5), np.where(zero, n - k + 1, 0.5)


def binom_wrt_first(a: Any, b: Any, y: Any) -> Any:
    zero, n, k, rest = binom_zero(a, b, y)
    change = special.psi(n) * special.rgamma(rest) + rgamma_slope(rest)
    at_zero = special.gamma(n) * special.rgamma(k) * change
    return np.where(zero, at_zero, product(y, psi_difference(a - b + 1, b)))


def binom_wrt_last(a: Any, b: Any, y: Any) -> Any:
    zero, n, k, rest = binom_zero(a, b, y)
    change = rgamma_slope(k) * special.rgamma(rest) - special.rgamma(k) * rgamma_slope(rest)
    return np.where(zero, special.gamma(n) * change, product(y, psi_difference(b + 1, a - 2 * b)))


derivative(special.beta, beta_wrt_first, lambda a, b, y: beta_wrt_first(b, a, y), poles=True)
derivative(special.poch, poch_wrt_first, lambda a, b, y: product(y, special.psi(a + b)), poles=True)
derivative(special.binom, binom_wrt_first, binom_wrt_last, poles=True)

wrt_last(_ufuncs._zeta, lambda v, z, y: -v * _ufuncs._zeta(v + 1, z))


@pullback(_ufuncs._lambertw, "z", reads="k tol")
def lambertw(gy: Any, z: Any, k: Any, tol: Any, *, y: Any) -> Any:
    return product(gy, np.conjugate(np.exp(-y) / (1 + y)))


no_closed_form(special.zetac, _ufuncs._riemann_zeta, parameter="x")
piecewise_constant(special.gammasgn)
