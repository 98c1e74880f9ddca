"""Kernels that copy memory as it is: pairs of real numbers as complex ones, and complex ones as pairs."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import kernel_node
from wengert.compiler.kernels.form_kernel import FormKernel
from wengert.compiler.kernels.ir_builder import Builder

__all__ = ["as_complex", "as_pairs"]


class SameBytes(FormKernel):
    """The bytes of an array as one of another dtype and shape."""

    name = "copy"

    def __init__(self, shape: tuple[int, ...], dtype: Any, nbytes: int) -> None:
        self.key = (shape, dtype.str)
        self.nbytes, self.nanoseconds = nbytes, nbytes / 16

    def build(self, b: Builder) -> None:
        x, out = (b.operand(i, np.uint8) for i in (0, 1))
        b.copy(out, x, self.nbytes)


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
