"""Kernel: a node that native code of its own computes, neither loops nor one product: a convolution, a recurrence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from typing import Any

from wengert.compiler.graph.build import root_of
from wengert.compiler.graph.graph import Node, c_strides

__all__ = ["Kernel", "in_c_order", "kernel_node"]


class Kernel(ABC):
    """How one array is computed of others, which lie in C order as it does.

    Threads share its iterations, and no two of them may write to one element: where gradients of weights are sums
    over what threads share, give a part for each share, and add the parts by a reduction. How many shares there
    are must not depend on how many threads run, so that sums are the same.

    Attributes
    ----------
    name : str
        As the plan shows it.
    key : hashable
        Two kernels of equal keys and operands have one value.
    iterations : int
        What threads share: each computes those from `first` to `last`.
    nanoseconds : float
        About how long it takes on one thread.
    flops : int
    scratch : int
        Bytes of memory of its own that each thread needs.
    largest_product : int
        Operations of the largest call of BLAS in it; 0 if there is none.
    """

    name: str
    key: Hashable
    iterations: int = 1
    nanoseconds: float = 0.0
    flops: int = 0
    scratch: int = 0
    largest_product: int = 0

    @abstractmethod
    def text(self, declarations: dict[str, str]) -> str:
        """The native function, without its name.

        It is ``(ptr %p0, ..., ptr %pn, i64 %first, i64 %last, i64 %thread, ptr %scratch)``: the operands, and last
        the result.
        """

    @abstractmethod
    def compute(self, *operands: Any) -> Any:
        """The same by NumPy: the reference."""

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
    """A kernel's node with operands that lie in C order: copied where they do not."""
    operands = tuple(x if lies_in_c_order(x) else copied(x) for x in node.operands)
    return node if operands == node.operands else kernel_node(
        node.settings["kernel"], operands, node.shape or (), node.dtype, node.line
    )  # fmt: skip


def lies_in_c_order(x: Node) -> bool:
    root, _, strides = root_of(x)
    if root.op == "constant" and x.op != "view":
        return True
    shape = x.shape or ()
    return all(n == 1 or s == c for n, s, c in zip(shape, strides, c_strides(shape), strict=True))


def copied(x: Node) -> Node:
    return Node("convert", (x,), {}, x.shape, x.dtype, line=x.line)
