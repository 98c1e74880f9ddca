"""The audit: every public function of NumPy stands in one list, and does what the list says."""

import functools
import importlib.util
import os
import subprocess
import sys
import unittest
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert import Variable
from wengert.arrays.table import CONSTANT_UFUNCS, FUNCTIONS, UFUNCS
from wengert.auditing import CONVERTS, TAKES_NO_ARRAYS, Audit, Row
from wengert.checks.refusals import name_of
from wengert.custom.registration import REFUSED
from wengert.writes.creation import CREATING

ROOT = Path(__file__).resolve().parent.parent
VECTOR, NUMBER, COUNT = Variable(np.array([1.0, 2.0])), Variable(np.array(2.0)), Variable(np.array(3))


def identity(x: Any) -> Any:
    return x


# What the lists of the audit say of functions that NumPy does not dispatch, is tried here.
CONVERTING: dict[str, list[Callable[[], Any]]] = {
    "np.arange": [lambda: np.arange(NUMBER), lambda: np.arange(COUNT), lambda: np.arange(0.0, NUMBER, 0.5)],
    "np.array": [lambda: np.array(VECTOR), lambda: np.array([NUMBER, 1.0]), lambda: np.array(VECTOR, dtype=object)],
    "np.asanyarray": [lambda: np.asanyarray(VECTOR)],
    "np.asarray": [lambda: np.asarray(VECTOR), lambda: np.asarray([[NUMBER]]), lambda: np.asarray((VECTOR, VECTOR))],
    "np.asarray_chkfinite": [lambda: np.asarray_chkfinite(VECTOR)],
    "np.ascontiguousarray": [lambda: np.ascontiguousarray(VECTOR)],
    "np.asfortranarray": [lambda: np.asfortranarray(VECTOR)],
    "np.asmatrix": [lambda: np.asmatrix(VECTOR)],
    "np.bartlett": [lambda: np.bartlett(COUNT)],
    "np.blackman": [lambda: np.blackman(COUNT)],
    "np.bmat": [lambda: np.bmat([[Variable(np.ones((1, 1)))]])],
    "np.broadcast": [lambda: np.broadcast(VECTOR, VECTOR)],
    "np.from_dlpack": [lambda: np.from_dlpack(VECTOR)],
    "np.frombuffer": [lambda: np.frombuffer(VECTOR)],
    "np.full": [lambda: np.full(2, NUMBER), lambda: np.full((3, 2), VECTOR)],
    "np.hamming": [lambda: np.hamming(COUNT)],
    "np.hanning": [lambda: np.hanning(COUNT)],
    "np.isfortran": [lambda: np.isfortran(VECTOR)],
    "np.kaiser": [lambda: np.kaiser(4, NUMBER)],
    "np.matrix": [lambda: np.matrix(VECTOR)],
    "np.mintypecode": [lambda: np.mintypecode(VECTOR)],
    "np.ndenumerate": [lambda: list(np.ndenumerate(VECTOR))],
    "np.nditer": [lambda: list(np.nditer(VECTOR)), lambda: list(np.nditer([np.ones(2), VECTOR]))],
    "np.nested_iters": [lambda: np.nested_iters(Variable(np.ones((2, 2))), [[0], [1]], op_flags=[["readonly"]])],
    "np.require": [lambda: np.require(VECTOR, float)],
    "np.vectorize": [
        lambda: np.vectorize(identity)(VECTOR),
        lambda: np.vectorize(identity, signature="(n)->(n)")(VECTOR),
    ],
}

# Not functions by name, but ways to lose a graph all the same.
ELSEWHERE: dict[str, Callable[[], Any]] = {
    "a product of np.frompyfunc": lambda: np.frompyfunc(identity, 1, 1)(VECTOR),
    "np.poly1d of a list": lambda: np.poly1d([NUMBER, 1.0]),
    "np.r_": lambda: np.r_[VECTOR, 1.0],
    "np.r_ of a number": lambda: np.r_[NUMBER, 1.0],
    "np.c_": lambda: np.c_[VECTOR, VECTOR],
    "np.mgrid": lambda: np.mgrid[0:NUMBER:0.5],
    "an element of an array": lambda: np.zeros(2).__setitem__(slice(None), VECTOR),
    "several elements of an array": lambda: np.zeros(2).__setitem__([0, 1], VECTOR),
    "np.put": lambda: np.zeros(2).put([0], NUMBER),
    "np.add.at": lambda: np.add.at(np.zeros(2), [0], NUMBER),
    "np.full_like": lambda: np.full_like(np.zeros(2), NUMBER),
    "np.lib.stride_tricks.as_strided": lambda: np.lib.stride_tricks.as_strided(VECTOR),
    "np.random": lambda: np.random.default_rng(0).normal(VECTOR),
    "np.float64": lambda: np.float64(VECTOR),
    "np.array of an array of objects": lambda: np.array([[NUMBER]], dtype=object),
    "np.strings": lambda: np.strings.upper(VECTOR),
    "np.char": lambda: np.char.array(VECTOR),
    "np.random of a number": lambda: np.random.default_rng(0).normal(NUMBER),
}


class ListsTest(unittest.TestCase):
    def test_every_name_is_in_one_list(self) -> None:
        self.assertEqual(wengert.audit().unclear, [], "say in wengert.functions or wengert.audit what these do")

    def test_a_new_function_is_detected(self) -> None:
        self.addCleanup(delattr, np, "new_in_numpy")
        np.new_in_numpy = lambda x: x  # type: ignore[attr-defined]
        self.assertEqual(wengert.audit().unclear, ["np.new_in_numpy"])

    def test_a_function_in_two_lists_is_detected(self) -> None:
        TAKES_NO_ARRAYS["a mistake"] = "np.exp"
        self.addCleanup(TAKES_NO_ARRAYS.pop, "a mistake")
        self.assertEqual(wengert.audit().unclear, ["np.exp"])
        self.assertEqual(next(row.status for row in wengert.audit() if row.name == "np.exp"), "in two lists")

    def test_no_name_is_listed_twice(self) -> None:
        names = [name for groups in (CONVERTS, TAKES_NO_ARRAYS) for line in groups.values() for name in line.split()]
        self.assertEqual(sorted(names), sorted(set(names)))

    def test_rows_of_the_table_are_dispatched(self) -> None:
        """A row for a function that NumPy does not dispatch would never be asked."""
        dispatched = type(np.concatenate)
        deaf = [
            f
            for f in FUNCTIONS
            if getattr(f, "__module__", "").startswith("numpy")
            and not isinstance(f, dispatched | np.ufunc)
            and f not in CREATING  # (by like=)
        ]
        self.assertEqual(deaf, [])

    def test_the_tables_do_not_overlap(self) -> None:
        self.assertEqual(CONSTANT_UFUNCS & set(UFUNCS), set())
        self.assertEqual(CONSTANT_UFUNCS & set(REFUSED), set())
        for f, call in FUNCTIONS.items():
            if f in REFUSED:
                self.assertEqual(call.func.__name__, "_refuse", f)  # type: ignore[attr-defined]


class RowsTest(unittest.TestCase):
    def test_rows(self) -> None:
        rows = {row.name: row for row in wengert.audit()}
        self.assertEqual(rows["np.linalg.solve"].status, "differentiable")
        self.assertEqual(rows["np.fft.fft"].arguments, ("a",))
        self.assertEqual(rows["np.multiply"].arguments, ("x1", "x2"))
        self.assertEqual(rows["np.floor"].note, "0 everywhere; at integers: 0")
        self.assertEqual(rows["np.argmax"].status, "piecewise constant")
        self.assertEqual(rows["np.copyto"].status, "differentiable")
        self.assertEqual(rows["np.copyto"].arguments, ("dst", "src"))
        self.assertEqual(rows["np.copyto"].note, "writes into its first argument")
        self.assertEqual(rows["np.full"].status, "makes arrays")
        self.assertEqual(rows["np.full"].note, "of Variables and numbers, with like= a Variable")
        self.assertEqual(rows["np.busday_count"].status, "refused")
        self.assertEqual(rows["np.errstate"].status, "takes no arrays")

    def test_it_prints_as_a_table_with_counts(self) -> None:
        rows = Row("np.a", ("differentiable",), ("x", "y")), Row("np.bcd", ()), Row("np.e", ("refused",), (), "no")
        table = Audit(rows)
        self.assertEqual(
            str(table).split("\n"),
            [
                "np.a    differentiable      with respect to x, y",
                "np.bcd  in no list",
                "np.e    refused             no",
                "3 names: 1 differentiable, 0 makes arrays, 0 piecewise constant, 1 refused, 0 takes no arrays, "
                "1 in no list",
            ],
        )
        self.assertEqual((len(table), [row.name for row in table]), (3, ["np.a", "np.bcd", "np.e"]))

    @unittest.skipIf(importlib.util.find_spec("scipy") is None, "needs SciPy")
    def test_ufuncs_of_scipy_without_a_derivative_raise(self) -> None:
        special = importlib.import_module("scipy.special")
        tried = 0
        for row in wengert.audit():
            if row.name.startswith("scipy.") and row.status == "refused":
                ufunc = getattr(special, row.name.rpartition(".")[2])
                with self.subTest(row.name), self.assertRaises(TypeError):
                    ufunc(*[Variable(np.array(1.0))] * ufunc.nin)
                tried += 1
        self.assertGreater(tried, 0)


class ConversionTest(unittest.TestCase):
    def test_what_converts_raises(self) -> None:
        listed = {name for line in CONVERTS.values() for name in line.split()}
        there = {row.name for row in wengert.audit()} & listed - {"np.in1d", "np.trapz"}
        self.assertEqual(there - set(CONVERTING), set(), "try these here")
        self.assertEqual(set(CONVERTING) - listed - {name_of(f) for f in CREATING}, set())
        for name, calls in CONVERTING.items():
            for i, call in enumerate(calls):
                with self.subTest(name, call=i), warnings.catch_warnings():
                    warnings.simplefilter("ignore", PendingDeprecationWarning)  # np.matrix
                    with self.assertRaises((TypeError, ValueError, AttributeError)):
                        call()

    def test_other_ways_to_convert_raise(self) -> None:
        for name, call in ELSEWHERE.items():
            with self.subTest(name), warnings.catch_warnings(), self.assertRaises((TypeError, ValueError)):
                warnings.simplefilter("ignore", DeprecationWarning)  # np.char, from NumPy 2.5 on
                call()

    def test_a_dispatched_function_without_a_row_raises(self) -> None:
        @functools.wraps(np.sort)
        def unheard(x: Any) -> Any:
            raise AssertionError("left the graph")

        with self.assertRaisesRegex(TypeError, "has no derivative here"):
            wengert.dispatched(unheard)(VECTOR)


class PageTest(unittest.TestCase):
    @unittest.skipIf(importlib.util.find_spec("scipy") is None, "the page has the ufuncs of SciPy")
    def test_the_page_of_functions_is_up_to_date(self) -> None:
        run = subprocess.run(
            [sys.executable, str(ROOT / "docs" / "make_functions.py"), "--check"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        if run.returncode == 2:
            self.skipTest(run.stderr)
        self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    unittest.main()
