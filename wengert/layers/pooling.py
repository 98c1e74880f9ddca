"""Pooling layers: the maximum or the average of each window."""

from __future__ import annotations

from typing import Any, ClassVar

from wengert.checks import options
from wengert.functions import adaptive_pooling, average_pooling, max_pooling
from wengert.functions.contraction import array
from wengert.layers.layer import Layer

__all__ = [
    "AdaptiveAveragePool1d",
    "AdaptiveAveragePool2d",
    "AdaptiveAveragePool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AveragePool1d",
    "AveragePool2d",
    "AveragePool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]

Numbers = int | tuple[int, ...]


class Pool(Layer):
    """What the pooling layers share: options by name, and no parameters."""

    function: ClassVar[Any]
    ndim: ClassVar[int]
    settings: dict[str, Any]

    def forward(self, x: Any) -> Any:
        """Compute (batch, channels, ...) of smaller size."""
        return type(self).function(array(x), **self.settings)

    def multiply_adds(self, x: Any, y: Any) -> int:
        """Return 0: nothing is multiplied by a weight."""
        return 0

    def label(self) -> str:
        """Return the representation, with its options, on one line."""
        parts = [f"{name}={value}" for name, value in self.settings.items() if value is not None]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _check(self, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> None:
        name = type(self).__name__
        options.sizes(kernel, "kernel", name, self.ndim)
        options.sizes(kernel if stride is None else stride, "stride", name, self.ndim)
        options.sizes(padding, "padding", name, self.ndim, 0)
        options.sizes(dilation, "dilation", name, self.ndim)


class MaxPool(Pool):
    """Max pooling."""

    def __init__(
        self,
        kernel: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        *,
        dilation: Numbers = 1,
        ceil_mode: bool = False,
    ) -> None:
        self._check(kernel, stride, padding, dilation)
        self.settings = {"kernel": kernel, "stride": stride, "padding": padding}
        if dilation != 1:
            self.settings["dilation"] = dilation
        if options.flag(ceil_mode, "ceil_mode", type(self).__name__):
            self.settings["ceil_mode"] = True


class AveragePool(Pool):
    """Average pooling."""

    def __init__(
        self,
        kernel: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self._check(kernel, stride, padding)
        self.settings = {"kernel": kernel, "stride": stride, "padding": padding}
        if options.flag(ceil_mode, "ceil_mode", type(self).__name__):
            self.settings["ceil_mode"] = True
        if not options.flag(count_include_pad, "count_include_pad", type(self).__name__):
            self.settings["count_include_pad"] = False


class AdaptivePool(Pool):
    """Pooling to a given output size."""

    def __init__(self, size: int | tuple[int | None, ...]) -> None:
        given = tuple(1 if n is None else n for n in size) if isinstance(size, (tuple, list)) else size
        options.sizes(given, "size", type(self).__name__, self.ndim)
        self.settings = {"size": size}


class MaxPool1d(MaxPool):
    """Take the maximum of each window of sequences (batch, channels, length); see `MaxPool2d`."""

    function, ndim = max_pooling.max_pool1d, 1


class MaxPool2d(MaxPool):
    """Take the maximum of each window of images.

    Parameters
    ----------
    kernel, stride, padding, dilation, ceil_mode
        As in `wengert.functions.max_pool2d`. The default stride is the kernel size.

    Raises
    ------
    ValueError
        If an option is out of range; when called, if no window fits.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.MaxPool2d(2)(np.ones((1, 4, 28, 28), np.float32)).shape
    (1, 4, 14, 14)
    """

    function, ndim = max_pooling.max_pool2d, 2


class MaxPool3d(MaxPool):
    """Take the maximum of each window of volumes (batch, channels, depth, height, width); see `MaxPool2d`."""

    function, ndim = max_pooling.max_pool3d, 3


class AveragePool1d(AveragePool):
    """Take the average of each window of sequences (batch, channels, length); see `AveragePool2d`."""

    function, ndim = average_pooling.average_pool1d, 1


class AveragePool2d(AveragePool):
    """Take the average of each window of images.

    Parameters
    ----------
    kernel, stride, padding, ceil_mode, count_include_pad
        As in `wengert.functions.average_pool2d`. The default stride is the kernel size.

    Raises
    ------
    ValueError
        If an option is out of range; when called, if no window fits.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.AveragePool2d(3, stride=2, padding=1)(np.ones((1, 4, 28, 28), np.float32)).shape
    (1, 4, 14, 14)
    """

    function, ndim = average_pooling.average_pool2d, 2


class AveragePool3d(AveragePool):
    """Take the average of each window of volumes (batch, channels, depth, height, width); see `AveragePool2d`."""

    function, ndim = average_pooling.average_pool3d, 3


class AdaptiveAveragePool1d(AdaptivePool):
    """Take the average of `size` windows of sequences (batch, channels, length); see `AdaptiveAveragePool2d`."""

    function, ndim = adaptive_pooling.adaptive_average_pool1d, 1


class AdaptiveAveragePool2d(AdaptivePool):
    """Take the average of `size` windows along each axis of images. Size 1 is global average pooling.

    Parameters
    ----------
    size : int, or tuple of int or None
        The number of windows: for both axes, or for each. None is the size of the axis.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.AdaptiveAveragePool2d(1)(np.ones((1, 4, 7, 7), np.float32)).shape
    (1, 4, 1, 1)
    """

    function, ndim = adaptive_pooling.adaptive_average_pool2d, 2


class AdaptiveAveragePool3d(AdaptivePool):
    """Take the average of `size` windows of volumes (batch, channels, ...); see `AdaptiveAveragePool2d`."""

    function, ndim = adaptive_pooling.adaptive_average_pool3d, 3


class AdaptiveMaxPool1d(AdaptivePool):
    """Take the maximum of `size` windows of sequences (batch, channels, length); see `AdaptiveMaxPool2d`."""

    function, ndim = adaptive_pooling.adaptive_max_pool1d, 1


class AdaptiveMaxPool2d(AdaptivePool):
    """Take the maximum of `size` windows along each axis of images. Size 1 is global max pooling.

    `size` is as in `AdaptiveAveragePool2d`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.AdaptiveMaxPool2d((3, None))(np.ones((1, 4, 7, 7), np.float32)).shape
    (1, 4, 3, 7)
    """

    function, ndim = adaptive_pooling.adaptive_max_pool2d, 2


class AdaptiveMaxPool3d(AdaptivePool):
    """Take the maximum of `size` windows of volumes (batch, channels, ...); see `AdaptiveMaxPool2d`."""

    function, ndim = adaptive_pooling.adaptive_max_pool3d, 3
