"""How an image goes on beyond its borders, and the windows of one that is extended so."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wengert.functions.scipy_rules import as_array

__all__ = ["MODES", "each_axis", "extended", "folded", "image", "numbered", "result", "windows"]

MODES = ("reflect", "mirror", "constant", "nearest", "wrap", "grid-mirror", "grid-constant", "grid-wrap")
SAME = {"grid-mirror": "reflect", "grid-wrap": "wrap", "grid-constant": "constant"}


def image(value: Any, output: Any = None) -> Any:
    """An image of real or complex numbers, in no less precision than the output; integers are taken as floats."""
    value = as_array(value)
    dtype = value.dtype if value.dtype.kind in "fc" else np.dtype(np.float64)
    if output is not None and not hasattr(output, "__array_function__"):
        dtype = np.result_type(dtype, output)
    return value if value.dtype == dtype else value.astype(dtype)


def result(y: Any, output: Any, like: Any) -> Any:
    """The result in the dtype that was asked for, which is that of the input by default."""
    if isinstance(output, np.ndarray) or hasattr(output, "__array_function__"):
        raise TypeError("a Variable is not written into an array: output= takes a dtype here; use the result")
    dtype = np.dtype(like if output is None else output)
    if dtype.kind not in "fc":
        raise TypeError(
            f"the result of a Variable is not rounded to {dtype}, which has no derivative; leave output= out"
        )
    return y if y.dtype == dtype else y.astype(dtype)


def check_mode(mode: Any) -> str:
    if mode not in MODES:
        raise RuntimeError(f"boundary mode not supported: {mode!r}; the modes are {', '.join(MODES)}")
    return str(mode)


def numbered(axis: Any, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise np.exceptions.AxisError(axis, ndim)
    return int(axis) % ndim


def each_axis(value: Any, count: int, name: str) -> list[Any]:
    """One value for each axis, of which one is given for all."""
    values = list(value) if isinstance(value, (list, tuple)) or np.ndim(value) else [value] * count
    if len(values) != count:
        raise RuntimeError(f"{name} needs one value, or one for each of {count} axes, but got {len(values)}")
    return values


def folded(index: Any, n: int, mode: str) -> Any:
    """The index in the image that stands for one beyond its border."""
    mode = SAME.get(mode, mode)
    if mode == "reflect":
        index = np.mod(index, 2 * n)
        return np.where(index >= n, 2 * n - 1 - index, index)
    if mode == "mirror":
        index = np.mod(index, max(2 * n - 2, 1))
        return np.where(index >= n, 2 * n - 2 - index, index)
    return np.mod(index, n) if mode == "wrap" else np.clip(index, 0, n - 1)


def extended(x: Any, axis: int, before: int, after: int, mode: str, cval: Any) -> Any:
    """The image with more elements at both ends of an axis."""
    mode, n = SAME.get(check_mode(mode), mode), x.shape[axis]
    if mode != "constant":
        return np.take(x, folded(np.arange(-before, n + after), n, mode), axis=axis) if n else x
    ends = [np.full((*x.shape[:axis], k, *x.shape[axis + 1 :]), 1.0, x.dtype) * cval for k in (before, after)]
    return np.concatenate((ends[0].astype(x.dtype), x, ends[1].astype(x.dtype)), axis=axis)


def windows(x: Any, shape: Any, origins: Any, modes: Any, cval: Any, axes: Any) -> Any:
    """The neighbours of each element, in new axes at the end; `origins` move them."""
    for n, origin, mode, axis in zip(shape, origins, modes, axes, strict=True):
        start = n // 2 + origin
        if not 0 <= start < n:
            raise ValueError(
                f"Invalid origin; origin must satisfy -({n} // 2) <= origin <= ({n} - 1) // 2, but it is {origin}"
            )
        x = extended(x, axis, start, n - 1 - start, mode, cval)
    if 0 in x.shape:
        return np.zeros((*(0 if s == 0 else s - n + 1 for s, n in zip(x.shape, shape, strict=True)), math.prod(shape)))
    return np.lib.stride_tricks.sliding_window_view(x, tuple(shape), axis=tuple(axes))
