"""Which vmaps are running, and what the engine asks about arrays under them (`wengert.batching` has the arrays).

A Variable that was made before a vmap began, and meets arrays under it, takes part in the call of each example: its
gradient is the sum of theirs. So the call is recorded on a lifted Variable, whose pullback sums. What is made
while a vmap runs (the inputs of a transform, a Variable) belongs to the example, and is lifted when it is made.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from contextvars import ContextVar
from itertools import count
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.level import BATCHED, RECORDED, level_of
from wengert.arrays.table import FUNCTIONS

__all__ = [
    "BY_EXAMPLE",
    "LIFT",
    "RUNNING",
    "Level",
    "examples_of",
    "levels_of",
    "lifted",
    "lifted_arguments",
    "outside_of_vmaps",
    "running",
]

F = TypeVar("F", bound=Callable[..., Any])
LIFT = "lift"  # FUNCTIONS[LIFT](x, level) lifts an array or Variable to a level: see `wengert.batching.crossing`
# FUNCTIONS[BY_EXAMPLE](function, args, kwargs) calls a function for each example: see `wengert.batching.examples`
BY_EXAMPLE = "by example"
next_level = count(BATCHED).__next__


class Level:
    """The level of one run of a vmap: that of the arrays in it, above all older ones.

    Attributes
    ----------
    number : int
        What ``__array_level__`` says of its arrays.
    size : int
        How many examples there are.
    """

    __slots__ = ("number", "size")

    def __init__(self, size: int) -> None:
        self.number, self.size = next_level(), size


RUNNING: set[Level] = set()  # of all threads: where there is none, nothing more is asked
running: ContextVar[tuple[Level, ...]] = ContextVar("wengert.running", default=())  # from the outermost


def outside_of_vmaps(function: F) -> F:
    """Have a function run outside of all vmaps: what it makes is not lifted.

    So it is of a walk, where gradients are of the level of what they are with respect to. An error of a batch that has
    ended it is marked as one `in_walk`: see `BatchError`.
    """

    @functools.wraps(function)
    def outside(*args: Any, **kwargs: Any) -> Any:
        try:
            if not RUNNING or not running.get():
                return function(*args, **kwargs)
            token = running.set(())
            try:
                return function(*args, **kwargs)
            finally:
                running.reset(token)
        except TypeError as error:
            if hasattr(error, "in_walk"):
                error.in_walk = True
            raise

    return outside  # type: ignore[return-value]


def lifted(x: Any) -> Any:
    """Lift an array or Variable to all vmaps that are running here."""
    if x is None:
        return x
    for level in running.get():
        x = FUNCTIONS[LIFT](x, level)
    return x


def lifted_arguments(y: Any, args: Any, kwargs: Any) -> Any:
    """Return the arguments of a call to record in its place, where its result `y` is of a vmap; else None.

    These are the arguments with Variables lifted, of which some were made before the vmap.
    """
    while isinstance(y, (tuple, list)) and y:
        y = y[0]
    if not BATCHED <= level_of(y) < RECORDED:
        return None
    levels, changed = levels_of(y), []

    def lift(x: Any) -> Any:
        if level_of(x) != RECORDED or getattr(x, "is_written", False):
            return x
        held = levels_of(x._data)
        if len(held) == len(levels):  # (what y is computed from has no others)
            return x
        for level in reversed(levels):
            if level not in held:
                x = FUNCTIONS[LIFT](x, level)
        changed.append(x)
        return x

    given = tuple([each(x, lift) for x in args])
    named = {name: each(x, lift) for name, x in kwargs.items()} if kwargs else kwargs
    return (given, named) if changed else None


def levels_of(x: Any) -> list[Level]:
    """List the levels of an array, the innermost vmap first."""
    found = []
    while level_of(x) >= BATCHED:
        found.append(x.level)
        x = x.value
    return found


def examples_of(x: Any) -> Any:
    """Return the arrays of all examples of all vmaps along one axis, in the order of loops over them."""
    sizes: list[int] = []
    shape = x.shape
    for level in levels_of(x):
        sizes.insert(0, level.size)
        x = x.value if x.mapped else np.broadcast_to(x.value, (level.size, *x.value.shape))
    return np.reshape(x, (math.prod(sizes), *shape))


def each(value: Any, function: Any) -> Any:
    """Nested lists and tuples with `function` of each leaf."""
    if isinstance(value, (list, tuple)):
        parts = [each(v, function) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return function(value)
