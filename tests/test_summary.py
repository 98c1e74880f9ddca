"""Model: its summary, its weights in a file."""

import importlib.util
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from tests.garbage import garbage_of
from wengert import Layer, Model, Parameter
from wengert.layers.summary import Row, Summary, readable, summarize


class Line(Layer):
    """A layer with a lazy size, that draws when it is made."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.weight, self.bias = Parameter(None), Parameter(np.zeros(n, np.float32))

    def forward(self, x: Any) -> Any:
        if self.weight.data is None:
            self.weight.data = wengert.generator().standard_normal((self.n, x.shape[-1]), np.float32)
        return x @ self.weight.T + self.bias

    def label(self) -> str:
        return f"Line({self.n})"

    def multiply_adds(self, x: Any, y: Any) -> int:
        return int(y.size) * int(x.shape[-1])


class Counter(Layer):
    """A layer that writes to its buffers in any mode, and draws random numbers."""

    def __init__(self) -> None:
        self.calls, self.modes = np.array(0), []

    def forward(self, x: Any) -> Any:
        self.calls += 1
        self.modes.append(self.training)
        return x + wengert.generator().standard_normal()


class Net(Model):
    def __init__(self) -> None:
        self.first = Line(4)
        self.between = [Counter(), Line(4)]
        self.scale = Parameter(np.ones(4, np.float32))

    def forward(self, x: Any, again: bool = False) -> Any:
        x = self.first(x)
        x = self.between[1](self.between[0](x)) * self.scale
        return self.between[1](x) if again else x


class Tied(Model):
    """Two layers with one weight, and one that is read and not called."""

    def __init__(self) -> None:
        self.a, self.b, self.read = Line(3), Line(3), Line(3)
        self.a.weight = Parameter(np.ones((3, 3), np.float32))
        self.read.weight = Parameter(np.ones((3, 3), np.float32))
        self.b.weight = self.a.weight

    def forward(self, x: Any) -> Any:
        return self.b(self.a(x)) @ self.read.weight, (x, {"y": x})


X = np.ones((2, 3), np.float32)


class SummaryTest(unittest.TestCase):
    def test_a_row_for_each_layer_in_the_order_of_calls(self) -> None:
        summary = Net().summary(X)
        self.assertEqual(
            summary.rows,
            [
                Row("", "Net()", (2, 4), 4, 0),
                Row("first", "Line(4)", (2, 4), 16, 24),
                Row("between.0", "Counter()", (2, 4), 0, 0),
                Row("between.1", "Line(4)", (2, 4), 20, 32),
            ],
        )
        self.assertEqual((summary.parameters, summary.multiply_adds, summary.bytes), (40, 56, 160))
        self.assertEqual(summary.inputs, [(2, 3)])
        self.assertEqual(list(summary), summary.rows)
        self.assertEqual(len(summary), 4)

    def test_a_layer_called_again_computes_again_but_has_its_parameters_once(self) -> None:
        class Twice(Net):
            def forward(self, x: Any, again: bool = True) -> Any:
                return super().forward(x, again)

        rows = Twice().summary(X).rows
        self.assertEqual([row.name for row in rows], ["", "first", "between.0", "between.1", "between.1"])
        self.assertEqual([row.parameters for row in rows], [4, 16, 0, 20, 0])
        self.assertEqual([row.multiply_adds for row in rows], [0, 24, 0, 32, 32])

    def test_shared_parameters_are_counted_once(self) -> None:
        summary = Tied().summary(X)
        self.assertEqual([(row.name, row.parameters) for row in summary], [("", 0), ("read", 12), ("a", 12), ("b", 3)])
        self.assertEqual(summary.parameters, sum(p.size for p in Tied().params().values()))
        self.assertEqual(summary.bytes, 4 * 27)

    def test_a_layer_that_is_read_and_not_called_has_a_row_without_output(self) -> None:
        rows = {row.name: row for row in Tied().summary(X)}
        self.assertIsNone(rows["read"].output)
        self.assertEqual(rows[""].output, ((2, 3), ((2, 3), {"y": (2, 3)})))

    def test_it_changes_nothing(self) -> None:
        model = Net()
        wengert.seed(3)
        before = wengert.generator().bit_generator.state
        model.summary(X)
        self.assertEqual(wengert.generator().bit_generator.state, before)
        self.assertEqual(int(model.between[0].calls), 0)
        self.assertEqual(model.between[0].modes, [])
        self.assertIsNone(model.first.weight.data, "a lazy size is still open")
        self.assertEqual([k for layer in model.layers().values() for k in vars(layer) if k == "forward"], [])
        model(np.ones((2, 5), np.float32))  # of another size than in the summary
        after = model(np.ones((2, 5), np.float32))
        wengert.seed(3)
        other = Net()
        other(np.ones((2, 5), np.float32))
        np.testing.assert_array_equal(after.data, other(np.ones((2, 5), np.float32)).data)

    def test_also_when_the_model_raises(self) -> None:
        model = Net()
        model(X)
        state = wengert.generator().bit_generator.state
        with self.assertRaisesRegex(ValueError, "matmul"):
            model.summary(np.ones((2, 7), np.float32))
        self.assertEqual(wengert.generator().bit_generator.state, state)
        self.assertEqual(int(model.between[0].calls), 1)

    def test_it_runs_in_test_mode_without_a_graph(self) -> None:
        seen: list[Any] = []

        class Looks(Model):
            def __init__(self) -> None:
                self.p = Parameter(np.ones(3))

            def forward(self, x: Any) -> Any:
                y = x * self.p
                seen.append((self.training, wengert.is_training(), y.creator))
                return y

        Looks().summary(X)
        self.assertEqual(seen, [(False, False, None)])
        self.assertTrue(wengert.is_training())

    def test_parameters_that_are_made_are_not_copied(self) -> None:
        seen: list[Any] = []

        class Looks(Model):
            def __init__(self) -> None:
                self.p = Parameter(np.ones(3))

            def forward(self, x: Any) -> Any:
                seen.append(self.p.data)
                return x * self.p

        model = Looks()
        model.summary(X)
        self.assertTrue(np.shares_memory(seen[0], model.p.data))

    def test_it_leaves_no_reference_cycle(self) -> None:
        model = Net()
        self.assertEqual(garbage_of(lambda: model.summary(X)), 0)

    def test_threads_may_call_the_model_meanwhile(self) -> None:
        model = Net()
        model(X)
        model.between[0] = Line(4)
        model(X)
        wanted = model(X).data
        wrong: list[Any] = []

        def call() -> None:
            for _ in range(50):
                if not np.array_equal(model(X).data, wanted):
                    wrong.append(1)  # noqa: PERF401

        threads = [threading.Thread(target=call) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            self.assertEqual(len(model.summary(X)), 4)
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_several_inputs(self) -> None:
        class Sum(Model):
            def forward(self, a: Any, b: Any) -> Any:
                return a + b

        summary = Sum().summary(np.ones(3), np.ones((2, 1)))
        self.assertEqual((summary.rows[0].output, summary.inputs), ((2, 3), [(3,), (2, 1)]))
        self.assertEqual((summary.parameters, summary.multiply_adds, summary.bytes), (0, 0, 0))

    def test_the_table(self) -> None:
        lines = str(Net().summary(np.ones((300, 1000), np.float32))).split("\n")
        self.assertEqual(
            [line.split() for line in lines if not line.startswith("--")],
            [
                ["layer", "kind", "output", "parameters", "multiply-adds"],
                ["Net()", "(300,", "4)", "4", "0"],
                ["first", "Line(4)", "(300,", "4)", "4,004", "1,200,000"],
                ["between.0", "Counter()", "(300,", "4)", "0", "0"],
                ["between.1", "Line(4)", "(300,", "4)", "20", "4,800"],
                ["total", "4,028", "1,204,800"],
                ["16.1", "kB", "of", "parameters;", "input", "(300,", "1000)"],
            ],
        )
        self.assertEqual(len({len(line) for line in lines[1:3] + lines[-3:-1]}), 1, "aligned on the right")
        summary = Net().summary(X)
        self.assertEqual(repr(summary), str(summary))

    def test_bytes_are_readable(self) -> None:
        sizes = {0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 999_949: "999.9 kB", 999_960: "1.0 MB"}
        sizes |= {102_000_000: "102.0 MB", 5 * 10**9: "5.0 GB", 5 * 10**15: "5000.0 TB"}
        for size, text in sizes.items():
            self.assertEqual(readable(size), text)

    def test_any_layer_has_one(self) -> None:
        self.assertIsInstance(summarize(Line(2), X), Summary)

    def test_a_model_of_steps(self) -> None:
        model = Model(Line(4), np.tanh, Line(2))
        self.assertEqual([row.name for row in model.summary(X)], ["", "0", "2"])
        y = model(X)
        steps = [model.children()[name] for name in ("0", "2")]
        np.testing.assert_array_equal(y.data, steps[1](np.tanh(steps[0](X))).data)
        self.assertEqual(list(model.params()), ["0.weight", "0.bias", "2.weight", "2.bias"])
        other = Model(Line(4), np.tanh, Line(2))
        other.load_state_dict(model.state_dict())
        np.testing.assert_array_equal(other(X).data, y.data)
        with self.assertRaisesRegex(NotImplementedError, "Model must define forward"):
            Model()(X)
        with self.assertRaisesRegex(TypeError, "step 1 of a Sequential must be a layer or a function, but got int"):
            Model(np.tanh, 3)  # type: ignore[arg-type]

    def test_what_it_does_not_take(self) -> None:
        with self.assertRaisesRegex(TypeError, r"a summary is of a Layer, but got function"):
            summarize(readable, X)  # type: ignore[arg-type]
        with self.assertRaisesRegex(TypeError, r"runs the model on an array, but got tuple; give one of the input's"):
            Net().summary((2, 3))


@unittest.skipIf(importlib.util.find_spec("safetensors") is None, "needs safetensors: pip install wengert[train]")
class FileTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name, "net.safetensors")

    def test_saved_and_loaded(self) -> None:
        model, other = Net(), Net()
        model(X)
        other(X)
        model.save(self.path, {"note": "of a test"})
        other.load(self.path)
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(other.state_dict()[name], array)

    def test_names_are_mapped_and_parts_loaded(self) -> None:
        model, line = Net(), Line(4)
        model(X)
        line(X)
        model.save(self.path)
        with self.assertRaisesRegex(ValueError, "first.weight is unexpected"):
            Tied().load(self.path)
        other = Net()
        other.load(self.path, names={"first.": "first.", "between.": None}, strict=False)
        np.testing.assert_array_equal(other.first.weight.data, model.first.weight.data)
        self.assertIsNone(other.between[1].weight.data)


if __name__ == "__main__":
    unittest.main()
