"""Derivatives of logistic, loss, exponential and power functions of scipy.special, and what to write for the others.

The modules ``scipy_*`` are imported once a program has imported scipy.special. Where a parameter has no derivative in
closed form (the order of a Bessel function), a constant array is accepted, a Variable refused. Factors that can be
infinite go through `product`, in which 0 times infinity is 0, so that second derivatives behind a mask are finite.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.checks.frames import CONVERTING
from wengert.core.elementwise import derivative
from wengert.functions.elementwise import LN2, LN10, fraction, power_wrt_base
from wengert.functions.series import near_zero
from wengert.functions.strong_zero import strong_zero_multiply as product
from wengert.functions.tails import logistic_slope

DEGREE = math.pi / 180

# Logistic functions, entropies, losses

derivative(special.expit, logistic_slope)
derivative(special.logit, lambda x: 1 / (x * (1 - x)), poles=True)
derivative(special.log_expit, lambda x: special.expit(-x))
derivative(special.xlogy, lambda b: np.log(b), lambda a, b: product(a, 1 / b), poles=True)
derivative(special.xlog1py, lambda b: np.log1p(b), lambda a, b: product(a, 1 / (1 + b)), poles=True)
derivative(special.entr, lambda x: -np.log(x) - 1, poles=True)


def log_ratio(a: Any, b: Any) -> Any:
    """log(a / b), to full precision where they are nearly equal; 0 where both are 0."""
    neither, near = (a == 0) & (b == 0), np.abs(a - b) < 0.5 * np.abs(b)
    far = np.log(np.where(neither | near, 1, a) / np.where(neither | near, 1, b))
    return np.where(near, np.log1p(np.where(near, a - b, 0) / np.where(near, b, 1)), far)


def kl_wrt_last(a: Any, b: Any) -> Any:
    """1 - a / b."""
    near = np.abs(a - b) < 0.5 * np.abs(b)
    return np.where(near, np.where(near, b - a, 0) / np.where(near, b, 1), 1 - product(a, 1 / b))


derivative(special.rel_entr, lambda a, b: log_ratio(a, b) + 1, lambda a, b: product(-a, 1 / b), poles=True)
derivative(special.kl_div, log_ratio, kl_wrt_last, poles=True)
derivative(
    special.huber,
    lambda a, b: np.where(np.abs(b) > a, np.abs(b) - a, 0),
    lambda a, b: np.where(np.abs(b) > a, a * np.sign(b), b),
    poles=True,
)


def pseudo_huber_wrt_delta(a: Any, b: Any) -> Any:
    """a (r - 1)^2 / r with r = hypot(a, b) / a, without the difference; at a = 0 to the right."""
    size = np.hypot(a, b)
    return b * np.square(fraction(b, size + a)) * fraction(b, size)


derivative(
    special.pseudo_huber,
    pseudo_huber_wrt_delta,
    lambda a, b: a * fraction(b, np.hypot(a, b)),
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
    """The derivative of (exp(power * logarithm) - 1) / power with respect to the power; -1 / power has 1 / power^2."""
    end = (logarithm == -np.inf) & (power > 0)
    inside, exponent = np.where(end, 0, logarithm), np.where(end, power, 1)
    slope = product(product(inside, inside), exprel_slope(product(power, inside)))
    return np.where(end, 1 / (exponent * exponent), slope)


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
derivative(special.round, 0)

# Objects of SciPy that are no ufuncs, and convert their arguments: for the functions, see wengert.scipy.special.
CONVERTING.update(
    {
        "scipy.special._multiufuncs.__call__": "special.eval_legendre(n, x), special.lpmv(m, n, x), or "
        "wengert.scipy.special.sph_harm_y(n, m, theta, phi)",
    }
)
