"""The loop nest of a fusion group: its axes, vector width, tiles, and the inner loop of each value."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.machine import INNERMOST_CACHE
from wengert.compiler.schedule.fusion import FusionGroup
from wengert.compiler.schedule.in_place import region_of_write

__all__ = ["LoopShape"]

LONGEST_CODE = 160  # operations in an inner loop
MOST_TILE = 4096  # elements of a tile of a long axis


class LoopShape:
    """The loop nest of a fusion group.

    Attributes
    ----------
    outer, inner : list of int
        The lengths of the axes.
    lanes : int
        The vector width in elements.
    tile, tiles : int
        A long axis is split into `tiles` tiles of `tile` elements.
    segment : dict of Node to int
        The inner loop in which a value is computed; for a value per row, the inner loop before which it is.
    slots : dict of Node to int
        The offset in scratch memory of values that a later inner loop reads.
    """

    def __init__(self, group: FusionGroup) -> None:
        self.group = group
        self.members = set(group.members)
        self.sincos = sincos_pairs(group)
        self.slots: dict[Node, int] = {}
        self.split_axes()
        self.assign_segments()

    def split_axes(self) -> None:
        """Split the iteration space into loops, and choose the vector width."""
        group = self.group
        splits = sorted(group.splits - {group.size}, reverse=True)
        edges = [group.size, *splits, 1]
        axes = [a // b for a, b in itertools.pairwise(edges)]
        inside = 1
        split = len(axes)
        while split > 0 and (split == len(axes) or (group.row is not None and inside < group.row)):
            split -= 1
            inside *= axes[split]
        self.outer, self.inner = axes[:split], axes[split:]
        widest = max((m.dtype.itemsize for m in group.members), default=8)
        widest = max([widest, *(x.dtype.itemsize for m in group.members for x in m.operands)])
        # Vectors of several registers hide the latency of dependent operations.
        self.lanes = max(4, 64 // max(widest, 4))
        while self.lanes > 1 and self.lanes > self.inner[-1]:
            self.lanes //= 2

    def assign_segments(self) -> None:
        """Distribute the values over inner loops, and choose the tile size from the values that later loops read."""
        group = self.group
        self.segment: dict[Node, int] = {}
        lengths: dict[int, int] = {}
        self.readers: dict[Node, list[Node]] = {}
        for node in group.members:
            for read in group.accesses[node].reads:
                self.readers.setdefault(read.root, []).append(node)
        for node in group.members:
            access, first = group.accesses[node], 0
            for read in access.reads:
                if read.root in self.segment:
                    after = group.accesses[read.root].kind == "row_reduction"
                    first = max(first, self.segment[read.root] + after)
            if node in group.in_place:  # (not before others read what it overwrites)
                first = max(first, self.last_read(node))
            if node not in group.rows:
                while lengths.get(first, 0) >= LONGEST_CODE:
                    first += 1
                lengths[first] = lengths.get(first, 0) + 1
            self.segment[node] = first
        self.count = max(lengths, default=0) + 1
        for node in group.members:
            if node.op == "assign":  # (all reads of the old elements come before)
                self.segment[node] = self.count if node in group.rows else self.count - 1
        crossing: dict[Node, None] = {}
        for node in group.members:
            for read in group.accesses[node].reads:
                x = read.root
                if x in self.members and self.is_full(x) and self.segment[x] < self.segment[node]:
                    crossing[x] = None
        bytes_each = sum(max(x.dtype.itemsize, 1) for x in crossing)
        self.tile = math.prod(self.inner)
        if group.row is None and len(self.inner) == 1:
            longest = MOST_TILE if not crossing else max(INNERMOST_CACHE // bytes_each, 2 * self.lanes)
            longest = max(min(longest, MOST_TILE) // self.lanes, 1) * self.lanes
            self.tile = min(self.tile, longest)
        offset = 0
        for x in crossing:
            self.slots[x] = offset
            offset += -(-self.tile * x.dtype.itemsize // 64) * 64
        self.scratch = offset
        length = self.inner[-1] if group.row is None else self.tile
        self.tiles = -(-length // self.tile)
        self.iterations = math.prod(self.outer) * self.tiles

    def last_read(self, write: Node) -> int:
        """The last inner loop that reads elements which an update in place overwrites."""
        region, base = region_of_write(write, self.group.accesses[write]), write.operands[0]
        return max(
            (
                self.segment[node]
                for node in self.readers.get(base, ())
                if node in self.segment
                and any(r.root is base and (r.offset, r.pattern) == region for r in self.group.accesses[node].reads)
            ),
            default=0,
        )

    def is_full(self, node: Node) -> bool:
        return node not in self.group.rows and self.group.accesses[node].kind == "elementwise"


def sincos_pairs(group: FusionGroup) -> set[Node]:
    """Sines and cosines of the same value are computed in pairs: order the members so that each pair is adjacent."""
    known: dict[Any, dict[Any, Node]] = {}
    for node in group.members:
        if node.op == "elementwise" and node.settings["ufunc"] in (np.sin, np.cos) and node not in group.rows:
            known.setdefault(group.accesses[node].reads[0], {})[node.settings["ufunc"]] = node
    pairs = [found for found in known.values() if len(found) == 2]
    if not pairs:
        return set()
    position = {node: (i, 0) for i, node in enumerate(group.members)}
    for pair in pairs:
        first = min(position[node] for node in pair.values())
        for i, node in enumerate(sorted(pair.values(), key=position.__getitem__)):
            position[node] = (first[0], i)
    group.members.sort(key=position.__getitem__)
    return {node for pair in pairs for node in pair.values()}
