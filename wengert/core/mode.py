"""The state that a block of code sets: whether calls are recorded, or debugged, whether layers train.

The state is context-local (`contextvars`): threads and asyncio tasks do not see each other's, and
leaving a block restores what was before, also when it is left by an exception.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

__all__ = [
    "RECORDING",
    "Mode",
    "changed",
    "current_mode",
    "debug",
    "enable_grad",
    "generator_shown",
    "is_training",
    "made_generators",
    "no_grad",
    "on_variables",
    "on_variables_of",
    "test_mode",
    "train_mode",
]


class Mode(NamedTuple):
    """What the engine does with the calls it sees."""

    record: bool = True
    debug: bool = False


# The hot path asks one question, `current_mode.get() is RECORDING`, and all else is its slow side.
RECORDING = Mode()
current_mode: ContextVar[Mode] = ContextVar("wengert.mode", default=RECORDING)


def changed(mode: Mode, **settings: bool) -> Mode:
    """Return `mode` with other settings; of two equal to `RECORDING`, that one."""
    mode = mode._replace(**settings)
    return RECORDING if mode == RECORDING else mode


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


# Beside `Mode`, because the hot path does not ask: only some layers do.
training: ContextVar[bool] = ContextVar("wengert.training", default=True)


@contextmanager
def test_mode() -> Iterator[None]:
    """Use layers as they are used after training: no dropout, running averages as they are.

    Works as a ``with`` block and as a decorator. Recording goes on (see `no_grad`).

    Examples
    --------
    >>> import numpy as np, wengert
    >>> with wengert.test_mode():
    ...     wengert.functions.dropout(np.ones(3), 0.9)
    array([1., 1., 1.])
    """
    with _trained(False):
        yield


@contextmanager
def train_mode() -> Iterator[None]:
    """Use layers as in training, inside a `test_mode` block. It is what holds outside of all blocks.

    Examples
    --------
    >>> import wengert
    >>> with wengert.test_mode(), wengert.train_mode():
    ...     wengert.is_training()
    True
    """
    with _trained(True):
        yield


def is_training() -> bool:
    """Whether layers train: True, but in a `test_mode` block.

    Examples
    --------
    >>> import wengert
    >>> wengert.is_training()
    True
    """
    return training.get()


@contextmanager
def _trained(on: bool) -> Iterator[None]:
    token = training.set(on)
    try:
        yield
    finally:
        training.reset(token)


# What `wengert.generator` shows in place of the generator, where its draws are being written down.
generator_shown: ContextVar[Any] = ContextVar("wengert.generator_shown", default=None)
made_generators: list[Any] = []  # what it shows; nobody holds it by a name

# The Function whose plain NumPy is being run on Variables, for create_graph: see `on_variables`.
on_variables_of: ContextVar[str | None] = ContextVar("wengert.on_variables_of", default=None)


@contextmanager
def on_variables(name: str) -> Iterator[None]:
    """Run code that was written for arrays on Variables: it may not make Python numbers of them.

    Elsewhere ``float(x)`` is the caller's way out of the graph. Here the caller thinks that it is an array.
    """
    token = on_variables_of.set(name)
    try:
        yield
    finally:
        on_variables_of.reset(token)


@contextmanager
def _set(**settings: bool) -> Iterator[None]:
    token = current_mode.set(changed(current_mode.get(), **settings))
    try:
        yield
    finally:
        current_mode.reset(token)
