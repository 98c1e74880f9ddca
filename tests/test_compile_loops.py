"""Loops of plans: what is computed in one sweep, in which dtype, and how often memory is gone through."""

import importlib.util
import unittest
from typing import Any

import numpy as np

from wengert.compiler.build import elementwise, fit, matrix_product, reduction, select, transpose
from wengert.compiler.compiled import compile
from wengert.compiler.graph import Graph, Node
from wengert.compiler.interpreter import interpret
from wengert.compiler.runner import interpreted

INSTALLED = all(importlib.util.find_spec(name) is not None for name in ("llvmlite", "scipy"))
needs_llvm = unittest.skipUnless(INSTALLED, "needs llvmlite and scipy: pip install wengert[compile]")
if INSTALLED:
    from wengert.compiler.fusion import Loops
    from wengert.compiler.plan import Plan

F4 = np.dtype(np.float32)


def given(place: int, shape: tuple[int, ...], dtype: Any = F4) -> Node:
    return Node("input", (), {"place": place}, shape, dtype)


def loops_of(plan: Any) -> list[Any]:
    """The steps of a plan that are loops over more than one element."""
    return [step for step in plan.memory.steps if isinstance(step, Loops) and step.size > 1]


def check(test: unittest.TestCase, graph: Graph, arrays: list[Any], threads: int = 1, rtol: float = 1e-5) -> Any:
    """Compare a plan with the interpreter, results and what is assigned; return the plan."""
    graph.verify()
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
    """Python numbers take the dtype of the arrays that they meet, also those that are computed from others."""

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
class TestSweeps(unittest.TestCase):
    def test_assignments_that_share_values_are_one_sweep(self) -> None:
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

    def test_a_product_of_which_the_transpose_is_wanted(self) -> None:
        for shapes in (((30, 20), (20, 40)), ((3, 8, 5), (3, 5, 7))):
            a, b = (given(i, shape) for i, shape in enumerate(shapes))
            product = matrix_product(a, b)
            assert product is not None
            axes = (*range(product.ndim - 2), product.ndim - 1, product.ndim - 2)
            turned = transpose(product, axes)
            arrays = [np.random.default_rng(i).random(shape, np.float32) for i, shape in enumerate(shapes)]
            rows = fit(turned)
            plan = check(self, Graph([a, b], [rows, elementwise(np.exp, turned)], []), arrays)
            for step in loops_of(plan):  # no column is read
                for work in step.works.values():
                    for read in work.reads:
                        self.assertEqual(len(read.pattern), 1, read)
            # Both the product and its transpose: it stays as it is.
            check(self, Graph([a, b], [product, elementwise(np.exp, turned)], []), arrays)
            check(self, Graph([a, b], [turned], []), arrays)


@needs_llvm
class TestExponentials(unittest.TestCase):
    """The functions that native code calculates by itself: their last bits, and the ends of their range."""

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
        # (where long double is no wider than double, what is exact is not known so well)
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
