"""Fuse relu into the kernels before it: a relu after a convolution, and its mask after the gradient of a pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Graph, Node
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.convolution.forward import Convolution
from wengert.compiler.kernels.pooling import MaximumBackward

__all__ = ["fuse_relu"]


def fuse_relu(graph: Graph) -> Graph:
    """Fuse where the intermediate value has no other user."""
    if not any(isinstance(node.settings.get("kernel"), (Convolution, MaximumBackward)) for node in graph):
        return graph
    users, kept = graph.users(), graph.kept()

    def change(node: Node, operands: tuple[Node, ...]) -> Node:
        inner = node.operands[-1] if node.operands else None
        if (
            inner is None
            or inner.op != "kernel"
            or len(users[inner]) != 1
            or inner in kept
            or inner.dtype != node.dtype
        ):
            return node.copy(operands)
        kernel = operands[-1].settings["kernel"]
        if is_ufunc_with_zero(node, np.maximum) and isinstance(kernel, Convolution) and not kernel.relu:
            return with_kernel(operands[-1], Convolution(kernel.setting, kernel.bias, True))
        if (
            node.op == "select"
            and node.settings["numbers"][:2] == (None, None)
            and is_zero(node.settings["numbers"][2])
            and isinstance(kernel, MaximumBackward)
            and kernel.windows.interleaved
            and not kernel.relu
            and is_ufunc_with_zero(operands[0], np.greater)
            and operands[0].settings["numbers"][0] is None
            and operands[0].operands[0] is operands[-1].operands[0]
        ):
            return with_kernel(operands[-1], MaximumBackward(kernel.iterations, kernel.axes, kernel.dtype, True))
        return node.copy(operands)

    return graph.replaced(change)


def with_kernel(node: Node, kernel: Any) -> Node:
    return kernel_node(kernel, node.operands, node.shape or (), node.dtype, node.line)


def is_ufunc_with_zero(node: Node, ufunc: np.ufunc) -> bool:
    """Whether a node is this ufunc of an array and 0."""
    if node.op != "elementwise" or node.settings["ufunc"] is not ufunc or len(node.operands) != 1:
        return False
    return sum(is_zero(number) for number in node.settings["numbers"]) == 1


def is_zero(number: Any) -> bool:
    return type(number) in (int, float) and number == 0
