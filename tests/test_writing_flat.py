"""``x.flat`` of Variables: reads and writes as NumPy's, with their derivatives."""

import unittest
from typing import Any

import numpy as np

from wengert import Variable, value_and_grad


def by_number(a: Any, v: Any) -> Any:
    a.flat[3] = v[0]
    return a


def by_slice(a: Any, v: Any) -> Any:
    a.flat[1::2] = v
    return a


def repeated(a: Any, v: Any) -> Any:
    a.flat[[5, 0, 3, 1]] = v[:2]
    return a


def by_mask(a: Any, v: Any) -> Any:
    a.flat[np.array([True, False, True, True, False, False])] = v
    return a


def all_of_it(a: Any, v: Any) -> Any:
    a.flat = v
    return a


def of_columns(a: Any, v: Any) -> Any:
    a.T.flat[2] = v[1]
    return a * a.flat[2] + sum(x * x for x in a.flat)


def of_numbers(a: Any, v: Any) -> Any:
    b = v[1, ...]
    b.flat[0] = 7.0 * v[0]
    return b * v


class FlatTest(unittest.TestCase):
    def test_writes_and_reads(self) -> None:
        a, v = np.arange(1.0, 7.0).reshape(2, 3), np.array([0.3, -0.7, 1.1])
        for program in (by_number, by_slice, repeated, by_mask, all_of_it, of_columns, of_numbers):
            with self.subTest(program.__name__):

                def loss(a: Any, v: Any, program: Any = program) -> Any:
                    return np.sum(np.sin(program(a, v)))

                wanted = loss(a.copy(), v.copy())
                value, gradients = value_and_grad(loss, (0, 1))(a, v)
                self.assertAlmostEqual(float(value), float(wanted), 12)
                for g, x in zip(gradients, (a, v), strict=True):
                    for i in np.ndindex(x.shape):
                        moved = [y.astype(complex) for y in (a, v)]
                        moved[x is v][i] += 1e-30j
                        self.assertAlmostEqual(g[i], loss(*moved).imag / 1e-30, 12)

    def test_what_is_read_is_a_copy(self) -> None:
        x = Variable(np.arange(4.0)) * 1.0
        y = x.flat[1:3]
        y[0] = 9.0
        np.testing.assert_array_equal(x.data, np.arange(4.0))
        self.assertEqual(len(x.flat), 4)

    def test_out_of_bounds(self) -> None:
        x = Variable(np.arange(4.0)) * 1.0
        with self.assertRaisesRegex(IndexError, "index 4 is out of bounds"):
            x.flat[4] = 1.0
        with self.assertRaisesRegex(IndexError, "index 4 is out of bounds"):
            x.flat[4]


if __name__ == "__main__":
    unittest.main()
