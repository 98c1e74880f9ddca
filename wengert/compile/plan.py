"""Plan: a graph as native code, memory, and the calls of Python in between."""

from __future__ import annotations

import ctypes
import functools
import math
import threading
from typing import Any

import numpy as np

from wengert.compile.blas import is_product, product_of, product_text
from wengert.compile.fusion import Loops, Single, fused
from wengert.compile.graph import Graph, Node
from wengert.compile.interpreter import Left, compute, looking_into
from wengert.compile.llvm_code import Code, is_native
from wengert.compile.llvm_loops import Kernel, kernel_of
from wengert.compile.memory_plan import MemoryPlan
from wengert.compile.native import Module
from wengert.compile.prepare import prepared

__all__ = ["Plan"]


class Plan:
    """A graph that has been lowered and simplified, compiled.

    `run(arrays)` computes it on the arrays of its inputs: it returns the results, in arrays of their own, and writes
    what is assigned into the input arrays. It may be called from several threads; one runs at a time.
    """

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        self.graph = prepared(graph)
        self.memory = MemoryPlan(self.graph, fused(self.graph), lambda loops: 1)
        self.lock = threading.Lock()
        self.pieces: list[Any] = []  # native functions, and nodes that Python computes, in order
        self.guards: list[Node] = []
        self.descriptions: list[str] = []
        self._build()

    # Building

    def _build(self) -> None:
        writer = ModuleWriter(self.memory)
        for step in self.memory.steps:
            if isinstance(step, Loops):
                writer.loops(step)
            elif isinstance(step, Single) and is_product(step.node):
                writer.product(step.node)
            elif isinstance(step, Single) and step.node.op == "guard" and is_simple_guard(step.node):
                writer.guard(step.node)
            else:
                assert isinstance(step, Single)
                writer.python(step.node)
        self.guards, self.descriptions = writer.guards, writer.descriptions
        self.module = Module(writer.text())
        native = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
        for piece in writer.pieces:
            self.pieces.append(native(self.module.address(piece)) if isinstance(piece, str) else piece)
        self._bind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(
            self.module.address("bind")
        )
        self.results = [(node.shape or (), node.dtype) for node in self.graph.results]
        self.own = [node not in self.memory.foreign for node in self.graph.results]
        memory = np.empty(self.memory.size + writer.scratch + 128, np.uint8)
        start = -memory.__array_interface__["data"][0] % 64
        self.arena = memory[start : start + self.memory.size + writer.scratch]
        self.table = np.zeros(self.memory.slots + 1, np.int64)
        self.table[0] = pointer_of(self.arena)
        self.table[-1] = self.table[0] + self.memory.size
        self.constants = {}
        for slot, node in self.memory.constants.items():
            array = np.ascontiguousarray(node.settings["array"]).reshape(node.shape or ())
            self.constants[node] = array
            self.table[slot] = pointer_of(array)
        self._table = pointer_of(self.table)

    # Running

    def run(self, arrays: list[Any]) -> list[Any]:
        """Compute the results, and write what is assigned into the arrays.

        Raises
        ------
        Left
            By a guard that does not hold; nothing has been assigned then.
        """
        if type(arrays) is not list:
            arrays = list(arrays)
        results = [np.empty(shape, dtype) for shape, dtype in self.results]
        with self.lock:
            self._bind_pointers(arrays, results)
            values: dict[Node, Any] = {}
            for piece in self.pieces:
                if isinstance(piece, Node):
                    self._compute(piece, values, arrays, results)
                elif code := piece(self._table):
                    node = self.guards[code - 1]
                    raise Left(node, self._fetch(node.operands[0], values, arrays, results)[()])
            for i, own in enumerate(self.own):
                if not own:
                    results[i] = values[self.graph.results[i]]
        return results

    def _bind_pointers(self, arrays: list[Any], results: list[Any]) -> None:
        if layout_is_known():
            self._bind(id(arrays), id(results), self._table)
            return
        first = self.memory.input_slots
        for i, array in enumerate((*arrays, *results)):
            self.table[first + i] = pointer_of(array)

    def _compute(self, node: Node, values: dict[Node, Any], arrays: list[Any], results: list[Any]) -> None:
        """Let Python compute a node."""
        operands = [self._fetch(x, values, arrays, results) for x in node.operands]
        value = compute(node, operands)
        if node.op == "guard":
            return
        if node.shape is not None:
            value = np.asarray(value)
            if value.shape != node.shape or value.dtype != node.dtype:
                raise Left(node, value)
            if node.op != "update":
                value = np.ascontiguousarray(value).reshape(node.shape)
            if value.base is not None or any(value is x for x in operands):
                value = value.copy() if node.op != "update" else value
            self.table[self.memory.foreign[node]] = pointer_of(value)
        values[node] = value

    def _fetch(self, node: Node, values: dict[Node, Any], arrays: list[Any], results: list[Any]) -> Any:
        """The array of a node, for Python."""
        if node.op == "view":
            root = self._fetch(node.operands[0], values, arrays, results)
            return looking_into(root, node.settings["offset"], node.shape, node.settings["strides"])
        if node.op == "input":
            return arrays[self.graph.inputs.index(node)]
        if node in values:
            return values[node]
        if node.op == "constant":
            return node.settings["array"]
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
        return "\n".join(self.descriptions)


class ModuleWriter:
    """The text of a plan's module: each kernel once, and functions that call them in order."""

    def __init__(self, memory: MemoryPlan) -> None:
        self.memory = memory
        self.kernels: dict[str, str] = {}  # names by text
        self.declarations: dict[str, str] = {}
        self.pieces: list[Any] = []
        self.bodies: list[Code] = []
        self.guards: list[Node] = []
        self.descriptions: list[str] = []
        self.scratch = 0

    def python(self, node: Node) -> None:
        self.pieces.append(node)
        self.descriptions.append(f"call   {node.text()}")

    def body(self) -> Code:
        """The function that native steps are written into."""
        if not self.pieces or not isinstance(self.pieces[-1], str):
            self.pieces.append(f"piece{len(self.bodies)}")
            self.bodies.append(Code(self.declarations))
        return self.bodies[-1]

    def loops(self, loops: Loops) -> None:
        kernel = kernel_of(loops, self.memory.address, self.memory.stored, partial=False)
        name = self.call(kernel)
        self.descriptions.append(describe_loops(name, loops, kernel, self.memory))

    def product(self, node: Node) -> None:
        product = product_of(node)
        text = product_text(product, self.declarations)
        address = self.memory.address
        places = [*(address(x.root, x.offset) for x in (product.a, product.b)), address(node, 0)]
        name = self.call(Kernel(text, places, product.iterations, 0, {}))
        moved = sum(x.size for x in (node, *node.operands)) * node.dtype.itemsize
        shape = "x".join(map(str, (*product.batch, product.m, product.k, product.n)))
        self.descriptions.append(f"{name:6} [{shape}] {moved} bytes, {product.flops} flops: matmul")

    def call(self, kernel: Kernel) -> str:
        """Call a kernel from the function that is being written."""
        code = self.body()
        name = self.kernels.setdefault(kernel.text, f"k{len(self.kernels)}")
        self.declarations.update(kernel.declarations)
        self.scratch = max(self.scratch, kernel.scratch)
        pointers = "".join(f"ptr {self.pointer(code, a)}, " for a in kernel.addresses)
        scratch = self.pointer(code, (self.memory.slots, 0)) if kernel.scratch else "null"
        code.do(f"call void @{name}({pointers}i64 0, i64 {kernel.iterations}, i64 0, ptr {scratch})")
        return name

    def pointer(self, code: Code, address: tuple[int, int]) -> str:
        slot, offset = address
        # (how many slots there are is known at the end)
        last = "%last" if slot == self.memory.slots else str(slot)
        place = code.put(f"getelementptr i64, ptr %table, i64 {last}") if slot else "%table"
        base = code.put(f"load ptr, ptr {place}")
        return code.put(f"getelementptr i8, ptr {base}, i64 {offset}") if offset else base

    def guard(self, node: Node) -> None:
        code = self.body()
        self.guards.append(node)
        x = node.operands[0]
        at = self.pointer(code, self.memory.address(x, 0))
        found = code.load(x.dtype, at, "0")
        wanted = node.settings["value"]
        kind = x.dtype.kind if x.dtype is not None else ""
        if wanted != wanted:
            holds = code.compare("uno", x.dtype, found, found)
        else:
            holds = code.compare("oeq" if kind == "f" else "eq", x.dtype, found, code.number(wanted, x.dtype))
        fails = code.put(f"xor i1 {holds}, true")
        code.when(fails, lambda: code.do(f"ret i64 {len(self.guards)} ; left"))
        self.descriptions.append(f"guard  {node.text()}")

    def text(self) -> str:
        parts = [f"define internal void @{name}{text}" for text, name in self.kernels.items()]
        last = str(self.memory.slots)
        for i, code in enumerate(self.bodies):
            code.do("ret i64 0")
            text = code.function(f"define i64 @piece{i}(ptr %table)").replace("%last", last)
            parts.append(ended(text))
        parts.append(binding(self.memory))
        return "\n".join([*parts, *self.declarations.values()])


def ended(text: str) -> str:
    """A return ends its block: drop the jump that `when` adds."""
    lines = text.split("\n")
    kept = [line for before, line in zip(["", *lines], lines, strict=False) if not before.endswith("; left")]
    return "\n".join(kept)


def binding(memory: MemoryPlan) -> str:
    """The function that puts the addresses of the arrays of two lists into the table."""
    code = Code({})
    counts = (len(memory.graph.inputs), len(memory.graph.results))
    for name, first, count in zip(
        ("%arrays", "%results"), (memory.input_slots, memory.result_slots), counts, strict=True
    ):
        items = code.put(f"load ptr, ptr {code.put(f'getelementptr i8, ptr {name}, i64 {LIST_ITEMS}')}")

        def body(i: str, items: str = items, first: int = first) -> None:
            array = code.put(f"load ptr, ptr {code.put(f'getelementptr ptr, ptr {items}, i64 {i}')}")
            data = code.put(f"load ptr, ptr {code.put(f'getelementptr i8, ptr {array}, i64 {ARRAY_DATA}')}")
            slot = code.put(f"add nsw i64 {i}, {first}")
            code.do(f"store ptr {data}, ptr {code.put(f'getelementptr ptr, ptr %table, i64 {slot}')}")

        code.loop("0", str(count), body)
    code.do("ret void")
    return code.function("define void @bind(ptr %arrays, ptr %results, ptr %table)")


LIST_ITEMS, ARRAY_DATA = 24, 16  # where a list has the pointer to its items, and an ndarray that to its elements


@functools.cache
def layout_is_known() -> bool:
    """Whether lists and arrays lie in memory as native code reads them."""
    arrays = [np.arange(3.0), np.array(1)[()] * np.ones(2)]
    try:
        items = ctypes.c_void_p.from_address(id(arrays) + LIST_ITEMS).value
        assert items is not None
        found = [ctypes.c_void_p.from_address(items + 8 * i).value for i in range(2)]
        if ctypes.sizeof(ctypes.c_void_p) != 8 or found != [id(a) for a in arrays]:
            return False
        return all(ctypes.c_void_p.from_address(id(a) + ARRAY_DATA).value == pointer_of(a) for a in arrays)
    except (ValueError, AssertionError):
        return False


def pointer_of(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def is_simple_guard(node: Node) -> bool:
    """Whether native code can check a guard: one number, equal to one number."""
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


def describe_loops(name: str, loops: Loops, kernel: Kernel, memory: MemoryPlan) -> str:
    """One line about a kernel: what it computes, how many elements, bytes that it moves, operations."""
    moved = 0
    seen = set()
    for node in loops.members:
        for read in loops.works[node].reads:
            if read.root not in loops.works and read not in seen:
                seen.add(read)
                moved += math.prod(n for n, s in read.pattern if s) * read.root.dtype.itemsize
        if node in memory.stored or loops.works[node].kind == "write":
            moved += math.prod(n for n, s in loops.works[node].target if s) * node.dtype.itemsize
    work = sum(1 if node in loops.rows else loops.works[node].size for node in loops.members if node.op != "fit")
    names = [n.settings["ufunc"].__name__ if "ufunc" in n.settings else n.op for n in loops.members]
    listed = " ".join(names[:12]) + (f" ... ({len(names)})" if len(names) > 12 else "")
    shape = f"{loops.size}" if loops.row is None else f"{loops.size // loops.row}x{loops.row}"
    return f"{name:6} [{shape}] {moved} bytes, {work} flops: {listed}"
