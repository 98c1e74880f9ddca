"""Decisions of derivatives, which are checked together at the end of a plan: each, where it comes out otherwise."""

import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.installed import INSTALLED
from wengert import Parameter, grad
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted, native
from wengert.functions.binary_loss import binary_cross_entropy
from wengert.functions.exponential_sums import logsumexp

RUNNER = native if INSTALLED else interpreted


def guards_of(compiled: Any) -> int:
    return sum(node.op == "guard" for node in compiled.plans[0].trace.graph.effects)


class DecisionsTest(unittest.TestCase):
    """A loop of steps, of which one decides otherwise than in the traced calls."""

    def check(self, function: Any, usual: Any, others: list[Any], dtypes: Any = (np.float64, np.float32)) -> Any:
        """Compare calls of a compiled function with eager ones: usual values, others, and the usual ones again."""
        for dtype in dtypes:
            c = compile(function, runner=RUNNER)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error")
                first = None
                for x in (usual, usual, usual, *others, usual, *others, *others, usual):
                    x = np.array(x, dtype)
                    found, wanted = c(x), function(x)
                    self.assertEqual((found.dtype, found.shape), (wanted.dtype, wanted.shape))
                    np.testing.assert_allclose(found, wanted, 1e-4 if dtype is np.float32 else 1e-9)
                    first = first or c.plans[0]
            self.assertIsNone(c.given_up)
            self.assertIn(first, c.plans)
            self.assertLessEqual(guards_of(c), 6)  # however many steps there are
        return c

    def steps(self, step: Callable[..., Any], order: int = 1) -> Any:
        """The derivative of a loop with a decision for each row of its argument."""

        def loss(x: Any) -> Any:
            total = 0.0
            for i in range(6):
                total = total + np.sum(step(x[i]))
            return total

        first = grad(loss)
        weights = np.linspace(1, 2, 24).reshape(6, 4)
        return first if order == 1 else grad(lambda x: np.sum(first(x) * weights))

    def rows(self, at: int, row: Any) -> Any:
        x = np.random.default_rng(0).uniform(0.5, 1.5, (6, 4))
        x[at] = row
        return x

    def usual(self) -> Any:
        return self.rows(0, [0.5, 1.0, 1.5, 0.7])

    def test_a_power_of_zero(self) -> None:
        # 0 times infinity of b a^(b - 1) and of the logarithm is 0
        for order in (1, 2):
            function = self.steps(lambda x: x[:2] ** x[2:], order)
            others = [self.rows(i, [0.0, 0.5, 0.0, 1.0]) for i in (0, 3, 5)]
            self.check(function, self.usual(), others)

    def test_a_power_that_is_no_number(self) -> None:
        others = [self.rows(i, [np.nan, 0.5, 1.0, 1.0]) for i in (0, 5)] + [self.rows(3, [np.inf, 0.5, 0.0, 1.0])]
        self.check(self.steps(lambda x: x[:2] ** x[2:]), self.usual(), others)

    def test_the_sums_overflow_together(self) -> None:
        # each sum is finite in double precision, that of all is not
        scale = 4e307
        function = self.steps(lambda x: (x[:2] ** x[2:]) * scale)
        c = compile(function, runner=RUNNER)
        x = self.usual()
        with np.errstate(all="ignore"):
            for y in (x, x, x, self.rows(4, [0.0, 0.5, 0.0, 1.0]), x):
                np.testing.assert_allclose(c(y), function(y), 1e-9)

    def test_the_determinant_of_a_singular_matrix(self) -> None:
        for order in (1, 2):
            function = self.steps(lambda x: np.linalg.det(np.reshape(x, (2, 2)) + 2 * np.eye(2)), order)
            self.check(function, self.usual(), [self.rows(i, [-1.0, 1.0, 1.0, -1.0]) for i in (0, 3, 5)])

    def test_a_product_with_a_zero(self) -> None:
        for order in (1, 2):
            others = [self.rows(0, [0.0, 1.0, 2.0, 3.0]), self.rows(5, [0.0, 0.0, 2.0, 3.0])]
            others += [self.rows(3, [1e-6, 1.0, 2.0, 3.0])]  # and, for the second derivative, one beside a tiny factor
            self.check(self.steps(np.prod, order), self.usual(), others)

    def test_a_sum_of_exponentials_that_is_infinite(self) -> None:
        for order in (1, 2):
            others = [self.rows(4, [np.inf, 1.0, 2.0, 3.0]), self.rows(5, np.full(4, -np.inf))]
            self.check(self.steps(logsumexp, order), self.usual(), others)

    def test_kinks_that_are_differentiated_again(self) -> None:
        kinks: dict[str, Callable[..., Any]] = {
            "norm": lambda x: np.linalg.norm(x) ** 2,
            "hypot": lambda x: np.hypot(x[:2], x[2:]) ** 2,
            "absolute": lambda x: np.abs(x) ** 3,
            "maximum": lambda x: np.maximum(x[:2], x[2:]) ** 2,
            "std": lambda x: np.std(x) ** 2,
        }
        for name, kink in kinks.items():
            with self.subTest(name):
                others = [self.rows(i, np.zeros(4)) for i in (0, 5)]
                self.check(self.steps(kink, 2), self.usual(), others, (np.float64,))

    def test_walks_whose_gradients_are_not_finite(self) -> None:
        # the gradient of each step, in an optimiser: where a mask or a limit is to be found
        step = grad(lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0) * x))

        def descent(x: Any) -> Any:
            for _ in range(5):
                x = x - 0.1 * step(x)
            return x

        self.check(descent, [0.5, 1.0, 1.5], [[0.0, 1.0, 1.5], [-1.0, 0.0, 1.0]], (np.float64,))

    def test_a_jacobian_whose_elements_are_limits(self) -> None:
        def cube_of_a_root(x: Any) -> Any:
            return np.cbrt(x) ** 3

        for mode in ("forward", "reverse"):
            with self.subTest(mode):
                self.check(wengert.jacobian(cube_of_a_root, mode=mode), [1.0, 2.0], [[0.0, 2.0], [0.0, 0.0]])

    def test_another_decision_in_the_second_call_is_another_branch(self) -> None:
        # as many decisions of each kind, but in other steps: no change that the tracer cannot see
        function = self.steps(np.prod)
        c = compile(function, runner=RUNNER)
        zero = [0.0, 1.0, 2.0, 3.0]
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            for i in (2, 4, 3, 3, 2, 2, 4, 4, 5, 5):
                x = self.rows(i, zero)
                np.testing.assert_allclose(c(x), function(x), 1e-9)
        self.assertIsNone(c.given_up)

    def test_a_refused_value_leaves_all_as_it_was(self) -> None:
        def step(p: Any, x: Any) -> Any:
            total: Any = 0.0
            for row in range(6):
                total = total + binary_cross_entropy(p * x[row], np.full(2, 0.5))
            total.backward()
            p.data -= 0.1 * p.grad
            p.cleargrad()
            return total.data

        p, q = Parameter(np.array([0.5, 0.6])), Parameter(np.array([0.5, 0.6]))
        c = compile(step, runner=RUNNER)
        x = np.full((6, 2), 0.5)
        for _ in range(4):
            self.assertAlmostEqual(float(c(p, x)), float(step(q, x)), 12)
        wrong = x.copy()
        wrong[3, 1] = 10.0
        before = p.data.copy()
        for _ in range(2):
            with self.assertRaisesRegex(ValueError, "binary_cross_entropy needs"):
                c(p, wrong)
            np.testing.assert_array_equal(p.data, before)
            p.cleargrad()
        self.assertAlmostEqual(float(c(p, x)), float(step(q, x)), 12)
        np.testing.assert_allclose(p.data, q.data, 1e-12)
        self.assertIsNone(c.given_up)

    def test_writes_are_not_done_where_a_decision_fails_at_the_end(self) -> None:
        def step(p: Any) -> Any:
            total = np.sum(p ** np.array([0.0, 0.5]))
            gradient = wengert.grad(lambda x: np.sum(x ** np.array([0.0, 0.5]) ** x))(p)
            p -= 0.01 * gradient
            return total

        c = compile(step, runner=RUNNER)
        p, q = np.array([0.5, 0.6]), np.array([0.5, 0.6])
        with np.errstate(all="ignore"):
            for value in (0.5, 0.5, 0.5, 0.0, 0.7, 0.0):
                p[0] = q[0] = value
                np.testing.assert_allclose(c(p), step(q), 1e-12)
                np.testing.assert_allclose(p, q, 1e-12)


if __name__ == "__main__":
    unittest.main()
