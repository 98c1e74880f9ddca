"""Rules for what moves elements: shapes, axes, joining, indexing."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.onnx.symbol import NoRule, Symbol, concrete, operand, rule
from wengert.onnx.trace import Trace

__all__: list[str] = []


def sizes(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


def reshaped(trace: Trace, value: Any, a: Any) -> Any:
    return trace.emit("Reshape", operand(trace, a), sizes(*value.shape))


@rule(np.reshape)
def reshape(trace: Trace, value: Any, a: Any, shape: Any = None, order: str = "C", **others: Any) -> Any:
    if order != "C":
        raise NoRule
    return reshaped(trace, value, a)


@rule(np.ravel)
def ravel(trace: Trace, value: Any, a: Any, order: str = "C") -> Any:
    if order != "C":
        raise NoRule
    return reshaped(trace, value, a)


@rule(np.squeeze, np.expand_dims, np.atleast_1d, np.atleast_2d, np.atleast_3d)
def other_axes_of_one(trace: Trace, value: Any, a: Any, axis: Any = None) -> Any:
    return reshaped(trace, value, a)


def permuted(trace: Trace, a: Any, axes: Any) -> Any:
    return trace.emit("Transpose", operand(trace, a), perm=tuple(int(i) for i in axes))


@rule(np.transpose, np.permute_dims)
def transpose(trace: Trace, value: Any, a: Any, axes: Any = None) -> Any:
    return permuted(trace, a, range(a.ndim)[::-1] if axes is None else [i % a.ndim for i in axes])


@rule(np.moveaxis)
def moveaxis(trace: Trace, value: Any, a: Any, source: Any, destination: Any) -> Any:
    return permuted(trace, a, places(lambda x: np.moveaxis(x, source, destination), a.ndim))


@rule(np.swapaxes)
def swapped(trace: Trace, value: Any, a: Any, axis1: int, axis2: int) -> Any:
    return permuted(trace, a, places(lambda x: np.swapaxes(x, axis1, axis2), a.ndim))


@rule(np.matrix_transpose)
def matrix_transpose(trace: Trace, value: Any, x: Any) -> Any:
    return permuted(trace, x, places(lambda x: np.swapaxes(x, -1, -2), x.ndim))


def places(move: Callable[[Any], Any], ndim: int) -> Any:
    """Where each axis of a result comes from: an array whose axis i has the length i + 1 shows it."""
    return [n - 1 for n in move(np.empty(tuple(range(1, ndim + 1)), np.bool_)).shape]


@rule(np.broadcast_to)
def broadcast_to(trace: Trace, value: Any, array: Any, shape: Any) -> Any:
    return trace.emit("Expand", operand(trace, array), sizes(*value.shape))


@rule(np.full_like)
def full_like(trace: Trace, value: Any, a: Any, fill_value: Any, dtype: Any = None) -> Any:
    return trace.emit("Expand", operand(trace, fill_value, value.dtype), sizes(*value.shape))


@rule(np.concatenate)
def concatenate(trace: Trace, value: Any, arrays: Any, axis: Any = 0, *, dtype: Any = None, casting: Any = "") -> Any:
    names = [operand(trace, a, value.dtype) for a in arrays]
    if axis is None:
        names, axis = [trace.emit("Reshape", name, sizes(-1)) for name in names], 0
    return trace.emit("Concat", *names, axis=int(axis))


@rule(np.stack)
def stack(trace: Trace, value: Any, arrays: Any, axis: int = 0, *, dtype: Any = None, casting: Any = "") -> Any:
    axis %= value.ndim
    names = [trace.emit("Unsqueeze", operand(trace, a, value.dtype), sizes(axis)) for a in arrays]
    return trace.emit("Concat", *names, axis=axis)


@rule(np.unstack)
def unstack(trace: Trace, value: Any, x: Any, *, axis: int = 0) -> Any:
    name = operand(trace, x)
    return tuple(trace.emit("Gather", name, np.asarray(i), axis=axis % x.ndim) for i in range(x.shape[axis]))


@rule(np.split, np.array_split)
def split(trace: Trace, value: Any, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    ends = np.cumsum([0, *(part.shape[axis] for part in value)])
    name = operand(trace, ary)
    parts = itertools.pairwise(ends)
    return tuple(trace.emit("Slice", name, sizes(i), sizes(j), sizes(axis % ary.ndim)) for i, j in parts)


@rule(np.take)
def take(trace: Trace, value: Any, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    if mode != "raise":
        raise NoRule
    name = operand(trace, a)
    if axis is None:
        name, axis = trace.emit("Reshape", name, sizes(-1)), 0
    return trace.emit("Gather", name, operand(trace, indices, np.int64), axis=int(axis))


@rule(np.take_along_axis)
def take_along_axis(trace: Trace, value: Any, arr: Any, indices: Any, axis: Any = -1) -> Any:
    if axis is None or np.shape(arr)[:axis] != np.shape(indices)[:axis]:
        raise NoRule
    return trace.emit("GatherElements", operand(trace, arr), operand(trace, indices, np.int64), axis=int(axis))


@rule(np.tile)
def tile(trace: Trace, value: Any, A: Any, reps: Any) -> Any:
    reps = (reps,) if isinstance(reps, int) else tuple(reps)
    reps = (1,) * (A.ndim - len(reps)) + reps
    name = operand(trace, A)
    if len(reps) > A.ndim:
        name = trace.emit("Reshape", name, sizes(*(1,) * (len(reps) - A.ndim), *A.shape))
    return trace.emit("Tile", name, sizes(*reps))


@rule(np.repeat)
def repeat(trace: Trace, value: Any, a: Any, repeats: Any, axis: Any = None) -> Any:
    name, length = operand(trace, a), a.size if axis is None else a.shape[axis]
    if axis is None:
        name, axis = trace.emit("Reshape", name, sizes(-1)), 0
    return trace.emit("Gather", name, np.repeat(np.arange(length), concrete(repeats)), axis=int(axis))


@rule(np.flip)
def flip(trace: Trace, value: Any, m: Any, axis: Any = None) -> Any:
    axes = range(m.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = sizes(*(i % m.ndim for i in axes))
    ones = np.ones(len(axes), np.int64)
    return trace.emit("Slice", operand(trace, m), -ones, ones * np.iinfo(np.int64).min, axes, -ones)


@rule(np.pad)
def pad(trace: Trace, value: Any, array: Any, pad_width: Any, mode: Any = "constant", **others: Any) -> Any:
    fill = others.pop("constant_values", 0)
    if others or mode not in ("constant", "edge", "reflect") or np.ndim(fill):
        raise NoRule
    widths = np.broadcast_to(np.asarray(pad_width, np.int64), (array.ndim, 2)).T.ravel()
    constant = np.asarray(fill, value.dtype) if mode == "constant" else None
    return trace.emit("Pad", operand(trace, array), np.ascontiguousarray(widths), constant, mode=mode)


def triangle(function: Any) -> None:
    @rule(function)
    def called(trace: Trace, value: Any, m: Any, k: int = 0) -> Any:
        kept = function(np.ones(value.shape[-2:], np.int8), k).astype(bool)
        return trace.emit("Where", kept, operand(trace, m), np.zeros((), value.dtype))


triangle(np.tril)
triangle(np.triu)


@rule(np.einsum)
def einsum(trace: Trace, value: Any, subscripts: Any, *arrays: Any, **others: Any) -> Any:
    if not isinstance(subscripts, str) or set(others) - {"optimize"}:
        raise NoRule
    return trace.emit("Einsum", *[operand(trace, a, value.dtype) for a in arrays], equation=subscripts.replace(" ", ""))


@rule(np.dot)
def dot(trace: Trace, value: Any, a: Any, b: Any) -> Any:
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return trace.emit("Mul", operand(trace, a, value.dtype), operand(trace, b, value.dtype))
    if np.ndim(b) > 2:
        raise NoRule
    return trace.emit("MatMul", operand(trace, a, value.dtype), operand(trace, b, value.dtype))


@rule(np.vecdot)
def vecdot(trace: Trace, value: Any, a: Any, b: Any) -> Any:
    product = trace.emit("Mul", operand(trace, a, value.dtype), operand(trace, b, value.dtype))
    return trace.emit("ReduceSum", product, sizes(-1), keepdims=0)


# Indexing

FIRST, LAST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@rule(operator.getitem)
def getitem(trace: Trace, value: Any, a: Any, index: Any) -> Any:
    """Slices of all axes first; then integers and one array, which take the place of axes; then new axes."""
    entries = spelled_out(index, a.ndim)
    name = sliced(trace, operand(trace, a), entries)
    arrays = [i for i in entries if i is not None and not isinstance(i, (slice, int))]
    if len(arrays) > 1 or (arrays and any(isinstance(i, int) for i in entries)):
        raise NoRule
    axis = 0  # of the result
    added: list[int] = []
    for entry in entries:
        if entry is None:
            added.append(axis + len(added))
        elif isinstance(entry, slice):
            axis += 1
        elif isinstance(entry, int):
            name = trace.emit("Gather", name, np.asarray(entry), axis=axis)
        else:
            name = trace.emit("Gather", name, operand(trace, entry, np.int64), axis=axis)
            axis += np.ndim(concrete(entry))
    if added and arrays and None in entries:
        raise NoRule
    return trace.emit("Unsqueeze", name, sizes(*added)) if added else name


def spelled_out(index: Any, ndim: int) -> list[Any]:
    """An index with an entry for each axis, beside new axes: slices, ints, integer arrays."""
    entries: list[Any] = []
    for entry in index if isinstance(index, tuple) else (index,):
        if isinstance(entry, (list, np.ndarray)):
            entry = np.asarray(entry)
            if entry.dtype == bool:
                if entry.ndim != 1:
                    raise NoRule
                entry = np.flatnonzero(entry)
            entry = entry if entry.ndim else int(entry)
        elif isinstance(entry, np.integer):
            entry = int(entry)
        elif isinstance(entry, (bool, np.bool_)) or (isinstance(entry, Symbol) and entry.dtype.kind not in "iu"):
            raise NoRule
        entries.append(entry)
    taken = sum(entry is not None and entry is not Ellipsis for entry in entries)
    where = next((i for i, entry in enumerate(entries) if entry is Ellipsis), len(entries))
    return entries[:where] + [slice(None)] * (ndim - taken) + entries[where + 1 :]


def sliced(trace: Trace, name: str, entries: list[Any]) -> str:
    """Apply the slices."""
    starts, stops, axes, steps = [], [], [], []
    taken = [entry for entry in entries if entry is not None]
    for axis, entry in enumerate(taken):
        if isinstance(entry, slice) and entry != slice(None):
            step = 1 if entry.step is None else operator.index(entry.step)
            ends = (0, LAST) if step > 0 else (LAST, FIRST)  # where none is given; negative numbers are as in Python
            starts.append(ends[0] if entry.start is None else operator.index(entry.start))
            stops.append(ends[1] if entry.stop is None else operator.index(entry.stop))
            axes.append(axis)
            steps.append(step)
    if not axes:
        return name
    return trace.emit("Slice", name, sizes(*starts), sizes(*stops), sizes(*axes), sizes(*steps))  # type: ignore[no-any-return]
