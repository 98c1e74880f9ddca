"""Reductions: sums, extrema, means, argmax and argmin."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, convert, diagonal, elementwise, reduction, reshape, select, zeros
from wengert.compiler.graph.calls import bound
from wengert.compiler.graph.graph import Node
from wengert.compiler.lowering.rules import NO, Rule, as_node, axis_of, rule


def reducing(ufunc: np.ufunc) -> Rule:
    def reduce(
        line: str,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = NO,
        initial: Any = NO,
        where: Any = NO,
    ) -> Any:
        if out is not None or initial is not NO or not (where is NO or where is True):
            return None
        return reduction(ufunc, as_node(a), axis, keepdims is True, dtype, line)

    return reduce


rule(np.sum)(reducing(np.add))
rule(np.prod)(reducing(np.multiply))


def extremum(ufunc: np.ufunc) -> Rule:
    def reduce(
        line: str, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO, initial: Any = NO, where: Any = NO
    ) -> Any:
        if out is not None or not (where is NO or where is True):
            return None
        found = reduction(ufunc, as_node(a), axis, keepdims is True, None, line)
        if initial is NO:
            return found if as_node(a).size else None
        return (
            elementwise(ufunc, found, initial, line=line)
            if as_node(a).size
            else zeros(found.shape or (), found.dtype, initial)
        )

    return reduce


rule(np.max, np.amax)(extremum(np.maximum))
rule(np.min, np.amin)(extremum(np.minimum))
rule(np.any)(
    lambda line, a, axis=None, out=None, keepdims=NO: reduction(np.logical_or, as_node(a), axis, keepdims is True)
)
rule(np.all)(
    lambda line, a, axis=None, out=None, keepdims=NO: reduction(np.logical_and, as_node(a), axis, keepdims is True)
)
each: Any
for each in (np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or):

    def by_method(
        line: str, a: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False, ufunc: Any = each
    ) -> Any:
        return None if out is not None else reduction(ufunc, as_node(a), axis, keepdims, dtype, line)

    rule(bound(each, "reduce"))(by_method)


@rule(np.mean)
def mean(line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO) -> Any:
    a = as_node(a)
    if out is not None or a.size == 0:
        return None
    if dtype is None and a.dtype.kind in "biu":
        dtype = np.float64
    is_half = dtype is None and a.dtype == np.float16  # (which NumPy sums in float32)
    total = reduction(np.add, a, axis, keepdims is True, np.float32 if is_half else dtype, line)
    count = a.size // max(total.size, 1)
    found = elementwise(np.true_divide, total, count, line=line)
    return convert(found, dtype=a.dtype, line=line) if is_half else found


@rule(np.var)
def variance(
    line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = NO
) -> Any:
    a = as_node(a)
    if out is not None or dtype is not None or a.dtype.kind != "f" or a.dtype == np.float16 or a.size == 0:
        return None
    centre = mean(line, a, axis, keepdims=True)
    squares = elementwise(np.square, elementwise(np.subtract, a, centre, line=line), line=line)
    total = reduction(np.add, squares, axis, keepdims is True, None, line)
    return elementwise(np.true_divide, total, max(a.size // max(total.size, 1) - ddof, 0), line=line)


@rule(np.std)
def deviation(
    line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = NO
) -> Any:
    found = variance(line, a, axis, dtype, out, ddof, keepdims)
    return None if found is None else elementwise(np.sqrt, found, line=line)


def arg_extremum(ufunc: np.ufunc) -> Rule:
    """argmax and argmin: the lowest index of an element that equals the extremum, or is NaN."""

    def find(line: str, a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO) -> Any:
        a = as_node(a)
        if out is not None or a.size == 0 or a.dtype.kind == "c":
            return None
        shape = a.shape or ()
        if axis is None:
            found = first_index(ufunc, reshape(a, (a.size,), line), 0, line)
            return reshape(found, (1,) * a.ndim if keepdims is True else (), line)
        axis = axis_of(axis, a)
        found = first_index(ufunc, a, axis, line)
        return found if keepdims is True else reshape(found, (*shape[:axis], *shape[axis + 1 :]), line)

    return find


def first_index(ufunc: np.ufunc, a: Node, axis: int, line: str) -> Node:
    n = (a.shape or ())[axis]
    if a.dtype.kind == "b":
        a = convert(a, dtype=np.uint8, line=line)
    extremum = reduction(ufunc, a, axis, True, None, line)
    holds = elementwise(np.equal, a, extremum, line=line)
    if a.dtype.kind == "f":
        holds = elementwise(np.logical_or, holds, elementwise(np.not_equal, a, a, line=line), line=line)
    numbers = np.arange(n, dtype=np.int64).reshape([n if i == axis else 1 for i in range(a.ndim)])
    return reduction(np.minimum, select(holds, constant(numbers), n, line), axis, True, None, line)


rule(np.argmax)(arg_extremum(np.maximum))
rule(np.argmin)(arg_extremum(np.minimum))


@rule(np.count_nonzero)
def count_nonzero(line: str, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    a = as_node(a)
    nonzero = a if a.dtype.kind == "b" else elementwise(np.not_equal, a, 0, line=line)
    return reduction(np.add, nonzero, axis, keepdims, np.int64, line)


@rule(np.ptp)
def span(line: str, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO) -> Any:
    a = as_node(a)
    if out is not None or a.size == 0:
        return None
    high, low = (reduction(each, a, axis, keepdims is True, None, line) for each in (np.maximum, np.minimum))
    return elementwise(np.subtract, high, low, line=line)


@rule(np.nansum)
def sum_of_numbers(line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO) -> Any:
    a = as_node(a)
    if out is not None or a.dtype.kind != "f":
        return None
    kept = select(elementwise(np.isnan, a, line=line), 0.0, a, line)
    return reduction(np.add, kept, axis, keepdims is True, dtype, line)


@rule(np.trace)
def trace(
    line: str, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    a = as_node(a)
    if out is not None or type(offset) is not int or a.size == 0:
        return None
    return reduction(np.add, diagonal(a, offset, axis1, axis2, line), -1, False, dtype, line)


@rule(np.linalg.norm)
def norm(line: str, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = as_node(x)
    if x.dtype.kind not in "biuf" or x.dtype == np.float16 or x.size == 0:
        return None
    if x.dtype.kind != "f":
        x = convert(x, dtype=np.float64, line=line)
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    euclidean = ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1)
    if euclidean:
        squares = elementwise(np.multiply, x, x, line=line)
        return elementwise(np.sqrt, reduction(np.add, squares, axes, keepdims, None, line), line=line)
    if len(axes) != 1 or ord not in (1, np.inf, -np.inf):
        return None
    ufunc = np.add if ord == 1 else np.maximum if ord > 0 else np.minimum
    return reduction(ufunc, elementwise(np.absolute, x, line=line), axes, keepdims, None, line)
