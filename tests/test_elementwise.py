"""Points without a derivative, and what is refused, of the elementwise functions."""

import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.cases import fix
from wengert import Variable
from wengert.arrays.table import CONSTANT_UFUNCS, UFUNCS, read_late_tables


def gradients(f: Callable[..., Any], *xs: Any) -> list[Any]:
    """The gradients of the sum of f by its arguments."""
    variables = [Variable(np.asarray(x)) for x in xs]
    np.real(f(*variables)).backward()
    return [np.zeros(x.shape) if x.grad is None else x.grad for x in variables]


def second(f: Callable[[Any], Any], x: Any) -> Any:
    """The second derivative of f, element by element."""
    v = Variable(np.asarray(x))
    np.real(f(v)).backward(create_graph=True)
    gx = np.real(v.grad)
    v.cleargrad()
    gx.backward()
    return v.grad


def masked(f: Callable[[Any], Any], inside: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """f where `inside`, else 0: the way people keep clear of a pole."""

    def g(x: Any) -> Any:
        with np.errstate(all="ignore"):  # the forward warns as NumPy does
            return np.where(inside(x), f(x), 0.0)

    return g


class TableTest(unittest.TestCase):
    def test_every_ufunc_of_numpy_is_known(self) -> None:
        ufuncs = {f for f in vars(np).values() if isinstance(f, np.ufunc)}
        read_late_tables()
        known = set(UFUNCS) | CONSTANT_UFUNCS
        self.assertEqual(sorted(f.__name__ for f in ufuncs - known), [])

    def test_constants_are_plain_arrays(self) -> None:
        x = Variable(np.array([1.0, -np.inf, np.nan]))
        for f in (np.isfinite, np.isnan, np.isneginf, np.isposinf, np.signbit, np.iscomplex, np.isreal, np.spacing):
            with self.subTest(f.__name__):
                self.assertIs(type(f(x)), np.ndarray)
                np.testing.assert_array_equal(f(x), f(x.data))
        self.assertTrue(np.all(np.isclose(x, x, equal_nan=True)))
        self.assertIs(type(np.isclose(x, 1.0)), np.ndarray)
        self.assertFalse(np.array_equiv(x, 1.0))

    def test_nextafter_is_refused(self) -> None:
        with self.assertRaisesRegex(
            TypeError, r"np.nextafter takes no Variables; write x \+ \(np.nextafter\(x.data, y\)"
        ):
            np.nextafter(Variable(np.ones(2)), 3.0)


class SingularPointsTest(unittest.TestCase):
    def test_zero(self) -> None:
        for f in (np.absolute, np.fabs, np.sign, np.floor, np.rint, np.round, fix):
            with self.subTest(f.__name__):
                self.assertEqual(gradients(f, 0.0), [0])
        self.assertEqual(gradients(np.abs, 0j), [0])
        self.assertEqual(gradients(np.sign, 0j), [0])
        self.assertEqual(gradients(np.angle, 0j), [0])
        self.assertEqual(gradients(lambda x: np.copysign(x, -1.0), 0.0), [0])

    def test_origin_of_the_plane(self) -> None:
        for f in (np.hypot, np.arctan2):
            with self.subTest(f.__name__):
                self.assertEqual(gradients(f, 0.0, 0.0), [0, 0])
        self.assertEqual(second(lambda x: np.arctan2(x, x), 0.0), 0)
        self.assertTrue(np.isnan(second(lambda x: np.hypot(x, x), 0.0)))  # sqrt(2) |x|

    def test_arctan2_of_large_and_small_numbers(self) -> None:
        for size in (1e-200, 1.0, 1e200):
            np.testing.assert_allclose(gradients(np.arctan2, size, size), [0.5 / size, -0.5 / size])

    def test_equal_extremes_share(self) -> None:
        for f in (np.maximum, np.minimum, np.fmax, np.fmin):
            with self.subTest(f.__name__):
                self.assertEqual(gradients(f, 2.0, 2.0), [0.5, 0.5])

    def test_extremes_of_nan(self) -> None:
        self.assertEqual(gradients(np.maximum, np.nan, 2.0), [0, 0])
        self.assertEqual(gradients(np.fmax, np.nan, 2.0), [0, 1])
        self.assertEqual(gradients(np.fmin, 2.0, np.nan), [1, 0])

    def test_bounds_of_clip_pass_the_gradient_on(self) -> None:
        x = [-2.0, -1.0, 0.0, 1.0, 2.0]
        np.testing.assert_array_equal(gradients(lambda x: np.clip(x, -1, 1), x)[0], [0, 1, 1, 1, 0])
        gx, low, high = gradients(np.clip, x, -1.0, 1.0)
        np.testing.assert_array_equal(gx, [0, 1, 1, 1, 0])
        self.assertEqual((low, high), (1, 1))

    def test_infinities_of_logaddexp(self) -> None:
        inf = np.inf
        for f in (np.logaddexp, np.logaddexp2):
            with self.subTest(f.__name__):
                a, b = gradients(f, [-inf, -inf, 1.0, inf, inf], [-inf, 1.0, -inf, inf, 1.0])
                np.testing.assert_array_equal(a, [0.5, 0, 1, 0.5, 1])
                np.testing.assert_array_equal(b, [0.5, 1, 0, 0.5, 0])

    def test_second_derivative_of_logaddexp_of_equals(self) -> None:
        np.testing.assert_allclose(second(lambda x: np.logaddexp(x, 1.0), 1.0), 0.25)

    def test_power_at_zero(self) -> None:
        a, b = gradients(np.power, [0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 3.0])
        np.testing.assert_array_equal(a, [0, 1, 0, 0])
        np.testing.assert_array_equal(b, [0, 0, 0, 0])

    def test_power_of_a_negative_base(self) -> None:
        np.testing.assert_array_equal(gradients(lambda a: a**3, [-2.0, -1.0])[0], [12, 3])
        a, b = gradients(np.power, -2.0, 3.0)
        self.assertEqual(a, 12)
        self.assertTrue(np.isnan(b))  # (-2) ** 3.001 is no real number

    def test_gradients_of_integers_are_float64(self) -> None:
        for f in (np.square, np.absolute, lambda x: x**2, lambda x: x**0, lambda x: x / 2, np.sqrt, np.arctan):
            for dtype in (np.int64, np.uint8, np.int16):
                (gx,) = gradients(f, np.array([1, 100], dtype))
                self.assertEqual(gx.dtype, np.float64)
        np.testing.assert_array_equal(gradients(lambda x: x**3, np.array([0, 2]))[0], [0, 12])
        a, b = gradients(np.remainder, np.array([7, 9], np.uint8), np.array([2, 4], np.uint8))
        np.testing.assert_array_equal(a, [1, 1])
        np.testing.assert_array_equal(b, [-3, -2])

    def test_remainders_of_negative_numbers(self) -> None:
        a, b = np.array([7.5, -7.5, 7.5, -7.5]), np.array([2.0, 2.0, -2.0, -2.0])
        np.testing.assert_array_equal(gradients(np.remainder, a, b)[1], -np.floor(a / b))
        np.testing.assert_array_equal(gradients(np.fmod, a, b)[1], -np.trunc(a / b))
        np.testing.assert_array_equal(gradients(lambda a, b: divmod(a, b)[1], a, b)[1], -np.floor(a / b))
        np.testing.assert_array_equal(gradients(lambda a, b: np.divmod(a, b)[1], a, b)[1], -np.floor(a / b))

    def test_steps_stay_in_the_graph(self) -> None:
        for f in (np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, fix, np.sign):
            x = Variable(np.array([-1.5, 0.3]))
            f(x).backward()
            np.testing.assert_array_equal(x.grad, [0, 0])

    def test_real_if_close(self) -> None:
        z = Variable(np.array([1.0 + 1e-16j]))
        y = np.real_if_close(z)
        self.assertEqual(y.dtype, np.float64)
        y.backward()
        np.testing.assert_array_equal(z.grad, [1])
        self.assertEqual(np.real_if_close(Variable(np.array([1j]))).dtype, np.complex128)


class MaskedPolesTest(unittest.TestCase):
    """Where no gradient arrives, none leaves: first and second derivatives behind a mask are finite."""

    POLES = (
        (np.sqrt, 0.0),
        (np.sqrt, -1.0),
        (np.cbrt, 0.0),
        (np.log, 0.0),
        (np.log, -1.0),
        (np.log2, 0.0),
        (np.log10, 0.0),
        (np.log1p, -1.0),
        (np.reciprocal, 0.0),
        (lambda x: 1 / x, 0.0),
        (lambda x: x / x, 0.0),
        (lambda x: x**-2, 0.0),
        (lambda x: x**0.5, 0.0),
        (lambda x: np.power(x, 0.3), 0.0),
        (lambda x: np.power(x, x), 0.0),
        (lambda x: np.power(x, x), -0.5),
        (lambda x: np.float_power(x, -1.5), 0.0),
        (np.arcsin, 1.0),
        (np.arccos, -1.0),
        (np.arccosh, 1.0),
        (np.arctanh, 1.0),
        (np.arctan, 1j),
        (np.arcsinh, 1j),
        (np.sqrt, 0j),
        (np.exp, 800.0),
        (np.exp2, 2000.0),
        (np.expm1, 800.0),
        (np.sinh, 800.0),
        (np.cosh, 800.0),
        (lambda x: np.remainder(1.0, x), 0.0),
        (lambda x: np.fmod(1.0, x), 0.0),
        (lambda x: np.divmod(1.0, x)[1], 0.0),
        (lambda x: np.logaddexp(x, 0.0), -np.inf),
        (lambda x: np.arctan2(x, x), 0.0),
        (lambda x: np.hypot(x, x), 0.0),
        (np.sinc, 0.0),
    )

    def test_first_and_second_derivative(self) -> None:
        for f, pole in self.POLES:
            with self.subTest(f, pole=pole), warnings.catch_warnings():
                warnings.simplefilter("error")
                g = masked(f, lambda x, pole=pole: x != pole)
                np.testing.assert_array_equal(gradients(g, [pole])[0], [0])
                x = np.array([pole, 0.4])
                np.testing.assert_array_equal(second(g, x)[0], 0)
                with np.errstate(all="ignore"):
                    np.testing.assert_allclose(second(g, x)[1], second(f, x[1:])[0])

    def test_of_both_arguments(self) -> None:
        def f(a: Any, b: Any) -> Any:
            with np.errstate(all="ignore"):
                return np.where(b != 0, a / b, 0) + np.where(a > 0, np.power(a, b), 0)

        for gx in gradients(f, [0.0, 1.0], [0.0, 2.0]):
            self.assertEqual(gx[0], 0)
            self.assertTrue(np.isfinite(gx[1]))


if __name__ == "__main__":
    unittest.main()
