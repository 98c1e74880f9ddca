"""Max pooling.

It works axis by axis, the last one first: the maximum of a window is the maximum of its lines' maxima. Arrays are
(batch, channels, ...). As in other frameworks, and unlike `numpy.max`, the gradient of a maximum goes to the first of
equal elements in a window.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from wengert.arrays.values import widened
from wengert.core.mode import current_mode
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

__all__ = ["max_pool1d", "max_pool2d", "max_pool3d"]

INTEGER_OF_SIZE = {2: np.int16, 4: np.int32, 8: np.int64}  # by item size, to select bits by a product


def lowest(dtype: Any) -> Any:
    """Return the smallest number of a dtype."""
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def maximum(name: str, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> Any:
    """Define max pooling: the first of the largest elements of each window."""
    x = array(x)
    axes = pool_axes(name, x, kernel, stride, padding, dilation, ceil_mode)
    widths = padded_by(axes)
    padded = np.pad(x, widths, constant_values=lowest(x.dtype)) if np.any(widths) else x
    patches = np.stack([padded[where] for where in tap_slices(axes)], -1)
    return np.take_along_axis(patches, np.argmax(patches, -1)[..., np.newaxis], -1)[..., 0]


@dispatched
def max_pool1d(
    x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """Take the maximum of each window of sequences (batch, channels, length); see `max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2)
    array([[[3., 2.]]])
    """
    return maximum("max_pool1d", x, kernel, stride, padding, dilation, ceil_mode)


@dispatched
def max_pool2d(
    x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """Take the maximum of each window of images.

    Parameters
    ----------
    x : array of shape (batch, channels, height, width), real
    kernel : int or tuple of int
        The size of a window: for both axes, or for each.
    stride : int or tuple of int, optional
        The distance between windows; by default the kernel size.
    padding : int or tuple of int
        Elements added before and after each axis, which are never the maximum; at most half of the kernel.
    dilation : int or tuple of int
        The distance between the elements of a window.
    ceil_mode : bool
        Whether a last window that reaches beyond the end counts. It must begin inside.

    Returns
    -------
    array of shape (batch, channels, ...)
        Of the dtype of `x`. A window with a NaN gives NaN.

    Raises
    ------
    ValueError
        If no window fits, or an option is out of range.
    TypeError
        If an option is not an integer, or `x` is complex.

    Notes
    -----
    The gradient goes to the first maximum of each window, in row-major order. (`numpy.max` shares it among equal
    elements, which are many after a relu.)

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.array([[[[1.0, 2.0], [4.0, 4.0]]]]))
    >>> y = max_pool2d(x, 2)
    >>> y.backward()
    >>> y, x.grad[0, 0]
    (Variable([[[[4.]]]]), array([[0., 0.],
           [1., 0.]]))
    """
    return maximum("max_pool2d", x, kernel, stride, padding, dilation, ceil_mode)


@dispatched
def max_pool3d(
    x: Any, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    """Take the maximum of each window of volumes (batch, channels, depth, height, width); see `max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> max_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2)
    array([[[[[7.]]]]])
    """
    return maximum("max_pool3d", x, kernel, stride, padding, dilation, ceil_mode)


class MaxPool(Fused):
    """Max pooling. For each axis and each tap but the first, it keeps a mask of where the tap exceeded those before."""

    as_one = True

    called: ClassVar[str]

    @classmethod
    def windows_of(
        cls, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
    ) -> tuple[tuple[Axis, ...], int]:
        """The windows of a call along each axis, and the number of groups: 1."""
        return pool_axes(cls.called, x, kernel, stride, padding, dilation, ceil_mode), 1

    @classmethod
    def counts_of(cls, axes: tuple[Axis, ...], dtype: Any, *settings: Any) -> Any:
        """The divisor of windows, as in average pooling: 1."""
        return None

    def forward(self, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> Any:
        self.axes = pool_axes(self.called, x, kernel, stride, padding, dilation, ceil_mode)
        self.masks_of_axes: list[list[Any]] = []
        recorded = current_mode.get().record
        y = x
        for axis, a in reversed([*enumerate(self.axes, 2)]):
            if is_trivial(a):
                self.masks_of_axes.append([])
                continue
            first, *others = pieces(padded_along(y, axis, a, lowest(x.dtype)), axis, a)
            masks = []
            for i, piece in enumerate(others):
                if recorded:
                    masks.append(piece > first)
                first = np.maximum(first, piece, out=first if i else None)
            y = first
            self.masks_of_axes.append(masks)
        return y.copy() if np.may_share_memory(y, x) else y

    def backward(self, gy: Any) -> Any:
        dtype, gy = gy.dtype, widened(gy)  # where windows overlap, gradients are added
        for (axis, a), masks in zip(enumerate(self.axes, 2), reversed(self.masks_of_axes), strict=True):
            if not is_trivial(a):
                gy = self.spread(gy, axis, a, masks)
        return (gy.astype(dtype, copy=False),)

    @staticmethod
    def spread(gy: Any, axis: int, a: Axis, masks: list[Any]) -> Any:
        """Pass each gradient to the last tap that exceeded those before it."""
        padded, disjoint = padded_gradient(gy, axis, a)
        taps = pieces(padded, axis, a)
        # The bits of a number, as an integer, times 0 or 1: selects without a branch, and gives 0 for infinity too
        integer = INTEGER_OF_SIZE.get(gy.itemsize, gy.dtype)
        left = gy.copy() if len(masks) > 1 else gy
        for j in range(a.taps - 1, 0, -1):
            chosen = np.multiply(left.view(integer), masks[j - 1].view(np.int8))
            left_over = left if len(masks) > 1 else np.empty_like(left)
            np.subtract(left.view(integer), chosen, out=left_over.view(integer))
            left = left_over
            write_or_add(taps[j], chosen.view(gy.dtype), disjoint)
        write_or_add(taps[0], left, disjoint)
        return inner(padded, axis, a)


class MaxPool1d(MaxPool, function=max_pool1d, by="x"):
    called = "max_pool1d"


class MaxPool2d(MaxPool, function=max_pool2d, by="x"):
    called = "max_pool2d"


class MaxPool3d(MaxPool, function=max_pool3d, by="x"):
    called = "max_pool3d"
