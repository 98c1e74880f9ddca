"""Derivatives of the ufuncs of scipy.special; imported once a program has imported scipy.special.

Where a parameter has no derivative in closed form (the order of a Bessel function), a constant array is accepted, a
Variable refused. Factors that can be infinite go through `product`, in which 0 times infinity is 0, so that second
derivatives behind a mask are finite.

References
----------
NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs

from wengert.checks.frames import CONVERTING
from wengert.core.elementwise import derivative
from wengert.core.numpy_call import pullback
from wengert.core.strong_zero import strong_zero_multiply as product
from wengert.custom.registration import piecewise_constant
from wengert.functions.elementwise import LN2, LN10, fraction, power_wrt_base
from wengert.functions.series import near_zero
from wengert.functions.tails import greatest, logistic_slope

ROOT_PI, ROOT_2PI, ROOT_2 = math.sqrt(math.pi), math.sqrt(2 * math.pi), math.sqrt(2.0)
DEGREE = math.pi / 180

# Error functions and the normal distribution


def far_out(x: Any, elsewhere: Any, terms: list[float], step: int = 2, factor: Any = 1) -> Any:
    """`elsewhere`, a difference that cancels for large x, but there its series in 1 / x^step (of real numbers)."""
    bound = (12.0 if x.dtype.itemsize > 4 else 5.0) if step == 2 else (300.0 if x.dtype.itemsize > 4 else 20.0)
    if x.dtype.kind == "c" or (type(x) is np.ndarray and not greatest(x) >= bound):
        return elsewhere
    far = x >= bound
    t = (1 / np.where(far, x, bound)) ** step
    series = terms[-1] * t
    for term in reversed(terms[:-1]):
        series = (series + term) * t
    return np.where(far, factor * series, elsewhere)


# dawsn(x) = 1 / (2x) (1 + 1 / (2 x^2) + 3 / (4 x^4) + ...), and sqrt(pi) erfcx(x) / 2 the same with alternating signs.
DAWSN_SLOPE = [-float(math.prod(range(1, 2 * n, 2)) * (2 * n + 1)) / 2 ** (n + 1) for n in range(8)]
ERFCX_SLOPE = [(-1) ** n * c * 2 / ROOT_PI for n, c in enumerate(DAWSN_SLOPE)]


def dawsn_slope(x: Any, y: Any) -> Any:
    return far_out(x if x.dtype.kind == "c" else np.abs(x), 1 - 2 * x * y, DAWSN_SLOPE)


def erfcx_slope(x: Any, y: Any) -> Any:
    return far_out(x, 2 * product(x, y) - 2 / ROOT_PI, ERFCX_SLOPE)


derivative(special.erf, lambda x: 2 / ROOT_PI * np.exp(-x * x))
derivative(special.erfc, lambda x: -2 / ROOT_PI * np.exp(-x * x))
derivative(special.erfcx, erfcx_slope, poles=True)
derivative(special.erfi, lambda x: 2 / ROOT_PI * np.exp(x * x), poles=True)
derivative(special.dawsn, dawsn_slope)
derivative(special.wofz, lambda x, y: 2j / ROOT_PI - 2 * x * y, poles=True)
derivative(special.erfinv, lambda y: ROOT_PI / 2 * np.exp(product(y, y)), poles=True)
derivative(special.erfcinv, lambda y: -ROOT_PI / 2 * np.exp(product(y, y)), poles=True)
derivative(special.ndtr, lambda x: np.exp(-0.5 * (x * x)) / ROOT_2PI)
derivative(special.log_ndtr, lambda x: 2 / ROOT_2PI / special.erfcx(-x / ROOT_2), poles=True)
derivative(special.ndtri, lambda y: ROOT_2PI * np.exp(0.5 * product(y, y)), poles=True)
derivative(special.ndtri_exp, lambda x, y: ROOT_2PI * np.exp(x + 0.5 * product(y, y)), poles=True)
derivative(
    special.owens_t,
    lambda a, b: -np.exp(-0.5 * (a * a)) * special.erf(a * b / ROOT_2) / (2 * ROOT_2PI),
    lambda a, b: np.exp(-0.5 * (a * a) * (1 + b * b)) / (2 * math.pi * (1 + b * b)),
)

# Logistic functions, entropies, losses

derivative(special.expit, logistic_slope)
derivative(special.logit, lambda x: 1 / (x * (1 - x)), poles=True)
derivative(special.log_expit, lambda x: special.expit(-x))
derivative(special.xlogy, lambda b: np.log(b), lambda a, b: product(a, 1 / b), poles=True)
derivative(special.xlog1py, lambda b: np.log1p(b), lambda a, b: product(a, 1 / (1 + b)), poles=True)
derivative(special.entr, lambda x: -np.log(x) - 1, poles=True)


def log_ratio(a: Any, b: Any) -> Any:
    """log(a / b), and 0 where both are 0."""
    neither = (a == 0) & (b == 0)
    return np.log(np.where(neither, 1, a) / np.where(neither, 1, b))


derivative(special.rel_entr, lambda a, b: log_ratio(a, b) + 1, lambda a, b: product(-a, 1 / b), poles=True)
derivative(special.kl_div, lambda a, b: log_ratio(a, b), lambda a, b: 1 - product(a, 1 / b), poles=True)
derivative(
    special.huber,
    lambda a, b: np.where(np.abs(b) > a, np.abs(b) - a, 0),
    lambda a, b: np.where(np.abs(b) > a, a * np.sign(b), b),
    poles=True,
)


def pseudo_huber_root(ratio: Any) -> Any:
    return np.hypot(1, ratio)


def pseudo_huber_wrt_width(a: Any, b: Any) -> Any:
    """a (root - 1)^2 / root, where the root is that of 1 + (b / a)^2."""
    ratio = fraction(b, a)
    root = pseudo_huber_root(ratio)
    excess = ratio * (ratio / (root + 1))  # root - 1, without cancellation
    return a * excess * (excess / root)


derivative(
    special.pseudo_huber,
    pseudo_huber_wrt_width,
    lambda a, b: b / pseudo_huber_root(fraction(b, a)),
    poles=True,
)

# Exponentials, logarithms and powers. SciPy has ufuncs of its own also for those that NumPy has.

EXPREL_SLOPE = [(k + 1) / math.factorial(k + 2) for k in range(24)]


def exprel_slope_of_large(x: Any) -> Any:
    """The same away from 0. (On the right the result may be finite where exp(x) is not.)"""
    y, right = special.exprel(x), x > 0
    return np.where(right, y + (1 - y) / x, (np.exp(np.where(right, 0, x)) - y) / x)


def exprel_slope(x: Any) -> Any:
    """The derivative of (exp(x) - 1) / x."""
    return near_zero(x, 1.0, EXPREL_SLOPE, exprel_slope_of_large)


derivative(special.exprel, exprel_slope, poles=True)
derivative(special.exp2, lambda y: LN2 * y, poles=True)
derivative(special.exp10, lambda y: LN10 * y, poles=True)
derivative(special.expm1, lambda x: np.exp(x), poles=True)
derivative(special.log1p, lambda x: 1 / (1 + x), poles=True)
derivative(special.cbrt, lambda y: 1 / (3 * y * y), poles=True)
derivative(special.cosm1, lambda x: -np.sin(x))
derivative(special.sindg, lambda x: DEGREE * special.cosdg(x))
derivative(special.cosdg, lambda x: -DEGREE * special.sindg(x))
derivative(special.tandg, lambda y: DEGREE * (1 + product(y, y)), poles=True)
derivative(special.cotdg, lambda y: -DEGREE * (1 + product(y, y)), poles=True)
derivative(special.radian, DEGREE, DEGREE / 60, DEGREE / 3600)
derivative(special.powm1, power_wrt_base, lambda a, y: product(y + 1, np.log(a)), poles=True)


def boxcox_wrt_power(logarithm: Any, power: Any) -> Any:
    return product(product(logarithm, logarithm), exprel_slope(product(power, logarithm)))


derivative(special.boxcox, lambda a, b: np.power(a, b - 1), lambda a, b: boxcox_wrt_power(np.log(a), b), poles=True)
derivative(
    special.boxcox1p,
    lambda a, b: np.power(1 + a, b - 1),
    lambda a, b: boxcox_wrt_power(np.log1p(a), b),
    poles=True,
)
derivative(
    special.inv_boxcox,
    lambda b, y: np.power(y, 1 - b),
    lambda b, y: product(-boxcox_wrt_power(np.log(y), b), np.power(y, 1 - b)),
    poles=True,
)
derivative(
    special.inv_boxcox1p,
    lambda b, y: np.power(1 + y, 1 - b),
    lambda b, y: product(-boxcox_wrt_power(np.log1p(y), b), np.power(1 + y, 1 - b)),
    poles=True,
)
derivative(special.wrightomega, lambda y: y / (1 + y), poles=True)


# Gamma functions


def trigamma(x: Any) -> Any:
    """The derivative of psi, which SciPy has for real numbers only."""
    if x.dtype.kind == "c":
        raise TypeError(
            "scipy.special.psi is differentiated at real numbers only, but got complex ones (as the second "
            "derivative of loggamma and gamma does); SciPy has no such derivative"
        )
    return _ufuncs._zeta(2.0, x)


derivative(special.gammaln, lambda x: special.psi(x), poles=True)
derivative(special.loggamma, lambda x: special.psi(x), poles=True)
derivative(special.gamma, lambda x, y: product(y, special.psi(x)), poles=True)
derivative(special.rgamma, lambda x, y: product(-y, special.psi(x)), poles=True)
derivative(special.psi, trigamma, poles=True)
derivative(
    special.betaln,
    lambda a, b: special.psi(a) - special.psi(a + b),
    lambda a, b: special.psi(b) - special.psi(a + b),
    poles=True,
)
derivative(
    special.beta,
    lambda a, b, y: product(y, special.psi(a) - special.psi(a + b)),
    lambda a, b, y: product(y, special.psi(b) - special.psi(a + b)),
    poles=True,
)
derivative(
    special.poch,
    lambda a, b, y: product(y, special.psi(a + b) - special.psi(a)),
    lambda a, b, y: product(y, special.psi(a + b)),
    poles=True,
)
derivative(
    special.binom,
    lambda a, b, y: product(y, special.psi(a + 1) - special.psi(a - b + 1)),
    lambda a, b, y: product(y, special.psi(a - b + 1) - special.psi(b + 1)),
    poles=True,
)

# Integrals

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


@pullback(special.airy, "x")
def airy(gy: Any, x: Any, *, y: Any) -> Any:
    x = np.conjugate(x)
    first, first_slope, second, second_slope = (np.conjugate(part) for part in y)
    return gy[0] * first_slope + gy[1] * x * first + gy[2] * second_slope + gy[3] * x * second


# spence(x) integrates log(t) / (1 - t), which is -u / (exp(u) - 1) with u = log(t)
def spence_slope(x: Any) -> Any:
    if x.dtype.kind != "c":
        return -1 / special.exprel(np.log(x))  # SciPy has this for real numbers only
    return near_zero(x - 1, 0.02, [(-1) ** (n + 1) / (n + 1) for n in range(12)], lambda u: -np.log(1 + u) / u)


derivative(special.spence, spence_slope, poles=True)

# Complete elliptic integrals, with respect to their parameter m; near 0 by the hypergeometric series

HALVES = [(math.comb(2 * n, n) / 4**n) ** 2 for n in range(40)]
ELLIPK_SLOPE = [math.pi / 2 * (n + 1) * HALVES[n + 1] for n in range(38)]
ELLIPE_SLOPE = [-math.pi / 2 * (n + 1) * HALVES[n + 1] / (2 * n + 1) for n in range(38)]


def ellipk_slope(x: Any) -> Any:
    return near_zero(x, 0.2, ELLIPK_SLOPE, lambda x: (special.ellipe(x) / (1 - x) - special.ellipk(x)) / (2 * x))


derivative(special.ellipk, ellipk_slope, poles=True)
derivative(special.ellipkm1, lambda x: -ellipk_slope(1 - x), poles=True)
derivative(
    special.ellipe,
    lambda x: near_zero(x, 0.2, ELLIPE_SLOPE, lambda x: (special.ellipe(x) - special.ellipk(x)) / (2 * x)),
    poles=True,
)

# Bessel functions of the orders 0 and 1

# The scaled ones decrease as 1 / sqrt(x); their derivatives are differences that cancel. From the quotients of the
# series in DLMF 10.40, with alternating signs for K:
OF_ZERO = [-1 / 2, -1 / 8, -1 / 8, -25 / 128, -13 / 32]
OF_ONE = [-1 / 2, 3 / 8, 3 / 8, 63 / 128, 27 / 32]


def scaled(x: Any, difference: Any, terms: list[float], y: Any, sign: int = 1) -> Any:
    terms = [term * sign**n for n, term in enumerate(terms)]
    return far_out(np.abs(x), difference, terms, 1, np.sign(x) * y)


derivative(special.j0, lambda x: -special.j1(x))
derivative(special.j1, lambda x: 0.5 * (special.j0(x) - special.jv(2, x)))
derivative(special.y0, lambda x: -special.y1(x), poles=True)
derivative(special.y1, lambda x: 0.5 * (special.y0(x) - special.yv(2, x)), poles=True)
derivative(special.i0, lambda x: special.i1(x), poles=True)
derivative(special.i1, lambda x: 0.5 * (special.i0(x) + special.iv(2, x)), poles=True)
derivative(special.i0e, lambda x, y: scaled(x, special.i1e(x) - np.sign(x) * y, OF_ZERO, y))
derivative(special.i1e, lambda x, y: scaled(x, 0.5 * (special.i0e(x) + special.ive(2, x)) - np.sign(x) * y, OF_ONE, y))
derivative(special.k0, lambda x: -special.k1(x), poles=True)
derivative(special.k1, lambda x: -0.5 * (special.k0(x) + special.kv(2, x)), poles=True)
derivative(special.k0e, lambda x, y: scaled(x, y - special.k1e(x), OF_ZERO, y, -1), poles=True)
derivative(
    special.k1e, lambda x, y: scaled(x, y - 0.5 * (special.k0e(x) + special.kve(2, x)), OF_ONE, y, -1), poles=True
)

# Functions of parameters and, last, of the argument that they are differentiated with respect to


def as_array(value: Any) -> Any:
    """Make a number into an array, and leave arrays of any kind as they are."""
    return value if hasattr(value, "ndim") else np.asarray(value)


def wrt_second(ufunc: np.ufunc, slope: Callable[..., Any]) -> None:
    """Register the derivative ``slope(v, z, y)`` of ``y = ufunc(v, z)`` with respect to z."""

    @pullback(ufunc, "z")
    def rule(gy: Any, v: Any, z: Any, *, y: Any) -> Any:
        return product(gy, np.conjugate(slope(as_array(v), z, y)))


def wrt_third(ufunc: np.ufunc, slope: Callable[..., Any]) -> None:
    """Register the derivative ``slope(a, b, x, y)`` of ``y = ufunc(a, b, x)`` with respect to x."""

    @pullback(ufunc, "x")
    def rule(gy: Any, a: Any, b: Any, x: Any, *, y: Any) -> Any:
        return product(gy, np.conjugate(slope(as_array(a), as_array(b), x, y)))


def wrt_fourth(ufunc: np.ufunc, slope: Callable[..., Any]) -> None:
    """Register the derivative ``slope(a, b, c, x)`` of ``ufunc(a, b, c, x)`` with respect to x."""

    @pullback(ufunc, "x", reads="a b c x")
    def rule(gy: Any, a: Any, b: Any, c: Any, x: Any) -> Any:
        return product(gy, np.conjugate(slope(as_array(a), as_array(b), as_array(c), x)))


def real(z: Any, name: str) -> Any:
    """Return `z`; raise TypeError if it is complex, where a scaling by |exp(z)| is not holomorphic."""
    if z.dtype.kind == "c":
        raise TypeError(
            f"scipy.special.{name} is differentiated at real numbers only, for it is scaled by a modulus, but got "
            f"complex ones; use the one without scaling, scipy.special.{name[:-1]}"
        )
    return z


wrt_second(special.jv, lambda v, z, y: 0.5 * (special.jv(v - 1, z) - special.jv(v + 1, z)))
wrt_second(special.yv, lambda v, z, y: 0.5 * (special.yv(v - 1, z) - special.yv(v + 1, z)))
wrt_second(special.yn, lambda v, z, y: 0.5 * (special.yv(v - 1, z) - special.yv(v + 1, z)))
wrt_second(special.iv, lambda v, z, y: 0.5 * (special.iv(v - 1, z) + special.iv(v + 1, z)))
wrt_second(special.kv, lambda v, z, y: -0.5 * (special.kv(v - 1, z) + special.kv(v + 1, z)))
wrt_second(special.kn, lambda v, z, y: -0.5 * (special.kv(v - 1, z) + special.kv(v + 1, z)))
wrt_second(special.jve, lambda v, z, y: 0.5 * (special.jve(v - 1, real(z, "jve")) - special.jve(v + 1, z)))
wrt_second(special.yve, lambda v, z, y: 0.5 * (special.yve(v - 1, real(z, "yve")) - special.yve(v + 1, z)))
wrt_second(
    special.ive,
    lambda v, z, y: 0.5 * (special.ive(v - 1, real(z, "ive")) + special.ive(v + 1, z)) - np.sign(z) * y,
)
wrt_second(special.kve, lambda v, z, y: y - 0.5 * (special.kve(v - 1, z) + special.kve(v + 1, z)))
wrt_second(special.hankel1, lambda v, z, y: 0.5 * (special.hankel1(v - 1, z) - special.hankel1(v + 1, z)))
wrt_second(special.hankel2, lambda v, z, y: 0.5 * (special.hankel2(v - 1, z) - special.hankel2(v + 1, z)))
wrt_second(special.hankel1e, lambda v, z, y: 0.5 * (special.hankel1e(v - 1, z) - special.hankel1e(v + 1, z)) - 1j * y)
wrt_second(special.hankel2e, lambda v, z, y: 0.5 * (special.hankel2e(v - 1, z) - special.hankel2e(v + 1, z)) + 1j * y)
wrt_second(special.struve, lambda v, z, y: special.struve(v - 1, z) - v * y / z)
wrt_second(special.modstruve, lambda v, z, y: special.modstruve(v - 1, z) - v * y / z)


def expn_slope(v: Any, z: Any, y: Any) -> Any:
    zeroth = -np.exp(-z) * (z + 1) / (z * z)
    return np.where(v == 0, zeroth, -special.expn(np.maximum(v - 1, 0), z))


wrt_second(special.expn, expn_slope)
wrt_second(_ufuncs._zeta, lambda v, z, y: -v * _ufuncs._zeta(v + 1, z))


@pullback(_ufuncs._lambertw, "z", reads="k tol")
def lambertw(gy: Any, z: Any, k: Any, tol: Any, *, y: Any) -> Any:
    return product(gy, np.conjugate(np.exp(-y) / (1 + y)))


# Incomplete gamma and beta functions are integrals of these densities.


def gamma_density(a: Any, x: Any) -> Any:
    return np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    return np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))


wrt_second(special.gammainc, lambda a, x, y: gamma_density(a, x))
wrt_second(special.gammaincc, lambda a, x, y: -gamma_density(a, x))
wrt_second(special.gammaincinv, lambda a, x, y: 1 / gamma_density(a, y))
wrt_second(special.gammainccinv, lambda a, x, y: -1 / gamma_density(a, y))
wrt_second(special.chdtr, lambda v, x, y: 0.5 * gamma_density(v / 2, x / 2))
wrt_second(special.chdtrc, lambda v, x, y: -0.5 * gamma_density(v / 2, x / 2))
wrt_second(special.pdtr, lambda k, m, y: -gamma_density(np.floor(k) + 1, m))
wrt_second(special.pdtrc, lambda k, m, y: gamma_density(np.floor(k) + 1, m))
wrt_third(special.gdtr, lambda a, b, x, y: a * gamma_density(b, a * x))
wrt_third(special.gdtrc, lambda a, b, x, y: -a * gamma_density(b, a * x))
wrt_third(special.betainc, lambda a, b, x, y: beta_density(a, b, x))
wrt_third(special.betaincc, lambda a, b, x, y: -beta_density(a, b, x))
wrt_third(special.betaincinv, lambda a, b, x, y: 1 / beta_density(a, b, y))
wrt_third(special.betainccinv, lambda a, b, x, y: -1 / beta_density(a, b, y))
wrt_second(
    special.stdtr,
    lambda v, t, y: np.exp(-special.betaln(0.5, v / 2) - (v + 1) / 2 * np.log1p(t * t / v)) / np.sqrt(v),
)

# Hypergeometric functions and orthogonal polynomials

wrt_second(special.hyp0f1, lambda v, z, y: special.hyp0f1(v + 1, z) / v)
wrt_third(special.hyp1f1, lambda a, b, x, y: a / b * special.hyp1f1(a + 1, b + 1, x))
wrt_third(special.hyperu, lambda a, b, x, y: -a * special.hyperu(a + 1, b + 1, x))
wrt_fourth(special.hyp2f1, lambda a, b, c, x: a * b / c * special.hyp2f1(a + 1, b + 1, c + 1, x))


def lowered(n: Any, slope: Any) -> Any:
    """The derivative of a polynomial of degree n from one of degree n - 1; 0 for n = 0."""
    return product((n != 0).astype(np.float16), slope)


wrt_second(special.eval_chebyt, lambda n, x, y: lowered(n, n * special.eval_chebyu(n - 1, x)))
wrt_second(special.eval_chebyu, lambda n, x, y: lowered(n, 2 * special.eval_gegenbauer(n - 1, 2.0, x)))
wrt_second(special.eval_hermite, lambda n, x, y: 2 * n * special.eval_hermite(np.maximum(n - 1, 0), x))
wrt_second(special.eval_hermitenorm, lambda n, x, y: n * special.eval_hermitenorm(np.maximum(n - 1, 0), x))
wrt_second(special.eval_laguerre, lambda n, x, y: lowered(n, -special.eval_genlaguerre(n - 1, 1.0, x)))
wrt_second(special.eval_legendre, lambda n, x, y: lowered(n, special.eval_gegenbauer(n - 1, 1.5, x)))
wrt_third(special.eval_genlaguerre, lambda n, a, x, y: lowered(n, -special.eval_genlaguerre(n - 1, a + 1, x)))
wrt_third(special.eval_gegenbauer, lambda n, a, x, y: lowered(n, 2 * a * special.eval_gegenbauer(n - 1, a + 1, x)))
wrt_fourth(
    special.eval_jacobi,
    lambda n, a, b, x: lowered(n, (n + a + b + 1) / 2 * special.eval_jacobi(n - 1, a + 1, b + 1, x)),
)

piecewise_constant(special.gammasgn)
derivative(special.round, 0)

# Functions written in Python convert their arguments first, so that NumPy's protocols never see a Variable.
CONVERTING.update(
    {
        "scipy.special._logsumexp.logsumexp": "wengert.functions.logsumexp(x, axis)",
        "scipy.special._logsumexp.softmax": "wengert.functions.softmax(x, axis)",
        "scipy.special._logsumexp.log_softmax": "wengert.functions.log_softmax(x, axis)",
        "scipy.special._basic.polygamma": "(-1) ** (n + 1) * math.factorial(n) * special.zeta(n + 1, x)",
        "scipy.special._basic.comb": "special.binom(n, k)",
        "scipy.special._basic.perm": "special.poch(n - k + 1, k)",
        "scipy.special._spherical_bessel.wrapper": "np.sqrt(np.pi / 2 / z) * special.jv(n + 0.5, z), or yv, iv, kv",
    }
)
