"""Unrolling: loops for which a target has no code become sequences of operations again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wengert.compiler.graph.build import convert, with_operands, zeros
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.graph.loop import Loop, expand

__all__ = ["unrolled"]


def unrolled(graph: Graph, refused: Callable[[Loop], bool]) -> Graph:
    """The graph with the steps of the refused loops one after the other."""
    outputs: dict[Node, list[Node]] = {}
    effects: dict[Node, list[Node]] = {}

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        if node.op == "loop" and refused(node.settings["loop"]):
            found = node.copy(operands)
            loop = node.settings["loop"]
            carried, results, effects[found] = expand(found)
            columns = zip(zip(*results, strict=True), loop.stacked, strict=True)
            outputs[found] = [*carried, *(stack(each) if stacked else each[-1] for each, stacked in columns)]
            return found
        if node.op == "output" and operands[0] in outputs:
            output: Node = outputs[operands[0]][node.settings["index"]]
            return output
        return with_operands(node, operands)

    found = graph.replaced(change)
    flat = [each for node in found.effects for each in effects.get(node, [node])]
    return Graph(found.inputs, found.results, found.assignments, flat, found.as_written)


def stack(values: tuple[Node, ...]) -> Node:
    """The values of all steps in one array."""
    shape, first = values[0].shape or (), values[0]
    found = zeros((len(values), *shape), first.dtype)
    size = int(np.prod(shape, dtype=int))
    for step, value in enumerate(values):
        settings = {"offset": step * size, "shape": shape, "strides": c_strides(shape)}
        if value.op in ("view", "input") or value.weak:
            value = convert(value, line=value.line)
        found = Node("update", (found, value), settings, found.shape, first.dtype, line=value.line)
    return found
