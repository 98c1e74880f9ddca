"""Cases for `wengert.scipy.interpolate`; none where SciPy is not installed."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import Case, available, normal, positive, silently

CASES: list[Case] = []

if importlib.util.find_spec("scipy") is not None:
    from wengert.scipy import interpolate as i

    def by(function: Any, call: Callable[..., Any], *args: Any, **settings: Any) -> Case:
        return Case(function, call, args, **{"exact": False, "single": False, **settings})

    X = np.cumsum(0.6 + 0.3 * positive(6))
    Y, Y2 = normal(6), normal(6, 2)
    UNEVEN = np.array([[0.3, 1.9], [1.4, 1.1], [0.2, 2.4], [2.9, 2.8], [2.5, 0.4], [4.2, 3.3]])
    P = np.array([X[0] + 0.1, X[2] + 0.21, X[4] - 0.17, X[-1] - 0.2])
    FAR = np.array([X[0] - 0.3, X[3] + 0.1, X[-1] + 0.4])
    CONDITIONS: Any = ("not-a-knot", "natural", "clamped", ((1, 0.3), (2, 0.7)), ("not-a-knot", (1, 0.2)))
    T = np.array([0.0, 0, 0, 0, 0.7, 1.5, 2.9, 4, 4, 4, 4])
    C = normal(7, 2)
    POINTS = np.array([0.2, 0.9, 2.2, 3.6])
    KINDS = ("linear", "nearest", "nearest-up", "previous", "next", "zero", "slinear", "quadratic", "cubic")
    GX, GY, VALUES = X[:4], np.array([0.0, 1.0, 1.5, 3.0, 4.0]), normal(4, 5, 2)
    XI = np.stack(
        [GX[0] + (GX[3] - GX[0]) * (positive(2, 3) - 0.4) / 1.7, 3.9 * (positive(2, 3, seed=1) - 0.4) / 1.7], -1
    )
    SITES, DATA, AT = normal(6, 2), normal(6, 2, seed=1), normal(3, 2, seed=2)

    def spline_of(made: Any, **options: Any) -> Callable[..., Any]:
        return lambda x, y, p: made(x, y, **options)(p)

    CASES += [
        *(by(i.CubicSpline, spline_of(i.CubicSpline, bc_type=c), X, Y, P) for c in CONDITIONS),
        *(by(i.CubicSpline, spline_of(i.CubicSpline), X[:k], Y[:k], P[:2]) for k in (2, 3, 4)),
        by(i.CubicSpline, spline_of(i.CubicSpline), X, Y2, FAR),
        by(i.CubicSpline, lambda y, p: i.CubicSpline(X, y, axis=1)(p), Y2.T.copy(), P.reshape(2, 2)),
        by(
            i.CubicSpline,
            lambda x, y, p: i.CubicSpline(x, np.concatenate((y[:-1], y[:1])), bc_type="periodic")(p),
            *(X, Y, P),
        ),
        by(i.CubicSpline, lambda x, y, p: i.CubicSpline(x, y)(p, nu=2), X, Y, P),
        by(i.CubicSpline, lambda x, y, p: i.CubicSpline(x, y).derivative()(p), X, Y, P),
        by(i.CubicSpline, lambda x, y: np.multiply(1.0, i.CubicSpline(x, y).integrate(x[0] + 0.1, x[3])), X, Y),
        by(i.CubicSpline, lambda y, p: i.CubicSpline(X, y).antiderivative(2)(p), Y, P),
        by(i.CubicSpline, lambda y: np.multiply(1.0, i.CubicSpline(X, y)(P[0])), Y),  # (SciPy gives a 0-d array)
        by(i.CubicSpline, lambda y: i.CubicSpline(X, y)(P[:0]), Y),
        *(by(k, spline_of(k), X, UNEVEN, P) for k in (i.PchipInterpolator, i.Akima1DInterpolator)),
        *(by(k, spline_of(k), X[:3], Y[:3], P[:1]) for k in (i.PchipInterpolator, i.Akima1DInterpolator)),
        by(i.Akima1DInterpolator, spline_of(i.Akima1DInterpolator, method="makima"), X, Y, P),
        by(i.CubicHermiteSpline, lambda x, y, d, p: i.CubicHermiteSpline(x, y, d)(p), X, Y, normal(6, seed=3), P),
        by(i.PPoly, lambda c, x, p: i.PPoly(c, x)(p), normal(3, 5, 2), X, P),
        *(by(i.BSpline, lambda c, p, k=k: i.BSpline(T, c, 3)(p, k), C, POINTS) for k in (0, 1, 2, 3, 4)),
        by(i.BSpline, lambda t, c, p: i.BSpline(np.concatenate((T[:4], t, T[7:])), c, 3)(p), T[4:7], C, POINTS),
        by(i.BSpline, lambda c, p: i.BSpline(T, c, 3, extrapolate="periodic")(p), C, POINTS + 4),
        *(
            by(i.make_interp_spline, lambda x, y, p, k=k: i.make_interp_spline(x, y, k)(p), X, Y2, P)
            for k in (0, 1, 2, 3, 5)
        ),
        by(i.BarycentricInterpolator, spline_of(i.BarycentricInterpolator), X, Y2, P),
        by(i.BarycentricInterpolator, lambda y, p: i.BarycentricInterpolator(X, y)(p), Y, X),
        by(i.barycentric_interpolate, lambda x, y, p: i.barycentric_interpolate(x, y, p), X, Y, P),
        by(i.lagrange, lambda x, y, p: np.polyval(silently(i.lagrange)(x, y), p), X[:4], Y[:4], P),
        *(by(i.interp1d, spline_of(i.interp1d, kind=k, axis=0), X, Y2, P) for k in KINDS),
        by(i.interp1d, spline_of(i.interp1d, fill_value="extrapolate"), X[::-1].copy(), Y, FAR),
        by(i.interp1d, spline_of(i.interp1d, bounds_error=False, fill_value=(1.0, 2.0)), X, Y, FAR),
        *(
            by(i.RegularGridInterpolator, lambda v, p, m=m: i.RegularGridInterpolator((GX, GY), v, m)(p), VALUES, XI)
            for m in ("linear", "nearest")
        ),
        by(i.RegularGridInterpolator, lambda a, b, p: i.RegularGridInterpolator((a, b), VALUES)(p), GX, GY, XI),
        by(i.RegularGridInterpolator, lambda v: i.RegularGridInterpolator((GX, GY), v, "pchip")(XI[0]), VALUES[..., 0]),
        by(
            i.RegularGridInterpolator,
            lambda v, p: i.RegularGridInterpolator((GX, GY[::-1]), v, bounds_error=False, fill_value=None)(p),
            *(VALUES, XI + 2),
        ),
        by(i.interpn, lambda v, p: i.interpn((GX, GY), v, p), VALUES, XI),
        *(
            by(
                i.RBFInterpolator,
                lambda y, d, x, k=k: i.RBFInterpolator(y, d, kernel=k, epsilon=1.3, smoothing=0.1)(x),
                *(SITES, DATA, AT),
            )
            for k in ("linear", "thin_plate_spline", "cubic", "multiquadric", "gaussian")
        ),
    ]

CASES = available(CASES)
