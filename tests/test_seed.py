"""The ten steps of the book, with its own names."""

import unittest
from typing import Any

import numpy as np

from wengert import Exp, Function, Square, Variable, as_array, as_variable, exp, numerical_diff, square


class UsersSquare(Function):
    """Written as a reader of the first steps writes it."""

    def forward(self, x: Any) -> Any:
        y = x**2
        return y

    def backward(self, gy: Any) -> Any:
        x = self.input.data
        gx = 2 * x * gy
        return gx


class UsersExp(Function):
    def forward(self, x: Any) -> Any:
        y = np.exp(x)
        return y

    def backward(self, gy: Any) -> Any:
        x = self.input.data
        gx = np.exp(x) * gy
        return gx


EXPECTED = 3.297442541400256  # the derivative of exp(x^2)^2 at 0.5


class FirstStepsTest(unittest.TestCase):
    def test_1_a_variable_is_a_box(self) -> None:
        data = np.array(1.0)
        x = Variable(data)
        self.assertIs(x.data, data)
        self.assertIsNone(x.grad)
        self.assertIsNone(x.creator)
        self.assertIsNone(Variable(None).data)

    def test_2_functions_make_variables(self) -> None:
        for f in (Square(), UsersSquare()):
            y = f(Variable(np.array(10)))
            self.assertIs(type(y), Variable)
            self.assertEqual(y.data, 100)

    def test_2_a_bare_function_is_not_implemented(self) -> None:
        x = Variable(np.array(1.0))
        with self.assertRaisesRegex(NotImplementedError, "forward"):
            Function()(x)

        class ForwardOnly(Function):
            def forward(self, x: Any) -> Any:
                return x

        with self.assertRaisesRegex(NotImplementedError, "ForwardOnly must define backward"):
            ForwardOnly()(x).backward()
        self.assertIsNone(x.grad)

    def test_3_composition(self) -> None:
        A, B, C = Square(), Exp(), Square()
        y = C(B(A(Variable(np.array(0.5)))))
        self.assertEqual(y.data, 1.648721270700128)

    def test_4_numerical_differentiation(self) -> None:
        x = Variable(np.array(0.5))
        self.assertAlmostEqual(float(numerical_diff(Square(), x)), 1.0, 8)
        self.assertAlmostEqual(float(numerical_diff(lambda x: square(exp(square(x))), x)), EXPECTED, 6)
        self.assertEqual(x.data, 0.5)

    def test_4_elementwise_and_untouched(self) -> None:
        data = np.array([[0.1, -2.0], [3.0, 0.0]])
        x = Variable(data.copy())
        np.testing.assert_allclose(numerical_diff(np.sin, x), np.cos(data), atol=1e-7)
        np.testing.assert_array_equal(x.data, data)
        self.assertIsNone(x.grad)
        np.testing.assert_allclose(numerical_diff(square, Variable(np.array([1, 2]))), [2, 4])

    def test_4_bad_input(self) -> None:
        with self.assertRaisesRegex(TypeError, "takes a Variable, but got float"):
            numerical_diff(square, 1.0)  # type: ignore[arg-type]
        with self.assertRaisesRegex(ValueError, "eps of numerical_diff must be a real number above 0, but got int 0"):
            numerical_diff(square, Variable(np.array(1.0)), eps=0)
        with np.errstate(all="ignore"), self.assertRaisesRegex(ValueError, "inside the domain"):
            numerical_diff(np.log, Variable(np.array(-1.0)))

    def test_6_backward_by_hand(self) -> None:
        for square_type, exp_type in ((Square, Exp), (UsersSquare, UsersExp)):
            A, B, C = square_type(), exp_type(), square_type()
            x = Variable(np.array(0.5))
            a = A(x)
            b = B(a)
            y = C(b)
            y.grad = np.array(1.0)
            b.grad = C.backward(y.grad)
            a.grad = B.backward(b.grad)
            x.grad = A.backward(a.grad)
            self.assertEqual(x.grad, EXPECTED)
            for variable in (x, a, b, y):
                self.assertIsInstance(variable.grad, np.ndarray)

    def test_7_the_chain_of_creators(self) -> None:
        for square_type, exp_type in ((Square, Exp), (UsersSquare, UsersExp)):
            A, B, C = square_type(), exp_type(), square_type()
            x = Variable(np.array(0.5))
            a = A(x)
            b = B(a)
            y = C(b)
            self.assertIs(y.creator, C)
            self.assertIs(y.creator.input, b)
            self.assertIs(y.creator.input.creator, B)
            self.assertIs(y.creator.input.creator.input, a)
            self.assertIs(y.creator.input.creator.input.creator, A)
            self.assertIs(y.creator.input.creator.input.creator.input, x)
            self.assertIs(C.output, y)
            self.assertEqual((A.input, A.output), (x, a))
            y.grad = np.array(1.0)
            y.backward()
            self.assertEqual(x.grad, EXPECTED)

    def test_7_the_chain_of_numpy_calls(self) -> None:
        x = Variable(np.array([0.5, 2.0]))
        a = np.exp(x)
        b = a + x
        y = np.sum(b)
        self.assertIs(y.creator.input, b)
        self.assertIs(b.creator.inputs[0], a)
        self.assertIs(b.creator.inputs[1], x)
        self.assertIs(b.creator.output, b)
        self.assertIs(a.creator.input, x)

    def test_7_a_walk_through_variables_without_references(self) -> None:
        x = Variable(np.array(0.5))
        y = square(exp(square(x)))
        middle = y.creator.input
        self.assertEqual(middle.data, np.exp(0.25))
        self.assertIs(middle.creator.input.creator.input, x)
        y = np.exp(x) + 1.0
        self.assertIs(y.creator.inputs[0].creator.input, x)

    def test_7_set_creator(self) -> None:
        f = Square()
        y = f(Variable(np.array(3.0)))
        z = Variable(np.array(9.0))
        z.set_creator(y.creator)
        self.assertIs(z.creator, f)
        with self.assertRaisesRegex(TypeError, "must be a Function, but got str"):
            z.set_creator("square")

    def test_8_no_recursion(self) -> None:
        for step in (square, UsersSquare(), lambda y: np.sin(y) + 1.0):
            x = Variable(np.array(1.0))
            y = x
            for _ in range(20_000):
                y = step(y)
            y.backward()
            self.assertIsNotNone(x.grad)
            del y

    def test_8_a_million_calls(self) -> None:
        x = Variable(np.array(1.0))
        y = x
        for _ in range(1_000_000):
            y = y * 1.0
        y.backward()
        self.assertEqual(x.grad, 1.0)
        del y

    def test_9_functions_and_no_gradient_to_set(self) -> None:
        x = Variable(np.array(0.5))
        y = square(exp(square(x)))
        y.backward()
        self.assertEqual(x.grad, EXPECTED)
        self.assertEqual(y.grad, 1.0)

    def test_9_only_ndarrays(self) -> None:
        for wrong in (1.0, 3, np.float64(2.0), [1.0], "x", (1,), True):
            with self.assertRaises(TypeError) as caught:
                Variable(wrong)
            self.assertEqual(str(caught.exception), f"{type(wrong)} is not supported")
            self.assertIn("np.array", caught.exception.__notes__[0])

    def test_9_results_and_gradients_stay_ndarrays(self) -> None:
        for f in (square, UsersSquare(), np.sin, lambda x: x * x, lambda x: x[()], np.sum):
            x = Variable(np.array(1.0))
            y = f(x)
            y.backward()
            for value in (y.data, y.grad, x.grad):
                self.assertIs(type(value), np.ndarray)
                self.assertEqual(value.shape, ())

    def test_9_gradients_keep_shape_and_dtype(self) -> None:
        for dtype in (np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128):
            for shape in ((), (1,), (2, 3), (0, 2)):
                x = Variable(np.ones(shape, dtype))
                y = np.sum(np.abs(square(exp(x * 0.5)) + 1.0))
                y.backward()
                self.assertEqual((x.grad.shape, x.grad.dtype), (shape, dtype))

    def test_9_as_array_and_as_variable(self) -> None:
        self.assertIsInstance(as_array(np.float32(1)), np.ndarray)
        self.assertEqual(as_array(np.float32(1)).dtype, np.float32)
        x = np.ones(2)
        self.assertIs(as_array(x), x)
        self.assertEqual(as_variable(2.0).data, 2.0)
        v = Variable(x)
        self.assertIs(as_variable(v), v)

    def test_10_gradient_check(self) -> None:
        x = Variable(np.random.default_rng(0).random(1))
        y = square(x)
        y.backward()
        self.assertTrue(np.allclose(x.grad, numerical_diff(square, x)))


class OneInstanceTwiceTest(unittest.TestCase):
    def test_the_first_graph_is_not_corrupted(self) -> None:
        for kind in (UsersSquare, Square):
            f = kind()
            x0, x1 = Variable(np.array(2.0)), Variable(np.array(5.0))
            y0 = f(x0)
            y1 = f(x1)
            self.assertIs(y0.creator, f)
            self.assertIsNot(y1.creator, f)
            y0.backward()
            y1.backward()
            self.assertEqual((x0.grad, x1.grad), (4.0, 10.0))

    def test_within_one_graph(self) -> None:
        f = UsersSquare()
        x = Variable(np.array(3.0))
        f(f(x)).backward()
        self.assertEqual(x.grad, 4 * 27.0)

    def test_what_forward_keeps_belongs_to_its_call(self) -> None:
        class KeepsResult(Function):
            def forward(self, x: Any) -> Any:
                self.y = np.exp(x)
                return self.y

            def backward(self, gy: Any) -> Any:
                return gy * self.y

        f = KeepsResult()
        x0, x1 = Variable(np.array(0.0)), Variable(np.array(1.0))
        y0, y1 = f(x0), f(x1)
        y0.backward()
        y1.backward()
        self.assertEqual((x0.grad, x1.grad), (1.0, np.exp(1.0)))


if __name__ == "__main__":
    unittest.main()
