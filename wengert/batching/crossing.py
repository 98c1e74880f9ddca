"""Into a vmap and out of it: four steps, each linear, and each in the pullback of another.

`batch` takes the arrays of all examples in, `unbatch` takes them out. `lift` makes an array that of each example, and
`summed` adds those of all examples up.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.batches import LIFT, Level, levels_of
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.table import FUNCTIONS
from wengert.arrays.values import widened
from wengert.batching.batched import Batched
from wengert.core.function import Function
from wengert.core.mode import current_mode
from wengert.core.node import edge_without_value, maker_of, next_number
from wengert.core.variable import array_of, attach, unrecorded

__all__ = ["batch", "lift", "summed", "unbatch"]


class Crossing(Function):
    """A step into a vmap or out of it."""

    __slots__ = ()

    def kept_output(self, position: int) -> Any:
        return None


class Batch(Crossing):
    """The arrays of all examples, as those of a vmap."""

    __slots__ = ()

    def pull(self, gys: Any, differentiable: bool) -> Any:
        level, axis = self._kept
        return [unbatch(gys, level, axis)]


class Unbatch(Crossing):
    """The arrays of a vmap, as one."""

    __slots__ = ()

    def pull(self, gys: Any, differentiable: bool) -> Any:
        level, axis = self._kept
        return [batch(gys, level, axis)]


class Lift(Crossing):
    """An array that was made before a vmap, in the call of each example."""

    __slots__ = ()

    def pull(self, gys: Any, differentiable: bool) -> Any:
        return [summed(gys, *self._kept)]


class Summed(Crossing):
    """The sum over the examples."""

    __slots__ = ()

    def pull(self, gys: Any, differentiable: bool) -> Any:
        return [lift(gys, *self._kept)]


def batch(x: Any, level: Level, axis: int) -> Any:
    """Take `x` into a vmap, which has the arrays of its examples along an axis."""
    if level_of(x) == RECORDED:
        return crossed(Batch, batch, x, level, axis)
    if level_of(x) > level.number:  # (of a newer vmap, whose axis comes first)
        return Batched(x.level, batch(x.value, level, axis + 1 if x.mapped else axis), x.mapped)
    return Batched(level, np.moveaxis(x, axis, 0) if axis else x, True)


def unbatch(x: Any, level: Level, axis: int) -> Any:
    """Take `x` out of a vmap: the arrays of its examples are along an axis."""
    if level_of(x) == RECORDED:
        return crossed(Unbatch, unbatch, x, level, axis)
    if level_of(x) > level.number:
        return Batched(x.level, unbatch(x.value, level, axis + 1 if x.mapped else axis), x.mapped)
    if type(x) is Batched and x.level is level:
        if x.mapped:
            return np.moveaxis(x.value, 0, axis) if axis else x.value
        x = x.value
    shape = (*x.shape[:axis], level.size, *x.shape[axis:])
    return np.copy(np.broadcast_to(np.expand_dims(x, axis), shape))


def lift(x: Any, level: Level) -> Any:
    """Make `x` the array of each example of a vmap, unless it is one already."""
    if level_of(x) == RECORDED:
        return x if level in levels_of(array_of(x)) else crossed(Lift, lift, x, level)
    if level_of(x) > level.number:
        return Batched(x.level, lift(x.value, level), x.mapped)
    if type(x) is Batched and x.level is level:
        return x
    return Batched(level, x, False)


def summed(x: Any, level: Level) -> Any:
    """Add the arrays of all examples of a vmap up."""
    if level_of(x) == RECORDED:
        return crossed(Summed, summed, x, level)
    if level_of(x) > level.number:
        return Batched(x.level, summed(x.value, level), x.mapped)
    if type(x) is Batched and x.level is level:
        if x.mapped:
            return np.sum(widened(x.value), axis=0).astype(x.dtype)
        x = x.value
    return x * x.dtype.type(level.size)


def crossed(kind: type[Crossing], step: Any, x: Any, *settings: Any) -> Any:
    """Do a step on what a Variable holds, and record it."""
    y = step(array_of(x), *settings)
    if isinstance(y, (np.ndarray, np.generic)):
        y = np.asarray(y).view()
        y.setflags(write=False)
    if not current_mode.get().record:
        return unrecorded(y)
    f = kind()
    f._edges = (x if maker_of(x) is None else edge_without_value(x),)
    f._kept, f._number = settings, next_number()
    return attach(f, y)


FUNCTIONS[LIFT] = lift
