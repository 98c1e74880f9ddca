"""The convolution of neural networks, over one, two or three axes.

As in other frameworks it is a cross-correlation: the kernel is not flipped. (`numpy.convolve`, which flips it, is
in `wengert.functions.convolution`.) Arrays are laid out as (batch, channels, ...), weights as (output
channels, input channels, ...), as in PyTorch.
"""

from __future__ import annotations

import functools
import math
from typing import Any, ClassVar

import numpy as np

from wengert.arrays.values import widened
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.custom.registration import dispatched
from wengert.functions.contraction import array
from wengert.functions.convolution_kernels import Layout, correlate, correlate_wrt_input, correlate_wrt_weight
from wengert.functions.fused import Fused
from wengert.functions.windows import Axis, axes_of, axis_names, hashable, remembered, tap_slices, window_axes

__all__ = ["conv1d", "conv2d", "conv3d"]


def check_groups(name: str, groups: Any) -> None:
    """Raise unless `groups` is an integer of at least 1."""
    options.size(groups, "groups", name)


def check_arrays(name: str, x: Any, weight: Any, bias: Any, channels: int, outputs: int) -> None:
    """Raise unless the arrays hold numbers, with the number of channels that the weight takes."""
    if x.shape[1] != channels:
        raise ValueError(
            f"{name} with a weight of shape {weight.shape} takes {channels} channels (axis 1 of the input), but got "
            f"{x.shape[1]}: {describe(x)}; put the channels on axis 1, or give a weight for {x.shape[1]}"
        )
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(
            f"the bias of {name} must have the shape ({outputs},), one number for each output channel, "
            f"but got {describe(bias)}"
        )


def check_weight(name: str, weight: Any, ndim: int, first: str, second: str) -> None:
    """Raise unless `weight` has as many axes as it needs, none of them empty after the second."""
    if getattr(weight, "ndim", None) != ndim + 2:
        raise ValueError(
            f"{name} takes a weight of {ndim + 2} axes ({first}, {second}, {axis_names(ndim)}), "
            f"but got {describe(weight)}"
        )


@remembered
def _axes(
    name: str, sizes: tuple[int, ...], taps: tuple[int, ...], stride: Any, padding: Any, dilation: Any
) -> tuple[Axis, ...]:
    return window_axes(name, sizes, taps, stride, padding, dilation)


layout_of = functools.lru_cache(maxsize=1024, typed=True)(Layout)


def axes_for(
    name: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> tuple[Axis, ...]:
    """Check the arguments of a convolution, and compute its windows."""
    ndim = int(name[4])
    sizes = axes_of(name, x, ndim)
    check_weight(name, weight, ndim, "output channels", "input channels / groups")
    check_groups(name, groups)
    outputs, each = weight.shape[:2]
    if outputs % groups:
        raise ValueError(
            f"the output channels of {name} must divide into its groups, but got {outputs} channels (axis 0 of the "
            f"weight) and {groups} groups; choose a multiple of {groups}"
        )
    check_arrays(name, x, weight, bias, each * groups, outputs)
    return _axes(  # type: ignore[no-any-return]
        name, sizes, tuple(weight.shape[2:]), hashable(stride), hashable(padding), hashable(dilation)
    )


def convolve(name: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """Define convolution: a matrix product of the weights with the windows of the input."""
    x, weight = array(x), array(weight)
    bias = None if bias is None else array(bias)
    axes = axes_for(name, x, weight, bias, stride, padding, dilation, groups)
    images, channels = x.shape[:2]
    padded = np.pad(x, [(0, 0), (0, 0), *((a.before, a.after) for a in axes)])
    patches = np.stack([padded[where] for where in tap_slices(axes)], 2)  # (batch, channels, taps, *windows)
    outputs, each = weight.shape[0], channels // groups * patches.shape[2]
    places = math.prod([a.windows for a in axes])
    matrix = np.reshape(weight, (groups, outputs // groups, each))
    y = matrix @ np.reshape(patches, (images, groups, each, places))
    y = np.reshape(y, (images, outputs, *(a.windows for a in axes)))
    return y if bias is None else y + np.reshape(bias, (outputs, *(1,) * len(axes)))


@dispatched
def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolve sequences; see `conv2d`.

    Parameters
    ----------
    x : array of shape (batch, channels, length)
    weight : array of shape (output channels, channels / groups, kernel)

    Examples
    --------
    >>> import numpy as np
    >>> conv1d(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]]))
    array([[[1., 2.]]])
    """
    return convolve("conv1d", x, weight, bias, stride, padding, dilation, groups)


@dispatched
def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolve images: the sum over a window, and over the channels, of input times weight; the kernel is not flipped.

    Parameters
    ----------
    x : array of shape (batch, channels, height, width)
    weight : array of shape (output channels, channels / groups, kernel height, kernel width)
    bias : array of shape (output channels,), optional
    stride : int or tuple of int
        The distance between windows, for both axes or for each.
    padding : int, tuple of int, "valid" or "same"
        Zeros before and after each axis. "valid" is none; "same" keeps the size, and requires stride 1 (of an odd
        number of zeros, one more is after the axis). For values other than zeros, use `numpy.pad` before.
    dilation : int or tuple of int
        The distance between the taps of the kernel.
    groups : int
        The number of groups that the channels are split into, each convolved by itself. With as many groups as channels
        it is depthwise.

    Returns
    -------
    array of shape (batch, output channels, ...)
        Of the dtype that NumPy promotes the inputs to. Along each axis there are
        ``(size + 2 padding - dilation (kernel - 1) - 1) // stride + 1``.

    Raises
    ------
    ValueError
        If the shapes do not match, no window fits, or an option is out of range.
    TypeError
        If an option is not an integer.

    Notes
    -----
    On Variables, the im2col matrix is kept for backward if it is small (8 MB); else backward recomputes it from the
    input.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> x = wengert.Variable(np.arange(9.0).reshape(1, 1, 3, 3))
    >>> y = conv2d(x, np.ones((1, 1, 2, 2)))
    >>> y
    Variable([[[[ 8., 12.],
                [20., 24.]]]])
    >>> y.backward()
    >>> x.grad[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    return convolve("conv2d", x, weight, bias, stride, padding, dilation, groups)


@dispatched
def conv3d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Convolve volumes; see `conv2d`.

    Parameters
    ----------
    x : array of shape (batch, channels, depth, height, width)
    weight : array of shape (output channels, channels / groups, kernel depth, kernel height, kernel width)

    Examples
    --------
    >>> import numpy as np
    >>> conv3d(np.ones((1, 2, 3, 3, 3)), np.ones((4, 2, 2, 2, 2)), stride=(1, 1, 2)).shape
    (1, 4, 2, 2, 1)
    """
    return convolve("conv3d", x, weight, bias, stride, padding, dilation, groups)


class Convolution(Fused):
    """Convolution through `wengert.functions.convolution_kernels`."""

    as_one = True

    called: ClassVar[str]

    @classmethod
    def windows_of(cls, x: Any, weight: Any, bias: Any, *settings: Any) -> tuple[tuple[Axis, ...], int]:
        """The windows of a call along each axis, and the number of groups."""
        return axes_for(cls.called, x, weight, bias, *settings), settings[3]

    def forward(self, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
        axes, groups = self.windows_of(x, weight, bias, *settings)
        dtype = np.result_type(*(a for a in (x, weight, bias) if a is not None))
        self.layout = layout_of(axes, groups)
        self.x, self.weight = x.astype(dtype, copy=False), weight.astype(dtype, copy=False)
        self.columns: list[Any] = []
        bias = None if bias is None else bias.astype(dtype, copy=False)
        return correlate(self.layout, self.x, self.weight, bias, self.columns if self.needs[1] else None)

    def backward(self, gy: Any) -> Any:
        gx = gweight = gbias = None
        x, weight = self.x, self.weight
        if self.needs[0]:
            gx = correlate_wrt_input(self.layout, gy, conjugated(weight), x.shape[1])
        if self.needs[1]:
            gweight = conjugated(correlate_wrt_weight(self.layout, x, conjugated(gy), weight.shape, self.columns))
        if self.needs[2]:
            gbias = sum_over_places(gy)
        return gx, gweight, gbias


def conjugated(x: Any) -> Any:
    """Conjugate complex arrays; return others unchanged."""
    return x.conj() if x.dtype.kind == "c" else x


def sum_over_places(gy: Any) -> Any:
    """Sum for each channel, image by image: sums of contiguous memory are fast, and pairwise."""
    return widened(gy).reshape(*gy.shape[:2], math.prod(gy.shape[2:])).sum(2).sum(0)


class Conv1d(Convolution, function=conv1d, by="x weight bias"):
    called = "conv1d"


class Conv2d(Convolution, function=conv2d, by="x weight bias"):
    called = "conv2d"


class Conv3d(Convolution, function=conv3d, by="x weight bias"):
    called = "conv3d"
