"""Address computation in fused loops: pointers and strides, with the invariant parts hoisted into preheaders."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from wengert.compiler.graph.graph import Node
from wengert.compiler.kernels.ir import Block, Index, Pointer, Value
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.schedule.access_pattern import AccessPattern, contiguous, strides_over
from wengert.compiler.schedule.fusion import FusionGroup
from wengert.compiler.schedule.loop_shape import LoopShape

__all__ = ["Address", "AddressBuilder"]

Address = tuple[Any, int]  # a slot of the table, and an offset in bytes


class AddressBuilder(LoopShape):
    """The addresses of elements, and loads and stores of values per row."""

    start: Index  # of the tile of the inner axis
    indices: list[Index]  # of the inner loops except the innermost
    last: Value  # the index of the innermost loop
    outer_place: Block  # the preheader of the inner loops: computed once per iteration of the outer loop

    def __init__(
        self, group: FusionGroup, address: Callable[[Node, int], Address], stored: set[Node], partial: bool
    ) -> None:
        super().__init__(group)
        self.address, self.stored, self.partial = address, stored, partial
        self.b = Builder("fused loop")
        self.addresses: dict[Address, int] = {}  # and the index of the argument that points there
        self.bases: dict[Any, Pointer] = {}
        self.scalars: dict[Any, Value] = {}
        self.row_values: dict[Node, Any] = {}
        self.outer_index: list[Index] = []

    def pointer(self, node: Node, offset: int, dtype: Any = None) -> Pointer:
        """The argument that points to an element of the memory of a node."""
        number = self.addresses.setdefault(self.address(node, offset), len(self.addresses))
        return self.b.operand(number, node.dtype if dtype is None else dtype)

    def base(self, root: Node, offset: int, strides: list[int]) -> Pointer:
        """The address of a row."""
        pointer = self.pointer(root, offset)
        key = pointer, tuple(strides)
        if key not in self.bases:
            with self.b.inside(self.outer_place):
                self.bases[key] = self.row_start(pointer, strides)
        return self.bases[key]

    def row_start(self, at: Pointer, strides: list[int]) -> Pointer:
        for i, s in zip(self.outer_index, strides, strict=False):
            at = at.at(i * s)
        return at.at(self.start * strides[-1])

    def within(self, base: Pointer, strides: list[int]) -> Pointer:
        """The address for the current indices of the inner loops except the innermost."""
        for i, s in zip(self.indices, strides[len(self.outer) :], strict=False):
            base = base.at(i * s)
        return base

    def flat_index(self) -> Index:
        """The index of the element in its row."""
        found, inside = self.last, math.prod(self.inner)
        for i, n in zip(self.indices, self.inner, strict=False):
            inside //= n
            found = found + i * inside
        return found

    def scratch_base(self, node: Node) -> Pointer:
        key = ("scratch", self.slots[node])
        if key not in self.bases:
            with self.b.inside(self.outer_place):
                self.bases[key] = self.b.scratch(node.dtype, self.slots[node])
        return self.bases[key]

    def store_element(self, root: Node, offset: int, pattern: AccessPattern, value: Any) -> None:
        strides = strides_over(pattern, [*self.outer, *self.inner])
        self.within(self.base(root, offset, strides), strides)[self.last * strides[-1]] = value

    def store_row(self, node: Node, value: Any) -> None:
        """Store a value per row."""
        strides = [*strides_over(contiguous(math.prod(self.outer)), self.outer), *[0] * len(self.inner)]
        self.base(node, 0, strides)[0] = value

    def write_row(self, node: Node, value: Any) -> None:
        root = node.settings["into"] if node.op == "assign" else node
        offset = 0 if node.op == "assign" else node.settings["offset"]
        strides = [*strides_over(self.group.accesses[node].target, self.outer), *[0] * len(self.inner)]
        self.base(root, offset, strides)[0] = value
