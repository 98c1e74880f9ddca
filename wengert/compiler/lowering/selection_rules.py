"""Calls whose results have a size that depends on values: each plan is for one size, which a guard compares.

A rule here takes the shape that the result had in the trace, as `SIZED` says, before the arguments of the call.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, elementwise, reduction, reshape, select, strided, zeros
from wengert.compiler.graph.calls import Method, get_item
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.kernels.fold import folded
from wengert.compiler.kernels.gather_scatter import gathered, scattered
from wengert.compiler.kernels.sorting import order_of_rows
from wengert.compiler.lowering.indexing_rules import INT, item
from wengert.compiler.lowering.masks import expanded, is_mask, positions_in
from wengert.compiler.lowering.rules import as_node, axis_of, require, rule
from wengert.compiler.lowering.shape_rules import concatenate

__all__ = ["SIZED", "SIZED_TUPLES"]

# From functions to rules: (line, shape of the result, *arguments) -> the result.
SIZED: dict[Any, Callable[..., Any]] = {}
# Of functions with several results: (line, shape, index of the result, *arguments) -> the result.
SIZED_TUPLES: dict[Any, Callable[..., Any]] = {}


@rule(np.size)
def size(line: str, a: Any, axis: Any = None) -> Any:
    """Of a result that stays a call the size is known at run time only."""
    a = as_node(a)
    return None if axis is not None or a.op in ("call", "tuple_get") else constant(np.int64(a.size))


def masked_item(line: str, shape: tuple[int, ...], a: Any, index: Any) -> Any:
    """``a[mask]``, also beside slices."""
    a = as_node(a)
    parts = index if isinstance(index, tuple) else (index,)
    if len(parts) == 1 and is_mask(parts[0]):
        own = (a.shape or ())[parts[0].ndim :]
        if (a.shape or ())[: parts[0].ndim] != parts[0].shape:
            return None  # (NumPy raises)
        places = positions_in(parts[0], shape[0], line)
        if 0 in shape:
            return constant(np.empty(shape, a.dtype))
        return gathered(reshape(a, (parts[0].size, *own), line), places, 0, line)
    found = expanded(parts, shape, line)
    if found is None:
        return None
    return constant(np.empty(shape, a.dtype)) if 0 in shape else item(line, a, found)


SIZED[get_item] = masked_item


def nonzero_mask(a: Any, line: str) -> Node:
    x = as_node(a)
    if not x.ndim or x.weak or x.dtype.kind not in "biufc":
        raise NotLowered("NumPy refuses 0-d arrays, and objects are no numbers")
    return x if x.dtype.kind == "b" else elementwise(np.not_equal, x, 0, line=line)


def flatnonzero(line: str, shape: tuple[int, ...], a: Any) -> Node:
    return positions_in(nonzero_mask(a, line), shape[0], line)


def nonzero(line: str, shape: tuple[int, ...], index: int, a: Any) -> Node:
    mask = nonzero_mask(a, line)
    return along(mask.shape or (), index, positions_in(mask, shape[0], line), line)


def along(shape: tuple[int, ...], axis: int, flat: Node, line: str) -> Node:
    """The index along an axis, from the index in the flattened array."""
    inner = math.prod(shape[axis + 1 :])
    found = flat if inner == 1 else elementwise(np.floor_divide, flat, inner, line=line)
    return found if axis == 0 else elementwise(np.remainder, found, shape[axis], line=line)


def argwhere(line: str, shape: tuple[int, ...], a: Any) -> Any:
    mask = nonzero_mask(a, line)
    flat = reshape(positions_in(mask, shape[0], line), (shape[0], 1), line)
    columns = [along(mask.shape or (), axis, flat, line) for axis in range(mask.ndim)]
    return concatenate(line, columns, 1) if shape[0] else constant(np.empty(shape, INT))


def compress(line: str, shape: tuple[int, ...], condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    x, mask = as_node(a), as_node(condition)
    if axis is None:
        x, axis = reshape(x, (x.size,), line), 0
    axis = axis_of(axis, x)
    if out is not None or mask.ndim != 1 or mask.size > (x.shape or ())[axis]:
        return None
    places = positions_in(nonzero_mask(mask, line), shape[axis], line)
    return constant(np.empty(shape, x.dtype)) if 0 in shape else gathered(x, places, axis, line)


def extract(line: str, shape: tuple[int, ...], condition: Any, arr: Any) -> Any:
    x, mask = as_node(arr), as_node(condition)
    mask = reshape(mask, (mask.size,), line)
    return compress(line, shape, mask, reshape(x, (x.size,), line))


SIZED |= {
    np.flatnonzero: flatnonzero,
    np.argwhere: argwhere,
    np.compress: compress,
    np.extract: extract,
    Method("compress"): lambda line, shape, a, condition, axis=None, out=None: compress(
        line, shape, condition, a, axis, out
    ),
}
SIZED_TUPLES |= {np.nonzero: nonzero, np.where: nonzero, Method("nonzero"): nonzero}


def sorted_groups(a: Any, equal_nan: bool, line: str) -> tuple[Node, Node, Node]:
    """The flat array sorted, the order of its elements, and where another value begins."""
    x = as_node(a)
    if x.dtype.kind not in "iuf" or not x.size or x.weak:
        raise NotLowered("the order of these is another one, or there are no elements")
    x = reshape(x, (x.size,), line)
    order = order_of_rows(x, line=line)
    found = gathered(x, order, 0, line)
    n = x.size
    before, after = (strided(found, (n - 1,), (1,), start, line) for start in (0, 1))
    differs = elementwise(np.not_equal, after, before, line=line)
    if x.dtype.kind == "f" and equal_nan:  # (NaN is at the end)
        differs = elementwise(np.logical_and, differs, elementwise(np.equal, before, before, line=line), line=line)
    begins = concatenate(line, [zeros((1,), bool, True), differs], 0) if n > 1 else constant(np.ones(1, bool))
    assert begins is not None
    return found, order, begins


def unique_part(line: str, shape: tuple[int, ...], what: str, a: Any, equal_nan: bool) -> Node | None:
    """One of the results of np.unique: values, index, inverse or counts."""
    found, order, begins = sorted_groups(a, equal_nan, line)
    if what == "inverse":
        number = folded(np.add, elementwise(np.add, begins, 0, dtype=INT, line=line), (0, 1), True, line)
        number = elementwise(np.subtract, number, 1, line=line)
        inverse = scattered(zeros((begins.size,), INT), order, number, 0, False, line)
        return None if inverse is None else reshape(inverse, shape, line)
    places = positions_in(begins, shape[0], line)
    if what == "counts":
        ends = concatenate(line, [places, constant(np.array([begins.size]))], 0)
        assert ends is not None
        return elementwise(
            np.subtract, strided(ends, shape, (1,), 1, line), strided(ends, shape, (1,), 0, line), line=line
        )
    return gathered(found if what == "values" else order, places, 0, line)


def unique(line: str, shape: tuple[int, ...], ar: Any, *, equal_nan: bool = True, axis: Any = None) -> Any:
    x = as_node(ar)
    return None if axis is not None and x.ndim != 1 else unique_part(line, shape, "values", x, equal_nan)


def unique_several(line: str, shape: tuple[int, ...], index: int, ar: Any, *flags: Any, **named: Any) -> Any:
    options = dict(zip(("return_index", "return_inverse", "return_counts", "axis"), flags, strict=False)) | named
    options.pop("sorted", None)  # (sorted groups serve both)
    equal_nan = options.pop("equal_nan", True)
    if options.pop("axis", None) is not None and as_node(ar).ndim != 1:
        return None
    parts = ["values", *(name for name in ("index", "inverse", "counts") if options.pop(f"return_{name}", False))]
    return None if options else unique_part(line, shape, parts[index], ar, equal_nan)


def named_parts(*names: str) -> Any:
    def each(line: str, shape: tuple[int, ...], index: int, x: Any) -> Any:
        return unique_part(line, shape, names[index], x, False)

    return each


SIZED |= {np.unique: unique, np.unique_values: lambda line, shape, x: unique_part(line, shape, "values", x, False)}
SIZED_TUPLES |= {
    np.unique: unique_several,
    np.unique_all: named_parts("values", "index", "inverse", "counts"),
    np.unique_counts: named_parts("values", "counts"),
    np.unique_inverse: named_parts("values", "inverse"),
}


def bincount(line: str, shape: tuple[int, ...], x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    x = as_node(x)
    if x.ndim != 1 or not x.size or x.dtype.kind not in "iu" or x.dtype == np.uint64 or type(minlength) is not int:
        return None
    x = x if x.dtype == INT else elementwise(np.add, x, 0, dtype=INT, line=line)
    in_bounds = elementwise(np.greater_equal, reduction(np.minimum, x, None, line=line), 0, line=line)
    longest = elementwise(np.add, reduction(np.maximum, x, None, line=line), 1, line=line)
    fits = elementwise(np.equal, elementwise(np.maximum, longest, minlength, line=line), shape[0], line=line)
    require(elementwise(np.logical_and, in_bounds, fits, line=line), line)
    # (in bounds also where the guard fails)
    places = elementwise(np.minimum, elementwise(np.maximum, x, 0, line=line), shape[0] - 1, line=line)
    if weights is None:
        return scattered(zeros(shape, INT), places, zeros(x.shape or (), INT, 1), 0, True, line)
    weights = as_node(weights)
    if weights.shape != x.shape or weights.dtype.kind not in "biuf":
        return None
    values = elementwise(np.add, weights, 0.0, dtype=np.float64, line=line)
    values = select(elementwise(np.equal, weights, 0, line=line), 0.0, values, line)
    return scattered(zeros(shape, np.float64), places, values, 0, True, line)


SIZED[np.bincount] = bincount
