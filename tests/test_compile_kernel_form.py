"""The kernel form: what is well-formed, how it is printed, and that native code computes what the interpreter does."""

import math
import unittest
from typing import Any

import numpy as np

import wengert
from tests.installed import needs_llvm
from wengert.compiler.graph.build import constant
from wengert.compiler.graph.graph import Graph, Node, VerificationError
from wengert.compiler.graph.interpreter import interpret
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.fold import folded
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.gather_scatter import gathered, scattered
from wengert.compiler.kernels.ir import BOOL, INDEX, Statement
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.ir_interpreter import interpreted
from wengert.compiler.kernels.ir_verify import verify
from wengert.compiler.kernels.row_sums import sums_of_rows
from wengert.compiler.kernels.selection import true_positions
from wengert.compiler.kernels.sorting import order_of_rows, places_among, sorted_rows

F4, F8 = np.dtype(np.float32), np.dtype(np.float64)


class Tried(FormKernel):
    """A kernel from a function that builds it."""

    def __init__(self, name: str, body: Any, iterations: int = 1, scratch: int = 0) -> None:
        self.name, self.key, self.body, self.iterations, self.scratch = name, (name, body), body, iterations, scratch

    def build(self, b: Builder) -> None:
        self.body(b)


def input_of(array: Any) -> Node:
    return Node("input", (), {"place": None}, array.shape, array.dtype)


class FormCase(unittest.TestCase):
    def check(
        self, results: list[Node], inputs: list[Node], arrays: list[Any], wanted: list[Any], tolerance: Any
    ) -> None:
        """Compare native code, on one thread and on two, with the interpreter, and both with what is wanted."""
        from wengert.compiler.targets.cpu.program import Plan

        graph = Graph(inputs, results, [])
        found = [interpret(graph, arrays)[0], *(Plan(graph, threads=n).run(arrays) for n in (1, 2))]
        for each in found:
            for a, b in zip(each, wanted, strict=True):
                self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype))
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)

    def check_kernel(self, kernel: FormKernel, arrays: list[Any], wanted: Any, tolerance: float = 0) -> None:
        inputs = [input_of(a) for a in arrays]
        node = kernel_node(kernel, tuple(inputs), wanted.shape, wanted.dtype, "")
        self.check([node], inputs, arrays, [wanted], tolerance)


@needs_llvm
class LanesTest(FormCase):
    def test_tails(self) -> None:
        for dtype in (F4, F8, np.dtype(np.int8), BOOL):
            for count in (1, 3, 8, 21, 40):
                x = (np.arange(2 * count) % 7 - 3).astype(dtype)
                for tail in ("halve", "one", "overlap"):

                    def body(b: Builder, dtype: Any = dtype, count: int = count, tail: str = tail) -> None:
                        x, out = b.operand(0, dtype), b.operand(1, dtype)
                        with b.lanes(count, 8, tail) as i:
                            out[i] = b.select(b.apply(np.equal, x[2 * i + 1], x[0]), x[i], x[2 * i])

                    with self.subTest(dtype=dtype, count=count, tail=tail):
                        wanted = np.where(x[1::2] == x[0], x[:count], x[::2])
                        self.check_kernel(Tried(f"tail {count} {tail} {dtype}", body), [x], wanted)

    def test_accumulators_and_a_length_that_is_a_value(self) -> None:
        x = np.arange(1.0, 38.0)

        def body(b: Builder) -> None:
            x, out = b.operand(0, F8), b.operand(1, F8)
            with b.iterations() as part:  # of 16, 16 and 5
                total, largest = b.accumulator(np.add, F8, 0, 8), b.accumulator(np.maximum, F8, -math.inf, 8)
                final = b.apply(np.equal, part, 2)
                with b.lanes(b.select(final, 5, 16, INDEX), 8, rest=5, final=final) as i:
                    total.add(x[part * 16 + i])
                    largest.add(x[part * 16 + i])
                out[part] = total.total() + largest.total()

        parts = np.split(x, [16, 32])
        self.check_kernel(Tried("totals", body, 3), [x], np.array([p.sum() + p.max() for p in parts]))

    def test_registers_tiles_tables_and_shuffles(self) -> None:
        x = np.random.default_rng(0).standard_normal((8, 8))

        def body(b: Builder) -> None:
            x, out = b.operand(0, F8), b.operand(1, F8)
            order = b.table(range(7, -1, -1))
            with b.vector(8) as lane:
                rows = b.transpose([x[lane + 8 * r] for r in range(8)], F8)
                local = b.local(F8, 8, wide=True)
                for r, row in enumerate(rows):
                    local[lane + 8 * r] = row
                total = b.register(F8, 0, wide=True)
                with b.loop(0, 8) as k:
                    total.set(b.fma(2.0, local.at(order[k] * 8)[lane], total.get()))
                b.interleave(out, lane * 2, [total.get(), b.select(b.lanes_below(3), rows[1], 0)])
                out[16] = b.reduce_lanes(np.add, total.get())

        total = 2 * x.sum(axis=1)
        wanted = np.stack([total, np.where(np.arange(8) < 3, x[:, 1], 0)], axis=1).ravel()
        self.check_kernel(Tried("tile", body), [x], np.append(wanted, total.sum()), 1e-13)

    def test_loads_around(self) -> None:
        x = np.arange(64.0)
        for around in (None, 0, 1):

            def body(b: Builder, around: Any = around) -> None:
                x, out = b.operand(0, F8), b.operand(1, F8)
                with b.lanes(16, 8) as i:
                    out[i] = b.load(x, 2 * i + 1, around)

            self.check_kernel(Tried(f"around {around}", body), [x], x[1:33:2])


@needs_llvm
class KindsTest(FormCase):
    def test_gather_and_scatter(self) -> None:
        rng = np.random.default_rng(1)
        for dtype in (F4, F8, INDEX, np.dtype(np.complex64)):
            for shape, axis in (((7, 5), 0), ((2, 4, 130), 1), ((6,), 0)):
                x, places = (9 * rng.standard_normal(shape)).astype(dtype), rng.integers(0, shape[axis], (4, 2))
                taken = np.take(x, places, axis)
                values = (9 * rng.standard_normal(taken.shape)).astype(dtype)
                inputs = [input_of(a) for a in (x, places, values)]
                added, written = x.copy(), x.copy()
                index = (slice(None),) * axis
                np.add.at(added, (*index, places), values)
                for place in np.ndindex(places.shape):  # (the last one stays)
                    written[(*index, places[place])] = values[(*index, *place)]
                results, wanted = [gathered(inputs[0], inputs[1], axis)], [taken]
                for adds, array in ((True, added), (False, written)):
                    node = scattered(*inputs[:2], inputs[2], axis, adds)
                    if node is not None:
                        results.append(node)
                        wanted.append(array)
                with self.subTest(dtype=dtype, shape=shape):
                    self.check(results, inputs, [x, places, values], wanted, 1e-5)

    def test_sums_of_rows_sorts_and_selections(self) -> None:
        rng = np.random.default_rng(2)
        for dtype in (F4, F8):
            places, values = rng.integers(0, 5, 9), rng.standard_normal((9, 19)).astype(dtype)
            values[0, :3] = np.nan
            mask = values[:, 0] > 0
            inputs = [input_of(a) for a in (places, values, mask)]
            sums = np.zeros((5, 19), dtype)
            np.add.at(sums, places, values)
            sums[2] = 0
            first = np.sort(values[1])
            positions, count = true_positions(inputs[2], 4)
            results = [
                *(sums_of_rows(inputs[0], inputs[1], 5, 2, ""), order_of_rows(inputs[1]), sorted_rows(inputs[1])),
                *(places_among(constant(first), inputs[1], right) for right in (False, True)),
                *(positions, count),
            ]
            found = np.zeros(4, np.int64)
            true = np.flatnonzero(mask)
            found[: len(true)] = true[:4]
            wanted = [
                *(sums, np.argsort(values, axis=-1, kind="stable"), np.sort(values, axis=-1)),
                *(np.searchsorted(first, values, side) for side in ("left", "right")),
                *(found, np.array(len(true))),
            ]
            self.check(results, inputs, [places, values, mask], wanted, 1e-5)

    def test_folds(self) -> None:
        x = np.random.default_rng(3).standard_normal((3, 4, 5))
        z = x + 1j * x[::-1]
        for array in (x, z, x.astype(F4)):
            node = input_of(array)
            results = [folded(np.multiply, node, (axis, axis + 1), keep) for axis in (0, 2) for keep in (True, False)]
            wanted = [
                np.multiply.accumulate(array, axis) if keep else np.multiply.reduce(array, axis)
                for axis in (0, 2)
                for keep in (True, False)
            ]
            self.check(results, [node], [array], wanted, 1e-6)


@needs_llvm
class FusedTest(unittest.TestCase):
    def test_the_form_of_a_fused_loop(self) -> None:
        """Its interpreter gives what the plan gives."""
        from wengert.compiler.schedule.fused_kernel import fused_kernel
        from wengert.compiler.schedule.fusion import FusionGroup
        from wengert.compiler.targets.cpu.program import Plan

        rng = np.random.default_rng(4)
        for dtype in (F4, F8):
            x, y = rng.standard_normal((6, 21)).astype(dtype), rng.standard_normal(21).astype(dtype)

            def f(x: Any, y: Any) -> Any:
                e = np.exp(x - x.max(axis=1, keepdims=True))
                return e / e.sum(axis=1, keepdims=True) * y, np.sin(x).sum(axis=0), np.cos(x * y) ** 2 + 1, e.mean()

            compiled = wengert.compile(f)
            for _ in range(4):
                results = compiled(x, y)
            plan = compiled.plans[0].run.__self__
            assert isinstance(plan, Plan)
            memory: dict[Any, Any] = {}
            outputs = dict(zip(plan.graph.results, results, strict=True))
            for node, array in zip(plan.graph.inputs, (x, y), strict=True):
                memory[node] = array.copy()

            def array_of(node: Node, memory: Any = memory) -> Any:
                return memory.setdefault(node, np.full(node.shape or (), np.nan, node.dtype))

            for step in plan.memory.steps:
                assert isinstance(step, FusionGroup)
                places: dict[Any, Any] = {}

                def address(node: Node, offset: int, places: Any = places) -> Any:
                    places[node, offset] = array_of(node).reshape(-1).view(np.uint8), offset * node.dtype.itemsize
                    return node, offset

                fused = fused_kernel(step, address, plan.memory.stored, False)
                interpreted(fused.form, [places[a] for a in fused.addresses], fused.iterations, fused.scratch)
            for node, result in outputs.items():
                tolerance = 1e-5 if dtype == F4 else 1e-12
                np.testing.assert_allclose(memory[node].reshape(result.shape), result, rtol=tolerance, atol=tolerance)

    def test_a_plan_shows_the_form_of_its_kernels(self) -> None:
        compiled = wengert.compile(lambda x, w: np.sum(np.tanh(x @ w), axis=1))
        for _ in range(4):
            compiled(np.ones((4, 3)), np.ones((3, 11)))
        text = compiled.plan.kernel("k1")
        for part in (
            "fused loop(p0, p1; first, last, thread, scratch):",
            "from first to last",
            "in 8 lanes",
            "= tanh(",
        ):
            self.assertIn(part, text)
        with self.assertRaisesRegex(
            KeyError, "k0 is code that the compiler has not made: a product calls BLAS; ask for"
        ):
            compiled.plan.kernel("k0")
        with self.assertRaisesRegex(KeyError, "the plan has no kernel 'k7'; name one of its kernels: k1"):
            compiled.plan.kernel("k7")


class VerifyTest(unittest.TestCase):
    def refused(self, message: str, body: Any) -> None:
        b = Builder("bad")
        body(b)
        with self.assertRaisesRegex(VerificationError, f"the kernel bad is not well-formed: {message}"):
            verify(b.form())

    def test_what_is_not_well_formed(self) -> None:
        def early(b: Builder) -> None:
            with b.loop(0, 3) as i:
                x = b.operand(0, F8)[i]
            b.operand(1, F8)[0] = x

        def escapes(b: Builder) -> None:
            with b.lanes(8, 8) as i:
                place = b.place()
                x = b.operand(0, F8)[i]
            place.clear()
            b.block.append(Statement("store", (b.operand(1, F8), 0, x)))

        def inside(b: Builder) -> None:
            with b.lanes(8, 8), b.lanes(8, 8):
                pass

        def narrow(b: Builder) -> None:
            with b.lanes(8, 8) as i:
                b.operand(1, F8)[0] = b.operand(0, F8)[i]

        def scalar(b: Builder) -> None:
            total = b.register(F8, 0)
            with b.lanes(8, 8) as i:
                total.set(b.operand(0, F8)[i])

        def stored(b: Builder) -> None:
            with b.lanes(8, 8) as i:
                b.operand(0, INDEX)[i] = i

        def moves(b: Builder) -> None:
            with b.lanes(8, 8) as i:
                b.operand(0, F8).at(i)[0] = 1.0

        self.refused("load is used before it is computed", early)
        self.refused("load is used before it is computed", escapes)
        self.refused("a loop of lanes is inside another one", inside)
        self.refused("a wide value is stored in one element", narrow)
        self.refused("a scalar register is set to a wide value", scalar)
        self.refused("an index of lanes is stored", stored)
        self.refused("a pointer differs from lane to lane", moves)
        self.refused(
            "float64 is stored through a pointer to float32",
            lambda b: b.store(b.operand(0, F4), 0, b.operand(1, F8)[0]),
        )
        self.refused("a value of float64 is used as an index", lambda b: b.load(b.operand(0, F8), b.operand(0, F8)[0]))
        self.refused("a condition is no boolean", lambda b: b.emit("when", (b.operand(0, F8)[0],), None, []))
        self.refused("a register of float32 is set to float64", lambda b: b.register(F4).set(b.operand(0, F8)[0]))

    def test_what_cannot_be_built(self) -> None:
        b = Builder()
        with self.assertRaisesRegex(TypeError, "add needs operands of one dtype, not \\['float32', 'float64'\\]"):
            b.apply(np.add, b.operand(0, F4)[0], b.operand(1, F8)[0])
        with b.lanes(8, 8) as i, self.assertRaisesRegex(TypeError, "the div of an index of lanes does not advance"):
            i // 2

    def test_accesses_are_checked(self) -> None:
        b = Builder()
        with b.loop(0, 4) as i:
            b.operand(1, F8)[i] = b.operand(0, F8)[i]
        memory = [(np.zeros(n, np.uint8), 0) for n in (32, 24)]
        with self.assertRaisesRegex(IndexError, "a kernel accesses the bytes 24 to 32 of 24"):
            interpreted(b.form(), memory, 1, 0)


if __name__ == "__main__":
    unittest.main()
