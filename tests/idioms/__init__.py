"""Programs that people write in plain NumPy, for the table of what is native (`tests.test_compile_ratchet`).

A module of this package has a dictionary ``IDIOMS`` of `Idiom`, by name.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Idiom", "integers", "normal", "positive", "uniform"]


class Idiom(NamedTuple):
    """A program, the arrays that it is called with, and what it is differentiated with respect to."""

    call: Callable[..., Any]  # of arrays; the first result is a number where it is differentiated
    args: tuple[Any, ...]
    places: tuple[int, ...] | None = None  # of the arguments; None: the program is compiled as it is
    order: int = 1


def normal(*shape: int, seed: int = 0) -> Any:
    """Standard normal numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def uniform(*shape: int, seed: int = 0) -> Any:
    """Numbers between 0 and 1."""
    return np.random.default_rng([seed, *shape]).uniform(size=shape)


def positive(*shape: int, seed: int = 0) -> Any:
    """Numbers between 0.5 and 2."""
    return 0.5 + 1.5 * uniform(*shape, seed=seed)


def integers(below: int, *shape: int, seed: int = 0) -> Any:
    """Integers from 0 on."""
    return np.random.default_rng([seed, below, *shape]).integers(0, below, shape)
