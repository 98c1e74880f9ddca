"""New arrays like others."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.build import fit, zeros
from wengert.compiler.graph import Node
from wengert.compiler.rules import rule


@rule(np.zeros_like, np.empty_like)
def zeros_like(line: str, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    shape = a.shape if shape is None else shape
    return zeros(tuple(shape) if isinstance(shape, (tuple, list)) else (shape,), a.dtype if dtype is None else dtype)


@rule(np.ones_like)
def ones_like(line: str, a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
    return zeros(a.shape if shape is None else tuple(shape), a.dtype if dtype is None else dtype, 1)


@rule(np.full_like)
def full_like(line: str, a: Any, fill_value: Any, dtype: Any = None) -> Any:
    dtype = a.dtype if dtype is None else np.dtype(dtype)
    if isinstance(fill_value, Node):
        return fit(fill_value, a.shape, dtype, line)
    return zeros(a.shape, dtype, fill_value)
