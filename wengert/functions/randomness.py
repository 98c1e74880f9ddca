"""The random number generator of initialisers, dropout and shuffling: one stream, one seed."""

from __future__ import annotations

import functools
import threading
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.arrays.batches import RUNNING
from wengert.checks import options

__all__ = ["generator", "process_generator", "register_batched_draws", "seed"]

making = threading.Lock()

# What `wengert.generator` shows in place of the generator, where its draws are being written down.
generator_shown: ContextVar[Any] = ContextVar("wengert.generator_shown", default=None)
made_generators: list[Any] = []  # what it shows; not held by a name
of_examples: Any = None  # see `register_batched_draws`


def register_batched_draws(function: Any) -> None:
    """Take what gives the generator that draws for each example of a vmap: `wengert.batching` imports this package."""
    global of_examples
    of_examples = function


@functools.cache
def _made() -> np.random.Generator:
    found = np.random.default_rng()  # at first use: NumPy imports numpy.random lazily
    made_generators.append(found)
    return found


def generator() -> np.random.Generator:
    """Return the generator that Wengert draws from: one for the process, always the same object.

    Its state is all that a program needs to resume exactly:
    ``generator().bit_generator.state``, a dict to read and to assign.

    Thread-safe; but the order of concurrent draws is not defined.

    Examples
    --------
    >>> import wengert
    >>> wengert.seed(0)
    >>> wengert.generator().integers(100, size=3)
    array([85, 63, 51])
    """
    found = process_generator()
    return found if not RUNNING or of_examples is None else of_examples(found)


def process_generator() -> np.random.Generator:
    """Return the same generator, also under vmap: for what is drawn once (the initial values of parameters)."""
    with making:
        made = _made()
    shown = generator_shown.get()
    return made if shown is None else shown(made)


def seed(number: int) -> None:
    """Seed the generator: the same seed gives the same numbers, to the bit.

    Parameters
    ----------
    number : int
        Not negative.

    Raises
    ------
    TypeError, ValueError
        If it is not a nonnegative integer.

    Examples
    --------
    >>> import wengert
    >>> wengert.seed(0)
    >>> first = wengert.layers.Linear(3, 2)
    >>> wengert.seed(0)
    >>> (wengert.layers.Linear(3, 2).weight.data == first.weight.data).all()
    np.True_
    """
    fresh: Any = np.random.default_rng(options.seed(number, "number", "seed"))
    generator().bit_generator.state = fresh.bit_generator.state
