"""The walk that finds the functions and values of a graph, and writes them as DOT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.function import Function
from wengert.core.node import maker_of
from wengert.core.variable import Parameter, Variable, array_of, note_of
from wengert.drawing.picture import Drawing

__all__ = ["draw"]

# Dark text on light nodes; grey lines are visible on white and on black.
HEAD = """\
digraph graph_of_values {
  graph [bgcolor="transparent", rankdir="TB", nodesep="0.25", ranksep="0.35"];
  node [style="filled", fontname="Helvetica,Arial,sans-serif", fontsize="11", fontcolor="#1a1a1a", color="#808080",
        margin="0.1,0.04", height="0.3"];
  edge [color="#808080", arrowsize="0.6"];
"""
FUNCTION = 'shape="box", fillcolor="#cfe0fb"'
PARAMETER = 'shape="ellipse", fillcolor="#fbdf9d"'
LEAF = 'shape="ellipse", fillcolor="#cdebc8"'
RESULT = 'shape="ellipse", fillcolor="#ebebeb"'
DRAWN = ', color="#d0342c", penwidth="2"'  # the values that `draw` was called with


def draw(y: Any, *, model: Any = None, names: bool = True, verbose: bool = True) -> Drawing:
    """Draw the computational graph of `y`.

    Values are ellipses with name, shape and dtype (also where the array was freed, because backward does not need it):
    parameters yellow, other leaves green, results grey. Functions are boxes. Arrows follow the data flow, downwards to
    `y`, which has a red border.

    Parameters
    ----------
    y : Variable, or nested lists, tuples and dicts of Variables
    model : Layer, optional
        Anything with ``params()``: its names are given to parameters that have none.
    names : bool
        Whether to show names.
    verbose : bool
        With False, draw functions and leaves only, without intermediate values.

    Returns
    -------
    Drawing
        Its text is ``str(drawing)``; ``drawing.save("graph.svg")`` makes a picture.

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
    """The DOT text so far: lines of nodes, lines of arrows."""

    def __init__(self, roots: list[Variable], given: dict[int, str], names: bool, verbose: bool) -> None:
        self.roots, self.given, self.names, self.verbose = roots, given, names, verbose
        self.drawn = {id(x) for x in roots}
        self.root_functions = {id(f) for f in map(maker_of, roots) if f is not None}
        self.numbers: dict[int, int] = {}  # of functions, by id
        self.leaves: dict[int, str] = {}  # node of each leaf
        self.values: set[str] = set()
        self.nodes: list[str] = []
        self.arrows: list[str] = []

    def drawing(self) -> Drawing:
        functions = functions_of(self.roots)
        self.numbers = {id(f): i for i, f in enumerate(functions, 1)}
        for f in functions:
            sources = [self.source(edge) for edge in f._edges if isinstance(edge, (Variable, Function))]
            node = f"f{self.numbers[id(f)]}"
            marked = DRAWN if not self.verbose and id(f) in self.root_functions else ""
            self.nodes.append(f'  {node} [label="{escaped(f.name)}", {FUNCTION}{marked}];')
            self.arrows += [f"  {source} -> {node};" for source in sources]
        for x in self.roots:
            self.source(x)
        text = "\n".join((HEAD + "\n".join(self.nodes), *self.arrows, "}"))
        return Drawing(text, len(functions), len(self.values) + len(self.leaves))

    def source(self, edge: Any) -> str:
        """Return the node of a value (a Variable, or the function whose output was released)."""
        f = maker_of(edge)
        if f is None:
            return self.leaf(edge)
        number = self.numbers[id(f)]
        if not self.verbose:
            return f"f{number}"
        node = f"v{number}" if not f.has_several_outputs else f"v{number}_{position(f, edge)}"
        if node not in self.values:
            self.values.add(node)
            marked = id(f) in self.root_functions
            if isinstance(edge, Variable):
                name, like = edge.name, array_of(edge)
                marked = id(edge) in self.drawn if f.has_several_outputs else marked
            else:  # released: the function knows its shape and dtype
                name, like = note_of(f, "name"), f
            self.nodes.append(f"  {node} [{self.label(name, like)}, {RESULT}{DRAWN if marked else ''}];")
            self.arrows.append(f"  f{number} -> {node};")
        return node

    def leaf(self, x: Variable) -> str:
        node = self.leaves.get(id(x))
        if node is None:
            self.leaves[id(x)] = node = f"x{len(self.leaves) + 1}"
            label = self.label(x.name or self.given.get(id(x)), array_of(x))
            colours = (PARAMETER if isinstance(x, Parameter) else LEAF) + (DRAWN if id(x) in self.drawn else "")
            self.nodes.append(f"  {node} [{label}, {colours}];")
        return node

    def label(self, name: str | None, like: Any) -> str:
        """The label of a value: name, shape and dtype."""
        form = "None" if like is None else f"{tuple(like.shape)} {like.dtype}"
        return f'label="{escaped(name)}\\n{form}"' if name and self.names else f'label="{form}"'


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


def escaped(text: str) -> str:
    """Escape text for a quoted DOT string; unprintable characters are spelled out."""
    printed = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return printed.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
