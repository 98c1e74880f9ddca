"""A walk that starts again with gradients that carry a graph, and gradients that did not arrive."""

import unittest
from types import SimpleNamespace
from typing import Any

import numpy as np

from wengert import Function, Variable, grad
from wengert.arrays.absent import absent_gradient, is_absent
from wengert.checks.second_walk import NeedsGraph, current_walk, is_second_walk, walking_again

WEIGHTS = np.array([[1.0, 2.0], [3.0, 5.0]])


def put_together(x: Any) -> Any:
    """A loss whose gradient at equal singular values only a second walk finds: it is the sum of WEIGHTS * x."""
    u, s, vh = np.linalg.svd(x)
    return np.sum((u * s) @ vh * WEIGHTS)


class SecondWalkTest(unittest.TestCase):
    def test_it_leaves_arrays_and_retained_gradients_of_the_second_walk(self) -> None:
        x = Variable(np.eye(2))
        y = x * 2.0
        put_together(y).backward(retain_grad=True)
        for found, right in ((x.grad, 2 * WEIGHTS), (y.grad, WEIGHTS)):
            self.assertIs(type(found), np.ndarray)
            np.testing.assert_allclose(found, right, atol=1e-12)

    def test_through_a_function_of_the_users(self) -> None:
        class Double(Function):
            def forward(self, x: Any) -> Any:
                return 2 * x

            def backward(self, gy: Any) -> Any:
                return 2 * gy

        found = grad(lambda x: Double()(put_together(Double()(x))))(np.eye(2))
        np.testing.assert_allclose(found, 4 * WEIGHTS, atol=1e-12)

    def test_a_derivative_inside_backward_starts_the_outermost_walk_again(self) -> None:
        class Loss(Function):
            def forward(self, x: Any) -> Any:
                return put_together(x)

            def backward(self, gy: Any) -> Any:
                return gy * grad(put_together)(self.input.data)

        x = Variable(np.eye(2))
        Loss()(x).backward()
        self.assertIs(type(x.grad), np.ndarray)
        np.testing.assert_allclose(x.grad, WEIGHTS, atol=1e-12)

    def test_hooks_see_variables_and_may_replace_them(self) -> None:
        x = Variable(np.eye(2))
        y = x * 1.0
        y.register_hook(lambda gy: 3 * gy)
        put_together(y).backward()
        np.testing.assert_allclose(x.grad, 3 * WEIGHTS, atol=1e-12)

    def test_only_the_outermost_walk_on_arrays_starts_again(self) -> None:
        walks: list[Any] = []

        @walking_again(Variable)
        def walk(roots: Any, gradients: Any, differentiable: bool, retained: Any = None, again: bool = False) -> Any:
            token = current_walk.set(SimpleNamespace(differentiable=differentiable, again=again))
            try:
                walks.append((differentiable, is_second_walk()))
                for inner in roots:
                    inner()
                if not differentiable:
                    raise NeedsGraph
                return {}
            finally:
                current_walk.reset(token)

        walk([lambda: walk([], [], False)], [], False)
        self.assertEqual(walks[:2], [(False, False), (False, False)])
        self.assertEqual(walks[2], (True, True))

    def test_nothing_is_left_under_way(self) -> None:
        put_together(Variable(np.eye(2))).backward()
        self.assertIsNone(current_walk.get())
        with self.assertRaises(np.linalg.LinAlgError):
            grad(lambda x: np.sum(np.linalg.svd(x)[0] * WEIGHTS))(np.eye(2))
        self.assertIsNone(current_walk.get())


class AbsentTest(unittest.TestCase):
    def test_absent_gradients_are_zeros_that_cannot_be_written(self) -> None:
        for shape in ((), (3,), (0, 2), (2, 2)):
            for dtype in (np.float16, np.float32, np.complex128):
                found = absent_gradient(shape, np.dtype(dtype))
                np.testing.assert_array_equal(found, np.zeros(shape, dtype))
                self.assertEqual((found.shape, found.dtype), (shape, dtype))
                self.assertTrue(is_absent(found) and is_absent(Variable(found)))
                self.assertFalse(is_absent(np.zeros(shape, dtype)) or is_absent(found + 0))
                with self.assertRaisesRegex(ValueError, "read-only"):
                    found[...] = 1

    def test_a_gradient_that_did_not_arrive_may_be_scaled_in_place(self) -> None:
        class Both(Function):
            def forward(self, x: Any, y: Any) -> Any:
                return 2 * x, 3 * y

            def backward(self, gx: Any, gy: Any) -> Any:
                return gx, gy

        x, y = Variable(np.ones(2)), Variable(np.ones(2))
        np.sum(Both()(x, y)[0]).backward()
        np.testing.assert_array_equal(y.grad, 0)
        y.grad *= 2
        np.testing.assert_array_equal(x.grad, 1)


if __name__ == "__main__":
    unittest.main()
