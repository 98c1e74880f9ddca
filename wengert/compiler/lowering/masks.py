"""Masks in indices: they select positions, of which a plan is for one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import constant, elementwise, reduction, reshape
from wengert.compiler.graph.graph import Node, NotLowered
from wengert.compiler.kernels.selection import true_positions
from wengert.compiler.lowering.rules import require

__all__ = ["expanded", "is_mask", "positions_in"]


def is_mask(part: Any) -> bool:
    """Whether a part of an index is a mask that is known at run time only."""
    return isinstance(part, Node) and part.dtype is not None and part.dtype.kind == "b" and part.ndim > 0


def positions_in(mask: Node, count: int, line: str) -> Node:
    """The positions of the true elements of a mask, flattened; a guard fails where there are not `count`."""
    mask = reshape(mask, (mask.size,), line)
    if not mask.size or not count:
        if count:
            raise NotLowered("there are no elements")
        if mask.size:
            found = reduction(np.logical_or, mask, None, line=line)
            require(elementwise(np.logical_not, found, line=line), line)
        return constant(np.empty(0, np.int64))
    places, total = true_positions(mask, count, line)
    require(elementwise(np.equal, total, count, line=line), line)
    return places


def expanded(parts: tuple[Any, ...], shape: tuple[int, ...], line: str) -> tuple[Any, ...] | None:
    """An index with integers in place of a mask of one axis, where all other parts are slices or new axes.

    `shape` is that of the result.
    """
    if sum(map(is_mask, parts)) != 1:
        return None
    at = next(i for i, part in enumerate(parts) if is_mask(part))
    others = (*parts[:at], *parts[at + 1 :])
    if parts[at].ndim != 1 or not all(p is None or isinstance(p, slice) or p is Ellipsis for p in others):
        return None
    if Ellipsis in [p for p in parts[:at] if not isinstance(p, slice)]:
        axis = len(shape) - 1 - (len(parts) - 1 - at)
    else:
        axis = at
    return (*parts[:at], positions_in(parts[at], shape[axis], line), *parts[at + 1 :])
