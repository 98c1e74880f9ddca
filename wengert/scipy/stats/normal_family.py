"""The distributions that are made of the normal one, and those on a circle."""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.arrays.table import plain
from wengert.scipy.stats.distribution import LINE, RIGHT, UNIT, continuous
from wengert.scipy.stats.formulas import LOG_2PI, log1mexp, normal_logpdf

__all__: list[str] = []

INF = math.inf


# The truncated normal distribution


def below(x: Any, of: Any, at_infinity: float) -> Any:
    """A function of the lower tail at x, and at -inf a constant: an infinite end moves with nothing."""
    none = plain(x) == -INF
    return np.where(none, at_infinity, of(np.where(none, -1.0, x)))


def log_mass(a: Any, b: Any) -> Any:
    """The logarithm of the normal distribution's mass between a and b, by the tail that both are in, if they are."""
    right = plain(a) > 0
    low, high = np.where(right, -b, a), np.where(right, -a, b)
    tail = high <= 0
    end = np.where(tail, high, -1.0)
    start = np.where(tail, low, -2.0)
    whole = plain(start) == -INF
    gap = special.log_ndtr(end) - special.log_ndtr(np.where(whole, plain(end) - 1.0, start))
    in_tail = special.log_ndtr(end) + np.where(whole, 0.0, log1mexp(gap))
    outside = below(np.where(tail, -1.0, low), special.ndtr, 0.0) + below(
        np.where(tail, -1.0, -high), special.ndtr, 0.0
    )
    return np.where(tail, in_tail, np.log1p(-outside))


def truncated_log_tail(mass: Any, rest: Any, total: Any) -> Any:
    """log(mass / total), where it is nearly 1 by the rest."""
    share, left = mass - total, rest - total
    near = share > -0.1
    return np.where(near, np.log1p(-np.exp(np.where(near, left, -1.0))), np.where(near, -1.0, share))


def truncated_quantile(q: Any, a: Any, b: Any) -> Any:
    """By the left tail where a < 0, else by the right one."""
    left = plain(a) < 0
    start = np.where(left, a, -b)
    mass = log_mass(a, b)
    above = np.where(left, np.log(q), np.log1p(-q)) + mass
    found = special.ndtri_exp(np.logaddexp(below(start, special.log_ndtr, -INF), above))
    return np.where(left, found, -found)


def truncated_density(x: Any, a: Any, b: Any) -> Any:
    """The density at an end, times the end, and the density; 0 at an infinite one."""
    finite = np.isfinite(x)
    end = np.where(finite, x, 0.0)
    density = np.where(finite, np.exp(normal_logpdf(end) - log_mass(a, b)), 0.0)
    return end * density, density


def truncated_mean(a: Any, b: Any) -> Any:
    return truncated_density(a, a, b)[1] - truncated_density(b, a, b)[1]


def truncated_var(a: Any, b: Any) -> Any:
    (at_a, first), (at_b, last) = truncated_density(a, a, b), truncated_density(b, a, b)
    return 1 + at_a - at_b - np.square(first - last)


def between(a: Any, b: Any) -> Any:
    """A point between the ends, of which one or both may be infinite."""
    low = np.where(np.isfinite(a), a, np.where(np.isfinite(b), b - 2, -1.0))
    return 0.5 * (low + np.where(np.isfinite(b), b, low + 2))


continuous(
    "truncnorm",
    lambda a, b: (a, b),
    middle=between,
    valid=lambda a, b: a < b,
    example=(0.0, 1.0),
    logpdf=lambda x, a, b: normal_logpdf(x) - log_mass(a, b),
    logcdf=lambda x, a, b: truncated_log_tail(log_mass(a, x), log_mass(x, b), log_mass(a, b)),
    logsf=lambda x, a, b: truncated_log_tail(log_mass(x, b), log_mass(a, x), log_mass(a, b)),
    cdf=lambda x, a, b: np.exp(log_mass(a, x) - log_mass(a, b)),
    sf=lambda x, a, b: np.exp(log_mass(x, b) - log_mass(a, b)),
    ppf=truncated_quantile,
    isf=lambda q, a, b: -truncated_quantile(q, -b, -a),
    mean=truncated_mean,
    var=truncated_var,
    entropy=lambda a, b: (
        0.5 * (LOG_2PI + 1) + log_mass(a, b) + 0.5 * (truncated_density(a, a, b)[0] - truncated_density(b, a, b)[0])
    ),
)

# Skewed ones

continuous(
    "skewnorm",
    LINE,
    valid=lambda a: np.isfinite(a),
    logpdf=lambda x, a: math.log(2) + normal_logpdf(x) + special.log_ndtr(a * x),
    cdf=lambda x, a: special.ndtr(x) - 2 * special.owens_t(x, a),
    sf=lambda x, a: special.ndtr(-x) + 2 * special.owens_t(x, a),
    logcdf=None,
    logsf=None,
    mean=lambda a: math.sqrt(2 / math.pi) * a / np.sqrt(1 + a * a),
    var=lambda a: 1 - 2 / math.pi * a * a / (1 + a * a),
)


def exponnorm_log_product(x: Any, k: Any) -> Any:
    return (0.5 / k - x) / k + special.log_ndtr(x - 1 / k)


continuous(
    "exponnorm",
    LINE,
    logpdf=lambda x, k: exponnorm_log_product(x, k) - np.log(k),
    cdf=lambda x, k: special.ndtr(x) - np.exp(exponnorm_log_product(x, k)),
    sf=lambda x, k: special.ndtr(-x) + np.exp(exponnorm_log_product(x, k)),
    logcdf=None,
    mean=lambda k: 1 * k,
    var=lambda k: 1 + k * k,
)


def inverse_gaussian_parts(x: Any, mu: Any) -> tuple[Any, Any, Any]:
    """The two arguments of the normal distribution function, and the logarithm of the second term's factor."""
    root = 1 / np.sqrt(x)
    return root * (x / mu - 1), -root * (x / mu + 1), 2 / mu


def inverse_gaussian_logcdf(x: Any, mu: Any) -> Any:
    first, second, factor = inverse_gaussian_parts(x, mu)
    return np.logaddexp(special.log_ndtr(first), factor + special.log_ndtr(second))


def inverse_gaussian_logsf(x: Any, mu: Any) -> Any:
    first, second, factor = inverse_gaussian_parts(x, mu)
    log = special.log_ndtr(-first)
    return log + np.log1p(-np.exp(factor + special.log_ndtr(second) - log))


continuous(
    "invgauss",
    RIGHT,
    open_ends=True,
    logpdf=lambda x, mu: -0.5 * LOG_2PI - 1.5 * np.log(x) - np.square(x / mu - 1) / (2 * x),
    cdf=lambda x, mu: np.exp(inverse_gaussian_logcdf(x, mu)),
    sf=lambda x, mu: np.exp(inverse_gaussian_logsf(x, mu)),
    logcdf=inverse_gaussian_logcdf,
    logsf=inverse_gaussian_logsf,
    mean=lambda mu: 1 * mu,
    var=lambda mu: np.power(mu, 3),
)
continuous(
    "johnsonsu",
    LINE,
    valid=lambda a, b: (b > 0) & (a == a),
    logpdf=lambda x, a, b: np.log(b) - 0.5 * np.log1p(x * x) + normal_logpdf(a + b * np.arcsinh(x)),
    cdf=lambda x, a, b: special.ndtr(a + b * np.arcsinh(x)),
    sf=lambda x, a, b: special.ndtr(-(a + b * np.arcsinh(x))),
    logcdf=lambda x, a, b: special.log_ndtr(a + b * np.arcsinh(x)),
    logsf=lambda x, a, b: special.log_ndtr(-(a + b * np.arcsinh(x))),
    ppf=lambda q, a, b: np.sinh((special.ndtri(q) - a) / b),
    isf=lambda q, a, b: np.sinh((-special.ndtri(q) - a) / b),
)
continuous(
    "johnsonsb",
    UNIT,
    open_ends=True,
    valid=lambda a, b: (b > 0) & (a == a),
    logpdf=lambda x, a, b: np.log(b) - np.log(x) - np.log1p(-x) + normal_logpdf(a + b * special.logit(x)),
    cdf=lambda x, a, b: special.ndtr(a + b * special.logit(x)),
    sf=lambda x, a, b: special.ndtr(-(a + b * special.logit(x))),
    logcdf=lambda x, a, b: special.log_ndtr(a + b * special.logit(x)),
    logsf=lambda x, a, b: special.log_ndtr(-(a + b * special.logit(x))),
    ppf=lambda q, a, b: special.expit((special.ndtri(q) - a) / b),
    isf=lambda q, a, b: special.expit((-special.ndtri(q) - a) / b),
)

# On a circle


def log_bessel(kappa: Any) -> Any:
    """log(i0e(kappa)) for kappa >= 0; i0e itself has a kink at 0."""
    small = kappa < 1
    near = np.where(small, kappa, 0.5)
    return np.where(small, np.log(special.i0(near)) - near, np.log(special.i0e(np.where(small, 1.0, kappa))))


continuous(
    "vonmises",
    LINE,
    valid=lambda kappa: kappa >= 0,
    logpdf=lambda x, kappa: kappa * special.cosm1(x) - LOG_2PI - log_bessel(kappa),
    entropy=lambda kappa: (1 - special.i1e(kappa) / special.i0e(kappa)) * kappa + LOG_2PI + log_bessel(kappa),
)


def wrapped_cauchy_cdf(x: Any, c: Any) -> Any:
    return np.arctan2((1 + c) / (1 - c) * np.sin(0.5 * x), np.cos(0.5 * x)) / math.pi


def wrapped_cauchy_quantile(q: Any, c: Any) -> Any:
    ratio = (1 - c) / (1 + c)
    return 2 * np.arctan2(ratio * np.sin(math.pi * q), np.cos(math.pi * q))


continuous(
    "wrapcauchy",
    (0.0, 2 * math.pi),
    valid=lambda c: (c > 0) & (c < 1),
    example=(0.5,),
    logpdf=lambda x, c: np.log1p(-c * c) - LOG_2PI - np.log(1 + c * c - 2 * c * np.cos(x)),
    cdf=wrapped_cauchy_cdf,
    sf=lambda x, c: wrapped_cauchy_cdf(2 * math.pi - x, c),
    ppf=wrapped_cauchy_quantile,
    entropy=lambda c: LOG_2PI + np.log1p(-c * c),
)
