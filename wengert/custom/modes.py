"""The blocks that set the mode: `no_grad`, `enable_grad`, `debug`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from wengert.core.mode import changed, current_mode

__all__ = ["debug", "enable_grad", "making", "no_grad", "on_arrays", "on_ndarrays"]

# Two functions of (function, args, kwargs) which make the arrays of a program in the place of NumPy: such as take
# Variables, and, for functions that are called on arrays, others (None: NumPy itself). See `wengert.writes`.
making: ContextVar[tuple[Any, Any] | None] = ContextVar("wengert.making", default=None)


def on_arrays(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function of the program's on arrays, which may be traced: it makes none that take Variables."""
    made = making.get()
    return function(*args, **kwargs) if made is None else _making(made[1], function, args, kwargs)


def on_ndarrays(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function on ndarrays, of which it makes others."""
    return function(*args, **kwargs) if making.get() is None else _making(None, function, args, kwargs)


def _making(make: Any, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    token = making.set(None if make is None else (make, make))
    try:
        return function(*args, **kwargs)
    finally:
        making.reset(token)


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results have no creator, and no memory is held for a backward.

    Works as a ``with`` block and as a decorator (``@no_grad()``).

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array(3.0))
    >>> with wengert.no_grad():
    ...     y = x * x
    >>> y.creator is None
    True
    """
    with _set(record=False):
        yield


@contextmanager
def enable_grad() -> Iterator[None]:
    """Record again, inside a `no_grad` block.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array(3.0))
    >>> with wengert.no_grad(), wengert.enable_grad():
    ...     y = x * x
    >>> y.creator is None
    False
    """
    with _set(record=True):
        yield


@contextmanager
def debug() -> Iterator[None]:
    """Check every call: where NaN or inf first appear, and whether recorded arrays were changed.

    Each call recorded in the block remembers the line of the program that made it, so that a
    trouble found in `backward` is reported with that line. `backward` checks when it is itself
    called inside a debug block. Several times slower; results are the same.

    Raises
    ------
    FloatingPointError
        By a call whose inputs are finite and whose result is not, forward or backward.
    GraphError
        By `backward`, for an array that was changed after a function had recorded it.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array(-1.0))
    >>> with np.errstate(invalid="ignore"), wengert.debug():
    ...     y = np.sqrt(x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FloatingPointError: forward of Sqrt made nan from finite inputs ...
    """
    with _set(debug=True):
        yield


@contextmanager
def _set(**settings: bool) -> Iterator[None]:
    token = current_mode.set(changed(current_mode.get(), **settings))
    try:
        yield
    finally:
        current_mode.reset(token)
