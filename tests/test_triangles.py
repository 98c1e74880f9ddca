"""Hermitian matrices of which NumPy reads one triangle: the gradient lies in it."""

import unittest
from typing import Any

import numpy as np

from tests.cases import complex_array, normal
from tests.test_equal_values import of_svd, weighted
from wengert import check_grad, grad


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
        for triangle, part in (("L", np.tril), ("U", np.triu)):
            found = grad(lambda x, t=triangle: np.sum(np.linalg.eigvalsh(x, t) ** 2))(3 * np.eye(2))
            np.testing.assert_allclose(found, 6 * np.eye(2))

            def log(x: Any, t: str = triangle) -> Any:
                w, v = np.linalg.eigh(x, t)
                return weighted((v * np.log(w)) @ v.T)

            right = grad(lambda x: weighted((x + x.T) / 2))(np.eye(2))
            np.testing.assert_allclose(grad(log)(np.eye(2)), part(right) + part(right, 1 if triangle == "U" else -1))

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
