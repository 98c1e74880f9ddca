"""Which results share memory with what: of every row of the table, as NumPy's do, by the cases in tests.cases.

A write to an argument shows in the results that NumPy makes views of it, and in no others; the same for a write to a
result. What NumPy makes read-only is read-only, and what it makes numbers is immutable.
"""

import unittest
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.cases import Case
from tests.test_derivatives import MODULES, is_floating, parts
from wengert import Variable
from wengert.checks.refusals import name_of


def run(case: Case, change: Callable[[list[Any], list[Any]], None] | None, with_variables: bool) -> Any:
    """Call, change the arguments or results, and return the arguments and results after that."""
    args = [np.array(a) if isinstance(a, np.ndarray) else a for a in case.args]
    after: list[Any] = []

    def program(*inputs: Any) -> Any:
        left = iter(inputs)
        given = [next(left) if is_floating(a) else a for a in args]
        results = parts(case.call(*given))
        if change is not None:
            change(given, results)
        after.extend((given, results))
        return 0.0 if not inputs else np.sum(np.abs(inputs[0])) if with_variables else 0.0

    floating = [a for a in args if is_floating(a)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        if with_variables:
            wengert.vjp(program, *floating)
        else:
            program(*floating)
    return after


def numbers(values: Any) -> list[Any]:
    return [v.data.copy() if isinstance(v, Variable) else np.array(v) for v in values]


def new_values(x: Any) -> Any:
    return np.arange(1.0, 1.0 + np.size(x)).reshape(np.shape(x)) * 100


def write_result(i: int) -> Callable[[list[Any], list[Any]], None]:
    def change(given: list[Any], results: list[Any]) -> None:
        results[i][...] = new_values(results[i])

    return change


def write_argument(i: int) -> Callable[[list[Any], list[Any]], None]:
    def change(given: list[Any], results: list[Any]) -> None:
        given[i][...] = new_values(given[i])

    return change


class CasesOfModule:
    """The checks that every case of one module goes through; a TestCase of each is made below."""

    cases: list[Case]

    def test_results_share_memory_as_numpys_do(self: Any) -> None:
        for i, case in enumerate(self.cases):
            with self.subTest(i, function=name_of(case.function), shapes=[np.shape(a) for a in case.args]):
                self.check(case)

    def check(self: Any, case: Case) -> None:
        given, results = run(case, None, False)
        ours = run(case, None, True)[1]
        for i, result in enumerate(results):
            if isinstance(ours[i], Variable):
                self.check_write_to_result(case, i, result)
        for i, x in enumerate(given):
            if is_floating(x):
                self.check_same(case, write_argument(i), f"after a write to argument {i}")

    def check_write_to_result(self: Any, case: Case, i: int, result: Any) -> None:
        what = f"write to result {i}"
        if not isinstance(result, np.ndarray):
            with self.assertRaises(TypeError, msg=f"{what}, a number"):
                run(case, write_result(i), True)
            return
        try:
            run(case, write_result(i), False)
        except (ValueError, DeprecationWarning):  # read-only, or will be
            with self.assertRaisesRegex(ValueError, "read-only", msg=f"{what}, which is read-only"):
                run(case, write_result(i), True)
            return
        self.check_same(case, write_result(i), f"after a {what}")

    def check_same(self: Any, case: Case, change: Any, what: str) -> None:
        expected, found = run(case, change, False), run(case, change, True)
        for kind, ours, numpys in zip(("arguments", "results"), found, expected, strict=True):
            for y, e in zip(numbers(ours), numbers(numpys), strict=True):
                tolerance = {"rtol": 1e-9, "atol": 1e-9} if e.dtype.kind in "fc" else {}
                np.testing.assert_allclose(y, e, **tolerance, err_msg=f"{kind} {what}")


for name, module in MODULES.items():
    members = {"cases": module.CASES}
    globals()[f"{name}_aliases"] = type(f"{name}_aliases", (CasesOfModule, unittest.TestCase), members)


if __name__ == "__main__":
    unittest.main()
