"""What writes cost: no copy where nobody needs the old value, one where somebody does; nothing is left behind."""

import tracemalloc
import unittest
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.garbage import garbage_of
from tests.writing_programs import PROGRAMS, loss_of, random_weights
from wengert import Variable, value_and_grad
from wengert.core.variable import note_of
from wengert.writes import calls


def buffer_of(x: Any) -> int:
    """The address of the buffer (a reference to it would count as a use of the old value)."""
    return note_of(x, "written").memory.buffer.__array_interface__["data"][0]  # type: ignore[no-any-return]


class CopiesTest(unittest.TestCase):
    def setUp(self) -> None:
        self.x = Variable(np.arange(1.0, 9.0))

    def test_an_array_that_is_filled_is_never_copied(self) -> None:
        y = np.zeros_like(self.x)
        buffer = buffer_of(y)
        for i in range(8):
            y[i] = self.x[i] ** 2
        y[2:5] = self.x[:3]
        y[1:] += y[:-1]
        y[[0, 3, 3]] = self.x[[1, 2, 3]]
        y[::-1][:3] *= 2.0
        self.assertEqual(buffer_of(y), buffer)

    def test_it_is_copied_once_where_a_call_keeps_the_old_value(self) -> None:
        y = self.x.copy()
        first = buffer_of(y)
        square = y * y
        y[0] = 5.0
        second = buffer_of(y)
        self.assertNotEqual(second, first)
        y[1] = 6.0
        self.assertEqual(buffer_of(y), second)
        np.sum(square).backward()
        np.testing.assert_array_equal(self.x.grad, 2 * np.arange(1.0, 9.0))

    def test_it_is_not_copied_where_calls_need_no_value(self) -> None:
        y = self.x.copy()
        buffer = buffer_of(y)
        total = y + 1.0
        part = 3.0 * y[2:]
        y[0] = 5.0
        self.assertEqual(buffer_of(y), buffer)
        (np.sum(total) + np.sum(part)).backward()
        np.testing.assert_array_equal(self.x.grad, [1.0, 1.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0])

    def test_what_overwrites_everything_takes_the_new_array(self) -> None:
        y = self.x.copy()
        kept = np.sin(y)
        y *= kept  # the old value is needed: the product becomes the buffer
        product = buffer_of(y)
        y[0] = 1.0
        self.assertEqual(buffer_of(y), product)

    def test_gradients_of_reads_go_into_one_array(self) -> None:
        found = []

        def accumulator(*args: Any) -> Any:
            found.append(calls_accumulator(*args))
            return found[-1]

        calls_accumulator = calls.accumulator
        loss = sum(self.x[i] * self.x[i - 1] for i in range(8)) + np.sum(self.x[[0, 0, 3]])
        with mock.patch.object(calls, "accumulator", accumulator):
            loss.backward()
        self.assertEqual((len(found), len({id(each) for each in found})), (17, 1))
        expected = np.roll(self.x.data, 1) + np.roll(self.x.data, -1) + np.array([2.0, 0, 0, 1, 0, 0, 0, 0])
        np.testing.assert_array_equal(self.x.grad, expected)

    def test_retained_gradients_are_not_written_over(self) -> None:
        y = self.x * 1.0
        z = y + 0.0
        z[3] = y[2]
        np.sum(z * np.arange(8.0)).backward(retain_grad=True)
        np.testing.assert_array_equal(z.grad, np.arange(8.0))
        np.testing.assert_array_equal(y.grad, [0.0, 1.0, 5.0, 0.0, 4.0, 5.0, 6.0, 7.0])


class MemoryTest(unittest.TestCase):
    def test_a_linear_stencil_keeps_nothing_of_its_steps(self) -> None:
        def loss(u: Any) -> Any:
            u = u.copy()
            for _ in range(60):
                u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
            return np.sum(u**2)

        u = np.random.default_rng(0).normal(size=60_000)
        value_and_grad(loss)(u)
        tracemalloc.start()
        try:
            value_and_grad(loss)(u)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 12 * u.nbytes)

    def test_no_garbage(self) -> None:
        for name in ("jacobi_2d", "lu", "thomas", "lstm", "deposition", "gram_schmidt", "mvt", "seidel_2d"):
            with self.subTest(name):
                program = PROGRAMS[name]
                given = program.small(np.random.default_rng(0))
                loss = loss_of(program, random_weights(program, given))
                gradient = wengert.value_and_grad(loss, program.argnums(given), unmodified=True)
                self.assertEqual(garbage_of(lambda: gradient(*given)), 0)  # noqa: B023


if __name__ == "__main__":
    unittest.main()
