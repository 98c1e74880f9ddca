"""Rearrangements: reshaping, joining, padding, repeating."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.build import fit, reshape, zeros
from wengert.compiler.calls import Method
from wengert.compiler.graph import Node, c_strides
from wengert.compiler.rules import RULES, as_node, rule


@rule(np.reshape)
def reshaped(line: str, a: Any, shape: Any = None, order: str = "C", *, newshape: Any = None, copy: Any = None) -> Any:
    a, shape = as_node(a), shape if shape is not None else newshape
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order not in ("C", "K"):
        return None
    known = int(np.prod([n for n in shape if n != -1], dtype=int))
    return reshape(a, tuple(a.size // max(known, 1) if n == -1 else int(n) for n in shape), line)


@rule(np.ravel)
def ravel(line: str, a: Any, order: str = "C") -> Any:
    return reshape(a, (a.size,), line) if order in ("C", "K") else None


RULES[Method("flatten")] = RULES[np.ravel]


@rule(np.concatenate)
def concatenate(
    line: str, arrays: Any, axis: Any = 0, out: Any = None, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = [as_node(a) for a in arrays]
    if axis is None:
        parts, axis = [reshape(p, (p.size,)) for p in parts], 0
    shape = list(parts[0].shape or ())
    axis %= len(shape)
    shape[axis] = sum((p.shape or ())[axis] for p in parts)
    dtype = np.result_type(*(p.dtype for p in parts)) if dtype is None else np.dtype(dtype)
    whole = zeros(tuple(shape), dtype)
    strides = c_strides(tuple(shape))
    offset = 0
    for part in parts:
        if part.dtype != dtype:
            part = fit(part, dtype=dtype, line=line)
        settings = {"offset": offset, "shape": part.shape, "strides": strides}
        if part.size:
            whole = Node("update", (whole, part), settings, tuple(shape), dtype, line=line)
        offset += (part.shape or ())[axis] * strides[axis]
    return whole


@rule(np.stack)
def stack(
    line: str, arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = [as_node(a) for a in arrays]
    shape = parts[0].shape or ()
    axis %= len(shape) + 1
    longer = (*shape[:axis], 1, *shape[axis:])
    return concatenate(line, [reshape(p, longer, line) for p in parts], axis, dtype=dtype)


@rule(Method("reshape"))
def reshape_method(line: str, a: Any, *shape: Any, order: str = "C") -> Any:
    return reshaped(line, a, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape, order)
