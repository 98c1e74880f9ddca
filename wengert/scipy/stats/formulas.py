"""Functions that the formulas of several distributions have in common, exact in the tails."""

import math
from typing import Any

import numpy as np

from wengert.functions.series import near_zero

__all__ = [
    "EULER",
    "LOG_2PI",
    "abs_power",
    "log1mexp",
    "log1mexp_of_exp",
    "log1p_ratio",
    "normal_logpdf",
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


def normal_logpdf(x: Any) -> Any:
    return -0.5 * x * x - 0.5 * LOG_2PI


def abs_power(x: Any, p: Any) -> Any:
    """The power p of the modulus."""
    return np.power(np.abs(x), p)
