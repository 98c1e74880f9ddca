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
from wengert.writes.calls import view, write

# What the arrays are that a call is given: arguments of a transform, and views of them.
FORMS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "as they are": (np.array, lambda x: x),
    "transposed": (lambda x: np.array(x.T, order="C"), lambda x: x.T),
    "backwards": (lambda x: np.array(x[..., ::-1], order="C") if x.ndim else np.array(x), lambda x: x[..., ::-1]),
    "of no dimensions": (lambda x: np.array(x.flat[0] if x.size else 1, x.dtype), lambda x: x),
}


def run(case: Case, form: str, change: Callable[[list[Any], list[Any]], None] | None, with_variables: bool) -> Any:
    """Call, change the arguments or results, and return the arguments and results after that."""
    before, view = FORMS[form]
    args = [before(a) if isinstance(a, np.ndarray) else a for a in case.args]
    after: list[Any] = []

    def program(*inputs: Any) -> Any:
        left = iter(inputs)
        given = [view(next(left) if is_floating(a) else a) if isinstance(a, np.ndarray) else a for a in args]
        results = parts(case.call(*given))
        if change is not None:
            change(given, results)
        after.extend((given, results))
        return 0.0 if not inputs else np.sum(np.abs(inputs[0])) if with_variables else 0.0

    floating = [a for a in args if is_floating(a)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        if with_variables:
            wengert.vjp(program, *floating)
        else:
            program(*floating)
    return after


def numbers(values: Any) -> list[Any]:
    return [v.data.copy() if isinstance(v, Variable) else np.array(v) for v in values if is_array(v)]


def is_array(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic, Variable))


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


# SciPy overwrites a transposed argument that it may overwrite; infinity with the weight 0 gives NaN in this form.
OF_SCIPY = {("wengert.scipy.linalg.inv", "transposed"), ("wengert.scipy.special.logsumexp", "of no dimensions")}


class CasesOfModule:
    """The checks that every case of one module goes through; a TestCase of each is made below."""

    cases: list[Case]

    def test_results_share_memory_as_numpys_do(self: Any) -> None:
        for i, case in enumerate(self.cases):
            if case.function in (view, write):
                continue  # which are recorded, and not called by programs
            for form in FORMS:
                if (name_of(case.function), form) in OF_SCIPY:
                    continue
                with self.subTest(
                    i, function=name_of(case.function), form=form, shapes=[np.shape(a) for a in case.args]
                ):
                    self.check(case, form)

    def check(self: Any, case: Case, form: str) -> None:
        if form != "as they are":
            try:
                given, results = run(case, form, None, False)
                run(case, form, None, True)
            except (ValueError, TypeError, IndexError, AttributeError, RuntimeError, ZeroDivisionError):
                return  # what takes no such arrays
        given, results = run(case, form, None, False)
        ours = run(case, form, None, True)[1]
        for i, result in enumerate(results):
            if isinstance(ours[i], Variable):
                self.check_write_to_result(case, form, i, result)
        for i, x in enumerate(given):
            if is_floating(x):
                self.check_same(case, form, write_argument(i), f"after a write to argument {i}")

    def check_write_to_result(self: Any, case: Case, form: str, i: int, result: Any) -> None:
        what = f"write to result {i}"
        is_ours = getattr(case.function, "__module__", "").startswith("wengert.")
        if is_ours and np.ndim(result) == 0:
            return  # which is a number, or an array of no dimensions
        if not isinstance(result, np.ndarray):
            with self.assertRaisesRegex(TypeError, "a NumPy number", msg=f"{what}, a number"):
                run(case, form, write_result(i), True)
            return
        try:
            run(case, form, write_result(i), False)
        except (ValueError, DeprecationWarning):  # read-only, or will be
            with self.assertRaisesRegex(ValueError, "read-only", msg=f"{what}, which is read-only"):
                run(case, form, write_result(i), True)
            return
        self.check_same(case, form, write_result(i), f"after a {what}")

    def check_same(self: Any, case: Case, form: str, change: Any, what: str) -> None:
        expected, found = run(case, form, change, False), run(case, form, change, True)
        for kind, ours, numpys in zip(("arguments", "results"), found, expected, strict=True):
            for y, e in zip(numbers(ours), numbers(numpys), strict=True):
                tolerance = {"rtol": 1e-9, "atol": 1e-9} if e.dtype.kind in "fc" else {}
                np.testing.assert_allclose(y, e, **tolerance, err_msg=f"{kind} {what}")


for name, module in MODULES.items():
    members = {"cases": module.CASES}
    globals()[f"{name}_aliases"] = type(f"{name}_aliases", (CasesOfModule, unittest.TestCase), members)


if __name__ == "__main__":
    unittest.main()
