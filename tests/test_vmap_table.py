"""Every row of the table of derivatives under vmap, against a loop over the examples."""

import importlib
import os
import pkgutil
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tests.cases
from tests.cases import Case
from wengert import Variable, grad, vmap
from wengert.checks.refusals import name_of

ALL = "WENGERT_ALL_CASES" in os.environ  # all cases, to second order, which takes minutes
MODULES = [m.name for m in pkgutil.iter_modules(tests.cases.__path__) if m.name != "writes"]


def is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "fc"


def parts(y: Any) -> list[Any]:
    return [part for each in y for part in parts(each)] if isinstance(y, (list, tuple)) else [y]


def values(y: Any) -> Any:
    return y.data if isinstance(y, Variable) else np.asarray(y)


def stacked(ys: list[Any]) -> list[Any]:
    """Stack the parts of the results of all examples."""
    return [np.stack([values(part) for part in column]) for column in zip(*map(parts, ys), strict=True)]


def loss(call: Callable[..., Any], power: int = 1) -> Callable[..., Any]:
    """The sum of all floating results, each with a weight of its own."""

    def total(*args: Any) -> Any:
        found: Any = 0.0
        for y in parts(call(*args)):
            if isinstance(y, Variable) and y.dtype.kind in "fc":
                y = np.real(y) + 0.5 * np.imag(y) if y.dtype.kind == "c" else y
                found = found + np.sum(y * np.cos(power + np.arange(y.size)).reshape(y.shape))
        return found * 1.0

    return total


class TableUnderVmapTest(unittest.TestCase):
    def assert_same(self, found: Any, expected: list[Any], rtol: float) -> None:
        self.assertEqual(len(parts(found)), len(expected))
        for a, b in zip(parts(found), expected, strict=True):
            a = values(a)
            self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype))
            np.testing.assert_allclose(a, b, rtol=rtol, atol=10 * rtol)

    def check(self, case: Case) -> None:
        places = tuple(i for i, a in enumerate(case.args) if is_floating(a))
        axes = tuple(0 if i in places else None for i in range(len(case.args)))
        smaller = tuple(a * a.dtype.type(0.95) if i in places else a for i, a in enumerate(case.args))
        examples = [case.args, smaller]
        args = [np.stack([e[i] for e in examples]) if i in places else a for i, a in enumerate(case.args)]
        f = loss(case.call)
        try:
            expected = stacked([case.call(*e) for e in examples])
            gradients = stacked([grad(f, places)(*e) for e in examples])
        except (TypeError, ValueError):
            return  # undefined for one of the examples, or of another length
        self.assert_same(vmap(case.call, axes)(*args), expected, 1e-9)
        self.assert_same(vmap(grad(f, places), axes)(*args), gradients, 1e-7)
        if ALL:
            outside = grad(lambda *args: np.sum(vmap(f, axes)(*args)), places)
            self.assert_same(outside(*args), gradients, 1e-7)
            if case.order > 1:
                second = grad(loss(grad(f, places), 2), places)
                self.assert_same(vmap(second, axes)(*args), stacked([second(*e) for e in examples]), 1e-6)


def checking(name: str) -> Callable[[Any], None]:
    def test(self: Any) -> None:
        counts: dict[Any, int] = {}
        for i, case in enumerate(importlib.import_module(f"tests.cases.{name}").CASES):
            counts[case.function] = counts.get(case.function, 0) + 1
            if not any(map(is_floating, case.args)) or (counts[case.function] > 6 and not ALL):
                continue
            with self.subTest(i, function=name_of(case.function)), warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                self.check(case)

    return test


for _name in MODULES:
    setattr(TableUnderVmapTest, f"test_{_name.lstrip('_')}", checking(_name))


if __name__ == "__main__":
    unittest.main()
