"""Values that are created once per process: one thread creates them, and others wait for it.

`functools.cache` may call the function once in each thread that calls before there is a result, and keeps the last
one: native code that the other threads have received would be freed while they run it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from wengert.compiler.forking import RenewedLock

__all__ = ["once"]

P = ParamSpec("P")
R = TypeVar("R")


class once(RenewedLock, Generic[P, R]):
    """Cache a function of hashable positional arguments, and call it once for each; if it raises, it is called again.

    Examples
    --------
    >>> calls = []
    >>> @once
    ... def square(x):
    ...     calls.append(x)
    ...     return x * x
    >>> square(3), square(3), calls
    (9, 9, [3])
    """

    def __init__(self, function: Callable[P, R]) -> None:
        super().__init__()
        self.kept: Callable[P, R] = functools.cache(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return self.kept(*args, **kwargs)
