"""Normalization layers: over the batch, over each example, over groups of channels."""

import math
from contextvars import ContextVar
from typing import Any

import numpy as np

from wengert.arrays.batches import examples_of
from wengert.arrays.level import BATCHED, level_of
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.core.variable import Parameter, Variable
from wengert.functions.contraction import array
from wengert.functions.normalization import batch_norm, group_norm, layer_norm, rms_norm
from wengert.layers.layer import Layer
from wengert.layers.sizes import size_read

__all__ = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RMSNorm"]


# A function that sums an array over all ranks that train together, and the weight of this one's batch: 0, or 1.
batch_sums: ContextVar[Any] = ContextVar("wengert.batch_sums", default=None)


class Normalization(Layer):
    """What the normalization layers share: a scale and a shift for each channel, made when their number is known.

    Attributes
    ----------
    weight, bias : Parameter (channels,), or None without `affine`
    """

    channels: int | None
    epsilon: float = options.option(options.real, 0)
    weight: Parameter | None
    bias: Parameter | None

    def _hold(self, channels: int | None, epsilon: float, affine: bool, bias: bool, dtype: Any) -> None:
        kind = type(self).__name__
        self.channels = None if channels is None else options.size(channels, "channels", kind)
        self.epsilon = epsilon
        self.dtype = options.dtype(dtype, "dtype", kind, "fc")
        affine = options.flag(affine, "affine", kind)
        self.weight = Parameter(None) if affine else None
        self.bias = Parameter(None) if affine and bias else None
        if self.channels is not None:
            self._make(self.channels)

    def _make(self, channels: int) -> None:
        self.channels = channels
        for p, start in ((self.weight, np.ones), (self.bias, np.zeros)):
            if p is not None and p.data is None:
                p.data = start(channels, self.dtype)

    @property
    def _made(self) -> bool:
        return not any(p is not None and p.data is None for p in (self.weight, self.bias))

    def _checked(self, x: Any) -> Any:
        x = array(x)
        if x.ndim < 2 or (self.channels is not None and x.shape[1] != self.channels):
            wanted = "channels" if self.channels is None else self.channels
            raise ValueError(f"{self.label()} takes x of shape (batch, {wanted}, ...), but got {describe(x)}")
        if self.channels is None or not self._made:
            self._make(x.shape[1])
        return x

    def loaded(self) -> None:
        """Infer the number of channels from the parameters."""
        for p in (self.weight, self.bias):
            if p is not None and p.data is not None:
                (self.channels,) = size_read(self, p, ("channels",))

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`: one for each element."""
        return int(math.prod(y.shape))

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        return f"{type(self).__name__}({self.channels})"


class BatchNorm(Normalization):
    """Normalize each channel over the batch; in test mode, with the running averages of training.

    Parameters
    ----------
    channels : int, optional
        Inferred from the first input if omitted.
    epsilon : float
        Added to the variance.
    momentum : float or None
        The weight of a new batch in the running averages. None: all batches have the same weight.
    affine : bool
        Whether to learn a scale and a shift.
    dtype : float32 or float64

    Attributes
    ----------
    weight, bias : Parameter (channels,), or None without `affine`
    running_mean, running_var : ndarray (channels,)
        Updated in place in training. The variance is the unbiased one, as in PyTorch.
    num_batches_tracked : ndarray ()

    Raises
    ------
    ValueError
        When called on an array of another number of channels, or in training on one number per channel.

    Notes
    -----
    For inputs (batch, channels) and (batch, channels, ...) with any number of axes. Not thread-safe in training.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> layer = wengert.layers.BatchNorm()
    >>> y = layer(np.array([[1.0], [3.0]]))
    >>> layer.running_mean
    array([0.2], dtype=float32)
    """

    momentum: float | None = options.option(options.real, 0, 1, optional=True)

    def __init__(
        self,
        channels: int | None = None,
        epsilon: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        self.momentum = momentum
        self._hold(channels, epsilon, affine, True, dtype)
        self.num_batches_tracked = np.zeros((), np.int64)

    def _hold(self, channels: int | None, epsilon: float, affine: bool, bias: bool, dtype: Any) -> None:
        # Empty until the number of channels is known: a lazy buffer.
        dtype = options.dtype(dtype, "dtype", type(self).__name__, "fc")
        self.running_mean, self.running_var = np.zeros(0, dtype), np.zeros(0, dtype)
        super()._hold(channels, epsilon, affine, bias, dtype)

    def _make(self, channels: int) -> None:
        super()._make(channels)
        if not self.running_mean.size:
            self.running_mean = np.zeros(channels, self.dtype)
        if not self.running_var.size:
            self.running_var = np.ones(channels, self.dtype)

    @property
    def _made(self) -> bool:
        return bool(self.running_mean.size and self.running_var.size) and super()._made

    def forward(self, x: Any) -> Any:
        """Normalize (batch, channels, ...)."""
        x = self._checked(x)
        if not self.training:
            # Copies: training later writes into the buffers, which a graph that is not walked yet may read.
            mean, variance = self.running_mean.copy(), self.running_var.copy()
            return batch_norm(x, self.weight, self.bias, mean, variance, self.epsilon)
        count = math.prod(x.shape) // x.shape[1] if x.shape[1] else 0
        if count < 2 and batch_sums.get() is None:
            raise ValueError(
                f"{self.label()} in training takes at least two numbers for each channel, but got {describe(x)}; "
                "give a larger batch (drop_last=True drops a small last one), or use test mode"
            )
        summed = batch_sums.get()
        if summed is None:
            y, mean, variance = batch_norm(x, self.weight, self.bias, None, None, self.epsilon, True)
        else:
            mean, variance, count = _over_all(x, summed)
            y = batch_norm(x, self.weight, self.bias, mean, variance, self.epsilon)
        self._track(plain_array(mean), plain_array(variance), count)
        return y

    def _track(self, mean: Any, variance: Any, count: int) -> None:
        if level_of(mean) >= BATCHED:  # (under vmap as in a loop over the examples)
            for of_example in zip(examples_of(mean), examples_of(variance), strict=True):
                self._track(*of_example, count)
            return
        self.num_batches_tracked += 1
        rate = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        for running, value in ((self.running_mean, mean), (self.running_var, variance * (count / (count - 1)))):
            running *= 1 - rate
            running += (rate * value).astype(running.dtype, copy=False)

    def loaded(self) -> None:
        """Infer the number of channels from the parameters and running averages."""
        super().loaded()
        for buffer in (self.running_mean, self.running_var):
            if buffer.size:
                (self.channels,) = size_read(self, buffer, ("channels",))

    def reset(self) -> None:
        """Reset the running averages.

        Examples
        --------
        >>> import numpy as np, wengert
        >>> layer = wengert.layers.BatchNorm(1)
        >>> y = layer(np.array([[1.0], [3.0]]))
        >>> layer.reset()
        >>> layer.running_mean
        array([0.], dtype=float32)
        """
        self.running_mean[...] = 0
        self.running_var[...] = 1
        self.num_batches_tracked[...] = 0


def _over_all(x: Any, summed: Any) -> tuple[Any, Any, int]:
    """Return mean and variance of each channel over the batch of all ranks, and how many numbers those are of."""
    axes, shape = (0, *range(2, x.ndim)), (-1,) + (1,) * (x.ndim - 2)
    total, weight = summed
    count = int(total(np.array([weight * math.prod(x.shape) // x.shape[1]], np.int64))[0])
    if count < 2:
        raise ValueError(f"BatchNorm in training takes at least two numbers for each channel, but got {count} in all")
    mean = total(np.sum(x, axis=axes) * weight) / count
    away = x - np.reshape(mean, shape)
    return mean, total(np.sum(away * away, axis=axes) * weight) / count, count


class GroupNorm(Normalization):
    """Normalize groups of channels within each example.

    Parameters
    ----------
    groups : int
        Divides the number of channels.
    channels : int, optional
        Inferred from the first input if omitted.
    epsilon, affine, dtype
        As in `BatchNorm`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.GroupNorm(2, 4)(np.ones((1, 4, 3), np.float32)).shape
    (1, 4, 3)
    """

    groups: int = options.option(options.size)

    def __init__(
        self,
        groups: int,
        channels: int | None = None,
        epsilon: float = 1e-5,
        affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        self.groups = groups
        if channels is not None and options.size(channels, "channels", "GroupNorm") % self.groups:
            raise ValueError(f"GroupNorm takes channels that are a multiple of groups={groups}, but got {channels}")
        self._hold(channels, epsilon, affine, True, dtype)

    def forward(self, x: Any) -> Any:
        """Normalize (batch, channels, ...)."""
        x = array(x)
        if x.ndim >= 2 and x.shape[1] % self.groups:
            raise ValueError(
                f"{self.label()} takes channels that are a multiple of {self.groups}, but got {describe(x)}"
            )
        return group_norm(self._checked(x), self.groups, self.weight, self.bias, self.epsilon)

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        return f"GroupNorm({self.groups}, {self.channels})"


class InstanceNorm(Normalization):
    """Normalize each channel within each example.

    Parameters
    ----------
    channels : int, optional
        Inferred from the first input if omitted.
    epsilon, affine, dtype
        As in `BatchNorm`, but by default without parameters, as in PyTorch.

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, Instance Normalization, 2016, https://arxiv.org/abs/1607.08022

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.InstanceNorm()(np.array([[[1.0, 3.0], [0.0, 2.0]]])).round(3)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """

    def __init__(
        self, channels: int | None = None, epsilon: float = 1e-5, affine: bool = False, dtype: Any = np.float32
    ) -> None:
        self._hold(channels, epsilon, affine, True, dtype)

    def forward(self, x: Any) -> Any:
        """Normalize (batch, channels, ...)."""
        x = array(x)
        if x.ndim < 3:
            raise ValueError(f"{self.label()} takes x of shape (batch, channels, length, ...), but got {describe(x)}")
        return group_norm(self._checked(x), x.shape[1], self.weight, self.bias, self.epsilon)


class LayerNorm(Layer):
    """Normalize over the last axes of each example.

    Parameters
    ----------
    shape : int or tuple of int, optional
        The last axes; if omitted, one axis, inferred from the first input.
    epsilon : float
    affine, bias : bool
        Whether to learn a scale, and with it a shift.
    dtype : float32 or float64

    Attributes
    ----------
    weight, bias : Parameter of `shape`, or None

    Raises
    ------
    ValueError
        When called on an array whose last axes are not of `shape`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.LayerNorm(2, epsilon=0)(np.array([[1.0, 3.0]], np.float32))
    Variable([[-1.,  1.]], dtype=float32)
    """

    shape: tuple[int, ...] | None
    epsilon: Any = options.option(options.real, 0)
    centred = True

    def __init__(
        self,
        shape: int | tuple[int, ...] | None = None,
        epsilon: float | None = 1e-5,
        affine: bool = True,
        bias: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        kind = type(self).__name__
        count = len(shape) if isinstance(shape, (tuple, list)) else 1
        if not count:
            raise ValueError(f"shape of {kind} must have at least one axis, but got ()")
        self.shape = None if shape is None else options.sizes(shape, "shape", kind, count)
        self.epsilon = epsilon
        self.dtype = options.dtype(dtype, "dtype", kind, "fc")
        affine, bias = options.flag(affine, "affine", kind), options.flag(bias, "bias", kind)
        self.weight = Parameter(None) if affine else None
        self.bias = Parameter(None) if affine and bias and self.centred else None
        if self.shape is not None:
            self._make(self.shape)

    def _make(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        for p, start in ((self.weight, np.ones), (self.bias, np.zeros)):
            if p is not None and p.data is None:
                p.data = start(shape, self.dtype)

    def forward(self, x: Any) -> Any:
        """Normalize ``(..., *shape)``."""
        x = array(x)
        shape = self.shape or x.shape[-1:]
        if x.ndim < len(shape) or x.ndim == 0 or x.shape[x.ndim - len(shape) :] != shape:
            raise ValueError(
                f"{self.label()} takes x of shape (..., {', '.join(map(str, shape)) or 'size'}), but got {describe(x)}"
            )
        if self.shape is None or any(p is not None and p.data is None for p in (self.weight, self.bias)):
            self._make(shape)
        return self.normalized(x, len(shape))

    def normalized(self, x: Any, ndim: int) -> Any:
        """Normalize over the last `ndim` axes."""
        return layer_norm(x, self.weight, self.bias, self.epsilon, ndim)

    def loaded(self) -> None:
        """Infer the shape from the parameters."""
        for p in (self.weight, self.bias):
            if p is not None and p.data is not None:
                self.shape = size_read(self, p, self.shape or (None,))

    def multiply_adds(self, x: Any, y: Any) -> int:
        """The number of multiply-adds to compute `y` from `x`: one for each element."""
        return int(math.prod(y.shape))

    def label(self) -> str:
        """Return the representation, with its sizes, on one line."""
        shown = self.shape[0] if self.shape is not None and len(self.shape) == 1 else self.shape
        return f"{type(self).__name__}({shown})"


class RMSNorm(LayerNorm):
    """Divide by the root of the mean square over the last axes, and multiply by a learnt scale.

    Parameters
    ----------
    shape : int or tuple of int
        As in `LayerNorm`.
    epsilon : float, optional
        By default the machine epsilon of the input's dtype.
    affine, dtype
        As in `LayerNorm`.

    Examples
    --------
    >>> import numpy as np, wengert
    >>> wengert.layers.RMSNorm(2)(np.array([[3.0, -3.0]], np.float32))
    Variable([[ 1., -1.]], dtype=float32)
    """

    epsilon: float | None = options.option(options.real, 0, optional=True)
    centred = False

    def __init__(
        self,
        shape: int | tuple[int, ...] | None = None,
        epsilon: float | None = None,
        affine: bool = True,
        dtype: Any = np.float32,
    ) -> None:
        super().__init__(shape, epsilon, affine, False, dtype)

    def normalized(self, x: Any, ndim: int) -> Any:
        """Normalize over the last `ndim` axes."""
        return rms_norm(x, self.weight, self.epsilon, ndim)


def plain_array(value: Any) -> Any:
    """The array of a Variable."""
    return value.data if isinstance(value, Variable) else value
