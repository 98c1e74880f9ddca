"""Compiled functions find what they depend on, and leave it as eager functions do."""

import dataclasses
import functools
import random
import types
import unittest
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert import Parameter, Variable
from wengert.compiler.compiled import Compiled, CompileWarning, compile
from wengert.compiler.targets.cpu.runner import interpreted

LEVEL = np.array([1.0, 2.0])
RATE = 0.5
SETTINGS: dict[str, Any] = {"offset": np.array([0.5, 0.5]), "power": 2}
Pair = namedtuple("Pair", "a b")  # noqa: PYI024


def compiled(f: Any, **settings: Any) -> Any:
    return compile(f, runner=interpreted, **settings)


class StateCase(unittest.TestCase):
    def follow(
        self, make: Callable[[], tuple[Any, Callable[[], Any]]], calls: int = 5, plans: int | None = None
    ) -> Any:
        """Run an eager function and a compiled one side by side: results and state are the same after each call.

        `make` gives a function of one array and what shows the state.
        """
        f, of_eager = make()
        g, of_compiled = make()
        c = compiled(g)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for i in range(calls):
                x = np.array([1.0 + i, -2.0])
                self.equal(c(x.copy()), f(x.copy()))
                self.equal(of_compiled(), of_eager())
        self.assertIsNone(c.given_up)
        self.assertTrue(c.plans[0].confirmed, "no plan was used")
        if plans is not None:
            self.assertEqual(len(c.plans), plans)
        return c

    def equal(self, a: Any, b: Any) -> None:
        self.assertIs(type(a), type(b))
        if isinstance(a, Variable):
            self.assertEqual(a.name, b.name)
            self.equal(a.data, b.data)
        elif isinstance(a, np.ndarray):
            self.assertEqual(a.dtype, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-12)
        elif isinstance(a, (list, tuple, deque)):
            self.assertEqual(len(a), len(b))
            for x, y in zip(a, b, strict=True):
                self.equal(x, y)
        elif isinstance(a, dict):
            self.assertEqual(list(a), list(b))
            self.equal(list(a.values()), list(b.values()))
        elif isinstance(a, (float, np.floating)):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        else:
            self.assertEqual(a, b)


class OutTest(StateCase):
    def test_outs_of_another_shape(self) -> None:
        """NumPy assigns (1, 2) to (2,), but does not give it as out."""
        total = np.zeros(2)

        def add(x: Any) -> None:
            nonlocal total
            total += x

        functions: list[Any] = [
            add, lambda x: np.add(x, x, out=total), lambda x: np.sum(x, axis=0, keepdims=True, out=total),
            lambda x: x.sum(axis=0, keepdims=True, out=total), lambda x: np.modf(x, out=(total, None)),
        ]  # fmt: skip
        for f in functions:
            with self.assertRaises(ValueError) as eager:
                f(np.ones((1, 2)))
            with self.assertRaises(ValueError) as found:
                compiled(f)(np.ones((1, 2)))
            self.assertEqual(str(found.exception), str(eager.exception))
        np.testing.assert_array_equal(total, 0)
        c = compiled(lambda x: np.add(x, 1, out=total))
        for _ in range(3):
            np.testing.assert_array_equal(c(np.array(2.0)), [3.0, 3.0])


class PlacesTest(StateCase):
    def test_one_variable_in_the_place_of_two(self) -> None:
        """Its gradient is the sum of theirs."""
        pair = [Variable(np.array([1.0, 2.0])), Variable(np.array([3.0, 4.0]))]

        def f(x: Any) -> Any:
            y = np.sum(pair[0] * pair[1] * x)
            for v in pair:
                v.cleargrad()
            y.backward()
            return y.data

        c = compiled(f)
        for _ in range(3):
            c(np.ones(2))
        pair[0] = pair[1]
        for _ in range(3):
            c(np.ones(2))
            np.testing.assert_array_equal(pair[0].grad, [6.0, 8.0])

    def test_a_closure(self) -> None:
        def make() -> Any:
            a = np.array([1.0, 2.0])

            def f(x: Any) -> Any:
                nonlocal a
                a += x
                return a * 2

            return f, lambda: a

        self.follow(make, plans=1)

    def test_a_closure_that_is_assigned(self) -> None:
        def make() -> Any:
            a = np.array([1.0, 2.0])

            def f(x: Any) -> Any:
                nonlocal a
                a = a * 0.5 + x
                return np.sum(a)

            return f, lambda: a

        self.follow(make, plans=1)

    def test_a_closure_of_a_closure(self) -> None:
        def make() -> Any:
            a = np.array([1.0, 2.0])

            def inner(x: Any) -> Any:
                a[0] += x[0]
                return a + x

            def f(x: Any) -> Any:
                return inner(inner(x))

            return f, lambda: a

        self.follow(make, plans=1)

    def test_globals(self) -> None:
        def f(x: Any) -> Any:
            return x * LEVEL ** SETTINGS["power"] + SETTINGS["offset"]

        c = compiled(f)
        x = np.array([1.0, 2.0])
        for power in (2, 2, 2, 3, 3, 2):
            SETTINGS["power"] = power
            LEVEL[0] += 1
            self.equal(c(x), f(x))
        self.assertEqual(len(c.plans), 2)

    def test_holders(self) -> None:
        @dataclasses.dataclass(frozen=True)
        class Frozen:
            a: Any

        class Slots:
            __slots__ = ("__b", "a")

            def __init__(self) -> None:
                self.a = np.ones(2)
                self.__b = np.ones(2)

            def both(self) -> Any:
                return self.a + self.__b

        class Counts(dict):  # type: ignore[type-arg]
            pass

        def make_with(make_holder: Callable[[], Any], get: Callable[[Any], Any]) -> Callable[[], Any]:
            def make() -> Any:
                holder = make_holder()

                def f(x: Any) -> Any:
                    array = get(holder)
                    array *= 0.5
                    array += x
                    return np.tanh(array)

                return f, lambda: get(holder)

            return make

        holders: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [
            (lambda: {"a": np.ones(2)}, lambda h: h["a"]),
            (lambda: [0, [np.ones(2)]], lambda h: h[1][0]),
            (lambda: (0, (np.ones(2),)), lambda h: h[1][0]),
            (lambda: [(np.ones(2), "x")], lambda h: h[0][0]),
            (lambda: Pair(np.ones(2), 1), lambda h: h.a),
            (lambda: Frozen(np.ones(2)), lambda h: h.a),
            (Slots, lambda h: h.a),
            (lambda: types.SimpleNamespace(a=np.ones(2)), lambda h: h.a),
            (lambda: deque([np.ones(2)]), lambda h: h[0]),
            (lambda: defaultdict(list, a=np.ones(2)), lambda h: h["a"]),
            (lambda: OrderedDict(a=np.ones(2)), lambda h: h["a"]),
            (lambda: Counts(a=np.ones(2)), lambda h: h["a"]),
            (lambda: functools.partial(max, np.ones(2)), lambda h: h.args[0]),
            (lambda: {Variable(np.ones(2), "v")}, lambda h: next(iter(h)).data),
            (lambda: Variable(np.ones(2)), lambda h: h.data),
        ]
        for i, (holder, get) in enumerate(holders):
            with self.subTest(i):
                self.follow(make_with(holder, get), plans=1)

    def test_a_private_slot(self) -> None:
        class Slots:
            __slots__ = ("__b",)

            def __init__(self) -> None:
                self.__b = np.ones(2)

            def step(self, x: Any) -> Any:
                self.__b = self.__b + x
                return self.__b * 2

            def now(self) -> Any:
                return self.__b

        def make() -> Any:
            s = Slots()
            return s.step, s.now

        self.follow(make, plans=1)

    def test_attributes_of_classes(self) -> None:
        class Model:
            scale = np.array([2.0, 3.0])
            rate = 0.5

            def step(self, x: Any) -> Any:
                return x * self.scale * self.rate

        m = Model()
        c = compiled(m.step)
        x = np.array([1.0, 2.0])
        for rate in (0.5, 0.5, 0.5, 0.25, 0.25):
            Model.rate = rate
            Model.scale = Model.scale + 1
            self.equal(c(x), m.step(x))
        self.assertEqual(len(c.plans), 2)

    def test_methods_partials_lambdas_and_callable_objects(self) -> None:
        class Adder:
            def __init__(self) -> None:
                self.a = np.zeros(2)

            def __call__(self, x: Any) -> Any:
                self.a += x
                return self.a * 1.0

            def twice(self, x: Any) -> Any:
                return self(x) + self(x)

        def make_call() -> Any:
            a = Adder()
            return a, lambda: a.a

        def make_method() -> Any:
            a = Adder()
            return a.twice, lambda: a.a

        def make_partial() -> Any:
            b = np.ones(2)

            def f(y: Any, x: Any, z: Any = 1) -> Any:
                y += x * z
                return y + 0

            return functools.partial(f, b, z=np.array([3.0, 2.0])), lambda: b

        def make_default() -> Any:
            def f(x: Any, m: Any = np.zeros(2), *, n: Any = np.ones(2)) -> Any:  # noqa: B008
                m += x
                n *= x
                return m + n

            return f, lambda: [f.__defaults__, f.__kwdefaults__]

        def make_lambda() -> Any:
            w = Parameter(np.ones(2))
            return lambda x: np.sum(w.data * x), lambda: w.data

        for make in (make_call, make_method, make_partial, make_default, make_lambda):
            with self.subTest(make.__name__):
                self.follow(make, plans=1)

    def test_a_layer(self) -> None:
        def make() -> Any:
            wengert.seed(1)
            layer = wengert.layers.Sequential(wengert.layers.Linear(2, 3), np.tanh, wengert.layers.Linear(3, 1))
            return lambda x: layer(x[None].astype(np.float32)), lambda: layer.state_dict()

        self.follow(make, plans=1)

    def test_an_object_that_is_replaced_is_seen(self) -> None:
        class Part:
            def __init__(self, a: Any) -> None:
                self.a = np.array(a)

        whole = types.SimpleNamespace(part=Part([1.0, 2.0]))

        def f(x: Any) -> Any:
            return x * whole.part.a

        c = compiled(f)
        x = np.array([1.0, 2.0])
        for i in range(6):
            if i % 3 == 0:
                whole.part = Part([i + 1.0, 2.0])
            self.equal(c(x), f(x))

    def test_a_function_that_is_replaced_is_seen(self) -> None:
        parts = {"f": np.sin}

        def f(x: Any) -> Any:
            return parts["f"](x)

        c = compiled(f)
        x = np.array([1.0, 2.0])
        for part in (np.sin, np.sin, np.sin, np.cos, np.cos, np.sin):
            parts["f"] = part
            self.equal(c(x), f(x))

    def test_lists_that_grow_and_dicts_that_change(self) -> None:
        terms: list[Any] = [np.ones(2)]
        named: dict[str, Any] = {"a": np.ones(2)}
        chosen = {1, 2}

        def f(x: Any) -> Any:
            return sum(terms, x) + sum(named.values()) * len(chosen)

        c = compiled(f)
        x = np.array([1.0, 2.0])
        for change in (None, None, lambda: terms.append(x), lambda: named.update(b=x), lambda: chosen.add(5), None):
            if change:
                change()
            for _ in range(3):
                self.equal(c(x), f(x))

    def test_numbers_of_state_are_compared_with_their_type(self) -> None:
        s = types.SimpleNamespace(a=1)

        def f(x: Any) -> Any:
            return np.sum(x) * s.a if type(s.a) is not float else -np.sum(x)

        c = compiled(f)
        x = np.array([1, 2])
        for a in (1, 1, 1, 1.0, True, 1, 0.0, -0.0, np.float32(1), float("nan"), float("nan")):
            s.a = a
            self.assertEqual(repr(c(x)), repr(f(x)))


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
        own = np.random.RandomState(0)
        for name, draw in (
            ("np.random", lambda: np.random.rand()),  # noqa: NPY002
            ("random", lambda: random.random()),
            ("own", lambda: own.rand()),
        ):

            def f(x: Any, draw: Any = draw) -> Any:
                return x + draw()

            c = compiled(f)
            with self.subTest(name), self.assertWarnsRegex(CompileWarning, "draws .*, which cannot be traced"):
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
