"""Matrix-vector products, and programs with so many operations that they are split into several kernels."""

import itertools
import unittest
from typing import Any
from unittest import mock

import numpy as np

from tests.installed import INSTALLED, needs_llvm
from wengert.compiler.capture import tape
from wengert.compiler.compiled import CompileWarning, compile
from wengert.compiler.graph.build import elementwise, matrix_product, strided, transpose
from wengert.compiler.graph.graph import Graph, Node

if INSTALLED:
    from wengert.compiler.schedule.fusion import FEW, MOST_MEMBERS, FusionGroup
    from wengert.compiler.targets.cpu.program import Plan
    from wengert.compiler.targets.llvm import blas_library


def given(place: int, shape: tuple[int, ...], dtype: Any = np.float64) -> Node:
    return Node("input", (), {"place": place}, shape, np.dtype(dtype))


@needs_llvm
class TestVectors(unittest.TestCase):
    def check(self, a: Any, b: Any, transposed: str, threads: int = 1) -> Any:
        """Compare with NumPy; `transposed` names the operands that are passed as transposes."""
        x, y = given(0, a.shape, a.dtype), given(1, b.shape, b.dtype)
        left = transpose(x, (1, 0), "") if "a" in transposed else x
        right = transpose(y, (1, 0), "") if "b" in transposed else y
        graph = Graph([x, y], [matrix_product(left, right)], [])
        plan = Plan(graph, threads=threads)
        wanted = (a.T if "a" in transposed else a) @ (b.T if "b" in transposed else b)
        found = plan.run([a, b])[0]
        tolerance = 1e-4 if a.dtype == np.float32 else 1e-11
        np.testing.assert_allclose(found, wanted, tolerance, tolerance)
        return plan

    def test_a_matrix_by_a_vector_and_a_vector_by_a_matrix(self) -> None:
        rng = np.random.default_rng(0)
        for dtype, m, k in itertools.product((np.float32, np.float64), (1, 7, 130), (1, 5, 64)):
            matrix = rng.normal(size=(m, k)).astype(dtype)
            column, row = rng.normal(size=(k, 1)).astype(dtype), rng.normal(size=(1, m)).astype(dtype)
            plan = self.check(matrix, column, "")
            self.assertIn("gemv", plan.module.text)
            self.check(matrix.T.copy(), column, "a")
            self.check(matrix, column[:, 0], "")
            self.check(row, matrix, "")
            self.check(row, matrix.T.copy(), "b")
            self.check(row[0], matrix, "")
            self.check(row[0], row[0], "")

    def test_vectors_with_strides(self) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(6, 5)), rng.normal(size=(5, 8))
        a, b = given(0, x.shape), given(1, y.shape)
        column, row = strided(b, (5, 1), (8, 1), 3), strided(a, (1, 6), (1, 5), 2)
        products = [matrix_product(a, column), matrix_product(row, a)]
        found = Plan(Graph([a, b], products, [])).run([x, y])
        np.testing.assert_allclose(found[0], x @ y[:, 3:4])
        np.testing.assert_allclose(found[1], x[:, 2:3].T @ x)

    def test_batches(self) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(4, 6, 5)), rng.normal(size=(4, 5, 1))
        a, b = given(0, x.shape), given(1, y.shape)
        transposed = transpose(a, (0, 2, 1), "")
        graph = Graph([a, b], [matrix_product(a, b), matrix_product(transpose(b, (0, 2, 1), ""), transposed)], [])
        found = Plan(graph).run([x, y])
        np.testing.assert_allclose(found[0], x @ y)
        np.testing.assert_allclose(found[1], y.transpose(0, 2, 1) @ x.transpose(0, 2, 1))

    def test_several_threads(self) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(3000, 101)), rng.normal(size=(101, 1))
        self.assertEqual(self.check(x, y, "", 2).threads, 2)
        self.check(x, rng.normal(size=(3000, 1)), "a", 2)
        self.check(rng.normal(size=(1, 3000)), x, "", 2)

    def test_old_nans_in_the_result_are_not_read(self) -> None:
        x, y = np.ones((9000, 3)), np.ones((3, 1))
        a, b = given(0, x.shape), given(1, y.shape)
        plan = Plan(Graph([a, b], [matrix_product(a, b)], []))
        for value in (np.nan, 1.0, np.inf, 1.0):  # (the array of the result is reused)
            y[0] = value
            np.testing.assert_array_equal(plan.run([x, y])[0], np.full((9000, 1), value + 2))

    def test_integers_are_widened(self) -> None:
        for name, (count, integers) in blas_library.FUNCTIONS.items():
            text = blas_library.widening(name)
            self.assertEqual(text.count("sext i32"), len(integers))
            self.assertIn(f"ptr %p{count - 1})", text)


@needs_llvm
class TestLength(unittest.TestCase):
    def test_many_operations_are_several_kernels(self) -> None:
        for size in (1, FEW):
            x = np.linspace(0.1, 0.2, size)
            a = given(0, x.shape)
            y, wanted = a, x
            kept, values = [], []
            for i in range(MOST_MEMBERS):
                y, wanted = elementwise(np.sin, y), np.sin(wanted)
                y, wanted = elementwise(np.add, elementwise(np.multiply, y, a), y), wanted * x + wanted
                if i % 4 == 0:
                    kept.append(y)
                    values.append(wanted)
            for z, value in zip(reversed(kept), reversed(values), strict=True):  # (as a backward pass would)
                y, wanted = elementwise(np.multiply, elementwise(np.add, y, z), 0.5), (wanted + value) * 0.5
            plan = Plan(Graph([a], [y], []))
            loops = [step for step in plan.memory.steps if isinstance(step, FusionGroup)]
            self.assertGreater(len(loops), 2)
            self.assertLessEqual(max(len(step.members) for step in loops), MOST_MEMBERS)
            np.testing.assert_allclose(plan.run([x])[0], wanted, 1e-9)

    def test_more_than_can_be_compiled_in_reasonable_time(self) -> None:
        def chain(x: Any) -> Any:
            y = x
            for _ in range(60):
                y = y * x
            return y

        step, x = compile(chain), np.full(3, 0.99)
        with (
            mock.patch.object(tape, "MOST_VALUES", 50),
            self.assertWarnsRegex(CompileWarning, "more than 50 values.*compile one part of it"),
        ):
            for _ in range(3):
                np.testing.assert_array_equal(step(x), chain(x))
        self.assertIsNotNone(step.given_up)
        np.testing.assert_array_equal(step(x), chain(x))


if __name__ == "__main__":
    unittest.main()
