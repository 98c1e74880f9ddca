"""Derivatives of changes of shape: the gradient is reshaped back."""

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from wengert.arrays.table import plain
from wengert.checks import options
from wengert.custom.registration import composition, piecewise_constant, pullback
from wengert.functions.prepared import has_derivative, prepared


@pullback(np.reshape, "a", reads="", linear=True)
def reshape(gy: Any, a: Any, shape: Any, order: Any = "C", *, copy: Any = None) -> Any:
    return gy.reshape(a.shape, order=order)


@prepared(np.reshape)
def reshape_in_order(row: Any, a: Any, shape: Any, order: Any = "C", *, copy: Any = None) -> Any:
    shape = plain(shape)
    if order == "C":  # (the usual one)
        return row(a, shape) if copy is None else row(a, shape, copy=copy)
    order = _layout(a) if checked_order(order) in ("A", "a") else order  # the gradient may have another memory layout
    return row(a, shape, order) if copy is None else row(a, shape, order, copy=copy)


@composition(np.ravel)
def ravel(a: Any, order: Any = "C") -> Any:
    if checked_order(order) in ("A", "a"):
        order = _layout(a)
    elif order in ("K", "k"):  # in memory order: the longest stride first
        a = np.transpose(a, sorted(range(np.ndim(a)), key=lambda axis: -abs(a.strides[axis])))
        order = "C"
    flat = np.reshape(a, -1, order)
    return flat if flat.size < 2 or flat.strides == (flat.itemsize,) else np.copy(flat)


def checked_order(order: Any) -> Any:
    return options.choice(order, "order", "a Variable's reshape", tuple("CFAKcfak"))


def _layout(a: Any) -> Any:
    return "F" if np.isfortran(plain(a)) else "C"


@pullback(np.transpose, "a", reads="axes", linear=True)
def transpose(gy: Any, a: Any, axes: Any = None) -> Any:
    if axes is None:
        return gy.transpose()
    return np.transpose(gy, np.argsort([i % a.ndim for i in np.atleast_1d(axes)]))


@pullback(np.matrix_transpose, "x", reads="", linear=True)
def matrix_transpose(gy: Any, x: Any) -> Any:
    return np.swapaxes(gy, -1, -2)


@pullback(np.swapaxes, "a", reads="", linear=True)
def swapaxes(gy: Any, a: Any, axis1: int, axis2: int) -> Any:
    return np.swapaxes(gy, axis1, axis2)


@pullback(np.moveaxis, "a", reads="source destination", linear=True)
def moveaxis(gy: Any, a: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(gy, destination, source)


@composition(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    axis = normalize_axis_index(axis, a.ndim)
    start = normalize_axis_index(start, a.ndim + 1) if start >= 0 else normalize_axis_index(start, a.ndim)
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@pullback(np.expand_dims, "a", reads="", linear=True)
def expand_dims(gy: Any, a: Any, axis: Any) -> Any:
    return gy.reshape(a.shape)


@pullback(np.squeeze, "a", reads="", linear=True)
def squeeze(gy: Any, a: Any, axis: Any = None) -> Any:
    return gy.reshape(a.shape)


@pullback(np.broadcast_to, "array", reads="", linear=True)
def broadcast_to(gy: Any, array: Any, shape: Any, subok: bool = False) -> Any:
    return gy  # unbroadcast sums it to the shape of `array`


@composition(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> Any:
    arrays = [a if hasattr(a, "ndim") else np.asarray(a) for a in args]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return tuple(a if a.shape == shape else np.broadcast_to(a, shape, subok) for a in arrays)


@composition(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij', but got {indexing!r}")
    axes = list(range(len(xi)))
    if indexing == "xy":
        axes[:2] = axes[1::-1]  # the first lies along the rows
    grids = [np.reshape(x, [-1 if i == axis else 1 for i in range(len(xi))]) for x, axis in zip(xi, axes, strict=True)]
    found = grids if sparse else np.broadcast_arrays(*grids)
    return tuple(np.copy(grid) if copy else grid for grid in found)


@composition(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    return _each(arys, lambda a: np.reshape(a, (1,)) if a.ndim == 0 else a)


@composition(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    return _each(arys, lambda a: np.reshape(a, (1, a.size)) if a.ndim < 2 else a)


@composition(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    return _each(arys, lambda a: np.reshape(a, ((1, a.size) if a.ndim < 2 else a.shape) + (1,)) if a.ndim < 3 else a)


def _each(arys: Any, widened: Any) -> Any:
    results = tuple(widened(a if hasattr(a, "ndim") else np.asarray(a)) for a in arys)
    return results[0] if len(results) == 1 else results


@pullback(np.copy, "a", reads="", linear=True)
def copy(gy: Any, a: Any, order: Any = "K", subok: bool = False) -> Any:
    return gy


@pullback(np.astype, "x", reads="", linear=True)
def astype(gy: Any, x: Any, dtype: Any, *, copy: Any = True, device: Any = None) -> Any:
    return gy  # the engine converts a gradient to the dtype of its variable


@prepared(np.astype)
def astype_number(row: Any, x: Any, dtype: Any, **kwargs: Any) -> Any:
    return row(x, dtype, **kwargs) if has_derivative(dtype) else plain(x).astype(dtype, **kwargs)


@composition(np.full_like)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: Any = None,
) -> Any:
    like = np.empty_like(plain(a), dtype, order, subok, plain(shape))
    if fill_value is plain(fill_value):
        return np.full_like(like, fill_value)
    return np.copy(np.broadcast_to(fill_value.astype(like.dtype), like.shape))


piecewise_constant(
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type),
    *(np.iscomplex, np.isreal),
    *(np.iscomplexobj, np.isrealobj, np.shares_memory, np.may_share_memory),
    *(np.array_repr, np.array_str, np.array2string),
)
