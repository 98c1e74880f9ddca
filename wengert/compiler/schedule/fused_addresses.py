"""Address computation in fused loops: pointers and strides, with the invariant parts hoisted into preheaders."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from wengert.compiler.graph.graph import Node
from wengert.compiler.schedule.access_pattern import AccessPattern, contiguous, strides_over
from wengert.compiler.schedule.fusion import FusionGroup
from wengert.compiler.schedule.loop_shape import LoopShape
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["Address", "AddressWriter"]

Address = tuple[Any, int]  # a slot of the table, and an offset in bytes


class AddressWriter(LoopShape):
    """Emits the addresses of elements, and loads and stores of values per row."""

    start: str  # of the tile of the inner axis
    indices: list[str]  # of the inner loops except the innermost
    last: str  # the index of the innermost loop
    outer_lines: list[Any]  # the preheader of the inner loops: computed once per iteration of the outer loop

    def __init__(
        self, group: FusionGroup, address: Callable[[Node, int], Address], stored: set[Node], partial: bool
    ) -> None:
        super().__init__(group)
        self.address, self.stored, self.partial = address, stored, partial
        self.declarations: dict[str, str] = {}
        self.code = IRBuilder(self.declarations)
        self.addresses: dict[Address, int] = {}  # and the index of the argument that points there
        self.bases: dict[Any, str] = {}
        self.scalars: dict[Any, str] = {}
        self.row_values: dict[Node, str] = {}
        self.accumulators: dict[Node, tuple[str, str]] = {}
        self.totals: dict[Node, str] = {}
        self.outer_index: list[str] = []

    def emit_at(self, lines: list[Any], emit: Callable[[], Any]) -> Any:
        """Emit scalar code at an earlier place."""
        code = self.code
        before, lanes = code.lines, code.lanes
        code.lines, code.lanes = lines, 1
        found = emit()
        code.lines, code.lanes = before, lanes
        return found

    def pointer(self, node: Node, offset: int) -> str:
        """The argument that points to an element of the memory of a node."""
        return f"%p{self.addresses.setdefault(self.address(node, offset), len(self.addresses))}"

    def base(self, root: Node, offset: int, strides: list[int]) -> tuple[str, int]:
        """The address of a row, and the stride of the innermost loop."""
        pointer = self.pointer(root, offset)
        key = (pointer, tuple(strides), root.dtype.itemsize)
        if key not in self.bases:
            self.bases[key] = self.emit_at(self.outer_lines, lambda: self.row_start(pointer, strides, root.dtype))
        return self.bases[key], strides[-1]

    def row_start(self, pointer: str, strides: list[int], dtype: Any) -> str:
        code, at = self.code, pointer
        for i, s in zip(self.outer_index, strides, strict=False):
            if s:
                at = code.address(at, code.times(i, s), dtype.itemsize)
        if self.start != "0" and strides[-1]:
            at = code.address(at, code.times(self.start, strides[-1]), dtype.itemsize)
        return at

    def within(self, base: str, strides: list[int], dtype: Any) -> str:
        """The address for the current indices of the inner loops except the innermost."""
        code, lanes = self.code, self.code.lanes
        code.lanes = 1
        for i, s in zip(self.indices, strides[len(self.outer) :], strict=False):
            if s:
                base = code.address(base, code.times(i, s), dtype.itemsize)
        code.lanes = lanes
        return base

    def flat_index(self) -> str:
        """The index of the element in its row."""
        code, found, inside = self.code, self.last, math.prod(self.inner)
        for i, n in zip(self.indices, self.inner, strict=False):
            inside //= n
            found = code.emit_value(f"add nsw i64 {found}, {code.times(i, inside)}")
        return found

    def scratch_base(self, node: Node) -> str:
        key = ("scratch", self.slots[node])
        if key not in self.bases:
            offset = self.slots[node]
            self.bases[key] = self.emit_at(
                self.outer_lines, lambda: self.code.emit_value(f"getelementptr i8, ptr %scratch, i64 {offset}")
            )
        return self.bases[key]

    def store_element(self, root: Node, offset: int, pattern: AccessPattern, value: str) -> None:
        strides = strides_over(pattern, [*self.outer, *self.inner])
        base, stride = self.base(root, offset, strides)
        self.code.store(value, root.dtype, self.within(base, strides, root.dtype), self.last, stride)

    def store_row(self, node: Node, value: str) -> None:
        """Store a value per row."""
        strides = [*strides_over(contiguous(math.prod(self.outer)), self.outer), *[0] * len(self.inner)]
        base, _ = self.base(node, 0, strides)
        self.code.store(value, node.dtype, base, "0")

    def write_row(self, node: Node, value: str) -> None:
        root = node.settings["into"] if node.op == "assign" else node
        offset = 0 if node.op == "assign" else node.settings["offset"]
        strides = [*strides_over(self.group.accesses[node].target, self.outer), *[0] * len(self.inner)]
        base, _ = self.base(root, offset, strides)
        self.code.store(value, node.dtype, base, "0")
