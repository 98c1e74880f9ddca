"""Derivatives of higher order, and of complex numbers."""

import unittest
from typing import Any

import numpy as np

from tests.engine_cases import array
from wengert import Function, GraphError, Variable, check_grad


class ComplexTest(unittest.TestCase):
    def test_the_convention(self) -> None:
        z = Variable(np.array(3.0 + 4.0j))
        np.sum(np.abs(z) ** 2).backward()  # L = x^2 + y^2: dL/dx + i dL/dy
        np.testing.assert_allclose(z.grad, 6.0 + 8.0j)

    def test_a_real_variable_has_a_real_gradient(self) -> None:
        x = Variable(array(1.0, 2.0))
        y = np.sum(np.abs(np.exp(1j * x) + x) ** 2)
        y.backward()
        self.assertEqual(x.grad.dtype, np.float64)
        check_grad(lambda x: np.abs(np.exp(1j * x) + x) ** 2, x.data)

    def test_functions_of_complex_arrays(self) -> None:
        z = np.array([1.0 + 2.0j, -0.5 + 0.3j])
        for f in (
            lambda z: np.exp(z) * z,
            lambda z: np.conj(z) * z,
            lambda z: np.real(z) + 1j * np.imag(z) ** 2,
            lambda z: z / np.abs(z),
            lambda z: z.real * z.imag,
        ):
            check_grad(f, z)

    def test_a_complex_result_needs_a_start(self) -> None:
        z = Variable(np.array(1.0 + 1.0j))
        y = z * z
        with self.assertRaisesRegex(TypeError, "starts from ones for real values only.*complex128.*set y.grad"):
            y.backward()
        y.grad = np.array(1.0 + 0.0j)
        y.backward()
        np.testing.assert_allclose(z.grad, np.conj(2 * z.data))


class HigherOrderTest(unittest.TestCase):
    def test_derivatives_of_a_power(self) -> None:
        x = Variable(np.array(2.0))
        y = x**5
        for expected in (80.0, 160.0, 240.0, 240.0, 120.0):
            x.cleargrad()
            y.backward(create_graph=True)
            y = x.grad
            self.assertEqual(y.data, expected)
        x.cleargrad()
        y.backward()
        self.assertIsNone(x.grad)  # 120 does not depend on x

    def test_gradients_are_variables_only_when_asked(self) -> None:
        x = Variable(np.array(2.0))
        (x**2).backward()
        self.assertIs(type(x.grad), np.ndarray)
        x.cleargrad()
        (x**2).backward(create_graph=True)
        self.assertIs(type(x.grad), Variable)

    def test_users_functions(self) -> None:
        class KeepsInForward(Function):
            def forward(self, x: Any) -> Any:
                self.y = np.exp(x)
                return self.y * x

            def backward(self, gy: Any) -> Any:
                return gy * (self.y * self.input.data + self.y)

        class KeepsInList(Function):
            def __init__(self) -> None:
                self.kept: list[Any] = []

            def forward(self, x: Any) -> Any:
                self.kept.append(np.sin(x))
                return self.kept[-1] * x

            def backward(self, gy: Any) -> Any:
                x = self.input.data
                return gy * (self.kept[-1] + x * np.cos(x))

        class ReadsOutput(Function):
            def forward(self, x: Any) -> Any:
                return np.exp(x)

            def backward(self, gy: Any) -> Any:
                return gy * self.output.data

        class ReadsOutputs(Function):
            def forward(self, x: Any) -> Any:
                return np.exp(x), x * x

            def backward(self, gy: Any, gz: Any) -> Any:
                return gy * self.outputs[0].data + 2 * gz * self.inputs[0].data

        class InVariables(Function):  # the way DeZero writes it
            def forward(self, x: Any) -> Any:
                return np.sin(x)

            def backward(self, gy: Any) -> Any:
                (x,) = self.inputs
                return gy * np.cos(x)

        class WithSetting(Function):
            def __init__(self, power: float) -> None:
                self.power = power

            def forward(self, x: Any) -> Any:
                return x**self.power

            def backward(self, gy: Any) -> Any:
                return gy * self.power * self.input.data ** (self.power - 1)

        class Mask(Function):
            def forward(self, x: Any) -> Any:
                self.mask = x > 0
                self.kept = {"scaled": x * self.mask}
                return self.kept["scaled"] ** 2

            def backward(self, gy: Any) -> Any:
                return 2 * gy * self.kept["scaled"] * self.mask

        x = array(0.7, 1.3)
        for f in (
            KeepsInForward(),
            KeepsInList(),
            ReadsOutput(),
            ReadsOutputs(),
            InVariables(),
            WithSetting(3.5),
            Mask(),
        ):
            with self.subTest(f.name):
                check_grad(f, x, order=3)
                check_grad(lambda x, f=f: f(np.sin(x)) if f.name != "ReadsOutputs" else f(np.sin(x))[0], x, order=2)

    def test_random_numbers_kept_by_forward_stay(self) -> None:
        class Dropout(Function):
            def __init__(self) -> None:
                self.random = np.random.default_rng(0)

            def forward(self, x: Any) -> Any:
                self.mask = self.random.random(x.shape) < 0.5
                return x * x * self.mask

            def backward(self, gy: Any) -> Any:
                return 2 * gy * self.input.data * self.mask

        x = Variable(np.arange(1.0, 40.0))
        f = Dropout()
        y = f(x)
        mask = f.mask
        y.backward(create_graph=True)
        gx = x.grad
        np.testing.assert_array_equal(gx.data, 2 * x.data * mask)
        x.cleargrad()
        gx.backward()
        np.testing.assert_array_equal(x.grad, 2.0 * mask)

    def test_a_forward_that_cannot_be_run_again_is_refused(self) -> None:
        class Noisy(Function):
            def forward(self, x: Any) -> Any:
                self.scaled = x * np.random.default_rng().random(x.shape)
                return self.scaled

            def backward(self, gy: Any) -> Any:
                return gy * self.scaled / self.input.data

        x = Variable(np.ones(3))
        y = Noisy()(x)
        y.backward()
        with self.assertRaisesRegex(GraphError, "Noisy.scaled differs"):
            y.backward(create_graph=True)

    def test_the_double_backward_of_a_gradient_penalty(self) -> None:
        w = Variable(np.array([[0.5, -0.3], [0.2, 0.8]]))

        def penalty(w: Any) -> Any:
            x = Variable(array(1.0, 2.0))
            y = np.sum(np.tanh(w @ x) ** 2)
            y.backward(create_graph=True)
            w.cleargrad()  # of y, which is not what is asked for
            return np.sum(x.grad**2)

        penalty(w).backward()
        step = 1e-6
        for i in np.ndindex(2, 2):
            moved = [w.data.copy(), w.data.copy()]
            moved[0][i] += step
            moved[1][i] -= step
            p, m = (float(penalty(Variable(v))) for v in moved)
            self.assertAlmostEqual(float(w.grad[i]), (p - m) / (2 * step), 6)
