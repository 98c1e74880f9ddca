"""What has no rule in LLVM is computed by the inner loops of ufuncs.

This is the last pass: the loops take their operands by strides, so that no operand may be replaced by one with
another layout afterwards.
"""

from __future__ import annotations

from wengert.compiler.graph.build import with_operands
from wengert.compiler.graph.graph import Graph, Node, NotLowered
from wengert.compiler.graph.ufuncs import identity_of, is_native
from wengert.compiler.kernels.fold import reduced_by_loop
from wengert.compiler.kernels.generalized_loop import product_by_loop
from wengert.compiler.kernels.inner_loop import elementwise_by_loop, with_shape
from wengert.compiler.targets.llvm.blas_call import is_product
from wengert.compiler.targets.llvm.llvm_ufuncs import native_ufunc

__all__ = ["by_inner_loops"]


def by_inner_loops(graph: Graph) -> Graph:
    """Replace the nodes that fused loops cannot compute."""
    return graph.replaced(replace) if any(needs_loop(node) for node in graph) else graph


def needs_loop(node: Node) -> bool:
    """Whether a node is computed by ufuncs, but not in fused loops."""
    if node.op not in ("elementwise", "reduce", "matmul") or 0 in (node.size, *(x.size for x in node.operands)):
        return False
    if node.op == "matmul":
        return not is_product(node)
    if not all(is_native(x.dtype) for x in (node, *node.operands)):
        return True
    if node.op == "reduce":
        return identity_of(node.settings["ufunc"], node.dtype) is None
    dtypes = node.settings["dtypes"]
    return dtypes is not None and native_ufunc(node.settings["ufunc"], dtypes) is None


def replace(node: Node, operands: tuple[Node, ...]) -> Node:
    if not needs_loop(node):
        return with_operands(node, operands)
    try:
        if node.op == "matmul":
            return product_by_loop(node, operands)
        if node.op == "reduce":
            return with_shape(reduced_by_loop(node, operands[0]), node.shape or ())
        return elementwise_by_loop(node, operands)
    except NotLowered:
        return with_operands(node, operands)
