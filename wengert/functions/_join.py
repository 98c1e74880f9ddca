"""Derivatives of joining and splitting arrays: each is the transpose of the other."""

import math
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from wengert.arrays import newer_numpy
from wengert.arrays.table import plain
from wengert.checks.refusals import refuse_out
from wengert.core.variable import Variable
from wengert.custom.registration import composition, pullback
from wengert.functions.indexing import scatter
from wengert.functions.prepared import has_derivative, prepared


@pullback(np.concatenate, "arrays", reads="", linear=True)
def concatenate(
    gy: Any, arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    shapes = [np.shape(a) for a in arrays]
    if axis is not None and type(gy) is np.ndarray:
        before = (slice(None),) * normalize_axis_index(axis, gy.ndim)
        bounds = pairwise(accumulate([shape[axis] for shape in shapes], initial=0))
        return [gy[(*before, slice(start, stop))] for start, stop in bounds]
    if axis is None:
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        parts = np.split(gy, ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
    return np.split(gy, np.cumsum([shape[axis] for shape in shapes])[:-1], axis=axis)


@pullback(np.stack, "arrays", reads="", linear=True)
def stack(
    gy: Any, arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    return newer_numpy.unstack(gy, axis=axis)


@prepared(np.concatenate)
def concatenate_parts(row: Any, arrays: Any, axis: Any = 0, out: Any = None, **kwargs: Any) -> Any:
    refuse_out("np.concatenate", out)
    if not has_derivative(kwargs.get("dtype")):
        return np.concatenate(plain(arrays), axis, **kwargs)
    return row(list(arrays), axis, **kwargs)


@prepared(np.stack)
def stack_parts(row: Any, arrays: Any, axis: int = 0, out: Any = None, **kwargs: Any) -> Any:
    refuse_out("np.stack", out)
    if not has_derivative(kwargs.get("dtype")):
        return np.stack(plain(arrays), axis, **kwargs)
    return row(list(arrays), axis, **kwargs)


@pullback(newer_numpy.unstack, "x", reads="", linear=True)
def unstack(gy: Any, x: Any, *, axis: int = 0) -> Any:
    return np.stack(gy, axis=axis)


@pullback(np.array_split, "ary", reads="indices_or_sections", linear=True)
def array_split(gy: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    length = ary.shape[axis]
    taken = np.concatenate(np.array_split(np.arange(length), indices_or_sections))
    joined = np.concatenate(gy, axis=axis)
    if len(taken) == length and np.all(taken[1:] > taken[:-1]):
        return joined
    # Unsorted bounds let parts overlap, or skip elements.
    return scatter(joined, (slice(None),) * normalize_axis_index(axis, ary.ndim) + (taken,), ary.shape)


@composition(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    if np.ndim(indices_or_sections) == 0 and np.shape(ary)[axis] % indices_or_sections:
        raise ValueError(
            f"np.split makes parts of equal length, but got {indices_or_sections} parts of an axis of length "
            f"{np.shape(ary)[axis]}; np.array_split makes parts that differ by one"
        )
    return np.array_split(ary, indices_or_sections, axis)


def _split_along(name: str, ary: Any, indices_or_sections: Any, axis: int, least: int) -> Any:
    if np.ndim(ary) < least:
        raise ValueError(f"{name} splits arrays of {least} or more dimensions, but got shape {np.shape(ary)}")
    return np.split(ary, indices_or_sections, axis)


@composition(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split_along("np.hsplit", ary, indices_or_sections, 1 if np.ndim(ary) > 1 else 0, 1)


@composition(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split_along("np.vsplit", ary, indices_or_sections, 0, 2)


@composition(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> Any:
    return _split_along("np.dsplit", ary, indices_or_sections, 2, 3)


@composition(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    return np.concatenate([np.atleast_2d(a) for a in tup], 0, dtype=dtype, casting=casting)


@composition(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    arrays = [np.atleast_1d(a) for a in tup]
    axis = 0 if arrays and np.ndim(arrays[0]) == 1 else 1
    return np.concatenate(arrays, axis, dtype=dtype, casting=casting)


@composition(np.dstack)
def dstack(tup: Any) -> Any:
    return np.concatenate([np.atleast_3d(a) for a in tup], 2)


@composition(np.column_stack)
def column_stack(tup: Any) -> Any:
    return np.concatenate([np.transpose(np.atleast_2d(a)) if np.ndim(a) < 2 else a for a in tup], 1)


@composition(np.block)
def block(arrays: Any) -> Any:
    depth, inner = 0, arrays
    while isinstance(inner, list) and inner:
        depth, inner = depth + 1, inner[0]
    ndim = max(depth, _widest(arrays))

    def joined(part: Any, depth: int) -> Any:
        if isinstance(part, tuple) or isinstance(part, list) != (depth > 0) or (isinstance(part, list) and not part):
            raise ValueError(
                "np.block takes lists (not tuples) nested to the same depth everywhere, none of them empty, "
                f"but got {type(part).__name__} where {f'{depth} more levels' if depth else 'an array'} must be"
            )
        if depth == 0:
            return np.reshape(part, (1,) * (ndim - np.ndim(part)) + np.shape(part))
        return np.concatenate([joined(p, depth - 1) for p in part], -depth)

    return joined(arrays, depth) if depth else np.copy(joined(arrays, depth))


def _widest(part: Any) -> int:
    return max(map(_widest, part), default=0) if isinstance(part, list) else np.ndim(part)


@composition(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, values, axis = np.ravel(arr), np.ravel(values), 0
    return np.concatenate((arr, values), axis)


@composition(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = normalize_axis_index(axis, np.ndim(arr))
    shape, obj = list(np.shape(arr)), plain(obj)
    length = shape[axis]
    dtype = arr.dtype if hasattr(arr, "dtype") else np.asarray(arr).dtype
    values = values if isinstance(values, Variable) else np.asarray(values)
    values = values if values.dtype == dtype else values.astype(dtype)
    given, scalar = values, not isinstance(obj, slice) and np.ndim(obj) == 0
    if scalar or np.insert(np.zeros(length), obj, 0).size == length + 1:
        # One index inserts as many elements as `values` has along the axis; a scalar index, as many as along its first
        # axis.
        values = np.reshape(values, (1,) * (len(shape) - values.ndim) + values.shape)
        values = np.moveaxis(values, 0, axis) if scalar else values
        count = values.shape[axis]
        places = [int(np.flatnonzero(np.insert(np.zeros(length), obj, 1))[0])] * count
        order = np.insert(np.arange(length), places, length + np.arange(count))
    else:
        count = np.insert(np.zeros(length), obj, 0).size - length
        order = np.insert(np.arange(length), obj, length + np.arange(count))
    if values.size == 0 == count:
        np.insert(plain(arr), obj, plain(given), axis)  # (raises where the shape of nothing is wrong)
        return np.take(arr, order, axis)
    shape[axis] = count
    extra = max(values.ndim - len(shape), 0)
    if set(values.shape[:extra]) == {1}:  # which an assignment drops
        values = np.reshape(values, values.shape[extra:])
    return np.take(np.concatenate((arr, np.broadcast_to(values, shape)), axis), order, axis)


@composition(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(arr.shape[axis]), plain(obj)), axis)
