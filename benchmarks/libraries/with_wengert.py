"""Wengert, with plain NumPy."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

import wengert
from benchmarks.libraries.library import Function, Library, Step, Vocabulary
from wengert import Variable
from wengert.functions import logsumexp

# Modules that the first compilation imports.
COMPILER = ("wengert.compiler.compiled", "wengert.compiler.targets.cpu.program", "llvmlite.binding")


class Functions(metaclass=Vocabulary):
    matmul = np.matmul
    exp, log, sin, tanh = np.exp, np.log, np.sin, np.tanh
    sum, mean, var, max, cumsum, sort = np.sum, np.mean, np.var, np.max, np.cumsum, np.sort
    where, reshape, transpose, concatenate = np.where, np.reshape, np.transpose, np.concatenate
    einsum, solve, maximum = np.einsum, np.linalg.solve, np.maximum
    logsumexp = staticmethod(logsumexp)


class Eager(Library):
    functions = Functions

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [Variable(array) for array in arrays]
        return lambda: program(*xs)

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [Variable(array) for array in arrays]

        def step() -> Any:
            y = program(*xs)
            for x in xs:
                x.cleargrad()
            y.backward()
            return y.data, *(x.grad for x in xs)

        return step

    def jacobian(self, program: Function, array: Any) -> Step:
        jacobian = wengert.jacobian(program)
        return lambda: jacobian(array)

    def hessian(self, program: Function, array: Any) -> Step:
        hessian = wengert.hessian(program)
        return lambda: hessian(array)


def backwards(program: Function) -> Function:
    def both(*arrays: Any) -> Any:
        xs = [Variable(array) for array in arrays]
        y = program(*xs)
        y.backward()
        return y.data, *(x.grad for x in xs)

    return both


class Compiled(Library):
    """The same programs, by the compiler."""

    functions = Functions

    def __init__(self) -> None:
        for module in COMPILER:
            importlib.import_module(module)

    def compiled(self, function: Function, arrays: Sequence[Any]) -> Step:
        step = importlib.import_module(COMPILER[0]).compile(function)
        return lambda: step(*arrays)

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        return self.compiled(program, arrays)

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        return self.compiled(backwards(program), arrays)

    def jacobian(self, program: Function, array: Any) -> Step:
        return self.compiled(wengert.jacobian(program), [array])

    def hessian(self, program: Function, array: Any) -> Step:
        return self.compiled(wengert.hessian(program), [array])
