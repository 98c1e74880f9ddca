"""The continuous distributions with shapes: formulas of the standardised variable and the shapes."""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.scipy.stats.distribution import LINE, RIGHT, UNIT, continuous
from wengert.scipy.stats.formulas import EULER, LOG_2PI, abs_power, log1mexp, log1p_ratio, normal_logpdf, powered

__all__: list[str] = []

INF, NAN, ROOT_2 = math.inf, math.nan, math.sqrt(2)


def where_above(shape: Any, bound: float, value: Any, otherwise: float = INF) -> Any:
    """What a moment is where the shape is above a bound, and what it is elsewhere."""
    return np.where(shape > bound, value(np.where(shape > bound, shape, bound + 1)), otherwise)


# Gamma, beta, and what follows from them

continuous(
    "gamma",
    RIGHT,
    **powered(lambda a: a - 1, lambda x, a: -x - special.gammaln(a)),
    cdf=lambda x, a: special.gammainc(a, x),
    sf=lambda x, a: special.gammaincc(a, x),
    ppf=lambda q, a: special.gammaincinv(a, q),
    isf=lambda q, a: special.gammainccinv(a, q),
    mean=lambda a: 1 * a,
    var=lambda a: 1 * a,
    entropy=lambda a: special.psi(a) * (1 - a) + a + special.gammaln(a),
)
continuous(
    "chi2",
    RIGHT,
    **powered(lambda df: df / 2 - 1, lambda x, df: -x / 2 - special.gammaln(df / 2) - math.log(2) * df / 2),
    cdf=lambda x, df: special.gammainc(df / 2, x / 2),
    sf=lambda x, df: special.gammaincc(df / 2, x / 2),
    ppf=lambda q, df: 2 * special.gammaincinv(df / 2, q),
    isf=lambda q, df: 2 * special.gammainccinv(df / 2, q),
    mean=lambda df: 1 * df,
    var=lambda df: 2 * df,
    entropy=lambda df: df / 2 + math.log(2) + special.gammaln(df / 2) + (1 - df / 2) * special.psi(df / 2),
)
continuous(
    "chi",
    RIGHT,
    **powered(lambda df: df - 1, lambda x, df: (1 - df / 2) * math.log(2) - 0.5 * x * x - special.gammaln(df / 2)),
    cdf=lambda x, df: special.gammainc(df / 2, 0.5 * x * x),
    sf=lambda x, df: special.gammaincc(df / 2, 0.5 * x * x),
    ppf=lambda q, df: np.sqrt(2 * special.gammaincinv(df / 2, q)),
    isf=lambda q, df: np.sqrt(2 * special.gammainccinv(df / 2, q)),
    mean=lambda df: ROOT_2 * special.poch(df / 2, 0.5),
    var=lambda df: df - 2 * np.square(special.poch(df / 2, 0.5)),
    entropy=lambda df: special.gammaln(df / 2) + 0.5 * (df - math.log(2) - (df - 1) * special.psi(df / 2)),
)
continuous(
    "invgamma",
    RIGHT,
    open_ends=True,
    logpdf=lambda x, a: -(a + 1) * np.log(x) - special.gammaln(a) - 1 / x,
    cdf=lambda x, a: special.gammaincc(a, 1 / x),
    sf=lambda x, a: special.gammainc(a, 1 / x),
    ppf=lambda q, a: 1 / special.gammainccinv(a, q),
    isf=lambda q, a: 1 / special.gammaincinv(a, q),
    mean=lambda a: where_above(a, 1, lambda a: 1 / (a - 1)),
    var=lambda a: where_above(a, 2, lambda a: 1 / (np.square(a - 1) * (a - 2))),
    entropy=lambda a: a - (a + 1) * special.psi(a) + special.gammaln(a),
)
continuous(
    "nakagami",
    RIGHT,
    **powered(
        lambda nu: 2 * nu - 1,
        lambda x, nu: math.log(2) + special.xlogy(nu, nu) - special.gammaln(nu) - nu * x * x,
    ),
    cdf=lambda x, nu: special.gammainc(nu, nu * x * x),
    sf=lambda x, nu: special.gammaincc(nu, nu * x * x),
    ppf=lambda q, nu: np.sqrt(special.gammaincinv(nu, q) / nu),
    isf=lambda q, nu: np.sqrt(special.gammainccinv(nu, q) / nu),
    mean=lambda nu: special.poch(nu, 0.5) / np.sqrt(nu),
    var=lambda nu: 1 - np.square(special.poch(nu, 0.5)) / nu,
)


def beta_rest(x: Any, a: Any, b: Any) -> Any:
    return special.xlog1py(b - 1, -x) - special.betaln(a, b)


BETA = powered(lambda a, b: a - 1, beta_rest)


def beta_pdf(x: Any, a: Any, b: Any) -> Any:
    """Mirrored at 1, where the logarithm is singular too."""
    one = plain(x) == 1
    if not holds(np.any(one)):
        return BETA["pdf"](x, a, b)
    return np.where(one, BETA["pdf"](1 - np.where(one, x, 0.5), b, a), BETA["pdf"](np.where(one, 0.5, x), a, b))


continuous(
    "beta",
    UNIT,
    logpdf=BETA["logpdf"],
    pdf=beta_pdf,
    cdf=lambda x, a, b: special.betainc(a, b, x),
    sf=lambda x, a, b: special.betaincc(a, b, x),
    ppf=lambda q, a, b: special.betaincinv(a, b, q),
    isf=lambda q, a, b: special.betainccinv(a, b, q),
    mean=lambda a, b: a / (a + b),
    var=lambda a, b: a * b / (np.square(a + b) * (a + b + 1)),
    entropy=lambda a, b: (
        special.betaln(a, b) - (a - 1) * special.psi(a) - (b - 1) * special.psi(b) + (a + b - 2) * special.psi(a + b)
    ),
)
continuous(
    "betaprime",
    RIGHT,
    **powered(lambda a, b: a - 1, lambda x, a, b: -special.xlog1py(a + b, x) - special.betaln(a, b)),
    cdf=lambda x, a, b: special.betaincc(b, a, 1 / (1 + x)),
    sf=lambda x, a, b: special.betainc(b, a, 1 / (1 + x)),
    ppf=lambda q, a, b: special.betaincinv(a, b, q) / special.betainccinv(b, a, q),
    isf=lambda q, a, b: special.betainccinv(a, b, q) / special.betaincinv(b, a, q),
    mean=lambda a, b: where_above(b, 1, lambda b: a / (b - 1)),
    var=lambda a, b: where_above(b, 2, lambda b: a * (a + b - 1) / ((b - 2) * np.square(b - 1))),
)
continuous(
    "f",
    RIGHT,
    **powered(
        lambda n, m: n / 2 - 1,
        lambda x, n, m: (
            special.xlogy(m / 2, m)
            + special.xlogy(n / 2, n)
            - (n + m) / 2 * np.log(m + n * x)
            - special.betaln(n / 2, m / 2)
        ),
    ),
    cdf=lambda x, n, m: special.betaincc(m / 2, n / 2, m / (m + n * x)),
    sf=lambda x, n, m: special.betainc(m / 2, n / 2, m / (m + n * x)),
    ppf=lambda q, n, m: m / n * (special.betaincinv(n / 2, m / 2, q) / special.betainccinv(m / 2, n / 2, q)),
    isf=lambda q, n, m: m / n * (special.betainccinv(n / 2, m / 2, q) / special.betaincinv(m / 2, n / 2, q)),
    mean=lambda n, m: where_above(m, 2, lambda m: m / (m - 2)),
    var=lambda n, m: where_above(m, 4, lambda m: 2 * m * m * (n + m - 2) / (n * np.square(m - 2) * (m - 4))),
    entropy=lambda n, m: (
        np.log(m)
        - np.log(n)
        + special.betaln(n / 2, m / 2)
        + (1 - n / 2) * special.psi(n / 2)
        - (1 + m / 2) * special.psi(m / 2)
        + (n + m) / 2 * special.psi((n + m) / 2)
    ),
)


def t_logpdf(x: Any, df: Any) -> Any:
    limit = df == INF
    n = np.where(limit, 1.0, df)
    finite = -special.betaln(0.5, n / 2) - 0.5 * np.log(n) - (n + 1) / 2 * np.log1p(x * x / n)
    return np.where(limit, normal_logpdf(x), finite)


def t_quantile(q: Any, df: Any) -> Any:
    """-inf at 0 and inf at 1, with infinite derivatives."""
    low, high = q == 0, q == 1
    inside = special.stdtrit(df, np.where(low | high, 0.5, q))
    return np.where(low, np.log(np.where(low, q, 1.0)), np.where(high, -np.log1p(-np.where(high, q, 0.0)), inside))


def t_entropy(df: Any) -> Any:
    half, more = df / 2, (df + 1) / 2
    return more * (special.psi(more) - special.psi(half)) + 0.5 * np.log(df) + special.betaln(half, 0.5)


continuous(
    "t",
    LINE,
    logpdf=t_logpdf,
    cdf=lambda x, df: special.stdtr(df, x),
    ppf=t_quantile,
    symmetric=True,
    mean=lambda df: where_above(df, 1, lambda df: 0 * df),
    var=lambda df: where_above(df, 1, lambda df: where_above(df, 2, lambda df: df / (df - 2)), NAN),
    entropy=t_entropy,
)
continuous(
    "gennorm",
    LINE,
    logpdf=lambda x, b: np.log(0.5 * b) - special.gammaln(1 / b) - abs_power(x, b),
    cdf=lambda x, b: gennorm_sf(-x, b),
    sf=lambda x, b: gennorm_sf(x, b),
    ppf=lambda q, b: gennorm_quantile(q, b),
    isf=lambda q, b: -gennorm_quantile(q, b),
    mean=lambda b: 0 * b,
    var=lambda b: np.exp(special.gammaln(3 / b) - special.gammaln(1 / b)),
    entropy=lambda b: 1 / b - np.log(0.5 * b) + special.gammaln(1 / b),
)


def gennorm_sf(x: Any, b: Any) -> Any:
    tail = 0.5 * special.gammaincc(1 / b, abs_power(x, b))
    return np.where(x > 0, tail, 1 - tail)


def gennorm_quantile(q: Any, b: Any) -> Any:
    upper = q > 0.5
    size = np.power(special.gammainccinv(1 / b, 2 * np.where(upper, 1 - q, q)), 1 / b)
    return np.where(upper, size, -size)


# Powers, exponentials and logarithms

continuous(
    "lognorm",
    RIGHT,
    open_ends=True,
    logpdf=lambda x, s: -0.5 * np.square(np.log(x) / s) - np.log(s) - np.log(x) - 0.5 * LOG_2PI,
    cdf=lambda x, s: special.ndtr(np.log(x) / s),
    sf=lambda x, s: special.ndtr(-np.log(x) / s),
    logcdf=lambda x, s: special.log_ndtr(np.log(x) / s),
    logsf=lambda x, s: special.log_ndtr(-np.log(x) / s),
    ppf=lambda q, s: np.exp(s * special.ndtri(q)),
    isf=lambda q, s: np.exp(-s * special.ndtri(q)),
    mean=lambda s: np.exp(0.5 * s * s),
    var=lambda s: np.expm1(s * s) * np.exp(s * s),
    entropy=lambda s: 0.5 * (1 + LOG_2PI + 2 * np.log(s)),
)


def weibull_mean(c: Any) -> Any:
    return special.gamma(1 + 1 / c)


def weibull_var(c: Any) -> Any:
    return special.gamma(1 + 2 / c) - np.square(special.gamma(1 + 1 / c))


WEIBULL = powered(lambda c: c - 1, lambda x, c: np.log(c) - np.power(x, c))

continuous(
    "weibull_min",
    RIGHT,
    **WEIBULL,
    cdf=lambda x, c: -np.expm1(-np.power(x, c)),
    sf=lambda x, c: np.exp(-np.power(x, c)),
    logcdf=lambda x, c: log1mexp(np.power(x, c)),
    logsf=lambda x, c: -np.power(x, c),
    ppf=lambda q, c: np.power(-np.log1p(-q), 1 / c),
    isf=lambda q, c: np.power(-np.log(q), 1 / c),
    mean=weibull_mean,
    var=weibull_var,
    entropy=lambda c: -EULER / c - np.log(c) + EULER + 1,
)
continuous(
    "weibull_max",
    (-INF, 0.0),
    logpdf=lambda x, c: WEIBULL["logpdf"](-x, c),
    pdf=lambda x, c: WEIBULL["pdf"](-x, c),
    cdf=lambda x, c: np.exp(-np.power(-x, c)),
    sf=lambda x, c: -np.expm1(-np.power(-x, c)),
    logcdf=lambda x, c: -np.power(-x, c),
    logsf=lambda x, c: log1mexp(np.power(-x, c)),
    ppf=lambda q, c: -np.power(-np.log(q), 1 / c),
    isf=lambda q, c: -np.power(-np.log1p(-q), 1 / c),
    mean=lambda c: -weibull_mean(c),
    var=weibull_var,
    entropy=lambda c: -EULER / c - np.log(c) + EULER + 1,
)
continuous(
    "pareto",
    (1.0, INF),
    logpdf=lambda x, b: np.log(b) - (b + 1) * np.log(x),
    cdf=lambda x, b: -np.expm1(-b * np.log(x)),
    sf=lambda x, b: np.exp(-b * np.log(x)),
    logcdf=lambda x, b: log1mexp(b * np.log(x)),
    logsf=lambda x, b: -b * np.log(x),
    ppf=lambda q, b: np.exp(-np.log1p(-q) / b),
    isf=lambda q, b: np.exp(-np.log(q) / b),
    mean=lambda b: where_above(b, 1, lambda b: b / (b - 1)),
    var=lambda b: where_above(b, 2, lambda b: b / (b - 2) / np.square(b - 1)),
    entropy=lambda b: 1 + 1 / b - np.log(b),
)
continuous(
    "lomax",
    RIGHT,
    logpdf=lambda x, c: np.log(c) - (c + 1) * np.log1p(x),
    cdf=lambda x, c: -np.expm1(-c * np.log1p(x)),
    sf=lambda x, c: np.exp(-c * np.log1p(x)),
    logcdf=lambda x, c: log1mexp(c * np.log1p(x)),
    logsf=lambda x, c: -c * np.log1p(x),
    ppf=lambda q, c: np.expm1(-np.log1p(-q) / c),
    isf=lambda q, c: np.expm1(-np.log(q) / c),
    mean=lambda c: where_above(c, 1, lambda c: 1 / (c - 1)),
    var=lambda c: where_above(c, 1, lambda c: where_above(c, 2, lambda c: c / (c - 2) / np.square(c - 1)), NAN),
    entropy=lambda c: 1 + 1 / c - np.log(c),
)
continuous(
    "fisk",
    RIGHT,
    open_ends=True,
    logpdf=lambda x, c: np.log(c) - np.log(x) + logistic_logpdf(c * np.log(x)),
    cdf=lambda x, c: special.expit(c * np.log(x)),
    sf=lambda x, c: special.expit(-c * np.log(x)),
    logcdf=lambda x, c: special.log_expit(c * np.log(x)),
    logsf=lambda x, c: special.log_expit(-c * np.log(x)),
    ppf=lambda q, c: np.exp(special.logit(q) / c),
    isf=lambda q, c: np.exp(-special.logit(q) / c),
    entropy=lambda c: 2 - np.log(c),
)


def logistic_logpdf(y: Any) -> Any:
    return special.log_expit(y) + special.log_expit(-y)


continuous(
    "genlogistic",
    LINE,
    logpdf=lambda x, c: np.log(c) + special.log_expit(-x) + c * special.log_expit(x),
    cdf=lambda x, c: np.exp(c * special.log_expit(x)),
    sf=lambda x, c: -np.expm1(c * special.log_expit(x)),
    logcdf=lambda x, c: c * special.log_expit(x),
    logsf=lambda x, c: log1mexp(-c * special.log_expit(x)),
    ppf=lambda q, c: -np.log(np.expm1(-np.log(q) / c)),
    isf=lambda q, c: -np.log(np.expm1(-np.log1p(-q) / c)),
    mean=lambda c: EULER + special.psi(c),
    var=lambda c: math.pi**2 / 6 + special.zeta(2, c),
)
continuous(
    "gompertz",
    RIGHT,
    logpdf=lambda x, c: np.log(c) + x - c * np.expm1(x),
    cdf=lambda x, c: -np.expm1(-c * np.expm1(x)),
    sf=lambda x, c: np.exp(-c * np.expm1(x)),
    logcdf=lambda x, c: log1mexp(c * np.expm1(x)),
    logsf=lambda x, c: -c * np.expm1(x),
    ppf=lambda q, c: np.log1p(-np.log1p(-q) / c),
    isf=lambda q, c: np.log1p(-np.log(q) / c),
)
continuous(
    "powerlaw",
    UNIT,
    **powered(lambda a: a - 1, lambda x, a: np.log(a) + 0 * x),
    cdf=lambda x, a: np.power(x, a),
    sf=lambda x, a: -np.expm1(a * np.log(x)),
    logcdf=lambda x, a: a * np.log(x),
    logsf=lambda x, a: log1mexp(-a * np.log(x)),
    ppf=lambda q, a: np.power(q, 1 / a),
    isf=lambda q, a: np.exp(np.log1p(-q) / a),
    mean=lambda a: a / (a + 1),
    var=lambda a: a / (a + 2) / np.square(a + 1),
    entropy=lambda a: 1 - 1 / a - np.log(a),
)

# The ends of the support are shapes, or follow from them


def extreme_exponent(x: Any, c: Any) -> Any:
    """-log(-log(cdf)) of the generalised extreme value distribution: -log(1 - c x) / c, which is x at c = 0."""
    return x * log1p_ratio(-c * x)


continuous(
    "genextreme",
    lambda c: (np.where(c < 0, 1 / np.where(c < 0, c, 1.0), -INF), np.where(c > 0, 1 / np.where(c > 0, c, 1.0), INF)),
    middle=lambda c: 0 * c,
    valid=lambda c: np.isfinite(c),
    logpdf=lambda x, c: -np.exp(-extreme_exponent(x, c)) - extreme_exponent(x, c) - np.log1p(-c * x),
    cdf=lambda x, c: np.exp(-np.exp(-extreme_exponent(x, c))),
    sf=lambda x, c: -np.expm1(-np.exp(-extreme_exponent(x, c))),
    logcdf=lambda x, c: -np.exp(-extreme_exponent(x, c)),
    logsf=lambda x, c: log1mexp(np.exp(-extreme_exponent(x, c))),
    ppf=lambda q, c: -special.boxcox(-np.log(q), c),
    isf=lambda q, c: -special.boxcox(-np.log1p(-q), c),
    entropy=lambda c: EULER * (1 - c) + 1,
)


def pareto_exponent(x: Any, c: Any) -> Any:
    """-log(sf) of the generalised Pareto distribution: log(1 + c x) / c, which is x at c = 0."""
    return x * log1p_ratio(c * x)


def pareto_variance(c: Any, finite: Any) -> Any:
    return np.where(finite, 1 / (np.square(1 - c) * (1 - 2 * c)), INF)


continuous(
    "genpareto",
    lambda c: (0.0, np.where(c < 0, -1 / np.where(c < 0, c, 1.0), INF)),
    middle=lambda c: 0.5 / (1 + np.abs(c)),
    valid=lambda c: np.isfinite(c),
    logpdf=lambda x, c: -pareto_exponent(x, c) - np.log1p(c * x),
    cdf=lambda x, c: -np.expm1(-pareto_exponent(x, c)),
    sf=lambda x, c: np.exp(-pareto_exponent(x, c)),
    logcdf=lambda x, c: log1mexp(pareto_exponent(x, c)),
    logsf=lambda x, c: -pareto_exponent(x, c),
    ppf=lambda q, c: -special.boxcox1p(-q, -c),
    isf=lambda q, c: -special.boxcox(q, -c),
    mean=lambda c: np.where(c < 1, 1 / (1 - np.where(c < 1, c, 0.0)), INF),
    var=lambda c: pareto_variance(np.where(c < 0.5, c, 0.0), c < 0.5),
    entropy=lambda c: 1 + c,
)


def triangle(x: Any, c: Any, left: Any, right: Any) -> Any:
    """`left` of x and c below c, `right` of 1 - x and 1 - c above; c is 0 or 1 where one of them is missing."""
    below = x < c
    start, end = np.where(below, c, 0.5), np.where(below, 0.5, 1 - c)
    return np.where(below, left(np.where(below, x, 0.25), start), right(np.where(below, 0.25, 1 - x), end))


continuous(
    "triang",
    UNIT,
    valid=lambda c: (c >= 0) & (c <= 1),
    logpdf=lambda x, c: triangle(x, c, lambda d, e: np.log(2 * d / e), lambda d, e: np.log(2 * d / e)),
    pdf=lambda x, c: triangle(x, c, lambda d, e: 2 * d / e, lambda d, e: 2 * d / e),
    cdf=lambda x, c: triangle(x, c, lambda d, e: d * d / e, lambda d, e: 1 - d * d / e),
    sf=lambda x, c: triangle(x, c, lambda d, e: 1 - d * d / e, lambda d, e: d * d / e),
    ppf=lambda q, c: triangle(q, c, lambda d, e: np.sqrt(d * e), lambda d, e: 1 - np.sqrt(d * e)),
    isf=lambda q, c: triangle(1 - q, c, lambda d, e: np.sqrt(d * e), lambda d, e: 1 - np.sqrt(d * e)),
    mean=lambda c: (c + 1) / 3,
    var=lambda c: (1 - c + c * c) / 18,
    entropy=lambda c: 0.5 - math.log(2) + 0 * c,
)
continuous(
    "loguniform reciprocal",
    lambda a, b: (a, b),
    middle=lambda a, b: np.sqrt(a * b),
    valid=lambda a, b: (a > 0) & (b > a),
    example=(1.0, 2.0),
    logpdf=lambda x, a, b: -np.log(x) - np.log(np.log(b) - np.log(a)),
    cdf=lambda x, a, b: (np.log(x) - np.log(a)) / (np.log(b) - np.log(a)),
    sf=lambda x, a, b: (np.log(b) - np.log(x)) / (np.log(b) - np.log(a)),
    ppf=lambda q, a, b: np.exp(np.log(a) + q * (np.log(b) - np.log(a))),
    isf=lambda q, a, b: np.exp(np.log(b) - q * (np.log(b) - np.log(a))),
    mean=lambda a, b: (b - a) / (np.log(b) - np.log(a)),
    var=lambda a, b: 0.5 * (b * b - a * a) / (np.log(b) - np.log(a)) - np.square((b - a) / (np.log(b) - np.log(a))),
    entropy=lambda a, b: 0.5 * (np.log(a) + np.log(b)) + np.log(np.log(b) - np.log(a)),
)
