"""What is shown in a notebook: the training curve and the progress bar, with a stand-in and in a kernel."""

import importlib.util
import math
import subprocess
import sys
import types
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from wengert.drawing.curves import Curve, Panel, curves_svg, ticks
from wengert.functions import mse
from wengert.optimizers import SGD
from wengert.training import LiveCurve, Trainer
from wengert.training.notebook import NotebookBar, Place, in_notebook

SVG = "{http://www.w3.org/2000/svg}"
BATCHES = [(np.ones((2, 1), np.float32), np.full((2, 1), i, np.float32)) for i in range(4)]
MISSING = [name for name in ("nbclient", "ipykernel") if importlib.util.find_spec(name) is None]


class Notebook:
    """A stand-in for IPython: `shown` has what was displayed, by its place."""

    def __init__(self, kernel: bool = True) -> None:
        self.shown: list[list[dict[str, str]]] = []
        shell = types.SimpleNamespace(kernel=object()) if kernel else types.SimpleNamespace()
        ipython = types.ModuleType("IPython")
        ipython.get_ipython = lambda: shell  # type: ignore[attr-defined]
        ipython.display = types.SimpleNamespace(display=self.display)  # type: ignore[attr-defined]
        self.modules = mock.patch.dict(sys.modules, {"IPython": ipython})

    def display(self, bundle: Any, *, raw: bool, display_id: bool) -> Any:
        assert raw and display_id
        self.shown.append([bundle])
        place = self.shown[-1]

        def update(bundle: Any, raw: bool) -> None:
            place.append(bundle)

        return types.SimpleNamespace(update=update)


def trainer(*callbacks: Any, progress: bool = False) -> Trainer:
    model = wengert.layers.Linear(1, 1)
    metrics = {"size": lambda y, t: float(len(y))}
    return Trainer(model, SGD(model, 0.1), mse, metrics=metrics, callbacks=callbacks, progress=progress)


class PlaceTest(unittest.TestCase):
    def test_outside_of_a_notebook(self) -> None:
        with mock.patch.dict(sys.modules):
            sys.modules.pop("IPython", None)
            self.assertFalse(in_notebook())
            self.assertNotIn("IPython", sys.modules)
        terminal = Notebook(kernel=False)  # IPython in a terminal has no kernel
        with terminal.modules:
            self.assertFalse(in_notebook())
            Place().show({"text/plain": "a"})
        self.assertEqual(terminal.shown, [])

    def test_it_is_written_again(self) -> None:
        notebook = Notebook()
        with notebook.modules:
            place = Place()
            place.show({"text/plain": "a"})
            place.show({"text/plain": "b"})
            Place().show({"text/plain": "c"})
        self.assertEqual(notebook.shown, [[{"text/plain": "a"}, {"text/plain": "b"}], [{"text/plain": "c"}]])


class LiveCurveTest(unittest.TestCase):
    def test_it_updates(self) -> None:
        notebook = Notebook()
        with notebook.modules:
            trainer(LiveCurve(every=0)).fit(BATCHES, BATCHES, epochs=3)
        (place,) = notebook.shown
        self.assertEqual(len(place), 3 * (4 + 1) + 1)
        self.assertEqual(set(place[-1]), {"text/plain", "image/svg+xml", "text/html"})
        svg = ElementTree.fromstring(place[-1]["image/svg+xml"])
        texts = [t.text for t in svg.iter(f"{SVG}text")]
        for text in ("loss", "size", "training", "validation", "batches", "step"):
            self.assertIn(text, texts)

    def test_it_does_not_update_more_often(self) -> None:
        notebook = Notebook()
        with notebook.modules:
            trainer(LiveCurve(every=1e6)).fit(BATCHES, epochs=3)
        self.assertLessEqual(len(notebook.shown[0]), 2)

    def test_outside_of_a_notebook(self) -> None:
        curve = LiveCurve()
        found = trainer(curve)
        found.fit(BATCHES, epochs=2)
        self.assertEqual([row["loss"] for row in curve.rows], [row["loss"] for row in found.history])
        self.assertEqual([step for step, _ in curve.batches], list(range(1, 9)))
        ElementTree.fromstring(curve.svg)
        found.fit(BATCHES, epochs=1)
        self.assertEqual(len(curve.rows), 3)

    def test_long_runs_have_few_points(self) -> None:
        curve = LiveCurve()
        run: Any = types.SimpleNamespace(steps=0)
        for i in range(5000):
            run.steps = i + 1
            curve.on_step(run, {"loss": float(i)})
        self.assertLessEqual(len(curve.batches), 400)
        self.assertGreater(len(curve.batches), 150)
        for step, loss in curve.batches:
            self.assertLess(abs(step - loss), 40)

    def test_losses_that_are_not_finite(self) -> None:
        curve = LiveCurve()
        run: Any = types.SimpleNamespace(steps=0)
        for i, loss in enumerate([1.0, math.nan, math.inf, 2.0, 0.0, -1.0]):
            run.steps = i
            curve.on_step(run, {"loss": loss})
        ElementTree.fromstring(curve.svg)
        self.assertNotRegex(curve.svg, "nan|inf")
        ElementTree.fromstring(LiveCurve().svg)

    def test_bad_input(self) -> None:
        with self.assertRaisesRegex(ValueError, "every of LiveCurve must be .*at least 0"):
            LiveCurve(-1)


class CurvesTest(unittest.TestCase):
    def test_scales(self) -> None:
        points = [(float(i), 10.0**-i) for i in range(6)]
        panel = Panel("<loss>", [Curve("&", points, "training")], may_be_logarithmic=True)
        svg = curves_svg([panel], "step", "curves")
        texts = [t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]
        self.assertEqual(texts[0], "<loss>")
        self.assertIn("0.0001", texts)
        even = curves_svg([panel._replace(may_be_logarithmic=False)], "step", "curves")
        self.assertNotIn(">0.0001<", even)

    def test_ticks(self) -> None:
        for low, high in ((0.0, 1.0), (-3e-9, 7e-9), (1e12, 1.001e12), (-5.0, 200.0)):
            found = ticks(low, high)
            self.assertTrue(2 <= len(found) <= 6, found)
            self.assertTrue(all(low <= value <= high for value in found))


class BarTest(unittest.TestCase):
    def test_a_bar_in_a_notebook_needs_no_tqdm(self) -> None:
        notebook = Notebook()
        with notebook.modules, mock.patch.dict(sys.modules, {"tqdm": None, "tqdm.auto": None}):
            trainer(progress=True).fit(BATCHES, BATCHES, epochs=2)
        self.assertEqual(len(notebook.shown), 2)
        last = notebook.shown[1][-1]
        self.assertRegex(last["text/plain"], r"^epoch 2/2 4/4 \[.* s.*\] loss=.*/.*, size=2/2, rate=0.1$")
        self.assertRegex(last["text/html"], r"<progress value=\"4\" max=\"4\"></progress>")

    def test_of_unknown_length(self) -> None:
        notebook = Notebook()
        with notebook.modules:
            bar = NotebookBar("<epoch>", None, 0)
            bar.update(3)
            bar.close()
        self.assertIn("&lt;epoch&gt; <progress></progress> 3 [", notebook.shown[0][-1]["text/html"])


PROGRAM = """
import warnings; warnings.simplefilter("error")
import numpy as np, wengert
from wengert.training import LiveCurve, Trainer
model = wengert.layers.Linear(1, 1)
optimizer = wengert.optimizers.SGD(model, 0.1)
batches = [(np.ones((2, 1), "f"), np.ones((2, 1), "f"))] * 4
trainer = Trainer(model, optimizer, wengert.functions.mse, callbacks=[LiveCurve(every=0)], progress=True)
trainer.fit(batches, epochs=2)
wengert.draw(np.sum(np.sin(wengert.Variable(np.ones(2), name="x"))))
"""


@unittest.skipIf(MISSING, f"needs {', '.join(MISSING)}")
class KernelTest(unittest.TestCase):
    def test_in_a_kernel(self) -> None:
        import nbclient
        import nbformat

        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PROGRAM)])
        folder = str(Path(wengert.__file__).parents[1])
        client = nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": folder}})
        client.execute(stderr=subprocess.DEVNULL)  # (remarks of the kernel about itself)
        outputs = notebook.cells[0].outputs
        self.assertEqual({o.output_type for o in outputs}, {"display_data", "execute_result"})
        kinds = [sorted(o.data) for o in outputs]
        self.assertEqual(kinds.count(["text/html", "text/plain"]), 2, "a bar for each epoch, each in its place")
        self.assertEqual(kinds.count(["image/svg+xml", "text/html", "text/plain"]), 2, "the curve, and the graph")


if __name__ == "__main__":
    unittest.main()
