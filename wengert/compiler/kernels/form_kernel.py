"""Kernels whose code is a kernel form."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.kernel import Kernel
from wengert.compiler.kernels.ir import Builder, Form
from wengert.compiler.kernels.ir_interpreter import interpreted

__all__ = ["FormKernel"]


class FormKernel(Kernel):
    """A kernel that is built in the kernel form: native code is rendered from it, and the reference interprets it."""

    @abstractmethod
    def build(self, b: Builder) -> None:
        """Add the statements."""

    def form(self) -> Form:
        b = Builder(self.name)
        self.build(b)
        return b.form()

    def evaluate(self, node: Node, operands: list[Any]) -> Any:
        result = np.empty(node.shape or (), node.dtype)
        memory = [(np.ascontiguousarray(x).reshape(-1).view(np.uint8), 0) for x in operands]
        whole = np.full(result.nbytes, 0xFF, np.uint8)
        interpreted(self.form(), [*memory, (whole, 0)], self.iterations, self.scratch)
        return whole.view(node.dtype).reshape(node.shape or ())
