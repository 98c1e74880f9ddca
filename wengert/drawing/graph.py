"""The walk that finds the functions and values of a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.function import Function
from wengert.core.node import maker_of
from wengert.core.variable import Parameter, Variable, array_of, note_of
from wengert.drawing.diagram import Box, Diagram
from wengert.drawing.page import page_of_graph
from wengert.drawing.picture import Drawing

__all__ = ["draw"]


def draw(y: Any, *, model: Any = None, names: bool = True, verbose: bool = True) -> Drawing:
    """Draw the computational graph of `y`.

    Values are ellipses with name, shape and dtype (also where the array was freed, because backward does not need it):
    parameters yellow, other leaves green, results grey. Functions are boxes. Arrows follow the data flow, downwards to
    `y`, which has a red border.

    Parameters
    ----------
    y : Variable, or nested lists, tuples and dicts of Variables
    model : Layer, optional
        Anything with ``params()``: its names are given to parameters that have none, and on an interactive page the
        calls of each layer are a group.
    names : bool
        Whether to show names.
    verbose : bool
        With False, draw functions and leaves only, without intermediate values.

    Returns
    -------
    Drawing
        A notebook shows it; ``drawing.save("graph.svg")`` makes a picture, ``drawing.save("graph.html")`` a page on
        which one steps through the graph, and ``str(drawing)`` is its text in DOT. It keeps the graph alive.

    Raises
    ------
    TypeError
        If `y` contains anything other than Variables.
    ValueError
        If `y` contains none.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> w = wengert.Parameter(np.ones((2, 3)), name="w")
    >>> y = np.tanh(w) @ np.ones(3)
    >>> print(draw(y, verbose=False))  # doctest: +ELLIPSIS
    digraph graph_of_values {
    ...
      x1 [label="w\\n(2, 3) float64", shape="ellipse", fillcolor="#fbdf9d"];
      f1 [label="Tanh", shape="box", fillcolor="#cfe0fb"];
      f2 [label="Matmul", shape="box", fillcolor="#cfe0fb", color="#d0342c", penwidth="2"];
      x1 -> f1;
      f1 -> f2;
    }
    """
    names, verbose = options.flag(names, "names", "draw"), options.flag(verbose, "verbose", "draw")
    roots = variables_of(y)
    given: dict[int, str] = {}
    if model is not None:
        if not hasattr(model, "params"):
            raise TypeError(f"draw takes as model a Layer, or another object with params(), but got {describe(model)}")
        given = {id(p): name for name, p in model.params().items()}
    return Sheet(roots, given, names, verbose).drawing()


def variables_of(y: Any) -> list[Variable]:
    """List the Variables of nested containers, in order, each once."""
    found: dict[int, Variable] = {}
    ahead = [y]
    while ahead:
        part = ahead.pop()
        if isinstance(part, Variable):
            found.setdefault(id(part), part)
        elif isinstance(part, Mapping):
            ahead += reversed(list(part.values()))
        elif isinstance(part, (list, tuple)):
            ahead += reversed(part)
        else:
            raise TypeError(
                f"draw takes a Variable, or nested lists, tuples and dicts of Variables, but got {describe(part)}; "
                "an array has no graph"
            )
    if not found:
        raise ValueError(f"draw takes a Variable to draw the graph of, but this {type(y).__name__} holds none")
    return list(found.values())


class Sheet:
    """What is drawn so far: boxes and arrows."""

    def __init__(self, roots: list[Variable], given: dict[int, str], names: bool, verbose: bool) -> None:
        self.roots, self.given, self.names, self.verbose = roots, given, names, verbose
        self.drawn = {id(x) for x in roots}
        self.root_functions = {id(f) for f in map(maker_of, roots) if f is not None}
        self.numbers: dict[int, int] = {}  # of functions, by id
        self.functions: list[Any] = []
        self.leaves: dict[int, str] = {}  # box of each leaf
        self.leaf_boxes: dict[str, Variable] = {}
        self.values: set[str] = set()
        self.boxes: list[Box] = []
        self.arrows: list[tuple[str, str]] = []

    def drawing(self) -> Drawing:
        functions = self.functions = functions_of(self.roots)
        self.numbers = {id(f): i for i, f in enumerate(functions, 1)}
        for f in functions:
            sources = [self.source(edge) for edge in f._edges if isinstance(edge, (Variable, Function))]
            name = f"f{self.numbers[id(f)]}"
            self.boxes.append(Box(name, (f.name,), "function", not self.verbose and id(f) in self.root_functions))
            self.arrows += [(source, name) for source in sources]
        for x in self.roots:
            self.source(x)
        diagram = Diagram("graph_of_values", self.boxes, self.arrows)
        drawing = Drawing(diagram, len(functions), len(self.values) + len(self.leaves))
        drawing._sheet = self
        return drawing

    def source(self, edge: Any) -> str:
        """Return the box of a value (a Variable, or the function whose output was released)."""
        f = maker_of(edge)
        if f is None:
            return self.leaf(edge)
        number = self.numbers[id(f)]
        if not self.verbose:
            return f"f{number}"
        box = f"v{number}" if not f.has_several_outputs else f"v{number}_{position(f, edge)}"
        if box not in self.values:
            self.values.add(box)
            marked = id(f) in self.root_functions
            if isinstance(edge, Variable):
                name, like = edge.name, array_of(edge)
                marked = id(edge) in self.drawn if f.has_several_outputs else marked
            else:  # released: the function knows its shape and dtype
                name, like = note_of(f, "name"), f
            self.boxes.append(Box(box, self.lines(name, like), "result", marked))
            self.arrows.append((f"f{number}", box))
        return box

    def leaf(self, x: Variable) -> str:
        box = self.leaves.get(id(x))
        if box is None:
            self.leaves[id(x)] = box = f"x{len(self.leaves) + 1}"
            self.leaf_boxes[box] = x
            lines = self.lines(x.name or self.given.get(id(x)), array_of(x))
            kind = "parameter" if isinstance(x, Parameter) else "leaf"
            self.boxes.append(Box(box, lines, kind, id(x) in self.drawn))
        return box

    def page(self, diagram: Diagram, title: str) -> str:
        """Write the interactive page of the graph."""
        return page_of_graph(diagram, title, self)

    def results_of(self, f: Any) -> list[str]:
        """The boxes in which the results of a call are seen; some of several may not be drawn."""
        number = self.numbers[id(f)]
        if not self.verbose:
            return [f"f{number}"]
        if not f.has_several_outputs:
            return [f"v{number}"]
        return [f"v{number}_{i}" for i in range(len(f._outputs))]

    def box_of(self, edge: Any) -> str | None:
        """The box in which a value is seen; None where it is not drawn."""
        f = maker_of(edge)
        if f is None:
            return self.leaves.get(id(edge))
        boxes = self.results_of(f) if id(f) in self.numbers else [""]
        box = boxes[position(f, edge) if len(boxes) > 1 else 0]
        return box if box in self.values or not self.verbose else None

    def layer_names(self) -> dict[int, str]:
        """The names of parameters that are in layers, by id."""
        names = {id(x): self.given.get(id(x)) or x.name for x in self.leaf_boxes.values() if isinstance(x, Parameter)}
        return {key: name for key, name in names.items() if name and "." in name}

    def lines(self, name: str | None, like: Any) -> tuple[str, ...]:
        """The text of a value: name, shape and dtype."""
        form = "None" if like is None else f"{tuple(like.shape)} {like.dtype}"
        return (name, form) if name and self.names else (form,)


def functions_of(roots: list[Variable]) -> list[Any]:
    """List the calls that values depend on, in the order in which they were recorded."""
    found: dict[int, Any] = {}
    ahead = [f for f in map(maker_of, roots) if f is not None]
    while ahead:
        f = ahead.pop()
        if id(f) not in found:
            found[id(f)] = f
            for edge in f._edges:
                maker = maker_of(edge)
                if maker is not None and id(maker) not in found:
                    ahead.append(maker)
    return sorted(found.values(), key=lambda f: f._number)


def position(f: Any, y: Variable) -> int:
    """The index of an output of a call."""
    return next(i for i, reference in enumerate(f._outputs) if reference() is y)
