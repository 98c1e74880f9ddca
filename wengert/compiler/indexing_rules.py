"""Indexing."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler import build
from wengert.compiler.build import strided
from wengert.compiler.calls import get_item
from wengert.compiler.rules import rule


@rule(get_item)
def item(line: str, a: Any, index: Any) -> Any:
    """An element, or a slice that came as a copy; indices that are arrays stay calls."""
    parts = index if isinstance(index, tuple) else (index,)
    if not all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts):
        return None
    if any(isinstance(p, (bool, np.bool_)) for p in parts):
        return None
    _, _, strides = build.root_of(a)
    if 0 in (a.shape or ()):
        return None
    base = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), a.shape, strides)
    view = base[(*parts, ...)] if Ellipsis not in parts else base[parts]
    offset = view.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return strided(a, view.shape, view.strides, offset, line)
