"""Reductions, running totals, sorting and transforms of Batched arrays: along the axes of each example."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.batches import Level
from wengert.arrays.newer_numpy import cumulative_prod, cumulative_sum
from wengert.batching.batched import Batched, NoRule, is_mapped
from wengert.batching.rules import along_axes, argument, batching, only_mapped, replaced, shifted

along_axes(np.sum, np.nansum, np.prod, np.nanprod, np.mean, np.nanmean, np.std, np.nanstd, np.var, np.nanvar)
along_axes(np.max, np.amax, np.nanmax, np.min, np.amin, np.nanmin, np.median, np.nanmedian, np.count_nonzero)
along_axes(np.linalg.vector_norm, np.all, np.any)
along_axes(np.cumsum, np.cumprod, np.nancumsum, np.nancumprod, flattens=True)
along_axes(np.argmax, np.argmin, np.nanargmax, np.nanargmin, flattens=True)
along_axes(np.sort, np.argsort, default=-1, flattens=True)
along_axes(np.partition, np.argpartition, place=2, default=-1, flattens=True)
along_axes(np.unwrap, np.diff, place=2, default=-1)


@batching(np.any)
def any_(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axis = argument(args, kwargs, 1, "axis", None)
    args, kwargs = replaced(args, kwargs, 1, "axis", shifted(axis, value.ndim - 1))
    found = Batched(level, np.any(value, *args[1:], **kwargs), True)
    found.of_any = True
    return found


@batching(cumulative_sum, cumulative_prod)
def running(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    value = only_mapped(level, args, kwargs)
    axis = kwargs.get("axis")
    if axis is None and value.ndim != 2:
        raise NoRule
    return Batched(
        level, function(value, **{**kwargs, "axis": shifted(0 if axis is None else axis, value.ndim - 1)}), True
    )


@batching(np.interp, np.searchsorted, np.digitize, np.isin)
def looked_up(level: Level, function: Any, args: Any, kwargs: Any) -> Any:
    """Elements of one argument, each looked up in others, which are the same for all examples."""
    place = 1 if function is np.searchsorted else 0
    others = [x for i, x in enumerate(args) if i != place]
    if len(args) <= place or any(is_mapped(x, level) for x in (*others, *kwargs.values())):
        raise NoRule
    given = list(args)
    given[place] = given[place].value
    return Batched(level, function(*given, **kwargs), True)
