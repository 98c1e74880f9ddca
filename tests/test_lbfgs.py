"""L-BFGS."""

import importlib.util
import unittest

import numpy as np

from tests.optimizer_cases import GrowingLayer
from wengert import Parameter, Variable
from wengert.optimizers import LBFGS

needs_scipy = unittest.skipIf(importlib.util.find_spec("scipy") is None, "needs scipy: pip install wengert[scipy]")


@needs_scipy
class LBFGSTest(unittest.TestCase):
    def test_its_options_are_saved_and_loaded(self) -> None:
        p = Parameter(np.ones(3))
        a, b = LBFGS([p], max_iterations=2, history=3), LBFGS([p])
        b.load_state_dict(a.state_dict())
        group = b.groups[0]
        self.assertEqual((float(group.max_iterations), float(group.history)), (2, 3))
        self.assertEqual(group.max_iterations.dtype, np.float64)  # as every option
        group.history = LBFGS([p], history=7).groups[0].history
        self.assertEqual(float(group.history), 7)
        for wrong in (2.5, np.nan, np.inf, 0.0):
            saved = {**a.state_dict(), "groups.0.max_iterations": np.array(wrong)}
            with self.assertRaisesRegex(
                (TypeError, ValueError), "max_iterations of LBFGS must be an integer of at least"
            ):
                b.load_state_dict(saved)

    def test_rosenbrock(self) -> None:
        p = Parameter(np.array([-1.2, 1.0, -0.5, 2.0]))
        optimizer = LBFGS([p], max_iterations=200)
        loss = optimizer.update(lambda: np.sum(100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2))
        self.assertLess(loss, 1e-12)
        np.testing.assert_allclose(p.data, 1, rtol=1e-5)

    def test_several_parameters_in_place_and_a_closure_with_backward(self) -> None:
        w, b = Parameter(np.zeros((2, 3), np.float32)), Parameter(np.zeros(3, np.float32))
        z = Parameter(np.array([1 + 1j]))
        unused = Parameter(np.ones(2))
        target = np.arange(6, dtype=np.float32).reshape(2, 3)
        arrays = [w.data, b.data, z.data]

        def closure() -> Variable:
            loss = np.sum((w + b - target) ** 2) + np.sum(b**2) + np.sum(np.abs(z - (2 - 3j)) ** 2)
            loss.backward()
            return loss

        optimizer = LBFGS([w, b, z, unused], max_iterations=100)
        self.assertLess(optimizer.update(closure), 1e-8)
        np.testing.assert_allclose(w.data, target, atol=1e-3)
        np.testing.assert_allclose(z.data, 2 - 3j, atol=1e-3)
        np.testing.assert_array_equal(unused.data, 1)
        self.assertTrue(w.data is arrays[0] and b.data is arrays[1] and z.data is arrays[2])
        self.assertEqual(list(optimizer.state_dict())[-1], "state.2.step")

    def test_lazy_parameters(self) -> None:
        layer = GrowingLayer()
        optimizer = LBFGS(layer)

        def closure() -> Variable:
            if not layer.found:
                layer.grow("w", [3.0])
            return np.sum((layer.found["w"] - 1) ** 2)

        optimizer.update(closure)
        np.testing.assert_allclose(layer.found["w"].data, 1)

    def test_ends_at_the_best_point(self) -> None:
        p = Parameter(np.array([4.0]))
        losses: list[float] = []

        def closure() -> Variable:
            loss = np.sum(np.log(p) ** 2)  # NaN below 0, where the line search goes at first
            losses.append(float(loss))
            return loss

        with np.errstate(invalid="ignore"):
            loss = LBFGS([p]).update(closure)
        self.assertEqual(loss, np.nanmin(losses))
        np.testing.assert_allclose(p.data, 1, atol=1e-4)

    def test_refused(self) -> None:
        p = Parameter(np.array([1.0]))
        optimizer = LBFGS([p])
        with self.assertRaisesRegex(TypeError, "so it needs a function that returns it: .*; but got NoneType"):
            optimizer.update()
        with self.assertRaisesRegex(TypeError, "the closure must return the loss as one real number in a Variable"):
            optimizer.update(lambda: 3.0)
        with self.assertRaisesRegex(ValueError, "LBFGS has no parameters that the loss depends on; use them in the"):
            optimizer.update(lambda: Variable(np.array(3.0)))
        with self.assertRaisesRegex(ValueError, "must be finite at the start, but the loss is nan, and 1 elements"):
            optimizer.update(lambda: np.sum(p * np.nan))
        np.testing.assert_array_equal(p.data, 1)
        with self.assertRaisesRegex(ValueError, "LBFGS does not clip gradients"):
            LBFGS([p], clip_norm=1.0)
        with self.assertRaisesRegex(ValueError, "LBFGS takes one group of parameters, but got 2"):
            LBFGS([{"params": [p]}, {"params": [Parameter(np.ones(1))]}])
        with self.assertRaisesRegex(ValueError, "max_iterations of LBFGS must be an integer of at least 1"):
            LBFGS([p], max_iterations=0)
        with self.assertRaisesRegex(AttributeError, "LBFGS has no option 'learning_rate'; it has: max_iterations"):
            optimizer.learning_rate  # noqa: B018
