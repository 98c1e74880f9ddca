"""Average pooling, axis by axis. Arrays are (batch, channels, ...)."""

from __future__ import annotations

import functools
import math
from typing import Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.custom.registration import dispatched
from wengert.functions.contraction import array
from wengert.functions.fused import Fused
from wengert.functions.pooling_windows import (
    inner,
    is_trivial,
    padded_along,
    padded_by,
    padded_gradient,
    pieces,
    pool_axes,
    write_or_add,
)
from wengert.functions.windows import Axis, tap_slices

__all__ = ["average_pool1d", "average_pool2d", "average_pool3d"]


def average(name: str, x: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, count_include_pad: Any) -> Any:
    """Define average pooling: the sum over the elements of each window, divided by their number."""
    x = array(x)
    axes = pool_axes(name, x, kernel, stride, padding, 1, ceil_mode)
    options.flag(count_include_pad, "count_include_pad", name)
    if x.dtype == np.float16:  # in which sums overflow easily
        wide = average(name, x.astype(np.float32), kernel, stride, padding, ceil_mode, count_include_pad)
        return wide.astype(x.dtype)
    if is_global(axes):
        return np.mean(x, tuple(range(2, x.ndim)), keepdims=True)
    widths = padded_by(axes)
    padded = np.pad(x, widths) if np.any(widths) else x
    y = sum(padded[where] for where in tap_slices(axes))
    return y / counts(axes, bool(count_include_pad), x.dtype if x.dtype.kind == "f" else float)


def is_global(axes: tuple[Axis, ...]) -> bool:
    """Whether there is a single window that covers the input."""
    return all(a.windows == 1 and a.taps == a.size and not a.before for a in axes)


@functools.lru_cache(maxsize=1024, typed=True)
def counts(axes: tuple[Axis, ...], with_padding: bool, dtype: Any) -> Any:
    """Count the elements of each window: a number, or an array where windows at the edge have fewer.

    Elements that ceil mode reads beyond the padding never count.
    """
    found: Any = np.ones((), dtype)
    for i, a in enumerate(axes):
        first = np.arange(a.windows) * a.stride - a.before
        last = np.minimum(first + a.taps, a.size + (a.after if with_padding else 0))
        count = last - (first if with_padding else np.maximum(first, 0))
        found = found * count.astype(dtype).reshape(-1, *(1,) * (len(axes) - 1 - i))
    found = np.asarray(found, dtype)
    if found.size and np.all(found == found.flat[0]):
        return found.flat[0]
    found.setflags(write=False)
    return found


@dispatched
def average_pool1d(
    x: Any, kernel: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Any:
    """Take the average of each window of sequences (batch, channels, length); see `average_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> average_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[2., 1.]]])
    """
    return average("average_pool1d", x, kernel, stride, padding, ceil_mode, count_include_pad)


@dispatched
def average_pool2d(
    x: Any, kernel: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Any:
    """Take the average of each window of images.

    Parameters
    ----------
    x : array of shape (batch, channels, height, width), real
    kernel, stride, padding, ceil_mode
        As in `max_pool2d`; the padding is zeros.
    count_include_pad : bool
        Whether the zeros of the padding are counted.

    Returns
    -------
    array of shape (batch, channels, ...)
        Of the floating dtype of `x` (float64 for integers).

    Raises
    ------
    ValueError, TypeError
        As in `max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> average_pool2d(np.ones((1, 1, 2, 2)), 2, padding=1)[0, 0]
    array([[0.25, 0.25],
           [0.25, 0.25]])
    >>> average_pool2d(np.ones((1, 1, 2, 2)), 2, padding=1, count_include_pad=False)[0, 0]
    array([[1., 1.],
           [1., 1.]])
    """
    return average("average_pool2d", x, kernel, stride, padding, ceil_mode, count_include_pad)


@dispatched
def average_pool3d(
    x: Any, kernel: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Any:
    """Take the average of each window of volumes (batch, channels, depth, height, width); see `average_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> average_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    array([[[[[3.5]]]]])
    """
    return average("average_pool3d", x, kernel, stride, padding, ceil_mode, count_include_pad)


class AveragePool(Fused):
    """Average pooling."""

    as_one = True

    called: ClassVar[str]

    @classmethod
    def windows_of(
        cls, x: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, count_include_pad: Any
    ) -> tuple[tuple[Axis, ...], int]:
        """The windows of a call along each axis, and the number of groups: 1."""
        return pool_axes(cls.called, x, kernel, stride, padding, 1, ceil_mode), 1

    @classmethod
    def counts_of(
        cls, axes: tuple[Axis, ...], dtype: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, padded: Any
    ) -> Any:
        """The number of elements of each window: a number, or an array where they differ."""
        return counts(axes, bool(padded), dtype)

    def forward(self, x: Any, kernel: Any, stride: Any, padding: Any, ceil_mode: Any, count_include_pad: Any) -> Any:
        self.axes = pool_axes(self.called, x, kernel, stride, padding, 1, ceil_mode)
        options.flag(count_include_pad, "count_include_pad", self.called)
        dtype = x.dtype
        if dtype == np.float16:
            x = x.astype(np.float32)
        self.counts = counts(self.axes, bool(count_include_pad), x.dtype)
        if is_global(self.axes):
            flat = x.reshape(*x.shape[:2], math.prod(x.shape[2:]))
            y = np.reshape(flat.sum(2) / self.counts, (*x.shape[:2], *(1,) * len(self.axes)))
            return y.astype(dtype, copy=False)
        y = x
        for axis, a in reversed([*enumerate(self.axes, 2)]):
            if not is_trivial(a):
                first, *others = pieces(padded_along(y, axis, a, 0), axis, a)
                for i, piece in enumerate(others):
                    first = np.add(first, piece, out=first if i else None)
                y = first
        return (y / self.counts).astype(dtype, copy=False)

    def backward(self, gy: Any) -> Any:
        gy = gy / self.counts
        for axis, a in enumerate(self.axes, 2):
            if is_trivial(a):
                continue
            padded, disjoint = padded_gradient(gy, axis, a)
            for tap in pieces(padded, axis, a):
                write_or_add(tap, gy, disjoint)
            gy = inner(padded, axis, a)
        return (gy,)


class AveragePool1d(AveragePool, function=average_pool1d, by="x"):
    called = "average_pool1d"


class AveragePool2d(AveragePool, function=average_pool2d, by="x"):
    called = "average_pool2d"


class AveragePool3d(AveragePool, function=average_pool3d, by="x"):
    called = "average_pool3d"
