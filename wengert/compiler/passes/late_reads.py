"""Reads of old values of an array, of elements that no later write changes: they read the last value.

Backward reads what forward had at some moment, a row of a matrix that is factorized in place, say. Where nothing
overwrites it, it is in the final array, too: then no write need keep the array as it was.
"""

from __future__ import annotations

import numpy as np

from wengert.compiler.graph.build import strided, with_operands
from wengert.compiler.graph.graph import Graph, Node, c_strides
from wengert.compiler.graph.regions import meet, region
from wengert.compiler.passes.writes import FEW_WRITES, LARGEST, Place, mark, place_of, window

__all__ = ["read_late"]


class Chain:
    """Writes into one array, one after the other."""

    def __init__(self, writes: list[Node]) -> None:
        self.writes = writes
        self.end = writes[-1]
        self.numbers = {node: number for number, node in enumerate(writes, 1)}
        self.numbers[writes[0].operands[0]] = 0
        self.last: np.ndarray | None = None  # of each element of a long chain: the number of the last write to it
        if len(writes) > FEW_WRITES:
            self.last = np.zeros(writes[0].size, np.int32)
            for number, node in enumerate(writes, 1):
                mark(self.last, node, number)

    def is_final(self, view: Node) -> bool:
        """Whether what a view shows is not written to any more."""
        settings, number = view.settings, self.numbers[view.operands[0]]
        shown = Place(settings["offset"], view.shape or (), settings["strides"])
        if self.last is not None:
            return bool(window(self.last, shown).max() <= number)
        at = region(*shown)
        return not any(meet(at, region(*place_of(write))) for write in self.writes[number:])


def chains_of(graph: Graph) -> dict[Node, Chain]:
    """The chains of writes, by the arrays before and after each."""
    after: dict[Node, list[Node]] = {}
    for node in graph:
        if node.op == "update" and node.strides == c_strides(node.shape or ()):
            after.setdefault(node.operands[0], []).append(node)
    found: dict[Node, Chain] = {}
    for base in after:
        if base.op == "update" and len(after[base]) == 1:
            continue  # in the middle of a chain, or after its base
        for write in after[base]:
            writes = [write]
            while len(following := after.get(writes[-1], [])) == 1:
                writes.append(following[0])
            if len(writes) <= FEW_WRITES or write.size <= LARGEST:
                chain = Chain(writes)
                found.update(dict.fromkeys(writes, chain))
                if len(after[base]) == 1 and base.op not in ("input", "constant", "view"):
                    found[base] = chain
    return found


def read_late(graph: Graph) -> Graph:
    """Let views of arrays that are written to show the last value where that has the same elements."""
    chains = chains_of(graph)
    ends: dict[Node, Node] = {}  # by view: the last value of the array
    for node in graph:
        chain = chains.get(node.operands[0]) if node.op == "view" and node.size else None
        if chain is not None and node.operands[0] is not chain.end and chain.is_final(node):
            ends[node] = chain.end
    if not ends:
        return graph
    new: dict[Node, Node] = {}
    late: dict[Node, Node] = {}

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        new.update(zip(node.operands, operands, strict=True))
        parts = list(operands)
        for i, x in enumerate(node.operands):
            end = ends.get(x)
            # (a value that comes after the last write, in this order, is no part of it)
            if end is not None and end.number < node.number and new.get(end) is not None:
                if x not in late:
                    late[x] = strided(new[end], x.shape or (), x.settings["strides"], x.settings["offset"], x.line)
                parts[i] = late[x]
        return with_operands(node, tuple(parts))

    return graph.replaced(change)
