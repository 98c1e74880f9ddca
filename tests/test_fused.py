"""Fused: a forward and a backward of its own for ndarrays, the definition for all else."""

import unittest
import warnings
from typing import Any

import numpy as np

from tests.table_snapshot import TableSnapshot
from wengert import GradientError, GraphError, Parameter, Variable, check_grad, hessian, no_grad
from wengert.custom.registration import dispatched
from wengert.functions.fused import Fused


@dispatched
def scaled_cube(x: Any, b: Any = None, *, scale: float = 1.0) -> Any:
    """The definition."""
    y = x * x * x * scale
    return y if b is None else y + b


@dispatched
def both(x: Any, w: Any) -> Any:
    return x * w, np.sum(x) * w


class FusedTest(unittest.TestCase):
    def setUp(self) -> None:
        table = TableSnapshot()
        table.save()
        self.addCleanup(table.restore)
        self.calls: list[str] = []
        calls = self.calls

        class ScaledCube(Fused, function=scaled_cube, by="x b"):
            def forward(self, x: Any, b: Any, scale: float) -> Any:
                calls.append("forward")
                self.square, self.scale = x * x, scale
                y = self.square * x
                y *= scale
                return y if b is None else y + b

            def backward(self, gy: Any) -> Any:
                calls.append("backward")
                gx = self.square * gy
                gx *= 3 * self.scale
                return gx, gy if self.needs[1] else None

        class Both(Fused, function=both, by="x w"):
            def forward(self, x: Any, w: Any) -> Any:
                self.x, self.w = x, w
                return x * w, np.sum(x) * w

            def backward(self, gy: Any, gz: Any) -> Any:
                gx = gy * self.w + np.sum(gz * self.w)
                return gx, gy * self.x + gz * np.sum(self.x)

        self.kind = ScaledCube
        self.x = np.array([1.0, -2.0, 3.0])

    def test_arrays_take_its_own_backward(self) -> None:
        x = Variable(self.x)
        y = scaled_cube(x, 1.0, scale=2.0)
        np.testing.assert_array_equal(y.data, [3, -15, 55])
        y.backward()
        np.testing.assert_array_equal(x.grad, 6 * self.x**2)
        self.assertEqual(self.calls, ["forward", "backward"])
        self.assertEqual((y.creator.name, y.creator.input is x), ("ScaledCube", True))

    def test_any_order_by_the_definition(self) -> None:
        check_grad(lambda x, b: scaled_cube(x, b, scale=2.0), self.x, np.array(0.5), order=3)
        check_grad(lambda x, b: scaled_cube(x, b=b), self.x.astype(np.float32), np.ones(3, np.float32), rtol=1e-2)
        check_grad(scaled_cube, np.zeros((0, 3)), np.array(2.0))
        found = hessian(lambda x: np.sum(scaled_cube(x)))(self.x)
        np.testing.assert_allclose(found, np.diag(6 * self.x))

    def test_several_results(self) -> None:
        check_grad(lambda x, w: sum(map(np.sum, both(x, w))), self.x, self.x + 1, order=2)
        x, w = Variable(self.x), Parameter(self.x + 1)
        first, second = both(x, w)
        first.backward()  # the second took no part
        np.testing.assert_array_equal(x.grad, w.data)
        np.testing.assert_array_equal(second.data, np.sum(self.x) * w.data)

    def test_a_wrong_backward_is_caught(self) -> None:
        self.kind.backward = lambda self, gy: (self.square * gy, gy)
        with self.assertRaisesRegex(GradientError, "."):
            check_grad(scaled_cube, self.x, np.array(0.5), order=1)

    def test_a_definition_that_differs_is_caught(self) -> None:
        self.kind.backward = lambda self, gy: (3.01 * self.scale * self.square * gy, gy)
        with self.assertRaisesRegex(GradientError, "."):
            check_grad(scaled_cube, self.x, np.array(0.5), order=2)

    def test_gradients_that_are_not_needed(self) -> None:
        x = Variable(self.x)
        y = scaled_cube(x, np.ones(3))
        self.assertEqual(y.creator.needs, (True, False))
        self.assertEqual(len(y.creator.inputs), 1)

    def test_plain_arrays_and_no_grad(self) -> None:
        np.testing.assert_array_equal(scaled_cube(self.x), self.x**3)
        self.assertEqual(self.calls, [])
        with no_grad():
            y = scaled_cube(Variable(self.x))
        self.assertIsNone(y.creator)

    def test_results_are_read_only(self) -> None:
        y = scaled_cube(Variable(self.x))
        self.assertFalse(y.data.flags.writeable)

    def test_a_change_between_forward_and_backward_is_detected(self) -> None:
        x = Variable(self.x.copy())
        y = scaled_cube(x)
        x.data -= 1
        with self.assertRaisesRegex(GraphError, "backward of ScaledCube needs the value"):
            y.backward()
        constant = Variable(self.x.copy())
        z = scaled_cube(Variable(self.x), constant.data)
        constant.data += 1
        with self.assertRaisesRegex(GraphError, "backward of ScaledCube needs the value"):
            z.backward()

    def test_integers_have_gradients_too(self) -> None:
        x, b = Variable(np.array([1, 2, 3])), Variable(np.array(2))
        scaled_cube(x, b).backward()
        np.testing.assert_array_equal(x.grad, [3.0, 12.0, 27.0])
        self.assertEqual((b.grad, b.grad.dtype), (3.0, np.float64))

    def test_labels_are_constants(self) -> None:
        class Labelled(Fused, function=both, by="x w", labels="w"):
            def forward(self, x: Any, w: Any) -> Any:
                return x * w

        y = both(Variable(self.x), Variable(np.array([1, 2, 3])))
        self.assertEqual(y.creator.needs, (True, False))

    def test_a_number_takes_the_dtype_of_the_others(self) -> None:
        x = Variable(self.x.astype(np.float32))
        self.assertEqual(scaled_cube(x, 1.5).dtype, np.float32)
        self.assertEqual(scaled_cube(x, np.float64(1.5)).dtype, np.float64)

    def test_arguments_that_it_does_not_take(self) -> None:
        x = Variable(self.x)
        with self.assertRaisesRegex(
            TypeError, r"differentiable with respect to x, b, but its scale is a Variable.*scale\.data"
        ):
            scaled_cube(x, scale=Variable(np.array(2.0)))
        with self.assertRaisesRegex(TypeError, r"scaled_cube\(\) got an unexpected keyword argument 'd'"):
            scaled_cube(x, d=1)
        with self.assertRaisesRegex(TypeError, r"scaled_cube\(\) takes from 1 to 2 positional arguments but 3"):
            scaled_cube(x, 1.0, 2.0)
        with self.assertRaisesRegex(TypeError, "missing 1 required positional argument: 'x'"):
            scaled_cube(b=x)
        with self.assertRaisesRegex(TypeError, "takes numbers, but got ndarray"):
            scaled_cube(x, np.array(["a"]))

    def test_must_be_defined(self) -> None:
        class Empty(Fused, function=scaled_cube, by="x"):
            pass

        with self.assertRaisesRegex(NotImplementedError, r"Empty must define forward\(self, x, b, scale\)"):
            scaled_cube(Variable(self.x))
        Empty.forward = lambda self, x, b, scale: x**3
        with self.assertRaisesRegex(NotImplementedError, r"Empty must define backward\(self, gy\)"):
            scaled_cube(Variable(self.x)).backward()

    def test_an_error_in_forward_leaves_nothing(self) -> None:
        with self.assertRaises(ValueError), warnings.catch_warnings():
            scaled_cube(Variable(self.x), np.ones(2))
        self.assertEqual(self.calls, ["forward"])


if __name__ == "__main__":
    unittest.main()
