"""Callables of `call` nodes that are no NumPy functions: methods, indexing, writes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graph.graph import Slot

__all__ = ["Method", "Mutation", "bound", "calling", "get_item", "power", "set_item"]


class Method:
    """A method of ndarray as a function of the array."""

    def __init__(self, name: str) -> None:
        self.name = self.__name__ = name

    def __call__(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(array, self.name)(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return type(other) is Method and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


class Mutation:
    """The pure form of a function that writes into its first argument: it returns a modified copy."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = f"written by {getattr(function, '__name__', function)}"

    def __call__(self, array: Any, *args: Any, **kwargs: Any) -> Any:
        written = np.array(array)
        self.function(written, *args, **kwargs)
        return written

    def __eq__(self, other: object) -> bool:
        return type(other) is Mutation and other.function == self.function

    def __hash__(self) -> int:
        return hash(self.function)


def set_item(array: Any, index: Any, value: Any) -> None:
    """``array[index] = value``."""
    array[index] = value


def get_item(array: Any, index: Any) -> Any:
    """``array[index]``."""
    return array[index]


def power(a: Any, b: Any) -> Any:
    """``a ** b``, which for an ndarray has shortcuts that np.power has not."""
    return a**b


def calling(function: Any, *arguments: Any) -> dict[str, Any]:
    """The settings of a `call` of `function`; by default of its one operand."""
    return {"function": function, "arguments": arguments or (Slot(0),), "keywords": {}}


@functools.cache
def bound(ufunc: np.ufunc, method: str) -> Any:
    """A method of a ufunc, cached so that it is the same object each time."""
    return getattr(ufunc, method)
