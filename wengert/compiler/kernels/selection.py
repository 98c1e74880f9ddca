"""Where a mask is true: positions of which only the run knows how many there are.

A plan is for one number of them. The kernel writes no more, and says how many it has found, which a guard compares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import strided
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import Kernel, kernel_node
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["true_positions"]

INT = np.dtype(np.int64)
STEP = 1.0  # nanoseconds of an element


def true_positions(mask: Node, count: int, line: str = "") -> tuple[Node, Node]:
    """The positions of the first `count` true elements of a flat mask, and the number of all of them."""
    node = kernel_node(TruePositions(mask.size, count), (mask,), (count + 1,), INT, line)
    return strided(node, (count,), (1,), 0, line), strided(node, (), (), count, line)


class TruePositions(Kernel):
    """The positions (0 in place of missing ones), then the number of true elements."""

    name = "nonzero"

    def __init__(self, length: int, count: int) -> None:
        self.length, self.count = length, count
        self.key = (length, count)
        self.nanoseconds = length * STEP + count / 4

    def compute(self, mask: Any) -> Any:
        found = np.zeros(self.count + 1, INT)
        places = np.flatnonzero(mask)
        found[: min(len(places), self.count)] = places[: self.count]
        found[self.count] = len(places)
        return found

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        total = code.variable("i64")
        code.emit(f"store i64 0, ptr {total}")
        code.loop("0", str(self.count), lambda i: code.store("0", INT, "%p1", i))

        def one(i: str) -> None:
            now = code.emit_value(f"load i64, ptr {total}")
            fits = code.emit_value(f"icmp slt i64 {now}, {self.count}")
            place = code.emit_value(f"select i1 {fits}, i64 {now}, i64 {self.count}")
            there = code.load(np.dtype(bool), "%p0", i)
            # (written in any case, which takes no branch: the next one overwrites what is not true)
            value = code.emit_value(f"select i1 {there}, i64 {i}, i64 0")
            code.store(value, INT, "%p1", place)
            step = code.emit_value(f"zext i1 {there} to i64")
            code.emit(f"store i64 {code.emit_value(f'add nsw i64 {now}, {step}')}, ptr {total}")

        code.loop("0", str(self.length), one)
        code.store(code.emit_value(f"load i64, ptr {total}"), INT, "%p1", str(self.count))
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, i64 %first, i64 %last, i64 %thread, ptr %scratch)")
