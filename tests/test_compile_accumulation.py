"""Gradients of arrays that are written to: compiled as they are eagerly, bit for bit, and without copies."""

import math
import tracemalloc
import unittest
from collections.abc import Callable
from typing import Any

import numpy as np

import wengert
from tests.installed import INSTALLED, needs_llvm
from tests.test_compile_writes import moved, simplified
from wengert.compiler.passes.late_reads import read_late
from wengert.compiler.passes.overlapping_sums import sums_in_one_write
from wengert.compiler.targets.cpu.runner import interpreted

if INSTALLED:
    from wengert.compiler.targets.cpu.program import Plan


def stencil(u: Any) -> Any:
    u = u * 1.5
    for _ in range(3):
        u[1:-1, 1:-1] = 0.2 * (u[1:-1, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] + u[2:, 1:-1] + u[:-2, 1:-1])
    return u


def between_two(u: Any) -> Any:
    a, b = u * 1.5, u * u
    for _ in range(3):
        b[1:-1, 1:-1] = 0.5 * a[1:-1, 1:-1] - a[1:-1, :-2] * 0.25 + a[:-2, 2:]
        a[1:-1, 1:-1] = np.sin(b[1:-1, 1:-1]) + b[2:, :-2] / 3
    return a - b


def staggered(u: Any) -> Any:
    a, b = u * 1.5, u * u
    for t in range(3):
        b[0, :] = 0.1 * t
        b[1:] -= 0.5 * (a[1:] - a[:-1])
        a[:, 1:] += 0.7 * (b[:, 1:] - b[:, :-1])
        a[:-1, :-1] -= b[1:, :-1] * b[:-1, 1:]
    return a + b


def reversed_and_read_between(u: Any) -> Any:
    a = u * 1.5
    for _ in range(2):
        s = np.sum(a[2:] * a[:-2])
        a[1:] = a[:-1] - 0.5 * a[1:]
        a[::-1, 1:] = a[::-1, :-1] * s + a[:, 1:]
    return a


def periodic(u: Any) -> Any:
    a = u.copy()
    for _ in range(2):
        a[1:-1] = 0.25 * (np.roll(a, 1, 1) + np.roll(a, -1, 1))[1:-1] + 0.5 * a[2:] * a[:-2]
        a[0] = a[1]
        a[-1] = 0.0
    return a


def columns(u: Any) -> Any:
    y = np.zeros_like(u)
    y[:, 0] = u[:, 0]
    for j in range(1, u.shape[1]):
        y[:, j] = u[:, j] * u[:, j - 1] + 0.9 * y[:, j - 1]
    return y


PROGRAMS: tuple[Callable[[Any], Any], ...] = (
    stencil,
    between_two,
    staggered,
    reversed_and_read_between,
    periodic,
    columns,
)


def gradient_of(f: Callable[[Any], Any]) -> Any:
    return wengert.grad(lambda u, w: np.sum(w * f(u)), unmodified=True)


def terms(u: Any, v: Any, shifts: Any) -> Any:
    """Sums into parts of an array that are shifted, and an assignment after the second of them."""
    a, n, m = u * 2.0, *u.shape
    for k, (i, j) in enumerate(shifts):
        part = (slice(2 + i, n - 2 + i), slice(2 + j, m - 2 + j))
        if k == 2:
            a[part] = v[2:-2, 2:-2] * 3.0
        else:
            a[part] = a[part] + (v[2:-2, 2:-2] - 0.5 * v[4:, 2:-2] * u[2:-2, 4:])
    return a, a[3]


class Accumulation(unittest.TestCase):
    def arguments(self, dtype: Any, *shape: int) -> tuple[Any, Any]:
        rng = np.random.default_rng(0)
        return rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)

    @needs_llvm
    def test_compiled_as_eagerly(self) -> None:
        for f in PROGRAMS:
            for dtype, shape in ((np.float64, (45, 50)), (np.float32, (45, 50)), (np.float64, (5, 6))):
                with self.subTest(f.__name__, dtype=dtype, shape=shape):
                    gradient, arguments = gradient_of(f), self.arguments(dtype, *shape)
                    wanted = gradient(*arguments)
                    compiled = wengert.compile(gradient)
                    tolerance = 1e-13 if dtype is np.float64 else 1e-5
                    for _ in range(4):
                        found = compiled(*arguments)
                        self.assertEqual(found.dtype, wanted.dtype)
                        self.assertLess(np.max(np.abs(found - wanted)), tolerance * np.max(np.abs(wanted)))
                    self.assertIn("0 calls of Python", str(compiled.plan))

    @needs_llvm
    def test_second_order(self) -> None:
        for f in PROGRAMS:
            with self.subTest(f.__name__):
                u, w = self.arguments(np.float64, 5, 6)
                second = wengert.grad(lambda u, w, f=f: np.sum(np.sin(gradient_of(f)(u, w))), unmodified=True)
                wanted, compiled = second(u, w), wengert.compile(second)
                for _ in range(3):
                    np.testing.assert_allclose(compiled(u, w), wanted, rtol=1e-9, atol=1e-9)

    def test_terms_keep_their_order(self) -> None:
        u, v = self.arguments(np.float64, 200, 210)
        u[3, 3], u[5, 5], v[7, 7] = -0.0, np.nan, np.inf
        for shifts, count in (
            (((0, 0), (0, 1), (1, 0)), 2),  # (what is assigned last stays a write of its own)
            (((0, 0), (0, 1), (0, 1), (-1, -1), (2, 2)), 1),
            (((-2, 0), (0, -2), (1, 2), (2, -1), (0, 0), (0, 1)), 1),
        ):
            with self.subTest(shifts=shifts):
                graph = simplified(lambda u, v, shifts=shifts: terms(u, v, shifts), u, v)
                joined = sums_in_one_write(graph)
                wanted, found = (interpreted(g)([u, v]) for g in (graph, joined))
                for a, b in zip(wanted, found, strict=True):
                    self.assertEqual(np.asarray(a).tobytes(), np.asarray(b).tobytes())
                writes = [math.prod(node.settings["shape"]) for node in joined if node.op == "update"]
                self.assertEqual(sum(size > 0.8 * u.size for size in writes), count)

    @needs_llvm
    def test_the_gradient_of_a_stencil_goes_through_memory_a_few_times(self) -> None:
        u, w = self.arguments(np.float64, 100, 100)
        plan = Plan(simplified(gradient_of(stencil), u, w), threads=1)
        self.assertLess(moved(plan), 3 * 18 * u.nbytes)

    @needs_llvm
    def test_what_backward_reads_of_an_array_is_in_its_last_value(self) -> None:
        def factorized(a: Any, w: Any) -> Any:
            a = a.copy()
            for k in range(a.shape[0] - 1):
                a[k + 1 :, k] /= a[k, k]
                a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
            return np.sum(w * a * a)

        def read_and_overwritten(a: Any, w: Any) -> Any:
            a = a * 2.0
            for k in range(1, a.shape[0]):
                a[k] = np.sin(a[k - 1]) * a[k] + a[0] * a[k, ::-1]
                if k % 3 == 0:
                    a[k - 1] = a[k] * w[k] + a[k - 1, 0] * a[k - 2, 1]
            return np.sum(w * a * a[::-1])

        for f in (factorized, read_and_overwritten):
            for n in (6, 30):
                a, w = self.arguments(np.float64, n, n)
                a = a / n + 3 * np.eye(n)
                gradient = wengert.grad(f, unmodified=True)
                graph = simplified(gradient, a, w)
                wanted, found = interpreted(graph)([a, w]), interpreted(read_late(graph))([a, w])
                self.assertEqual(np.asarray(wanted[0]).tobytes(), np.asarray(found[0]).tobytes())
                plan = Plan(graph, threads=1)
                (found,) = plan.run([a, w])
                eager = gradient(a, w)
                self.assertLess(np.max(np.abs(found - eager)), 1e-12 * np.max(np.abs(eager)))
                if f is factorized and n == 30:
                    self.assertLess(plan.memory.size, 15 * a.nbytes)  # (30 copies of the array would be kept)

    @needs_llvm
    def test_gradients_of_extremes_are_native(self) -> None:
        def shortest(path: Any, w: Any) -> Any:
            path = path.copy()
            for k in range(path.shape[0]):
                path[:] = np.minimum(path, np.add.outer(path[:, k], path[k, :]))
            return np.sum(w * np.maximum(path, 0.2) * np.fmin(path, w))

        for dtype in (np.float64, np.float32):
            path, w = (np.round(np.abs(x), 1) for x in self.arguments(dtype, 12, 12))  # (with ties)
            gradient = wengert.grad(shortest, unmodified=True)
            compiled, wanted = wengert.compile(gradient), gradient(path, w)
            for _ in range(4):
                found = compiled(path, w)
                self.assertEqual(found.dtype, dtype)
                np.testing.assert_allclose(found, wanted, rtol=1e-5 if dtype is np.float32 else 1e-13, atol=1e-6)
            self.assertIn("0 calls of Python", str(compiled.plan))

    def test_views_that_are_kept_are_copied_and_not_the_array(self) -> None:
        rng = np.random.default_rng(0)

        def f(x: Any, decay: Any) -> Any:
            out = np.zeros_like(x)
            for j in range(1, x.shape[1]):
                out[:, j] = x[:, j] + decay * out[:, j - 1]
            return np.sum(out * out)

        x, decay = rng.random((200, 300)), rng.random(200)
        step = wengert.grad(f, (0, 1), unmodified=True)
        step(x[:, :3], decay)
        tracemalloc.start()
        step(x, decay)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self.assertLess(peak, 12 * x.nbytes)
        found = step(x[:3, :4], decay[:3])
        direction = rng.random((3, 4)), rng.random(3)
        ahead, behind = (f(x[:3, :4] + h * direction[0], decay[:3] + h * direction[1]) for h in (1e-6, -1e-6))
        wanted = sum(np.sum(g * d) for g, d in zip(found, direction, strict=True))
        self.assertAlmostEqual((ahead - behind) / 2e-6, wanted, 6)

    def test_a_view_that_is_kept_may_be_written_to(self) -> None:
        def f(x: Any) -> Any:
            a = x * 1.0
            row = a[1]
            y = row * row
            a[2] = y
            other = np.reshape(row, (2, 4))
            other[0] = 7.0
            return np.sum(a * a * a) + np.sum(y)

        x = np.random.default_rng(0).random((30, 8))
        wanted = 3 * x * x
        wanted[2] = 0
        wanted[1] = 6 * x[1] ** 5 + 2 * x[1]
        wanted[1, 4:] += 3 * x[1, 4:] ** 2
        for step in (wengert.grad(f, unmodified=True), wengert.compile(wengert.grad(f))):
            for _ in range(3):
                np.testing.assert_allclose(step(x), wanted, rtol=1e-12)


if __name__ == "__main__":
    unittest.main()
