"""Loop fusion: which values are computed in one fused loop.

The steps of a plan are scheduled backward: each value joins the step of its users, as late as possible, so that a
value that only the backward pass needs is not computed in the forward pass and stored. A value never joins a step
after one of its users, so the order is valid by construction.

A fusion group iterates over `size` elements; some of its values have one element per row of `row` elements (a softmax
has a maximum and a sum for each row).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.graph.loop import carried_output, is_private
from wengert.compiler.graph.regions import meet
from wengert.compiler.schedule.access_pattern import AccessPattern, can_split, contiguous, pattern_of, splits_of
from wengert.compiler.schedule.in_place import in_place_order, overwritten_operand, region_of_write, same_or_apart
from wengert.compiler.schedule.loop_access import SMALL, LoopAccess, loop_access
from wengert.compiler.targets.llvm.blas_call import is_product

__all__ = ["FusionGroup", "OpaqueStep", "Step", "fuse", "members_of", "single_node_group"]

TINY = 2048  # elements: loops of at most so many are fused even if they have no memory in common
SHORTEST_ROW = 16  # elements, in large loops that could also do without rows
FEWEST_ROWS = 32  # in large loops: threads divide the rows
MOST_MEMBERS = 400  # of loops of few elements: LLVM's time grows faster than the length of a function
# Whose memory may be overwritten: it is no one else's.
OVERWRITABLE = ("elementwise", "select", "convert", "reduce", "matmul", "kernel", "update", "output")
FEW_RUNS = 8  # second runs under `wengert.checkpoint` of which values may be in one group
MOST_WRITES = 16  # of a loop into one array: loops of the same form are compiled once, if they have few pointers
FEW = 64  # elements: values of at most so many may be stored at no cost


class Step:
    """A step of a plan."""

    index: int  # from the end
    in_place: frozenset[Node] = frozenset()  # values of it that overwrite their bases in place


class OpaqueStep(Step):
    """A step that is not fused: a matrix product, a kernel, a loop, a guard, or a call of Python."""

    overwritten: frozenset[Node] = frozenset()  # the operands whose memory a loop uses

    def __init__(self, node: Node) -> None:
        self.node = node


class FusionGroup(Step):
    """Values that are computed in a fused loop."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.row: int | None = None
        self.members: list[Node] = []  # in reverse order
        self.rows: set[Node] = set()  # members with one element per row
        self.splits: set[int] = set()
        self.accesses: dict[Node, LoopAccess] = {}
        self.writes: dict[Node, list[Node]] = {}  # updates among the members, by the memory that they write to

    def state(self) -> Any:
        writes = {memory: list(updates) for memory, updates in self.writes.items()}
        return self.size, self.row, list(self.members), set(self.rows), set(self.splits), dict(self.accesses), writes

    def restore(self, state: Any) -> None:
        self.size, self.row, self.members, self.rows, self.splits, self.accesses, self.writes = state


def members_of(step: Step) -> list[Node]:
    """The nodes that a step computes."""
    if isinstance(step, OpaqueStep):
        return [step.node]
    assert isinstance(step, FusionGroup)
    return step.members


class Fusion:
    """The backward scheduling of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.steps: list[Step] = []
        self.place: dict[Node, Step] = {}
        self.accesses: dict[Node, LoopAccess | None] = {}
        self.users: dict[Node, list[Node]] = {}
        self.readers: dict[Node, list[FusionGroup]] = {}  # the groups that read a root
        self.assigned: dict[Node, Node] = {}
        self.pending: dict[Node, list[Node]] = {}
        assigns = [
            Node("assign", (new,), {"into": into}, into.shape, into.dtype, line=new.line)
            for into, new in graph.assignments
        ]
        for node in (*graph.nodes, *assigns):
            if node.op in ("input", "constant", "view", "output"):
                continue
            self.accesses[node] = loop_access(node)
            for x in node.operands:
                root = root_of(x)[0]
                self.users.setdefault(root, []).append(node)
                if root.op == "output":
                    self.users.setdefault(root.operands[0], []).append(node)
        self.order_writes(graph)
        for cluster in clustered(assigns, self.accesses):
            near: list[FusionGroup] = []  # of the other assignments of the cluster, which have common operands
            for node in cluster:
                if node.size and self.memory.get(node.operands[0]) is not node.settings["into"]:
                    self.assigned[node.settings["into"]] = node
                    self.schedule(node, near)
                    step = self.place[node]
                    if isinstance(step, FusionGroup) and step not in near:
                        near.append(step)
        for node in deferred_last(self.order):
            if node in self.accesses and node not in self.place:
                self.schedule(node)

    def order_writes(self, graph: Graph) -> None:
        """Order the values so that writes can be in place."""
        # Each thread checks guards by itself, at any time: their operands stay as they are.
        kept = {root_of(x)[0] for x in (*graph.results, *(new for _, new in graph.assignments))}
        kept |= {root_of(x)[0] for node in graph.effects if node.op == "guard" for x in node.operands}

        inputs = self.written_inputs(graph)

        def may_overwrite(node: Node, base: Node) -> bool:
            if base.op == "input":
                return inputs.get(base) is node and (node.op == "loop" or self.accesses.get(node) is not None)
            if base in kept or base.op not in OVERWRITABLE or (node.op == "update" and base.strides != node.strides):
                return False
            in_arena = is_product(base) or base.op in ("kernel", "output") or self.accesses.get(base) is not None
            return in_arena == (
                node.op in ("kernel", "loop") or self.accesses.get(node) is not None
            )  # (else Python has made both)

        self.order, self.overwriters = in_place_order(graph, may_overwrite)
        self.memory: dict[Node, Node] = {}  # of each update: the first value in the memory that it writes to
        for node in self.order:
            writer, base = written_by(node)
            if base is not None:
                self.memory[node] = self.memory.get(base, base) if self.overwriters.get(base) is writer else node

    def written_inputs(self, graph: Graph) -> dict[Node, Node]:
        """The first writes to inputs that may be in place: those of calls that cannot fail after them."""
        fails = bool(graph.effects) or any(
            a is None and not runs_natively(node) for node, a in self.accesses.items() if node.size
        )
        found = {}
        for into, new in graph.assignments:
            if fails and not is_private(into):
                continue
            first = new
            writer, base = written_by(new)
            while base is not None and base.op != "input" and first not in graph.results:
                first, (writer, base) = base, written_by(base)
            if base is into and first not in graph.results:
                found[into] = writer
        return found

    # Placement of nodes

    def limit(self, node: Node) -> int:
        """The index of the latest step that a node may be in, given those of its users."""
        found = max((self.place[u].index for u in self.users.get(node, ()) if u in self.place), default=0)
        for user in self.pending.get(node, ()):
            found = max(found, self.limit(user))
        return max(found, *(self.place[a].index for a in self.overwritten(node)), 0)

    def overwritten(self, node: Node) -> list[Node]:
        """The writes into what a node reads, to inputs and in place: they must not come before it."""
        roots = {root_of(x)[0] for x in node.operands}
        found = [self.assigned.get(root) for root in roots] + [self.overwriters.get(root) for root in roots]
        return [a for a in found if a is not None and a is not node and a in self.place]

    def schedule(self, node: Node, near: Sequence[FusionGroup] = ()) -> None:
        access = self.accesses[node]
        if access is None:
            self.append(OpaqueStep(node), node)
            return
        if access.kind == "outer_reduction":
            source = access.reads[0]
            above = self.accesses.get(source.root)
            if above is not None and above.kind == "elementwise" and source.pattern == contiguous(above.size):
                self.pending.setdefault(source.root, []).append(node)
                return
        waiting = self.pending.pop(node, [])
        for candidate in self.candidates(node, access, waiting, near):
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
                last = FusionGroup(self.accesses[x].size)  # type: ignore[union-attr]
                self.append(last)
                if not self.join(last, x):
                    raise AssertionError(f"{x.text()} cannot be computed in group of its own")
            self.settle(last, x)

    def candidates(
        self, node: Node, access: LoopAccess, waiting: list[Node], near: Sequence[FusionGroup] = ()
    ) -> list[FusionGroup]:
        """Groups that a node may join, the best first."""
        # (pending reductions of the node are not placed yet, but limit it)
        limit = max([self.limit(node), *(self.limit(x) for x in waiting)])
        found: list[FusionGroup] = [g for g in near if g.index >= limit]
        users = [u for x in (node, *waiting) for u in self.users.get(x, ())]
        found += [g for u in users if isinstance(g := self.place.get(u), FusionGroup) and g.index == limit]
        by_users = len(found)
        if not found:
            # It is stored in any case: best in a group that reads its ancestors as well.
            for x in ancestors(node, self.accesses):
                found += [g for g in self.readers.get(x, ()) if g.index >= limit and g.size == access.size]
        for read in access.reads:
            found += [g for g in self.readers.get(read.root, ()) if g.index >= limit]
        if access.size <= TINY:
            found += [g for g in self.steps[limit:][-8:] if isinstance(g, FusionGroup) and g.size == access.size]
        if node.run.again:  # (from much earlier on, or until much later, what is computed again would be kept)
            found = [g for i, g in enumerate(found) if is_near(node, g, may_be_first=i < by_users)]
        return list(dict.fromkeys(found))

    def append(self, step: Step, node: Node | None = None) -> None:
        step.index = len(self.steps)
        self.steps.append(step)
        if node is not None:
            self.place[node] = step

    def settle(self, group: FusionGroup, node: Node) -> None:
        self.place[node] = group
        for read in group.accesses[node].reads:
            known = self.readers.setdefault(read.root, [])
            if group not in known:
                known.append(group)

    # Joining

    def join(self, group: FusionGroup, node: Node) -> bool:
        """Add a node to a group if it can be computed there."""
        access = self.accesses[node]
        assert access is not None
        size, row, rows, splits = group.size, group.row, group.rows, group.splits
        if len(group.members) >= MOST_MEMBERS and max(size, access.size) <= FEW:
            return False
        if node.op == "update" and len(group.writes.get(self.memory[node], ())) >= MOST_WRITES:
            return False
        per_row_member = False
        if access.kind == "row_reduction":
            if access.size == size and row in (None, access.row):
                row = access.row
            elif row is None and access.row is not None and access.size == size * access.row:
                # The members so far become values per row.
                if any(group.accesses[m].kind == "outer_reduction" for m in group.members):
                    return False
                splits = {c * access.row for c in splits}
                size, row, rows = access.size, access.row, set(group.members)
            else:
                return False
        elif access.size != size:
            if access.kind == "outer_reduction" or size % access.size:
                return False
            length = size // access.size
            if row is None:
                wanted = rows_of(access.size, length)
                if size > SMALL and (length < SHORTEST_ROW or access.size < FEWEST_ROWS):
                    return False
                users = [group.accesses[u] for u in self.users.get(node, ()) if u in group.accesses]
                if not any(read.root is node and read.pattern == wanted for u in users for read in u.reads):
                    return False
                row = length
            elif length != row:
                return False
            per_row_member = True
        inside = row if per_row_member and row else 1
        splits = set(splits)
        for pattern in (*(r.pattern for r in access.reads), access.target):
            splits |= {c * inside for c in splits_of(pattern)}
        if row is not None and row < size:
            splits.add(row)
        if not can_split(splits, size) or not self.may_follow(group, node, access, per_row_member, size, row, rows):
            return False
        group.size, group.row, group.splits, group.rows = size, row, splits, set(rows)
        if per_row_member:
            group.rows.add(node)
        group.members.append(node)
        group.accesses[node] = access
        if node.op == "update":
            group.writes.setdefault(self.memory[node], []).append(node)
        return True

    def may_follow(
        self,
        group: FusionGroup,
        node: Node,
        access: LoopAccess,
        per_row_member: bool,
        size: int,
        row: int | None,
        rows: set[Node],
    ) -> bool:
        """Whether the group's users of a node can read it there, and it reads nothing that the group overwrites."""
        per_row = per_row_member or access.kind == "row_reduction"
        for member in self.users.get(node, ()):
            if member not in group.accesses:
                continue
            if member.op == "update" and member.operands[0] is node and not self.is_apart(group, node, access, member):
                return False  # the root of an update must be complete before
            for read in group.accesses[member].reads:
                if read.root is not node:
                    continue
                if access.kind in ("outer_reduction", "write") or read.offset:
                    return False
                if member in rows:
                    wanted = contiguous(size // (row or 1))
                    if not per_row:
                        return False
                else:
                    wanted = rows_of(size // (row or 1), row or 1) if per_row else contiguous(size)
                if read.pattern != wanted:
                    return False
        for user in self.users.get(node, ()):
            placed = self.place.get(user)
            if placed is not None and placed is not group and placed.index >= group.index:
                return False
        for write in self.overwritten(node):
            placed = self.place[write]
            if placed is not group:
                if placed.index >= group.index:
                    return False
            elif not self.may_read_beside(group, access, write, (write in rows) == per_row_member):
                return False
        return True

    def may_read_beside(self, group: FusionGroup, access: LoopAccess, write: Node, alike: bool) -> bool:
        """Whether a node may read what another one of the group overwrites; `alike` if both have values per row."""
        if write.op == "assign":
            region, into = region_of_write(write, group.accesses[write]), write.settings["into"]
            return alike and all((r.offset, r.pattern) == region for r in access.reads if r.root is into)
        into, regions = (
            write.operands[0],
            [(w, region_of_write(w, group.accesses[w])) for w in self.written(group, write)],
        )
        for read in access.reads:
            if read.root is into:
                for w, region in regions:
                    at = read.offset, read.pattern
                    if meet(at, region) if w is not write or not alike else not same_or_apart(at, region):
                        return False
        return True

    def written(self, group: FusionGroup, write: Node) -> list[Node]:
        """The writes of a group to the memory of one of them."""
        return group.writes.get(self.memory[write], [])

    def is_apart(self, group: FusionGroup, node: Node, access: LoopAccess, write: Node) -> bool:
        """Whether a node is an update that others of the group, after it and in place, do not overwrite."""
        if node.op != "update" or self.overwriters.get(node) is not write:
            return False
        region = region_of_write(node, access)
        return not any(meet(region, region_of_write(w, group.accesses[w])) for w in self.written(group, write))


def written_by(node: Node) -> tuple[Node, Node | None]:
    """What writes a value into memory (itself, or the loop that gives it), and the value before in that memory."""
    base = carried_output(node)
    if base is None:
        return node, overwritten_operand(node)
    return node.operands[0], base


def deferred_last(nodes: list[Node]) -> Iterator[Node]:
    """The nodes in reverse order, but with guards of finiteness deferred to the end of their segment.

    Segments end at calls of Python, which may raise for an infinity. Within a segment, values that are computed before
    such a guard are dropped if it fails, so that its position cannot be observed.
    """
    segment: list[Node] = []
    for node in (*reversed(nodes), None):
        if node is not None and node.op not in ("call", "random", "tuple_get"):
            segment.append(node)
            continue
        yield from (x for x in segment if may_be_deferred(x))
        yield from segment
        segment = []
        if node is not None:
            yield node


def may_be_deferred(node: Node) -> bool:
    """Whether a guard tests a number for finiteness: a sum over an array, which would need its own loop."""
    if node.op != "guard":
        return False
    x = node.operands[0]
    while x.op in ("convert", "view"):
        x = x.operands[0]
    return x.op == "elementwise" and x.settings["ufunc"] is np.isfinite


def runs_natively(node: Node) -> bool:
    """Whether a node that is not computed by loops is computed by other native code."""
    return is_product(node) or node.op in ("kernel", "loop")


def is_near(node: Node, group: FusionGroup, may_be_first: bool) -> bool:
    """Whether a group has, of second runs, such alone as are near that of a node; and maybe of no such run."""
    return all(abs(m.run.begun - node.run.begun) <= FEW_RUNS if m.run.again else may_be_first for m in group.members)


def single_node_group(node: Node) -> FusionGroup:
    """A fusion group with a single member."""
    access = loop_access(node)
    assert access is not None
    group = FusionGroup(access.size)
    for pattern in (*(r.pattern for r in access.reads), access.target):
        group.splits |= splits_of(pattern)
    group.row, group.members, group.accesses = access.row, [node], {node: access}
    if not can_split(group.splits, access.size):
        raise NotImplementedError(f"the group of {node.text()}")
    return group


def rows_of(count: int, length: int) -> AccessPattern:
    """The pattern of one element per row, over the elements of all rows."""
    return pattern_of((count, length), (1, 0))


def clustered(assigns: list[Node], accesses: dict[Node, LoopAccess | None]) -> list[list[Node]]:
    """Cluster assignments whose values have common ancestors."""
    clusters: list[tuple[list[Node], set[Node]]] = []
    for node in assigns:
        members, above = [node], ancestors(node, accesses)
        unrelated = []
        for cluster, nodes in clusters:
            if cluster[0].size == node.size and nodes & above:
                members, above = cluster + members, nodes | above
            else:
                unrelated.append((cluster, nodes))
        clusters = [*unrelated, (members, above)]
    return [members for members, _ in clusters]


def ancestors(node: Node, accesses: dict[Node, LoopAccess | None]) -> set[Node]:
    """Elementwise values of the same size that a value is computed from, directly or indirectly."""
    seen: set[Node] = set()
    worklist = [root_of(x)[0] for x in node.operands]
    while worklist and len(seen) < 64:
        x = worklist.pop()
        access = accesses.get(x)
        if x in seen or access is None or access.kind != "elementwise" or x.size != node.size:
            continue
        seen.add(x)
        worklist += [root_of(y)[0] for y in x.operands]
    return seen


def fuse(graph: Graph) -> list[Step]:
    """The steps of a graph, in order."""
    fusion = Fusion(graph)
    in_place = set(fusion.overwriters.values())
    steps = fusion.steps[::-1]
    for step in steps:
        step.in_place = frozenset(node for node in members_of(step) if node in in_place)
        if isinstance(step, FusionGroup):
            step.members.reverse()
        elif isinstance(step, OpaqueStep):
            step.overwritten = frozenset(x for x in step.node.operands if fusion.overwriters.get(x) is step.node)
    return steps
