"""Derivatives of sums, means, products and extremes over axes."""

from typing import Any

import numpy as np

from wengert.core.dispatch import piecewise_constant
from wengert.core.numpy_call import pullback


def spread(value: Any, a: Any, axis: Any, keepdims: Any) -> Any:
    """Reshape a reduction of `a` so that it broadcasts against `a`."""
    if axis is None:
        return np.reshape(value, (1,) * a.ndim)
    if keepdims is True:
        return value
    axes = axis if isinstance(axis, tuple) else (axis,)
    reduced = {int(i) % a.ndim for i in axes}
    return np.reshape(value, tuple(1 if i in reduced else n for i, n in enumerate(a.shape)))


def masked(gx: Any, where: Any) -> Any:
    """Give no gradient to what a reduction left out."""
    return gx if where is True or where is np._NoValue else np.where(where, gx, 0)


@pullback(np.sum, "a", reads="where")
def sum(
    gy: Any, a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, initial: Any = 0, where: Any = True
) -> Any:
    return masked(np.broadcast_to(spread(gy, a, axis, keepdims), a.shape), where)


@pullback(np.mean, "a", reads="where")
def mean(gy: Any, a: Any, axis: Any = None, dtype: Any = None, *, keepdims: Any = False, where: Any = True) -> Any:
    if where is True or where is np._NoValue:
        gx = np.broadcast_to(spread(gy, a, axis, keepdims), a.shape)
        return gx / (a.size // max(gy.size, 1)) if gy.size else gx
    count = np.sum(np.broadcast_to(where, a.shape), axis=axis, keepdims=True if axis is None else keepdims)
    return masked(np.broadcast_to(spread(gy, a, axis, keepdims) / spread(count, a, axis, keepdims), a.shape), where)


def extreme(
    gy: Any, a: Any, axis: Any = None, *, keepdims: Any = False, initial: Any = None, where: Any = True, y: Any
) -> Any:
    """Share the gradient evenly among the elements that are the extreme."""
    chosen = a == spread(y, a, axis, keepdims)
    if where is not True and where is not np._NoValue:
        chosen = chosen & where
    count = np.sum(chosen, axis=axis, keepdims=True)
    if initial is not None and initial is not np._NoValue:
        count = count + (spread(y, a, axis, keepdims) == initial)
    return spread(gy, a, axis, keepdims) * (chosen / np.maximum(count, 1)).astype(gy.dtype)


for function in (np.max, np.min):
    pullback(function, "a")(extreme)


@pullback(np.prod, "a")
def prod(
    gy: Any,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    keepdims: Any = False,
    initial: Any = 1,
    where: Any = True,
    y: Any,
) -> Any:
    gy, y = spread(gy, a, axis, keepdims), spread(y, a, axis, keepdims)
    if np.all(a != 0):
        return masked(gy * y / a, where)
    # A product without one factor cannot be had by dividing by a factor that is 0.
    axes = tuple(range(a.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    kept = a if where is True or where is np._NoValue else np.where(where, a, 1)
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(kept, axes, last)
    flat = np.reshape(moved, moved.shape[: a.ndim - len(axes)] + (-1,))
    others = np.where(np.eye(flat.shape[-1], dtype=bool), 1, flat[..., None, :])
    product = np.reshape(np.prod(others, axis=-1), moved.shape)
    factor = 1 if initial is np._NoValue else initial
    return masked(gy * factor * np.moveaxis(product, last, axes), where)


piecewise_constant(
    *(np.all, np.any, np.argmax, np.argmin, np.argsort, np.argpartition, np.count_nonzero),
    *(np.nonzero, np.argwhere, np.flatnonzero, np.searchsorted, np.array_equal, np.allclose, np.isclose),
)
