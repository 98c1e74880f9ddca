"""Functions of each element that are no ufuncs: selections, conversions, shortcuts."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.compiler.build import elementwise, fit, select
from wengert.compiler.calls import Method, power
from wengert.compiler.graph import Node
from wengert.compiler.rules import as_node, rule


@rule(np.where)
def where(line: str, condition: Any, x: Any = None, y: Any = None) -> Any:
    return None if x is None or y is None else select(condition, x, y, line)


@rule(np.clip)
def clip(
    line: str, a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, min: Any = None, max: Any = None
) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    found = as_node(a)
    if low is not None:
        found = elementwise(np.maximum, found, low, line=line)
    return elementwise(np.minimum, found, high, line=line) if high is not None else found


@rule(power)
def shortcut(line: str, a: Any, b: Any) -> Any:
    a = as_node(a)
    if a.dtype.kind not in "fc":
        return None
    if b == 2:
        return elementwise(np.square, a, line=line)
    if b == 0.5:
        return elementwise(np.sqrt, a, line=line)
    if b == -1:
        return elementwise(np.reciprocal, a, line=line)
    return fit(a) if b == 1 else elementwise(np.power, a, b, line=line)


@rule(np.copy, np.ascontiguousarray, np.array)
def copy(line: str, a: Any, order: str = "K", subok: bool = False, dtype: Any = None) -> Any:
    return fit(a, dtype=dtype, line=line) if isinstance(a, Node) else None


@rule(Method("astype"), np.astype)
def astype(
    line: str, a: Any, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Any:
    dtype = np.dtype(dtype)
    if (a.dtype.kind == "c") != (dtype.kind == "c") or dtype.kind not in "biufc":
        return None
    if a.dtype.kind == "f" and dtype.kind in "iu":
        return None  # what does not fit is the machine's to say
    return fit(a, dtype=dtype, line=line)
