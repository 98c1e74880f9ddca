"""Levels: of several kinds of arrays in one call, the innermost transformation answers."""

import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert import Variable
from wengert.arrays.interface import ArrayInterface
from wengert.arrays.level import RECORDED, TRACED, is_outranked, level_of


class Tangent(ArrayInterface):
    """A value and its derivative, forward: a kind of array inside Variables, in a few lines."""

    __slots__ = ("slope", "value")
    __array_level__ = RECORDED + 1
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any, slope: Any) -> None:
        self.value, self.slope = value, slope

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def _concrete(self, convert: Callable[[Any], Any], means: str = "") -> Any:
        return convert(self.value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        values = [x.value if isinstance(x, Tangent) else x for x in args]
        slopes = [x.slope if isinstance(x, Tangent) else 0.0 for x in args]
        y = ufunc(*values)
        if ufunc is np.add:
            return Tangent(y, slopes[0] + slopes[1])
        if ufunc is np.multiply:
            return Tangent(y, slopes[0] * values[1] + values[0] * slopes[1])
        if ufunc is np.exp:
            return Tangent(y, y * slopes[0])
        return y

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.where:
            mask, a, b = args
            parts = [x if isinstance(x, Tangent) else Tangent(x, 0.0 * x) for x in (a, b)]
            return Tangent(
                np.where(mask, parts[0].value, parts[1].value), np.where(mask, parts[0].slope, parts[1].slope)
            )
        values = [x.value if isinstance(x, Tangent) else x for x in args]
        slopes = [x.slope if isinstance(x, Tangent) else x for x in args]
        return Tangent(func(*values, **kwargs), func(*slopes, **kwargs))  # those in the test are linear


class InnermostTest(unittest.TestCase):
    def setUp(self) -> None:
        self.x = Variable(np.array([1.0, 2.0]))
        self.t = Tangent(Variable(np.array([3.0, 4.0])), np.ones(2))

    def test_operators_in_both_orders(self) -> None:
        for y in (self.x * self.t, self.t * self.x, np.multiply(self.x, self.t), np.multiply(self.t, self.x)):
            self.assertIs(type(y), Tangent)
            self.assertIs(type(y.value), Variable)
            np.testing.assert_array_equal(y.slope.data, self.x.data)

    def test_functions_in_both_orders(self) -> None:
        mask = np.array([True, False])
        first, second = np.where(mask, self.x, self.t), np.where(mask, self.t, self.x)
        np.testing.assert_array_equal(first.slope.data if isinstance(first.slope, Variable) else first.slope, [0, 1])
        np.testing.assert_array_equal(second.slope.data if isinstance(second.slope, Variable) else second.slope, [1, 0])

    def test_forward_over_reverse(self) -> None:
        # the derivative of x exp(x) in the direction of ones, and the gradient of that: (x + 2) exp(x)
        x = self.x
        t = Tangent(x, np.ones(2))
        y = np.sum(t * np.exp(t))
        y.slope.backward()
        np.testing.assert_allclose(x.grad, (x.data + 2) * np.exp(x.data))

    def test_the_interface_is_all_there(self) -> None:
        t = self.t
        self.assertEqual((t.ndim, t.size, t.nbytes, len(t)), (1, 2, 16, 2))
        np.testing.assert_array_equal(t.sum().slope, 2.0)
        np.testing.assert_array_equal(t.reshape(2, 1).T.shape, (1, 2))
        np.testing.assert_array_equal((t > 3.5).data if isinstance(t > 3.5, Variable) else t > 3.5, [False, True])
        self.assertTrue(t[0] > 2)

    def test_a_kind_answers_what_writes_into_it(self) -> None:
        t = Tangent(self.x * 1.0, np.ones(2))
        t[0] = Tangent(np.array(5.0), np.array(7.0))
        np.testing.assert_array_equal(t.value.data, [5.0, 2.0])
        np.testing.assert_array_equal(t.slope, [7.0, 1.0])
        t[...] = Tangent(np.array(3.0), np.array(4.0))
        np.testing.assert_array_equal(t.value.data, [3.0, 3.0])
        np.testing.assert_array_equal(t.slope, [4.0, 4.0])


class Foreign(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of another library, without setflags: a value like an ndarray, of level 0."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)
        self.shape, self.dtype, self.ndim = self.array.shape, self.array.dtype, self.array.ndim

    def conjugate(self) -> Any:
        return self

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, Variable) for x in args):
            return NotImplemented
        return Foreign(ufunc(*(x.array if isinstance(x, Foreign) else x for x in args), **kwargs))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return Foreign(func(*(x.array if isinstance(x, Foreign) else x for x in args), **kwargs))

    def __bool__(self) -> bool:
        return bool(self.array)


class ForeignTest(unittest.TestCase):
    def test_it_is_a_value_and_a_constant(self) -> None:
        for data in (np.array([1.0, 2.0]), Foreign([1.0, 2.0])):
            x = Variable(data)
            other = Foreign([3.0, 4.0])
            for y in (x * other, other * x, np.exp(x) * other + 1.0):
                self.assertIs(type(y), Variable)
                self.assertIs(type(y.data), Foreign)
                x.cleargrad()
                y.grad = Foreign(np.ones(2))
                y.backward()
                self.assertIs(type(x.grad), Foreign)
            np.testing.assert_allclose(x.grad.array, np.exp([1.0, 2.0]) * [3.0, 4.0])


class LevelTest(unittest.TestCase):
    def test_of_values(self) -> None:
        class HasAny:
            def __getattr__(self, name: str) -> str:
                return name

        for value in (1.0, None, "x", np.ones(2), np.float32(1), [Variable(np.ones(1))], Variable, HasAny()):
            self.assertEqual(level_of(value), 0)
        self.assertEqual(level_of(wengert.Parameter(np.ones(1))), RECORDED)

    def test_of_traced_arrays(self) -> None:
        levels = []

        def f(x: Any, n: float) -> Any:
            levels.append((level_of(x), level_of(n), isinstance(x, np.ndarray)))
            return x * n

        wengert.compile(f)(np.ones(2), 2.0)
        self.assertEqual(levels[0], (TRACED, TRACED, True))

    def test_of_each_array(self) -> None:
        class Nested:
            def __init__(self, level: int) -> None:
                self.level = level

            @property
            def __array_level__(self) -> int:
                return self.level

        self.assertEqual(level_of(Nested(7)), 7)
        self.assertTrue(is_outranked(RECORDED, [np.ones(1), [(Nested(RECORDED + 7),)]]))
        self.assertFalse(is_outranked(RECORDED, [np.ones(1), [(Nested(2),)], Variable(np.ones(1))]))


if __name__ == "__main__":
    unittest.main()
