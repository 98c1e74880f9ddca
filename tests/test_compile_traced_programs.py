"""Programs as people write them for NumPy are compiled as they are: right at each call, by few plans."""

import unittest
import warnings
from typing import Any

import numpy as np

import tests.traced_programs_indices
import tests.traced_programs_schedules  # noqa: F401  (they add to the table)
from tests.installed import needs_llvm
from tests.traced_programs import PROGRAMS
from wengert import Variable
from wengert.compiler.compiled import CompileWarning, compile
from wengert.compiler.targets.cpu.runner import interpreted, native

CALLS = 14
MORE_PLANS = {"history_ring_list": 4}


class TracedProgramsTest(unittest.TestCase):
    def check(self, name: str, runner: Any) -> None:
        """Compare a program with itself compiled, at many calls."""
        f, arguments = PROGRAMS[name]()
        eager = compile(f).eager
        wanted = [eager(*arguments(k)) for k in range(CALLS)]
        f, arguments = PROGRAMS[name]()
        compiled = compile(f, runner=runner)
        with warnings.catch_warnings():
            warnings.simplefilter("error", CompileWarning)
            for k in range(CALLS):
                self.same(compiled(*arguments(k)), wanted[k], k)
        self.assertIsNone(compiled.given_up)
        self.assertTrue(any(plan.run is not None for plan in compiled.plans), compiled.last_failure)
        self.assertLessEqual(len(compiled.plans), MORE_PLANS.get(name, 3))

    def same(self, a: Any, b: Any, k: int) -> None:
        self.assertIs(type(a), type(b), k)
        if isinstance(b, (tuple, list)):
            for x, y in zip(a, b, strict=True):
                self.same(x, y, k)
        elif isinstance(b, dict):
            for key, value in b.items():
                self.same(a[key], value, k)
        elif isinstance(b, Variable):
            self.same(a.data, b.data, k)
        else:
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12, err_msg=f"call {k}")

    def test_by_the_interpreter(self) -> None:
        self.assertGreater(len(PROGRAMS), 90)
        for name in PROGRAMS:
            with self.subTest(name):
                self.check(name, interpreted)

    @needs_llvm
    def test_by_native_code(self) -> None:
        for name in list(PROGRAMS)[::6]:
            with self.subTest(name):
                self.check(name, native)


if __name__ == "__main__":
    unittest.main()
