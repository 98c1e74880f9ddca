"""Functions of Hermitian matrices: equal and nearly equal eigenvalues, and what is refused."""

import unittest

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import normal
from wengert import Variable, check_grad, grad, hessian
from wengert.functions import matrix_function


class MatrixFunctionTest(unittest.TestCase):
    def test_powers(self) -> None:
        symmetric = normal(3, 3) + normal(3, 3).T
        for place in (symmetric, np.eye(3), np.zeros((3, 3)), np.diag([1.0, 1.0, -1.0])):
            for power in (1, 2, 3):
                found = matrix_function(lambda w, p=power: w**p, place)
                np.testing.assert_allclose(found, np.linalg.matrix_power(place, power), atol=1e-12)

            def cube(x: Variable) -> Variable:
                half = (x + x.T) / 2
                return np.sum((half @ half @ half) * symmetric)

            mine = hessian(lambda x: np.sum(matrix_function(lambda w: w**3, x) * symmetric))(place)
            np.testing.assert_allclose(mine, hessian(cube)(place), atol=1e-9)

    @settings(max_examples=12, deadline=None)
    @given(
        st.lists(st.sampled_from([0.0, 1e-14, 1e-9, 1e-6, 1e-3, 0.5, 2.0]), max_size=2),
        st.sampled_from([np.exp, np.sin, lambda w: 1 / (1 + w), lambda w: np.log(1 + w), np.tanh]),
        st.integers(0, 1000),
    )
    def test_three_orders_at_clusters(self, values: list[float], f: object, seed: int) -> None:
        values = [*values, 1.0]  # (steps of differences go by the largest)
        n = len(values)
        q = np.linalg.qr(normal(n, n, seed=seed)).Q
        weights = normal(n, n, seed=seed + 1)
        place = (q * np.array(values)) @ q.T
        check_grad(lambda x: np.sum(matrix_function(f, x) * weights), place, order=3, rtol=1e-4)

    def test_small_values_among_large_ones(self) -> None:
        w = np.array([1e-8, 2e-8, 1.0])
        found = grad(lambda x: matrix_function(np.log, x)[0, 1])(np.diag(w))
        self.assertAlmostEqual(2 * found[0, 1] / (np.log(2) / 1e-8), 1, places=9)

    def test_the_hermitian_part_counts(self) -> None:
        a = normal(3, 3)
        np.testing.assert_allclose(matrix_function(np.exp, a), matrix_function(np.exp, (a + a.T) / 2))
        found = grad(lambda x: np.sum(matrix_function(np.exp, x) ** 2))(a)
        np.testing.assert_allclose(found, found.T)

    def test_an_infinite_derivative_is_not_a_finite_number(self) -> None:
        with np.errstate(all="ignore"):
            found = grad(lambda x: np.trace(matrix_function(np.sqrt, x)))(np.diag([1.0, 0.0]))
        self.assertFalse(np.isfinite(found[1, 1]))

    def test_what_is_refused(self) -> None:
        exponent = Variable(np.array(2.0))
        for error, message, call in (
            (TypeError, "takes a function of eigenvalues, but got", lambda: matrix_function(np.eye(2), np.eye(2))),
            (TypeError, "takes floating matrices, but got", lambda: matrix_function(np.exp, np.eye(2, dtype=int))),
            (ValueError, "takes square matrices", lambda: matrix_function(np.exp, np.ones((2, 3)))),
            (ValueError, "takes square matrices", lambda: matrix_function(np.exp, np.ones(3))),
            (ValueError, "function of each element, of shape", lambda: matrix_function(np.sum, np.eye(2))),
            (TypeError, "must return real numbers", lambda: matrix_function(lambda w: w * 1j, np.eye(2))),
            (TypeError, "may hold no Variables", lambda: matrix_function(lambda w: w**exponent, np.eye(2))),
        ):
            with self.subTest(message), self.assertRaisesRegex(error, message):
                call()


if __name__ == "__main__":
    unittest.main()
