"""Calls whose results have a size, or an offset in the memory of an argument, that depends on values of arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.compiler.graph.calls import Method, get_item

__all__ = ["VIEWING", "is_shaped_by_values", "may_view_by_values"]

# Functions of several arrays whose results are views of them at offsets that depend on shapes alone.
VIEWS_OF_SHAPES = {np.broadcast_arrays, np.atleast_1d, np.atleast_2d, np.atleast_3d, np.meshgrid}

# Functions of one array that always return a view of it, at an offset that depends on shapes alone.
VIEWING = {np.swapaxes, np.transpose, np.matrix_transpose, np.moveaxis, np.expand_dims, np.squeeze}

# Functions whose results have a size that depends on values of their arguments.
SHAPED_BY_VALUES = {
    getattr(np, name)
    for name in (
        *("nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_inverse", "union1d"),
        *("unique_values", "extract", "compress", "repeat", "trim_zeros", "intersect1d", "setdiff1d", "setxor1d"),
        *("delete", "bincount", "where", "histogram_bin_edges"),
    )
} | {Method(name) for name in ("nonzero", "compress", "repeat")}


def may_view_by_values(function: Any) -> bool:
    """Whether a function of NumPy may return a view whose offset depends on integers among its arguments."""
    return function is get_item or (is_of_numpy(function) and function not in VIEWS_OF_SHAPES)


def is_shaped_by_values(function: Any, args: Any, kwargs: Any) -> bool:
    """Whether the size of the result depends on values of traced arguments."""
    if function is get_item:
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return any(is_traced(x) and np.asarray(x.value).dtype.kind == "b" for x in index)
    try:
        if function not in SHAPED_BY_VALUES:
            return False
    except TypeError:  # (it is not hashable)
        return False
    if function is np.where:
        return len(args) + len(kwargs) == 1
    if getattr(function, "__name__", "") in ("repeat", "delete"):
        return any(map(is_traced, (*args[1:], *kwargs.values())))
    return True


def is_traced(value: Any) -> bool:
    return level_of(value) == TRACED


def is_of_numpy(function: Any) -> bool:
    return isinstance(function, Method) or (getattr(function, "__module__", None) or "").startswith("numpy")
