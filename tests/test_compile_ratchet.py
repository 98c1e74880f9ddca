"""What is native stays native: programs and cases, compiled and compared with eager; the calls left to Python.

`PERMITTED` is all that may be left to Python, each with the reason. A call that is not in it fails here.
"""

import copy
import importlib
import pkgutil
import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tests.idioms
import wengert
from tests.compiled_programs import same
from tests.idioms import Idiom
from tests.installed import needs_llvm
from tests.ratchet import OPTIONS, PERMITTED, unexpected_calls

MODULES = [importlib.import_module(f"tests.idioms.{m.name}") for m in pkgutil.iter_modules(tests.idioms.__path__)]
IDIOMS: dict[str, Idiom] = {name: idiom for module in MODULES for name, idiom in module.IDIOMS.items()}


def function_of(idiom: Idiom) -> Callable[..., Any]:
    """The program with its gradient, and where `order` is 2 the gradient of a function of that."""
    if idiom.places is None:
        return idiom.call
    first = wengert.value_and_grad(idiom.call, idiom.places)
    if idiom.order == 1:
        return first

    def slope(*args: Any) -> Any:
        return sum(np.sum(np.cos(g)) for g in wengert.grad(idiom.call, idiom.places)(*args))

    return lambda *args: (first(*args), wengert.grad(slope, idiom.places)(*args))


def moved(value: Any, step: int) -> Any:
    """Arguments a little different, in place: of the same memory, as those of a program are from call to call."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fc" and step == 3:
        value *= 1.01
    return value


@needs_llvm
class IdiomsTest(unittest.TestCase):
    def test_programs_in_plain_numpy_are_native(self) -> None:
        for name, idiom in IDIOMS.items():
            with self.subTest(name):
                self.check(name, idiom)

    def check(self, name: str, idiom: Idiom) -> None:
        f = function_of(idiom)
        compiled = wengert.compile(f)
        args, others = copy.deepcopy(idiom.args), copy.deepcopy(idiom.args)
        with warnings.catch_warnings():
            warnings.simplefilter("error", wengert.CompileWarning)
            for step in range(4):
                for a, b in zip(args, others, strict=True):
                    moved(a, step), moved(b, step)
                same(compiled(*args), f(*others), f"{name}, call {step}")
        self.assertIsNone(compiled.given_up)
        self.assertTrue(any(plan.confirmed for plan in compiled.plans), "no plan was used")
        self.assertEqual(set(compiled.plan.python_calls) - set(PERMITTED), set(), "Python makes these calls")


class TableTest(unittest.TestCase):
    """The cases of the table of derivatives: `python -m tests.fuzz --ratchet` compiles all of them to second order."""

    def check(self, least: int, step: int, dtype: Any, start: int = 0, orders: bool = True) -> None:
        count, found = unexpected_calls(step, dtype, start, orders)
        self.assertEqual(found, {}, "Python makes these calls")
        self.assertGreaterEqual(count, least)

    def test_functions(self) -> None:
        self.check(2000, 2, np.float64, orders=False)
        self.check(900, 4, np.float32, 1, orders=False)

    def test_derivatives(self) -> None:
        self.check(200, 20, np.float64)
        self.check(90, 40, np.float32, 13)

    def test_half_precision(self) -> None:
        self.check(300, 12, np.float16, 5, orders=False)

    def test_the_lists_are_no_longer_than_they_have_to_be(self) -> None:
        self.assertEqual(OPTIONS.keys() & PERMITTED.keys(), set())
        self.assertTrue(all(reason and not reason[0].isupper() for reason in (OPTIONS | PERMITTED).values()))


if __name__ == "__main__":
    unittest.main()
