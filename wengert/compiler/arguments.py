"""The arguments of a compiled function: which kinds of values are among them, and how they are arranged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from wengert.compiler.capture.outputs import Outside
from wengert.core.node import maker_of
from wengert.core.variable import Variable

__all__ = ["arrangement", "detached", "has_float", "has_variable", "is_inside", "rearranged"]


def is_inside(value: Any) -> bool:
    """Whether some argument belongs to an outer graph or transform: a computed Variable, or another array type."""
    if isinstance(value, (list, tuple)):
        return any(map(is_inside, value))
    if isinstance(value, dict):
        return any(map(is_inside, value.values()))
    if isinstance(value, Variable):
        return type(maker_of(value)) not in (type(None), Outside)
    return hasattr(value, "__array_function__") and not isinstance(value, np.ndarray)


def has_float(value: Any) -> bool:
    """Whether there is a float among nested arguments."""
    if isinstance(value, (list, tuple)):
        return any(map(has_float, value))
    return any(map(has_float, value.values())) if isinstance(value, dict) else type(value) is float


def has_variable(value: Any) -> bool:
    """Whether there is a Variable among nested arguments."""
    if isinstance(value, (list, tuple)):
        return any(map(has_variable, value))
    return any(map(has_variable, value.values())) if isinstance(value, dict) else isinstance(value, Variable)


def detached(value: Any) -> Any:
    """Nested arguments with leaves of a graph in place of computed Variables."""
    leaves: list[Any] = []
    form = arrangement(value, leaves)
    return rearranged(form, iter(leaves), lambda _, x: x.detach() if isinstance(x, Variable) and is_inside(x) else x)


def arrangement(value: Any, leaves: list[Any]) -> Any:
    """Append what nested lists, tuples and dicts hold to `leaves`; return how it is arranged, with the types."""
    kind = type(value)
    if kind is dict:
        return kind, tuple([arrangement(part, leaves) for part in value.values()]), tuple(value)
    if kind is list or kind is tuple or (isinstance(value, tuple) and hasattr(value, "_fields")):
        return kind, tuple([arrangement(part, leaves) for part in value]), None
    leaves.append(value)
    return kind


def rearranged(form: Any, leaves: Iterator[Any], made: Callable[[Any, Any], Any]) -> Any:
    """Arrange values as an `arrangement` says; ``made(kind, value)`` takes the place of each."""
    if type(form) is not tuple:
        return made(form, next(leaves))
    kind, parts, keys = form
    values = [rearranged(part, leaves, made) for part in parts]
    if kind is list:
        return values
    if kind is dict:
        return dict(zip(keys, values, strict=True))
    return tuple(values) if kind is tuple else kind(*values)
