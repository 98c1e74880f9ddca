"""What the tests of changes between calls share."""

import importlib.util
import unittest
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert import Variable
from wengert.compiler.compiled import CompileWarning, compile
from wengert.compiler.targets.cpu.runner import interpreted, native

X = np.arange(3.0)


LEVEL = 2.0


Wrap = Callable[[Any], Any]


Program = Callable[[Wrap], Iterator[Any]]


RUNNERS = [interpreted]


if all(map(importlib.util.find_spec, ("llvmlite", "scipy"))):
    RUNNERS.append(native)


def plain(value: Any) -> Any:
    """A copy of what is to be seen at this moment."""
    if isinstance(value, Variable):
        return "Variable", plain(value.data), plain(value.grad)
    if isinstance(value, np.ndarray):
        return np.array(value)
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(plain, value)]
    return {key: plain(part) for key, part in value.items()} if isinstance(value, dict) else value


def calls(f: Any, n: int = 5) -> Iterator[Any]:
    for i in range(n):
        yield f(X + i)


class Holder:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class ProgramCase(unittest.TestCase):
    def follow(self, program: Program, plans: int | None = None, warned: str | None = None) -> None:
        expected = [plain(value) for value in program(lambda f: f)]
        for runner in RUNNERS:
            made: list[Any] = []

            def wrap(f: Any, runner: Any = runner, made: list[Any] = made) -> Any:
                made.append(compile(f, runner=runner))
                return made[-1]

            with self.subTest(runner=runner.__name__), warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", CompileWarning)
                for i, value in enumerate(program(wrap)):
                    self.equal(plain(value), expected[i], f"after call {i + 1}")
                if warned is not None:
                    self.assertRegex(str(caught[0].message), warned)
                    continue
                self.assertEqual([str(each.message) for each in caught], [])
                self.assertTrue(all(any(plan.run for plan in c.plans) for c in made), "no plan was used")
                if plans is not None:
                    self.assertEqual(sum(len(c.plans) for c in made), plans)

    def equal(self, a: Any, b: Any, where: str) -> None:
        self.assertIs(type(a), type(b), where)
        if isinstance(a, np.ndarray):
            self.assertEqual(a.dtype, b.dtype, where)
            np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=where)
        elif isinstance(a, (list, tuple)):
            self.assertEqual(len(a), len(b), where)
            for x, y in zip(a, b, strict=True):
                self.equal(x, y, where)
        elif isinstance(a, dict):
            self.assertEqual(list(a), list(b), where)
            self.equal(list(a.values()), list(b.values()), where)
        elif isinstance(a, float):
            self.assertTrue(a == b or np.isclose(a, b, rtol=1e-12, equal_nan=True), f"{where}: {a} is not {b}")
        else:
            self.assertEqual(a, b, where)
