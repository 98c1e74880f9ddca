"""Derivatives of norms. At 0, and where an element is 0, they have the derivative 0, as the absolute value has.

A norm by singular values has a second derivative where these are apart; elsewhere it is refused. A condition
number has the derivative NaN where it is infinite.
"""

from typing import Any

import numpy as np

from wengert.arrays.table import plain
from wengert.arrays.values import widened
from wengert.custom.registration import composition, dispatched, pullback
from wengert.functions.contraction import array
from wengert.functions.degeneracy import bent, resolution
from wengert.functions.elementwise import fraction, is_zero
from wengert.functions.reduction import spread
from wengert.singular.products import at_kink


@pullback(np.linalg.vector_norm, "x")
def vector_norm(gy: Any, x: Any, /, *, axis: Any = None, keepdims: Any = False, ord: Any = 2, y: Any) -> Any:
    if x.dtype == np.float16:  # whose squares and counts overflow
        gy, x = widened(gy), widened(x)
        y = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)
    gy, y = spread(gy, x, axis, keepdims), spread(y, x, axis, keepdims)
    if x.dtype.kind in "biu":
        x = x.astype(float)
    if ord == 0:
        return np.zeros(x.shape, gy.dtype)  # it counts
    if ord in (np.inf, -np.inf):  # shared evenly among the equal ones
        size = np.abs(x)
        chosen = (size == y).astype(gy.dtype)
        return gy * at_kink(np.sign, is_zero, [x]) * chosen / np.maximum(np.sum(chosen, axis=axis, keepdims=True), 1)
    if ord == 1:
        return gy * at_kink(np.sign, is_zero, [x])
    if ord in (2, None):
        return gy * at_kink(fraction, lambda x, y: y == 0, [x], y)
    return gy * at_kink(lambda x, y: power_of_ratio(x, y, ord - 1), lambda x, y: (y == 0) | (x == 0), [x], y)


def power_of_ratio(x: Any, y: Any, power: Any) -> Any:
    """sign(x) (|x| / y)^power, and 0 where x is 0."""
    flat = (y == 0) | (x == 0)
    ratio = np.where(flat, 1, np.abs(np.where(flat, 1, x)) / np.where(y == 0, 1, y))
    return np.where(flat, 0, np.sign(np.where(flat, 1, x)) * ratio**power)


@dispatched
def kinked(value: Any, by: Any, where: Any) -> Any:
    """Return `value`, computed from the vectors `by`, whose second derivative is NaN for those marked in `where`.

    Examples
    --------
    >>> import numpy as np
    >>> kinked(np.array([2.0]), np.array([[2.0, 2.0]]), np.array([True]))
    array([2.])
    """
    return value


@pullback(kinked, "value", reads="by where")
def kinked_value(gy: Any, value: Any, by: Any, where: Any) -> Any:
    return bent(gy, by, where)


@pullback(kinked, "by", reads="where")
def kinked_by(gy: Any, value: Any, by: Any, where: Any) -> Any:
    return np.zeros(by.shape, by.dtype)


def _is_tied(s: Any, ord: int) -> Any:
    """In which matrices another singular value is as large, or as small, as the one that is the norm."""
    if s.shape[-1] < 2:
        return np.zeros(s.shape[:-1], bool)
    first, next_one = (s[..., 0], s[..., 1]) if ord == 2 else (s[..., -1], s[..., -2])
    return np.abs(first - next_one) <= resolution(s)[..., 0]


def _of_nothing(n: int) -> dict[str, Any]:
    """What a maximum of `n` sizes starts from: of none it is 0, which must not tie with sizes that are 0."""
    return {} if n else {"initial": 0}


@composition(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: Any = False, ord: Any = "fro") -> Any:
    return np.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)


@composition(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Any:
    x = array(x)
    if x.dtype.kind in "biu":
        x = x.astype(float)
    axes: Any
    if axis is None:
        axes = tuple(range(x.ndim))
        if ord is None:
            return np.linalg.vector_norm(x, keepdims=keepdims)
    else:
        axes = axis if isinstance(axis, tuple) else (int(axis),)
    if len(axes) == 1 and not isinstance(ord, str):
        return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) == 2 and axes[0] % x.ndim != axes[1] % x.ndim:
        row, column = axes
        if ord in (None, "fro", "f"):
            return np.linalg.vector_norm(x, axis=axes, keepdims=keepdims)
        if ord in (1, -1, np.inf, -np.inf):
            over, kept = axes if abs(ord) == 1 else (column, row)
            sums = np.sum(np.abs(x), axis=over, keepdims=True)
            if ord > 0:
                return np.max(sums, axis=axes, keepdims=keepdims, **_of_nothing(sums.shape[kept]))
            return np.min(sums, axis=axes, keepdims=keepdims)
        if ord in (2, -2, "nuc"):
            s = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
            if ord == "nuc":
                found = np.sum(s, axis=-1)
            else:
                found = np.max(s, axis=-1, **_of_nothing(s.shape[-1])) if ord == 2 else np.min(s, axis=-1)
                tied = _is_tied(plain(s), ord)
                found = kinked(found, s, tied) if tied.any() else found
            return np.expand_dims(found, axes) if keepdims else found
    np.linalg.norm(plain(x), ord, axis, keepdims)  # says what is wrong
    raise ValueError(f"np.linalg.norm of a Variable does not take ord={ord!r} over the axes {axis}")


@composition(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Any:
    if p is None or p in (2, -2):
        s = np.linalg.svdvals(x)
        found = s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
        singular = (plain(s) <= resolution(s))[..., -1]
        return bent(found, x, singular) if p != -2 and singular.any() else found
    return np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(np.linalg.inv(x), p, axis=(-2, -1))
