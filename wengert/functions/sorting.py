"""Derivatives of sorting, of order statistics (medians, quantiles) and of unique values.

The gradient with respect to the k-th element in order goes to the element that a stable sort puts there, also where
elements are equal: one permutation for all functions here and for all orders, so that what is smooth in the sorted
elements (the sum of their squares) has the right derivatives of any order at ties, too. Of `np.unique` it goes to the
first of equal elements. Slices whose result is NaN have the gradient 0.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from wengert.arrays.table import plain
from wengert.custom.registration import composition, piecewise_constant, pullback, refused
from wengert.functions.indexing import scatter
from wengert.functions.prepared import prepared
from wengert.functions.reduction import NONE, no_gradient

# Rows: arrays as matrices whose last axis is sorted along.


def as_rows(a: Any, axis: Any) -> Any:
    """Flatten the axes that are sorted along into the last axis, and all others into the first."""
    axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
    moved = np.moveaxis(a, axes, tuple(range(a.ndim - len(axes), a.ndim)))
    kept = moved.shape[: a.ndim - len(axes)]
    return moved.reshape((math.prod(kept), math.prod(moved.shape[len(kept) :])))


def from_rows(rows: Any, a: Any, axis: Any) -> Any:
    """Undo `as_rows`: reshape `rows` to the shape of `a`."""
    axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
    kept = [n for i, n in enumerate(a.shape) if i not in axes]
    moved = rows.reshape((*kept, *(a.shape[i] for i in axes)))
    return np.moveaxis(moved, tuple(range(a.ndim - len(axes), a.ndim)), axes)


def in_rows(rows: Any, index: Any) -> Any:
    """Take elements of each row."""
    return rows[np.arange(rows.shape[0])[:, None], index]


def to_elements(gys: Any, positions: Any, rows: Any) -> Any:
    """Add the gradients of the elements at `positions` in the stable order of each row."""
    if not rows.size:
        return no_gradient(gys, rows)
    order = np.argsort(rows, axis=-1, kind="stable")
    return scatter(gys, (np.arange(rows.shape[0])[:, None], in_rows(order, positions)), rows.shape)


# Sorting


@pullback(np.sort, "a")
def sort(gy: Any, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    if type(gy) is np.ndarray and type(a) is np.ndarray and gy.size:
        return sorted_back(gy, a, axis)
    rows = as_rows(a, axis)
    return from_rows(to_elements(as_rows(gy, axis), np.arange(rows.shape[1])[None], rows), a, axis)


def sorted_back(gy: Any, a: Any, axis: Any) -> Any:
    """Move the gradients of sorted elements to their unsorted positions, for ndarrays: faster than `scatter`."""
    # An unstable sort takes a fraction of the time of a stable one, and gives the same where no elements are equal.
    if axis is None or a.ndim == 1:
        flat = a.reshape(-1)
        order = flat.argsort()
        ordered = flat[order]
        if not ((ordered[1:] == ordered[:-1]).any() or np.isnan(ordered[-1])):
            gx = np.empty(a.shape, gy.dtype)
            gx.reshape(-1)[order] = gy.reshape(-1)
            return gx
        rows, gys = flat[None], gy.reshape(1, -1)
    else:
        rows, gys = as_rows(a, axis), as_rows(gy, axis)
        order = rows.argsort(-1)
        ordered = np.take_along_axis(rows, order, -1)
        if not ((ordered[:, 1:] == ordered[:, :-1]).any() or np.isnan(ordered[:, -1]).any()):
            gx = np.empty(rows.shape, gy.dtype)
            np.put_along_axis(gx, order, gys, -1)
            return from_rows(gx, a, axis)
    return from_rows(to_elements(gys, np.arange(rows.shape[1])[None], rows), a, axis)


@pullback(np.partition, "a")
def partition(gy: Any, a: Any, kth: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, y: Any) -> Any:
    positions = np.argsort(np.argsort(as_rows(y, axis), axis=-1, kind="stable"), axis=-1)
    return from_rows(to_elements(as_rows(gy, axis), positions, as_rows(a, axis)), a, axis)


@pullback(np.sort_complex, "a")
def sort_complex(gy: Any, a: Any) -> Any:
    return sort(gy, a)


# Medians and quantiles: each is one element, or a weighted mean of two neighbours in order.


def order_statistic(gy: Any, a: Any, axis: Any, y: Any, skips_nan: bool, position_of: Callable[[int], Any]) -> Any:
    """The gradient with respect to `a` of the elements at the positions ``position_of(n)`` in the order of n elements.

    A fractional position is a weighted mean of the two elements around it.
    """
    if not a.size:
        return no_gradient(gy, a)
    rows = as_rows(a, axis)
    gys, results = (np.transpose(np.reshape(g, (-1, rows.shape[0]))) for g in (gy, y))
    if skips_nan:
        counts = np.sum(np.logical_not(np.isnan(rows)), axis=-1)
        positions = np.zeros_like(counts, float, shape=gys.shape)
        for n in np.unique(counts[counts > 0]):
            positions[counts == n] = np.ravel(position_of(int(n)))
    else:
        positions = np.broadcast_to(np.ravel(position_of(rows.shape[1])), gys.shape)
    return from_rows(between(np.where(np.isnan(results), 0, gys), positions, rows), a, axis)


def between(gys: Any, positions: Any, rows: Any) -> Any:
    """Distribute gradients among the elements before and after each position."""
    before, after = np.floor(positions), np.ceil(positions)
    share = (positions - before).astype(gys.dtype)
    both = np.concatenate([gys * (1 - share), gys * share], axis=-1)
    return to_elements(both, np.concatenate([before, after], axis=-1).astype(int), rows)


@pullback(np.median, "a")
def median(
    gy: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = False, *, y: Any
) -> Any:
    return order_statistic(gy, a, axis, y, False, lambda n: (n - 1) / 2)


@pullback(np.nanmedian, "a")
def nanmedian(
    gy: Any, a: Any, axis: Any = None, out: Any = None, overwrite_input: Any = False, keepdims: Any = NONE, *, y: Any
) -> Any:
    return order_statistic(gy, a, axis, y, True, lambda n: (n - 1) / 2)


def quantile_of(function: Any, skips_nan: bool) -> Callable[..., Any]:
    """Make the pullback of a quantile. The position is NumPy's own quantile of 0, 1, 2, ...."""

    def quantile(
        gy: Any,
        a: Any,
        q: Any,
        axis: Any = None,
        out: Any = None,
        overwrite_input: Any = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
        y: Any,
    ) -> Any:
        if weights is None:
            return order_statistic(gy, a, axis, y, skips_nan, lambda n: function(np.arange(float(n)), q, method=method))
        if not a.size:
            return no_gradient(gy, a)
        positions = function(ranks(a, axis, skips_nan), q, axis, method=method, weights=weights)
        rows = as_rows(a, axis)
        gys, results, positions = (np.transpose(np.reshape(g, (-1, rows.shape[0]))) for g in (gy, y, positions))
        is_nan = np.isnan(results)
        positions = np.where(is_nan, 0, positions).astype(int)
        return from_rows(to_elements(np.where(is_nan, 0, gys), positions, rows), a, axis)

    return quantile


pullback(np.quantile, "a")(quantile_of(np.quantile, False))
pullback(np.percentile, "a")(quantile_of(np.percentile, False))
pullback(np.nanquantile, "a")(quantile_of(np.nanquantile, True))
pullback(np.nanpercentile, "a")(quantile_of(np.nanpercentile, True))


def ranks(a: Any, axis: Any, skips_nan: bool) -> Any:
    """The position of each element in the stable order along the axes; NaN for what is skipped."""
    rows = as_rows(plain(a), axis)
    found = np.argsort(np.argsort(rows, axis=-1, kind="stable"), axis=-1).astype(float)
    if skips_nan:
        missing = np.isnan(rows)
        found = np.where(missing & ~np.all(missing, axis=-1, keepdims=True), np.nan, found)
    return from_rows(found, a, axis)


def checked_quantiles(row: Any, a: Any, q: Any, axis: Any = None, *args: Any, **kwargs: Any) -> Any:
    """Refuse calls for which NumPy 2.4 mixes up the axes of `q` and `a`."""
    if np.ndim(q) > 1 and isinstance(axis, tuple) and len(axis) > 1:
        raise TypeError(
            "np.nanquantile and np.nanpercentile of a Variable take a q of up to one dimension where the axes are "
            f"several, {axis}, but got q of shape {np.shape(q)}; flatten it: np.ravel(q)"
        )
    return row(a, q, axis, *args, **kwargs)


prepared(np.nanquantile)(checked_quantiles)
prepared(np.nanpercentile)(checked_quantiles)

# Unique values: the first of equal elements. Indices and counts are plain arrays.


@composition(np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: Any = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,  # NumPy may give any order where this is False
) -> Any:
    _, index, inverse, counts = np.unique(plain(ar), True, True, True, axis, equal_nan=equal_nan)
    values = np.reshape(ar, (-1,))[index] if axis is None else np.moveaxis(np.moveaxis(ar, axis, 0)[index], 0, axis)
    wanted = ((index, return_index), (inverse, return_inverse), (counts, return_counts))
    found = tuple(positions for positions, is_wanted in wanted if is_wanted)
    return (values, *found) if found else values


def unique_with(function: Any) -> Callable[[Any], Any]:
    """Register a function that returns the unique values with indices and counts."""

    def definition(x: Any) -> Any:
        return function(plain(x))._replace(values=unique(x, equal_nan=False))

    return definition


for function in (np.unique_all, np.unique_counts, np.unique_inverse):
    composition(function)(unique_with(function))


@composition(np.unique_values)
def unique_values(x: Any) -> Any:
    in_order, index = np.unique(plain(x), True, equal_nan=False)
    values = np.unique_values(plain(x))  # in unspecified order
    return np.reshape(x, (-1,))[index[np.searchsorted(in_order, values)]]


refused(np.intersect1d, instead="np.unique(a[np.isin(a, b)])")
refused(np.setdiff1d, instead="np.unique(a[~np.isin(a, b)])")
refused(np.setxor1d, instead="np.unique(np.concatenate([a[~np.isin(a, b)], b[~np.isin(b, a)]]))")
refused(np.union1d, instead="np.unique(np.concatenate([a, b]))")

piecewise_constant(np.argsort, np.argpartition, np.lexsort, np.searchsorted, np.digitize, np.isin)
