"""One line of a plan: a kernel, a call of Python or a guard, with what it moves and computes."""

from __future__ import annotations

import math
from typing import NamedTuple

from wengert.compiler.graph.graph import Node
from wengert.compiler.schedule.fusion import FusionGroup
from wengert.compiler.schedule.memory_plan import MemoryPlan

__all__ = ["PlanLine", "line_of_loops"]


WORDS = {"select": "where", "convert": "", "assign": ""}  # what broadcasts, converts or copies goes without saying


class PlanLine(NamedTuple):
    """What stands about a step of a plan.

    `name` is that of the kernel, or `call`, or `guard`; `moved` are bytes; `kind` says which peak its operations are
    to be compared with: those of a matrix `product`, or of nothing where memory is the limit.
    """

    name: str
    shape: str
    moved: int
    flops: int
    what: str
    nodes: tuple[Node, ...]
    shared: bool = False  # among threads
    kind: str = "loops"

    def __str__(self) -> str:
        if self.kind in ("call", "guard"):
            return f"{self.name:6} {self.what}"
        flops = f", {self.flops} flops" if self.flops else ""
        return f"{self.name:6} [{self.shape}] {self.moved} bytes{flops}: {self.what}"


def line_of_loops(name: str, loops: FusionGroup, memory: MemoryPlan, shared: bool) -> PlanLine:
    """What loops compute, how many elements, bytes that they move, operations."""
    moved, seen = 0, set()
    for node in loops.members:
        for read in loops.works[node].reads:
            if read.root not in loops.works and read not in seen:
                seen.add(read)
                moved += math.prod(n for n, s in read.pattern if s) * read.root.dtype.itemsize
        if node in memory.stored or loops.works[node].kind == "write":
            moved += math.prod(n for n, s in loops.works[node].target if s) * node.dtype.itemsize
    work = sum(1 if node in loops.rows else loops.works[node].size for node in loops.members if node.op != "convert")
    names = [n.settings["ufunc"].__name__ if "ufunc" in n.settings else WORDS.get(n.op, n.op) for n in loops.members]
    names = [name for name in names if name] or ["copy"]
    listed = " ".join(names[:12]) + (f" ... ({len(names)})" if len(names) > 12 else "")
    shape = f"{loops.size}" if loops.row is None else f"{loops.size // loops.row}x{loops.row}"
    return PlanLine(name, shape, moved, work, listed, tuple(loops.members), shared)
