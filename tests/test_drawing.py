"""The graph as text, checked by a small strict reader of DOT, and as a picture, by a stand-in for Graphviz."""

import os
import re
import shutil
import stat
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import wengert
from wengert import Function, Parameter, Variable
from wengert.drawing import Drawing, draw

QUOTED = r'"((?:[^"\\\n]|\\.)*)"'
ATTRIBUTE = rf"[a-z]+={QUOTED}"
LIST = rf"\[({ATTRIBUTE}(?:,\s+{ATTRIBUTE})*)\]"
STATEMENT = re.compile(rf"\s*(?:([a-z][a-z0-9_]*) {LIST}|([a-z][a-z0-9_]*) -> ([a-z][a-z0-9_]*));\n")
UNESCAPED = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}


class Read:
    """What a DOT text says: the attributes of each node, and the arrows."""

    def __init__(self, drawing: Any) -> None:
        text = str(drawing) + "\n"
        assert text.startswith("digraph graph_of_values {\n"), text[:80]
        assert text.endswith("\n}\n"), text[-80:]
        self.nodes: dict[str, dict[str, str]] = {}
        self.arrows: list[tuple[str, str]] = []
        at, end = text.index("\n") + 1, len(text) - 2
        while at < end:
            match = STATEMENT.match(text, at)
            assert match, f"not DOT: {text[at : at + 200]!r}"
            at = match.end()
            name, attributes = match[1], match[2]
            if name is None:
                start, to = match.groups()[-2:]
                assert start in self.nodes and to in self.nodes, f"arrow before its node: {match[0]}"
                self.arrows.append((start, to))
            elif name not in ("graph", "node", "edge"):
                assert name not in self.nodes, f"node {name} twice"
                self.nodes[name] = {a.split("=", 1)[0]: unquoted(a) for a in re.split(r",\s+(?=[a-z]+=\")", attributes)}

    def label(self, name: str) -> str:
        return self.nodes[name]["label"]

    def labels(self, shape: str) -> list[str]:
        return [node["label"] for node in self.nodes.values() if node["shape"] == shape]

    def by_labels(self) -> list[tuple[str, str]]:
        return [(self.label(a), self.label(b)) for a, b in self.arrows]

    def node(self, label: str) -> dict[str, str]:
        (found,) = [node for node in self.nodes.values() if node["label"] == label]
        return found


def unquoted(attribute: str) -> str:
    """The value of name="value", as Graphviz shows it."""
    value = attribute.split("=", 1)[1][1:-1]
    value = re.sub(r"\\.", lambda m: UNESCAPED[m[0]], value)  # any other escape is a KeyError
    assert not re.search(r"&(?!amp;)", value), value
    return value.replace("&amp;", "&")


class Halves(Function):
    """A call with two outputs."""

    def forward(self, x: Any) -> Any:
        return x[:1], x[1:]

    def backward(self, *gys: Any) -> Any:
        return np.concatenate(gys)


class TextTest(unittest.TestCase):
    def test_values_and_functions(self) -> None:
        x = Variable(np.ones((2, 3), np.float32), name="x")
        w = Parameter(np.ones((3, 4)), name="w")
        y = np.tanh(x @ w)
        y.name = "y"
        found = Read(draw(y))
        self.assertEqual(
            found.by_labels(),
            [
                ("x\n(2, 3) float32", "Matmul"),
                ("w\n(3, 4) float64", "Matmul"),
                ("Matmul", "(2, 4) float64"),
                ("(2, 4) float64", "Tanh"),
                ("Tanh", "y\n(2, 4) float64"),
            ],
        )
        self.assertEqual(found.labels("box"), ["Matmul", "Tanh"])
        colours = [
            found.node(label)["fillcolor"]
            for label in ("x\n(2, 3) float32", "w\n(3, 4) float64", "Tanh", "(2, 4) float64")
        ]
        self.assertEqual(len(set(colours)), 4, "leaves, parameters, functions and results each have their colour")
        self.assertIn("penwidth", found.node("y\n(2, 4) float64"))
        self.assertNotIn("penwidth", found.node("(2, 4) float64"))

    def test_shared_values_are_one_node(self) -> None:
        x = Variable(np.array(2.0), name="x")
        h = np.exp(x)
        found = Read(draw(h * h + x))
        self.assertEqual(found.labels("box"), ["Exp", "Multiply", "Add"])
        self.assertEqual(found.labels("ellipse").count("x\n() float64"), 1)
        v = next(b for a, b in found.arrows if found.label(a) == "Exp")
        self.assertEqual([found.label(b) for a, b in found.arrows if a == v], ["Multiply", "Multiply"])

    def test_constants_are_no_values(self) -> None:
        x = Variable(np.ones(3))
        found = Read(draw(2 * x + np.ones(3)))
        self.assertEqual(found.labels("ellipse"), ["(3,) float64"] * 3)

    def test_released_values_keep_name_shape_and_dtype(self) -> None:
        x = Variable(np.ones(3, np.float32))
        h = np.sum(x)
        h.name = "h"
        y = h + 1
        del h
        self.assertIsNone(y.creator.inputs[0].data)
        self.assertEqual(Read(draw(y)).labels("ellipse"), ["(3,) float32", "h\n() float32", "() float32"])

    def test_released_values_with_references(self) -> None:
        x = Variable(np.ones(3))
        h = np.sum(x)
        y = h + 1
        h.name = "late"
        found = Read(draw([y, h]))
        self.assertEqual(found.labels("ellipse"), ["(3,) float64", "late\n() float64", "() float64"])
        self.assertIn("penwidth", found.node("late\n() float64"))

    def test_several_outputs(self) -> None:
        x = Variable(np.ones(3), name="x")
        a, b = Halves()(x)
        a.name, b.name = "a", "b"
        found = Read(draw(np.sum(b) * a))
        self.assertEqual(found.labels("box"), ["Halves", "Sum", "Multiply"])
        self.assertEqual(found.by_labels().count(("Halves", "a\n(1,) float64")), 1)
        self.assertEqual(found.by_labels().count(("Halves", "b\n(2,) float64")), 1)
        q, r = np.linalg.qr(Variable(np.eye(2)))
        found = Read(draw([q, r]))
        self.assertEqual(found.labels("box"), ["Qr"])
        self.assertEqual(sum("penwidth" in node for node in found.nodes.values()), 2)
        found = Read(draw(r))
        self.assertEqual(len(found.nodes), 3)

    def test_nested_roots(self) -> None:
        x = Variable(np.ones(2))
        y, z = np.exp(x), np.sin(x)
        found = Read(draw({"a": [y, (z, z)], "x": x}))
        self.assertEqual(found.labels("box"), ["Exp", "Sin"])
        self.assertEqual(sum("penwidth" in node for node in found.nodes.values()), 3)

    def test_leaf_alone(self) -> None:
        for x, label in ((Variable(np.ones(2)), "(2,) float64"), (Parameter(None, name="w"), "w\nNone")):
            found = Read(draw(x))
            self.assertEqual((found.labels("ellipse"), found.arrows), ([label], []))

    def test_names_of_a_model(self) -> None:
        class Model:
            def __init__(self) -> None:
                self.w, self.b = Parameter(np.ones(2)), Parameter(np.ones(2), name="own")

            def params(self) -> dict[str, Parameter]:
                return {"line.weight": self.w, "line.bias": self.b}

        model = Model()
        y = model.w * 2 + model.b
        self.assertIn("line.weight\n(2,) float64", Read(draw(y, model=model)).labels("ellipse"))
        self.assertIn("own\n(2,) float64", Read(draw(y, model=model)).labels("ellipse"))
        self.assertEqual(set(Read(draw(y, model=model, names=False)).labels("ellipse")), {"(2,) float64"})

    def test_quiet(self) -> None:
        x = Variable(np.ones(2), name="x")
        found = Read(draw(np.sum(np.exp(x) * x), verbose=False))
        self.assertEqual(
            found.by_labels(),
            [("x\n(2,) float64", "Exp"), ("Exp", "Multiply"), ("x\n(2,) float64", "Multiply"), ("Multiply", "Sum")],
        )
        self.assertIn("penwidth", found.node("Sum"))
        self.assertEqual(len(found.labels("ellipse")), 1)

    def test_gradients_graph(self) -> None:
        class Cube(Function):
            def forward(self, x: Any) -> Any:
                return x**3

            def backward(self, gy: Any) -> Any:
                return 3 * self.input.data**2 * gy

        x = Variable(np.array(2.0), name="x")
        (np.sin(x) * Cube()(x)).backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        found = Read(draw(gx))
        self.assertIn("Cos", found.labels("box"))
        self.assertEqual(found.labels("ellipse").count("x\n() float64"), 1)
        after = {name: [b for a, b in found.arrows if a == name] for name in found.nodes}
        ahead, reached = [next(n for n in found.nodes if found.label(n) == "x\n() float64")], set()
        while ahead:
            node = ahead.pop()
            reached.add(node)
            ahead += after[node]
        self.assertTrue(any("penwidth" in found.nodes[n] for n in reached), "the gradient is made from x")

    def test_names_are_only_names(self) -> None:
        strange = ('"quoted"', "back\\slash", "ends in \\", "\\N \\G \\l", "<b>bold</b>", "a & b &lt; &#65;")
        for name in (*strange, "x -> y;", '[a="b"]', "été 变量 🙂", '];}" -> \\'):
            with self.subTest(name):
                x = Variable(np.ones(1), name=name)
                self.assertEqual(Read(draw(x)).labels("ellipse"), [f"{name}\n(1,) float64"])
        x = Variable(np.ones(1), name="two\nlines\x00\x1b")
        self.assertEqual(Read(draw(x)).labels("ellipse"), ["two\\nlines\\x00\\x1b\n(1,) float64"])

    def test_long_chains_need_no_recursion(self) -> None:
        n = 100_000
        y = Variable(np.array(1.0))
        for _ in range(n):
            y = y + 1.0
        drawing = draw(y, verbose=False)
        self.assertEqual((drawing.functions, drawing.values), (n, 1))
        self.assertEqual(drawing.dot.count("->"), n)
        nested: Any = y
        for _ in range(n):
            nested = [nested]
        try:
            self.assertEqual(draw(nested, verbose=False).functions, n)
        finally:
            while isinstance(nested, list):
                nested = nested.pop()

    def test_the_graph_is_left_as_it_was(self) -> None:
        x = Variable(np.ones(3))
        y = np.sum(np.exp(x) * x)
        first = str(draw(y))
        y.backward()
        expected = x.grad
        x.cleargrad()
        self.assertEqual(str(draw(y)), first)
        y.backward()
        np.testing.assert_array_equal(x.grad, expected)

    def test_bad_input(self) -> None:
        y = Variable(np.ones(1))
        with self.assertRaisesRegex(TypeError, r"draw takes a Variable, or nested .* but got ndarray of shape \(1,\)"):
            draw(np.ones(1))
        with self.assertRaisesRegex(TypeError, "but got str"):
            draw([y, "y"])
        with self.assertRaisesRegex(ValueError, "this list holds none"):
            draw([])
        with self.assertRaisesRegex(TypeError, r"takes as model a Layer, .*but got dict"):
            draw(y, model={})


STAND_IN = f"""#!{sys.executable}
import os, sys, time
text = sys.stdin.buffer.read()
mode = os.environ.get("STAND_IN", "")
if mode == "fail":
    sys.stderr.write("syntax error in line 1")
    sys.exit(3)
if mode == "hang":
    time.sleep(60)
sys.stdout.buffer.write(b"<svg>" + sys.argv[1].encode() + b" " + str(len(text)).encode() + b"</svg>")
"""


class PictureTest(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.enterContext(mock.patch.dict(os.environ, {"PATH": str(self.bin)}))
        self.drawing = draw(np.exp(Variable(np.ones(2), name="é")))

    def install(self, mode: str = "") -> None:
        """Put a stand-in for Graphviz's program on the path."""
        if os.name == "nt":
            self.skipTest("the stand-in is a script with a shebang")
        program = self.bin / "dot"
        program.write_text(STAND_IN)
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        os.environ["STAND_IN"] = mode

    def test_text_needs_nothing(self) -> None:
        for name in ("a.dot", "b.gv", "c.DOT"):
            path = self.drawing.save(self.folder / name)
            self.assertEqual(path.read_text("utf-8"), str(self.drawing) + "\n")
        self.assertEqual(self.drawing.save(str(self.folder / "d.dot")), self.folder / "d.dot")

    def test_pictures(self) -> None:
        self.install()
        size = len(self.drawing.dot.encode())
        for form in ("png", "pdf"):
            path = self.drawing.save(self.folder / f"graph.{form}")
            self.assertEqual(path.read_text(), f"<svg>-T{form} {size}</svg>")

    def test_without_graphviz(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "graph.png needs Graphviz, but its program `dot` is not on the PATH; "
                                    r"install it \(apt install graphviz.*save\('graph.svg'\)"):  # fmt: skip
            self.drawing.save(self.folder / "graph.png")
        self.assertFalse((self.folder / "graph.png").exists())

    def test_svg_needs_no_graphviz(self) -> None:
        path = self.drawing.save(self.folder / "graph.SVG")
        self.assertEqual(path.read_text("utf-8"), self.drawing.svg + "\n")
        ElementTree.fromstring(path.read_bytes())

    def test_other_endings(self) -> None:
        for name in ("graph", "graph.jpg", "graph.svg.txt"):
            with self.assertRaisesRegex(
                ValueError, rf"ends in one of .svg, .html, .png, .pdf, .dot, .gv, but got '.*{name}'"
            ):
                self.drawing.save(self.folder / name)

    def test_graphviz_that_fails(self) -> None:
        self.install("fail")
        with self.assertRaisesRegex(
            RuntimeError, "failed with status 3 and said: syntax error in line 1; save the text"
        ):
            self.drawing.save(self.folder / "graph.png")

    def test_graphviz_that_hangs(self) -> None:
        self.install("hang")
        with self.assertRaisesRegex(TimeoutError, "did not finish the layout of 3 nodes in 0.2 s; allow more"):
            self.drawing.save(self.folder / "graph.png", timeout=0.2)

    def test_in_a_notebook(self) -> None:
        shown = self.drawing._repr_mimebundle_(include=None, exclude=None)
        self.assertEqual(shown["text/plain"], repr(self.drawing))
        self.assertEqual(shown["image/svg+xml"], self.drawing.svg)
        self.assertEqual(shown["text/html"], self.drawing._repr_html_())
        self.assertIn(self.drawing.svg, shown["text/html"])

    def test_large_graphs_are_not_shown(self) -> None:
        drawing = Drawing(self.drawing.diagram, 3000, 1)
        self.assertEqual(drawing._repr_mimebundle_(), {"text/plain": f"{drawing!r}; it is too large to be shown here"})
        self.assertIsNone(drawing._repr_html_())
        self.assertIn("3000 functions and 1 value;", repr(drawing))

    def test_a_drawing_is_made_of_a_diagram(self) -> None:
        with self.assertRaisesRegex(TypeError, r"made of a Diagram, but got str.*; draw\(y\) makes one"):
            Drawing("digraph {}", 1, 1)  # type: ignore[arg-type]


@unittest.skipUnless(shutil.which("dot"), "needs Graphviz")
class GraphvizTest(unittest.TestCase):
    """Graphviz itself takes the text."""

    def test_names_are_shown_as_they_are(self) -> None:
        name = '"a" \\N <b> &amp; é \\'
        x = Parameter(np.ones((2, 2)), name=name)
        svg = ElementTree.fromstring(draw(wengert.exp(x) @ x).render("svg", 60.0, "the test"))
        texts = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
        self.assertEqual(sorted(texts), sorted([name, *["(2, 2) float64"] * 3, "Exp", "Matmul"]))

    def test_every_format(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for form, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
                path = draw(np.exp(Variable(np.ones(2)))).save(Path(folder) / f"graph.{form}")
                self.assertTrue(path.read_bytes().startswith(start))


if __name__ == "__main__":
    unittest.main()
