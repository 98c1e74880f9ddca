"""Filters and interpolation of `wengert.scipy.ndimage`, beside SciPy's in all modes and orders."""

import importlib.util
import itertools
import unittest
from typing import Any

import numpy as np

from wengert import Variable, check_grad, grad

if importlib.util.find_spec("scipy") is None:
    raise unittest.SkipTest("needs SciPy")

import scipy.ndimage

from wengert.scipy import ndimage

MODES = ("reflect", "mirror", "constant", "nearest", "wrap", "grid-mirror", "grid-constant", "grid-wrap")
RNG = np.random.default_rng(0)
X, VOLUME = RNG.normal(size=(5, 6)), RNG.normal(size=(4, 3, 5))
W3, W4, W = RNG.normal(size=3), RNG.normal(size=4), RNG.normal(size=(3, 2))


class ValuesTest(unittest.TestCase):
    """What Variables give is what SciPy gives of arrays."""

    def compare(self, name: str, *args: Any, **options: Any) -> None:
        expected = getattr(scipy.ndimage, name)(*args, **options)
        found = getattr(ndimage, name)(Variable(args[0]), *args[1:], **options)
        with self.subTest(name, **options):
            self.assertEqual((found.shape, found.dtype), (expected.shape, expected.dtype))
            tolerance = 1e-4 if expected.dtype == np.float32 else 1e-11
            np.testing.assert_allclose(found.data, expected, tolerance, tolerance)

    def test_filters_in_all_modes(self) -> None:
        for mode in MODES:
            self.compare("correlate1d", X, W3, mode=mode, cval=0.7, origin=1)
            self.compare("convolve1d", X, W4, 0, mode=mode, cval=0.7, origin=-1)
            self.compare("correlate", X, W, mode=mode, cval=0.3)
            self.compare("convolve", X, W, mode=mode, cval=0.3, origin=(1, -1))
            self.compare("gaussian_filter", X, (0.7, 1.1), order=(0, 1), mode=mode)
            self.compare("gaussian_laplace", X, 0.8, mode=mode)
            self.compare("gaussian_gradient_magnitude", X, 0.8, mode=mode, truncate=2.0)
            self.compare("uniform_filter", X, (3, 4), mode=mode, origin=(1, 0))
            self.compare("sobel", X, 0, mode=mode)
            self.compare("prewitt", VOLUME, mode=mode)
            self.compare("laplace", VOLUME, mode=mode, cval=0.3)
            self.compare("maximum_filter", X, (2, 3), mode=mode)
            self.compare("minimum_filter", X, footprint=[[1, 0, 1], [0, 1, 0]], mode=mode, origin=(0, 1))
            self.compare("median_filter", X, 3, mode=mode)
            self.compare("percentile_filter", X, 30, size=(2, 3), mode=mode)
            self.compare("rank_filter", X, -2, size=3, mode=mode)

    def test_windows_longer_than_the_image(self) -> None:
        for mode in MODES:
            self.compare("correlate1d", X[0, :3], RNG.normal(size=11), mode=mode, cval=2.0)
            self.compare("gaussian_filter1d", X[:2], 2.3, 0, mode=mode)
            self.compare("uniform_filter1d", X[:1], 5, 0, mode=mode)

    def test_interpolation_in_all_modes_and_orders(self) -> None:
        places = np.concatenate(
            (
                RNG.uniform(-9, 14, (2, 20)),
                RNG.uniform(0, 4, (2, 20)),
                [[0, 4.0, 4, -0.5, 2, 4.5, -1, -1.5, 5, 1], [0, 5.0, 2, 0, 2, 5.5, -0.3, 7, 6, 6]],
            ),
            axis=1,
        )
        for mode, order, prefilter in itertools.product(MODES, range(6), (True, False)):
            self.compare("map_coordinates", X, places, order=order, mode=mode, cval=0.4, prefilter=prefilter)
        self.compare("map_coordinates", X[:1, :1], [[0.0, 0.3, -2.0], [0.0, 0.0, 1.0]], order=1, mode="mirror")

    def test_geometry(self) -> None:
        for mode, order in itertools.product(("constant", "nearest", "reflect", "mirror"), (0, 1, 3)):
            options = {"mode": mode, "order": order}
            self.compare("shift", X, (0.3, -1.2), **options)
            self.compare("zoom", X, (1.6, 0.7), **options)
            self.compare("rotate", X, 23.0, **options)
            self.compare("rotate", VOLUME, 40.0, (0, 2), reshape=False, **options)
            self.compare("affine_transform", X, [[0.9, 0.23], [-0.11, 1.13]], (0.23, 0.41), **options)
        self.compare("affine_transform", X, [0.93, 0.81], output_shape=(3, 4))
        self.compare("affine_transform", X, [[0.9, 0.2, 0.1], [-0.1, 1.1, 0.3], [0, 0, 1]])
        self.compare("zoom", X, 2, mode="nearest", grid_mode=True)
        self.compare("zoom", X, 1)
        self.compare("shift", X, 0.4, order=2)

    def test_dtypes(self) -> None:
        for name, *args in (("gaussian_filter", 1.0), ("map_coordinates", [[0.3, 1.2], [0.1, 2.0]]), ("laplace",)):
            self.compare(name, X.astype(np.float32), *args)
            self.compare(name, X.astype(np.float32), *args, output=np.float64)
            self.compare(name, X + 1j * X[::-1], *args)
        self.compare("spline_filter", X.astype(np.float32))


class DerivativesTest(unittest.TestCase):
    def test_at_the_elements_the_derivative_is_that_to_the_right(self) -> None:
        x = np.array([0.0, 1.0, 3.0, 4.0])

        def value(p: Any) -> Any:
            return ndimage.map_coordinates(x, np.reshape(p, (1, 1)), order=1)[0]

        self.assertEqual([float(grad(value)(p)) for p in (0.0, 0.5, 1.0, 2.0, 3.0)], [1.0, 1.0, 2.0, 1.0, 1.0])
        self.assertEqual(float(grad(lambda p: ndimage.map_coordinates(x, np.reshape(p, (1, 1)), order=0)[0])(1.2)), 0.0)

    def test_outside_there_is_none(self) -> None:
        for mode in ("constant", "nearest"):
            f = lambda p, m=mode: ndimage.map_coordinates(X, np.reshape(p, (2, 1)), mode=m, cval=2.0)[0]  # noqa: E731
            np.testing.assert_allclose(grad(f)(np.array([-30.0, 20.0])), 0, atol=1e-12)

    def test_equal_maxima_share(self) -> None:
        g = grad(lambda x: ndimage.maximum_filter1d(x, 3)[1])(np.array([1.0, 1.0, 0.0]))
        np.testing.assert_array_equal(g, [0.5, 0.5, 0.0])

    def test_the_border_value(self) -> None:
        check_grad(lambda c: ndimage.map_coordinates(X, [[-1.0, 0.3], [0.0, 0.2]], cval=c), np.array(0.3))
        check_grad(lambda c: ndimage.correlate1d(X, W3, mode="constant", cval=c), np.array(0.3))

    def test_a_magnitude_of_zero(self) -> None:
        x = np.zeros((4, 4))
        f = lambda x: np.sum(ndimage.gaussian_gradient_magnitude(x, 1.0))  # noqa: E731
        np.testing.assert_array_equal(grad(f)(x), 0 * x)


class RefusalsTest(unittest.TestCase):
    def test_messages(self) -> None:
        x = Variable(X)
        for error, message, call in (
            (TypeError, "output= takes a dtype", lambda: ndimage.gaussian_filter(x, 1.0, output=np.zeros((5, 6)))),
            (TypeError, "is not rounded to int", lambda: ndimage.laplace(x, output=int)),
            (TypeError, "does not take axes=", lambda: ndimage.uniform_filter(x, axes=(0,))),
            (TypeError, "binary_erosion has no derivative", lambda: ndimage.binary_erosion(x)),
            (TypeError, "Complex type not supported", lambda: ndimage.maximum_filter(x + 1j, 3)),
            (RuntimeError, "boundary mode not supported", lambda: ndimage.laplace(x, mode="periodic")),
            (RuntimeError, "spline order not supported", lambda: ndimage.shift(x, 1.0, order=6)),
            (RuntimeError, "invalid shape for coordinate array", lambda: ndimage.map_coordinates(x, [[1.0]])),
            (RuntimeError, "weights.ndim", lambda: ndimage.correlate(x, W3)),
            (RuntimeError, "no footprint", lambda: ndimage.maximum_filter(x)),
            (RuntimeError, "one value, or one for each of 2 axes", lambda: ndimage.shift(x, (1.0, 2.0, 3.0))),
            (RuntimeError, "wrong number of rows or columns", lambda: ndimage.affine_transform(x, np.eye(4))),
            (ValueError, "Invalid origin", lambda: ndimage.correlate1d(x, W3, origin=2)),
            (ValueError, "bottom row", lambda: ndimage.affine_transform(x, np.ones((3, 3)))),
            (RuntimeError, "invalid percentile", lambda: ndimage.percentile_filter(x, 300, size=3)),
            (np.exceptions.AxisError, "out of bounds", lambda: ndimage.sobel(x, 2)),
        ):
            with self.subTest(message):
                self.assertRaisesRegex(error, message, call)


if __name__ == "__main__":
    unittest.main()
