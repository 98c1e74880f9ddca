"""Derivatives of what rearranges, joins and repeats elements: the gradient is put back in place."""

from typing import Any

import numpy as np

from wengert.core.dispatch import composition, piecewise_constant
from wengert.core.numpy_call import pullback


@pullback(np.reshape, "a", reads="")
def reshape(gy: Any, a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Any:
    return np.reshape(gy, a.shape, order=order)


@pullback(np.ravel, "a", reads="")
def ravel(gy: Any, a: Any, order: str = "C") -> Any:
    return np.reshape(gy, a.shape, order=order)


@pullback(np.transpose, "a", reads="")
def transpose(gy: Any, a: Any, axes: Any = None) -> Any:
    return np.transpose(gy, None if axes is None else np.argsort([i % a.ndim for i in axes]))


@pullback(np.matrix_transpose, "x", reads="")
def matrix_transpose(gy: Any, x: Any) -> Any:
    return np.swapaxes(gy, -1, -2)


@pullback(np.swapaxes, "a", reads="")
def swapaxes(gy: Any, a: Any, axis1: int, axis2: int) -> Any:
    return np.swapaxes(gy, axis1, axis2)


@pullback(np.moveaxis, "a", reads="")
def moveaxis(gy: Any, a: Any, source: Any, destination: Any) -> Any:
    return np.moveaxis(gy, destination, source)


@pullback(np.expand_dims, "a", reads="")
def expand_dims(gy: Any, a: Any, axis: Any) -> Any:
    return np.reshape(gy, a.shape)


@pullback(np.squeeze, "a", reads="")
def squeeze(gy: Any, a: Any, axis: Any = None) -> Any:
    return np.reshape(gy, a.shape)


@pullback(np.broadcast_to, "array", reads="")
def broadcast_to(gy: Any, array: Any, shape: Any) -> Any:
    return gy  # the engine sums it back to the shape of `array`


@composition(np.broadcast_arrays)
def broadcast_arrays(*args: Any) -> Any:
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    return tuple(np.broadcast_to(a, shape) for a in args)


@pullback(np.copy, "a", reads="")
def copy(gy: Any, a: Any, order: Any = "K") -> Any:
    return gy


@pullback(np.astype, "x", reads="")
def astype(gy: Any, x: Any, dtype: Any, *, copy: Any = True, device: Any = None) -> Any:
    return gy  # the engine gives a gradient the dtype of its variable


@pullback(np.concatenate, "arrays", reads="")
def concatenate(gy: Any, arrays: Any, axis: Any = 0, *, dtype: Any = None, casting: Any = None) -> Any:
    shapes = [np.shape(a) for a in arrays]
    if axis is None:
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        parts = np.split(np.ravel(gy), ends[:-1])
        return [np.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
    return np.split(gy, np.cumsum([shape[axis] for shape in shapes])[:-1], axis=axis)


@pullback(np.stack, "arrays", reads="")
def stack(gy: Any, arrays: Any, axis: int = 0, *, dtype: Any = None, casting: Any = None) -> Any:
    return np.unstack(gy, axis=axis)


@pullback(np.unstack, "x", reads="")
def unstack(gy: Any, x: Any, *, axis: int = 0) -> Any:
    return np.stack(gy, axis=axis) if gy else np.zeros(x.shape, x.dtype)


@pullback(np.split, "ary", reads="")
def split(gy: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return np.concatenate(gy, axis=axis)


@composition(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    return np.concatenate([np.atleast_2d(a) for a in tup], 0, dtype=dtype, casting=casting)


@composition(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    arrays = [np.atleast_1d(a) for a in tup]
    axis = 0 if np.ndim(arrays[0]) == 1 else 1
    return np.concatenate(arrays, axis, dtype=dtype, casting=casting)


@composition(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    results = tuple(np.reshape(a, (1,)) if np.ndim(a) == 0 else a for a in arys)
    return results[0] if len(results) == 1 else results


@composition(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    results = tuple(np.reshape(a, (1, -1)) if np.ndim(a) < 2 else a for a in arys)
    return results[0] if len(results) == 1 else results


piecewise_constant(
    *(np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.min_scalar_type, np.common_type),
    *(np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.iscomplex, np.isreal),
    *(np.iscomplexobj, np.isrealobj, np.shares_memory, np.may_share_memory),
    *(np.array_repr, np.array_str, np.array2string),
)
