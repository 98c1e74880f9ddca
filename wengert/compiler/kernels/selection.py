"""Where a mask is true: positions of which only the run knows how many there are.

A plan is for one number of them. The kernel writes no more, and says how many it has found, which a guard compares.
"""

from __future__ import annotations

from wengert.compiler.graph.build import strided
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir import BOOL, INDEX
from wengert.compiler.kernels.ir_builder import Builder

__all__ = ["true_positions"]

STEP = 1.0  # nanoseconds of an element


def true_positions(mask: Node, count: int, line: str = "") -> tuple[Node, Node]:
    """The positions of the first `count` true elements of a flat mask, and the number of all of them."""
    node = kernel_node(TruePositions(mask.size, count), (mask,), (count + 1,), INDEX, line)
    return strided(node, (count,), (1,), 0, line), strided(node, (), (), count, line)


class TruePositions(FormKernel):
    """The positions (0 in place of missing ones), then the number of true elements."""

    name = "nonzero"

    def __init__(self, length: int, count: int) -> None:
        self.length, self.count = length, count
        self.key = (length, count)
        self.nanoseconds = length * STEP + count / 4

    def build(self, b: Builder) -> None:
        mask, out = b.operand(0, BOOL), b.operand(1, INDEX)
        total = b.register(INDEX, 0)
        with b.loop(0, self.count) as i:
            out[i] = 0
        with b.loop(0, self.length) as i:
            now, is_true = total.get(), mask[i]
            # (written in any case, which takes no branch: the next one overwrites what is not true)
            out[b.index("min", now, self.count)] = b.select(is_true, i, 0)
            total.set(now + b.convert(is_true, INDEX))
        out[self.count] = total.get()
