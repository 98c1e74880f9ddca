"""Reductions: sums, extrema, means, argmax and argmin."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, convert, diagonal, elementwise, reduction, reshape, select, zeros
from wengert.compiler.graph.calls import bound
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.lowering.complex_rules import square_of_size
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
        if out is not None or (initial is not NO and dtype is not None):
            return None
        x = as_node(a)
        if not (where is NO or where is True):
            dtype = reduction(ufunc, x, axis, False, dtype).dtype
            x = x if x.dtype == dtype else convert(x, dtype=dtype, line=line)
            x = chosen(where, x, np.asarray(ufunc.identity, dtype), line)
        found = reduction(ufunc, x, axis, keepdims is True, dtype, line)
        return found if initial is NO else elementwise(ufunc, found, initial, line=line)

    return reduce


rule(np.sum)(reducing(np.add))
rule(np.prod)(reducing(np.multiply))


def extremum(ufunc: np.ufunc) -> Rule:
    def reduce(
        line: str, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO, initial: Any = NO, where: Any = NO
    ) -> Any:
        if out is not None:
            return None
        if not (where is NO or where is True):
            if initial is NO:
                return None
            a = chosen(where, as_node(a), initial, line)
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


def chosen(where: Any, x: Node, otherwise: Any, line: str) -> Node:
    """An array with another value where a mask is false."""
    found = select(where, x, otherwise, line)
    if found.shape != x.shape or found.dtype != x.dtype:
        raise NotLowered("the mask has more axes than the array")
    return found


def logical(ufunc: np.ufunc) -> Rule:
    def reduce(line: str, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO, *, where: Any = NO) -> Any:
        if out is not None:
            return None
        x = as_node(a)
        if not (where is NO or where is True):
            x = chosen(where, convert(x, dtype=bool, line=line), ufunc is np.logical_and, line)
        return reduction(ufunc, x, axis, keepdims is True, None, line)

    return reduce


rule(np.any)(logical(np.logical_or))
rule(np.all)(logical(np.logical_and))
each: Any
for each in (
    *(np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or),
    *(np.fmax, np.fmin, np.logaddexp, np.logaddexp2, np.bitwise_and, np.bitwise_or, np.bitwise_xor),
):

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
    if out is not None or dtype is not None or a.size == 0 or a.dtype.kind not in "biufc":
        return None
    is_half = a.dtype == np.float16
    if is_half or a.dtype.kind in "biu":
        a = convert(a, dtype=np.float32 if is_half else np.float64, line=line)
    centre = mean(line, a, axis, keepdims=True)
    squares = square_of_size(elementwise(np.subtract, a, centre, line=line), line)
    total = reduction(np.add, squares, axis, keepdims is True, None, line)
    found = elementwise(np.true_divide, total, max(a.size // max(total.size, 1) - ddof, 0), line=line)
    return convert(found, dtype=np.float16, line=line) if is_half else found


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


@rule(np.trace)
def trace(
    line: str, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    a = as_node(a)
    if out is not None or type(offset) is not int or a.size == 0:
        return None
    return reduction(np.add, diagonal(a, offset, axis1, axis2, line), -1, False, dtype, line)
