"""Memory: a chain of large arrays, and whether 100,000 small steps leak any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import resident
from benchmarks.libraries.library import library
from benchmarks.problems.chain import chain

__all__ = ["SMALL_STEPS", "make"]

STEPS, SIZE = 30, 1_000_000
SMALL_STEPS = 100_000


def make(peer: str, row: str) -> Callable[[], Any]:
    """Make the gradient of a chain of large arrays; or a measurement of what small steps leave."""
    lib = library(peer)
    if row == "chain":
        return lib.gradient(chain(lib.functions, STEPS), [np.full(SIZE, 0.01)])
    small = lib.gradient(chain(lib.functions, 3), [np.ones(4)])

    def growth() -> float:
        for _ in range(1000):
            small()
        before = resident.now()
        for _ in range(SMALL_STEPS - 1000):
            small()
        return resident.now() - before

    return growth
