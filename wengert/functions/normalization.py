"""Normalization to mean 0 and variance 1, over the batch or within each example.

All take real arrays; the gradient includes that of the computed mean and variance. The variance is the biased one
(divided by the count), as in other frameworks.
"""

import math
from typing import Any

import numpy as np

from wengert.arrays.values import widened
from wengert.checks import options
from wengert.checks.errors import describe
from wengert.custom.registration import dispatched
from wengert.functions._linear import added
from wengert.functions.activation import real_array
from wengert.functions.blas_sums import column_sums, row_sums
from wengert.functions.contraction import array
from wengert.functions.fused import Fused

__all__ = ["batch_norm", "group_norm", "layer_norm", "rms_norm"]


@dispatched
def batch_norm(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    mean: Any = None,
    variance: Any = None,
    epsilon: float = 1e-5,
    statistics: bool = False,
) -> Any:
    """Normalize each channel over the batch: (x - mean) / sqrt(variance + epsilon) * weight + bias.

    Parameters
    ----------
    x : array (batch, channels, ...)
    weight, bias : array (channels,), optional
    mean, variance : array (channels,), optional
        Both, as in test mode, or neither: then those of `x` are computed.
    epsilon : float
    statistics : bool
        Whether to return (result, mean, variance).

    Raises
    ------
    ValueError
        If the shapes do not match, or `x` is empty.

    References
    ----------
    Ioffe and Szegedy, Batch Normalization, 2015, https://arxiv.org/abs/1502.03167

    Examples
    --------
    >>> import numpy as np
    >>> batch_norm(np.array([[1.0], [3.0]]), epsilon=0)
    array([[-1.],
           [ 1.]])
    """
    x, weight, bias, mean, variance = _checked_batch(x, weight, bias, mean, variance, epsilon, statistics)
    dtype, x = _promoted(x, weight, bias, mean, variance), widened(x)
    axes = (0, *range(2, x.ndim))
    shape = (-1,) + (1,) * (x.ndim - 2)
    if mean is None:
        mean = np.mean(x, axis=axes)
        away = x - np.reshape(mean, shape)
        variance = np.mean(away * away, axis=axes)
    else:
        away = x - np.reshape(mean, shape)
    scale = 1 / np.sqrt(variance + epsilon)
    y = _affine(away * np.reshape(scale, shape), weight, bias, dtype, shape)
    return (y, mean, variance) if statistics else y


@dispatched
def layer_norm(x: Any, weight: Any = None, bias: Any = None, epsilon: float = 1e-5, ndim: int | None = None) -> Any:
    """Normalize over the last axes of each example.

    Parameters
    ----------
    x : array
    weight, bias : array of the shape of the last axes of `x`, optional
    epsilon : float
    ndim : int, optional
        The number of axes; by default that of `weight`, else 1.

    Raises
    ------
    ValueError
        If the shapes do not match.

    References
    ----------
    Ba, Kiros and Hinton, Layer Normalization, 2016, https://arxiv.org/abs/1607.06450

    Examples
    --------
    >>> import numpy as np
    >>> layer_norm(np.array([1.0, 3.0]), epsilon=0)
    array([-1.,  1.])
    """
    x, weight, bias, ndim = _checked_last(x, weight, bias, epsilon, ndim, "layer_norm")
    dtype, x = _promoted(x, weight, bias), widened(x)
    axes = tuple(range(-ndim, 0))
    away = x - np.mean(x, axis=axes, keepdims=True)
    normal = away / np.sqrt(np.mean(away * away, axis=axes, keepdims=True) + epsilon)
    return _affine(normal, weight, bias, dtype)


@dispatched
def rms_norm(x: Any, weight: Any = None, epsilon: float | None = None, ndim: int | None = None) -> Any:
    """Divide by the root of the mean square over the last axes, and multiply by `weight`.

    `epsilon` is by default the machine epsilon of the dtype (1.2e-7 for float32); all else is as in `layer_norm`.

    References
    ----------
    Zhang and Sennrich, Root Mean Square Layer Normalization, 2019, https://arxiv.org/abs/1910.07467

    Examples
    --------
    >>> import numpy as np
    >>> rms_norm(np.array([1.0, -1.0]), np.array([1.0, 2.0]))
    array([ 1., -2.])
    """
    x, weight, _, ndim = _checked_last(x, weight, None, 0 if epsilon is None else epsilon, ndim, "rms_norm")
    epsilon = float(np.finfo(x.dtype).eps) if epsilon is None else epsilon
    dtype, x = _promoted(x, weight), widened(x)
    normal = x / np.sqrt(np.mean(x * x, axis=tuple(range(-ndim, 0)), keepdims=True) + epsilon)
    return _affine(normal, weight, None, dtype)


@dispatched
def group_norm(x: Any, groups: int, weight: Any = None, bias: Any = None, epsilon: float = 1e-5) -> Any:
    """Normalize over groups of channels within each example. With as many groups as channels it is instance norm.

    Parameters
    ----------
    x : array (batch, channels, ...)
    groups : int
        Divides the number of channels.
    weight, bias : array (channels,), optional
    epsilon : float

    Raises
    ------
    ValueError
        If the shapes do not match.

    References
    ----------
    Wu and He, Group Normalization, 2018, https://arxiv.org/abs/1803.08494

    Examples
    --------
    >>> import numpy as np
    >>> group_norm(np.array([[1.0, 3.0, 5.0, 5.0]]), 2, epsilon=1e-9)
    array([[-1.,  1.,  0.,  0.]])
    """
    x, weight, bias = _checked_groups(x, groups, weight, bias, epsilon)
    dtype, x = _promoted(x, weight, bias), widened(x)
    grouped = np.reshape(x, (len(x), groups, math.prod(x.shape[1:]) // groups))
    away = grouped - np.mean(grouped, axis=-1, keepdims=True)
    normal = away / np.sqrt(np.mean(away * away, axis=-1, keepdims=True) + epsilon)
    return _affine(np.reshape(normal, x.shape), weight, bias, dtype, (-1,) + (1,) * (x.ndim - 2))


def _affine(normal: Any, weight: Any, bias: Any, dtype: Any, shape: Any = None) -> Any:
    if weight is not None:
        normal = normal * (weight if shape is None else np.reshape(weight, shape))
    y = normal if bias is None else normal + (bias if shape is None else np.reshape(bias, shape))
    return y if y.dtype == dtype else y.astype(dtype)


def _promoted(*arrays: Any) -> Any:
    """The dtype of the result, by NumPy's promotion of the given arrays."""
    return np.result_type(*(a.dtype for a in arrays if a is not None))


# Checks of the arguments


def _checked_batch(x: Any, weight: Any, bias: Any, mean: Any, variance: Any, epsilon: float, statistics: bool) -> Any:
    x = real_array(x, "batch_norm")
    options.real(epsilon, "epsilon", "batch_norm", 0)
    options.flag(statistics, "statistics", "batch_norm")
    if x.ndim < 2:
        raise ValueError(f"batch_norm takes x of shape (batch, channels, ...), but got {describe(x)}")
    if (mean is None) != (variance is None):
        raise ValueError("batch_norm takes mean and variance together, but got one of them; give both, or none")
    if mean is None and x.size == 0:
        raise ValueError(f"batch_norm takes the mean of at least one number, but got {describe(x)}; use test mode")
    named = {"weight": weight, "bias": bias, "mean": mean, "variance": variance}
    return x, *_channels(named, x, "batch_norm")


def _checked_groups(x: Any, groups: int, weight: Any, bias: Any, epsilon: float) -> Any:
    x = real_array(x, "group_norm")
    options.real(epsilon, "epsilon", "group_norm", 0)
    options.size(groups, "groups", "group_norm")
    if x.ndim < 2 or x.shape[1] % groups:
        raise ValueError(
            f"group_norm in {groups} groups takes x of shape (batch, channels, ...), the channels a multiple of "
            f"{groups}, but got {describe(x)}"
        )
    if x.size == 0 and len(x):
        raise ValueError(f"group_norm takes the mean of at least one number, but got {describe(x)}")
    return x, *_channels({"weight": weight, "bias": bias}, x, "group_norm")


def _channels(named: dict[str, Any], x: Any, whose: str) -> list[Any]:
    found = [None if value is None else array(value) for value in named.values()]
    for name, value in zip(named, found, strict=True):
        if value is not None and value.shape != x.shape[1:2]:
            raise ValueError(
                f"{whose} of x with {x.shape[1]} channels takes a {name} of shape ({x.shape[1]},), "
                f"but got {describe(value)}"
            )
    return found


def _checked_last(x: Any, weight: Any, bias: Any, epsilon: float, ndim: int | None, whose: str) -> Any:
    x = real_array(x, whose)
    options.real(epsilon, "epsilon", whose, 0)
    given = [None if value is None else array(value) for value in (weight, bias)]
    if ndim is None:
        ndim = next((value.ndim for value in given if value is not None), 1)
    if not 1 <= options.integer(ndim, "ndim", whose) <= x.ndim:
        raise ValueError(f"{whose} over the last {ndim} axes takes x of at least as many, but got {describe(x)}")
    for name, value in zip(("weight", "bias"), given, strict=True):
        if value is not None and value.shape != x.shape[-ndim:]:
            raise ValueError(
                f"{whose} over the last axes, of shape {x.shape[-ndim:]}, takes a {name} of that shape, "
                f"but got {describe(value)}"
            )
    if x.size == 0 and math.prod(x.shape[:-ndim]):
        raise ValueError(f"{whose} takes the mean of at least one number, but got {describe(x)}")
    return x, *given, ndim


# The same for ndarrays. Each row of a matrix (rows, numbers) is normalized.


def standardized(rows: Any, epsilon: float) -> tuple[Any, Any]:
    """Rows of mean 0 and variance 1, and the factor that each was multiplied by."""
    n = rows.shape[-1]
    away = rows - (row_sums(rows) / n)[:, None]
    rate = 1 / np.sqrt(np.vecdot(away, away) / n + epsilon)
    away *= rate[:, None]
    return away, rate


def through_standardized(gy: Any, normal: Any, rate: Any, mean: Any, along: Any) -> Any:
    """The gradient with respect to rows, written over that of the standardized rows.

    `mean` is the mean of `gy` in each row, or None where no mean was subtracted; `along` that of gy times normal.
    """
    gy -= normal * along[:, None]
    if mean is not None:
        gy -= mean[:, None]
    gy *= rate[:, None]
    return gy


class LayerNorm(Fused, function=layer_norm, by="x weight bias"):
    """Each example is a row."""

    normal: Any
    rate: Any
    weight: Any
    form: tuple[Any, ...]
    centred = True

    def forward(self, x: Any, weight: Any, bias: Any, epsilon: float, ndim: int | None) -> Any:
        x, weight, bias, ndim = _checked_last(x, weight, bias, epsilon, ndim, "layer_norm")
        dtype, x = _promoted(x, weight, bias), widened(x)
        self.form = x.shape, x.shape[x.ndim - ndim :]
        rows = x.reshape(math.prod(x.shape[: x.ndim - ndim]), math.prod(self.form[1]))
        self.normal, self.rate = standardized(rows, epsilon)
        return self.affine(weight, bias, dtype)

    def affine(self, weight: Any, bias: Any, dtype: Any) -> Any:
        """The normalized rows, scaled and shifted, in the shape of x."""
        y = self.normal
        self.weight = None
        if weight is not None:
            self.weight = weight.reshape(-1)
            y = y * self.weight
        if bias is not None:
            y = y + bias.reshape(-1) if weight is None else added(y, bias.reshape(-1))
        return y.reshape(self.form[0]).astype(dtype, copy=False)

    def backward(self, gy: Any) -> Any:
        gy = widened(gy).reshape(self.normal.shape)
        n = gy.shape[-1]
        needs_x, needs_weight, needs_bias = (*self.needs, False)[:3]
        gx = gw = gb = None
        products = gy * self.normal
        if needs_weight:
            gw = column_sums(products).reshape(self.form[1])
        if needs_bias:
            gb = column_sums(gy).reshape(self.form[1])
        if needs_x:
            along = row_sums(products, self.weight) / n
            mean = row_sums(gy, self.weight) / n if self.centred else None
            gx = gy.copy() if self.weight is None else gy * self.weight
            gx = through_standardized(gx, self.normal, self.rate, mean, along).reshape(self.form[0])
        return gx, gw, gb


class RMSNorm(LayerNorm, function=rms_norm, by="x weight"):
    """Without subtraction of the mean."""

    centred = False

    def forward(self, x: Any, weight: Any, epsilon: Any, ndim: int | None) -> Any:  # type: ignore[override]
        x, weight, _, ndim = _checked_last(x, weight, None, 0 if epsilon is None else epsilon, ndim, "rms_norm")
        epsilon = float(np.finfo(x.dtype).eps) if epsilon is None else epsilon
        dtype, x = _promoted(x, weight), widened(x)
        self.form = x.shape, x.shape[x.ndim - ndim :]
        rows = x.reshape(math.prod(x.shape[: x.ndim - ndim]), math.prod(self.form[1]))
        self.rate = 1 / np.sqrt(np.vecdot(rows, rows) / rows.shape[-1] + epsilon)
        self.normal = rows * self.rate[:, None]
        return self.affine(weight, None, dtype)

    def backward(self, gy: Any) -> Any:
        return super().backward(gy)[:2]


class GroupNorm(Fused, function=group_norm, by="x weight bias"):
    """Sums over space are added up within groups, and the results repeated for their channels."""

    away: Any
    rate: Any
    scale: Any
    shape_of_x: tuple[int, ...]
    groups: int

    def forward(self, x: Any, groups: int, weight: Any, bias: Any, epsilon: float) -> Any:
        x, weight, bias = _checked_groups(x, groups, weight, bias, epsilon)
        dtype, x = _promoted(x, weight, bias), widened(x)
        self.shape_of_x, self.groups = x.shape, groups
        x = x.reshape(len(x), x.shape[1], math.prod(x.shape[2:]))
        self.away = x - self.averaged(over_space(x))[:, :, None]
        self.rate = 1 / np.sqrt(self.averaged(over_space(self.away, self.away)) + epsilon)
        self.scale = self.rate if weight is None else self.rate * weight
        y = self.away * self.scale[:, :, None]
        if bias is not None:
            y = added(y, bias[:, None])
        return y.reshape(self.shape_of_x).astype(dtype, copy=False)

    def averaged(self, sums: Any) -> Any:
        """The averages over groups, (batch, channels), from the sums over space."""
        batch, channels = sums.shape
        size = channels // self.groups
        count = math.prod(self.shape_of_x[1:]) // self.groups
        average = sums.reshape(batch, self.groups, size).sum(-1) / count
        return np.repeat(average, size, axis=1) if size != 1 else average

    def backward(self, gy: Any) -> Any:
        gy = widened(gy).reshape(self.away.shape)
        needs_x, needs_weight, needs_bias = self.needs
        sums, products = over_space(gy), over_space(gy, self.away)  # (batch, channels)
        gx = None
        if needs_x:
            gx = gy * self.scale[:, :, None]
            gx -= self.away * (self.rate**2 * self.averaged(products * self.scale))[:, :, None]
            gx -= self.averaged(sums * self.scale)[:, :, None]
            gx = gx.reshape(self.shape_of_x)
        return gx, (products * self.rate).sum(0) if needs_weight else None, sums.sum(0) if needs_bias else None


class BatchNorm(Fused, function=batch_norm, by="x weight bias mean variance"):
    """Of three axes, (batch, channels, space), the first and the last are averaged over."""

    away: Any
    rate: Any
    scale: Any
    shape_of_x: tuple[int, ...]
    given: bool

    def forward(
        self, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, epsilon: float, statistics: bool
    ) -> Any:
        x, weight, bias, mean, variance = _checked_batch(x, weight, bias, mean, variance, epsilon, statistics)
        dtype, x = _promoted(x, weight, bias, mean, variance), widened(x)
        self.shape_of_x, self.given = x.shape, mean is not None
        x = x.reshape(len(x), x.shape[1], math.prod(x.shape[2:]))
        count = len(x) * x.shape[2]
        if mean is None:
            mean = over_space(x).sum(0) / count
        self.away = x - mean[:, None]
        if variance is None:
            variance = over_space(self.away, self.away).sum(0) / count
        self.rate = 1 / np.sqrt(variance + epsilon)
        self.scale = self.rate if weight is None else self.rate * weight
        y = self.away * self.scale[:, None]
        if bias is not None:
            y = added(y, bias[:, None])
        y = y.reshape(self.shape_of_x).astype(dtype, copy=False)
        return (y, mean.copy(), variance.copy()) if statistics else y

    def backward(self, gy: Any, *grad_statistics: Any) -> Any:
        gy = widened(gy).reshape(self.away.shape)
        sums, products = over_space(gy).sum(0), over_space(gy, self.away).sum(0)
        needs_x, needs_weight, needs_bias, needs_mean, needs_variance = self.needs
        # y = away * scale: the derivative with respect to the mean and the variance
        gmean = -self.scale * sums
        gvariance = -0.5 * self.scale * self.rate**2 * products
        if grad_statistics:
            gmean = gmean + grad_statistics[0]
            gvariance = gvariance + grad_statistics[1]
        gx = None
        if needs_x:
            gx = gy * self.scale[:, None]
            if not self.given:
                count = gy.shape[0] * gy.shape[2]
                gx += self.away * (gvariance * 2 / count).astype(gx.dtype, copy=False)[:, None]
                gx += (gmean / count)[:, None]
        return (
            None if gx is None else gx.reshape(self.shape_of_x),
            products * self.rate if needs_weight else None,
            sums if needs_bias else None,
            gmean if needs_mean else None,
            gvariance if needs_variance else None,
        )


def over_space(x: Any, factor: Any = None) -> Any:
    """Sum (batch, channels, space) over space, of the products with `factor` where it is given."""
    if x.shape[2] == 1:
        return (x if factor is None else x * factor)[:, :, 0]
    if factor is not None:
        return np.vecdot(x, factor)
    return row_sums(x.reshape(-1, x.shape[2])).reshape(x.shape[:2]) if x.shape[2] else x.sum(2)
