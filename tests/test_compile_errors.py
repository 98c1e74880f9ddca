"""Compiled functions that raise, that are not compiled, that are verified; and what threads share."""

import os
import pickle
import queue
import threading
import types
import unittest
import warnings
from typing import Any
from unittest import mock

import numpy as np

from tests.compile_case import CompileCase, X, compiled, doubled
from wengert import Parameter
from wengert.compiler import compiled as module
from wengert.compiler.compiled import Compiled, CompileWarning, compile
from wengert.compiler.graph.graph import Graph, Node, VerificationError
from wengert.compiler.graph.verify import verify


class ErrorTest(CompileCase):
    def test_an_error_leaves_what_eager_leaves(self) -> None:
        def make() -> Any:
            s = types.SimpleNamespace(a=np.zeros(2), n=[], w=Parameter(np.ones(2)))

            def f(x: Any, bad: Any) -> Any:
                s.a += x
                s.b = s.a * 2
                s.n.append(1)
                np.sum(s.w * x).backward()
                if bad:
                    raise KeyError("bad")
                s.n.pop()
                del s.b
                return s.a * 1

            return f, s

        (f, s), (g, r) = make(), make()
        c = compiled(g)
        for bad in (True, False, False, False, True, False):
            for each in (f, c):
                if bad:
                    with self.assertRaisesRegex(KeyError, "bad"):
                        each(X, bad)
                else:
                    each(X, bad)
            self.same(r.a, s.a)
            self.same(r.w.grad, s.w.grad)
            self.assertEqual((r.n, sorted(vars(r))), (s.n, sorted(vars(s))))
            if hasattr(s, "b"):
                self.same(r.b, s.b)
                del r.b, s.b
                r.n.clear(), s.n.clear()

    def test_an_error_in_a_replay_is_that_of_eager(self) -> None:
        s = types.SimpleNamespace(n=np.array(0.0))

        def f(a: Any) -> Any:
            s.n += 1
            return np.linalg.inv(a)

        c = self.both(f, [(np.eye(2) * i,) for i in (1, 2, 3)], plans=1)
        n = float(s.n)
        with self.assertRaisesRegex(np.linalg.LinAlgError, "Singular"):
            c(np.zeros((2, 2)))
        self.assertEqual(float(s.n), n + 1)

    def test_a_function_that_always_raises(self) -> None:
        c = compiled(lambda x: x.nothing)
        warnings.simplefilter("ignore")
        for _ in range(10):
            with self.assertRaisesRegex(AttributeError, "nothing"):
                c(X)


class ReasonTest(CompileCase):
    def test_reasons(self) -> None:
        s = types.SimpleNamespace(n=0, log=[])
        t = types.SimpleNamespace(m=np.ma.masked_array([1.0, 2.0]))
        hidden = iter(range(100))

        def count(x: Any) -> Any:
            s.n += 1 if type(s.n) is int else 2
            return x

        def append(x: Any) -> Any:
            s.log.append(1)
            return x + 0

        def converts(x: Any) -> Any:
            return np.indices((3,))[0][x.astype(int) % 3] + x

        def part(x: Any) -> Any:
            y = x * 1j
            y.real[...] = x
            return y

        def takes(x: Any) -> Any:
            return x.tobytes()

        def masked(x: Any) -> Any:
            return x + t.m.sum()

        def unseen(x: Any) -> Any:
            return x * next(hidden)

        def view(x: Any) -> Any:
            return memoryview(x.data).nbytes

        reasons: list[tuple[Any, str]] = [
            (append, r"s\.log has other elements after the call than before"),
            (converts, r"line \d+, in converts converts a traced array to an ndarray"),
            (part, r"line \d+, in part writes into a view of another dtype \(x.real, x.view\(dtype\)\)"),
            (takes, r"uses \.tobytes of an array, which cannot be traced"),
            (masked, r"t\.m is a MaskedArray; use plain arrays"),
            (view, r"uses \.data of an array, which cannot be traced"),
        ]
        for f, pattern in reasons:
            with self.subTest(f.__name__):
                self.gives_up(f, pattern, [(X * i,) for i in range(5)])
        c = compiled(count)
        with self.assertWarnsRegex(
            CompileWarning, r"s\.n is a number that the call changes, .*keep it in an array that is written in place"
        ):
            for _i in range(5):
                c(X)
        self.assertEqual(s.n, 5)
        c = compiled(unseen)
        with self.assertWarnsRegex(CompileWarning, r"line \d+, in unseen differs between calls"):
            found = [float(c(X)[0]) for _ in range(10)]
        self.assertEqual(found, [float(i) for i in range(10)])

    def test_what_is_kept_out_of_sight_is_noticed(self) -> None:
        keeper: Any = queue.SimpleQueue()

        def f(x: Any) -> Any:
            keeper.put(x * 2)
            return x + 1

        c = compiled(f)
        with self.assertWarnsRegex(CompileWarning, "keeps an array where the tracer cannot find it"):
            for i in range(5):
                c(X * i)
        for i in range(5):
            self.same(np.asarray(keeper.get()), X * (2.0 * i))

    def test_an_attribute_that_is_new(self) -> None:
        s = types.SimpleNamespace()

        def f(x: Any) -> Any:
            s.h = x * 2
            return s.h + 1

        self.assertTrue(self.both(f, [(X * i,) for i in range(5)], plans=1))
        self.assertIs(type(s.h), np.ndarray)

    def test_the_function_must_be_one(self) -> None:
        with self.assertRaisesRegex(TypeError, r"compile takes a function, but got int; write compile\(f\)"):
            compile(3)

    def test_each_call_runs_once(self) -> None:
        calls = []

        def f(x: Any) -> Any:
            calls.append(1)
            return x

        c = compiled(f)
        with self.assertWarns(CompileWarning):
            for _ in range(6):
                c(X)
        self.assertEqual(len(calls), 6)


class VerifyTest(CompileCase):
    def test_what_agrees(self) -> None:
        w = Parameter(np.ones(2))
        rng = np.random.default_rng(0)

        def f(x: Any) -> Any:
            w.cleargrad()
            loss = np.sum(w * x + rng.normal())
            loss.backward()
            w.data -= 0.1 * w.grad
            return loss

        c = compiled(f, verify=3)
        for i in range(8):
            c(X * i)
        self.assertEqual(c.to_verify, 0)
        self.assertIsNone(c.given_up)
        other = np.random.default_rng(0)
        for _ in range(8):
            other.normal()
        self.assertEqual(other.bit_generator.state, rng.bit_generator.state)

    def broken(self, f: Any, change: Any, pattern: str) -> None:
        c = compiled(f, verify=1)
        broken = mock.patch.object(module, "optimize", lambda graph: change(graph))
        with broken, self.assertRaisesRegex(VerificationError, pattern):
            for i in range(5):
                c(X * i)

    def test_a_graph_that_is_broken_on_purpose(self) -> None:
        w = Parameter(np.ones(2))

        def f(x: Any) -> Any:
            w.grad = None
            np.sum(np.sin(w) * x).backward()
            w.data -= w.grad
            return x * 2

        def cosine(graph: Graph) -> Graph:
            def change(node: Node, operands: tuple[Node, ...]) -> Node:
                settings = dict(node.settings)
                if settings.get("ufunc") is np.cos:
                    settings["ufunc"] = np.sin
                return Node(node.op, operands, settings, node.shape, node.dtype, node.strides, node.weak, node.line)

            return graph.replaced(change)

        def forgotten(graph: Graph) -> Graph:
            return Graph(graph.inputs, graph.results, [], graph.effects)

        def half(graph: Graph) -> Graph:
            def change(node: Node, operands: tuple[Node, ...]) -> Node:
                settings = dict(node.settings)
                if settings.get("numbers") == (None, 2):
                    settings["numbers"] = (None, 0.5)
                return Node(node.op, operands, settings, node.shape, node.dtype, node.strides, node.weak, node.line)

            return graph.replaced(change)

        self.broken(f, cosine, r"f, compiled, differs from eager: w\.\w+\[0\] is .*, but eager")
        w.data = np.ones(2)
        self.broken(f, forgotten, r"w\.data\[0\] is .*, but eager .*2 of 2 elements differ")
        w.data = np.ones(2)
        self.broken(f, half, r"the result\[0\] is .*, but eager")

    def test_a_graph_that_cannot_be(self) -> None:
        x = Node("input", (), {"place": 0}, (2,), np.float64)
        wrong = Node("elementwise", (x,), {"ufunc": np.sin, "numbers": (None,), "dtypes": None}, (3,), np.float64)
        with self.assertRaisesRegex(VerificationError, r"its shape must be \(2,\)"):
            verify(Graph([x], [wrong], []))


class SharingTest(CompileCase):
    def test_threads(self) -> None:
        data = np.arange(4.0)  # all of them read it

        def make(i: int) -> Any:
            w = Parameter(np.full(4, float(i)))

            def f(x: Any) -> Any:
                w.cleargrad()
                loss = np.sum((w * data - x) ** 2)
                loss.backward()
                w.data -= 0.01 * w.grad
                return loss

            return f, w

        def work(f: Any, out: list[Any]) -> None:
            try:
                for i in range(30):
                    out.append(float(f(np.full(4, float(i)))))  # noqa: PERF401  (until it fails)
            except BaseException as error:  # noqa: BLE001
                out.append(error)

        eager = [make(i) for i in range(6)]
        others = [make(i) for i in range(6)]
        expected: list[list[Any]] = [[] for _ in eager]
        found: list[list[Any]] = [[] for _ in eager]
        for (f, _), out in zip(eager, expected, strict=True):
            work(f, out)
        threads = [
            threading.Thread(target=work, args=(compiled(f), out)) for (f, _), out in zip(others, found, strict=True)
        ]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.same(found, expected)
        for (_, a), (_, b) in zip(eager, others, strict=True):
            self.same(b.data, a.data)

    def test_one_compiled_function_in_threads(self) -> None:
        c = compiled(lambda x: np.sum(x * x))
        wrong: list[Any] = []

        def work(n: int) -> None:
            for i in range(50):
                x = np.full(3 + n % 2, float(n + i))
                try:
                    if float(c(x)) != float(np.sum(x * x)):
                        wrong.append((n, i))
                except BaseException as error:  # noqa: BLE001
                    wrong.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    @unittest.skipUnless(hasattr(os, "fork"), "needs fork")
    def test_after_fork(self) -> None:
        c = compiled(lambda x: x * 3)
        c(X)
        with module.tracing_lock.lock, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            child = os.fork()
            if child == 0:
                try:
                    done = [float(c(X)[0]) for _ in range(3)] == [3.0] * 3
                    thread = threading.Thread(target=lambda: c(np.ones(5)))
                    thread.start()
                    thread.join(10)
                    os._exit(0 if done and not thread.is_alive() else 1)
                except BaseException:  # noqa: BLE001
                    os._exit(2)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_it_looks_like_the_function(self) -> None:
        c = compile(doubled)
        self.assertEqual((c.__name__, c.__wrapped__), ("doubled", doubled))
        self.assertIsInstance(pickle.loads(pickle.dumps(c)), Compiled)
        self.assertIs(compile(c).function, doubled)
        self.assertIsInstance(compile(verify=2)(doubled), Compiled)
        self.assertRegex(repr(c), "compiled <function doubled")


if __name__ == "__main__":
    unittest.main()
