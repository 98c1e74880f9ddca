"""Derivatives of counting, which is differentiable with respect to the weights."""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.custom.registration import pullback
from wengert.functions.prepared import prepared


@pullback(np.bincount, "weights", reads="x", linear=True)
def bincount(gy: Any, x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    return gy[x if hasattr(x, "ndim") else np.asarray(x)]


@prepared(np.bincount)
def bincount_of(row: Any, x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """Counts without weights are integers."""
    x, minlength = plain(x), plain(minlength)
    return np.bincount(x, minlength=minlength) if weights is None else row(x, weights, minlength)
