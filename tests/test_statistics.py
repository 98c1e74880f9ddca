"""What is special in statistics: no variance, few elements, NaN, weights, histograms."""

import unittest
import warnings

import numpy as np

from tests.test_reduction import NAN, gradient, second_gradient
from wengert import Variable


class DeviationTest(unittest.TestCase):
    def test_no_deviation_has_no_gradient(self) -> None:
        for f in (np.std, np.nanstd):
            np.testing.assert_array_equal(gradient(f, [2.0, 2.0, 2.0]), [0, 0, 0])
            np.testing.assert_array_equal(second_gradient(f, [2.0, 2.0, 2.0]), [0, 0, 0])
            np.testing.assert_array_equal(gradient(f, 2.0), 0)

    def test_one_constant_row_among_others(self) -> None:
        found = gradient(lambda a: np.std(a, axis=1), [[1.0, 1.0], [1.0, 3.0]])
        np.testing.assert_array_equal(found, [[0, 0], [-0.5, 0.5]])

    def test_a_complex_mean_of_real_elements_is_refused(self) -> None:
        for f in (np.var, np.std):
            with self.assertRaisesRegex(TypeError, "mean of real elements must be real.*np.real"):
                gradient(lambda a, f=f: np.real(f(a, mean=np.array([1 + 1j]))), [1.0, 2.0])
            with self.assertRaisesRegex(TypeError, "mean of real elements must be real.*np.real"):
                gradient(lambda m, f=f: np.real(f(np.array([1.0, 2.0]), mean=m)), [1 + 1j])

    def test_too_few_elements(self) -> None:
        for f in (np.var, np.std, np.nanvar, np.nanstd):
            with self.assertWarns(RuntimeWarning):  # NumPy's own
                np.testing.assert_array_equal(gradient(lambda a, f=f: f(a, ddof=1), [2.0]), [0])

    def test_nan_is_left_out(self) -> None:
        for f, g in ((np.nanvar, np.var), (np.nanstd, np.std)):
            found = gradient(lambda a, f=f: f(a, ddof=1), [1.0, NAN, 4.0, 2.0])
            np.testing.assert_allclose(found[[0, 2, 3]], gradient(lambda a, g=g: g(a, ddof=1), [1.0, 4.0, 2.0]))
            self.assertEqual(found[1], 0)

    def test_only_nan(self) -> None:
        with self.assertWarns(RuntimeWarning):  # NumPy's own
            np.testing.assert_array_equal(
                gradient(lambda a: np.nanvar(a, 1), [[NAN, NAN], [1.0, 3.0]]), [[0, 0], [-1, 1]]
            )

    def test_integers(self) -> None:
        for f in (np.var, np.std, np.nanvar, np.nanstd, np.average, np.median):
            np.testing.assert_allclose(gradient(f, [1, 4, 2]), gradient(f, [1.0, 4.0, 2.0]))

    def test_too_few_elements_for_ddof_leave_it_a_gradient_of_0(self) -> None:
        d = Variable(np.array(2.5))
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # NumPy's own
            for f in (np.var, np.std, np.nanvar, np.nanstd):
                np.sum(f(Variable(np.array([[1.0, 2.0], [4.0, 3.0]])), axis=1, ddof=d)).backward()
                self.assertEqual(d.grad, 0.0)

    def test_ddof_and_correction_together_are_numpys_error(self) -> None:
        with self.assertRaisesRegex(ValueError, "ddof and correction can't be provided simultaneously"):
            np.var(Variable(np.ones(3)), ddof=1, correction=2)

    def test_a_mean_that_is_given_gets_its_gradient(self) -> None:
        m = Variable(np.array([1.0]))
        np.var(np.array([2.0, 4.0]), mean=m).backward()
        np.testing.assert_array_equal(m.grad, [-4])


class AverageTest(unittest.TestCase):
    def test_weights_get_their_gradient(self) -> None:
        w = Variable(np.array([1.0, 3.0]))
        np.average(np.array([2.0, 6.0]), weights=w).backward()
        np.testing.assert_allclose(w.grad, [-0.75, 0.25])

    def test_errors(self) -> None:
        x = Variable(np.ones((2, 3)))
        with self.assertRaisesRegex(ZeroDivisionError, "must not sum to zero"):
            np.average(x, 0, [1.0, -1.0])
        with self.assertRaisesRegex(TypeError, "axis of np.average must be given"):
            np.average(x, weights=[1.0, 2.0])
        with self.assertRaisesRegex(ValueError, r"shape of the array along the axes \(0,\), \(2,\), but got"):
            np.average(x, 0, [1.0, 2.0, 3.0])
        with self.assertRaisesRegex(np.exceptions.AxisError, "axis 2 is out of bounds"):
            np.average(x, 2)


class CovarianceTest(unittest.TestCase):
    def test_shapes_are_numpys(self) -> None:
        rng = np.random.default_rng(0)
        for shape in ((4,), (1, 4), (4, 1), (3, 4), (0, 4)):
            for rowvar in (True, False):
                m = rng.standard_normal(shape)
                for f in (np.cov, np.corrcoef):
                    if m.size and (m.shape[1:] == (1,) or (m.shape[0] == 1 and m.ndim == 2)):
                        continue  # one observation: NaN, with a warning
                    if not m.size and not rowvar:
                        continue
                    expected = f(m, rowvar=rowvar)
                    found = f(Variable(m), rowvar=rowvar)
                    self.assertEqual(found.shape, np.shape(expected))
                    np.testing.assert_allclose(found.data, expected, rtol=1e-12, atol=1e-14)

    def test_too_few_observations(self) -> None:
        with self.assertWarnsRegex(RuntimeWarning, "Degrees of freedom <= 0"), np.errstate(all="ignore"):
            np.cov(Variable(np.ones((2, 1))))

    def test_errors(self) -> None:
        x = Variable(np.ones((2, 3)))
        with self.assertRaisesRegex(ValueError, "up to two dimensions"):
            np.cov(Variable(np.ones((2, 2, 2))))
        with self.assertRaisesRegex(ValueError, "ddof of np.cov must be an integer, but got 0.5"):
            np.cov(x, ddof=0.5)
        with self.assertRaisesRegex(TypeError, "fweights of np.cov must be integers"):
            np.cov(x, fweights=[0.5, 1, 1])
        with self.assertRaisesRegex(RuntimeError, "aweights of np.cov must be 1-d, one for each of the 3 observations"):
            np.cov(x, aweights=[1.0, 1.0])
        with self.assertRaisesRegex(ValueError, "aweights of np.cov must not be negative"):
            np.cov(x, aweights=[1.0, -1.0, 1.0])

    def test_a_correlation_with_itself_is_flat(self) -> None:
        x = np.array([1.0, 3.0, 2.0, 7.0])
        np.testing.assert_allclose(gradient(lambda a: np.corrcoef(a, 2 * a), x), np.zeros(4), atol=1e-14)


class HistogramTest(unittest.TestCase):
    def test_counts_in_given_bins_are_arrays(self) -> None:
        x = Variable(np.array([0.1, 0.2, 0.9]))
        for options in ({"bins": [0, 0.5, 1]}, {"bins": 2, "range": (0, 1)}):
            counts, edges = np.histogram(x, **options)
            self.assertNotIsInstance(counts, Variable)
            np.testing.assert_array_equal(counts, [2, 1])
            np.testing.assert_array_equal(edges, [0, 0.5, 1])

    def test_edges_from_the_data_are_refused(self) -> None:
        x = Variable(np.array([0.1, 0.2, 0.9]))
        for options in ({}, {"bins": 3}, {"bins": "auto"}, {"bins": "auto", "range": (0, 1)}):
            with self.assertRaisesRegex(TypeError, "edges of np.histogram would be computed from a Variable"):
                np.histogram(x, **options)
        with self.assertRaisesRegex(TypeError, "takes no Variables; write"):
            np.histogram_bin_edges(x)
        y = Variable(np.array([0.3, 0.2, 0.1]))
        for call in (
            lambda: np.histogram2d(x, y.data),
            lambda: np.histogram2d(x.data, y, 3),
            lambda: np.histogram2d(x, y, [3, np.array([0.0, 1.0])], [None, [0.0, 1.0]]),
            lambda: np.histogramdd([x.data, y], [np.array([0.0, 1.0]), 2]),
            lambda: np.histogramdd(np.stack([x, y], 1)),
        ):
            with self.assertRaisesRegex(TypeError, "edges of np.histogramdd would be computed from a Variable"):
                call()

    def test_counts_of_points_are_plain_arrays(self) -> None:
        x, y, edges = Variable(np.array([0.1, 0.2, 0.9])), np.array([0.3, 0.2, 0.1]), np.array([0.0, 0.5, 1.0])
        for found, right in (
            (np.histogram2d(x, y, [edges, 2]), np.histogram2d(x.data, y, [edges, 2])),
            (np.histogram2d(x, y, edges), np.histogram2d(x.data, y, edges)),
            (np.histogram2d(x, y, 2, [[0, 1], [0, 1]]), np.histogram2d(x.data, y, 2, [[0, 1], [0, 1]])),
            (np.histogramdd(x, [edges])[0], np.histogramdd(x.data, [edges])[0]),
        ):
            self.assertNotIsInstance(found[0], Variable)
            for a, b in zip(found, right, strict=True):
                np.testing.assert_array_equal(a, b)

    def test_edges_that_are_variables_are_returned(self) -> None:
        edges, a = Variable(np.array([0.0, 0.5, 1.0])), np.array([0.1, 0.2, 0.9])
        counts, found = np.histogram(a, edges)
        self.assertIs(found, edges)
        np.testing.assert_array_equal(counts, [2, 1])

    def test_weights_outside_all_bins(self) -> None:
        w = Variable(np.array([1.0, 2.0, 3.0, 4.0]))
        heights, _ = np.histogram(np.array([-1.0, 0.0, 1.0, 2.0]), [0.0, 0.5, 1.0], weights=w)
        np.testing.assert_array_equal(heights.data, [2, 3])
        np.sum(heights * [1, 10]).backward()
        np.testing.assert_array_equal(w.grad, [0, 1, 10, 0])


if __name__ == "__main__":
    unittest.main()
