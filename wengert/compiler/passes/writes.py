"""Writes into arrays of zeros: their sums become one array, and zeros that are overwritten are not initialized.

The gradient of a slice is an array of zeros into which the gradient of the slice is written. Those of several slices
are added up: for queries, keys and values of attention, three arrays of zeros, three copies and two sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import elementwise, root_of, uniform_value, with_operands
from wengert.compiler.graph.graph import Graph, Node, c_strides

__all__ = ["is_overwritten", "join_sums"]

LARGEST = 1 << 24  # elements: larger arrays are not analyzed


class Parts(NamedTuple):
    """An array of zeros into which disjoint parts are written, each of them added to 0.0."""

    node: Node
    marked: Any  # a mask of the written elements
    parts: int  # the number of writes


def join_sums(graph: Graph) -> Graph:
    """Replace sums of arrays with disjoint nonzero parts by one array into which all parts are written."""
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
            found = join(operands[0], operands[1], known)
            if found is not None:
                known[found.node] = found
                return found.node
        return with_operands(node, operands)

    return graph.replaced(change)


def join(a: Node, b: Node, known: dict[Node, Parts]) -> Parts | None:
    """The sum of two arrays as one array with the parts of both; None if they overlap."""
    # (entries are removed, because their masks are reused for the sum)
    first, second = (known.pop(x, None) or match_parts(x) for x in (a, b))
    if first is None or second is None or bool((first.marked & second.marked).any()):
        return None
    if first.parts < second.parts:
        first, second = second, first
    node, marked = first.node, first.marked
    for w in writes_of(second.node):
        node = w.copy((node, w.operands[1]))
    np.logical_or(marked, second.marked, out=marked)
    return Parts(node, marked, first.parts + second.parts)


def writes_of(node: Node) -> list[Node]:
    """The writes into an array, from the first to the last."""
    found = []
    while node.op == "update":
        found.append(node)
        node = node.operands[0]
    return found[::-1]


def match_parts(node: Node) -> Parts | None:
    """Match an array of zeros with disjoint writes; None if it is something else."""
    writes = writes_of(node)
    start = writes[0].operands[0]
    value = uniform_value(start)
    if value is None or value != 0 or np.signbit(value):
        return None
    marked = written_mask(writes)
    if marked is None or int(np.count_nonzero(marked)) != sum(size_of(w) for w in writes):
        return None
    for w in writes:
        added = w.operands[1]
        if not is_sum_with_zero(added):
            added = elementwise(np.add, added, 0.0, line=w.line)  # (-0.0 + 0.0 is 0.0)
        start = w.copy((start, added))
    return Parts(start, marked, len(writes))


def size_of(write: Node) -> int:
    return math.prod(write.settings["shape"])


def written_mask(writes: list[Node]) -> Any:
    """A mask of the written elements; None for large arrays, and for those that are not in C order."""
    if not writes or writes[0].size > LARGEST:
        return None
    if any(w.strides != c_strides(writes[0].shape or ()) for w in writes):
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
    """Whether all elements of an array are written, from this write on, before it is read."""
    writes, written = [write], size_of(write)
    while written < write.size:
        readers = users(writes[-1])
        if len(readers) != 1 or readers[0].op != "update" or readers[0].operands[0] is not writes[-1]:
            return False
        if root_of(readers[0].operands[1])[0] is writes[-1]:
            return False
        writes.append(readers[0])
        written += size_of(readers[0])
    marked = written_mask(writes)
    return marked is not None and bool(marked.all())
