"""Derivatives of taking and choosing elements."""

import operator
from typing import Any

import numpy as np

from wengert.core.dispatch import dispatched
from wengert.core.numpy_call import pullback


@dispatched
def scatter(values: Any, index: Any, shape: Any) -> Any:
    """Return zeros of `shape` with `values` added at `index`: the transpose of indexing.

    An element that `index` names twice gets the sum.

    Examples
    --------
    >>> import numpy as np
    >>> scatter(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 2]), (4,))
    array([1., 0., 5., 0.])
    """
    result = np.zeros(shape, values.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if all(isinstance(part, (int, np.integer, slice, type(None), type(Ellipsis))) for part in parts):
        result[index] = values
    else:
        np.add.at(result, index, values)
    return result


@pullback(scatter, "values", reads="index")
def scatter_pullback(gy: Any, values: Any, index: Any, shape: Any) -> Any:
    return gy[index]


@pullback(operator.getitem, "a", reads="index")
def getitem(gy: Any, a: Any, index: Any) -> Any:
    return scatter(gy, index, a.shape)


@pullback(np.where, "x", reads="condition")
def where_x(gy: Any, condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, gy, 0)


@pullback(np.where, "y", reads="condition")
def where_y(gy: Any, condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, 0, gy)
