"""Hermitian matrices of which NumPy reads one triangle: the gradient lies in it."""

import unittest
from typing import Any

import numpy as np

from tests.cases import complex_array, normal
from tests.test_equal_values import of_svd, weighted
from wengert import check_grad, grad
from wengert.functions import matrix_function


class TriangleTest(unittest.TestCase):
    """The derivative is that of what NumPy computes from one triangle."""

    def test_against_differences(self) -> None:
        for a in (normal(3, 3) + np.diag([1.0, 4.0, 9.0]), complex_array(3, 3) + np.diag([1.0, 4.0, 9.0])):
            positive = a + 5 * np.eye(3)
            for triangle in "LU":
                check_grad(lambda x, t=triangle: np.linalg.eigvalsh(x, t), a)
                check_grad(lambda x, t=triangle: np.abs(np.linalg.eigh(x, t)[1]) ** 2, a)
            for upper in (False, True):
                check_grad(lambda x, upper=upper: np.linalg.cholesky(x, upper=upper), positive)
            check_grad(lambda x: of_svd(np.sin, x, hermitian=True), a)
            check_grad(lambda x: np.linalg.svd(x, compute_uv=False, hermitian=True), a)
            check_grad(lambda x: np.linalg.pinv(x, hermitian=True), a)

    def test_stacks_and_small_matrices(self) -> None:
        stack = complex_array(2, 3, 3) + np.diag([1.0, 4.0, 9.0])
        for a in (stack, stack.real, np.full((1, 1), 2.0), np.zeros((0, 0)), np.zeros((2, 0, 0)), np.zeros((0, 2, 2))):
            for triangle in "lu":
                check_grad(lambda x, t=triangle: np.linalg.eigvalsh(x, t) ** 3, a)
            check_grad(lambda x: np.linalg.cholesky(x + 9 * np.eye(x.shape[-1])), a)
            check_grad(lambda x: np.linalg.pinv(x, hermitian=True), a)

    def test_at_equal_eigenvalues(self) -> None:
        for triangle in "LU":
            found = grad(lambda x, t=triangle: np.sum(np.linalg.eigvalsh(x, t) ** 2))(3 * np.eye(2))
            np.testing.assert_allclose(found, 6 * np.eye(2))

            def log(x: Any, t: str = triangle) -> Any:
                w, v = np.linalg.eigh(x, t)
                return weighted((v * np.log(w)) @ v.T)

            def cubes(x: Any, t: str = triangle) -> Any:
                return np.sum(np.linalg.eigvalsh(x, t) ** 3)

            for f in (log, grad(cubes)):
                with self.assertRaisesRegex(np.linalg.LinAlgError, "make it Hermitian before the call"):
                    grad(lambda x, f=f: np.sum(f(x)))(np.eye(2))
            right = grad(lambda x: weighted((x + x.T) / 2))(np.eye(2))
            for make in (lambda x: (x + x.T) / 2, lambda x: x @ x.T, lambda x: np.exp(x + x.T) * np.eye(2), np.cov):
                x = np.eye(2) if make is not np.cov else np.array([[1.0, -1.0, 1, -1], [1.0, 1, -1, -1]])
                found = grad(lambda x, f=log, make=make: f(make(x)))(x)
                same = grad(lambda x, make=make: weighted(matrix_function(np.log, make(x))))(x)
                np.testing.assert_allclose(found, same, atol=1e-12)
            found = grad(lambda x, f=log: f((x + x.T) / 2))(np.eye(2))
            np.testing.assert_allclose(found, right, atol=1e-12)

    def test_by_a_parameter_of_a_symmetric_matrix_it_is_symmetric(self) -> None:
        s = normal(3, 3) + np.diag([3.0, 6.0, 12.0])
        for f in (
            lambda a: np.linalg.eigvalsh(a)[0],
            lambda a: weighted(np.linalg.cholesky(a)),
            lambda a: weighted(np.linalg.pinv(a, hermitian=True)),
        ):
            found = grad(lambda s, f=f: f((s + s.T) / 2))(s)
            np.testing.assert_allclose(found, found.T, atol=1e-12)
            check_grad(lambda s, f=f: f((s + s.T) / 2), s)


if __name__ == "__main__":
    unittest.main()
