"""Functions that NumPy got after 2.0: its own where the installed NumPy has them, else the same in older words.

Everything here that has a row for one of them names it by this module, so that no other module asks what NumPy has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wengert.arrays.protocol import through_protocol

__all__ = ["again", "cumulative_prod", "cumulative_sum", "matvec", "unstack", "vecmat"]

F = TypeVar("F", bound=Callable[..., Any])


def since(function: F) -> F:
    """Take NumPy's function of the same name, or this one, dispatched, where NumPy has none."""
    return getattr(np, function.__name__, None) or through_protocol(function)


@since  # 2.1
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """Split an array into its parts along an axis."""
    if np.ndim(x) == 0:
        raise ValueError("Input array must be at least 1-d.")
    return tuple(np.moveaxis(x, axis, 0)[index] for index in range(np.shape(x)[axis]))


def accumulated(accumulate: np.ufunc, x: Any, axis: int | None, dtype: Any, out: Any, include_initial: bool) -> Any:
    """The sums or products of the first elements along an axis, which may be omitted where there is one."""
    x = np.atleast_1d(x)
    if axis is None:
        if x.ndim != 1:
            raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
        axis = 0
    if out is not None and include_initial:
        item = [slice(None)] * x.ndim
        item[axis] = slice(1, None)
        accumulate.accumulate(x, axis=axis, dtype=dtype, out=out[tuple(item)])
        item[axis] = slice(None, 1)
        out[tuple(item)] = accumulate.identity
        return out
    found = accumulate.accumulate(x, axis=axis, dtype=dtype, out=out)
    if include_initial:
        shape = list(x.shape)
        shape[axis] = 1
        found = np.concatenate([np.full(shape, accumulate.identity, dtype=found.dtype), found], axis=axis)
    return found


@since  # 2.1
def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    """Sum the elements up to each along an axis."""
    return accumulated(np.add, x, axis, dtype, out, include_initial)


@since  # 2.1
def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Any:
    """Multiply the elements up to each along an axis."""
    return accumulated(np.multiply, x, axis, dtype, out, include_initial)


@since  # 2.2
def matvec(x1: Any, x2: Any, /) -> Any:
    """Multiply matrices by vectors."""
    return np.matmul(x1, np.expand_dims(x2, -1))[..., 0]


@since  # 2.2
def vecmat(x1: Any, x2: Any, /) -> Any:
    """Multiply conjugated vectors by matrices."""
    return np.matmul(np.expand_dims(np.conjugate(x1), -2), x2)[..., 0, :]


def astype(x: Any, dtype: Any, /, *, copy: bool = True) -> Any:
    """Convert to another dtype."""
    return x.astype(dtype, copy=copy)


def again(function: Any) -> Any:
    """Return what calls a function again, also with scalars, which np.astype did not take before 2.1."""
    return astype if function is np.astype else function
