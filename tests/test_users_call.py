"""A ``__call__`` of the user's own, as the seventh and ninth step of the book have it."""

import copy
import pickle
import unittest
from typing import Any

import numpy as np

from tests.garbage import garbage_of
from wengert import Function, Square, Variable, as_array, debug, exp, grad, no_grad, square
from wengert.checks.errors import GraphError


class Step7(Function):
    """Word for word the call of the seventh step."""

    def __call__(self, input: Any) -> Any:
        x = input.data
        y = self.forward(x)
        output = Variable(y)
        output.set_creator(self)
        self.input = input
        self.output = output
        return output


class Step9(Function):
    """That of the ninth step, which takes arrays of no dimension too."""

    def __call__(self, input: Any) -> Any:
        x = input.data
        y = self.forward(x)
        output = Variable(as_array(y))
        output.set_creator(self)
        self.input = input
        self.output = output
        return output


def made_from(base: type[Function]) -> tuple[type[Function], type[Function]]:
    class Square(base):  # type: ignore[misc, valid-type]
        def forward(self, x: Any) -> Any:
            y = x**2
            return y

        def backward(self, gy: Any) -> Any:
            x = self.input.data
            gx = 2 * x * gy
            return gx

    class Exp(base):  # type: ignore[misc, valid-type]
        def forward(self, x: Any) -> Any:
            y = np.exp(x)
            return y

        def backward(self, gy: Any) -> Any:
            x = self.input.data
            gx = np.exp(x) * gy
            return gx

    return Square, Exp


class KeepsResult(Step9):
    def forward(self, x: Any) -> Any:
        self.y = np.exp(x)
        return self.y

    def backward(self, gy: Any) -> Any:
        return gy * self.y


EXPECTED = 3.297442541400256  # the derivative of exp(x^2)^2 at 0.5


class BookTest(unittest.TestCase):
    def test_the_chain_of_creators(self) -> None:
        for base, data in ((Step7, np.array([0.5])), (Step9, np.array(0.5))):
            Square, Exp = made_from(base)
            A = Square()
            B = Exp()
            C = Square()

            x = Variable(data)
            a = A(x)
            b = B(a)
            y = C(b)

            assert y.creator == C
            assert y.creator.input == b
            assert y.creator.input.creator == B
            assert y.creator.input.creator.input == a
            assert y.creator.input.creator.input.creator == A
            assert y.creator.input.creator.input.creator.input == x
            self.assertIs(C.output, y)
            self.assertIs(y.creator.input, b)

            # backward by hand
            y.grad = np.ones_like(y.data)
            C = y.creator
            b = C.input
            b.grad = C.backward(y.grad)
            B = b.creator
            a = B.input
            a.grad = B.backward(b.grad)
            np.testing.assert_array_equal(b.grad, 2.568050833375483)
            np.testing.assert_array_equal(a.grad, EXPECTED)

            # and by the loop
            y.backward()
            np.testing.assert_array_equal(x.grad, EXPECTED)

    def test_scalars_are_wrapped_from_the_ninth_step_on(self) -> None:
        Square, _ = made_from(Step7)
        with self.assertRaisesRegex(TypeError, "numpy.float64'> is not supported"):
            Square()(Variable(np.array(0.5)))


class GraphTest(unittest.TestCase):
    def test_among_other_functions(self) -> None:
        Square, Exp = made_from(Step9)
        x = Variable(np.array([0.5, -1.0]))
        np.sum(np.sin(Exp()(square(x))) * Square()(exp(x))).backward()
        expected = grad(lambda x: np.sum(np.sin(np.exp(x * x)) * np.exp(x) ** 2))(x.data)
        np.testing.assert_allclose(x.grad, expected, rtol=1e-12)

    def test_to_second_and_third_order(self) -> None:
        Square, Exp = made_from(Step9)
        x = Variable(np.array(0.5))
        y = Square()(Exp()(Square()(x)))
        derivatives = []
        for _ in range(3):
            x.cleargrad()
            y.backward(create_graph=True)
            y = x.grad
            derivatives.append(y.data)
        f = lambda x: np.exp(x * x) ** 2  # noqa: E731
        expected = [grad(f)(0.5), grad(grad(f))(0.5), grad(grad(grad(f)))(0.5)]
        np.testing.assert_allclose(derivatives, expected, rtol=1e-12)
        x.cleargrad()

    def test_what_forward_keeps_carries_a_graph(self) -> None:
        x = Variable(np.array([0.5, 1.0]))
        np.sum(KeepsResult()(x)).backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        np.sum(gx).backward()
        np.testing.assert_array_equal(x.grad, np.exp(x.data))

    def test_an_input_that_changed(self) -> None:
        Square, _ = made_from(Step9)
        x = Variable(np.array([1.0, 2.0]))
        y = Square()(x)
        x.data -= 1.0
        with self.assertRaisesRegex(GraphError, "backward of Square needs the value .* assigned since"):
            y.backward()

    def test_nothing_is_recorded_under_no_grad(self) -> None:
        Square, _ = made_from(Step9)
        f, x = Square(), Variable(np.array(3.0))
        with no_grad():
            for _ in range(2):
                y = f(x)
                self.assertIsNone(y.creator)
                with self.assertRaisesRegex(GraphError, "was computed in a no_grad block"):
                    y.backward()
        y = f(x)
        y.backward()
        self.assertEqual(x.grad, 6.0)

    def test_debug_finds_what_backward_makes(self) -> None:
        class Root(Step9):
            def forward(self, x: Any) -> Any:
                return np.sqrt(x)

            def backward(self, gy: Any) -> Any:
                return gy / (2 * np.sqrt(self.input.data))

        y = Root()(Variable(np.array([0.0])))
        with debug(), self.assertRaisesRegex(FloatingPointError, "backward of Root, .* made inf"):
            y.backward()

    def test_it_is_freed_at_once(self) -> None:
        Square, _ = made_from(Step9)

        def program() -> None:
            x = Variable(np.array(3.0))
            Square()(Square()(x)).backward()

        self.assertEqual(garbage_of(program), 0)

    def test_copies_have_not_been_called(self) -> None:
        f = KeepsResult()
        f(Variable(np.array(1.0)))
        for other in (copy.copy(f), copy.deepcopy(f), pickle.loads(pickle.dumps(f))):
            with self.assertRaisesRegex(GraphError, "KeepsResult has no inputs, because no call"):
                other.inputs  # noqa: B018


class RefusedTest(unittest.TestCase):
    def test_one_instance_twice(self) -> None:
        Square, _ = made_from(Step9)
        f, x = Square(), Variable(np.array(3.0))
        y = f(x)
        with self.assertRaisesRegex(GraphError, r"Square was called already.* another instance: Square\(\)\(x\)"):
            f(Variable(np.array(5.0)))
        y.backward()
        self.assertEqual(x.grad, 6.0)

    def test_a_call_that_sets_no_input(self) -> None:
        class Forgetful(Function):
            def __call__(self, input: Any) -> Any:
                output = Variable(self.forward(input.data))
                output.set_creator(self)
                return output

            def forward(self, x: Any) -> Any:
                return x * 2

        y = Forgetful()(Variable(np.ones(2)))
        with self.assertRaisesRegex(GraphError, "Forgetful has no inputs"):
            y.backward()

    def test_an_input_or_output_that_is_none(self) -> None:
        Square, _ = made_from(Step9)
        f, x = Square(), Variable(np.ones(2))
        with self.assertRaisesRegex(TypeError, "input of Square must be a Variable, but got ndarray of shape"):
            f.input = np.ones(2)
        with self.assertRaisesRegex(GraphError, "takes values, but this Variable holds None"):
            f.input = Variable(None)
        with self.assertRaisesRegex(TypeError, "output of Square must be a Variable, but got int"):
            f.output = 3
        f(x)
        with self.assertRaisesRegex(GraphError, r"the output of Square must be .* output.set_creator\(self\) first"):
            f.output = x

    def test_functions_that_record_themselves(self) -> None:
        with self.assertRaisesRegex(GraphError, "Square was not called; call it"):
            Variable(np.ones(2)).set_creator(Square())

    def test_a_cycle(self) -> None:
        Own, _ = made_from(Step9)
        f, x = Own(), Variable(np.ones(2))
        y = f(x)
        with self.assertRaisesRegex(GraphError, "was computed from Variable.* cannot be its creator"):
            x.set_creator(np.exp(y).creator)
        self.assertIsNone(x.creator)


if __name__ == "__main__":
    unittest.main()
