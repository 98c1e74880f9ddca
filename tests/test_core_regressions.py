"""Defects that the engine once had, each by the smallest program that showed it."""

import unittest
from typing import Any

import numpy as np

from wengert import Function, Variable, enable_grad, no_grad
from wengert.core.mode import RECORDING, current_mode


class RegressionTest(unittest.TestCase):
    def test_whole_numbers_do_not_overflow_in_a_derivative(self) -> None:
        x = Variable(np.array([20, 200], np.uint8))
        np.arctan(x).backward()
        np.testing.assert_allclose(x.grad, [1 / 401, 1 / 40001], rtol=1e-6)
        y = Variable(np.array([3.0, 4.0]))
        np.arctan2(y, np.array([100, 200], np.uint8)).backward()
        np.testing.assert_allclose(y.grad, [100 / 10009, 200 / 40016])

    def test_a_list_beside_a_variable(self) -> None:
        x = Variable(np.array([3.0, 4.0]))
        (x / [2, 4]).backward()
        np.testing.assert_array_equal(x.grad, [0.5, 0.25])

    def test_an_element_of_an_ndarray_is_not_assigned_a_variable(self) -> None:
        x, i = Variable(np.array(2.0)), Variable(np.array(1))
        for y in (np.zeros(2), np.zeros(2, complex), np.zeros(2, int)):
            with self.assertRaises((TypeError, ValueError)) as caught:  # NumPy may put a ValueError before it
                y[0] = x
            error = caught.exception.__cause__ or caught.exception
            self.assertRegex(str(error), "would silently leave the graph; collect the values")
            self.assertEqual(y[0], 0)
        y = np.zeros(2)
        with self.assertRaises((TypeError, ValueError)):
            y[0] += x
        y[0], y[i] = float(x), 3.0
        self.assertEqual(y.tolist(), [2.0, 3.0])
        number = float(x)
        holder = {"whole": int(x), "complex": complex(x), "real": number}
        self.assertEqual(holder, {"whole": 2, "complex": 2 + 0j, "real": 2.0})

    def test_a_whole_number_that_backward_does_not_read(self) -> None:
        x = Variable(np.array([1, 2]))
        ((x + x) * np.array([2.0, 3.0])).backward()
        np.testing.assert_array_equal(x.grad, [4.0, 6.0])

    def test_a_result_that_nobody_held_takes_part_in_the_next_derivative(self) -> None:
        # backward asks for all results of the call; those that are gone get new handles, which gradients come to
        x = Variable(np.array([[2.0, 1.0], [1.0, 3.0]]))
        w = np.linalg.eigh(x)[0]
        np.sum(w**3).backward(create_graph=True)  # the trace of x^3, with the gradient 3 x^2
        gx = x.grad
        np.testing.assert_allclose(gx.data, 3 * x.data @ x.data)
        x.cleargrad()
        np.sum(gx * np.array([[1.0, 2.0], [2.0, 5.0]])).backward()
        c = np.array([[1.0, 2.0], [2.0, 5.0]])
        np.testing.assert_allclose(x.grad, 3 * (x.data @ c + c @ x.data))

    def test_masked_arrays_do_not_take_a_variable(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        masked = np.ma.array([1.0, 2.0], mask=[True, False])
        calls = [
            lambda: np.ma.exp(x),
            lambda: np.ma.log(x),
            lambda: np.ma.add(x, x),
            lambda: np.ma.power(x, 2),
            lambda: np.ma.sum(x),
            lambda: np.ma.where([True, False], x, x),
            lambda: np.ma.concatenate([x, x]),
            lambda: np.ma.array(x),
            lambda: masked * x,
        ]
        for i, call in enumerate(calls):
            with self.subTest(i), self.assertRaisesRegex(TypeError, "would silently leave the graph"):
                call()

    def test_a_constant_derivative_is_a_variable_under_create_graph(self) -> None:
        x = Variable(np.array([1.5, 2.5]))
        np.floor(x).backward(create_graph=True)
        self.assertIsInstance(x.grad, Variable)
        np.testing.assert_array_equal(x.grad.data, [0, 0])

    def test_switching_recording_on_again_is_the_fast_way(self) -> None:
        with no_grad(), enable_grad():  # another Mode of the same settings made every call take the slow way
            self.assertIs(current_mode.get(), RECORDING)
        modes = []

        class Double(Function):
            def forward(self, x: Any) -> Any:
                return 2 * x

            def backward(self, gy: Any) -> Any:
                modes.append(current_mode.get())
                return 2 * gy

        Double()(Variable(np.ones(2))).backward(create_graph=True)
        self.assertIs(modes[0], RECORDING)

    def test_the_conjugate_of_real_numbers_is_no_step(self) -> None:
        x, z = Variable(np.ones(2)), Variable(1j * np.ones(2))
        self.assertIs(x.conj(), x)  # a copy was recorded for it in every second derivative
        self.assertIs(x.conjugate(), x)
        np.testing.assert_array_equal(z.conj().data, -z.data)


if __name__ == "__main__":
    unittest.main()
