"""The layout of a diagram: its properties on random graphs, and the structure of small pictures."""

import re
import unittest
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import wengert
from wengert.drawing import draw
from wengert.drawing.diagram import KINDS, Box, Diagram, Group
from wengert.drawing.layers import BEND, BOX, crossings, levels_of
from wengert.drawing.layout import Rectangle, layout_of, spaced
from wengert.drawing.svg import svg_of

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def diagrams(draw: Any) -> Diagram:
    """Random diagrams: arrows point from earlier boxes to later ones; groups are of consecutive boxes."""
    n = draw(st.integers(0, 25))
    pairs = st.tuples(st.integers(0, max(n - 1, 0)), st.integers(0, max(n - 1, 0)))
    arrows = [(min(p), max(p)) for p in draw(st.lists(pairs, max_size=50)) if p[0] != p[1]]
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=6)))
    groups: dict[str, Group] = {}
    of = [""] * n
    for k, (start, end) in enumerate(pairwise(cuts)):
        if start < end and draw(st.booleans()):
            groups[f"g{k}"] = Group(f"group {k}", "loops")
            of[start:end] = [f"g{k}"] * (end - start)
            if end - start > 2 and draw(st.booleans()):
                groups[f"g{k}i"] = Group("inner", "call", f"g{k}")
                of[start + 1 : end] = [f"g{k}i"] * (end - start - 1)
    kinds = st.sampled_from(sorted(KINDS))
    boxes = [Box(f"b{i}", ("x" * draw(st.integers(0, 30)),), draw(kinds), group=of[i]) for i in range(n)]
    return Diagram("random", boxes, [(f"b{a}", f"b{b}") for a, b in arrows], groups)


def overlap(a: Rectangle, b: Rectangle) -> bool:
    small = 1e-6
    return (
        a.x + a.width > b.x + small
        and b.x + b.width > a.x + small
        and a.y + a.height > b.y + small
        and b.y + b.height > a.y + small
    )


def contains(a: Rectangle, b: Rectangle) -> bool:
    small = 1e-6
    return (
        a.x <= b.x + small
        and a.y <= b.y + small
        and b.x + b.width <= a.x + a.width + small
        and b.y + b.height <= a.y + a.height + small
    )


class PropertiesTest(unittest.TestCase):
    @settings(max_examples=120, deadline=None)
    @given(diagrams())
    def test_boxes_do_not_overlap(self, diagram: Diagram) -> None:
        layout = layout_of(diagram)
        self.assertEqual(set(layout.boxes), {box.name for box in diagram.boxes})
        self.assertEqual(set(layout.groups), set(diagram.groups))
        whole = Rectangle(0, 0, layout.width, layout.height)
        around = {box.name: box.group for box in diagram.boxes} | {g: d.parent for g, d in diagram.groups.items()}
        places = layout.boxes | layout.groups
        for name, at in places.items():
            self.assertTrue(contains(places.get(around[name], whole), at), name)
        names = list(places)
        for i, a in enumerate(names):
            for b in names[:i]:
                if around[a] == around[b]:
                    self.assertFalse(overlap(places[a], places[b]), (a, b))

    @settings(max_examples=120, deadline=None)
    @given(diagrams())
    def test_arrows_go_from_row_to_row(self, diagram: Diagram) -> None:
        for level in levels_of(diagram).values():
            row_of = {i: k for k, row in enumerate(level.rows) for i in row}
            self.assertEqual(sorted(row_of), list(range(len(level.items))))
            self.assertEqual(level.straight, [])
            for a, b, _ in level.segments:
                self.assertEqual(row_of[b], row_of[a] + 1)
        for course in layout_of(diagram).courses:
            self.assertLessEqual(course.y, course.bottom)
            self.assertLess(course.bottom, course.top)
            self.assertLessEqual(course.top, course.end_y + 1e-6)

    @settings(max_examples=120, deadline=None)
    @given(diagrams())
    def test_every_arrow_arrives(self, diagram: Diagram) -> None:
        # the courses of a box, joined at their ends, lead from it to the boxes that its arrows point at
        layout = layout_of(diagram)
        for box in diagram.boxes:
            at = layout.boxes[box.name]
            courses = [c for c in layout.courses if c.net == box.name]
            reached = {(round(at.x + at.width / 2, 3), round(at.y + at.height, 3))}
            ends = set()
            for c in sorted(courses, key=lambda c: c.y):
                self.assertIn((round(c.x, 3), round(c.y, 3)), reached)
                if c.has_head:
                    ends.add((round(c.end_x, 3), round(c.end_y, 3)))
                else:
                    # (a line through the row of a bend begins at the top of the row)
                    reached.add((round(c.end_x, 3), round(c.end_y, 3)))
            wanted = {end for start, end in diagram.arrows if start == box.name}
            tops = {name: layout.boxes[name] for name in wanted}
            self.assertEqual(ends, {(round(t.x + t.width / 2, 3), round(t.y, 3)) for t in tops.values()})

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.01, 8), st.floats(0, 9)), min_size=1, max_size=12))
    def test_places_in_a_row_are_the_nearest(self, given: Any) -> None:
        wished, weights = [x for x, _, _ in given], [w for _, w, _ in given]
        gaps = [gap for _, _, gap in given[1:]]
        found = spaced(wished, weights, gaps)
        for (a, b), gap in zip(pairwise(found), gaps, strict=True):
            self.assertGreaterEqual(b - a, gap - 1e-9)

        def cost(xs: Any) -> float:
            return float(sum(w * (x - d) ** 2 for x, d, w in zip(xs, wished, weights, strict=True)))

        start = np.array([wished[0] + sum(gaps[:i]) for i in range(len(given))])
        for t in (1e-3, 0.1, 1.0):  # (the set of allowed places is convex)
            self.assertLessEqual(cost(found), cost((1 - t) * np.array(found) + t * start) + 1e-7)

    def test_circles_are_drawn(self) -> None:
        boxes = [Box(name, (name,), "call") for name in "abc"]
        layout = layout_of(Diagram("circle", boxes, [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")]))
        self.assertEqual(len(layout.courses), 3)
        self.assertFalse(any(overlap(layout.boxes[a], layout.boxes[b]) for a, b in ("ab", "bc", "ac")))

    def test_crossings(self) -> None:
        self.assertEqual(crossings([[0, 1], [2, 3]], [[3], [2], [], []]), 1)
        self.assertEqual(crossings([[0, 1], [2, 3]], [[2, 3], [2, 3], [], []]), 1)
        self.assertEqual(crossings([[0, 1], [3, 2]], [[3], [2], [], []]), 0)

    def test_avoidable_crossings_are_avoided(self) -> None:
        boxes = [Box(name, (name,), "call") for name in "abcxyz"]
        diagram = Diagram("crossed", boxes, [("a", "z"), ("b", "y"), ("c", "x"), ("x", "y"), ("z", "y")])
        (level,) = levels_of(diagram).values()
        after: list[list[int]] = [[] for _ in level.items]
        for a, b, _ in level.segments:
            after[a].append(b)
        self.assertEqual(crossings(level.rows, after), 0)

    def test_a_large_graph_is_laid_out_in_a_moment(self) -> None:
        x, y = (wengert.Variable(np.ones(2)) for _ in range(2))
        values = [x, y]
        rng = np.random.default_rng(0)
        for i in range(990):
            a, b = rng.integers(max(0, len(values) - 20), len(values), 2)
            values.append(values[a] * x if i % 3 else values[a] + values[b])
        drawing = draw(sum(values[-20:]))
        self.assertGreater(drawing.functions + drawing.values, 900)
        started = perf_counter()
        drawing.svg  # noqa: B018
        self.assertLess(perf_counter() - started, 5.0)


class SmallPicturesTest(unittest.TestCase):
    def test_a_chain_is_straight(self) -> None:
        layout = layout_of(draw(np.sum(np.exp(wengert.Variable(np.ones(2), name="x")))).diagram)
        middles = {round(at.x + at.width / 2, 2) for at in layout.boxes.values()}
        self.assertEqual(len(middles), 1)
        order = sorted(layout.boxes, key=lambda name: layout.boxes[name].y)
        self.assertEqual(order, ["x1", "f1", "v1", "f2", "v2"])

    def test_long_arrows_bend_around_boxes(self) -> None:
        x = wengert.Variable(np.ones(2), name="x")
        diagram = draw(np.exp(np.sin(x)) * x, verbose=False).diagram
        (level,) = levels_of(diagram).values()
        self.assertEqual([item for item in level.items if item.kind == BEND], [(BEND, "x1")] * 2)
        layout = layout_of(diagram)
        passing = [c for c in layout.courses if c.net == "x1"]
        for c in passing:
            for name, at in layout.boxes.items():
                if at.y < c.bottom and c.y < at.y + at.height and name != "x1":
                    self.assertFalse(at.x <= c.x <= at.x + at.width, name)

    def test_parameters_stand_beside_their_use(self) -> None:
        x, w = wengert.Variable(np.ones(2), name="x"), wengert.Parameter(np.ones(2), name="w")
        diagram = draw(np.sum(np.exp(np.sin(x)) * w)).diagram
        layout = layout_of(diagram)
        named = {box.lines[0]: layout.boxes[box.name] for box in diagram.boxes}
        self.assertLess(named["x"].y, named["w"].y)
        self.assertLess(named["w"].y, named["Multiply"].y)

    def test_structure_of_the_svg(self) -> None:
        x = wengert.Variable(np.ones(2), name="x")
        svg = ElementTree.fromstring(draw(np.exp(x) * x).svg)
        boxes = {g.get("data-name"): g for g in svg.iter(f"{SVG}g") if g.get("class") == "box"}
        self.assertEqual(set(boxes), {"x1", "f1", "v1", "f2", "v2"})
        texts = {name: [t.text for t in g.iter(f"{SVG}text")] for name, g in boxes.items()}
        self.assertEqual(texts["x1"], ["x", "(2,) float64"])
        self.assertEqual(texts["f2"], ["Multiply"])
        classes = {name: next(g.iter(f"{SVG}rect")).get("class") for name, g in boxes.items()}
        self.assertEqual(classes["v2"], "result marked")
        self.assertEqual(classes["x1"], "leaf")
        arrows = [p.get("data-from") for p in svg.iter(f"{SVG}path") if p.get("class") == "arrow"]
        self.assertEqual(sorted(filter(None, arrows)), ["f1", "f2", "v1", "x1"])
        (title,) = svg.findall(f"{SVG}title")
        self.assertEqual(title.text, "a graph of 2 functions and 3 values")

    def test_names_are_only_text(self) -> None:
        for name in ("<b>&amp;</b>", "</text><script>alert(1)</script>", "\"x\" 'y'", "]]> --> <!--", "été 变量 🙂"):
            with self.subTest(name):
                svg = draw(wengert.Variable(np.ones(1), name=name)).svg
                self.assertIn(name, [t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text")])
                self.assertNotIn("<script", svg)
        svg = draw(wengert.Variable(np.ones(1), name="a\x00\x1b\nb\ud800")).svg
        self.assertIn("a\\x00\\x1b\\nb\\ud800", [t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text")])
        title = "<i>&"
        diagram = Diagram("d", [Box("a", ("a",), "call", group="g")], [], {"g": Group(title, "call")})
        texts = [t.text for t in ElementTree.fromstring(svg_of(diagram, title)).iter(f"{SVG}text")]
        self.assertEqual(texts, [title, "a"])

    def test_light_and_dark(self) -> None:
        svg = draw(wengert.Variable(np.ones(1))).svg
        for rule in ("prefers-color-scheme: dark", 'html[data-theme="dark"]', 'body[data-jp-theme-light="false"]'):
            self.assertIn(rule, svg)
        (style,) = re.findall(r"<style>(.*?)</style>", svg, re.DOTALL)
        outside = [line for line in style.splitlines() if "{" in line and ".wengert-" not in line]
        self.assertEqual(outside, ["@media (prefers-color-scheme: dark) {"], "rules hold for pictures only")

    def test_nothing_to_draw(self) -> None:
        layout = layout_of(Diagram("empty", [], []))
        self.assertEqual((layout.width, layout.height, layout.courses), (0, 0, []))
        (level,) = levels_of(Diagram("one", [Box("a", (), "call")], [])).values()
        self.assertEqual((level.items, level.rows), ([(BOX, "a")], [[0]]))


if __name__ == "__main__":
    unittest.main()
