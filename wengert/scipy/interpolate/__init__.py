"""scipy.interpolate for Variables: splines, grids, polynomials and radial basis functions."""

import scipy.interpolate

from wengert.scipy.answers import open_names
from wengert.scipy.interpolate.bsplines import BSpline, make_interp_spline
from wengert.scipy.interpolate.grids import RegularGridInterpolator, interp1d, interpn
from wengert.scipy.interpolate.piecewise import (
    Akima1DInterpolator,
    CubicHermiteSpline,
    CubicSpline,
    PchipInterpolator,
    PPoly,
)
from wengert.scipy.interpolate.polynomials import BarycentricInterpolator, barycentric_interpolate, lagrange
from wengert.scipy.interpolate.radial import RBFInterpolator

__all__ = [
    "Akima1DInterpolator",
    "BSpline",
    "BarycentricInterpolator",
    "CubicHermiteSpline",
    "CubicSpline",
    "PPoly",
    "PchipInterpolator",
    "RBFInterpolator",
    "RegularGridInterpolator",
    "barycentric_interpolate",
    "interp1d",
    "interpn",
    "lagrange",
    "make_interp_spline",
]

__getattr__, __dir__ = open_names(__name__, scipy.interpolate, globals())
