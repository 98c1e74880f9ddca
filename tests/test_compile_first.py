"""Threads that are the first to compile something: what one is given stays while another makes or learns the same."""

import gc
import os
import sys
import tempfile
import threading
import time
import unittest
import warnings
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

try:
    import llvmlite.binding  # noqa: F401
    import scipy.linalg.cython_blas  # noqa: F401

    from wengert.compiler.targets.llvm import blas_library, jit, vector_math
except ImportError:
    raise unittest.SkipTest("llvmlite and SciPy are not installed") from None

import wengert
from tests.torture.threads import first_functions_of_processes
from wengert.compiler.guards.python_source import MISS
from wengert.compiler.once import once
from wengert.compiler.targets.cpu import cycle_counter, native_guard


def in_threads(count: int, work: Any) -> list[Any]:
    """What `work(index)` returns, or raises, in so many threads that begin together."""
    barrier = threading.Barrier(count)
    found: list[Any] = [None] * count

    def run(index: int) -> None:
        barrier.wait()
        try:
            found[index] = work(index)
        except Exception as error:  # noqa: BLE001 - the main thread looks at it
            found[index] = error

    workers = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


class OnceTest(unittest.TestCase):
    def test_several_threads_are_given_the_same(self) -> None:
        calls = []

        @once
        def made(kind: str) -> object:
            calls.append(kind)
            time.sleep(0.02)  # (others come meanwhile)
            return object()

        found = in_threads(6, lambda i: made("ab"[i % 2]))
        self.assertEqual(sorted(calls), ["a", "b"])
        self.assertEqual(len(set(map(id, found))), 2)

    def test_what_raised_is_tried_again(self) -> None:
        outcomes = iter([ValueError("first"), 5])

        @once
        def made() -> Any:
            outcome = next(outcomes)
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        with self.assertRaisesRegex(ValueError, "first"):
            made()
        self.assertEqual((made(), made()), (5, 5))

    def test_all_that_native_code_stands_on(self) -> None:
        """Modules, libraries and addresses are made once for all threads, and not once for each."""
        functions: list[Any] = [native_guard.compiled, native_guard.method, native_guard.direct, jit.llvm, jit.register]
        functions += [blas_library.library, blas_library.routine, vector_math.libraries, cycle_counter.seconds_per_tick]
        for function in functions:
            with self.subTest(function.__name__):
                self.assertIsInstance(function, once)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_child_does_not_wait_for_threads_of_its_parent(self) -> None:
        begun, over = threading.Event(), threading.Event()

        @once
        def made() -> int:
            begun.set()
            over.wait(0 if os.getpid() != parent else None)
            return os.getpid()

        parent = os.getpid()
        other = threading.Thread(target=made)
        other.start()
        begun.wait()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
            child = os.fork()
        if child == 0:
            import signal

            signal.alarm(20)
            os._exit(0 if made() == os.getpid() else 1)
        over.set()
        other.join()
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(made(), parent)


class HeldTest(unittest.TestCase):
    """Machine code lives as long as anything that runs it."""

    def test_first_functions_in_several_threads(self) -> None:
        self.assertEqual(first_functions_of_processes(3, calls=300), Counter(right=3))

    def test_a_builtin_holds_its_code(self) -> None:
        held = object()
        enter = native_guard.entrance(native_guard.words([0] * 8), held)
        found = gc.get_referents(enter)
        described = next(x for each in found if isinstance(each, tuple) for x in each)
        self.assertIs(described, native_guard.method())
        self.assertIs(described.module, native_guard.compiled())
        self.assertTrue(any(isinstance(each, tuple) and held in each for each in found))
        self.assertIs(native_guard.direct().module, native_guard.compiled())

    def test_what_was_learnt_before_is_left_as_it_is(self) -> None:
        """Another thread may be in the middle of it."""

        class Holder:
            weight = np.ones(3)

        holder = Holder()
        holder.weight = np.ones(3)
        f = wengert.compile(lambda a: np.sum(a * holder.weight))
        a = np.arange(3.0)
        for _ in range(6):
            f(a)
        quick = f.plans[0].fast_path
        before, table = quick.run, quick.table
        words = table.copy()
        self.assertEqual(before((a,), {}), 3.0)
        holder.weight = np.full(3, 2.0)
        for _ in range(4):
            self.assertEqual(f(a), 6.0)
        self.assertIsNot(quick.run, before)
        self.assertEqual(quick.run((a,), {}), 6.0)
        np.testing.assert_array_equal(table[: native_guard.RUNS], words[: native_guard.RUNS])
        gc.collect()
        self.assertIs(before((a,), {}), MISS)
        self.assertIn(f.plans[0].run.__self__, [x for e in gc.get_referents(before.__globals__["enter"])
                                                if isinstance(e, tuple) for x in e])  # fmt: skip


class PlansTest(unittest.TestCase):
    def test_one_function_with_many_plans_in_several_threads(self) -> None:
        """Each call brings another plan to the front, while others look for theirs and new ones are made."""
        f = wengert.compile(lambda a: np.sum(a * 2.0))
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)

        def work(index: int) -> int:
            for i in range(400):
                size = (i * (index + 1)) % 11 + 1
                if f(np.ones(size)) != 2.0 * size:
                    raise AssertionError(f"a wrong result of size {size}")
            return index

        try:
            found = in_threads(4, work)
        finally:
            sys.setswitchinterval(before)
        self.assertEqual(found, [0, 1, 2, 3])
        self.assertIsNone(f.given_up)
        self.assertEqual(len(f.plans), 11)

    def test_a_plan_that_another_thread_confirms_meanwhile_is_not_added_again(self) -> None:
        f = wengert.compile(lambda a: np.sum(a * 2.0))
        x = np.ones(3)
        f(x)
        original, calls = f._replay, iter([True])

        def replay(*args: object) -> object:
            found = original(*args)
            if next(calls, False):  # as a thread would that comes before this one has the lock
                f(x)
            return found

        with mock.patch.object(f, "_replay", replay):
            f(x)
        self.assertEqual([plan.confirmed for plan in f.plans], [True])

    def test_the_list_of_plans_is_replaced_not_changed(self) -> None:
        f = wengert.compile(lambda a: np.sum(a * 2.0))
        for size in (1, 2, 1, 2, 1, 2):
            f(np.ones(size))
        seen = f.plans
        order = list(seen)
        f(np.ones(1))
        f(np.ones(2))
        f(np.ones(3))
        self.assertEqual(seen, order)
        self.assertIsNot(f.plans, seen)

    def test_instances_without_a_dict(self) -> None:
        class Slots:
            __slots__ = ("factor",)

            def __init__(self, factor: float) -> None:
                self.factor = factor

            @wengert.compile
            def times(self, a: Any) -> Any:
                return np.sum(a * self.factor)

        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        made = [[Slots(i + 100.0 * k) for i in range(70)] for k in range(4)]
        try:
            found = in_threads(4, lambda k: [float(x.times(np.ones(2))) for x in made[k] for _ in range(2)])
        finally:
            sys.setswitchinterval(before)
        self.assertEqual(found, [[2.0 * x.factor for x in made[k] for _ in range(2)] for k in range(4)])


class LateRowsTest(unittest.TestCase):
    """Rows of the table that are read when they are first asked for."""

    MODULE = """
import wengert
from wengert.arrays import table

@wengert.pullback(table.late_function, "a")
def first(gy, a):
    return gy

table.row_is_there.set()
table.go_on.wait(5)
table.FUNCTIONS[table.late_function] = lambda args, kwargs: "the whole row"
"""

    def test_another_thread_waits_until_all_rows_are_there(self) -> None:
        """A row may be changed by what follows it in its module (see `prepared`)."""
        from wengert.arrays import table

        late_function = wengert.dispatched(lambda a: a)
        self.addCleanup(table.FUNCTIONS.pop, late_function, None)
        row_is_there, go_on = threading.Event(), threading.Event()
        named: Any = {"late_function": late_function, "row_is_there": row_is_there, "go_on": go_on}
        x = wengert.Variable(np.ones(2))
        found: list[Any] = []
        with tempfile.TemporaryDirectory() as folder, mock.patch.multiple(table, create=True, **named):
            Path(folder, "wengert_late_rows.py").write_text(self.MODULE)
            table.read_late_tables()
            table.LATE_TABLES["wengert_late_rows"] = "numpy"
            workers = [threading.Thread(target=lambda: found.append(late_function(x))) for _ in range(2)]
            with mock.patch("sys.path", [folder, *sys.path]):
                workers[0].start()
                self.assertTrue(row_is_there.wait(5))
                workers[1].start()
                workers[1].join(0.1)
                go_on.set()
                for worker in workers:
                    worker.join()
        self.assertEqual(list(map(str, found)), ["the whole row"] * 2)

    def test_rows_whose_reading_was_interrupted_are_read_the_next_time(self) -> None:
        from wengert.arrays import table

        table.read_late_tables()
        self.addCleanup(table.LATE_TABLES.pop, "wengert_late_rows", None)
        table.LATE_TABLES["wengert_late_rows"] = "numpy"
        with mock.patch("importlib.import_module", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            table.read_late_tables()
        with mock.patch("importlib.import_module") as read:
            table.read_late_tables()
        read.assert_called_once_with("wengert_late_rows")
        self.assertEqual(table.half_read, [])


if __name__ == "__main__":
    unittest.main()
