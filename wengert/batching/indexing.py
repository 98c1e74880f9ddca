"""Indexing of Batched arrays, and by them."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.batches import Level
from wengert.batching.batched import Batched, NoRule, is_mapped, strip, with_axes
from wengert.batching.rules import argument, batching, only_mapped, place_of, replaced, spread_out
from wengert.checks.errors import BatchError
from wengert.functions.indexing import GetItem, as_index, scatter
from wengert.singular.replay import key_of
from wengert.writes.calls import BATCHES, is_basic


class Index(NamedTuple):
    """How an index of each example is one of the array of all: the result of it has axes to move."""

    full: tuple[Any, ...]
    source: tuple[int, ...]
    target: tuple[int, ...]


def index_of_all(level: Level, index: Any, ndim: int, mapped: bool) -> Index:
    """Translate an index of each example; `mapped` says whether the indexed array is another for each of them."""
    parts = [as_index(part) for part in (index if isinstance(index, tuple) else (index,))]
    parts = without_ellipsis(parts, ndim)
    chosen = [i for i, part in enumerate(parts) if hasattr(part, "ndim") or type(part) is int]
    arrays = [parts[i] for i in chosen if getattr(parts[i], "ndim", 0) or is_mapped(parts[i], level)]
    if any(isinstance(p, (bool, np.bool_)) or (kind_of(p) == "b" and not p.ndim) for p in parts):
        raise NoRule
    varies = any(is_mapped(part, level) for part in arrays)
    for part in arrays:
        if kind_of(part) == "b" and is_mapped(part, level):
            raise BatchError(
                "an index of booleans under vmap chooses another number of elements for each example; write "
                "np.where(mask, x, 0), which keeps the shape"
            )
    parts = [strip(part, level) if not is_mapped(part, level) else part for part in parts]
    if not varies:
        return unvarying(parts, chosen, bool(arrays), mapped)
    depth = len(np.broadcast_shapes(*(p.shape for p in arrays if kind_of(p) != "b"), *([(1,)] * has_mask(arrays))))
    full = [with_axes(part.value, depth) if is_mapped(part, level) else part for part in parts]
    # The axis of the examples is one of those of the arrays in the index, before theirs.
    together = chosen == list(range(chosen[0], chosen[0] + len(chosen)))
    before = sum(p is None or isinstance(p, slice) for p in parts[: chosen[0]])
    if mapped:
        examples = np.arange(level.size).reshape((level.size,) + (1,) * depth)
        if together and before:  # separated by slices, so that NumPy puts the axes of the arrays first
            block = tuple(range(1, depth + 1))
            return Index((examples, *full), block, tuple(i + before for i in block))
        return Index((examples, *full), (), ())
    if together and before:
        return Index(tuple(full), (before,), (0,))
    return Index(tuple(full), (), ())


def kind_of(part: Any) -> str:
    """The kind of a part of an index: "b" for a mask, "" for what is no array."""
    return getattr(getattr(part, "dtype", None), "kind", "")


def has_mask(arrays: Any) -> int:
    return sum(kind_of(a) == "b" for a in arrays)


def unvarying(parts: list[Any], chosen: list[int], has_arrays: bool, mapped: bool) -> Index:
    """The same index for all examples."""
    index = (slice(None), *parts) if mapped else tuple(parts)
    separated = has_arrays and chosen != list(range(chosen[0], chosen[0] + len(chosen)))
    if separated and mapped:
        shapes = [np.shape(parts[i]) if kind_of(parts[i]) != "b" else (1,) for i in chosen]
        return Index(index, (len(np.broadcast_shapes(*shapes)),), (0,))
    return Index(index, (), ())


def without_ellipsis(parts: list[Any], ndim: int) -> list[Any]:
    """Write an index with slices in the place of an ellipsis."""
    places = [i for i, part in enumerate(parts) if part is Ellipsis]
    if len(places) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if not places:
        return parts
    taken = sum(part.ndim if kind_of(part) == "b" else 1 for part in parts if part is not None and part is not Ellipsis)
    return [*parts[: places[0]], *[slice(None)] * (ndim - taken), *parts[places[0] + 1 :]]


@batching(operator.getitem)
def getitem(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    a, index = args
    mapped = is_mapped(a, level)
    value = strip(a, level)
    if mapped and (type(index) is int or type(index) is slice):  # (the usual ones)
        if type(index) is int and not -a.shape[0] <= index < a.shape[0] if a.ndim else True:
            raise IndexError(f"index {index} is out of bounds for an array of shape {a.shape}")
        return Batched(level, value[:, index], True)
    full, source, target = index_of_all(level, index, a.ndim, mapped)
    found = value[full]
    return Batched(level, np.moveaxis(found, source, target) if source else found, True)


@batching(operator.setitem)
def setitem(level: Level, function: Any, args: Any, kwargs: Any) -> None:
    a, index, values = args
    if not is_mapped(a, level):
        raise TypeError(
            "an array that is the same for all examples of a vmap cannot take what is of each; make it by "
            "np.zeros_like of an array under the vmap, or join values by np.stack"
        )
    full, source, target = index_of_all(level, index, a.ndim, True)
    found = a.value[full]
    found = np.moveaxis(found, source, target) if source else found
    values = values if hasattr(values, "ndim") else np.asarray(values)
    surplus = values.ndim - (found.ndim - 1)
    if surplus > 0:  # (NumPy drops leading axes of length 1 from what it assigns)
        values = np.reshape(values, values.shape[surplus:])
    if is_mapped(values, level):
        value = with_axes(values.value, found.ndim - 1)
    else:
        value = strip(values, level)
    if source:
        value = np.moveaxis(np.broadcast_to(value, found.shape), target, source)
    a.value[full] = value


@batching(np.ndarray.fill)
def fill(level: Level, function: Any, args: Any, kwargs: Any) -> None:
    setitem(level, function, (args[0], ..., args[1]), {})


@batching(scatter)
def scattered(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    values, index, shape = args
    varies = is_mapped(values, level)
    full, source, target = index_of_all(level, index, len(shape), True)
    value = spread_out(values, level)
    if source:
        value = np.moveaxis(value, target, source)
    if not varies and any(getattr(part, "ndim", 0) for part in full):
        value = np.copy(value)
    return Batched(level, scatter(value, full, (level.size, *shape)), True)


@batching(np.take)
def take(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    a = args[0]
    indices = argument(args, kwargs, 1, "indices", None)
    axis = argument(args, kwargs, 2, "axis", None)
    if argument(args, kwargs, 4, "mode", "raise") != "raise" and is_mapped(indices, level):
        raise NoRule
    if axis is None or a.ndim == 0:
        a, axis = np.reshape(a, (a.size,)), 0
    if is_mapped(indices, level):
        return a[(slice(None),) * (place_of(axis, a.ndim) - 1) + (indices,)]
    value = only_mapped(level, args, kwargs)
    value = a.value
    args, kwargs = replaced(args, kwargs, 2, "axis", place_of(axis, a.ndim))
    return Batched(level, np.take(value, *args[1:], **kwargs), True)


@batching(np.take_along_axis)
def take_along_axis(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    arr, indices = args[0], argument(args, kwargs, 1, "indices", None)
    axis = argument(args, kwargs, 2, "axis", -1)
    if axis is None:
        arr, axis = np.reshape(arr, (arr.size,)), 0
    place = place_of(axis, arr.ndim)
    return Batched(level, np.take_along_axis(spread_out(arr, level), spread_out(indices, level), place), True)


# Gradients of elements, where these are ndarrays: they are added in place, as those outside of a vmap.


def accumulate(f: Any, walk: Any, gy: Any) -> Any:
    index, edge = f._kept.values[1], f._edges[0]
    total = accumulator(walk, edge, gy) if is_basic(index) else None
    if total is None:
        return f.pull(gy, False)
    part = total.value[(slice(None), *(index if type(index) is tuple else (index,)))]
    np.add(part, gy.value, out=part)
    return [None]


def accumulator(walk: Any, edge: Any, gy: Any) -> Any:
    """Return the gradient so far with respect to an edge, to be added to; None for one of another kind."""
    if not gy.mapped or type(gy.value) is not np.ndarray or gy.dtype != edge.dtype or gy.dtype == np.float16:
        return None
    key = key_of(edge)
    found = walk.gradients.get(key)
    if found is None:
        walk.add((edge,), (Batched(gy.level, np.zeros((gy.level.size, *edge.shape), gy.dtype), True),), None)
    elif not is_mapped(found, gy.level) or type(found.value) is not np.ndarray:
        return None
    elif key not in walk.summed:
        walk.gradients[key] = Batched(gy.level, found.value.copy(), True)
    walk.summed.add(key)
    return walk.gradients[key]


BATCHES[GetItem] = accumulate
