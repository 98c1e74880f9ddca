"""The cells of recurrent networks: a step from the pre-activations of its gates to the new states, and its gradient.

Each is written once, in terms of an `Arithmetic`: that of NumPy, or one that emits native code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.targets.llvm import gates as activations
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder
from wengert.compiler.targets.llvm.vector_registers import multiply_add

__all__ = ["CELLS", "Arithmetic", "Cell", "InCode", "InNumPy"]


class Arithmetic:
    """The operations that cells are written in."""

    def add(self, a: Any, b: Any) -> Any:
        return a + b

    def subtract(self, a: Any, b: Any) -> Any:
        return a - b

    def multiply(self, a: Any, b: Any) -> Any:
        return a * b

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        return a * b + c

    def sigmoid(self, x: Any) -> Any:
        raise NotImplementedError

    def tanh(self, x: Any) -> Any:
        raise NotImplementedError

    def relu(self, x: Any) -> Any:
        raise NotImplementedError

    def where_positive(self, x: Any, value: Any) -> Any:
        """The value where x > 0, else 0."""
        raise NotImplementedError

    def sigmoid_gradient(self, y: Any, gy: Any) -> Any:
        """The gradient with respect to the argument of a sigmoid, whose result is `y`."""
        return self.multiply(gy, self.multiply(y, self.subtract(self.one, y)))

    def tanh_gradient(self, y: Any, gy: Any) -> Any:
        """The gradient with respect to the argument of a tanh, whose result is `y`."""
        return self.multiply(gy, self.subtract(self.one, self.multiply(y, y)))

    one: Any = 1


class InNumPy(Arithmetic):
    """Arithmetic on arrays."""

    def sigmoid(self, x: Any) -> Any:
        with np.errstate(over="ignore"):
            return 1 / (1 + np.exp(-x))

    def tanh(self, x: Any) -> Any:
        return np.tanh(x)

    def relu(self, x: Any) -> Any:
        return np.maximum(x, 0)

    def where_positive(self, x: Any, value: Any) -> Any:
        return np.where(x > 0, value, 0)


class InCode(Arithmetic):
    """Arithmetic that emits native code for the current number of lanes."""

    def __init__(self, code: IRBuilder, dtype: Any) -> None:
        self.code, self.dtype = code, dtype

    @property
    def one(self) -> str:
        return self.code.number(1, self.dtype)

    def add(self, a: str, b: str) -> str:
        return self.code.op("fadd", self.dtype, a, b)

    def subtract(self, a: str, b: str) -> str:
        return self.code.op("fsub", self.dtype, a, b)

    def multiply(self, a: str, b: str) -> str:
        return self.code.op("fmul", self.dtype, a, b)

    def multiply_add(self, a: str, b: str, c: str) -> str:
        return multiply_add(self.code, self.dtype, a, b, c)

    def sigmoid(self, x: str) -> str:
        return activations.sigmoid(self.code, self.dtype, x)

    def tanh(self, x: str) -> str:
        return activations.tanh(self.code, self.dtype, x)

    def relu(self, x: str) -> str:
        return activations.relu(self.code, self.dtype, x)

    def where_positive(self, x: str, value: str) -> str:
        zero = self.code.number(0, self.dtype)
        return self.code.choose(self.code.compare("ogt", self.dtype, x, zero), self.dtype, value, zero)


class Cell:
    """A cell.

    Attributes
    ----------
    gates : int
        Blocks of rows of the weights.
    sums : int
        The number of pre-activations; `of_input` and `of_state` list those that each block of the weights adds to.
    kept : int
        The number of values that forward saves for backward.
    states : int
        1 for the state h, 2 with the cell state c.
    sum_gradients : int
        The number of gradients with respect to pre-activations that backward computes: those of the input come
        first, in the order `input_order` of their blocks, those of the state begin at `first_of_state`.
    """

    name: str
    gates: int
    sums: int
    of_input: tuple[int, ...]
    of_state: tuple[int, ...]
    kept: int
    states: int
    sum_gradients: int
    input_order: tuple[int, ...]
    first_of_state: int = 0

    def forward(self, ops: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        """The saved values, and the states after the step."""
        raise NotImplementedError

    def backward(
        self, ops: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        """The gradients of the pre-activations; and of the states before the step, without their part through these.

        (None stands for 0.)
        """
        raise NotImplementedError


class LstmCell(Cell):
    name, gates, sums, kept, states, sum_gradients = "lstm", 4, 4, 4, 2, 4
    of_input = of_state = input_order = (0, 1, 2, 3)

    def forward(self, ops: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        i, f, g, o = ops.sigmoid(sums[0]), ops.sigmoid(sums[1]), ops.tanh(sums[2]), ops.sigmoid(sums[3])
        c = ops.multiply_add(f, before[1], ops.multiply(i, g))
        return [i, f, g, o], [ops.multiply(o, ops.tanh(c)), c]

    def backward(
        self, ops: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        (gh, gc), (i, f, g, o) = grads, kept
        tanh_c = ops.tanh(after[1])
        gc = ops.add(gc, ops.tanh_gradient(tanh_c, ops.multiply(gh, o)))
        sum_gradients = [
            ops.sigmoid_gradient(i, ops.multiply(gc, g)),
            ops.sigmoid_gradient(f, ops.multiply(gc, before[1])),
            ops.tanh_gradient(g, ops.multiply(gc, i)),
            ops.sigmoid_gradient(o, ops.multiply(gh, tanh_c)),
        ]
        return sum_gradients, [None, ops.multiply(gc, f)]


class GruCell(Cell):
    name, gates, sums, kept, states, sum_gradients = "gru", 3, 4, 4, 1, 4
    of_input, of_state = (0, 1, 2), (0, 1, 3)
    input_order, first_of_state = (2, 0, 1), 1

    def forward(self, ops: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        r, z = ops.sigmoid(sums[0]), ops.sigmoid(sums[1])
        n = ops.tanh(ops.multiply_add(r, sums[3], sums[2]))
        return [r, z, n, sums[3]], [ops.multiply_add(z, ops.subtract(before[0], n), n)]

    def backward(
        self, ops: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        (gh,), (r, z, n, of_state) = grads, kept
        carried = ops.multiply(gh, z)
        gz = ops.sigmoid_gradient(z, ops.multiply(gh, ops.subtract(before[0], n)))
        gn = ops.tanh_gradient(n, ops.subtract(gh, carried))
        gr = ops.sigmoid_gradient(r, ops.multiply(gn, of_state))
        return [gn, gr, gz, ops.multiply(gn, r)], [carried]


class RnnCell(Cell):
    gates, sums, kept, states, sum_gradients = 1, 1, 0, 1, 1
    of_input = of_state = input_order = (0,)

    def __init__(self, nonlinearity: str) -> None:
        self.name, self.nonlinearity = f"rnn of {nonlinearity}", nonlinearity

    def forward(self, ops: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        return [], [ops.tanh(sums[0]) if self.nonlinearity == "tanh" else ops.relu(sums[0])]

    def backward(
        self, ops: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        (gh,), (h,) = grads, after
        return [ops.tanh_gradient(h, gh) if self.nonlinearity == "tanh" else ops.where_positive(h, gh)], [None]


CELLS: dict[str, Cell] = {"lstm": LstmCell(), "gru": GruCell(), "tanh": RnnCell("tanh"), "relu": RnnCell("relu")}
