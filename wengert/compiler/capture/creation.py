"""Arrays that a traced function makes by NumPy's functions: what is written into them is recorded."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.arrays.lists import holds_variables
from wengert.compiler.capture.tape import Tape
from wengert.writes.creation import array_of_variables

__all__ = ["as_arrays", "create"]

UNDEFINED = (np.empty, np.empty_like)  # what makes arrays without values
OF_ARRAYS = (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)


def create(tape: Tape, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a traced array by a function of NumPy that the program calls."""
    if not tape.off and holds_variables((*args, *kwargs.values())):
        if function in OF_ARRAYS and args:
            return array_of_variables(function, as_arrays(args[0]), *args[1:], **kwargs)
        if function is np.arange and len(args) == 2 and not kwargs and level_of(args[0]) == TRACED:
            return moving_range(tape, *args)
        if function is np.full:
            return full(*args, **kwargs)
    found = function(*args, **kwargs)
    return tape.created(found, function not in UNDEFINED) if type(found) is np.ndarray else found


def as_arrays(value: Any) -> Any:
    """Nested lists with arrays in place of traced numbers."""
    if isinstance(value, (list, tuple)):
        return type(value)(map(as_arrays, value)) if type(value) in (list, tuple) else value
    is_scalar = level_of(value) == TRACED and not isinstance(value.value, np.ndarray)
    return value.as_array() if is_scalar else value


def moving_range(tape: Tape, start: Any, stop: Any) -> Any:
    """np.arange from a traced int on: a plan is for its length."""
    size = stop - start
    if type(start.value) is not int or type(getattr(size, "value", size)) is not int:
        return np.arange(start, stop)
    return np.add(start, tape.created(np.arange(operator.index(size))))


def full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **kwargs: Any) -> Any:
    """An array filled with a traced value."""
    value = as_arrays(fill_value)
    return np.copy(np.broadcast_to(value if dtype is None else value.astype(np.dtype(dtype)), shape))
