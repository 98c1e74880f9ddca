"""Sorting, searching in sorted arrays, and interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, convert, elementwise, reduction, reshape, select, transpose
from wengert.compiler.graph.calls import Method, Mutation
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.graph.ufuncs import is_movable, is_native
from wengert.compiler.kernels.gather_scatter import gathered
from wengert.compiler.kernels.sorting import order_of_rows, places_among, sorted_rows
from wengert.compiler.lowering.rules import as_node, axis_of, rule, static_value
from wengert.compiler.lowering.shape_rules import stack


def by_rows(line: str, a: Any, axis: Any, function: Any, kind: str | None) -> Node:
    """A function of rows, along an axis."""
    x = as_node(a)
    if not is_movable(x.dtype) or x.size == 0 or x.weak:
        raise NotLowered("kernels do not sort this dtype, or there are no elements")
    if axis is None:
        x, axis = reshape(x, (x.size,), line), 0
    axis = axis_of(axis, x)
    axes = [*(i for i in range(x.ndim) if i != axis), axis]
    return transpose(function(transpose(x, tuple(axes), line), kind, line), tuple(np.argsort(axes)), line)


def kind_of(kind: Any, stable: Any) -> Any:
    """The kind of a sort; NumPy refuses both `kind` and `stable`."""
    if kind is not None and stable is not None:
        raise NotLowered("both kind and stable are given")
    return kind if stable is None else "stable" if stable else "quicksort"


@rule(np.sort)
def sort(line: str, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return None if order is not None else by_rows(line, a, axis, sorted_rows, kind_of(kind, stable))


@rule(np.argsort, Method("argsort"))
def argsort(line: str, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return None if order is not None else by_rows(line, a, axis, order_of_rows, kind_of(kind, stable))


@rule(Mutation(Method("sort")))
def sort_in_place(line: str, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return sort(line, a, axis, kind, order, stable=stable)


@rule(np.median)
def median(
    line: str, a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Any:
    x = as_node(a)
    if out is not None or overwrite_input or x.dtype.kind != "f" or isinstance(axis, (tuple, list)) or not x.ndim:
        return None
    shape = x.shape or ()
    if axis is None:
        row, kept = reshape(x, (x.size,), line), (1,) * x.ndim
        axis = 0
    else:
        axis = axis_of(axis, x)
        row, kept = x, (*shape[:axis], 1, *shape[axis + 1 :])
    n = (row.shape or ())[axis]
    ordered = by_rows(line, row, axis, sorted_rows, None)
    middle = [(n - 1) // 2] if n % 2 else [n // 2 - 1, n // 2]
    found = gathered(ordered, constant(np.array(middle)), axis, line)
    total = reduction(np.add, found, axis, True, None, line)
    mean = elementwise(np.true_divide, total, len(middle), line=line)
    last = gathered(ordered, constant(np.array([n - 1])), axis, line)  # NaN, where there is one
    found = select(elementwise(np.isnan, last, line=line), last, mean, line)
    without = tuple(m for i, m in enumerate(found.shape or ()) if i != axis)
    return reshape(found, kept if keepdims else without, line)


def quantiles(line: str, a: Any, q: Any, axis: Any, keepdims: bool) -> Any:
    """np.quantile by linear interpolation, for `q` that are the same at each call."""
    x, q = as_node(a), static_value(q)
    if q is None or x.dtype.kind != "f" or x.dtype == np.float16 or isinstance(axis, (tuple, list)) or not x.ndim:
        return None
    shape = x.shape or ()
    row = reshape(x, (x.size,), line) if axis is None else x
    place = 0 if axis is None else axis_of(axis, x)
    n = (row.shape or ())[place]
    ordered = by_rows(line, row, place, sorted_rows, None)
    last = gathered(ordered, constant(np.array(n - 1)), place, line)  # NaN, where there is one
    found = []
    for share in np.ravel(np.asarray(q, float)):
        if not 0 <= share <= 1:
            return None  # NumPy raises
        before = int(np.floor((n - 1) * share))
        weight = float((n - 1) * share - before)
        low, high = (gathered(ordered, constant(np.array(min(i, n - 1))), place, line) for i in (before, before + 1))
        apart = elementwise(np.subtract, high, low, line=line)
        if weight < 0.5:
            value = elementwise(np.add, low, elementwise(np.multiply, apart, weight, line=line), line=line)
        else:
            value = elementwise(np.subtract, high, elementwise(np.multiply, apart, 1 - weight, line=line), line=line)
        value = select(elementwise(np.isnan, last, line=line), last, value, line)
        if keepdims:
            kept = (1,) * x.ndim if axis is None else (*shape[:place], 1, *shape[place + 1 :])
            value = reshape(value, kept, line)
        found.append(value)
    if np.ndim(q) == 0:
        return found[0]
    stacked = stack(line, found) if found else None
    return None if stacked is None else reshape(stacked, (*np.shape(q), *(found[0].shape or ())), line)


# The other parameters of np.quantile and np.percentile: their defaults.
OPTIONS = {"out": None, "overwrite_input": False, "method": "linear", "keepdims": False, "weights": None}


def rule_of(scale: float) -> Any:
    """The rule of np.quantile, or of np.percentile."""

    def each(line: str, a: Any, q: Any, axis: Any = None, *others: Any, **named: Any) -> Any:
        given: dict[str, Any] = OPTIONS | dict(zip(OPTIONS, others, strict=False)) | named
        keepdims, q = given.pop("keepdims") is True, static_value(q)
        if (
            q is None
            or given.pop("method") != "linear"
            or any(value is not None and value is not False for value in given.values())
        ):
            return None
        return quantiles(line, a, np.true_divide(q, scale) if scale != 1 else q, axis, keepdims)

    return each


rule(np.quantile)(rule_of(1))
rule(np.percentile)(rule_of(100))


@rule(np.searchsorted, Method("searchsorted"))
def searchsorted(line: str, a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    a, v = as_node(a), as_node(v)
    if (
        sorter is not None
        or side not in ("left", "right")
        or a.ndim != 1
        or not a.size
        or not v.size
        or a.weak
        or v.weak
    ):
        return None
    dtype = np.result_type(a.dtype, v.dtype)
    if not is_native(dtype) or dtype.kind == "b":
        return None
    a, v = (x if x.dtype == dtype else convert(x, dtype=dtype, line=line) for x in (a, v))
    return places_among(a, v, side == "right", line)


@rule(np.interp)
def interp(line: str, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """As NumPy computes it: from the point before, or where that gives NaN from the point after."""
    x, xp, fp = as_node(x), as_node(xp), as_node(fp)
    real = all(v.dtype.kind in "biuf" and v.dtype != np.float16 for v in (x, xp, fp))
    if period is not None or not real or xp.ndim != 1 or fp.shape != xp.shape or xp.size < 2 or not x.size:
        return None
    x, xp, fp = (
        v if v.dtype == np.float64 and not v.weak else convert(v, dtype=np.float64, line=line) for v in (x, xp, fp)
    )
    n = xp.size

    def of(ufunc: np.ufunc, *parts: Any) -> Node:
        return elementwise(ufunc, *parts, line=line)

    def at(points: Node, places: Node) -> Node:
        return gathered(points, places, 0, line)

    place = of(np.minimum, of(np.maximum, of(np.subtract, places_among(xp, x, True, line), 1), 0), n - 2)
    after = of(np.add, place, 1)
    x0, x1, y0, y1 = at(xp, place), at(xp, after), at(fp, place), at(fp, after)
    slope = of(np.true_divide, of(np.subtract, y1, y0), of(np.subtract, x1, x0))
    found = of(np.add, of(np.multiply, slope, of(np.subtract, x, x0)), y0)
    other = of(np.add, of(np.multiply, slope, of(np.subtract, x, x1)), y1)
    found = select(of(np.isnan, found), other, found, line)
    found = select(of(np.logical_and, of(np.isnan, found), of(np.equal, y0, y1)), y0, found, line)
    found = select(of(np.equal, x, x0), y0, found, line)
    ends = [at(v, constant(np.array(i))) for v in (xp, fp) for i in (0, n - 1)]
    found = select(of(np.equal, x, ends[1]), ends[3], found, line)
    found = select(
        of(np.less, x, ends[0]), ends[2] if left is None else convert(as_node(left), dtype=float), found, line
    )
    found = select(
        of(np.greater, x, ends[1]), ends[3] if right is None else convert(as_node(right), dtype=float), found, line
    )
    return select(of(np.isnan, x), x, found, line)
