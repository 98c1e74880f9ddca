"""Rolled loops: each mechanism by a program, and programs whose steps are no loop."""

import unittest
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert
from tests.looping.check import HAS_COMPILER
from tests.looping.rolling import Comparison, loops_of, short_loops
from wengert import value_and_grad
from wengert.compiler import compiled
from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.loop import Loop
from wengert.compiler.passes.optimize import optimize
from wengert.compiler.passes.periods import LEAST_SAVED, LEAST_STEPS, stretches

N, K = 12, 3
RANDOM = np.random.default_rng(5)
X, M, W = RANDOM.normal(size=N), RANDOM.normal(size=(N, K)), RANDOM.normal(size=(K, K)) / 2


class RolledTest(unittest.TestCase):
    def graphs_of(self, f: Callable[..., Any], *inputs: Any, with_native: bool = HAS_COMPILER) -> list[Graph]:
        """Compare a function compiled in all ways with eager calls; return its lowered graphs."""
        comparison, graphs = Comparison(1e-9, with_native), []

        def run(graph: Graph) -> Any:
            graphs.append(graph)
            return comparison.run(graph)

        with mock.patch.object(compiled, "optimize", lambda graph: graph), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = wengert.compile(f, runner=run)
            for _ in range(4):
                wanted, found = f(*(x.copy() for x in inputs)), made(*(x.copy() for x in inputs))
                for a, b in zip(wanted, found, strict=True):
                    np.testing.assert_allclose(np.asarray(b), np.asarray(a), 1e-9, 1e-9)
        self.assertEqual(comparison.failures, [])
        self.assertGreater(len(graphs), 0, "nothing was compiled")
        return graphs

    def loops(self, f: Callable[..., Any], *inputs: Any, **options: Any) -> list[Loop]:
        graphs = self.graphs_of(f, *inputs, **options)
        with short_loops():
            return loops_of(optimize(graphs[-1]))

    def gradient_loops(self, f: Callable[..., Any], *inputs: Any) -> list[Loop]:
        places = tuple(range(len(inputs)))
        gradient = value_and_grad(lambda *xs: np.sum(f(*xs)[0]), places)

        def called(*xs: Any) -> list[Any]:
            value, found = gradient(*xs)
            return [value, *found]

        return self.loops(called, *inputs)

    def counts(self, f: Callable[..., Any], *inputs: Any) -> list[int]:
        return [loop.count for loop in self.loops(f, *inputs)]


class MechanismTest(RolledTest):
    def test_one_value_carried(self) -> None:
        def f(x: Any, m: Any) -> list[Any]:
            h = m[0]
            for i in range(N):
                h = np.tanh(h + m[i] * x[i])
            return [h]

        (loop,) = self.loops(f, X, M)
        self.assertGreaterEqual(loop.count, N - 1)
        self.assertEqual(loop.carried, 1)
        self.assertEqual(loop.advances, (0,))
        self.assertEqual(sum(loop.stepped), 2)

    def test_the_gradient_runs_backwards(self) -> None:
        def f(x: Any, m: Any) -> list[Any]:
            h = m[0]
            for i in range(N):
                h = np.tanh(h * 0.7 + m[i] * x[i])
            return [h]

        loops = self.gradient_loops(f, X, M)
        self.assertEqual(len(loops), 2)
        self.assertGreaterEqual(min(loop.count for loop in loops), N - 3)
        self.assertTrue(any(loops[0].stacked), "backward needs values of all steps")

    def test_values_of_two_steps_before(self) -> None:
        def f(x: Any) -> list[Any]:
            p, q = x[0], x[1]
            for i in range(N):
                p, q = q, np.sin(p + 0.5 * q) + x[i]
            return [q]

        (loop,) = self.loops(f, X)
        self.assertEqual(loop.carried, 2)

    def test_the_first_and_the_last_step_differ(self) -> None:
        def f(x: Any) -> list[Any]:
            h = x[0] * 2.0
            for i in range(N):
                h = np.cos(h) if i == 0 else np.exp(-h) if i == N - 1 else np.sin(h + x[i])
            return [h]

        (loop,) = self.loops(f, X)
        self.assertGreaterEqual(loop.count, N - 3)

    def test_steps_in_turns(self) -> None:
        def f(x: Any) -> list[Any]:
            h = x[0]
            for i in range(N):
                h = np.sin(h) if i % 2 else np.exp(-h * h)
            return [h]

        (loop,) = self.loops(f, X)
        self.assertIn(loop.count, (N // 2 - 1, N // 2))

    def test_reads_backwards_and_by_every_second_element(self) -> None:
        def f(x: Any, m: Any) -> list[Any]:
            h = m[0]
            for i in range(N // 2):
                h = np.tanh(h + x[N - 1 - i] + x[2 * i + 1] * m[:, 1][i])
            return [h]

        (loop,) = self.loops(f, X, M)
        self.assertGreaterEqual(sum(loop.stepped), 3)

    def test_numbers_that_depend_on_the_counter(self) -> None:
        def f(x: Any) -> list[Any]:
            h = x[0]
            for i in range(N):
                h = np.sin(h * 0.9**i + x[i] / (i + 1))
            return [h]

        (loop,) = self.loops(f, X)
        self.assertGreaterEqual(sum(loop.stepped), 3)

    def test_constants_of_all_steps(self) -> None:
        def f(m: Any) -> list[Any]:
            h = m[0]
            tables = [np.cos(np.arange(K) + 0.3 * i) for i in range(N)]
            numbers = [np.array(0.5 + i) for i in range(N)]
            for table, number in zip(tables, numbers, strict=True):
                h = np.tanh(h * table / number)
            return [h]

        (loop,) = self.loops(f, M)
        self.assertGreaterEqual(sum(loop.stepped), 2)

    def test_extremes_have_half_as_a_constant_of_each_step(self) -> None:
        """(Constants without dimensions stay so when they are put together.)"""

        def f(x: Any) -> list[Any]:
            h = x[0]
            for i in range(5):
                h = np.minimum(np.sin(h), x[i])
            return [h]

        self.assertGreaterEqual(len(self.gradient_loops(f, X)), 1)

    def test_windows_that_move(self) -> None:
        def f(x: Any) -> list[Any]:
            out = x * 0.5
            for i in range(1, N):
                out[i] = np.sin(out[i - 1]) + x[i]
            return [out]

        (loop,) = self.loops(f, X)
        self.assertEqual(loop.advances, (1,))
        self.assertGreaterEqual(loop.count, N - 2)

    def test_a_part_before_all_that_a_step_reads(self) -> None:
        m = np.linspace(0.5, 2, 18).reshape(9, 2)

        def f(m: Any) -> Any:
            r = m[:, 0] * 1.0
            for i in range(9):
                r[8 - i] *= 0.8 * np.cos(m[i // 2, 0])
            return [np.sin(r)]

        self.gradient_loops(f, m)

    def test_loops_that_differ_in_how_far_they_move(self) -> None:
        def f(x: Any) -> Any:
            y, z = x.copy(), 2 * x
            for i in range(N):
                y[i + 1] = np.sin(y[i]) + 0.5 * y[i + 1]
            for i in range(N):
                z[2 * i + 1] = np.sin(z[2 * i]) + 0.5 * z[2 * i + 1]
            return [y, z]

        loops = self.loops(f, np.linspace(0, 1, 2 * N + 1))
        self.assertEqual([loop.advances for loop in loops], [(1,), (2,)])

    def test_windows_that_move_backwards(self) -> None:
        def f(m: Any) -> list[Any]:
            out = m * 0.5
            for i in range(N - 2, -1, -1):
                out[i] -= 0.4 * np.sin(out[i + 1])
            return [out]

        (loop,) = self.loops(f, M)
        self.assertEqual(loop.advances, (-K,))

    def test_an_element_that_no_step_writes_is_read(self) -> None:
        def f(x: Any) -> list[Any]:
            out = x * 0.5
            for i in range(2, N):
                out[i] = out[i] - out[0] * out[1]
            return [out]

        self.assertEqual(len(self.loops(f, X)), 1)
        self.gradient_loops(f, X)

    def test_a_first_step_reads_elsewhere(self) -> None:
        def f(m: Any) -> list[Any]:
            out = np.cos(m)
            for i in range(3):
                for j in range(K):
                    out[i, j] = np.sin(out[i, j - 1]) + out[i - 1, j]
            return [out]

        self.graphs_of(f, M)
        self.graphs_of(f, RANDOM.normal(size=(5, 4)))

    def test_a_first_step_writes_elsewhere(self) -> None:
        def f(x: Any) -> list[Any]:
            out = x * 1.0
            for i in (9, 1, 2, 3, 4, 5, 6):
                out[i] = np.sin(out[i - 1])
            return [out]

        self.graphs_of(f, X)

    def test_a_stencil_in_place_and_in_turns(self) -> None:
        def in_place(x: Any) -> list[Any]:
            u = x.copy()
            for _ in range(N):
                u[1:-1] += 0.2 * (u[2:] - 2 * u[1:-1] + u[:-2])
            return [u]

        def in_turns(x: Any) -> list[Any]:
            a, b = x.copy(), np.zeros_like(x)
            for _ in range(N):
                b[1:-1] = 0.4 * (a[2:] + a[:-2])
                a, b = b, a
            return [a, b]

        for f in (in_place, in_turns):
            with self.subTest(f.__name__):
                self.assertEqual(len(self.loops(f, X)), 1)
                self.gradient_loops(f, X)

    def test_a_part_without_elements_is_written(self) -> None:
        def f(m: Any) -> list[Any]:
            u = m * 1.0
            for _ in range(6):
                v = u.copy()
                v[1:, :] -= 0.3 * u[:-1, :]
                v[:, 1:] += 0.2 * u[:, :-1]
                u = v
            return [u]

        for shape in ((2, 1), (1, 3), (1, 1), (2, 0), (3, 2)):
            with self.subTest(shape=shape):
                self.gradient_loops(f, RANDOM.normal(size=shape))

    def test_values_of_all_steps_are_stacked(self) -> None:
        def f(m: Any) -> list[Any]:
            h, items = m[0], []
            for i in range(N):
                h = np.tanh(h + m[i])
                items.append(h)
            return [np.stack(items)]

        loops = self.loops(f, M)
        self.assertTrue(any(any(loop.stacked) or any(loop.advances) for loop in loops))

    def test_a_second_loop_reads_the_first_one_backwards(self) -> None:
        def f(m: Any) -> list[Any]:
            h, items = m[0], []
            for i in range(N):
                h = np.tanh(h + m[i])
                items.append(h)
            b = h
            for item in reversed(items):
                b = np.sin(b * item)
            return [b]

        self.assertEqual(len(self.loops(f, M)), 2)

    def test_loops_in_loops(self) -> None:
        def f(x: Any, m: Any) -> list[Any]:
            h = x[0]
            for i in range(N):
                for j in range(8):
                    h = np.sin(h + x[j])
                h = np.exp(-h * h) * m[i, 0]
            return [h]

        outer = [loop for loop in self.loops(f, X, M) if loops_of(loop.body)]
        self.assertEqual(len(outer), 1)

    def test_products_and_reductions(self) -> None:
        def f(m: Any, w: Any) -> list[Any]:
            h = m[0]
            for i in range(N):
                h = np.tanh(w @ h + m[i])
                h = h / np.sqrt(1.0 + np.sum(h * h))
            return [h]

        self.assertEqual(len(self.loops(f, M, W)), 1)
        self.assertGreaterEqual(len(self.gradient_loops(f, M, W)), 2)

    def test_guards_in_loops(self) -> None:
        def f(x: Any) -> list[Any]:
            h = x[0] * 0.0
            for i in range(N):
                h = np.sin(h) + 0.1 * x[i]
                if h > 5.0:
                    break
            return [h]

        (loop,) = self.loops(f, X)
        self.assertTrue(any(node.op == "guard" for node in loop.body.nodes))

    def test_a_guard_that_fails_in_a_step(self) -> None:
        def f(x: Any) -> list[Any]:
            h = 0.0 * x[0]
            for i in range(N):
                x[i] = h  # (of the caller's array: it must not be written twice, or by a call that failed)
                h = h + np.abs(x[i - 1]) + 1.0
                if h > 8.0:
                    break
            return [h, x]

        comparison = Comparison(1e-9, HAS_COMPILER)
        with mock.patch.object(compiled, "optimize", lambda graph: graph), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = wengert.compile(f, runner=comparison.run)
            for scale in (1, 1, 1, 0.01, 0.01, 0.01, 3, 3, 3, 1):
                mine, other = X * scale, X * scale
                for a, b in zip(made(mine), f(other), strict=True):
                    np.testing.assert_allclose(a, b)
                np.testing.assert_allclose(mine, other)
        self.assertEqual(comparison.failures, [])


class NoLoopTest(RolledTest):
    """Steps that must not be rolled: what they compute stays right."""

    def refused(self, f: Callable[..., Any], *inputs: Any) -> None:
        self.assertEqual(self.loops(f, *inputs), [])

    def test_too_few_steps(self) -> None:
        def f(x: Any) -> list[Any]:
            h = x[0]
            for i in range(LEAST_STEPS - 1):
                h = np.sin(h) + np.cos(x[i]) * np.exp(h) * np.tanh(h) * np.sqrt(h * h + 1) / (1 + h * h) + np.square(h)
            return [h]

        graphs = self.graphs_of(f, X)
        self.assertEqual(loops_of(optimize(graphs[-1])), [])
        with short_loops():
            self.assertEqual(len(loops_of(optimize(graphs[-1]))), 1)

    def test_too_little_is_saved(self) -> None:
        def f(x: Any) -> list[Any]:
            h = x[0]
            for _ in range(LEAST_SAVED // 2):
                h = np.sin(h)
            return [h]

        self.assertEqual(loops_of(optimize(self.graphs_of(f, X)[-1])), [])

    def test_elements_in_no_order(self) -> None:
        def f(x: Any) -> list[Any]:
            h = x[0]
            for i in (3, 7, 1, 8, 2, 11):
                h = np.sin(h + x[i])
            return [h]

        self.refused(f, X)

    def test_arrays_of_the_caller_for_each_step(self) -> None:
        """(They lie anywhere in memory.)"""
        tables = [np.cos(np.arange(K) + 0.3 * i) for i in range(N)]

        def f(m: Any) -> list[Any]:
            h = m[0]
            for table in tables:
                h = np.tanh(h * table)
            return [h]

        self.refused(f, M)

    def test_values_of_different_steps(self) -> None:
        def f(x: Any) -> list[Any]:
            items = [x[0]]
            for i in (0, 0, 1, 0, 3, 1):
                items.append(np.sin(items[i]) * 0.9)
            return items[-1:]

        self.refused(f, X)


keys_of = st.lists(st.integers(0, 3), max_size=40)


class PeriodsTest(unittest.TestCase):
    def found(self, keys: list[int]) -> list[Any]:
        with short_loops():
            return stretches(np.array(keys, np.int64))

    @settings(max_examples=300, deadline=None)
    @given(keys_of)
    def test_stretches_repeat_themselves_and_do_not_overlap(self, keys: list[int]) -> None:
        stop = 0
        for stretch in self.found(keys):
            self.assertGreaterEqual(stretch.start, stop)
            stop = stretch.stop
            self.assertLessEqual(stop, len(keys))
            self.assertGreaterEqual(stretch.times, 3)
            part = keys[stretch.start : stop]
            self.assertEqual(part[stretch.period :], part[: -stretch.period])
            # It is as long as it can be.
            before, after = stretch.start - 1, stop
            self.assertFalse(before >= 0 and keys[before] == keys[before + stretch.period])
            self.assertFalse(after < len(keys) and keys[after] == keys[after - stretch.period])

    @settings(max_examples=200, deadline=None)
    @given(st.integers(1, 9), st.integers(3, 12), st.integers(0, 5), st.integers(0, 5))
    def test_a_periodic_part_is_found(self, period: int, count: int, before: int, after: int) -> None:
        other = iter(range(100, 200))
        keys = [next(other) for _ in range(before)] + list(range(period)) * count + [next(other) for _ in range(after)]
        found = self.found(keys)
        if (count - 1) * period >= 2:
            self.assertEqual([s[:3] for s in found], [(before, before + count * period, period)])

    @settings(max_examples=100, deadline=None)
    @given(st.integers(2, 5), st.integers(3, 6), st.integers(3, 6))
    def test_the_shorter_period_comes_first(self, inside: int, steps: int, count: int) -> None:
        keys = (list(range(inside)) * steps + [50, 51]) * count
        found = self.found(keys)
        self.assertEqual([s.period for s in found], [inside] * count)

    def test_nothing_repeats_itself(self) -> None:
        for keys in ([], [1], [1, 1], list(range(30))):
            self.assertEqual(self.found(keys), [])


if __name__ == "__main__":
    unittest.main()
