"""Writes into arrays of zeros: sums of them are one array, and where all is overwritten no zeros are needed.

The gradient of a slice is an array of zeros with the slice's gradient in it. Those of all slices of an array are
added up: three arrays of zeros, three copies and two sums for the queries, keys and values of attention.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from wengert.compiler.build import elementwise, rebuilt, root_of
from wengert.compiler.graph import Graph, Node
from wengert.compiler.simplify import uniform_value

__all__ = ["is_overwritten", "joined"]

LARGEST = 1 << 24  # elements: of larger arrays it is not looked up which ones are written


def joined(graph: Graph) -> Graph:
    """Let a sum of arrays that are zero but for different parts be one array into which all parts are written."""

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        if node.op == "map" and node.settings["ufunc"] is np.add and len(operands) == 2 and node.dtype.kind == "f":
            first, second = (parts_in_zeros(x) for x in operands)
            alike = all(x.shape == node.shape and x.dtype == node.dtype for x in operands)
            if first and second and alike and are_apart(first + second):
                return written(first + second)
        return rebuilt(node, operands)

    return graph.replaced(change)


def parts_in_zeros(node: Node) -> list[Node]:
    """The writes that an array consists of, if all the rest of it is zero; else none."""
    found = []
    while node.op == "update":
        found.append(node)
        node = node.operands[0]
    value = uniform_value(node)
    is_zero = value is not None and value == 0 and not np.signbit(value)
    return found[::-1] if is_zero and are_apart(found) else []


def are_apart(writes: list[Node]) -> bool:
    """Whether no element is written twice."""
    marked = marks(writes)
    return marked is not None and int(np.count_nonzero(marked)) == sum(size_of(w) for w in writes)


def size_of(write: Node) -> int:
    return math.prod(write.settings["shape"])


def marks(writes: list[Node]) -> np.ndarray | None:
    """Which elements are written; None where that takes too long, or elements do not lie in C order."""
    if not writes or writes[0].size > LARGEST:
        return None
    plain = Node("fit", (), {}, writes[0].shape, writes[0].dtype)
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


def written(writes: list[Node]) -> Node:
    """All parts, written one after the other into one array of zeros."""
    node = writes[0].operands[0]
    while node.op == "update":
        node = node.operands[0]
    for w in writes:
        value = w.operands[1]
        if not is_sum_with_zero(value):
            value = elementwise(np.add, value, 0.0, line=w.line)  # (-0.0 + 0.0 is 0.0)
        node = Node("update", (node, value), w.settings, w.shape, w.dtype, w.strides, line=w.line)
    return node


def is_sum_with_zero(node: Node) -> bool:
    return node.op == "map" and node.settings["ufunc"] is np.add and node.settings["numbers"] == (None, 0.0)


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
