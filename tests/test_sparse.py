"""Sparse derivatives: patterns, colourings, and matrices equal to the dense ones."""

import unittest
from typing import Any

import numpy as np

from wengert import Variable, grad, hessian, jacobian
from wengert.functions import gelu

try:
    from scipy import integrate, optimize, sparse

    from wengert import sparse_hessian, sparse_jacobian, sparsity
    from wengert.sparse.colouring import column_colours, star_colours
except ImportError:  # pragma: no cover
    raise unittest.SkipTest("SciPy is not installed") from None

rng = np.random.default_rng(0)
INDEX = np.array([4, 0, 2, 2])


def laplacian(u: Any) -> Any:
    """The 5-point stencil on a square, with zeros around it."""
    n = int(np.sqrt(u.size))
    v = np.pad(np.reshape(u, (n, n)), 1)
    return np.ravel(4 * v[1:-1, 1:-1] - v[2:, 1:-1] - v[:-2, 1:-1] - v[1:-1, 2:] - v[1:-1, :-2])


def stencil(u: Any) -> Any:
    """The same by slices of what is not at the boundary."""
    n = int(np.sqrt(u.size))
    v = np.reshape(u, (n, n))
    return 4 * v[1:-1, 1:-1] - v[2:, 1:-1] - v[:-2, 1:-1] - v[1:-1, 2:] ** 2 - v[1:-1, :-2] * v[1:-1, 1:-1]


def written(x: Any) -> Any:
    y = np.zeros(6, like=x)
    y[1:4] = x[:3] ** 2
    y[3:] += x[3:] * x[2:5]
    return y


EXACT = {  # functions of six elements whose patterns have no element more than needed
    "slices": lambda x: x[1:] * x[:-1],
    "indices": lambda x: x[INDEX] ** 2,
    "concatenate": lambda x: np.concatenate([x[:2], np.ones(2), np.sin(x[4:])]),
    "stack": lambda x: np.stack([x, x[::-1]]),
    "roll": lambda x: x + np.roll(x, 2) * 3,
    "reshape and transpose": lambda x: np.reshape(x, (2, 3)).T * x[0],
    "sums along an axis": lambda x: np.sum(np.reshape(x, (2, 3)) ** 2, axis=0),
    "mean": lambda x: np.mean(np.reshape(x, (2, 3)), axis=-1, keepdims=True) * np.ones(2),
    "diff": lambda x: np.diff(x, 2),
    "product with a vector": lambda x: np.reshape(x, (2, 3)) @ np.array([1.0, 2.0, 3.0]),
    "product of matrices": lambda x: np.reshape(x[:4], (2, 2)) @ np.reshape(x[2:], (2, 2)),
    "product from the left": lambda x: np.ones((2, 3)) @ np.reshape(x, (3, 2)),
    "fused": lambda x: gelu(x[:3]),
    "writes": written,
    "whole": lambda x: np.sum(x) * np.ones(2),
    "batches of products": lambda x: np.ones((2, 3, 1)) @ np.reshape(x, (2, 1, 3)),
}
CONSERVATIVE = {
    "cumsum": lambda x: np.cumsum(x),
    "solve": lambda x: np.linalg.solve(np.eye(6) * 2, x),
    "where": lambda x: np.where(x > 0, x, x[::-1]),
    "sort": lambda x: np.sort(x),
    "max": lambda x: np.max(np.reshape(x, (2, 3)), axis=1),
    "steps": lambda x: np.floor(x) * 2 + np.round(x) + x[0],
    "norm": lambda x: x / np.linalg.norm(x),
    "einsum": lambda x: np.einsum("ij,j->i", np.reshape(x, (2, 3)), np.ones(3)),
}


class PatternTest(unittest.TestCase):
    def test_patterns_and_matrices(self) -> None:
        x0 = rng.standard_normal(6)
        for name, f in {**EXACT, **CONSERVATIVE}.items():
            with self.subTest(name):
                union = np.zeros(sparsity(f, x0).shape, bool)
                for _ in range(4):
                    x = rng.standard_normal(6)
                    dense = np.reshape(jacobian(f)(x), (-1, 6))
                    union |= dense != 0
                    for mode in (None, "forward", "reverse"):
                        found = sparse_jacobian(f, x0, mode=mode)(x)
                        self.assertIsInstance(found, sparse.csr_array)
                        np.testing.assert_allclose(found.toarray(), dense, rtol=1e-10, atol=1e-12)
                pattern = sparsity(f, x0).toarray()
                self.assertFalse((union & ~pattern).any())
                if name in EXACT:
                    np.testing.assert_array_equal(pattern, union)

    def test_an_exact_zero_is_no_structure(self) -> None:
        self.assertEqual(sparsity(lambda x: 0.0 * x, np.zeros(2)).nnz, 2)

    def test_single_precision_empty_and_constant(self) -> None:
        self.assertEqual(sparse_jacobian(np.sin, np.zeros(3, np.float32))(np.ones(3, np.float32)).dtype, np.float32)
        self.assertEqual(sparse_jacobian(np.sin, np.zeros(0))(np.zeros(0)).shape, (0, 0))
        self.assertEqual(sparse_jacobian(lambda x: np.ones(2), np.zeros(3))(np.zeros(3)).nnz, 0)

    def test_hessians(self) -> None:
        functions = {
            "chain": lambda x: np.sum(x[1:] ** 2 * x[:-1]),
            "arrow": lambda x: np.sum(x * x[0] ** 2),
            "Rosenbrock": lambda x: np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),
            "dense": lambda x: np.log(np.sum(np.exp(x))),
            "linear": lambda x: np.sum(x),
        }
        for name, f in functions.items():
            with self.subTest(name):
                h = sparse_hessian(f, np.zeros(6))
                for _ in range(2):
                    x = rng.standard_normal(6)
                    np.testing.assert_allclose(h(x).toarray(), hessian(f)(x), rtol=1e-9, atol=1e-12)
        self.assertLessEqual(sparse_hessian(functions["Rosenbrock"], np.zeros(50)).colours, 3)
        self.assertEqual(sparse_hessian(functions["arrow"], np.zeros(50)).colours, 2)

    def test_messages(self) -> None:
        with self.assertRaisesRegex(TypeError, "one real floating array, but got"):
            sparsity(lambda x: (x, x), np.zeros(2))
        with self.assertRaisesRegex(TypeError, "with respect to one array, but got 2; see flatten"):
            sparsity(lambda x: x[0], (np.zeros(2), np.zeros(2)))
        with self.assertRaisesRegex(TypeError, "with respect to a real array"):
            sparsity(lambda x: np.abs(x), np.zeros(2, complex))
        with self.assertRaisesRegex(
            ValueError, "was made for 2 results and 2 elements of the argument, but got 3 and 3"
        ):
            sparse_jacobian(np.sin, np.zeros(2))(np.zeros(3))
        with self.assertRaisesRegex(ValueError, "mode of sparse_jacobian"):
            sparse_jacobian(np.sin, np.zeros(2), mode="both")

    def test_values_are_plain_arrays(self) -> None:
        self.assertIs(type(sparse_jacobian(np.sin, np.zeros(2))(Variable(np.ones(2))).data), np.ndarray)


class ColouringTest(unittest.TestCase):
    def test_columns_of_a_colour_share_no_row(self) -> None:
        for _ in range(20):
            pattern = sparse.csr_array(rng.random((12, 15)) < 0.15)
            colours = column_colours(pattern)
            for colour in range(colours.max() + 1):
                self.assertLessEqual(np.max(np.sum(pattern.toarray()[:, colours == colour], axis=1)), 1)

    def test_stars(self) -> None:
        for _ in range(10):
            half = rng.random((12, 12)) < 0.1
            pattern = half | half.T | np.eye(12, dtype=bool)
            h = np.where(pattern, rng.standard_normal((12, 12)), 0)
            h = h + h.T
            found = sparse_hessian(lambda x, h=h, p=pattern: quadratic(x, h, p), np.zeros(12))
            np.testing.assert_array_equal(found.sparsity.toarray(), pattern)
            np.testing.assert_allclose(found(np.ones(12)).toarray(), h, atol=1e-12)
            self.assertLessEqual(star_colours(pattern).max(), column_colours(pattern).max() + 1)

    def test_stencils_take_about_as_few_colours_as_possible(self) -> None:
        for f in (laplacian, stencil):
            jac = sparse_jacobian(f, np.zeros(400))
            self.assertLessEqual(jac.colours, 6)
            x = rng.standard_normal(400)
            np.testing.assert_allclose(jac(x).toarray(), np.reshape(jacobian(f)(x), (-1, 400)), atol=1e-12)


def quadratic(x: Any, h: Any, pattern: Any) -> Any:
    i, j = np.nonzero(pattern)
    return np.sum(x[i] * h[i, j] * x[j]) / 2


class SolversTest(unittest.TestCase):
    def test_least_squares(self) -> None:
        def f(x: Any) -> Any:
            return np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])

        found = optimize.least_squares(f, np.zeros(8), jac=sparse_jacobian(f, np.zeros(8)))
        np.testing.assert_allclose(found.x, 1, rtol=1e-6)

    def test_solve_ivp(self) -> None:
        def f(t: Any, y: Any) -> Any:
            return np.concatenate([y[1:] - y[:-1], -y[-1:]]) * 5

        y0 = np.ones(5)
        jac = sparse_jacobian(f, 0.0, y0, argnums=1)
        found = integrate.solve_ivp(f, (0, 1), y0, method="BDF", jac=jac, rtol=1e-8, atol=1e-10)
        other = integrate.solve_ivp(f, (0, 1), y0, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found.y[:, -1], other.y[:, -1], rtol=1e-5)

    def test_minimize(self) -> None:
        def f(x: Any) -> Any:
            return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

        x0 = np.zeros(6)
        found = optimize.minimize(f, x0, jac=grad(f), hess=sparse_hessian(f, x0), method="trust-constr")
        np.testing.assert_allclose(found.x, 1, rtol=1e-3)


if __name__ == "__main__":
    unittest.main()
