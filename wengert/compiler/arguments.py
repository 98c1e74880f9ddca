"""What arguments of a compiled function are, before anything is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.watching.leaving import Outside
from wengert.core.node import maker_of
from wengert.core.variable import Variable

__all__ = ["has_float", "is_inside"]


def is_inside(value: Any) -> bool:
    """Whether arguments are those of a transform or a graph: Variables that were computed, arrays of other kinds."""
    if isinstance(value, (list, tuple)):
        return any(map(is_inside, value))
    if isinstance(value, dict):
        return any(map(is_inside, value.values()))
    if isinstance(value, Variable):
        return type(maker_of(value)) not in (type(None), Outside)
    return hasattr(value, "__array_function__") and not isinstance(value, np.ndarray)


def has_float(value: Any) -> bool:
    """Whether there is a float among nested arguments."""
    if isinstance(value, (list, tuple)):
        return any(map(has_float, value))
    return any(map(has_float, value.values())) if isinstance(value, dict) else type(value) is float
