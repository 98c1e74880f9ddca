"""Indexing by integers, slices, integer arrays and masks; and assignment to an index."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wengert.compiler.graph import build
from wengert.compiler.graph.build import (
    constant,
    convert,
    elementwise,
    reduction,
    reshape,
    select,
    transpose,
    uniform_value,
    view_by,
    zeros,
)
from wengert.compiler.graph.calls import Method, Mutation, bound, get_item, set_item
from wengert.compiler.graph.graph import Node, NotLowered, c_strides
from wengert.compiler.kernels.copies import as_complex, as_pairs
from wengert.compiler.kernels.gather_scatter import gathered, scattered
from wengert.compiler.lowering.masks import expanded, is_mask, positions_in
from wengert.compiler.lowering.rules import as_node, axis_of, require, rule, static_value

INT = np.dtype(np.int64)


@rule(get_item)
def item(line: str, a: Any, index: Any) -> Any:
    """An element, a slice, or a gather by integer arrays."""
    a = as_node(a)
    parts = index if isinstance(index, tuple) else (index,)
    if is_basic(parts):
        return sliced(a, parts, line)
    found = parse_advanced(a, parts)
    if found is None or a.size == 0:
        return None
    x = transpose(sliced(a, found.slices, line), found.order, line)
    positions = flat_positions(found, x, line)
    if positions is None or positions.size == 0:
        return None
    count = len(found.arrays)
    shape = x.shape or ()
    first, last = found.first, found.first + count
    if count > 1:
        x = reshape(x, (*shape[:first], int(np.prod(shape[first:last])), *shape[last:]), line)
    y = gathered(x, positions, first, line)
    if found.new:
        y = sliced(y, found.new, line)
    return y


class Advanced(NamedTuple):
    """Advanced indexing in steps: slices, then a transposition, then arrays on adjacent axes, then new axes."""

    slices: tuple[Any, ...]
    order: tuple[int, ...]
    first: int  # the axis of the first array
    arrays: list[Any]  # of integers, by axis
    new: tuple[Any, ...]  # an index that adds the new axes, or empty


def is_basic(parts: tuple[Any, ...]) -> bool:
    """Whether an index is basic: without arrays."""
    return all(
        p is None
        or p is Ellipsis
        or isinstance(p, slice)
        or (isinstance(p, (int, np.integer)) and not isinstance(p, (bool, np.bool_)))
        for p in parts
    ) and not any(isinstance(x, Node) for p in parts if isinstance(p, slice) for x in (p.start, p.stop, p.step))


def parse_advanced(a: Node, parts: tuple[Any, ...]) -> Advanced | None:
    """Parse an index; None where its kind is not lowered."""
    listed: list[Any] = []
    for part in parts:
        if part is None or part is Ellipsis or isinstance(part, slice):
            if isinstance(part, slice) and any(isinstance(x, Node) for x in (part.start, part.stop, part.step)):
                return None
            listed.append(part)
            continue
        array = part if isinstance(part, Node) else np.asarray(part)
        if array.dtype.kind == "b" or (isinstance(part, list) and array.size == 0):
            fixed = static_value(array)
            if fixed is None or fixed.ndim == 0:
                return None
            listed += np.nonzero(fixed) if fixed.dtype.kind == "b" else [fixed.astype(INT)]
            continue
        if array.dtype.kind not in "iu" or array.dtype == np.uint64:
            return None
        listed.append(array)
    taken = sum(p is not None and p is not Ellipsis for p in listed)
    if Ellipsis not in [p for p in listed if p is None or p is Ellipsis]:
        listed.append(Ellipsis)
    at = next(i for i, p in enumerate(listed) if p is Ellipsis)
    listed[at : at + 1] = [slice(None)] * (a.ndim - taken)
    if None in [p for p in listed if not hasattr(p, "dtype")] and len(listed) != a.ndim:
        return with_new_axes(a, listed)
    is_array = [hasattr(p, "dtype") for p in listed]
    axes = [i for i, flag in enumerate(is_array) if flag]
    if len(listed) != a.ndim or not axes:
        return None
    adjacent = axes == list(range(axes[0], axes[0] + len(axes)))
    first = axes[0] if adjacent else 0
    others = [i for i in range(a.ndim) if i not in axes]
    slices = tuple(slice(None) if flag else p for p, flag in zip(listed, is_array, strict=True))
    return Advanced(slices, (*others[:first], *axes, *others[first:]), first, [listed[i] for i in axes], ())


def with_new_axes(a: Node, listed: list[Any]) -> Advanced | None:
    """Parse an index with None beside arrays on adjacent axes."""
    array_axes = [i for i, p in enumerate(listed) if hasattr(p, "dtype")]
    if not array_axes or array_axes != list(range(array_axes[0], array_axes[0] + len(array_axes))):
        return None
    found = parse_advanced(a, tuple(p for p in listed if p is not None))
    if found is None:
        return None
    ndim = max(np.ndim(x) if not isinstance(x, Node) else x.ndim for x in found.arrays)
    new = [None if p is None else slice(None) for p in listed]
    new[array_axes[0] : array_axes[-1] + 1] = [slice(None)] * ndim
    return found._replace(new=tuple(new))


def flat_positions(found: Advanced, x: Node, line: str) -> Node | None:
    """The positions that the arrays select, in the flattened axes."""
    shape = (x.shape or ())[found.first : found.first + len(found.arrays)]
    fixed = [static_value(array) for array in found.arrays]
    if all(f is not None for f in fixed):
        arrays = [checked(np.asarray(f, INT), n) for f, n in zip(fixed, shape, strict=True)]
        return constant(np.array(np.ravel_multi_index(np.broadcast_arrays(*arrays), shape), INT))
    total: Node | None = None
    for array, n in zip(found.arrays, shape, strict=True):
        place = from_zero(as_node(array), n, line)
        if total is None:
            total = place
        else:
            total = elementwise(np.add, elementwise(np.multiply, total, n, line=line), place, line=line)
    return total


def checked(index: Any, n: int) -> Any:
    """Normalize negative integers; where one is out of bounds the call is not lowered, and NumPy raises."""
    if np.any(index < -n) or np.any(index >= n):
        raise NotLowered("an index is out of bounds")
    return np.where(index < 0, index + n, index)


def from_zero(index: Node, n: int, line: str) -> Node:
    """Normalize integers that may be negative; a guard fails where they are out of bounds."""
    fixed = static_value(index)
    if fixed is not None:
        return constant(checked(np.asarray(fixed, INT), n))
    index = index if index.dtype == INT else convert(index, dtype=INT, line=line)
    in_bounds = elementwise(
        np.logical_and, elementwise(np.greater_equal, index, -n), elementwise(np.less, index, n), line=line
    )
    require(reduction(np.logical_and, in_bounds, None, line=line), line)
    return select(elementwise(np.less, index, 0), elementwise(np.add, index, n), index, line)


def sliced(a: Node, parts: tuple[Any, ...], line: str) -> Node:
    """Basic indexing."""
    if 0 in (a.shape or ()):
        raise NotLowered("there are no elements")
    found = view_by(a, lambda base: base[parts if any(p is Ellipsis for p in parts) else (*parts, ...)], line)
    assert found is not None  # (with an ellipsis, NumPy returns a view even of one element)
    return found


# Functions that gather


@rule(np.take)
def take(line: str, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    a, indices = as_node(a), as_node(indices)
    if out is not None or indices.dtype.kind not in "iu" or indices.dtype == np.uint64:
        return None
    if axis is None:
        a, axis = reshape(a, (a.size,), line), 0
    axis = axis_of(axis, a)
    n = (a.shape or ())[axis]
    if mode == "wrap":
        indices = elementwise(np.remainder, convert(indices, dtype=INT), n, line=line)
    elif mode == "clip":
        indices = elementwise(np.minimum, elementwise(np.maximum, convert(indices, dtype=INT), 0), n - 1, line=line)
    elif mode != "raise":
        return None
    if indices.op != "constant" and mode != "raise":
        return gathered(a, indices, axis, line) if a.size and indices.size else None
    return item(line, a, (*(slice(None),) * axis, indices))


@rule(np.take_along_axis)
def take_along_axis(line: str, arr: Any, indices: Any, axis: Any = -1) -> Any:
    a, indices = as_node(arr), as_node(indices)
    if axis is None:
        return take(line, reshape(a, (a.size,), line), indices)
    return item(line, a, index_along_axis(a, indices, axis))


def index_along_axis(a: Node, indices: Node, axis: int) -> tuple[Any, ...]:
    """The advanced index that is equivalent to take_along_axis."""
    axis = axis_of(axis, a)
    shape = indices.shape or ()
    grid: list[Any] = [
        np.reshape(np.arange(n), [-1 if i == j else 1 for j in range(a.ndim)]) for i, n in enumerate(shape)
    ]
    if any(n != m for i, (n, m) in enumerate(zip(shape, a.shape or (), strict=True)) if i != axis):
        raise NotLowered("indices are broadcast")
    grid[axis] = indices
    return tuple(grid)


# Writes


@rule(Mutation(set_item))
def put_item(line: str, a: Any, index: Any, value: Any) -> Any:
    """``a[index] = value``: a select for a mask, a scatter for integers."""
    a = as_node(a)
    if isinstance(index, tuple) and len(index) == 1:
        (index,) = index
    if isinstance(index, Node) and index.dtype.kind == "b":
        value = as_node(value)
        if value.size == 1:
            value = reshape(value, ())
        if value.ndim > a.ndim - index.ndim:
            return put_selected(line, a, index, value)
        mask = reshape(index, (*(index.shape or ()), *(1,) * (a.ndim - index.ndim)), line)
        return select(mask, convert(value, dtype=a.dtype, line=line), a, line) if convertible(value, a) else None
    if isinstance(index, tuple) and any(map(is_mask, index)):
        index = expanded(index, as_node(value).shape or (), line)
        if index is None or as_node(value).ndim != a.ndim:
            return None  # the number of elements that the mask selects must be known
        if not as_node(value).size:
            return a
    return write_elements(line, a, index, value, False)


def put_selected(line: str, a: Node, mask: Node, value: Node) -> Node | None:
    """``a[mask] = value``, of one value for each element that the mask selects."""
    own, shape = (a.shape or ())[mask.ndim :], value.shape or ()
    if (a.shape or ())[: mask.ndim] != mask.shape or len(shape) != 1 + len(own) or not convertible(value, a):
        return None
    count = shape[0]
    if count == 1 or not a.size:
        return None
    places = positions_in(mask, count, line)
    if not count:
        return a
    flat = (mask.size, *own)
    old = constant(np.broadcast_to(a.settings["array"].ravel()[:1], flat)) if is_uniform(a) else reshape(a, flat, line)
    new = scattered(old, places, convert(value, (count, *own), a.dtype, line), 0, False, line)
    return None if new is None else reshape(new, a.shape or (), line)


@rule(Mutation(bound(np.add, "at")))
def add_at(line: str, a: Any, index: Any, value: Any) -> Any:
    return write_elements(line, as_node(a), index, value, True)


@rule(Mutation(bound(np.subtract, "at")))
def subtract_at(line: str, a: Any, index: Any, value: Any) -> Any:
    a, value = as_node(a), as_node(value)
    if a.dtype.kind != "f" or not convertible(value, a):
        return None
    return write_elements(line, a, index, elementwise(np.negative, convert(value, dtype=a.dtype), line=line), True)


@rule(Mutation(np.put), Mutation(Method("put")))
def put(line: str, a: Any, ind: Any, v: Any, mode: str = "raise") -> Any:
    a, index, value = as_node(a), as_node(ind), as_node(v)
    if mode != "raise" or index.size == 0 or value.size not in (1, index.size):
        return None
    value = reshape(value, () if value.size == 1 else (index.size,), line)
    flat = write_elements(line, reshape(a, (a.size,), line), reshape(index, (index.size,), line), value, False)
    return None if flat is None else reshape(flat, a.shape or (), line)


@rule(Mutation(np.put_along_axis))
def put_along_axis(line: str, arr: Any, indices: Any, values: Any, axis: Any) -> Any:
    a, indices = as_node(arr), as_node(indices)
    if axis is None:
        return None
    return write_elements(line, a, index_along_axis(a, indices, axis), values, False)


@rule(Mutation(np.copyto))
def copyto(line: str, dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> Any:
    dst, src = as_node(dst), as_node(src)
    if not convertible(src, dst):
        return None
    new = convert(src, dst.shape, dst.dtype, line)
    return new if where is True else select(where, new, dst, line)


@rule(Mutation(Method("fill")))
def fill(line: str, a: Any, value: Any) -> Any:
    return convert(as_node(value), a.shape, a.dtype, line) if convertible(as_node(value), a) else None


def convertible(value: Node, a: Node) -> bool:
    """Whether assignment converts as `convert` nodes do."""
    return not (value.dtype.kind == "f" and a.dtype.kind in "iu") and (value.dtype.kind != "c" or a.dtype.kind == "c")


def write_elements(line: str, a: Node, index: Any, value: Any, adds: bool) -> Node | None:
    """Assign or add values at an index that has arrays on adjacent axes."""
    parts = index if isinstance(index, tuple) else (index,)
    value = as_node(value)
    if a.size == 0 or not convertible(value, a) or (adds and not np.can_cast(value.dtype, a.dtype, "same_kind")):
        return None
    if is_basic(parts):
        if not adds or any(isinstance(p, slice) for p in parts) or a.dtype.kind == "b":
            return None
        parts = tuple(np.asarray(p) if isinstance(p, (int, np.integer)) else p for p in parts)
    found = parse_advanced(a, parts)
    if found is None or found.new or found.order != tuple(range(a.ndim)):
        return None
    if any(s != slice(None) for s in found.slices):
        return write_into_slices(line, a, found, parts, value, adds)
    positions = flat_positions(found, a, line)
    if positions is None or positions.size == 0:
        return None
    shape, first, last = a.shape or (), found.first, found.first + len(found.arrays)
    flat = (*shape[:first], int(np.prod(shape[first:last])), *shape[last:])
    wanted = (*shape[:first], *(positions.shape or ()), *shape[last:])
    value = convert(value, wanted, a.dtype, line)
    old = constant(np.broadcast_to(a.settings["array"].ravel()[:1], flat)) if is_uniform(a) else reshape(a, flat, line)
    if adds and a.dtype.kind == "c":
        new = scattered(pairs_of(old, line), positions, as_pairs(value, line), first, True, line)
        return None if new is None else reshape(as_complex(new, line), shape, line)
    new = scattered(old, positions, value, first, adds, line)
    return None if new is None else reshape(new, shape, line)


def pairs_of(x: Node, line: str) -> Node:
    """The real and imaginary parts of complex numbers; of a constant that is filled with one number, as such one."""
    if not is_uniform(x) or repr((value := complex(uniform_value(x))).imag) != repr(value.real):
        return as_pairs(x, line)
    return zeros((*(x.shape or ()), 2), np.empty(0, x.dtype).real.dtype, value.real)


def is_uniform(a: Node) -> bool:
    return a.op == "constant" and uniform_value(a) is not None


def write_into_slices(
    line: str, a: Node, found: Advanced, parts: tuple[Any, ...], value: Node, adds: bool
) -> Node | None:
    """Write into slices of an array: into a copy of them, which then updates the array."""
    selected = sliced(a, found.slices, line)
    remaining = tuple(slice(None) if isinstance(p, slice) else p for p in parts)
    new = write_elements(line, convert(selected, line=line), remaining, value, adds)
    if new is None:
        return None
    shape = a.shape or ()
    root = convert(a, line=line)
    view = sliced(root, found.slices, line)
    _, offset, strides = build.root_of(view)
    if strides != c_strides(view.shape or ()) or view.shape != shape:
        settings = {"offset": offset, "shape": view.shape, "strides": strides}
        return Node("update", (root, new), settings, shape, a.dtype, line=line)
    return new
