"""The interactive page: what is in the file, and what it does in a real browser."""

import json
import re
import tempfile
import unittest
from html import escape
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import wengert
from tests.browser import Browser
from wengert import Parameter, Variable
from wengert.drawing import draw
from wengert.drawing.diagram import Box, Diagram, Group
from wengert.drawing.layout import layout_of
from wengert.drawing.page import page_of
from wengert.drawing.summaries import short

STRANGE = '</script><img src=x onerror="window.broken = 1"> <!-- & \u2028'


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def small() -> tuple[Variable, Variable, Variable]:
    """A graph in which a value is taken twice."""
    x = Variable(np.array([1.0, 2.0]), name="x")
    h = np.sin(x)
    h.name = "h"
    y = np.sum(h * h)
    y.name = "y"
    return x, h, y


def deep() -> tuple[Any, Variable]:
    """A model of many layers, and its loss."""
    wengert.seed(0)
    model = wengert.models.GPT(vocabulary=20, length=4, width=8, layers=2, heads=2, dropout=0.0)
    return model, np.mean(model(np.arange(4)[None]) ** 2)


class FileTest(unittest.TestCase):
    def test_it_loads_nothing(self) -> None:
        model, y = deep()
        page = draw(y, model=model).page()
        text = re.sub(r"http://www\.w3\.org/\S+", "", page)
        self.assertNotRegex(text, r"https?:|//cdn|@import|url\(|<link|src=")
        self.assertIn("default-src 'none'", page)

    def test_steps(self) -> None:
        _, _, y = small()
        steps = data_of(draw(y).page())["steps"]
        self.assertEqual([s["phase"] for s in steps], ["start"] + ["forward"] * 3 + ["backward"] * 5)
        self.assertEqual([s["box"] for s in steps], ["", "f1", "f2", "f3", "", "f3", "f2", "f1", ""])
        self.assertEqual(steps[0]["values"]["x1"], ["[1. 2.]", "[1. 2.]"])
        self.assertEqual(steps[4]["gradients"]["v3"][0], "1.")

    def test_names_cannot_leave_their_place(self) -> None:
        x = Parameter(np.ones(1), name=STRANGE)
        page = draw(x * 1).page()
        self.assertNotIn("<img", page)
        self.assertEqual(page.count("</script>"), 2)
        boxes = data_of(page)["boxes"]
        self.assertIn(STRANGE.replace("\u2028", "\\u2028"), boxes["x1"]["lines"])
        title = page_of(Diagram("d", [Box("a", ("a",), "call")], []), STRANGE, [])
        self.assertEqual(title.count(escape(STRANGE)), 3)
        self.assertIn("@@", page_of(Diagram("d", [Box("a", ("@@DATA@@",), "call")], []), "@@DATA@@", []))

    def test_without_intermediate_values(self) -> None:
        _, _, y = small()
        steps = data_of(draw(y, verbose=False).page())["steps"]
        self.assertEqual(set(steps[3]["values"]), {"f3"})
        self.assertEqual(set(steps[-1]["gradients"]), {"x1"})

    def test_several_roots_have_no_gradients(self) -> None:
        x, h, y = small()
        data = data_of(draw([y, h]).page())
        self.assertNotIn("backward", [s["phase"] for s in data["steps"]])
        self.assertIn("No gradients: several values are drawn", data["note"])
        self.assertEqual(len(data_of(draw(x).page())["boxes"]), 1)

    def test_several_results(self) -> None:
        q, r = np.linalg.qr(Variable(np.array([[2.0, 1.0], [0.0, 1.0]])))
        data = data_of(draw(np.sum(q) + np.sum(r)).page())
        self.assertEqual(len(data["steps"][1]["values"]), 2)
        drawn = set(data["boxes"])
        for step in data["steps"]:
            self.assertLessEqual(set(step["values"]) | set(step["gradients"]), drawn)

    def test_saving(self) -> None:
        _, _, y = small()
        with tempfile.TemporaryDirectory() as folder:
            path = draw(y).save(Path(folder) / "graph.html")
            self.assertEqual(path.read_text("utf-8"), draw(y).page())


class BrowserTest(unittest.TestCase):
    """The page in headless Chromium; skipped where it is not installed."""

    browser: ClassVar[Browser]
    folder: ClassVar[Path]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.browser = cls.enterClassContext(Browser())

    def show(self, page: str) -> None:
        path = self.folder / "page.html"
        path.write_text(page, "utf-8")
        self.browser.open(path)
        self.addCleanup(lambda: self.assertEqual(self.browser.errors(), []))

    def texts(self, box: str) -> list[str]:
        script = "return [...document.querySelectorAll(`[data-box='${arguments[0]}'] text`)].map(t => t.textContent)"
        return [text for text in self.browser.run(script, box) if text]

    def count(self, selector: str) -> int:
        return int(self.browser.run("return document.querySelectorAll(arguments[0]).length", selector))

    def test_stepping_shows_values_and_gradients(self) -> None:
        x, h, y = small()
        self.show(draw(y).page())
        self.assertEqual(self.texts("x1"), ["x", "(2,) float64", "= [1. 2.]"])
        self.assertEqual(self.texts("v1"), ["h", "(2,) float64"])
        self.browser.click("#forward")
        self.assertEqual(self.texts("v1"), ["h", "(2,) float64", f"= {short(h.data)}"])
        self.assertEqual(self.texts("v3"), ["y", "() float64"])
        self.assertIn("Step 1 of 8, forward: Sin", self.browser.text("#status"))
        self.browser.press("right")
        self.browser.press("right")
        self.assertEqual(self.texts("v3")[-1], f"= {short(y.data)}")
        self.browser.press("end")
        y.backward()
        self.assertEqual(self.texts("x1")[-1], f"∂ {short(x.grad)}")
        self.assertTrue(self.browser.run("return document.querySelector('#forward').disabled"))
        self.browser.press("left")
        self.assertEqual(self.texts("v1")[-1], f"∂ {short(2 * h.data)}")
        self.browser.press("home")
        self.assertEqual(self.texts("x1"), ["x", "(2,) float64", "= [1. 2.]"])
        script = "const s = document.querySelector('#slider'); s.value = 2; s.dispatchEvent(new Event('input'))"
        self.browser.run(script)
        self.assertIn("Step 2 of 8, forward: Multiply", self.browser.text("#status"))
        self.assertEqual(self.count(".now[data-box='f2']"), 1)

    def test_a_chosen_box_is_told_in_full(self) -> None:
        x = Variable(np.arange(60.0), name="x")
        self.show(draw(np.sum(x)).page())
        self.browser.click("[data-box='x1']")
        self.assertIn("0 … 59, mean 29.5", self.browser.text("#details"))
        self.assertIn("[ 0.  1. ... 58. 59.]", self.browser.text("#details"))

    def test_groups_open_and_close(self) -> None:
        model, y = deep()
        drawing = draw(y, model=model)
        self.show(drawing.page())
        groups = self.count("[data-group]")
        closed = self.count("[data-box]")
        self.assertLess(closed, 20)
        self.assertGreater(groups, 2)
        self.browser.click("[data-group][aria-label^='h,']")
        self.assertEqual(self.count("[data-group][aria-label^='h,'][aria-expanded='true']"), 1)
        self.assertGreater(self.count("[data-group]"), groups)
        self.browser.press("enter")  # (the group keeps the focus)
        self.assertEqual((self.count("[data-group]"), self.count("[data-box]")), (groups, closed))
        self.browser.click("#open")
        self.assertEqual(self.count("[data-box]"), drawing.functions + drawing.values)
        self.browser.press("end")
        self.assertEqual(self.count(".box.later"), 0)
        self.browser.click("#close")
        self.assertEqual(self.count("[data-box]"), closed)
        self.browser.press("home")
        for _ in range(8):
            self.browser.press("right")
        self.assertEqual(self.count(".group.now"), 1, "a step inside of a closed group marks the group")

    def test_names_are_only_text(self) -> None:
        self.show(draw(Parameter(np.ones(1), name=STRANGE) * 1).page())
        self.assertEqual(self.count("img"), 0)
        self.assertIsNone(self.browser.run("return window.broken || null"))
        self.assertIn(STRANGE.replace("\u2028", "\\u2028"), self.texts("x1"))

    def test_places_are_those_of_the_picture(self) -> None:
        rng = np.random.default_rng(0)
        boxes = [Box(f"b{i}", ("x" * int(rng.integers(1, 20)),), "call") for i in range(40)]
        boxes = [b._replace(group="g" if 5 <= i < 25 else "") for i, b in enumerate(boxes)]
        boxes = [b._replace(group="h" if 9 <= i < 20 else b.group) for i, b in enumerate(boxes)]
        pairs = rng.integers(0, 40, (60, 2))
        arrows = [(f"b{min(p)}", f"b{max(p)}") for p in pairs.tolist() if p[0] != p[1]]
        groups = {"g": Group("outer", "loops"), "h": Group("a title wider than what is in it" * 4, "call", "g")}
        diagram = Diagram("d", boxes, arrows, groups)
        self.show(page_of(diagram, "places", []))
        found = self.browser.run("return layout.boxes")
        layout = layout_of(diagram)
        for name, at in layout.boxes.items():
            for key, value in at._asdict().items():
                self.assertAlmostEqual(found[name][key], value, 6, f"{name}.{key}")
        found = self.browser.run("return layout.groups")
        for name, at in layout.groups.items():
            for key, value in at._asdict().items():
                self.assertAlmostEqual(found[name][key], value, 6, f"{name}.{key}")

    def test_zoom_and_pan(self) -> None:
        _, _, y = small()
        self.show(draw(y).page())
        before = self.browser.run("return {...view}")
        self.browser.click("#closer")
        self.assertGreater(self.browser.run("return view.scale"), before["scale"])
        self.browser.press("0")
        self.assertEqual(self.browser.run("return {...view}"), before)
        moves = [
            {"type": "pointerMove", "duration": 0, "x": 60, "y": 300},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 50, "x": 110, "y": 340},
            {"type": "pointerUp", "button": 0},
        ]
        self.browser.ask("POST", "/actions", actions=[{"type": "pointer", "id": "mouse", "actions": moves}])
        after = self.browser.run("return {...view}")
        self.assertEqual((after["x"] - before["x"], after["y"] - before["y"]), (50, 40))

    def test_phone_and_dark(self) -> None:
        model, y = deep()
        with Browser(390, 800, dark=True) as phone:
            path = self.folder / "phone.html"
            path.write_text(draw(y, model=model).page(), "utf-8")
            phone.open(path)
            width = phone.run("return [document.documentElement.scrollWidth, window.innerWidth]")
            self.assertEqual(width, [390, 390])
            self.assertEqual(phone.run("return getComputedStyle(document.body).backgroundColor"), "rgb(20, 23, 27)")
            ends = phone.run(
                "return [...document.querySelectorAll('button')].map(b => b.getBoundingClientRect().right)"
            )
            self.assertLessEqual(max(ends), 390)
            self.assertGreater(phone.run("return picture.getBoundingClientRect().height"), 200)
            self.assertEqual(phone.errors(), [])


if __name__ == "__main__":
    unittest.main()
