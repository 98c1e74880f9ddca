"""Derivatives of sums, means, products and extremes over axes.

At points without a derivative: elements that are equally extreme share the gradient evenly. Elements that a reduction
leaves out (by ``where``, or as a NaN) have the gradient 0, as has every element of a slice whose extreme is NaN.
"""

import math
from typing import Any

import numpy as np

from wengert.arrays.decisions import holds
from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.checks.refusals import refuse_out
from wengert.core.variable import Variable
from wengert.custom.registration import composition, piecewise_constant, pullback

NONE: Any = np._NoValue  # NumPy's default for reduction parameters that are not given

# Axes, masks and dtypes of NumPy's reductions.


def is_given(value: Any) -> bool:
    """Whether a `where` or `initial` was given that has an effect."""
    return value is not NONE and value is not True and value is not None


def spread(value: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    """Reshape a reduction of `a` so that it broadcasts against `a`."""
    if keepdims and keepdims is not NONE:
        return value
    if axis is None or a.ndim == 0:
        return value.reshape((1,) * a.ndim)
    reduced = {int(i) % a.ndim for i in (axis if isinstance(axis, tuple) else (axis,))}
    return value.reshape(tuple([1 if i in reduced else n for i, n in enumerate(a.shape)]))


def stretched(value: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast; ndarrays by a copy, which for small ones is much faster than np.broadcast_to."""
    if type(value) is np.ndarray or isinstance(value, np.generic):
        full = np.empty(shape, value.dtype)
        full[...] = value
        return full
    return np.broadcast_to(value, shape)


def masked(gx: Any, where: Any) -> Any:
    """Zero the gradient of elements that a reduction left out."""
    return np.where(where, gx, 0) if is_given(where) else gx


def rounds(a: Any, dtype: Any) -> bool:
    """Whether a reduction in `dtype` rounds the elements to integers, and so is piecewise constant."""
    return dtype is not None and np.dtype(dtype).kind in "biu" and a.dtype.kind in "fc"


def no_gradient(gy: Any, a: Any) -> Any:
    """Return zeros for `a`; a Variable where `gy` is one."""
    return np.where(False, np.sum(gy), np.zeros(a.shape, gy.dtype))


def converted(a: Any, dtype: Any) -> Any:
    """Convert `a` to the dtype that it is reduced in."""
    return a if dtype is None or np.dtype(dtype) == a.dtype else a.astype(np.dtype(dtype))


def floating(a: Any, dtype: Any, gy: Any) -> Any:
    """Convert factors to the dtype that they are multiplied in; integers to that of `gy`, as they would overflow."""
    a = converted(a, dtype)
    return converted(a, gy.dtype) if a.dtype.kind in "biu" else a


def not_nan(a: Any, where: Any = True) -> Any:
    """The mask of the elements that a NaN-skipping reduction takes."""
    valid = np.logical_not(np.isnan(a))
    return np.logical_and(valid, where) if is_given(where) else valid


# Sums and means


@pullback(np.sum, "a", reads="where", linear=True)
def sum(
    gy: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NONE,
    initial: Any = NONE,
    where: Any = NONE,
) -> Any:
    if rounds(a, dtype):
        return no_gradient(gy, a)
    return masked(stretched(spread(gy, a, axis, keepdims), a.shape), where)


@pullback(np.nansum, "a")
def nansum(
    gy: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NONE,
    initial: Any = NONE,
    where: Any = NONE,
) -> Any:
    return sum(gy, a, axis, dtype, out, keepdims, initial, not_nan(a, where))


@pullback(np.mean, "a", reads="where", linear=True)
def mean(
    gy: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NONE, *, where: Any = NONE
) -> Any:
    gy = widened(gy)
    if is_given(where):
        count = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=True)
        share = spread(gy, a, axis, keepdims) / np.maximum(count, 1).astype(gy.dtype)
    else:
        share = spread(gy, a, axis, keepdims) / max(a.size // max(gy.size, 1), 1)
    return sum(share, a, axis, dtype, None, True, where=where)


@pullback(np.nanmean, "a")
def nanmean(
    gy: Any, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NONE, *, where: Any = NONE
) -> Any:
    return mean(gy, a, axis, dtype, out, keepdims, where=not_nan(a, where))


# Extremes


def extreme(
    gy: Any,
    a: Any,
    axis: Any = None,
    out: Any = None,
    keepdims: Any = NONE,
    initial: Any = NONE,
    where: Any = NONE,
    *,
    y: Any,
) -> Any:
    """Share the gradient evenly among the elements (and `initial`) that are the extreme."""
    y = spread(y, a, axis, keepdims)
    chosen = a == y
    if type(gy) is np.ndarray and type(chosen) is np.ndarray and not is_given(where) and not is_given(initial):
        is_unique = np.count_nonzero(chosen) == y.size and not np.isnan(y).any()  # (a NaN equals no element)
        if is_unique:
            gx = np.zeros(a.shape, gy.dtype)
            np.copyto(gx, spread(gy, a, axis, keepdims), where=chosen)
            return gx
    if is_given(where):
        chosen = chosen & where
    gy = widened(gy)
    count = np.sum(chosen, axis=axis, keepdims=True)
    if is_given(initial):
        count = count + (y == initial)
    return np.where(chosen, spread(gy, a, axis, keepdims) / np.maximum(count, 1).astype(gy.dtype), 0)


for function in (np.max, np.amax, np.nanmax, np.min, np.amin, np.nanmin):
    pullback(function, "a")(extreme)


@composition(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NONE) -> Any:
    refuse_out("np.ptp", out)
    return np.max(a, axis, keepdims=keepdims) - np.min(a, axis, keepdims=keepdims)


# Products


@pullback(np.prod, "a")
def prod(
    gy: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NONE,
    initial: Any = NONE,
    where: Any = NONE,
    *,
    y: Any,
) -> Any:
    if rounds(a, dtype):
        return no_gradient(gy, a)
    gy, y = spread(gy, a, axis, keepdims), spread(y, a, axis, keepdims)
    a = floating(np.where(where, a, 1) if is_given(where) else a, dtype, gy)
    if holds(np.all(np.isfinite(y) & (y != 0))) and not _is_uneven(a):
        others = y / a
    else:  # the product of all other factors: dividing by one fails where it is 0 or the product overflows
        others = product_of_others(a, axis)
        if is_given(initial):
            others = others * initial
    return masked(gy * np.conjugate(others), where)


def _is_uneven(a: Any) -> bool:
    """Whether quotients by elements are inexact in a second derivative, because one is tiny beside others."""
    if not isinstance(a, Variable):
        return False
    size = np.abs(plain(a))
    return holds(np.min(size, initial=np.inf) < np.finfo(size.dtype).eps ** (1 / 3) * np.max(size, initial=0))


@pullback(np.nanprod, "a")
def nanprod(
    gy: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = NONE,
    initial: Any = NONE,
    where: Any = NONE,
    *,
    y: Any,
) -> Any:
    valid = not_nan(a, where)
    return prod(gy, np.where(valid, a, 1), axis, dtype, out, keepdims, initial, valid, y=y)


def product_of_others(a: Any, axis: Any) -> Any:
    """Return, for each element, the product of all others along the axes."""
    axes = tuple(range(a.ndim)) if axis is None or a.ndim == 0 else axis if isinstance(axis, tuple) else (axis,)
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(a, axes, last)
    flat = moved.reshape((*moved.shape[: a.ndim - len(axes)], math.prod(moved.shape[a.ndim - len(axes) :])))
    one = np.ones((*flat.shape[:-1], 1), flat.dtype)
    before = np.cumprod(np.concatenate([one, flat[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, flat[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    if flat.shape[-1] == 0:
        return a
    return np.moveaxis(np.reshape(before * after, moved.shape), last, axes)


piecewise_constant(
    *(np.all, np.any, np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.count_nonzero),
    *(np.nonzero, np.argwhere, np.flatnonzero, np.array_equal, np.array_equiv, np.allclose, np.isclose),
)
