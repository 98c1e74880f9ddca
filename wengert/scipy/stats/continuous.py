"""The continuous distributions: formulas of the standardised variable, one entry for each.

Those that follow by a change of the variable from another use its special functions. What is not given follows: the
density from its logarithm, the logarithms of the other functions from these.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.scipy.stats.distribution import LINE, RIGHT, UNIT, continuous
from wengert.scipy.stats.formulas import EULER, LOG_2PI, log1mexp, log1mexp_of_exp, normal_logpdf, powered

__all__: list[str] = []

INF = math.inf

# Of no shape

continuous(
    "norm",
    LINE,
    logpdf=normal_logpdf,
    cdf=special.ndtr,
    logcdf=special.log_ndtr,
    ppf=special.ndtri,
    symmetric=True,
    mean=lambda: 0.0,
    var=lambda: 1.0,
    entropy=lambda: 0.5 * (LOG_2PI + 1),
)


def cauchy_quantile(q: Any) -> Any:
    """-cot(pi q), by the distance to the nearer end."""
    upper = q > 0.5
    p = np.where(upper, 1 - q, q)
    size = np.cos(math.pi * p) / np.sin(math.pi * p)
    return np.where(upper, size, -size)


continuous(
    "cauchy",
    LINE,
    logpdf=lambda x: -math.log(math.pi) - np.log1p(x * x),
    cdf=lambda x: np.arctan2(1, -x) / math.pi,
    ppf=cauchy_quantile,
    symmetric=True,
    entropy=lambda: math.log(4 * math.pi),
)


def laplace_cdf(x: Any) -> Any:
    tail = 0.5 * np.exp(-np.abs(x))
    return np.where(x > 0, 1 - tail, tail)


def laplace_logcdf(x: Any) -> Any:
    return np.where(x > 0, np.log1p(-0.5 * np.exp(-np.abs(x))), -math.log(2) - np.abs(x))


def laplace_quantile(q: Any) -> Any:
    upper = q > 0.5
    size = np.log(2 * np.where(upper, 1 - q, q))
    return np.where(upper, -size, size)


continuous(
    "laplace",
    LINE,
    logpdf=lambda x: -np.abs(x) - math.log(2),
    cdf=laplace_cdf,
    logcdf=laplace_logcdf,
    ppf=laplace_quantile,
    symmetric=True,
    mean=lambda: 0.0,
    var=lambda: 2.0,
    entropy=lambda: math.log(2) + 1,
)
continuous(
    "logistic",
    LINE,
    logpdf=lambda x: special.log_expit(x) + special.log_expit(-x),
    cdf=special.expit,
    logcdf=special.log_expit,
    ppf=special.logit,
    symmetric=True,
    mean=lambda: 0.0,
    var=lambda: math.pi**2 / 3,
    entropy=lambda: 2.0,
)


def hypsecant_quantile(q: Any) -> Any:
    """log(tan(pi q / 2)), by the distance to the nearer end."""
    upper = q > 0.5
    size = np.log(np.tan(0.5 * math.pi * np.where(upper, 1 - q, q)))
    return np.where(upper, -size, size)


continuous(
    "hypsecant",
    LINE,
    logpdf=lambda x: -math.log(math.pi) + math.log(2) - np.logaddexp(x, -x),
    cdf=lambda x: 2 / math.pi * np.arctan(np.exp(x)),
    ppf=hypsecant_quantile,
    symmetric=True,
    mean=lambda: 0.0,
    var=lambda: math.pi**2 / 4,
    entropy=lambda: math.log(2 * math.pi),
)
continuous(
    "gumbel_r",
    LINE,
    logpdf=lambda x: -x - np.exp(-x),
    cdf=lambda x: np.exp(-np.exp(-x)),
    sf=lambda x: -np.expm1(-np.exp(-x)),
    logcdf=lambda x: -np.exp(-x),
    logsf=lambda x: log1mexp_of_exp(-x),
    ppf=lambda q: -np.log(-np.log(q)),
    isf=lambda q: -np.log(-np.log1p(-q)),
    mean=lambda: EULER,
    var=lambda: math.pi**2 / 6,
    entropy=lambda: EULER + 1,
)
continuous(
    "gumbel_l",
    LINE,
    logpdf=lambda x: x - np.exp(x),
    cdf=lambda x: -np.expm1(-np.exp(x)),
    sf=lambda x: np.exp(-np.exp(x)),
    logcdf=log1mexp_of_exp,
    logsf=lambda x: -np.exp(x),
    ppf=lambda q: np.log(-np.log1p(-q)),
    isf=lambda q: np.log(-np.log(q)),
    mean=lambda: -EULER,
    var=lambda: math.pi**2 / 6,
    entropy=lambda: EULER + 1,
)
continuous(
    "moyal",
    LINE,
    logpdf=lambda x: -0.5 * (x + np.exp(-x)) - 0.5 * LOG_2PI,
    cdf=lambda x: special.erfc(np.exp(-0.5 * x) / math.sqrt(2)),
    sf=lambda x: special.erf(np.exp(-0.5 * x) / math.sqrt(2)),
    logcdf=lambda x: math.log(2) + special.log_ndtr(-np.exp(-0.5 * x)),
    ppf=lambda q: -np.log(2 * np.square(special.erfcinv(q))),
    isf=lambda q: -np.log(2 * np.square(special.erfinv(q))),
    mean=lambda: EULER + math.log(2),
    var=lambda: math.pi**2 / 2,
)
continuous(
    "expon",
    RIGHT,
    logpdf=lambda x: -x,
    cdf=lambda x: -np.expm1(-x),
    sf=lambda x: np.exp(-x),
    logcdf=log1mexp,
    logsf=lambda x: -x,
    ppf=lambda q: -np.log1p(-q),
    isf=lambda q: -np.log(q),
    mean=lambda: 1.0,
    var=lambda: 1.0,
    entropy=lambda: 1.0,
)
continuous(
    "halfnorm",
    RIGHT,
    logpdf=lambda x: 0.5 * math.log(2 / math.pi) - 0.5 * x * x,
    cdf=lambda x: special.erf(x / math.sqrt(2)),
    sf=lambda x: special.erfc(x / math.sqrt(2)),
    logsf=lambda x: math.log(2) + special.log_ndtr(-x),
    ppf=lambda q: math.sqrt(2) * special.erfinv(q),
    isf=lambda q: -special.ndtri(q / 2),
    mean=lambda: math.sqrt(2 / math.pi),
    var=lambda: 1 - 2 / math.pi,
    entropy=lambda: 0.5 * math.log(math.pi / 2) + 0.5,
)


def half_cauchy_quantile(q: Any) -> Any:
    """tan(pi q / 2), near 1 by the distance to it."""
    upper = q > 0.5
    p = 0.5 * math.pi * np.where(upper, 1 - q, q)
    return np.where(upper, np.cos(p) / np.sin(np.where(upper, p, 1.0)), np.sin(p) / np.cos(p))


continuous(
    "halfcauchy",
    RIGHT,
    logpdf=lambda x: math.log(2 / math.pi) - np.log1p(x * x),
    cdf=lambda x: 2 / math.pi * np.arctan(x),
    sf=lambda x: 2 / math.pi * np.arctan2(1, x),
    ppf=half_cauchy_quantile,
    isf=lambda q: np.cos(math.pi * q / 2) / np.sin(math.pi * q / 2),
    mean=lambda: INF,
    var=lambda: INF,
    entropy=lambda: math.log(2 * math.pi),
)


continuous(
    "halflogistic",
    RIGHT,
    logpdf=lambda x: math.log(2) + special.log_expit(x) + special.log_expit(-x),
    cdf=lambda x: np.tanh(0.5 * x),
    sf=lambda x: 2 * special.expit(-x),
    logsf=lambda x: math.log(2) + special.log_expit(-x),
    ppf=lambda q: 2 * np.arctanh(q),
    isf=lambda q: np.log1p(1 - q) - np.log(q),
    mean=lambda: 2 * math.log(2),
    var=lambda: math.pi**2 / 3 - 4 * math.log(2) ** 2,
    entropy=lambda: 2 - math.log(2),
)
continuous(
    "rayleigh",
    RIGHT,
    **powered(lambda: 1.0, lambda x: -0.5 * x * x),
    cdf=lambda x: -np.expm1(-0.5 * x * x),
    sf=lambda x: np.exp(-0.5 * x * x),
    logcdf=lambda x: log1mexp(0.5 * x * x),
    logsf=lambda x: -0.5 * x * x,
    ppf=lambda q: np.sqrt(-2 * np.log1p(-q)),
    isf=lambda q: np.sqrt(-2 * np.log(q)),
    mean=lambda: math.sqrt(math.pi / 2),
    var=lambda: (4 - math.pi) / 2,
    entropy=lambda: EULER / 2 + 1 - 0.5 * math.log(2),
)
continuous(
    "maxwell",
    RIGHT,
    **powered(lambda: 2.0, lambda x: 0.5 * math.log(2 / math.pi) - 0.5 * x * x),
    cdf=lambda x: special.gammainc(1.5, 0.5 * x * x),
    sf=lambda x: special.gammaincc(1.5, 0.5 * x * x),
    ppf=lambda q: np.sqrt(2 * special.gammaincinv(1.5, q)),
    isf=lambda q: np.sqrt(2 * special.gammainccinv(1.5, q)),
    mean=lambda: 2 * math.sqrt(2 / math.pi),
    var=lambda: 3 - 8 / math.pi,
    entropy=lambda: EULER + 0.5 * math.log(2 * math.pi) - 0.5,
)
continuous(
    "levy",
    RIGHT,
    open_ends=True,
    logpdf=lambda x: -0.5 * LOG_2PI - 1.5 * np.log(x) - 0.5 / x,
    cdf=lambda x: special.erfc(np.sqrt(0.5 / x)),
    sf=lambda x: special.erf(np.sqrt(0.5 / x)),
    logcdf=lambda x: math.log(2) + special.log_ndtr(-np.sqrt(1 / x)),
    ppf=lambda q: 1 / np.square(special.ndtri(q / 2)),
    isf=lambda q: 0.5 / np.square(special.erfinv(q)),
    mean=lambda: INF,
    var=lambda: INF,
)
continuous(
    "uniform",
    UNIT,
    logpdf=lambda x: 0 * x,
    cdf=lambda x: 1 * x,
    sf=lambda x: 1 - x,
    ppf=lambda q: 1 * q,
    isf=lambda q: 1 - q,
    mean=lambda: 0.5,
    var=lambda: 1 / 12,
    entropy=lambda: 0.0,
)
continuous(
    "arcsine",
    UNIT,
    logpdf=lambda x: -math.log(math.pi) - 0.5 * (np.log(x) + np.log1p(-x)),
    cdf=lambda x: 2 / math.pi * np.arcsin(np.sqrt(x)),
    sf=lambda x: 2 / math.pi * np.arcsin(np.sqrt(1 - x)),
    ppf=lambda q: np.square(np.sin(0.5 * math.pi * q)),
    isf=lambda q: np.square(np.cos(0.5 * math.pi * q)),
    mean=lambda: 0.5,
    var=lambda: 0.125,
    entropy=lambda: -0.24156447527049044468,
)
continuous(
    "semicircular",
    (-1.0, 1.0),
    logpdf=lambda x: math.log(2 / math.pi) + 0.5 * (np.log1p(-x) + np.log1p(x)),
    cdf=lambda x: 0.5 + (x * np.sqrt(1 - x * x) + np.arcsin(x)) / math.pi,
    symmetric=True,
    mean=lambda: 0.0,
    var=lambda: 0.25,
    entropy=lambda: 0.64472988584940017414,
)
