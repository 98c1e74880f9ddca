"""The two calls that writes are recorded as: `view` reads elements of an array, `write` makes an array with others.

Both are linear, and each is in the other's pullback. Where gradients are plain arrays, nothing of the size of the
array is computed for a view of a few of its elements: they are added to, or zeroed, in place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, TRACED, level_of
from wengert.arrays.lists import NOT_ARRAYS
from wengert.arrays.table import FUNCTIONS
from wengert.arrays.values import looked_at
from wengert.core.node import next_number
from wengert.core.numpy_call import Kept
from wengert.core.variable import gradient_dtype
from wengert.custom.registration import dispatched, pullback
from wengert.functions.indexing import GetItem, add_at, as_index, scatter
from wengert.singular.replay import key_of
from wengert.writes.places import Place, in_c_order, is_overlapping, strided, zeros_for

__all__ = ["View", "Write", "assign_or_add", "names_twice", "view", "write", "write_call"]


@dispatched
def view(base: Any, place: Place) -> Any:
    """Return the elements of `base`, in C order, at a `place`."""
    return strided(in_c_order(base), place)


@dispatched
def write(base: Any, values: Any, place: Place | None, index: Any, adds: bool = False) -> Any:
    """Return `base` with `values` assigned, or added, to the elements ``view(base, place)[index]``.

    Without a place, the elements are ``base[index]``.
    """
    base = np.asarray(base) if isinstance(base, np.generic) else base
    overwrites = place is None and index is Ellipsis and not adds and np.shape(values) == base.shape
    if overwrites or type(base) is np.ndarray:  # (into a traced array, where the values are of one)
        result = zeros_for(values, base.shape, base.dtype)
        if not overwrites:
            result[...] = base
    else:
        result = base.copy(order="C")
    assign_or_add(result if place is None else strided(result, place), index, values, adds)
    return result


def assign_or_add(target: Any, index: Any, values: Any, adds: bool) -> None:
    """Do to an array what is recorded."""
    if not adds:
        target[index] = values
    elif names_twice(index):
        np.add.at(target, index, values)
    elif index is Ellipsis:
        np.add(target, values, out=target, casting="unsafe")
    else:
        target[index] += values


def names_twice(index: Any) -> bool:
    """Whether an index may name an element twice: one with integers in arrays."""
    for part in index if type(index) is tuple else (index,):
        part = as_index(part)
        if getattr(part, "ndim", 0) and part.dtype.kind in "iu":
            return True
    return False


NOT_ARRAYS.update((view, write))  # (an index may be a tuple of arrays, a place is one of numbers)


@pullback(view, "base", reads="", linear=True)
def view_pullback(gy: Any, base: Any, place: Any) -> Any:
    if is_overlapping(place):
        numbers = strided(np.arange(base.size), place._replace(part=""))
        return np.reshape(scatter(gy, numbers, (base.size,)), base.shape)
    return write(np.zeros(base.shape, base.dtype), gy, place, ...)


@pullback(write, "base", reads="index", linear=True)
def write_base(gy: Any, base: Any, values: Any, place: Any, index: Any, adds: Any = False) -> Any:
    return gy if adds else write(gy, 0.0, place, index)


@pullback(write, "values", reads="index", linear=True)
def write_values(gy: Any, base: Any, values: Any, place: Any, index: Any, adds: Any = False) -> Any:
    found = gy if place is None else view(gy, place)
    if index is not Ellipsis:
        found = found[index]
    if not adds and names_twice(index):
        found = np.where(last_named(place.shape if place else gy.shape, index, found.shape), found, 0)
    if values.ndim > found.ndim:  # (NumPy drops leading axes of length 1 from what it assigns)
        found = np.reshape(found, (1,) * (values.ndim - found.ndim) + found.shape)
    return found


def last_named(shape: tuple[int, ...], index: Any, result: tuple[int, ...]) -> Any:
    """Mask of where an index names an element for the last time: what is assigned there is what stays."""
    numbers = np.arange(math.prod(result)).reshape(result)
    last = np.empty(shape, np.intp)
    last[index] = numbers
    return last[index] == numbers


# Where gradients are plain arrays.

View: Any = FUNCTIONS[view].__self__  # type: ignore[attr-defined]
Write: Any = FUNCTIONS[write].__self__  # type: ignore[attr-defined]
PARAMETERS = ("base", "values", "place", "index", "adds")


def write_call(edges: list[Any], spots: list[Any], values: list[Any]) -> Any:
    """Make the record of a call of `write`, whose result is in a buffer already."""
    f = Write()
    f._edges, f._kept, f._number = edges, Kept(values, 5, PARAMETERS, spots, None, None, None), next_number()
    return f


def accumulator(walk: Any, edge: Any, f: Any, gy: Any) -> Any:
    """Return the gradient so far with respect to a value that `f` took, as an array that may be added to in place.

    None if there is one of another kind, or what is to be added, `gy`, cannot be added to it without a conversion.
    """
    key = key_of(edge)
    found = walk.gradients.get(key)
    if found is None:
        dtype = gradient_dtype(edge.dtype)
        if gy.dtype != dtype:
            return None
        walk.add((edge,), (zeros_for(gy, edge.shape, dtype),), f)
    elif not is_array(found) or found.dtype != gy.dtype or (level_of(found) != level_of(gy) and level_of(gy)):
        return None
    elif key not in walk.summed or not found.flags.c_contiguous:
        walk.gradients[key] = found.copy(order="C")
    walk.summed.add(key)
    return walk.gradients[key]


def is_array(x: Any) -> bool:
    """Whether something is an array, plain or traced, and not a number of NumPy."""
    return level_of(x) <= TRACED and isinstance(looked_at(x), np.ndarray)


def accumulate_view(f: Any, walk: Any, gy: Any) -> Any:
    place, edge = f._kept.values[1], f._edges[0]
    if not is_overlapping(place):
        total = accumulator(walk, edge, f, gy)
        if total is not None:
            part = strided(total, place)
            np.add(part, gy, out=part)
            return [None]
    return f.pull(gy, False)


def accumulate_write(f: Any, walk: Any, gy: Any) -> Any:
    _, _, place, index, adds = (*f._kept.values, False)[:5]
    if level_of(gy) == TRACED and (names_twice(index) or not is_array(gy)):
        return f.pull(gy, False)
    edges, spots = f._edges, f._kept.spots
    base = 0 if spots[0][0] == 0 else None
    values = spots[-1][1] if spots[-1][0] == 1 else None
    gxs: list[Any] = [None] * len(edges)
    if base is not None and not adds and not (walk.exclusive and gy.flags.c_contiguous):
        gy = gy.copy(order="C")
    elif place is not None:
        gy = in_c_order(gy)
    target = gy if place is None else strided(gy, place)
    if values is not None:
        found = target[index]
        if not adds and names_twice(index):
            found = np.where(last_named(target.shape, index, found.shape), found, found.dtype.type(0))
        missing = len(edges[values].shape) - found.ndim
        found = found.reshape((1,) * missing + found.shape) if missing > 0 else found
        gxs[values] = found.copy() if level_of(found) == TRACED else np.array(found)
    if base is not None:
        if not adds:
            target[index] = 0
        gxs[base] = gy
        key = key_of(edges[base])
        if key not in walk.gradients and (walk.exclusive or not adds):
            walk.summed.add(key)  # it is the walk's own
    return gxs


def accumulate_getitem(f: Any, walk: Any, gy: Any) -> Any:
    """Add the gradient of indexed elements."""
    index = f._kept.values[1]
    twice = type(index) is not int and names_twice(index)
    total = None
    traced = level_of(gy) == TRACED and (twice or not is_basic(index))
    level = 0 if type(index) is int else level_of_index(index)
    made = level == TRACED and (twice or level_of(gy) != TRACED)
    if gy.dtype != np.float16 and not traced and not made and level <= TRACED:
        total = accumulator(walk, f._edges[0], f, gy)
    if total is None:
        return f.pull(gy, False)
    if twice:
        add_at(total, index, gy)
    else:
        total[index] += gy
    return [None]


def level_of_index(index: Any) -> int:
    """The highest level of an array or number in an index: what is added to must be of it, too."""
    highest = 0
    for part in index if type(index) is tuple else (index,):
        for x in (part.start, part.stop) if type(part) is slice else (part,):
            if type(x) is not int:
                highest = max(highest, level_of(x))
    return highest


def is_basic(index: Any) -> bool:
    """Whether an index is one of integers and slices."""
    return all(
        type(i) is int or type(i) is slice or i is Ellipsis for i in (index if type(index) is tuple else (index,))
    )


BATCHES: dict[Any, Any] = {}  # of a class of nodes, what is done to gradients under vmap


def of_arrays(accumulate: Any) -> Any:
    """Make the method of a Node, which is given gradients of any kind, of what is done to arrays."""

    def method(f: Any, walk: Any, gy: Any) -> Any:
        if isinstance(gy, np.generic):
            gy = np.asarray(gy)
        elif type(gy) is not np.ndarray and level_of(gy) != TRACED:
            of_batches = BATCHES.get(type(f)) if level_of(gy) < RECORDED else None
            return f.pull(gy, False) if of_batches is None else of_batches(f, walk, gy)
        return accumulate(f, walk, gy)

    return method


View.accumulate, Write.accumulate = of_arrays(accumulate_view), of_arrays(accumulate_write)
GetItem.accumulate = of_arrays(accumulate_getitem)
