"""Single elements, read and written in loops: the same records as for any index, made in a few steps."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy import array as array_of_number  # (as it is outside of any block of `unmodified`)

from wengert.core.mode import RECORDING, current_mode
from wengert.core.node import next_number
from wengert.core.numpy_call import Kept
from wengert.core.variable import Variable, array_of, attach
from wengert.functions.indexing import GetItem
from wengert.writes.calls import write_call
from wengert.writes.memory import edge_to
from wengert.writes.written import Written, state_of

__all__ = ["get_item", "set_item"]

BASE = [(0, 0, True)]  # which arguments have an edge, and which: that of the array
BOTH = [(0, 0, True), (1, 1, True)]
GOT = ("a", "index")


def is_element(index: Any, ndim: int) -> bool:
    """Whether an index names one element, by integers."""
    if type(index) is int:
        return ndim == 1
    if type(index) is not tuple or len(index) != ndim or not ndim:
        return False
    for part in index:  # noqa: SIM110 (a generator takes longer)
        if type(part) is not int:
            return False
    return True


def get_item(x: Any, index: Any) -> Any:
    """Return ``x[index]`` of a Variable."""
    if type(x) is Written:
        state = state_of(x)
        value = state.memory.value if state.place is None else x
    else:
        value = x
    if type(value) is Variable and current_mode.get() is RECORDING:
        array = array_of(value)
        if type(array) is np.ndarray and is_element(index, array.ndim):
            y = array_of_number(array[index])
            y.setflags(write=False)
            f = GetItem()
            f._edges = [edge_to(value)]
            f._kept = Kept([None, index], 2, GOT, BASE, None, None, None)
            f._number = next_number()
            return attach(f, y)
    return x.__array_function__(operator.getitem, (), (x, index), {})


def set_item(x: Any, index: Any, value: Any) -> None:
    """Do ``x[index] = value`` of a Variable."""
    if type(x) is Written and type(value) is Variable and current_mode.get() is RECORDING:
        state, array = state_of(x), array_of(value)
        memory = state.memory
        if (
            state.place is None
            and type(array) is np.ndarray
            and not array.ndim
            and is_element(index, memory.data.ndim)
            and array.dtype == memory.data.dtype
        ):
            base = memory.base_edge()
            if base is not None:
                memory.writable()[index] = array
                memory.renew(write_call([base, edge_to(value)], BOTH, [None, None, None, index, False]))
                return
    x.__array_function__(operator.setitem, (), (x, index, value), {})


Variable.__getitem__, Variable.__setitem__ = get_item, set_item  # type: ignore[method-assign]
