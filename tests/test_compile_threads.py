"""Threads of plans: work stealing, workers that come late or never, and the number of threads of BLAS."""

import os
import threading
import time
import unittest
import warnings
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.installed import INSTALLED, needs_llvm
from wengert.compiler.graph.build import elementwise, matrix_product, reduction, root_of, strided
from wengert.compiler.graph.graph import Graph, Node, Slot
from wengert.compiler.graph.interpreter import interpret

if INSTALLED:
    from wengert.compiler.schedule import partition
    from wengert.compiler.targets.cpu import thread_pool as threads_module
    from wengert.compiler.targets.cpu.program import Plan, SingleThreaded
    from wengert.compiler.targets.cpu.thread_pool import has_sleep, pool, set_num_threads
    from wengert.compiler.targets.llvm import blas_library
    from wengert.compiler.targets.llvm.jit import Module


def given(array: Any) -> Node:
    strides = tuple(s // array.itemsize for s in array.strides)
    return Node("input", (), {"place": None}, array.shape, array.dtype, strides)


def long_chain(size: int = 200_000) -> tuple[Graph, list[Any], list[Any]]:
    """A graph of parallel and serial steps, an array for it, and the expected results."""
    rng = np.random.default_rng(size)
    x = rng.normal(size=(size // 100, 100)).astype(np.float32)
    w = rng.normal(size=(100, 100)).astype(np.float32)
    a, b = given(x), given(w)
    y = elementwise(np.tanh, matrix_product(a, b))
    column = reduction(np.add, y, (0,), False)
    centred = elementwise(np.subtract, y, elementwise(np.divide, column, np.float32(len(x))))
    z = matrix_product(centred, b)
    graph = Graph([a, b], [z, reduction(np.add, elementwise(np.square, z)), column], [])
    hidden = np.tanh(x @ w)
    wanted = (hidden - hidden.sum(0) / len(x)) @ w
    return graph, [x, w], [wanted, np.square(wanted).sum(), hidden.sum(0)]


@needs_llvm
class ThreadsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.before = threads_module.chosen[0]

    def tearDown(self) -> None:
        threads_module.chosen[0] = self.before

    def close(self, found: list[Any], wanted: list[Any]) -> None:
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-3)

    def test_results_do_not_depend_on_the_number_of_threads_that_join(self) -> None:
        graph, arrays, wanted = long_chain()
        set_num_threads(3)
        plan = Plan(graph)
        self.assertEqual(plan.threads, 3 if has_sleep() else 1)
        first = plan.run(arrays)
        self.close(first, wanted)
        for count in (1, 2, 3, 5, 1):
            set_num_threads(count)
            for _ in range(20):
                for a, b in zip(plan.run(arrays), first, strict=True):
                    np.testing.assert_array_equal(a, b)

    def test_a_step_does_not_wait_for_workers_that_never_join(self) -> None:
        graph, arrays, wanted = long_chain()
        plan = Plan(graph, threads=3)
        alone = threads_module.Pool()
        alone.module, alone.launch, alone.work = pool().module, pool().launch, pool().work
        alone.workers = [threading.Thread(), threading.Thread()]  # (these are never started)
        with mock.patch.object(threads_module, "the_pool", [alone]):
            for _ in range(5):
                self.close(plan.run(arrays), wanted)
        self.close(plan.run(arrays), wanted)

    def test_workers_that_sleep_are_woken(self) -> None:
        graph, arrays, wanted = long_chain()
        plan = Plan(graph, threads=2)
        for _ in range(5):
            self.close(plan.run(arrays), wanted)
            time.sleep(0.02)

    def test_plans_in_several_threads_of_python(self) -> None:
        failed: list[Any] = []

        def work(size: int) -> None:
            try:
                graph, arrays, wanted = long_chain(size)
                plan = Plan(graph, threads=2)
                for _ in range(30):
                    self.close(plan.run(arrays), wanted)
            except BaseException as error:  # noqa: BLE001 - the main thread fails for it
                failed.append(error)

        workers = [threading.Thread(target=work, args=(size,)) for size in (50_000, 60_000, 70_000)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(failed, [])
        self.assertEqual(SingleThreaded.running, 0)

    def test_many_short_steps_with_other_work_on_the_cores(self) -> None:
        """Workers join at any time, also when a step is nearly over, or the next one has begun."""
        rng = np.random.default_rng(0)
        x = rng.normal(size=(64, 64))
        node = given(x)
        total = node
        for _ in range(6):
            total = elementwise(np.tanh, elementwise(np.add, total, reduction(np.add, total, (0,), True)))
        small = mock.patch.multiple(partition, WORTH_SHARING=0, SHORTEST=1)
        with small, mock.patch("wengert.compiler.targets.cpu.program.WORTH_THREADS", -1):
            plans = [Plan(Graph([node], [total], []), threads=n) for n in (2, 3, 4)]
        wanted = x
        for _ in range(6):
            wanted = np.tanh(wanted + wanted.sum(0, keepdims=True))
        over = threading.Event()
        busy = threading.Thread(target=lambda: [np.sort(rng.random(20_000)) for _ in iter(over.is_set, True)])
        busy.start()
        try:
            first = [plan.run([x])[0] for plan in plans]
            for i in range(1500):
                found = plans[i % 3].run([x])[0]
                if not np.array_equal(found, first[i % 3]):
                    self.fail(f"run {i} differs from the first")
        finally:
            over.set()
            busy.join()
        for one in first:
            np.testing.assert_allclose(one, wanted, rtol=1e-9)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_a_child_has_workers_of_its_own(self) -> None:
        graph, arrays, wanted = long_chain()
        plan = Plan(graph, threads=2)
        self.close(plan.run(arrays), wanted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
            child = os.fork()
        if child == 0:
            try:
                for _ in range(10):
                    self.close(plan.run(arrays), wanted)
                os._exit(0 if len(pool().workers) == 1 else 2)
            except BaseException:  # noqa: BLE001
                os._exit(1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.close(plan.run(arrays), wanted)

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_locks_that_other_threads_hold_are_free_in_a_child(self) -> None:
        import signal

        graph, arrays, wanted = long_chain()
        plan = Plan(graph, threads=2)
        self.close(plan.run(arrays), wanted)
        held, over = threading.Event(), threading.Event()

        def hold() -> None:
            with plan.lock, SingleThreaded.lock:
                held.set()
                over.wait()

        other = threading.Thread(target=hold)
        other.start()
        held.wait()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads
            child = os.fork()
        if child == 0:
            signal.alarm(20)
            try:
                self.close(plan.run(arrays), wanted)
                x = np.ones((128, 128))
                product = Plan(Graph([a := given(x)], [matrix_product(a, a)], []))
                self.close(product.run([x]), [x @ x])
                os._exit(0)
            except BaseException:  # noqa: BLE001
                os._exit(1)
        over.set()
        other.join()
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_a_plan_inside_of_itself(self) -> None:
        """The memory of the plan is in use: the inner call runs eagerly."""

        @wengert.dispatched
        def shorter(x: Any) -> Any:
            return np.array(f(x[1:])) if x.size > 1 else x

        f = wengert.compile(lambda x: np.sort(shorter(x).sum() + x))

        def eager(x: Any) -> Any:
            return np.sort((np.array(eager(x[1:])) if x.size > 1 else x).sum() + x)

        for i in range(8):
            x = np.arange(4.0)[::-1] + i
            np.testing.assert_allclose(f(x), eager(x))
            np.testing.assert_allclose(f(x[:3]), eager(x[:3]))
        plan = f.plans[0].run.__self__
        plan.owner = threading.get_ident()
        with self.assertRaisesRegex(RuntimeError, "inside of itself"):
            plan.run([x[:3]])
        np.testing.assert_allclose(f(x[:3]), eager(x[:3]))


@needs_llvm
class ProductTest(unittest.TestCase):
    def check(self, a: Any, b: Any, x: Node, y: Node) -> None:
        """Compare the product of views x, y of arrays a, b with NumPy's."""
        arrays = [a, b]
        inputs = [root_of(node)[0] for node in (x, y)]
        graph = Graph(inputs, [matrix_product(x, y)], [])
        wanted = interpret(graph, arrays)[0][0]
        for count in (1, 2, 3):
            small = mock.patch.multiple(partition, WORTH_SHARING=0, SHORTEST=1, THICK=1)
            with small, mock.patch("wengert.compiler.targets.cpu.program.WORTH_THREADS", -1):
                plan = Plan(graph, threads=count)
            with self.subTest(left=x.shape, right=y.shape, threads=count):
                for _ in range(2):
                    np.testing.assert_allclose(plan.run(arrays)[0], wanted, rtol=1e-9, atol=1e-9)

    def test_shapes(self) -> None:
        rng = np.random.default_rng(1)
        shapes = [
            ((7, 5), (5, 9)),
            ((33, 20), (20, 1)),
            ((1, 20), (20, 65)),
            ((20,), (20, 65)),
            ((65, 20), (20,)),
            ((3, 17, 6), (6, 10)),
            ((2, 3, 1, 6), (6, 10)),
            ((2, 1, 17, 6), (3, 6, 10)),
            ((4, 3, 17, 6), (4, 1, 6, 10)),
            ((1, 4, 17, 6), (6, 10)),
            ((5, 1, 6), (5, 6, 40)),
            ((3, 5), (4, 5, 6)),
            ((2, 3, 9, 4), (2, 3, 4, 50)),
            ((130, 40), (40, 150)),
        ]
        for left, right in shapes:
            a, b = rng.normal(size=left), rng.normal(size=right)
            self.check(a, b, given(a), given(b))

    def test_views(self) -> None:
        rng = np.random.default_rng(2)
        a, b = rng.normal(size=(6, 12, 20)), rng.normal(size=(20, 12))
        x, y = given(a), given(b)
        left = [
            strided(x, (6, 12, 20), (240, 20, 1), 0),
            strided(x, (12, 6, 20), (20, 240, 1), 0),  # the batch is the inner axis
            strided(x, (6, 5, 20), (240, 20, 1), 40),  # some rows of each
            strided(x, (6, 12, 20), (0, 20, 1), 0),  # the same ones again
            strided(x, (4, 3, 20), (60, 20, 1), 0),  # contiguous blocks
            strided(x, (3, 1, 20), (480, 20, 1), 20),  # one row of each
            strided(x, (12, 1, 20), (1, 240, 12), 0),  # no axis is contiguous
        ]
        for view in left:
            self.check(a, b, view, y)
        columns = strided(y, (12, 20), (1, 12), 0)
        other = strided(x, (6, 12, 5), (240, 1, 12), 0)  # contiguous columns, in a batch
        self.check(b, a, columns, strided(x, (6, 20, 12), (240, 1, 20), 0))
        self.check(a, b, other, strided(y, (5, 30), (30, 1), 0))
        packed = strided(x, (6, 4, 5), (4, 1, 24), 0)  # all rows are contiguous in each column
        self.check(a, b, packed, strided(y, (5, 30), (30, 1), 0))


@needs_llvm
class BlasTest(unittest.TestCase):
    def test_the_product_of_the_library(self) -> None:
        for name in ("sgemm", "dgemm"):
            address, _ = blas_library.routine(name)
            self.assertNotEqual(address, 0)
        with mock.patch.object(blas_library, "library", return_value=None):
            address, wide = blas_library.routine.__wrapped__("dgemm")  # SciPy's
        self.assertNotEqual(address, 0)
        self.assertFalse(wide)

    def test_integers_are_widened(self) -> None:
        """Native code passes 32-bit integers, whatever the library takes; other bits of the memory are ignored."""
        declared = "declare void @blas_dgemm(" + ", ".join(["ptr"] * 13) + ")\n"
        module = Module(declared + "define ptr @where() {\n  ret ptr @blas_dgemm\n}")
        self.assertNotEqual(module.address("where"), 0)
        a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
        plan = Plan(Graph([x := given(a), y := given(b)], [matrix_product(x, y)], []))
        np.testing.assert_array_equal(plan.run([a, b])[0], a @ b)

    def test_blas_has_all_its_threads_while_python_computes(self) -> None:
        setters = blas_library.thread_setters()
        if setters is None:
            self.skipTest("this BLAS has no number of threads")
        import ctypes

        get = ctypes.CFUNCTYPE(ctypes.c_int)(setters[0])
        set_ = ctypes.CFUNCTYPE(None, ctypes.c_int)(setters[1])
        before, seen = get(), []

        def look(x: Any) -> Any:
            seen.append(get())
            return x + 1

        a = np.random.default_rng(0).normal(size=(200, 200))
        x = given(a)
        product = matrix_product(x, x)
        called = Node("call", (product,), {"function": look, "arguments": (Slot(0),), "keywords": {}}, a.shape, a.dtype)
        graph = Graph([x], [matrix_product(called, x)], [])
        set_(2)
        try:
            found = Plan(graph, threads=1).run([a])[0]
            self.assertEqual(get(), 2)
        finally:
            set_(before)
        np.testing.assert_allclose(found, (a @ a + 1) @ a)
        self.assertEqual(seen, [2])


if __name__ == "__main__":
    unittest.main()
