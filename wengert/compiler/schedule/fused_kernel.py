"""Code generation: a fusion group as a function in LLVM IR.

The outer loop goes over rows, or over tiles of a long axis; its range is an argument, so that threads divide it.
Inside, inner loops go over the same elements one after another: a new one begins where a reduction of the row is
needed, or where the code would become too long. Values that a later inner loop reads are stored in scratch
memory, which stays in the L1 cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import uniform_value
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.ufuncs import identity_of
from wengert.compiler.machine import has_fused_multiply_add
from wengert.compiler.schedule.access_pattern import strides_over
from wengert.compiler.schedule.fused_addresses import Address, AddressWriter
from wengert.compiler.schedule.fusion import FusionGroup
from wengert.compiler.schedule.loop_access import Read
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type
from wengert.compiler.targets.llvm.llvm_ufuncs import accumulate, native_ufunc
from wengert.compiler.targets.llvm.sine import sine_or_cosine

__all__ = ["KernelText", "accumulator_dtype", "fused_kernel"]

MOST_POINTERS = 64  # arguments of a kernel


class KernelText(NamedTuple):
    """A function `(pointers..., first, last, thread, scratch)`, without its name."""

    text: str
    addresses: list[Address]
    iterations: int  # of the outer loop
    scratch: int  # bytes for each thread
    declarations: dict[str, str]


def accumulator_dtype(node: Node) -> Any:
    """The dtype in which a reduction over the outer loop is accumulated."""
    if node.dtype == np.float32 and node.settings["ufunc"] is np.add and node.size == 1:
        return np.dtype(np.float64)
    return node.dtype


def fused_kernel(
    group: FusionGroup, address: Callable[[Node, int], Address], stored: set[Node], partial: bool
) -> KernelText:
    """Emit the function of a fusion group.

    `address` gives the address of an element of a node's memory; `stored` are the nodes that other steps read; with
    `partial`, each chunk accumulates partial sums of its own, one after another in the memory of the sum.
    """
    return Writer(group, address, stored, partial).write()


class Writer(AddressWriter):
    """Emits a fused loop."""

    def write(self) -> KernelText:
        code, group = self.code, self.group
        self.entry: list[Any] = []
        code.lines.append(self.entry)  # type: ignore[arg-type]
        sums = [m for m in group.members if group.accesses[m].kind == "outer_reduction"]
        for node in sums:
            self.begin_sum(node)
        code.loop("%first", "%last", self.iteration)
        for node in sums:
            self.end_sum(node)
        code.emit("ret void")
        addresses = list(self.addresses)
        pointers = [f"%p{i}" for i in range(len(addresses))]
        if len(addresses) > MOST_POINTERS:
            # (one pointer per slot of the table; the offsets become constants in the code)
            slots = {slot: f"%p{len(addresses) + i}" for i, slot in enumerate(dict.fromkeys(s for s, _ in addresses))}
            for i, (slot, offset) in enumerate(addresses):
                code.allocas.append(f"  %p{i} = getelementptr i8, ptr {slots[slot]}, i64 {offset}")
            pointers, addresses = list(slots.values()), [(slot, 0) for slot in slots]
        code.lines = list(flat(code.lines))
        header = f"({''.join(f'ptr {p}, ' for p in pointers)}i64 %first, i64 %last, i64 %thread, ptr %scratch)"
        return KernelText(code.function(header), addresses, self.iterations, self.scratch, self.declarations)

    def iteration(self, index: str) -> None:
        """Emit an iteration of the outer loop: a row, or a tile of a long axis."""
        code = self.code
        self.outer_lines: list[Any] = []
        code.lines.append(self.outer_lines)  # type: ignore[arg-type]
        self.bases, self.scalars, self.row_values = {}, {}, {}
        self.outer_index = []
        quotient = index
        if self.tiles > 1:
            part = code.emit_value(f"urem i64 {quotient}, {self.tiles}")
            quotient = code.emit_value(f"udiv i64 {quotient}, {self.tiles}")
            self.start = code.emit_value(f"mul nsw i64 {part}, {self.tile}")
            final = code.emit_value(f"icmp eq i64 {part}, {self.tiles - 1}")
            tail = self.inner[-1] - (self.tiles - 1) * self.tile
            self.length = code.emit_value(f"select i1 {final}, i64 {tail}, i64 {self.tile}")
            self.tail, self.final = tail % self.lanes, final
        else:
            self.start, self.length = "0", str(self.inner[-1])
            self.tail, self.final = self.inner[-1] % self.lanes, "true"
        for n in reversed(self.outer):
            if len(self.outer_index) == len(self.outer) - 1:
                self.outer_index.append(quotient)
            else:
                self.outer_index.append(code.emit_value(f"urem i64 {quotient}, {n}"))
                quotient = code.emit_value(f"udiv i64 {quotient}, {n}")
        self.outer_index.reverse()
        # (the preheader of the inner loops comes after the indices)
        self.outer_lines = []
        code.lines.append(self.outer_lines)  # type: ignore[arg-type]
        of_rows: list[list[Node]] = [[] for _ in range(self.count + 1)]
        of_elements: list[list[Node]] = [[] for _ in range(self.count + 1)]
        for node in self.group.members:
            (of_rows if node in self.group.rows else of_elements)[self.segment[node]].append(node)
        for segment in range(self.count + 1):
            self.compute_row_values(of_rows[segment])
            if segment < self.count:
                self.inner_loop(of_elements[segment])

    def compute_row_values(self, nodes: list[Node]) -> None:
        """Emit values per row, between two inner loops."""
        code, group = self.code, self.group
        for node in nodes:
            access = group.accesses[node]
            value = self.value_of(node, lambda read, x: self.row_operand(read, x))
            if access.kind == "write":
                self.write_row(node, value)
            else:
                self.row_values[node] = value
                if node in self.stored:
                    self.store_row(node, value)
        code.lanes = 1

    def inner_loop(self, members: list[Node]) -> None:
        """Emit an inner loop over the elements of the row: a vectorized loop and its remainder."""
        code = self.code
        accumulated = [m for m in members if self.is_accumulated(m)]
        self.preheader: list[Any] = []
        code.lines.append(self.preheader)  # type: ignore[arg-type]
        self.splats: dict[Any, str] = {}
        for node in accumulated:
            self.accumulators[node] = self.begin_row(node)

        def body(indices: list[str], lanes: int, last: str) -> None:
            code.lanes, self.indices, self.last = lanes, indices, last
            self.values: dict[Node, str] = {}
            self.loaded: dict[Any, str] = {}
            for node in members:
                self.compute(node)
            code.lanes = 1

        def innermost(indices: list[str]) -> None:
            if self.tail == 0:
                stop = self.length
            elif self.length.startswith("%"):
                stop = code.emit_value(f"and i64 {self.length}, {-self.lanes}")
            else:
                stop = str(int(self.length) // self.lanes * self.lanes)
            if stop != "0":
                code.loop("0", stop, lambda i: body(indices, self.lanes, i), self.lanes)
            if self.tail:
                code.when(self.final, lambda: remainder(indices, stop))

        def remainder(indices: list[str], start: str) -> None:
            done, lanes = 0, self.lanes
            while lanes > 1:
                lanes //= 2
                if self.tail & lanes:
                    at = (
                        str(int(start) + done)
                        if not start.startswith("%")
                        else code.emit_value(f"add nsw i64 {start}, {done}")
                    )
                    body(indices, lanes, at)
                    done += lanes

        def nest(depth: int, indices: list[str]) -> None:
            if depth == len(self.inner) - 1:
                innermost(indices)
            else:
                code.loop("0", str(self.inner[depth]), lambda i: nest(depth + 1, [*indices, i]))

        nest(0, [])
        for node in accumulated:
            self.end_row(node)

    # Values

    def value_of(self, node: Node, operand: Callable[[Read, Node], str]) -> str:
        """Emit the operation of a node, without storing its value."""
        code, settings = self.code, node.settings
        reads = self.group.accesses[node].reads
        operands = node.operands[1:] if node.op == "update" else node.operands
        values = [(operand(read, x), x.dtype) for read, x in zip(reads, operands, strict=True)]
        if node.op in ("convert", "reduce", "assign", "update"):
            return code.convert(values[0][0], values[0][1], node.dtype)
        remaining = iter(values)
        if node.op == "elementwise":
            dtypes = settings["dtypes"]
            wanted = dtypes[:-1]
        else:
            wanted = (np.dtype(bool), node.dtype, node.dtype)
        parts = [
            code.convert(*next(remaining), dtype) if number is None else code.number(number, dtype)
            for number, dtype in zip(settings["numbers"], wanted, strict=True)
        ]
        if node.op == "select":
            return code.choose(parts[0], node.dtype, parts[1], parts[2])
        rule = native_ufunc(settings["ufunc"], dtypes)
        assert rule is not None
        if settings["ufunc"] is np.power and settings["numbers"][1] in (2, 3, 4):
            return small_power(code, wanted[0], parts[0], settings["numbers"][1])
        if settings["ufunc"] in (np.sin, np.cos) and wanted[0] == np.float64 and has_fused_multiply_add():
            return sine_or_cosine(code, parts[0], settings["ufunc"].__name__, node in self.sincos)
        return rule(code, wanted[0], *parts)

    def compute(self, node: Node) -> None:
        """Emit a node for the current lanes of the innermost loop."""
        code, access = self.code, self.group.accesses[node]
        value = self.value_of(node, self.operand)
        if access.kind == "elementwise":
            self.values[node] = value
            if node in self.stored:
                self.store_element(node, 0, access.target, value)
            if node in self.slots:
                base = self.scratch_base(node)
                code.store(value, node.dtype, base, self.flat_index())
        elif access.kind == "write":
            root = node.settings["into"] if node.op == "assign" else node
            self.store_element(root, 0 if node.op == "assign" else node.settings["offset"], access.target, value)
        elif self.is_accumulated(node):
            vector, scalar = self.accumulators[node]
            main = code.lanes == self.lanes
            type = code.type(node.dtype)
            if main:
                old = code.emit_value(f"load {type}, ptr {vector}")
                code.emit(f"store {type} {self.combine(node, old, value)}, ptr {vector}")
            else:
                value = code.reduce_lanes(value, node.dtype, lambda a, b: self.combine(node, a, b))
                lanes, code.lanes = code.lanes, 1
                type = register_type(node.dtype)
                old = code.emit_value(f"load {type}, ptr {scalar}")
                code.emit(f"store {type} {self.combine(node, old, value)}, ptr {scalar}")
                code.lanes = lanes
        else:
            self.add_element(node, value)

    def operand(self, read: Read, x: Node) -> str:
        """The value of an operand, for the current lanes of the innermost loop."""
        code, root = self.code, read.root
        if root in self.members and self.group.accesses[root].kind in ("elementwise", "row_reduction"):
            if root in self.row_values:
                return self.splat(("row_reduction", root), self.row_values[root], root.dtype)
            if root in self.values:
                return self.values[root]
            return self.load_scratch(root)
        constant = uniform_value(root)
        if constant is not None:
            return code.number(constant, root.dtype)
        strides = strides_over(read.pattern, [*self.outer, *self.inner])
        key = (root, read.offset, tuple(strides))
        if not any(strides[len(self.outer) :]):
            return self.splat(key, self.outer_scalar(key), root.dtype)
        if (found := self.loaded.get(key)) is None:
            base, stride = self.base(root, read.offset, strides)
            found = self.loaded[key] = code.load(root.dtype, self.within(base, strides, root.dtype), self.last, stride)
        return found

    def load_scratch(self, node: Node) -> str:
        """Load a value that an earlier inner loop has stored in scratch memory."""
        if (found := self.loaded.get(node)) is None:
            base = self.scratch_base(node)
            found = self.loaded[node] = self.code.load(node.dtype, base, self.flat_index())
        return found

    def splat(self, key: Any, value: str, dtype: Any) -> str:
        """Broadcast a value to all lanes, in the preheader."""
        code, key = self.code, (key, self.code.lanes)
        if code.lanes == 1:
            return value
        if key not in self.splats:
            lanes = code.lanes

            def emit() -> str:
                code.lanes = lanes
                return code.splat(value, register_type(dtype))

            self.splats[key] = self.emit_at(self.preheader, emit)
        return self.splats[key]

    def row_operand(self, read: Read, x: Node) -> str:
        root = read.root
        if root in self.row_values:
            return self.row_values[root]
        constant = uniform_value(root)
        if constant is not None:
            return self.code.number(constant, root.dtype)
        strides = [*strides_over(read.pattern, self.outer), *[0] * len(self.inner)]
        return self.outer_scalar((root, read.offset, tuple(strides)))

    def outer_scalar(self, key: Any) -> str:
        """Load a value that is invariant in the row, in the preheader."""
        if key not in self.scalars:
            root, offset, strides = key
            base, _ = self.base(root, offset, list(strides))
            self.scalars[key] = self.emit_at(self.outer_lines, lambda: self.code.load(root.dtype, base, "0"))
        return self.scalars[key]

    # Reductions

    def is_accumulated(self, node: Node) -> bool:
        """Whether a reduction is accumulated in registers over the row."""
        kind = self.group.accesses[node].kind
        return kind == "row_reduction" or (kind == "outer_reduction" and node.size == 1)

    def combine(self, node: Node, a: str, b: str) -> str:
        return accumulate(self.code, node.settings["ufunc"], node.dtype, a, b)

    def begin_row(self, node: Node) -> tuple[str, str]:
        code, start = self.code, identity_of(node.settings["ufunc"], node.dtype)
        places = []
        for lanes in (self.lanes, 1):
            code.lanes = lanes
            place = code.variable(code.type(node.dtype))
            code.emit(f"store {code.type(node.dtype)} {code.number(start, node.dtype)}, ptr {place}")
            places.append(place)
        return places[0], places[1]

    def end_row(self, node: Node) -> None:
        code = self.code
        vector, scalar = self.accumulators[node]
        code.lanes = self.lanes
        value = code.emit_value(f"load {code.type(node.dtype)}, ptr {vector}")
        value = code.reduce_lanes(value, node.dtype, lambda a, b: self.combine(node, a, b))
        code.lanes = 1
        type = code.type(node.dtype)
        value = self.combine(node, value, code.emit_value(f"load {type}, ptr {scalar}"))
        if self.group.accesses[node].kind == "row_reduction":
            self.row_values[node] = value
            if node in self.stored:
                self.store_row(node, value)
            return
        dtype, total = accumulator_dtype(node), self.totals[node]
        value = code.convert(value, node.dtype, dtype)
        old = code.emit_value(f"load {code.type(dtype)}, ptr {total}")
        new = accumulate(code, node.settings["ufunc"], dtype, old, value)
        code.emit(f"store {code.type(dtype)} {new}, ptr {total}")

    def begin_sum(self, node: Node) -> None:
        """Initialize the accumulator of a reduction over the outer loop."""
        code, dtype = self.code, accumulator_dtype(node)
        start = code.number(identity_of(node.settings["ufunc"], dtype), dtype)
        if node.size == 1:
            total = self.totals[node] = code.variable(code.type(dtype))
            code.emit(f"store {code.type(dtype)} {start}, ptr {total}")
            return
        base = self.sum_base(node)
        code.loop("0", str(node.size), lambda i: code.store(start, dtype, base, i))

    def sum_base(self, node: Node) -> str:
        code, pointer, dtype = self.code, self.pointer(node, 0), accumulator_dtype(node)
        if not self.partial:
            return pointer
        return code.address(pointer, code.times("%thread", node.size), dtype.itemsize)

    def add_element(self, node: Node, value: str) -> None:
        """Accumulate an element (or vector) of a reduction over the outer loop in memory."""
        code, pattern = self.code, self.group.accesses[node].target
        strides = strides_over(pattern, [*self.outer, *self.inner])
        key = ("outer_reduction", node)
        if key not in self.bases:
            self.bases[key] = self.emit_at(
                self.outer_lines, lambda: self.row_start(self.sum_base(node), strides, node.dtype)
            )
        base, stride = self.within(self.bases[key], strides, node.dtype), strides[-1]
        lanes = code.lanes
        if stride == 0:
            value = code.reduce_lanes(value, node.dtype, lambda a, b: self.combine(node, a, b))
            code.lanes = 1
        old = code.load(node.dtype, base, self.last, stride)
        code.store(self.combine(node, old, value), node.dtype, base, self.last, stride)
        code.lanes = lanes

    def end_sum(self, node: Node) -> None:
        if node.size != 1:
            return
        code, dtype = self.code, accumulator_dtype(node)
        value = code.emit_value(f"load {code.type(dtype)}, ptr {self.totals[node]}")
        if not self.partial:
            value, dtype = code.convert(value, dtype, node.dtype), node.dtype
        code.store(value, dtype, self.sum_base(node), "0")


def small_power(code: IRBuilder, dtype: Any, x: str, count: int) -> str:
    """x to the power of 2, 3 or 4, by multiplications."""
    square = code.op("fmul contract", dtype, x, x)
    return square if count == 2 else code.op("fmul contract", dtype, square, x if count == 3 else square)


def flat(lines: list[Any]) -> Any:
    """Flatten nested lists of lines."""
    for line in lines:
        if isinstance(line, str):
            yield line
        else:
            yield from flat(line)
