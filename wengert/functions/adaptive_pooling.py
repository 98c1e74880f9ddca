"""Pooling to a given number of windows, whatever the size of the input.

Window i of n along an axis of size m goes from floor(i m / n) to ceil((i + 1) m / n): all of one size where n
divides m, else of two sizes, and overlapping. One window is global pooling.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.checks import options
from wengert.functions.average_pooling import average_pool1d, average_pool2d, average_pool3d
from wengert.functions.contraction import array
from wengert.functions.max_pooling import max_pool1d, max_pool2d, max_pool3d
from wengert.functions.windows import axes_of

__all__ = [
    "adaptive_average_pool1d",
    "adaptive_average_pool2d",
    "adaptive_average_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]


def numbers_of_windows(name: str, size: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the number of windows along each axis; None stands for the size of the axis."""
    if min(sizes) < 1:
        raise ValueError(f"{name} takes an input with elements along its axes, but got the sizes {sizes}")
    if size is None:
        return sizes
    if isinstance(size, (tuple, list)) and len(size) == len(sizes):
        size = tuple(m if n is None else n for n, m in zip(size, sizes, strict=True))
    return options.sizes(size, "size", name, len(sizes))


def adaptive(name: str, pool: Any, x: Any, size: Any) -> Any:
    """Pool by `pool` to `size` windows: in one call where all have the same size, else axis by axis."""
    x = array(x)
    ndim = int(name[-2])
    sizes = axes_of(name, x, ndim)
    windows = numbers_of_windows(name, size, sizes)
    if not any(m % n for m, n in zip(sizes, windows, strict=True)):
        return pool(x, tuple(m // n for m, n in zip(sizes, windows, strict=True)))
    for axis in range(ndim - 1, -1, -1):
        n, m = windows[axis], sizes[axis]
        kernel = [1] * ndim
        parts = []
        number = np.arange(n)
        bounds = np.stack([number * m // n, -(-(number + 1) * m // n)], 1)
        changed = np.concatenate([[True], np.any(bounds[1:] != bounds[:-1], axis=1)])
        for start, stop in bounds[changed].tolist():  # with more windows than elements, many windows are equal
            where: list[Any] = [slice(None)] * x.ndim
            where[axis + 2] = slice(start, stop)
            part = x[tuple(where)]
            kernel[axis] = part.shape[axis + 2]
            parts.append(pool(part, tuple(kernel)))
        x = np.concatenate(parts, axis + 2)
        if len(parts) < n:
            x = np.take(x, np.cumsum(changed) - 1, axis + 2)
    return x


def adaptive_average_pool1d(x: Any, size: Any) -> Any:
    """Take the average of `size` windows of sequences (batch, channels, length); see `adaptive_average_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_average_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 1)
    array([[[1.5]]])
    """
    return adaptive("adaptive_average_pool1d", average_pool1d, x, size)


def adaptive_average_pool2d(x: Any, size: Any) -> Any:
    """Take the average of `size` windows along each axis of images. Size 1 is global average pooling.

    Parameters
    ----------
    x : array of shape (batch, channels, height, width), real
    size : int, or tuple of int or None
        The number of windows: for both axes, or for each. None is the size of the axis.

    Returns
    -------
    array of shape (batch, channels, ...)
        Of the floating dtype of `x` (float64 for integers).

    Raises
    ------
    ValueError, TypeError
        If `size` is not a positive integer, or `x` has a wrong number of axes.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_average_pool2d(np.arange(6.0).reshape(1, 1, 2, 3), (1, 2))
    array([[[[2., 3.]]]])
    """
    return adaptive("adaptive_average_pool2d", average_pool2d, x, size)


def adaptive_average_pool3d(x: Any, size: Any) -> Any:
    """Take the average of `size` windows of volumes (batch, channels, ...); see `adaptive_average_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_average_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 1)
    array([[[[[3.5]]]]])
    """
    return adaptive("adaptive_average_pool3d", average_pool3d, x, size)


def adaptive_max_pool1d(x: Any, size: Any) -> Any:
    """Take the maximum of `size` windows of sequences (batch, channels, length); see `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[3., 2.]]])
    """
    return adaptive("adaptive_max_pool1d", max_pool1d, x, size)


def adaptive_max_pool2d(x: Any, size: Any) -> Any:
    """Take the maximum of `size` windows along each axis of images. Size 1 is global max pooling.

    `x` and `size` are as in `adaptive_average_pool2d`, ties as in `max_pool2d`; the dtype is that of `x`.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_max_pool2d(np.arange(6.0).reshape(1, 1, 2, 3), (1, 2))
    array([[[[4., 5.]]]])
    """
    return adaptive("adaptive_max_pool2d", max_pool2d, x, size)


def adaptive_max_pool3d(x: Any, size: Any) -> Any:
    """Take the maximum of `size` windows of volumes (batch, channels, ...); see `adaptive_max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> adaptive_max_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 1)
    array([[[[[7.]]]]])
    """
    return adaptive("adaptive_max_pool3d", max_pool3d, x, size)
