"""What is special in sorting and order statistics: ties, NaN, errors, constants."""

import unittest

import numpy as np

from tests.test_reduction import NAN, gradient
from wengert import Variable, compile, grad, hessian

WEIGHTS = np.array([1.0, 10.0, 100.0, 1000.0])


class TiesTest(unittest.TestCase):
    """One permutation, that of the stable sort, wherever elements are equal."""

    def test_sorted_elements(self) -> None:
        x = [3.0, 1.0, 3.0, 2.0]
        np.testing.assert_array_equal(gradient(lambda a: np.sort(a) * WEIGHTS, x), [100, 1, 1000, 10])
        np.testing.assert_array_equal(gradient(lambda a: np.partition(a, 1) * WEIGHTS, x), [100, 1, 1000, 10])
        two = np.array([x, [2.0, -0.0, 2.0, 0.0]])
        for axis, expected in ((-1, [[100, 1, 1000, 10], [100, 1, 1000, 10]]), (0, [[10, 10, 10, 10], [1, 1, 1, 1]])):
            weights = WEIGHTS if axis else WEIGHTS[:2, None]
            np.testing.assert_array_equal(gradient(lambda a: np.sort(a, axis) * weights, two), expected)  # noqa: B023

    def test_medians(self) -> None:
        np.testing.assert_array_equal(gradient(np.median, [1.0, 2.0, 2.0, 3.0]), [0, 0.5, 0.5, 0])
        np.testing.assert_array_equal(gradient(np.median, [1.0, 2.0, 3.0, 3.0]), [0, 0.5, 0.5, 0])
        np.testing.assert_array_equal(gradient(np.median, [3.0, 3.0, 3.0]), [0, 1, 0])

    def test_quantiles_by_weights(self) -> None:
        x, weights = [3.0, 3.0, 1.0, 3.0], np.array([1.0, 2.0, 1.0, 4.0])
        for f in (np.quantile, np.nanquantile):
            found = gradient(
                lambda a: f(a, [1 / 8, 2 / 8, 4 / 8, 1], method="inverted_cdf", weights=weights) * WEIGHTS,  # noqa: B023
                x,
            )
            np.testing.assert_array_equal(found, [10, 100, 1, 1000])

    def test_what_the_order_does_not_matter_for(self) -> None:
        x = np.array([[1.0, 1.0, 2.0, 1.0], [0.0, -0.0, 5.0, 5.0]])
        quarters, equal = np.array([0.25, 0.5, 0.75, 1.0]), np.ones(4)
        for f in (
            np.sort,
            lambda a: np.sort(a, axis=0),
            lambda a: np.sort(a, axis=None),
            lambda a: np.partition(a, (1, 3)),
            lambda a: np.real(np.sort_complex(a)),
            lambda a: np.quantile(a, [0, 1 / 3, 2 / 3, 1], axis=1),
            lambda a: np.percentile(a, [0, 100], axis=0),
            lambda a: np.nanquantile(a, quarters, axis=1, method="inverted_cdf", weights=np.array([equal, equal])),
        ):
            for dtype in (np.float64, np.float32):
                second = hessian(lambda a: np.sum(f(a) ** 4))(x.astype(dtype)).reshape(8, 8)  # noqa: B023
                np.testing.assert_allclose(second, np.diag(12 * x.ravel() ** 2), rtol=1e-5)

    def test_compiled_as_eager(self) -> None:
        f = grad(lambda a: np.sum(np.sort(a) * WEIGHTS) + np.median(a))
        compiled, x = compile(f), np.array([3.0, 1.0, 3.0, 3.0])
        for _ in range(3):
            np.testing.assert_array_equal(compiled(x), f(x))


class NotANumberTest(unittest.TestCase):
    def test_sorted_last(self) -> None:
        np.testing.assert_array_equal(gradient(lambda a: np.sort(a)[:2] * [1, 2], [2.0, NAN, 1.0]), [2, 0, 1])

    def test_several_keep_their_order(self) -> None:
        x = np.random.default_rng(0).permutation(1000.0 * np.arange(1.0, 401.0)).reshape(2, 200)
        x[:, ::7] = NAN
        for axis in (0, 1, None):
            weights = np.arange(400.0).reshape((400,) if axis is None else x.shape)
            order = np.argsort(x, axis, kind="stable")
            expected = np.empty(400 if axis is None else x.shape)
            np.put_along_axis(expected, order, weights, 0 if axis is None else axis)
            found = gradient(lambda a: np.sort(a, axis) * weights, x)  # noqa: B023
            np.testing.assert_array_equal(found, expected.reshape(x.shape))

    def test_a_median_that_is_nan(self) -> None:
        x = [[1.0, NAN, 2.0], [1.0, 3.0, 2.0]]
        np.testing.assert_array_equal(gradient(lambda a: np.median(a, 1), x), [[0, 0, 0], [0, 0, 1]])
        np.testing.assert_array_equal(gradient(lambda a: np.quantile(a, [0, 1], 1), x), [[0, 0, 0], [1, 1, 0]])

    def test_left_out(self) -> None:
        x = [[1.0, NAN, 2.0], [NAN, 3.0, NAN], [1.0, 5.0, 2.0]]
        expected = [[0.5, 0, 0.5], [0, 1, 0], [0, 0, 1]]
        np.testing.assert_array_equal(gradient(lambda a: np.nanmedian(a, 1), x), expected)
        np.testing.assert_array_equal(gradient(lambda a: np.nanquantile(a, 0.5, 1), x), expected)

    def test_nothing_left(self) -> None:
        with self.assertWarns(RuntimeWarning):  # NumPy's own
            np.testing.assert_array_equal(
                gradient(lambda a: np.nanmedian(a, 0), [[NAN, 1.0], [NAN, 2.0]]), [[0, 0.5]] * 2
            )


class QuantilesTest(unittest.TestCase):
    def test_weights_of_interpolation(self) -> None:
        np.testing.assert_allclose(gradient(lambda a: np.quantile(a, 0.3), [4.0, 1.0, 2.0]), [0, 0.4, 0.6])
        np.testing.assert_allclose(gradient(lambda a: np.percentile(a, 30), [4.0, 1.0, 2.0]), [0, 0.4, 0.6])
        np.testing.assert_allclose(
            gradient(lambda a: np.quantile(a, 0.3, method="midpoint"), [4.0, 1.0, 2.0]), [0, 0.5, 0.5]
        )

    def test_by_weights_the_element(self) -> None:
        weights = np.array([0.2, 0.1, 0.7])
        found = gradient(lambda a: np.quantile(a, [0.1, 0.25], method="inverted_cdf", weights=weights), [4.0, 1.0, 2.0])
        np.testing.assert_array_equal(found, [0, 1, 1])

    def test_wrong_arguments(self) -> None:
        x = Variable(np.ones((2, 3)))
        with self.assertRaisesRegex(ValueError, "Quantiles must be in the range"):
            np.quantile(x, 1.5)
        with self.assertRaisesRegex(ValueError, "'nope' is not a valid method"):
            np.quantile(x, 0.5, method="nope")
        with self.assertRaisesRegex(np.exceptions.AxisError, "axis 2 is out of bounds"):
            np.median(x, axis=2)

    def test_the_array_is_not_overwritten(self) -> None:
        x = Variable(np.array([3.0, 1.0, 2.0]))
        for f in (np.median, np.nanmedian, lambda a, **k: np.quantile(a, 0.5, **k)):
            with self.assertRaisesRegex(TypeError, "does not take overwrite_input=True"):
                f(x, overwrite_input=True)
        np.testing.assert_array_equal(x.data, [3, 1, 2])

    def test_two_axes_of_quantiles_over_two_axes(self) -> None:
        x = Variable(np.ones((2, 3, 2)))
        for f in (np.nanquantile, np.nanpercentile):
            with self.assertRaisesRegex(TypeError, "flatten it"):
                f(x, np.ones((2, 2)), axis=(0, 2))


class UniqueTest(unittest.TestCase):
    def test_the_first_of_equal_elements(self) -> None:
        np.testing.assert_array_equal(gradient(lambda a: np.unique(a) * [1, 10], [2.0, 1.0, 2.0]), [10, 1, 0])

    def test_positions_and_counts_are_arrays(self) -> None:
        x = np.array([2.0, 1.0, 2.0])
        values, index, inverse, counts = np.unique(Variable(x), True, True, True)
        self.assertIsInstance(values, Variable)
        for found, expected in zip((values.data, index, inverse, counts), np.unique(x, True, True, True), strict=True):
            np.testing.assert_array_equal(found, expected)

    def test_named_results(self) -> None:
        x = Variable(np.array([[2.0, 1.0], [2.0, NAN]]))
        for f in (np.unique_all, np.unique_counts, np.unique_inverse):
            found, expected = f(x), f(x.data)
            self.assertIs(type(found), type(expected))
            np.testing.assert_array_equal(found.values.data, expected.values)
            np.testing.assert_array_equal(found[1], expected[1])

    def test_not_a_number(self) -> None:
        x = np.array([NAN, 1.0, NAN])
        self.assertEqual(np.unique(Variable(x)).shape, (2,))
        self.assertEqual(np.unique(Variable(x), equal_nan=False).shape, (3,))

    def test_sets_are_refused(self) -> None:
        with self.assertRaisesRegex(TypeError, "np.union1d takes no Variables; write"):
            np.union1d(Variable(np.ones(2)), np.ones(1))


class ConstantsTest(unittest.TestCase):
    def test_positions_are_arrays(self) -> None:
        x = Variable(np.array([3.0, 1.0, 2.0]))
        for found, expected in (
            (np.argsort(x), [1, 2, 0]),
            (x.argsort(), [1, 2, 0]),
            (np.lexsort((x,)), [1, 2, 0]),
            (np.argpartition(x, 1)[1], 2),
            (np.searchsorted([1.5, 2.5], x), [2, 0, 1]),
            (np.digitize(x, [1.5, 2.5]), [2, 0, 1]),
            (np.isin(x, [1.0]), [False, True, False]),
        ):
            self.assertNotIsInstance(found, Variable)
            np.testing.assert_array_equal(found, expected)

    def test_wrong_axes_are_numpys_errors(self) -> None:
        with self.assertRaisesRegex(np.exceptions.AxisError, "axis 1 is out of bounds"):
            np.sort(Variable(np.ones(3)), axis=1)


if __name__ == "__main__":
    unittest.main()
