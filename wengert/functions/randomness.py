"""The random numbers that initialisers, dropout and shuffling draw: one stream, set by one seed."""

from __future__ import annotations

import functools
import threading
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.core.errors import describe

__all__ = ["generator", "seed"]

making = threading.Lock()

# What `wengert.generator` shows in place of the generator, where its draws are being written down.
generator_shown: ContextVar[Any] = ContextVar("wengert.generator_shown", default=None)
made_generators: list[Any] = []  # what it shows; nobody holds it by a name


@functools.cache
def _made() -> np.random.Generator:
    found = np.random.default_rng()  # when it is asked for: NumPy reads its own module of random numbers late
    made_generators.append(found)
    return found


def generator() -> np.random.Generator:
    """Return the generator that Wengert draws from: one for the process, always the same object.

    Its state is all that a program needs to go on as if it had not stopped:
    ``generator().bit_generator.state``, a dict to read and to assign.

    Thread-safe; but threads that draw at the same time do so in no fixed order.

    Examples
    --------
    >>> import wengert
    >>> wengert.seed(0)
    >>> wengert.generator().integers(100, size=3)
    array([85, 63, 51])
    """
    with making:
        made = _made()
    shown = generator_shown.get()
    return made if shown is None else shown(made)


def seed(number: int) -> None:
    """Start the random numbers anew: the same seed gives the same numbers, to the bit.

    Parameters
    ----------
    number : int
        Not negative.

    Raises
    ------
    TypeError, ValueError
        If it is no such number.

    Examples
    --------
    >>> import wengert
    >>> wengert.seed(0)
    >>> first = wengert.layers.Linear(3, 2)
    >>> wengert.seed(0)
    >>> (wengert.layers.Linear(3, 2).weight.data == first.weight.data).all()
    np.True_
    """
    fresh: Any = np.random.default_rng(check_seed(number, "seed"))
    generator().bit_generator.state = fresh.bit_generator.state


def check_seed(number: Any, whose: str) -> int:
    """Return a seed as an int; raise unless it is a whole number that is not negative."""
    if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
        raise TypeError(f"{whose} takes a whole number, but got {describe(number)}; write {whose}(0)")
    if number < 0:
        raise ValueError(f"{whose} takes a number that is not negative, but got {number}")
    return int(number)
