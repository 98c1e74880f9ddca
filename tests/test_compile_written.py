"""Compiled functions and Variables that are written to: in the function, and before it."""

import importlib.util
import unittest
import warnings
from typing import Any

import numpy as np

import wengert
from wengert import Parameter, Variable
from wengert.arrays.table import FUNCTIONS
from wengert.compiler.targets.cpu.runner import interpreted, native

MISSING = [name for name in ("llvmlite", "scipy") if importlib.util.find_spec(name) is None]


class Net:
    def __init__(self) -> None:
        self.w = Parameter(np.array([0.5, -1.0, 2.0]))

    def step(self, x: Any) -> Any:
        h = np.zeros_like(self.w)
        h[0] = self.w[1] * x
        h[1:] = self.w[1:] ** 2
        h[1:] += h[:-1]
        self.w.cleargrad()
        loss = np.sum(h * h)
        loss.backward()
        self.w.data -= 0.01 * self.w.grad
        return loss


@unittest.skipIf(MISSING, f"needs {', '.join(MISSING)}: pip install wengert[compile]")
class WrittenTest(unittest.TestCase):
    def test_a_training_step_that_writes(self) -> None:
        eager, other = Net(), Net()
        step = wengert.compile(other.step, runner=interpreted)
        for i in range(6):
            self.assertAlmostEqual(float(step(1.0 + i).data), float(eager.step(1.0 + i).data), 12)
        np.testing.assert_allclose(other.w.data, eager.w.data, rtol=1e-12)
        self.assertIsNone(step.given_up)

    def test_a_float_times_a_variable_is_no_constant(self) -> None:
        p = Parameter(np.ones(3))
        step = wengert.compile(lambda x: np.sum(p * x).backward(), runner=interpreted)
        for x in (1.0, 2.0, 3.0, 4.0):
            p.cleargrad()
            step(x)
            np.testing.assert_array_equal(p.grad, np.full(3, x))
        self.assertIsNone(step.given_up)

    def test_what_is_written_to_is_returned_as_its_value(self) -> None:
        def shifted(x: Any) -> Any:
            y = np.zeros_like(x)
            y[1:] = x[:-1]
            return y, {"first": y[:2]}

        p = Parameter(np.arange(3.0))
        f = wengert.compile(shifted, runner=interpreted)
        for _ in range(3):
            y, others = f(p)
            self.assertIs(type(y), Variable)
            np.testing.assert_array_equal(y.data, [0.0, 0.0, 1.0])
            np.testing.assert_array_equal(others["first"].data, [0.0, 0.0])

    def test_what_was_written_to_before_is_never_stale(self) -> None:
        z = wengert.zeros(3)
        z[1] = 2.0
        f = wengert.compile(lambda x: np.sum(z * x), runner=interpreted)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(4):
                z[0] = float(i)
                self.assertEqual(float(f(np.array([1.0, 2.0, 3.0]))), 4.0 + i)
        self.assertRegex(str(caught[0].message), "z is a Variable that was written to before the call; give it a value")
        g = wengert.compile(lambda a: np.sum(a * a), runner=interpreted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for i in range(4):
                z[0] = float(i)
                self.assertEqual(float(g(z)), 4.0 + i * i)
                self.assertEqual(float(g(Variable(z.data))), 4.0 + i * i)

    def test_compiled_code_that_the_program_calls_makes_ndarrays(self) -> None:
        # (NumPy's random generators call np.empty, and take what it returns for an ndarray without asking.)
        def loss(x: Any) -> Any:
            noise = np.random.default_rng(0).standard_normal(3)
            y = np.zeros(3)
            y[0] = x * noise[0] + np.random.default_rng(1).normal(size=(2, 2)).sum()
            return np.sum(y)

        wanted = wengert.value_and_grad(loss, unmodified=True)(2.0)
        step = wengert.compile(wengert.value_and_grad(loss), runner=interpreted)
        for _ in range(3):
            np.testing.assert_allclose(step(2.0), wanted, rtol=1e-12)
        with wengert.unmodified():
            self.assertIs(type(np.random.default_rng(0).random(3)), np.ndarray)

    def test_an_indexed_write_through_a_transposed_view(self) -> None:
        index = np.array([[1, 0], [1, 1]])

        def program(x: Any) -> Any:
            y = x * 1
            y.T[index] = y.T[index] * 2
            return y

        x = np.arange(12.0).reshape(2, 2, 3)
        for runner in (interpreted, native):
            f = wengert.compile(program, runner=runner)
            for i in range(4):
                np.testing.assert_array_equal(f(x + i), program(x + i))

    def test_functions_of_the_program_on_arrays_make_arrays(self) -> None:
        @wengert.dispatched
        def opaque(x: Any) -> Any:
            y = np.zeros(3)
            y[:] = x**2
            return y

        self.addCleanup(FUNCTIONS.pop, opaque)

        @wengert.pullback(opaque, "x")
        def opaque_pullback(gy: Any, x: Any) -> Any:
            return 2 * x * gy

        class Cube(wengert.Function):
            def forward(self, x: Any) -> Any:
                y = np.empty(3)
                y[...] = x**3
                return y

            def backward(self, gy: Any) -> Any:
                gx = np.zeros(3)
                gx += 3 * self.input.data**2 * gy
                return gx

        def loss(x: Any) -> Any:
            y = np.zeros(3)
            y[1:] = opaque(x)[1:] + Cube()(x)[:2]
            return np.sum(y)

        x = np.array([1.0, 2.0, 3.0])
        wanted = np.array([3.0, 4.0 + 12.0, 6.0])
        eager = wengert.value_and_grad(loss, unmodified=True)
        step = wengert.compile(wengert.value_and_grad(loss), runner=interpreted)
        for f in (eager, step, step, step):
            value, gradient = f(x)
            self.assertEqual(float(value), 4.0 + 9.0 + 1.0 + 8.0)
            np.testing.assert_array_equal(gradient, wanted)

    def test_a_nested_compiled_function_makes_arrays_as_the_outer_one(self) -> None:
        @wengert.compile
        def inner(x: Any) -> Any:
            y = np.zeros(3)
            y[1] = x[0] * x[1]
            return np.sum(y * y)

        outer = wengert.compile(wengert.value_and_grad(lambda x: inner(x) + x[0]), runner=interpreted)
        for _ in range(3):
            value, gradient = outer(np.array([2.0, 3.0]))
            self.assertEqual(float(value), 38.0)
            np.testing.assert_array_equal(gradient, [37.0, 24.0])
        self.assertIsNone(outer.given_up)


if __name__ == "__main__":
    unittest.main()
