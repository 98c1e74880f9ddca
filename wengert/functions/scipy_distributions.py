"""Derivatives of the incomplete gamma and beta functions and the distributions of scipy.special, and their inverses.

With respect to what they are integrated over and what follows from that; with respect to the other parameters they
have none in closed form. The derivative of an inverse is one over the density, there.
"""

import math
from typing import Any

import numpy as np
from scipy import special
from scipy.special import _ufuncs

from wengert.core.elementwise import derivative
from wengert.functions.scipy_rules import no_closed_form, wrt, wrt_last
from wengert.functions.scipy_special import boxcox_wrt_power
from wengert.functions.strong_zero import strong_zero_multiply as product

__all__ = ["beta_density", "gamma_density"]

LARGE = 20.0  # parameters from where on the Stirling series is exact
STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360]


def stirling_rest(a: Any) -> Any:
    """gammaln(a) - (a - 1/2) log(a) + a - log(2 pi) / 2 for a large a."""
    inverse = 1 / a
    total = 0 * inverse
    for coefficient in reversed(STIRLING):
        total = total * inverse * inverse + coefficient
    return total * inverse


def decay(u: Any) -> Any:
    """log(1 + u) - u."""
    return np.log1p(u) - u


def gamma_density(a: Any, x: Any) -> Any:
    """x^(a - 1) exp(-x) / gamma(a); for a large a without differences of large numbers."""
    large = (a > LARGE) & (x > 0)
    small_a, large_a, apart = np.where(large, 1, a), np.where(large, a, LARGE), np.where(large, x, LARGE)
    exponent = large_a * decay((apart - large_a) / large_a) + 0.5 * np.log(large_a / (2 * math.pi))
    near = special.xlogy(small_a - 1, x) - x - special.gammaln(small_a)
    return np.where(large, np.exp(exponent - stirling_rest(large_a)) / apart, np.exp(np.where(large, 0, near)))


def beta_factor(a: Any, b: Any, first: Any, second: Any) -> Any:
    """x^a (1 - x)^b / beta(a, b) for large a and b: x is a / (a + b) times 1 + first, 1 - x likewise."""
    exponent = a * decay(first) + b * decay(second) + 0.5 * np.log(a / (a + b) * b / (2 * math.pi))
    return np.exp(exponent + stirling_rest(a + b) - stirling_rest(a) - stirling_rest(b))


def beta_density(a: Any, b: Any, x: Any) -> Any:
    """x^(a - 1) (1 - x)^(b - 1) / beta(a, b)."""
    large = (a > LARGE) & (b > LARGE) & (x > 0) & (x < 1)
    near = special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b)
    p, q, middle = np.where(large, a, LARGE), np.where(large, b, LARGE), np.where(large, x, 0.5)
    apart = (p + q) * middle - p
    far = beta_factor(p, q, apart / p, -apart / q) / (middle * (1 - middle))
    return np.where(large, far, np.exp(np.where(large, 0, near)))


def f_density(a: Any, b: Any, x: Any) -> Any:
    """The density of Fisher's F distribution."""
    large = (a > 2 * LARGE) & (b > 2 * LARGE) & (x > 0)
    r = a / b * x
    near = special.xlogy(a / 2 - 1, r) - (a + b) / 2 * np.log1p(r) - special.betaln(a / 2, b / 2)
    p, q, middle = np.where(large, a, 2 * LARGE), np.where(large, b, 2 * LARGE), np.where(large, x, 1)
    apart = (middle - 1) / (q + p * middle)
    far = beta_factor(p / 2, q / 2, q * apart, -p * apart) / middle
    return np.where(large, far, a / b * np.exp(np.where(large, 0, near)))


def t_density(v: Any, t: Any) -> Any:
    """The density of Student's t distribution."""
    limit, far = np.isinf(v), np.abs(t) > 1e15 * np.sqrt(v)
    v, near = np.where(limit, 1, v), np.where(far, 0, t)
    growth = np.where(far, 2 * np.log(np.abs(np.where(far, t, 1)) / np.sqrt(v)), np.log1p(near * near / v))
    density = np.exp(-special.betaln(0.5, v / 2) - (v + 1) / 2 * growth) / np.sqrt(v)
    return np.where(limit, np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi), density)


wrt_last(special.gammainc, lambda a, x, y: gamma_density(a, x))
wrt_last(special.gammaincc, lambda a, x, y: -gamma_density(a, x))
wrt_last(special.gammaincinv, lambda a, x, y: 1 / gamma_density(a, y))
wrt_last(special.gammainccinv, lambda a, x, y: -1 / gamma_density(a, y))
wrt_last(special.betainc, lambda a, b, x, y: beta_density(a, b, x))
wrt_last(special.betaincc, lambda a, b, x, y: -beta_density(a, b, x))
wrt_last(special.betaincinv, lambda a, b, x, y: 1 / beta_density(a, b, y))
wrt_last(special.betainccinv, lambda a, b, x, y: -1 / beta_density(a, b, y))

# Gamma, chi-squared and Poisson distributions

wrt(special.gdtr, "x3", lambda a, b, x, y: a * gamma_density(b, a * x))
wrt(special.gdtr, "x1", lambda a, b, x, y: x * gamma_density(b, a * x))
wrt(special.gdtrc, "x3", lambda a, b, x, y: -a * gamma_density(b, a * x))
wrt(special.gdtrc, "x1", lambda a, b, x, y: -x * gamma_density(b, a * x))
wrt(special.gdtria, "x1", lambda p, b, x, y: 1 / (x * gamma_density(b, x * y)))
wrt(special.gdtria, "x3", lambda p, b, x, y: -y / x)
wrt(special.gdtrix, "x3", lambda a, b, p, y: 1 / (a * gamma_density(b, a * y)))
wrt(special.gdtrix, "x1", lambda a, b, p, y: -y / a)
wrt_last(special.chdtr, lambda v, x, y: 0.5 * gamma_density(v / 2, x / 2))
wrt_last(special.chdtrc, lambda v, x, y: -0.5 * gamma_density(v / 2, x / 2))
wrt_last(special.chdtri, lambda v, p, y: np.where((y == 0) & (v != 2), np.nan, -2 / gamma_density(v / 2, y / 2)))
wrt_last(special.pdtr, lambda k, m, y: -gamma_density(np.floor(k) + 1, m))
wrt_last(special.pdtrc, lambda k, m, y: gamma_density(np.floor(k) + 1, m))
wrt_last(special.pdtri, lambda k, p, y: -1 / gamma_density(np.floor(k) + 1, y))

# Binomial and negative binomial distributions, with respect to the probability

wrt_last(special.bdtr, lambda k, n, p, y: -beta_density(np.floor(k) + 1, n - np.floor(k), p))
wrt_last(special.bdtrc, lambda k, n, p, y: beta_density(np.floor(k) + 1, n - np.floor(k), p))
wrt_last(special.bdtri, lambda k, n, p, y: -1 / beta_density(np.floor(k) + 1, n - np.floor(k), y))
wrt_last(special.nbdtr, lambda k, n, p, y: beta_density(n, np.floor(k) + 1, p))
wrt_last(special.nbdtrc, lambda k, n, p, y: -beta_density(n, np.floor(k) + 1, p))
wrt_last(special.nbdtri, lambda k, n, p, y: 1 / beta_density(n, np.floor(k) + 1, y))

# F and t distributions

wrt_last(special.fdtr, lambda a, b, x, y: f_density(a, b, x))
wrt_last(special.fdtrc, lambda a, b, x, y: -f_density(a, b, x))
wrt_last(special.fdtri, lambda a, b, p, y: 1 / f_density(a, b, y))
wrt_last(special.stdtr, lambda v, t, y: t_density(v, t))
wrt_last(special.stdtrit, lambda v, p, y: 1 / t_density(v, y))

# The mean and the standard deviation of a normal distribution, from the other, a probability and x


def quantile_slope(p: Any) -> Any:
    quantile = special.ndtri(p)
    return math.sqrt(2 * math.pi) * np.exp(0.5 * product(quantile, quantile))


derivative(
    special.nrdtrimn,
    lambda a, b: product(-b, quantile_slope(a)),
    lambda a: -special.ndtri(a),
    1,
    poles=True,
)
derivative(
    special.nrdtrisd,
    lambda b: -1 / special.ndtri(b),
    lambda b, y: product(-y / special.ndtri(b), quantile_slope(b)),
    lambda b: 1 / special.ndtri(b),
    poles=True,
)

# Tukey's lambda distribution, the inverse of boxcox(p, b) - boxcox(1 - p, b); 0 at the ends of its support and beyond


def tukey_density(a: Any, b: Any, y: Any) -> Any:
    inside = (y > 0) & (y < 1)
    p, rest = np.where(inside, y, 0.5), np.where(inside, special.tklmbda(-a, b), 0.5)
    return np.where(inside, 1 / (np.power(p, b - 1) + np.power(rest, b - 1)), 0)


def tukey_wrt_shape(a: Any, b: Any, y: Any) -> Any:
    inside = (y > 0) & (y < 1)
    p, rest = np.where(inside, y, 0.5), np.where(inside, special.tklmbda(-a, b), 0.5)
    difference = boxcox_wrt_power(np.log(p), b) - boxcox_wrt_power(np.log(rest), b)
    return -difference * tukey_density(a, b, y)


derivative(special.tklmbda, tukey_density, tukey_wrt_shape, poles=True)

# Kolmogorov's and Smirnov's distributions


def kolmogorov_slope(x: Any) -> Any:
    """By one of two series, of which one or the other converges at once (theta functions)."""
    small, large = np.where(x < 1, np.maximum(x, 0.01), 1), np.where(x < 1, 1, np.minimum(x, 40))
    left, right = 0 * small, 0 * large
    for k in range(1, 6):
        root = (2 * k - 1) * math.pi / 2 / small
        left = left + (root * root - 1) * np.exp(-0.5 * root * root)
        right = right + (-1) ** k * k * k * np.exp(-2 * k * k * large * large)
    slope = np.where(x < 1, -math.sqrt(2 * math.pi) / (small * small) * left, 8 * large * right)
    return np.where(slope == 0, -0.0, slope)  # the sign of an infinite derivative of the inverse


derivative(special.kolmogorov, kolmogorov_slope)
derivative(special.kolmogi, lambda y: 1 / kolmogorov_slope(y), poles=True)


def smirnov_curvature(n: Any, x: Any) -> Any:
    """The second derivative of the sum of binom(n, k) x s^(k - 1) t^(n - k) with s = x + k / n, t = 1 - s, t > 0."""
    k = np.arange(int(np.max(n, initial=1)) + 1.0)
    n, x = n[..., None] + 0.0, np.clip(x, 0, 1)[..., None]
    s, t = x + k / n, 1 - x - k / n
    there = (t > 0) & (k <= n)
    s, t = np.where(there & (k > 0), s, 1), np.where(there, t, 1)
    up, down = (k - 1) / s, (n - k) / t
    ways = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(np.where(there, n - k, 0) + 1)
    term = np.exp(ways + (k - 1) * np.log(s) + (n - k) * np.log(t))
    growth = up - down
    second = 2 * growth + x * (growth * growth - up / s - down / t)
    first = n * (n - 1) * np.power(t, n - 2)
    return np.sum(np.where(there, np.where(k == 0, first, term * second), 0), axis=-1)


wrt_last(_ufuncs._smirnovp, lambda n, x, y: np.where(x >= 1, np.nan, smirnov_curvature(n, x)))
wrt_last(special.smirnov, lambda n, x, y: _ufuncs._smirnovp(n, x))
wrt_last(special.smirnovi, lambda n, p, y: 1 / _ufuncs._smirnovp(n, y))

no_closed_form(special.bdtrik, special.nbdtrik, special.pdtrik, parameter="the number of successes or events")
no_closed_form(special.bdtrin, special.nbdtrin, parameter="the number of trials or failures")
no_closed_form(special.btdtria, special.btdtrib, special.gdtrib, parameter="the shape")
no_closed_form(special.chdtriv, special.fdtridfd, special.stdtridf, parameter="the degrees of freedom")
