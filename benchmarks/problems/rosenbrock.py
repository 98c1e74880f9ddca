"""Rosenbrock's function: the Jacobian of its residuals, and the Hessian of the sum of their squares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.libraries.library import library

__all__ = ["SIZES", "make"]

SIZES = (10, 100, 1000)


def make(peer: str, row: str) -> Callable[[], Any]:
    """Make ``jacobian/size`` or ``hessian/size``."""
    kind, size = row.split("/")
    lib = library(peer)
    f = lib.functions

    def residuals(x: Any) -> Any:
        return f.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])

    def value(x: Any) -> Any:
        return f.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = np.linspace(-1, 1, int(size))
    return lib.jacobian(residuals, x) if kind == "jacobian" else lib.hessian(value, x)
