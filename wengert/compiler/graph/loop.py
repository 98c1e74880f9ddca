"""Loop: what a `loop` node repeats, a graph that is computed once for each step."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from wengert.compiler.graph.build import root_of, strided, with_operands
from wengert.compiler.graph.graph import EFFECTS, Graph, Node

__all__ = [
    "CARRIED",
    "PARTS",
    "Loop",
    "carried_output",
    "expand",
    "has_layout",
    "is_effect",
    "is_private",
    "loop_outputs",
    "with_layouts",
]

CARRIED = "carried"  # the place of inputs that a body assigns
PARTS = "parts"  # the place of those of which a body reads and writes parts alone
Written = tuple[int, tuple[int, ...], tuple[int, ...]]  # offset, shape and strides of elements that are written to


class Loop:
    """A graph that is computed `count` times, and how its inputs and results move from step to step.

    A `loop` node has, beside this, the setting `starts`: for each carried value, where in its memory the first step
    begins. So loops that do the same elsewhere in an array are equal.

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
        each step.
    written : tuple of list
        For each carried value, the elements that are written to: by all steps, counted from where it starts.
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
        written: tuple[list[Written], ...],
        stepped: tuple[bool, ...],
        stacked: tuple[bool, ...],
        key: Hashable,
    ) -> None:
        self.count, self.body, self.key = count, body, key
        self.hash = hash(key)  # (a key is long)
        self.carried, self.advances, self.written = len(advances), advances, written
        self.stepped, self.stacked = stepped, stacked
        self.plan: Any = None  # what a target has made of the body

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is Loop and other.hash == self.hash and other.key == self.key)

    def __hash__(self) -> int:
        return self.hash

    def __repr__(self) -> str:
        return f"{self.count} times {len(self.body.nodes)} values"

    def at(self, step: int, starts: tuple[int, ...]) -> Graph:
        """The body with the offsets that it has at a step."""
        by = [start + step * advance for start, advance in zip(starts, self.advances, strict=True)]
        if not any(by):
            return self.body
        moving = dict(zip(self.body.inputs[: self.carried], by, strict=True))

        def change(node: Node, operands: tuple[Node, ...]) -> Node:
            again = node.copy(operands)
            if node.op in ("view", "update"):
                offset = moving.get(node.operands[0], 0)
                again.settings = {**node.settings, "offset": node.settings["offset"] + offset}
                moving[node] = offset if node.op == "update" else 0
            elif node.op == "loop":
                before = zip(node.settings["starts"], node.operands, strict=False)
                again.settings = {**node.settings, "starts": tuple(s + moving.get(x, 0) for s, x in before)}
            elif (base := carried_output(node)) is not None:
                moving[node] = moving.get(base, 0)
            return again

        return self.body.replaced(change)


def with_layouts(node: Node) -> Node:
    """A `loop` node whose body reads its operands with the strides that they have, if it does not already."""
    loop = node.settings["loop"]
    new: dict[Node, Node] = {}
    others = zip(node.operands[loop.carried :], loop.body.inputs[loop.carried :], loop.stepped, strict=True)
    for x, inside, stepped in others:
        strides = root_of(x)[2][1:] if stepped else root_of(x)[2]
        if not has_layout(inside, strides):
            new[inside] = Node(
                "input", (), inside.settings, inside.shape, inside.dtype, strides, inside.weak, inside.line
            )
    if not new:
        return node
    changed = tuple(i for i, x in enumerate(loop.body.inputs) if x in new)
    for x in loop.body.nodes:
        if x not in new:
            operands = tuple(new[y] for y in x.operands)
            again = with_operands(x, operands)
            new[x] = again if x.op == "input" or again is not x else x.copy(operands)
    body = Graph(
        [new[x] for x in loop.body.inputs],
        [new[x] for x in loop.body.results],
        [(new[into], new[x]) for into, x in loop.body.assignments],
        [new[x] for x in loop.body.effects],
    )
    key = loop.key, changed, *(body.inputs[i].strides for i in changed)
    found = Loop(loop.count, body, loop.advances, loop.written, loop.stepped, loop.stacked, key)
    again = node.copy(node.operands)
    again.settings = {**node.settings, "loop": found}
    return again


def has_layout(node: Node, strides: tuple[int, ...]) -> bool:
    """Whether the elements of a node lie in memory with these strides; those of axes of length 1 do not count."""
    each = zip(node.shape or (), strides, node.strides or (), strict=True)
    return all(n < 2 or s == t for n, s, t in each)


def carried_output(node: Node) -> Node | None:
    """The value before a loop of a carried value that is an output of it; None for any other node."""
    if node.op != "output" or node.settings["index"] >= node.operands[0].settings["loop"].carried:
        return None
    before: Node = node.operands[0].operands[node.settings["index"]]
    return before


def is_effect(node: Node) -> bool:
    """Whether a node runs always, and in its order: a draw, a guard, or a loop that has one of these."""
    return bool(node.settings["loop"].body.effects) if node.op == "loop" else node.op in EFFECTS


def is_private(node: Node) -> bool:
    """Whether an input is a carried value of a loop: memory of the plan alone."""
    return node.op == "input" and node.settings["place"] in (CARRIED, PARTS)


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


def expand(node: Node) -> tuple[list[Node], list[list[Node]], list[Node]]:
    """The steps of a `loop` node one after the other: carried values after them, results of each step, and effects."""
    loop, starts = node.settings["loop"], node.settings["starts"]
    carried, others = list(node.operands[: loop.carried]), node.operands[loop.carried :]
    results: list[list[Node]] = []
    effects: list[Node] = []
    for step in range(loop.count):
        body = loop.at(step, starts)
        new = dict(zip(body.inputs, carried, strict=False))
        for x, inside, stepped in zip(others, body.inputs[loop.carried :], loop.stepped, strict=True):
            if stepped:
                strides = root_of(x)[2]
                x = strided(x, (x.shape or ())[1:], strides[1:], step * strides[0], x.line)
            new[inside] = x
        for each in body.nodes:
            if each.op != "input":
                operands = tuple(new[x] for x in each.operands)
                again = with_operands(each, operands)
                new[each] = again.copy(again.operands) if again is each else again
        carried = [new[x] for _, x in body.assignments]
        results.append([new[x] for x in body.results])
        effects += [new[x] for x in body.effects]
    return carried, results, effects
