"""scipy.integrate for Variables: integrals of samples."""

import scipy.integrate

from wengert.scipy.answers import open_names
from wengert.scipy.integrate.samples import (
    cumulative_simpson,
    cumulative_trapezoid,
    fixed_quad,
    romb,
    simpson,
    trapezoid,
)

__all__ = ["cumulative_simpson", "cumulative_trapezoid", "fixed_quad", "romb", "simpson", "trapezoid"]

__getattr__, __dir__ = open_names(__name__, scipy.integrate, globals())
