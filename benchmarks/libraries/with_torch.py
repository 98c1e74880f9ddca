"""PyTorch, eager and by torch.compile."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.libraries.library import Function, Library, Step, Vocabulary

torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


class Functions(metaclass=Vocabulary):
    matmul = torch.matmul
    exp, log, sin, tanh, where, reshape = torch.exp, torch.log, torch.sin, torch.tanh, torch.where, torch.reshape
    einsum, solve, concatenate = torch.einsum, torch.linalg.solve, torch.concatenate

    @staticmethod
    def sum(x: Any, axis: Any = None) -> Any:
        return torch.sum(x) if axis is None else torch.sum(x, axis)

    @staticmethod
    def mean(x: Any) -> Any:
        return torch.mean(x)

    @staticmethod
    def var(x: Any, axis: int) -> Any:
        return torch.var(x, axis, correction=0)

    @staticmethod
    def max(x: Any, axis: int) -> Any:
        return torch.max(x, axis)[0]  # to the first of equals, as in NumPy

    @staticmethod
    def cumsum(x: Any) -> Any:
        return torch.cumsum(x, 0)

    @staticmethod
    def sort(x: Any) -> Any:
        return torch.sort(x)[0]

    @staticmethod
    def transpose(x: Any) -> Any:
        return x.T

    @staticmethod
    def logsumexp(x: Any, axis: int) -> Any:
        return torch.logsumexp(x, axis)

    @staticmethod
    def maximum(x: Any, bound: float) -> Any:
        return torch.clamp(x, min=bound)


class Eager(Library):
    functions = Functions

    def constant(self, array: Any) -> Any:
        return torch.from_numpy(array)

    def program(self, program: Function) -> Function:
        return program

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [torch.from_numpy(array).requires_grad_() for array in arrays]
        program = self.program(program)
        return lambda: program(*xs)

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        xs = [torch.from_numpy(array).requires_grad_() for array in arrays]
        program = self.program(program)

        def step() -> Any:
            y = program(*xs)
            return y.detach(), *torch.autograd.grad(y, xs, torch.ones_like(y))

        return step

    def jacobian(self, program: Function, array: Any) -> Step:
        x = torch.from_numpy(array)
        jacobian = self.program(torch.func.jacrev(program))
        return lambda: jacobian(x)

    def hessian(self, program: Function, array: Any) -> Step:
        x = torch.from_numpy(array)
        hessian = self.program(torch.func.hessian(program))
        return lambda: hessian(x)


class Compiled(Eager):
    """The same programs, by torch.compile."""

    def __init__(self) -> None:
        importlib.import_module("torch._inductor.compile_fx")  # else imported by the first call

    def program(self, program: Function) -> Function:
        return torch.compile(program)  # type: ignore[no-any-return]
