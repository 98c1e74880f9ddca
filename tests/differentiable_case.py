"""What the tests of differentiable compiled functions have in common."""

import unittest
import warnings
from typing import Any

import numpy as np

import wengert
from wengert import Variable
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted
from wengert.layers import Linear, Sequential

CALLS = 6  # the first one runs eagerly, two are traced, then there is a plan
RNG = np.random.default_rng(1)
A, X = RNG.normal(size=(5, 3)), RNG.normal(size=(3,))


def compiled(f: Any, **settings: Any) -> Any:
    return compile(f, runner=interpreted, **settings)


def model_of(seed: int = 0) -> Any:
    wengert.seed(seed)
    model = Sequential(Linear(3, 4), np.tanh, Linear(4, 2))
    model(A.astype(np.float32))
    return model


def array_in(x: Any) -> Any:
    return x.data if isinstance(x, Variable) else x


class DifferentiableCase(unittest.TestCase):
    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def same(self, a: Any, b: Any, rtol: float = 1e-9) -> None:
        if isinstance(b, (list, tuple)):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b, strict=True):
                self.same(x, y, rtol)
        elif isinstance(b, dict):
            self.assertEqual(list(a), list(b))
            for key in b:
                with self.subTest(key):
                    self.same(a[key], b[key], rtol)
        elif b is None:
            self.assertIsNone(a)
        else:
            self.assertIs(type(a), type(b))
            a, b = array_in(a), array_in(b)
            self.assertEqual((np.shape(a), a.dtype), (np.shape(b), b.dtype))
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * float(np.max(np.abs(b), initial=1)))

    def used(self, c: Any) -> bool:
        """Whether a plan has run, and a compiled pullback."""
        return any(plan.run is not None and plan.how.pullback.run is not None for plan in c.recorded.plans)
