"""Derivatives of indexing and of choosing elements."""

import math
import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.lib.stride_tricks import sliding_window_view

from wengert.arrays.lists import NOT_ARRAYS
from wengert.arrays.table import FUNCTIONS, plain
from wengert.arrays.values import widened
from wengert.checks.refusals import refuse_out
from wengert.core.variable import Variable
from wengert.custom.registration import composition, dispatched, piecewise_constant, pullback
from wengert.functions.prepared import prepared


@dispatched
def scatter(values: Any, index: Any, shape: Any) -> Any:
    """Return zeros of `shape` with `values` added at `index`: the transpose of indexing.

    Parameters
    ----------
    values : ndarray
        Of the shape that ``np.zeros(shape)[index]`` has.
    index : int, slice, None, Ellipsis, array or list of integers or booleans, or a tuple of these
        As in ``a[index]``. An element that it names twice gets the sum.
    shape : tuple of int
        Of the result.

    Returns
    -------
    ndarray
        Of the dtype of `values`.

    Raises
    ------
    IndexError
        If `index` is out of bounds for `shape`.
    ValueError
        If `values` does not fit the indexed shape.

    Examples
    --------
    >>> import numpy as np
    >>> scatter(np.array([1.0, 2.0, 3.0]), np.array([0, 2, 2]), (4,))
    array([1., 0., 5., 0.])
    """
    parts = index if isinstance(index, tuple) else (index,)
    # (of the type of the first that is not an ndarray, so that it can be written to)
    bounds = [x for part in parts if type(part) is slice for x in (part.start, part.stop)]
    like = next(
        (a for a in (values, *parts, *bounds) if type(a) is not np.ndarray and hasattr(a, "__array_function__")), values
    )
    if values.dtype == np.float16:  # added in single precision
        return scatter(widened(values), index, shape).astype(np.float16)
    # (zeros_like writes the zeros, of which the system has pages)
    plain_like = type(like) is np.ndarray
    result = np.zeros(shape, values.dtype) if plain_like else np.zeros_like(like, values.dtype, shape=shape, order="C")
    parts = tuple(map(as_index, parts))
    if not any(
        hasattr(part, "__array_function__") and hasattr(part, "dtype") and part.dtype.kind in "iu" for part in parts
    ):
        result[parts] = values  # slices and masks name no element twice
        return result
    add_at(result, parts, values)
    return result


def as_index(part: Any) -> Any:
    """Turn a list in an index into an array, as NumPy does: of integers where it is empty."""
    if type(part) is not list:
        return part
    found = np.asarray(part)
    return found if found.size else found.astype(np.intp)


def add_at(result: Any, index: Any, values: Any) -> None:
    """Do ``np.add.at(result, index, values)``."""
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(map(as_index, parts))
    plain = type(values) is np.ndarray and type(result) is np.ndarray and result.ndim > 1
    positions = _positions(parts, result.shape) if plain and values.size and result.flags.c_contiguous else None
    if positions is None or positions.size != values.size:
        np.add.at(result, parts, values)
    else:  # several times faster: numpy.add.at has a fast path for one dimension only
        np.add.at(result.reshape(-1), positions, values.reshape(-1))


def _positions(parts: tuple[Any, ...], shape: tuple[int, ...]) -> Any:
    """Flatten an index of integer arrays along neighbouring axes to element numbers; None for other indices."""
    first = 0
    while first < len(parts) and isinstance(parts[first], slice) and parts[first] == slice(None):
        first += 1
    arrays = parts[first:]
    if not all(hasattr(part, "__array_function__") and part.dtype.kind in "iu" for part in arrays):
        return None
    last = first + len(arrays)
    before, after = math.prod(shape[:first]), math.prod(shape[last:])
    named = np.ravel_multi_index(arrays, shape[first:last], mode="wrap")  # negative numbers count from the end
    positions = np.arange(before)[:, None] * math.prod(shape[first:last]) + np.reshape(named, -1)
    if after != 1:
        positions = positions[..., None] * after + np.arange(after)
    return np.reshape(positions, -1)


NOT_ARRAYS.add(scatter)  # (an index may be a tuple of arrays)


@pullback(scatter, "values", reads="index", linear=True)
def scatter_pullback(gy: Any, values: Any, index: Any, shape: Any) -> Any:
    return gy[index]


@pullback(operator.getitem, "a", reads="index", linear=True)
def getitem(gy: Any, a: Any, index: Any) -> Any:
    return scatter(gy, index, a.shape)


GetItem: Any = FUNCTIONS[operator.getitem].__self__  # type: ignore[attr-defined]


@prepared(operator.getitem)
def getitem_at(row: Any, a: Any, index: Any) -> Any:
    return row(a, plain(index))


def along(axis: int, ndim: int, index: Any) -> tuple[Any, ...]:
    """Make the index that is `index` along one axis, and everything along those before."""
    return (slice(None),) * normalize_axis_index(axis, ndim) + (index,)


@pullback(np.take, "a", reads="indices", linear=True)
def take(gy: Any, a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: Any = "raise") -> Any:
    axis = axis if a.ndim else None  # a 0-d array has the axis 0 here, and one element along it
    length = a.size if axis is None else a.shape[axis]
    indices = indices if hasattr(indices, "ndim") else np.asarray(indices, np.intp)
    if mode != "raise":
        indices = indices % length if mode == "wrap" else np.clip(indices, 0, length - 1)
    if axis is None:
        return np.reshape(scatter(gy, indices, (length,)), a.shape)
    return scatter(gy, along(axis, a.ndim, indices), a.shape)


@prepared(np.take)
def take_at(row: Any, a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: Any = "raise") -> Any:
    refuse_out("np.take", out)
    return row(a, indices, axis=axis, mode=mode)


@pullback(np.take_along_axis, "arr", reads="indices", linear=True)
def take_along_axis(gy: Any, arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        return np.reshape(scatter(gy, indices, (arr.size,)), arr.shape)
    index = list(np.ix_(*map(np.arange, arr.shape)))
    index[axis] = indices
    return scatter(gy, tuple(index), arr.shape)


@pullback(sliding_window_view, "x", reads="", linear=True)
def windows(
    gy: Any, x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Any:
    places = sliding_window_view(np.reshape(np.arange(x.size), x.shape), window_shape, axis)
    return np.reshape(scatter(gy, places, (x.size,)), x.shape)


@composition(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Any:
    refuse_out("np.compress", out)
    condition = plain(condition)
    condition = condition if hasattr(condition, "ndim") else np.asarray(condition)
    if condition.ndim != 1:
        raise ValueError(f"np.compress takes a condition of one dimension, but got shape {condition.shape}")
    return np.take(a, np.flatnonzero(condition), axis)


@composition(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    return np.take(arr, np.flatnonzero(plain(condition)))


@pullback(np.where, "x", reads="condition", linear=True)
def where_x(gy: Any, condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, gy, 0)


@pullback(np.where, "y", reads="condition", linear=True)
def where_y(gy: Any, condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, 0, gy)


@prepared(np.where)
def where(row: Any, condition: Any, *branches: Any) -> Any:
    if isinstance(condition, Variable):
        return np.where(condition.data, *branches)
    return row(condition, *branches)


@pullback(np.choose, "choices", reads="a", linear=True)
def choose(gy: Any, a: Any, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    chosen = a if hasattr(a, "ndim") else np.asarray(a)
    if mode != "raise":
        chosen = chosen % len(choices) if mode == "wrap" else np.clip(chosen, 0, len(choices) - 1)
    return [np.where(chosen == i, gy, 0) for i in range(len(choices))]


@prepared(np.choose)
def choose_among(row: Any, a: Any, choices: Any, out: Any = None, mode: Any = "raise") -> Any:
    refuse_out("np.choose", out)
    if not any(isinstance(v, Variable) for v in (choices, *choices)):
        return np.choose(plain(a), choices, mode=mode)
    return row(a, list(choices), mode=mode)


@pullback(np.select, "choicelist", reads="condlist", linear=True)
def select_choice(gy: Any, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    return [np.where(first, gy, 0) for first in _first_true(condlist)[:-1]]


@pullback(np.select, "default", reads="condlist", linear=True)
def select_default(gy: Any, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    return np.where(_first_true(condlist)[-1], gy, 0)


@prepared(np.select)
def select_first(row: Any, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    if not any(isinstance(v, Variable) for v in (choicelist, *choicelist, default)):
        return np.select(plain(condlist), choicelist, default)
    return row(plain(condlist), list(choicelist), default)


def _first_true(conditions: Any) -> list[Any]:
    """Masks of where each condition is the first that holds; last, of where none does."""
    firsts: list[Any] = []
    left: Any = np.True_
    for condition in conditions:
        firsts.append(left & condition)
        left = left & np.logical_not(condition)
    return [*firsts, left]


piecewise_constant(
    *(np.nonzero, np.argwhere, np.flatnonzero, np.ix_, np.lexsort, np.unravel_index, np.ravel_multi_index),
    *(np.diag_indices_from, np.tril_indices_from, np.triu_indices_from),
)
