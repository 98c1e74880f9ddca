"""What the table of singular sets says of each function is what the function does there.

By itself and inside smooth compositions, to first and second order, in double, single and half precision, of real and
complex numbers, eager and compiled.
"""

from __future__ import annotations

import importlib
import importlib.util
import unittest
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import wengert
from tests.singular_cases import NOT_FINITE, RAISES, Case
from tests.singular_cases.not_yet import NOT_YET
from tests.table_snapshot import read_all_functions
from tests.test_derivatives import is_constant
from wengert import functions, grad
from wengert.arrays.table import FUNCTIONS, INTO, UFUNCS, read_late_tables
from wengert.checks.refusals import name_of
from wengert.functions.singular_points import LIMIT, NAN, REFUSED, SETS, Point, in_words, singular_set

HAS_SCIPY = importlib.util.find_spec("scipy") is not None
MODULES = ("elementwise", "arrays", "matrices", "networks", *(("special",) if HAS_SCIPY else ()))
CASES: list[Case] = [c for m in MODULES for c in importlib.import_module(f"tests.singular_cases.{m}").CASES]
REFUSALS = (np.linalg.LinAlgError, ValueError, TypeError, ZeroDivisionError)
GROUP = 12  # cases that are compiled together


def public_name(function: Any) -> str | None:
    """The name of a row in the table of singular sets; None for functions that only derivatives call."""
    if function == INTO:
        return None  # a result that is written into an array: that of the function
    if getattr(function, "__objclass__", None) is np.ndarray:
        return f"np.ndarray.{function.__name__}"
    name = name_of(function)
    if name.startswith("wengert."):
        last = name.rpartition(".")[2]
        return f"F.{last}" if getattr(functions, last, None) is function else None
    if "." in name:
        return name if name.partition(".")[0] in ("np", "operator") else None
    return f"special.{name.lstrip('_')}"


def rows_by_name() -> set[str]:
    """The names of the functions that users call and that have a derivative."""
    read_late_tables()
    read_all_functions()
    rows = [public_name(f) for table in (UFUNCS, FUNCTIONS) for f, call in table.items() if not is_constant(call)]
    return {name for name in rows if name}


def first_derivative(case: Case) -> Callable[[Any], Any]:
    return grad(lambda x: np.sum(np.real(case.call(x))))


def second_derivative(case: Case) -> Callable[[Any], Any]:
    """The rows of the Hessian. (For a complex x, of what a change of its real part makes of the gradient's.)"""
    slopes = first_derivative(case)

    def rows(x: Any) -> Any:
        picked = []
        for i in range(x.size):
            one = np.eye(x.size, dtype=x.real.dtype)[i].reshape(x.shape)
            picked.append(grad(lambda x, one=one: np.sum(np.real(slopes(x)) * one))(x))  # type: ignore[misc]
        return np.stack(picked).reshape(x.size, x.size)

    return rows


def expected_of(case: Case, order: int) -> Any:
    value = case.first if order == 1 else case.second
    if value is None or isinstance(value, str):
        return value
    if order == 1:
        return np.broadcast_to(value, case.x.shape)
    return value * np.eye(case.x.size) if np.ndim(value) == 0 else np.reshape(value, (case.x.size, case.x.size))


def status_of(case: Case, order: int) -> str:
    """What the table says; "right" where the case names no point."""
    points = {point.where: point for point in singular_set(case.function) or ()}
    return "right" if case.where is None else points[case.where][order]


def attempt(f: Callable[[Any], Any], x: Any) -> Any:
    """A derivative, or RAISES."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return np.asarray(f(x))
        except REFUSALS:
            return RAISES


def fault(case: Case, order: int, found: Any, tolerance: float) -> str:
    """Say what is wrong with a derivative; nothing if it is as the table and the case say."""
    expected, status = expected_of(case, order), status_of(case, order)
    if expected is None:
        return ""
    if isinstance(found, str):
        return "" if expected is RAISES or REFUSED in status else f"it is refused, but the table says {status}"
    finite = np.isfinite(found)
    if expected is RAISES:
        return f"{found} is not refused" if finite.any() or status == REFUSED else ""
    if expected is NOT_FINITE:
        return "" if not finite.all() else f"{found} is finite"
    if not finite.all() and status in (LIMIT, NAN):
        found, expected = found[finite], expected[finite]
    size = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    if np.allclose(found, expected, rtol=tolerance, atol=tolerance * size):
        return ""
    return f"{found.tolist()} is not {np.asarray(expected).tolist()} ({status})"


def kinds(case: Case) -> Iterator[tuple[Any, tuple[int, ...], float]]:
    """The dtypes that a case is tried in, with orders and tolerances."""
    yield np.float64, (1, 2), 1e-6
    if case.single:
        yield np.float32, (1, 2), 2e-3
    if case.half and case.single:
        yield np.float16, (1,), 2e-2
    if case.complex:
        yield np.complex128, (1, 2), 1e-6


class SingularSetsTest(unittest.TestCase):
    def test_every_row_states_its_singular_set(self) -> None:
        missing = sorted(name for name in rows_by_name() if singular_set(name) is None)
        self.assertEqual(missing, [], "say in wengert.functions.singular_points where these have no derivative")

    def test_no_function_is_named_twice(self) -> None:
        names = [name for _, names in SETS for name in names.split()]
        self.assertEqual(sorted(names), sorted(set(names)))

    def test_every_point_of_every_function_has_a_case(self) -> None:
        tried = {(case.function, case.where) for case in CASES}
        rows = rows_by_name()
        missing = [
            (name, point.where)
            for points, names in SETS
            for name in names.split()
            for point in points
            if (name, point.where) not in tried and name in rows
        ]
        self.assertEqual(missing, [])

    def test_every_case_is_of_a_point(self) -> None:
        for case in CASES:
            with self.subTest(case.function, where=case.where):
                self.assertIsNotNone(singular_set(case.function))
                if case.where is not None:
                    status_of(case, 1)

    def test_derivatives_are_as_the_table_says(self) -> None:
        waits = {(name, order) for order, names in NOT_YET.items() for name in names.split()}
        fail = set()
        for i, case in enumerate(CASES):
            for dtype, orders, tolerance in kinds(case):
                for order in orders:
                    derivative = (first_derivative, second_derivative)[order - 1](case)
                    with np.errstate(all="ignore"):
                        x = case.x.astype(dtype)
                    with self.subTest(case.function, where=case.where, case=i, dtype=np.dtype(dtype).name, order=order):
                        text = fault(case, order, attempt(derivative, x), tolerance)
                        if (case.function, order) not in waits:
                            self.assertEqual(text, "")
                    if text:
                        fail.add((case.function, order))
        self.assertEqual(
            waits - fail, set(), "these are as the table says: take them out of tests.singular_cases.not_yet"
        )

    def test_compiled_derivatives_are_the_same_or_nan(self) -> None:
        """Both derivatives in double precision; in single precision, the first of some."""
        self.check_compiled(CASES, np.float64, lambda case: [first_derivative(case), second_derivative(case)])
        self.check_compiled([c for c in CASES[::4] if c.single], np.float32, lambda case: [first_derivative(case)])

    def check_compiled(self, cases: list[Case], dtype: Any, derivatives: Callable[[Case], list[Any]]) -> None:
        able = []
        for case in cases:
            with np.errstate(all="ignore"):
                x = case.x.astype(dtype)
            found = [(f, attempt(f, x)) for f in derivatives(case)]
            able += [(case, f, x, y) for f, y in found if not isinstance(y, str)]
        for start in range(0, len(able), GROUP):
            group = able[start : start + GROUP]
            compiled = wengert.compile(
                lambda *xs, group=group: [f(x) for (_, f, _, _), x in zip(group, xs, strict=True)]
            )
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                for _ in range(3):
                    ys = compiled(*[x for _, _, x, _ in group])
            for (case, _, _, expected), y in zip(group, ys, strict=True):
                with self.subTest(case.function, where=case.where, dtype=np.dtype(dtype).name):
                    finite, tolerance = np.isfinite(y), 1e-8 if dtype == np.float64 else 1e-4
                    self.assertTrue(np.all(np.isfinite(expected[finite])), "eager is not finite there")
                    np.testing.assert_allclose(y[finite], expected[finite], rtol=tolerance, atol=tolerance)


class AuditTest(unittest.TestCase):
    def test_the_audit_shows_them(self) -> None:
        rows = {row.name: row for row in wengert.audit()}
        self.assertEqual(rows["np.abs"].note, "at 0: 0")
        self.assertEqual(rows["np.abs"].points, (Point("0", "0", LIMIT),))
        self.assertEqual(rows["np.acos"].note, "at -1 and 1: limit")
        self.assertEqual((rows["np.sin"].note, rows["np.sin"].points), ("", ()))
        self.assertEqual(rows["np.floor"].note, "0 everywhere; at integers: 0")
        self.assertIn("as a composition of other functions", rows["np.ptp"].note)
        if HAS_SCIPY:
            self.assertEqual(rows["scipy.special.digamma"].note, "at 0, -1, -2, ...: limit")
        self.assertEqual(in_words((Point("0", "0", LIMIT),)), ["at 0: 0"])


if __name__ == "__main__":
    unittest.main()
