"""autograd, through its namespace autograd.numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.differential_operators import make_vjp
from autograd.scipy.special import logsumexp

from benchmarks.libraries.library import Function, Library, Step, Vocabulary


class Functions(metaclass=Vocabulary):
    matmul = anp.matmul
    exp, log, sin, tanh = anp.exp, anp.log, anp.sin, anp.tanh
    sum, mean, var, max, cumsum, sort = anp.sum, anp.mean, anp.var, anp.max, anp.cumsum, anp.sort
    where, reshape, transpose, concatenate = anp.where, anp.reshape, anp.transpose, anp.concatenate
    einsum, solve, maximum = anp.einsum, anp.linalg.solve, anp.maximum
    logsumexp = staticmethod(logsumexp)


class Eager(Library):
    functions = Functions

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        recorded = make_vjp(program, tuple(range(len(arrays))))
        return lambda: recorded(*arrays)[1]

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        recorded = make_vjp(program, tuple(range(len(arrays))))

        def step() -> Any:
            back, y = recorded(*arrays)
            return y, *back(np.ones(np.shape(y)))

        return step

    def jacobian(self, program: Function, array: Any) -> Step:
        jacobian = autograd.jacobian(program)
        return lambda: jacobian(array)

    def hessian(self, program: Function, array: Any) -> Step:
        hessian = autograd.hessian(program)
        return lambda: hessian(array)
