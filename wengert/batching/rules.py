"""How rules for Batched arrays are registered, and what they are made of."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.arrays.batches import Level, each
from wengert.arrays.level import BATCHED, level_of
from wengert.arrays.lists import holds_variables, stacked
from wengert.arrays.table import FUNCTIONS, plain
from wengert.batching.batched import RULES, Batched, NoRule, is_mapped, strip, with_axes, wrap
from wengert.batching.examples import by_example
from wengert.batching.loop import has_mapped, stripped
from wengert.custom.registration import calls_plain

__all__ = ["LOOPS", "as_a_loop", "as_one", "batching", "expanded", "only_mapped", "place_of", "shifted", "spread_out"]

Rule = Callable[..., Any]


def batching(*functions: Any) -> Callable[[Rule], Rule]:
    """Register how functions take Batched arrays, as a decorator for ``rule(level, function, args, kwargs)``.

    The rule is called where an argument has another array for each example of `level`.
    """

    def register(rule: Rule) -> Rule:
        @functools.wraps(rule)
        def checked(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
            if not (any(is_mapped(x, level) for x in args) or has_mapped((*args, *kwargs.values()), level)):
                return stripped(level, function, args, kwargs)
            return rule(level, function, args, kwargs)

        for function in functions:
            RULES[function] = checked
        return rule

    return register


def only_mapped(level: Level, args: Any, kwargs: Any) -> Any:
    """Return the array of all examples of the first argument, if no other argument is mapped; else raise NoRule."""
    if not args or not is_mapped(args[0], level):
        raise NoRule
    if (len(args) > 1 or kwargs) and has_mapped((*args[1:], *kwargs.values()), level):
        raise NoRule
    return args[0].value


def place_of(axis: Any, ndim: int) -> int:
    """Where an axis of each example is in the array of all."""
    axis = operator.index(axis)
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return int(axis % ndim + 1)


def shifted(axis: Any, ndim: int) -> Any:
    """Where axes of each example, or all of them (None), are in the array of all examples."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    if isinstance(axis, (tuple, list)) or np.ndim(axis):
        return tuple(place_of(i, ndim) for i in axis)
    return place_of(axis, ndim)


def spread_out(x: Any, level: Level) -> Any:
    """Return the array of all examples, also of what is the same for each."""
    if is_mapped(x, level):
        return x.value
    x = strip(x, level)
    x = x if hasattr(x, "ndim") else np.asarray(x)
    return np.broadcast_to(x, (level.size, *x.shape))


def expanded(x: Any, level: Level, ndim: int) -> Any:
    """Strip `x`; the array of each example gets leading axes of length 1, so that it has `ndim` axes."""
    if not is_mapped(x, level):
        return strip(x, level)
    return with_axes(x.value, ndim)


def argument(args: Any, kwargs: Any, place: int, name: str, default: Any) -> Any:
    """An argument that is given by its place or its name."""
    return args[place] if len(args) > place else kwargs.get(name, default)


def replaced(args: Any, kwargs: Any, place: int, name: str, value: Any) -> Any:
    """The arguments with another value for one of them."""
    if len(args) > place:
        return (*args[:place], value, *args[place + 1 :]), kwargs
    return args, {**kwargs, name: value}


# Kinds of functions: each makes rules of a few words.


def along_axes(
    *functions: Any, place: int = 1, name: str = "axis", default: Any = None, flattens: bool = False
) -> None:
    """Functions of one array along axes. None are all of them, or those of the flattened array."""

    def rule(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("where") is not None or (args and not is_mapped(args[0], level)):
            args, kwargs = with_mask(level, args, kwargs)
        value = only_mapped(level, args, {k: v for k, v in kwargs.items() if k != "where"})
        ndim = value.ndim - 1
        axis = argument(args, kwargs, place, name, default)
        if ndim == 0 and axis is None and not flattens and function in KEEPING:
            return wrap(level, value, True)
        if kwargs.keys() & {"prepend", "append"} or (ndim == 0 and function.__name__.endswith("softmax")):
            raise NoRule
        if ndim == 0 or (axis is None and flattens):
            if ndim == 0:
                shifted(axis, 1 if axis in (0, -1) else 0)
                kwargs = {k: v for k, v in kwargs.items() if k != "keepdims"}
                if len(args) > place + 1 or is_mapped(kwargs.get("where"), level):
                    raise NoRule
            value, axis = value.reshape(level.size, value.size // max(level.size, 1)), 1
        else:
            axis = shifted(axis, ndim)
        args, kwargs = replaced(args, kwargs, place, name, axis)
        return wrap(level, function(value, *args[1:], **kwargs), True)

    batching(*functions)(rule)


KEEPING: set[Any] = {np.flip}  # those that leave a number as it is


def with_mask(level: Level, args: Any, kwargs: Any) -> Any:
    """Bring a mask in line with the array that is reduced."""
    mask = kwargs.get("where")
    if not args or mask is None:
        raise NoRule
    a = args[0]
    if not is_mapped(a, level):
        a = Batched(level, np.copy(spread_out(a, level)), True)
    return (a, *args[1:]), {**kwargs, "where": expanded(mask, level, a.ndim)}


def as_they_are(*functions: Any, least: int = 0) -> None:
    """Functions of one array whose leading axes are a stack, such as elementwise ones and those of matrices."""

    def rule(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
        value = only_mapped(level, args, kwargs)
        if value.ndim - 1 < least:
            raise NoRule
        return wrap(level, function(value, *args[1:], **kwargs), True)

    batching(*functions)(rule)


def broadcasting(*functions: Any) -> None:
    """Elementwise functions of several arrays."""

    def rule(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
        args = [as_one(x) for x in args]
        ndim = max(getattr(x, "ndim", 0) for x in (*args, *kwargs.values()))
        given = [expanded(x, level, ndim) for x in args]
        return wrap(level, function(*given, **{k: expanded(v, level, ndim) for k, v in kwargs.items()}), True)

    batching(*functions)(rule)


def as_one(x: Any) -> Any:
    """Make an array of a list."""
    return np.asarray(x) if isinstance(x, (list, tuple)) and not holds_variables(x) else stacked(x)


def by_body(*functions: Any) -> None:
    """Functions of our own that are written in functions of NumPy: what they do is done to the Batched array."""

    def rule(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
        return function.__wrapped__(*args, **kwargs)

    rule.is_composition = True  # type: ignore[attr-defined]
    batching(*functions)(rule)


def as_a_loop(*functions: Any) -> None:
    """Functions of which what is computed, or the shape of it, depends on values: they are called for each example."""

    def rule(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
        return by_example(function, args, kwargs)

    batching(*functions)(rule)
    for function in functions:
        LOOPS.add(function)
        if function in FUNCTIONS and not calls_plain(FUNCTIONS[function]):
            FUNCTIONS[function] = functools.partial(row_by_example, function, FUNCTIONS[function])


def row_by_example(function: Any, row: Any, args: Any, kwargs: Any) -> Any:
    """Answer a call with Variables, by example where one of them is under vmap."""
    found: list[bool] = []
    each((args, list(kwargs.values())), lambda x: found.append(level_of(plain(x)) >= BATCHED))
    return by_example(function, args, kwargs) if any(found) else row(args, kwargs)


LOOPS: set[Any] = set()
