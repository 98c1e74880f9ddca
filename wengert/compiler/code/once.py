"""What is made once in a process: one thread makes it, and others that ask meanwhile wait for it.

`functools.cache` calls the function once for each thread that asks before there is an answer, and keeps the last one:
native code that the others were given would be freed while they run it.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Generic, ParamSpec, TypeVar

from wengert.compiler.code.forking import renewed_after_fork

__all__ = ["once"]

P = ParamSpec("P")
R = TypeVar("R")


class once(Generic[P, R]):
    """A function of hashable positional arguments, called once for each; if it raises, it is called again.

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
        """Another process: nobody holds the lock."""
        self.lock = threading.RLock()
