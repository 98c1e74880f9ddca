"""Reductions along a last axis of a few elements, as of coordinates in space, become operations between its parts.

``np.sum((x[:, None] - x) ** 2, axis=-1)`` of points in space has rows of three elements: a loop over each costs more
than what it computes. As a sum of three arrays it is one loop over all points, without rows.
"""

from __future__ import annotations

import numpy as np

from wengert.compiler.graph.build import constant, convert, elementwise, reshape, view_by
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.graph.ufuncs import facts_of

__all__ = ["short_reductions"]

LONGEST = 8  # elements of a row
FEWEST = 16  # rows
MOST = 12  # operations of an element that are taken apart with the reduction
CHEAP = facts_of(np.multiply).nanoseconds  # an operation that may be done twice, for others who read its result
UFUNCS = (np.add, np.multiply, np.maximum, np.minimum)


def short_reductions(graph: Graph) -> Graph:
    """Replace them where what is reduced is computed elementwise, for this alone."""
    short = [node for node in graph if is_short(node)]
    if not short:
        return graph
    users, kept = graph.users(), graph.kept()
    found = {
        node
        for node in short
        if len(users[node.operands[0]]) == 1
        and node.operands[0] not in kept
        and operations_left(node.operands[0], MOST, users) >= 0
    }
    return graph.replaced(
        lambda node, operands: taken_apart(node, operands[0]) if node in found else node.copy(operands)
    )


def is_short(node: Node) -> bool:
    if node.op != "reduce" or node.operands[0].op != "elementwise" or node.settings["ufunc"] not in UFUNCS:
        return False
    x = node.operands[0]
    shape = x.shape or ()
    return (
        node.settings["axes"] == (len(shape) - 1,)
        and x.dtype == node.dtype
        and x.dtype.kind in "fiu"
        and 1 < shape[-1] <= LONGEST
        and x.size >= FEWEST * shape[-1]
    )


def operations_left(x: Node, most: int, users: dict[Node, list[Node]]) -> int:
    """How many of `most` operations are left, after those by which `x` is computed; negative where it cannot be.

    What others read as well is computed twice, so it must be cheap.
    """
    if not x.ndim or x.op not in ("elementwise", "convert", "select"):
        return most
    if len(users[x]) > 1 and x.op == "elementwise" and facts_of(x.settings["ufunc"]).nanoseconds > CHEAP:
        return -1
    most -= 1
    for operand in x.operands:
        if most >= 0:
            most = operations_left(operand, most, users)
    return most


def taken_apart(node: Node, x: Node) -> Node:
    """The reduction of `x` as operations between its parts."""
    found = part(x, 0)
    for k in range(1, (x.shape or ())[-1]):
        found = elementwise(node.settings["ufunc"], found, part(x, k), line=node.line)
    return reshape(found, node.shape or (), node.line)


def part(x: Node, k: int) -> Node:
    """``x[..., k]``, computed from the parts of its operands; of an axis that is broadcast, its element."""
    if not x.ndim:
        return x
    shape = x.shape or ()
    if shape[-1] == 1:
        k = 0
    if x.op == "constant":
        return constant(x.settings["array"][..., k], x.line)
    if x.op in ("elementwise", "select"):
        operands = tuple(part(operand, k) for operand in x.operands)
        return Node(x.op, operands, x.settings, shape[:-1], x.dtype, weak=x.weak, line=x.line)
    if x.op == "convert":
        return convert(part(x.operands[0], k), shape[:-1], x.dtype, x.line)
    found = view_by(x, lambda array: array[..., k], x.line)
    assert found is not None
    return found
