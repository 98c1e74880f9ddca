"""Plan: a compiled graph: native code, its memory, and calls of Python in between."""

from __future__ import annotations

import ctypes
import sys
import threading
from typing import Any
from weakref import getweakrefcount

import numpy as np

from wengert.compiler.forking import renewed_after_fork
from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.graph.interpreter import GuardFailed, compute, in_c_order, view_of
from wengert.compiler.graph.ufuncs import is_native
from wengert.compiler.schedule.fusion import FusionGroup, OpaqueStep, Step, members_of
from wengert.compiler.schedule.loop_plan import has_guards, time_of, with_native_loops
from wengert.compiler.schedule.memory_plan import (
    COUNTERS,
    RUN,
    TIMES,
    MemoryPlan,
    aligned_memory,
)
from wengert.compiler.schedule.partition import chunks_of, time_of_step
from wengert.compiler.schedule.rematerialize import schedule
from wengert.compiler.targets.cpu.loop_code import LoopMemory
from wengert.compiler.targets.cpu.module import ModuleText
from wengert.compiler.targets.cpu.native_guard import direct, is_possible
from wengert.compiler.targets.cpu.object_layout import layout_is_known
from wengert.compiler.targets.cpu.pointers import pointer_of, pointer_table
from wengert.compiler.targets.cpu.thread_pool import get_num_threads, has_sleep, pool
from wengert.compiler.targets.cpu.work_stealing import COUNTER, FIELD
from wengert.compiler.targets.llvm.blas_call import is_product
from wengert.compiler.targets.llvm.blas_library import thread_setters
from wengert.compiler.targets.llvm.jit import Module

__all__ = ["Plan"]

WORTH_THREADS = 30_000  # nanoseconds of parallel work; a plan of less runs on one thread
SHORT = 200_000  # nanoseconds of work, during which the GIL may be held
LARGE_RESULT = 1 << 16  # bytes
LARGE_PRODUCT = 500_000  # operations, from which on OpenBLAS would use threads of its own
STEP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


class Plan:
    """A compiled graph, which has been lowered and simplified before.

    `run(arrays)` computes it on the arrays of its inputs: it returns the results, in new arrays, and writes assigned
    values into the input arrays. It may be called from several threads; one runs at a time.
    """

    def __init__(self, graph: Graph, threads: int | None = None, timed: bool = False) -> None:
        self.timed = timed
        self.graph, steps = schedule(with_native_loops(graph, is_simple_guard))
        wanted = min(get_num_threads() if threads is None else threads, 128 if has_sleep() else 1)
        if any(map(has_guards, steps)):
            wanted = 1  # (the threads check guards each by itself, which for loops they cannot)
        work = sum(time_of_step(step) for step in steps)
        all_work = sum(map(time_of, steps))
        self.limit = threads  # None: `get_num_threads()` at each call
        self.threads = wanted if work > WORTH_THREADS else 1
        self.in_place = frozenset[Node]().union(*(step.in_place for step in steps))
        self.memory = MemoryPlan(self.graph, steps, lambda step: chunks_of(step, self.threads))
        self.lock = threading.Lock()
        self.owner: int | None = None  # the thread that runs it
        renewed_after_fork(self)
        self.pieces: list[Any] = []  # native functions, and nodes that Python computes, in order
        self._build()
        # A short plan runs without releasing the GIL, which also serves as the lock of the plan.
        self.short = (
            all_work < SHORT
            and is_possible()
            and self.threads == 1
            and self._blas is None
            and all(self.own)
            and len(self.pieces) == 1
            and self.pieces[0][0] is not None
        )
        self._direct: Any = direct() if self.short else None

    # Building

    def _build(self) -> None:
        writer = ModuleText(self.memory, self.threads, self.timed)
        last: dict[Node, int] = {}  # of each value: the last piece that reads it
        for step in self.memory.steps:
            add_step(writer, step)
            last |= {root_of(x)[0]: len(writer.pieces) - 1 for node in members_of(step) for x in node.operands}
        self.unused: dict[int, list[Node]] = {}  # arrays that Python has made, by the last piece that reads them
        for node, piece in last.items():
            if node in self.memory.foreign and node not in self.memory.results:
                self.unused.setdefault(piece, []).append(node)
        self.guards, self.descriptions, self.calls = writer.guards, writer.descriptions, writer.calls
        self.forms = writer.forms
        self.own_guards = {node for step in self.memory.steps for node in members_of(step) if node.op == "guard"}
        self.times = np.zeros(len(self.calls) + 1, np.int64)
        pool()  # (registers `wengert_wait` with LLVM)
        self.module = Module(writer.text(), writer.kernel_texts())
        shared = iter(writer.shared)
        for piece in writer.pieces:
            if isinstance(piece, Node):
                self.pieces.append((None, piece, False))
            else:
                address = self.module.address(piece)
                self.pieces.append((STEP(address), address, next(shared)))
        self._bind_address = self.module.address("bind")
        self._bind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(self._bind_address)
        setters = thread_setters() if writer.flops > LARGE_PRODUCT else None
        self._blas = None if setters is None else SingleThreaded(*setters)
        self.arena = aligned_memory(self.memory.size + writer.scratch * self.threads)
        self.counters = aligned_memory(writer.counters * COUNTER)
        self.counters[:] = 0
        self.runs = 0
        self.table, self.constants = pointer_table(self.memory, self.arena, writer.scratch)
        self.table[TIMES], self.table[COUNTERS] = pointer_of(self.times), pointer_of(self.counters)
        self.loops = [LoopMemory(loop, self.table) for loop in writer.loops]
        self._table = pointer_of(self.table)
        self.results: list[Any] = [
            (node.shape or (), node.dtype, [] if node.size * node.dtype.itemsize >= LARGE_RESULT else None)
            for node in self.graph.results
        ]
        self.own = [node not in self.memory.foreign for node in self.graph.results]

    # Running

    def run(self, arrays: list[Any]) -> list[Any]:
        """Compute the results, and write assigned values into the arrays.

        Raises
        ------
        GuardFailed
            If a guard does not hold; nothing has been assigned then.
        """
        if type(arrays) is not list:
            arrays = list(arrays)
        if self.short:
            results = self._empty()
            code = self._direct(self._bind_address, self.pieces[0][1], id(arrays), id(results), self._table)
            if code:
                raise self._failure(code, {}, arrays, results)
            return results
        me = threading.get_ident()
        if (
            self.owner == me
        ):  # (called by a signal handler, a finalizer, or a function that the plan calls: its memory is in use)
            raise RuntimeError("a plan cannot be run inside of itself")
        with self.lock:
            self.owner = me
            try:
                results = self._empty()
                self._bind_pointers(arrays, results)
                if self.threads == 1 and self._blas is None:
                    self._run(None, arrays, results)
                else:
                    self._run_shared(arrays, results)
            finally:
                self.owner = None
        return results

    def renew(self) -> None:
        """Renew the lock after a fork."""
        self.lock, self.owner = threading.Lock(), None

    def _empty(self) -> list[Any]:
        """Allocate the results."""
        return [np.empty(x[0], x[1]) if x[2] is None else unused(x) for x in self.results]

    def _run_shared(self, arrays: list[Any], results: list[Any]) -> None:
        """Run on several threads, unless another plan is using the pool."""
        workers = pool()
        threads = min(self.threads, get_num_threads() if self.limit is None else self.limit)
        acquired = threads > 1 and workers.lock.acquire(blocking=False)
        if self._blas is not None:
            self._blas.begin()
        try:
            self.runs += 1
            self.table[RUN] = self.runs << 2 * FIELD
            self._run((workers, threads) if acquired else None, arrays, results)
        finally:
            if self._blas is not None:
                self._blas.end()
            if acquired:
                workers.lock.release()

    def _run(self, workers: Any, arrays: list[Any], results: list[Any]) -> None:
        values: dict[Node, Any] = {}
        for number, (function, piece, shared) in enumerate(self.pieces):
            if function is None:
                self._compute_beside_blas(piece, values, arrays, results)
                self._release(number, values)
                continue
            if shared and workers is not None:
                code = workers[0].run(piece, self._table, workers[1])
            else:
                code = function(self._table, 0, 1)
            if code:
                raise self._failure(code, values, arrays, results)
            self._release(number, values)
        for i, own in enumerate(self.own):
            if not own:
                results[i] = values[self.graph.results[i]]

    def _failure(self, code: int, values: dict[Node, Any], arrays: list[Any], results: list[Any]) -> GuardFailed:
        """The exception for the guard that native code reports; that in a loop has no value of its own."""
        node = self.guards[code - 1]
        x = node.operands[0]
        return GuardFailed(node, self._fetch(x, values, arrays, results)[()] if node in self.own_guards else None)

    def _release(self, piece: int, values: dict[Node, Any]) -> None:
        """Release the arrays that no later piece reads, so that their memory is used again."""
        for node in self.unused.get(piece, ()):
            values.pop(node, None)

    def _bind_pointers(self, arrays: list[Any], results: list[Any]) -> None:
        if layout_is_known():
            self._bind(id(arrays), id(results), self._table)
            return
        first = self.memory.input_slots
        for i, array in enumerate((*arrays, *results)):
            self.table[first + i] = pointer_of(array)

    def _compute_beside_blas(self, node: Node, values: dict[Node, Any], arrays: list[Any], results: list[Any]) -> None:
        """Compute a node by Python; BLAS may use all its threads if it calls NumPy."""
        if self._blas is None or node.op != "call":
            self._compute(node, values, arrays, results)
            return
        self._blas.end()
        try:
            self._compute(node, values, arrays, results)
        finally:
            self._blas.begin()

    def _compute(self, node: Node, values: dict[Node, Any], arrays: list[Any], results: list[Any]) -> None:
        """Compute a node by Python."""
        operands = [self._fetch(x, values, arrays, results) for x in node.operands]
        if node.op == "assign":
            arrays[self.graph.inputs.index(node.settings["into"])][...] = operands[0]
            return
        if node in self.in_place:
            settings = node.settings
            view_of(operands[0], settings["offset"], settings["shape"], settings["strides"])[...] = operands[1]
            values[node] = operands[0]
            self.table[self.memory.foreign[node]] = pointer_of(operands[0])
            return
        with np.errstate(all="ignore"):  # (native code warns of nothing, either)
            value = compute(node, operands)
        if node.op == "guard":
            return
        if node.shape is not None:
            value = np.asarray(value)
            if value.shape != node.shape or value.dtype != node.dtype:
                raise GuardFailed(node, value)
            if node.op != "update":
                value = in_c_order(value)
            if value.base is not None or any(value is x for x in operands):
                value = value.copy() if node.op != "update" else value
            self.table[self.memory.foreign[node]] = pointer_of(value)
        values[node] = value

    def _fetch(self, node: Node, values: dict[Node, Any], arrays: list[Any], results: list[Any]) -> Any:
        """The array of a node, for Python."""
        if node.op == "view":
            root = self._fetch(node.operands[0], values, arrays, results)
            return view_of(root, node.settings["offset"], node.shape, node.settings["strides"])
        if node.op == "input":
            return arrays[self.graph.inputs.index(node)]
        if node in values:
            return values[node]
        if node.op == "constant":
            return in_c_order(node.settings["array"])
        storage, start = self.memory.places[node]
        if storage.kind == "result":
            return results[storage.slot - self.memory.result_slots]
        assert node.dtype is not None
        if node.size == 0:
            return np.empty(node.shape or (), node.dtype)
        strides = tuple(s * node.dtype.itemsize for s in node.strides or ())
        offset = storage.offset + start * node.dtype.itemsize
        return np.ndarray(node.shape or (), node.dtype, self.arena, offset, strides)

    def __str__(self) -> str:
        if not self.timed or not self.times.any():
            return "\n".join(map(str, self.descriptions))
        fractions = np.zeros(len(self.descriptions) + 1)
        np.add.at(fractions, self.calls, self.times[:-1] / self.times.sum())
        return "\n".join(f"{100 * s:5.1f}% {line}" for s, line in zip(fractions, self.descriptions, strict=False))


def add_step(writer: ModuleText, step: Step) -> None:
    """Add the code of a step."""
    if isinstance(step, FusionGroup):
        writer.fused_loop(step)
        return
    assert isinstance(step, OpaqueStep)
    if is_product(step.node):
        writer.product(step.node)
    elif step.node.op == "kernel":
        writer.kernel(step.node)
    elif step.node.op == "loop":
        writer.loop(step.node, add_step)
    elif step.node.op == "guard" and is_simple_guard(step.node):
        writer.guard(step.node)
    elif is_left_to_python(step):
        writer.python_call(step.node)


def is_left_to_python(step: OpaqueStep) -> bool:
    """Whether there is no native code for a step."""
    node = step.node
    if is_product(node) or node.op in ("kernel", "loop"):
        return False
    if node.op == "guard":
        return not is_simple_guard(node)
    return node.op != "convert" or node.size > 0  # (an array without elements needs no step)


def unused(result: Any) -> Any:
    """An array for a large result: one that was returned before, if nothing else refers to it any more.

    New memory of that size is mapped by the system page by page, which takes longer than to fill it.
    """
    shape, dtype, returned = result
    for array in returned:
        if (
            sys.getrefcount(array) == ONLY_REFERENCE
            and array.shape == shape
            and array.dtype is dtype
            and array.flags.c_contiguous  # (its shape may have been assigned)
            and not getweakrefcount(array)
        ):
            array.setflags(write=True)
            return array
    array = np.empty(shape, dtype)
    returned[:] = [*returned[-1:], array]
    return array


def references() -> int:
    """The reference count of an object in a loop over the only list that refers to it: Python's versions differ."""
    for array in [np.empty(0)]:
        return sys.getrefcount(array)
    raise AssertionError


ONLY_REFERENCE = references()


class SingleThreaded:
    """Sets OpenBLAS to one thread while any plan runs: each thread of a plan calls it for its own chunks."""

    lock = threading.Lock()
    running = 0
    before = 1

    def __init__(self, get: int, set_: int) -> None:
        renewed_after_fork(self)
        self.get, self.set = ctypes.CFUNCTYPE(ctypes.c_int)(get), ctypes.CFUNCTYPE(None, ctypes.c_int)(set_)

    def begin(self) -> None:
        cls = SingleThreaded
        with cls.lock:
            cls.running += 1
            if cls.running == 1:
                cls.before = self.get()
                self.set(1)

    def end(self) -> None:
        cls = SingleThreaded
        with cls.lock:
            cls.running = max(cls.running - 1, 0)
            if cls.running == 0:
                self.set(cls.before)

    def renew(self) -> None:
        """Restore the state after a fork: no plan runs in the child."""
        cls = SingleThreaded
        cls.lock = threading.Lock()
        if cls.running:
            cls.running = 0
            self.set(cls.before)


def is_simple_guard(node: Node) -> bool:
    """Whether native code can check a guard: the comparison of two numbers."""
    x, wanted = node.operands[0], node.settings["value"]
    if x.op in ("view", "constant", "input") or x.dtype is None or not is_native(x.dtype) or x.size != 1:
        return False
    if type(wanted) not in (bool, int, float):
        return False
    if wanted != wanted:
        return bool(x.dtype.kind == "f")
    try:
        return bool(x.dtype.type(wanted) == wanted)
    except OverflowError:
        return False
