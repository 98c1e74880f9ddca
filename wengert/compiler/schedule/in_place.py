"""Writes in place: which updates may overwrite the memory of their base, and an order of the values in which they can.

An update may be in place where its base is dead afterwards: where all that reads the base can come before. So values
are ordered by their operands, and an update waits for the other readers of its base, as long as anything else can go
on. Only where nothing else can (a reader of the base needs the update) is the base copied.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.graph.regions import Region, is_injective, meet, region

__all__ = ["in_place_order", "overwritten_operand", "overwritten_operands", "region_of_write", "same_or_apart"]


def overwritten_operand(node: Node) -> Node | None:
    """The operand whose memory a node may use for its result, with most elements unchanged."""
    if node.op == "update":
        return node.operands[0]
    if node.op != "kernel" or (index := node.settings["kernel"].overwrites) is None:
        return None
    x = node.operands[int(index)]
    root, offset, strides = root_of(x)
    if (
        offset
        or root.size != x.size
        or strides != c_strides(x.shape or ())
        or root.strides != c_strides(root.shape or ())
    ):
        return None  # (it is a part of its root)
    return None if any(root_of(y)[0] is root for y in node.operands if y is not x) else root


def overwritten_operands(node: Node) -> list[Node]:
    """The operands whose memory a node may use for its results: of a loop, the carried values."""
    if node.op != "loop":
        base = overwritten_operand(node)
        return [] if base is None else [base]
    loop, starts = node.settings["loop"], node.settings["starts"]
    found = []
    for i, (x, inside) in enumerate(zip(node.operands, loop.body.inputs[: loop.carried], strict=False)):
        others = [y for j, y in enumerate(node.operands) if j != i and root_of(y)[0] is x]
        written = [region(at + starts[i], *axes) for at, *axes in loop.written[i]]
        if x.op == "view" or x.strides != inside.strides or (others and not written):
            continue
        if not any(meet(region_of(y), each) for y in others for each in written):
            found.append(x)
    return found


def region_of(x: Node) -> Region:
    """The region that a view, or a value itself, has in the memory of its root."""
    _, offset, strides = root_of(x)
    return region(offset, x.shape or (), strides)


def in_place_order(graph: Graph, may_overwrite: Callable[[Node, Node], bool]) -> tuple[list[Node], dict[Node, Node]]:
    """An order of the values, and the updates and loops that are in place, by base.

    `may_overwrite` says of an update, or a loop, and its base whether that is in memory that the plan may overwrite.
    """
    waiting: dict[Node, list[Node]] = {}
    for node in graph:
        found = [base for base in overwritten_operands(node) if may_overwrite(node, base)]
        if found:
            waiting[node] = found
    if not waiting:
        return graph.nodes, {}
    bases = {base for each in waiting.values() for base in each}
    missing: dict[Node, int] = {}  # the number of operands that are not ordered yet
    users: dict[Node, list[Node]] = {node: [] for node in graph}
    readers = dict.fromkeys(bases, 0)  # of each base: the number that are not ordered yet
    effect: Node | None = None
    effects = set(graph.effects)
    for node in graph:
        before = list(dict.fromkeys(node.operands))
        if node in effects:  # (effects keep their order)
            before += [effect] if effect is not None else []
            effect = node
        missing[node] = len(before)
        for x in before:
            users[x].append(node)
        for root in read_bases(node, bases):
            readers[root] += 1
    ready = [node.number for node in graph if not missing[node]]
    heapq.heapify(ready)
    blocked: list[int] = []
    at_base: dict[Node, list[Node]] = {}  # updates that wait for the readers of a base
    order: list[Node] = []
    in_place: dict[Node, Node] = {}
    done: set[Node] = set()
    while ready or blocked:
        if ready:
            node = graph.nodes[heapq.heappop(ready)]
            if node in done:
                continue
            needed = [base for base in waiting.get(node, ()) if readers[base] > 1]
            if needed:
                heapq.heappush(blocked, node.number)
                for base in needed:
                    at_base.setdefault(base, []).append(node)
                continue
        else:
            node = graph.nodes[heapq.heappop(blocked)]
            if node in done:
                continue
        in_place |= {base: node for base in waiting.get(node, ()) if readers[base] == 1}
        done.add(node)
        order.append(node)
        for user in users[node]:
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, user.number)
        for root in read_bases(node, bases):
            readers[root] -= 1
            if readers[root] == 1:
                for update in at_base.pop(root, ()):
                    heapq.heappush(ready, update.number)
    return order, in_place


def read_bases(node: Node, bases: set[Node]) -> set[Node]:
    """The bases that a node reads, also by views."""
    if node.op == "view":
        return set()
    return {root for x in node.operands if (root := root_of(x)[0]) in bases}


def same_or_apart(read: Region, written: Region) -> bool:
    """Whether a loop may read a region of an array while it writes another one into it, element by element."""
    return (read == written and is_injective(written[1])) or not meet(read, written)


def region_of_write(node: Node, access: Any) -> Region:
    """The region that an update, or an assignment, writes."""
    return (node.settings["offset"] if node.op == "update" else 0), access.target
