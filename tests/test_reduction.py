"""What is special in reductions: ties, zeros, NaN, overflow, wrong arguments, other dtypes."""

import unittest
from typing import Any

import numpy as np

from wengert import Variable

NAN = np.nan


def gradient(f: Any, x: Any) -> Any:
    """Return the gradient of the sum of ``f(x)``."""
    v = Variable(np.asarray(x))
    np.sum(f(v)).backward()
    return v.grad


def second_gradient(f: Any, x: Any) -> Any:
    """Return the gradient of the sum of the squares of the gradient."""
    v = Variable(np.asarray(x))
    np.sum(f(v)).backward(create_graph=True)
    g = v.grad
    v.cleargrad()
    np.sum(g * g).backward()
    return v.grad


class TiesTest(unittest.TestCase):
    def test_equal_extremes_share_evenly(self) -> None:
        for f in (np.max, np.amax, np.nanmax):
            np.testing.assert_array_equal(gradient(f, [1.0, 3.0, 3.0, 2.0]), [0, 0.5, 0.5, 0])
        for f in (np.min, np.amin, np.nanmin):
            np.testing.assert_array_equal(gradient(f, [1.0, 3.0, 1.0, 1.0]), [1 / 3, 0, 1 / 3, 1 / 3])

    def test_a_tie_beside_a_slice_of_nan(self) -> None:
        x = [[1.0, 1.0, 0.0], [2.0, NAN, 1.0], [0.0, 3.0, 2.0]]
        for axis in (1, -1):
            found = gradient(lambda a: np.max(a, axis), x)  # noqa: B023
            np.testing.assert_array_equal(found, [[0.5, 0.5, 0], [0, 0, 0], [0, 1, 0]])

    def test_ties_are_counted_for_each_slice(self) -> None:
        x = [[1.0, 1.0, 0.0], [2.0, 0.0, 1.0]]
        np.testing.assert_array_equal(gradient(lambda a: np.max(a, axis=1), x), [[0.5, 0.5, 0], [1, 0, 0]])
        np.testing.assert_array_equal(gradient(lambda a: np.max(a, axis=-2, keepdims=True), x), [[0, 1, 0], [1, 0, 1]])

    def test_initial_takes_part(self) -> None:
        np.testing.assert_array_equal(gradient(lambda a: np.max(a, initial=3.0), [1.0, 3.0]), [0, 0.5])
        np.testing.assert_array_equal(gradient(lambda a: np.max(a, initial=4.0), [1.0, 3.0]), [0, 0])

    def test_what_where_leaves_out_takes_no_part(self) -> None:
        mask = np.array([True, False, True])
        np.testing.assert_array_equal(
            gradient(lambda a: np.max(a, initial=0.0, where=mask), [2.0, 2.0, 1.0]), [1, 0, 0]
        )

    def test_the_range_of_equal_numbers(self) -> None:
        np.testing.assert_allclose(gradient(np.ptp, [2.0, 2.0]), [0, 0])

    def test_single_precision_stays(self) -> None:
        self.assertEqual(gradient(np.max, np.ones(3, np.float32)).dtype, np.float32)


class ProductTest(unittest.TestCase):
    def test_zeros(self) -> None:
        np.testing.assert_array_equal(gradient(np.prod, [2.0, 0.0, 3.0]), [0, 6, 0])
        np.testing.assert_array_equal(gradient(np.prod, [2.0, 0.0, 0.0]), [0, 0, 0])
        np.testing.assert_array_equal(second_gradient(np.prod, [0.0, 0.0, 3.0]), [0, 0, 0])

    def test_second_derivatives_of_a_product_with_an_element_that_is_nearly_0(self) -> None:
        for tiny in (1e-17, -3e-12, 1e-6):
            for x in ([tiny, 2.0, 3.0], [2.0, tiny, -5.0]):
                right = 2 * np.array(x) * (np.sum(np.square(x)) - np.square(x))
                for f in (np.prod, np.nanprod):
                    np.testing.assert_allclose(second_gradient(f, x), right, rtol=1e-9, atol=1e-12)

    def test_a_product_that_underflows(self) -> None:
        np.testing.assert_allclose(gradient(np.prod, [1e-200, 1e-200, 1e10]), [1e-190, 1e-190, 0], rtol=1e-12)

    def test_where_hides_zeros_to_second_order(self) -> None:
        mask = np.array([True, False, True])
        x = [2.0, 0.0, 5.0]
        np.testing.assert_array_equal(gradient(lambda a: np.prod(a, where=mask), x), [5, 0, 2])
        np.testing.assert_array_equal(second_gradient(lambda a: np.prod(a, where=mask), x), [4, 0, 10])

    def test_an_array_without_elements(self) -> None:
        self.assertEqual(gradient(np.prod, np.zeros((0, 2))).shape, (0, 2))


class NotANumberTest(unittest.TestCase):
    def test_they_get_no_gradient(self) -> None:
        x = [1.0, NAN, 3.0]
        np.testing.assert_array_equal(gradient(np.nansum, x), [1, 0, 1])
        np.testing.assert_array_equal(gradient(np.nanmean, x), [0.5, 0, 0.5])
        np.testing.assert_array_equal(gradient(np.nanprod, x), [3, 0, 1])
        np.testing.assert_array_equal(gradient(np.nanmax, x), [0, 0, 1])
        np.testing.assert_array_equal(gradient(np.nanmin, x), [1, 0, 0])

    def test_where_nothing_is_left(self) -> None:
        x = [[NAN, NAN], [1.0, 2.0]]
        for f, expected in ((np.nansum, [1, 1]), (np.nanprod, [2, 1])):
            np.testing.assert_array_equal(gradient(lambda a, f=f: f(a, axis=1), x), [[0, 0], expected])
        for f, expected in ((np.nanmean, [0.5, 0.5]), (np.nanmax, [0, 1]), (np.nanmin, [1, 0])):
            with self.assertWarns(RuntimeWarning):  # NumPy's own
                np.testing.assert_array_equal(gradient(lambda a, f=f: f(a, axis=1), x), [[0, 0], expected])

    def test_a_maximum_that_is_nan(self) -> None:
        np.testing.assert_array_equal(gradient(lambda a: np.max(a, axis=1), [[1.0, NAN], [1.0, 2.0]]), [[0, 0], [0, 1]])


class ArgumentsTest(unittest.TestCase):
    def test_wrong_axes_are_numpys_errors(self) -> None:
        x = Variable(np.ones((2, 3)))
        for f in (np.sum, np.mean, np.max, np.prod, np.nansum, np.ptp):
            with self.subTest(f.__name__):
                with self.assertRaisesRegex(
                    np.exceptions.AxisError, "axis 2 is out of bounds for array of dimension 2"
                ):
                    f(x, axis=2)
                with self.assertRaisesRegex(ValueError, "duplicate value in 'axis'"):
                    f(x, axis=(0, 0))

    def test_an_empty_extreme_is_numpys_error(self) -> None:
        with self.assertRaisesRegex(ValueError, "zero-size array to reduction operation maximum"):
            np.max(Variable(np.zeros(0)))

    def test_axis_of_a_number(self) -> None:
        for f in (np.sum, np.prod, np.max):
            for axis in (0, -1):
                self.assertEqual(gradient(lambda a, f=f, axis=axis: f(a, axis=axis), 2.0), 1.0)

    def test_arguments_by_place(self) -> None:
        x = np.array([[1.0, 2.0], [3.0, 5.0]])
        np.testing.assert_array_equal(
            gradient(lambda a: np.sum(a, 1, None, None, True) * [[1], [2]], x), [[1, 1], [2, 2]]
        )
        np.testing.assert_array_equal(gradient(lambda a: np.max(a, 1, None, True, 4.0), x), [[0, 0], [0, 1]])

    def test_out_is_refused_by_name_and_by_place(self) -> None:
        x, out = Variable(np.ones((2, 3))), np.zeros(3)
        for call in (lambda: np.sum(x, 0, None, out), lambda: np.sum(x, 0, out=out), lambda: np.ptp(x, 0, out)):
            with self.assertRaisesRegex(TypeError, "of a Variable into a plain array"):
                call()
        np.testing.assert_array_equal(out, [0, 0, 0])

    def test_the_mask_may_be_a_variable_of_booleans(self) -> None:
        mask = Variable(np.array([True, False]))
        np.testing.assert_array_equal(gradient(lambda a: np.sum(a, where=mask), [1.0, 2.0]), [1, 0])

    def test_methods_of_ufuncs_are_the_same(self) -> None:
        x = np.array([[1.0, 2.0], [4.0, 3.0]])
        np.testing.assert_array_equal(gradient(lambda a: np.add.reduce(a, axis=1, keepdims=True), x), np.ones((2, 2)))
        np.testing.assert_array_equal(gradient(np.maximum.reduce, x), [[0, 0], [1, 1]])


class DtypesTest(unittest.TestCase):
    def test_integers(self) -> None:
        x = np.array([[1, 2], [4, 3]])
        for f in (np.sum, np.mean, np.max, np.min, np.prod, np.nansum, np.nanmean, np.nanprod, np.ptp):
            with self.subTest(f.__name__):
                found = gradient(lambda a, f=f: f(a, axis=1), x)
                self.assertEqual(found.dtype, np.float64)
                np.testing.assert_allclose(found, gradient(lambda a, f=f: f(a, axis=1), x.astype(float)))

    def test_small_integers_do_not_overflow(self) -> None:
        for x in ([20, 30, 5], [20, 30, 0, 5, 7]):
            found = gradient(np.prod, np.array(x, np.uint8))
            np.testing.assert_allclose(found, gradient(np.prod, np.array(x, float)))

    def test_a_sum_that_rounds_is_flat(self) -> None:
        for f in (np.sum, np.prod, np.mean, np.nansum):
            np.testing.assert_array_equal(gradient(lambda a, f=f: f(a, dtype=int), [1.5, 2.5]), [0, 0])

    def test_counts_and_positions_are_arrays(self) -> None:
        x = Variable(np.array([[1.0, 0.0], [NAN, 3.0]]))
        for f in (np.count_nonzero, np.all, np.any, np.argmax, np.nanargmin, np.isnan, np.nonzero, np.argwhere):
            self.assertNotIsInstance(f(x), Variable)
        self.assertEqual(np.count_nonzero(x), 3)

    def test_gradients_are_of_their_own(self) -> None:
        x = Variable(np.ones(3))
        y = np.sum(x)
        y.backward()
        x.grad += 1  # neither a read-only view nor another's array
        np.testing.assert_array_equal(x.grad, [2, 2, 2])
        self.assertEqual(y.grad, 1)


if __name__ == "__main__":
    unittest.main()
