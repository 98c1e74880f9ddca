"""Accumulations along an axis: cumsum, cumprod, and ``ufunc.accumulate``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from wengert.arrays.newer_numpy import cumulative_prod, cumulative_sum
from wengert.compiler.graph.build import convert, reshape, zeros
from wengert.compiler.graph.calls import Method, bound
from wengert.compiler.graph.graph import Node
from wengert.compiler.kernels.fold import folded
from wengert.compiler.lowering.rules import RULES, as_node, rule
from wengert.compiler.lowering.shape_rules import concatenate


def accumulated(line: str, ufunc: np.ufunc, a: Any, axis: Any, dtype: Any) -> Node:
    """``ufunc.accumulate``."""
    x = as_node(a)
    if axis is None:
        x, axis = reshape(x, (x.size,), line), 0
    axis = normalize_axis_index(axis, x.ndim)
    if dtype is None:
        dtype = x.dtype
        if ufunc in (np.add, np.multiply) and dtype.kind in "biu":  # NumPy sums small integers in int64 or uint64
            dtype = np.result_type(dtype, np.uint if dtype.kind == "u" else np.int_)
    x = x if x.dtype == dtype else convert(x, dtype=dtype, line=line)
    return folded(ufunc, x, (axis, axis + 1), True, line)


@rule(np.cumsum)
def cumsum(line: str, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    return accumulated(line, np.add, a, axis, dtype)


@rule(np.cumprod)
def cumprod(line: str, a: Any, axis: Any = None, dtype: Any = None) -> Any:
    return accumulated(line, np.multiply, a, axis, dtype)


RULES[Method("cumsum")], RULES[Method("cumprod")] = cumsum, cumprod


def cumulative(ufunc: np.ufunc) -> Any:
    """The rule of cumulative_sum and cumulative_prod."""

    def each(
        line: str, x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False
    ) -> Any:
        x = as_node(x)
        if out is not None or (axis is None and x.ndim != 1):
            return None
        axis = 0 if axis is None else normalize_axis_index(axis, x.ndim)
        found = accumulated(line, ufunc, x, axis, dtype)
        if not include_initial:
            return found
        shape = found.shape or ()
        first = zeros((*shape[:axis], 1, *shape[axis + 1 :]), found.dtype, ufunc.identity)
        return concatenate(line, [first, found], axis)

    return each


RULES[cumulative_sum], RULES[cumulative_prod] = cumulative(np.add), cumulative(np.multiply)


def rule_of(ufunc: np.ufunc) -> Any:
    """The rule of ``ufunc.accumulate``."""

    def each(line: str, array: Any, axis: Any = 0, dtype: Any = None) -> Any:
        return accumulated(line, ufunc, array, axis, dtype)

    return each


for _ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin, np.logaddexp, np.logaddexp2):
    RULES[bound(_ufunc, "accumulate")] = rule_of(_ufunc)
