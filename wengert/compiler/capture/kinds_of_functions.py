"""Which functions write into an argument, need no more than shapes and dtypes, or are Wengert's own."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

__all__ = ["SHAPE_FUNCTIONS", "WRITING_FUNCTIONS", "WRITING_METHODS", "definition_of"]

# Methods and functions that write into their first argument.
WRITING_METHODS = ("sort", "fill", "partition", "put", "itemset", "byteswap", "resize", "setfield")
WRITING_FUNCTIONS: dict[Any, str] = {
    np.copyto: "dst",
    np.put: "a",
    np.place: "arr",
    np.putmask: "a",
    np.fill_diagonal: "a",
    np.put_along_axis: "arr",
}
# Functions whose results depend on shapes and dtypes alone.
SHAPE_FUNCTIONS = {
    np.shape,
    np.ndim,
    np.size,
    np.iscomplexobj,
    np.isrealobj,
    np.result_type,
    np.can_cast,
    np.min_scalar_type,
    np.may_share_memory,
    np.shares_memory,
}


@functools.lru_cache(1024)
def definition_of(function: Any) -> Any:
    """The Python definition of a function of Wengert that speaks NumPy's protocol; None of another function."""
    definition = getattr(function, "__wrapped__", None)
    return definition if definition is not None and (definition.__module__ or "").startswith("wengert.") else None
