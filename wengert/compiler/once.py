"""Values that are created once per process: one thread creates them, and others wait for it.

`functools.cache` may call the function once in each thread that calls before there is a result, and keeps the last
one: native code that the other threads have received would be freed while they run it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from wengert.compiler.forking import renewed_after_fork

__all__ = ["once"]

P = ParamSpec("P")
R = TypeVar("R")


class once(Generic[P, R]):
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
        self.kept: Callable[P, R] = functools.cache(function)
        self.renew()
        functools.update_wrapper(self, function)
        renewed_after_fork(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return self.kept(*args, **kwargs)

    def renew(self) -> None:
        """Replace the lock in a forked process, where no thread holds it."""
        self.lock = threading.RLock()
