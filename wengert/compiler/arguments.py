"""Which kinds of values are among the arguments of a compiled function."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.capture.outputs import Outside
from wengert.core.node import maker_of
from wengert.core.variable import Variable

__all__ = ["has_float", "is_inside"]


def is_inside(value: Any) -> bool:
    """Whether some argument belongs to an outer graph or transform: a computed Variable, or another array type."""
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
