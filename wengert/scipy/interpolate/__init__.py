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

# What `wengert.audit` says of each class: the arguments that it is differentiable with respect to
AUDITED = {
    f"{__name__}.{name}": (tuple(arguments.split()), "also by the points")
    for name, arguments in {
        "Akima1DInterpolator": "x y",
        "BSpline": "t c",
        "BarycentricInterpolator": "xi yi",
        "CubicHermiteSpline": "x y dydx",
        "CubicSpline": "x y bc_type",
        "PPoly": "c x",
        "PchipInterpolator": "x y",
        "RBFInterpolator": "y d smoothing epsilon",
        "RegularGridInterpolator": "points values",
        "interp1d": "x y fill_value",
    }.items()
}

__getattr__, __dir__ = open_names(__name__, scipy.interpolate, globals())
