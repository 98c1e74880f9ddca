"""The cells of recurrent networks: a step from the pre-activations of its gates to the new states, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.kernels.ir import Value
from wengert.compiler.kernels.ir_builder import Builder

__all__ = ["CELLS", "Cell"]


def sigmoid_gradient(y: Any, gy: Any) -> Any:
    """The gradient with respect to the argument of a sigmoid, whose result is `y`."""
    return gy * (y * (1 - y))


def tanh_gradient(y: Any, gy: Any) -> Any:
    """The gradient with respect to the argument of a tanh, whose result is `y`."""
    return gy * (1 - y * y)


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

    def forward(self, b: Builder, sums: list[Value], before: list[Value]) -> tuple[list[Any], list[Any]]:
        """The saved values, and the states after the step."""
        raise NotImplementedError

    def backward(
        self, b: Builder, grads: list[Value], kept: list[Value], before: list[Value], after: list[Value]
    ) -> tuple[list[Any], list[Any]]:
        """The gradients of the pre-activations; and of the states before the step, without their part through these.

        (None stands for 0.)
        """
        raise NotImplementedError


class LstmCell(Cell):
    name, gates, sums, kept, states, sum_gradients = "lstm", 4, 4, 4, 2, 4
    of_input = of_state = input_order = (0, 1, 2, 3)

    def forward(self, b: Builder, sums: list[Value], before: list[Value]) -> tuple[list[Any], list[Any]]:
        i, f, o = (b.function("sigmoid", sums[n]) for n in (0, 1, 3))
        g = b.apply(np.tanh, sums[2])
        c = b.fma(f, before[1], i * g)
        return [i, f, g, o], [o * b.apply(np.tanh, c), c]

    def backward(
        self, b: Builder, grads: list[Value], kept: list[Value], before: list[Value], after: list[Value]
    ) -> tuple[list[Any], list[Any]]:
        (gh, gc), (i, f, g, o) = grads, kept
        tanh_c = b.apply(np.tanh, after[1])
        gc = gc + tanh_gradient(tanh_c, gh * o)
        sum_gradients = [
            sigmoid_gradient(i, gc * g),
            sigmoid_gradient(f, gc * before[1]),
            tanh_gradient(g, gc * i),
            sigmoid_gradient(o, gh * tanh_c),
        ]
        return sum_gradients, [None, gc * f]


class GruCell(Cell):
    name, gates, sums, kept, states, sum_gradients = "gru", 3, 4, 4, 1, 4
    of_input, of_state = (0, 1, 2), (0, 1, 3)
    input_order, first_of_state = (2, 0, 1), 1

    def forward(self, b: Builder, sums: list[Value], before: list[Value]) -> tuple[list[Any], list[Any]]:
        r, z = b.function("sigmoid", sums[0]), b.function("sigmoid", sums[1])
        n = b.apply(np.tanh, b.fma(r, sums[3], sums[2]))
        return [r, z, n, sums[3]], [b.fma(z, before[0] - n, n)]

    def backward(
        self, b: Builder, grads: list[Value], kept: list[Value], before: list[Value], after: list[Value]
    ) -> tuple[list[Any], list[Any]]:
        (gh,), (r, z, n, of_state) = grads, kept
        carried = gh * z
        gz = sigmoid_gradient(z, gh * (before[0] - n))
        gn = tanh_gradient(n, gh - carried)
        gr = sigmoid_gradient(r, gn * of_state)
        return [gn, gr, gz, gn * r], [carried]


class RnnCell(Cell):
    gates, sums, kept, states, sum_gradients = 1, 1, 0, 1, 1
    of_input = of_state = input_order = (0,)

    def __init__(self, nonlinearity: str) -> None:
        self.name, self.nonlinearity = f"rnn of {nonlinearity}", nonlinearity

    def forward(self, b: Builder, sums: list[Value], before: list[Value]) -> tuple[list[Any], list[Any]]:
        return [], [b.apply(np.tanh, sums[0]) if self.nonlinearity == "tanh" else b.apply(np.maximum, sums[0], 0)]

    def backward(
        self, b: Builder, grads: list[Value], kept: list[Value], before: list[Value], after: list[Value]
    ) -> tuple[list[Any], list[Any]]:
        (gh,), (h,) = grads, after
        if self.nonlinearity == "tanh":
            return [tanh_gradient(h, gh)], [None]
        return [b.select(b.apply(np.greater, h, 0), gh, 0)], [None]


CELLS: dict[str, Cell] = {"lstm": LstmCell(), "gru": GruCell(), "tanh": RnnCell("tanh"), "relu": RnnCell("relu")}
