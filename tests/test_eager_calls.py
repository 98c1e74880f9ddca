"""What is known of a call before it is made: what it keeps, by its form, and how few steps it takes."""

import gc
import sys
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from wengert import Variable, grad
from wengert.arrays import aliases


@wengert.dispatched
def scaled(a: Any, by: Any = 1.0) -> Any:
    """Multiply."""
    return np.multiply(a, by)


def calls_in(program: Callable[[], Any]) -> int:
    """Count the calls of functions, in Python and in C, that a program makes once it is warm."""
    counts = [0]

    def count(frame: Any, event: str, argument: Any) -> None:
        counts[0] += event in ("call", "c_call")

    for _ in range(3):
        program()
    before = sys.getprofile()
    gc.disable()
    try:
        sys.setprofile(count)
        program()
    finally:
        sys.setprofile(before)
        gc.enable()
    return counts[0]


class FormsTest(unittest.TestCase):
    def test_a_pullback_that_is_registered_after_a_call_is_used(self) -> None:
        wengert.pullback(scaled, "a", reads="")(lambda gy, a, by=1.0: gy)
        x, by = Variable(np.array([1.0, 2.0])), Variable(np.array([3.0, 4.0]))
        np.sum(scaled(x, 2.0)).backward()
        np.testing.assert_array_equal(x.grad, [1.0, 1.0])
        with self.assertRaisesRegex(TypeError, "differentiable with respect to a, but its by is a Variable"):
            scaled(x, by)
        wengert.pullback(scaled, "a", reads="by")(lambda gy, a, by=1.0: gy * by)
        wengert.pullback(scaled, "by", reads="a")(lambda gy, a, by=1.0: gy * a)
        x.cleargrad()
        np.sum(scaled(x, by)).backward()
        np.testing.assert_array_equal(x.grad, [3.0, 4.0])
        np.testing.assert_array_equal(by.grad, [1.0, 2.0])
        x.cleargrad()
        np.sum(scaled(x, by=5.0)).backward()
        np.testing.assert_array_equal(x.grad, [5.0, 5.0])

    def test_lists_and_arrays_in_one_place_do_not_meet(self) -> None:
        x = Variable(np.arange(6.0).reshape(2, 3))
        weights = np.arange(6.0)
        for rows in ([x[0], x[1]], x, [x[0], x[1]]):
            x.cleargrad()
            np.sum(np.concatenate(rows) * weights).backward()
            np.testing.assert_array_equal(x.grad, weights.reshape(2, 3))
            x.cleargrad()
            y = np.concatenate([[1.0, x[0, 0]], np.ones(1), x[1]])
            np.sum(y * weights).backward()
            np.testing.assert_array_equal(x.grad, [[1.0, 0.0, 0.0], [3.0, 4.0, 5.0]])

    def test_numbers_and_variables_in_one_place_do_not_meet(self) -> None:
        x, bound = Variable(np.array([-1.0, 2.0])), Variable(np.array(0.5))
        for _ in range(2):
            for upper, expected in ((1.0, 0.0), (bound, 1.0), (np.array(1.0), 0.0), (np.ones(2), 0.0)):
                x.cleargrad()
                bound.cleargrad()
                np.sum(np.clip(x, -2.0, upper)).backward()
                np.testing.assert_array_equal(x.grad, [1.0, 0.0])
                self.assertEqual(0.0 if bound.grad is None else bound.grad, expected)

    def test_an_index_that_changes_later_is_not_the_one_recorded(self) -> None:
        x, index = Variable(np.arange(3.0)), [0, 1]
        y = x[index]
        index[0] = 2
        np.sum(y).backward()
        np.testing.assert_array_equal(x.grad, [1.0, 1.0, 0.0])

    def test_integer_variables_choose(self) -> None:
        x, at = Variable(np.arange(4.0)), Variable(np.array([3, 3, 0]))
        for _ in range(2):
            x.cleargrad()
            np.sum(np.take(x, at)).backward()
            np.testing.assert_array_equal(x.grad, [1.0, 0.0, 0.0, 2.0])


class AliasesTest(unittest.TestCase):
    def test_views_that_are_not_entered_yet_see_a_write(self) -> None:
        for others in (0, aliases.LEAST // 2, 2 * aliases.LEAST):
            with self.subTest(others=others):
                x = Variable(np.arange(4.0))
                y = x * 1.0
                view = np.reshape(y, (2, 2))
                row = view[1]
                kept = [np.transpose(view) for _ in range(others)]
                y[3] = 7.0 * x[0]
                self.assertEqual(float(row.data[1]), 0.0)
                for each in kept[-3:]:
                    self.assertEqual(float(each.data[1, 1]), 0.0)
                np.sum(row).backward()
                np.testing.assert_array_equal(x.grad, [7.0, 0.0, 1.0, 0.0])

    def test_little_is_left(self) -> None:
        x = Variable(np.arange(4.0))
        for _ in range(4 * aliases.LEAST):
            x.T.T  # noqa: B018
            (x * 1.0).T.T  # noqa: B018
        self.assertLessEqual(len(aliases.RECENT), aliases.LEAST + 2)


class StepsTest(unittest.TestCase):
    """Functions called in a recorded call and its backward: a measure that no other program on the machine changes."""

    def setUp(self) -> None:
        self.x = Variable(np.ones((2, 2)))
        self.y = self.x * 1.0

    def test_a_row_of_the_table_takes_few_calls(self) -> None:
        y = self.y
        for most, program in (
            (42, lambda: np.transpose(y)),
            (56, lambda: np.reshape(y, (4,))),
            (44, lambda: y[:1]),
            (42, lambda: np.sum(y, axis=0)),
            (70, lambda: np.concatenate([y, y])),
        ):
            self.assertLessEqual(calls_in(program), most)

    def test_backward_takes_few_calls(self) -> None:
        def program(n: int) -> Callable[[], Any]:
            def run() -> None:
                y = self.y
                for _ in range(n):
                    y = np.transpose(y)
                self.x.cleargrad()
                y.backward()

            return run

        self.assertLessEqual((calls_in(program(30)) - calls_in(program(10))) / 20, 90)

    def test_grad_adds_little(self) -> None:
        self.assertLessEqual(calls_in(lambda: gradient(0.5)), 160)


gradient = grad(lambda x: x)

if __name__ == "__main__":
    unittest.main()
