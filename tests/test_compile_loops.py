"""Fused loops: fusion, dtypes, rematerialization, guards, joined writes, and the accuracy of math functions."""

import functools
import unittest
from typing import Any

import numpy as np

from tests.installed import INSTALLED, needs_llvm
from wengert.compiler.compiled import compile
from wengert.compiler.graph.build import (
    convert,
    elementwise,
    matrix_product,
    reduction,
    select,
    strided,
    transpose,
    zeros,
)
from wengert.compiler.graph.graph import Graph, Node, Slot
from wengert.compiler.graph.interpreter import GuardFailed, interpret
from wengert.compiler.graph.verify import verify
from wengert.compiler.passes.simplify import simplify
from wengert.compiler.targets.cpu.runner import interpreted

if INSTALLED:
    from wengert.compiler.schedule.fusion import FusionGroup
    from wengert.compiler.targets.cpu.program import Plan

F4 = np.dtype(np.float32)


def given(place: int, shape: tuple[int, ...], dtype: Any = F4) -> Node:
    return Node("input", (), {"place": place}, shape, dtype)


def loops_of(plan: Any) -> list[Any]:
    """The fused loops of a plan over more than one element."""
    return [step for step in plan.memory.steps if isinstance(step, FusionGroup) and step.size > 1]


def check(test: unittest.TestCase, graph: Graph, arrays: list[Any], threads: int = 1, rtol: float = 1e-5) -> Any:
    """Compare the results and assignments of a plan with the interpreter; return the plan."""
    verify(graph)
    wanted, assigned = interpret(graph, [np.array(a) for a in arrays])
    plan = Plan(graph, threads=threads)
    arrays = [np.array(a) for a in arrays]
    found = plan.run(arrays)
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_allclose(b, a, rtol, rtol)
    for (node, _), value in zip(graph.assignments, assigned, strict=True):
        np.testing.assert_allclose(arrays[graph.inputs.index(node)], value, rtol, rtol)
    return plan


class TestNumbers(unittest.TestCase):
    """Python numbers are weakly typed, also those that are computed from others."""

    def compare(self, runner: Any) -> None:
        def function(x: Any, b: float) -> Any:
            out = np.empty_like(x)
            np.multiply(x, 1 - b, out=out)
            return out + x * (b * 3) / (b + 1)

        step = compile(function, runner=runner)
        x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
        for b in (0.1, 0.1, 0.1, 0.3):
            np.testing.assert_array_equal(step(x, b), function(x, b))

    def test_computed_numbers_stay_weak(self) -> None:
        self.compare(interpreted)

    @needs_llvm
    def test_computed_numbers_stay_weak_in_native_code(self) -> None:
        kinds: set[Any] = set()

        def runner(graph: Graph) -> Any:
            kinds.update(node.dtype for node in graph if node.shape == (1000,))
            return Plan(graph).run

        def function(x: Any, b: float) -> Any:
            return x * (1 - b) + x * (b * 3)

        step = compile(function, runner=runner)
        x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
        for b in (0.1, 0.1, 0.1, 0.3):
            np.testing.assert_allclose(step(x, b), function(x, b), 1e-6)
        self.assertEqual(kinds, {F4})


@needs_llvm
class TestFusion(unittest.TestCase):
    def test_assignments_with_common_values_are_fused(self) -> None:
        shape = (40, 500)
        p, g, mean, square = (given(i, shape) for i in range(4))
        new_mean = elementwise(np.add, elementwise(np.multiply, mean, 0.9), elementwise(np.multiply, g, 0.1))
        squared = elementwise(np.multiply, elementwise(np.multiply, g, g), 0.01)
        new_square = elementwise(np.add, elementwise(np.multiply, square, 0.99), squared)
        step = elementwise(np.true_divide, new_mean, elementwise(np.add, elementwise(np.sqrt, new_square), 1e-8))
        new_p = elementwise(np.subtract, p, elementwise(np.multiply, step, 0.001))
        for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
            pairs = [(mean, new_mean), (square, new_square), (p, new_p)]
            graph = Graph([p, g, mean, square], [], [pairs[i] for i in order])
            arrays = [np.random.default_rng(i).random(shape, np.float32) for i in range(4)]
            plan = check(self, graph, arrays)
            self.assertEqual(len(loops_of(plan)), 1, str(plan))

    def test_a_product_of_which_the_transpose_is_used(self) -> None:
        for shapes in (((30, 20), (20, 40)), ((3, 8, 5), (3, 5, 7))):
            a, b = (given(i, shape) for i, shape in enumerate(shapes))
            product = matrix_product(a, b)
            assert product is not None
            axes = (*range(product.ndim - 2), product.ndim - 1, product.ndim - 2)
            transposed = transpose(product, axes)
            arrays = [np.random.default_rng(i).random(shape, np.float32) for i, shape in enumerate(shapes)]
            rows = convert(transposed)
            plan = check(self, Graph([a, b], [rows, elementwise(np.exp, transposed)], []), arrays)
            for step in loops_of(plan):  # no column is read
                for access in step.accesses.values():
                    for read in access.reads:
                        self.assertEqual(len(read.pattern), 1, read)
            # Both the product and its transpose are used: the product is not rewritten.
            check(self, Graph([a, b], [product, elementwise(np.exp, transposed)], []), arrays)
            check(self, Graph([a, b], [transposed], []), arrays)


@needs_llvm
class TestRematerialization(unittest.TestCase):
    """Values that are cheaper to recompute than to store are computed in both steps that use them."""

    def forward_and_backward(self, rows: int = 64) -> tuple[Graph, list[Any]]:
        a, w, bias, other = given(0, (rows, 40)), given(1, (40, 256)), given(2, (256,)), given(3, (256, 30))
        product = matrix_product(a, w)
        assert product is not None
        x = elementwise(np.add, product, bias)
        cube = elementwise(np.multiply, elementwise(np.multiply, x, x), x)
        t = elementwise(np.tanh, elementwise(np.add, x, elementwise(np.multiply, cube, 0.044715)))
        y = elementwise(np.multiply, x, elementwise(np.add, t, 1))
        z = matrix_product(y, other)
        assert z is not None
        g = matrix_product(elementwise(np.square, z), transpose(other, (1, 0)))
        assert g is not None
        slope = elementwise(np.multiply, x, elementwise(np.subtract, 1, elementwise(np.square, t)))
        g = elementwise(np.multiply, g, elementwise(np.add, elementwise(np.add, t, 1), slope))
        weights = matrix_product(transpose(a, (1, 0)), g)
        assert weights is not None
        arrays = [
            np.random.default_rng(i).normal(size=n.shape).astype(F4) / 8 for i, n in enumerate((a, w, bias, other))
        ]
        return Graph([a, w, bias, other], [weights, reduction(np.add, z)], []), arrays

    def test_only_expensive_values_are_stored(self) -> None:
        graph, arrays = self.forward_and_backward()
        plan = check(self, graph, arrays, rtol=1e-4)
        kept = [n for n in plan.memory.stored if n.size == 64 * 256]
        names = sorted(n.settings["ufunc"].__name__ for n in kept)
        self.assertEqual(names, ["multiply", "multiply", "tanh"])  # the operands of products, and tanh
        check(self, graph, arrays, threads=2, rtol=1e-4)

    def test_small_values_are_stored(self) -> None:
        graph, arrays = self.forward_and_backward(rows=3)
        plan = check(self, graph, arrays, rtol=1e-4)
        self.assertGreater(len([n for n in plan.memory.stored if n.size == 3 * 256]), 3)

    def test_values_that_are_compared_with_their_maximum_are_stored(self) -> None:
        # If a value were recomputed and rounded differently, no element might equal the maximum.
        a, w = given(0, (64, 40)), given(1, (40, 256))
        product = matrix_product(a, w)
        assert product is not None
        x = elementwise(np.add, elementwise(np.multiply, product, 1.1), elementwise(np.multiply, product, product))
        largest = reduction(np.maximum, x, 1, True)
        back = matrix_product(transpose(elementwise(np.multiply, x, largest), (1, 0)), a)
        assert back is not None
        where = elementwise(np.equal, x, elementwise(np.maximum, largest, -1e30))
        scaled = elementwise(np.multiply, where, reduction(np.maximum, back))
        arrays = [np.random.default_rng(i).normal(size=n.shape).astype(F4) for i, n in enumerate((a, w))]
        plan = check(self, Graph([a, w], [scaled], []), arrays)
        self.assertTrue(any(n.op == "elementwise" and n.settings["ufunc"] is np.add for n in plan.memory.stored))

    def test_values_that_are_updated_in_place_are_not_read_again(self) -> None:
        a, b = given(0, (64, 256)), given(1, (64, 256))
        x = elementwise(np.multiply, a, 3.0)
        y = elementwise(np.add, x, b)
        first = matrix_product(transpose(y, (1, 0)), y)
        assert first is not None
        z = elementwise(np.subtract, y, reduction(np.add, first))
        arrays = [np.random.default_rng(i).normal(size=(64, 256)).astype(F4) for i in range(2)]
        check(self, Graph([a, b], [z], [(a, elementwise(np.exp, b)), (b, z)]), arrays, rtol=1e-4)


@needs_llvm
class TestGuards(unittest.TestCase):
    def finite(self, x: Node) -> Node:
        return Node("guard", (elementwise(np.isfinite, reduction(np.add, x)),), {"value": True})

    def test_guards_of_finite_sums_are_deferred_and_fused(self) -> None:
        x, p = given(0, (200, 60)), given(1, (200, 60))
        y = elementwise(np.multiply, x, 3)
        z = elementwise(np.exp, elementwise(np.subtract, y, reduction(np.maximum, y, 1, True)))
        z = elementwise(np.true_divide, z, reduction(np.add, z, 1, True))
        graph = Graph([x, p], [z], [(p, elementwise(np.add, p, z))], [self.finite(y), self.finite(z)])
        arrays = [np.random.default_rng(i).normal(size=(200, 60)).astype(F4) for i in range(2)]
        for threads in (1, 2):
            plan = check(self, graph, arrays, threads)
            # (assignments come after all guards)
            self.assertLessEqual(len([s for s in loops_of(plan) if s.size == 12000]), 2, str(plan))
            arrays[0][30, 7] = np.inf
            given_arrays = [np.array(a) for a in arrays]
            with self.assertRaises(GuardFailed):
                plan.run(given_arrays)
            np.testing.assert_array_equal(given_arrays[1], arrays[1])
            arrays[0][30, 7] = 1.0

    def test_no_guard_is_deferred_past_a_call_of_python(self) -> None:
        def picky(array: Any) -> Any:
            if not np.isfinite(array).all():
                raise FloatingPointError("an infinity came through")
            return array * 2

        x = given(0, (50, 60))
        y = elementwise(np.multiply, x, 3)
        call = Node("call", (y,), {"function": picky, "arguments": (Slot(0),), "keywords": {}}, (50, 60), F4)
        graph = Graph([x], [elementwise(np.add, call, 1)], [], [self.finite(y)])
        array = np.random.default_rng(0).normal(size=(50, 60)).astype(F4)
        plan = check(self, graph, [array])
        array[3, 4] = np.inf
        with self.assertRaises(GuardFailed):
            plan.run([array])

    def test_equal_guards_are_one(self) -> None:
        x = given(0, (5,))
        graph = simplify(Graph([x], [], [], [self.finite(x), self.finite(x), self.finite(elementwise(np.negative, x))]))
        self.assertEqual([n.op for n in graph].count("guard"), 2)


def placed(into: Node, value: Node, offset: int, strides: tuple[int, ...]) -> Node:
    """An array with a value written into some of its elements."""
    settings = {"offset": offset, "shape": value.shape, "strides": strides}
    return Node("update", (into, value), settings, into.shape, into.dtype)


@needs_llvm
class TestWrites(unittest.TestCase):
    """Sums of arrays of zeros with a part written, and arrays that are written part by part."""

    def thirds(self, offsets: tuple[int, ...] = (0, 10, 20)) -> Graph:
        parts = [given(i, (7, 10)) for i in range(len(offsets))]
        nothing = zeros((7, 30), F4)
        writes = [
            placed(nothing, elementwise(np.negative, p), at, (30, 1)) for p, at in zip(parts, offsets, strict=True)
        ]
        total = writes[0]
        for w in writes[1:]:
            total = elementwise(np.add, total, w)
        return simplify(Graph(parts, [elementwise(np.exp, total), elementwise(np.true_divide, 1.0, total)], []))

    def arrays(self, count: int) -> list[Any]:
        arrays = [np.random.default_rng(i).normal(size=(7, 10)).astype(F4) for i in range(count)]
        arrays[0][0, :4] = 0.0, -0.0, np.inf, np.nan
        return arrays

    def test_parts_of_one_array(self) -> None:
        graph = self.thirds()
        with np.errstate(all="ignore"):
            plan = check(self, graph, self.arrays(3))
        self.assertNotIn("copy", [n.op for s in loops_of(plan) for n in s.members])
        writes = [n for s in loops_of(plan) for n in s.members if n.op in ("update", "assign")]
        self.assertEqual(len(writes), 3)  # and no zeros
        self.assertEqual(plan.memory.size, 7 * 30 * 4 + (-7 * 30 * 4) % 64)

    def test_parts_that_leave_gaps(self) -> None:
        with np.errstate(all="ignore"):
            check(self, self.thirds((0, 20)), self.arrays(2))
            check(self, self.thirds((20,)), self.arrays(1))

    def test_many_parts(self) -> None:
        # Added in sequence, and in a tree: each part is written once, so that the work is linear.
        x = given(0, (300, 8))
        nothing = zeros((300, 8), F4)
        sums = [placed(nothing, elementwise(np.exp, strided(x, (8,), (1,), 8 * i)), 8 * i, (1,)) for i in range(300)]
        line = functools.reduce(lambda a, b: elementwise(np.add, a, b), sums)
        halves = sums
        while len(halves) > 1:
            odd = halves[-1:] if len(halves) % 2 else []
            pairs = zip(halves[::2], halves[1::2], strict=False)
            halves = [*(elementwise(np.add, a, b) for a, b in pairs), *odd]
        array = np.random.default_rng(0).normal(size=(300, 8)).astype(F4)
        for total in (line, halves[0]):
            graph = simplify(Graph([x], [total], []))
            self.assertEqual(sum(n.op == "update" for n in graph), 300)
            np.testing.assert_array_equal(interpret(graph, [array])[0][0], np.exp(array))

    def test_a_sum_that_is_used_twice(self) -> None:
        x = given(0, (4, 8))
        nothing = zeros((4, 8), F4)
        a, b, c, d = (placed(nothing, strided(x, (8,), (1,), 8 * i), 8 * i, (1,)) for i in range(4))
        ab = elementwise(np.add, a, b)
        results = [elementwise(np.add, ab, c), elementwise(np.add, ab, d), elementwise(np.add, ab, a), ab]
        arrays = [np.random.default_rng(0).normal(size=(4, 8)).astype(F4)]
        check(self, Graph([x], results, []), arrays)
        check(self, simplify(Graph([x], results, [])), arrays)

    def test_parts_that_overlap_are_added(self) -> None:
        with np.errstate(all="ignore"):
            check(self, self.thirds((0, 5, 20)), self.arrays(3))
            check(self, self.thirds((0, 10, 0)), self.arrays(3))

    def test_an_array_that_is_read_in_between_has_its_zeros(self) -> None:
        a, b = given(0, (7, 15)), given(1, (7, 15))
        first = placed(zeros((7, 30), F4), a, 0, (30, 1))
        both = placed(first, b, 15, (30, 1))
        arrays = [np.random.default_rng(i).normal(size=(7, 15)).astype(F4) for i in range(2)]
        check(self, Graph([a, b], [elementwise(np.exp, both), elementwise(np.cos, first)], []), arrays)
        check(self, Graph([a, b], [both, first], []), arrays)
        mirrored = placed(first, strided(first, (7, 15), (30, 1), 15), 15, (30, 1))
        check(self, Graph([a, b], [elementwise(np.exp, mirrored)], []), arrays)
        backwards = placed(placed(zeros((7, 30), F4), a, 14, (30, -1)), b, 29, (30, -1))
        check(self, Graph([a, b], [elementwise(np.exp, backwards)], []), arrays)


@needs_llvm
class TestExponentials(unittest.TestCase):
    """The math functions that are inlined: their accuracy, and the ends of their range."""

    special = (0.0, -0.0, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 1e30, -1e30)
    near = (88.7, 88.8, 89.1, -87.4, -103.9, -104.1, 709.7, 709.8, -708.5, -745.1, -745.2)

    def values(self, ufunc: Any, dtype: Any, wide: float) -> tuple[Any, Any]:
        rng = np.random.default_rng(0)
        parts = [rng.uniform(-wide, wide, 20_003), rng.normal(size=5000), 1e-3 * rng.normal(size=1000)]
        x = np.concatenate([*parts, self.special, self.near]).astype(dtype)
        node = given(0, x.shape, x.dtype)
        return x, Plan(Graph([node], [elementwise(ufunc, node)], []), threads=1).run([x])[0]

    def check(self, ufunc: Any, exact: Any, dtype: Any, wide: float, bits: float) -> None:
        x, found = self.values(ufunc, dtype, wide)
        with np.errstate(all="ignore"):
            precise = exact(x.astype(np.longdouble))
            wanted = precise.astype(dtype)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
            np.testing.assert_array_equal(np.isinf(found), np.isinf(wanted))
            some = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(found)[some], np.signbit(wanted)[some])
            finite = np.isfinite(wanted)
            last = np.spacing(np.abs(wanted[finite])).astype(np.longdouble)
            off = np.abs(found[finite].astype(np.longdouble) - precise[finite]) / last
        # (where long double is no wider than double, there is no more accurate reference)
        self.assertLess(float(off.max()), bits, x[finite][np.argmax(off)])

    def test_exp(self) -> None:
        self.check(np.exp, np.exp, np.float32, 104, 1.5)
        self.check(np.exp, np.exp, np.float64, 746, 1.5)

    def test_tanh(self) -> None:
        self.check(np.tanh, np.tanh, np.float32, 12, 3.5)
        self.check(np.tanh, np.tanh, np.float64, 25, 3.5)

    def test_expit(self) -> None:
        from scipy.special import expit

        for dtype, wide in ((np.float32, 80), (np.float64, 600)):
            x, found = self.values(expit, dtype, wide)
            np.testing.assert_allclose(found, expit(x), 8 * np.finfo(dtype).eps, np.finfo(dtype).tiny)

    def test_sine_and_cosine_of_one_number(self) -> None:
        x = given(0, (), np.dtype(np.float64))
        plan = Plan(Graph([x], [elementwise(np.sin, x), elementwise(np.cos, x)], []), threads=1)
        single = Plan(Graph([x], [elementwise(np.cos, x)], []), threads=1)
        far = [0.0, -0.0, np.inf, np.nan, 1e5, -2e5, 1e300, np.pi / 4, 1e-300]
        for value in [*far, *np.random.default_rng(0).uniform(-40, 40, 200)]:
            with np.errstate(all="ignore"):
                wanted = np.sin(value), np.cos(value)
            sine, cosine = plan.run([np.array(value)])
            np.testing.assert_allclose((sine, cosine), wanted, 1e-15, 1e-16)
            if np.isfinite(value):
                self.assertEqual(np.signbit(sine), np.signbit(wanted[0]))
            np.testing.assert_array_equal(single.run([np.array(value)])[0], cosine)

    def test_sine_keeps_the_sign_of_zero(self) -> None:
        x = given(0, (40,), np.dtype(np.float64))
        array = np.where(np.arange(40) % 3 == 0, -0.0, 0.0)
        found = Plan(Graph([x], [elementwise(np.sin, x)], []), threads=1).run([array])[0]
        np.testing.assert_array_equal(np.signbit(found), np.signbit(array))

    def test_a_masked_softmax(self) -> None:
        x, mask = given(0, (50, 64)), given(1, (50, 64), np.dtype(bool))
        y = select(mask, -np.inf, x)
        e = elementwise(np.exp, elementwise(np.subtract, y, reduction(np.maximum, y, 1, True)))
        y = elementwise(np.true_divide, e, reduction(np.add, e, 1, True))
        rng = np.random.default_rng(0)
        masked = rng.random((50, 64)) < 0.5
        masked[:, 3] = False
        check(self, Graph([x, mask], [y], []), [rng.normal(size=(50, 64)).astype(np.float32), masked])


if __name__ == "__main__":
    unittest.main()
