"""Kernel: native code for a node that is no fused loop and no product: a convolution, a recurrence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any

from wengert.compiler.graph.build import convert, root_of
from wengert.compiler.graph.graph import Node, c_strides

__all__ = ["FLOPS_PER_NANOSECOND", "Kernel", "in_c_order", "kernel_node"]

FLOPS_PER_NANOSECOND = 40  # of products and convolutions on one thread, at least


class Kernel(ABC):
    """How an array is computed from others, all in C order.

    Those that exist are in `kernels`, and are `FormKernel`.

    Iterations are distributed over threads, and no two of them may write to the same element. Where the gradient of
    a weight is a sum over iterations, give a partial sum for each chunk of them, and add these by a reduction. The
    number of chunks must not depend on the number of threads, so that sums are deterministic.

    Attributes
    ----------
    name : str
        As the plan report shows it.
    key : hashable
        Kernels with equal keys and operands compute equal values.
    iterations : int
        The number of parallel iterations: a call computes those from `first` to `last`.
    nanoseconds : float
        Estimated time on one thread.
    flops : int
    scratch : int
        Bytes of scratch memory per thread.
    largest_product : int
        Operations of its largest BLAS call; 0 if there is none.
    overwrites : int or None
        The operand in whose memory the result may be, for a kernel that changes few of its elements.
    """

    name: str
    key: Hashable
    iterations: int = 1
    nanoseconds: float = 0.0
    flops: int = 0
    scratch: int = 0
    largest_product: int = 0
    overwrites: int | None = None

    @abstractmethod
    def form(self) -> Any:
        """Its code, as a kernel form."""

    @abstractmethod
    def evaluate(self, node: Node, operands: list[Any]) -> Any:
        """The reference: the value of a node with this kernel."""

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.key == self.key

    def __hash__(self) -> int:
        return hash((type(self), self.key))

    def __repr__(self) -> str:
        return self.name


def kernel_node(kernel: Kernel, operands: tuple[Node, ...], shape: tuple[int, ...], dtype: Any, line: str) -> Node:
    """The value that a kernel computes."""
    return Node("kernel", operands, {"kernel": kernel}, shape, dtype, line=line)


def in_c_order(node: Node) -> Node:
    """A kernel's node with its operands in C order: copied where they are not."""
    operands = tuple(x if lies_in_c_order(x) else convert(x, line=x.line) for x in node.operands)
    return node if operands == node.operands else node.copy(operands)


def lies_in_c_order(x: Node) -> bool:
    root, _, strides = root_of(x)
    if root.op == "constant" and x.op != "view":
        return True
    shape = x.shape or ()
    return all(n == 1 or s == c for n, s, c in zip(shape, strides, c_strides(shape), strict=True))
