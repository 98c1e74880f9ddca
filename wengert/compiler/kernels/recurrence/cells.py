"""The cells of recurrent networks: what a step makes of the sums that reach its gates, and the way back.

Each is written once, in terms of an arithmetic: that of NumPy, or one that writes native code.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.kernels.recurrence import activations
from wengert.compiler.targets.llvm.llvm_ir import IRBuilder

__all__ = ["CELLS", "Arithmetic", "Cell", "InCode", "InNumPy"]


class Arithmetic:
    """What cells compute with."""

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
        """The value where x is above 0, else 0."""
        raise NotImplementedError

    def by_sigmoid(self, y: Any, gy: Any) -> Any:
        """The gradient by what a sigmoid `y` is of."""
        return self.multiply(gy, self.multiply(y, self.subtract(self.one, y)))

    def by_tanh(self, y: Any, gy: Any) -> Any:
        """The gradient by what a tanh `y` is of."""
        return self.multiply(gy, self.subtract(self.one, self.multiply(y, y)))

    one: Any = 1


class InNumPy(Arithmetic):
    """The arithmetic of arrays."""

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
    """The arithmetic of native code, on as many lanes as there are."""

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
        return activations.multiply_add(self.code, self.dtype, a, b, c)

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
    """One kind of step.

    Attributes
    ----------
    gates : int
        Blocks of rows of the weights.
    sums : int
        How many sums reach it; `of_input` and `of_state` say which of them each block of the weights adds to.
    kept : int
        How many values forward keeps for backward.
    states : int
        The state h, and where there are two, the cells.
    by_sums : int
        By how many sums backward gives gradients: those of the input from the first on, in the order `input_order`
        of their blocks, those of the state from `first_of_state` on.
    """

    name: str
    gates: int
    sums: int
    of_input: tuple[int, ...]
    of_state: tuple[int, ...]
    kept: int
    states: int
    by_sums: int
    input_order: tuple[int, ...]
    first_of_state: int = 0

    def forward(self, do: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        """What is kept, and the states after the step."""
        raise NotImplementedError

    def backward(
        self, do: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        """The gradients by the sums, and those by the states before, as far as they do not pass the sums.

        (None stands for 0.)
        """
        raise NotImplementedError


class LstmCell(Cell):
    name, gates, sums, kept, states, by_sums = "lstm", 4, 4, 4, 2, 4
    of_input = of_state = input_order = (0, 1, 2, 3)

    def forward(self, do: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        i, f, g, o = do.sigmoid(sums[0]), do.sigmoid(sums[1]), do.tanh(sums[2]), do.sigmoid(sums[3])
        c = do.multiply_add(f, before[1], do.multiply(i, g))
        return [i, f, g, o], [do.multiply(o, do.tanh(c)), c]

    def backward(
        self, do: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        (gh, gc), (i, f, g, o) = grads, kept
        shown = do.tanh(after[1])
        gc = do.add(gc, do.by_tanh(shown, do.multiply(gh, o)))
        by_sums = [
            do.by_sigmoid(i, do.multiply(gc, g)),
            do.by_sigmoid(f, do.multiply(gc, before[1])),
            do.by_tanh(g, do.multiply(gc, i)),
            do.by_sigmoid(o, do.multiply(gh, shown)),
        ]
        return by_sums, [None, do.multiply(gc, f)]


class GruCell(Cell):
    name, gates, sums, kept, states, by_sums = "gru", 3, 4, 4, 1, 4
    of_input, of_state = (0, 1, 2), (0, 1, 3)
    input_order, first_of_state = (2, 0, 1), 1

    def forward(self, do: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        r, z = do.sigmoid(sums[0]), do.sigmoid(sums[1])
        n = do.tanh(do.multiply_add(r, sums[3], sums[2]))
        return [r, z, n, sums[3]], [do.multiply_add(z, do.subtract(before[0], n), n)]

    def backward(
        self, do: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        (gh,), (r, z, n, of_state) = grads, kept
        through = do.multiply(gh, z)
        by_z = do.by_sigmoid(z, do.multiply(gh, do.subtract(before[0], n)))
        by_n = do.by_tanh(n, do.subtract(gh, through))
        by_r = do.by_sigmoid(r, do.multiply(by_n, of_state))
        return [by_n, by_r, by_z, do.multiply(by_n, r)], [through]


class RnnCell(Cell):
    gates, sums, kept, states, by_sums = 1, 1, 0, 1, 1
    of_input = of_state = input_order = (0,)

    def __init__(self, nonlinearity: str) -> None:
        self.name, self.nonlinearity = f"rnn of {nonlinearity}", nonlinearity

    def forward(self, do: Arithmetic, sums: list[Any], before: list[Any]) -> tuple[list[Any], list[Any]]:
        return [], [do.tanh(sums[0]) if self.nonlinearity == "tanh" else do.relu(sums[0])]

    def backward(
        self, do: Arithmetic, grads: list[Any], kept: list[Any], before: list[Any], after: list[Any]
    ) -> tuple[list[Any], list[Any]]:
        (gh,), (h,) = grads, after
        return [do.by_tanh(h, gh) if self.nonlinearity == "tanh" else do.where_positive(h, gh)], [None]


CELLS: dict[str, Cell] = {"lstm": LstmCell(), "gru": GruCell(), "tanh": RnnCell("tanh"), "relu": RnnCell("relu")}
