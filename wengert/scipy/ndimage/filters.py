"""Filters of images: correlations, and what they are made of; maxima, minima and ranks in windows.

Where elements of a window are equal, the derivative of their maximum or minimum is shared among them evenly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from wengert.arrays.table import plain
from wengert.scipy.answers import answers
from wengert.scipy.ndimage.borders import each_axis, image, numbered, result, windows

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "laplace",
    "maximum_filter",
    "maximum_filter1d",
    "median_filter",
    "minimum_filter",
    "minimum_filter1d",
    "percentile_filter",
    "prewitt",
    "rank_filter",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]


def along(x: Any, weights: Any, axis: int, mode: str, cval: Any, origin: int) -> Any:
    """Correlate along one axis, in the dtype of the image."""
    if weights.ndim != 1 or not weights.size:
        raise RuntimeError("no filter weights given: they must be a vector of at least one")
    if not x.size:
        return x
    y = windows(x, weights.shape, (origin,), (mode,), cval, (axis,)) @ np.conjugate(weights)
    return y if y.dtype.kind == "c" else y.astype(x.dtype)


@answers(ndimage.correlate1d)
def correlate1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    x = image(input, output)
    y = along(x, image(weights), numbered(axis, x.ndim), mode, cval, origin)
    return result(y, output, y.dtype)


@answers(ndimage.convolve1d)
def convolve1d(
    input: Any,
    weights: Any,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Any:
    x, weights = image(input, output), image(weights)
    moved = -origin - (weights.size % 2 == 0)
    y = along(x, np.conjugate(weights[::-1]), numbered(axis, x.ndim), mode, cval, moved)
    return result(y, output, y.dtype)


def correlated(x: Any, weights: Any, output: Any, mode: Any, cval: Any, origins: list[int]) -> Any:
    if weights.ndim != x.ndim:
        raise RuntimeError(f"weights.ndim ({weights.ndim}) must match that of the image ({x.ndim})")
    if not isinstance(mode, str):
        raise RuntimeError("A sequence of modes is not supported; pass one")
    if not x.size:
        return result(x, output, x.dtype)
    parts = windows(x, weights.shape, origins, [mode] * x.ndim, cval, range(x.ndim))
    y = np.tensordot(parts, weights, weights.ndim)
    y = y if y.dtype.kind == "c" else y.astype(x.dtype)
    return result(y, output, y.dtype)


@answers(ndimage.correlate)
def correlate(
    input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0
) -> Any:
    x = image(input, output)
    return correlated(x, np.conjugate(image(weights)), output, mode, cval, each_axis(origin, x.ndim, "origin"))


@answers(ndimage.convolve)
def convolve(
    input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0
) -> Any:
    x, weights = image(input, output), image(weights)
    origins = each_axis(origin, x.ndim, "origin")
    moved = [-o - (n % 2 == 0) for o, n in zip(origins, weights.shape, strict=False)]
    return correlated(x, np.flip(weights), output, mode, cval, moved)


# Gaussian filters


def gaussian_kernel(sigma: Any, order: int, radius: int) -> Any:
    """The weights, whose derivative with respect to sigma is that at a fixed radius."""
    if order < 0:
        raise ValueError("order must be non-negative")
    x = np.arange(-radius, radius + 1.0)
    square = sigma * sigma
    density = np.exp(-0.5 / square * x**2)
    density = density / np.sum(density)
    # the derivative of q(x) phi(x) is (q' - x q / sigma^2) phi; q is a list of coefficients
    q: list[Any] = [1.0]
    for _ in range(order):
        slopes = [*[k * c for k, c in enumerate(q)][1:], 0.0, 0.0]
        q = [s - (q[k - 1] / square if k else 0.0) for k, s in enumerate(slopes)]
    return sum(c * x**k for k, c in enumerate(q)) * density


def gaussian_along(
    x: Any, sigma: Any, axis: int, order: int, mode: str, cval: Any, truncate: float, radius: Any
) -> Any:
    if radius is None:
        radius = int(truncate * float(plain(sigma)) + 0.5)
    if radius != int(radius) or radius < 0:
        raise ValueError("Radius must be a nonnegative integer.")
    return along(x, gaussian_kernel(sigma, order, int(radius))[::-1], axis, mode, cval, 0)


@answers(ndimage.gaussian_filter1d)
def gaussian_filter1d(
    input: Any,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
) -> Any:
    x = image(input, output)
    y = gaussian_along(x, sigma, numbered(axis, x.ndim), order, mode, cval, truncate, radius)
    return result(y, output, x.dtype)


def gaussian(x: Any, sigma: Any, order: Any, mode: Any, cval: Any, truncate: float, radius: Any, axes: Any) -> Any:
    axes = tuple(range(x.ndim)) if axes is None else tuple(numbered(a, x.ndim) for a in np.ravel(axes))
    given = [each_axis(v, len(axes), n) for v, n in ((sigma, "sigma"), (order, "order"), (mode, "mode"))]
    for axis, s, o, m, r in zip(axes, *given, each_axis(radius, len(axes), "radius"), strict=True):
        if plain(s) > 1e-15:
            x = gaussian_along(x, s, axis, o, m, cval, truncate, r)
    return x


@answers(ndimage.gaussian_filter)
def gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Any:
    x = image(input, output)
    return result(gaussian(x, sigma, order, mode, cval, truncate, radius, axes), output, x.dtype)


def of_order(x: Any, sigma: Any, order: int, mode: Any, cval: Any, truncate: float) -> list[Any]:
    """The Gaussian derivatives of an order along each axis. `mode` is one for each."""
    modes = each_axis(mode, x.ndim, "mode")
    orders = [[order * (i == axis) for i in range(x.ndim)] for axis in range(x.ndim)]
    return [gaussian(x, sigma, o, m, cval, truncate, None, None) for o, m in zip(orders, modes, strict=True)]


@answers(ndimage.gaussian_laplace)
def gaussian_laplace(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, truncate: float = 4.0
) -> Any:
    x = image(input, output)
    return result(sum(of_order(x, sigma, 2, mode, cval, truncate)) if x.ndim else 1 * x, output, x.dtype)


@answers(ndimage.gaussian_gradient_magnitude)
def gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *, truncate: float = 4.0
) -> Any:
    x = image(input, output)
    # (a norm, whose derivative at 0 is 0, and whose square is smooth)
    y = np.linalg.norm(np.stack(of_order(x, sigma, 1, mode, cval, truncate)), axis=0) if x.ndim else 1 * x
    return result(y, output, x.dtype)


# Differences and means


def edges(x: Any, axis: int, beside: Any, mode: Any, cval: Any) -> Any:
    axis = numbered(axis, x.ndim)
    modes = each_axis(mode, x.ndim, "mode")
    y = along(x, np.array([-1.0, 0.0, 1.0]), axis, modes[axis], cval, 0)
    for i in range(x.ndim):
        if i != axis:
            y = along(y, beside, i, modes[i], cval, 0)
    return y


@answers(ndimage.sobel)
def sobel(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    x = image(input, output)
    return result(edges(x, axis, np.array([1.0, 2.0, 1.0]), mode, cval), output, x.dtype)


@answers(ndimage.prewitt)
def prewitt(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    x = image(input, output)
    return result(edges(x, axis, np.array([1.0, 1.0, 1.0]), mode, cval), output, x.dtype)


@answers(ndimage.laplace)
def laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    x = image(input, output)
    modes = each_axis(mode, x.ndim, "mode")
    parts = [along(x, np.array([1.0, -2.0, 1.0]), axis, modes[axis], cval, 0) for axis in range(x.ndim)]
    return result(sum(parts) if parts else 1 * x, output, x.dtype)


def uniform_along(x: Any, size: int, axis: int, mode: str, cval: Any, origin: int) -> Any:
    if size < 1:
        raise RuntimeError("incorrect filter size")
    return along(x, np.full(size, 1.0 / size), axis, mode, cval, origin)


@answers(ndimage.uniform_filter1d)
def uniform_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    x = image(input, output)
    return result(uniform_along(x, size, numbered(axis, x.ndim), mode, cval, origin), output, x.dtype)


@answers(ndimage.uniform_filter)
def uniform_filter(
    input: Any, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0
) -> Any:
    x = y = image(input, output)
    given = [each_axis(v, x.ndim, n) for v, n in ((size, "size"), (mode, "mode"), (origin, "origin"))]
    for axis, (s, m, o) in enumerate(zip(*given, strict=True)):
        if s > 1:
            y = uniform_along(y, int(s), axis, m, cval, o)
    return result(y, output, x.dtype)


# Order statistics of windows


def chosen(input: Any, size: Any, footprint: Any, mode: Any, cval: Any, origin: Any) -> tuple[Any, Any]:
    """The image, and the elements of each window in the last axis."""
    x = image(input)
    if x.dtype.kind == "c":
        raise TypeError("Complex type not supported; pass real numbers")
    if footprint is None:
        if size is None:
            raise RuntimeError("no footprint or filter size provided; pass size=")
        footprint = np.ones([int(s) for s in each_axis(size, x.ndim, "size")], bool)
    footprint = np.asarray(footprint, bool)
    if footprint.ndim != x.ndim or not footprint.any():
        raise ValueError(f"the footprint needs the {x.ndim} axes of the image, and an element that is not 0")
    modes = each_axis(mode, x.ndim, "mode")
    parts = windows(x, footprint.shape, each_axis(origin, x.ndim, "origin"), modes, cval, range(x.ndim))
    flat = np.reshape(parts, (*x.shape, footprint.size)) if x.size else parts
    return x, flat if footprint.all() or not x.size else flat[..., np.flatnonzero(footprint)]


@answers(ndimage.maximum_filter)
def maximum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    x, parts = chosen(input, size, footprint, mode, cval, origin)
    return result(np.max(parts, axis=-1), output, x.dtype)


@answers(ndimage.minimum_filter)
def minimum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    x, parts = chosen(input, size, footprint, mode, cval, origin)
    return result(np.min(parts, axis=-1), output, x.dtype)


@answers(ndimage.maximum_filter1d)
def maximum_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    x = image(input, output)
    return result(np.max(windows(x, (size,), (origin,), (mode,), cval, (axis,)), axis=-1), output, x.dtype)


@answers(ndimage.minimum_filter1d)
def minimum_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    x = image(input, output)
    return result(np.min(windows(x, (size,), (origin,), (mode,), cval, (axis,)), axis=-1), output, x.dtype)


def of_rank(parts: Any, rank: int) -> Any:
    """The element of a rank in each window; of equal ones, the first."""
    n = parts.shape[-1]
    rank = rank + n if rank < 0 else rank
    if not 0 <= rank < n:
        raise RuntimeError(f"rank not within filter footprint size: it has {n} elements")
    if rank == 0:
        return np.min(parts, axis=-1)
    return np.max(parts, axis=-1) if rank == n - 1 else np.sort(parts, axis=-1)[..., rank]


@answers(ndimage.rank_filter)
def rank_filter(
    input: Any,
    rank: int,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    x, parts = chosen(input, size, footprint, mode, cval, origin)
    return result(of_rank(parts, int(rank)), output, x.dtype)


@answers(ndimage.median_filter)
def median_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    x, parts = chosen(input, size, footprint, mode, cval, origin)
    return result(of_rank(parts, parts.shape[-1] // 2), output, x.dtype)


@answers(ndimage.percentile_filter)
def percentile_filter(
    input: Any,
    percentile: float,
    size: Any = None,
    footprint: Any = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
) -> Any:
    x, parts = chosen(input, size, footprint, mode, cval, origin)
    share = percentile + 100.0 if percentile < 0.0 else percentile
    if not 0 <= share <= 100:
        raise RuntimeError("invalid percentile; it must be from -100 to 100")
    n = parts.shape[-1]
    return result(of_rank(parts, n - 1 if share == 100.0 else int(n * share / 100.0)), output, x.dtype)
