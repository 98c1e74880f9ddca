"""scipy.special for Variables: its ufuncs, which are in the table, and its other functions."""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert import functions
from wengert.arrays.table import plain
from wengert.custom.registration import pullback
from wengert.functions.contraction import array
from wengert.functions.strong_zero import strong_zero_multiply
from wengert.scipy.answers import answered, answers, open_names
from wengert.scipy.linalg.checked import promoted

__all__ = [
    "comb",
    "diric",
    "factorial",
    "h1vp",
    "h2vp",
    "ivp",
    "jvp",
    "kvp",
    "lambertw",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "perm",
    "polygamma",
    "softmax",
    "softplus",
    "sph_harm_y",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "yvp",
    "zeta",
]


def floating(x: Any) -> Any:
    """An array of floating or complex numbers."""
    x = array(x)
    return x.astype(np.float64) if x.dtype.kind in "biu" else x


def from_1_15(name: str) -> Any:
    """A function that SciPy has from 1.15 on; before, one that says so."""

    def absent(*args: Any, **kwargs: Any) -> Any:
        raise AttributeError(f"scipy.special.{name} is there from SciPy 1.15 on")

    absent.__name__, absent.__module__ = name, "scipy.special"
    return getattr(special, name, absent)


# SciPy's own definitions call ufuncs with what they are given, which are in the table.
lambertw, softplus, zeta = (answers(_f)(_f) for _f in (special.lambertw, from_1_15("softplus"), special.zeta))


def bessel_derivative(theirs: Any, function: Any, sign: int, lowered: int = 1) -> Any:
    """The n-th derivative of a Bessel function: a sum of those of other orders (DLMF 10.6.7, 10.29.5)."""

    @answers(theirs)
    def derivative(v: Any, z: Any, n: Any = 1) -> Any:
        if n != int(n) or n < 0:
            raise ValueError(f"n must be a non-negative integer, but got {n!r}")
        n, v = int(n), array(v)
        terms = [sign**i * math.comb(n, i) * function(v - n + 2 * i, z) for i in range(n + 1)]
        return sum(terms[1:], terms[0]) * (lowered**n / 2**n)

    return derivative


jvp, yvp = bessel_derivative(special.jvp, special.jv, -1), bessel_derivative(special.yvp, special.yv, -1)
ivp = bessel_derivative(special.ivp, special.iv, 1)
kvp = bessel_derivative(special.kvp, special.kv, 1, -1)
h1vp = bessel_derivative(special.h1vp, special.hankel1, -1)
h2vp = bessel_derivative(special.h2vp, special.hankel2, -1)


@answers(special.softmax)
def softmax(x: Any, axis: Any = None) -> Any:
    return functions.softmax(floating(x), axis)


@answers(special.log_softmax)
def log_softmax(x: Any, axis: Any = None) -> Any:
    return functions.log_softmax(floating(x), axis)


@answers(special.logsumexp)
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: Any = False, return_sign: Any = False) -> Any:
    """Elements with the weight 0 add nothing, also infinite ones; a negative sum gives NaN without `return_sign`."""
    a = floating(a)
    if b is None and not return_sign:
        return functions.logsumexp(a, axis, keepdims)
    if a.dtype.kind == "c":
        raise TypeError("wengert.scipy.special.logsumexp of a Variable takes real numbers")
    a, b = promoted(a, np.ones((), a.dtype) if b is None else array(b))
    counts = plain(b) != 0
    top = np.max(np.where(counts, plain(a), -np.inf), axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0).astype(a.dtype)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        total = np.sum(strong_zero_multiply(b, np.exp(a - top)), axis=axis, keepdims=True)
        y = np.log(np.abs(total) if return_sign else total) + top
    sign = np.sign(plain(total))
    if not keepdims:
        y, sign = np.squeeze(y, axis), np.squeeze(sign, axis)
    return (y, sign) if return_sign else y


@answers(special.multigammaln)
def multigammaln(a: Any, d: Any) -> Any:
    a = floating(a)
    if np.ndim(d) or int(d) != d:
        raise ValueError(f"d should be a positive integer (dimension), but got {d!r}")
    if np.any(plain(a) <= 0.5 * (d - 1)):
        raise ValueError(f"condition a > 0.5 * (d-1) = {0.5 * (d - 1)} not met")
    terms = special.gammaln(a[..., None] - (np.arange(d) / 2).astype(a.dtype))
    return np.float64(d * (d - 1) / 4 * math.log(math.pi)) + np.sum(terms, axis=-1)


@answers(special.polygamma)
def polygamma(n: Any, x: Any) -> Any:
    n, x = plain(array(n)), floating(x)
    order = np.where(n == 0, 1, n)
    rest = (-1.0) ** (order + 1) * special.gamma(order + 1.0) * special.zeta(order + 1, x)
    return np.where(n == 0, special.psi(x), rest)


@answers(special.factorial)
def factorial(n: Any, extend: Any = "zero") -> Any:
    n = floating(n)
    if extend not in ("zero", "complex"):
        raise ValueError(f"argument `extend` must be either 'zero' or 'complex', received: {extend!r}")
    y = special.gamma(n + 1)
    if extend == "complex":
        return y
    return np.where(plain(n) < 0, 0, y).astype(np.result_type(y.dtype, np.float64))  # (as SciPy has it)


@answers(special.comb)
def comb(N: Any, k: Any, *, repetition: Any = False) -> Any:
    n, k = floating(N), floating(k)
    if repetition:
        return np.where((plain(k) == 0) & (plain(n) >= 0), 1.0, special.binom(n + k - 1, k))
    return np.where(possible(n, k), special.binom(n, k), 0)


@answers(special.perm)
def perm(N: Any, k: Any) -> Any:
    n, k = floating(N), floating(k)
    return np.where(possible(n, k), special.poch(n - k + 1, k), 0)


def possible(n: Any, k: Any) -> Any:
    """Whether there are ways to choose `k` of `n`."""
    n, k = plain(n), plain(k)
    return (k <= n) & (n >= 0) & (k >= 0)


@answers(special.diric)
def diric(x: Any, n: Any) -> Any:
    """As a sum of cosines, which is smooth where SciPy's quotient is 0 / 0."""
    x = floating(x).astype(np.float64)
    if np.ndim(n) or n != int(n) or n < 1:
        raise ValueError(f"diric of a Variable takes one positive integer n, but got {n!r}")
    return np.mean(np.cos(x[..., None] * (np.arange(n) - (n - 1) / 2)), axis=-1)


@answers(from_1_15("sph_harm_y"), "special.sph_harm_y")
def sph_harm_y(n: Any, m: Any, theta: Any, phi: Any) -> Any:
    n, m = (np.asarray(plain(array(v))) for v in (n, m))
    theta, phi, size = floating(theta), floating(phi), np.abs(m)
    norm = np.exp(0.5 * (special.gammaln(n - size + 1.0) - special.gammaln(n + size + 1.0)))
    norm = norm * np.sqrt((2 * n + 1) / (4 * math.pi)) * np.where((m < 0) & (m % 2 != 0), -1.0, 1.0)
    return norm * special.lpmv(size, n, np.cos(theta)) * np.exp(1j * m * phi)


def spherical(function: Any, sign: int, after: int) -> Any:
    """A spherical Bessel function f: (2 n + 1) f_n' = sign (n f_{n-1} + after (n + 1) f_{n+1}) (DLMF 10.51)."""
    public = answered(function)

    def slope(n: Any, z: Any, order: int) -> Any:
        if order == 0:
            return public(n, z)
        below, above = slope(np.maximum(n - 1, 0), z, order - 1), slope(n + 1, z, order - 1)
        return sign * (n * below + after * (n + 1) * above) / (2 * n + 1)

    @pullback(public, "z", reads="n z")
    def by_argument(gy: Any, n: Any, z: Any, derivative: Any = False) -> Any:
        n = np.asarray(plain(n))
        slopes = slope(n, z, 2 if derivative else 1)
        return strong_zero_multiply(gy, np.conjugate(slopes) if slopes.dtype.kind == "c" else slopes)

    return public


spherical_jn = spherical(special.spherical_jn, 1, -1)
spherical_yn = spherical(special.spherical_yn, 1, -1)
spherical_in = spherical(special.spherical_in, 1, 1)
spherical_kn = spherical(special.spherical_kn, -1, 1)

__getattr__, __dir__ = open_names(__name__, special, globals())
