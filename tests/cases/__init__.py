"""What each row of the table of derivatives is checked with.

A module of this package has a list ``CASES``. `tests.test_derivatives` runs every case, and fails
for every row of the table that has none.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Case", "available", "away", "complex_array", "fix", "normal", "positive", "silently"]


class Case(NamedTuple):
    """A call to check: ``call(*args)`` on ndarrays, against the same on Variables."""

    function: Any  # the NumPy function whose row this checks, as it stands in the table
    call: Callable[..., Any]
    args: tuple[Any, ...]
    order: int = 2
    single: bool = True  # whether to check in single precision too
    eps: float = 1e-3
    rtol: float = 1e-6
    exact: bool = True  # whether the values must be NumPy's to the last bit (compositions: nearly)


def available(cases: list[Case]) -> list[Case]:
    """Leave out what the installed NumPy and SciPy cannot do, or warn of: calls with parameters of later versions."""
    if np.lib.NumpyVersion(np.__version__) >= "2.4.0" and "scipy" not in cases[0].call.__module__:
        return cases
    found = []
    for case in cases:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", FutureWarning)
            warnings.simplefilter("error", DeprecationWarning)
            try:
                case.call(*case.args)
            except (TypeError, ValueError, FutureWarning, DeprecationWarning):
                continue
        found.append(case)
    return found


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    """Standard normal numbers."""
    return np.asarray(np.random.default_rng([seed, *shape]).standard_normal(shape))


def positive(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers between 0.5 and 2."""
    return np.asarray(np.random.default_rng([seed, *shape]).uniform(0.5, 2.0, shape))


def away(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers of both signs, at least 0.3 from 0 and 0.01 from each other, in random order."""
    n = int(np.prod(shape))
    values = (0.3 + 0.07 * np.arange(n)) * np.where(np.arange(n) % 2, -1, 1)
    return np.asarray(np.random.default_rng([seed, *shape]).permutation(values).reshape(shape))


def complex_array(*shape: int, seed: int = 0) -> np.ndarray:
    """Complex standard normal numbers."""
    return np.asarray(normal(*shape, seed=seed) + 1j * normal(*shape, seed=seed + 1))


def silently(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take away the warning of a later NumPy or SciPy that a function will go."""

    def called(*args: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return function(*args)

    return called


fix = silently(np.fix)  # (NumPy 2.5: `np.trunc` is the name to use)
