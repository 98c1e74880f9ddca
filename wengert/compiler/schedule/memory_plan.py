"""Memory planning: the location of each value, in an arena with reuse of buffers, or in a returned array."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node, reach_of
from wengert.compiler.graph.loop import loop_outputs
from wengert.compiler.passes.writes import is_overwritten
from wengert.compiler.schedule.fused_kernel import accumulator_dtype
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step, members_of, single_node_group
from wengert.compiler.schedule.in_place import overwritten_operand
from wengert.compiler.targets.llvm.blas_call import is_product

__all__ = ["ARENA", "COUNTERS", "RUN", "SCRATCH", "SCRATCH_BYTES", "TIMES", "MemoryPlan", "Storage", "aligned_memory"]

# The first slots of a plan's table: the addresses of the arena and of the scratch memory of all threads, the bytes of
# scratch per thread, the number of the run, and the addresses of the times of kernels and of the counters of chunks.
ARENA, SCRATCH, SCRATCH_BYTES, RUN, TIMES, COUNTERS = range(6)
FIXED_SLOTS = 6
ALIGNED = 64  # bytes: a cache line, and the widest register


class Storage:
    """A buffer of a value, or of several with disjoint lifetimes that overwrite one another in place.

    Attributes
    ----------
    kind : str
        `arena`, `input`, `result`, `constant`, or `foreign`: the array that a call of Python has returned.
    slot : int
        The slot of its address in the plan's table of pointers.
    offset : int
        From that address, in bytes.
    first, last : int
        The steps between which it is live.
    """

    def __init__(self, kind: str, size: int, first: int, slot: int = 0) -> None:
        self.kind, self.size, self.first, self.last, self.slot = kind, size, first, first, slot
        self.offset = 0


class MemoryPlan:
    """The storages of the values of a graph, given its steps in order.

    Attributes
    ----------
    places : dict of Node to (Storage, int)
        The storage, and the index of the value's first element in it.
    steps : list of Step
        Including copies of arrays that cannot be updated in place, because the old array is still live.
    partial : dict of Node to Storage
        The partial results of reductions, one per chunk.
    outputs : dict of Node to list of Node
        The values that each loop gives, also those that nothing reads.
    """

    def __init__(self, graph: Graph, steps: list[Step], chunks_of: Any) -> None:
        self.graph = graph
        self.places: dict[Node, tuple[Storage, int]] = {}
        self.partial: dict[Node, Storage] = {}
        self.storages: list[Storage] = []
        self.stored: set[Node] = set()
        self.slots = FIXED_SLOTS
        self.step_of: dict[Node, int] = {}
        self.users: dict[Node, list[int]] = {}
        self.results = {node: i for i, node in enumerate(graph.results)}
        self.input_slots = self.slots
        self.slots += len(graph.inputs)
        self.result_slots = self.slots
        self.slots += len(graph.results)
        for i, node in enumerate(graph.inputs):
            self.places[node] = (Storage("input", 0, 0, self.input_slots + i), 0)
        self.constants: dict[int, Node] = {}  # by slot
        self.foreign: dict[Node, int] = {}
        self.outputs: dict[Node, list[Node]] = {}
        read = {(x.operands[0], x.settings["index"]): x for x in graph if x.op == "output"}
        for node in graph:
            if node.op == "loop":
                self.outputs[node] = [read.get((node, i), x) for i, x in enumerate(loop_outputs(node))]
        self.readers: dict[Node, list[Node]] = {}
        for index, step in enumerate(steps):
            for node in members_of(step):
                self.step_of[node] = index
                for x in node.operands:
                    self.users.setdefault(root_of(x)[0], []).append(index)
                    self.readers.setdefault(root_of(x)[0], []).append(node)
        # Each thread checks guards by itself, at any time: their operands stay live until the end.
        guards = [step.node for step in steps if isinstance(step, OpaqueStep) and step.node.op == "guard"]
        self.guarded = {root_of(x)[0] for node in guards for x in node.operands}
        self.steps: list[Step] = []
        for index, step in enumerate(steps):
            self.in_place = step.in_place
            if isinstance(step, OpaqueStep):
                self.overwritten = step.overwritten
                self.plan_opaque(step.node, index)
            else:
                assert isinstance(step, FusionGroup)
                for node in step.members:
                    self.plan_member(node, step, index)
                    if step.accesses[node].kind == "outer_reduction" and chunks_of(step) > 1:
                        size = node.size * accumulator_dtype(node).itemsize * chunks_of(step)
                        self.partial[node] = self.new("arena", size, index)
            self.steps.append(step)
        for node, indices in self.users.items():
            if node in self.places:
                storage = self.places[node][0]
                storage.last = len(steps) if node in self.guarded else max(storage.last, *indices)
        self.size = assign_offsets([s for s in self.storages if s.kind == "arena"])

    def new(self, kind: str, size: int, index: int) -> Storage:
        storage = Storage(kind, size, index)
        self.storages.append(storage)
        return storage

    def plan_opaque(self, node: Node, index: int) -> None:
        if node.op in ("guard", "assign"):
            return
        if node.op == "loop":
            self.plan_loop(node, index)
            return
        old = overwritten_operand(node)
        if node in self.in_place and old not in self.foreign:
            self.overwrite(node, index)
            return
        if is_product(node) or node.op == "kernel" or (node.op == "convert" and not node.size):
            self.allocate(node, index)
            return
        self.foreign[node] = self.slots
        if node.shape is not None:
            self.places[node] = (Storage("foreign", 0, index, self.slots), 0)
        self.slots += 1

    def plan_loop(self, node: Node, index: int) -> None:
        """Allocate the values that a loop gives, and copy what its carried values are before the first step."""
        outputs, carried = self.outputs[node], node.settings["loop"].carried
        for i, x in enumerate(outputs):
            before = node.operands[i] if i < carried else None
            if before is not None and before in self.overwritten:
                self.use_memory_of(before, x, index)
                continue
            self.allocate(x, index)
            if before is not None:
                self.copy(before, x)

    def copy(self, old: Node, new: Node) -> None:
        """Add a step that copies a value into the memory of another one."""
        into = Node("input", (), {"place": None}, new.shape, new.dtype, new.strides)
        self.places[into] = self.places[new]
        copy = Node("assign", (old,), {"into": into}, new.shape, new.dtype, line=new.line)
        self.steps.append(single_node_group(copy))

    def plan_member(self, node: Node, group: FusionGroup, index: int) -> None:
        kind = group.accesses[node].kind
        if node.op == "assign":
            return
        if node.op == "update":
            self.plan_update(node, index)
        elif kind == "outer_reduction" or node in self.results or any(i != index for i in self.users.get(node, ())):
            self.stored.add(node)
            self.allocate(node, index)

    def allocate(self, node: Node, index: int) -> None:
        """Allocate a storage."""
        assert node.dtype is not None
        low, high = span(node)
        storage = self.new("arena", (high - low + 1) * node.dtype.itemsize, index)
        self.places[node] = (storage, -low)
        self.use_result_array(node)

    def use_result_array(self, node: Node) -> None:
        """Let the storage of a result be the array that is returned."""
        if node in self.results:
            storage, _ = self.places[node]
            storage.kind, storage.slot = "result", self.result_slots + self.results[node]

    def plan_update(self, node: Node, index: int) -> None:
        """Update in place, or copy the old array first."""
        if node in self.in_place:
            self.overwrite(node, index)
            return
        old = node.operands[0]
        self.allocate(node, index)
        if is_overwritten(node, lambda x: [] if x in self.results else list(dict.fromkeys(self.readers.get(x, ())))):
            return
        self.copy(old, node)

    def overwrite(self, node: Node, index: int) -> None:
        """Let a value have the memory of its base."""
        old = overwritten_operand(node)
        assert old is not None
        self.use_memory_of(old, node, index)

    def use_memory_of(self, old: Node, node: Node, index: int) -> None:
        if self.places[old][0].kind not in ("arena", "input") or max(self.users[old]) > index:
            raise AssertionError(f"{node.text()} overwrites {old.text()}, which is needed")
        self.places[node] = self.places[old]
        self.use_result_array(node)

    def place(self, node: Node) -> tuple[Storage, int]:
        """The location of a root; constants are assigned a slot on first use."""
        found = self.places.get(node)
        if found is None:
            if node.op != "constant":
                raise AssertionError(f"{node.text()} has no memory")
            slot = self.new_slot()
            found = self.places[node] = (Storage("constant", 0, 0, slot), 0)
            self.constants[slot] = node
        return found

    def new_slot(self) -> int:
        """Add a slot to the table of pointers."""
        self.slots += 1
        return self.slots - 1

    def address(self, node: Node, element: int) -> tuple[int, int]:
        """The slot and the offset in bytes of an element of a node's memory."""
        storage, start = self.place(node)
        assert node.dtype is not None
        return storage.slot, storage.offset + (start + element) * node.dtype.itemsize


def span(node: Node) -> tuple[int, int]:
    """The lowest and the highest element of its memory that an array covers."""
    if node.size == 0:
        return 0, 0
    return reach_of(node.shape or (), node.strides or ())


def assign_offsets(storages: list[Storage]) -> int:
    """Assign offsets in the arena by liveness, best fit first; return the size of the arena."""
    ending: dict[int, list[Storage]] = {}
    free: list[tuple[int, int]] = []  # (offset, size)
    top = 0
    time = -1
    for storage in sorted(storages, key=lambda s: s.first):
        while time < storage.first - 1:
            time += 1
            for old in ending.pop(time, ()):
                free = add_free(free, old.offset, aligned(old.size))
        size = aligned(storage.size)
        candidates = [(n, at) for at, n in free if n >= size]
        if candidates:
            n, at = min(candidates)
            free.remove((at, n))
            if n > size:
                free.append((at + size, n - size))
        elif free and max(free)[0] + max(free)[1] == top:  # the last gap is extended
            at, n = max(free)
            free.remove((at, n))
            top = at + size
        else:
            at, top = top, top + size
        storage.offset = at
        ending.setdefault(storage.last, []).append(storage)
    return top


def aligned_memory(size: int) -> Any:
    """Memory that begins at a cache line."""
    memory = np.empty(size + ALIGNED, np.uint8)
    start = -int(memory.__array_interface__["data"][0]) % ALIGNED
    return memory[start : start + size]


def aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGNED) * ALIGNED


def add_free(free: list[tuple[int, int]], offset: int, size: int) -> list[tuple[int, int]]:
    """Add a gap to the free list, and merge it with adjacent gaps."""
    kept = []
    for at, n in free:
        if at + n == offset:
            offset, size = at, size + n
        elif offset + size == at:
            size += n
        else:
            kept.append((at, n))
    return [*kept, (offset, size)]
