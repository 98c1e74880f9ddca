"""Convolution layers, over one, two or three axes."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter
from wengert.functions import _convolution as direct
from wengert.functions import transposed_convolution as transposed
from wengert.functions.contraction import array
from wengert.functions.windows import axis_names, padding_of
from wengert.layers.initializers import Initializer, drawn, uniform, uniform_fan_in, zeros
from wengert.layers.layer import Layer
from wengert.layers.sizes import size_read

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

Numbers = int | tuple[int, ...]


def shown(numbers: tuple[int, ...]) -> str:
    """Format an option of the axes, as one number where they are equal."""
    return str(numbers[0]) if len(set(numbers)) == 1 else str(numbers)


class Convolving(Layer):
    """What the convolutions share: sizes, options, a weight and a bias, which may be lazy."""

    function: ClassVar[Any]
    ndim: ClassVar[int]

    def _set_up(
        self,
        in_channels: Any,
        out_channels: Any,
        kernel: Any,
        stride: Any,
        dilation: Any,
        groups: Any,
        bias: bool,
        initializer: Initializer | None,
        dtype: Any,
    ) -> None:
        name, ndim = type(self).__name__, self.ndim
        if kernel is None:
            if out_channels is None:
                raise TypeError(f"{name} takes its channels and the size of its kernel: {name}(in, out, kernel)")
            in_channels, out_channels, kernel = None, in_channels, out_channels
        self.in_channels = None if in_channels is None else options.size(in_channels, "in_channels", name)
        self.out_channels = options.size(out_channels, "out_channels", name)
        self.kernel = options.sizes(kernel, "kernel", name, ndim)
        self.stride = options.sizes(stride, "stride", name, ndim)
        self.dilation = options.sizes(dilation, "dilation", name, ndim)
        self.groups = options.size(groups, "groups", name)
        self.initializer = None if initializer is None else options.function(initializer, "initializer", name)
        self.dtype = options.dtype(dtype, "dtype", name, "fc")
        for what, channels in (("input", self.in_channels), ("output", self.out_channels)):
            self._check_groups(what, channels)
        self.weight = Parameter(None)
        self.bias = Parameter(None) if options.flag(bias, "bias", name) else None

    def _check_groups(self, what: str, channels: int | None) -> None:
        if channels is not None and channels % self.groups:
            raise ValueError(
                f"the {what} channels of {type(self).__name__} must divide into its groups, but got "
                f"{channels} channels and {self.groups} groups; choose a multiple of {self.groups}"
            )

    def _weight_sizes(self) -> tuple[int | None, ...]:
        """The shape of the weight, None where it is not known yet."""
        raise NotImplementedError

    def _make(self, in_channels: int) -> None:
        self._check_groups("input", in_channels)
        self.in_channels = in_channels
        shape: Any = self._weight_sizes()
        if self.weight.data is None:
            self.weight.data = drawn(self.initializer or uniform_fan_in, shape, self.dtype, type(self).__name__)
        if self.bias is not None and self.bias.data is None:
            start = uniform(1 / math.sqrt(math.prod(shape[1:]))) if self.initializer is None else zeros
            self.bias.data = start((self.out_channels,), self.dtype)

    def _checked(self, x: Any) -> Any:
        """Return the input as an array; raise unless it has the layer's number of channels."""
        x = array(x)
        if x.ndim != self.ndim + 2 or self.in_channels not in (None, x.shape[1]):
            channels = "channels" if self.in_channels is None else self.in_channels
            raise ValueError(
                f"{self.label()} takes x of shape (batch, {channels}, {axis_names(self.ndim)}), but got {describe(x)}; "
                + (
                    f"make it for {x.shape[1]} channels, or put the channels of x on axis 1 (np.moveaxis)"
                    if x.ndim == self.ndim + 2
                    else "add the axes that are missing (np.expand_dims)"
                )
            )
        if self.weight.data is None or (self.bias is not None and self.bias.data is None):
            self._make(x.shape[1])
        return x

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        parts = [str(self.in_channels), str(self.out_channels), f"kernel={shown(self.kernel)}"]
        parts += [f"stride={shown(self.stride)}", *self._own_settings()]
        if max(self.dilation) > 1:
            parts.append(f"dilation={shown(self.dilation)}")
        if self.groups > 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        return f"{type(self).__name__}({', '.join(parts)})"

    def _own_settings(self) -> list[str]:
        raise NotImplementedError


class DirectConvolution(Convolving):
    """Convolution; the weight is (out_channels, in_channels / groups, *kernel)."""

    def __init__(
        self,
        in_channels: int | None,
        out_channels: Any = None,
        kernel: Numbers | None = None,
        *,
        stride: Numbers = 1,
        padding: Numbers | str = 0,
        dilation: Numbers = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | None = None,
        dtype: Any = np.float32,
    ) -> None:
        self._set_up(in_channels, out_channels, kernel, stride, dilation, groups, bias, initializer, dtype)
        name = type(self).__name__
        self.padding: str | tuple[int, ...]
        if isinstance(padding, str):
            padding_of(name, padding, self.kernel, self.stride, self.dilation)  # raises if these do not fit each other
            self.padding = padding
        else:
            self.padding = options.sizes(padding, "padding", name, self.ndim, 0)
        if self.in_channels is not None:
            self._make(self.in_channels)

    def _weight_sizes(self) -> tuple[int | None, ...]:
        each = None if self.in_channels is None else self.in_channels // self.groups
        return self.out_channels, each, *self.kernel

    def _own_settings(self) -> list[str]:
        return [f"padding={self.padding!r}" if isinstance(self.padding, str) else f"padding={shown(self.padding)}"]

    def forward(self, x: Any) -> Any:
        """Compute (batch, out_channels, ...) from (batch, in_channels, ...)."""
        x = self._checked(x)
        return type(self).function(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def loaded(self) -> None:
        """Infer the sizes from the weight."""
        if self.weight.data is not None:
            self.in_channels = size_read(self, self.weight, self._weight_sizes())[1] * self.groups
        if self.bias is not None and self.bias.data is not None:
            size_read(self, self.bias, ("out_channels",))

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`."""
        return int(math.prod(y.shape) * (x.shape[1] // self.groups) * math.prod(self.kernel))


class TransposedConvolution(Convolving):
    """Transposed convolution; the weight is (in_channels, out_channels / groups, *kernel)."""

    def __init__(
        self,
        in_channels: int | None,
        out_channels: Any = None,
        kernel: Numbers | None = None,
        *,
        stride: Numbers = 1,
        padding: Numbers = 0,
        output_padding: Numbers = 0,
        dilation: Numbers = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | None = None,
        dtype: Any = np.float32,
    ) -> None:
        self._set_up(in_channels, out_channels, kernel, stride, dilation, groups, bias, initializer, dtype)
        name = type(self).__name__
        self.padding = options.sizes(padding, "padding", name, self.ndim, 0)
        self.output_padding = options.sizes(output_padding, "output_padding", name, self.ndim, 0)
        if self.in_channels is not None:
            self._make(self.in_channels)

    def _weight_sizes(self) -> tuple[int | None, ...]:
        return self.in_channels, self.out_channels // self.groups, *self.kernel

    def _own_settings(self) -> list[str]:
        parts = [f"padding={shown(self.padding)}"]
        if max(self.output_padding):
            parts.append(f"output_padding={shown(self.output_padding)}")
        return parts

    def forward(self, x: Any) -> Any:
        """Compute (batch, out_channels, ...) from (batch, in_channels, ...)."""
        x = self._checked(x)
        settings = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return type(self).function(x, self.weight, self.bias, *settings)

    def loaded(self) -> None:
        """Infer the sizes from the weight."""
        if self.weight.data is not None:
            self.in_channels = size_read(self, self.weight, self._weight_sizes())[0]
        if self.bias is not None and self.bias.data is not None:
            size_read(self, self.bias, ("out_channels",))

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`."""
        return int(math.prod(x.shape) * (self.out_channels // self.groups) * math.prod(self.kernel))


class Conv1d(DirectConvolution):
    """Convolve sequences (batch, in_channels, length); see `Conv2d`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.Conv1d(2, 4, 3)(np.ones((1, 2, 10), np.float32)).shape
    (1, 4, 8)
    """

    function, ndim = direct.conv1d, 1


class Conv2d(DirectConvolution):
    """Convolve images.

    Parameters
    ----------
    in_channels : int, optional
        Inferred from the first input if omitted: ``Conv2d(16, 3)``.
    out_channels : int
    kernel : int or tuple of int
        The size of the kernel, for both axes or for each, as for all options.
    stride, padding, dilation, groups
        As in `wengert.functions.conv2d`. The padding may be "same" or "valid".
    bias : bool
        Whether to add a bias for each output channel.
    initializer : function, optional
        ``(shape, dtype) -> ndarray`` for the weight; see `wengert.layers.initializers`. By default `uniform_fan_in`,
        and the bias from the same range; with an initializer, the bias starts at 0.
    dtype : float32 or float64

    Attributes
    ----------
    weight : Parameter
        Of shape ``(out_channels, in_channels / groups, *kernel)``.
    bias : Parameter (out_channels,), or None

    Raises
    ------
    ValueError
        If channels do not divide into groups, or an option is out of range; when called, if the input has another
        number of channels or no window fits.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = wengert.layers.Conv2d(16, 3, padding=1)
    >>> layer(np.ones((2, 1, 28, 28), np.float32)).shape
    (2, 16, 28, 28)
    >>> layer
    Conv2d(1, 16, kernel=3, stride=1, padding=1)
    """

    function, ndim = direct.conv2d, 2


class Conv3d(DirectConvolution):
    """Convolve volumes (batch, in_channels, depth, height, width); see `Conv2d`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.Conv3d(2, 4, (1, 3, 3), stride=2)(np.ones((1, 2, 5, 5, 5), np.float32)).shape
    (1, 4, 3, 2, 2)
    """

    function, ndim = direct.conv3d, 3


class ConvTranspose1d(TransposedConvolution):
    """Convolve sequences (batch, in_channels, length), transposed; see `ConvTranspose2d`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.ConvTranspose1d(2, 4, 3, stride=2)(np.ones((1, 2, 10), np.float32)).shape
    (1, 4, 21)
    """

    function, ndim = transposed.conv_transpose1d, 1


class ConvTranspose2d(TransposedConvolution):
    """Convolve images, transposed: a stride upsamples them.

    Parameters
    ----------
    in_channels : int, optional
        Inferred from the first input if omitted: ``ConvTranspose2d(16, 3)``.
    out_channels : int
    kernel : int or tuple of int
    stride, padding, output_padding, dilation, groups
        As in `wengert.functions.conv_transpose2d`.
    bias, initializer, dtype
        As in `Conv2d`. The weight is ``(in_channels, out_channels / groups, *kernel)``; its initializer takes axis 1
        as the inputs.

    Raises
    ------
    ValueError
        As in `Conv2d`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = wengert.layers.ConvTranspose2d(8, 3, 4, stride=2, padding=1)
    >>> layer(np.ones((1, 8, 7, 7), np.float32)).shape
    (1, 3, 14, 14)
    """

    function, ndim = transposed.conv_transpose2d, 2


class ConvTranspose3d(TransposedConvolution):
    """Convolve volumes (batch, in_channels, depth, height, width), transposed; see `ConvTranspose2d`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.ConvTranspose3d(2, 4, 2, stride=2)(np.ones((1, 2, 3, 3, 3), np.float32)).shape
    (1, 4, 6, 6, 6)
    """

    function, ndim = transposed.conv_transpose3d, 3
