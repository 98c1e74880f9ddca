"""The graph of a call and its gradients, divided into that of the call and that of its pullback.

What the call has computed and the pullback reads is kept, if it is expensive; elementwise steps are computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.capture.layouts import view_of, view_of_input
from wengert.compiler.capture.templates import GraphOutput, InputAlias, as_array
from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node, c_strides

__all__ = ["Divided", "Pullback", "backward_of", "contiguous", "copied_graph", "divided"]

# Operations that a pullback makes again, rather than reading their results.
CHEAP = ("select", "view", "convert", "constant")
TRANSCENDENTAL = {
    *(np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.power, np.float_power, np.arctan2, np.hypot),
    *(np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.sinh, np.cosh, np.tanh),
    *(np.arcsinh, np.arccosh, np.arctanh, np.logaddexp, np.logaddexp2, np.cbrt),
}  # elementwise functions that are kept, too
LITTLE = 1024  # multiplications and additions that take less time than to make an array; four for such a function


class Pullback:
    """Runs the graph of a pullback, which is compiled when it is first needed.

    Parameters
    ----------
    graph : Graph
        Its inputs are numbered by `place`.
    compiled : callable
        Makes what runs it.
    templates : list
        What it returns: GraphOutput, InputAlias, or None where there is no gradient.
    """

    def __init__(self, graph: Graph, compiled: Callable[[Graph], Any], templates: Sequence[Any]) -> None:
        self.graph, self.compiled, self.templates = graph, compiled, list(templates)
        self.places = [node.settings["place"] for node in graph.inputs]
        self.run: Any = None
        self.reads_all = False
        # Whether it returns the results as they are.
        self.direct = len(graph.results) == len(self.templates) and all(
            isinstance(t, GraphOutput) and t.number == i and t.view is None for i, t in enumerate(self.templates)
        )

    def __call__(self, arrays: list[Any]) -> list[Any]:
        """The gradients, from the arrays of all inputs."""
        if self.run is None:
            try:
                self.run = self.compiled(self.graph)
            except (ImportError, MemoryError, Warning):
                raise
            except Exception:
                self.run = unavailable
                raise
            self.reads_all = self.places == [*range(len(arrays))]
        results = self.run(arrays if self.reads_all else [arrays[place] for place in self.places])
        return results if self.direct else [value_of(template, results, arrays) for template in self.templates]


def unavailable(arrays: list[Any]) -> list[Any]:
    """Stand for a graph that could not be compiled, because of a defect in the compiler."""
    raise RuntimeError("a pullback could not be compiled")


def value_of(template: Any, results: list[Any], arrays: list[Any]) -> Any:
    """The value that a template stands for."""
    if template is None:
        return None
    if isinstance(template, InputAlias):
        array = arrays[template.number]
        return array if template.view is None else view_of_input(array, template.view)
    return results[template.number] if template.view is None else view_of(results[template.number], template.view)


class Divided(NamedTuple):
    """A joint graph in two.

    Attributes
    ----------
    forward, backward : Graph
    numbers : dict
        By the number of a result of the joint graph, that of the forward graph.
    kept : list
        What the call keeps for its pullback, as templates: GraphOutput of the forward graph, InputAlias.
    gradients : list
        The templates of the gradients: of results of the backward graph, and of its inputs.
    """

    forward: Graph
    backward: Graph
    numbers: dict[int, int]
    kept: list[Any]
    gradients: list[Any]


def copied(graph: Graph, change: Callable[[Node], Node | None] | None = None, roots: Iterable[Node] = ()) -> Any:
    """Copy the nodes of a graph, or those that `roots` need; ``change(node)`` may replace one and what it needs."""
    new: dict[Node, Node] = {}
    stack = [*roots] if change is not None else [*graph.nodes]
    while stack:
        node = stack[-1]
        if node in new:
            stack.pop()
            continue
        replacement = None if change is None else change(node)
        missing = [] if replacement is not None else [x for x in node.operands if x not in new]
        if missing:
            stack += missing
            continue
        if replacement is None:
            replacement = node.copy(tuple(new[x] for x in node.operands))
            replacement.moment = node.moment
        new[node] = replacement
        stack.pop()
    return new


def copied_graph(graph: Graph) -> Graph:
    """A copy without any node of the graph."""
    new = copied(graph)
    return Graph(
        [new[x] for x in graph.inputs],
        [new[x] for x in graph.results],
        [(new[a], new[b]) for a, b in graph.assignments],
        [new[x] for x in graph.effects],
        graph.as_written,
    )


def input_node(like: Node, place: int) -> Node:
    """An input in the place of a value."""
    strides = like.strides if like.op == "input" else None
    return Node("input", (), {"place": place}, like.shape, like.dtype, strides, like.weak)


def dependent_on(graph: Graph, places: Sequence[int]) -> set[Node]:
    """The values that depend on some inputs."""
    found: set[Node] = set()
    for node in graph.nodes:
        if (node.op == "input" and node.settings["place"] in places) or any(x in found for x in node.operands):
            found.add(node)
    return found


def divided(
    graph: Graph,
    returned: tuple[Sequence[int], set[int]],
    gradients: Sequence[Any],
    gys: Sequence[int],
    plain: set[int],
) -> Divided:
    """Divide a graph.

    Parameters
    ----------
    graph : Graph
        Lowered.
    returned : (sequence of int, set of int)
        The numbers of the results that the call returns, and those that are returned as they are, and never change.
    gradients : sequence
        The templates of the gradients.
    gys : sequence of int
        The places of the inputs that are gradients with respect to results.
    plain : set of int
        The places of the inputs that the program may have written to by the time of the pullback. What is computed from
        them is kept; they themselves are read as NumPy's derivatives read them.
    """
    forward, whole = returned
    depends = dependent_on(graph, gys)
    guards = [node for node in graph.effects if node in depends]
    backward = list(dict.fromkeys(t.number for t in gradients if isinstance(t, GraphOutput)))
    roots = [graph.results[number] for number in backward]
    available = {graph.results[number]: number for number in whole}
    cut = values_to_keep([*roots, *guards], depends, available, plain)

    results = list(dict.fromkeys(forward))
    numbers = {number: i for i, number in enumerate(results)}
    ahead = [graph.results[number] for number in results]
    sources = dict.fromkeys([x.settings["place"] for x in cut if x.op == "input"])
    sources |= dict.fromkeys(t.number for t in gradients if isinstance(t, InputAlias) and t.number not in gys)
    kept: list[Any] = [InputAlias(place) for place in sources]
    place_of = {place: i for i, place in enumerate(sources)}
    inputs = {x: input_node(x, place_of[x.settings["place"]]) for x in cut if x.op == "input"}
    for x in cut:
        if x.op != "input":
            inputs[x] = input_node(x, len(kept))
            kept.append(GraphOutput(numbers[available[x]] if x in available else len(ahead)))
            if x not in available:
                ahead.append(x)
    for i, place in enumerate(gys):
        place_of[place] = len(kept) + i
    for node in graph.inputs:
        if node in depends:
            inputs[node] = input_node(node, place_of[node.settings["place"]])
    new = copied(graph, inputs.get, [*roots, *guards])
    read = sorted([inputs[x] for x in inputs if x in new], key=lambda x: x.settings["place"])
    return Divided(
        Graph(
            [x for x in graph.inputs if x not in depends],
            ahead,
            [],
            [x for x in graph.effects if x not in depends],
            True,
        ),
        Graph(read, [new[x] for x in roots], [], [new[x] for x in guards], True),
        numbers,
        kept,
        [renumbered(t, backward, place_of) for t in gradients],
    )


def backward_of(graph: Graph, gradients: Sequence[Any], gys: Sequence[int]) -> tuple[Graph, list[int], list[Any]]:
    """The part of a joint graph that computes gradients from the inputs; their places, apart from those of `gys`."""
    depends = dependent_on(graph, gys)
    numbers = list(dict.fromkeys(t.number for t in gradients if isinstance(t, GraphOutput)))
    guards = [node for node in graph.effects if node in depends]
    found = Graph([], [graph.results[number] for number in numbers], [], guards, as_written=True)
    found.inputs = [node for node in found.nodes if node.op == "input"]
    places = dict.fromkeys(node.settings["place"] for node in found.inputs)
    places |= dict.fromkeys(t.number for t in gradients if isinstance(t, InputAlias))
    sources = [place for place in places if place not in gys]
    order = {place: i for i, place in enumerate((*sources, *gys))}
    for node in found.inputs:
        node.settings = {"place": order[node.settings["place"]]}
    return found, sources, [renumbered(as_array(t), numbers, order) for t in gradients]


def values_to_keep(roots: list[Node], depends: set[Node], available: Any, plain: set[int]) -> list[Node]:
    """The values of a call that its pullback reads: inputs, what is expensive, and what is returned anyway."""
    found: dict[Node, None] = {}
    seen: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node not in depends and (
            node.op == "input"
            or node in available
            or (is_worth_keeping(node) and not node.run.again)  # (the others are to be computed again)
            or is_computed_from(node, plain)
        ):
            found[node] = None
        else:
            stack += node.operands
    return list(found)


def is_computed_from(node: Node, places: set[int]) -> bool:
    """Whether a value, and not a view, is computed from one of some inputs directly."""
    if node.op == "view" or node.weak or node.shape is None or node.strides != c_strides(node.shape):
        return False
    roots = [root_of(x)[0] for x in node.operands]
    return any(root.op == "input" and root.settings["place"] in places for root in roots)


def is_worth_keeping(node: Node) -> bool:
    """Whether a value is an array, in C order, that takes longer to compute than to read."""
    if node.op in CHEAP or node.weak or node.shape is None or node.strides != c_strides(node.shape):
        return False
    if node.op == "elementwise":
        return node.size * 4 > LITTLE and node.settings["ufunc"] in TRANSCENDENTAL
    if node.op == "matmul":
        return node.size * (node.operands[0].shape or (1,))[-1] > LITTLE
    return node.op != "reduce" or node.operands[0].size > LITTLE


def renumbered(template: Any, results: list[int], places: dict[int, int]) -> Any:
    """The template of a gradient, by the results and the inputs of the backward graph."""
    if isinstance(template, InputAlias):
        return template._replace(number=places[template.number], frozen=False)
    return None if template is None else template._replace(number=results.index(template.number))


def contiguous(gy: Any) -> Any:
    """A gradient in the layout that a plan reads."""
    flags = gy.flags
    return gy if flags.c_contiguous and flags.aligned else np.array(gy, order="C")
