"""Functions that the formulas of several distributions have in common, exact in the tails."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.functions.series import near_zero
from wengert.functions.strong_zero import strong_zero_multiply

__all__ = [
    "EULER",
    "LOG_2PI",
    "abs_power",
    "log1mexp",
    "log1mexp_of_exp",
    "log1p_ratio",
    "normal_logpdf",
    "powered",
]

LOG_2PI = math.log(2 * math.pi)
EULER = 0.5772156649015329
LOG1P_SERIES = [(-1) ** n / (n + 1) for n in range(26)]


def log1mexp(x: Any) -> Any:
    """log(1 - exp(-x)) for x > 0 (Maechler, Accurately computing log(1 - exp(-|a|)), 2012)."""
    far = x > math.log(2)
    return np.where(far, np.log1p(-np.exp(-np.where(far, x, 1.0))), np.log(-np.expm1(-np.where(far, 1.0, x))))


def log1mexp_of_exp(x: Any) -> Any:
    """log(1 - exp(-exp(x))), which is x far on the left."""
    far = x < -37
    return np.where(far, x, log1mexp(np.exp(np.where(far, 0.0, x))))


def log1p_ratio(u: Any) -> Any:
    """log(1 + u) / u, which is 1 at 0."""
    return near_zero(u, 0.2, LOG1P_SERIES, lambda v: np.log1p(v) / v)


def powered(exponent: Callable[..., Any], rest: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """The formulas of a density that is a power of x (its exponent a function of the shapes) times exp(rest).

    At x = 0 the logarithm is singular, and the density may still have a derivative.
    """

    def logpdf(x: Any, *shapes: Any) -> Any:
        return special.xlogy(exponent(*shapes), x) + rest(x, *shapes)

    def pdf(x: Any, *shapes: Any) -> Any:
        zero = plain(x) == 0
        if not holds(np.any(zero)):
            return np.exp(logpdf(x, *shapes))
        start = np.where(zero, x, 1.0)
        density = strong_zero_multiply(np.power(start, exponent(*shapes)), np.exp(rest(start, *shapes)))
        return np.where(zero, density, np.exp(logpdf(np.where(zero, 1.0, x), *shapes)))

    return {"logpdf": logpdf, "pdf": pdf}


def normal_logpdf(x: Any) -> Any:
    return -0.5 * x * x - 0.5 * LOG_2PI


def abs_power(x: Any, p: Any) -> Any:
    """The power p of the modulus."""
    return np.power(np.abs(x), p)
