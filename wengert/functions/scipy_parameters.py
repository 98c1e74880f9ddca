"""Derivatives of the incomplete gamma and beta functions and Student's distribution with respect to their parameters.

There is no closed form (they are hypergeometric functions 2F2 and 3F2). They are integrals of the logarithmic
derivative of the density over a tail, the one that does not hold most of the mass, so that nothing cancels. The tail is
mapped to the half line on which the density falls like an exponential, and is summed by the double exponential rule for
such functions (Takahasi and Mori, Double exponential formulas for numerical integration, 1974). A sum of smooth terms
has derivatives to any order.
"""

from typing import Any

import numpy as np
from scipy import special

from wengert.arrays.table import plain
from wengert.functions.scipy_distributions import beta_density, gamma_density, t_density
from wengert.functions.scipy_gamma import psi_difference
from wengert.functions.scipy_rules import wrt

__all__: list[str] = []

# Points and weights for the integral of exp(-v) g(v) over v > 0
STEP = 0.07
GRID = np.arange(-3.6, 4.0, STEP)
NODES = np.exp(GRID - np.exp(-GRID))
WEIGHTS = STEP * NODES * (1 + np.exp(-GRID))


def scaled_nodes(width: Any) -> tuple[Any, Any]:
    """The points and weights in the last axis, for a function that falls within about `width`.

    The integral does not depend on the width, so derivatives take it as a constant.
    """
    width = plain(width)[..., None]
    return width * NODES, width * WEIGHTS


def column(*values: Any) -> list[Any]:
    return [value[..., None] for value in values]


# The incomplete gamma function: t = x exp(-v) for the lower tail, x exp(v) for the upper


def gamma_wrt_shape(a: Any, x: Any, y: Any = None) -> Any:
    """The derivative of gammainc(a, x) with respect to a; for small ones from that at a + 1 (DLMF 8.8.5)."""
    inside = (x > 0) & (x < np.inf) & (a > 0) & (a < np.inf)
    a, x = np.broadcast_arrays(np.where(inside, a, 1.0), np.where(inside, x, 1.0))
    small = (a < 1) & (x < 1.5)
    start, power = np.where(small, x, 1.0), np.where(small, a, 0.5)
    step = start / power * gamma_density(power, start) * (np.log(start) - special.psi(power + 1))
    return np.where(inside, np.where(small, step, 0) + gamma_tail(np.where(small, a + 1, a), x), 0)


def gamma_tail(a: Any, x: Any) -> Any:
    sign = np.where(plain(x) < plain(a), -1.0, 1.0)
    v, weights = scaled_nodes(1 / np.minimum(np.abs(x - a) + np.sqrt(a) + 1, np.where(sign < 0, a, np.inf)))
    logarithm = (np.log(x) - special.psi(a))[..., None] + sign[..., None] * v
    away, start = column(sign * a, x)
    terms = weights * np.exp(away * v - start * np.expm1(sign[..., None] * v)) * logarithm
    return -sign * x * gamma_density(a, x) * np.sum(terms, axis=-1)


wrt(special.gammainc, "x1", gamma_wrt_shape)
wrt(special.gammaincc, "x1", lambda a, x, y: -gamma_wrt_shape(a, x))
wrt(special.gammaincinv, "x1", lambda a, p, y: quotient(-gamma_wrt_shape(a, y), gamma_density(a, y)))
wrt(special.gammainccinv, "x1", lambda a, p, y: quotient(-gamma_wrt_shape(a, y), gamma_density(a, y)))


def quotient(change: Any, density: Any) -> Any:
    """The change of a quantile: of the distribution function over the density; 0 where the former is."""
    still = change == 0
    return np.where(still, 0, change / np.where(still, 1, density))


# The incomplete beta function: t / (1 - t) = x / (1 - x) exp(-v) for the lower tail, exp(v) for the upper


def beta_wrt_parameters(a: Any, b: Any, x: Any, rest: Any) -> tuple[Any, Any]:
    """The derivatives of betainc(a, b, x) with respect to a and to b; `rest` is 1 - x."""
    inside = (x > 0) & (rest > 0) & (a > 0) & (b > 0) & (a < np.inf) & (b < np.inf)
    a, b, x, rest = np.broadcast_arrays(
        *(np.where(inside, z, f) for z, f in ((a, 1.0), (b, 1.0), (x, 0.5), (rest, 0.5)))
    )
    lower = plain(x) * (plain(a) + plain(b)) < plain(a)
    p, q = np.where(lower, a, b), np.where(lower, b, a)
    s, r = np.where(lower, x, rest), np.where(lower, rest, x)  # the tail is that of s near 0, of the shape p
    v, weights = scaled_nodes(1 / np.minimum(np.abs(p * r - q * s) + np.sqrt((p + q) * s * r), p))
    # t = s e / (r + s e) for e = exp(-v), 1 - t = r / (r + s e)
    s_, p_, q_ = column(s, p, q)
    growth = -np.log1p(s_ * np.expm1(-v))  # of 1 - t, as a logarithm; s + r = 1
    density = weights * np.exp((p_ + q_) * growth - p_ * v)
    log_t = (np.log(s) + psi_difference(p, q))[..., None] + growth - v
    log_rest = (np.log(r) + psi_difference(q, p))[..., None] + growth
    scale = s * r * beta_density(a, b, x) * np.where(lower, 1, -1)
    wrt_p, wrt_q = (np.where(inside, scale * np.sum(density * z, axis=-1), 0) for z in (log_t, log_rest))
    return np.where(lower, wrt_p, wrt_q), np.where(lower, wrt_q, wrt_p)


for _place in (0, 1):

    def _direct(a: Any, b: Any, x: Any, y: Any, place: int = _place) -> Any:
        return beta_wrt_parameters(a, b, x, 1 - x)[place]

    def _complement(a: Any, b: Any, x: Any, y: Any, place: int = _place) -> Any:
        return -beta_wrt_parameters(a, b, x, 1 - x)[place]

    def _quantile(a: Any, b: Any, p: Any, y: Any, place: int = _place) -> Any:
        return quotient(-beta_wrt_parameters(a, b, y, 1 - y)[place], beta_density(a, b, y))

    wrt(special.betainc, f"x{_place + 1}", _direct)
    wrt(special.betaincc, f"x{_place + 1}", _complement)
    wrt(special.betaincinv, f"x{_place + 1}", _quantile)
    wrt(special.betainccinv, f"x{_place + 1}", _quantile)


# Student's distribution: t = sqrt(df) sinh(s), whose density in s is a power of 1 / cosh(s)


def t_wrt_freedom(v: Any, t: Any) -> Any:
    """The derivative of stdtr(v, t) with respect to v."""
    inside = (v > 0) & (v < np.inf) & np.isfinite(t) & (t != 0)
    v, t = np.broadcast_arrays(np.where(inside, v, 1.0), np.where(inside, t, 1.0))
    size = np.abs(t) / np.sqrt(v)
    root = np.hypot(size, 1)
    tangent = size / root
    u, weights = scaled_nodes(1 / np.minimum(v * tangent + np.sqrt(v) / root, v))
    # log(cosh(s + u) / cosh(s)) for s = arcsinh(size); of exponentials that do not grow
    ahead = u + np.log1p(0.5 * (1 - tangent[..., None]) * np.expm1(-2 * u))
    start = np.log(root)
    constant = 0.5 * (psi_difference(0.5 * v, 0.5 + 0 * v))
    terms = weights * np.exp(-v[..., None] * ahead)
    score = (constant - start)[..., None] - ahead
    tail = np.sum(terms * score, axis=-1) * root * np.sqrt(v) * t_density(v, t)
    # the lower limit of the tail, arcsinh(|t| / sqrt(v)), moves by -tanh / (2 v)
    moved = t_density(v, t) * np.abs(t) / (2 * v)
    return np.where(inside, -np.sign(plain(t)) * (tail + moved), 0)


wrt(special.stdtr, "x1", lambda v, t, y: t_wrt_freedom(v, t))
wrt(special.stdtrit, "x1", lambda v, p, y: quotient(-t_wrt_freedom(v, y), t_density(v, y)))
wrt(special.chdtr, "x1", lambda v, x, y: 0.5 * gamma_wrt_shape(v / 2, x / 2))
wrt(special.chdtrc, "x1", lambda v, x, y: -0.5 * gamma_wrt_shape(v / 2, x / 2))
wrt(special.gdtr, "x2", lambda a, b, x, y: gamma_wrt_shape(b, a * x))
wrt(special.gdtrc, "x2", lambda a, b, x, y: -gamma_wrt_shape(b, a * x))
