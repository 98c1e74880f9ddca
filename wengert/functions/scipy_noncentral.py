"""Derivatives of the noncentral chi-squared, F and t distributions of scipy.special, and of their inverses.

With respect to x, to the noncentrality, and of the inverses to the probability. With respect to the
degrees of freedom they have none in closed form.
"""

import math
from typing import Any

import numpy as np
from scipy import special

from wengert.custom.registration import dispatched, pullback
from wengert.functions.scipy_distributions import beta_density, gamma_density
from wengert.functions.scipy_rules import no_closed_form, wrt
from wengert.functions.strong_zero import strong_zero_multiply as product

# The noncentral chi-squared distribution


def chi_density(x: Any, v: Any, nc: Any) -> Any:
    """The density; by a Bessel function, whose form near 0 is a hypergeometric one."""
    near = x * nc < 1
    root_x, root_nc = np.sqrt(np.where(near, 1, x)), np.sqrt(np.where(near, 1, nc))
    power = np.power(root_x / root_nc, v / 2 - 1)
    far = 0.5 * np.exp(-0.5 * np.square(root_x - root_nc)) * power * special.ive(v / 2 - 1, root_x * root_nc)
    start, small = np.where(near, x, 0.5), np.where(near, nc, 0.5)
    excess = 0.5 * np.exp(-small / 2) * special.hyp0f1(v / 2, start * small / 4)
    at_zero = product(excess, gamma_density(v / 2, start / 2))
    return np.where(near, at_zero, far)


wrt(special.chndtr, "x1", lambda x, v, nc, y: chi_density(x, v, nc))
wrt(special.chndtr, "x3", lambda x, v, nc, y: -chi_density(x, v + 2, nc))
wrt(special.chndtrix, "x1", lambda p, v, nc, y: 1 / chi_density(y, v, nc))
wrt(special.chndtrix, "x3", lambda p, v, nc, y: chi_density(y, v + 2, nc) / chi_density(y, v, nc))
wrt(special.chndtrinc, "x1", lambda x, v, p, y: chi_density(x, v, y) / chi_density(x, v + 2, y))
wrt(special.chndtrinc, "x3", lambda x, v, p, y: -1 / chi_density(x, v + 2, y))

# The noncentral F distribution: x / (1 + x) of a noncentral beta distribution


def confluent(a: Any, b: Any, z: Any) -> Any:
    """exp(-z) 1F1(a; b; z), by Kummer's transformation (DLMF 13.2.39)."""
    return special.hyp1f1(b - a, b, -z)


def f_parts(dfn: Any, dfd: Any, nc: Any, x: Any) -> tuple[Any, ...]:
    r = dfn / dfd * x
    share = r / (1 + r)
    return dfn / 2, dfd / 2, nc / 2, r, share, np.exp(-nc / 2 / (1 + r))


def f_density(dfn: Any, dfd: Any, nc: Any, x: Any) -> Any:
    a, b, half, r, share, weight = f_parts(dfn, dfd, nc, x)
    excess = weight * confluent(a + b, a, half * share) * (dfn / dfd) / np.square(1 + r)
    return product(excess, beta_density(a, b, share))


def f_wrt_noncentrality(dfn: Any, dfd: Any, nc: Any, x: Any) -> Any:
    a, b, half, r, share, weight = f_parts(dfn, dfd, nc, x)
    factor = -0.5 * share / (1 + r) / a * weight * confluent(a + b, a + 1, half * share)
    return product(factor, beta_density(a, b, share))


wrt(special.ncfdtr, "x4", lambda n, d, nc, x, y: f_density(n, d, nc, x))
wrt(special.ncfdtr, "x3", lambda n, d, nc, x, y: f_wrt_noncentrality(n, d, nc, x))
wrt(special.ncfdtri, "x4", lambda n, d, nc, p, y: 1 / f_density(n, d, nc, y))
wrt(special.ncfdtri, "x3", lambda n, d, nc, p, y: -f_wrt_noncentrality(n, d, nc, y) / f_density(n, d, nc, y))
wrt(special.ncfdtrinc, "x3", lambda n, d, p, x, y: 1 / f_wrt_noncentrality(n, d, y, x))
wrt(special.ncfdtrinc, "x4", lambda n, d, p, x, y: -f_density(n, d, y, x) / f_wrt_noncentrality(n, d, y, x))

# The noncentral t distribution: the mean of the normal CDF of x s - nc over s, the root of a chi-squared variable
# over its degrees of freedom

STEPS = np.linspace(-8.0, 8.0, 321)


@dispatched
def log_moment(v: Any, z: Any) -> Any:
    """The logarithm of the integral of s^(v - 1) exp(z s - s^2 / 2) over s from 0 on.

    By the trapezoid rule around the largest value, with the steps that grow as sinh does.
    """
    root = np.sqrt(z * z + 4 * v)
    top = np.where(z > 0, (z + root) / 2, 2 * v / np.where(z > 0, 1, root - z))
    width = 1 / np.sqrt(top * top + v)
    u = width[..., None] * np.sinh(STEPS)
    grown = np.exp(np.minimum(u, 300.0))
    # the exponent and its largest value, v log(top) + z top - top^2 / 2, apart
    change = top * (z - top)
    exponent = v[..., None] * u + change[..., None] * (grown - 1) - np.square(top[..., None] * (grown - 1)) / 2
    total = np.sum(np.exp(exponent) * np.cosh(STEPS), axis=-1) * width * (STEPS[1] - STEPS[0])
    return v * np.log(top) + z * top - top * top / 2 + np.log(total)


@pullback(log_moment, "z")
def log_moment_wrt_tilt(gy: Any, v: Any, z: Any, *, y: Any) -> Any:
    return gy * np.exp(log_moment(v + 1, z) - y)


def t_mean(v: Any, nc: Any, t: Any, power: int) -> Any:
    """The mean of s^power times the normal density of t s - nc."""
    size = np.sqrt(v + t * t)
    scale = v / 2 * np.log(v / 2) - special.gammaln(v / 2) + math.log(2 / math.sqrt(2 * math.pi))
    tilt = nc * (t / size)
    return np.exp(scale - 0.5 * nc * nc - (v + power) * np.log(size) + log_moment(v + power, tilt))


wrt(special.nctdtr, "x3", lambda v, nc, t, y: t_mean(v, nc, t, 1))
wrt(special.nctdtr, "x2", lambda v, nc, t, y: -t_mean(v, nc, t, 0))
wrt(special.nctdtrit, "x3", lambda v, nc, p, y: 1 / t_mean(v, nc, y, 1))
wrt(special.nctdtrit, "x2", lambda v, nc, p, y: t_mean(v, nc, y, 0) / t_mean(v, nc, y, 1))
wrt(special.nctdtrinc, "x2", lambda v, p, t, y: -1 / t_mean(v, y, t, 0))
wrt(special.nctdtrinc, "x3", lambda v, p, t, y: t_mean(v, y, t, 1) / t_mean(v, y, t, 0))

no_closed_form(
    *(special.chndtridf, special.ncfdtridfd, special.ncfdtridfn, special.nctdtridf),
    parameter="the degrees of freedom",
)
