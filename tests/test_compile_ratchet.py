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

DRAWS = "a draw: NumPy makes it, in its own stream"
PERMITTED = {
    **dict.fromkeys(
        ("random.normal", "random.standard_normal", "random.uniform", "random.random", "random.integers"), DRAWS
    ),
    "random.permutation": DRAWS,
    "partition": "the order beside the k-th element is one of NumPy's own",
}
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


if __name__ == "__main__":
    unittest.main()
