"""Derivatives of cumulative sums and products, of differences, and of numerical integration and differentiation."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from wengert.arrays import newer_numpy
from wengert.arrays.values import widened
from wengert.checks.errors import describe
from wengert.custom.registration import composition, pullback
from wengert.functions.reduction import NONE, converted, floating, no_gradient, not_nan, rounds

# Cumulative sums and products. `axis` is None for the flattened array, and a 0-d array has one element.


def part(a: Any, axis: int, *bounds: Any) -> Any:
    """Slice along one axis: ``a[start:stop:step]``."""
    return a[(slice(None),) * normalize_axis_index(axis, a.ndim) + (slice(*bounds),)]


def reversed_along(a: Any, axis: int) -> Any:
    return part(a, axis, None, None, -1)


@pullback(np.cumsum, "a", reads="", linear=True)
def cumsum(gy: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    if rounds(a, dtype):
        return no_gradient(gy, a)
    gy, along = widened(gy), 0 if axis is None else axis
    if type(gy) is np.ndarray and gy.ndim:
        gx = np.empty(a.shape, gy.dtype)
        if gy.ndim == 1:
            gy[::-1].cumsum(0, None, gx.reshape(-1)[::-1])
            return gx
        np.cumsum(reversed_along(gy, along), along, gy.dtype, reversed_along(gx.reshape(gy.shape), along))
        return gx
    return np.reshape(reversed_along(np.cumsum(reversed_along(gy, along), axis=along), along), a.shape)


@pullback(np.nancumsum, "a")
def nancumsum(gy: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    return np.where(not_nan(a), cumsum(gy, a, axis, dtype), 0)


@pullback(newer_numpy.cumulative_sum, "x", reads="", linear=True)
def cumulative_sum(
    gy: Any, x: Any, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    along = 0 if axis is None else axis
    return cumsum(part(gy, along, 1, None) if include_initial else gy, x, along, dtype)


@pullback(np.cumprod, "a")
def cumprod(gy: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, *, y: Any) -> Any:
    """The product of all elements before each, times the sum of the contributions of all after it.

    That sum is ``s[i] = gy[i] + conj(a[i+1]) s[i+1]``. It is computed by doubling, in log2(n) steps over whole arrays
    and without a division, so that zeros need no special case.
    """
    if rounds(a, dtype):
        return no_gradient(gy, a)
    gy, along = widened(gy), 0 if axis is None else axis % gy.ndim
    factors = np.conjugate(np.reshape(floating(a, dtype, gy), gy.shape))
    length = gy.shape[along]
    edge = (*gy.shape[:along], 1, *gy.shape[along + 1 :])
    sums = gy
    links = part(factors, along, 1, None)  # links[i] leads from sums[i+step] to sums[i]
    step = 1
    while step < length:
        reached = part(sums, along, None, -step) + links * part(sums, along, step, None)
        sums = np.concatenate([reached, part(sums, along, -step, None)], axis=along)
        links = part(links, along, None, -step) * part(links, along, step, None)
        step *= 2
    before = np.concatenate([np.ones(edge, y.dtype), np.conjugate(part(y, along, None, -1))], axis=along)
    return np.reshape(sums * before if length else sums, a.shape)


@pullback(np.nancumprod, "a")
def nancumprod(gy: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, *, y: Any) -> Any:
    valid = not_nan(a)
    return np.where(valid, cumprod(gy, np.where(valid, a, 1), axis, dtype, y=y), 0)


@pullback(newer_numpy.cumulative_prod, "x")
def cumulative_prod(
    gy: Any, x: Any, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False, y: Any
) -> Any:
    along = 0 if axis is None else axis
    if include_initial:
        gy, y = part(gy, along, 1, None), part(y, along, 1, None)
    return cumprod(gy, x, along, dtype, y=y)


# Differences


def padded_difference(gy: Any, n: int, axis: int) -> Any:
    """The transpose of an n-th difference: the difference of the zero-padded gradient."""
    zeros = np.zeros((*gy.shape[: axis % gy.ndim], n, *gy.shape[axis % gy.ndim + 1 :]), gy.dtype)
    return (-1) ** n * np.diff(np.concatenate([zeros, gy, zeros], axis=axis), n, axis)


def length_along(value: Any, axis: int) -> int:
    """The length of `value` as the `prepend` or `append` of np.diff."""
    if value is NONE or value is None:
        return 0
    shape = value.shape if hasattr(value, "shape") else np.shape(value)
    return shape[axis] if shape else 1


def difference(gy: Any, a: Any, n: int, axis: int, prepend: Any, append: Any) -> tuple[Any, Any, Any]:
    """The gradients with respect to `prepend`, `a` and `append` of np.diff."""
    if n == 0:  # NumPy then ignores these two, and the axis
        return None, gy, None
    first, last = length_along(prepend, axis), length_along(append, axis)
    total = first + a.shape[axis] + last
    if total <= n:  # no differences are left
        shape = (*gy.shape[: axis % gy.ndim], total, *gy.shape[axis % gy.ndim + 1 :])
        full = no_gradient(gy, np.empty(shape))
    else:
        full = padded_difference(gy, n, axis)
    return part(full, axis, 0, first), part(full, axis, first, total - last), part(full, axis, total - last, total)


@pullback(np.diff, "a", reads="", linear=True)
def diff(gy: Any, a: Any, n: int = 1, axis: int = -1, prepend: Any = NONE, append: Any = NONE) -> Any:
    return difference(gy, a, n, axis, prepend, append)[1]


def outer_part(gy: Any, gx: Any, given: Any) -> Any:
    if gx is None:
        return no_gradient(gy, given)
    return gx if given.ndim else np.sum(widened(gx))


@pullback(np.diff, "prepend", reads="", linear=True)
def diff_prepend(gy: Any, a: Any, n: int = 1, axis: int = -1, prepend: Any = NONE, append: Any = NONE) -> Any:
    return outer_part(gy, difference(gy, a, n, axis, prepend, append)[0], prepend)


@pullback(np.diff, "append", reads="", linear=True)
def diff_append(gy: Any, a: Any, n: int = 1, axis: int = -1, prepend: Any = NONE, append: Any = NONE) -> Any:
    return outer_part(gy, difference(gy, a, n, axis, prepend, append)[2], append)


@composition(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    ary = np.ravel(ary)
    begin, end = end_part("to_begin", to_begin, ary.dtype), end_part("to_end", to_end, ary.dtype)
    return np.concatenate([*begin, np.diff(ary), *end])


def end_part(name: str, value: Any, dtype: Any) -> list[Any]:
    """The values that np.ediff1d puts before or after the differences, in their dtype."""
    if value is None:
        return []
    value = np.ravel(value)
    if not np.can_cast(value.dtype, dtype, "same_kind"):
        raise TypeError(
            f"{name} of np.ediff1d must be of a dtype that casts to that of ary, {dtype}, within its kind, "
            f"but got {describe(value)}; convert ary first: ary.astype(...)"
        )
    return [converted(value, dtype)]


# Integrals and derivatives of samples


@composition(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y = y if hasattr(y, "ndim") else np.asarray(y)
    width = dx
    if x is not None:
        x = x if hasattr(x, "ndim") else np.asarray(x)
        width = np.diff(x, axis=axis if x.ndim != 1 else 0)
        if x.ndim == 1:
            width = np.reshape(width, (-1,) + (1,) * (y.ndim - normalize_axis_index(axis, y.ndim) - 1))
    return np.sum(width * (part(y, axis, 1, None) + part(y, axis, None, -1)) / 2.0, axis)


@composition(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = f if hasattr(f, "ndim") else np.asarray(f)
    axes = range(f.ndim) if axis is None else normalize_axis_tuple(axis, f.ndim)
    spacings = list(varargs) or [1.0]
    if len(spacings) == 1 and np.ndim(spacings[0]) == 0:
        spacings *= len(axes)
    if len(spacings) != len(axes):
        raise TypeError(
            f"np.gradient takes one spacing, or one for each of the {len(axes)} axes, but got {len(varargs)}"
        )
    if edge_order not in (1, 2):
        raise ValueError(f"edge_order of np.gradient must be 1 or 2, but got {edge_order!r}")
    if f.dtype.kind in "biu":
        f = f.astype(np.dtype(np.float64))
    slopes = tuple(slope_along(f, i, spacing, edge_order) for i, spacing in zip(axes, spacings, strict=True))
    return slopes[0] if len(slopes) == 1 else slopes


def slope_along(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """Central differences inside, and one-sided ones of `edge_order` at the two edges."""
    length = f.shape[axis]
    if length < edge_order + 1:
        raise ValueError(
            f"np.gradient needs at least edge_order + 1 = {edge_order + 1} elements along each axis, "
            f"but axis {axis} has {length}"
        )
    if np.ndim(spacing) == 0:
        inner = (part(f, axis, 2, None) - part(f, axis, None, -2)) / (2.0 * spacing)
        before = after = spacing
        weights: Any = ((-1.5 / spacing, 2.0 / spacing, -0.5 / spacing), (0.5 / spacing, -2.0 / spacing, 1.5 / spacing))
    else:
        widths = widths_of(spacing, length)
        shaped = np.reshape(widths, (-1,) + (1,) * (f.ndim - axis - 1))
        inner = three_point(f, axis, central_weights(shaped[:-1], shaped[1:]))
        before, after = widths[0], widths[-1]
        weights = edge_weights(widths) if edge_order == 2 else None
    if edge_order == 1:
        first = (part(f, axis, 1, 2) - part(f, axis, 0, 1)) / before
        last = (part(f, axis, -1, None) - part(f, axis, -2, -1)) / after
    else:
        first = three_point(part(f, axis, 0, 3), axis, weights[0])
        last = three_point(part(f, axis, -3, None), axis, weights[1])
    return converted(np.concatenate([first, inner, last], axis=axis), f.dtype)


def widths_of(coordinates: Any, length: int) -> Any:
    """The steps between the coordinates along one axis.

    (NumPy makes no array of equal steps for a scalar; the derivative with respect to the coordinates needs one.)
    """
    coordinates = coordinates if hasattr(coordinates, "ndim") else np.asarray(coordinates)
    if coordinates.ndim != 1:
        raise ValueError(f"a spacing of np.gradient must be a number or 1-d, but got {describe(coordinates)}")
    if len(coordinates) != length:
        raise ValueError(
            f"the coordinates of np.gradient must be as many as the elements along their axis, {length}, "
            f"but got {describe(coordinates)}"
        )
    if coordinates.dtype.kind in "biu":
        coordinates = coordinates.astype(np.dtype(np.float64))
    return np.diff(coordinates)


def three_point(f: Any, axis: int, weights: tuple[Any, Any, Any]) -> Any:
    """The weighted sum of each element with its two neighbours."""
    a, b, c = weights
    return a * part(f, axis, None, -2) + b * part(f, axis, 1, -1) + c * part(f, axis, 2, None)


def central_weights(d1: Any, d2: Any) -> tuple[Any, Any, Any]:
    """The weights of a derivative at the middle one of three points, `d1` and `d2` apart."""
    return -d2 / (d1 * (d1 + d2)), (d2 - d1) / (d1 * d2), d1 / (d2 * (d1 + d2))


def edge_weights(widths: Any) -> tuple[Any, Any]:
    """The weights of a derivative at the first of the first three points, and at the last of the last three."""
    d1, d2 = widths[0], widths[1]
    first = -(2.0 * d1 + d2) / (d1 * (d1 + d2)), (d1 + d2) / (d1 * d2), -d1 / (d2 * (d1 + d2))
    d1, d2 = widths[-2], widths[-1]
    last = d2 / (d1 * (d1 + d2)), -(d2 + d1) / (d1 * d2), (2.0 * d2 + d1) / (d2 * (d1 + d2))
    return first, last
