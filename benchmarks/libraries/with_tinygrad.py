"""tinygrad, every step under TinyJit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad import Device, Tensor, TinyJit

from benchmarks.libraries.library import Function, Library, Step, Vocabulary


class Functions(metaclass=Vocabulary):
    matmul = Tensor.matmul
    exp, log, sin, tanh = Tensor.exp, Tensor.log, Tensor.sin, Tensor.tanh
    sum, mean, cumsum, logsumexp = Tensor.sum, Tensor.mean, Tensor.cumsum, Tensor.logsumexp
    max, maximum, transpose, einsum = Tensor.max, Tensor.maximum, Tensor.transpose, Tensor.einsum
    reshape = Tensor.reshape

    @staticmethod
    def where(condition: Any, a: Any, b: Any) -> Any:
        return condition.where(a, b)

    @staticmethod
    def concatenate(parts: Sequence[Any]) -> Any:
        return Tensor.cat(*parts)

    @staticmethod
    def sort(x: Any) -> Any:
        return x.sort()[0]

    @staticmethod
    def var(x: Any, axis: int) -> Any:
        return x.var(axis, correction=0)


class Eager(Library):
    functions = Functions

    def constant(self, array: Any) -> Any:
        return Tensor(array).realize()

    def jitted(self, function: Function, arrays: Sequence[Any]) -> Step:
        xs = [Tensor(array).realize() for array in arrays]

        def realized() -> Any:
            results = function(*xs)
            Tensor.realize(*results)
            return results

        step, device = TinyJit(realized), Device[Device.DEFAULT]

        def finished() -> Any:
            results = step()
            device.synchronize()
            return results

        return finished

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        return self.jitted(lambda *xs: (program(*xs),), arrays)

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        def both(*xs: Any) -> Any:
            y = program(*xs)
            return y, *y.gradient(*xs, gradient=Tensor.ones_like(y))

        return self.jitted(both, arrays)
