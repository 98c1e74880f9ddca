"""Code generation: a fusion group as a kernel form.

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
from wengert.compiler.kernels.ir import Accumulator, Form, Index, Pointer, Register, Value
from wengert.compiler.schedule.access_pattern import strides_over
from wengert.compiler.schedule.fused_addresses import Address, AddressBuilder
from wengert.compiler.schedule.fusion import FusionGroup
from wengert.compiler.schedule.loop_access import Read

__all__ = ["FusedKernel", "accumulator_dtype", "fused_kernel"]

MOST_POINTERS = 64  # arguments of a kernel


class FusedKernel(NamedTuple):
    """The form of a fused loop, and what its pointers point to."""

    form: Form
    addresses: list[Address]
    iterations: int  # of the outer loop
    scratch: int  # bytes for each thread


def accumulator_dtype(node: Node) -> Any:
    """The dtype in which a reduction over the outer loop is accumulated."""
    if node.dtype == np.float32 and node.settings["ufunc"] is np.add and node.size == 1:
        return np.dtype(np.float64)
    return node.dtype


def fused_kernel(
    group: FusionGroup, address: Callable[[Node, int], Address], stored: set[Node], partial: bool
) -> FusedKernel:
    """Build the kernel of a fusion group.

    `address` gives the address of an element of a node's memory; `stored` are the nodes that other steps read; with
    `partial`, each chunk accumulates partial sums of its own, one after another in the memory of the sum.
    """
    return FusedBuilder(group, address, stored, partial).build()


class FusedBuilder(AddressBuilder):
    """Builds a fused loop."""

    length: Index  # of the tile

    def build(self) -> FusedKernel:
        b, group = self.b, self.group
        self.accumulators: dict[Node, Accumulator] = {}
        self.totals: dict[Node, Register] = {}
        sums = [m for m in group.members if group.accesses[m].kind == "outer_reduction"]
        for node in sums:
            self.begin_sum(node)
        with b.iterations() as index:
            self.iteration(index)
        for node in sums:
            self.end_sum(node)
        addresses = list(self.addresses)
        form = b.form()
        if len(addresses) > MOST_POINTERS:
            # (one pointer per slot of the table; the offsets become constants in the code)
            slots = {slot: len(addresses) + i for i, slot in enumerate(dict.fromkeys(s for s, _ in addresses))}
            derived = [(i, slots[slot], offset) for i, (slot, offset) in enumerate(addresses)]
            form = Form(form.name, form.body, list(slots.values()), derived)
            addresses = [(slot, 0) for slot in slots]
        return FusedKernel(form, addresses, self.iterations, self.scratch)

    def iteration(self, index: Index) -> None:
        """An iteration of the outer loop: a row, or a tile of a long axis."""
        b = self.b
        self.bases, self.scalars, self.row_values = {}, {}, {}
        self.start, self.length = 0, self.inner[-1]
        self.final: Value | None = None
        self.rest = self.inner[-1] % self.lanes
        if self.tiles > 1:
            part, index = index % self.tiles, index // self.tiles
            self.start = part * self.tile
            self.final = b.apply(np.equal, part, self.tiles - 1)
            last = self.inner[-1] - (self.tiles - 1) * self.tile
            self.length = b.select(self.final, last, self.tile, index.dtype)
            self.rest = last % self.lanes
        self.outer_index = []
        for n in reversed(self.outer[1:]):
            self.outer_index.insert(0, index % n)
            index = index // n
        if self.outer:
            self.outer_index.insert(0, index)
        # (the preheader of the inner loops comes after the indices)
        self.outer_place = b.place()
        of_rows: list[list[Node]] = [[] for _ in range(self.count + 1)]
        of_elements: list[list[Node]] = [[] for _ in range(self.count + 1)]
        for node in self.group.members:
            (of_rows if node in self.group.rows else of_elements)[self.segment[node]].append(node)
        for segment in range(self.count + 1):
            self.compute_row_values(of_rows[segment])
            if segment < self.count:
                self.inner_loop(of_elements[segment])

    def compute_row_values(self, nodes: list[Node]) -> None:
        """Values per row, between two inner loops."""
        for node in nodes:
            value = self.value_of(node, self.row_operand)
            if self.group.accesses[node].kind == "write":
                self.write_row(node, value)
            else:
                self.row_values[node] = value
                if node in self.stored:
                    self.store_row(node, value)

    def inner_loop(self, members: list[Node]) -> None:
        """An inner loop over the elements of the row."""
        b = self.b
        accumulated = [m for m in members if self.is_accumulated(m)]
        for node in accumulated:
            ufunc = node.settings["ufunc"]
            start = identity_of(ufunc, node.dtype)
            self.accumulators[node] = b.accumulator(ufunc, node.dtype, start, self.lanes)
        with b.nest():
            self.nest(members, [])
        for node in accumulated:
            self.end_row(node)

    def nest(self, members: list[Node], indices: list[Index]) -> None:
        """The loops of the inner axes, from one on."""
        b = self.b
        if len(indices) < len(self.inner) - 1:
            with b.loop(0, self.inner[len(indices)]) as i:
                self.nest(members, [*indices, i])
            return
        with b.lanes(self.length, self.lanes, rest=self.rest, final=self.final) as last:
            self.indices, self.last = indices, last
            self.values: dict[Node, Any] = {}
            self.loaded: dict[Any, Value] = {}
            for node in members:
                self.compute(node)

    # Values

    def value_of(self, node: Node, operand: Callable[[Read], Any]) -> Any:
        """The operation of a node, without storing its value."""
        b, settings = self.b, node.settings
        reads = self.group.accesses[node].reads
        operands = node.operands[1:] if node.op == "update" else node.operands
        values = ((operand(read), x.dtype) for read, x in zip(reads, operands, strict=True))
        if node.op in ("convert", "reduce", "assign", "update"):
            return self.converted(*next(values), node.dtype)
        if node.op == "elementwise":
            dtypes = settings["dtypes"]
            wanted = dtypes[:-1]
        else:
            wanted = (np.dtype(bool), node.dtype, node.dtype)
        parts = [
            self.converted(*next(values), dtype) if number is None else number
            for number, dtype in zip(settings["numbers"], wanted, strict=True)
        ]
        if node.op == "select":
            return b.select(parts[0], parts[1], parts[2], node.dtype)
        ufunc, dtype = settings["ufunc"], wanted[0]
        if ufunc is np.power and settings["numbers"][1] in (2, 3, 4):
            return self.small_power(dtype, parts[0], settings["numbers"][1])
        if ufunc in (np.sin, np.cos):
            return b.function(ufunc.__name__, parts[0], dtype, node in self.sincos)
        return b.apply(ufunc, *parts, dtype=dtype, result=dtypes[-1])

    def converted(self, value: Any, old: Any, new: Any) -> Any:
        """A value, or a number of dtype `old`, in another dtype."""
        if isinstance(value, Value):
            return self.b.convert(value, new)
        with np.errstate(all="ignore"):
            return self.b.constant(np.asarray(value, old).astype(new)[()], new)

    def small_power(self, dtype: Any, x: Any, count: int) -> Value:
        """x to the power of 2, 3 or 4, by multiplications."""
        b = self.b
        square = b.apply(np.multiply, x, x, dtype=dtype)
        return square if count == 2 else b.apply(np.multiply, square, x if count == 3 else square, dtype=dtype)

    def compute(self, node: Node) -> None:
        """A node, in the innermost loop."""
        access = self.group.accesses[node]
        value = self.value_of(node, self.operand)
        if access.kind == "elementwise":
            self.values[node] = value
            if node in self.stored:
                self.store_element(node, 0, access.target, value)
            if node in self.slots:
                self.scratch_base(node)[self.flat_index()] = value
        elif access.kind == "write":
            root = node.settings["into"] if node.op == "assign" else node
            self.store_element(root, 0 if node.op == "assign" else node.settings["offset"], access.target, value)
        elif self.is_accumulated(node):
            self.accumulators[node].add(value)
        else:
            self.add_element(node, value)

    def operand(self, read: Read) -> Any:
        """The value of an operand in the innermost loop."""
        root = read.root
        if root in self.members and self.group.accesses[root].kind in ("elementwise", "row_reduction"):
            if root in self.row_values:
                return self.row_values[root]
            if root in self.values:
                return self.values[root]
            if (found := self.loaded.get(root)) is None:  # (stored by an earlier inner loop)
                found = self.loaded[root] = self.scratch_base(root)[self.flat_index()]
            return found
        constant = uniform_value(root)
        if constant is not None:
            return constant
        strides = strides_over(read.pattern, [*self.outer, *self.inner])
        key = (root, read.offset, tuple(strides))
        if not any(strides[len(self.outer) :]):
            return self.outer_scalar(key)
        if (found := self.loaded.get(key)) is None:
            place = self.within(self.base(root, read.offset, strides), strides)
            found = self.loaded[key] = place[self.last * strides[-1]]
        return found

    def row_operand(self, read: Read) -> Any:
        root = read.root
        if root in self.row_values:
            return self.row_values[root]
        constant = uniform_value(root)
        if constant is not None:
            return constant
        strides = [*strides_over(read.pattern, self.outer), *[0] * len(self.inner)]
        return self.outer_scalar((root, read.offset, tuple(strides)))

    def outer_scalar(self, key: Any) -> Value:
        """Load a value that is invariant in the row, in the preheader."""
        if key not in self.scalars:
            root, offset, strides = key
            base = self.base(root, offset, list(strides))
            with self.b.inside(self.outer_place):
                self.scalars[key] = base[0]
        return self.scalars[key]

    # Reductions

    def is_accumulated(self, node: Node) -> bool:
        """Whether a reduction is accumulated in registers over the row."""
        kind = self.group.accesses[node].kind
        return kind == "row_reduction" or (kind == "outer_reduction" and node.size == 1)

    def combine(self, node: Node, a: Any, b: Any, dtype: Any) -> Value:
        return self.b.apply(node.settings["ufunc"], a, b, dtype=dtype, result=dtype)

    def end_row(self, node: Node) -> None:
        value = self.accumulators[node].total()
        if self.group.accesses[node].kind == "row_reduction":
            self.row_values[node] = value
            if node in self.stored:
                self.store_row(node, value)
            return
        dtype, total = accumulator_dtype(node), self.totals[node]
        total.set(self.combine(node, total.get(), self.b.convert(value, dtype), dtype))

    def begin_sum(self, node: Node) -> None:
        """Initialize the accumulator of a reduction over the outer loop."""
        b, dtype = self.b, accumulator_dtype(node)
        start = identity_of(node.settings["ufunc"], dtype)
        if node.size == 1:
            self.totals[node] = b.register(dtype, start)
            return
        base = self.sum_base(node, dtype)
        with b.loop(0, node.size) as i:
            base[i] = start

    def sum_base(self, node: Node, dtype: Any) -> Pointer:
        pointer = self.pointer(node, 0, dtype)
        return pointer.at(self.b.parameter("thread") * node.size) if self.partial else pointer

    def add_element(self, node: Node, value: Any) -> None:
        """Accumulate an element of a reduction over the outer loop in memory."""
        b = self.b
        strides = strides_over(self.group.accesses[node].target, [*self.outer, *self.inner])
        key = ("outer_reduction", node)
        if key not in self.bases:
            with b.inside(self.outer_place):
                self.bases[key] = self.row_start(self.sum_base(node, node.dtype), strides)
        place, at = self.within(self.bases[key], strides), self.last * strides[-1]
        if strides[-1] == 0:
            value = b.reduce_lanes(node.settings["ufunc"], value)
        b.update(node.settings["ufunc"], place, at, value)

    def end_sum(self, node: Node) -> None:
        if node.size == 1:
            value, dtype = self.totals[node].get(), accumulator_dtype(node)
            if not self.partial:
                value, dtype = self.b.convert(value, node.dtype), node.dtype
            self.sum_base(node, dtype)[0] = value
