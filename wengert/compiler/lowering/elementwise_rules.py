"""Elementwise functions that are no ufuncs: selections, conversions, powers."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import convert, elementwise, root_of, select, strided, weak_type
from wengert.compiler.graph.calls import Method, power
from wengert.compiler.graph.graph import Node
from wengert.compiler.graph.ufuncs import converts
from wengert.compiler.lowering.rules import NO, as_node, rule


@rule(np.where)
def where(line: str, condition: Any, x: Any = None, y: Any = None) -> Any:
    return None if x is None or y is None else select(condition, x, y, line)


@rule(bool)
def condition(line: str, a: Any) -> Any:
    """The condition of an `if` or a `while`."""
    if a.shape:
        return None
    return a if a.dtype == np.bool_ else elementwise(np.not_equal, a, 0, line=line)


@rule(np.clip)
def clip(
    line: str, a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, min: Any = None, max: Any = None
) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if out is not None:
        return None
    found = as_node(a)
    if low is None or high is None:  # NumPy takes an extreme then
        if low is not None:
            return elementwise(np.maximum, found, low, line=line)
        return found if high is None else elementwise(np.minimum, found, high, line=line)
    # (Of two zeros np.clip takes that of the array, and the extremes take the second.)
    return elementwise(np.minimum, high, elementwise(np.maximum, low, found, line=line), line=line)


@rule(power)
def shortcut(line: str, a: Any, b: Any) -> Any:
    a = as_node(a)
    if a.dtype.kind not in "fc":
        return None
    if not np.isscalar(b):
        return elementwise(np.power, a, b, line=line)
    if b == 2:
        return elementwise(np.square, a, line=line)
    if b == 0.5:
        return elementwise(np.sqrt, a, line=line)
    if b == -1:
        return elementwise(np.reciprocal, a, line=line)
    return convert(a) if b == 1 else elementwise(np.power, a, b, line=line)


@rule(np.copy, np.ascontiguousarray, np.array)
def copy(line: str, a: Any, order: str = "K", subok: bool = False, dtype: Any = None) -> Any:
    return convert(a, dtype=dtype, line=line) if isinstance(a, Node) else None


@rule(Method("astype"), np.astype)
def astype(
    line: str, a: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    a, dtype = as_node(a), np.dtype(dtype)
    if dtype.kind not in "biufc" or not converts(a.dtype, dtype):
        return None  # (the result of an overflow depends on the machine, and NumPy warns of lost imaginary parts)
    return convert(a, dtype=dtype, line=line)


@rule(np.round, np.around)
def rounded(line: str, a: Any, decimals: Any = 0, out: Any = None) -> Any:
    a = as_node(a)
    return elementwise(np.rint, a, line=line) if decimals == 0 and out is None and a.dtype.kind == "f" else None


@rule(np.sinc)
def sinc(line: str, x: Any) -> Any:
    x = elementwise(np.multiply, as_node(x), np.pi, line=line)
    if x.dtype.kind != "f":
        return None
    y = select(elementwise(np.equal, x, 0, line=line), float(np.finfo(x.dtype).eps), x, line)
    return elementwise(np.true_divide, elementwise(np.sin, y, line=line), y, line=line)


@rule(np.nan_to_num)
def nan_to_num(line: str, x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    x = as_node(x)
    if x.dtype.kind != "f" or not copy or not all(v is None or np.isscalar(v) for v in (nan, posinf, neginf)):
        return None
    limits = np.finfo(x.dtype)
    high, low = (float(limits.max) if posinf is None else posinf), (float(limits.min) if neginf is None else neginf)
    found = x
    for infinite, value in ((np.inf, high), (-np.inf, low)):
        found = select(elementwise(np.equal, x, infinite, line=line), float(value), found, line)
    return select(elementwise(np.isnan, x, line=line), float(nan), found, line)


@rule(np.select)
def select_first(line: str, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    choices = [default, *choicelist]
    if any(as_node(c).dtype.kind != "b" for c in condlist) or len(condlist) != len(choicelist):
        return None
    dtype = np.result_type(*(weak_type(c) for c in choices))
    shape = np.broadcast_shapes(*(as_node(x).shape or () for x in (*condlist, *choices)))
    found = convert(as_node(default), shape, dtype, line)
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        found = select(condition, convert(as_node(choice), dtype=dtype, line=line), found, line)
    return found


@rule(np.diff)
def diff(line: str, a: Any, n: int = 1, axis: int = -1, prepend: Any = NO, append: Any = NO) -> Any:
    a = as_node(a)
    if prepend is not NO or append is not NO or a.dtype.kind == "b":
        return None
    axis %= a.ndim
    for _ in range(n):
        length = (a.shape or ())[axis]
        if length < 2:
            return None
        _, _, strides = root_of(a)
        shape = (*(a.shape or ())[:axis], length - 1, *(a.shape or ())[axis + 1 :])
        before, after = strided(a, shape, strides, 0, line), strided(a, shape, strides, strides[axis], line)
        a = elementwise(np.subtract, after, before, line=line)
    return a
