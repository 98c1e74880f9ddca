"""Writes into arrays of zeros: sums of them are one array, and where all is overwritten no zeros are needed.

The gradient of a slice is an array of zeros with the slice's gradient in it. Those of all slices of an array are
added up: three arrays of zeros, three copies and two sums for the queries, keys and values of attention.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import elementwise, rebuilt, root_of, uniform_value
from wengert.compiler.graph.graph import Graph, Node

__all__ = ["is_overwritten", "joined"]

LARGEST = 1 << 24  # elements: of larger arrays it is not looked up which ones are written


class Parts(NamedTuple):
    """An array of zeros with some parts written, which are elements of their own, and were added to zero."""

    node: Node
    marked: Any  # which elements
    parts: int  # how many


def joined(graph: Graph) -> Graph:
    """Let a sum of arrays that are zero but for different parts be one array into which all parts are written."""
    known: dict[Node, Parts] = {}
    if all(node.op != "update" for node in graph):
        return graph

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        is_sum = node.op == "elementwise" and node.settings["ufunc"] is np.add and len(operands) == 2
        if (
            is_sum
            and node.dtype.kind == "f"
            and all(x.op == "update" and x.shape == node.shape and x.dtype == node.dtype for x in operands)
        ):
            found = together(operands[0], operands[1], known)
            if found is not None:
                known[found.node] = found
                return found.node
        return rebuilt(node, operands)

    return graph.replaced(change)


def together(a: Node, b: Node, known: dict[Node, Parts]) -> Parts | None:
    """The sum of two arrays as one with the parts of both; None where there is none."""
    # (what is known is not known any more once its marks are those of a larger sum)
    first, second = (known.pop(x, None) or parts_in_zeros(x) for x in (a, b))
    if first is None or second is None or bool((first.marked & second.marked).any()):
        return None
    if first.parts < second.parts:
        first, second = second, first
    node, marked = first.node, first.marked
    for w in writes_of(second.node):
        node = Node("update", (node, w.operands[1]), w.settings, w.shape, w.dtype, w.strides, line=w.line)
    np.logical_or(marked, second.marked, out=marked)
    return Parts(node, marked, first.parts + second.parts)


def writes_of(node: Node) -> list[Node]:
    """The writes into an array, from the first to the last."""
    found = []
    while node.op == "update":
        found.append(node)
        node = node.operands[0]
    return found[::-1]


def parts_in_zeros(node: Node) -> Parts | None:
    """An array as parts that were written into zeros, none over another; None if it is something else."""
    writes = writes_of(node)
    start = writes[0].operands[0]
    value = uniform_value(start)
    if value is None or value != 0 or np.signbit(value):
        return None
    marked = marks(writes)
    if marked is None or int(np.count_nonzero(marked)) != sum(size_of(w) for w in writes):
        return None
    for w in writes:
        added = w.operands[1]
        if not is_sum_with_zero(added):
            added = elementwise(np.add, added, 0.0, line=w.line)  # (-0.0 + 0.0 is 0.0)
        start = Node("update", (start, added), w.settings, w.shape, w.dtype, w.strides, line=w.line)
    return Parts(start, marked, len(writes))


def size_of(write: Node) -> int:
    return math.prod(write.settings["shape"])


def marks(writes: list[Node]) -> Any:
    """Which elements are written; None where that takes too long, or elements do not lie in C order."""
    if not writes or writes[0].size > LARGEST:
        return None
    plain = Node("convert", (), {}, writes[0].shape, writes[0].dtype)
    if any(w.strides != plain.strides for w in writes):
        return None
    found = np.zeros(writes[0].size, bool)
    for w in writes:
        if size_of(w):
            window = np.lib.stride_tricks.as_strided(
                found[w.settings["offset"] :], w.settings["shape"], w.settings["strides"]
            )
            window[...] = True
    return found


def is_sum_with_zero(node: Node) -> bool:
    return node.op == "elementwise" and node.settings["ufunc"] is np.add and node.settings["numbers"] == (None, 0.0)


def is_overwritten(write: Node, users: Callable[[Node], list[Node]]) -> bool:
    """Whether all elements of an array are written, from this write on, before anything reads it."""
    writes = [write]
    while sum(size_of(w) for w in writes) < write.size:
        readers = users(writes[-1])
        if len(readers) != 1 or readers[0].op != "update" or readers[0].operands[0] is not writes[-1]:
            return False
        if root_of(readers[0].operands[1])[0] is writes[-1]:
            return False
        writes.append(readers[0])
    marked = marks(writes)
    return marked is not None and bool(marked.all())
