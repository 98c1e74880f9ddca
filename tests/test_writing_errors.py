"""What may not be written to, and what the errors say; what is written into plain arrays is in tests.test_advice."""

import unittest
import warnings
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import wengert
from wengert import GraphError, Parameter, Variable, checkpoint, grad, no_grad
from wengert.arrays.newer_numpy import unstack

LEAF = r"is a leaf, whose gradient is with respect to the value that it has, and is not written to where calls are"
COPY = r"write into a copy, x = x.copy\(\)"
READ_ONLY = rf"assignment destination is read-only: it is a view that NumPy does not write to; {COPY}"


def writes(x: Any) -> dict[str, Any]:
    """Each way to write into a vector or an array of no dimensions."""

    def add() -> None:
        y = x
        y += 1.0

    return {
        "x[...] = v": lambda: x.__setitem__(..., 1.0),
        "x += v": add,
        "np.copyto": lambda: np.copyto(x, 1.0),
        "out=": lambda: np.multiply(x, 2.0, out=x),
        "out= of a reduction": lambda: np.sum(np.ones((2, *x.shape)), axis=0, out=x),
        "x.fill": lambda: x.fill(1.0),
        "np.put": lambda: np.put(x, 0, 1.0),
        "np.add.at": lambda: np.add.at(x, ..., 1.0),
    }


class LeafTest(unittest.TestCase):
    def test_a_leaf(self) -> None:
        for leaf in (Parameter(np.ones(2)), Variable(np.ones(2)), Variable(np.array(1.0))):
            for way, write in writes(leaf).items():
                message = rf"{LEAF} recorded; {COPY}, or outside the graph: x.data\[...\] = v"
                with self.subTest(way, leaf=leaf), self.assertRaisesRegex(TypeError, message):
                    write()
            np.testing.assert_array_equal(leaf.data, 1.0)

    def test_a_view_of_a_leaf(self) -> None:
        w = Parameter(np.ones((2, 2)), name="w")
        for x in (w[0], w.T[1], np.ravel(w)[1:], np.split(w, 2)[0][0]):
            for way, write in writes(x).items():
                with self.subTest(way, x=x), self.assertRaisesRegex(TypeError, "is a view of the leaf"):
                    write()
        with self.assertRaisesRegex(TypeError, rf"is a view of the leaf .*w.*{COPY}"):
            w[0][...] = 2.0
        np.testing.assert_array_equal(w.data, 1.0)

    def test_outside_the_graph_and_in_copies(self) -> None:
        w = Parameter(np.ones(2))
        w.data[...] = 3.0
        with no_grad():
            w[0] = 4.0
            w += 1.0
        np.testing.assert_array_equal(w.data, [5.0, 4.0])
        x = w.copy()
        x[0] = x[1] ** 2
        np.sum(x).backward()
        np.testing.assert_array_equal(w.grad, [0.0, 9.0])


class NumberTest(unittest.TestCase):
    def test_what_numpy_returns_as_a_number(self) -> None:
        x = Variable(np.array([1.0, 2.0])) * 1.0
        for number in (x[0], np.sum(x), x.mean(), np.dot(x, x), x[0] * 2.0, next(iter(x)), unstack(x)[0]):
            for way, write in writes(number).items():
                if way == "x += v":
                    continue
                with (
                    self.subTest(way, number=number),
                    self.assertRaisesRegex(
                        TypeError, r"a NumPy number does not support item assignment.*np.array\(x, like=x\)"
                    ),
                ):
                    write()
        made = np.array(x[0], like=x)
        made[...] = x[1]
        self.assertEqual((made.data, x.data[0]), (2.0, 1.0))

    def test_an_augmented_assignment_makes_another_number(self) -> None:
        x = Variable(np.array([1.0, 2.0])) * 1.0
        for number in (x[0], np.sum(x), x[0] * 2.0):
            before, held = number.data.copy(), number
            number += 1.0
            self.assertIsNot(number, held)
            self.assertEqual((held.data, number.data), (before, before + 1))
        with no_grad():
            number = held = np.sum(x)
            number += 1.0
            self.assertEqual((held.data, number.data), (3.0, 4.0))

    def test_an_argument_that_is_a_number(self) -> None:
        def f(x: Any) -> Any:
            y = x
            y += x
            return y * x

        self.assertEqual(grad(f)(3.0), 12.0)
        self.assertEqual(grad(f)(np.float64(3.0)), 12.0)
        self.assertEqual(grad(f)(np.array(3.0)), 24.0)  # y is x


class ReadOnlyTest(unittest.TestCase):
    def test_views_that_numpy_makes_read_only(self) -> None:
        def views(x: Any) -> list[Any]:
            return [
                np.broadcast_to(x, (2, 2)),
                np.broadcast_to(x[0], (2,)),
                np.broadcast_arrays(x, np.ones((2, 2)))[0],
                np.diagonal(np.reshape(x, (1, 2))),
                np.diag(np.reshape(x, (1, 2))),
                np.linalg.diagonal(np.reshape(x, (1, 2))),
                sliding_window_view(x, 1),
                sliding_window_view(x, 2)[0],
                np.broadcast_to(x, (2, 2))[1],
            ]

        for x in (np.ones(2), Variable(np.ones(2)) * 1.0, np.zeros(2, like=Variable(np.ones(1)))):
            for i, y in enumerate(views(x)):
                with self.subTest(i, kind=type(x)), warnings.catch_warnings():
                    warnings.simplefilter("error", DeprecationWarning)  # np.broadcast_arrays, in NumPy
                    message = READ_ONLY if isinstance(y, Variable) else "read-only|np.broadcast_arrays"
                    with self.assertRaisesRegex((ValueError, DeprecationWarning), message):
                        y[...] = 2.0

    def test_an_argument_that_is_broadcast(self) -> None:
        def f(x: Any) -> Any:
            x[0] = 2.0
            return np.sum(x)

        with self.assertRaisesRegex(ValueError, READ_ONLY):
            grad(f)(np.broadcast_to(1.0, (3,)))
        np.testing.assert_array_equal(grad(f)(np.arange(6.0)[::-2]), [0.0, 1.0, 1.0])


class ElsewhereTest(unittest.TestCase):
    def test_under_checkpoint(self) -> None:
        def inner(x: Any, y: Any) -> Any:
            y[0] = 2.0 * x[0]
            return np.sum(x * y)

        def f(x: Any) -> Any:
            return checkpoint(inner)(x, x * 1.0)

        with self.assertRaisesRegex(GraphError, rf"under checkpoint runs twice.*did not make; {COPY}, and return that"):
            grad(f)(np.ones(2))

    def test_data_are_not_assigned(self) -> None:
        y = np.zeros(2, like=Variable(np.ones(2)))
        y[0] = 1.0
        with self.assertRaisesRegex(
            TypeError, r"is written to, are not assigned; write x\[...\] = a, in a no_grad block"
        ):
            y.data = np.ones(2)

    def test_errors_are_numpys(self) -> None:
        a = np.zeros((2, 3))
        y = np.zeros((2, 3), like=Variable(a))
        z = Variable(np.zeros((2, 3))) * 1.0
        x = Variable(np.ones(4))
        cases: list[tuple[type[Exception], Any]] = [
            (IndexError, lambda y, x: y.__setitem__(5, 1.0)),
            (IndexError, lambda y, x: y.__setitem__((0, 0, 0), 1.0)),
            (ValueError, lambda y, x: y.__setitem__(0, x)),
            (ValueError, lambda y, x: np.add(y[0], x, out=y[0])),
            (ValueError, lambda y, x: y.__setitem__(..., x)),
            (ValueError, lambda y, x: y.__setitem__(..., np.ones(4))),
            (ValueError, lambda y, x: y.__setitem__(..., "text")),
            (TypeError, lambda y, x: y.__setitem__(..., 1j)),
            (ValueError, lambda y, x: y.fill(x)),
            (ValueError, lambda y, x: np.copyto(y, x)),
            (TypeError, lambda y, x: np.copyto(y, 1j * x[:3])),
            (TypeError, lambda y, x: np.multiply(y, 1j * x[:3], out=y)),
            (ValueError, lambda y, x: np.sum(y, axis=0, out=y)),
            (IndexError, lambda y, x: np.put(y, 9, 1.0)),
        ]
        for i, (kind, write) in enumerate(cases):
            with self.subTest(i):
                with self.assertRaises(kind):
                    write(a, x.data)
                for written in (y, z):
                    with self.assertRaises(kind):
                        write(written, x)
                    np.testing.assert_array_equal(written.data, 0.0)
        self.assertIsNone(wengert.as_variable(y).creator)


if __name__ == "__main__":
    unittest.main()
