"""A line of a plan report: a kernel, a call of Python or a guard, with its memory traffic and operations."""

from __future__ import annotations

from typing import NamedTuple

from wengert.compiler.graph.graph import Node
from wengert.compiler.schedule.access_pattern import distinct_elements
from wengert.compiler.schedule.fusion import FusionGroup
from wengert.compiler.schedule.memory_plan import MemoryPlan

__all__ = ["COMBINES", "PlanLine", "line_of_group", "line_of_loop"]

COMBINES = "combine partial results"  # of a reduction, which each chunk has computed

WORDS = {"select": "where", "convert": "", "assign": ""}  # conversions and copies are not shown


class PlanLine(NamedTuple):
    """The description of a step of a plan.

    `name` is that of the kernel, or `call`, or `guard`; `moved` counts bytes; `kind` selects the peak of the roofline:
    that of a matrix `product`, or else the memory bandwidth.
    """

    name: str
    shape: str
    moved: int
    flops: int
    what: str
    nodes: tuple[Node, ...]
    shared: bool = False  # whether threads divide the step
    kind: str = "loops"

    def __str__(self) -> str:
        if self.kind in ("call", "guard"):
            return f"{self.name:6} {self.what}"
        flops = f", {self.flops} flops" if self.flops else ""
        return f"{self.name:6} [{self.shape}] {self.moved} bytes{flops}: {self.what}"


def line_of_loop(name: str, node: Node, outputs: list[Node], inside: list[PlanLine]) -> PlanLine:
    """Describe a loop by the lines of its body."""
    count = node.settings["loop"].count
    moved, flops = (count * sum(getattr(line, what) for line in inside) for what in ("moved", "flops"))
    names = " ".join(line.name for line in inside)
    return PlanLine(name, f"{count}", moved, flops, f"{count} times: {names}", (node, *outputs))


def line_of_group(name: str, group: FusionGroup, memory: MemoryPlan, shared: bool) -> PlanLine:
    """Describe a fusion group: its operations, elements, and bytes moved."""
    moved, seen = 0, set()
    for node in group.members:
        for read in group.accesses[node].reads:
            if read.root not in group.accesses and read not in seen:
                seen.add(read)
                moved += distinct_elements(read.pattern) * read.root.dtype.itemsize
        if node in memory.stored or group.accesses[node].kind == "write":
            moved += distinct_elements(group.accesses[node].target) * node.dtype.itemsize
    flops = sum(
        1 if node in group.rows else group.accesses[node].size for node in group.members if node.op != "convert"
    )
    names = [n.settings["ufunc"].__name__ if "ufunc" in n.settings else WORDS.get(n.op, n.op) for n in group.members]
    names = [name for name in names if name] or ["copy"]
    listed = " ".join(names[:12]) + (f" ... ({len(names)})" if len(names) > 12 else "")
    shape = f"{group.size}" if group.row is None else f"{group.size // group.row}x{group.row}"
    return PlanLine(name, shape, moved, flops, listed, tuple(group.members), shared)
