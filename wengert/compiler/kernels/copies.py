"""Kernels that copy memory as it is: pairs of real numbers as complex ones, and complex ones as pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import Kernel, kernel_node
from wengert.compiler.kernels.gather_scatter import move
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["as_complex", "as_pairs"]


class SameBytes(Kernel):
    """The bytes of an array as one of another dtype and shape."""

    name = "copy"

    def __init__(self, shape: tuple[int, ...], dtype: Any, nbytes: int) -> None:
        self.key = (shape, dtype.str)
        self.shape, self.dtype, self.nbytes = shape, dtype, nbytes
        self.nanoseconds = nbytes / 16

    def compute(self, x: Any) -> Any:
        return np.frombuffer(np.ascontiguousarray(x).tobytes(), self.dtype).reshape(self.shape)

    def text(self, declarations: dict[str, str]) -> str:
        code = IRBuilder(declarations)
        move(code, "%p1", "%p0", self.nbytes)
        code.emit("ret void")
        return code.function("(ptr %p0, ptr %p1, i64 %first, i64 %last, i64 %thread, ptr %scratch)")


def as_complex(pairs: Node, line: str = "") -> Node:
    """Complex numbers from an array whose last axis has their real and imaginary parts."""
    dtype = np.result_type(pairs.dtype, np.complex64)
    shape = (pairs.shape or ())[:-1]
    return kernel_node(SameBytes(shape, dtype, pairs.size * pairs.dtype.itemsize), (pairs,), shape, dtype, line)


def as_pairs(x: Node, line: str = "") -> Node:
    """The real and imaginary parts of complex numbers, in a last axis."""
    dtype = np.empty(0, x.dtype).real.dtype
    shape = (*(x.shape or ()), 2)
    return kernel_node(SameBytes(shape, dtype, x.size * x.dtype.itemsize), (x,), shape, dtype, line)
