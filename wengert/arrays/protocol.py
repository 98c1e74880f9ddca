"""NumPy's protocol for functions of our own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

__all__ = ["dispatched"]

F = TypeVar("F", bound=Callable[..., Any])


def dispatched(function: F) -> F:
    """Let a function of our own be answered as NumPy's are: Variables find it in the table.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> @wengert.dispatched
    ... def double(a):
    ...     return 2 * a
    >>> @wengert.pullback(double, "a")
    ... def double_pullback(gy, a):
    ...     return 2 * gy
    >>> double(wengert.Variable(np.array(3.0))).creator.name
    'Double'
    """

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        for arg in (*args, *kwargs.values()):
            for value in arg if isinstance(arg, (list, tuple)) else (arg,):
                if type(value) is not np.ndarray and hasattr(value, "__array_function__"):
                    answer = value.__array_function__(public, (type(value),), args, kwargs)
                    if answer is not NotImplemented:
                        return answer
        return function(*args, **kwargs)

    public.__wrapped__ = function
    return public  # type: ignore[return-value]
