"""Attributes that a user's Function sets in forward: separate for each call, and differentiable under create_graph."""

import collections
import functools
import math
import types
import unittest
from typing import Any, NamedTuple

import numpy as np

from wengert import Function, Variable
from wengert.checks.errors import GraphError


class Attribute(Function):
    def forward(self, x: Any) -> Any:
        self.x = x
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.x**2 * gy


class InSlot(Function):
    __slots__ = ("__power", "x")

    def __init__(self) -> None:
        self.__power = 3

    def forward(self, x: Any) -> Any:
        self.x = x
        return x**self.__power

    def backward(self, gy: Any) -> Any:
        return self.__power * self.x**2 * gy


class InList(Function):
    def __init__(self) -> None:
        self.saved: list[Any] = []

    def forward(self, x: Any) -> Any:
        self.saved.append(x)
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.saved[-1] ** 2 * gy


class PoppedFromList(InList):
    def backward(self, gy: Any) -> Any:
        return 3 * self.saved.pop() ** 2 * gy


class InDeque(InList):
    def __init__(self) -> None:
        self.saved = collections.deque()  # type: ignore[assignment]


class InDict(Function):
    def __init__(self) -> None:
        self.saved: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        self.saved["x"] = x
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.saved["x"] ** 2 * gy


class Nested(Function):
    def __init__(self) -> None:
        self.saved: Any = [({"deep": []},)]

    def forward(self, x: Any) -> Any:
        self.saved[0][0]["deep"].append((x, x > 0))
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.saved[0][0]["deep"][-1][0] ** 2 * gy


class Pair(NamedTuple):
    x: Any
    sign: Any


class InNamedTuple(Function):
    def forward(self, x: Any) -> Any:
        self.pair = Pair(x * 2, x > 0)
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * (self.pair.x / 2) ** 2 * gy


class OnNamespace(Function):
    def __init__(self) -> None:
        self.context = types.SimpleNamespace()

    def forward(self, x: Any) -> Any:
        self.context.x = x
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.context.x**2 * gy


class Context:
    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.random = np.random.default_rng(0)

    def rule(self, gy: Any) -> Any:
        return 3 * self.owner.context.x**2 * gy


class OnObject(OnNamespace):
    def __init__(self) -> None:
        self.context = Context(self)  # type: ignore[assignment]

    def backward(self, gy: Any) -> Any:
        return self.context.rule(gy)


class Slotted:
    __slots__ = ("x",)


class OnSlottedObject(OnNamespace):
    def __init__(self) -> None:
        self.context = Slotted()  # type: ignore[assignment]


class OnInnerFunction(Function):
    def __init__(self) -> None:
        self.inner = Attribute()

    def forward(self, x: Any) -> Any:
        return self.inner.forward(x)

    def backward(self, gy: Any) -> Any:
        return self.inner.backward(gy)


class InClosure(Function):
    def forward(self, x: Any) -> Any:
        def rule(gy: Any, power: int = 3) -> Any:
            return power * x ** (power - 1) * gy

        self.rule = rule
        return x**3

    def backward(self, gy: Any) -> Any:
        return self.rule(gy)


class InPartial(Function):
    def forward(self, x: Any) -> Any:
        self.rule = functools.partial(lambda x, gy: 3 * x**2 * gy, x)
        return x**3

    def backward(self, gy: Any) -> Any:
        return self.rule(gy)


class ByBoundMethod(Function):
    def __init__(self) -> None:
        self.save = self.save_x

    def save_x(self, x: Any) -> None:
        self.x = x

    def forward(self, x: Any) -> Any:
        self.save(x)
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.x**2 * gy


class InBuffer(Function):
    def __init__(self) -> None:
        self.buffer = np.zeros(2)

    def forward(self, x: Any) -> Any:
        self.buffer[:] = x
        return x**3

    def backward(self, gy: Any) -> Any:
        return 3 * self.buffer**2 * gy


KEEPERS: list[type[Function]] = [
    Attribute,
    InSlot,
    InList,
    PoppedFromList,
    InDeque,
    InDict,
    Nested,
    InNamedTuple,
    OnNamespace,
    OnObject,
    OnSlottedObject,
    OnInnerFunction,
    InClosure,
    InPartial,
    ByBoundMethod,
]


class AttributesTest(unittest.TestCase):
    def test_each_call_finds_its_own(self) -> None:
        for kind in [*KEEPERS, InBuffer]:
            with self.subTest(kind.__name__):
                f = kind()
                xs = [Variable(np.array([i, i + 1.0])) for i in (1.0, 3.0, 5.0)]
                ys = [f(x) for x in xs]
                for x, y in zip(xs, ys, strict=True):
                    y.backward()
                    np.testing.assert_array_equal(x.grad, 3 * x.data**2)

    def test_what_is_kept_carries_a_graph(self) -> None:
        for kind in KEEPERS:
            with self.subTest(kind.__name__):
                f = kind()
                for value in (1.0, 3.0):  # the second time by a copy of the node
                    x = Variable(np.array([value, value + 1]))
                    y = f(x)
                    y.backward(create_graph=True)
                    for expected in (6 * x.data, 6.0):
                        gx = x.grad
                        x.cleargrad()
                        gx.backward(create_graph=True)
                        np.testing.assert_array_equal(x.grad.data, expected * np.ones(2))

    def test_a_buffer_cannot_carry_a_graph(self) -> None:
        y = InBuffer()(Variable(np.ones(2)))
        with self.assertRaisesRegex(
            GraphError, "forward of InBuffer again.*writes into an array on self.*set a new one"
        ):
            y.backward(create_graph=True)

    def test_a_constant_array_is_no_buffer(self) -> None:
        class Scaled(Function):
            def __init__(self, scale: Any) -> None:
                self.scale = scale

            def forward(self, x: Any) -> Any:
                return x**2 * self.scale

            def backward(self, gy: Any) -> Any:
                return 2 * self.input.data * self.scale * gy

        x = Variable(np.ones(2))
        Scaled(np.array([2.0, 3.0]))(x).backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        gx.backward()
        np.testing.assert_array_equal(x.grad, [4.0, 6.0])

    def test_a_generator_is_shared(self) -> None:
        random = np.random.default_rng(0)

        class Noisy(Function):
            def __init__(self) -> None:
                self.random = random

            def forward(self, x: Any) -> Any:
                self.noise = self.random.random(x.shape)
                return x + self.noise

            def backward(self, gy: Any) -> Any:
                return gy

        f, x = Noisy(), Variable(np.ones(3))
        self.assertFalse(np.any(f(x).data == f(x).data))  # a copy of the generator would repeat itself

    def test_python_numbers_of_variables(self) -> None:
        class KeepsNumber(Function):
            def forward(self, x: Any) -> Any:
                self.total = float(np.sum(x))
                return x * self.total

            def backward(self, gy: Any) -> Any:
                return gy * self.total + np.sum(gy * self.input.data)

        class UsesMath(Function):
            def forward(self, x: Any) -> Any:
                return np.exp(x)

            def backward(self, gy: Any) -> Any:
                return gy * math.exp(self.input.data)

        class UsesItem(UsesMath):
            def backward(self, gy: Any) -> Any:
                return gy * np.exp(self.input.data.item())

        class UsesList(UsesMath):
            def backward(self, gy: Any) -> Any:
                return gy * np.reshape([math.exp(v) for v in self.input.data.ravel().tolist()], gy.shape)

        for f in (KeepsNumber(), UsesMath(), UsesItem(), UsesList()):
            with self.subTest(f.name):
                x = Variable(np.array(1.0))
                y = f(x)
                y.backward()
                x.cleargrad()
                with self.assertRaisesRegex(
                    GraphError, f"runs {f.name} on Variables, but at .*test_function_attributes.py, line"
                ):
                    y.backward(create_graph=True)
                self.assertIsNone(x.grad)
                self.assertEqual(float(x), 1.0)  # elsewhere it is the way out


if __name__ == "__main__":
    unittest.main()
