"""The layout of arrays in memory: views by offset and strides, and arrays whose axes are not in C order."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.checks.mutation import owner
from wengert.compiler.graph.graph import c_strides
from wengert.compiler.graph.interpreter import Window

__all__ = [
    "View",
    "address_of",
    "axes_in_memory_order",
    "is_c_order",
    "is_dense",
    "view_in",
    "view_in_layout",
    "view_of",
    "view_of_input",
]


class View(NamedTuple):
    """Elements of an array's memory: from `offset` on, with `strides`, both in bytes."""

    offset: int
    strides: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: Any


def view_in(whole: Any, array: Any) -> View:
    """The view that one array is of the memory of another."""
    return View(start_of(array, whole) if array.size else 0, array.strides, array.shape, array.dtype)


def is_c_order(view: View) -> bool:
    """Whether a view has the strides of a contiguous array in C order."""
    return bool(view.strides == tuple(s * view.dtype.itemsize for s in c_strides(view.shape)))


def is_dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether an array is a contiguous one with permuted axes; strides are in elements."""
    axes = axes_in_memory_order(shape, strides)
    return tuple(strides[a] for a in axes) == c_strides(tuple(shape[a] for a in axes))


def axes_in_memory_order(shape: tuple[int, ...], strides: tuple[int, ...]) -> list[int]:
    """The axes of more than one element, by descending stride."""
    return sorted((a for a, n in enumerate(shape) if n > 1), key=lambda a: -strides[a])


def view_in_layout(view: View, memory: Any, strides: tuple[int, ...]) -> View | None:
    """Convert a view of a memory's array to a view of an array of the same elements with other strides.

    None where it is not expressible by strides. Strides are in elements.
    """
    shape, size = memory.array.shape, memory.array.itemsize
    layout = np.array(memory.layout, np.int64)
    axes = axes_in_memory_order(shape, memory.layout)
    lengths = tuple(shape[a] for a in axes)
    new = np.array(strides, np.int64)

    def indices(position: int) -> Any:
        """The indices of the element at a position in memory."""
        found = np.zeros(len(shape), np.int64)
        found[axes] = np.unravel_index(position, lengths) if axes else ()
        return found

    first = indices(view.offset // size)
    low, high, steps = first.copy(), first.copy(), []
    for n, stride in zip(view.shape, view.strides, strict=True):
        if n == 1 or stride == 0:
            steps.append(stride)
            continue
        step = np.sign(stride) * indices(abs(stride) // size)
        low += np.minimum(step, 0) * (n - 1)
        high += np.maximum(step, 0) * (n - 1)
        steps.append(int(step @ new) * size)
    # (Only indices within the shape name an element.)
    if (low < 0).any() or (high >= np.array(shape)).any() or int(first @ layout) != view.offset // size:
        return None
    return View(int(first @ new) * size, tuple(steps), view.shape, view.dtype)


def view_of(array: Any, view: Any) -> Any:
    """A view of a result of a plan, which is contiguous."""
    offset, strides, shape, dtype = view
    if 0 in shape:
        return np.empty(shape, dtype)
    memory = owner(array)
    if not memory.flags.c_contiguous:
        return view_of_input(array, view)
    start = 0 if memory is array else start_of(array, memory)
    return np.ndarray(shape, dtype, memory, start + offset, strides)


def view_of_input(array: Any, view: Any) -> Any:
    """A view of an input; read-only if the input is."""
    offset, strides, shape, dtype = view
    if 0 in shape:
        found = np.empty(shape, dtype)
    else:
        memory = owner(array)
        whole = memory if memory.flags.c_contiguous else memory.T
        if not whole.flags.c_contiguous or memory.flags.writeable != array.flags.writeable:
            return np.asarray(Window(array, offset, shape, strides, dtype))
        found = np.ndarray(shape, dtype, whole, start_of(array, memory) + offset, strides)
    if not array.flags.writeable:
        found.setflags(write=False)
    return found


def start_of(array: Any, memory: Any) -> int:
    """The offset of an array in the memory of another one, in bytes."""
    return address_of(array) - address_of(memory)


def address_of(array: Any) -> int:
    """The address of the first element of an array."""
    return array.__array_interface__["data"][0]  # type: ignore[no-any-return]
