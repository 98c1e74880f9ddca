"""Assignments by indices of every kind: values, errors and derivatives, beside NumPy and a loop over positions."""

from __future__ import annotations

import unittest
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import wengert
from tests.writing_indices import AUGMENTED, INDICES, OVERLAPS, REFUSED, VIEWS, Assignment, value_shapes
from wengert import Variable


def arrays(shape: tuple[int, ...], values: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return an array, values, and the weights of the result."""
    rng = np.random.default_rng(5)
    return rng.uniform(0.5, 1.5, shape), rng.uniform(2.0, 3.0, values), rng.uniform(1.0, 2.0, shape)


def assign(a: Any, index: Any, v: Any, kind: str) -> None:
    """Do it as Python does: an augmented assignment reads, computes in place, and writes."""
    a[index] = v if kind == "=" else AUGMENTED[kind](a[index], v)


def flat_positions(shape: tuple[int, ...], index: Any, values: tuple[int, ...]) -> tuple[Any, Any]:
    """Return the positions that an index selects, and those of the values that go there."""
    selected = np.asarray(np.arange(int(np.prod(shape))).reshape(shape)[index])
    of_values = np.arange(int(np.prod(values))).reshape(values)
    while of_values.ndim > selected.ndim:
        of_values = of_values[0]
    return selected.ravel(), np.broadcast_to(of_values, selected.shape).ravel()


def is_mask(index: Any, dimensions: int) -> bool:
    """Whether an index is one mask for all axes: NumPy takes no values of more dimensions than one there."""
    index = index[0] if isinstance(index, tuple) and len(index) == 1 else index
    index = np.asarray(index) if isinstance(index, (list, bool, np.bool_)) else index
    return isinstance(index, np.ndarray) and index.dtype == bool and index.ndim == dimensions


def cases() -> Iterator[tuple[tuple[int, ...], Any, tuple[int, ...], str]]:
    for shape, index in INDICES:
        selected = np.asarray(np.empty(shape)[index]).shape
        for values in value_shapes(selected):
            yield shape, index, values, "="
        if selected and not is_mask(index, len(shape)):
            yield shape, index, (1, *selected), "="
        for kind in AUGMENTED:
            yield shape, index, selected, kind
            yield shape, index, (), kind


class IndexCase(unittest.TestCase):
    def compare(self, write: Callable[[Any, Any], Any], rule: Assignment, a: Any, v: Any, w: Any) -> None:
        """Compare a function that writes with NumPy and the rule; `a` is not changed by a derivative of it."""
        kept = a.copy(), v.copy()

        def loss(a: Any, v: Any) -> Any:
            write(a, v)
            return np.sum(w * a * (1.0 + 0.1 * a))

        expected = rule.result(a.ravel(), v.ravel())
        slopes = w.ravel() * (1.0 + 0.2 * expected)
        gradients = rule.pulled(a.ravel(), v.ravel(), slopes)
        value, found = wengert.value_and_grad(loss, (0, 1))(a, v)
        np.testing.assert_allclose(value, np.sum(w.ravel() * expected * (1.0 + 0.1 * expected)), rtol=1e-13)
        for each, x, right in zip(found, (a, v), gradients, strict=True):
            self.assertEqual(np.shape(each), x.shape)
            np.testing.assert_allclose(np.ravel(each), right, rtol=1e-12, atol=1e-12)
        for x, before in zip((a, v), kept, strict=True):
            np.testing.assert_array_equal(x, before)

    def compare_numpy(self, write: Callable[[Any, Any], Any], rule: Assignment, a: Any, v: Any) -> None:
        """Hold the rule to what NumPy does."""
        written = a.copy()
        write(written, v)
        np.testing.assert_array_equal(written.ravel(), rule.result(a.ravel(), v.ravel()))


class AssignmentTest(IndexCase):
    def test_the_rule_is_numpys(self) -> None:
        for shape, index, values, kind in cases():
            with self.subTest(shape=shape, index=index, values=values, kind=kind):
                a, v, _ = arrays(shape, values)
                rule = Assignment(*flat_positions(shape, index, values), kind)
                self.compare_numpy(lambda a, v, index=index, kind=kind: assign(a, index, v, kind), rule, a, v)

    def test_the_derivatives_of_the_rule(self) -> None:
        for shape, index, values, kind in cases():
            with self.subTest(shape=shape, index=index, values=values, kind=kind):
                a, v, w = (x.ravel() for x in arrays(shape, values))
                rule = Assignment(*flat_positions(shape, index, values), kind)
                da, dv = np.cos(3 * a), np.sin(5 * v)
                tangent = rule.tangent(a, v, da, dv)
                ends = [rule.result(a + t * da, v + t * dv) for t in (1e-3, -1e-3)]
                np.testing.assert_allclose((ends[0] - ends[1]) / 2e-3, tangent, rtol=1e-10, atol=1e-10)
                ga, gv = rule.pulled(a, v, w)
                np.testing.assert_allclose(ga @ da + gv @ dv, w @ tangent, rtol=1e-12, atol=1e-12)

    def test_values_and_gradients(self) -> None:
        for shape, index, values, kind in cases():
            with self.subTest(shape=shape, index=index, values=values, kind=kind):
                rule = Assignment(*flat_positions(shape, index, values), kind)
                self.compare(
                    lambda a, v, index=index, kind=kind: assign(a, index, v, kind), rule, *arrays(shape, values)
                )

    def test_second_order(self) -> None:
        for shape, index, values, kind in cases():
            if kind not in ("=", "*=") or values == ():
                continue
            with self.subTest(shape=shape, index=index, values=values, kind=kind):
                a, v, w = arrays(shape, values)
                da, dv = np.cos(a), np.sin(v)
                rule = Assignment(*flat_positions(shape, index, values), kind)

                def loss(a: Any, v: Any, index: Any = index, kind: str = kind, w: Any = w) -> Any:
                    assign(a, index, v, kind)
                    return np.sum(w * a * (1.0 + 0.1 * a))

                found = wengert.hvp(loss, [a, v], [da, dv])

                def gradients(t: float, a: Any = a, v: Any = v, d: Any = (da, dv), rule: Any = rule, w: Any = w) -> Any:
                    x, y = (a + t * d[0]).ravel(), (v + t * d[1]).ravel()
                    return rule.pulled(x, y, w.ravel() * (1.0 + 0.2 * rule.result(x, y)))

                for each, up, down in zip(found, gradients(1e-4), gradients(-1e-4), strict=True):
                    np.testing.assert_allclose(np.ravel(each), (up - down) / 2e-4, rtol=1e-6, atol=1e-7)

    def test_compiled(self) -> None:
        for shape, index in INDICES:
            selected = np.asarray(np.empty(shape)[index]).shape
            for kind in ("=", "+="):
                with self.subTest(shape=shape, index=index, kind=kind):
                    a, v, w = arrays(shape, selected)

                    def loss(a: Any, v: Any, index: Any = index, kind: str = kind, w: Any = w) -> Any:
                        assign(a, index, v, kind)
                        return np.sum(w * a * (1.0 + 0.1 * a))

                    rule = Assignment(*flat_positions(shape, index, selected), kind)
                    step = wengert.compile(wengert.value_and_grad(loss, (0, 1)))
                    for x in (a, np.array(a + 1.0)):
                        expected = rule.result(x.ravel(), v.ravel())
                        value, found = step(x, v)
                        np.testing.assert_allclose(
                            value, np.sum(w.ravel() * expected * (1.0 + 0.1 * expected)), rtol=1e-12
                        )
                        right = rule.pulled(x.ravel(), v.ravel(), w.ravel() * (1.0 + 0.2 * expected))
                        for each, gradient in zip(found, right, strict=True):
                            np.testing.assert_allclose(np.ravel(each), gradient, rtol=1e-12, atol=1e-12)

    def test_a_plain_value_and_a_plain_array(self) -> None:
        for shape, index in INDICES:
            selected = np.asarray(np.empty(shape)[index]).shape
            with self.subTest(shape=shape, index=index):
                a, v, w = arrays(shape, selected)
                rule = Assignment(*flat_positions(shape, index, selected))
                slopes = w.ravel() * (1.0 + 0.2 * rule.result(a.ravel(), v.ravel()))
                ga, gv = rule.pulled(a.ravel(), v.ravel(), slopes)

                def into_plain(v: Any, a: Any = a, index: Any = index, w: Any = w) -> Any:
                    out = np.array(a, like=v)
                    out[index] = v
                    return np.sum(w * out * (1.0 + 0.1 * out))

                def of_plain(a: Any, v: Any = v, index: Any = index, w: Any = w) -> Any:
                    a[index] = v
                    return np.sum(w * a * (1.0 + 0.1 * a))

                np.testing.assert_allclose(np.ravel(wengert.grad(into_plain)(v)), gv, rtol=1e-12, atol=1e-12)
                np.testing.assert_allclose(np.ravel(wengert.grad(of_plain)(a)), ga, rtol=1e-12, atol=1e-12)

    def test_single_precision(self) -> None:
        for index in (1, np.s_[1:], [0, 2, 2], mask := np.array([True, False, True, True])):
            for first, second in (("f4", "f8"), ("f8", "f4"), ("f4", "f4"), ("f4", "i8")):
                with self.subTest(index=index, first=first, second=second):
                    a, v, w = arrays((4,), np.empty(4)[index].shape)
                    a, v = a.astype(first), (10 * v).astype(second)

                    def write(a: Any, v: Any, index: Any = index) -> Any:
                        a[index] = v
                        return a

                    def loss(a: Any, v: Any = v, w: Any = w) -> Any:
                        return np.sum(w * write(a, v))

                    expected = write(a.copy(), v)
                    seen = write(Variable(a) * 1, v)
                    self.assertEqual(seen.dtype, expected.dtype)
                    np.testing.assert_array_equal(seen.data, expected)
                    if second != "i8":
                        ga, gv = wengert.grad(loss, (0, 1))(a, v)
                        self.assertEqual((ga.dtype, gv.dtype), (a.dtype, v.dtype))
        self.assertEqual(mask.sum(), 3)


class OverlapTest(IndexCase):
    def test_source_and_target_in_one_array(self) -> None:
        for shape, source, target in OVERLAPS:
            for kind in ("=", *AUGMENTED):
                with self.subTest(shape=shape, source=source, target=target, kind=kind):
                    a, _, w = arrays(shape, ())
                    positions = np.arange(a.size).reshape(shape)
                    to = positions[target]
                    rule = Assignment(np.ravel(to), np.ravel(np.broadcast_to(positions[source], np.shape(to))), kind)

                    def write(a: Any, source: Any = source, target: Any = target, kind: str = kind) -> Any:
                        assign(a, target, a[source], kind)
                        return a

                    expected = rule.result(a.ravel(), a.ravel())
                    np.testing.assert_array_equal(write(a.copy()).ravel(), expected)
                    found = wengert.grad(lambda a, w=w, write=write: np.sum(w * write(a) * (1.0 + 0.1 * a)))(a)
                    parts = rule.pulled(a.ravel(), a.ravel(), w.ravel() * (1.0 + 0.2 * expected))
                    np.testing.assert_allclose(np.ravel(found), parts[0] + parts[1], rtol=1e-12, atol=1e-12)

    def test_a_mask_over_its_own_source(self) -> None:
        """NumPy reads elements here that it has just written: whichever is done, value and gradient say the same."""
        a, w = np.arange(1.0, 7.0), np.arange(2.0, 8.0)

        def loss(a: Any) -> Any:
            a[np.array([False, True, False, False, False, True])] = a[:2]
            return np.sum(w * a)

        for f in (wengert.value_and_grad(loss), wengert.compile(wengert.value_and_grad(loss))):
            for _ in range(2):
                value, gradient = f(a)
                self.assertAlmostEqual(float(value), float(np.sum(gradient * a)))  # it is linear

    def test_writing_into_views_and_copies(self) -> None:
        for name, view in VIEWS.items():
            base = np.arange(12.0).reshape(4, 3)
            shared = np.shares_memory(view(base), base)
            positions = view(np.arange(12).reshape(4, 3))
            for index in (..., 0, slice(None, None, -1), [0, 0, -1], slice(1, None)):
                if positions.ndim == 0 and index is not ...:
                    continue
                with self.subTest(view=name, index=index):
                    targets = np.asarray(positions[index])
                    a, v, w = arrays((4, 3), targets.shape)
                    rule = Assignment(*((targets.ravel(), range(targets.size)) if shared else ((), ())))

                    def write(a: Any, v: Any, view: Any = view, index: Any = index) -> None:
                        view(a)[index] = v

                    self.compare_numpy(write, rule, a, v)
                    self.compare(write, rule, a, v, w)

    def test_a_view_made_before_shows_what_is_written_to_the_array(self) -> None:
        for name, view in VIEWS.items():
            for index, value in ((..., ()), (1, (3,)), ((slice(None), 1), (4,)), ([0, 0], (2, 3))):
                with self.subTest(view=name, index=index):
                    a, v, _ = arrays((4, 3), value)

                    def loss(a: Any, v: Any, view: Any = view, index: Any = index) -> Any:
                        seen = view(a)
                        a[index] = v
                        return np.sum(np.cos(np.arange(seen.size).reshape(seen.shape)) * seen * seen)

                    value_, (ga, gv) = wengert.value_and_grad(loss, (0, 1))(a, v)
                    np.testing.assert_allclose(value_, loss(a.copy(), v), rtol=1e-13)
                    for x, g, at in ((a, ga, 0), (v, gv, 1)):
                        d = np.cos(7 * np.arange(x.size).reshape(x.shape))
                        ends = [
                            loss(*(y.copy() + (t * d if i == at else 0) for i, y in enumerate((a, v)))) for t in (1, -1)
                        ]
                        np.testing.assert_allclose(np.sum(g * d), (ends[0] - ends[1]) / 2, rtol=1e-11, atol=1e-11)


class RefusedTest(IndexCase):
    def test_errors_are_numpys_and_nothing_has_changed(self) -> None:
        for shape, index, values, error in REFUSED:
            with self.subTest(shape=shape, index=index, values=values):
                a, v, w = arrays(shape, values)
                with self.assertRaises(error):
                    a.copy()[index] = v

                def loss(a: Any, v: Any, index: Any = index, error: Any = error, w: Any = w) -> Any:
                    a *= 1.0
                    with self.assertRaises(error):
                        a[index] = v
                    return np.sum(w * a * (1.0 + 0.1 * a)) + np.sum(v) * 0.0

                value, (ga, gv) = wengert.value_and_grad(loss, (0, 1))(a, v)
                np.testing.assert_allclose(value, np.sum(w * a * (1.0 + 0.1 * a)), rtol=1e-13)
                np.testing.assert_allclose(ga, w * (1.0 + 0.2 * a), rtol=1e-13)
                np.testing.assert_array_equal(gv, np.zeros(values))

    def test_views_that_numpy_protects(self) -> None:
        for name, view in {
            "np.broadcast_to": lambda x: np.broadcast_to(x, (2, 3, 3)),
            "np.diagonal": np.diagonal,
            "diagonal": lambda x: x.diagonal(),
        }.items():
            with self.subTest(view=name):
                with self.assertRaisesRegex(ValueError, "read-only"):
                    view(np.ones((3, 3)))[0] = 1.0

                def loss(a: Any, view: Any = view) -> Any:
                    with self.assertRaisesRegex(ValueError, "read-only"):
                        view(a)[0] = 2.0
                    return np.sum(a * a)

                np.testing.assert_array_equal(wengert.grad(loss)(np.ones((3, 3))), np.full((3, 3), 2.0))

    def test_a_complex_number_into_a_real_array(self) -> None:
        with self.assertRaises(TypeError):
            np.zeros(3)[0] = 1j

        def loss(a: Any) -> Any:
            with self.assertRaises(TypeError):
                a[0] = 1j
            return np.sum(a)

        np.testing.assert_array_equal(wengert.grad(loss)(np.ones(3)), np.ones(3))


class ManyTest(unittest.TestCase):
    """Several targets and values in one statement."""

    def grad(self, f: Callable[[Any], Any], expected: Any) -> None:
        x = np.array([1.0, 2.0, 3.0])
        np.testing.assert_allclose(wengert.grad(f)(x), expected, rtol=1e-13)
        np.testing.assert_allclose(wengert.compile(wengert.grad(f))(x), expected, rtol=1e-13)

    def test_exchange(self) -> None:
        def f(x: Any) -> Any:
            x[0], x[1] = x[1], x[0]
            return np.sum(np.array([1.0, 10.0, 100.0]) * x)

        self.grad(f, [10.0, 1.0, 100.0])

    def test_exchange_of_views_overwrites(self) -> None:
        def f(x: Any) -> Any:
            x[:1], x[1:2] = x[1:2], x[:1]  # as in NumPy: the second reads what the first wrote
            return np.sum(np.array([1.0, 10.0, 100.0]) * x)

        self.grad(f, [0.0, 11.0, 100.0])

    def test_one_value_for_two_targets(self) -> None:
        def f(x: Any) -> Any:
            out = np.zeros(4, like=x)
            out[0] = out[2:] = x[1]
            return np.sum(np.array([1.0, 10.0, 100.0, 1000.0]) * out)

        self.grad(f, [0.0, 1101.0, 0.0])

    def test_lists_of_variables(self) -> None:
        def f(x: Any) -> Any:
            out = np.zeros((2, 2), like=x)
            out[0] = [x[0], x[1] * x[1]]
            out[:, 1] = (x[2], 5.0)
            return np.sum(np.array([[1.0, 10.0], [100.0, 1000.0]]) * out)

        self.grad(f, [1.0, 0.0, 10.0])

    def test_elements_are_scalars(self) -> None:
        def f(x: Any) -> Any:
            first = x[0]
            first += x[1]  # an element is a scalar: x stays
            row = x[1:2]
            row += 1.0 * first  # a slice is a view
            return np.sum(np.array([1.0, 10.0, 100.0]) * x)

        self.grad(f, [11.0, 20.0, 100.0])
