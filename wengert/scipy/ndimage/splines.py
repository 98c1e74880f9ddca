"""Splines through the elements of an image: their coefficients, and their values at any coordinates.

Derivatives with respect to coordinates are those of the spline. Those of order 1 have kinks at the elements, where the
derivative is that to the right (at the last one, to the left); those of order 0 are steps.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import ndimage

from wengert.arrays.table import plain
from wengert.custom.registration import pullback
from wengert.scipy.answers import answered
from wengert.scipy.ndimage.borders import check_mode, extended, folded, image, numbered

__all__ = ["coefficients", "for_image", "interpolated", "prepared", "spline_filter1d"]

SMALL = 64  # lines up to which the matrix of a filter is used, as SciPy starts it inexactly at the ends
PADDING = 12  # elements that SciPy adds where the spline's own border is another


spline_filter1d = answered(ndimage.spline_filter1d)


@pullback(spline_filter1d, "input", reads="")
def spline_filter1d_pullback(
    gy: Any, input: Any, order: int = 3, axis: int = -1, output: Any = np.float64, mode: str = "mirror"
) -> Any:
    x = input
    axis = numbered(axis, x.ndim)
    n = x.shape[axis]
    if order < 2 or n < 2:
        return gy
    if n <= SMALL:
        return np.moveaxis(np.tensordot(gy, filter_matrix(n, order, mode), (axis, 0)), -1, axis)
    if mode in ("reflect", "grid-mirror", "nearest", "grid-wrap"):
        return spline_coefficients(gy, order, axis, mode)  # the matrix is symmetric
    # mirrored at the ends: it is symmetric once the first and the last row are halved
    halves = np.ones(n)
    halves[[0, -1]] = 0.5
    halves = np.reshape(halves, (n, *(1,) * (x.ndim - 1 - axis)))
    return spline_coefficients(gy / halves, order, axis, mode) * halves


def spline_coefficients(x: Any, order: int, axis: int, mode: str) -> Any:
    """The coefficients along one axis of the B-splines that go through the elements, in double precision."""
    if order < 2 or not x.size:
        return x
    return spline_filter1d(x, order, axis, np.complex128 if x.dtype.kind == "c" else np.float64, mode)


@functools.lru_cache(64)
def filter_matrix(n: int, order: int, mode: str) -> Any:
    return ndimage.spline_filter1d(np.eye(n), order, 0, np.float64, mode)


def coefficients(x: Any, order: int, mode: str) -> Any:
    for axis in range(x.ndim):
        x = spline_coefficients(x, order, axis, mode)
    return x


def prepared(x: Any, order: int, mode: str, cval: Any, prefilter: bool) -> tuple[Any, int]:
    """The coefficients of an image, and how many elements were added at each border."""
    if not 0 <= order <= 5 or order != int(order):
        raise RuntimeError("spline order not supported; it is an integer from 0 to 5")
    check_mode(mode)
    if not prefilter or order < 2:
        return x, 0
    padding = PADDING if mode in ("nearest", "grid-constant") else 0
    for axis in range(x.ndim if padding else 0):
        x = extended(x, axis, padding, padding, mode, cval)
    return coefficients(x, order, mode), padding


def spline_weights(t: Any, order: int) -> list[Any]:
    """The values of the B-splines of an order that are not 0, at t from 0 to 1 between two knots (de Boor)."""
    found: list[Any] = [1.0]
    for k in range(1, order + 1):
        before = [0.0, *found, 0.0]
        found = [((t + (k - j)) * before[j] + (1 + j - t) * before[j + 1]) / k for j in range(k + 1)]
    return found


def mapped(x: Any, n: int, mode: str) -> tuple[Any, Any]:
    """The coordinate in the image that stands for one beyond its border, and which have none; by steps and signs."""
    at = plain(x)
    if mode in ("grid-constant", "nearest"):
        return x, None  # what the support reads beyond the border is mapped
    if mode == "constant":
        return x, ~((at >= 0) & (at <= n - 1))
    if n == 1:
        return 0 * x, None
    inside = (at >= 0) & (at <= n - 1)
    if mode in ("mirror", "reflect", "grid-mirror"):
        shift = 0.0 if mode == "mirror" else 0.5
        period = 2 * n - 2 if mode == "mirror" else 2 * n
        folds = np.floor((at + shift) / period) * period
        rest = at + shift - folds
        # (SciPy leaves what is less than one step above the last element to the support)
        back = np.where(at > n - 1, rest >= n, rest > n - 1) if mode == "mirror" else rest > n
        return np.where(inside, x, np.where(back, period - 2 * shift - (x - folds), x - folds)), None
    period = n - 1 if mode == "wrap" else n
    return np.where(inside, x, x - np.floor(at / period) * period), None


def interpolated(c: Any, coordinates: list[Any], order: int, mode: str, cval: Any, padding: int) -> Any:
    """The spline with coefficients `c` at coordinates, one array for each axis."""
    at_border = "mirror" if mode in ("constant", "wrap") else mode
    outside: Any = False
    indices, weights, beyond = [], [], []
    for x, n in zip(coordinates, c.shape, strict=True):
        x, none = mapped(x, n - 2 * padding, mode)
        outside = outside if none is None else outside | none
        x = np.where(none, 0.0, x) if none is not None else x
        x = x + padding + (0.5 if order % 2 == 0 else 0.0)
        start = np.floor(plain(x))
        if order == 1:
            start = np.where((plain(x) == n - 1) & (n > 1), n - 2.0, start)
        weights.append(spline_weights(x - start, order))
        places = start[..., None].astype(np.intp) - order // 2 + np.arange(order + 1)
        beyond.append((places < 0) | (places >= n))
        indices.append(folded(places, n, at_border))
    return gathered(c, indices, weights, beyond if mode == "grid-constant" else None, cval, outside)


def gathered(c: Any, indices: Any, weights: Any, beyond: Any, cval: Any, outside: Any) -> Any:
    """Sum the products of coefficients and weights over the support, one axis after the other."""
    count, width = len(indices), indices[0].shape[-1]
    shape = indices[0].shape[:-1]

    def spread(a: Any, axis: int) -> Any:
        return np.reshape(a, (*shape, *(width if i == axis else 1 for i in range(count))))

    values = c[tuple(spread(index, axis) for axis, index in enumerate(indices))]
    if beyond is not None:
        missing = functools.reduce(np.logical_or, (spread(b, axis) for axis, b in enumerate(beyond)))
        values = np.where(missing, cval, values)
    for w in reversed(weights):
        # (an order of 0 has one weight, which is 1)
        values = (
            values[..., 0] if width == 1 else sum(values[..., j] * expanded(w[j], values.ndim) for j in range(width))
        )
    return values if outside is False else np.where(outside, cval, values)


def expanded(w: Any, ndim: int) -> Any:
    return np.reshape(w, w.shape + (1,) * (ndim - 1 - w.ndim))


def for_image(value: Any) -> Any:
    """An image in double precision."""
    x = image(value)
    return x if x.dtype.itemsize >= 8 and x.dtype != np.complex64 else x.astype(np.result_type(x.dtype, np.float64))
