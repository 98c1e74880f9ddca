"""What is special in running totals, differences and integrals: zeros, NaN, errors."""

import unittest

import numpy as np

from tests.test_reduction import NAN, gradient, second_gradient
from wengert import Variable
from wengert.arrays.newer_numpy import cumulative_sum


class RunningTest(unittest.TestCase):
    def test_zeros_in_a_running_product(self) -> None:
        np.testing.assert_array_equal(gradient(np.cumprod, [0.0, 2.0, 3.0]), [9, 0, 0])
        np.testing.assert_array_equal(gradient(np.cumprod, [2.0, 0.0, 0.0]), [1, 2, 0])

    def test_zeros_to_second_order(self) -> None:
        # the gradient (1 + b, a) has the squared length (1 + b)^2 + a^2
        np.testing.assert_array_equal(second_gradient(np.cumprod, [0.0, 0.0]), [0, 2])
        np.testing.assert_array_equal(second_gradient(np.cumprod, [3.0, 0.0]), [6, 2])

    def test_long_ones_are_right(self) -> None:
        for n in (1, 2, 3, 7, 8, 9, 100):
            x = np.linspace(0.9, 1.1, n)
            x[n // 2] = 0
            others = [[np.prod(np.delete(x[: k + 1], i)) if i <= k else 0 for k in range(n)] for i in range(n)]
            np.testing.assert_allclose(gradient(np.cumprod, x), np.sum(others, axis=1), atol=1e-12)

    def test_nan_gets_no_gradient(self) -> None:
        np.testing.assert_array_equal(gradient(np.nancumsum, [1.0, NAN, 3.0]), [3, 0, 1])
        np.testing.assert_array_equal(gradient(np.nancumprod, [2.0, NAN, 3.0]), [5, 0, 2])

    def test_wrong_axes_are_numpys_errors(self) -> None:
        x = Variable(np.ones((2, 3)))
        for f in (np.cumsum, np.cumprod):
            with self.assertRaisesRegex(np.exceptions.AxisError, "axis 2 is out of bounds"):
                f(x, axis=2)
        with self.assertRaisesRegex(ValueError, "axis.. argument is required"):
            cumulative_sum(x)

    def test_integers(self) -> None:
        for f in (np.cumsum, np.cumprod, np.diff, np.gradient, np.trapezoid, np.ediff1d):
            np.testing.assert_array_equal(gradient(f, [1, 4, 2]), gradient(f, [1.0, 4.0, 2.0]))

    def test_small_integers_do_not_overflow(self) -> None:
        x = [20, 30, 2, 5, 0]
        np.testing.assert_array_equal(
            gradient(np.cumprod, np.array(x, np.uint8)), gradient(np.cumprod, np.array(x, float))
        )

    def test_accumulate_is_the_same(self) -> None:
        np.testing.assert_array_equal(gradient(np.add.accumulate, [1.0, 2.0]), [2, 1])
        np.testing.assert_array_equal(gradient(np.multiply.accumulate, [1.0, 2.0]), [3, 1])


class DifferenceTest(unittest.TestCase):
    def test_wrong_arguments_are_numpys_errors(self) -> None:
        with self.assertRaisesRegex(ValueError, "order must be non-negative"):
            np.diff(Variable(np.ones(3)), -1)
        with self.assertRaisesRegex(ValueError, "at least one dimensional"):
            np.diff(Variable(np.array(1.0)))

    def test_a_gradient_without_terms_is_still_a_variable(self) -> None:
        x = Variable(np.ones(2))
        y = np.sum(np.diff(x, 5)) + np.sum(np.diff(x, 6))
        y.backward(create_graph=True)
        self.assertIsInstance(x.grad, Variable)
        np.testing.assert_array_equal(x.grad.data, [0, 0])

    def test_ends_of_another_dtype_are_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "to_end of np.ediff1d must be of a dtype that casts to .* int64"):
            np.ediff1d(Variable(np.array([1, 2])), to_end=0.5)


class SlopeTest(unittest.TestCase):
    def test_values_are_numpys(self) -> None:
        f, x = np.array([1.0, 2.0, 4.0, 7.0]), np.array([0.0, 1.0, 1.5, 4.0])
        for edge_order in (1, 2):
            for spacing in ((), (2.0,), (x,), ([0, 1, 2, 3],)):
                found = np.gradient(Variable(f), *spacing, edge_order=edge_order)
                np.testing.assert_allclose(found.data, np.gradient(f, *spacing, edge_order=edge_order), rtol=1e-14)

    def test_single_precision_stays(self) -> None:
        self.assertEqual(np.gradient(Variable(np.ones(3, np.float32)), 0.5).dtype, np.float32)
        self.assertEqual(np.gradient(Variable(np.ones(3, np.float32)), np.arange(3.0)).dtype, np.float32)

    def test_equal_steps_between_coordinates(self) -> None:
        """NumPy takes these for one step; the middle slope still is by both neighbours' places."""
        x = Variable(np.arange(3.0))
        np.gradient(np.array([0.0, 1.0, 4.0]), x)[1].backward()
        h = 1e-6
        expected = [(np.gradient(np.array([0.0, 1.0, 4.0]), np.arange(3.0) + h * e)[1] - 2) / h for e in np.eye(3)]
        np.testing.assert_allclose(x.grad, expected, atol=1e-5)

    def test_errors(self) -> None:
        x = Variable(np.ones((3, 2)))
        with self.assertRaisesRegex(ValueError, r"at least edge_order \+ 1 = 3 elements .* axis 1 has 2"):
            np.gradient(x, edge_order=2)
        with self.assertRaisesRegex(ValueError, "edge_order of np.gradient must be 1 or 2, but got 3"):
            np.gradient(x, edge_order=3)
        with self.assertRaisesRegex(TypeError, "one for each of the 2 axes, but got 3"):
            np.gradient(x, 1.0, 1.0, 1.0)
        with self.assertRaisesRegex(ValueError, "as many as the elements along their axis, 3, but got ndarray"):
            np.gradient(x, np.arange(4.0), axis=0)
        with self.assertRaisesRegex(ValueError, "a number or 1-d"):
            np.gradient(x, np.ones((3, 2)), axis=0)
        with self.assertRaisesRegex(np.exceptions.AxisError, "axis 5 is out of bounds"):
            np.gradient(x, axis=5)
        with self.assertRaisesRegex(np.exceptions.AxisError, "axis 3 is out of bounds"):
            np.trapezoid(x, axis=3)


if __name__ == "__main__":
    unittest.main()
