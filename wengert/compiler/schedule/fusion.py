"""Fusion: which values are computed in one sweep over memory.

The steps of a plan are found from the end: each value joins the step of those who need it, as late as can be, so
that what only the backward pass needs is not computed in the forward pass and kept. A step that a value joins
never comes after one that reads it, so no order has to be proved afterwards.

A loop step has `size` elements; some of its values have one element for each `row` of them (a softmax has a maximum
and a sum for each row).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.graph.ufuncs import identity_of, is_native
from wengert.compiler.schedule.access_pattern import Pattern, broadcasting, cuts_of, divides, pattern_of, whole
from wengert.compiler.targets.llvm.llvm_ufuncs import native_ufunc

__all__ = ["FusionGroup", "LoopAccess", "OpaqueStep", "Read", "Step", "alone", "fused"]

SMALL = 8192  # elements: a full reduction of no more is one row
TINY = 2048  # elements: loops of no more are joined although they share nothing
SHORTEST_ROW = 16  # of large loops, where they could also go on without rows
FEWEST_ROWS = 32  # of large loops: threads share rows
MOST_MEMBERS = 400  # of loops of a few elements: LLVM takes longer for one long function than for several
FEW = 64  # elements: to keep a value of so many in memory costs nothing


class Read(NamedTuple):
    """An operand: whose memory it looks into, and where its elements are, as the loops go."""

    root: Node
    offset: int
    pattern: Pattern


class LoopAccess(NamedTuple):
    """A node as loops see it.

    kind: `map` has a value for each element; `row` one for each row, in the same loops; `sum` gathers over
    outer loops, so that its value is there only after the step; `write` puts elements into another array.
    """

    kind: str
    size: int
    row: int | None
    reads: tuple[Read, ...]
    target: Pattern  # where it writes: in its own array, or that of the root


class Step:
    """One thing that a plan does."""

    index: int  # counted from the end


class OpaqueStep(Step):
    """A matrix product, a guard, or a call of Python."""

    def __init__(self, node: Node) -> None:
        self.node = node


class FusionGroup(Step):
    """Values that are computed in the same loops."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.row: int | None = None
        self.members: list[Node] = []  # from the last to the first
        self.rows: set[Node] = set()  # those with one element for each row
        self.cuts: set[int] = set()
        self.works: dict[Node, LoopAccess] = {}

    def state(self) -> Any:
        return self.size, self.row, list(self.members), set(self.rows), set(self.cuts), dict(self.works)

    def restore(self, state: Any) -> None:
        self.size, self.row, self.members, self.rows, self.cuts, self.works = state


def iteration_shape(node: Node) -> tuple[int, ...]:
    if node.op == "reduce":
        return node.operands[0].shape or ()
    return (node.settings["shape"] if node.op == "update" else node.shape) or ()


def work_of(node: Node) -> LoopAccess | None:
    """How a node is computed in loops; None if it cannot be."""
    if node.op not in ("elementwise", "select", "convert", "reduce", "update", "assign"):
        return None
    if node.dtype is None or not all(x.dtype is not None and is_native(x.dtype) for x in (node, *node.operands)):
        return None
    shape = iteration_shape(node)
    size = math.prod(shape)
    if size == 0:
        return None
    operands = node.operands[1:] if node.op == "update" else node.operands
    reads = []
    for x in operands:
        root, offset, strides = root_of(x)
        reads.append(Read(root, offset, broadcasting(x.shape or (), strides, shape)))
    kind, row, target = "elementwise", None, whole(size)
    if node.op == "elementwise":
        dtypes = node.settings["dtypes"]
        if dtypes is None or native_ufunc(node.settings["ufunc"], dtypes) is None:
            return None
    elif node.op == "convert":
        old, new = node.operands[0].dtype, node.dtype
        if old.kind == "f" and new.kind in "iu":
            return None
    elif node.op == "reduce":
        if identity_of(node.settings["ufunc"], node.dtype) is None:
            return None
        old = node.operands[0].dtype
        if old.kind == "f" and node.dtype.kind in "iu":
            return None
        kind, row, target = reduction_kind(shape, node.settings["axes"])
    elif node.op == "update":
        kind = "write"
        target = pattern_of(shape, node.settings["strides"])
    elif node.op == "assign":
        kind, into = "write", node.settings["into"]
        target = pattern_of(shape, into.strides)
    return LoopAccess(kind, size, row, tuple(reads), target)


def reduction_kind(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[str, int | None, Pattern]:
    """Whether rows are reduced, or what is far apart, and where the elements of the result are."""
    taken = [i in axes for i, n in enumerate(shape) if n > 1]
    lengths = [n for n in shape if n > 1]
    size = math.prod(lengths)
    kept = math.prod(n for n, t in zip(lengths, taken, strict=True) if not t)
    strides, step = [], 1
    for n, t in zip(reversed(lengths), reversed(taken), strict=True):
        strides.append(0 if t else step)
        step *= 1 if t else n
    target = pattern_of(lengths, strides[::-1])
    if not any(taken):
        return "elementwise", None, target
    trailing = taken == sorted(taken)
    if trailing and (kept > 1 or size <= SMALL):
        return "row_reduction", size // kept, target
    return "outer_reduction", None, target


class Fusion:
    """The steps of a graph, found from the end."""

    def __init__(self, graph: Graph) -> None:
        self.steps: list[Step] = []
        self.place: dict[Node, Step] = {}
        self.works: dict[Node, LoopAccess | None] = {}
        self.users: dict[Node, list[Node]] = {}
        self.readers: dict[Node, list[FusionGroup]] = {}  # the loops that read a root
        self.assigned: dict[Node, Node] = {}
        self.pending: dict[Node, list[Node]] = {}
        assigns = [
            Node("assign", (new,), {"into": into}, into.shape, into.dtype, line=new.line)
            for into, new in graph.assignments
        ]
        for node in (*graph.nodes, *assigns):
            if node.op in ("input", "constant", "view"):
                continue
            self.works[node] = work_of(node)
            for x in node.operands:
                self.users.setdefault(root_of(x)[0], []).append(node)
        for cluster in clustered(assigns, self.works):
            near: list[FusionGroup] = []  # of the others: what they are computed from is best computed once
            for node in cluster:
                if node.size and self.works[node] is None:
                    raise NotImplementedError(f"an assignment to {node.dtype}")
                if node.size:
                    self.assigned[node.settings["into"]] = node
                    self.schedule(node, near)
                    step = self.place[node]
                    if isinstance(step, FusionGroup) and step not in near:
                        near.append(step)
        for node in waiting_last(graph.nodes):
            if node in self.works and node not in self.place:
                self.schedule(node)

    # Where a node may go

    def limit(self, node: Node) -> int:
        """The latest step that comes before, or is that of, all that need a node."""
        found = max((self.place[u].index for u in self.users.get(node, ()) if u in self.place), default=0)
        for user in self.pending.get(node, ()):
            found = max(found, self.limit(user))
        return max(found, *(self.place[a].index for a in self.overwritten(node)), 0)

    def overwritten(self, node: Node) -> list[Node]:
        """The assignments to what a node reads: they must not come before it."""
        roots = {root_of(x)[0] for x in node.operands}
        return [a for root in roots if (a := self.assigned.get(root)) is not None and a is not node and a in self.place]

    def schedule(self, node: Node, near: Sequence[FusionGroup] = ()) -> None:
        work = self.works[node]
        if work is None:
            self.append(OpaqueStep(node), node)
            return
        if work.kind == "outer_reduction":
            source = work.reads[0]
            above = self.works.get(source.root)
            if above is not None and above.kind == "elementwise" and source.pattern == whole(above.size):
                self.pending.setdefault(source.root, []).append(node)
                return
        waiting = self.pending.pop(node, [])
        for candidate in self.candidates(node, work, waiting, near):
            before = candidate.state() if waiting else None
            if all(self.join(candidate, x) for x in (*waiting, node)):
                for x in (*waiting, node):
                    self.settle(candidate, x)
                return
            if waiting:
                candidate.restore(before)
        last: FusionGroup | None = None
        for x in (*waiting, node):
            if last is None or not self.join(last, x):
                last = FusionGroup(self.works[x].size)  # type: ignore[union-attr]
                self.append(last)
                if not self.join(last, x):
                    raise AssertionError(f"{x.text()} cannot be computed in loops of its own")
            self.settle(last, x)

    def candidates(
        self, node: Node, work: LoopAccess, waiting: list[Node], near: Sequence[FusionGroup] = ()
    ) -> list[FusionGroup]:
        """Loops that a node may join, the best first."""
        # (what waits for the node is not placed yet, but limits it)
        limit = max([self.limit(node), *(self.limit(x) for x in waiting)])
        found: list[FusionGroup] = [g for g in near if g.index >= limit]
        users = [u for x in (node, *waiting) for u in self.users.get(x, ())]
        found += [g for u in users if isinstance(g := self.place.get(u), FusionGroup) and g.index == limit]
        if not found:
            # It is to be stored in any case: best where those that it is computed from are read as well.
            for x in ancestors(node, self.works):
                found += [g for g in self.readers.get(x, ()) if g.index >= limit and g.size == work.size]
        for read in work.reads:
            found += [g for g in self.readers.get(read.root, ()) if g.index >= limit]
        if work.size <= TINY:
            found += [g for g in self.steps[limit:][-8:] if isinstance(g, FusionGroup) and g.size == work.size]
        return list(dict.fromkeys(found))

    def append(self, step: Step, node: Node | None = None) -> None:
        step.index = len(self.steps)
        self.steps.append(step)
        if node is not None:
            self.place[node] = step

    def settle(self, loops: FusionGroup, node: Node) -> None:
        self.place[node] = loops
        for read in loops.works[node].reads:
            known = self.readers.setdefault(read.root, [])
            if loops not in known:
                known.append(loops)

    # Joining

    def join(self, loops: FusionGroup, node: Node) -> bool:
        """Take a node into loops if it can be computed there."""
        work = self.works[node]
        assert work is not None
        size, row, rows, cuts = loops.size, loops.row, loops.rows, loops.cuts
        if len(loops.members) >= MOST_MEMBERS and max(size, work.size) <= FEW:
            return False
        of_rows = False
        if work.kind == "row_reduction":
            if work.size == size and row in (None, work.row):
                row = work.row
            elif row is None and work.row is not None and work.size == size * work.row:
                # What there is so far has one element for each row.
                if any(loops.works[m].kind == "outer_reduction" for m in loops.members):
                    return False
                cuts = {c * work.row for c in cuts}
                size, row, rows = work.size, work.row, set(loops.members)
            else:
                return False
        elif work.size != size:
            if work.kind == "outer_reduction" or size % work.size:
                return False
            length = size // work.size
            if row is None:
                wanted = rows_of(work.size, length)
                if size > SMALL and (length < SHORTEST_ROW or work.size < FEWEST_ROWS):
                    return False
                users = [loops.works[u] for u in self.users.get(node, ()) if u in loops.works]
                if not any(read.root is node and read.pattern == wanted for u in users for read in u.reads):
                    return False
                row = length
            elif length != row:
                return False
            of_rows = True
        inside = row if of_rows and row else 1
        cuts = set(cuts)
        for pattern in (*(r.pattern for r in work.reads), work.target):
            cuts |= {c * inside for c in cuts_of(pattern)}
        if row is not None and row < size:
            cuts.add(row)
        if not divides(cuts, size) or not self.may_follow(loops, node, work, of_rows, size, row, rows):
            return False
        loops.size, loops.row, loops.cuts, loops.rows = size, row, cuts, set(rows)
        if of_rows:
            loops.rows.add(node)
        loops.members.append(node)
        loops.works[node] = work
        return True

    def may_follow(
        self,
        loops: FusionGroup,
        node: Node,
        work: LoopAccess,
        of_rows: bool,
        size: int,
        row: int | None,
        rows: set[Node],
    ) -> bool:
        """Whether those in the loops that need a node find it there, and it reads nothing that they overwrite."""
        per_row = of_rows or work.kind == "row_reduction"
        for member in self.users.get(node, ()):
            if member not in loops.works:
                continue
            if member.op == "update" and root_of(member.operands[0])[0] is node:
                return False  # what is to be written into is complete before
            for read in loops.works[member].reads:
                if read.root is not node:
                    continue
                if work.kind in ("outer_reduction", "write") or read.offset:
                    return False
                if member in rows:
                    wanted = whole(size // (row or 1))
                    if not per_row:
                        return False
                else:
                    wanted = rows_of(size // (row or 1), row or 1) if per_row else whole(size)
                if read.pattern != wanted:
                    return False
        for user in self.users.get(node, ()):
            placed = self.place.get(user)
            if placed is not None and placed is not loops and placed.index >= loops.index:
                return False
        for write in self.overwritten(node):
            placed = self.place[write]
            if placed is not loops:
                if placed.index >= loops.index:
                    return False
                continue
            into = write.settings["into"]
            same = all(
                read.offset == 0 and read.pattern == loops.works[write].target
                for read in work.reads
                if read.root is into
            )
            if not same or (write in rows) != of_rows:
                return False
        return True


def waiting_last(nodes: list[Node]) -> Iterator[Node]:
    """The nodes from the last to the first, but guards that wait as soon as they may.

    What is calculated before such a guard is dropped where it does not hold, and nothing but a call of Python, to which
    an infinity may be an error, could tell.
    """
    segment: list[Node] = []
    for node in (*reversed(nodes), None):
        if node is not None and node.op not in ("call", "random", "tuple_get"):
            segment.append(node)
            continue
        yield from (x for x in segment if may_wait(x))
        yield from segment
        segment = []
        if node is not None:
            yield node


def may_wait(node: Node) -> bool:
    """Whether a guard asks for a finite number: a sum over a whole array, which would take a pass of its own."""
    if node.op != "guard":
        return False
    x = node.operands[0]
    while x.op in ("convert", "view"):
        x = x.operands[0]
    return x.op == "elementwise" and x.settings["ufunc"] is np.isfinite


def alone(node: Node) -> FusionGroup:
    """The loops of one node."""
    work = work_of(node)
    assert work is not None
    loops = FusionGroup(work.size)
    for pattern in (*(r.pattern for r in work.reads), work.target):
        loops.cuts |= cuts_of(pattern)
    loops.row, loops.members, loops.works = work.row, [node], {node: work}
    if not divides(loops.cuts, work.size):
        raise NotImplementedError(f"the loops of {node.text()}")
    return loops


def rows_of(count: int, length: int) -> Pattern:
    """One element for each row, over the elements of all rows."""
    return pattern_of((count, length), (1, 0))


def clustered(assigns: list[Node], works: dict[Node, LoopAccess | None]) -> list[list[Node]]:
    """Put together assignments whose values are computed from one another."""
    clusters: list[tuple[list[Node], set[Node]]] = []
    for node in assigns:
        members, above = [node], ancestors(node, works)
        apart = []
        for cluster, nodes in clusters:
            if cluster[0].size == node.size and nodes & above:
                members, above = cluster + members, nodes | above
            else:
                apart.append((cluster, nodes))
        clusters = [*apart, (members, above)]
    return [members for members, _ in clusters]


def ancestors(node: Node, works: dict[Node, LoopAccess | None]) -> set[Node]:
    """Values of the same size that a value is computed from, one after the other."""
    seen: set[Node] = set()
    ahead = [root_of(x)[0] for x in node.operands]
    while ahead and len(seen) < 64:
        x = ahead.pop()
        work = works.get(x)
        if x in seen or work is None or work.kind != "elementwise" or x.size != node.size:
            continue
        seen.add(x)
        ahead += [root_of(y)[0] for y in x.operands]
    return seen


def fused(graph: Graph) -> list[Step]:
    """The steps of a graph, from the first to the last."""
    steps = Fusion(graph).steps[::-1]
    for step in steps:
        if isinstance(step, FusionGroup):
            step.members.reverse()
    return steps
