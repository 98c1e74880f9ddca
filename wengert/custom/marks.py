"""Marks: the inputs of a function that is being differentiated, new Variables at which a walk ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wengert.arrays.batches import RUNNING, lifted
from wengert.core.function import Function
from wengert.core.node import next_number
from wengert.core.variable import Variable, attach

__all__ = ["mark", "mark_inputs"]


class Identity(Function):
    """The value itself."""

    __slots__ = ()

    def pull(self, gys: Any, differentiable: bool) -> Any:
        return [gys]


def mark_inputs(values: Iterable[Variable]) -> list[Variable]:
    """Return the same values as the inputs of a function, which a walk ends at.

    All that the function records has higher numbers, and what is older is left alone: so a
    derivative inside a derivative sees its own inputs only.
    """
    return [mark(lifted(x) if RUNNING else x, Variable) for x in values]


def mark(x: Variable, kind: type[Variable]) -> Any:
    """Record that a new Variable of `kind` is `x`."""
    f = Identity()
    f._number, f._edges = next_number(), (x,)
    if kind is Variable:
        return attach(f, x._data)
    handle = kind(None)
    handle._data, handle._creator = x._data, f
    return handle
