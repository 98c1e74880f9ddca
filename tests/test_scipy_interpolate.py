"""Splines and grids of `wengert.scipy.interpolate`, and distances of `wengert.scipy.spatial`, at their edges."""

import importlib.util
import unittest
from typing import Any

import numpy as np

from wengert import Variable, check_grad, grad, hessian

if importlib.util.find_spec("scipy") is None:
    raise unittest.SkipTest("needs SciPy")

import scipy.interpolate
import scipy.spatial.distance

from wengert.scipy import integrate, interpolate
from wengert.scipy.spatial import distance

RNG = np.random.default_rng(0)
X = np.cumsum(RNG.uniform(0.5, 1.2, 6))
Y, Y2 = RNG.normal(size=6), RNG.normal(size=(6, 2))
P = np.concatenate((RNG.uniform(X[0], X[-1], 5), X, [X[0] - 0.3, X[-1] + 0.4, np.nan]))


class ValuesTest(unittest.TestCase):
    """What Variables give is what SciPy gives of arrays."""

    def compare(self, call: Any, *args: Any, rtol: float = 1e-9) -> None:
        expected = call(scipy.interpolate, *args)
        found = call(interpolate, *map(Variable, args))
        self.assertIsInstance(found, Variable)
        self.assertEqual(found.shape, np.shape(expected))
        np.testing.assert_allclose(found.data, expected, rtol, 1e-11)

    def test_splines(self) -> None:
        for nu in (0, 1, 2, 3, 4):
            self.compare(lambda m, x, y, p, nu=nu: m.CubicSpline(x, y)(p, nu), X, Y2, P)
            self.compare(lambda m, x, y, p, nu=nu: m.make_interp_spline(x, y, 4)(p, nu), X, Y2, P[:-1])
        for extrapolate in (True, False, "periodic"):
            self.compare(lambda m, x, y, p, e=extrapolate: m.CubicSpline(x, y, extrapolate=e)(p), X, Y, P)
            self.compare(lambda m, x, y, p, e=extrapolate: m.make_interp_spline(x, y)(p, extrapolate=e), X, Y, P[:-1])
        for name in ("PchipInterpolator", "Akima1DInterpolator"):
            for n in (2, 3, 4, 6):
                self.compare(lambda m, x, y, p, k=name: getattr(m, k)(x, y)(p), X[:n], Y[:n], P)
            self.compare(lambda m, y, p, k=name: getattr(m, k)(X, y, axis=1)(p.reshape(7, 2)), Y2.T.copy(), P)
        self.compare(lambda m, y, p: m.CubicSpline(X, y + 1j * y[::-1])(p), Y, P)
        flat = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 0.0])
        self.compare(lambda m, y, p: m.PchipInterpolator(X, y)(p), flat, P)
        self.compare(lambda m, y, p: m.Akima1DInterpolator(X, y)(p), flat, P)

    def test_splines_with_conditions_are_those_of_cubic_splines(self) -> None:
        # (and not cases of make_interp_spline: with the odd arrays of test_writing_aliases these crashed at times)
        y = Variable(Y)
        for condition in ("natural", "clamped"):
            found = interpolate.make_interp_spline(X, y, bc_type=condition)(P[:5])
            expected = scipy.interpolate.CubicSpline(X, Y, bc_type=condition)(P[:5])
            np.testing.assert_allclose(found.data, expected, rtol=1e-9)

    def test_in_one_dimension(self) -> None:
        for kind in ("linear", "nearest", "nearest-up", "previous", "next", "zero", "slinear", "quadratic", "cubic", 4):
            options: dict[str, Any] = {"bounds_error": False, "fill_value": (1.0, 2.0)}
            self.compare(lambda m, y, p, k=kind, o=options: m.interp1d(X, y, k, axis=0, **o)(p), Y2, P[:-1])
            self.compare(lambda m, x, y, p, k=kind: m.interp1d(x, y, k)(p), X[::-1].copy(), Y, P[:5])

    def test_grids(self) -> None:
        grid = X[:5], np.array([0.0, 1.0, 1.5, 3.0, 4.0, 5.0])
        values = RNG.normal(size=(5, 6, 2))
        places = np.stack((RNG.uniform(X[0], X[4], (2, 4)), RNG.uniform(0, 5, (2, 4))), -1)
        for method in ("linear", "nearest", "slinear", "cubic", "quintic", "pchip"):
            with self.subTest(method):
                if method == "quintic":
                    grid = X, np.arange(6.0)
                    values = RNG.normal(size=(6, 6))
                self.compare(
                    lambda m, v, p, g=grid, k=method: m.RegularGridInterpolator(g, v, k)(p), values, places, rtol=1e-4
                )
        self.compare(lambda m, v, p: m.interpn(grid, v, p, bounds_error=False), values, places + 9)
        at_points = np.stack([g[:3] for g in grid], -1)
        self.compare(lambda m, v, p: m.RegularGridInterpolator(grid, v, "nearest")(p + 0.5), values, at_points)

    def test_arrays_are_scipys(self) -> None:
        spline = interpolate.CubicSpline(X, Y)
        self.assertTrue(np.array_equal(spline(P), scipy.interpolate.CubicSpline(X, Y)(P), equal_nan=True))
        self.assertTrue(np.array_equal(spline.c, scipy.interpolate.CubicSpline(X, Y).c))
        self.assertEqual(spline.roots().tolist(), scipy.interpolate.CubicSpline(X, Y).roots().tolist())
        self.assertAlmostEqual(float(grad(spline)(1.7)), float(spline(1.7, 1)))
        self.assertAlmostEqual(float(grad(lambda b: spline.integrate(X[0], b))(1.7)), float(spline(1.7)))


class EdgesTest(unittest.TestCase):
    def test_kinks_take_the_slope_to_the_right(self) -> None:
        line = interpolate.interp1d([0.0, 1.0, 2.0], [0.0, 1.0, 3.0])
        self.assertEqual([float(grad(line)(p)) for p in (0.0, 0.5, 1.0, 2.0)], [1.0, 1.0, 2.0, 2.0])
        grid = interpolate.RegularGridInterpolator(([0.0, 1.0, 2.0],), np.array([0.0, 1.0, 3.0]))
        self.assertEqual([float(grad(lambda p: grid(p[None]))(p)) for p in (0.0, 1.0, 2.0)], [1.0, 2.0, 2.0])
        self.assertEqual(float(grad(interpolate.interp1d([0.0, 1.0], [0.0, 1.0], "previous"))(0.5)), 0.0)

    def test_a_polynomial_at_its_points(self) -> None:
        x = np.array([0.0, 1.0, 2.0])
        made = interpolate.BarycentricInterpolator(x, Variable(x**2))
        self.assertAlmostEqual(float(grad(made)(1.0)), 2.0)
        self.assertAlmostEqual(float(hessian(made)(np.asarray(1.0))), 2.0)

    def test_refusals(self) -> None:
        y = Variable(Y)
        for error, message, call in (
            (TypeError, "CubicSpline.roots has no derivative here", lambda: interpolate.CubicSpline(X, y).roots()),
            (TypeError, "griddata has no derivative here", lambda: interpolate.griddata(Y2, y, Y2)),
            (TypeError, "does not take neighbors=", lambda: interpolate.RBFInterpolator(Y2, y, neighbors=3)),
            (
                TypeError,
                "does not take bc_type='periodic'",
                lambda: interpolate.make_interp_spline(X, y, bc_type="periodic"),
            ),
            (TypeError, "does not take der=", lambda: interpolate.BarycentricInterpolator(X, y)(1.0, der=1)),
            (TypeError, "does not take nu=", lambda: interpolate.RegularGridInterpolator((X,), y)([1.0], nu=[1])),
            (TypeError, "use 'cubic'", lambda: interpolate.interpn((X,), y, [1.0], "splinef2d")),
            (ValueError, "strictly increasing", lambda: interpolate.CubicSpline(X[::-1], y)),
            (ValueError, "strictly ascending", lambda: interpolate.RegularGridInterpolator(([1.0, 1, 2, 3, 4, 5],), y)),
            (ValueError, "bc_type=free is not allowed", lambda: interpolate.CubicSpline(X, y, bc_type="free")),
            (ValueError, "must be identical", lambda: interpolate.CubicSpline(X, y, bc_type="periodic")),
            (ValueError, "outside the interpolation range", lambda: interpolate.interp1d(X, y)(99.0)),
            (ValueError, "out of bounds", lambda: interpolate.RegularGridInterpolator((X,), y)([99.0])),
            (ValueError, "`epsilon` must be specified", lambda: interpolate.RBFInterpolator(Y2, y, kernel="gaussian")),
            (ValueError, "must be distinct", lambda: interpolate.BarycentricInterpolator(0 * X, y)),
            (NotImplementedError, "is unsupported", lambda: interpolate.interp1d(X, y, "smooth")),
        ):
            with self.subTest(message):
                self.assertRaisesRegex(error, message, call)


class DistancesTest(unittest.TestCase):
    def test_a_point_has_no_force_on_itself(self) -> None:
        x = np.abs(Y2)
        metrics = ("euclidean", "cityblock", "chebyshev", "minkowski", "canberra", "braycurtis")
        for metric, options in (*((m, {}) for m in metrics), ("mahalanobis", {"VI": np.diag([2.0, 1.0])})):
            with self.subTest(metric):
                every = grad(lambda x, m=metric, o=options: np.sum(distance.cdist(x, x, m, **o)))(x)
                pairs = grad(lambda x, m=metric, o=options: np.sum(distance.pdist(x, m, **o)))(x)
                np.testing.assert_allclose(every, 2 * pairs, rtol=1e-12)

    def test_squares_are_smooth_where_points_meet(self) -> None:
        u = Y2[0]
        np.testing.assert_allclose(hessian(lambda v: distance.euclidean(u, v) ** 2)(u), 2 * np.eye(2))
        second = hessian(lambda v: distance.jensenshannon(np.abs(u), v) ** 2)(np.abs(u))
        self.assertFalse(np.any(second == 0))  # undefined, not 0

    def test_all_distances_are_scipys(self) -> None:
        for metric in sorted(set(distance.NAMES)):
            with self.subTest(metric):
                found = distance.cdist(Variable(np.abs(Y2)), X.reshape(3, 2), metric)
                expected = scipy.spatial.distance.cdist(np.abs(Y2), X.reshape(3, 2), metric)
                np.testing.assert_allclose(found.data, expected, rtol=1e-9, atol=1e-14)

    def test_refusals(self) -> None:
        x = Variable(Y2)
        for error, message, call in (
            (ValueError, "'hamming' has no derivative here; those", lambda: distance.cdist(x, x, "hamming")),
            (ValueError, "2-dimensional", lambda: distance.pdist(x[0])),
            (ValueError, "same number of columns", lambda: distance.cdist(x, x[:, :1])),
            (ValueError, "non-negative", lambda: distance.cdist(x, x, w=[-1.0, 1.0])),
            (ValueError, "p must be greater than 0", lambda: distance.minkowski(x[0], x[1], 0)),
            (ValueError, "should be 1-D", lambda: distance.cosine(x, x)),
            (ValueError, "must be symmetric", lambda: distance.squareform(x[:2])),
            (ValueError, "binomial coefficient", lambda: distance.squareform(x[:, 0][:5])),
            (TypeError, "XA must be real", lambda: distance.cdist(x + 1j, x)),
            (TypeError, "no derivative with respect to p here", lambda: distance.minkowski(x[0], x[1], x[0, 0])),
            (ValueError, "at least one sample", lambda: integrate.simpson(x[:0], axis=0)),
            (TypeError, "does not take out=", lambda: distance.cdist(x, x, out=np.ones((6, 6)))),
            (TypeError, "does not take p; leave it out", lambda: distance.cdist(x, x, p=3)),
            (ValueError, "Number of samples", lambda: integrate.romb(x, axis=0)),
            (ValueError, "strictly increasing", lambda: integrate.cumulative_simpson(x, x=-X, axis=0)),
            (ValueError, "`initial` must be `None` or `0`", lambda: integrate.cumulative_trapezoid(x, initial=1)),
            (ValueError, "finite limits", lambda: integrate.fixed_quad(np.sin, x[0, 0], np.inf)),
        ):
            with self.subTest(message):
                self.assertRaisesRegex(error, message, call)

    def test_interpn_by_grid_points_of_different_lengths(self) -> None:
        rng = np.random.default_rng(0)
        values, places = rng.standard_normal((4, 5)), np.array([[1.2, 2.3], [0.4, 3.1]])
        check_grad(lambda x, y: interpolate.interpn((x, y), values, places), np.arange(4.0), np.arange(5.0), order=1)


if __name__ == "__main__":
    unittest.main()
