"""NumPy's functions that take a function, which is called with Variables."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from wengert.arrays.newer_numpy import unstack
from wengert.arrays.table import plain
from wengert.custom.registration import composition
from wengert.functions.indexing import scatter


@composition(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    axis = normalize_axis_index(axis, arr.ndim)
    others = arr.shape[:axis] + arr.shape[axis + 1 :]
    if 0 in others:
        raise ValueError(
            f"np.apply_along_axis needs at least one 1-d slice along axis {axis}, but shape {arr.shape} has none"
        )
    lines = np.reshape(np.moveaxis(arr, axis, -1), (math.prod(others), arr.shape[axis]))
    results = [func1d(line, *args, **kwargs) for line in unstack(lines)]
    results = [np.stack(y) if isinstance(y, (list, tuple)) else y for y in results]
    stacked = np.stack(results)
    made = np.reshape(stacked, others + stacked.shape[1:])
    own = range(len(others), made.ndim)
    return np.moveaxis(made, list(own), [axis + i for i in range(len(own))])


@composition(np.apply_over_axes)
def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    ndim = np.ndim(a)
    for axis in np.atleast_1d(plain(axes)):
        axis = normalize_axis_index(int(axis), ndim) if ndim else int(axis)  # (a reduction takes 0 and -1 there)
        result = func(a, axis)
        a = result if np.ndim(result) == ndim else np.expand_dims(result, axis)
        if np.ndim(a) != ndim:
            raise ValueError(
                f"np.apply_over_axes needs a function that keeps or drops one axis, but from {ndim} axes "
                f"it made {np.ndim(result)}"
            )
    return a


@composition(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    conditions = plain(condlist)
    if np.ndim(conditions) == 0 or (np.ndim(conditions[0]) == 0 and x.ndim != 0):
        conditions = [conditions]
    conditions = [(c if hasattr(c, "ndim") else np.asarray(c)).astype(bool) for c in conditions]
    if len(conditions) == len(funclist) - 1:
        conditions.append(~np.any(conditions, axis=0))
    if len(conditions) != len(funclist):
        raise ValueError(
            f"np.piecewise takes a function for each of the {len(conditions)} conditions, and one more for the "
            f"rest, but got {len(funclist)}"
        )
    result: Any = np.zeros(x.shape, x.dtype)
    for condition, function in zip(conditions, funclist, strict=True):
        if callable(function):
            chosen = x[condition]
            if chosen.size == 0:
                continue
            values = np.broadcast_to(function(chosen, *args, **kw), chosen.shape)
            function = scatter(values.astype(x.dtype), condition, x.shape)
        elif np.ndim(function):
            places = np.broadcast_to(function, (int(np.count_nonzero(condition)),))
            function = scatter(places.astype(x.dtype), condition, x.shape)
        result = np.where(condition, function, result)
    return result if result.dtype == x.dtype else result.astype(x.dtype)
