"""Loops are bounded for any argument: they end with the right value or a clear error."""

import itertools
import unittest

import numpy as np

import wengert
from wengert import Variable, grad
from wengert.datasets import ArrayDataset, DataLoader
from wengert.functions.special import modified_bessel
from wengert.optimizers import SGD, CosineDecay


class BesselTest(unittest.TestCase):
    def slope(self, x: float, dtype: type = np.float64) -> float:
        v = Variable(np.array(x, dtype))
        with np.errstate(over="ignore", invalid="ignore"):
            np.i0(v).backward()
        self.assertEqual(v.grad.dtype, dtype)
        return float(v.grad)

    def test_large_arguments(self) -> None:
        for x in (1e3, 1e15, 1e30, 1e300):
            self.assertEqual((self.slope(x), self.slope(-x)), (np.inf, -np.inf))
        self.assertEqual(self.slope(1e30, np.float32), np.inf)
        self.assertEqual(self.slope(90.0, np.float32), np.inf)
        self.assertTrue(np.isnan(self.slope(np.nan)))
        # where np.i0 is finite its slope is, and they grow together: I1 / I0 = 1 - 1 / 2x - 1 / 8x^2 + ...
        for x in (100.0, 500.0, 709.0, 709.7):
            ratio = 1 - 1 / (2 * x) - 1 / (8 * x**2) - 1 / (8 * x**3)
            self.assertAlmostEqual(self.slope(x) / np.i0(x), ratio, places=8)
        x = np.array([1.0, 1e30, -1e30, -2.0])
        np.testing.assert_allclose(modified_bessel(x, 1)[[0, 3]], [0.565159103992485, -1.59063685463733], rtol=1e-14)
        np.testing.assert_array_equal(modified_bessel(x, 2)[1:3], np.inf)

    def test_a_masked_end_has_no_gradient(self) -> None:
        x = np.array([1.0, 1e30])
        with np.errstate(over="ignore"):
            f = grad(lambda x: np.sum(np.where(x < 700, np.i0(x), 0)))
            np.testing.assert_allclose(f(x), [0.565159103992485, 0.0])
            np.testing.assert_allclose(grad(lambda x: np.sum(f(x)))(x), [0.7009067737595233, 0.0])


class NumbersThatAreGivenTest(unittest.TestCase):
    def test_polynomials(self) -> None:
        p = Variable(np.array([1.0, 2.0, 3.0]))
        self.assertEqual(np.polyder(p, 10**18).shape, np.polyder(p.data, 5).shape)
        with self.assertRaisesRegex(ValueError, r"np\.polyint .* from 0 to 1000, but got m=1000000000000"):
            np.polyint(p, 10**12)
        np.testing.assert_allclose(np.polyint(p, 500).data, np.polyint(p.data, 500))

    def test_powers_of_a_matrix(self) -> None:
        a = Variable(np.array([[1.0, 0.0], [0.0, 1.0]]))
        y = np.sum(np.linalg.matrix_power(a, 10**30))
        y.backward()
        np.testing.assert_allclose(a.grad, 1e30)

    def test_batches_prepared_ahead(self) -> None:
        for options in ({"threads": 1}, {"workers": 1}):
            loader = DataLoader(ArrayDataset(np.arange(6.0)), batch_size=2, prefetch=2**40, **options)  # type: ignore[arg-type]
            self.assertEqual([b[0][0] for b in loader], [0.0, 2.0, 4.0])

    def test_cycles_of_a_schedule(self) -> None:
        optimizer = SGD([wengert.Parameter(np.ones(1))], 1.0)
        for growth in (1, 2, 3):
            schedule = CosineDecay(optimizer, 3, restarts=True, growth=growth)
            ends = list(itertools.accumulate(3 * growth**k for k in range(40)))
            schedule.step_count[...] = min(ends[-1], 2**62)
            schedule.write()
            self.assertTrue(0 <= optimizer.learning_rate <= 1)


if __name__ == "__main__":
    unittest.main()
