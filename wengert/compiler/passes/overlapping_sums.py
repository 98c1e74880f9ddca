"""Sums into overlapping parts of an array, one after the other, as the gradient of a stencil has them.

Each would go through memory by itself. Where all of them write to most of the same elements, those are computed in one
write, from all terms in their order; the few other elements (at the boundary) are written term by term.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import strided, uniform_value, with_operands, zeros
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.passes.double_buffering import LEAST, Box, box_of
from wengert.compiler.passes.writes import Place, part_of, place_of

__all__ = ["sums_in_one_write"]

COMMON = 0.9  # the elements that all write to are at least this share of those of each write
MOST_TERMS = 16
CHEAP = {np.add, np.subtract, np.multiply, np.negative}  # computed again rather than stored
DEEPEST = 3  # of what is computed again


class Term(NamedTuple):
    """A write, and what it adds to the elements or, where it adds nothing, assigns to them."""

    write: Node
    box: Box
    adds: bool
    left: bool  # whether the elements are the left operand of the sum


def sums_in_one_write(graph: Graph) -> Graph:
    """Join the writes of sums whose regions overlap."""
    updates = [node for node in graph if node.op == "update" and math.prod(node.settings["shape"]) >= LEAST]
    if len(updates) < 2:
        return graph
    users, kept = graph.users(), graph.kept()
    terms = {node: term for node in updates if (term := term_of(node)) is not None}
    runs: dict[Node, list[Term]] = {}
    seen: set[Node] = set()
    for node in reversed(updates):
        if node not in terms or node in seen:
            continue
        run, common = [terms[node]], terms[node].box
        while len(run) < MOST_TERMS:
            before = run[-1].write.operands[0]
            if before not in terms or before in kept or not is_only_for(before, run[-1], users):
                break
            both = common_of(common, terms[before].box)
            if both is None or any(elements(both) < COMMON * elements(t.box) for t in (*run, terms[before])):
                break
            common = both
            run.append(terms[before])
        if len(run) > 1 and run[0].adds and any(t.box != run[0].box for t in run):
            seen.update(t.write for t in run)
            runs[node] = run[::-1]
    if not runs:
        return graph
    new: dict[Node, Node] = {}

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        new.update(zip(node.operands, operands, strict=True))
        run = runs.get(node)
        return (joined(run, new) if run else None) or with_operands(node, operands)

    return graph.replaced(change)


def term_of(write: Node) -> Term | None:
    """The term that a write adds or assigns; None if its region is no box."""
    base, value = write.operands
    if write.strides != c_strides(write.shape or ()) or len(write.settings["shape"]) != write.ndim:
        return None
    box = box_of(write)
    if box is None:
        return None
    if value.op == "elementwise" and value.settings["ufunc"] is np.add and len(value.operands) == 2:
        for i, x in enumerate(value.operands):
            if x.op == "view" and x.operands[0] is base and is_at(x, write) and value.operands[1 - i].shape == x.shape:
                return Term(write, box, True, i == 0) if value.operands[1 - i].dtype == x.dtype == write.dtype else None
    return Term(write, box, False, False)


def is_at(view: Node, write: Node) -> bool:
    """Whether a view shows the elements that are written."""
    return Place(view.settings["offset"], view.shape or (), view.settings["strides"]) == place_of(write)


def is_only_for(before: Node, term: Term, users: dict[Node, list[Node]]) -> bool:
    """Whether a write is only used by the next one: as its base, and for the elements that it adds to."""
    allowed = {term.write}
    if term.adds:
        value = term.write.operands[1]
        shown = value.operands[0 if term.left else 1]
        if set(users[value]) != {term.write} or set(users[shown]) != {value}:
            return False
        allowed.add(shown)
    return set(users[before]) <= allowed


def elements(box: Box) -> int:
    return math.prod(after - first for first, after in box)


def common_of(a: Box, b: Box) -> Box | None:
    """The elements that two boxes have in common."""
    found = tuple((max(i, k), min(j, m)) for (i, j), (k, m) in zip(a, b, strict=True))
    return found if all(i < j for i, j in found) and elements(found) >= LEAST else None


def outside(box: Box, inner: Box) -> Iterator[Box]:
    """The elements of a box that are not in one inside it, as boxes."""
    for axis, ((first, after), (low, high)) in enumerate(zip(box, inner, strict=True)):
        for part in ((first, low), (high, after)):
            if part[0] < part[1]:
                yield (*inner[:axis], part, *box[axis + 1 :])


def joined(run: Sequence[Term], new: dict[Node, Node]) -> Node | None:
    """The writes of a run as one into the elements that they have in common, after those into others."""
    first = run[0].write
    array, shape = new[first.operands[0]], first.shape or ()
    if array.strides != c_strides(shape):
        return None
    common = tuple(
        (max(i for i, _ in axis), min(j for _, j in axis)) for axis in zip(*(t.box for t in run), strict=True)
    )
    total: Node | None = None
    for term in run:
        for box in (*outside(term.box, common), common):
            at = place_in(shape, box)
            value = part(term, at, new)
            if value is None:
                return None
            if box == common:
                if total is None:
                    total = strided(array, at.shape, at.strides, at.offset, term.write.line)
                total = total_of(term, total, value)
            else:
                before = strided(array, at.shape, at.strides, at.offset, term.write.line)
                array = written(array, at, total_of(term, before, value), term.write)
    assert total is not None
    return written(array, place_in(shape, common), total, run[-1].write)


def place_in(shape: tuple[int, ...], box: Box) -> Place:
    strides = c_strides(shape)
    return Place(
        sum(first * s for (first, _), s in zip(box, strides, strict=True)), tuple(j - i for i, j in box), strides
    )


def total_of(term: Term, before: Node, value: Node) -> Node:
    if not term.adds:
        return value
    found = term.write.operands[1]
    pair = (before, value) if term.left else (value, before)
    return Node("elementwise", pair, found.settings, before.shape, found.dtype, line=found.line)


def written(array: Node, at: Place, value: Node, like: Node) -> Node:
    settings = {"offset": at.offset, "shape": at.shape, "strides": at.strides}
    return Node("update", (array, value), settings, like.shape, like.dtype, line=like.line)


def part(term: Term, at: Place, new: dict[Node, Node]) -> Node | None:
    """The elements at a place of what a term adds or assigns."""
    value = term.write.operands[1]
    if term.adds:
        value = value.operands[1 if term.left else 0]
    into = place_of(term.write)
    inside = Place(at.offset - into.offset, at.shape, at.strides)
    return part_within(new.get(value), inside, into.strides, 0)


def part_within(value: Node | None, at: Place, strides: Any, depth: int) -> Node | None:
    """The elements at a place of a value whose own elements have those strides."""
    if value is None:
        return None
    if value.op == "constant" and uniform_value(value) is not None:
        return zeros(at.shape, value.dtype, uniform_value(value), value.line)
    is_cheap = value.op == "elementwise" and value.settings["ufunc"] in CHEAP and depth < DEEPEST
    if is_cheap and all(x.shape == value.shape for x in value.operands):
        operands = [part_within(x, at, strides, depth + 1) for x in value.operands]
        if not all(operands):
            return None
        return Node(
            "elementwise", tuple(filter(None, operands)), value.settings, at.shape, value.dtype, line=value.line
        )
    return part_of(value, at, value.line, strides)
