"""Compiled functions find what they depend on, and leave it as eager functions do."""

import dataclasses
import functools
import types
import unittest
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.compile_state_case import LEVEL, SETTINGS, Pair, StateCase, compiled
from wengert import Parameter, Variable


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


if __name__ == "__main__":
    unittest.main()
