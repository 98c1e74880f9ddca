"""Derivatives of functions of scipy.special that come with their slope and solve a linear differential equation.

Parabolic cylinder, Mathieu and spheroidal functions, with respect to the argument: the slope is the second result, and
its derivative is what the equation says. With respect to their parameters they have none in closed form. A derivative
has the digits that SciPy's values have: few for the radial spheroidal functions of the second kind near 1 (near 0 if
oblate), where the Wronskian shows errors of 4 % (45 %) in SciPy 1.17.

References
----------
NIST Digital Library of Mathematical Functions, chapters 12, 28 and 30. https://dlmf.nist.gov
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from wengert.custom.registration import pullback
from wengert.functions.scipy_rules import as_array, no_closed_form
from wengert.functions.strong_zero import strong_zero_multiply as product


def solution(ufunc: np.ufunc, curvature: Callable[..., Any], unit: float = 1.0) -> None:
    """Register y, y' = ufunc(*parameters, x), where y'' = curvature(*parameters, x, y, y'), with x in `unit`."""

    def gradient(gy: Any, y: Any, *arguments: Any) -> Any:
        *parameters, x = map(as_array, arguments)
        undefined = ~(np.isfinite(y[0]) & np.isfinite(y[1]))
        x, value, slope = (np.where(undefined, 0, each) for each in (x, *y))
        steepness = np.where(undefined, np.nan, unit * slope)
        change = np.where(undefined, np.nan, unit * curvature(*parameters, x, value, slope))
        return product(gy[0], steepness) + product(gy[1], change)

    def two(gy: Any, v: Any, x: Any, *, y: Any) -> Any:
        return gradient(gy, y, v, x)

    def three(gy: Any, m: Any, q: Any, x: Any, *, y: Any) -> Any:
        return gradient(gy, y, m, q, x)

    def four(gy: Any, m: Any, n: Any, c: Any, x: Any, *, y: Any) -> Any:
        return gradient(gy, y, m, n, c, x)

    def five(gy: Any, m: Any, n: Any, c: Any, cv: Any, x: Any, *, y: Any) -> Any:
        return gradient(gy, y, m, n, c, cv, x)

    rules: dict[int, Callable[..., Any]] = {2: two, 3: three, 4: four, 5: five}
    pullback(ufunc, "x")(rules[ufunc.nin])


# Parabolic cylinder functions (DLMF 12.2)

for ufunc in (special.pbdv, special.pbvv):
    solution(ufunc, lambda v, x, y, slope: (x * x / 4 - v - 0.5) * y)
solution(special.pbwa, lambda a, x, y, slope: (a - x * x / 4) * y)

# Mathieu functions (DLMF 28.2, 28.20): the argument of the first two is in degrees

DEGREE = math.pi / 180
solution(
    special.mathieu_cem,
    lambda m, q, x, y, slope: (2 * q * np.cos(2 * DEGREE * x) - special.mathieu_a(m, q)) * y,
    DEGREE,
)
solution(
    special.mathieu_sem,
    lambda m, q, x, y, slope: (2 * q * np.cos(2 * DEGREE * x) - special.mathieu_b(m, q)) * y,
    DEGREE,
)
for ufunc in (special.mathieu_modcem1, special.mathieu_modcem2):
    solution(ufunc, lambda m, q, x, y, slope: (special.mathieu_a(m, q) - 2 * q * np.cosh(2 * x)) * y)
for ufunc in (special.mathieu_modsem1, special.mathieu_modsem2):
    solution(ufunc, lambda m, q, x, y, slope: (special.mathieu_b(m, q) - 2 * q * np.cosh(2 * x)) * y)

# Spheroidal wave functions (DLMF 30.2)


def prolate(m: Any, n: Any, c: Any, cv: Any, x: Any, y: Any, slope: Any) -> Any:
    rest = (1 - x) * (1 + x)
    return (2 * x * slope - (cv - np.square(c * x) - m * m / rest) * y) / rest


def oblate(m: Any, n: Any, c: Any, cv: Any, x: Any, y: Any, slope: Any) -> Any:
    rest = (1 - x) * (1 + x)
    return (2 * x * slope - (cv + np.square(c * x) - m * m / rest) * y) / rest


def oblate_radial(m: Any, n: Any, c: Any, cv: Any, x: Any, y: Any, slope: Any) -> Any:
    rest = 1 + x * x
    return (-2 * x * slope + (cv - np.square(c * x) - m * m / rest) * y) / rest


def with_own_value(equation: Callable[..., Any], value: np.ufunc) -> Callable[..., Any]:
    """The equation with its characteristic value, which the function itself computes."""
    return lambda m, n, c, x, y, slope: equation(m, n, c, value(m, n, c), x, y, slope)


for ufunc, equation in (
    (special.pro_ang1_cv, prolate),
    (special.pro_rad1_cv, prolate),
    (special.pro_rad2_cv, prolate),
    (special.obl_ang1_cv, oblate),
    (special.obl_rad1_cv, oblate_radial),
    (special.obl_rad2_cv, oblate_radial),
):
    solution(ufunc, equation)
for ufunc in (special.pro_ang1, special.pro_rad1, special.pro_rad2):
    solution(ufunc, with_own_value(prolate, special.pro_cv))
solution(special.obl_ang1, with_own_value(oblate, special.obl_cv))
for ufunc in (special.obl_rad1, special.obl_rad2):
    solution(ufunc, with_own_value(oblate_radial, special.obl_cv))

no_closed_form(special.mathieu_a, special.mathieu_b, parameter="q")
no_closed_form(special.obl_cv, special.pro_cv, parameter="c")
