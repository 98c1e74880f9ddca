"""DeZero, from a checkout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dezero
import dezero.functions as F

from benchmarks.libraries.library import Function, Library, Step, Vocabulary


class Functions(metaclass=Vocabulary):
    matmul = F.matmul
    exp, log, sin, tanh = F.exp, F.log, F.sin, F.tanh
    sum, mean, max = F.sum, F.mean, F.max
    reshape, transpose = F.reshape, F.transpose

    @staticmethod
    def maximum(x: Any, bound: float) -> Any:
        if bound != 0:
            raise NotImplementedError("DeZero has no maximum, but relu")
        return F.relu(x)


class Eager(Library):
    functions = Functions

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [dezero.Variable(array) for array in arrays]
        return lambda: program(*xs)

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [dezero.Variable(array) for array in arrays]

        def step() -> Any:
            y = program(*xs)
            for x in xs:
                x.cleargrad()
            y.backward()
            return y.data, *(x.grad.data for x in xs)

        return step
