"""What the tests of compiled functions share."""

import copy
import inspect
import unittest
import warnings
from typing import Any

import numpy as np

from wengert import Variable
from wengert.compiler.compiled import CompileWarning, compile
from wengert.compiler.targets.cpu.runner import interpreted


def compiled(f: Any, **settings: Any) -> Any:
    return compile(f, runner=interpreted, **settings)


def doubled(x: Any) -> Any:
    return x * 2


class CompileCase(unittest.TestCase):
    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def both(self, f: Any, calls: list[tuple[Any, ...]], plans: int | None = None) -> Any:
        """Compare a function with itself compiled, on several calls."""
        c = compiled(f)
        for args in calls:
            a, b = c(*copy.deepcopy(args)), f(*copy.deepcopy(args))
            self.same(a, b)
        self.assertIsNone(c.given_up)
        self.assertTrue(any(p.confirmed for p in (*c.plans, *c.recorded.plans)), "no plan was used")
        if plans is not None:
            self.assertEqual(len(c.plans) + len(c.recorded.plans), plans)
        return c

    def same(self, a: Any, b: Any) -> None:
        self.assertIs(type(a), type(b))
        if isinstance(b, (list, tuple)):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b, strict=True):
                self.same(x, y)
        elif isinstance(b, dict):
            self.same(list(a.items()), list(b.items()))
        elif isinstance(b, Variable):
            self.same(a.data, b.data)
            self.assertEqual(a.data.flags.writeable, b.data.flags.writeable)
        elif isinstance(b, (np.ndarray, np.generic, float)):
            self.assertEqual((np.shape(a), np.asarray(a).dtype), (np.shape(b), np.asarray(b).dtype))
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            self.assertEqual(a, b)

    def pauses(self, f: Any, pattern: str, calls: list[tuple[Any, ...]]) -> Any:
        """The same, but the function is compiled again after a while."""
        c = self.gives_up(f, pattern, calls)
        self.assertIsNone(c.given_up)
        self.assertGreater(c.pauses.left, 0)
        return c

    def gives_up(self, f: Any, pattern: str, calls: list[tuple[Any, ...]], **settings: Any) -> Any:
        """The function runs eagerly, with one warning that has the reason and points to this file."""
        c = compiled(f, **settings)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for args in calls:
                self.same(c(*copy.deepcopy(args)), f(*copy.deepcopy(args)))
        of_ours = [w for w in caught if w.category is CompileWarning]
        self.assertEqual(len(of_ours), 1, [str(w.message) for w in caught])
        self.assertRegex(str(of_ours[0].message), pattern)
        self.assertIn(of_ours[0].filename, (__file__, inspect.getfile(type(self))))
        return c


X = np.array([1.0, 2.0])
