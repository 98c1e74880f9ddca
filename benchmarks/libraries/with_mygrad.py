"""MyGrad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mygrad

from benchmarks.libraries.library import Function, Library, Step, Vocabulary


class Functions(metaclass=Vocabulary):
    matmul = mygrad.matmul
    exp, log, sin, tanh = mygrad.exp, mygrad.log, mygrad.sin, mygrad.tanh
    sum, mean, var, max, cumsum = mygrad.sum, mygrad.mean, mygrad.var, mygrad.max, mygrad.cumsum
    where, reshape, transpose, concatenate = mygrad.where, mygrad.reshape, mygrad.transpose, mygrad.concatenate
    einsum, maximum = mygrad.einsum, mygrad.maximum


class Eager(Library):
    functions = Functions

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [mygrad.tensor(array, copy=False) for array in arrays]
        return lambda: program(*xs)

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [mygrad.tensor(array, copy=False) for array in arrays]

        def step() -> Any:
            y = program(*xs)
            y.backward()
            return y.data, *(x.grad for x in xs)

        return step
