"""What the tests of a compiled function's state share."""

import unittest
import warnings
from collections import deque, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert import Variable
from wengert.compiler.compiled import compile
from wengert.compiler.targets.cpu.runner import interpreted

LEVEL = np.array([1.0, 2.0])


RATE = 0.5


SETTINGS: dict[str, Any] = {"offset": np.array([0.5, 0.5]), "power": 2}


Pair = namedtuple("Pair", "a b")  # noqa: PYI024


def compiled(f: Any, **settings: Any) -> Any:
    return compile(f, runner=interpreted, **settings)


class StateCase(unittest.TestCase):
    def follow(
        self, make: Callable[[], tuple[Any, Callable[[], Any]]], calls: int = 5, plans: int | None = None
    ) -> Any:
        """Run an eager function and a compiled one side by side: results and state are the same after each call.

        `make` gives a function of one array and what shows the state.
        """
        f, of_eager = make()
        g, of_compiled = make()
        c = compiled(g)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for i in range(calls):
                x = np.array([1.0 + i, -2.0])
                self.equal(c(x.copy()), f(x.copy()))
                self.equal(of_compiled(), of_eager())
        self.assertIsNone(c.given_up)
        used = [*c.plans, *c.recorded.plans]
        self.assertTrue(used[0].confirmed, "no plan was used")
        if plans is not None:
            self.assertEqual(len(used), plans)
        return c

    def equal(self, a: Any, b: Any) -> None:
        self.assertIs(type(a), type(b))
        if isinstance(a, Variable):
            self.assertEqual(a.name, b.name)
            self.equal(a.data, b.data)
        elif isinstance(a, np.ndarray):
            self.assertEqual(a.dtype, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-12)
        elif isinstance(a, (list, tuple, deque)):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b, strict=True):
                self.equal(x, y)
        elif isinstance(a, dict):
            self.assertEqual(list(a), list(b))
            self.equal(list(a.values()), list(b.values()))
        elif isinstance(a, (float, np.floating)):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            self.assertEqual(a, b)
