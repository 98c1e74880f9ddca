"""Indices of traced arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.level import TRACED, level_of
from wengert.compiler.graph.calls import get_item

__all__ = ["is_basic", "with_known"]


def is_basic(index: Any) -> bool:
    """Whether an index is basic, and gives a view."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        part is None
        or part is Ellipsis
        or (isinstance(part, slice) and not any(level_of(x) == TRACED for x in (part.start, part.stop, part.step)))
        or (isinstance(part, (int, np.integer)) and level_of(part) != TRACED)
        for part in parts
    ) and not any(isinstance(part, bool) for part in parts)


def with_known(index: Any) -> Any:
    """An index with integers and arrays themselves where they are the same at each call."""
    if type(index) is tuple:
        return tuple(map(with_known, index))
    if level_of(index) == TRACED and not index.tape.off:
        node = index.node
        if isinstance(index.value, np.ndarray) and node.op == "constant":
            return index.value
        if not isinstance(index.value, np.integer):
            return index
        is_item = node.op == "call" and node.settings["function"] is get_item
        if node.op == "constant" or (is_item and all(x.op == "constant" for x in node.operands)):
            return index.value
    return index
