"""Arrays that a compiled function writes to: in place, without copies, and sums with parts of arrays."""

import unittest
from typing import Any

import numpy as np

from tests.compile_case import CompileCase
from tests.installed import INSTALLED, needs_llvm
from tests.written_programs import check_written
from wengert import grad
from wengert.compiler.capture.trace import trace
from wengert.compiler.graph.graph import Graph
from wengert.compiler.graph.regions import is_injective, located, meet, region
from wengert.compiler.lowering.lowering import lower
from wengert.compiler.passes.signed_zeros import SignedZeros
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.targets.cpu.runner import interpreted, native

if INSTALLED:
    from wengert.compiler.targets.cpu.program import Plan


def simplified(f: Any, *args: Any) -> Graph:
    """The graph of a function."""
    graph = trace(f, args, {}).graph
    assert graph is not None
    return simplify(lower(graph))


def copies(plan: Any) -> int:
    """The number of arrays that a plan copies before it writes to them."""
    return sum(
        node.op == "assign" and node.settings["into"].settings["place"] is None
        for step in plan.memory.steps
        for node in getattr(step, "members", ())
    )


def moved(plan: Any) -> int:
    """The bytes that the kernels of a plan read and write."""
    return sum(line.moved for line in plan.descriptions)


def columns(x: Any, b: Any) -> Any:
    y = np.zeros_like(x)
    for j in range(1, x.shape[1]):
        y[:, j] = x[:, j] + b * y[:, j - 1]
    return y


def stencil(u: Any) -> Any:
    u = u * 2
    for _ in range(5):
        u[1:-1] = u[1:-1] + 0.25 * (u[2:] - 2 * u[1:-1] + u[:-2])
    return u


def stencil_added(u: Any) -> Any:
    u = u * 2
    for _ in range(5):
        u[1:-1, 1:-1] += 0.25 * (u[2:, 1:-1] + u[:-2, 1:-1] - 2 * u[1:-1, 1:-1])
    return u


def seidel(u: Any) -> Any:
    u = u * 2
    for i in range(1, u.shape[0] - 1):
        u[i, 1:-1] = 0.25 * (u[i - 1, 1:-1] + u[i + 1, 1:-1] + u[i, 2:] + u[i, :-2])
    return u


def elements(x: Any) -> Any:
    out = np.zeros_like(x)
    for i in range(1, x.shape[0]):
        out[i] = 0.5 * out[i - 1] + x[i - 1]
    return out


def factorized(a: Any) -> Any:
    a = a * 1.5
    for i in range(a.shape[0]):
        for j in range(i):
            a[i, j] -= a[i, :j] @ a[:j, j]
            a[i, j] /= a[j, j]
        for j in range(i, a.shape[0]):
            a[i, j] -= a[i, :i] @ a[:i, j]
    return a


def buffered(a: Any, b: Any) -> Any:
    a, b = a * 2, b * 2
    for _ in range(3):
        b[1:-1] = 0.5 * (a[2:] + a[:-2])
        a[1:-1] = 0.5 * (b[2:] + b[:-2])
    return a, b


def shifted(x: Any) -> Any:
    x = x * 2
    x[1:] = x[:-1]
    x[:-1] = x[1:] * 1
    x[::2] = x[::-2] if x.size % 2 else x[1::2]
    return x


class Steps(unittest.TestCase):
    """What a plan does."""

    def small(self, *shape: int) -> Any:
        return np.round(np.random.default_rng(0).normal(size=shape) * 8)

    def plan(self, f: Any, *args: Any) -> Any:
        """The plan of a function, whose results are those of the function."""
        before = [np.array(x) for x in args]
        wanted = f(*map(np.array, args))
        plan = Plan(simplified(f, *args), threads=1)
        self.assertTrue(all(map(np.array_equal, before, args)))
        found = plan.run([x for x in args if isinstance(x, np.ndarray)])
        for a, b in zip(found, wanted if isinstance(wanted, tuple) else (wanted,), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
        return plan


@needs_llvm
class InPlace(Steps):
    def test_nothing_is_copied(self) -> None:
        for f, args in (
            (stencil, (self.small(40),)),
            (stencil_added, (self.small(12, 9),)),
            (seidel, (self.small(12, 9),)),
            (factorized, (self.small(6, 6) + 40 * np.eye(6),)),
            (buffered, (self.small(40), self.small(40))),
            (shifted, (self.small(9),)),
            (shifted, (self.small(10),)),
        ):
            with self.subTest(f.__name__):
                self.assertEqual(copies(self.plan(f, *args)), 0)

    def test_columns_cost_what_they_have(self) -> None:
        f = lambda x: columns(x, 0.5)  # noqa: E731
        for n in (20, 40):
            plan = self.plan(f, self.small(30, n))
            self.assertEqual(copies(plan), 1)  # (zeros)
            self.assertLess(moved(plan), 8 * 30 * n * 8)

    def test_a_part_that_depends_on_its_neighbours_is_a_temporary(self) -> None:
        def f(u: Any) -> Any:
            u = u * 2
            for _ in range(5):
                u[100:200] = u[100:200] + 0.25 * (u[101:201] - 2 * u[100:200] + u[99:199])
            return u

        plan = self.plan(lambda x: f(x) * 3, self.small(1000))
        self.assertLess(moved(plan), 5 * 9 * 100 * 8 + 5 * 1000 * 8)
        self.assertLess(plan.memory.size, 1.2 * 1000 * 8)

    def test_most_of_an_array_that_depends_on_its_neighbours_is_written_into_another(self) -> None:
        def box(u: Any) -> Any:
            u = u * 2
            for _ in range(4):
                u[1:-1, 2:-1, :-3] = u[:-2, 1:-2, 3:] - u[1:-1, 2:-1, 1:-2]
                u[::-1] = u[1:-1].sum() + u
            return u

        def reversed_rows(u: Any) -> Any:
            u = u * 2
            u.T[1:-1, 1:] = u.T[2:, :-1]
            u[:, ::2] = u[::-1, ::2] + u[::-1, 1::2]
            return u

        for f, args in (
            (lambda u: stencil(stencil(u)), (self.small(1000),)),
            (stencil_added, (self.small(40, 30),)),
            (box, (self.small(20, 20, 20),)),
            (reversed_rows, (self.small(40, 30),)),
        ):
            plan = self.plan(f, *args)
            self.assertEqual(copies(plan), 0)
            self.assertLessEqual(plan.memory.size, 2.2 * args[0].nbytes)
        plan = self.plan(stencil, self.small(1000))
        self.assertLess(moved(plan), 5 * 5 * 1000 * 8)

    def test_an_old_value_that_is_read_later_is_copied_once(self) -> None:
        def f(x: Any) -> Any:
            y = np.sin(x)
            z = y.copy()
            z[2:5] = 1.0
            z[7] = z[2:4].sum()
            return z, y * z.sum()

        def g(x: Any) -> Any:
            y = x * 2
            old = y[1:]
            old = old + 0
            y[0] = 7
            total = y.sum()
            y[3] = total
            return y, old * total

        self.assertEqual(copies(self.plan(f, self.small(10))), 1)
        self.assertEqual(copies(self.plan(g, self.small(10))), 0)

    def test_readers_in_the_loop_that_writes(self) -> None:
        def same_place(x: Any) -> Any:
            y = x * 2
            a = y[1:] + 1
            y[1:] = a * y[1:]
            y[:3] *= 2
            return y, a

        def rows(x: Any) -> Any:
            y = x * 2
            s = y.sum(axis=1, keepdims=True)
            y[:, :] = y - s
            y[2] = y[1] + y[0]
            y[:, 1] += y[:, 0]
            return y

        def one_element_for_all(x: Any) -> Any:
            y = x * 2
            y[1:] += y[0]
            y[:] = y - y[3]
            return y

        for f, args in (
            (same_place, (self.small(9),)),
            (rows, (self.small(6, 5),)),
            (rows, (self.small(300, 70),)),
            (one_element_for_all, (self.small(9),)),
        ):
            with self.subTest(f.__name__):
                self.assertEqual(copies(self.plan(f, *args)), 0)

    def test_scatters(self) -> None:
        def f(x: Any, i: Any, v: Any) -> Any:
            y = x * 2
            for _ in range(3):
                np.add.at(y, i, v)
                y[i[:2]] = v[:2] * y[i[3]]
            z = y.reshape(4, -1) * 3
            z[:, [0, 2]] = z[:, [1, 1]]
            np.add.at(z, (slice(None), [0, 1]), z[:, :2])
            return y, z

        x = self.small(4000)
        plan = self.plan(f, x, np.array([3, 1, 3, 0]), np.arange(4.0))
        self.assertEqual(len(plan.in_place), 8)
        self.assertLess(plan.memory.size, 5 * x.nbytes)

    def test_many_kernels_are_compiled_once(self) -> None:
        for f, shapes in ((elements, ((100,), (200,))), (lambda x: columns(x, 0.5), ((4, 100), (4, 200)))):
            plans = [self.plan(f, self.small(*shape)) for shape in shapes]
            kernels = [len({str(line).split()[0] for line in plan.descriptions}) for plan in plans]
            self.assertEqual(kernels[0], kernels[1])
            self.assertLess(len(plans[1].descriptions), 25)

    def test_a_long_plan_of_several_threads(self) -> None:
        """LLVM aborts the process for functions with too many calls."""
        f = lambda u: [u := stencil(u) for _ in range(12)][-1]  # noqa: E731
        x = np.random.default_rng(0).normal(size=50_000)
        plan = Plan(simplified(f, x), threads=2)
        np.testing.assert_allclose(plan.run([x])[0], f(x.copy()), rtol=1e-9, atol=1e-9)


@needs_llvm
class Sums(Steps):
    """Gradients of reads: sums with arrays of zeros into which parts are written."""

    def test_reads_of_elements(self) -> None:
        def loss(x: Any) -> Any:
            total = 0.0
            for i in range(1, x.shape[0]):
                total = total + x[i] * x[i - 1]
            return total

        bytes_moved = []
        for n in (50, 100):
            x = self.small(n)
            graph = simplified(grad(loss), x)
            self.assertEqual([node for node in graph if node.op == "elementwise" and node.size > 1], [])
            plan = Plan(graph, threads=1)
            bytes_moved.append(moved(plan))
            np.testing.assert_array_equal(plan.run([x])[0], np.append(x[1:], 0) + np.append(0, x[:-1]))
        self.assertLess(bytes_moved[1], 2.2 * bytes_moved[0])

    def test_reads_of_rows_and_a_dense_gradient(self) -> None:
        def loss(x: Any) -> Any:
            total = np.sum(x * x)
            for i in range(x.shape[0] - 1):
                total = total + np.sum(x[i] * x[i + 1])
            return total

        x = self.small(30, 20)
        plan = Plan(simplified(grad(loss), x), threads=1)
        self.assertLess(moved(plan), 12 * x.nbytes)
        zero = np.zeros((1, 20))
        wanted = 2 * x + np.concatenate([x[1:], zero]) + np.concatenate([zero, x[:-1]])
        np.testing.assert_array_equal(plan.run([x])[0], wanted)

    def test_zeros_that_are_overwritten_are_not_made(self) -> None:
        def f(x: Any) -> Any:
            y = np.zeros_like(x)
            for i in range(x.shape[0]):
                y[i] = x[i] * 2
            return y

        self.assertEqual(copies(self.plan(f, self.small(20))), 0)
        self.assertEqual(copies(self.plan(f, self.small(20, 3))), 0)

    def test_zeros_that_are_mostly_overwritten_are_made_where_they_stay(self) -> None:
        def border(x: Any) -> Any:
            y = np.zeros_like(x)
            y[1:] = x[1:] * 2
            return y * 1

        def gaps(x: Any) -> Any:
            y = np.full_like(x, -0.0)
            y[:70] = x[:70]
            y[71:] = 1.0
            y[0] += y[1]
            return y

        self.assertEqual(copies(self.plan(lambda x: columns(x, 0.5), self.small(100, 60))), 0)
        self.assertEqual(copies(self.plan(border, self.small(100, 60))), 0)
        self.assertEqual(copies(self.plan(gaps, self.small(100, 60))), 0)

    def test_writes_that_are_overwritten_are_dropped(self) -> None:
        def f(x: Any) -> Any:
            y = x * 2
            y[2] = 1.0
            y[2] += x[0]
            y[1:4] = x[2:5]
            y[3] = x[3]
            return y

        self.assertEqual([n.op for n in simplified(f, self.small(9))].count("update"), 2)

    def test_zeros_written_into_zeros(self) -> None:
        def f(x: Any) -> Any:
            y = np.zeros_like(x)
            y[2] = x[2]
            y[3] = 0.0
            y[:2] = y[5:7]
            return y * x

        self.assertEqual([n.op for n in simplified(f, self.small(9))].count("update"), 1)


class Regions(unittest.TestCase):
    """Regions of memory, and the signs of zeros."""

    def test_regions_meet_as_arrays_share_memory(self) -> None:
        whole, rng = np.arange(400).reshape(20, 20), np.random.default_rng(0)

        def part(whole: Any = whole) -> Any:
            first, last = np.sort(rng.integers(0, np.array([whole.shape] * 2) + 1), axis=0)
            found = whole[first[0] : last[0] : rng.integers(1, 4), first[1] : last[1] : rng.integers(1, 4)]
            return found.T if rng.random() < 0.2 else found[::-1] if rng.random() < 0.2 else found

        def known(x: Any) -> Any:
            return int(x.flat[0]), x.shape, tuple(s // x.itemsize for s in x.strides)

        inside = 0
        for _ in range(500):
            b = part()
            a = part() if rng.random() < 0.5 else part(b)
            if not a.size or not b.size:
                continue
            self.assertEqual(meet(region(*known(a)), region(*known(b))), np.shares_memory(a, b))
            self.assertTrue(is_injective(region(*known(a))[1]))
            found = located(*known(a), known(b))
            if found is None:
                continue
            inside += 1
            first, steps = found
            at = [
                [int(f + i @ np.array([s[k] for s in steps])) for i in np.ndindex(a.shape)] for k, f in enumerate(first)
            ]
            np.testing.assert_array_equal(b[tuple(at)], a.ravel())
        self.assertGreater(inside, 5)
        self.assertFalse(is_injective(((3, 1), (3, 2))))
        self.assertFalse(is_injective(((3, 0),)))

    def test_zeros_without_sign(self) -> None:
        def signs(f: Any, dtype: Any = np.float64) -> bool:
            graph = simplified(f, np.array([1.0, -0.0], dtype))
            return SignedZeros().none_negative(graph.results[0])

        for f in (
            lambda x: x + 0.0,
            lambda x: (x + 1) - x,
            lambda x: np.exp(x),
            lambda x: np.where(x > 0, x * x, 0.0),
            lambda x: np.maximum(np.abs(x), 0.0),
            lambda x: (x + 0.0).astype(np.float64),
            lambda x: x > 0,
        ):
            self.assertTrue(signs(f))
            self.assertTrue(signs(f, np.float32))
        for f in (lambda x: -x, lambda x: x * 0.5, lambda x: x - 0.5 * x, lambda x: np.where(x > 0, 1.0, x)):
            self.assertFalse(signs(f))
        self.assertFalse(signs(lambda x: (x + 0.0).astype(np.float32)))
        self.assertFalse(signs(lambda x: (x + 0.0).astype(np.float16), np.float32))


class Programs(unittest.TestCase):
    def test_random_programs(self) -> None:
        self.assertGreater(sum(check_written(seed, interpreted) for seed in range(400)), 120)

    @needs_llvm
    def test_random_programs_in_native_code(self) -> None:
        self.assertGreater(sum(check_written(seed, native) for seed in range(400, 480)), 20)


class Complex(CompileCase):
    def test_assignments(self) -> None:
        def f(z: Any, w: Any) -> Any:
            z[1:] = w[1:]
            for i in range(2):
                z[i] += w[i]
            z *= 2
            y = np.zeros_like(z)
            y[0] = 3.0
            y[[1, 2]] = w[:2]
            y[::2] -= z[::2]
            np.add.at(y, [1, 1], w[0])
            return y, z[0], np.abs(y)

        for runner in (interpreted, native) if INSTALLED else (interpreted,):
            for w in (np.arange(4.0), np.arange(4) * (1 - 2j)):
                with self.subTest(w=w.dtype):
                    self.compare(f, runner, np.array([1 + 2j, 3 - 1j, -0.0 + 0j, 5]), w)

    def compare(self, f: Any, runner: Any, *args: Any) -> None:
        from wengert.compiler.compiled import compile

        c = compile(f, runner=runner)
        for _ in range(3):
            given, wanted = [np.array(x) for x in args], [np.array(x) for x in args]
            self.same(c(*given), f(*wanted))
            self.same(given, wanted)
        self.assertIsNone(c.given_up)

    @needs_llvm
    def test_writes_are_in_place(self) -> None:
        def f(z: Any) -> Any:
            z = z * 1j
            for i in range(1, 4):
                z[i] = z[i - 1] * 2
            return z

        plan = Plan(simplified(f, np.arange(4) + 1j), threads=1)
        self.assertGreaterEqual(len(plan.in_place), 2)

    @needs_llvm
    def test_half_precision(self) -> None:
        def f(z: Any) -> Any:
            z[1:] = z[:-1] + 1
            return z.sum()

        self.compare(f, native, np.arange(4, dtype=np.float16))


class Created(unittest.TestCase):
    """Arrays that the function makes itself, where the tape makes traced ones of them."""

    def test_creation_functions(self) -> None:
        def f(x: Any, made: Any) -> Any:
            out = made(np.zeros(6))
            for i in range(6):
                out[i] = x[i] * 2
            pairs = made(np.empty((6, 2)), False)
            pairs[:, 0] = x
            pairs[:, 1] = x * x
            unit = made(np.eye(3))
            unit[0] = x[:3]
            unit[1, 1] += x[0]
            count = made(np.zeros(4, int))
            ones = made(np.full(4, 2.5))
            for i in made(np.arange(3)):
                count[i] = i + 1
                if count[i] > 2:
                    ones[i] = x[count[i] - 1]
            z = made(np.zeros(3, complex))
            z[1:] = x[:2] * 1j
            return out, pairs, unit, ones, z, made(np.array(["a"])).shape == (1,)

        x = np.arange(6.0) + 0.5
        graph = trace(lambda x: f(x, x.tape.created if hasattr(x, "tape") else lambda a, _=True: a)[:5], (x,), {}).graph
        assert graph is not None
        graph = simplify(lower(graph))
        self.assertEqual([n for n in graph if n.op == "guard"], [])
        wanted = f(x, lambda a, _=True: a)
        for run in (interpreted, native) if INSTALLED else (interpreted,):
            for a, b in zip(run(graph)([x]), wanted, strict=False):
                np.testing.assert_array_equal(a, b)
