"""Reductions: sums, extremes, means, and where an extreme is."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.build import elementwise, reduction, zeros
from wengert.compiler.calls import bound
from wengert.compiler.rules import NO, Rule, as_node, rule


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
        if out is not None or initial is not NO or where not in (NO, True):
            return None
        return reduction(ufunc, as_node(a), axis, keepdims is True, dtype, line)

    return reduce


rule(np.sum)(reducing(np.add))
rule(np.prod)(reducing(np.multiply))


def extreme(ufunc: np.ufunc) -> Rule:
    def reduce(
        line: str, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO, initial: Any = NO, where: Any = NO
    ) -> Any:
        if out is not None or where not in (NO, True):
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


rule(np.max, np.amax)(extreme(np.maximum))
rule(np.min, np.amin)(extreme(np.minimum))
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
    if dtype is None and a.dtype == np.float16:
        return None
    total = reduction(np.add, a, axis, keepdims is True, dtype, line)
    count = a.size // max(total.size, 1)
    return elementwise(np.true_divide, total, count, line=line)


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
def deviation(line: str, *args: Any, **kwargs: Any) -> Any:
    found = variance(line, *args, **kwargs)
    return None if found is None else elementwise(np.sqrt, found, line=line)
