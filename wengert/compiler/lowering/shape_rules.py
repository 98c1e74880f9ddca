"""Reshaping, joining, and other functions whose results are views."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from wengert.arrays import newer_numpy
from wengert.compiler.graph.build import convert, reshape, root_of, strided, transpose, view_by, zeros
from wengert.compiler.graph.calls import Method
from wengert.compiler.graph.graph import Node, NotLowered, c_strides
from wengert.compiler.lowering.rules import RULES, TUPLE_RULES, as_node, rule, static_value, tuple_rule


@rule(np.reshape)
def reshaped(line: str, a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    a, shape = as_node(a), shape if shape is not None else newshape
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order not in ("C", "K", "F"):
        return None
    known = int(np.prod([n for n in shape if n != -1], dtype=int))
    shape = tuple(a.size // max(known, 1) if n == -1 else int(n) for n in shape)
    if order == "F":  # (all axes are reversed, before and after)
        return reversed_axes(reshape(reversed_axes(a, line), shape[::-1], line), line)
    return reshape(a, shape, line)


def reversed_axes(a: Node, line: str) -> Node:
    return transpose(a, tuple(reversed(range(a.ndim))), line)


@rule(np.ravel)
def ravel(line: str, a: Any, order: str = "C") -> Any:
    return reshaped(line, a, (-1,), order)


RULES[Method("flatten")] = RULES[np.ravel]


def array_of(value: Any, line: str) -> Node:
    """The node of an array; that of a list of values, some of them nodes, is stacked."""
    if isinstance(value, (list, tuple)) and static_value(value) is None:
        parts = [array_of(part, line) for part in value]
        if any(part.shape != parts[0].shape for part in parts):
            raise NotLowered("lists are of arrays of one shape")
        stacked = stack(line, parts)
        assert stacked is not None
        return stacked
    return as_node(value)


@rule(np.concatenate)
def concatenate(
    line: str, arrays: Any, axis: Any = 0, out: Any = None, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    if isinstance(arrays, Node):  # (its rows)
        arrays = [view_by(arrays, operator.itemgetter((i, ...)), line) for i in range((arrays.shape or (0,))[0])]
    parts = [array_of(a, line) for a in arrays]
    if axis is None:
        parts, axis = [reshape(p, (p.size,)) for p in parts], 0
    shape = list(parts[0].shape or ())
    axis %= len(shape)
    shape[axis] = sum((p.shape or ())[axis] for p in parts)
    dtype = np.result_type(*(p.dtype for p in parts)) if dtype is None else np.dtype(dtype)
    joined = zeros(tuple(shape), dtype)
    strides = c_strides(tuple(shape))
    offset = 0
    for part in parts:
        if part.dtype != dtype:
            part = convert(part, dtype=dtype, line=line)
        settings = {"offset": offset, "shape": part.shape, "strides": strides}
        if part.size:
            joined = Node("update", (joined, part), settings, tuple(shape), dtype, line=line)
        offset += (part.shape or ())[axis] * strides[axis]
    return joined


@rule(np.stack)
def stack(
    line: str, arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = [array_of(a, line) for a in arrays]
    shape = parts[0].shape or ()
    axis %= len(shape) + 1
    longer = (*shape[:axis], 1, *shape[axis:])
    return concatenate(line, [reshape(p, longer, line) for p in parts], axis, dtype=dtype)


def stacking(axis: int, of_vectors: int, longer: Any) -> Any:
    """The rule of hstack and similar functions: arrays are given leading or trailing axes, and joined along one."""

    def join(line: str, tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
        parts = [longer(array_of(a, line), line) for a in tup]
        return concatenate(line, parts, of_vectors if parts[0].ndim == 1 else axis, dtype=dtype)

    return join


def at_least(ndim: int, front: bool) -> Any:
    """Add axes of length 1 in front of the axes of an array, or after them, up to `ndim`."""

    def longer(a: Node, line: str) -> Node:
        more = (1,) * (ndim - a.ndim)
        shape = a.shape or ()
        return reshape(a, (*more, *shape) if front else (*shape, *more), line) if more else a

    return longer


def in_depth(a: Node, line: str) -> Node:
    """np.atleast_3d."""
    deep: Node = at_least(3, False)(at_least(2, True)(a, line), line)
    return deep


RULES[np.hstack] = stacking(1, 0, at_least(1, True))
RULES[np.vstack] = stacking(0, 0, at_least(2, True))
RULES[np.dstack] = stacking(2, 2, in_depth)
RULES[np.column_stack] = stacking(1, 1, at_least(2, False))


@tuple_rule(newer_numpy.unstack)
def unstack(line: str, x: Any, /, *, axis: int = 0) -> Any:
    x = as_node(x)
    axis = normalize_axis_index(axis, x.ndim)
    return [at_index(x, i, axis, line) for i in range((x.shape or ())[axis])]


def at_index(x: Node, i: int, axis: int, line: str) -> Node:
    """The elements at an index of an axis."""
    shape, (_, _, strides) = x.shape or (), root_of(x)
    others = [j for j in range(x.ndim) if j != axis]
    return strided(
        x, tuple(shape[j] for j in others), tuple(strides[j] for j in others), i * strides[axis] if x.size else 0, line
    )


@tuple_rule(np.split, np.array_split)
def array_split(line: str, ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    return split_along(line, ary, indices_or_sections, axis)


def split_along(line: str, ary: Any, bounds: Any, axis: int) -> list[Node]:
    """The parts of an array, as views."""
    x = as_node(ary)
    bounds = static_value(bounds)
    if bounds is None:
        raise NotLowered("where to split is known at run time only")
    axis = normalize_axis_index(axis, x.ndim)
    shape, (_, _, strides) = x.shape or (), root_of(x)
    parts = []
    for place in np.array_split(np.arange(shape[axis]), bounds):
        if len(place) == 0 or x.size == 0:
            raise NotLowered("a part has no elements")
        length = (*shape[:axis], len(place), *shape[axis + 1 :])
        parts.append(strided(x, length, strides, int(place[0]) * strides[axis], line))
    return parts


TUPLE_RULES[np.vsplit] = lambda line, ary, indices_or_sections: split_along(line, ary, indices_or_sections, 0)
TUPLE_RULES[np.dsplit] = lambda line, ary, indices_or_sections: split_along(line, ary, indices_or_sections, 2)
TUPLE_RULES[np.hsplit] = lambda line, ary, indices_or_sections: split_along(
    line, ary, indices_or_sections, min(as_node(ary).ndim - 1, 1)
)


@rule(Method("reshape"))
def reshape_method(line: str, a: Any, *shape: Any, order: str = "C") -> Any:
    return reshaped(line, a, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape, order)


def view_rule(function: Any) -> Any:
    """The rule of a function that returns a view of its argument."""

    def lower_view(line: str, a: Any, *args: Any, **kwargs: Any) -> Any:
        a = as_node(a)
        if a.size == 0:
            return None
        found = view_by(a, lambda base: function(base, *args, **kwargs), line)
        if found is None and a.size == 1:  # a 0-d result is a NumPy scalar, not a view
            return reshape(a, (), line)
        return found

    return lower_view


for _function in (
    *(np.expand_dims, np.squeeze, np.broadcast_to, np.transpose, np.swapaxes, np.moveaxis, np.matrix_transpose),
    *(np.flip, np.flipud, np.fliplr, np.rot90, np.diagonal, np.rollaxis),
):
    RULES[_function] = view_rule(_function)
RULES[Method("transpose")] = view_rule(lambda a, *axes: a.transpose(*axes))


def with_axes(function: Any) -> Any:
    """The rule of atleast_1d and similar functions, for a single array."""

    def longer(line: str, *arys: Any) -> Any:
        a = as_node(arys[0])
        return reshape(a, function(np.empty(a.shape or ())).shape, line) if len(arys) == 1 and a.ndim < 3 else None

    return longer


for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    RULES[_function] = with_axes(_function)
