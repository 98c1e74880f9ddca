"""Places: elements of a memory, as an array that is a view of it has them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from wengert.arrays.aliases import owner_of
from wengert.arrays.level import TRACED, level_of
from wengert.arrays.values import looked_at

__all__ = [
    "Place",
    "axes_in_memory",
    "in_c_order",
    "is_overlapping",
    "place_in_strides",
    "place_of",
    "strided",
    "zeros_for",
]


class Place(NamedTuple):
    """Elements of an array in C order: as the offset, shape and strides of a view of it, counted in elements.

    `part` is "real" or "imag" for a view of one part of complex numbers.
    """

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    part: str = ""


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]


def place_of(view: Any, whole: Any) -> Place | None:
    """Return the place of a view in an array in C order; None if it is a view of other memory, or of another dtype."""
    if owner_of(view) is not owner_of(whole):
        return None
    view, whole = looked_at(view), looked_at(whole)
    size = whole.itemsize
    offset = (address(view) - address(whole)) if view.size else 0
    part = part_of(view, whole, offset)
    if part is None:
        return None
    return Place(offset // size, view.shape, tuple([step // size for step in view.strides]), part)


def place_in_strides(view: Any, whole: Any) -> Place | None:
    """Return the place that a view of an array of any strides will have in a copy of that in C order.

    None if it is a view of another dtype.
    """
    view, whole = looked_at(view), looked_at(whole)
    lengths = whole.shape
    steps = [math.prod(lengths[axis + 1 :]) for axis in range(whole.ndim)]
    axes = [axis for axis in axes_in_memory(whole) if lengths[axis] > 1]
    lowest = address(whole) + sum(min(whole.strides[axis], 0) * (lengths[axis] - 1) for axis in axes)

    def offset_at(byte: int) -> int:
        """Find the number of the element at a byte of the memory."""
        found = 0
        for axis in axes:
            i, byte = divmod(byte, abs(whole.strides[axis]))
            found += (i if whole.strides[axis] > 0 else lengths[axis] - 1 - i) * steps[axis]
        return found

    if not view.size:
        return Place(0, view.shape, (0,) * view.ndim)
    first = address(view) - lowest
    start = offset_at(first)
    strides = [
        offset_at(first + step) - start if n > 1 else 0 for n, step in zip(view.shape, view.strides, strict=True)
    ]
    part = part_of(view, whole, address(view) - address(whole))
    return None if part is None else Place(start, view.shape, tuple(strides), part)


def part_of(view: np.ndarray, whole: np.ndarray, offset: int) -> str | None:
    """Return the `part` of a place, so many bytes from the first element; None for a view of another dtype."""
    if view.dtype == whole.dtype:
        return ""
    if whole.dtype.kind != "c" or view.dtype != whole.real.dtype:
        return None
    return "imag" if offset % whole.itemsize else "real"


def axes_in_memory(array: Any) -> list[int]:
    """List the axes of an array in their order in memory: the longest stride first."""
    return sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))


def view_by(base: np.ndarray, place: Place) -> np.ndarray:
    """Return the view of an array in C order that has the elements at a place."""
    size, dtype, offset = base.itemsize, base.dtype, place.offset * base.itemsize
    if place.part:
        dtype = base.real.dtype
        offset += dtype.itemsize if place.part == "imag" else 0
    offset = offset if math.prod(place.shape) else 0
    return np.ndarray(place.shape, dtype, base, offset, tuple([size * step for step in place.strides]))


def strided(base: Any, place: Place) -> Any:
    """Return the view of an array in C order, also of a traced one, that has the elements at a place."""
    if type(base) is np.ndarray:
        return view_by(base, place)
    return base.__array_function__(view_by, (type(base),), (base, place), {})


def in_c_order(array: Any) -> Any:
    """Return the array, or a copy of it, with its elements in C order in memory."""
    if isinstance(array, np.generic):
        return np.asarray(array)
    return array if array.flags.c_contiguous else array.copy(order="C")


def zeros_for(like: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return zeros of a kind that the values of `like` can be written into."""
    like = getattr(like, "data", like) if level_of(like) > TRACED else like
    if type(like) is np.ndarray or not hasattr(like, "__array_function__"):
        return np.zeros(shape, dtype)
    return np.zeros_like(like, dtype, order="C", shape=shape)


def is_overlapping(place: Place) -> bool:
    """Whether a place may have an element twice, as a broadcast array and sliding windows have."""
    steps = sorted((abs(step), n) for step, n in zip(place.strides, place.shape, strict=True) if n > 1)
    reach = 0
    for step, n in steps:
        if step <= reach:
            return math.prod(place.shape) > 0
        reach += step * (n - 1)
    return False
