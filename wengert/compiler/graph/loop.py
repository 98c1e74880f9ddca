"""Loop: what a `loop` node repeats, a graph that is computed once for each step."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node

__all__ = ["CARRIED", "Loop", "is_private", "loop_outputs"]


CARRIED = "carried"  # the place of inputs that a body assigns


class Loop:
    """A graph that is computed `count` times, and how its inputs and results move from step to step.

    Attributes
    ----------
    count : int
        The number of steps.
    body : Graph
        One step. Its inputs are, in the order of the operands of the node: carried values, which it assigns; and
        others, which are the same at each step or parts of a larger array.
    carried : int
        How many inputs are carried values. The operand is the value before the first step; the value after the last
        one is an output.
    advances : tuple of int
        For each carried value, the elements of its memory by which all views of it, and writes into it, move on with
        each step. Where that is not 0, a step reads and writes parts of it only.
    stepped : tuple of bool
        For each other input, whether the operand has a first axis of `count` elements, one of which is the input.
    stacked : tuple of bool
        For each result of the body, whether it is wanted of all steps, in an array with a first axis; else of the last.
    key : hashable
        Loops with equal keys and operands compute equal values.
    """

    def __init__(
        self,
        count: int,
        body: Graph,
        advances: tuple[int, ...],
        stepped: tuple[bool, ...],
        stacked: tuple[bool, ...],
        key: Hashable,
    ) -> None:
        self.count, self.body, self.key = count, body, key
        self.carried, self.advances = len(advances), advances
        self.stepped, self.stacked = stepped, stacked
        self.plan: Any = None  # what a target has made of the body

    def __eq__(self, other: object) -> bool:
        return type(other) is Loop and other.key == self.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"{self.count} times {len(self.body.nodes)} values"

    def at(self, step: int) -> Graph:
        """The body with the offsets that it has at a step."""
        if not step or not any(self.advances):
            return self.body
        moving = dict(zip(self.body.inputs[: self.carried], self.advances, strict=True))

        def change(node: Node, operands: tuple[Node, ...]) -> Node:
            again = node.copy(operands)
            by = moving.get(root_of(node.operands[0])[0], 0) if node.op in ("view", "update") else 0
            if by:
                again.settings = {**node.settings, "offset": node.settings["offset"] + by * step}
                if node.op == "update":
                    moving[node] = by
            return again

        return self.body.replaced(change)


def is_private(node: Node) -> bool:
    """Whether an input is a carried value of a loop: memory of the plan, which nobody else sees."""
    return node.settings["place"] == CARRIED


def loop_outputs(node: Node) -> list[Node]:
    """The values that a `loop` node gives: the carried ones after the last step, then the results."""
    loop = node.settings["loop"]
    found = [(x.shape, x.dtype, x.strides, x.weak) for x in loop.body.inputs[: loop.carried]]
    for x, stacked in zip(loop.body.results, loop.stacked, strict=True):
        found.append(((loop.count, *(x.shape or ())) if stacked else x.shape, x.dtype, None, x.weak))
    return [
        Node("output", (node,), {"index": i}, shape, dtype, strides, weak, node.line)
        for i, (shape, dtype, strides, weak) in enumerate(found)
    ]
