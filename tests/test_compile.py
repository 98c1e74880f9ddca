"""Compiled functions: numbers, guards, errors, nesting, threads, and messages where a function cannot be compiled."""

import copy
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

import wengert
from wengert import Function, Parameter, Variable
from wengert.compiler import compiled as module
from wengert.compiler.compiled import Compiled, CompileWarning, compile
from wengert.compiler.graph.graph import Graph, Node, VerificationError
from wengert.compiler.graph.verify import verify
from wengert.compiler.targets.cpu.runner import interpreted

HERE = os.path.basename(__file__)


def compiled(f: Any, **settings: Any) -> Any:
    return compile(f, runner=interpreted, **settings)


def doubled(x: Any) -> Any:
    return x * 2


class CompileCase(unittest.TestCase):
    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def both(self, f: Any, calls: list[tuple[Any, ...]], plans: int | None = None) -> Any:
        """Compare a function with itself compiled, on several calls."""
        c = compiled(f)
        for args in calls:
            a, b = c(*copy.deepcopy(args)), f(*copy.deepcopy(args))
            self.same(a, b)
        self.assertIsNone(c.given_up)
        self.assertTrue(any(p.confirmed for p in c.plans), "no plan was used")
        if plans is not None:
            self.assertEqual(len(c.plans), plans)
        return c

    def same(self, a: Any, b: Any) -> None:
        self.assertIs(type(a), type(b))
        if isinstance(b, (list, tuple)):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b, strict=True):
                self.same(x, y)
        elif isinstance(b, dict):
            self.same(list(a.items()), list(b.items()))
        elif isinstance(b, Variable):
            self.same(a.data, b.data)
            self.assertEqual(a.data.flags.writeable, b.data.flags.writeable)
        elif isinstance(b, (np.ndarray, np.generic, float)):
            self.assertEqual((np.shape(a), np.asarray(a).dtype), (np.shape(b), np.asarray(b).dtype))
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            self.assertEqual(a, b)

    def gives_up(self, f: Any, pattern: str, calls: list[tuple[Any, ...]], **settings: Any) -> None:
        """The function runs eagerly, with one warning that has the reason and points to this file."""
        c = compiled(f, **settings)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for args in calls:
                self.same(c(*copy.deepcopy(args)), f(*copy.deepcopy(args)))
        of_ours = [w for w in caught if w.category is CompileWarning]
        self.assertEqual(len(of_ours), 1, [str(w.message) for w in caught])
        self.assertRegex(str(of_ours[0].message), pattern)
        self.assertEqual(os.path.basename(of_ours[0].filename), HERE)


X = np.array([1.0, 2.0])


class NumberTest(CompileCase):
    def test_floats_among_the_arguments_may_change(self) -> None:
        def f(x: Any, rate: Any, options: Any) -> Any:
            y = x * rate + 2 * rate**2 - 1 / rate + (rate - 1) * options["scale"]
            return y * x.astype(np.float32), -rate, np.float32(2) * rate, abs(rate) // 2

        self.both(f, [(X, 0.5 + i, {"scale": 2.0 - i}) for i in range(6)], plans=1)

    def test_they_promote_as_numbers_do(self) -> None:
        def f(x: Any, r: Any) -> Any:
            return x * r, x + r, np.add(x, r), np.where(x > 1, x, r), np.maximum(x, r), r - x, np.clip(x, r, 9)

        for dtype in (np.float32, np.float64, np.float16, np.complex64, np.int64):
            with self.subTest(dtype):
                self.both(f, [(X.astype(dtype), 0.25 * i) for i in range(4)], plans=1)

    def test_comparisons_are_guards(self) -> None:
        def f(x: Any, r: Any) -> Any:
            return x if r > 2 else -x

        self.both(f, [(X, float(i)) for i in (0, 0, 1, 3, 4, 1, 5)], plans=2)

    def test_functions_that_need_the_value_are_kept_by_value(self) -> None:
        import math

        def f(x: Any, r: Any) -> Any:
            return x * math.sqrt(r), f"{r}", {r: 1}, int(r), round(r, 1), r.is_integer(), range(int(r))

        self.both(f, [(X, r) for r in (4.0, 4.0, 4.0, 4.0, 9.5, 9.5, 4.0)])

    def test_functions_that_refuse_the_object_that_represents_it(self) -> None:
        def f(x: Any, r: Any) -> Any:
            if type(r) is not float:
                raise TypeError("a float, please")
            return x * r

        c = self.both(f, [(X, r) for r in (4.0, 4.0, 4.0, 9.5, 9.5, 4.0)], plans=2)
        self.assertFalse(c.float_inputs)

    def test_isinstance_says_what_it_is(self) -> None:
        import numbers

        def f(x: Any, r: Any) -> Any:
            self.assertIsInstance(x, np.ndarray)
            self.assertIsInstance(r, float)
            self.assertIsInstance(r, numbers.Real)
            self.assertNotIsInstance(x, numbers.Number)
            self.assertIsInstance(np.sum(x), np.float64)
            return x * r

        self.both(f, [(X, r) for r in (4.0, 5.0, 6.0)], plans=1)

    def test_what_python_refuses_is_refused(self) -> None:
        def f(x: Any, r: Any) -> Any:
            return x * (1 / r) * r**0.5

        c = self.both(f, [(X, 4.0), (X, 5.0), (X, 6.0)], plans=1)
        with self.assertRaisesRegex(ZeroDivisionError, "float division by zero"):
            c(X, 0.0)
        self.same(c(X, -4.0), f(X, -4.0))

    def test_integers_booleans_and_strings_select_the_plan(self) -> None:
        def f(x: Any, n: Any, word: Any) -> Any:
            return x**n if word == "power" else x * n

        calls = [(X, n, word) for n in (2, 3, True) for word in ("power", "other") for _ in range(2)]
        self.both(f, calls, plans=6)

    def test_numbers_that_are_returned(self) -> None:
        def directly(x: Any) -> Any:
            return float(np.sum(x))

        def among_others(x: Any) -> Any:
            y = np.sum(x * x)
            return x + 1, float(y), {"loss": float(y)}

        def item(x: Any) -> Any:
            loss = np.sum(x * x).item()
            return {"loss": loss, "n": len(x), "text": "ok", "none": None}

        def variable(x: Any) -> Any:
            v = np.sum(Variable(x) ** 2)
            v.backward()
            return float(v)

        for f in (directly, among_others, item, variable):
            with self.subTest(f.__name__):
                self.both(f, [(X * i,) for i in range(6)], plans=1)

    def test_numbers_that_are_used(self) -> None:
        def f(x: Any) -> Any:
            loss = float(np.sum(x))
            return x * max(loss, 1)

        self.gives_up(f, r"line \d+, in f converts an array to Python numbers", [(X * i,) for i in range(12)])

    def test_item_goes_on_as_a_number(self) -> None:
        def f(x: Any) -> Any:
            n = np.sum(x).item()
            i = np.argmax(x)
            return x.astype(np.float32) * n + n / 2, x[i], n > 2

        self.both(f, [(X * i,) for i in (1, 2, 3, 4)], plans=1)

    def test_sums_go_on_by_assignment(self) -> None:
        def f(x: Any) -> Any:
            total = np.sum(x)
            total += 1
            total *= 2
            return total

        self.both(f, [(X * i,) for i in range(4)], plans=1)


class GuardTest(CompileCase):
    def test_branches(self) -> None:
        def f(x: Any) -> Any:
            if x.sum() > 3:
                return x * 2
            return -x if x[0] < 0 else x

        self.both(f, [(X * i,) for i in (1, 1, 5, 5, -1, -2, 1, 3, -4)], plans=3)

    def test_loops_with_other_counts(self) -> None:
        def f(x: Any) -> Any:
            n = 0
            while np.linalg.norm(x) > 0.5:
                x, n = x * 0.5, n + 1
            return x, n

        self.both(f, [(X * i,) for i in (1, 1, 2, 2, 4, 4, 1, 2, 8, 8)], plans=4)

    def test_too_many_ways(self) -> None:
        def f(x: Any) -> Any:
            while np.sum(x) > 0.5:
                x = x - 1
            return x

        self.gives_up(f, r"16 different plans: the outcome of .*line \d+, in f", [(X + i // 2,) for i in range(40)])

    def test_too_many_values(self) -> None:
        def f(x: Any, step: Any) -> Any:
            return x * step

        calls = [(X, i) for i in range(20)]
        self.gives_up(f, r"16 different plans: the value of step \(15, now 16\)", calls)

    def test_too_many_shapes(self) -> None:
        self.gives_up(
            doubled,
            r"16 different plans: the shape of x \(\(16,\), now \(17,\)\)",
            [(np.ones(n),) for n in range(1, 21)],
        )

    def test_nan_is_an_outcome(self) -> None:
        def f(x: Any) -> Any:
            return x if np.isnan(x).any() else -x

        self.both(f, [(X * v,) for v in (1.0, 1.0, np.nan, np.nan, 1.0)], plans=2)


class ModeTest(CompileCase):
    def test_modes_have_plans_of_their_own(self) -> None:
        w = Parameter(np.array([1.0, 2.0]))

        @compiled
        def f(x: Any) -> Any:
            return w * x if wengert.is_training() else w + x

        for _ in range(3):
            y = f(X)
            self.same(y.data, w.data * X)
            with wengert.test_mode():
                self.same(f(X).data, w.data + X)
            with wengert.no_grad():
                self.assertIsNone(f(X).creator)
        self.assertEqual(len(f.plans), 3)

    def test_what_is_returned_carries_no_graph(self) -> None:
        w = Parameter(np.array([1.0, 2.0]))

        @compiled
        def f(x: Any) -> Any:
            return np.sum(w * x)

        for _ in range(3):
            y = f(X)
            with self.assertRaisesRegex(wengert.GraphError, "result of a compiled function"):
                (2 * y).backward()
            with self.assertRaisesRegex(wengert.GraphError, "result of a compiled function"):
                y.backward()
        self.assertIsNone(w.grad)

    def test_debug_runs_eagerly(self) -> None:
        @compiled
        def f(x: Any) -> Any:
            return np.sqrt(Variable(x))

        for _ in range(3):
            f(X)
        with np.errstate(invalid="ignore"), wengert.debug(), self.assertRaisesRegex(FloatingPointError, "made nan"):
            f(-X)

    def test_errors_of_numpy_are_raised_where_asked_for(self) -> None:
        c = compiled(lambda x: 1 / x)
        for _ in range(3):
            c(X)
        with np.errstate(divide="raise"), self.assertRaises(FloatingPointError):
            c(X * 0)

        def inside(x: Any) -> Any:
            with np.errstate(divide="raise"):
                return 1 / x

        self.gives_up(inside, "errstate", [(X,)] * 5)

    def test_a_compiled_function_inside_another(self) -> None:
        a = np.array([1.0, 2.0])
        inner = compiled(lambda x: x * a)

        def outer(x: Any) -> Any:
            return inner(inner(x)) + 1

        c = compiled(outer)
        for _i in range(5):
            a += 1
            self.same(c(X), X * a * a + 1)
        self.assertTrue(c.plans[0].confirmed)
        self.assertEqual(inner.plans, [])

    def test_gradients_of_a_compiled_function_are_right(self) -> None:
        c = compiled(lambda x: np.sum(x**3))
        for _ in range(4):
            self.same(wengert.grad(c)(X), 3 * X**2)


class TransformTest(CompileCase):
    def test_derivatives(self) -> None:
        from wengert.functions import dropout

        w = Parameter(np.array([0.3, -0.2]))

        def f(x: Any) -> Any:
            return np.sum(np.tanh(x * w.data) ** 2 + np.sqrt(x * x + 1))

        def nested(x: Any) -> Any:
            return np.sum(wengert.grad(f)(x) ** 2)

        def kept(x: Any) -> Any:
            return np.sum(wengert.checkpoint(lambda v: np.exp(np.sin(v)))(x))

        def dropped(x: Any) -> Any:
            return np.sum(wengert.checkpoint(lambda v: dropout(np.sin(v) * 3, 0.5))(x))

        for each in (wengert.grad(dropped), wengert.hessian(dropped)):
            c = compiled(each)
            found, expected = [], []
            for g, of in ((c, found), (each, expected)):
                wengert.seed(5)
                of += [g(np.linspace(1, 2, 8)) for _ in range(5)]
            self.same(found, expected)
            self.assertTrue(c.plans[0].confirmed)
        functions: list[Any] = [
            wengert.grad(f), wengert.value_and_grad(f), wengert.hessian(f), wengert.grad(nested),
            wengert.jacobian(np.sin),
            lambda x: wengert.jvp(f, [x], [x]), lambda x: wengert.hvp(f, [x], [x]), wengert.grad(kept),
            lambda x: wengert.vjp(f, x)[1](1.0), wengert.hessian(kept),
        ]  # fmt: skip
        for i, each in enumerate(functions):
            with self.subTest(i):
                self.both(each, [((0.5 + i) * X,) for i in range(4)], plans=1)

    def test_functions_of_the_user(self) -> None:
        class Square(Function):
            def forward(self, x: Any) -> Any:
                self.kept = x * 2
                return x**2

            def backward(self, gy: Any) -> Any:
                return gy * self.kept

        shared = Square()

        def first(x: Any) -> Any:
            v = Variable(x)
            y = np.sum(shared(v) + Square()(v))
            y.backward()
            return v.grad, y

        def second(x: Any) -> Any:
            v = Variable(x)
            np.sum(Square()(v) ** 2).backward(create_graph=True)
            g = v.grad
            v.cleargrad()
            np.sum(g * g).backward()
            return v.grad

        self.both(first, [(X * i,) for i in range(4)], plans=1)
        self.both(second, [(X * i,) for i in range(4)], plans=1)

    def test_a_training_step(self) -> None:
        def make() -> Any:
            wengert.seed(0)
            linear = wengert.layers.Linear
            model = wengert.layers.Sequential(linear(4, 8), np.tanh, linear(8, 3))
            optimizer = wengert.optimizers.Adam(model, learning_rate=0.01)

            def step(x: Any, t: Any) -> Any:
                loss = wengert.functions.softmax_cross_entropy(model(x), t)
                model.cleargrads()
                loss.backward()
                optimizer.update()
                return loss

            return step, model, optimizer

        rng = np.random.default_rng(0)
        (f, m, o), (g, n, p) = make(), make()
        c = compiled(g)
        for i in range(8):
            x, t = rng.normal(size=(5, 4)).astype(np.float32), rng.integers(0, 3, 5)
            np.testing.assert_allclose(c(x, t).data, f(x, t).data, rtol=1e-5)
            if i == 5:
                o.learning_rate = p.learning_rate = 0.1
        for (name, a), b in zip(m.state_dict().items(), n.state_dict().values(), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=name)
        for (name, a), b in zip(o.state_dict().items(), p.state_dict().values(), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6, err_msg=name)
        self.assertIsNone(c.given_up)
        self.assertTrue(c.plans[0].confirmed)


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
            s.n += 1
            return x

        def append(x: Any) -> Any:
            s.log.append(1)
            return x + 0

        def converts(x: Any) -> Any:
            return np.asarray(x) + 1

        def writes(x: Any) -> Any:
            y = np.zeros(2)
            y[0] = x[0]
            return y

        def writes_out(x: Any) -> Any:
            y = np.zeros(2)
            np.add(x, 1, out=y)
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
            (writes, r"line \d+, in writes writes a traced value into an array that the function made itself"),
            (writes_out, r"line \d+, in writes_out writes into an array that the function made itself"),
            (takes, r"uses \.tobytes of an array, which cannot be traced"),
            (masked, r"t\.m is a MaskedArray; use plain arrays"),
            (view, r"uses \.data of an array, which cannot be traced"),
        ]
        for f, pattern in reasons:
            with self.subTest(f.__name__):
                self.gives_up(f, pattern, [(X * i,) for i in range(5)])
        c = compiled(count)
        with self.assertWarnsRegex(
            CompileWarning, r"s\.n is changed by the call, from 2 to 3; keep a number that changes"
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
        broken = mock.patch.object(module, "simplify", lambda graph: change(graph))
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
