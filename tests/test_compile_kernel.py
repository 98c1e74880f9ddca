"""A special kernel among the fused loops and products of a plan."""

import unittest

import numpy as np

from tests.installed import needs_llvm
from wengert.compiler.graph.build import constant, elementwise, strided
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.graph.interpreter import interpret
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.graph.verify import verify
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.passes.simplify import simplify


class RunningSum(FormKernel):
    """The cumulative sum of each row."""

    def __init__(self, rows: int, columns: int) -> None:
        self.name, self.key = "running sum", ("running sum", rows, columns)
        self.iterations, self.nanoseconds, self.columns = rows, 1e6, columns

    def build(self, b: Builder) -> None:
        x, out = b.operand(0, np.float64), b.operand(1, np.float64)
        with b.iterations() as row:
            total = b.register(np.float64, 0)
            with b.loop(0, self.columns) as i:
                total.set(total.get() + x[row * self.columns + i])
                out[row * self.columns + i] = total.get()


class TestKernel(unittest.TestCase):
    def graph(self, transposed: bool) -> Graph:
        x = Node("input", (), {"place": None}, (7, 5), np.float64)
        doubled = elementwise(np.multiply, x, constant(np.float64(2.0)))
        operand = strided(doubled, (5, 7), (1, 5)) if transposed else doubled
        rows, columns = operand.shape or ()
        sums = [kernel_node(RunningSum(rows, columns), (operand,), (rows, columns), np.float64, "") for _ in range(2)]
        return Graph([x], [elementwise(np.add, *sums)], [])

    def test_interpreted_and_merged_if_equal(self) -> None:
        x = np.arange(35.0).reshape(7, 5)
        for transposed in (False, True):
            graph = simplify(self.graph(transposed))
            verify(graph)
            self.assertEqual(sum(node.op == "kernel" for node in graph.nodes), 1)
            wanted = 4 * np.cumsum(x.T if transposed else x, axis=1)
            np.testing.assert_allclose(interpret(graph, [x])[0][0], wanted)

    @needs_llvm
    def test_native_on_one_thread_and_on_two(self) -> None:
        from wengert.compiler.targets.cpu.program import Plan

        x = np.arange(35.0).reshape(7, 5)
        for transposed in (False, True):
            for threads in (1, 2):
                plan = Plan(simplify(self.graph(transposed)), threads=threads)
                wanted = 4 * np.cumsum(x.T if transposed else x, axis=1)
                np.testing.assert_allclose(plan.run([x])[0], wanted)
                self.assertIn("running sum", str(plan))


if __name__ == "__main__":
    unittest.main()
