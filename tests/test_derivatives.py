"""Every row of the table of derivatives, by the cases in tests.cases."""

import importlib
import pkgutil
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import tests.cases
from tests.cases import Case
from tests.table_snapshot import read_all_functions
from wengert import Variable, check_grad
from wengert.arrays.table import FUNCTIONS, UFUNCS, read_late_tables
from wengert.checks.refusals import name_of

MODULES = {m.name: importlib.import_module(f"tests.cases.{m.name}") for m in pkgutil.iter_modules(tests.cases.__path__)}


def is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "fc"


def parts(y: Any) -> list[Any]:
    return list(y) if isinstance(y, (tuple, list)) else [y]


def strided(x: Any) -> Any:
    """The same numbers, read-only and not contiguous."""
    if not isinstance(x, np.ndarray) or x.ndim == 0:
        return x
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    view = wide[..., ::2]
    view.setflags(write=False)
    return view


class CasesOfModule:
    """The checks that every case of one module goes through; a TestCase of each is made below."""

    cases: list[Case]

    def for_each(self: Any, check: Callable[[Case], None]) -> None:
        for i, case in enumerate(self.cases):
            with self.subTest(i, function=name_of(case.function), shapes=[np.shape(a) for a in case.args]):
                check(case)

    def test_values_and_dtypes_are_numpys(self: Any) -> None:
        self.for_each(self.check_values)

    def check_values(self: Any, case: Case) -> None:
        kinds = [case.args]
        if case.single:
            kinds.append(tuple(single(a) for a in case.args))
        for args in kinds:
            expected = parts(case.call(*args))
            found = parts(case.call(*(Variable(a) if is_floating(a) else a for a in args)))
            self.assertEqual(len(found), len(expected))
            for y, e in zip(found, expected, strict=True):
                if not isinstance(y, Variable):
                    np.testing.assert_array_equal(y, e)
                    continue
                self.assertEqual((y.shape, y.dtype), (np.shape(e), np.asarray(e).dtype))
                if case.exact:
                    np.testing.assert_array_equal(y.data, e)
                else:
                    tolerance = 1e-4 if y.dtype.itemsize < 8 or y.dtype == np.complex64 else 1e-10
                    np.testing.assert_allclose(y.data, e, rtol=tolerance, atol=tolerance)

    def test_double_precision_to_second_order(self: Any) -> None:
        self.for_each(lambda case: check_grad(case.call, *case.args, order=case.order, eps=case.eps, rtol=case.rtol))

    def test_single_precision_to_second_order(self: Any) -> None:
        def check(case: Case) -> None:
            if case.single:
                check_grad(case.call, *map(single, case.args), order=min(case.order, 2), rtol=5e-3, atol=1e-3)

        self.for_each(check)

    def test_strided_and_read_only_inputs_are_unchanged(self: Any) -> None:
        def check(case: Case) -> None:
            args = tuple(map(strided, case.args))
            check_grad(case.call, *args, order=1, eps=case.eps, rtol=case.rtol)
            for a, b in zip(args, case.args, strict=True):
                if isinstance(a, np.ndarray):
                    np.testing.assert_array_equal(a, b)

        self.for_each(check)


for name, module in MODULES.items():
    members = {"cases": module.CASES}
    globals()[f"{name}_cases"] = type(f"{name}_cases", (CasesOfModule, unittest.TestCase), members)


class TableTest(unittest.TestCase):
    def test_every_row_has_a_case(self) -> None:
        read_late_tables()
        read_all_functions()
        checked = {case.function for module in MODULES.values() for case in module.CASES}
        rows = [f for table in (UFUNCS, FUNCTIONS) for f, call in table.items() if not is_constant(call)]
        missing = sorted(name_of(f) for f in rows if f not in checked)
        self.assertEqual(missing, [], "rows of the table that no case in tests/cases checks")


def single(x: Any) -> Any:
    if not is_floating(x):
        return x
    return x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)


def is_constant(call: Any) -> bool:
    """Whether a row of the table has no derivative, or is one of vmap's own."""
    if getattr(call, "__module__", "").startswith("wengert.batching"):
        return True
    return getattr(getattr(call, "func", None), "__name__", "") in ("_call_plain", "_refuse")


if __name__ == "__main__":
    unittest.main()
