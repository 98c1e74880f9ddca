"""Defects that the engine once had, each by the smallest program that showed it."""

import unittest

import numpy as np

from wengert import Variable


class RegressionTest(unittest.TestCase):
    def test_whole_numbers_do_not_overflow_in_a_derivative(self) -> None:
        x = Variable(np.array([20, 200], np.uint8))
        np.arctan(x).backward()
        np.testing.assert_allclose(x.grad, [1 / 401, 1 / 40001], rtol=1e-6)
        y = Variable(np.array([3.0, 4.0]))
        np.arctan2(y, np.array([100, 200], np.uint8)).backward()
        np.testing.assert_allclose(y.grad, [100 / 10009, 200 / 40016])

    def test_a_list_beside_a_variable(self) -> None:
        x = Variable(np.array([3.0, 4.0]))
        (x / [2, 4]).backward()
        np.testing.assert_array_equal(x.grad, [0.5, 0.25])


if __name__ == "__main__":
    unittest.main()
