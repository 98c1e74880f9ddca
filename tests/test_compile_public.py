"""The public API of wengert.compile: pickling, processes, modes, generators, missing packages."""

import copy
import importlib.util
import multiprocessing
import os
import pickle
import random
import subprocess
import sys
import threading
import types
import unittest
import warnings
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from wengert import CompileWarning, Layer, Parameter

NEEDED = [name for name in ("llvmlite", "scipy") if importlib.util.find_spec(name) is None]
needs_compiler = unittest.skipIf(NEEDED, f"needs {', '.join(NEEDED)}: pip install wengert[compile]")
ROOT = Path(wengert.__file__).resolve().parent.parent
X = np.array([1.0, 2.0])


if not NEEDED:

    @wengert.compile
    def decorated(x: Any) -> Any:
        return np.sum(np.sin(x) * x)


def doubled(x: Any, scale: float = 2.0) -> Any:
    return np.sin(x) * scale


class Holder:
    """A program's own class with compiled methods."""

    def __init__(self) -> None:
        self.w = np.arange(3.0)

    if not NEEDED:

        @wengert.compile
        def step(self, x: Any) -> Any:
            self.w += x
            return np.sum(self.w)


def in_process(f: Any, x: Any) -> Any:
    """What a worker process does: several calls, so that its own plan is used."""
    found = [float(f(x)) for _ in range(4)]
    return (
        found,
        None if f.given_up is None else str(f.given_up),
        any(p.run is not None for p in (*f.plans, *f.recorded.plans)),
    )


class ImportTest(unittest.TestCase):
    def run_python(self, script: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", script], env=environment, capture_output=True, text=True
        )
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def test_names_are_public_and_imported_late(self) -> None:
        found = self.run_python(
            "import sys, wengert\n"
            "names = ['compile', 'CompileWarning', 'VerificationError', 'set_num_threads', 'get_num_threads']\n"
            "assert set(names) <= set(dir(wengert)) & set(wengert.__all__)\n"
            "print(any(m.startswith('wengert.compiler') for m in sys.modules), 'llvmlite' in sys.modules)\n"
            "print(issubclass(wengert.CompileWarning, UserWarning))\n"
            "print(issubclass(wengert.VerificationError, RuntimeError))\n"
            "print('llvmlite' in sys.modules)\n"
        )
        self.assertEqual(found.split(), ["False", "False", "True", "True", "False"])

    def test_without_the_extra_it_says_how_to_get_it(self) -> None:
        packages = ["llvmlite"] if "llvmlite" in NEEDED else ["llvmlite", "scipy"]  # (the first one is named)
        for package in packages:
            with self.subTest(package), mock.patch.dict(sys.modules, {package: None}):
                pattern = rf"wengert\.compile needs {package}; install it with: pip install wengert\[compile\]"
                with self.assertRaisesRegex(ImportError, pattern):
                    wengert.compile(doubled)
                with self.assertRaisesRegex(ImportError, pattern):
                    wengert.compile(verify=2)
                self.assertGreaterEqual(wengert.get_num_threads(), 1)

    @needs_compiler
    def test_what_cannot_be_compiled_is_refused_at_once(self) -> None:
        def pieces(x: Any) -> Any:
            yield x

        async def later(x: Any) -> Any:
            return x

        class Callable:
            def __call__(self, x: Any) -> Any:
                yield x

        for f in (pieces, later, Callable(), partial(pieces, X)):
            with self.assertRaisesRegex(TypeError, "is a generator or a coroutine, .* compile the function that it"):
                wengert.compile(f)
        for wrong in (-1, True, 1.5, "yes"):
            with self.assertRaisesRegex((TypeError, ValueError), "verify of compile must be an integer .* but got"):
                wengert.compile(doubled, verify=wrong)  # type: ignore[call-overload]
        with self.assertRaisesRegex(TypeError, r"compile takes a function, but got float"):
            wengert.compile(1.5)  # type: ignore[call-overload]


@needs_compiler
class UseTest(unittest.TestCase):
    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def is_compiled(self, f: Any) -> None:
        self.assertIsNone(f.given_up)
        self.assertTrue(any(p.run is not None for p in (*f.plans, *f.recorded.plans)), "no plan was run")

    def test_callables_of_all_kinds(self) -> None:
        class Affine(Layer):
            def __init__(self) -> None:
                self.w = Parameter(np.arange(2.0))

            def forward(self, x: Any) -> Any:
                return np.tanh(x * self.w + 1)

        class Callable:
            scale = 3.0

            def __call__(self, x: Any) -> Any:
                return np.exp(x) * self.scale

        layer, thing = Affine(), Callable()
        for f in (doubled, partial(doubled, scale=0.5), layer, layer.forward, thing, lambda x: np.cos(x) + x):
            with self.subTest(f=str(f)):
                c = wengert.compile(f)
                for i in range(5):
                    found, expected = c(X * i), f(X * i)
                    self.assertIs(type(found), type(expected))
                    np.testing.assert_allclose(getattr(found, "data", found), getattr(expected, "data", expected))
                self.is_compiled(c)

    def test_under_no_grad(self) -> None:
        w = Parameter(np.ones(2))
        c = wengert.compile(lambda x: w * x)
        for _ in range(4):
            with wengert.no_grad():
                y = c(X)
            self.assertIsNone(y.creator)
            np.testing.assert_array_equal(y.data, X)
        self.is_compiled(c)

    def test_debug_runs_the_function_itself(self) -> None:
        calls = []

        def f(x: Any) -> Any:
            calls.append(1)
            return np.sqrt(x)

        def quiet(x: Any) -> Any:
            return np.sqrt(x)

        c = wengert.compile(quiet)
        for _ in range(4):
            c(X)
        with wengert.debug(), mock.patch.object(c, "function", f):
            c(X)
        self.assertEqual(len(calls), 1)
        self.is_compiled(c)

    def test_pickled_by_name_where_it_is_a_decorator(self) -> None:
        self.assertIs(pickle.loads(pickle.dumps(decorated)), decorated)
        self.assertIs(copy.deepcopy(decorated), decorated)
        again = pickle.loads(pickle.dumps(wengert.compile(doubled, verify=3)))
        self.assertIs(again.function, doubled)
        self.assertEqual(again.to_verify, 3)
        self.assertEqual(again.plans, [])
        with self.assertRaisesRegex((pickle.PicklingError, AttributeError), "lambda|local"):
            pickle.dumps(wengert.compile(lambda x: x))

    def test_objects_with_compiled_methods_are_copied_and_pickled(self) -> None:
        a = Holder()
        for _ in range(4):
            a.step(1.0)
        for b in (pickle.loads(pickle.dumps(a)), copy.deepcopy(a)):
            self.assertIs(b.step.function.__self__, b)
            for i in range(4):
                self.assertEqual(float(b.step(2.0)), float(np.sum(np.arange(3.0) + 4 + 2 * (i + 1))))
            np.testing.assert_array_equal(a.w, np.arange(3.0) + 4)
            method = pickle.loads(pickle.dumps(b.step))
            self.assertEqual(float(method(1.0)), float(np.sum(b.w + 1)))

    def test_exceptions_in_traced_calls_leave_the_state_of_eager_calls(self) -> None:
        rng = np.random.default_rng(0)
        s = types.SimpleNamespace(w=Parameter(np.ones(2)), n=np.zeros(2), log=[])

        def f(x: Any, bad: Any) -> Any:
            s.w.cleargrad()
            np.sum(s.w * x * rng.random(2)).backward()
            s.w.data -= s.w.grad
            s.n += 1
            if bad:
                raise ArithmeticError("bad")
            return s.n * 2

        def state() -> Any:
            return s.w.data.copy(), s.w.grad.copy(), s.n.copy(), rng.bit_generator.state["state"]["state"]

        for when in range(5):  # in the first call, the second, and in those by the plan
            rng = np.random.default_rng(0)
            s.w, s.n = Parameter(np.ones(2)), np.zeros(2)
            seen = []
            for each in (f, wengert.compile(f)):
                rng.bit_generator.state = np.random.default_rng(0).bit_generator.state
                s.w.data, s.n[:] = np.ones(2), 0
                s.w.cleargrad()
                for i in range(6):
                    if i == when:
                        with self.assertRaisesRegex(ArithmeticError, "bad"):
                            each(X, True)
                    else:
                        each(X, False)
                seen.append(state())
            for a, b in zip(*seen, strict=True):
                np.testing.assert_allclose(np.asarray(b, float), np.asarray(a, float), rtol=1e-12)

    def test_threads_with_native_plans(self) -> None:
        rng = np.random.default_rng(0)
        a = rng.normal(size=(64, 64))
        shared = wengert.compile(lambda x: np.sum(np.tanh(x @ a), axis=1))
        own = [wengert.compile(lambda x, i=i: np.sum(np.tanh(x @ a) * i, axis=1)) for i in range(3)]
        wrong: list[Any] = []

        def work(n: int) -> None:
            try:
                for i in range(20):
                    x = np.full((8 + 8 * (i % 2), 64), 0.01 * (n + i))
                    plain = np.sum(np.tanh(x @ a), axis=1)
                    for c, scale in ((shared, 1), (own[n % 3], n % 3)):
                        if not np.allclose(c(x), plain * scale if c is not shared else plain):
                            wrong.append((n, i))
            except BaseException as error:  # noqa: BLE001
                wrong.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        self.is_compiled(shared)

    def test_one_warning_at_the_line_of_the_call(self) -> None:
        c = wengert.compile(lambda x: x.tolist())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(12):
                c(X * i)  # this line
        self.assertEqual([w.category for w in caught], [CompileWarning])
        line = Path(caught[0].filename).read_text().splitlines()[caught[0].lineno - 1]
        self.assertIn("this line", line)


@needs_compiler
class AheadTest(unittest.TestCase):
    """Ahead-of-time compilation."""

    def test_every_call_is_by_the_plan(self) -> None:
        def make() -> Any:
            rng = np.random.default_rng(1)
            s = types.SimpleNamespace(w=np.linspace(0, 1, 50, dtype=np.float32), n=np.zeros(()))

            def f(x: Any) -> Any:
                s.n += 1
                s.w *= np.exp(np.tanh(x * s.w) / 7).mean() + rng.random()
                return np.sum(s.w / 3) if s.n < 4 else -np.sum(s.w / 3)

            return f, s, rng

        x = np.linspace(0, 3, 50, dtype=np.float32)
        found = []
        f, s, rng = make()
        c = wengert.compile(f, ahead=True)
        found = [c(x) for _ in range(8)]
        self.assertEqual(float(s.n), 8)
        for done in range(1, 8):  # begun anew in between, from the same state
            g, t, other = make()
            c = wengert.compile(g, ahead=True)
            first = [c(x) for _ in range(done)]
            h, u, third = make()
            u.w[:], u.n[...] = t.w, t.n
            third.bit_generator.state = other.bit_generator.state
            c = wengert.compile(h, ahead=True)
            again = [c(x) for _ in range(8 - done)]
            self.assertEqual([v.tobytes() for v in (*first, *again)], [v.tobytes() for v in found])
            self.assertEqual(u.w.tobytes(), s.w.tobytes())
        self.assertEqual(third.bit_generator.state, rng.bit_generator.state)

    def test_a_change_that_only_another_call_shows_is_found(self) -> None:
        c = wengert.compile(lambda x: x * np.float64(os.environ["WENGERT_TEST_FACTOR"]), ahead=True)
        with mock.patch.dict(os.environ, {"WENGERT_TEST_FACTOR": "2"}):
            self.assertEqual(c(X).tolist(), [2.0, 4.0])
            self.assertEqual(len(c.plans), 1)
        with (
            mock.patch.dict(os.environ, {"WENGERT_TEST_FACTOR": "3"}),
            self.assertWarnsRegex(CompileWarning, "differs between calls, and the tracer cannot see"),
        ):
            self.assertEqual(c(X).tolist(), [3.0, 6.0])

    def test_functions_that_cannot_be_compiled_ahead_run_eagerly(self) -> None:
        s = types.SimpleNamespace(a=None)

        def f(x: Any) -> Any:
            if s.a is None:
                s.a = np.asarray(x) * 2  # the first call makes what others use
            return s.a * x

        c = wengert.compile(f, ahead=True)
        for i in range(1, 6):
            np.testing.assert_array_equal(c(X * i), X * 2 * X * i)
        self.assertIsNone(c.given_up)
        self.assertTrue(any(p.run is not None for p in c.plans))


REASONS = types.SimpleNamespace(held=None, flagged=np.ones(2), rng=np.random.default_rng(0))


@needs_compiler
class MessageTest(unittest.TestCase):
    """The messages of functions that cannot be compiled: the reason, the line, and what to do instead."""

    def says(self, f: Any, pattern: str) -> None:
        c = wengert.compile(f)
        with self.assertWarnsRegex(CompileWarning, pattern):
            for i in range(1, 12):
                c(X * i)
        self.assertRegex(str(c.plan), "is not compiled, and runs eagerly")

    def test_outputs(self) -> None:
        def lazy(x: Any) -> Any:
            return (v * 2 for v in x)

        def other(x: Any) -> Any:
            REASONS.held = {"a": x}
            return x

        self.says(lazy, r"lazy is not compiled.*returns or stores is generator, .*; return and store arrays, Variables")
        self.says(other, r"REASONS\.held holds another dict after the call than before; change it outside")
        self.assertEqual(next(wengert.compile(lazy)(X)), 2.0)

    def test_random_numbers(self) -> None:
        def raw(x: Any) -> Any:
            return x * REASONS.rng.bit_generator.random_raw()

        def global_numbers(x: Any) -> Any:
            return x * random.random()

        self.says(raw, r"line \d+, in raw uses random_raw of a bit generator, .*; draw from the generator itself")
        self.says(global_numbers, r"draws from the global random generators .*; draw from np.random.default_rng")

    def test_arrays_that_leave_numpy(self) -> None:
        def pickles(x: Any) -> Any:
            return pickle.loads(pickle.dumps(x))

        def flags(x: Any) -> Any:
            REASONS.flagged.setflags(write=True)
            return x + REASONS.flagged

        def chosen(x: Any) -> Any:
            return np.array(["a", "b"])[np.argsort(np.asarray(x))]

        def bytes_of(x: Any) -> Any:
            return x.tobytes()

        self.says(pickles, r"in pickles pickles a traced array, .*; do that outside of the function")
        self.says(flags, r"in flags changes the flags of an array that existed before .*; change them outside")
        self.says(chosen, r"in chosen converts a traced array to an ndarray .*; index .* wengert\.dispatched")
        self.says(bytes_of, r"in bytes_of uses .tobytes of an array, .*; return the array, and do that outside")

    def test_numpy_calls_with_conditions(self) -> None:
        def raising(x: Any) -> Any:
            with np.errstate(divide="raise"):
                return 1 / x

        def partly(x: Any) -> Any:
            return np.add(x, 1, where=x > 1)

        self.says(raising, r"in raising computes under np.errstate.*; let it return np.isfinite")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'where' used without 'out'")
            self.says(partly, r"in partly: add with where= and without out= .*; use np\.where, or pass out=")

    def test_a_function_that_asks_for_types(self) -> None:
        def strict(x: Any) -> Any:
            if type(x) is not np.ndarray:
                raise TypeError("real ones, please")
            return x

        self.says(
            strict,
            r"raised TypeError while it was traced with the objects .*: real ones, please; test these by isinstance",
        )

    def test_too_many_plans(self) -> None:
        def valued(x: Any, n: Any) -> Any:
            return x[:n]

        def sized(x: Any, n: Any) -> Any:
            return np.sum(x)

        for f, pattern in (
            (valued, r"hardly any .*: the value of n \(\d+, now \d+\), needed by Python .*, in valued; use few values"),
            (sized, r"hardly any .*: the shape of x \(\(\d+,\), now \(\d+,\)\); use few shapes"),
        ):
            c = wengert.compile(f)
            with self.assertWarnsRegex(CompileWarning, pattern):
                for i in range(1, 38):
                    c(np.ones(i if f is sized else 40), i if f is valued else 0)


@needs_compiler
class ProcessTest(unittest.TestCase):
    def test_workers(self) -> None:
        expected = float(np.sum(np.sin(X) * X))
        methods = [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
        for _ in range(4):
            decorated(X)  # the parent has a plan already
        for method in methods:
            with self.subTest(method), warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of fork where there are threads
                with multiprocessing.get_context(method).Pool(1) as workers:
                    found, given_up, ran = workers.apply(in_process, (decorated, X))
                self.assertIsNone(given_up)
                self.assertTrue(ran)
                np.testing.assert_allclose(found, [expected] * 4, rtol=1e-12)


if __name__ == "__main__":
    unittest.main()
