"""Systems of equations whose matrix is a Cholesky factor: by substitution, in all forms."""

import itertools
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.compile_case import CompileCase
from wengert.compiler.targets.cpu.runner import interpreted

cholesky, solve = np.linalg.cholesky, np.linalg.solve
FORMS: dict[str, Callable[[Any, Any], Any]] = {
    "lower": lambda k, b: solve(cholesky(k), b),
    "its transpose": lambda k, b: solve(np.swapaxes(cholesky(k), -1, -2), b),
    "upper": lambda k, b: solve(cholesky(k, upper=True), b),
    "its transpose, lower": lambda k, b: solve(np.swapaxes(cholesky(k, upper=True), -1, -2), b),
    "both": lambda k, b: solve(np.swapaxes(cholesky(k), -1, -2), solve(cholesky(k), b)),
}
VECTORS: dict[str, Callable[[Any, Any], Any]] = {
    "vector": lambda k, b: solve(cholesky(k), b[:, 0]),
    "vector, transpose": lambda k, b: solve(cholesky(k).T, b[:, 0]),
}
OTHERS: dict[str, Callable[[Any, Any], Any]] = {
    "reversed": lambda k, b: solve(cholesky(k)[::-1, ::-1], b),
    "a part": lambda k, b: solve(cholesky(k)[1:, 1:], b[1:]),
    "scaled": lambda k, b: solve(cholesky(k) * 2.0, b),
    "a broadcast right-hand side": lambda k, b: solve(cholesky(np.stack([k, k])), b),
}


def positive(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    q = rng.standard_normal(shape)
    return (q @ np.swapaxes(q, -1, -2) + shape[-1] * np.eye(shape[-1])).astype(dtype)


class TriangularSolve(CompileCase):
    def check(self, f: Any, k: Any, b: Any, substituted: bool, **settings: Any) -> None:
        compiled = wengert.compile(f, **settings)
        tolerance = 1e-10 if k.dtype == np.float64 else 1e-4
        for _ in range(3):
            found = compiled(k, b)
            np.testing.assert_allclose(found, f(k, b), tolerance, tolerance)
            self.assertEqual(found.dtype, k.dtype)
        self.assertEqual(compiled.plan.python_calls, ())
        if not settings:  # (the plan of the interpreter has no names of kernels)
            self.assertEqual("triangle solve" in str(compiled.plan), substituted)

    def test_all_forms(self) -> None:
        rng = np.random.default_rng(0)
        sizes = [((1, 1), 1), ((3, 3), 2), ((19, 19), 33), ((16, 16), 130), ((2, 3, 9, 9), 5)]
        for (shape, m), (name, f) in itertools.product(sizes, FORMS.items()):
            with self.subTest(name, shape=shape):
                self.check(f, positive(rng, shape, np.float64), rng.standard_normal((*shape[:-1], m)), True)
        for name, f in (FORMS | VECTORS).items():
            with self.subTest(name, dtype="float32"):
                k, b = positive(rng, (10, 10), np.float32), rng.standard_normal((10, 4)).astype(np.float32)
                self.check(f, k, b, True)
                self.check(f, k.astype(np.float64), b.astype(np.float64), True)

    def test_the_interpreter_computes_the_same(self) -> None:
        rng = np.random.default_rng(0)
        for name, f in (FORMS | VECTORS).items():
            with self.subTest(name):
                self.check(
                    f, positive(rng, (11, 11), np.float64), rng.standard_normal((11, 5)), True, runner=interpreted
                )

    def test_other_matrices_are_factorized(self) -> None:
        rng = np.random.default_rng(0)
        for name, f in OTHERS.items():
            with self.subTest(name):
                self.check(f, positive(rng, (6, 6), np.float64), rng.standard_normal((6, 3)), False)

    def test_derivatives(self) -> None:
        """The derivative of the Cholesky factor solves with it as well, and so does the second derivative."""
        rng = np.random.default_rng(0)
        k, b = positive(rng, (8, 8), np.float64), rng.standard_normal((8, 3))

        def likelihood(k: Any, b: Any) -> Any:
            factor = cholesky(k)
            return np.sum(solve(factor, b) ** 2) + 2 * np.sum(np.log(np.diagonal(factor)))

        self.check(wengert.grad(likelihood), k, b, True)
        self.check(wengert.grad(lambda k, b: np.sum(wengert.grad(likelihood)(k, b) ** 2)), k, b, True)

    def test_a_matrix_that_is_not_positive_definite_is_an_error_as_before(self) -> None:
        k, b = np.eye(3), np.ones((3, 1))
        compiled = wengert.compile(FORMS["lower"])
        for _ in range(3):
            compiled(k, b)
        with self.assertRaisesRegex(np.linalg.LinAlgError, "positive definite"):
            compiled(-k, b)


if __name__ == "__main__":
    unittest.main()
