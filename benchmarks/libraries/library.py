"""The interface to all libraries: a function's value, gradient, Jacobian and Hessian, in each library's idiom."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

__all__ = ["Function", "Library", "Step", "Vocabulary", "library"]

Step = Callable[[], Any]
Function = Callable[..., Any]


class Vocabulary(type):
    """The metaclass of a namespace of functions; raises for functions that the library lacks."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # Python's own questions
        raise NotImplementedError(f"{cls.__module__.split('with_')[-1]} has no differentiable {name}")


class Library:
    """A library: its functions, in which programs are written, and the derivatives that it supports.

    A program takes the library's own arrays and returns one. What the methods return is a step: a
    function of no arguments that computes from `arrays`, which are given once, and has finished when it
    returns.
    """

    functions: ClassVar[Any]  # namespace of the functions in `benchmarks.problems`, by NumPy's names

    def constant(self, array: Any) -> Any:
        """Return a constant array for use in programs."""
        return array

    def forward(self, program: Function, arrays: Sequence[Any]) -> Step:
        """Compute the program's value, recorded for the gradient."""
        raise NotImplementedError("no forward pass here")

    def gradient(self, program: Function, arrays: Sequence[Any]) -> Step:
        """Compute the value, and the gradients of its sum. Writes into the arrays between calls take effect."""
        raise NotImplementedError("no gradient here")

    def jacobian(self, program: Function, array: Any) -> Step:
        """Compute the Jacobian of a vector's program."""
        raise NotImplementedError("no Jacobian here")

    def hessian(self, program: Function, array: Any) -> Step:
        """Compute the Hessian of a program whose value is a number."""
        raise NotImplementedError("no Hessian here")

    def repeat(self, function: Function, state: Any, count: int) -> Any:
        """Apply a function `count` times, inside a program."""
        for _ in range(count):
            state = function(state)
        return state


def library(name: str) -> Library:
    """Import a library, and return it behind its interface."""
    module = importlib.import_module(f"benchmarks.libraries.with_{name.removesuffix('-compiled')}")
    found = module.Compiled() if name.endswith("-compiled") else module.Eager()
    assert isinstance(found, Library)
    return found
