"""np.convolve and np.correlate: the windows of one array times the other one."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.graph.build import convert, elementwise, matrix_product, root_of, strided, zeros
from wengert.compiler.graph.graph import Node, c_strides
from wengert.compiler.lowering.rules import as_node, rule

MOST = 1 << 16  # elements of the windows, which are copied


def windows_times(a: Node, v: Node, mode: Any, line: str) -> Node | None:
    """The sums of products of `v` and the windows of `a`, which is not shorter."""
    n, m = a.size, v.size
    ends = {"valid": (0, 0), "same": (m // 2, m - 1 - m // 2), "full": (m - 1, m - 1)}.get(mode)
    if ends is None or a.ndim != 1 or v.ndim != 1 or m == 0 or "b" in (a.dtype.kind, v.dtype.kind):
        return None
    before, after = ends
    dtype = np.result_type(a.dtype, v.dtype)
    a, v = (x if x.dtype == dtype else convert(x, dtype=dtype, line=line) for x in (a, v))
    length = n + before + after
    count = length - m + 1
    if count * m > MOST:
        return None
    if before or after:
        settings = {"offset": before, "shape": (n,), "strides": c_strides((n,))}
        a = Node("update", (zeros((length,), dtype), a), settings, (length,), dtype, line=line)
    elif a.op == "view":
        a = convert(a, line=line)
    found: Node | None = matrix_product(strided(a, (count, m), (1, 1), 0, line), v, line)
    return found


@rule(np.correlate)
def correlate(line: str, a: Any, v: Any, mode: Any = "valid") -> Any:
    a, v = as_node(a), as_node(v)
    if v.dtype.kind == "c":
        v = elementwise(np.conjugate, v, line=line)
    if v.size <= a.size:
        return windows_times(a, v, mode, line)
    found = windows_times(v, a, mode, line)
    return None if found is None else backward(found, line)


@rule(np.convolve)
def convolve(line: str, a: Any, v: Any, mode: Any = "full") -> Any:
    a, v = as_node(a), as_node(v)
    if a.ndim != 1 or v.ndim != 1 or not a.size or not v.size:
        return None
    if v.size > a.size:
        a, v = v, a
    return windows_times(a, backward(v, line), mode, line)


def backward(x: Node, line: str) -> Node:
    """A vector in reverse order, in memory of its own."""
    (step,) = root_of(x)[2]
    return convert(strided(x, (x.size,), (-step,), (x.size - 1) * step, line), line=line)
