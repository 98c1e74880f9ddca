"""Reports of plans: the table, measured times, the roofline, the drawing."""

import importlib.util
import re
import shutil
import tempfile
import unittest
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np

import wengert
from wengert import Parameter
from wengert.compiler.targets.cpu.runner import interpreted

NEEDED = [name for name in ("llvmlite", "scipy") if importlib.util.find_spec(name) is None]
X = np.linspace(-1, 1, 64 * 32).reshape(64, 32)
SVG = "{http://www.w3.org/2000/svg}"
W = np.linspace(0, 1, 32 * 16).reshape(32, 16)


def hidden(x: Any, w: Any) -> Any:
    y = x @ w
    return np.tanh(y) + 1


def training() -> Any:
    """A training step with dropout, and its state."""
    wengert.seed(0)
    model = wengert.layers.Sequential(wengert.layers.Linear(6, 8), wengert.functions.relu, wengert.layers.Linear(8, 3))
    optimizer = wengert.optimizers.Adam(model, 1e-2)

    def step(x: Any, t: Any) -> Any:
        y = model(wengert.functions.dropout(x, 0.5))
        loss = wengert.functions.softmax_cross_entropy(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        return loss

    def state() -> Any:
        found = {**model.state_dict(), **optimizer.state_dict()}
        found |= {f"grad {name}": p.grad for name, p in model.params().items()}
        return {name: np.array(a) for name, a in found.items() if a is not None}, str(
            wengert.generator().bit_generator.state
        )

    rng = np.random.default_rng(0)
    return step, state, (rng.normal(size=(4, 6)).astype(np.float32), rng.integers(0, 3, 4))


def drop_times(text: str) -> str:
    return re.sub(r"[\d.]+", "0", text)


@unittest.skipIf(NEEDED, f"needs {', '.join(NEEDED)}: pip install wengert[compile]")
class ReportCase(unittest.TestCase):
    def setUp(self) -> None:
        caught = warnings.catch_warnings()
        caught.__enter__()
        self.addCleanup(caught.__exit__, None, None, None)
        warnings.simplefilter("error")

    def compiled(self, f: Any, *args: Any, calls: int = 3) -> Any:
        c = wengert.compile(f)
        for _ in range(calls):
            c(*args)
        return c


class PlanTest(ReportCase):
    def test_before_there_is_one(self) -> None:
        c = wengert.compile(hidden)
        self.assertRegex(str(c.plan), "^hidden has no plan yet, because it was not called: two calls are traced")
        self.assertEqual(c.plan.lines, [])
        c(X, W)
        self.assertRegex(str(c.plan), "because it was called once: two calls are traced, and the third is compiled")

    def test_why_there_is_none(self) -> None:
        def leaves(x: Any) -> Any:
            return {1, 2}

        c = wengert.compile(leaves)
        c(X)
        self.assertRegex(
            str(c.plan), "^.*leaves has no plan yet, because its last call could not .*: .*is set.* are traced, too"
        )
        with self.assertWarns(wengert.CompileWarning):
            c(X), c(X)
        self.assertRegex(str(c.plan), "^.*leaves is not compiled, and runs eagerly: .*is set")
        for what in (lambda: c.profile(X), lambda: c.graph):
            with self.assertRaisesRegex(RuntimeError, "is set"):
                what()

    def test_the_report_compiles_a_function_that_was_traced_twice(self) -> None:
        c = self.compiled(hidden, X, W, calls=2)
        self.assertIsNone(c.plans[0].run)
        self.assertRegex(str(c.plan), "^hidden: one plan, for x float64")
        self.assertIsNotNone(c.plans[0].run)

    def test_what_it_says(self) -> None:
        c = self.compiled(hidden, X, W)
        text = str(c.plan)
        head, sizes, titles, *rows = text.splitlines()
        self.assertEqual(head, "hidden: one plan, for x float64[64, 32], w float64[32, 16]; train mode")
        self.assertRegex(
            sizes, r"2 kernels, 0 calls of Python; .* of memory; \d+ threads?; lines of test_compile_reports"
        )
        self.assertEqual(titles.split()[:5], ["kernel", "computes", "shape", "moves", "flops"])
        self.assertEqual(len(rows), 2)
        product, loops = c.plan.lines
        self.assertEqual((product.what, product.shape, product.flops), ("matmul", "64x32x16", 2 * 64 * 32 * 16))
        self.assertEqual(product.moved, 8 * (64 * 32 + 32 * 16 + 64 * 16))
        self.assertEqual((loops.what, loops.moved, loops.flops), ("tanh add", 8 * 2 * 64 * 16, 2 * 64 * 16))
        first = hidden.__code__.co_firstlineno
        self.assertTrue(rows[0].endswith(f"  {first + 1}"), rows)
        self.assertTrue(rows[1].endswith(f"  {first + 2}"), rows)

    def test_calls_of_python_and_guards(self) -> None:
        def f(x: Any, y: Any) -> Any:
            total = x.sum()
            if total > -1 and total < 100 and total * 2 > -50 and total + 1 < 500:
                return np.partition(x.T @ x, 3)
            return y

        c = self.compiled(f, X, W)
        text = str(c.plan)
        self.assertRegex(text, r"4 guards, 1 call of Python;")
        self.assertRegex(text, r"Python +partition +32x32 ")
        self.assertEqual(c.plan.python_calls, ("partition",))
        self.assertNotRegex(text, "must be")  # four consecutive guards are one line
        self.assertRegex(text, r"guards +4 guards and 3 kernels of one number")

        def g(x: Any) -> Any:
            return x if x.sum() > 5 else -x

        self.assertRegex(str(self.compiled(g, X).plan), r"guard +must be False")

    def test_in_a_notebook(self) -> None:
        c = self.compiled(hidden, X, W)
        plan = c.plan
        shown = plan._repr_mimebundle_()
        self.assertEqual(shown["text/plain"], str(plan))
        page = shown["text/html"]
        self.assertEqual(page, plan._repr_html_())
        self.assertIn("of memory;", page)
        svg = ElementTree.fromstring(plan.svg)
        rows = [[t.text for t in g.iter(f"{SVG}text")] for g in svg.iter(f"{SVG}g")]
        self.assertEqual([name.split()[0] for name, _ in rows], [line.name for line in plan.lines])
        self.assertTrue(all(re.search(r"B +line \d+", text) for _, text in rows), rows)
        self.assertIn("bytes that each step", plan.svg)
        self.assertIn(c.graph.svg, page)
        measured = c.profile(X, W)
        self.assertRegex(measured.svg, r"time of each step of a call: .* in all \(median of \d+\)")
        self.assertIn("around kernels", measured.svg)
        self.assertNotEqual(measured.svg, plan.svg)
        ElementTree.fromstring(measured.svg)

    def test_in_a_notebook_without_a_plan(self) -> None:
        plan = wengert.compile(hidden).plan
        self.assertEqual(plan._repr_mimebundle_(), {"text/plain": str(plan)})
        self.assertIsNone(plan._repr_html_())

    def test_the_plan_that_was_used_last(self) -> None:
        c = self.compiled(hidden, X, W)
        for _ in range(2):
            c(X[:5], W)
        self.assertRegex(str(c.plan), r"of 2 plans, the one that was used last, for x float64\[5, 32\]")
        c(X, W)
        self.assertRegex(str(c.plan), r"of 2 plans, the one that was used last, for x float64\[64, 32\]")
        with wengert.test_mode():
            c(X, W), c(X, W)
        self.assertRegex(str(c.plan), "of 3 plans, .*test mode")

    def test_of_another_runner_the_graph_is_shown(self) -> None:
        c = wengert.compile(hidden, runner=interpreted)
        for _ in range(3):
            c(X, W)
        self.assertRegex(str(c.plan), r"(?s)^hidden: one plan, .*= call\(.*function=matmul")
        with self.assertRaisesRegex(RuntimeError, "there is no plan to draw: hidden is run by"):
            c.graph  # noqa: B018


class ProfileTest(ReportCase):
    def test_what_it_says(self) -> None:
        c = self.compiled(hidden, X, W)
        report = c.profile(X, W)
        text = str(report)
        self.assertEqual(drop_times(str(c.plan)), drop_times(text))
        self.assertRegex(text, r"\n +time +share +rate +of peak +kernel +computes")
        self.assertRegex(text, r"\(around kernels, see below\)")
        joined = " ".join(text.split())
        self.assertRegex(joined, r"A call took .*\(median of \d+\).* reached .*FLOP/s in products of float64 and .*B/s")
        found = report.profile
        self.assertEqual(len(found.of_lines), len(report.lines))
        self.assertGreater(found.calls, 4)
        self.assertTrue(all(0 < seconds < found.seconds for seconds in found.of_lines), (found.of_lines, found.seconds))
        self.assertGreater(found.around, 0)
        c(X[:3], W), c(X[:3], W), c(X[:3], W)
        self.assertNotRegex(str(c.plan), "share")  # the other plan was not measured

    def test_calls_of_python_have_their_time(self) -> None:
        c = self.compiled(lambda x: np.partition(x.T @ x, 3), X)
        report = c.profile(X)
        at = [line.kind for line in report.lines].index("call")
        self.assertGreater(report.profile.of_lines[at], 0.1 * report.profile.seconds)

    def test_it_changes_nothing(self) -> None:
        for calls in (0, 1, 3, 6):
            with self.subTest(calls=calls):
                step, state, args = training()
                c = self.compiled(step, *args, calls=calls)
                arrays, stream = state()
                self.assertRegex(str(c.profile(*args)), "A call took")
                after, stream_after = state()
                self.assertEqual(list(after), list(arrays))
                for name, a in arrays.items():
                    np.testing.assert_array_equal(after[name], a, err_msg=name)
                self.assertEqual(stream_after, stream)
                c(*args)
                self.assertIsNone(c.given_up)

    def test_arguments_that_are_written_to(self) -> None:
        def f(x: Any) -> Any:
            x *= 0.5
            return np.sum(x)

        c = wengert.compile(f)
        x = X.copy()
        c.profile(x)
        np.testing.assert_array_equal(x, X)

    def test_the_state_is_restored_when_a_guard_fails(self) -> None:
        n = np.zeros(())

        def f(x: Any) -> Any:
            n[...] = n + 1
            return x if n < 20 else -x

        c = self.compiled(f, X)
        self.assertRegex(str(c.profile(X)), "median of")
        self.assertEqual(float(n), 3)

    def test_where_there_is_nothing_to_measure(self) -> None:
        c = self.compiled(hidden, X, W)
        with wengert.debug(), self.assertRaisesRegex(RuntimeError, r"hidden runs eagerly inside wengert.debug\(\)"):
            c.profile(X, W)
        hidden_count = iter(range(100))
        c = wengert.compile(lambda x: x * next(hidden_count))
        with self.assertWarns(wengert.CompileWarning), self.assertRaisesRegex(RuntimeError, "has no plan to measure"):
            c.profile(X)


class RooflineTest(ReportCase):
    def test_it_is_measured_once(self) -> None:
        from wengert.compiler.machine import largest_cache
        from wengert.compiler.report.roofline import matrix_peak, memory_bandwidth

        self.assertGreater(matrix_peak("float64", 1), 1e8)
        self.assertGreater(memory_bandwidth(1), 1e8)
        self.assertEqual(matrix_peak("float64", 1), matrix_peak("float64", 1))
        self.assertEqual(memory_bandwidth(1), memory_bandwidth(1))
        self.assertGreaterEqual(largest_cache(), 32 << 20)

    def test_the_clock(self) -> None:
        from wengert.compiler.targets.cpu.cycle_counter import seconds_per_tick

        self.assertTrue(1e-11 < seconds_per_tick() < 1e-6, seconds_per_tick())


class GraphTest(ReportCase):
    def test_a_small_one_shows_what_is_in_the_kernels(self) -> None:
        c = self.compiled(hidden, X, W)
        text = str(c.graph)
        self.assertRegex(text, r"^digraph plan \{")
        self.assertEqual(text.count("subgraph cluster_"), 2)
        for words in ("matmul\\nfloat64[64, 16]", "tanh\\n", "x float64[64, 32]", "returned float64[64, 16]"):
            self.assertIn(words, text)
        self.assertEqual((c.graph.functions, c.graph.values), (3, 3))

    def test_a_large_one_shows_kernels(self) -> None:
        step, _, args = training()
        c = self.compiled(step, *args, calls=5)
        text = str(c.graph)
        self.assertNotIn("subgraph", text)
        self.assertIn("matmul", text)
        self.assertRegex(text, r"model\._steps\[0\]\.weight\.grad =")
        self.assertRegex(text, r"model\._steps\[2\]\.bias\.data = float32\[3\]")
        self.assertLess(c.graph.functions, 60)

    def test_the_largest_show_arguments_and_results_only(self) -> None:
        a = Parameter(np.eye(16) * 0.9)
        kinds = np.random.default_rng(0).integers(0, 3, 110).tolist()

        def f(x: Any) -> Any:
            for kind in kinds:  # (in no order, so that no part of it is a loop)
                x = (x, x.T, np.sin(x))[kind] @ a.data  # each a kernel
            a.data = a.data * 0.5
            return x

        c = self.compiled(f, np.ones((16, 16)))
        text = str(c.graph)
        self.assertGreater(c.graph.functions, 100)
        self.assertEqual(c.graph.values, 2)
        self.assertIn("returned float64[16, 16]", text)
        self.assertNotIn("a.data", text)
        self.assertIn("returned float64[16, 16]", c.graph.svg)

    def test_partial_results_are_not_drawn(self) -> None:
        before = wengert.get_num_threads()
        wengert.set_num_threads(2)
        self.addCleanup(wengert.set_num_threads, before)
        c = self.compiled(lambda x: np.sum(np.exp(x), axis=0), np.zeros((4000, 64)))
        self.assertIn("combine partial results", [line.what for line in c.plan.lines])
        self.assertEqual(str(c.graph).count("subgraph cluster_"), 1)

    def test_numbers_only(self) -> None:
        c = self.compiled(lambda x: x * 2 + 1, np.array(3.0))
        self.assertIn("multiply", str(c.graph))

    def test_there_must_be_one(self) -> None:
        c = wengert.compile(hidden)
        with self.assertRaisesRegex(RuntimeError, "there is no graph to draw: hidden has no plan yet"):
            c.graph  # noqa: B018

    @unittest.skipIf(shutil.which("dot") is None, "needs Graphviz: apt install graphviz")
    def test_graphviz_takes_it(self) -> None:
        step, _, args = training()
        with tempfile.TemporaryDirectory() as folder:
            for c in (self.compiled(step, *args, calls=5), self.compiled(hidden, X, W)):
                path = c.graph.save(Path(folder, "plan.pdf"))
                self.assertTrue(path.read_bytes().startswith(b"%PDF"))


class SharedParameter(ReportCase):
    def test_names_of_parameters_are_those_of_the_program(self) -> None:
        w = Parameter(np.ones(32), name="w")

        def f(x: Any) -> Any:
            return np.sum(x * w)

        self.assertIn("w.data float64[32]", str(self.compiled(f, X).graph))


if __name__ == "__main__":
    unittest.main()
