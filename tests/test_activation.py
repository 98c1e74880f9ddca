"""Activation functions at their kinks and far out, in every dtype, on arrays and on Variables."""

import importlib.util
import unittest
import warnings
from typing import Any

import numpy as np

import wengert.functions as F
from wengert import Variable, hvp
from wengert.functions import activation, exponential_sums

EACH = [getattr(F, name) for module in (activation, exponential_sums) for name in module.__all__]
ELEMENTWISE = [f for f in EACH if f not in (F.softmax, F.log_softmax, F.logsumexp)]


def gradient(f: Any, x: Any) -> Any:
    v = Variable(np.asarray(x))
    f(v).backward()
    return v.grad


class EveryActivationTest(unittest.TestCase):
    def test_arrays_give_arrays(self) -> None:
        x = np.array([[-2.0, 0.5, 3.0]])
        for f in EACH:
            with self.subTest(f.__name__):
                self.assertIsInstance(f(x), np.ndarray)
                y = f(Variable(x))
                self.assertIsInstance(y, Variable)
                self.assertEqual(y.creator.name, "".join(w[:1].upper() + w[1:] for w in f.__name__.split("_")))
                np.testing.assert_array_equal(y.data, f(x))

    def test_dtypes(self) -> None:
        for f in EACH:
            for dtype, expected in ((np.float16, np.float16), (np.float32, np.float32), (np.int64, np.float64)):
                with self.subTest(f.__name__, dtype=dtype):
                    x = np.array([-2, 0, 3], dtype)
                    self.assertEqual(f(x).dtype, expected)
                    self.assertEqual(gradient(f, x).dtype, expected)

    def test_complex_numbers_are_refused(self) -> None:
        for f in EACH:
            with (
                self.subTest(f.__name__),
                self.assertRaisesRegex(TypeError, f"{f.__name__} takes real numbers.*np.real"),
            ):
                f(Variable(np.ones(2, complex)))

    def test_extreme_arguments(self) -> None:
        x = np.array([-1e30, -1e4, -800.0, 800.0, 1e4, 1e30])
        for f in ELEMENTWISE:
            for dtype in (np.float64, np.float32):
                with self.subTest(f.__name__), warnings.catch_warnings():
                    warnings.simplefilter("error")
                    if f is F.softsign:
                        continue
                    y, gx = f(x.astype(dtype)), gradient(f, x.astype(dtype))
                    self.assertTrue(np.all(np.isfinite(y)), y)
                    self.assertTrue(np.all(np.isfinite(gx)), gx)

    def test_python_numbers_and_lists(self) -> None:
        for f in ELEMENTWISE:
            np.testing.assert_array_equal(f([-1.0, 2.0]), f(np.array([-1.0, 2.0])))
            self.assertEqual(f(2.0), f(np.array(2.0)))


class InfinityTest(unittest.TestCase):
    def test_limits(self) -> None:
        """Values and slopes at infinity are their limits, on arrays, and where all is recorded again."""
        for f in (F.gelu, lambda x: F.gelu(x, approximate=True), F.silu, F.mish, F.hard_swish):
            for dtype in (np.float64, np.float32):
                x = np.array([-np.inf, -np.finfo(dtype).max, np.finfo(dtype).max, np.inf], dtype)
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    np.testing.assert_array_equal(f(x), [0, 0, x[2], np.inf])
                    self.assertTrue(np.all(np.signbit(f(x)[:2])))
                    np.testing.assert_array_equal(gradient(f, x), [0, 0, 1, 1])
                    v = Variable(x)
                    f(v).backward(create_graph=True)
                    np.testing.assert_array_equal(v.grad.data, [0, 0, 1, 1])
                    np.testing.assert_array_equal(hvp(lambda x, f=f: np.sum(f(x)), (x,), (np.ones_like(x),)), 0)

    def test_the_tail_of_gelu(self) -> None:
        self.assertEqual(gradient(F.gelu, -39.0), 0.0)
        slope = -30.0 * np.exp(-450.0) / np.sqrt(2 * np.pi) + F.gelu(np.array(-30.0)) / -30.0
        np.testing.assert_allclose(gradient(F.gelu, -30.0), slope, rtol=1e-12)


class KinkTest(unittest.TestCase):
    def test_flat_side(self) -> None:
        for f, kinks in ((F.relu, [0]), (F.relu6, [0, 6]), (F.hardtanh, [-1, 1]), (F.hard_sigmoid, [-3, 3])):
            with self.subTest(f.__name__):
                np.testing.assert_array_equal(gradient(f, np.array(kinks, float)), 0)

    def test_hard_swish(self) -> None:
        np.testing.assert_array_equal(gradient(F.hard_swish, [-4.0, -3.0, 0.0, 3.0, 4.0]), [0, 0, 0.5, 1, 1])

    def test_left_slope_at_zero(self) -> None:
        self.assertEqual(gradient(lambda x: F.leaky_relu(x, 0.25), 0.0), 0.25)
        self.assertEqual(gradient(lambda x: F.elu(x, 0.5), 0.0), 0.5)

    def test_learnt_slope(self) -> None:
        x, slope = Variable(np.array([[-2.0, 3.0], [-1.0, -4.0]])), Variable(np.array([0.5, 0.25]))
        F.leaky_relu(x, slope).backward()
        np.testing.assert_array_equal(x.grad, [[0.5, 1], [0.5, 0.25]])
        np.testing.assert_array_equal(slope.grad, [-3, -4])

    def test_parameters(self) -> None:
        x = Variable(np.ones(2))
        with self.assertRaisesRegex(ValueError, "low <= high, but got low=2.0 and high=1.0"):
            F.hardtanh(x, 2, 1)
        with self.assertRaisesRegex(ValueError, "alpha of celu must be a real number above 0, but got int 0"):
            F.celu(x, 0)
        with self.assertRaisesRegex(
            TypeError, "elu is differentiable (by|with respect to) x, but its alpha is a Variable"
        ):
            F.elu(x, Variable(np.ones(())))


class SoftmaxTest(unittest.TestCase):
    def test_masked_elements(self) -> None:
        x = np.array([0.0, -np.inf, 1.0])
        for f in (F.softmax, F.log_softmax, F.logsumexp):
            with self.subTest(f.__name__), warnings.catch_warnings():
                warnings.simplefilter("error")
                v = Variable(x)
                y = f(v)
                (y if f is F.logsumexp else y[::2] * np.array([1.0, 2.0])).backward(create_graph=True)
                gx = v.grad
                self.assertTrue(np.all(np.isfinite(gx.data)))
                self.assertEqual(gx.data[1], 0)
                v.cleargrad()
                (gx * np.array([1.0, 2.0, 3.0])).backward()
                self.assertTrue(np.all(np.isfinite(v.grad)))

    def test_infinite_logsumexp_shares(self) -> None:
        inf = np.inf
        x = np.array([[-inf, -inf], [inf, inf], [inf, 1.0], [0.0, 0.0]])
        found = gradient(lambda x: F.logsumexp(x, axis=1), x)
        np.testing.assert_allclose(found, [[0.5, 0.5], [0.5, 0.5], [1, 0], [0.5, 0.5]])
        np.testing.assert_array_equal(F.logsumexp(x, axis=1)[:3], [-inf, inf, inf])

    def test_no_such_axis(self) -> None:
        for f in (F.softmax, F.log_softmax, F.logsumexp):
            with self.assertRaises(np.exceptions.AxisError):
                f(Variable(np.ones(3)), 1)

    def test_large_numbers(self) -> None:
        np.testing.assert_array_equal(F.softmax(np.array([1e4, 0.0, -1e4])), [1, 0, 0])
        np.testing.assert_array_equal(F.log_softmax(np.array([1e4, 0.0, -1e4])), [0, -1e4, -2e4])

    def test_empty(self) -> None:
        self.assertEqual(F.logsumexp(np.zeros(0)), -np.inf)
        self.assertEqual(F.softmax(np.zeros((2, 0))).shape, (2, 0))


@unittest.skipUnless(importlib.util.find_spec("scipy"), "needs SciPy to compare with")
class SciPyTest(unittest.TestCase):
    def test_values(self) -> None:
        from scipy import special

        x = np.linspace(-30.0, 30.0, 600).reshape(3, 200)
        np.testing.assert_allclose(F.sigmoid(x), special.expit(x), rtol=1e-15)
        np.testing.assert_allclose(F.log_sigmoid(x), special.log_expit(x), rtol=1e-14)
        np.testing.assert_allclose(F.gelu(x), x * special.ndtr(x), rtol=1e-12)
        np.testing.assert_allclose(F.softmax(x), special.softmax(x, axis=-1), rtol=1e-13)
        np.testing.assert_allclose(F.log_softmax(x, (0, 1)), special.log_softmax(x, axis=(0, 1)), rtol=1e-13)
        np.testing.assert_allclose(F.logsumexp(x, 0), special.logsumexp(x, axis=0), rtol=1e-13)


if __name__ == "__main__":
    unittest.main()
