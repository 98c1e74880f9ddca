"""What has no rule in LLVM is computed by the inner loops of ufuncs.

This is the last pass: the loops take their operands by strides, so that no operand may be replaced by one with
another layout afterwards.
"""

from __future__ import annotations

from wengert.compiler.graph.build import with_operands
from wengert.compiler.graph.graph import Graph, Node, NotLowered
from wengert.compiler.graph.ufuncs import is_native
from wengert.compiler.kernels.inner_loop import elementwise_by_loop
from wengert.compiler.targets.llvm.llvm_ufuncs import native_ufunc

__all__ = ["by_inner_loops"]


def by_inner_loops(graph: Graph) -> Graph:
    """Replace the nodes that fused loops cannot compute."""
    return graph.replaced(replace) if any(needs_loop(node) for node in graph) else graph


def needs_loop(node: Node) -> bool:
    """Whether a node is computed by ufuncs, but not in fused loops."""
    if node.op != "elementwise" or node.size == 0 or node.settings["dtypes"] is None:
        return False
    if native_ufunc(node.settings["ufunc"], node.settings["dtypes"]) is None:
        return True
    return not all(is_native(x.dtype) for x in (node, *node.operands))


def replace(node: Node, operands: tuple[Node, ...]) -> Node:
    try:
        return elementwise_by_loop(node, operands) if needs_loop(node) else with_operands(node, operands)
    except NotLowered:
        return with_operands(node, operands)
