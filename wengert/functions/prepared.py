"""Definitions that check or change the arguments of a call before its row of the table records it."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.lists import answering
from wengert.arrays.table import FUNCTIONS

__all__ = ["has_derivative", "prepared"]

F = TypeVar("F", bound=Callable[..., Any])


def prepared(function: Any) -> Callable[[F], F]:
    """Register a definition of `function` that may call its row of the table with other arguments, or not at all.

    The definition gets `row` first, then the arguments of the call. For pullbacks that need more than their arguments
    (the memory layout for ``order="A"``), and for results that are not differentiable (an integer dtype).

    Examples
    --------
    >>> import numpy as np, wengert
    >>> @wengert.dispatched
    ... def double(a):
    ...     return 2 * a
    >>> @wengert.pullback(double, "a", reads="")
    ... def double_pullback(gy, a):
    ...     return 2 * gy
    >>> @prepared(double)
    ... def double_numbers(row, a):
    ...     return row(a) if has_derivative(a.dtype) else double(a.data)
    >>> double(wengert.Variable(np.array(3)))
    np.int64(6)
    """
    record = FUNCTIONS[function]

    def row(*args: Any, **kwargs: Any) -> Any:
        return record(args, kwargs)

    def register(definition: F) -> F:
        FUNCTIONS[function] = answering(function, definition, row)
        return definition

    return register


def has_derivative(dtype: Any) -> bool:
    """Whether a result converted to `dtype` is differentiable: real and complex dtypes, and None."""
    return dtype is None or np.dtype(dtype).kind in "fc"
