"""Arrays filled with one number, of which most elements are written before they are read: the rest alone is filled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import uniform_value, with_operands, zeros
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.passes.writes import LARGEST, Place, mark, window

__all__ = ["partly_filled"]

LEAST = 4096  # elements: smaller arrays are filled in no time
MOST_FILLED = 4  # the elements that are not written are at most one in so many


def partly_filled(graph: Graph) -> Graph:
    """Fill only those elements of arrays that no write follows."""
    heads = [node for node in graph if node.op == "update" and is_filled(node)]
    if not heads:
        return graph
    users, kept = graph.users(), graph.kept()
    rest: dict[Node, Place] = {}
    for head in heads:
        writes = [head]
        while len(after := set(users[writes[-1]])) == 1 and writes[-1] not in kept:
            (node,) = after
            if node.op != "update" or node.operands[0] is not writes[-1] or node.operands[1] is writes[-1]:
                break
            writes.append(node)
        if (found := rest_of(head, writes)) is not None:
            rest[head] = found

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        place = rest.get(node)
        if place is None:
            return with_operands(node, operands)
        value = zeros(place.shape, node.dtype, uniform_value(operands[0]), node.line)
        settings = {"offset": place.offset, "shape": place.shape, "strides": place.strides}
        filled = Node("update", (operands[0], value), settings, node.shape, node.dtype, line=node.line)
        return node.copy((filled, operands[1]))

    return graph.replaced(change)


def is_filled(write: Node) -> bool:
    """Whether a write is the first one into a large array that is filled with one number."""
    return (
        LEAST <= write.size <= LARGEST
        and uniform_value(write.operands[0]) is not None
        and write.strides == c_strides(write.shape or ())
    )


def rest_of(head: Node, writes: list[Node]) -> Place | None:
    """The elements that are not written, if there are few, and they are a box."""
    if sum(math.prod(w.settings["shape"]) for w in writes) * MOST_FILLED < head.size * (MOST_FILLED - 1):
        return None
    shape, strides = head.shape or (), c_strides(head.shape or ())
    marks = np.zeros(head.size, np.int8)
    for w in writes:
        mark(marks, w, 1)
    indices: Any = np.nonzero(window(marks, Place(0, shape, strides)) == 0)
    count = len(indices[0])
    if not count or count * MOST_FILLED > head.size:
        return None
    first = [int(i.min()) for i in indices]
    lengths = tuple(int(i.max()) - at + 1 for i, at in zip(indices, first, strict=True))
    if math.prod(lengths) != count:
        return None
    return Place(sum(i * s for i, s in zip(first, strides, strict=True)), lengths, strides)
