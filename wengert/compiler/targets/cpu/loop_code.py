"""The code of loops: a function that sets the addresses of the inputs and results of a body, and calls its steps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Node, VerificationError
from wengert.compiler.graph.loop import has_layout
from wengert.compiler.schedule.loop_plan import LoopPlan
from wengert.compiler.schedule.memory_plan import MemoryPlan, aligned_memory
from wengert.compiler.targets.cpu.pointers import pointer_of, pointer_table
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["LoopMemory", "LoopTable", "loop_function"]


class LoopTable(NamedTuple):
    """A loop in a module, and where its table of pointers is to be put."""

    slot: int  # of the table of the plan around it
    plan: LoopPlan
    scratch: int  # bytes
    inside: list[LoopTable]  # the loops in its body


class LoopMemory:
    """The memory of a loop: its table of pointers, its arena and its scratch memory."""

    def __init__(self, loop: LoopTable, outer: np.ndarray) -> None:
        memory = loop.plan.memory
        self.arena = aligned_memory(memory.size + loop.scratch)
        self.table, self.constants = pointer_table(memory, self.arena, loop.scratch)
        outer[loop.slot] = pointer_of(self.table)
        self.inside = [LoopMemory(each, self.table) for each in loop.inside]


def loop_function(name: str, node: Node, slot: int, memory: MemoryPlan, piece: str) -> str:
    """The function that runs a loop: from the table of pointers around it to the failed guard, or 0.

    `slot` is that of the table of the loop, `piece` the function that computes a step.
    """
    loop, plan = node.settings["loop"], node.settings["loop"].plan
    code = IRBuilder({})
    inner = code.emit_value(f"load ptr, ptr {place(code, '%table', slot)}")

    def let(inner_slot: int, address: tuple[int, int]) -> None:
        base = code.emit_value(f"load ptr, ptr {place(code, '%table', address[0])}")
        found = code.emit_value(f"getelementptr i8, ptr {base}, i64 {address[1]}")
        code.emit(f"store ptr {found}, ptr {place(code, inner, inner_slot)}")

    moved = [(at, by) for at, by in plan.moved if by]
    outputs = memory.outputs[node]
    for i, (x, inside) in enumerate(zip(node.operands, loop.body.inputs, strict=True)):
        at = plan.memory.input_slots + i
        if i < loop.carried:
            let(at, memory.address(outputs[i], node.settings["starts"][i]))
            continue
        if not inside.size:  # (nothing reads it)
            continue
        root, offset, strides = root_of(x)
        stepped = loop.stepped[i - loop.carried]
        require_layout(x, strides[1:] if stepped else strides, inside)
        let(at, memory.address(root, offset))
        if stepped and strides[0]:
            moved.append((at, strides[0] * int(x.dtype.itemsize)))
    for i, x in enumerate(outputs[loop.carried :]):
        let(plan.memory.result_slots + i, memory.address(x, 0))

    def step(_: str) -> None:
        failed = code.emit_value(f"call i64 @{piece}(ptr {inner}, i64 0, i64 1)")
        code.return_when(code.emit_value(f"icmp ne i64 {failed}, 0"), f"i64 {failed}")
        for at, by in moved:
            where = place(code, inner, at)
            after = code.emit_value(f"add i64 {code.emit_value(f'load i64, ptr {where}')}, {by}")
            code.emit(f"store i64 {after}, ptr {where}")

    code.loop("0", str(loop.count), step)
    code.emit("ret i64 0")
    return code.function(f"define internal i64 @{name}(ptr %table) noinline")


def place(code: IRBuilder, table: str, slot: int) -> str:
    """The address of a slot of a table."""
    return code.emit_value(f"getelementptr i64, ptr {table}, i64 {slot}")


def require_layout(x: Node, strides: tuple[int, ...], inside: Node) -> None:
    """Raise VerificationError where an operand of a loop does not lie in memory as the body reads it."""
    if not has_layout(inside, strides):
        raise VerificationError(f"a loop reads {x.text()} with other strides: {strides}, not {inside.strides}")
