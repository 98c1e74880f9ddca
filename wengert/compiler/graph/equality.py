"""Strict equality of immutable values."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["same", "same_guard"]


def same(a: Any, b: Any) -> bool:
    """Whether two immutable values are the same: 1, 1.0 and True differ, so do 0.0 and -0.0; NaN equals NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.generic):
        return bool(a.dtype == b.dtype and a.tobytes() == b.tobytes())
    if type(a) is float:
        return bool(a.hex() == b.hex())
    if type(a) is complex:
        return same(a.real, b.real) and same(a.imag, b.imag)
    return bool(a == b)


def same_guard(a: Any, b: Any) -> bool:
    """Whether the values of two guards are the same."""
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc"))
    return same(a, b)
