"""Recurrences and embeddings in compiled functions: native code, with the results and errors of eager calls."""

import importlib.util
import unittest
from typing import Any

import numpy as np

import wengert
from wengert import Model, Variable
from wengert.functions import embedding, gru, lstm, rnn, softmax_cross_entropy
from wengert.layers import GRU, LSTM, RNN, Embedding, Linear
from wengert.optimizers import Adam

NEEDED = [name for name in ("llvmlite", "scipy") if importlib.util.find_spec(name) is None]
needs_compiler = unittest.skipIf(NEEDED, f"needs {', '.join(NEEDED)}: pip install wengert[compile]")
FUNCTIONS = {"lstm": lstm, "gru": gru, "rnn": rnn}
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
SHAPES = [(5, 4, 3, 8), (3, 7, 5, 20), (4, 1, 2, 3), (1, 13, 17, 16), (3, 2, 1, 1), (2, 3, 4, 72)]
F4, F8 = np.dtype(np.float32), np.dtype(np.float64)


def calls_of(step: Any) -> list[str]:
    """The calls of Python in the plan of a compiled function."""
    assert step.given_up is None, step.given_up
    lines = step.plan.lines
    assert lines, step.plan
    return [str(line) for line in lines if line.name == "call"]


class Case:
    """A call of a recurrent function, including its gradients."""

    def __init__(
        self,
        kind: str,
        shape: tuple[int, int, int, int],
        dtype: Any,
        bias: bool = True,
        state: bool = True,
        needs: Any = None,
        scale: float = 0.5,
        **options: Any,
    ) -> None:
        rng = np.random.default_rng(sum(shape))
        length, batch, width, hidden = shape
        rows, states = GATES[kind] * hidden, 2 if kind == "lstm" else 1

        def some(*sizes: int) -> Any:
            return Variable((rng.standard_normal(sizes) * scale).astype(dtype))

        self.function, self.options = FUNCTIONS[kind], options
        given = [some(length, batch, width), *(some(batch, hidden) if state else None for _ in range(states))]
        given += [some(rows, width), some(rows, hidden)]
        given += [some(rows) if bias else None for _ in range(2)]
        # Where not all are Variables, the others are plain arrays.
        self.given = [x if x is None or needs is None or i in needs else np.array(x.data) for i, x in enumerate(given)]
        self.variables = [x for x in self.given if isinstance(x, Variable)]
        sizes = [(length, batch, hidden)] + [(batch, hidden)] * states
        self.by_results = [rng.standard_normal(size).astype(dtype) for size in sizes]

    def __call__(self, **options: Any) -> list[Any]:
        for x in self.variables:
            x.grad = None
        ys = self.function(*self.given, **self.options, **options)
        total = sum(np.sum(y * gy) for y, gy in zip(ys, self.by_results, strict=True))
        total.backward()
        return [*(y.data for y in ys), *(x.grad for x in self.variables)]


@needs_compiler
class TestRecurrence(unittest.TestCase):
    def same(self, found: Any, wanted: Any, what: Any = "") -> None:
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype), f"{what}, array {i}")
            size = max(np.abs(b).max(), 1e-3)
            bound = (2e-5 if b.dtype == F4 else 1e-12) * size
            np.testing.assert_allclose(a, b, rtol=0, atol=bound, err_msg=f"{what}, array {i}")

    def check(self, *args: Any, **options: Any) -> None:
        case = Case(*args, **options)
        wanted = case()
        step = wengert.compile(case)
        for _ in range(4):
            found = step()
        with self.subTest(args=args, options=options):
            self.assertEqual(calls_of(step), [])
            self.same(found, wanted)

    def test_every_kind_and_shape(self) -> None:
        for kind in FUNCTIONS:
            for i, shape in enumerate(SHAPES):
                self.check(kind, shape, (F4, F8)[i % 2], reverse=i % 3 == 1, bias=i != 2, state=i % 4 != 1)

    def test_sequences_of_different_lengths(self) -> None:
        rng = np.random.default_rng(5)
        for kind in FUNCTIONS:
            for i, shape in enumerate(SHAPES[:3]):
                lengths = rng.integers(0, shape[0] + 1, shape[1])
                self.check(kind, shape, (F8, F4)[i % 2], lengths=lengths, reverse=i % 2 == 1)
        self.check("lstm", SHAPES[0], F4, lengths=[5, 5, 5, 5])

    def test_relu(self) -> None:
        self.check("rnn", SHAPES[0], F8, nonlinearity="relu")
        self.check("rnn", SHAPES[1], F4, nonlinearity="relu", lengths=[3, 0, 1, 2, 3, 2, 1])

    def test_gradients_of_some_inputs_only(self) -> None:
        for kind, count in (("lstm", 7), ("gru", 6), ("rnn", 6)):
            for i in range(count):
                self.check(kind, (3, 4, 5, 8), F8, needs=(i,))

    def test_saturated_gates(self) -> None:
        for kind in FUNCTIONS:
            self.check(kind, (3, 4, 5, 8), F4 if kind == "gru" else F8, scale=40.0)

    def test_nan_propagates(self) -> None:
        case = Case("lstm", (2, 3, 4, 8), F8)
        case.given[0].data[0, 1, 2] = np.nan
        step = wengert.compile(case)
        for _ in range(4):
            found = step()
        for a, b in zip(found, case(), strict=True):
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b))

    def test_elements_after_the_end_of_a_sequence_are_not_read(self) -> None:
        case = Case("gru", (4, 3, 2, 8), F8, lengths=[1, 4, 2])
        wanted = case()
        case.given[0].data[2:, [0, 2]] = np.nan
        step = wengert.compile(case)
        for _ in range(4):
            found = step()
        self.assertEqual(calls_of(step), [])
        self.same(found, wanted)

    def test_lengths_that_change(self) -> None:
        case = Case("lstm", (4, 3, 2, 8), F8)
        step = wengert.compile(lambda lengths: case(lengths=lengths))
        rng = np.random.default_rng(1)
        for _ in range(6):
            lengths = rng.integers(0, 5, 3)
            found = step(lengths)
            self.same(found, case(lengths=lengths), lengths)
        self.assertEqual(calls_of(step), [])
        for wrong in (-1, 5):
            with self.assertRaisesRegex(ValueError, rf"lengths from 0 to 4, that of x, but lengths\[1\] is {wrong}"):
                step(np.array([1, wrong, 2]))
        self.same(step(np.array([4, 4, 4])), case())

    def test_results_without_gradients(self) -> None:
        case = Case("lstm", (4, 3, 2, 8), F4)

        def last(x: Any) -> Any:
            with wengert.no_grad():
                return case.function(x, *case.given[1:])[1]

        step = wengert.compile(last)
        x = case.given[0].data.copy()
        for _ in range(4):
            found = step(x)
        self.assertEqual(calls_of(step), [])
        self.same([found.data], [last(x).data])

    def test_other_dtypes_stay_calls(self) -> None:
        case = Case("gru", (2, 3, 4, 8), F8)
        case.given[0] = case.given[0].data.astype(np.float32)
        case.variables = case.variables[1:]
        step = wengert.compile(case)
        for _ in range(4):
            found = step()
        self.assertEqual(len([line for line in calls_of(step) if "Gru" in line and "part(" not in line]), 2)
        self.same(found, case())

    def test_the_step_of_a_network(self) -> None:
        class Network(Model):
            def __init__(self, layer: Any) -> None:
                self.layer, self.head = layer, Linear(8 * (1 + layer.bidirectional), 4)

            def forward(self, x: Any) -> Any:
                outputs, _ = self.layer(x)
                return self.head(outputs[:, -1])

        rng = np.random.default_rng(3)
        x, t = rng.standard_normal((6, 5, 3)).astype(F4), rng.integers(0, 4, 6)
        both = {"layers": 2, "bidirectional": True}
        for kind, options in ((LSTM, {}), (LSTM, both), (GRU, both), (RNN, {"bidirectional": True})):
            losses = []
            for compiled in (False, True):
                wengert.seed(0)
                model = Network(kind(3, 8, **options))
                optimizer = Adam(model, 0.01)

                def step(model: Any = model, optimizer: Any = optimizer) -> float:
                    loss = softmax_cross_entropy(model(x), t)
                    model.cleargrads()
                    loss.backward()
                    optimizer.update()
                    return float(loss)

                run = wengert.compile(step) if compiled else step
                losses.append([run() for _ in range(6)])
                if compiled:
                    self.assertEqual(calls_of(run), [])
            np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


@needs_compiler
class TestKernels(unittest.TestCase):
    """The kernels compared with their reference, and on several threads."""

    def graph(self, kind: Any, layout: tuple[int, int, int, int], dtype: Any, masked: bool, reverse: bool) -> Any:
        from wengert.compiler.graph.graph import Graph, Node
        from wengert.compiler.lowering.recurrence_rules import Gru, Lstm, Rnn, recurrence, recurrence_gradients

        length, batch, width, hidden = layout
        count, rows = (2 if kind is Lstm else 1), {Lstm: 4, Gru: 3, Rnn: 1}[kind] * hidden
        shapes = [(length, batch, width), *[(batch, hidden)] * count, (rows, width), (rows, hidden), (rows,), (rows,)]
        gys = [(length, batch, hidden), *[(batch, hidden)] * count]
        inputs = [Node("input", (), {"place": i}, shape, dtype) for i, shape in enumerate((*shapes, *gys))]
        lengths = np.arange(batch) % (length + 1) if masked else None
        options = ("tanh", lengths, reverse) if kind is Rnn else (lengths, reverse)
        values = (*inputs[: len(shapes)], *options)
        results = recurrence(kind, values, "")
        grads = recurrence_gradients(kind, values, tuple(inputs[len(shapes) :]), (True,) * len(shapes), "")
        assert results is not None and grads is not None
        return Graph(inputs, [*results, *grads], [])

    def test_the_reference_and_threads(self) -> None:
        from wengert.compiler.graph.interpreter import interpret
        from wengert.compiler.lowering.recurrence_rules import RECURRENCES
        from wengert.compiler.passes.simplify import simplify
        from wengert.compiler.targets.cpu.program import Plan

        rng = np.random.default_rng(2)
        for i, kind in enumerate(RECURRENCES):
            for dtype, masked in ((F4, False), (F8, True)):
                graph = simplify(self.graph(kind, (3, 11, 5, 20), dtype, masked, reverse=i == 1))
                arrays = [rng.standard_normal(x.shape).astype(dtype) for x in graph.inputs]
                wanted, _ = interpret(graph, arrays)
                alone = Plan(graph, threads=1).run(arrays)
                for j, (a, b) in enumerate(zip(alone, wanted, strict=True)):
                    bound = 1e-4 if dtype == F4 else 1e-12
                    np.testing.assert_allclose(a, b, rtol=0, atol=bound, err_msg=f"{kind}, {dtype}, {j}")
                kernels = [node.settings["kernel"] for node in graph if node.op == "kernel"]
                self.assertEqual(len(kernels), 2, "backward uses what forward has computed")
                for kernel in kernels:
                    kernel.nanoseconds = 1e6  # (large enough to run in parallel)
                several = Plan(graph, threads=3).run(arrays)
                by_products = {len(alone) - 4, len(alone) - 3}  # (BLAS may add in another order)
                for j, (a, b) in enumerate(zip(several, alone, strict=True)):
                    if j not in by_products:
                        np.testing.assert_array_equal(a, b, err_msg=f"{kind}, {dtype}, {j}")

    def test_sigmoid_and_tanh(self) -> None:
        from wengert.compiler.graph.graph import Graph, Node
        from wengert.compiler.graph.kernel import kernel_node
        from wengert.compiler.kernels.form_kernel import FormKernel
        from wengert.compiler.kernels.ir_builder import Builder
        from wengert.compiler.kernels.ir_interpreter import FUNCTIONS
        from wengert.compiler.targets.cpu.program import Plan

        class Applied(FormKernel):
            def __init__(self, name: str, dtype: Any, size: int) -> None:
                self.name, self.key, self.dtype, self.size = name, (name, dtype), dtype, size

            def build(self, b: Builder) -> None:
                x, out = b.operand(0, self.dtype), b.operand(1, self.dtype)
                with b.lanes(self.size, 8) as i:
                    out[i] = b.function("sigmoid", x[i]) if self.name == "sigmoid" else b.apply(np.tanh, x[i])

        large = np.array([np.inf, -np.inf, np.nan, 0.0, 87.5, -87.5, 709.0, -745.0])
        x = np.concatenate([np.linspace(-30, 30, 4000), np.geomspace(1e-30, 90, 4000), -np.geomspace(1e-30, 90, 4000)])
        x = np.concatenate([x, large])
        for dtype, bound in ((F4, 4e-7), (F8, 8e-16)):
            given = x.astype(dtype)
            node = Node("input", (), {"place": None}, given.shape, dtype)
            for name in ("sigmoid", "tanh"):
                kernel = Applied(name, dtype, given.size)
                graph = Graph([node], [kernel_node(kernel, (node,), given.shape, dtype, "")], [])
                found = Plan(graph, threads=1).run([given])[0]
                with np.errstate(over="ignore"):
                    wide = given.astype(np.longdouble)
                    exact = (FUNCTIONS[name](wide) if name in FUNCTIONS else np.tanh(wide)).astype(np.float64)
                far = np.abs(exact) > (1e-37 if dtype == F4 else 1e-300)
                np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
                np.testing.assert_allclose(found[far], exact[far], rtol=bound, err_msg=f"{name} {dtype}")
                np.testing.assert_allclose(found, exact, rtol=bound, atol=1e-37, err_msg=f"{name} {dtype}")


@needs_compiler
class TestEmbedding(unittest.TestCase):
    def check(self, rows: int, width: int, indices: Any, dtype: Any, padding_index: int | None = None) -> Any:
        rng = np.random.default_rng(rows)
        weight = Variable(rng.standard_normal((rows, width)).astype(dtype))
        scale = rng.standard_normal((*np.shape(indices), width)).astype(dtype)

        def step(indices: Any) -> Any:
            weight.grad = None
            y = embedding(indices, weight, padding_index)
            np.sum(y * scale).backward()
            return y.data, weight.grad

        compiled = wengert.compile(step)
        for _ in range(4):
            found = compiled(indices)
        for a, b in zip(found, step(indices), strict=True):
            self.assertEqual((a.shape, a.dtype), (b.shape, b.dtype))
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-6 if dtype == F4 else 1e-13)
        return compiled

    def test_rows_and_their_gradients(self) -> None:
        rng = np.random.default_rng(4)
        for rows, width, shape, dtype, kind in (
            (7, 16, (3, 5), F4, np.int64),
            (5, 20, (40,), F8, np.int32),
            (9, 3, (2, 2, 2), F4, np.uint8),
            (9000, 33, (30,), F4, np.int64),
            (300, 1, (), F8, np.int64),
        ):
            with self.subTest(rows=rows, width=width, shape=shape):
                step = self.check(rows, width, rng.integers(0, rows, shape).astype(kind), dtype)
                self.assertEqual(calls_of(step), [])

    def test_many_lookups_of_one_row_are_summed_as_accurately_as_eager(self) -> None:
        self.check(2, 16, np.zeros(20000, np.int64), F4)

    def test_a_row_without_gradient(self) -> None:
        for padding_index in (2, -1):
            step = self.check(4, 18, np.array([2, 0, 2, 3]), F8, padding_index)
            self.assertEqual(calls_of(step), [])

    def test_an_index_out_of_bounds_raises_as_the_function_does(self) -> None:
        step = self.check(4, 8, np.array([2, 0, 2, 3]), F4)
        for wrong in (4, -1):
            with self.assertRaisesRegex(IndexError, f"the index {wrong}, but its weight has 4 rows"):
                step(np.array([2, wrong, 2, 3]))
        step(np.array([3, 3, 3, 3]))

    def test_the_layer_in_training(self) -> None:
        losses = []
        rng = np.random.default_rng(6)
        batches = [rng.integers(0, 11, (4, 3)) for _ in range(6)]
        for compiled in (False, True):
            wengert.seed(1)
            layer = Embedding(11, 5)
            optimizer = Adam(layer, 0.1)

            def step(x: Any, layer: Any = layer, optimizer: Any = optimizer) -> float:
                loss = np.sum(layer(x) ** 2)
                layer.cleargrads()
                loss.backward()
                optimizer.update()
                return float(loss)

            run = wengert.compile(step) if compiled else step
            losses.append([run(x) for x in batches])
            if compiled:
                self.assertEqual(calls_of(run), [])
        np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


if __name__ == "__main__":
    unittest.main()
