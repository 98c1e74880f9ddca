"""Numbers that change from call to call are inputs of plans: right at each call, or another plan."""

import itertools
import math
import types
import warnings
from typing import Any

import numpy as np

import wengert
from tests.compile_case import CompileCase, X, compiled
from wengert.compiler.compiled import CompileWarning
from wengert.compiler.pauses import FIRST_PAUSE, MOST_MISSES, MOST_PLANS

GRID = np.arange(24.0).reshape(6, 4)


class NumbersTest(CompileCase):
    def follow(self, f: Any, values: Any, most: int = 3) -> Any:
        """Compare a function of an array and a number with itself compiled, errors included."""
        c = compiled(f)
        for value in values:
            try:
                wanted = f(X, value)
            except Exception as error:  # noqa: BLE001  (whichever NumPy or Python raises)
                with self.assertRaisesRegex(type(error), ".*"):
                    c(X, value)
                continue
            self.same(c(X, value), wanted)
        self.assertIsNone(c.given_up)
        self.assertLessEqual(len(c.plans), most)
        return c

    def test_arithmetic_of_integers(self) -> None:
        for name, f in {
            "sums": lambda x, k: x * (k + 3) - (5 - k) + (-k),
            "quotients": lambda x, k: x / (k + 7) + 12 / (k + 7) + k / 4,
            "rounded quotients": lambda x, k: x * (k // 3) + k % 5 + (-k) % 4 + 7 // (k + 9),
            "powers": lambda x, k: x * k**2 + 0.5**k + 2.0 ** (k + 1),
            "bits": lambda x, k: x * (k & 6) + (k | 1) + (k ^ 3) + (k >> 1) + ~k,
            "numbers": lambda x, k: (x * 1, k + 1, k / 2, -k, abs(k), k * 0.5),
            "absolute": lambda x, k: x * abs(k - 5) + max(k, 3) - min(k, 2),
            "booleans": lambda x, k: x * (k + True) * 1.0,
            "ufuncs": lambda x, k: np.sqrt(k + 6) * x + np.multiply(k, x) + np.maximum(k, x),
            "float32": lambda x, k: x.astype(np.float32) * k + k,
            "integers": lambda x, k: np.arange(3) * k + k,
        }.items():
            with self.subTest(name):
                self.follow(f, [3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 3], most=12 if name == "absolute" else 3)

    def test_what_python_raises_is_raised(self) -> None:
        self.follow(lambda x, k: x * (12 // k), [3, 4, 5, 6, 0, 7])
        self.follow(lambda x, k: x * (12 / k), [3, 4, 5, 6, 0, 7])
        self.follow(lambda x, k: x * (5 % k), [3, 4, 5, 6, 0, 7])
        self.follow(lambda x, k: x * math.sqrt(k), [3, 4, 5, 6, -1, 7])
        self.follow(lambda x, k: x * math.log(k), [3.0, 4.0, 5.0, 6.0, 0.0, 7.0])
        self.follow(lambda x, k: x * math.exp(k), [3.0, 4.0, 5.0, 6.0, 1e4, 7.0])
        self.follow(lambda x, k: GRID[k] * 1, [1, 2, 3, 4, 9, -2, -9, 5])
        self.follow(lambda x, k: np.arange(3, dtype=np.int8) + k, [1, 2, 3, 300, 4], most=8)
        self.follow(lambda x, k: np.arange(3, dtype=np.uint64) + k, [1, 2, 3, -1, 4], most=8)

    def test_large_integers_have_plans_of_their_own(self) -> None:
        self.follow(lambda x, k: x * (k * k), [3, 4, 5, 6, 2**31 + 5, 2**40, 2**70, 7], most=8)
        self.follow(lambda x, k: x * 2**k, [3, 4, 5, 6, 29, 64, -2, 7], most=8)
        self.follow(lambda x, k: x * (k * 6364136223846793005 % 97), [3, 4, 5, 6], most=8)
        self.follow(lambda x, k: x * (k % 2**40 * 2**35 % 97), [3, 4, 5, 2**31], most=8)

    def test_types_are_kept_apart(self) -> None:
        values = [1, 1, 2, 3, 1.0, 2.0, True, np.float32(2), np.int64(3), np.float64(4), np.float64(5), 4, False]
        self.follow(lambda x, k: (x * k, k), values, most=12)
        self.follow(lambda x, k: x * (k if isinstance(k, int) else -1), values, most=12)

    def test_special_floats(self) -> None:
        values = [1.0, 2.0, 3.0, float("inf"), float("nan"), -0.0, 0.0, 1e308, 5e-324]
        self.follow(lambda x, r: np.copysign(x, r) + r, values)
        s = types.SimpleNamespace(rate=1.0)

        def f(x: Any, r: Any) -> Any:
            s.rate = r
            return np.copysign(x, s.rate)

        self.follow(f, values)

    def test_where_python_needs_the_number(self) -> None:
        for f in (
            lambda x, k: [x * i for i in range(k)],
            lambda x, k: np.zeros(k) + x[0],
            lambda x, k: {k: x * 1},
            lambda x, k: (f"{k}", x * 1),
            lambda x, k: x[:k] * 2,
            lambda x, k: np.reshape(np.arange(6.0), (k, -1)) * x[0],
        ):
            c = self.follow(f, [1, 2, 1, 2, 1, 2, 1, 2], most=4)
            self.assertEqual(sorted(p.run is not None for p in c.plans)[-2:], [True, True])
            self.assertEqual(sum(c.pauses.guards.values()), 0)  # (it is compared before a plan runs)

    def test_parameters_of_functions(self) -> None:
        for f in (
            lambda x, k: GRID.sum(axis=k % 2) * x[0],
            lambda x, k: np.sum(GRID[:4], k % 2) * x[0],
            lambda x, k: np.stack([x, x * 2], axis=k % 3 - 1),
            lambda x, k: np.concatenate([GRID, GRID], axis=k % 2) * x[0],
            lambda x, k: np.tile(x, k % 3 + 1),
            lambda x, k: np.repeat(x, k % 2 + 1),
            lambda x, k: np.diff(GRID, k % 3) * x[0],
            lambda x, k: np.linalg.matrix_power(GRID[:4], k % 3) * x[0],
            lambda x, k: np.pad(x, k % 3),
            lambda x, k: np.take(GRID, [k % 2, 1], axis=k % 2) * x[0],
            lambda x, k: np.abs(np.fft.fft(x, k % 3 + 2)),
            lambda x, k: np.argmax(GRID, axis=k % 2) + x[0],
        ):
            self.follow(f, range(14), most=8)
        for f in (
            lambda x, k: np.roll(GRID, k) * x[0],
            lambda x, k: np.where(x > 1, k, x) + np.clip(x, -k, k) + np.maximum(x, k),
            lambda x, k: np.full_like(x, k) + np.take(GRID, k % 6, axis=0)[0] + np.outer(x, k)[0],
            lambda x, k: np.arange(k, k + 2) * x + np.interp(k, x, x) + np.searchsorted(np.arange(9), k),
            lambda x, k: x * divmod(k, 5)[0] + divmod(40, k + 1)[1],
            lambda x, k: GRID[[k % 6, 1]] * x[0] + GRID[np.array([k % 6, 2])],
        ):
            self.follow(f, range(14))
        generator = np.random.default_rng(0)
        c = compiled(lambda k: generator.random(k % 3 + 1) + generator.integers(0, k + 2))
        self.assertEqual([c(k).shape for k in range(9)], [(k % 3 + 1,) for k in range(9)])

    def test_branches(self) -> None:
        self.follow(lambda x, k: x * 2 if k % 3 == 0 else x / k, range(12))
        self.follow(lambda x, k: x * 2 if k > 5 else x - k, range(12))
        self.follow(lambda x, k: x * 2 if k else x, [2, 3, 4, 0, 5, 0])

    def test_numbers_in_containers(self) -> None:
        f = lambda x, k: x * k[0] + k[1][0]  # noqa: E731
        c = compiled(f)
        for i in (1, 1, 1, 1, 2, 3, 4, 5):
            given = (1.0 * i, (i, "a"))
            self.same(c(X, given), f(X, given))
        self.assertLessEqual(len(c.plans), 3)

    def test_a_stored_number_that_the_tracer_cannot_explain(self) -> None:
        hidden, s = itertools.count(), types.SimpleNamespace(n=0)

        def f(x: Any) -> Any:
            s.n = next(hidden)
            return x * 2

        c = compiled(f)
        with self.assertWarnsRegex(CompileWarning, r"s\.n is \d after one call, and \d after the next"):
            for i in range(12):
                c(X)
                self.assertEqual(s.n, i)

    def test_derivatives_of_two_orders(self) -> None:
        for dtype in (np.float32, np.float64):
            w = np.array([0.3, -0.4], dtype)
            for f in (
                wengert.grad(lambda w, k: np.sum(np.tanh(w) ** 2 / (k + 1) + w[k % 2] ** 3)),
                wengert.hessian(lambda w, k: np.sum(np.sin(w * k)) * w[k % 2]),
                wengert.grad(lambda w, k: np.sum(GRID[k, :2] * w**2) + np.sum(np.outer(w, w)[k % 2])),
            ):
                c = compiled(f)
                for k in range(6):
                    found, wanted = c(w * (1 + k), k), f(w * (1 + k), k)
                    self.assertEqual(found.dtype, wanted.dtype)
                    np.testing.assert_allclose(found, wanted, rtol=1e-5 if dtype == np.float32 else 1e-12)
                self.assertLessEqual(len(c.plans), 2)
        self.both(wengert.grad(wengert.grad(lambda r, k: np.sin(r) * k)), [(0.1 * k, k) for k in range(8)])


class PlacesTest(CompileCase):
    def test_views_at_computed_places(self) -> None:
        def chain(a: Any, k: Any) -> Any:
            return a[k][1:] * a[1:, k][0] + a[k : k + 2].T[0].sum()

        def written_through(a: Any, k: Any) -> Any:
            b = a * 1
            row = b[k]
            row[1] = 7.0
            row *= 2
            b[k, 2:] += 1
            b[k : k + 2, 0] = -b[k : k + 2, 1]
            part = b[k - 1]
            b += 1
            return b, row * 1, part + 0

        def read_after_a_write(a: Any, k: Any) -> Any:
            b = a + 0
            row = b[k]
            before = row * 1
            b[:] = 0
            return before, row + 1

        def of_a_view(a: Any, k: Any) -> Any:
            b = a * 1
            inner = b[1:, 1:]
            inner[k] = 5
            return b, inner[k - 1 : k + 1] * 2, b.T[k] * 1

        for f in (chain, written_through, read_after_a_write, of_a_view):
            for dtype in (np.float64, np.float32, np.int64):
                with self.subTest(f.__name__, dtype=dtype):
                    c = self.both(f, [(GRID.astype(dtype) + k, k % 3 + 1) for k in range(9)])
                    self.assertLessEqual(len(c.plans), 3)

    def test_views_that_leave_the_call_are_views(self) -> None:
        c = compiled(lambda a, k: (a[k], a[k][1:]))
        for k in (0, 1, 2, 3, 1, 2):
            a = GRID * 1
            row, part = c(a, k)
            row[1] = -5.0
            self.assertEqual((a[k, 1], part[0]), (-5.0, -5.0))

    def test_elements_of_arrays_as_indices(self) -> None:
        def f(a: Any, places: Any) -> Any:
            b = np.zeros(6)
            for i in places:
                b[i] += a[i, 1]
            return b, sum(a[:, i % 4].sum() for i in places), a[places[0], places[1] % 4]

        rng = np.random.default_rng(0)
        c = self.both(f, [(GRID, rng.integers(0, 6, 5)) for _ in range(8)], plans=1)
        with self.assertRaisesRegex(IndexError, "out of bounds"):
            c(GRID, np.array([0, 1, 2, 3, 17]))

    def test_arrays_that_the_function_makes(self) -> None:
        def f(x: Any, y: Any) -> Any:
            table = np.arange(12).reshape(3, 4)
            table[y] += 1
            mask = np.zeros(4, bool)
            mask[y] = True
            pair = np.array([x[0], 2.0, x[1] * x[0]])
            return table[y] * x[0], mask, pair, np.full((2,), x[1]), np.asarray(x) + np.array([x, x]), np.eye(4)[y]

        self.both(f, [(X + k, np.array([k % 3, (k + 1) % 3])) for k in range(8)], plans=1)

    def test_a_write_into_an_array_of_no_dimensions(self) -> None:
        def f(v: Any) -> Any:
            v = np.copy(v)
            np.put(v, np.array([-1, -1]), np.cos(v) * 2)
            return np.sin(v + 0.3)

        self.both(wengert.value_and_grad(f, unmodified=True), [(np.array(0.5 + k),) for k in range(5)])


class PausesTest(CompileCase):
    def test_the_plan_used_least_recently_goes(self) -> None:
        c = compiled(lambda x: x * 2)
        for n in range(1, 2 * MOST_PLANS):
            for size in (n, 1, n):
                self.same(c(np.ones(size)), np.ones(size) * 2)
        self.assertEqual(len(c.plans), MOST_PLANS)
        self.assertTrue(any(p.trace.returned.shape == (1,) for p in c.plans))

    def test_a_pause_ends(self) -> None:
        c = compiled(lambda x: x * 2)
        sizes = itertools.count(2)
        for _ in range(4):
            c(np.ones(1))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for _ in range(MOST_MISSES + 5):
                c(np.ones(next(sizes)))
            self.assertGreater(c.pauses.left, 0)
            for _ in range(FIRST_PAUSE):
                c(np.ones(next(sizes)))
        self.assertEqual([w.category for w in caught], [CompileWarning])
        for _ in range(4):
            c(np.ones(7))
        self.assertTrue(c.plans[0].confirmed and c.plans[0].run is not None)
        self.assertEqual(c.plans[0].trace.returned.shape, (7,))

    def test_plans_stay_in_a_pause(self) -> None:
        c = compiled(lambda x: x * 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CompileWarning)
            for n in range(2, MOST_MISSES + 5):
                for size in (1, 1, n):
                    c(np.ones(size))
                    if c.pauses.left:
                        break
            left = c.pauses.left
            for _ in range(20):
                self.same(c(np.ones(1)), np.full(1, 2.0))
        self.assertEqual(c.pauses.left, left)


class AdviceTest(CompileCase):
    """What a warning advises is compiled."""

    def compiles(self, f: Any, calls: Any) -> None:
        c = self.both(f, calls)
        self.assertLessEqual(len(c.plans), 3)

    def test_advice_followed(self) -> None:
        table = np.arange(12.0).reshape(3, 4)
        y = [(X * (k + 1), np.array([k % 3, (k + 1) % 3])) for k in range(20)]
        s = types.SimpleNamespace(last=0.0)

        def kept(x: Any, y: Any) -> Any:
            s.last = np.sum(x).item()
            return x * s.last

        self.compiles(kept, y)
        for f in (
            lambda x, y: table[y[0].item()] * x[0],
            lambda x, y: table[y[0]] * x[0],
            lambda x, y: x * np.sum(x).item(),
            lambda x, y: x * math.tanh(np.sum(x).item()),
            lambda x, y: np.array(np.indices((3, 4))[0])[y] * x[0],
            lambda x, y: np.stack([x[0], x[1] * 2]),
            lambda x, y: np.where(x > 3, x, -x),
        ):
            self.compiles(f, y)

    def test_messages(self) -> None:
        table = np.arange(120.0).reshape(30, 4)
        for f, pattern in (
            (lambda x, y: table[int(y)] * x[0], r"converts an array to Python numbers.*with x\.item\(\)"),
            (
                lambda x, y: [x * i for i in range((2 * y).item())],
                r"number that differs .*by Python.*few values",
            ),
        ):
            self.pauses(f, pattern, [(X, np.array(k)) for k in range(30)])


if __name__ == "__main__":
    import unittest

    unittest.main()
