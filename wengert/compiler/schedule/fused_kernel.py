"""Loops as a function in LLVM's language.

The outer loop goes over rows, or over pieces of a long axis; its range is an argument, so that threads share it.
Inside, one or several inner loops go over the same elements: a new one begins where a value of the whole row
is needed, or where the code would grow too long. What one inner loop leaves to the next lies in a scratch memory that
stays in the innermost cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph.build import uniform_value
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.ufuncs import identity_of
from wengert.compiler.machine import has_fused_multiply_add
from wengert.compiler.schedule.access_pattern import over_axes
from wengert.compiler.schedule.fused_addresses import Address, AddressWriter
from wengert.compiler.schedule.fusion import FusionGroup, Read
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder, register_type
from wengert.compiler.targets.llvm.llvm_ufuncs import accumulate, native_ufunc
from wengert.compiler.targets.llvm.sine import sine_or_cosine

__all__ = ["KernelText", "accumulator_dtype", "kernel_of"]

MOST_POINTERS = 64  # arguments of a kernel


class KernelText(NamedTuple):
    """A function `(pointers..., first, last, thread, scratch)`, without its name."""

    text: str
    addresses: list[Address]
    iterations: int  # of the outer loop
    scratch: int  # bytes for each thread
    declarations: dict[str, str]


def accumulator_dtype(node: Node) -> Any:
    """In which dtype a reduction is gathered over the outer loop."""
    if node.dtype == np.float32 and node.settings["ufunc"] is np.add and node.size == 1:
        return np.dtype(np.float64)
    return node.dtype


def kernel_of(
    loops: FusionGroup, address: Callable[[Node, int], Address], stored: set[Node], partial: bool
) -> KernelText:
    """Write the function of loops.

    `address` says where an element of a node's memory is; `stored` are the nodes that are read elsewhere; `partial`
    says that sums are gathered by each thread for itself, one after the other in the memory of the sum.
    """
    return Writer(loops, address, stored, partial).write()


class Writer(AddressWriter):
    # The function

    def write(self) -> KernelText:
        code, loops = self.code, self.loops
        self.entry: list[Any] = []
        code.lines.append(self.entry)  # type: ignore[arg-type]
        sums = [m for m in loops.members if loops.works[m].kind == "outer_reduction"]
        for node in sums:
            self.begin_sum(node)
        code.loop("%first", "%last", self.iteration)
        for node in sums:
            self.end_sum(node)
        code.emit("ret void")
        addresses = list(self.addresses)
        pointers = [f"%p{i}" for i in range(len(addresses))]
        if len(addresses) > MOST_POINTERS:
            # (how far apart they are is part of the code then)
            slots = {slot: f"%p{len(addresses) + i}" for i, slot in enumerate(dict.fromkeys(s for s, _ in addresses))}
            for i, (slot, offset) in enumerate(addresses):
                code.allocas.append(f"  %p{i} = getelementptr i8, ptr {slots[slot]}, i64 {offset}")
            pointers, addresses = list(slots.values()), [(slot, 0) for slot in slots]
        code.lines = list(flat(code.lines))
        header = f"({''.join(f'ptr {p}, ' for p in pointers)}i64 %first, i64 %last, i64 %thread, ptr %scratch)"
        return KernelText(code.function(header), addresses, self.iterations, self.scratch, self.declarations)

    def iteration(self, index: str) -> None:
        """One row, or one piece of a long axis."""
        code = self.code
        self.outer_lines: list[Any] = []
        code.lines.append(self.outer_lines)  # type: ignore[arg-type]
        self.bases, self.scalars, self.row_values = {}, {}, {}
        self.outer_index = []
        rest = index
        if self.pieces > 1:
            part = code.emit_value(f"urem i64 {rest}, {self.pieces}")
            rest = code.emit_value(f"udiv i64 {rest}, {self.pieces}")
            self.start = code.emit_value(f"mul nsw i64 {part}, {self.piece}")
            final = code.emit_value(f"icmp eq i64 {part}, {self.pieces - 1}")
            tail = self.inner[-1] - (self.pieces - 1) * self.piece
            self.length = code.emit_value(f"select i1 {final}, i64 {tail}, i64 {self.piece}")
            self.tail, self.final = tail % self.lanes, final
        else:
            self.start, self.length = "0", str(self.inner[-1])
            self.tail, self.final = self.inner[-1] % self.lanes, "true"
        for n in reversed(self.outer):
            if len(self.outer_index) == len(self.outer) - 1:
                self.outer_index.append(rest)
            else:
                self.outer_index.append(code.emit_value(f"urem i64 {rest}, {n}"))
                rest = code.emit_value(f"udiv i64 {rest}, {n}")
        self.outer_index.reverse()
        # (what is set up for an iteration comes after its indices)
        self.outer_lines = []
        code.lines.append(self.outer_lines)  # type: ignore[arg-type]
        of_rows: list[list[Node]] = [[] for _ in range(self.count + 1)]
        of_elements: list[list[Node]] = [[] for _ in range(self.count + 1)]
        for node in self.loops.members:
            (of_rows if node in self.loops.rows else of_elements)[self.segment[node]].append(node)
        for segment in range(self.count + 1):
            self.between(of_rows[segment])
            if segment < self.count:
                self.sweep(of_elements[segment])

    def between(self, nodes: list[Node]) -> None:
        """Compute what there is one of for each row."""
        code, loops = self.code, self.loops
        for node in nodes:
            work = loops.works[node]
            value = self.value_of(node, lambda read, x: self.row_operand(read, x))
            if work.kind == "write":
                self.write_row(node, value)
            else:
                self.row_values[node] = value
                if node in self.stored:
                    self.store_row(node, value)
        code.lanes = 1

    def sweep(self, members: list[Node]) -> None:
        """One inner loop over the elements of the row."""
        code = self.code
        gathering = [m for m in members if self.is_gathered(m)]
        self.ahead: list[Any] = []
        code.lines.append(self.ahead)  # type: ignore[arg-type]
        self.splats: dict[Any, str] = {}
        for node in gathering:
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
        for node in gathering:
            self.end_row(node)

    # Values

    def value_of(self, node: Node, operand: Callable[[Read, Node], str]) -> str:
        """Emit the operation of a node."""
        code, settings = self.code, node.settings
        reads = self.loops.works[node].reads
        operands = node.operands[1:] if node.op == "update" else node.operands
        values = [(operand(read, x), x.dtype) for read, x in zip(reads, operands, strict=True)]
        if node.op in ("convert", "reduce", "assign", "update"):
            return code.convert(values[0][0], values[0][1], node.dtype)
        ahead = iter(values)
        if node.op == "elementwise":
            dtypes = settings["dtypes"]
            wanted = dtypes[:-1]
        else:
            wanted = (np.dtype(bool), node.dtype, node.dtype)
        parts = [
            code.convert(*next(ahead), dtype) if number is None else code.number(number, dtype)
            for number, dtype in zip(settings["numbers"], wanted, strict=True)
        ]
        if node.op == "select":
            return code.choose(parts[0], node.dtype, parts[1], parts[2])
        rule = native_ufunc(settings["ufunc"], dtypes)
        assert rule is not None
        if settings["ufunc"] is np.power and settings["numbers"][1] in (2, 3, 4):
            return product(code, wanted[0], parts[0], settings["numbers"][1])
        if settings["ufunc"] in (np.sin, np.cos) and wanted[0] == np.float64 and has_fused_multiply_add():
            return sine_or_cosine(code, parts[0], settings["ufunc"].__name__, node in self.twins)
        return rule(code, wanted[0], *parts)

    def compute(self, node: Node) -> None:
        """Emit a node for some lanes of the innermost loop."""
        code, work = self.code, self.loops.works[node]
        value = self.value_of(node, self.operand)
        if work.kind == "elementwise":
            self.values[node] = value
            if node in self.stored:
                self.put_element(node, 0, work.target, value)
            if node in self.slots:
                base = self.scratch_base(node)
                code.store(value, node.dtype, base, self.flat_index())
        elif work.kind == "write":
            root = node.settings["into"] if node.op == "assign" else node
            self.put_element(root, 0 if node.op == "assign" else node.settings["offset"], work.target, value)
        elif self.is_gathered(node):
            vector, scalar = self.accumulators[node]
            main = code.lanes == self.lanes
            type = code.type(node.dtype)
            if main:
                old = code.emit_value(f"load {type}, ptr {vector}")
                code.emit(f"store {type} {self.combine(node, old, value)}, ptr {vector}")
            else:
                value = code.across(value, node.dtype, lambda a, b: self.combine(node, a, b))
                lanes, code.lanes = code.lanes, 1
                type = register_type(node.dtype)
                old = code.emit_value(f"load {type}, ptr {scalar}")
                code.emit(f"store {type} {self.combine(node, old, value)}, ptr {scalar}")
                code.lanes = lanes
        else:
            self.add_element(node, value)

    def operand(self, read: Read, x: Node) -> str:
        """The value of an operand, for some lanes of the innermost loop."""
        code, root = self.code, read.root
        if root in self.members and self.loops.works[root].kind in ("elementwise", "row_reduction"):
            if root in self.row_values:
                return self.splat(("row_reduction", root), self.row_values[root], root.dtype)
            if root in self.values:
                return self.values[root]
            return self.kept(root)
        constant = uniform_value(root)
        if constant is not None:
            return code.number(constant, root.dtype)
        strides = over_axes(read.pattern, [*self.outer, *self.inner])
        key = (root, read.offset, tuple(strides))
        if not any(strides[len(self.outer) :]):
            return self.splat(key, self.outer_scalar(key), root.dtype)
        if (found := self.loaded.get(key)) is None:
            base, stride = self.base(root, read.offset, strides)
            found = self.loaded[key] = code.load(root.dtype, self.within(base, strides, root.dtype), self.last, stride)
        return found

    def kept(self, node: Node) -> str:
        """A value that an earlier inner loop has left."""
        if (found := self.loaded.get(node)) is None:
            base = self.scratch_base(node)
            found = self.loaded[node] = self.code.load(node.dtype, base, self.flat_index())
        return found

    def splat(self, key: Any, value: str, dtype: Any) -> str:
        """One value in all lanes, made before the loop."""
        code, key = self.code, (key, self.code.lanes)
        if code.lanes == 1:
            return value
        if key not in self.splats:
            lanes = code.lanes

            def emit() -> str:
                code.lanes = lanes
                return code.splat(value, register_type(dtype))

            self.splats[key] = self.aside(self.ahead, emit)
        return self.splats[key]

    def row_operand(self, read: Read, x: Node) -> str:
        root = read.root
        if root in self.row_values:
            return self.row_values[root]
        constant = uniform_value(root)
        if constant is not None:
            return self.code.number(constant, root.dtype)
        strides = [*over_axes(read.pattern, self.outer), *[0] * len(self.inner)]
        return self.outer_scalar((root, read.offset, tuple(strides)))

    def outer_scalar(self, key: Any) -> str:
        """Load what is the same in the whole row."""
        if key not in self.scalars:
            root, offset, strides = key
            base, _ = self.base(root, offset, list(strides))
            self.scalars[key] = self.aside(self.outer_lines, lambda: self.code.load(root.dtype, base, "0"))
        return self.scalars[key]

    # Reductions

    def is_gathered(self, node: Node) -> bool:
        """Whether a reduction leaves one value for the row."""
        kind = self.loops.works[node].kind
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
        value = code.across(value, node.dtype, lambda a, b: self.combine(node, a, b))
        code.lanes = 1
        type = code.type(node.dtype)
        value = self.combine(node, value, code.emit_value(f"load {type}, ptr {scalar}"))
        if self.loops.works[node].kind == "row_reduction":
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
        """Set what is gathered over the outer loop to nothing."""
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
        """Gather one element (or several lanes) of a sum over the outer loop."""
        code, pattern = self.code, self.loops.works[node].target
        strides = over_axes(pattern, [*self.outer, *self.inner])
        key = ("outer_reduction", node)
        if key not in self.bases:
            self.bases[key] = self.aside(
                self.outer_lines, lambda: self.row_start(self.sum_base(node), strides, node.dtype)
            )
        base, stride = self.within(self.bases[key], strides, node.dtype), strides[-1]
        lanes = code.lanes
        if stride == 0:
            value = code.across(value, node.dtype, lambda a, b: self.combine(node, a, b))
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


def product(code: IRBuilder, dtype: Any, x: str, count: int) -> str:
    """A small power."""
    square = code.op("fmul contract", dtype, x, x)
    return square if count == 2 else code.op("fmul contract", dtype, square, x if count == 3 else square)


def flat(lines: list[Any]) -> Any:
    """The lines of nested lists."""
    for line in lines:
        if isinstance(line, str):
            yield line
        else:
            yield from flat(line)
