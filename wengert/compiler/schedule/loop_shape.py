"""The shape of loops: how they are cut, how long a piece is, and what is computed in which inner loop."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.machine import INNERMOST_CACHE
from wengert.compiler.schedule.fusion import FusionGroup

__all__ = ["LoopShape"]

LONGEST_CODE = 160  # operations in one inner loop
PIECE = 4096  # elements of a long axis


class LoopShape:
    """How the loops of a step go.

    Attributes
    ----------
    outer, inner : list of int
        The lengths of the axes.
    lanes : int
        How many elements are computed at once.
    piece, pieces : int
        A long axis is cut in so many pieces of so many elements.
    segment : dict of Node to int
        In which inner loop a value is computed; that of a row, before which.
    slots : dict of Node to int
        Where in the scratch memory a value waits for a later inner loop.
    """

    def __init__(self, loops: FusionGroup) -> None:
        self.loops = loops
        self.members = set(loops.members)
        self.twins = twins_of(loops)
        self.slots: dict[Node, int] = {}
        self.cut()
        self.segments()

    def cut(self) -> None:
        """Find the loops, and how many lanes and how long a piece they have."""
        loops = self.loops
        cuts = sorted(loops.cuts - {loops.size}, reverse=True)
        edges = [loops.size, *cuts, 1]
        axes = [a // b for a, b in itertools.pairwise(edges)]
        inside = 1
        split = len(axes)
        while split > 0 and (split == len(axes) or (loops.row is not None and inside < loops.row)):
            split -= 1
            inside *= axes[split]
        self.outer, self.inner = axes[:split], axes[split:]
        widest = max((m.dtype.itemsize for m in loops.members), default=8)
        widest = max([widest, *(x.dtype.itemsize for m in loops.members for x in m.operands)])
        # Several registers at once: one operation waits for the one before, and others fill the time.
        self.lanes = max(4, 64 // max(widest, 4))
        while self.lanes > 1 and self.lanes > self.inner[-1]:
            self.lanes //= 2

    def segments(self) -> None:
        """Say in which inner loop each value is computed, and what goes from one to the next."""
        loops = self.loops
        self.segment: dict[Node, int] = {}
        lengths: dict[int, int] = {}
        for node in loops.members:
            work, first = loops.works[node], 0
            for read in work.reads:
                if read.root in self.segment:
                    after = loops.works[read.root].kind == "row_reduction"
                    first = max(first, self.segment[read.root] + after)
            if node not in loops.rows:
                while lengths.get(first, 0) >= LONGEST_CODE:
                    first += 1
                lengths[first] = lengths.get(first, 0) + 1
            self.segment[node] = first
        self.count = max(lengths, default=0) + 1
        for node in loops.members:
            if node.op == "assign":  # what is overwritten is read first
                self.segment[node] = self.count if node in loops.rows else self.count - 1
        crossing: dict[Node, None] = {}
        for node in loops.members:
            for read in loops.works[node].reads:
                x = read.root
                if x in self.members and self.is_full(x) and self.segment[x] < self.segment[node]:
                    crossing[x] = None
        bytes_each = sum(max(x.dtype.itemsize, 1) for x in crossing)
        self.piece = math.prod(self.inner)
        if loops.row is None and len(self.inner) == 1:
            longest = PIECE if not crossing else max(INNERMOST_CACHE // bytes_each, 2 * self.lanes)
            longest = max(min(longest, PIECE) // self.lanes, 1) * self.lanes
            self.piece = min(self.piece, longest)
        offset = 0
        for x in crossing:
            self.slots[x] = offset
            offset += -(-self.piece * x.dtype.itemsize // 64) * 64
        self.scratch = offset
        length = self.inner[-1] if loops.row is None else self.piece
        self.pieces = -(-length // self.piece)
        self.iterations = math.prod(self.outer) * self.pieces

    def is_full(self, node: Node) -> bool:
        return node not in self.loops.rows and self.loops.works[node].kind == "elementwise"


def twins_of(loops: FusionGroup) -> set[Node]:
    """Sines and cosines of the same value: each pair is computed at once, so that the second is put after the first."""
    known: dict[Any, dict[Any, Node]] = {}
    for node in loops.members:
        if node.op == "elementwise" and node.settings["ufunc"] in (np.sin, np.cos) and node not in loops.rows:
            known.setdefault(loops.works[node].reads[0], {})[node.settings["ufunc"]] = node
    pairs = [found for found in known.values() if len(found) == 2]
    if not pairs:
        return set()
    place = {node: (i, 0) for i, node in enumerate(loops.members)}
    for pair in pairs:
        first = min(place[node] for node in pair.values())
        for i, node in enumerate(sorted(pair.values(), key=place.__getitem__)):
            place[node] = (first[0], i)
    loops.members.sort(key=place.__getitem__)
    return {node for pair in pairs for node in pair.values()}
