"""The engine: bad input raises, and leaves no gradient behind."""

import unittest
from typing import Any

import numpy as np

from wengert import Function, GraphError, Variable, check_grad, no_grad


class BadInputTest(unittest.TestCase):
    def test_arrays_that_are_not_numbers(self) -> None:
        for wrong in (np.array([None]), np.array(["a"]), np.array([1], "datetime64[D]"), np.zeros(1, [("a", float)])):
            with self.assertRaisesRegex(TypeError, "holds booleans, integers, real or complex numbers.*dtype"):
                Variable(wrong)
        for wrong in (np.ma.ones(2), np.rec.array([1.0])):
            with self.assertRaisesRegex(TypeError, "is not supported"):
                Variable(wrong)

    def test_arrays_that_are_not_numbers_beside_a_variable(self) -> None:
        x = Variable(np.ones(1))
        for wrong in (np.array([None]), np.array(["a"])):
            for call in (lambda w: x * w, lambda w: np.add(w, x), lambda w: np.concatenate([x, w])):
                with self.assertRaisesRegex(TypeError, "takes numbers, but got ndarray.*astype"):
                    call(wrong)
        with self.assertRaises(TypeError):
            x + "a"
        with self.assertRaises(TypeError):
            x + None
        with self.assertRaises(TypeError):
            np.add(x, object())

    def test_shapes_that_do_not_broadcast(self) -> None:
        x = Variable(np.ones(3))
        with self.assertRaisesRegex(ValueError, "could not be broadcast"):
            x + np.ones(2)
        with self.assertRaisesRegex(ValueError, "mismatch"):
            x @ Variable(np.ones(2))

    def test_backward_of_what_has_no_derivative(self) -> None:
        with self.assertRaisesRegex(TypeError, "starts from a number, but got Variable of shape .* and dtype bool"):
            Variable(np.array([True])).backward()
        with self.assertRaisesRegex(GraphError, "has no creator, because no function made it"):
            Variable(np.ones(2)).backward()
        with self.assertRaisesRegex(GraphError, "holds None"):
            Variable(None).backward()
        with no_grad():
            y = np.exp(Variable(np.ones(2), name="x"))
        with self.assertRaisesRegex(GraphError, "was computed in a no_grad block"):
            y.backward()

    def test_a_gradient_that_does_not_match(self) -> None:
        x = Variable(np.ones((2, 3)))
        with self.assertRaisesRegex(
            ValueError, r"must have the shape of its variable, \(2, 3\), but got ndarray of shape \(3,\)"
        ):
            x.grad = np.ones(3)
        with self.assertRaisesRegex(TypeError, "must be real, but got ndarray.*complex128"):
            x.grad = np.ones((2, 3), complex)
        with self.assertRaisesRegex(TypeError, "is not supported"):
            x.grad = [[1.0, 2.0, 3.0]] * 2
        self.assertIsNone(x.grad)
        x.grad = np.ones((2, 3), np.float32)
        self.assertEqual(x.grad.dtype, np.float64)

    def test_what_forward_may_return(self) -> None:
        class Returns(Function):
            def __init__(self, value: Any) -> None:
                self.value = value

            def forward(self, x: Any) -> Any:
                return self.value

        x = Variable(np.ones(1))
        for wrong in (None, "a", np.array([None]), {}):
            with self.assertRaisesRegex(TypeError, "forward of Returns must return numeric ndarrays, but got"):
                Returns(wrong)(x)
        with self.assertRaisesRegex(TypeError, "must return ndarrays, but got Variable.*recorded twice"):
            Returns(x)(x)

    def test_what_backward_may_return(self) -> None:
        class Returns(Function):
            def __init__(self, *values: Any) -> None:
                self.values = values

            def forward(self, *xs: Any) -> Any:
                return sum(xs)

            def backward(self, gy: Any) -> Any:
                return self.values

        a, b = Variable(np.ones((2, 3))), Variable(np.ones((2, 3)))
        ones = np.ones((2, 3))
        for wrong, message in (
            ((ones,), "one gradient for each input .* returned 1 for 2 inputs"),
            ((ones, ones, ones), "returned 3 for 2 inputs"),
            ((ones, np.ones((3, 2))), r"of the shape of its input, \(2, 3\), but returned ndarray of shape \(3, 2\)"),
            ((ones, np.ones(())), r"of the shape of its input"),
        ):
            with self.assertRaisesRegex(GraphError, message):
                Returns(*wrong)(a, b).backward()
        with self.assertRaisesRegex(TypeError, "must return numeric arrays or None, but got ndarray.*dtype <U"):
            Returns(ones, "no")(a, b).backward()
        self.assertEqual((a.grad, b.grad), (None, None))
        Returns(ones, None)(a, b).backward()
        np.testing.assert_array_equal(a.grad, ones)
        self.assertIsNone(b.grad)

    def test_broadcasting_in_a_users_function_is_undone(self) -> None:
        class Product(Function):
            def forward(self, a: Any, b: Any) -> Any:
                return a * b

            def backward(self, gy: Any) -> Any:
                a, b = (x.data for x in self.inputs)
                return gy * b, gy * a

        check_grad(Product(), np.ones((2, 3)), np.arange(3.0))
        check_grad(Product(), np.array(2.0), np.arange(3.0))

    def test_a_failing_forward_leaves_nothing_behind(self) -> None:
        class Fails(Function):
            fail = True

            def forward(self, x: Any) -> Any:
                if self.fail:
                    raise ArithmeticError("no")
                return x

            def backward(self, gy: Any) -> Any:
                return gy

        f = Fails()
        x = Variable(np.ones(1))
        with self.assertRaises(ArithmeticError):
            f(x)
        f.fail = False
        self.assertIs(f(x).creator, f)

    def test_a_failing_backward_leaves_no_gradients(self) -> None:
        class Fails(Function):
            def forward(self, x: Any) -> Any:
                return x

            def backward(self, gy: Any) -> Any:
                raise ArithmeticError("no")

        a, b = Variable(np.ones(1)), Variable(np.ones(1))
        y = Fails()(a) + b
        with self.assertRaises(ArithmeticError):
            y.backward()
        self.assertEqual((a.grad, b.grad, y.grad), (None, None, None))
        self.assertIsNotNone((a * b).creator)

    def test_names(self) -> None:
        x = Variable(np.ones(1), name="x")
        self.assertEqual(x.name, "x")
        x.name = None
        self.assertIsNone(x.name)
        with self.assertRaisesRegex(TypeError, "a name must be a str or None, but got int"):
            x.name = 3  # type: ignore[assignment]
        with self.assertRaises(AttributeError):
            x.required_grad = False  # type: ignore[attr-defined]
