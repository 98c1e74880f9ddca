"""Quantiles with respect to q and weights, and reductions with respect to their initial value."""

import unittest
import warnings
from typing import Any

import numpy as np

from wengert import Variable, compile, grad, hessian

A = np.array([4.0, 1.0, 16.0, 2.0, 8.0])  # in order 1, 2, 4, 8, 16
STEPS = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "lower", "higher", "midpoint", "nearest")


class ProbabilityTest(unittest.TestCase):
    def test_between_elements_it_is_their_difference_times_the_rate_of_the_position(self) -> None:
        self.assertAlmostEqual(float(grad(lambda q: np.quantile(A, q))(0.3)), 4 * (4 - 2))
        self.assertAlmostEqual(float(grad(lambda q: np.quantile(A, q, method="hazen"))(0.4)), 5 * (4 - 2))
        self.assertAlmostEqual(float(grad(lambda q: np.quantile(A, q, method="weibull"))(0.4)), 6 * (4 - 2))
        self.assertAlmostEqual(float(grad(lambda q: np.percentile(A, q))(30.0)), 0.04 * (4 - 2))

    def test_on_an_element_it_is_the_mean_of_both_slopes(self) -> None:
        self.assertEqual(float(grad(lambda q: np.quantile(A, q))(0.5)), 4 * ((4 - 2) + (8 - 4)) / 2)
        self.assertEqual(float(grad(lambda t: np.quantile(A, 0.5 + t) - np.quantile(A, 0.5 - t))(0.0)), 4 * (8 - 2))

    def test_at_the_ends_it_is_the_slope_inside(self) -> None:
        self.assertEqual(float(grad(lambda q: np.quantile(A, q))(0.0)), 4 * (2 - 1))
        self.assertEqual(float(grad(lambda q: np.quantile(A, q))(1.0)), 4 * (16 - 8))
        for q in (0.0, 0.05, 0.95, 1.0):  # these methods are flat there
            self.assertEqual(float(grad(lambda q: np.quantile(A, q, method="hazen"))(q)), 0.0)

    def test_between_equal_elements_it_is_0(self) -> None:
        self.assertEqual(float(grad(lambda q: np.quantile(np.array([1.0, 2.0, 2.0, 3.0]), q))(0.5)), 0.0)
        self.assertEqual(float(grad(lambda q: np.quantile(np.array([2.0]), q))(0.5)), 0.0)

    def test_methods_that_step_have_0(self) -> None:
        for method in STEPS:
            for q in (0.0, 0.3, 0.5, 1.0):
                with self.subTest(method, q=q):
                    self.assertEqual(float(grad(lambda q, m=method: np.quantile(A, q, method=m))(q)), 0.0)

    def test_nan(self) -> None:
        rows = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 4.0], [np.nan, np.nan, np.nan]])
        q = Variable(np.array(0.75))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's own, of a row without numbers
            np.sum(np.quantile(rows, q, axis=1)[1]).backward()
            self.assertEqual(q.grad, 2 * (4 - 2))
            q.cleargrad()
            np.nansum(np.nanquantile(rows, q, axis=1)).backward()
        self.assertEqual(q.grad, 2 * (4 - 2) + 1 * (3 - 1))

    def test_infinite_elements(self) -> None:
        a = np.array([1.0, 2.0, np.inf])
        q = Variable(np.array([0.25, 0.75]))
        with np.errstate(invalid="ignore"):  # (NumPy's own interpolation)
            y = np.quantile(a, q)
            np.testing.assert_array_equal(y.data, np.quantile(a, q.data))
        y[0].backward()
        np.testing.assert_array_equal(q.grad, [2.0, 0.0])

    def test_second_derivatives_are_symmetric_also_on_an_element(self) -> None:
        def f(v: Any) -> Any:
            return np.quantile(v[:5], v[5]) ** 2

        for q in (0.3, 0.5, 1.0):
            h = hessian(f)(np.append(A, q))
            np.testing.assert_allclose(h, h.T, atol=1e-12)
        y, slope = 4.0, np.array([0.0, 0, 0, -2.0, 2.0])  # (at q = 0.5, to the elements 2 and 8)
        np.testing.assert_allclose(h.shape, (6, 6))
        h = hessian(f)(np.append(A, 0.5))
        np.testing.assert_allclose(h[5, :5], 2 * y * slope + 2 * 12 * np.array([1.0, 0, 0, 0, 0]))

    def test_dtypes(self) -> None:
        for dtype in (np.float16, np.float32, np.float64):
            a, q = Variable(A.astype(dtype)), Variable(np.array(0.3, dtype))
            y = np.quantile(a, q)
            self.assertEqual(y.dtype, np.quantile(a.data, q.data).dtype)
            y.backward()
            self.assertEqual((q.grad.dtype, a.grad.dtype), (dtype, dtype))
            np.testing.assert_allclose(q.grad, 8.0, rtol=1e-3)
        q = Variable(np.array(0.25))
        np.quantile(np.repeat(np.array([0, 1], np.float16), [10000, 30000]), q).backward()
        self.assertEqual(q.grad, 39999.0)
        q = Variable(np.array(0.5, np.float16))  # NumPy finds the position in half precision too
        np.quantile(np.arange(2002).astype(np.float16), q).backward()
        self.assertEqual(q.grad, 2001.0)
        q = Variable(np.array(0.3))
        np.quantile(np.array([3, 1, 2], np.uint8), q).backward()
        self.assertEqual(q.grad, 2.0)

    def test_a_list_of_variables(self) -> None:
        q = Variable(np.array(0.3))
        y = np.quantile(Variable(A), [q, 0.5, 2 * q])
        np.testing.assert_allclose(y.data, np.quantile(A, [0.3, 0.5, 0.6]))
        np.sum(y).backward()
        self.assertAlmostEqual(float(q.grad), 8.0 + 2 * 16.0)

    def test_compiled(self) -> None:
        f = grad(lambda q, a: np.sum(np.quantile(a, q, axis=0) ** 2), argnums=(0, 1))
        compiled = compile(f)
        for k in range(4):
            q, a = np.array([0.3, 0.5, 0.1 * k]), np.random.default_rng(k).normal(size=(5, 2))
            for found, right in zip(compiled(q, a), f(q, a), strict=True):
                np.testing.assert_allclose(found, right, rtol=1e-12)

    def test_errors_are_numpys(self) -> None:
        q = Variable(np.array(1.5))
        with self.assertRaisesRegex(ValueError, "Quantiles must be in the range"):
            np.quantile(A, q)
        with self.assertRaisesRegex(ValueError, "is not a valid method"):
            np.quantile(A, Variable(np.array(0.5)), method="best")


class WeightsTest(unittest.TestCase):
    def test_weights_choose_an_element(self) -> None:
        w, a = Variable(np.array([1.0, 2.0, 0.5, 1.0, 1.0])), Variable(A)
        y = np.quantile(a, 0.6, weights=w, method="inverted_cdf")
        self.assertEqual(y.data, np.quantile(A, 0.6, weights=w.data, method="inverted_cdf"))
        y.backward()
        np.testing.assert_array_equal(w.grad, np.zeros(5))
        np.testing.assert_array_equal(a.grad, (y.data == A).astype(float))
        zero = grad(lambda w: np.percentile(A, 60.0, weights=w, method="inverted_cdf"))(np.ones(5))
        np.testing.assert_array_equal(zero, np.zeros(5))


class InitialTest(unittest.TestCase):
    def test_extremes_share_with_an_equal_initial_value(self) -> None:
        a, i = Variable(np.array([1.0, 3.0, 3.0])), Variable(np.array(3.0))
        np.max(a, initial=i).backward()
        self.assertAlmostEqual(float(i.grad), 1 / 3)
        np.testing.assert_allclose(a.grad, [0, 1 / 3, 1 / 3])
        i.cleargrad()
        np.min(a, initial=i).backward()
        self.assertEqual(i.grad, 0.0)

    def test_many_equal_halves(self) -> None:
        i = Variable(np.array(1.0, np.float16))
        np.max(Variable(np.ones(70000, np.float16)), initial=i).backward()
        np.testing.assert_allclose(float(i.grad), 1 / 70001, rtol=0.01)

    def test_methods_of_ufuncs(self) -> None:
        x, i = Variable(np.array([2.0, 3.0])), Variable(np.array(5.0))
        np.multiply.reduce(x, initial=i).backward()
        self.assertEqual(i.grad, 6.0)
        i.cleargrad()
        x.sum(initial=i).backward()
        self.assertEqual(i.grad, 1.0)

    def test_nan_is_shared_by_none(self) -> None:
        i = Variable(np.array(5.0))
        np.max(Variable(np.array([np.nan, 1.0])), initial=i).backward()
        self.assertEqual(i.grad, 0.0)

    def test_integers_round_it(self) -> None:
        i = Variable(np.array(2.5))
        y = np.sum(Variable(np.array([1.0, 2.0])), dtype=int, initial=i)
        self.assertEqual(y.dtype, int)
        y.backward()
        self.assertEqual(i.grad, 0.0)

    def test_compiled(self) -> None:
        for function in (np.sum, np.prod, np.max, np.min, np.nansum, np.nanmax):
            with self.subTest(function):
                f = grad(lambda a, i, function=function: np.sum(function(a, axis=0, initial=i) ** 2), argnums=(0, 1))
                values = lambda a, i, function=function: function(a, axis=0, initial=i)  # noqa: E731
                compiled, value = compile(f), compile(values)
                for k in range(4):
                    a, i = np.random.default_rng(k).normal(size=(3, 4)), np.array(0.2 * k)
                    np.testing.assert_allclose(value(a, i), values(a, i), rtol=1e-12)
                    for found, right in zip(compiled(a, i), f(a, i), strict=True):
                        np.testing.assert_allclose(found, right, rtol=1e-12)


if __name__ == "__main__":
    unittest.main()
