"""Kernels whose code is a kernel form."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.interpreter import Window
from wengert.compiler.graph.kernel import Kernel
from wengert.compiler.kernels.ir import Form
from wengert.compiler.kernels.ir_builder import Builder
from wengert.compiler.kernels.ir_interpreter import interpreted

__all__ = ["FormKernel"]


class FormKernel(Kernel):
    """A kernel that is built in the kernel form: native code is rendered from it, and the reference interprets it."""

    keeps_layout = False  # whether operands are read by their strides, else in C order

    @abstractmethod
    def build(self, b: Builder) -> None:
        """Add the statements."""

    def form(self) -> Form:
        b = Builder(self.name)
        self.build(b)
        return b.form()

    def evaluate(self, node: Node, operands: list[Any]) -> Any:
        result = np.empty(node.shape or (), node.dtype)
        memory = [memory_of(x if self.keeps_layout else np.ascontiguousarray(x)) for x in operands]
        whole = np.full(result.nbytes, 0xFF, np.uint8)
        interpreted(self.form(), [*memory, (whole, 0)], self.iterations, self.scratch)
        return whole.view(node.dtype).reshape(node.shape or ())


def memory_of(array: Any) -> tuple[Any, int]:
    """The bytes of an array, gaps included, and the offset of its first element."""
    if array.flags.c_contiguous:
        return array.reshape(-1).view(np.uint8), 0
    low, high = np.lib.array_utils.byte_bounds(array)
    offset = array.__array_interface__["data"][0] - low
    return np.asarray(Window(array, -offset, (high - low,), (1,), np.dtype(np.uint8))), offset
