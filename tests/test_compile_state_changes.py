"""The state of compiled functions: what changes it, random numbers, methods."""

import itertools
import random
import types
import unittest
from typing import Any

import numpy as np

import wengert
from tests.compile_state_case import Pair, StateCase, compiled
from wengert import Parameter, Variable
from wengert.compiler.compiled import Compiled, CompileWarning


class ChangesTest(StateCase):
    def test_gradients_that_come_and_go(self) -> None:
        def make() -> Any:
            w = Parameter(np.array([1.0, 2.0]))

            def f(x: Any) -> Any:
                w.cleargrad()
                loss = np.sum(w * w * x)
                loss.backward()
                return loss

            return f, lambda: w.grad

        self.follow(make, plans=2)

    def test_gradients_that_add_up(self) -> None:
        def make() -> Any:
            w = Parameter(np.array([1.0, 2.0]))

            def f(x: Any) -> Any:
                np.sum(np.exp(w) * x).backward()

            return f, lambda: w.grad

        self.follow(make, plans=2)

    def test_buffers_change_places(self) -> None:
        def make() -> Any:
            s = types.SimpleNamespace(a=np.zeros(2), b=np.ones(2), c=None)

            def f(x: Any) -> Any:
                s.a += x
                s.a, s.b = s.b, s.a
                s.c = s.a
                return s.a - s.b

            def show() -> Any:
                self.assertIs(s.c is None or s.c is s.a, True)
                return [s.a, s.b]

            return f, show

        self.follow(make)

    def test_tuples_that_are_replaced(self) -> None:
        def make() -> Any:
            s = types.SimpleNamespace(state=(np.zeros(2), np.ones(2)), pair=Pair(np.zeros(2), 1))

            def f(x: Any) -> Any:
                h, c = s.state
                s.state = (np.tanh(h + x), c * 0.5 + h)
                s.pair = s.pair._replace(a=s.pair.a + 1)
                return s.state[0] * 1

            return f, lambda: [s.state, s.pair]

        self.follow(make, plans=1)

    def test_variables_that_are_replaced(self) -> None:
        def make() -> Any:
            s = types.SimpleNamespace(h=Variable(np.zeros(2)))

            def f(x: Any) -> Any:
                s.h = Variable(np.tanh(s.h.data + x))
                return s.h.data * 2

            return f, lambda: s.h

        self.follow(make, plans=1)

    def test_switches(self) -> None:
        def make() -> Any:
            s = types.SimpleNamespace(on=False, word="a", none=None)

            def f(x: Any) -> Any:
                s.on = not s.on
                s.word = "b" if s.on else "a"
                s.none = None if s.on else x * 2
                return x if s.on else -x

            return f, lambda: [s.on, s.word, s.none]

        self.follow(make, calls=8)

    def test_views_of_one_buffer(self) -> None:
        def make() -> Any:
            flat = np.zeros(4)
            parts = [flat[:2], flat[2:], flat.reshape(2, 2)]

            def f(x: Any) -> Any:
                parts[0][...] += x
                flat[2:] *= 0.5
                parts[2][1] += parts[0]
                return flat.sum() + parts[1]

            return f, lambda: [flat, *parts]

        self.follow(make, plans=1)

    def test_views_without_their_owner(self) -> None:
        def make() -> Any:
            flat = np.zeros(6)
            s = types.SimpleNamespace(a=flat[:4], b=flat[2:])
            del flat

            def f(x: Any) -> Any:
                s.a[:2] += x
                s.b[0] = s.a[1]
                return s.a.sum() * s.b

            return f, lambda: [s.a, s.b]

        self.follow(make, plans=1)

    def test_results_that_are_views_of_state(self) -> None:
        a = np.zeros(3)

        def f(x: Any) -> Any:
            a[:] += x
            return a, a[1:], a[0]

        c = compiled(f)
        for i in range(4):
            whole, part, first = c(1.0)
            self.equal((whole, part, first), (np.full(3, i + 1.0), np.full(2, i + 1.0), np.float64(i + 1)))
            self.assertIs(whole, a)
            self.assertIs(part.base, a)

    def test_results_that_look_into_each_other_do_so_again(self) -> None:
        def f(x: Any) -> Any:
            y = x * 2
            return y, y[1:], y

        c = compiled(f)
        for _ in range(4):
            y, part, again = c(np.array([1.0, 2.0, 3.0]))
            self.assertTrue(np.shares_memory(y, part))
            part[0] = 9
            self.assertEqual(y[1], 9)
            self.assertIs(y, again)

    def test_read_only_state(self) -> None:
        a = np.ones(2)
        s = types.SimpleNamespace(a=a)

        def f(x: Any) -> Any:
            s.a += x
            return s.a * 2

        c = compiled(f)
        for _ in range(3):
            c(np.ones(2))
        a.setflags(write=False)
        with self.assertRaisesRegex(ValueError, "read-only"):
            c(np.ones(2))
        self.assertEqual(a[0], 4)
        a.setflags(write=True)
        self.equal(c(np.ones(2)), np.full(2, 10.0))

    def test_arrays_that_change_their_form(self) -> None:
        s = types.SimpleNamespace(a=np.arange(6.0).reshape(2, 3))

        def f(x: Any) -> Any:
            return s.a @ s.a.T * x

        c = compiled(f)
        forms = [s.a, s.a.astype(np.float32), np.asfortranarray(s.a), s.a[:, ::2], s.a[:1], s.a[::-1]]
        for form in (*forms, *forms, *forms):
            s.a = form
            self.equal(c(2.0), f(2.0))
        s.a = np.arange(6.0).reshape(2, 3)
        for _ in range(3):
            c(2.0)
        s.a.shape = (3, 2)
        self.equal(c(2.0), f(2.0))

    def test_graphs_recorded_before_are_told(self) -> None:
        w = Parameter(np.ones(2))

        def f(x: Any) -> Any:
            w.data -= x
            return x

        c = compiled(f)
        for _ in range(4):
            before = np.sum(w * w)
            c(np.ones(2))
            with self.assertRaisesRegex(wengert.GraphError, "was assigned since"):
                before.backward()

    def test_arguments_that_are_written_to(self) -> None:
        def f(x: Any, y: Any, z: Any) -> Any:
            x += 1
            y[0] = x.sum()
            z["a"] *= 2
            return x.sum()

        c = compiled(f)
        for _ in range(4):
            a, b, d = np.ones(2), [0, 0], {"a": np.ones(2)}
            self.equal(c(a, b, d), np.float64(4))
            self.equal([a, d], [np.full(2, 2.0), {"a": np.full(2, 2.0)}])
            self.assertEqual(b[0], 4)

    def test_arguments_that_share_memory(self) -> None:
        def f(x: Any, y: Any) -> Any:
            x += y
            y *= 2
            return x + y

        c = compiled(f)
        for _ in range(4):
            self.equal(c(np.ones(3), np.ones(3)), f(np.ones(3), np.ones(3)))
        for make in (lambda a: (a, a), lambda a: (a, a[::-1]), lambda a: (a[:2], a[1:])):
            for _ in range(3):
                self.equal(c(*make(np.arange(3.0))), f(*make(np.arange(3.0))))

    def test_an_argument_that_is_state_too(self) -> None:
        a = np.ones(2)

        def f(x: Any) -> Any:
            nonlocal a
            a += 1
            return x * a

        c = compiled(f)
        for _ in range(3):
            c(np.ones(2))
        b = a.copy()
        self.equal(c(a), (b + 1) * (b + 1))
        b = a.copy()
        self.equal(c(a[::-1]), (b + 1) * (b + 1))

    def test_variables_among_arguments(self) -> None:
        def f(v: Any, w: Any) -> Any:
            np.sum(v * w).backward()
            return v.grad + 0

        c = compiled(f)
        for _ in range(3):
            v, w = Variable(np.ones(2)), Variable(np.array([2.0, 3.0]))
            self.equal(c(v, w), np.array([2.0, 3.0]))
            self.equal(w.grad, np.ones(2))
        v = Variable(np.array([2.0, 3.0]))
        self.equal(c(v, v), np.array([4.0, 6.0]))


class RandomTest(StateCase):
    def test_a_generator_of_the_program(self) -> None:
        def make() -> Any:
            rng = np.random.default_rng(0)
            return lambda x: x * rng.normal(size=2) + rng.random(), lambda: rng.bit_generator.state["state"]

        self.follow(make, plans=1)

    def test_dropout(self) -> None:
        from wengert.functions import dropout

        def f(x: Any) -> Any:
            return dropout(x, 0.5)

        c = compiled(f)
        x = np.ones(50)
        found, expected = [], []
        for each, of in ((c, found), (f, expected)):
            wengert.seed(3)
            for _ in range(5):
                of.append(each(x))
        self.equal(found, expected)
        self.assertIsNone(c.given_up)
        self.assertTrue(c.plans[0].confirmed)
        self.assertFalse(np.array_equal(found[2], found[3]))
        with wengert.test_mode():
            self.equal(c(x), x)

    def test_draws_before_a_guard_that_fails_are_taken_back(self) -> None:
        def make() -> Any:
            rng = np.random.default_rng(0)

            def f(x: Any) -> Any:
                y = rng.normal()
                if x[0] + y > 3:
                    return y * rng.random()
                return y

            return f, lambda: rng.bit_generator.state["state"]

        self.follow(make, calls=12, plans=2)

    def test_streams_that_cannot_be_followed(self) -> None:
        own, seeds = np.random.RandomState(0), itertools.count()
        for name, draw in (
            ("seeded", lambda: (own.seed(next(seeds)), own.rand())[1]),
            ("random", lambda: random.random()),
            ("bits", lambda: own._bit_generator.random_raw() % 1000),
        ):

            def f(x: Any, draw: Any = draw) -> Any:
                return x + draw()

            c = compiled(f)
            with self.subTest(name), self.assertWarnsRegex(CompileWarning, "which cannot be traced"):
                values = {float(c(1.0)) for _ in range(4)}
            self.assertEqual(len(values), 4)


class MethodTest(StateCase):
    def test_each_instance_has_plans_of_its_own(self) -> None:
        class Model:
            def __init__(self, a: float) -> None:
                self.a = np.array(a)

            def step(self, x: Any) -> Any:
                self.a += x
                return self.a * 2

        eager = [Model(float(i)) for i in range(30)]
        other = [Model(float(i)) for i in range(30)]
        FastPath = type("FastPath", (Model,), {"step": compiled(Model.step)})
        for m in other:
            m.__class__ = FastPath
        for _ in range(4):
            for a, b in zip(eager, other, strict=True):
                self.equal(b.step(1.0), a.step(1.0))
        self.assertIs(other[0].step, other[0].step)
        self.assertIsNone(other[0].step.given_up)
        self.assertIsInstance(FastPath.step, Compiled)

    def test_nothing_is_kept_alive(self) -> None:
        import gc
        import weakref

        class Model:
            @compiled
            def step(self, x: Any) -> Any:
                return x * 2

        m = Model()
        for _ in range(3):
            m.step(np.ones(2))
        gone = weakref.ref(m)
        del m
        gc.collect()
        self.assertIsNone(gone())


if __name__ == "__main__":
    unittest.main()
