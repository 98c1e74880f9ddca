"""What cannot be done to all examples at once: functions are called for each of them, on arrays and on Variables."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.absent import absent_gradient, is_absent
from wengert.arrays.batches import BY_EXAMPLE, RUNNING, Level, each, levels_of, running
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.table import FUNCTIONS, INTO
from wengert.batching.batched import Batched
from wengert.batching.crossing import batch, unbatch
from wengert.checks.errors import BatchError, describe
from wengert.checks.refusals import name_of
from wengert.core.variable import array_of

__all__ = ["STACKING", "by_example", "one_example", "stacking"]

F = TypeVar("F", bound=Callable[..., Any])
WRITING = (
    *(operator.setitem, np.ndarray.fill, np.ndarray.sort, np.ndarray.partition, np.copyto, np.put, np.place),
    *(np.putmask, np.fill_diagonal, np.put_along_axis, INTO),
)
STACKING: set[Any] = set()  # rules that take a stack of examples along leading axes


def stacking(*rules: Any) -> None:
    """Declare pullbacks, of functions that take stacks of matrices, that do so too."""
    STACKING.update(rules)


def one_example(solver: F) -> F:
    """Have a vmap call its function for each example, where that calls a solver, whose steps depend on values."""

    @functools.wraps(solver)
    def called(*args: Any, **kwargs: Any) -> Any:
        if RUNNING and running.get():
            error = BatchError(f"{name_of(solver)} solves for one example; call it for each, in a loop")
            error.in_walk = True
            raise error
        return solver(*args, **kwargs)

    return called  # type: ignore[return-value]


def by_example(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function for each example of the newest vmap among its arguments; join the results."""
    found: list[Level] = []

    def look(x: Any) -> None:
        held = levels_of(array_of(x) if level_of(x) == RECORDED else x)
        found.extend(held[:1])

    each((args, list(kwargs.values())), look)
    if function in WRITING and not (type(args[0]) is Batched and args[0].mapped):
        raise TypeError(
            f"{name_of(function)} under vmap would write what is of each example into one array, or into a Variable; "
            "join values by np.stack or np.concatenate, or choose by np.where"
        )
    if not found:  # (in a slice)
        raise  # (the error that has led here)
    level = max(found, key=lambda level: level.number)
    token = running.set(tuple([other for other in running.get() if other is not level]))
    try:
        return (as_stack if function in STACKING else as_loop)(level, function, args, kwargs)
    finally:
        running.reset(token)


def as_loop(level: Level, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a function for each example of a vmap."""

    def taken(x: Any) -> Any:
        """The arrays of all examples, as something to index; anything else as it is."""
        data = array_of(x) if level_of(x) == RECORDED else x
        if level not in levels_of(data)[:1]:
            return x
        if level_of(x) == RECORDED:
            return All(unbatch(x, level, 0))
        return All(x.value) if x.mapped else x.value

    given, named = [each(x, taken) for x in args], {name: each(x, taken) for name, x in kwargs.items()}

    def example(i: int) -> Any:
        def at(x: Any) -> Any:
            return x.value[i] if type(x) is All else x

        return function(*[each(x, at) for x in given], **{name: each(x, at) for name, x in named.items()})

    if level.size == 0:
        return empty(level, function, args, kwargs)
    return joined(level, function, [example(i) for i in range(level.size)])


class All:
    """The arrays of all examples."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def as_stack(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function that takes stacks on the arrays of all examples."""

    def taken(x: Any) -> Any:
        data = array_of(x) if level_of(x) == RECORDED else x
        if level_of(x) == 0 and is_absent(x):
            return absent_gradient((level.size, *x.shape), x.dtype)
        if not hasattr(x, "ndim") or isinstance(x, tuple):
            return x
        if level in levels_of(data) or x.ndim:
            return unbatch(x, level, 0)
        return x

    y = function(*[each(x, taken) for x in args], **{name: each(x, taken) for name, x in kwargs.items()})
    return each(y, lambda part: None if part is None else batch(part, level, 0))


def empty(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Call a function on ones, for the shapes of what it gives for each of no examples."""

    def ones(x: Any) -> Any:
        data = array_of(x) if level_of(x) == RECORDED else x
        return np.ones(x.shape, x.dtype) if levels_of(data) else x

    with np.errstate(all="ignore"):
        y = function(*[each(x, ones) for x in args], **{name: each(x, ones) for name, x in kwargs.items()})

    def none(y: Any) -> Any:
        if y is None:
            return y
        return Batched(level, np.zeros((0, *np.shape(y)), getattr(y, "dtype", None) or np.asarray(y).dtype), True)

    return each(y, none)


def joined(level: Level, function: Any, ys: list[Any]) -> Any:
    """Stack the results of all examples."""
    first = ys[0]
    if isinstance(first, (list, tuple)):
        if len({len(y) for y in ys}) > 1:
            raise unequal(function, "lists of different lengths")
        parts = [joined(level, function, list(part)) for part in zip(*ys, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if first is None or isinstance(first, (str, type, np.dtype)):
        return first
    arrays = [y if level_of(y) or hasattr(y, "__array_function__") else np.asarray(y) for y in ys]
    other = next((a for a in arrays if a.shape != arrays[0].shape), None)
    if other is not None:
        raise unequal(function, f"arrays of different shapes, {describe(arrays[0])} and {describe(other)}")
    return batch(np.stack(arrays), level, 0)


def unequal(function: Any, what: str) -> TypeError:
    return TypeError(
        f"{name_of(function)} under vmap gives {what}, for different examples; write it such that the shape does not "
        "depend on values: np.where(mask, x, 0) in the place of x[mask], np.sum(mask) in the place of a length"
    )


FUNCTIONS[BY_EXAMPLE] = by_example
