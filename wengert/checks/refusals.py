"""NumPy calls that a Variable refuses, so that nothing leaves the graph silently: what to write instead."""

from __future__ import annotations

from typing import Any

import numpy as np

from wengert.arrays.level import RECORDED, level_of
from wengert.checks.errors import describe

__all__ = ["check_where", "is_operand", "name_of", "refuse_out", "unknown", "unknown_method"]


def name_of(func: Any) -> str:
    """Name a function as one would write it: ``np.linalg.solve``."""
    name = getattr(func, "__name__", str(func))
    if isinstance(func, np.ufunc):
        return f"np.{name}" if getattr(np, name, None) is func else name
    module = (getattr(func, "__module__", None) or "").replace("_operator", "operator")
    return f"{module}.{name}".replace("numpy", "np", 1) if module else name


def refuse_out(name: str, out: Any) -> None:
    """Raise if a result is to be written into an array, where the graph would lose it."""
    if any(o is not None for o in (out if isinstance(out, tuple) else (out,))):
        raise TypeError(
            f"{name} of a Variable does not write into out=, because the graph would lose the result; "
            f"use what it returns, y = {name}(...) (and y = y + x in place of y += x on an ndarray y)"
        )


def check_where(name: str, where: Any) -> None:
    """Raise if a ufunc is to compute some elements only."""
    if where is not True:
        raise TypeError(
            f"{name} of a Variable does not take where=, which leaves the rest of the result undefined; "
            f"write np.where(mask, {name}(x), other)"
        )


def unknown(name: str, how: str) -> TypeError:
    """Make the error for a call that no derivative is known for."""
    return TypeError(
        f"{name} has no derivative here, so that its result would silently leave the graph; "
        f"register one ({how}), or leave the graph: x.data, x.detach()"
    )


def unknown_method(name: str) -> TypeError:
    """Make the error for a method of a ufunc that is not differentiated."""
    return TypeError(
        f"{name} is not differentiated; write it with functions that are (np.sum, np.cumsum, np.max, indexing), "
        "or leave the graph: x.data, x.detach()"
    )


def is_operand(name: str, value: Any) -> bool:
    """Whether a constant may stand beside a Variable; raise TypeError if it holds no numbers.

    An array of a higher level may not: it answers the call in the Variable's place.
    """
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        if dtype.kind not in "biufc":
            raise TypeError(
                f"{name} of a Variable takes numbers, but got {describe(value)}; convert it: a.astype(float)"
            )
        if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
            raise TypeError(
                f"{name} of a Variable takes plain ndarrays, but got {describe(value)}, which calculates by rules of "
                "its own; convert it: np.asarray(a), or for a masked array a.filled(0)"
            )
        return isinstance(value, np.generic) or (hasattr(value, "__array_function__") and level_of(value) <= RECORDED)
    if isinstance(value, (list, tuple)):
        return is_operand(name, np.asarray(value))
    return isinstance(value, (bool, int, float, complex))
