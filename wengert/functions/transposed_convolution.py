"""Transposed convolution: the gradient of a convolution with respect to its input, as a function.

It upsamples by the stride. Weights are (input channels, output channels / groups, ...),
as those of the convolution that it transposes.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.custom.registration import dispatched
from wengert.functions._convolution import (
    check_arrays,
    check_groups,
    check_weight,
    conjugated,
    layout_of,
    sum_over_places,
)
from wengert.functions.contraction import array
from wengert.functions.convolution_kernels import correlate, correlate_wrt_input, correlate_wrt_weight
from wengert.functions.fused import Fused
from wengert.functions.windows import Axis, axes_of, hashable, remembered

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


@remembered
def _axes(
    name: str,
    sizes: tuple[int, ...],
    taps: tuple[int, ...],
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
) -> tuple[Axis, ...]:
    ndim = len(sizes)
    if isinstance(padding, str):
        raise TypeError(f"{name} takes numbers as its padding, but got {padding!r}")
    taps = options.sizes(taps, "kernel size", name, ndim)
    settings = (
        options.sizes(stride, "stride", name, ndim),
        options.sizes(padding, "padding", name, ndim, 0),
        options.sizes(output_padding, "output padding", name, ndim, 0),
        options.sizes(dilation, "dilation", name, ndim),
    )
    found = []
    for size, k, s, p, extra, d in zip(sizes, taps, *settings, strict=True):
        if extra >= max(s, d):
            raise ValueError(
                f"the output padding of {name} must be smaller than its stride or its dilation, but got "
                f"{output_padding} with the stride {stride} and the dilation {dilation}; "
                "it chooses among the sizes that a convolution with this stride maps to the same one"
            )
        length = (size - 1) * s - 2 * p + d * (k - 1) + 1 + extra
        if size == 0 or length < 1:
            raise ValueError(
                f"the output of {name} must have elements, but an input of {tuple(sizes)} gives {length} along an axis "
                f"with a kernel of {taps}, the stride {stride} and the padding {padding}; give less padding"
            )
        found.append(Axis(length, size, k, s, d, p, p))
    return tuple(found)


def transposed_axes(
    name: str,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> tuple[Axis, ...]:
    """Check the arguments; return the windows of the convolution that is transposed."""
    ndim = int(name[-2])
    sizes = axes_of(name, x, ndim)
    check_weight(name, weight, ndim, "input channels", "output channels / groups")
    check_groups(name, groups)
    channels, each = weight.shape[:2]
    if channels % groups:
        raise ValueError(
            f"the input channels of {name} must divide into its groups, but got {channels} channels (axis 0 of the "
            f"weight) and {groups} groups; choose a multiple of {groups}"
        )
    check_arrays(name, x, weight, bias, channels, each * groups)
    settings = map(hashable, (stride, padding, output_padding, dilation))
    return _axes(name, sizes, tuple(weight.shape[2:]), *settings)  # type: ignore[no-any-return]


def transposed(name: str, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
    """Define transposed convolution: each element of `x`, times the kernel, is added at its window."""
    x, weight = array(x), array(weight)
    bias = None if bias is None else array(bias)
    axes = transposed_axes(name, x, weight, bias, *settings)
    groups = settings[3]
    images, channels = x.shape[:2]
    outputs = weight.shape[1] * groups
    taps = math.prod(weight.shape[2:])
    grouped = np.reshape(x, (images, groups, channels // groups, math.prod(x.shape[2:])))
    matrix = np.reshape(weight, (groups, channels // groups, weight.shape[1] * taps))
    spread = np.swapaxes(matrix, -1, -2) @ grouped  # (batch, groups, outputs of a group x taps, positions)
    spread = np.reshape(spread, (images, outputs, taps, *x.shape[2:]))
    # The products of a tap go to positions `stride` apart in the padded output: insert zeros between, then around.
    y: Any = 0
    for t, tap in enumerate(itertools.product(*(range(a.taps) for a in axes))):
        part = spread[:, :, t]
        for axis, (j, a) in enumerate(zip(tap, axes, strict=True), 2):
            if a.stride > 1:
                part = np.expand_dims(part, axis + 1)
                widths = [(0, 0)] * part.ndim
                widths[axis + 1] = (0, a.stride - 1)
                part = np.pad(part, widths)
                part = part.reshape((*part.shape[:axis], a.windows * a.stride, *part.shape[axis + 2 :]))
                part = part[(slice(None),) * axis + (slice((a.windows - 1) * a.stride + 1),)]
            length = a.size + a.before + a.after
            widths = [(0, 0)] * part.ndim
            widths[axis] = (j * a.dilation, length - part.shape[axis] - j * a.dilation)
            part = np.pad(part, widths)
        y = y + part
    y = y[(..., *(slice(a.before, a.before + a.size) for a in axes))]
    return y if bias is None else y + np.reshape(bias, (outputs, *(1,) * len(axes)))


@dispatched
def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Convolve sequences (batch, channels, length), transposed; see `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose1d(np.array([[[1.0, 2.0]]]), np.array([[[1.0, -1.0]]]), stride=2)
    array([[[ 1., -1.,  2., -2.]]])
    """
    return transposed("conv_transpose1d", x, weight, bias, stride, padding, output_padding, groups, dilation)


@dispatched
def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Convolve images, transposed: each element times the kernel is added to the output, `stride` apart.

    Parameters
    ----------
    x : array of shape (batch, channels, height, width)
    weight : array of shape (channels, output channels / groups, kernel height, kernel width)
    bias : array of shape (output channels,), optional
    stride : int or tuple of int
        The distance between windows in the output.
    padding : int or tuple of int
        The number of elements cut off before and after each axis of the output: the padding of the convolution that
        this transposes.
    output_padding : int or tuple of int
        The number of elements added at the end of each axis; less than the stride or the dilation.
    groups : int
        The number of groups that the channels are split into, each convolved by itself.
    dilation : int or tuple of int
        The distance between the taps of the kernel.

    Returns
    -------
    array of shape (batch, output channels, ...)
        Of the dtype that NumPy promotes the inputs to. Along each axis there are
        ``(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``.

    Raises
    ------
    ValueError
        If the shapes do not match, the output would be empty, or an option is out of range.
    TypeError
        If an option is not an integer.

    References
    ----------
    Zeiler et al., Deconvolutional networks, 2010, https://doi.org/10.1109/CVPR.2010.5539957

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    return transposed("conv_transpose2d", x, weight, bias, stride, padding, output_padding, groups, dilation)


@dispatched
def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Convolve volumes (batch, channels, depth, height, width), transposed; see `conv_transpose2d`.

    Examples
    --------
    >>> import numpy as np
    >>> conv_transpose3d(np.ones((1, 2, 2, 2, 2)), np.ones((2, 3, 2, 2, 2)), stride=2).shape
    (1, 3, 4, 4, 4)
    """
    return transposed("conv_transpose3d", x, weight, bias, stride, padding, output_padding, groups, dilation)


class TransposedConvolution(Fused):
    """The input gradient of a convolution, as a function. Its gradients are a convolution and its weight gradient."""

    as_one = True

    called: ClassVar[str]

    @classmethod
    def windows_of(cls, x: Any, weight: Any, bias: Any, *settings: Any) -> tuple[tuple[Axis, ...], int]:
        """The windows of the transposed convolution's forward counterpart along each axis, and the number of groups."""
        return transposed_axes(cls.called, x, weight, bias, *settings), settings[3]

    def forward(self, x: Any, weight: Any, bias: Any, *settings: Any) -> Any:
        axes, groups = self.windows_of(x, weight, bias, *settings)
        dtype = np.result_type(*(a for a in (x, weight, bias) if a is not None))
        self.layout = layout_of(axes, groups)
        self.x, self.weight = x.astype(dtype, copy=False), weight.astype(dtype, copy=False)
        y = correlate_wrt_input(self.layout, self.x, self.weight, weight.shape[1] * groups)
        if bias is not None:
            np.add(y, bias.astype(dtype, copy=False).reshape(-1, *(1,) * len(axes)), out=y)
        return y

    def backward(self, gy: Any) -> Any:
        gx = gweight = gbias = None
        kept: list[Any] = []
        if self.needs[0]:
            gx = correlate(self.layout, gy, conjugated(self.weight), kept=kept if self.needs[1] else None)
        if self.needs[1]:
            gweight = correlate_wrt_weight(self.layout, gy, conjugated(self.x), self.weight.shape, kept)
        if self.needs[2]:
            gbias = sum_over_places(gy)
        return gx, gweight, gbias


class ConvTranspose1d(TransposedConvolution, function=conv_transpose1d, by="x weight bias"):
    called = "conv_transpose1d"


class ConvTranspose2d(TransposedConvolution, function=conv_transpose2d, by="x weight bias"):
    called = "conv_transpose2d"


class ConvTranspose3d(TransposedConvolution, function=conv_transpose3d, by="x weight bias"):
    called = "conv_transpose3d"
