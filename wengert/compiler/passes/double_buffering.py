"""Double buffering: a write of most of an array, computed from its neighbours, goes into a second array.

In place it would need a temporary array of its size, as a loop must not overwrite what it reads later. So the few other
elements (the boundary of a stencil) are copied instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from wengert.compiler.graph.build import root_of, strided, with_operands, zeros
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.graph.loop import PARTS, carried_output
from wengert.compiler.graph.regions import located, meet, region
from wengert.compiler.passes.writes import LARGEST

__all__ = ["double_buffered"]

LEAST = 256  # elements: for smaller writes a temporary costs nothing
BOUNDARY = 4  # the other elements are at most one in so many of the written ones
MOST_STEPS = 64  # operations that are searched for reads of the array

Box = tuple[tuple[int, int], ...]  # the first index and the one after the last, of each axis


def double_buffered(graph: Graph) -> Graph:
    """Let writes of most of an array that depend on other elements of it go into a new array."""
    if not any(node.op == "update" and is_large(node) for node in graph):
        return graph

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        again = with_operands(node, operands)
        if again.op != "update" or not is_large(again) or not reads_neighbours(again) or has_parts(again):
            return again
        box = box_of(again)
        return again if box is None else in_new_array(again, box)

    return graph.replaced(change)


def is_large(write: Node) -> bool:
    written = math.prod(write.settings["shape"])
    rest = write.size - written
    is_c = write.strides == c_strides(write.shape or ())
    return is_c and written >= LEAST and rest > 0 and BOUNDARY * rest <= written and write.size <= LARGEST


def has_parts(write: Node) -> bool:
    """Whether a write is into an array of which a step of a loop may read and write parts alone."""
    base: Node | None = write
    while base is not None and base.op != "input":
        base = root_of(base.operands[0])[0] if base.op == "update" else carried_output(base)
    return base is not None and base.settings["place"] == PARTS


def reads_neighbours(write: Node) -> bool:
    """Whether the written values are computed, element by element, from elements that are overwritten before."""
    base, value = write.operands
    settings = write.settings
    written = region(settings["offset"], settings["shape"], settings["strides"])
    seen: set[Node] = set()
    pending = [value]
    while pending and len(seen) < MOST_STEPS:
        x = pending.pop()
        root, offset, strides = root_of(x)
        if root is base:
            read = region(offset, x.shape or (), strides)
            if read != written and meet(read, written):
                return True
        elif x not in seen and x.op in ("elementwise", "select", "convert"):
            seen.add(x)
            pending += x.operands
    return False


def box_of(write: Node) -> Box | None:
    """The written region as a box of indices; None if it has steps, or its axes are in another order."""
    shape, settings = write.shape or (), write.settings
    found = located(settings["offset"], settings["shape"], settings["strides"], (0, shape, c_strides(shape)))
    if found is None:
        return None
    first, steps = found
    lengths = [1] * len(shape)
    last = -1
    for n, step in zip(settings["shape"], steps, strict=True):
        if n == 1:
            continue
        axes = [a for a, i in enumerate(step) if i]
        if len(axes) != 1 or step[axes[0]] != 1 or axes[0] <= last:
            return None
        last = axes[0]
        lengths[last] = n
    return tuple((i, i + n) for i, n in zip(first, lengths, strict=True))


def rest_of(shape: tuple[int, ...], box: Box) -> Iterator[Box]:
    """Boxes of all other elements."""
    for axis, (first, after) in enumerate(box):
        for part in ((0, first), (after, shape[axis])):
            if part[0] < part[1]:
                yield (*box[:axis], part, *((0, n) for n in shape[axis + 1 :]))


def in_new_array(write: Node, box: Box) -> Node:
    """The write into an array of which all other elements are copied."""
    shape, base = write.shape or (), write.operands[0]
    strides = c_strides(shape)
    found = zeros(shape, write.dtype)
    for part in rest_of(shape, box):
        offset = sum(first * s for (first, _), s in zip(part, strides, strict=True))
        lengths = tuple(after - first for first, after in part)
        settings = {"offset": offset, "shape": lengths, "strides": strides}
        kept = strided(base, lengths, strides, offset, write.line)
        found = Node("update", (found, kept), settings, shape, write.dtype, line=write.line)
    return write.copy((found, write.operands[1]))
