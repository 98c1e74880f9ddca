"""Cases of the table of derivatives, layers and transforms, compiled and eager."""

import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.compiled_cases import Outcome, check_cases, derivatives
from tests.compiled_programs import check_function, same
from tests.installed import INSTALLED, needs_llvm
from wengert import checkpoint, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted, native
from wengert.core.function import Function
from wengert.functions.activation import gelu
from wengert.functions.classification_loss import softmax_cross_entropy

RUNNER = native if INSTALLED else interpreted


class CasesTest(unittest.TestCase):
    """Some of the cases with first and second derivatives; `python -m tests.fuzz --compile` runs all of them."""

    def check(self, outcome: Outcome, least: int) -> None:
        self.assertEqual(outcome.failed, [], "a compiled case differs from the eager one")
        eager = [reason for reason in outcome.eager if "limit is to be found" not in reason]
        self.assertLessEqual(50 * len(eager), outcome.compared, eager)
        self.assertGreaterEqual(outcome.compared, least)

    def test_by_the_interpreter(self) -> None:
        self.check(check_cases(12), 250)

    @needs_llvm
    def test_in_native_code(self) -> None:
        self.check(check_cases(120, native, 7), 25)
        self.check(check_cases(90, native, 11, (np.float32,)), 15)

    def test_the_second_derivative_of_a_weighted_mean_is_compiled(self) -> None:
        # its slope is multiplied by a Python number, which is traced: it has no dtype
        x, labels = np.array([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5]]), np.array([2, 0])
        weight = np.array([0.5, 1.0, 2.0])
        _, second = derivatives(lambda v: softmax_cross_entropy(v, labels, weight=weight), (0,))
        check_function(second, [x], [1.01 * x], "softmax_cross_entropy", RUNNER)

    def test_a_scalar_is_returned_as_a_scalar(self) -> None:
        for function in (gelu, lambda v: gelu(v, approximate=True)):
            _, second = derivatives(function, (0,))
            check_function(second, [np.array(0.5)], [np.array(0.6)], "gelu", RUNNER)


def loss(x: Any) -> Any:
    return np.sum(np.tanh(x) ** 2 * np.roll(x, 1)) + x[0] * x[-1]


def residuals(x: Any) -> Any:
    return np.stack([x[0] * x[1], np.sin(x[1]) - x[2], np.sum(x**2)])


def deep(x: Any) -> Any:
    for _ in range(3):
        x = np.sin(x) * x
    return x


TRANSFORMS: dict[str, Callable[..., Any]] = {
    "grad": grad(loss),
    "value_and_grad": value_and_grad(loss),
    "grad of grad": lambda x: grad(lambda z: np.sum(grad(loss)(z) ** 2))(x),
    "jacobian": jacobian(residuals),
    "jacobian, forward": lambda x: [jvp(residuals, (x,), (e,))[1] for e in np.eye(3)],
    "hessian": hessian(loss),
    "hvp": lambda x: hvp(loss, (x,), (np.cos(x),)),
    "vjp": lambda x: vjp(residuals, x)[1](np.ones(3)),
    "jvp": lambda x: jvp(residuals, (x,), (x * 2,)),
    "checkpoint": lambda x: grad(lambda z: np.sum(checkpoint(deep)(z)))(x),
    "second derivative of checkpoint": lambda x: hvp(lambda z: np.sum(checkpoint(deep)(z)), (x,), (x,)),
}


class TransformsTest(unittest.TestCase):
    def compare(self, f: Callable[..., Any], *calls: Any, runner: Any = RUNNER) -> Any:
        """The results of calls, which run the plan from the third on."""
        c = compile(f, runner=runner)
        for x in calls:
            same(c(x), f(x), "")
        self.assertIsNone(c.given_up)
        self.assertTrue(any(p.run is not None for p in c.plans))
        return c

    def test_inside(self) -> None:
        xs = [np.array([0.5, -1.0, 2.0]) + 0.1 * i for i in range(4)]
        for name, f in TRANSFORMS.items():
            with self.subTest(name):
                self.compare(f, *xs, runner=interpreted)
        self.compare(lambda x: [f(x) for f in TRANSFORMS.values()], *xs)

    def test_outside(self) -> None:
        """A transform of a compiled function calls it with the Variables of the derivative: it runs eagerly."""
        x = np.array([0.5, -1.0, 2.0])
        compiled = compile(loss, runner=interpreted)
        for _ in range(3):
            compiled(x)
            np.testing.assert_allclose(grad(compiled)(x), grad(loss)(x), rtol=1e-12)
            np.testing.assert_allclose(hessian(compiled)(x), hessian(loss)(x), rtol=1e-12)

    def test_a_function_of_the_user(self) -> None:
        class Softplus(Function):
            def forward(self, x: Any) -> Any:
                self.x = x
                return np.logaddexp(0, x)

            def backward(self, gy: Any) -> Any:
                return gy / (1 + np.exp(-self.x))

        def f(x: Any) -> Any:
            return grad(lambda z: np.sum(Softplus()(z * z)))(x)

        self.compare(f, *(np.array([0.5, -1.0, 2.0]) * i for i in range(1, 5)))

    @unittest.skipUnless(INSTALLED, "needs scipy")
    def test_functions_of_scipy(self) -> None:
        from scipy import special

        def f(x: Any) -> Any:
            return value_and_grad(lambda z: np.sum(special.gammaln(z) * special.jv(1, z) + special.erf(z)))(x)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.compare(f, *(np.array([0.5, 1.0, 2.0]) + i for i in range(4)))

    def test_an_equation_of_motion(self) -> None:
        """Runge-Kutta steps, and the gradient of the final state with respect to all inputs."""

        def motion(state: Any, stiffness: Any) -> Any:
            return np.stack([state[1], -stiffness * np.sin(state[0])])

        def end(start: Any, stiffness: Any) -> Any:
            state, step = start, 0.1
            for _ in range(8):
                a = motion(state, stiffness)
                b = motion(state + step / 2 * a, stiffness)
                c = motion(state + step / 2 * b, stiffness)
                d = motion(state + step * c, stiffness)
                state = state + step / 6 * (a + 2 * b + 2 * c + d)
            return np.sum(state**2)

        def f(x: Any) -> Any:
            return value_and_grad(end, (0, 1))(x[:2], x[2])

        self.compare(f, *(np.array([0.5, -1.0, 2.0]) + 0.1 * i for i in range(4)))

    def test_loops_that_values_end(self) -> None:
        def root(a: Any) -> Any:
            x = a * 1
            for _ in range(50):
                new = (x + a / x) / 2
                if np.max(np.abs(new - x)) < 1e-12:
                    return new
                x = new
            return x

        def halvings(a: Any) -> Any:
            count = 0
            while np.sum(a) > 1:
                a, count = a / 2, count + 1
            return a, count

        for runner in (interpreted, RUNNER):
            with self.subTest(runner=runner):
                for f in (root, halvings):
                    c = compile(f, runner=runner)
                    for scale in (2.0, 2.1, 2.0, 200.0, 2.0, 3.0, 200.0, 199.0, 2.0, 2.05):
                        x = np.array([1.0, 0.5]) * scale
                        same(c(x), f(x), f"{f.__name__} of {x}")
                    self.assertIsNone(c.given_up)
                    self.assertGreater(len(c.plans), 1)


if __name__ == "__main__":
    unittest.main()
