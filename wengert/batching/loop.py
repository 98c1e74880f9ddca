"""Functions that have no rule for Batched arrays: called for each example."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.batches import Level, each
from wengert.arrays.level import level_of
from wengert.batching.batched import Batched, fallback, is_mapped, strip, wrap
from wengert.checks.errors import describe
from wengert.checks.refusals import name_of
from wengert.custom.registration import DEFINITIONS, REFUSED

__all__ = ["function_call", "has_mapped", "loop"]


def has_mapped(values: Any, level: Level) -> bool:
    """Whether a value among nested lists and tuples has another array for each example."""
    return any(
        is_mapped(x, level) or (isinstance(x, (list, tuple)) and has_mapped(x, level)) for x in values
    )


def stripped(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function on arrays that are the same for each example."""
    given = [each(x, lambda v: strip(v, level)) for x in args]
    y = function(*given, **{name: each(x, lambda v: strip(v, level)) for name, x in kwargs.items()})
    return wrap(level, y, False)


def function_call(level: Level, function: Any, args: Any, kwargs: Any, has_rule: bool) -> Any:
    """Answer a call of a function that has no rule, or none for such arguments."""
    if not has_mapped((*args, *kwargs.values()), level):
        return stripped(level, function, args, kwargs)
    if function in REFUSED:
        raise TypeError(f"{name_of(function)} takes no arrays under vmap; write {REFUSED[function]}")
    if not has_rule:
        definition = DEFINITIONS.get(function)
        if definition is not None:
            return definition(*args, **kwargs)
    return loop(level, function, args, kwargs)


def loop(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function for each example, and stack the results."""

    def example(i: int) -> Any:
        def at(x: Any) -> Any:
            if type(x) is Batched and x.level is level:
                return x.value[i] if x.mapped else x.value
            return x

        return function(*[each(x, at) for x in args], **{name: each(x, at) for name, x in kwargs.items()})

    if level.size == 0:
        return empty(level, function, args, kwargs)
    return joined(level, function, [example(i) for i in range(level.size)])


def empty(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function on zeros, for the shapes of what it gives for each of no examples."""

    def zeros(x: Any) -> Any:
        if type(x) is Batched and x.level is level:
            return np.zeros(x.shape, x.dtype) if x.mapped else x.value
        return x

    with np.errstate(all="ignore"):
        y = function(*[each(x, zeros) for x in args], **{name: each(x, zeros) for name, x in kwargs.items()})

    def none(y: Any) -> Any:
        return Batched(level, np.zeros((0, *np.shape(y)), np.asarray(y).dtype), True)

    return each(y, none)


def joined(level: Level, function: Any, ys: list[Any]) -> Any:
    """Stack the results of all examples."""
    first = ys[0]
    if isinstance(first, (list, tuple)):
        parts = [joined(level, function, list(part)) for part in zip(*ys, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if first is None or isinstance(first, (str, type, np.dtype)):
        return first
    arrays = [y if level_of(y) or hasattr(y, "__array_function__") else np.asarray(y) for y in ys]
    shapes = {y.shape for y in arrays}
    if len(shapes) > 1:
        raise TypeError(
            f"{name_of(function)} under vmap gives arrays of different lengths for different examples, such as "
            f"{describe(arrays[0])} and {sorted(shapes, key=str)[:2]}; write it such that the shape does not depend on "
            "the values: np.where(mask, x, 0) in the place of x[mask], np.sum(mask) in the place of a length"
        )
    return Batched(level, np.stack(arrays), True)


fallback["function"] = function_call
fallback["loop"] = loop
