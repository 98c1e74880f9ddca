"""Ufuncs of Batched arrays: the examples' axis comes first, before the axes that broadcast."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from wengert.arrays.batches import Level
from wengert.arrays.lists import holds_variables, stacked
from wengert.arrays.table import METHODS
from wengert.batching.batched import UFUNC_RULES, Batched, NoRule, fallback, is_mapped, strip, with_axes, wrap

__all__ = ["aligned", "widths"]


def aligned(values: Any, level: Level, cores: Any = None) -> list[Any]:
    """Strip arguments such that what broadcasts stays in line: lengths of 1 after the axis of the examples.

    `cores` has the number of trailing axes of each that do not broadcast.
    """
    most = 0
    for i, x in enumerate(values):
        ndim = getattr(x, "ndim", 0) - (cores[i] if cores else 0)
        most = max(ndim, most)
    found = []
    for i, x in enumerate(values):
        if type(x) is Batched and x.level is level:
            value = x.value
            if x.mapped:
                value = with_axes(value, most + (cores[i] if cores else 0)) if most else value
            x = value
        found.append(x)
    return found


def elementwise(level: Level, ufunc: np.ufunc, args: Any, kwargs: Any) -> Any:
    """Any ufunc without a signature, and those of whole arrays by their signature."""
    if kwargs and "where" in kwargs:
        if kwargs["where"] is not True:
            raise TypeError(
                f"np.{ufunc.__name__} under vmap does not take where= without out=, which leaves the rest of the "
                "result undefined; write np.where(mask, y, other)"
            )
        del kwargs["where"]
    mapped = False
    most = least = -1
    for x in args:
        if type(x) is Batched:
            if x.mapped and x.level is level:
                mapped = True
                least = x.value.ndim - 1 if least < 0 else min(least, x.value.ndim - 1)
            most = max(most, x.ndim)
        elif type(x) is not float and type(x) is not int:
            if isinstance(x, (list, tuple)):
                given = tuple(stacked(v) if holds_variables([v]) else v for v in args)
                given = tuple(np.asarray(v) if isinstance(v, (list, tuple)) else v for v in given)
                return ufunc(*given, **kwargs)
            most = max(most, getattr(x, "ndim", 0))
    if not mapped:
        return wrap(level, ufunc(*[strip(x, level) for x in args], **kwargs), False)
    if ufunc.signature is not None:
        return with_signature(level, ufunc, args, kwargs)
    if least == most:  # (nothing is out of line)
        values = [x.value if type(x) is Batched and x.level is level else x for x in args]
    else:
        values = aligned(args, level)
    y = ufunc(*values, **kwargs) if kwargs else ufunc(*values)
    return Batched(level, y, True) if ufunc.nout == 1 else wrap(level, y, True)


@functools.cache
def widths(signature: str) -> tuple[int, ...]:
    """The number of axes of each argument that a ufunc's signature names: "(n,k),(k)->(n)" gives (2, 1)."""
    if "?" in signature:
        raise NoRule
    arguments = signature.split("->")[0].replace(" ", "").split("),(")
    return tuple(len([name for name in part.strip("()").split(",") if name]) for part in arguments)


def with_signature(level: Level, ufunc: np.ufunc, args: Any, kwargs: Any) -> Any:
    if kwargs.get("axis", -1) >= 0 or kwargs.get("axes") is not None:
        raise NoRule
    args = [x if hasattr(x, "ndim") else np.asarray(x) for x in args]
    y = ufunc(*aligned(args, level, widths(ufunc.signature or "")), **kwargs)
    return wrap(level, y, True)


def matmul(level: Level, ufunc: np.ufunc, args: Any, kwargs: Any) -> Any:
    """A product: one, where only one side is mapped."""
    if len(args) != 2 or "axes" in kwargs or "axis" in kwargs:
        raise NoRule
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in args)
    rows, columns = a.ndim, b.ndim
    left, right = is_mapped(a, level), is_mapped(b, level)
    a, b = strip(a, level), strip(b, level)
    if not (left or right) or not rows or not columns:  # (of numbers NumPy raises)
        return wrap(level, ufunc(a, b, **kwargs), False)
    if not right and columns <= 2:
        if columns == 1 or rows == 1:
            y = ufunc(a, b, **kwargs)
        else:
            y = ufunc(a.reshape((-1 if a.size else rest(a.shape), a.shape[-1])), b, **kwargs)
            y = y.reshape((*a.shape[:-1], y.shape[-1]))
    elif not left and columns == 1 and rows <= 2:
        y = ufunc(b, a if rows == 1 else a.T, **kwargs)
    else:
        if rows == 1:
            a = a[..., None, :]
        if columns == 1:
            b = b[..., :, None]
        depth = max(rows, columns, 2)
        a, b = (with_axes(x, depth) if mapped else x for x, mapped in ((a, left), (b, right)))
        y = ufunc(a, b, **kwargs)
        if rows == 1:
            y = y[..., 0, :]
        if columns == 1:
            y = y[..., 0]
    return Batched(level, y, True)


def rest(shape: tuple[int, ...]) -> int:
    count = 1
    for n in shape[:-1]:
        count *= n
    return count


def reduced(level: Level, ufunc: np.ufunc, args: Any, kwargs: Any, method: str) -> Any:
    a, *others = args
    if (ufunc, method) in METHODS and not others:
        return METHODS[ufunc, method](a, **{"axis": 0, **kwargs})
    if others or not is_mapped(a, level) or any(is_mapped(v, level) for v in kwargs.values()):
        raise NoRule
    axis = kwargs.pop("axis", 0)
    if axis is None:
        axis = tuple(range(a.ndim))
    axis = tuple(i % a.ndim + 1 for i in axis) if isinstance(axis, tuple) else axis % max(a.ndim, 1) + 1
    return Batched(level, getattr(ufunc, method)(a.value, axis=axis, **kwargs), True)


def outer(level: Level, ufunc: np.ufunc, args: Any, kwargs: Any) -> Any:
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in map(stacked, args))
    return ufunc(np.reshape(a, a.shape + (1,) * b.ndim), b, **kwargs)


UFUNC_RULES["__call__"] = elementwise
UFUNC_RULES[np.matmul, "__call__"] = matmul
UFUNC_RULES["reduce"] = functools.partial(reduced, method="reduce")
UFUNC_RULES["accumulate"] = functools.partial(reduced, method="accumulate")
UFUNC_RULES["outer"] = outer
fallback["ufunc"] = lambda level, function, args, kwargs: fallback["loop"](level, function, args, kwargs)
