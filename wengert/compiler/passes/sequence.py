"""A graph as a sequence of operations, in arrays of numbers: what each reads, and which operations are alike."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.passes.simplify import freeze, settings_key

__all__ = ["Layout", "Sequence", "numbers_of"]

LOOP = 16  # operations that take as long to compile as a loop
Layout = tuple[tuple[int, ...], tuple[int, ...]] | None  # the shape and the strides of a view; None for all of a value


class Sequence:
    """The operations of a graph in the order of the program, and their operands, one after the other.

    Attributes
    ----------
    nodes : list of Node
        The operations. Inputs, constants and views are none; they are described with the operands.
    first : ndarray of int
        Of each operation: its first operand. The last element is the number of operands of all.
    roots, offsets : ndarray of int
        Of each operand: the operation whose value it is, or shows a part of, and the offset in it. Negative numbers
        stand for values from elsewhere (see `other`). An operand whose memory is written to, by an update or a loop,
        has the offset of what is written.
    layouts : list of Layout
        Of each operand.
    owners : ndarray of int
        Of each operand: the operation that reads it; for results and assigned values, the number of operations.
    keys : ndarray of int
        Operations with equal keys are alike in all but offsets, numbers, and which values they read.
    weights : ndarray of int
        How long it takes to compile each.
    """

    def __init__(self, graph: Graph) -> None:
        self.nodes = [node for node in graph.nodes if node.op not in ("input", "constant", "view")]
        self.position = {node: i for i, node in enumerate(self.nodes)}
        self.others: list[Node] = []
        self.numbers: dict[Node, int] = {}
        roots: list[int] = []
        offsets: list[int] = []
        owners: list[int] = []
        self.layouts: list[Layout] = []
        self.forms: list[Hashable] = []  # of each key
        known: dict[Hashable, int] = {}
        keys, first = [], [0]
        runs = self.nodes[0].run.begun if self.nodes else 0
        final = Node("call", (*graph.results, *(new for _, new in graph.assignments)))
        for i, node in enumerate((*self.nodes, final)):
            reads = []
            for j, x in enumerate(node.operands):
                root, offset, strides = root_of(x)
                layout = None if x is root else (x.shape or (), strides)
                if j == 0 and node.op == "update":
                    offset = node.settings["offset"]
                elif node.op == "loop" and j < node.settings["loop"].carried:
                    offset = node.settings["starts"][j]
                roots.append(self.position[root] if root in self.position else self.other(root))
                offsets.append(offset)
                owners.append(i)
                self.layouts.append(layout)
                reads.append((root.shape, root.strides, root.dtype, root.weak, layout))
            if node is not final:
                begun = max(node.run.begun - runs, 0)  # (so blocks of steps under checkpoint are not one loop)
                runs += begun
                form = (*form_of(node), begun, node.shape, node.dtype, node.weak, *reads)
                key = known.setdefault(form, len(known))
                if key == len(self.forms):
                    self.forms.append(form)
                keys.append(key)
            first.append(len(roots))
        self.first = np.array(first)
        self.roots, self.offsets, self.owners = np.array(roots), np.array(offsets), np.array(owners)
        self.keys = np.array(keys, np.int64)
        self.weights = np.array([LOOP if node.op == "loop" else 1 for node in self.nodes], np.int64)
        self.by_root = np.argsort(self.roots, kind="stable")
        self.sorted_roots = self.roots[self.by_root]

    def other(self, node: Node) -> int:
        """The number that stands for a value that is no operation of the sequence."""
        if node not in self.numbers:
            self.others.append(node)
            self.numbers[node] = -len(self.others)
        return self.numbers[node]

    def is_base(self, at: int) -> bool:
        """Whether an operand is one whose memory is written to."""
        owner = int(self.owners[at])
        if owner == len(self.nodes):
            return False
        node, j = self.nodes[owner], at - int(self.first[owner])
        return (node.op == "update" and j == 0) or (node.op == "loop" and j < node.settings["loop"].carried)

    def value(self, number: int) -> Node:
        """The value that a number among the roots stands for."""
        return self.nodes[number] if number >= 0 else self.others[-1 - number]

    def uses(self, start: int, stop: int) -> np.ndarray:
        """The operands, elsewhere, that read what the operations from `start` to before `stop` compute."""
        low, high = np.searchsorted(self.sorted_roots, [start, stop])
        found = np.sort(self.by_root[low:high])
        return found[self.owners[found] >= stop]


def form_of(node: Node) -> tuple[Any, ...]:
    """What two operations that are alike have in common, beside their operands."""
    settings = node.settings
    if node.op == "elementwise":
        return node.op, settings["ufunc"], settings["dtypes"], *map(type, settings["numbers"])
    if node.op == "select":
        return node.op, *map(type, settings["numbers"])
    if node.op == "update":
        return node.op, settings["shape"], settings["strides"], node.strides
    if node.op == "loop":
        return node.op, settings["loop"]
    return node.op, settings_key(node)


def numbers_of(node: Node) -> Any:
    """The Python numbers of an operation, so that equal ones are the same number."""
    return freeze(node.settings["numbers"]) if node.op in ("elementwise", "select") else None
