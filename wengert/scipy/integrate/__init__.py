"""scipy.integrate for Variables: integrals of samples and of functions, ordinary differential equations."""

import scipy.integrate

from wengert.scipy.answers import open_names
from wengert.scipy.integrate.initial_value import odeint, solve_ivp
from wengert.scipy.integrate.quadrature import dblquad, nquad, quad, quad_vec, tplquad
from wengert.scipy.integrate.samples import (
    cumulative_simpson,
    cumulative_trapezoid,
    fixed_quad,
    romb,
    simpson,
    trapezoid,
)

__all__ = [
    "cumulative_simpson",
    "cumulative_trapezoid",
    "dblquad",
    "fixed_quad",
    "nquad",
    "odeint",
    "quad",
    "quad_vec",
    "romb",
    "simpson",
    "solve_ivp",
    "tplquad",
    "trapezoid",
]

__getattr__, __dir__ = open_names(__name__, scipy.integrate, globals())
