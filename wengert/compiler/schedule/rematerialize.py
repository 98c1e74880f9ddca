"""Rematerialization: values that are recomputed where they are used, because that is faster than to store them.

Values that the backward pass needs of the forward pass go to memory and back. Cheap operations on values that are in
memory anyway cost less than that, and are computed in both steps. The additional reads must be less than the traffic
that is saved.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.graph.ufuncs import COMPARISONS, facts_of
from wengert.compiler.schedule.access_pattern import contiguous, distinct_elements
from wengert.compiler.schedule.fusion import FusionGroup, Step, fuse, members_of
from wengert.compiler.schedule.in_place import overwritten_operands
from wengert.compiler.schedule.loop_access import Read

__all__ = ["schedule"]

LEAST = 4096  # elements: storing smaller values costs nothing
MOST = 24  # operations to recompute a value


def schedule(graph: Graph) -> tuple[Graph, list[Step]]:
    """The steps of a graph, and the graph with rematerialized values."""
    steps = fuse(graph)
    if sum(isinstance(step, FusionGroup) and step.size >= LEAST for step in steps) < 2:
        return graph, steps
    found = Rematerialization(graph, steps)
    if not found.chosen:
        return graph, steps
    rewritten = found.rewritten()
    new_steps = fuse(rewritten)
    if bytes_moved(rewritten, new_steps) < bytes_moved(graph, steps):
        return rewritten, new_steps
    return graph, steps


def bytes_moved(graph: Graph, steps: list[Step]) -> int:
    """Bytes that all fused loops read and write."""
    total, place = 0, places_of(steps)
    kept = {*graph.results, *(x for node, step in place.items() for x in roots_of(node) if place.get(x) is not step)}
    for step in steps:
        if not isinstance(step, FusionGroup):
            continue
        reads = {read for node in step.members for read in step.accesses[node].reads if read.root not in step.accesses}
        total += sum(bytes_of(read) for read in reads)
        for node in step.members:
            if node in kept or step.accesses[node].kind in ("write", "outer_reduction"):
                total += distinct_elements(step.accesses[node].target) * node.dtype.itemsize
    return total


def bytes_of(read: Read) -> int:
    """Bytes of memory of a read."""
    return distinct_elements(read.pattern) * int(read.root.dtype.itemsize)


def places_of(steps: list[Step]) -> dict[Node, Step]:
    return {node: step for step in steps for node in members_of(step)}


def roots_of(node: Node) -> list[Node]:
    return [root_of(x)[0] for x in node.operands]


class Rematerialization:
    """The choice of the values that are recomputed, and in which steps.

    Attributes
    ----------
    chosen : set of Node
        Values that no other step reads from memory any more.
    """

    def __init__(self, graph: Graph, steps: list[Step]) -> None:
        self.graph, self.place = graph, places_of(steps)
        self.users: dict[Node, list[Node]] = {}
        for node in self.place:
            for x in dict.fromkeys(roots_of(node)):
                self.users.setdefault(x, []).append(node)
        self.results = {*graph.results, *(root_of(new)[0] for _, new in graph.assignments)}
        self.chosen: set[Node] = set()
        self.reading: dict[Step, set[Node]] = {}  # the values that each step reads from memory
        self.comparing = {step for node, step in self.place.items() if is_comparison(node)}
        for node, step in self.place.items():
            self.reading.setdefault(step, set()).update(x for x in roots_of(node) if self.place.get(x) is not step)
        for node in graph.nodes:
            if self.is_worth(node):
                self.chosen.add(node)
                self.substitute_reads(node)

    def is_worth(self, node: Node) -> bool:
        """Whether to recompute a value in all other steps that use it."""
        step = self.place.get(node)
        if node.size < LEAST or node in self.results or not self.can_repeat(node):
            return False
        others = [u for u in self.users.get(node, ()) if self.place[u] is not step]
        if not others or not all(self.reads_all(u, node) for u in others):
            return False
        later = dict.fromkeys(self.place[u] for u in others)
        if any(s in self.comparing for s in later):
            return False  # (a recomputed value may be rounded differently, and would then differ from its own maximum)
        found = self.expansion(node)
        if found is None:
            return False
        operations, leaves = found
        cost = sum(cost_of(x) for x in operations)
        size = int(node.dtype.itemsize) * node.size
        fresh = [
            sum(bytes_of(read) for root, read in leaves.items() if root not in self.reading[step]) for step in later
        ]
        # No step reads more than the value itself (plus a few numbers per row), so that no more memory is live.
        if max(fresh) > 1.1 * size:
            return False
        # (A write to memory reads the cache line first.)
        return bool(sum(fresh) + len(later) * cost * node.size < (2 + len(later)) * size)

    def can_repeat(self, node: Node) -> bool:
        step = self.place.get(node)
        return (
            isinstance(step, FusionGroup)
            and step.accesses[node].kind == "elementwise"
            and node not in step.rows
            and cost_of(node) < math.inf
        )

    def reads_all(self, user: Node, node: Node) -> bool:
        """Whether a node in another group reads the elements of a value contiguously."""
        step = self.place[user]
        if not isinstance(step, FusionGroup) or user in step.rows or user.op == "reduce":
            return False
        if node in overwritten_operands(user):
            return False
        return all(
            read.offset == 0 and read.pattern == contiguous(node.size)
            for read in step.accesses[user].reads
            if read.root is node
        )

    def expansion(self, node: Node) -> tuple[set[Node], dict[Node, Read]] | None:
        """The operations that recompute a value, and their reads from memory; None where an operand is not stored."""
        operations: set[Node] = set()
        leaves: dict[Node, Read] = {}
        worklist = [node]
        while worklist:
            x = worklist.pop()
            if x in operations:
                continue
            operations.add(x)
            if len(operations) > MOST:
                return None
            step = self.place[x]
            assert isinstance(step, FusionGroup)
            for read in step.accesses[x].reads:
                root = read.root
                if self.is_stored(root) and root not in self.chosen:
                    leaves[root] = read
                elif self.can_repeat(root) and read.offset == 0 and read.pattern == contiguous(root.size):
                    worklist.append(root)
                else:
                    return None
        return operations, leaves

    def is_stored(self, node: Node) -> bool:
        """Whether a value is stored in memory, or is so small that it may be."""
        step = self.place.get(node)
        if any(node in overwritten_operands(u) for u in self.users.get(node, ())):
            return False  # it is overwritten in place
        if step is None:
            return True  # an input, or a constant
        if not isinstance(step, FusionGroup) or step.accesses[node].kind != "elementwise" or node in step.rows:
            return True
        return node in self.results or any(self.place[u] is not step for u in self.users.get(node, ()))

    def substitute_reads(self, node: Node) -> None:
        """Update the reads of the steps that use a value: they read its leaves instead."""
        found = self.expansion(node)
        assert found is not None
        for user in self.users.get(node, ()):
            step = self.place[user]
            if step is not self.place[node]:
                self.reading[step].discard(node)
                self.reading[step].update(found[1])

    # The graph

    def rewritten(self) -> Graph:
        """The graph in which each of these steps has its own copies of the values."""
        self.new: dict[Node, Node] = {}
        self.copies: dict[tuple[Step, Node], Node] = {}
        for node in self.graph.nodes:
            if node.op == "input":
                self.new[node] = node
                continue
            step = self.place.get(node)
            operands = tuple(self.operand(x, step) for x in node.operands)
            self.new[node] = node if operands == node.operands else node.copy(operands)
        graph, new = self.graph, self.new
        assignments = [(into, new[x]) for into, x in graph.assignments]
        return Graph(graph.inputs, [new[x] for x in graph.results], assignments, [new[x] for x in graph.effects])

    def operand(self, x: Node, step: Step | None) -> Node:
        """The operand of a node of a step in the new graph."""
        root = root_of(x)[0]
        if step is None or root not in self.chosen or self.place[root] is step:
            return self.new[x]
        copy = self.copy(root, step)
        return copy if x is root else x.copy((copy,))

    def copy(self, node: Node, step: Step) -> Node:
        """The copy of a value in a step."""
        key = (step, node)
        if key not in self.copies:
            operands = []
            for x in node.operands:
                root = root_of(x)[0]
                if self.is_stored(root) and root not in self.chosen:
                    operands.append(self.new[x])
                else:
                    copy = self.copy(root, step)
                    operands.append(copy if x is root else x.copy((copy,)))
            self.copies[key] = node.copy(tuple(operands))
        return self.copies[key]


def cost_of(node: Node) -> float:
    """The cost to recompute an element, in bytes of memory traffic; infinite where that is never done."""
    if node.op in ("select", "convert"):
        return 1
    if node.op != "elementwise":
        return math.inf
    ufunc = node.settings["ufunc"]
    if ufunc is np.power and node.settings["numbers"][1] in (2, 3):
        return 2
    return facts_of(ufunc).bytes


def is_comparison(node: Node) -> bool:
    """Whether a node compares two computed values."""
    if node.op != "elementwise" or node.settings["ufunc"] not in COMPARISONS:
        return False
    values: list[Any] = [x for x in node.operands if x.op not in ("input", "constant")]
    return len(values) > 1
