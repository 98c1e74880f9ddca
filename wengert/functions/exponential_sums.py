"""softmax, log_softmax and logsumexp, without overflow."""

from typing import Any

import numpy as np

from wengert.arrays.decisions import holds
from wengert.arrays.level import RECORDED, level_of
from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.checks import options
from wengert.custom.registration import dispatched, pullback
from wengert.functions.activation import real_array
from wengert.functions.blas_sums import row_sums
from wengert.functions.tails import greatest

__all__ = ["log_softmax", "logsumexp", "softmax"]


@dispatched
def softmax(x: Any, axis: Any = -1) -> Any:
    """The softmax over `axis`: exp(x) / sum(exp(x)).

    Parameters
    ----------
    x : array of real numbers
        -inf gives 0. (Where all are -inf, the result is NaN.)
    axis : int, tuple of int or None
        The axes of the sum; None for all elements.

    Raises
    ------
    TypeError
        If `x` is complex.
    numpy.exceptions.AxisError
        If `x` has no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([[0.0, 0.0], [1000.0, 0.0]]))
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    x, axis = real_array(x, "softmax"), options.axes(axis, "axis", "softmax")
    if x.dtype == np.float16:
        return softmax(widened(x), axis).astype(x.dtype)
    with np.errstate(under="ignore"):
        y = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        if type(y) is not np.ndarray:
            y = np.exp(y)
            return y / np.sum(y, axis=axis, keepdims=True)
        np.exp(y, out=y)
        y /= row_sums(y)[..., None] if is_last(axis, y.ndim) else np.sum(y, axis=axis, keepdims=True)
        return y


def is_last(axis: Any, ndim: int) -> bool:
    """Whether `axis` is the last one alone."""
    return isinstance(axis, int) and axis in (-1, ndim - 1)


@pullback(softmax, "x", reads="")
def softmax_pullback(gy: Any, x: Any, axis: Any = -1, *, y: Any) -> Any:
    if type(gy) is np.ndarray and type(y) is np.ndarray and is_last(axis, y.ndim):
        gx = gy - np.vecdot(y, gy)[..., None]
        gx *= y
    else:
        gx = gy * y
        gx = gx - y * np.sum(widened(gx), axis=axis, keepdims=True)
    return balanced(gx, y, axis)


def balanced(gx: Any, p: Any, axis: Any) -> Any:
    """Keep the digits of the gradient with respect to a score whose probability `p` is nearly 1.

    It is a difference that cancels. All gradients add up to 0: this one is minus the sum of the others. (In compiled
    code it is the difference, as three more sums would take as long as the rest.)
    """
    if level_of(gx) != RECORDED and (type(p) is not np.ndarray or greatest(p) <= moderate(p.dtype)):
        return gx
    if type(gx) is np.ndarray and is_last(axis, p.ndim):
        rows = p.reshape(-1, p.shape[-1])
        return balance_rows(gx.reshape(rows.shape), rows, np.max(rows, -1) > moderate(p.dtype)).reshape(gx.shape)
    top = plain(p) > 0.5
    others = np.where(top, 0, gx)
    return others - np.where(top, np.sum(widened(others), axis=axis, keepdims=True), 0)


def balance_rows(gx: Any, rows: Any, chosen: Any) -> Any:
    """The same, in place, for the largest element of those `rows` that are chosen."""
    (chosen,) = chosen.nonzero()
    if len(chosen):
        others, columns = gx[chosen], rows[chosen].argmax(-1)
        others[np.arange(len(chosen)), columns] = 0
        gx[chosen, columns] = -widened(others).sum(-1)
    return gx


def moderate(dtype: Any) -> float:
    """The probability up to which the difference from 1 has enough digits."""
    return 1 - LIMITS.get(dtype, 0.5)


LIMITS: dict[Any, float] = {np.dtype(np.float64): 1e-9, np.dtype(np.float32): 1e-2}


@dispatched
def log_softmax(x: Any, axis: Any = -1) -> Any:
    """The logarithm of `softmax`: x - log(sum(exp(x))).

    Examples
    --------
    >>> import numpy as np
    >>> log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    x, axis = real_array(x, "log_softmax"), options.axes(axis, "axis", "log_softmax")
    if x.dtype == np.float16:
        return log_softmax(widened(x), axis).astype(x.dtype)
    with np.errstate(under="ignore", divide="ignore"):
        y = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        return y - np.log(np.sum(np.exp(y), axis=axis, keepdims=True))


@pullback(log_softmax, "x", reads="")
def log_softmax_pullback(gy: Any, x: Any, axis: Any = -1, *, y: Any) -> Any:
    p = np.exp(y)
    return balanced(gy - p * np.sum(widened(gy), axis=axis, keepdims=True), p, axis)


@dispatched
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """The logarithm of a sum of exponentials, log(sum(exp(x))), over `axis`, of all elements by default.

    The gradient is distributed by the `softmax`; where the result is infinite, evenly among the elements that are equal
    to it.

    Examples
    --------
    >>> import numpy as np
    >>> logsumexp(np.array([[1000.0, 1000.0], [-np.inf, 0.0]]), axis=1)
    array([1000.69314718,    0.        ])
    """
    x, axis = real_array(x, "logsumexp"), options.axes(axis, "axis", "logsumexp")
    keepdims = options.flag(keepdims, "keepdims", "logsumexp")
    if x.dtype == np.float16:
        return logsumexp(widened(x), axis, keepdims).astype(x.dtype)
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(under="ignore", divide="ignore"):
        terms = x - top
        terms = np.exp(terms, terms) if type(terms) is np.ndarray else np.exp(terms)
        y = np.log(np.sum(terms, axis=axis, keepdims=True)) + top
    return y if keepdims else np.squeeze(y, axis)


@pullback(logsumexp, "x", reads="x")
def logsumexp_pullback(gy: Any, x: Any, axis: Any = None, keepdims: bool = False, *, y: Any) -> Any:
    if not keepdims:
        axes = tuple(range(x.ndim)) if axis is None else axis
        gy, y = np.expand_dims(gy, axes), np.expand_dims(y, axes)
    unbounded = np.isinf(y)
    if type(gy) is np.ndarray and type(x) is np.ndarray and x.dtype == gy.dtype and x.ndim and not np.any(unbounded):
        gx = x - y
        np.exp(gx, gx)
        gx *= gy
        return gx
    if (level_of(x) == RECORDED or x.dtype == np.float16) and not holds(np.any(unbounded)):
        return gy * softmax(widened(x), axis)  # whose derivative keeps its digits
    shares = np.exp(np.where(unbounded, 0, x - np.where(unbounded, 0, y)))
    if holds(np.any(unbounded)):
        equal = x == y
        shares = np.where(unbounded, equal / np.maximum(np.sum(equal, axis=axis, keepdims=True), 1), shares)
    return gy * shares.astype(gy.dtype)
