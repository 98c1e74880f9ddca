"""Where each value of a plan lies in memory: in one arena whose places are used again, or where it is to go."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.passes.writes import is_overwritten
from wengert.compiler.schedule.fused_kernel import accumulator_dtype
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step, alone
from wengert.compiler.targets.llvm.blas_call import is_product

__all__ = ["ARENA", "COUNTERS", "RUN", "SCRATCH", "SCRATCH_BYTES", "TIMES", "MemoryPlan", "Storage", "lined_up"]

# The first slots of a plan's table: the addresses of the arena, of the scratch memory of all threads, of the counters
# of shares and of the times of calls; the bytes of scratch of one thread; the number of the run.
ARENA, SCRATCH, SCRATCH_BYTES, RUN, TIMES, COUNTERS = range(6)
FIXED_SLOTS = 6
ALIGNED = 64  # bytes: a line of the cache, and the widest register


class Storage:
    """Memory of one value, or of several that follow one another.

    Attributes
    ----------
    kind : str
        `arena`, `input`, `result`, `constant`, or `foreign`: the memory of an array that a call of Python has made.
    slot : int
        Where in the plan's table of pointers its address is.
    offset : int
        From that address on, in bytes.
    first, last : int
        The steps between which it is needed.
    """

    def __init__(self, kind: str, size: int, first: int, slot: int = 0) -> None:
        self.kind, self.size, self.first, self.last, self.slot = kind, size, first, first, slot
        self.offset = 0


class MemoryPlan:
    """The storages of the values of a graph, given its steps from the first to the last.

    Attributes
    ----------
    places : dict of Node to (Storage, int)
        The storage, and which element of it is the value's first.
    steps : list of Step
        With the copies that writing into an array needs where the old array is still wanted.
    partial : dict of Node to Storage
        Where the threads gather a sum, each for itself.
    """

    def __init__(self, graph: Graph, steps: list[Step], threads_of: Any) -> None:
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
        self.readers: dict[Node, list[Node]] = {}
        for index, step in enumerate(steps):
            for node in members_of(step):
                self.step_of[node] = index
                for x in node.operands:
                    self.users.setdefault(root_of(x)[0], []).append(index)
                    self.readers.setdefault(root_of(x)[0], []).append(node)
        # Threads look at what is guarded whenever they come to the guard: it stays as it is.
        guards = [step.node for step in steps if isinstance(step, OpaqueStep) and step.node.op == "guard"]
        self.guarded = {root_of(x)[0] for node in guards for x in node.operands}
        self.steps: list[Step] = []
        for index, step in enumerate(steps):
            if isinstance(step, OpaqueStep):
                self.of_single(step.node, index)
            else:
                assert isinstance(step, FusionGroup)
                for node in step.members:
                    self.of_member(node, step, index)
                    if step.works[node].kind == "outer_reduction" and threads_of(step) > 1:
                        size = node.size * accumulator_dtype(node).itemsize * threads_of(step)
                        self.partial[node] = self.new("arena", size, index)
            self.steps.append(step)
        for node, indices in self.users.items():
            if node in self.places:
                storage = self.places[node][0]
                storage.last = len(steps) if node in self.guarded else max(storage.last, *indices)
        self.size = arrange([s for s in self.storages if s.kind == "arena"])

    def new(self, kind: str, size: int, index: int) -> Storage:
        storage = Storage(kind, size, index)
        self.storages.append(storage)
        return storage

    def of_single(self, node: Node, index: int) -> None:
        if node.op == "guard":
            return
        if is_product(node) or node.op == "kernel":
            self.give(node, index)
            return
        self.foreign[node] = self.slots
        if node.shape is not None:
            self.places[node] = (Storage("foreign", 0, index, self.slots), 0)
        self.slots += 1

    def of_member(self, node: Node, loops: FusionGroup, index: int) -> None:
        kind = loops.works[node].kind
        if node.op == "assign":
            return
        if node.op == "update":
            self.of_update(node, index)
        elif kind == "outer_reduction" or node in self.results or any(i != index for i in self.users.get(node, ())):
            self.stored.add(node)
            self.give(node, index)

    def give(self, node: Node, index: int) -> None:
        """A storage of its own."""
        assert node.dtype is not None
        low, high = span(node)
        storage = self.new("arena", (high - low + 1) * node.dtype.itemsize, index)
        self.places[node] = (storage, -low)
        self.returned(node)

    def returned(self, node: Node) -> None:
        """If a value is a result, let its storage be the array that is returned."""
        if node in self.results:
            storage, _ = self.places[node]
            storage.kind, storage.slot = "result", self.result_slots + self.results[node]

    def of_update(self, node: Node, index: int) -> None:
        """Write in place where nobody needs the old array; else copy it first."""
        old = node.operands[0]
        known = self.places.get(old)
        if (
            known is not None
            and known[0].kind == "arena"
            and old not in self.guarded
            and old.strides == node.strides
            and all(i < index for i in self.users[old] if i != index)
            and self.users[old].count(index) == 1
        ):
            self.places[node] = known
            self.returned(node)
            return
        self.give(node, index)
        if is_overwritten(node, lambda x: [] if x in self.results else list(dict.fromkeys(self.readers.get(x, ())))):
            return
        into = Node("input", (), {"place": None}, node.shape, node.dtype, node.strides)
        self.places[into] = self.places[node]
        copy = Node("assign", (old,), {"into": into}, node.shape, node.dtype, line=node.line)
        self.steps.append(alone(copy))

    def place(self, node: Node) -> tuple[Storage, int]:
        """Where a root lies; constants get their slot when they are first asked for."""
        found = self.places.get(node)
        if found is None:
            if node.op != "constant":
                raise AssertionError(f"{node.text()} has no memory")
            found = self.places[node] = (Storage("constant", 0, 0, self.slots), 0)
            self.constants[self.slots] = node
            self.slots += 1
        return found

    def address(self, node: Node, element: int) -> tuple[int, int]:
        """The slot and the offset in bytes of an element of a node's memory."""
        storage, start = self.place(node)
        assert node.dtype is not None
        return storage.slot, storage.offset + (start + element) * node.dtype.itemsize


def members_of(step: Step) -> list[Node]:
    if isinstance(step, OpaqueStep):
        return [step.node]
    assert isinstance(step, FusionGroup)
    return step.members


def span(node: Node) -> tuple[int, int]:
    """The first and the last element of the memory that an array reaches."""
    if node.size == 0:
        return 0, 0
    reach = [(n - 1) * s for n, s in zip(node.shape or (), node.strides or (), strict=True)]
    return sum(r for r in reach if r < 0), sum(r for r in reach if r > 0)


def arrange(storages: list[Storage]) -> int:
    """Give each storage a place in the arena that no other one needs at the same time; return the arena's size."""
    ending: dict[int, list[Storage]] = {}
    free: list[tuple[int, int]] = []  # (offset, size)
    top = 0
    time = -1
    for storage in sorted(storages, key=lambda s: s.first):
        while time < storage.first - 1:
            time += 1
            for old in ending.pop(time, ()):
                free = released(free, old.offset, aligned(old.size))
        size = aligned(storage.size)
        fitting = [(n, at) for at, n in free if n >= size]
        if fitting:
            n, at = min(fitting)
            free.remove((at, n))
            if n > size:
                free.append((at + size, n - size))
        elif free and max(free)[0] + max(free)[1] == top:  # the last gap grows
            at, n = max(free)
            free.remove((at, n))
            top = at + size
        else:
            at, top = top, top + size
        storage.offset = at
        ending.setdefault(storage.last, []).append(storage)
    return top


def lined_up(size: int) -> Any:
    """Memory of so many bytes that begins at a line of the cache."""
    memory = np.empty(size + ALIGNED, np.uint8)
    start = -int(memory.__array_interface__["data"][0]) % ALIGNED
    return memory[start : start + size]


def aligned(size: int) -> int:
    return -(-max(size, 1) // ALIGNED) * ALIGNED


def released(free: list[tuple[int, int]], offset: int, size: int) -> list[tuple[int, int]]:
    """Add a gap to the gaps, and join it with its neighbours."""
    kept = []
    for at, n in free:
        if at + n == offset:
            offset, size = at, size + n
        elif offset + size == at:
            size += n
        else:
            kept.append((at, n))
    return [*kept, (offset, size)]
