"""Results whose length only the run knows: selections, positions, groups. Each length has a plan of its own."""

import unittest
import warnings
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

import wengert
from tests.compiled_programs import same
from tests.installed import INSTALLED
from wengert.compiler.targets.cpu.runner import interpreted, native

RUNNERS = (interpreted, native) if INSTALLED else (interpreted,)
X = np.array([0.5, -1.0, 2.0, -0.0, 3.0, -2.0])
Y = np.array([1.5, -1.0, 2.0, 0.0, -3.0, -2.0])
M = np.arange(24.0).reshape(2, 3, 4) % 5 - 2


class SizesCase(unittest.TestCase):
    def agrees(self, f: Callable[..., Any], *calls: tuple[Any, ...], plans: int | None = None) -> None:
        """Compare a compiled function with the eager one, natively without calls of Python; each call comes twice."""
        for runner in RUNNERS:
            compiled = wengert.compile(f, runner=runner)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("error", wengert.CompileWarning)
                for args in (calls[0], *calls, *calls, *calls):
                    try:
                        expected = f(*args)
                    except (ValueError, IndexError) as error:
                        with self.assertRaisesRegex(type(error), str(error)[:20]):
                            compiled(*args)
                        continue
                    same(compiled(*args), expected, f"of {args}")
            self.assertIsNone(compiled.given_up)
            self.assertTrue(any(plan.confirmed for plan in compiled.plans), "no plan was used")
            if plans is not None:
                self.assertEqual(len(compiled.plans), plans)
            if runner is native:
                self.assertEqual(compiled.plan.python_calls, (), str(compiled.plan))


class SelectionTest(SizesCase):
    def test_a_mask_selects(self) -> None:
        for dtype in "dfFDeiq?":
            x, y = X.astype(dtype), Y.astype(dtype)
            self.agrees(lambda x: x[x != 0] * 2, (x,), (y,), (0 * x,))
            self.agrees(lambda x, y: (x[y > 0], np.compress(y > 0, x), np.extract(y > 0, x)), (x, Y), (y, Y), (y, X))

    def test_the_number_of_true_elements_changes(self) -> None:
        f = lambda x: np.sum(x[x > 0] ** 2)  # noqa: E731
        self.agrees(f, (X,), (X[::-1].copy(),), plans=1)
        self.agrees(f, (X,), (Y + 1,), (-np.abs(X) - 1,), (np.abs(X) + 1,), plans=3)
        self.agrees(f, (X,), (np.full(6, np.nan),), (np.array([np.inf, -np.inf, np.nan, 1, 2, 0.0]),))

    def test_masks_of_several_axes_and_beside_slices(self) -> None:
        self.agrees(lambda m: (m[m > 0], m[m[:, :, 0] > -1], m[m[:, 0, 0] < 9]), (M,), (M + 0.5,), (M - 9,))
        self.agrees(lambda m, x: (m[:, x > 0], m[..., x > 0, :], m[:, x > 0, 1:], m[1:, x > 0]), (M, X[:3]), (M, Y[:3]))
        self.agrees(lambda m, x: (m[..., x > 0], m[:, :, x > 0], m[:, None, x[:3] > 0]), (M, X[:4]), (M, Y[:4]))
        self.agrees(lambda m: m.T[m.T > 0], (M,))

    def test_gradients(self) -> None:
        for dtype in (float, np.float32):
            x, m = X.astype(dtype), M.astype(dtype)
            self.agrees(wengert.grad(lambda x: np.sum(x[x > 0] ** 3)), (x,), (x + 1,))
            self.agrees(wengert.grad(lambda m: np.sum(np.sin(m[m > 0])) + np.sum(m[:, m[0, :, 1] > -1] ** 2)), (m,))
            self.agrees(wengert.grad(lambda x: np.sum(wengert.grad(lambda z: np.sum(z[z > 0] ** 3))(x) ** 2)), (x,))

    def test_positions(self) -> None:
        self.agrees(lambda x: (np.nonzero(x), np.flatnonzero(x), np.argwhere(x), x.nonzero()), (X,), (Y,), (0 * X,))
        self.agrees(lambda m: (np.nonzero(m > 0), np.argwhere(m), np.where(m < 0)), (M,), (M + 1,), (0 * M,))
        self.agrees(lambda m: np.compress(m[0, :, 0] > 0, m, axis=1), (M,), (M + 9,))
        self.agrees(lambda x: np.sum(x[np.flatnonzero(x > 0)] ** 2) / np.size(x), (X,))

    def test_values_are_written_where_a_mask_is_true(self) -> None:
        def assign(x: Any, y: Any) -> Any:
            new = x * 1
            new[y > 0] = np.cumsum(x[y > 0])
            return new

        for dtype in "dfDi":
            self.agrees(assign, (X.astype(dtype), Y), (X.astype(dtype), X), (X.astype(dtype), 0 * X))

        def fixed(x: Any, v: Any) -> Any:
            new = x * 1
            new[x > 0] = v
            return new

        self.agrees(fixed, (X, X[:3]), (-Y, X[:3]), (np.abs(X) + 1, X[:3]))  # (the last one raises)

        def beside_slices(m: Any, x: Any) -> Any:
            new = m * 1
            new[:, x > 0] = m[:, x > 0] ** 2
            new[m[:, :, 0] > 0] = 3 * m[m[:, :, 0] > 0]
            return new

        self.agrees(beside_slices, (M, X[:3]), (M + 1, Y[:3]), (M, -np.ones(3)))


class GroupsTest(SizesCase):
    def test_unique(self) -> None:
        for x in (np.array([3, 1, 3, 2, 1]), np.array([1.0, np.nan, 0.0, np.nan, 1.0, np.inf])):
            for dtype in (x.dtype, np.float32):
                x = x.astype(dtype)
                self.agrees(np.unique, (x,), (x[::-1].copy(),), (np.ones_like(x),))
                self.agrees(lambda x: np.unique(x, return_index=True, return_inverse=True, return_counts=True), (x,))
                self.agrees(lambda x: np.unique(x, return_inverse=True), (x,), (x[::-1].copy(),))
                self.agrees(lambda x: (np.unique(x, return_counts=True), np.unique(x, equal_nan=False)), (x,))
                self.agrees(lambda x: (*np.unique_all(x), *np.unique_counts(x), *np.unique_inverse(x)), (x,))
        self.agrees(lambda m: np.unique(m, return_inverse=True), (M,), (M[::-1].copy(),))
        self.agrees(np.unique, (np.array([5]),), (np.array([7]),))

    def test_bincount(self) -> None:
        i, w = np.array([3, 0, 3, 1]), np.array([0.5, -0.0, 2.0, 1.5])
        self.agrees(lambda i: (np.bincount(i), np.bincount(i, minlength=9)), (i,), (i[::-1].copy(),), (i + 2,))
        self.agrees(lambda i, w: (np.bincount(i, w), np.bincount(i, w, 6)), (i, w), (i, w - 1), (i * 2, w))
        self.agrees(lambda i, w: np.bincount(i, weights=w), (i.astype(np.int32), w.astype(np.float32)), (i, -0.0 * w))
        self.agrees(lambda i: np.bincount(i), (i,), (i - 1,))  # (the last one raises)
        self.agrees(wengert.grad(lambda w: np.sum(np.bincount(i, w) ** 2)), (w,), (w + 1,))


class NoElementsTest(SizesCase):
    def test_calls_without_elements_are_constants(self) -> None:
        for dtype in "dfDei?":
            x = np.zeros((0, 3), dtype)
            self.agrees(lambda x: (np.concatenate([x, x]), np.sort(x, 0), np.sum(x, 0), np.tile(x, 2)), (x,))
            self.agrees(lambda x: (np.unique(x), np.nonzero(x), x[x != 0], np.linalg.norm(x)), (x,))
        self.agrees(lambda x: (np.linalg.inv(x), np.linalg.det(x)), (np.zeros((0, 2, 2)),))
        self.agrees(wengert.grad(lambda x: np.sum(np.maximum(x, 0) ** 2)), (np.zeros((0, 3)),))
        self.agrees(wengert.grad(lambda x: np.sum(np.linalg.inv(x) * x)), (np.zeros((0, 2, 2)),))

    def test_what_raises_without_elements_raises(self) -> None:
        with self.assertRaisesRegex(ValueError, "zero-size array"):
            wengert.compile(lambda x: np.max(x))(np.zeros(0))


class SortingTest(SizesCase):
    def test_equal_elements_come_in_the_order_of_numpy(self) -> None:
        x = np.random.default_rng(0).integers(-3, 4, (3, 41))
        for dtype in "?bilBQefdFD":
            a = x.astype(dtype)
            if dtype in "efdFD":
                a[:, ::9] = np.nan
                a[1, 1::9] = -0.0
            self.agrees(lambda a: (np.argsort(a), np.argsort(a, 0), np.argsort(a, None), a.argsort(stable=True)), (a,))
            self.agrees(lambda a: (np.sort(a), np.sort(a, 0, "stable"), np.sort(a, None), np.sort(a[:, ::-2])), (a,))

    def test_in_place_and_gradients(self) -> None:
        def f(x: Any) -> Any:
            new = x * 1
            new.sort()
            return new

        self.agrees(f, (X,), (Y,))
        self.agrees(wengert.grad(lambda x: np.sum(x[np.argsort(x)] * np.arange(6.0)) + np.sum(np.sort(x) ** 3)), (X,))

    def test_an_unknown_sort_is_left_to_numpy(self) -> None:
        with mock.patch("wengert.compiler.kernels.sorting.address_of_sort", lambda *_: None):
            for runner in RUNNERS:
                compiled = wengert.compile(lambda x: (np.sort(x), np.argsort(x), np.median(x)), runner=runner)
                for _ in range(4):
                    same(compiled(X), compiled.function(X), "")
        self.assertEqual(compiled.plan.python_calls, ("sort", "argsort", "median"))


class GuardsTest(SizesCase):
    def test_values_of_arrays_decide(self) -> None:
        def f(x: Any, i: Any) -> Any:
            return [np.sum(x) * n for n in i.tolist()]

        i = np.array([2, 0])
        self.agrees(f, (X, i), (Y, i))
        self.agrees(lambda x, v: np.sum(x) * v.tolist()[0], (X, np.array([1.5, np.nan])), (Y, np.array([1.5, np.nan])))
        self.agrees(lambda x, i: x[int(i[1])] * 2, (X, i), (Y, i))
        self.agrees(lambda x: [v > 0 for v in (x > 0).tolist()], (X,), (2 * X,))

    def test_numbers_that_differ_at_each_call(self) -> None:
        for runner in RUNNERS:
            compiled = wengert.compile(lambda x, i: np.sum(x) * i.tolist()[0], runner=runner)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", wengert.CompileWarning)
                for k in range(40):
                    self.assertEqual(float(compiled(X, np.array([k // 2, 1]))), float(np.sum(X) * (k // 2)))
            self.assertLessEqual(len(compiled.plans), 16)


if __name__ == "__main__":
    unittest.main()
