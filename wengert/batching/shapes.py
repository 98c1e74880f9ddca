"""Changes of shape of Batched arrays, and what joins and divides them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from wengert.arrays.batches import Level
from wengert.arrays.newer_numpy import unstack
from wengert.batching.batched import RULES, Batched, NoRule, is_mapped, strip, with_axes
from wengert.batching.loop import has_mapped
from wengert.batching.rules import (
    along_axes,
    argument,
    as_one,
    as_they_are,
    batching,
    broadcasting,
    expanded,
    only_mapped,
    place_of,
    replaced,
    shifted,
    spread_out,
)
from wengert.writes.creation import CREATING


@batching(np.reshape)
def reshape(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    shape = argument(args, kwargs, 1, "shape", None)
    order = argument(args, kwargs, 2, "order", "C")
    shape = lengths(shape)
    if order == "F":
        back = np.transpose(value, (0, *range(value.ndim - 1, 0, -1))).reshape(full(shape[::-1], value))
        return Batched(level, np.transpose(back, (0, *range(back.ndim - 1, 0, -1))), True)
    if order != "C":
        raise NoRule
    return Batched(level, value.reshape(full(shape, value)), True)


def lengths(shape: Any) -> tuple[int, ...]:
    """A shape as it may be given: a number, or a list, tuple or array of numbers."""
    return tuple(shape) if isinstance(shape, (tuple, list)) or np.ndim(shape) else (shape,)


def full(shape: Any, value: Any) -> tuple[int, ...]:
    """The shape of the array of all examples, with -1 computed: of no examples NumPy could not."""
    examples, *lengths = value.shape
    if -1 in shape:
        others = math.prod(n for n in shape if n != -1)
        size = math.prod(lengths)
        if others and size % others == 0:
            shape = tuple(size // others if n == -1 else n for n in shape)
    return (examples, *shape)


@batching(np.ravel)
def ravel(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    order = argument(args, kwargs, 1, "order", "C")
    if order not in ("C", "F"):
        raise NoRule
    return np.reshape(args[0], (math.prod(value.shape[1:]),), order=order)


@batching(np.transpose)
def transpose(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axes = argument(args, kwargs, 1, "axes", None)
    ndim = value.ndim - 1
    places = range(ndim, 0, -1) if axes is None else shifted(tuple(np.atleast_1d(axes)), ndim)
    return Batched(level, np.transpose(value, (0, *places)), True)


@batching(np.swapaxes, np.moveaxis)
def exchanged(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    if len(args) != 3:
        raise NoRule
    ndim = value.ndim - 1
    return Batched(level, function(value, shifted(args[1], ndim), shifted(args[2], ndim)), True)


@batching(np.expand_dims)
def expand_dims(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axis = argument(args, kwargs, 1, "axis", None)
    ndim = value.ndim - 1 + (len(axis) if isinstance(axis, (tuple, list)) else 1)
    return Batched(level, np.expand_dims(value, shifted(axis, ndim)), True)


@batching(np.squeeze)
def squeeze(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axis = argument(args, kwargs, 1, "axis", None)
    if axis is None:
        axis = tuple(i - 1 for i in range(1, value.ndim) if value.shape[i] == 1)
    return Batched(level, np.squeeze(value, shifted(axis, value.ndim - 1)), True)


@batching(np.broadcast_to)
def broadcast_to(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    shape = lengths(argument(args, kwargs, 1, "shape", None))
    value = with_axes(value, len(shape))
    return Batched(level, np.broadcast_to(value, (level.size, *shape)), True)


@batching(np.diagonal, np.trace)
def diagonal(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    for place, name, default in ((2, "axis1", 0), (3, "axis2", 1)):
        args, kwargs = replaced(
            args, kwargs, place, name, place_of(argument(args, kwargs, place, name, default), value.ndim - 1)
        )
    return Batched(level, function(value, *args[1:], **kwargs), True)


@batching(np.rot90)
def rot90(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axes = shifted(tuple(argument(args, kwargs, 2, "axes", (0, 1))), value.ndim - 1)
    args, kwargs = replaced(args, kwargs, 2, "axes", axes)
    return Batched(level, np.rot90(value, *args[1:], **kwargs), True)


@batching(np.fliplr, np.flipud)
def flipped(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    return np.flip(args[0], 0 if function is np.flipud else 1)


@batching(np.roll)
def roll(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axis = argument(args, kwargs, 2, "axis", None)
    if axis is None:
        flat = value.reshape(level.size, math.prod(value.shape[1:]))
        args, kwargs = replaced(args, kwargs, 2, "axis", 1)
        return Batched(level, np.roll(flat, *args[1:], **kwargs).reshape(value.shape), True)
    args, kwargs = replaced(args, kwargs, 2, "axis", shifted(axis, value.ndim - 1))
    return Batched(level, np.roll(value, *args[1:], **kwargs), True)


@batching(np.repeat)
def repeat(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axis = argument(args, kwargs, 2, "axis", None)
    if axis is None or value.ndim == 1:
        value, axis = value.reshape(level.size, math.prod(value.shape[1:])), 0
    args, kwargs = replaced(args, kwargs, 2, "axis", shifted(axis, value.ndim - 1))
    return Batched(level, np.repeat(value, *args[1:], **kwargs), True)


@batching(np.tile)
def tile(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    reps = lengths(argument(args, kwargs, 1, "reps", None))
    value = with_axes(value, len(reps))
    return Batched(level, np.tile(value, (1,) * (value.ndim - len(reps)) + reps), True)


@batching(np.pad)
def pad(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    width = argument(args, kwargs, 1, "pad_width", None)
    mode = argument(args, kwargs, 2, "mode", "constant")
    given = [v for k, v in kwargs.items() if k not in ("pad_width", "mode", "reflect_type")]
    if not isinstance(mode, str) or isinstance(width, dict) or any(np.ndim(v) for v in given):
        raise NoRule
    ndim = value.ndim - 1
    widths = [(0, 0), *np.broadcast_to(np.asarray(width), (ndim, 2)).tolist()] if ndim else [(0, 0)]
    args, kwargs = replaced(args, kwargs, 1, "pad_width", widths)
    return Batched(level, np.pad(value, *args[1:], **kwargs), True)


@batching(sliding_window_view)
def windows(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axis = argument(args, kwargs, 2, "axis", None)
    args, kwargs = replaced(args, kwargs, 2, "axis", shifted(axis, value.ndim - 1))
    return Batched(level, sliding_window_view(value, *args[1:], **kwargs), True)


@batching(np.concatenate)
def concatenate(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    arrays = [spread_out(as_one(x), level) for x in args[0]]
    axis = argument(args, kwargs, 1, "axis", 0)
    if axis is None:
        arrays, axis = [a.reshape(level.size, math.prod(a.shape[1:])) for a in arrays], 0
    args, kwargs = replaced(args, kwargs, 1, "axis", place_of(axis, arrays[0].ndim - 1))
    return Batched(level, np.concatenate(arrays, *args[1:], **kwargs), True)


@batching(np.stack)
def stack(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    arrays = args[0]
    if is_mapped(arrays, level):
        arrays = unstack(arrays)
    arrays = [spread_out(as_one(x), level) for x in arrays]
    axis = argument(args, kwargs, 1, "axis", 0)
    args, kwargs = replaced(args, kwargs, 1, "axis", place_of(axis, arrays[0].ndim))
    return Batched(level, np.stack(arrays, *args[1:], **kwargs), True)


@batching(np.zeros_like, np.ones_like, np.empty_like, np.full_like)
def made_like(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    a = args[0]
    like = strip(a, level)
    place = 5 if function is np.full_like else 4
    shape = argument(args, kwargs, place, "shape", None)
    shape = a.shape if shape is None else lengths(shape)
    if function is np.full_like:
        fill = argument(args, kwargs, 1, "fill_value", None)
        dtype = argument(args, kwargs, 2, "dtype", None)
        made = np.empty_like(like, dtype, shape=(level.size, *shape))
        made[...] = with_axes(spread_out(fill, level), len(shape))
        return Batched(level, made, True)
    dtype = argument(args, kwargs, 1, "dtype", None)
    return Batched(level, function(like, dtype, shape=(level.size, *shape)), True)


along_axes(np.flip)
along_axes(unstack, name="axis", place=1, default=0)
along_axes(np.array_split, place=2, default=0)
as_they_are(np.copy, np.astype, np.real, np.imag, np.round, np.around, np.fix, np.iscomplex, np.isreal, np.sinc, np.i0)
as_they_are(np.isneginf, np.isposinf)
as_they_are(np.matrix_transpose, np.tril, np.triu, least=2)
broadcasting(np.where, np.clip, np.isclose)


@batching(np.choose, np.select)
def chosen(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Conditions, or numbers of choices, and lists of arrays that they choose from."""
    args = [*args, *kwargs.values()] if function is np.select else [*args]
    if set(kwargs) - ({"default"} if function is np.select else {"mode"}) or len(args) < 2:
        raise NoRule
    args = [list(x) if i == 1 or (i == 0 and function is np.select) else as_one(x) for i, x in enumerate(args)]
    lists = [[as_one(v) for v in x] if isinstance(x, list) else x for x in args]
    ndim = max(getattr(v, "ndim", 0) for x in lists for v in (x if isinstance(x, list) else [x]))
    given = [[expanded(v, level, ndim) for v in x] if isinstance(x, list) else expanded(x, level, ndim) for x in lists]
    return Batched(level, function(*given, **({} if function is np.select else kwargs)), True)


@batching(np.shape, np.ndim, np.size, np.iscomplexobj, np.isrealobj)
def of_each(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    a = args[0]
    if function is np.iscomplexobj or function is np.isrealobj:
        return (a.dtype.kind == "c") == (function is np.iscomplexobj)
    if function is np.size:
        axis = argument(args, kwargs, 1, "axis", None)
        return a.size if axis is None else a.shape[axis]
    return a.shape if function is np.shape else a.ndim


@batching(np.result_type, np.can_cast, np.common_type, np.min_scalar_type)
def of_dtypes(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    return function(*[x.dtype if is_mapped(x, level) else strip(x, level) for x in args], **kwargs)


@batching(np.array_equal, np.array_equiv, np.allclose)
def compared(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    a, b, *rest = args
    if function is np.allclose:
        return np.all(np.isclose(a, b, *rest, **kwargs))
    if rest or kwargs or (function is np.array_equal and np.shape(a) != np.shape(b)):
        raise NoRule
    return np.all(a == b)


@batching(np.shares_memory, np.may_share_memory)
def shared(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    return function(*[strip(x, level) for x in args], **kwargs)


def created(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Arrays that a program makes, with ``like=`` an array under the vmap: one for each example, to write into."""
    if has_mapped((*args, *kwargs.values()), level):
        if function not in OF_ARRAYS or kwargs.keys() - {"dtype"} or len(args) > 2:
            raise NoRule
        made = np.copy(as_one(args[0]))
        dtype = argument(args, kwargs, 1, "dtype", None)
        return made if dtype is None else made.astype(dtype)
    made = function(*args, **kwargs)
    return Batched(level, np.copy(np.broadcast_to(made, (level.size, *made.shape))), True)


OF_ARRAYS = (np.array, np.asarray, np.asanyarray)
RULES.update(dict.fromkeys(CREATING, created))
