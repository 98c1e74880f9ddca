"""The gradient with respect to a result that nothing was computed from: zeros that are known not to have arrived."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.table import plain

__all__ = ["absent_gradient", "is_absent"]

ZEROS: dict[Any, Any] = {}  # of each dtype a 0, which all absent gradients are views of


def absent_gradient(shape: tuple[int, ...], dtype: Any) -> Any:
    """Make zeros, read-only, that `is_absent` tells from a gradient that is 0.

    Examples
    --------
    >>> import numpy as np
    >>> gx = absent_gradient((2,), np.dtype(float))
    >>> gx, is_absent(gx), is_absent(np.zeros(2))
    (array([0., 0.]), True, False)
    """
    zero = ZEROS.get(dtype)
    if zero is None:
        zero = ZEROS[dtype] = np.zeros((), dtype)
        zero.setflags(write=False)
    return np.ndarray(shape, dtype, zero, 0, (0,) * len(shape))


def is_absent(gradient: Any) -> bool:
    """Whether no gradient arrived, which is more than that it is 0."""
    array = plain(gradient)
    return type(array) is np.ndarray and array.base is not None and array.base is ZEROS.get(array.dtype)
