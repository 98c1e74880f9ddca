"""Reductions and accumulations that skip NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import convert, elementwise, reduction, select
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.lowering.accumulation_rules import accumulated
from wengert.compiler.lowering.rules import NO, as_node, rule


def filled(a: Any, value: float, line: str) -> Node:
    """An array with a number in place of NaN."""
    x = as_node(a)
    if x.dtype.kind not in "biufc" or x.size == 0:
        raise NotLowered("there are no elements, or of another kind")
    return select(elementwise(np.isnan, x, line=line), value, x, line) if x.dtype.kind in "fc" else x


def reducing(ufunc: np.ufunc, value: float) -> Any:
    def reduce(line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO) -> Any:
        return (
            None if out is not None else reduction(ufunc, filled(a, value, line), axis, keepdims is True, dtype, line)
        )

    return reduce


def extremum(ufunc: np.ufunc, of_integers: np.ufunc) -> Any:
    def reduce(line: str, a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO) -> Any:
        x = as_node(a)
        if out is not None or x.size == 0:
            return None
        return reduction(ufunc if x.dtype.kind in "fc" else of_integers, x, axis, keepdims is True, None, line)

    return reduce


def accumulating(ufunc: np.ufunc, value: float) -> Any:
    def accumulate(line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return None if out is not None else accumulated(line, ufunc, filled(a, value, line), axis, dtype)

    return accumulate


rule(np.nansum)(reducing(np.add, 0.0))
rule(np.nanprod)(reducing(np.multiply, 1.0))
rule(np.nanmax)(extremum(np.fmax, np.maximum))
rule(np.nanmin)(extremum(np.fmin, np.minimum))
rule(np.nancumsum)(accumulating(np.add, 0.0))
rule(np.nancumprod)(accumulating(np.multiply, 1.0))


def count(x: Node, axis: Any, line: str) -> Node:
    """The number of elements that are not NaN, along axes that are kept."""
    there = elementwise(np.equal, x, x, line=line)
    return reduction(np.add, there, axis, True, np.int64, line)


def shares(total: Node, number: Node, line: str) -> Node:
    """A sum divided by a number of elements, in the dtype of the sum."""
    return convert(elementwise(np.true_divide, total, number, line=line), dtype=total.dtype, line=line)


@rule(np.nanmean)
def nanmean(line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO) -> Any:
    x = as_node(a)
    if out is not None or dtype is not None or x.dtype.kind not in "fc" or x.dtype == np.float16 or x.size == 0:
        return None
    found = shares(reduction(np.add, filled(x, 0.0, line), axis, True, None, line), count(x, axis, line), line)
    return found if keepdims is True else reduction(np.add, found, axis, False, None, line)


@rule(np.nanvar)
def nanvar(
    line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = NO
) -> Any:
    x = as_node(a)
    if out is not None or dtype is not None or x.dtype.kind != "f" or x.dtype == np.float16 or x.size == 0:
        return None
    number = count(x, axis, line)
    centre = shares(reduction(np.add, filled(x, 0.0, line), axis, True, None, line), number, line)
    apart = filled(elementwise(np.subtract, x, centre, line=line), 0.0, line)
    total = reduction(np.add, elementwise(np.multiply, apart, apart, line=line), axis, True, None, line)
    freedom = elementwise(np.subtract, number, ddof, line=line)
    found = select(elementwise(np.greater, freedom, 0, line=line), shares(total, freedom, line), np.nan, line)
    return found if keepdims is True else reduction(np.add, found, axis, False, None, line)


@rule(np.nanstd)
def nanstd(
    line: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = NO
) -> Any:
    found = nanvar(line, a, axis, dtype, out, ddof, keepdims)
    return None if found is None else elementwise(np.sqrt, found, line=line)
