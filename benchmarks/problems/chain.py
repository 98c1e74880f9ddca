"""A chain ``y = sin(y) * x + y``: three operations a step, and the gradient with respect to x."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries.library import library

__all__ = ["OPERATIONS", "chain", "make"]

STEPS = 300
OPERATIONS = 3 * STEPS


def chain(functions: Any, steps: int) -> Callable[[Any], Any]:
    """Return the program."""

    def program(x: Any) -> Any:
        y = x
        for _ in range(steps):
            y = functions.sin(y) * x + y
        return y

    return program


def make(peer: str, size: str) -> Callable[[], Any]:
    """Make the gradient on so many elements."""
    lib = library(peer)
    return lib.gradient(chain(lib.functions, STEPS), [np.full(int(size), 0.01)])
