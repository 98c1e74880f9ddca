"""Regression tests of the engine, each the smallest program that showed the defect."""

import copy
import pickle
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from wengert import Function, Square, Variable, debug, enable_grad, no_grad
from wengert.checks.errors import GraphError
from wengert.core.mode import RECORDING, current_mode


class RegressionTest(unittest.TestCase):
    def test_integers_do_not_overflow_in_a_derivative(self) -> None:
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
            self.assertRegex(
                str(error),
                r"would silently leave the graph; make y an array that takes Variables, y = np.zeros\(n, like=x\)",
            )
            self.assertEqual(y[0], 0)
        y = np.zeros(2)
        with self.assertRaises((TypeError, ValueError)):
            y[0] += x
        y[0], y[i] = float(x), 3.0
        self.assertEqual(y.tolist(), [2.0, 3.0])
        number = float(x)
        holder = {"whole": int(x), "complex": complex(x), "real": number}
        self.assertEqual(holder, {"whole": 2, "complex": 2 + 0j, "real": 2.0})

    def test_an_integer_that_backward_does_not_read(self) -> None:
        x = Variable(np.array([1, 2]))
        ((x + x) * np.array([2.0, 3.0])).backward()
        np.testing.assert_array_equal(x.grad, [4.0, 6.0])

    def test_a_result_without_references_takes_part_in_the_next_derivative(self) -> None:
        # backward asks for all results of the call; those that are gone get new handles, which gradients come to
        x, c = Variable(np.array([[2.0, 1.0], [1.0, 3.0]])), np.array([[1.0, 2.0], [2.0, 5.0]])
        w = np.linalg.eigh((x + x.T) / 2)[0]
        np.sum(w**3).backward(create_graph=True)  # the trace of x^3, with the gradient 3 x^2
        gx = x.grad
        np.testing.assert_allclose(gx.data, 3 * x.data @ x.data)
        x.cleargrad()
        np.sum(gx * c).backward()
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

    def test_a_gradient_that_is_not_transposed_back(self) -> None:
        class Transpose(Function):
            def forward(self, x: Any) -> Any:
                return x.T

            def backward(self, gy: Any) -> Any:
                return gy

        x = Variable(np.ones((2, 3)))
        with self.assertRaisesRegex(GraphError, r"broadcasting can have made from \(2, 3\).*shape \(3, 2\)"):
            Transpose()(x).backward()  # of the right size, it was taken for the gradient

    def test_what_hooks_return_has_the_gradients_form(self) -> None:
        x = Variable(np.ones(2, np.float32))
        for hook in (lambda g: g.astype(float), lambda g: g > 0, lambda g: g.astype(int), lambda g: Variable(g)):
            remove = x.register_hook(hook)
            x.cleargrad()
            (x * x).backward()
            self.assertEqual((type(x.grad), x.grad.dtype), (np.ndarray, np.float32))
            remove()
        x.register_hook(lambda g: g.data * 2)
        x.cleargrad()
        (x * x).backward(create_graph=True)
        self.assertIsInstance(x.grad, Variable)
        for bad, error in (([1, 2], GraphError), (np.array(["a", "b"]), TypeError), (np.ones(2) * 1j, TypeError)):
            y = Variable(np.ones(2))
            y.register_hook(lambda g, bad=bad: bad)
            with self.assertRaisesRegex(error, "a hook must return None or a gradient of"):
                (y * y).backward()
            self.assertIsNone(y.grad)

    def test_a_handle_made_anew_is_the_same_while_it_is_held(self) -> None:
        x = Variable(np.array(1.0))
        y = (x * x + x) + 1
        handle = y.creator.input
        self.assertIs(y.creator.input, handle)
        y.backward(retain_grad=True)
        self.assertEqual(handle.grad, 1.0)

    def test_plain_backward_after_create_graph(self) -> None:
        x = Variable(np.array([1.0, 2.0]))
        y = x * x
        y.backward(create_graph=True)
        x.cleargrad()
        y.backward()
        self.assertIs(type(x.grad), np.ndarray)
        self.assertIs(type(y.grad), np.ndarray)

    def test_a_creator_set_by_hand(self) -> None:
        f, x = Square(), Variable(np.ones(2))
        y = f(x)
        z = Variable(np.ones(2))
        z.set_creator(f)
        z.backward()
        np.testing.assert_array_equal(x.grad, [2.0, 2.0])
        with self.assertRaisesRegex(GraphError, "was computed from Variable.* cannot be its creator"):
            x.set_creator(np.exp(y).creator)  # backward went round and round
        with self.assertRaisesRegex(GraphError, "Square was not called; call it"):
            x.set_creator(Square())
        with self.assertRaisesRegex(GraphError, r"shape \(2,\), but is to be set on Variable of shape \(3,\)"):
            Variable(np.ones(3)).set_creator(f)
        with self.assertRaisesRegex(GraphError, "Split gave several"):
            z.set_creator(np.split(x, 2)[0].creator)
        self.assertIsNone(x.creator)

    def test_threads_that_call_one_instance(self) -> None:
        class Slow(Function):
            def forward(self, x: Any) -> Any:
                self.x = x
                time.sleep(0.01)
                return x**2

            def backward(self, gy: Any) -> Any:
                return 2 * self.x * gy

        f = Slow()
        with ThreadPoolExecutor(4) as pool:
            xs = [Variable(np.array(float(i))) for i in range(4)]
            for y in pool.map(f, xs):
                y.backward()
        self.assertEqual([float(x.grad) for x in xs], [0.0, 2.0, 4.0, 6.0])

    def test_a_failing_call_was_no_call(self) -> None:
        class Root(Function):
            def forward(self, x: Any) -> Any:
                return np.sqrt(x)

            def backward(self, gy: Any) -> Any:
                return gy / (2 * np.sqrt(self.input.data))

        f = Root()
        with np.errstate(invalid="ignore"), debug(), self.assertRaisesRegex(FloatingPointError, "made nan"):
            f(Variable(np.array(-1.0)))
        with self.assertRaisesRegex(GraphError, "no call of it was recorded"):
            _ = f.input
        y = f(Variable(np.array(4.0)))
        self.assertIs(y.creator, f)
        with self.assertRaisesRegex(GraphError, "Root takes values, but this Variable holds None"):
            f(Variable(None))

    def test_copies_and_pickles(self) -> None:
        f, x = Square(), Variable(np.ones(2), name="x")
        f(x).backward()
        for g in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
            self.assertIs(type(g), Square)
            with self.assertRaisesRegex(GraphError, "no call of it was recorded"):
                _ = g.inputs
        y = copy.copy(x)
        y.grad *= 5
        np.testing.assert_array_equal(x.grad, [2.0, 2.0])
        self.assertIsNone(copy.copy(Variable(None)).data)
        with self.assertRaisesRegex(TypeError, "a name must be a str or None, but got int"):
            Variable(np.ones(1), name=3)  # type: ignore[arg-type]


if __name__ == "__main__":
    unittest.main()
